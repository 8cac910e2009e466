//! The binary `slipway`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Git starts this program in the place of ssh; then it is that, before it is anything else.
    if let Some(failure) = server::git::ssh::instead() {
        return server::cli::no_ssh(&failure);
    }
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    server::cli::run().await
}
