//! Stories about the use cases and the transports, told on both databases, without engines.
//! One binary, because linking the server once is enough.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expected"
)]

mod activity;
mod admin_guard;
mod browser;
mod builds;
mod commits;
mod common;
mod decided;
mod engine;
mod environments;
mod hook_secrets;
mod hooks;
mod http_access;
mod http_guards;
mod http_login;
mod http_openapi;
mod http_secrets;
mod http_sessions;
mod inbox;
mod intake;
mod notifications;
mod notify_fakes;
mod notify_guard;
mod notify_mail;
mod notify_targets;
mod outside;
mod people;
mod promotions;
mod proxy;
mod regions;
mod registry;
mod rollouts;
mod runs;
mod secrets;
mod settings;
mod sources;
mod stacks;
mod sweep;
mod told;
mod trust;
mod verdicts;
