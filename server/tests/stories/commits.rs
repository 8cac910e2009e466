//! Commits between builds: from a repository that git made, or a host that is played, to the page.

mod clone;
mod hosts;
mod origin;

use std::path::PathBuf;

/// The program under test, which stands in for ssh.
fn own_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_slipway"))
}
