//! Promotion sets: promotions of several apps that run one after another.

use super::{BookingView, BuildRow, PromotionLink, PromotionRow, RegionRef};
use chrono::{DateTime, Utc};
use domain::gate::Gate;
use domain::id::{BuildId, EnvironmentId, UserId};
use domain::problem::Refused;
use domain::promotion::set::SetNumber;
use domain::promotion::{PromotionState, RolloutState};
use domain::rollout::waves::WaveStart;
use domain::{Action, Problem};
use serde::{Deserialize, Serialize};

views! {
    /// Where a promotion stands in its set.
    pub struct SetPlace {
        pub set: SetNumber,
        /// From 1.
        pub place: u32,
        pub of: u32,
    }

    /// One region's part of a promotion of a set.
    pub struct SetRegion {
        pub region: RegionRef,
        pub state: RolloutState,
    }

    pub struct SetMember {
        pub row: PromotionRow,
        /// While it is open.
        pub gates: Vec<Gate>,
        pub regions: Vec<SetRegion>,
        /// Why it did not start when its turn had come.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub waits: Option<Problem>,
        /// Whether the reader's approval would count.
        pub may_approve: bool,
    }

    /// A moment as clocks in a region show it.
    pub struct RegionTime {
        pub region: RegionRef,
        pub time_zone: String,
        /// `2026-12-24 02:30`
        pub at: String,
    }

    pub struct SetView {
        pub number: SetNumber,
        /// In one word: that of the promotion that stopped it, where one did.
        pub state: PromotionState,
        pub reason: String,
        pub requested_by: UserId,
        pub requested_by_name: String,
        pub requested_at: DateTime<Utc>,
        pub started_by_name: Option<String>,
        pub started_at: Option<DateTime<Utc>>,
        /// In the order in which they run.
        pub members: Vec<SetMember>,
        /// The place, from 1, of the promotion whose turn it is or that stopped the set.
        pub at: Option<u32>,
        /// Whether that one stopped it: no other begins.
        pub stopped: bool,
        /// Whether the reader must give the password again to start.
        pub password_needed: bool,
        pub may: Vec<Action>,
        /// Whether the reader's approval of at least one of them would count.
        pub may_approve: bool,
        /// Whether the reader may send all back that are open.
        pub may_reject: bool,
        /// The zone in which a time is booked: the first region's.
        pub time_zone: String,
        /// That it starts by itself, while nobody has started it and all of it is open.
        pub booking: Option<BookingView>,
        /// Before which time it does not start, in each region; empty without a time.
        pub times: Vec<RegionTime>,
    }

    /// One app and the builds of it that a set can have.
    pub struct SetFormApp {
        pub app: String,
        /// The newest builds, the newest first.
        pub builds: Vec<BuildRow>,
        pub chosen: Option<BuildId>,
    }

    /// The environment whose builds are proposed.
    pub struct SetFrom {
        pub id: EnvironmentId,
        pub number: i64,
    }

    /// What a set can be made of.
    pub struct SetForm {
        pub apps: Vec<SetFormApp>,
        pub regions: Vec<RegionRef>,
        pub from: Option<SetFrom>,
    }

    pub struct SetInput {
        /// One build for each app, in the order in which they are to run.
        pub builds: Vec<BuildId>,
        /// Region names, in the order of each rollout.
        pub regions: Vec<String>,
        pub reason: String,
        /// Where later waves begin, in each promotion.
        #[serde(default)]
        pub waves: Vec<WaveStart>,
    }

    /// What became of the attempt to approve all of a set.
    pub struct SetApproval {
        pub approved: Vec<PromotionLink>,
        /// Those that could not be approved, with the reason. What the reader had approved before is on neither list.
        pub refused: Vec<Refused>,
    }
}
