//! How the tasks of an app are replaced in a region, and what follows when that fails.

use serde::{Deserialize, Serialize};

/// What is not said here has the default that stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UpdateConfig {
    /// Tasks that are replaced at a time. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Seconds between one batch and the next. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_seconds: Option<u32>,
    /// Which task goes first. Default `start-first`; with a port it is always `stop-first`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<UpdateOrder>,
    /// Seconds that each batch is watched before the next. Default the soak, at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_seconds: Option<u32>,
    /// What follows when a region failed after it was changed. Default `pause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailureAction>,
}

impl UpdateConfig {
    /// Whether nobody said anything.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UpdateOrder {
    StartFirst,
    StopFirst,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FailureAction {
    /// The region stays as it is until somebody decides.
    Pause,
    /// The region goes back to what was verified there before.
    Rollback,
}
