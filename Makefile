# What people type. The work is done in scripts/.
.PHONY: help run dev down test bench fuzz chaos fmt lint e2e image

help: ## This list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: ## Build, start the lab and the demo, open the dashboard at http://127.0.0.1:3000
	@scripts/run

dev: ## As run, but built anew and reloaded on every change
	@scripts/dev

down: ## Remove the demo: its engines, its registry, its database
	@scripts/run --down

test: ## Everything that must hold, as continuous integration runs it
	@scripts/test

e2e: ## Only the browser tests
	@scripts/test e2e

bench: ## Figures as ratios, in one run
	@scripts/bench/run

fuzz: ## Feed every webhook parser and the stack reader what nobody thought of, FUZZ_SECONDS each (default 180)
	@scripts/fuzz

chaos: ## 200 launches and stops at random, with Slipway killed in between (SLIPWAY_CHAOS, SLIPWAY_CHAOS_SEED)
	@scripts/chaos

fmt: ## Format
	@cargo fmt --all

lint: ## What the compiler and clippy have to say
	@cargo fmt --all --check && cargo clippy --workspace --all-targets --locked -- -D warnings

image: ## The container image
	@docker build -t slipway .
