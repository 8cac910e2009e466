# The image: `docker build -t slipway .` (see compose.yaml for how it is run).
#
# Both bases can be replaced by copies of your own registry:
#   docker build --build-arg BUILDER=registry.example.com/rust:1.95-bookworm …
ARG BUILDER=rust:1.95-bookworm
ARG RUNTIME=debian:bookworm-slim

FROM ${BUILDER} AS builder
WORKDIR /slipway
COPY . .
RUN scripts/setup build \
 && scripts/assets --release \
 && cargo build --release --locked --bin slipway \
 && install -D target/release/slipway /out/bin/slipway \
 && mkdir /out/data

# What reads commits, and the authorities that https is believed by.
FROM ${RUNTIME} AS system
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/*

# One program and a folder for what is kept. It runs as nobody in particular, needs no shell, and
# writes nowhere but in its volume. Without git all of it works but the reading of commits.
FROM system AS runtime
COPY --from=builder /out/bin/ /usr/local/bin/
COPY --from=builder --chown=10001:10001 /out/data/ /var/lib/slipway/
ENV SLIPWAY_DATABASE_URL=sqlite:///var/lib/slipway/slipway.db \
    SLIPWAY_LISTEN=0.0.0.0:3000
USER 10001:10001
WORKDIR /var/lib/slipway
VOLUME /var/lib/slipway
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["slipway", "ready"]
ENTRYPOINT ["slipway"]
CMD ["serve"]
