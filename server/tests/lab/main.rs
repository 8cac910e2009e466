//! Stories that need real engines and a real registry: `scripts/lab up` first, then
//! `SLIPWAY_TEST_LAB=1 cargo test -p server --test lab`. Without the variable none is told.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what it expected, and the lab is a program"
)]

#[path = "../stories/common.rs"]
mod common;
mod engines;
mod environments;
mod intake;
mod lab;
mod rollouts;

#[test]
fn the_lab_says_where_everything_is() {
    let Some(lab) = lab::lab() else { return };
    assert!(lab.registry().ends_with(":5000"), "{}", lab.registry());
    assert!(lab.socket("us-west").exists(), "run scripts/lab up first");
    assert_ne!(lab.address("test"), lab.address("hangzhou"));
}
