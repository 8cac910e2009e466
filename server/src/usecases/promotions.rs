//! Promotions: request, approve or reject, start by hand, by itself or past people's gates, cancel,
//! roll back, and put in a region what was verified there; and sets of them.
//!
//! A start is decided in one transaction that first takes its turn among the decisions about
//! the same app and the same digest, and then reads again everything that the gates are made
//! of. What only the world knows was looked up just before, with a bound, and counts for half
//! a minute. From there on the rollouts belong to the worker.

mod approve;
mod automatic;
mod book;
mod facts;
mod follow;
mod glass;
mod launch;
mod preflight;
mod put;
mod read;
mod request;
mod rollback;
mod secrets;
mod sets;
mod start;
mod world;

pub use approve::{approve_promotion, exempt_from_freeze, expire, reject_promotion};
pub use automatic::draft_releases;
pub use book::{book_promotion, start_booked, unbook_promotion, work};
pub use follow::{start_follower, start_followers};
pub use glass::{break_glass, review_glass};
pub(crate) use launch::confirm;
pub use put::{Put, Putting, put};
pub use read::{of_build, promotion, promotions, promotions_by_id};
pub(crate) use request::record_act;
pub use request::{cancel_promotion, request_promotion};
pub use rollback::{back_to, roll_back};
pub use sets::{
    approve_set, book_set, cancel_set, promotion_set, reject_set, request_set, set_form, start_booked_set, start_set, unbook_set,
};
pub(crate) use start::image_of;
pub use start::start_promotion;
pub use world::GateLooks;
pub(crate) use world::pulled_from;
