//! The yardstick of the bench for memory: the least that axum can be.
#![allow(clippy::print_stderr, reason = "a program of six lines")]

use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, Router::new().route("/", get(|| async { "hello" }))).await
}
