//! Promotions: request, approve, start, cancel, roll back.
//!
//! A start is decided in one transaction that first takes its turn among the decisions about
//! the same app and the same digest, and then reads again everything that the gates are made
//! of. What only the world knows was looked up just before, with a bound, and counts for half
//! a minute. From there on the rollouts belong to the worker.

mod facts;
mod launch;
mod read;
mod request;
mod rollback;
mod start;
mod world;

pub use read::{of_build, promotion, promotions};
pub use request::{approve_promotion, cancel_promotion, request_promotion};
pub use rollback::{back_to, roll_back};
pub use start::start_promotion;
pub use world::GateLooks;
