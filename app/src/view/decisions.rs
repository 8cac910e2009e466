//! What goes another way than by hand: bookings, exceptions, rejections, broken glass.

use super::{Confirmation, PromotionLink};
use chrono::{DateTime, Utc};
use domain::Problem;
use serde::{Deserialize, Serialize};

views! {
    /// That it starts by itself when every gate is green.
    pub struct BookingView {
        pub by_name: String,
        pub at: DateTime<Utc>,
        pub not_before: Option<DateTime<Utc>>,
        /// Why it did not start when it was tried last.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub waits: Option<Problem>,
        pub tried_at: Option<DateTime<Utc>>,
    }

    /// That a rollback starts by itself when a canary has returned.
    pub struct FollowView {
        /// The promotion of the canary.
        pub canary: PromotionLink,
        pub by_name: String,
        /// Then it is given up.
        pub until: DateTime<Utc>,
        /// Why it did not start when it was tried last, or why it was given up.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub waits: Option<Problem>,
        pub tried_at: Option<DateTime<Utc>>,
    }

    /// Who did something about it, and why: made an exception, sent it back, broke the glass.
    pub struct ActView {
        pub by_name: String,
        pub at: DateTime<Utc>,
        pub reason: String,
    }

    /// Glass that was broken; the review is open until somebody else closed it.
    pub struct GlassView {
        pub broken: ActView,
        pub reviewed: Option<ActView>,
        /// Whether the reader may close the review.
        pub may_review: bool,
    }

    /// To start by itself, as whoever books it.
    pub struct BookingInput {
        /// Not before this time in the first region's own zone: `2026-12-24T02:30`.
        #[serde(default)]
        pub not_before: Option<String>,
        pub confirmation: Confirmation,
    }

    /// To start without people's decisions. The password is always asked for.
    pub struct GlassInput {
        pub reason: String,
        pub confirmation: Confirmation,
    }
}
