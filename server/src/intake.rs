//! Webhook sources: raw bytes in, facts out. One file a source.
//!
//! A source is lenient about what it does not need and strict about what it passes on: a
//! strange event is a [`Reason`], never a refusal of the whole delivery, because senders
//! repeat what was refused and hold back everything behind it.

mod distribution;

use domain::delivery::Reason;
use domain::problem::Fault;
use domain::{Digest, ImageName, Tag, Time};
use std::str::FromStr;

/// A kind of sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Any registry that speaks the Distribution API's notifications.
    Distribution,
}

/// One thing that a sender says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What makes it the same event when it comes again.
    pub key: String,
    /// When it happened, by the sender's clock.
    pub at: Option<Time>,
    /// An image that was pushed, or why there is nothing to do.
    pub fact: Result<Push, Reason>,
}

/// A tag was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The repository under each host that the sender may mean, the likeliest first.
    pub images: Vec<ImageName>,
    pub tag: Tag,
    pub digest: Digest,
}

impl Source {
    pub const ALL: [Source; 1] = [Source::Distribution];

    /// The word in the hook's address and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Distribution => "distribution",
        }
    }

    /// What a body says. A body without events has none, and that is no fault.
    ///
    /// # Errors
    /// [`Fault`] when it is not of this source's form at all, saying what was expected.
    pub fn read(self, body: &[u8]) -> Result<Vec<Event>, Fault> {
        match self {
            Source::Distribution => distribution::read(body),
        }
    }
}

impl FromStr for Source {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let choices = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|source| source.as_str() == text).ok_or_else(|| Fault::NotOneOf { choices: choices() })
    }
}
