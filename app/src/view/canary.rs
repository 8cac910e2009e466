//! Canaries: what is asked for, what is there, and what their forms send.

use super::{Confirmation, PromotionLink};
use chrono::{DateTime, Utc};
use domain::Digest;
use domain::canary::{CanaryState, ReturnCause, Terms};
use domain::id::{BuildId, PromotionId};
use serde::{Deserialize, Serialize};

views! {
    /// A canary that is in a region, as last seen on the Swarm.
    pub struct CanaryView {
        pub promotion: PromotionId,
        pub number: i64,
        pub build: BuildId,
        pub digest: Digest,
        pub tag: Option<String>,
        pub terms: Terms,
        /// The port on which it is reached.
        pub port: Option<u16>,
        pub state: CanaryState,
        /// The name of whoever started it.
        pub owner: String,
        pub started_at: DateTime<Utc>,
        pub ends_at: DateTime<Utc>,
        /// Hours that its end can still be moved by.
        pub more_hours: u32,
        pub running: u32,
        pub desired: u32,
        pub healthy: bool,
        /// A standing fail quarantines it.
        pub quarantined: bool,
        /// Its service is not what was put there.
        pub drifted: bool,
        pub url: Option<String>,
        /// Why it returns, who said so, and in which words.
        pub cause: Option<ReturnCause>,
        pub withdrawn_by: Option<String>,
        pub reason: String,
        /// The open rollback that starts when it is gone.
        pub followed_by: Option<PromotionLink>,
    }

    /// What a promotion of a canary asks for, and how it stands once it has started.
    pub struct CanaryAskedView {
        pub terms: Terms,
        pub state: Option<CanaryState>,
        pub ends_at: Option<DateTime<Utc>>,
        pub cause: Option<ReturnCause>,
    }

    /// What the guarded button that withdraws a canary asks for.
    pub struct WithdrawInput {
        pub reason: String,
        pub confirmation: Confirmation,
    }

    /// By how much the end of a canary is moved, and why.
    pub struct ExtendInput {
        pub hours: u32,
        #[serde(default)]
        pub reason: String,
    }
}
