//! Promotions: from the request past the gates to the start, and back again.

mod gates;
mod oracle;
mod races;
mod rest;
mod rollbacks;
mod stage;
mod start;
