//! Slipway's server: use cases behind the port, and the adapters around them.

pub mod believed;
pub mod cli;
pub mod clock;
pub mod ctx;
pub mod engine;
pub mod evidence;
pub mod git;
pub mod http;
pub mod hub;
pub mod intake;
pub mod notify;
pub mod outside;
pub mod port;
pub mod registry;
pub mod secrets;
pub mod seen;
pub mod shared;
pub mod store;
pub mod trust;
pub mod usecases;
