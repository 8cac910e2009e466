//! Promotions: what pages show of them, and what is sent to ask for one.

use super::{
    ActView, BookingInput, BookingView, CanaryAskedView, CourseView, FollowView, GlassView, PreflightView, RegionRef, SetPlace,
    StepView,
};
use chrono::{DateTime, Utc};
use domain::canary::Terms;
use domain::gate::{Gate, GateKind, Void};
use domain::id::{BuildId, PromotionId, UserId};
use domain::policy::Policy;
use domain::promotion::{PromotionKind, PromotionState, RolloutState};
use domain::rollout::waves::WaveStart;
use domain::verdict::Standing;
use domain::{Action, Digest, Problem, Role};
use serde::{Deserialize, Serialize};

views! {
    pub struct PromotionRow {
        pub id: PromotionId,
        pub number: i64,
        pub kind: PromotionKind,
        pub app: String,
        pub build: BuildId,
        pub digest: Digest,
        /// The release tag or another tag that people know the build by.
        pub tag: Option<String>,
        pub state: PromotionState,
        pub regions: Vec<RegionRef>,
        pub requested_by_name: String,
        pub requested_at: DateTime<Utc>,
        pub ended_at: Option<DateTime<Utc>>,
        /// Green gates and all gates, for an open promotion.
        pub gates_green: u32,
        pub gates_total: u32,
        /// The set that starts it, if it is in one.
        pub set: Option<SetPlace>,
    }

    pub struct ApprovalView {
        pub by: UserId,
        pub by_name: String,
        pub at: DateTime<Utc>,
        /// The role in which it was given.
        pub role: Role,
        /// Whether it counts now.
        pub counts: bool,
        /// Why it does not.
        pub void: Option<Void>,
    }

    /// What one region runs and what it would run.
    pub struct RolloutView {
        pub region: RegionRef,
        pub state: RolloutState,
        /// What ran when the rollout was planned or started.
        pub previous_digest: Option<Digest>,
        pub previous_tag: Option<String>,
        pub previous_build: Option<BuildId>,
        pub replicas: u32,
        pub port: Option<u16>,
        /// Said beforehand: a host-mode port stops the old task before it starts the new one.
        pub capacity_dip: bool,
        pub started_at: Option<DateTime<Utc>>,
        pub ended_at: Option<DateTime<Utc>>,
        /// Why it failed, to be told in the reader's language.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub failure: Option<Problem>,
        pub steps: Vec<StepView>,
        /// Whether "roll back" is offered here now.
        pub can_roll_back: bool,
        /// The wave that it belongs to, from 1; minutes that the wave before must have stood, and
        /// whether somebody must have looked.
        pub wave: u32,
        pub wave_soak_minutes: u32,
        pub wave_look: bool,
        /// What would change, while the promotion is open.
        pub preflight: Option<PreflightView>,
    }

    pub struct PromotionView {
        pub row: PromotionRow,
        pub requested_by: UserId,
        pub reason: String,
        pub standing: Standing,
        pub gates: Vec<Gate>,
        pub approvals: Vec<ApprovalView>,
        pub rollouts: Vec<RolloutView>,
        pub course: CourseView,
        /// What a canary asks for.
        pub canary: Option<CanaryAskedView>,
        pub started_by_name: Option<String>,
        pub started_at: Option<DateTime<Utc>>,
        /// Whether the reader must give the password again to start.
        pub password_needed: bool,
        pub may: Vec<Action>,
        /// Whether the reader's approval would count.
        pub may_approve: bool,
        pub may_reject: bool,
        /// Whether the reader may make an exception from freeze windows, where there are any.
        pub may_exempt: bool,
        /// What people have to decide, while it is open.
        pub policy: Option<Policy>,
        /// The zone in which a time is booked: the first region's.
        pub time_zone: String,
        pub booking: Option<BookingView>,
        pub exemption: Option<ActView>,
        pub rejection: Option<ActView>,
        pub glass: Option<GlassView>,
        /// The canary that a rollback follows.
        pub follows: Option<FollowView>,
    }

    pub struct PromotionInput {
        pub build: BuildId,
        /// Region names, in the order of the rollout.
        pub regions: Vec<String>,
        #[serde(default)]
        pub reason: String,
        /// Where later waves begin, and what they wait for; without any, all regions are one wave.
        #[serde(default)]
        pub waves: Vec<WaveStart>,
        /// To start by itself when every gate is green; by hand without.
        #[serde(default)]
        pub booking: Option<BookingInput>,
        /// To run in a part of one region only, for a while.
        #[serde(default)]
        pub canary: Option<Terms>,
    }

    /// What a guarded button asks for.
    pub struct Confirmation {
        /// The app's name, typed; for a set its number.
        pub app: String,
        /// Needed when the session is older than 15 minutes.
        #[serde(default)]
        pub password: Option<String>,
    }

    pub struct RollbackInput {
        pub app: String,
        pub region: String,
        pub reason: String,
        /// The digest that the page offered, so that nobody goes further back than they saw.
        /// Without it, the one that would be offered now.
        #[serde(default)]
        pub to: Option<Digest>,
        /// Whether a canary of the app that is there is withdrawn first: the rollback then starts by itself
        /// as soon as it is gone.
        #[serde(default)]
        pub withdraw_canary: bool,
        pub confirmation: Confirmation,
    }
}

/// A gate's subject, for links and labels.
pub fn gate_region(kind: &GateKind) -> Option<&str> {
    match kind {
        GateKind::RanBefore { region }
        | GateKind::NotFrozen { region }
        | GateKind::RegionReachable { region }
        | GateKind::NoOtherRollout { region }
        | GateKind::ImageInRegion { region }
        | GateKind::EnoughRoom { region }
        | GateKind::VariablesThere { region }
        | GateKind::SecretsThere { region }
        | GateKind::NotOlder { region }
        | GateKind::WayBackKept { region }
        | GateKind::NoCanary { region }
        | GateKind::CanaryFits { region } => Some(region),
        _ => None,
    }
}
