//! Leases and the life of an environment.

use crate::promotion::state_text;
use serde::{Deserialize, Serialize};

/// `launching` → `running` → `stopping` → `stopped`; `launching` or `running` → `failed`, which
/// keeps its containers for a look until the lease ends or somebody stops it. It is `running`
/// only while every service runs or has ended with exit code 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentState {
    Launching,
    Running,
    Failed,
    Stopping,
    Stopped,
}

/// Why an environment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    StoppedByHand,
    LeaseEnded,
    /// The check that it was launched for has ended.
    CheckEnded,
}

state_text! {
    EnvironmentState { Launching = "launching", Running = "running", Failed = "failed", Stopping = "stopping", Stopped = "stopped" }
    EndReason { StoppedByHand = "stopped_by_hand", LeaseEnded = "lease_ended", CheckEnded = "check_ended" }
}

/// Hours a lease lasts when nothing else is asked, and the most that can be asked.
pub const DEFAULT_LEASE_HOURS: u32 = 8;
pub const MOST_LEASE_HOURS: u32 = 72;
