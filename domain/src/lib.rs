//! The rules of Slipway, as pure functions over plain data.
//!
//! Nothing here reads a clock, draws a random number or talks to the world: time and
//! chance are arguments. The crate compiles to wasm.

pub mod actor;
pub mod address;
pub mod canary;
pub mod capacity;
pub mod channel;
pub mod check;
pub mod checklist;
pub mod commits;
pub mod config;
pub mod delivery;
pub mod diff;
pub mod drift;
pub mod engine;
pub mod evidence;
pub mod freeze;
pub mod gate;
pub mod happening;
pub mod id;
pub mod image;
pub mod keep;
pub mod labels;
pub mod lease;
pub mod log;
pub mod markdown;
pub mod notify;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod promotion;
pub mod proxied;
pub mod region_secrets;
pub mod region_variables;
pub mod release;
pub mod release_set;
pub mod repo;
pub mod rollback;
pub mod rollout;
pub mod run;
pub mod service;
pub mod stack;
pub mod throttle;
pub mod usage;
pub mod variables;
pub mod veil;
pub mod verdict;
pub mod zone;

/// A point in time, always in UTC.
pub type Time = chrono::DateTime<chrono::Utc>;

pub use actor::{Action, Actor, Person, Role};
pub use channel::{Channel, ChannelKind};
pub use image::{Digest, ImageName, Tag};
pub use problem::Problem;
pub use release::ReleaseTag;
