//! The rules of a region: freeze windows and policies.

use super::{Fake, ago};
use app::view::{AppClosed, AppsPolicy, FreezeView, RegionRules};
use domain::freeze::{Day, FreezeConfig, FreezeKind, Frozen, Once, Weekly};
use domain::policy::Policy;

impl Fake {
    /// One window that forbids now, one that allows later, one that is over.
    pub(super) fn sample_rules(&self) -> RegionRules {
        if self.empty {
            return RegionRules { version: 1, freezes: Vec::new(), closed: Vec::new(), policies: Vec::new() };
        }
        let weekly =
            |days: &[Day], from: &str, to: &str| Some(Weekly { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() });
        let window = |name: &str, reason: &str| FreezeConfig {
            name: name.to_owned(),
            reason: self.say(reason),
            ..FreezeConfig::default()
        };
        let weekends =
            FreezeConfig { weekly: weekly(&[Day::Fri, Day::Sat], "18:00", "08:00"), ..window("weekends", "nobody is there") };
        let office = FreezeConfig {
            kind: FreezeKind::Allow,
            apps: vec!["pay".to_owned()],
            weekly: weekly(&[], "10:00", "16:00"),
            ..window("office-hours", "only while somebody watches")
        };
        let once = Once { from: "2026-11-11".to_owned(), to: "2026-11-12T08:00".to_owned() };
        let sale = FreezeConfig { once: Some(once), ..window("sale", "the shops are full") };
        let view = |window: FreezeConfig, now, changes: Option<i64>| FreezeView {
            window,
            time_zone: "Asia/Shanghai".to_owned(),
            now: Some(now),
            changes_at: changes.map(|minutes| ago(-minutes)),
        };
        let why = Frozen { name: "weekends".to_owned(), reason: self.say("nobody is there"), until: Some(ago(-95)) };
        let closed = ["web", "pay"].map(|app| AppClosed { app: app.to_owned(), why: why.clone() }).to_vec();
        let strict =
            Policy { named: vec!["payments".to_owned()], soak_in_test_minutes: 60, break_glass: true, ..Policy::default() };
        RegionRules {
            version: 7,
            freezes: vec![view(weekends, true, Some(95)), view(office, false, Some(480)), view(sale, false, None)],
            closed,
            policies: vec![
                AppsPolicy { apps: vec!["web".to_owned(), "worker".to_owned()], policy: Policy::default() },
                AppsPolicy { apps: vec!["pay".to_owned()], policy: strict },
            ],
        }
    }
}
