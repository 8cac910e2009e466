//! The secrets of a region: one of each state, and one that is named no more.

use super::samples::three_regions;
use super::{Fake, ago};
use app::view::{AppSecrets, RegionSecret, RegionSecrets};
use domain::region_secrets::SecretState;

impl Fake {
    pub(super) fn sample_region_secrets(&self, name: &str) -> RegionSecrets {
        let secret = |name: &str, version: Option<i64>, runs: Option<i64>| RegionSecret {
            name: name.to_owned(),
            named: name != "old-key",
            state: SecretState::of(version, runs),
            version,
            runs,
            changed_at: version.map(|_| ago(3000)),
            changed_by: version.map(|_| self.say("leo")),
        };
        let secrets = vec![
            secret("db-password", Some(3), Some(2)),
            secret("api-token", Some(1), Some(1)),
            secret("mail-password", None, None),
            secret("queue-password", Some(1), None),
            secret("old-key", Some(4), None),
        ];
        let apps = if self.empty { Vec::new() } else { vec![AppSecrets { app: "web".to_owned(), secrets }] };
        let mut regions = three_regions();
        let at = regions.iter().position(|region| region.name == name).unwrap_or(0);
        RegionSecrets { region: regions.remove(at), apps }
    }
}
