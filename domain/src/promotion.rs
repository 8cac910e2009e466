//! The life of a promotion and of its rollouts.

use serde::{Deserialize, Serialize};

/// Whether a promotion goes forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PromotionKind {
    Promotion,
    Rollback,
}

/// `open` → `running` → `verified` or `failed`; `open` → `cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PromotionState {
    /// Requested; gathers approvals; its gates are shown.
    Open,
    /// Its rollouts run, one region after another.
    Running,
    /// Every region runs the digest, seen on the tasks themselves.
    Verified,
    /// A region failed; later regions were left as they were.
    Failed,
    /// Withdrawn before it started.
    Cancelled,
}

/// `waiting` → `running` → `verified` or `failed`; `waiting` → `skipped`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    Waiting,
    Running,
    Verified,
    Failed,
    /// An earlier region failed, so this one was not touched.
    Skipped,
}

/// A piece of long work, shown live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Waiting,
    Running,
    Done,
    Failed,
    Skipped,
}

macro_rules! state_text {
    ($($name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        impl $name {
            /// The word in the database, in REST and in the style sheet.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::problem::Fault;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(crate::problem::Fault::Unreadable { detail: text.to_owned() }),
                }
            }
        }
    )+};
}
pub(crate) use state_text;

state_text! {
    PromotionKind { Promotion = "promotion", Rollback = "rollback" }
    PromotionState { Open = "open", Running = "running", Verified = "verified", Failed = "failed", Cancelled = "cancelled" }
    RolloutState { Waiting = "waiting", Running = "running", Verified = "verified", Failed = "failed", Skipped = "skipped" }
    StepState { Waiting = "waiting", Running = "running", Done = "done", Failed = "failed", Skipped = "skipped" }
}
