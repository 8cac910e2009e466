//! Which engines are there, as they were last heard of. It lives in memory only: the engine is
//! the truth, and after a start it is asked within seconds.

use domain::engine::EngineState;
use domain::{Problem, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// One engine.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSeen {
    pub state: EngineState,
    /// Since when it has been so.
    pub since: Time,
    /// Its version, in its own words.
    pub version: Option<String>,
    /// Why it is away, as far as that is known.
    pub problem: Option<Problem>,
}

/// What was last heard of every engine. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct EnginesSeen(Arc<watch::Sender<BTreeMap<String, EngineSeen>>>);

impl Default for EnginesSeen {
    fn default() -> Self {
        Self(Arc::new(watch::channel(BTreeMap::new()).0))
    }
}

impl EnginesSeen {
    /// The engine as it was last heard of; none before that.
    pub fn engine(&self, name: &str) -> Option<EngineSeen> {
        self.0.borrow().get(name).cloned()
    }

    /// Since when an engine has been away; none while it is there, and before it was asked.
    pub fn away_since(&self, name: &str) -> Option<Time> {
        self.0.borrow().get(name).filter(|seen| seen.state == EngineState::Away).map(|seen| seen.since)
    }

    /// It answered; true when that is news.
    pub fn here(&self, name: &str, version: Option<String>, now: Time) -> bool {
        self.put(name, EngineSeen { state: EngineState::Here, since: now, version, problem: None })
    }

    /// It did not answer; true when that is news.
    pub fn away(&self, name: &str, problem: Problem, now: Time) -> bool {
        let version = self.engine(name).and_then(|seen| seen.version);
        self.put(name, EngineSeen { state: EngineState::Away, since: now, version, problem: Some(problem) })
    }

    /// Forgets engines that are no longer configured.
    pub fn keep_only(&self, names: &BTreeSet<&str>) {
        self.0.send_if_modified(|engines| {
            let before = engines.len();
            engines.retain(|name, _| names.contains(name.as_str()));
            engines.len() != before
        });
    }

    /// Hears when an engine goes or comes back.
    pub fn changes(&self) -> watch::Receiver<BTreeMap<String, EngineSeen>> {
        self.0.subscribe()
    }

    fn put(&self, name: &str, seen: EngineSeen) -> bool {
        self.0.send_if_modified(|engines| {
            let old = engines.get(name);
            let same =
                old.is_some_and(|old| (old.state, &old.version, &old.problem) == (seen.state, &seen.version, &seen.problem));
            if same {
                return false;
            }
            // Another reason is no other beginning.
            let since = old.filter(|old| old.state == seen.state).map_or(seen.since, |old| old.since);
            engines.insert(name.to_owned(), EngineSeen { since, ..seen });
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::problem::Noun;

    fn at(second: u32) -> Time {
        format!("2026-11-24T02:00:{second:02}Z").parse().expect("a time")
    }

    #[test]
    fn an_engine_is_away_since_it_went_whatever_is_learned_afterwards() {
        let seen = EnginesSeen::default();
        let away = || Problem::Unreachable { what: Noun::Engine, name: "a".to_owned() };
        assert_eq!(seen.away_since("a"), None, "nobody asked it");
        assert!(seen.here("a", Some("20.10".to_owned()), at(1)));
        assert!(!seen.here("a", Some("20.10".to_owned()), at(2)), "no news");
        assert!(seen.away("a", away(), at(3)));
        assert!(!seen.away("a", away(), at(4)));
        assert!(seen.away("a", Problem::Busy, at(5)), "another reason");
        assert_eq!(seen.away_since("a"), Some(at(3)));
        assert_eq!(seen.engine("a").expect("seen").version.as_deref(), Some("20.10"), "as it was");
        assert!(seen.here("a", Some("24.0".to_owned()), at(6)));
        assert_eq!((seen.away_since("a"), seen.engine("a").expect("seen").since), (None, at(6)));
        seen.keep_only(&BTreeSet::new());
        assert_eq!(seen.engine("a"), None);
    }
}
