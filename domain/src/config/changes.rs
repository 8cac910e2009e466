//! What one configuration changes in another, in words.

use super::Config;
use crate::problem::Noun;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What was added, changed and removed, each as `app web`, `region hangzhou` …
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// Whether nothing but the order of entries is another.
    #[serde(default)]
    pub order: bool,
}

impl Config {
    /// What must happen to `self` to become `new`.
    pub fn changes(&self, new: &Config) -> Changes {
        let mut changes = Changes::default();
        changes.compare(Noun::Registry, &self.registries, &new.registries, |item| &item.host);
        changes.compare(Noun::App, &self.apps, &new.apps, |item| &item.name);
        changes.compare(Noun::Stack, &self.stacks, &new.stacks, |item| &item.name);
        changes.compare(Noun::Engine, &self.engines, &new.engines, |item| &item.name);
        changes.compare(Noun::Region, &self.regions, &new.regions, |item| &item.name);
        changes.compare(Noun::Plan, &self.plans, &new.plans, |item| &item.name);
        changes.compare(Noun::Policy, &self.policies, &new.policies, |item| &item.name);
        changes.compare(Noun::Freeze, &self.freezes, &new.freezes, |item| &item.name);
        changes.compare(Noun::Target, &self.targets, &new.targets, |item| &item.name);
        changes.compare(Noun::Repository, &self.git_hosts, &new.git_hosts, |item| &item.host);
        if self.routes != new.routes {
            changes.changed.push("routes".to_owned());
        }
        if self.environments != new.environments {
            changes.changed.push("environments".to_owned());
        }
        if self.outgoing != new.outgoing {
            changes.changed.push("outgoing".to_owned());
        }
        if self.proxy != new.proxy {
            changes.changed.push("proxy".to_owned());
        }
        let named = changes != Changes::default();
        changes.order = !named && self != new;
        changes
    }
}

impl Changes {
    fn compare<T: PartialEq>(&mut self, what: Noun, old: &[T], new: &[T], name: impl Fn(&T) -> &str) {
        for item in new {
            match old.iter().find(|have| name(have) == name(item)) {
                None => self.added.push(format!("{what} {}", name(item))),
                Some(have) if have != item => self.changed.push(format!("{what} {}", name(item))),
                Some(_) => {}
            }
        }
        let gone = old.iter().filter(|have| !new.iter().any(|item| name(item) == name(have)));
        self.removed.extend(gone.map(|have| format!("{what} {}", name(have))));
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)];
        let said: Vec<String> = parts
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(verb, names)| format!("{verb} {}", names.join(", ")))
            .collect();
        match said.as_slice() {
            [] if self.order => f.write_str("order"),
            [] => f.write_str("nothing new"),
            said => f.write_str(&said.join("; ")),
        }
    }
}
