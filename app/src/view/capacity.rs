//! Room on engines and who waits for it, and the logs that stay with a build.

use chrono::{DateTime, Utc};
use domain::id::{EnvironmentId, VerdictId};
use serde::{Deserialize, Serialize};

views! {
    /// Where a launch stands that waits for room.
    pub struct QueuePlace {
        /// 1 is next.
        pub position: u32,
        /// When it can expect to start, as leases end and others lasted; none when that cannot be told.
        pub expected_at: Option<DateTime<Utc>>,
    }

    /// A launch that waits.
    pub struct QueuedView {
        pub id: EnvironmentId,
        pub number: i64,
        pub stack: String,
        pub holder_name: String,
        pub since: DateTime<Utc>,
        pub memory_mib: u32,
        /// The engine and labels that it asked for.
        pub engine: Option<String>,
        pub labels: Vec<String>,
        pub place: QueuePlace,
    }

    /// What an engine holds, and the most that it takes.
    pub struct EngineRoom {
        pub name: String,
        pub labels: Vec<String>,
        /// It takes no new environments.
        pub draining: bool,
        pub environments: u32,
        pub most_environments: Option<u32>,
        pub memory_mib: u64,
        pub most_memory_mib: Option<u32>,
    }

    /// The engines, the queue, and how many environments one may have.
    pub struct CapacityView {
        pub engines: Vec<EngineRoom>,
        pub queue: Vec<QueuedView>,
        pub per_person: u32,
        pub per_app: u32,
    }
}

views! {
    /// The log of a service as it was when a verdict fell.
    pub struct BuildLog {
        pub id: String,
        pub service: String,
        pub taken_at: DateTime<Utc>,
        pub lines: i64,
        pub bytes: i64,
        pub verdict: VerdictId,
        pub environment: EnvironmentId,
        pub environment_number: i64,
    }

    /// The logs that are kept with a build.
    pub struct BuildLogs {
        pub logs: Vec<BuildLog>,
        /// Some are still to be read.
        pub waiting: bool,
    }
}
