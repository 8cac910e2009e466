//! Whether policies and freeze windows fit together with apps and regions.

use super::{Checked, at, at_most, demand, not, printable, range, refused};
use crate::config::{AppConfig, Config};
use crate::freeze::FreezeConfig;
use crate::policy::{ApprovalRule, PolicyConfig};
use crate::problem::{Fault, Noun};
use crate::rollout::waves::places;
use crate::zone::zone;
use crate::{ChannelKind, Role};
use std::collections::BTreeSet;

/// People of one role whose approvals can be asked for.
const MOST_APPROVALS: u32 = 20;
/// A reason that stands beside a gate.
const MOST_REASON: usize = 200;

impl Config {
    pub(super) fn check_promotions(&self) -> Checked {
        super::names("policies", self.policies.iter().map(|policy| policy.name.as_str()))?;
        super::names("freezes", self.freezes.iter().map(|freeze| freeze.name.as_str()))?;
        self.policies.iter().try_for_each(|policy| self.check_policy(policy))?;
        self.freezes.iter().try_for_each(|freeze| self.check_freeze(freeze))
    }

    /// What a channel drafts by itself a person could request too.
    pub(super) fn check_drafts(&self, app: &AppConfig) -> Checked {
        for channel in &app.channels {
            let Some(draft) = &channel.draft else { continue };
            let place = |field: &str| format!("apps.{}.channels.{}.draft.{field}", app.name, channel.name);
            let releases = channel.kind == ChannelKind::Release;
            demand(releases, || place("to"), || refused("only a channel of kind release drafts promotions"))?;
            demand(!draft.to.is_empty(), || place("to"), || Fault::Missing)?;
            at_most(draft.to.len(), super::MOST_ENTRIES, || place("to"))?;
            if let Some(name) = draft.to.iter().find(|name| self.region(name).is_none()) {
                return Err(at(place("to"), Fault::Unknown { what: Noun::Region, name: name.clone() }));
            }
            let distinct: BTreeSet<&String> = draft.to.iter().collect();
            demand(distinct.len() == draft.to.len(), || place("to"), || Fault::Twice)?;
            places(&draft.to, &draft.waves).map_err(|why| at(place("waves"), why))?;
        }
        Ok(())
    }

    fn check_policy(&self, policy: &PolicyConfig) -> Checked {
        let place = |field: &str| format!("policies.{}.{field}", policy.name);
        self.check_scope(&policy.apps, &policy.regions, &place)?;
        if let Some(rules) = &policy.approvals {
            check_approvals(rules, &place)?;
        }
        range(policy.soak_in_test_minutes, 0, 60 * 24 * 30, || place("soak_in_test_minutes"))?;
        range(policy.approvals_expire_hours, 1, 24 * 365, || place("approvals_expire_hours"))
    }

    fn check_freeze(&self, freeze: &FreezeConfig) -> Checked {
        let place = |field: &str| format!("freezes.{}.{field}", freeze.name);
        self.check_scope(&freeze.apps, &freeze.regions, &place)?;
        demand(printable(&freeze.reason, MOST_REASON), || place("reason"), || not("a sentence of at most 200 characters"))?;
        freeze.read().map_err(|(field, why)| at(place(field), why))?;
        if freeze.time_zone.is_none() {
            // Then each region's own counts, and has to be known here.
            let own = |name: &str| freeze.regions.is_empty() || freeze.regions.iter().any(|known| known == name);
            for region in self.regions.iter().filter(|region| own(&region.name)) {
                zone(&region.time_zone).map_err(|why| at(format!("regions.{}.time_zone", region.name), why))?;
            }
        }
        Ok(())
    }

    /// A misspelt name would leave what was meant without its rule.
    fn check_scope(&self, apps: &[String], regions: &[String], place: &dyn Fn(&str) -> String) -> Checked {
        at_most(apps.len(), super::MOST_ENTRIES, || place("apps"))?;
        at_most(regions.len(), super::MOST_ENTRIES, || place("regions"))?;
        let unknown = |what, name: &String| Fault::Unknown { what, name: name.clone() };
        for app in apps {
            demand(self.app(app).is_some(), || place("apps"), || unknown(Noun::App, app))?;
        }
        for region in regions {
            demand(self.region(region).is_some(), || place("regions"), || unknown(Noun::Region, region))?;
        }
        Ok(())
    }
}

/// Somebody beside the requester always decides.
fn check_approvals(rules: &[ApprovalRule], place: &dyn Fn(&str) -> String) -> Checked {
    demand(!rules.is_empty(), || place("approvals"), || Fault::Missing)?;
    let mut seen = BTreeSet::new();
    for rule in rules {
        demand(seen.insert(rule.role), || place("approvals"), || Fault::Twice)?;
        let decides = matches!(rule.role, Role::Tester | Role::Product | Role::Lead);
        demand(decides, || place("approvals.role"), || refused("only testers, product managers and leads decide about builds"))?;
        range(Some(rule.count), 1, MOST_APPROVALS, || place("approvals.count"))?;
    }
    Ok(())
}
