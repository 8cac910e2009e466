//! The secrets of a region's services, by name. What they hold is in no view.

use super::RegionRef;
use chrono::{DateTime, Utc};
use domain::region_secrets::SecretState;
use serde::{Deserialize, Serialize};

views! {
    /// The secrets of a region's apps; what they hold is given to services and shown to nobody.
    pub struct RegionSecrets {
        pub region: RegionRef,
        /// Only apps that name secrets, or of which some are kept.
        pub apps: Vec<AppSecrets>,
    }

    pub struct AppSecrets {
        pub app: String,
        pub secrets: Vec<RegionSecret>,
    }

    pub struct RegionSecret {
        pub name: String,
        /// Whether the app's configuration names it; one that it names no more is given to nobody.
        pub named: bool,
        pub state: SecretState,
        /// The version that is set.
        pub version: Option<i64>,
        /// The version that was given to what was last verified there.
        pub runs: Option<i64>,
        /// When it was last set or removed, and by whom.
        pub changed_at: Option<DateTime<Utc>>,
        pub changed_by: Option<String>,
    }
}
