//! Slipway's pages, islands and server functions, and the port they call.

pub mod port;
pub mod view;
