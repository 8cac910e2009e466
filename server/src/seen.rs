//! What was last seen in the regions. It lives in memory only: the Swarm is the truth, and
//! after a start the first look comes within seconds.

use domain::drift::Essence;
use domain::{Digest, Time};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// One region as it last answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSeen {
    pub checked_at: Time,
    /// False when it did not answer; `services` is then what was seen before.
    pub reachable: bool,
    /// By app.
    pub services: HashMap<String, ServiceSeen>,
    /// The canaries, by app.
    pub canaries: HashMap<String, ServiceSeen>,
}

/// One app's service in a region, read off its running tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSeen {
    /// The digest of the running tasks; of the specification while none runs.
    pub digest: Option<Digest>,
    pub running: u32,
    pub desired: u32,
    /// Every wanted task runs, on one digest, and says that it is healthy.
    pub healthy: bool,
    /// The promotion whose rollout changed it last.
    pub promotion: Option<String>,
    /// What it runs and under which limits: another than was put there means that somebody
    /// changed the service by hand.
    pub essence: Essence,
    /// When the Swarm last took a change of the service in.
    pub updated_at: Option<Time>,
}

/// The last look at every region. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Seen(Arc<RwLock<HashMap<String, Arc<RegionSeen>>>>);

impl Seen {
    /// The region as last seen; none before the first look.
    pub fn region(&self, name: &str) -> Option<Arc<RegionSeen>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Takes in a look; true when what runs there is not what was seen before.
    pub fn put(&self, name: &str, seen: RegionSeen) -> bool {
        let mut regions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = |old: &Arc<RegionSeen>| {
            old.reachable != seen.reachable || old.services != seen.services || old.canaries != seen.canaries
        };
        let changed = regions.get(name).is_none_or(is_other);
        regions.insert(name.to_owned(), Arc::new(seen));
        changed
    }

    /// The regions in which `app` runs `digest`, also as a canary, by name.
    pub fn regions_running(&self, app: &str, digest: &Digest) -> Vec<String> {
        let regions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let runs = |seen: &RegionSeen| {
            let both = seen.services.get(app).into_iter().chain(seen.canaries.get(app));
            both.into_iter().any(|service| service.digest.as_ref() == Some(digest) && service.running > 0)
        };
        let mut names: Vec<String> = regions.iter().filter(|(_, seen)| runs(seen)).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }
}
