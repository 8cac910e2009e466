//! What would change before a start, and what a promotion waits for once it runs.

use super::RangeView;
use chrono::{DateTime, Utc};
use domain::id::PromotionId;
use serde::{Deserialize, Serialize};

views! {
    /// What a start would change in one region. Variables and secrets are named and never told.
    pub struct PreflightView {
        /// The commits since what runs there; none when nothing runs.
        pub commits: Option<RangeView>,
        pub variables_added: Vec<String>,
        pub variables_removed: Vec<String>,
        pub variables_changed: Vec<String>,
        pub secrets_added: Vec<String>,
        pub secrets_removed: Vec<String>,
        /// There is another value under the same name.
        pub secrets_changed: Vec<String>,
        /// Bytes of the compressed image.
        pub image_size: Option<i64>,
        /// What the last verified rollouts of the app there took, the one in the middle.
        pub expected_seconds: Option<u32>,
        /// How many these were, at most ten.
        pub of_rollouts: u32,
        /// The old task ends before the new one starts.
        pub stop_first: bool,
        /// Tasks that are replaced at a time.
        pub at_a_time: u32,
        pub delay_seconds: u32,
        /// Whether a region that fails goes back by itself.
        pub goes_back: bool,
    }

    /// What a promotion waits for, and what people said while it ran.
    #[derive(Default)]
    pub struct CourseView {
        pub paused_by: Option<String>,
        pub paused_at: Option<DateTime<Utc>>,
        /// The wave, from 1, that has yet to begin while nothing runs.
        pub next_wave: Option<u32>,
        /// Until when the wave before has to stand.
        pub soaks_until: Option<DateTime<Utc>>,
        /// Whether that wave waits for somebody to look.
        pub wants_look: bool,
        pub aborted_by: Option<String>,
        pub aborted_why: Option<String>,
        /// The promotion whose failure this rollback undoes.
        pub because_of: Option<PromotionLink>,
        /// The rollbacks that Slipway began when this promotion failed.
        pub went_back: Vec<PromotionLink>,
    }

    pub struct PromotionLink {
        pub id: PromotionId,
        pub number: i64,
    }
}
