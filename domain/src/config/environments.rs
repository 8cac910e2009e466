//! How environments are kept, and what an engine has room for.

use crate::lease::{DEFAULT_TOTAL_HOURS, DEFAULT_WARN_MINUTES};
use serde::{Deserialize, Serialize};

/// Environments of one person at once, of one app at once, and launches that wait, unless configured.
const DEFAULT_PER_PERSON: u32 = 20;
const DEFAULT_PER_APP: u32 = 100;
const DEFAULT_QUEUE: u32 = 50;

/// How environments are kept. A file that says any of it replaces all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentsConfig {
    /// Minutes before the end of a lease in which it is warned of. Default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_minutes: Option<u32>,
    /// Hours that a lease lasts at most, all extensions counted. Default 168.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_hours: Option<u32>,
    /// Environments that one person holds at once, those that wait included. Default 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_person: Option<u32>,
    /// Environments that test one app at once. Default 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_app: Option<u32>,
    /// Launches that wait for room at once. Default 50; 0 refuses instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
}

impl EnvironmentsConfig {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn warn_minutes(&self) -> u32 {
        self.warn_minutes.unwrap_or(DEFAULT_WARN_MINUTES)
    }

    pub fn most_hours(&self) -> u32 {
        self.most_hours.unwrap_or(DEFAULT_TOTAL_HOURS)
    }

    pub fn per_person(&self) -> u32 {
        self.per_person.unwrap_or(DEFAULT_PER_PERSON)
    }

    pub fn per_app(&self) -> u32 {
        self.per_app.unwrap_or(DEFAULT_PER_APP)
    }

    pub fn queue(&self) -> u32 {
        self.queue.unwrap_or(DEFAULT_QUEUE)
    }
}

/// What an engine holds at most; nothing said is no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EngineCapacity {
    /// Mebibytes of memory, as the sum of what the services may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<u32>,
}

impl EngineCapacity {
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }
}
