//! Engines for test environments, ready to read.

use chrono::{DateTime, Utc};
use domain::Problem;
use domain::engine::EngineState;
use serde::{Deserialize, Serialize};

views! {
    /// An engine for test environments, as it was last heard of.
    pub struct EngineView {
        pub name: String,
        /// The host at which its published ports are reached.
        pub address: String,
        pub state: EngineState,
        /// Since when it has been so.
        pub since: Option<DateTime<Utc>>,
        /// Its version, in its own words: `20.10.24`.
        pub version: Option<String>,
        /// Why it is away, as far as that is known.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub problem: Option<Problem>,
        /// Environments on it that have not ended.
        pub environments: u32,
        /// It is spoken to over TCP without TLS: whoever is on the way reads and changes what is said.
        pub in_the_clear: bool,
    }
}
