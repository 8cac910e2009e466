//! Gates: the conditions of a promotion, each with its state and who can clear it.

use crate::Role;
use crate::id::UserId;
use crate::verdict::Standing;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a gate asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "gate", rename_all = "snake_case")]
pub enum GateKind {
    /// The registry has the image under exactly this digest.
    ImagePresent,
    /// A standing pass and no standing fail.
    Tested,
    /// A product manager accepted it.
    SignedOff,
    /// An approval by a lead who is not the requester.
    Approved,
    /// For a rollback: the digest was verified in this region before.
    RanBefore { region: String },
    /// For a rollback: no standing fail.
    NotQuarantined,
    /// The region's Swarm answers.
    RegionReachable { region: String },
    /// No other rollout of the app runs there.
    NoOtherRollout { region: String },
}

/// Green lets pass; waiting needs somebody's act; red needs something mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    Green,
    Waiting,
    Red,
}

/// One condition as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    #[serde(flatten)]
    pub kind: GateKind,
    pub state: GateState,
    /// Who can clear it, when it is not green. `None` means that it clears itself or needs an operator.
    pub cleared_by: Option<Role>,
    /// A person's name, a time or a count that explains the state; data, not prose.
    pub detail: Option<String>,
    /// When the world was last looked at for this gate, if it was.
    pub checked_at: Option<DateTime<Utc>>,
}

/// Something looked up in the world: when, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    Yes {
        at: DateTime<Utc>,
    },
    No {
        at: DateTime<Utc>,
    },
    /// It could not be asked.
    Unknown {
        at: DateTime<Utc>,
    },
}

/// An approval that is bound to this digest and this set of regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: UserId,
    pub name: String,
    /// Whether the approver is an active lead at this moment.
    pub still_lead: bool,
}

/// What is known about one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionFacts {
    pub region: String,
    pub reachable: Seen,
    /// The number of the promotion whose rollout of this app runs there now, this one excepted.
    pub other_rollout: Option<i64>,
    /// Whether this digest was verified there before.
    pub ran_before: bool,
}

/// Everything the gates are computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFacts {
    pub rollback: bool,
    pub requested_by: UserId,
    pub image: Seen,
    pub standing: Standing,
    /// The name of whoever signed off, if it stands.
    pub signed_off_by: Option<String>,
    pub approvals: Vec<Approval>,
    pub regions: Vec<RegionFacts>,
}
