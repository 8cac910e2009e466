//! The regions from afar and closely, what was changed there by hand, and contingency plans.

use super::{CanaryView, Confirmation, LogLine, RegionRef};
use chrono::{DateTime, Utc};
use domain::drift::Difference;
use domain::freeze::{FreezeConfig, Frozen};
use domain::id::{BuildId, PromotionId, UserId};
use domain::policy::Policy;
use domain::promotion::{PromotionKind, PromotionState, RolloutState};
use domain::region_variables::{Beside, RegionOrigin};
use domain::{Action, Digest, Problem};
use serde::{Deserialize, Serialize};

views! {
    /// One app in one region, as last seen on the Swarm.
    pub struct RegionCell {
        pub region: String,
        pub digest: Option<Digest>,
        pub build: Option<BuildId>,
        pub tag: Option<String>,
        /// When it was verified there.
        pub since: Option<DateTime<Utc>>,
        /// The name of whoever started that.
        pub by: Option<String>,
        pub running: u32,
        pub desired: u32,
        pub healthy: bool,
        /// The service runs something that Slipway did not put there.
        pub drifted: bool,
        /// A standing fail quarantines what runs here.
        pub quarantined: bool,
        /// In which parts it is another than was last verified there, as far as that can be told.
        pub drift: Vec<Difference>,
        /// When the Swarm last took a change of it in, if it drifted.
        pub drift_since: Option<DateTime<Utc>>,
        /// The contingency plan under which it runs.
        pub plan: Option<PlanRun>,
        /// The canary that is there.
        pub canary: Option<CanaryView>,
        /// Signed-off or newer release builds that this region does not run yet.
        pub newer: u32,
        pub newest_tag: Option<String>,
        pub rollout: Option<PromotionId>,
        pub url: Option<String>,
        /// The digest that "roll back" would go to.
        pub back_to: Option<Digest>,
        pub back_to_tag: Option<String>,
    }

    pub struct RegionColumn {
        pub region: RegionRef,
        pub time_zone: String,
        pub reachable: bool,
        pub checked_at: Option<DateTime<Utc>>,
    }

    pub struct AppRegions {
        pub app: String,
        pub port_label: Option<u16>,
        pub port: Option<u16>,
        pub cells: Vec<RegionCell>,
    }

    pub struct RegionBoard {
        pub columns: Vec<RegionColumn>,
        pub rows: Vec<AppRegions>,
        pub may: Vec<Action>,
    }

    /// Everything about one region, as its Swarm says it at this moment.
    pub struct RegionView {
        pub column: RegionColumn,
        /// The host at which its published ports are reached.
        pub address: Option<String>,
        /// Why it could not be looked at closely now; nodes and tasks are then empty.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub problem: Option<Problem>,
        pub nodes: Vec<NodeView>,
        pub services: Vec<RegionService>,
        pub plans: Vec<PlanView>,
        /// Whether the reader must give the password again for a guarded button.
        pub password_needed: bool,
        pub may: Vec<Action>,
    }

    /// What a region asks of promotions, as the configuration says.
    pub struct RegionRules {
        /// The version of the configuration that says so.
        pub version: i64,
        pub freezes: Vec<FreezeView>,
        /// The apps that are closed there now.
        pub closed: Vec<AppClosed>,
        /// Apps under the same policy stand together.
        pub policies: Vec<AppsPolicy>,
    }

    /// A freeze window that is for a region.
    pub struct FreezeView {
        pub window: FreezeConfig,
        /// The zone in which its times are meant.
        pub time_zone: String,
        /// Whether it takes up this moment; none when it cannot be read.
        pub now: Option<bool>,
        /// When that changes next, where it can be told.
        pub changes_at: Option<DateTime<Utc>>,
    }

    /// An app to which nothing new goes now.
    pub struct AppClosed {
        pub app: String,
        pub why: Frozen,
    }

    /// What people have to decide before these apps go to a region.
    pub struct AppsPolicy {
        pub apps: Vec<String>,
        pub policy: Policy,
    }

    /// A node of a region's Swarm.
    pub struct NodeView {
        pub name: String,
        /// The Swarm's word: `ready`, `down` …
        pub state: String,
        /// `active`, `pause` or `drain`.
        pub availability: String,
        pub manager: bool,
        /// Whether it is the manager that the others follow.
        pub leader: bool,
        pub address: Option<String>,
        /// The engine's version, in its own words.
        pub engine: Option<String>,
    }

    /// One app of a region with the tasks of its service.
    pub struct RegionService {
        pub app: String,
        pub port: Option<u16>,
        pub cell: RegionCell,
        /// Newest first.
        pub tasks: Vec<TaskView>,
        /// Tasks that failed, of those that the Swarm still knows.
        pub restarts: u32,
        /// The same of its canary.
        pub canary_tasks: Vec<TaskView>,
        pub canary_restarts: u32,
    }

    /// One task of a service: one try to keep a replica running.
    pub struct TaskView {
        pub id: String,
        /// Which of the replicas it is.
        pub slot: Option<i64>,
        pub node: Option<String>,
        /// The Swarm's word: `running`, `failed` …
        pub state: String,
        /// Whether the Swarm wants it to run.
        pub wanted: bool,
        pub digest: Option<Digest>,
        /// Since when it has been in this state.
        pub since: Option<DateTime<Utc>>,
        /// Why it failed; made safe.
        pub error: Option<String>,
    }

    /// One rollout in a region's history.
    pub struct RegionPast {
        pub promotion: PromotionId,
        pub number: i64,
        pub kind: PromotionKind,
        pub app: String,
        pub digest: Digest,
        pub tag: Option<String>,
        pub state: RolloutState,
        pub requested_by: String,
        pub started_by: Option<String>,
        pub reason: String,
        pub started_at: DateTime<Utc>,
        pub ended_at: Option<DateTime<Utc>>,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub failure: Option<Problem>,
    }

    /// The variables of a region's apps, by name; what they hold is not said.
    pub struct RegionVariables {
        pub region: RegionRef,
        /// The other regions, in the order of [`VariableRow::beside`].
        pub others: Vec<RegionRef>,
        pub apps: Vec<AppVariables>,
    }

    pub struct AppVariables {
        pub app: String,
        pub variables: Vec<VariableRow>,
    }

    pub struct VariableRow {
        pub name: String,
        /// None when this region does not have it.
        pub origin: Option<RegionOrigin>,
        /// Versions of the configuration in which it became another, newest first.
        pub changed: Vec<VersionRef>,
        /// The same variable in the other regions; none where neither has it.
        pub beside: Vec<Option<Beside>>,
    }

    /// A version of the configuration.
    pub struct VersionRef {
        pub version: i64,
        pub at: DateTime<Utc>,
        pub by: String,
    }

    /// What the tasks of a service wrote last, oldest first.
    pub struct ServiceLog {
        pub region: RegionRef,
        pub lines: Vec<LogLine>,
    }

    /// A use of a contingency plan that nobody returned from.
    pub struct PlanRun {
        pub plan: String,
        /// The plan's title; its name when it is no longer configured.
        pub title: String,
        pub app: String,
        pub region: RegionRef,
        pub promotion: PromotionId,
        pub number: i64,
        pub state: PromotionState,
        pub by: String,
        pub at: DateTime<Utc>,
        pub reason: String,
    }

    /// A contingency plan, who has read it, and where it runs.
    pub struct PlanView {
        pub name: String,
        pub title: String,
        pub app: String,
        pub regions: Vec<RegionRef>,
        pub does: PlanDoes,
        pub reviews: Vec<PlanReview>,
        /// Whether the reader has read it as it is now.
        pub read: bool,
        /// Whether the reader could use it: another lead has read it.
        pub ready: bool,
        pub runs: Vec<PlanRun>,
        /// Whether the reader must give the password again for a guarded button.
        pub password_needed: bool,
        pub may: Vec<Action>,
    }

    pub struct PlanReview {
        pub by: UserId,
        pub name: String,
        pub at: DateTime<Utc>,
        /// Whether it is of the plan as it is now, by somebody who still leads.
        pub counts: bool,
    }

    // ---- What forms and REST send --------------------------------------------------------

    /// What a guarded button on a region's drift asks for.
    pub struct CorrectInput {
        pub reason: String,
        pub confirmation: Confirmation,
    }

    pub struct AdoptInput {
        /// The replicas that were seen, so that nothing is adopted that nobody saw.
        pub replicas: u32,
        pub reason: String,
        pub confirmation: Confirmation,
    }

    /// What the guarded buttons of a contingency plan ask for.
    pub struct PlanInput {
        pub region: String,
        pub reason: String,
        pub confirmation: Confirmation,
    }
}

/// What a contingency plan does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlanDoes {
    Scale {
        replicas: u32,
    },
    /// Variables over those that the service has: name and value.
    Set {
        variables: Vec<(String, String)>,
    },
    /// A tag or a digest that was verified in the region before.
    Switch {
        build: String,
    },
}
