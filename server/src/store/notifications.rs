//! News and messages: the outbox, and what became of it.

mod outbox;
mod read;

pub use outbox::*;
pub use read::*;
