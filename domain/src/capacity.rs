//! Room on engines: which engine an environment goes to, who waits for room, and for how long.
//!
//! Who waits for an engine keeps whoever comes later from taking room on it, so that nobody is
//! overtaken; who waits for another engine does not.

mod ports;
mod wait;

pub use ports::{PortRange, choose_port};
pub use wait::{Alive, expected};

use crate::config::EngineConfig;
use crate::problem::Fault;
use std::collections::BTreeSet;

/// What an engine without a capacity is taken to have when loads are compared.
const NOMINAL_MIB: u64 = 64 * 1024;

/// What environments need, or take, of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub environments: u32,
    pub memory_mib: u64,
}

impl Load {
    /// One environment with so much memory.
    pub const fn one(memory_mib: u64) -> Self {
        Self { environments: 1, memory_mib }
    }

    pub const fn plus(self, other: Self) -> Self {
        Self {
            environments: self.environments.saturating_add(other.environments),
            memory_mib: self.memory_mib.saturating_add(other.memory_mib),
        }
    }

    pub const fn minus(self, other: Self) -> Self {
        Self {
            environments: self.environments.saturating_sub(other.environments),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
        }
    }
}

/// What a launch asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    pub memory_mib: u64,
    /// One engine by name.
    pub engine: Option<String>,
    /// Labels that the engine must have, all of them.
    pub labels: Vec<String>,
}

/// An engine and what is on it.
#[derive(Clone, Debug)]
pub struct Room<'a> {
    pub engine: &'a EngineConfig,
    pub load: Load,
    /// It does not answer: nothing new goes there now, but it may come back.
    pub away: bool,
}

impl Room<'_> {
    /// Whether it would take this launch if nothing else were on it.
    fn could(&self, need: &Need) -> bool {
        let named = need.engine.as_ref().is_none_or(|name| *name == self.engine.name);
        let labelled = need.labels.iter().all(|label| self.engine.labels.contains(label));
        named && labelled && !self.engine.draining && self.holds(Load::one(need.memory_mib))
    }

    /// Whether it takes this launch now.
    fn can(&self, need: &Need) -> bool {
        !self.away && self.holds(self.load.plus(Load::one(need.memory_mib)))
    }

    fn holds(&self, load: Load) -> bool {
        let capacity = &self.engine.capacity;
        capacity.environments.is_none_or(|most| load.environments <= most)
            && capacity.memory_mib.is_none_or(|most| load.memory_mib <= u64::from(most))
    }

    /// How full it is, in thousandths of what it can hold.
    fn share(&self) -> u64 {
        let capacity = &self.engine.capacity;
        let memory = capacity.memory_mib.map_or(NOMINAL_MIB, u64::from).max(1);
        let by_memory = self.load.memory_mib.saturating_mul(1000) / memory;
        let by_number = capacity.environments.map_or(0, |most| u64::from(self.load.environments) * 1000 / u64::from(most).max(1));
        by_memory.max(by_number)
    }
}

/// Whether any engine would ever take this launch.
///
/// # Errors
/// [`Fault`] when no engine has the labels, or the one that was asked for is drained or too small.
pub fn possible(rooms: &[Room<'_>], need: &Need) -> Result<(), Fault> {
    if rooms.iter().any(|room| room.could(need)) {
        return Ok(());
    }
    let asked = |room: &&Room<'_>| {
        need.engine.as_ref().is_none_or(|name| *name == room.engine.name)
            && need.labels.iter().all(|label| room.engine.labels.contains(label))
    };
    let asked: Vec<&Room<'_>> = rooms.iter().filter(asked).collect();
    let reason = if asked.is_empty() {
        match &need.engine {
            Some(engine) if need.labels.is_empty() => format!("there is no engine {engine}"),
            Some(engine) => format!("the engine {engine} does not have the labels {}", need.labels.join(", ")),
            None => format!("no engine has the labels {}", need.labels.join(", ")),
        }
    } else if asked.iter().all(|room| room.engine.draining) {
        let names: Vec<&str> = asked.iter().map(|room| room.engine.name.as_str()).collect();
        format!("{} takes no new environments", names.join(", "))
    } else {
        format!("no engine is big enough for {} MiB of memory", need.memory_mib)
    };
    Err(Fault::Refused { reason })
}

/// Who of those that wait can start now, first come first served: the place in the line and the
/// engine.
pub fn admit<'a>(rooms: &[Room<'a>], waiting: &[Need]) -> Vec<(usize, &'a EngineConfig)> {
    let mut rooms: Vec<Room<'a>> = rooms.to_vec();
    let mut kept: BTreeSet<&'a str> = BTreeSet::new();
    let mut admitted = Vec::new();
    for (place, need) in waiting.iter().enumerate() {
        let free = |room: &&mut Room<'a>| room.could(need) && room.can(need) && !kept.contains(room.engine.name.as_str());
        // The first of the least loaded: the order of the configuration decides between equals.
        if let Some(room) = rooms.iter_mut().filter(free).min_by_key(|room| room.share()) {
            room.load = room.load.plus(Load::one(need.memory_mib));
            admitted.push((place, room.engine));
        } else {
            // It waits for any of these: nobody behind it gets them first.
            kept.extend(rooms.iter().filter(|room| room.could(need)).map(|room| room.engine.name.as_str()));
        }
    }
    admitted
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::EngineCapacity;
    use proptest::prelude::*;

    pub fn engine(name: &str, environments: Option<u32>, memory_mib: Option<u32>, labels: &[&str]) -> EngineConfig {
        EngineConfig {
            name: name.to_owned(),
            url: "unix:///x".to_owned(),
            address: "x".to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            capacity: EngineCapacity { environments, memory_mib },
            ..EngineConfig::default()
        }
    }

    fn need(memory_mib: u64, labels: &[&str]) -> Need {
        Need { memory_mib, engine: None, labels: labels.iter().map(|label| (*label).to_owned()).collect() }
    }

    fn room<'a>(engine: &'a EngineConfig, environments: u32, memory_mib: u64) -> Room<'a> {
        Room { engine, load: Load { environments, memory_mib }, away: false }
    }

    #[test]
    fn a_launch_goes_to_the_least_loaded_engine_with_its_labels() {
        let (big, small, gpu) = (
            engine("big", None, Some(8000), &[]),
            engine("small", None, Some(1000), &[]),
            engine("gpu", Some(2), None, &["gpu"]),
        );
        let rooms = [room(&big, 3, 4000), room(&small, 1, 100), room(&gpu, 1, 10)];
        let names = |waiting: &[Need]| -> Vec<(usize, String)> {
            admit(&rooms, waiting).into_iter().map(|(place, engine)| (place, engine.name.clone())).collect()
        };
        assert_eq!(names(&[need(100, &[])]), [(0, "small".to_owned())]);
        assert_eq!(names(&[need(950, &[])]), [(0, "big".to_owned())], "where it fits; of equals the first");
        assert_eq!(names(&[need(100, &["gpu"]), need(100, &["gpu"])]), [(0, "gpu".to_owned())], "the second finds it full");
        assert_eq!(names(&[need(1, &["arm"])]), []);
    }

    #[test]
    fn who_waits_is_not_overtaken_on_the_engines_that_it_could_have() {
        let (one, two) = (engine("one", None, Some(1000), &["one"]), engine("two", None, Some(1000), &["two"]));
        let rooms = [room(&one, 1, 900), room(&two, 0, 0)];
        let waiting = [need(500, &["one"]), need(50, &["one"]), need(50, &["two"])];
        let admitted = admit(&rooms, &waiting);
        assert_eq!(admitted.iter().map(|(place, engine)| (*place, engine.name.as_str())).collect::<Vec<_>>(), [(2, "two")]);
    }

    #[test]
    fn what_never_fits_says_why() {
        let mut one = engine("one", None, Some(1000), &["gpu"]);
        let why = |one: &EngineConfig, need: &Need| match possible(&[room(one, 0, 0)], need) {
            Err(Fault::Refused { reason }) => reason,
            other => format!("{other:?}"),
        };
        assert_eq!(why(&one, &need(1001, &[])), "no engine is big enough for 1001 MiB of memory");
        assert_eq!(why(&one, &need(1, &["arm"])), "no engine has the labels arm");
        let named = Need { engine: Some("two".to_owned()), ..need(1, &[]) };
        assert_eq!(why(&one, &named), "there is no engine two");
        assert_eq!(possible(&[room(&one, 5, 1000)], &need(1000, &["gpu"])), Ok(()), "full, but not for ever");
        one.draining = true;
        assert_eq!(why(&one, &need(1, &[])), "one takes no new environments");
    }

    fn engines() -> impl Strategy<Value = Vec<(EngineConfig, Load, bool)>> {
        let one = (
            prop::option::of(1u32..4),
            prop::option::of(1u32..2000),
            any::<bool>(),
            any::<bool>(),
            0u32..3,
            0u64..1500,
            any::<bool>(),
        );
        prop::collection::vec(one, 0..4).prop_map(|list| {
            let make = |(n, (number, memory, gpu, draining, count, used, away))| {
                let mut config = engine(&format!("e{n}"), number, memory, if gpu { &["gpu"] } else { &[] });
                config.draining = draining;
                (config, Load { environments: count, memory_mib: used }, away)
            };
            list.into_iter().enumerate().map(make).collect()
        })
    }

    fn needs() -> impl Strategy<Value = Vec<Need>> {
        let one = (1u64..1500, any::<bool>(), prop::option::of(0usize..4));
        prop::collection::vec(one, 0..8).prop_map(|list| {
            let make = |(memory, gpu, engine): (u64, bool, Option<usize>)| Need {
                memory_mib: memory,
                engine: engine.map(|n| format!("e{n}")),
                labels: if gpu { vec!["gpu".to_owned()] } else { Vec::new() },
            };
            list.into_iter().map(make).collect()
        })
    }

    proptest! {
        #[test]
        fn no_engine_gets_more_than_it_holds_and_nobody_what_it_did_not_ask_for(engines in engines(), waiting in needs()) {
            let rooms: Vec<Room<'_>> = engines.iter().map(|(engine, load, away)| Room { engine, load: *load, away: *away }).collect();
            let admitted = admit(&rooms, &waiting);
            for room in &rooms {
                let mine = admitted.iter().filter(|(_, engine)| engine.name == room.engine.name);
                let added = mine.clone().fold(Load::default(), |sum, (place, _)| sum.plus(Load::one(waiting[*place].memory_mib)));
                if added != Load::default() {
                    prop_assert!(room.holds(room.load.plus(added)) && !room.away && !room.engine.draining);
                }
                for (place, engine) in mine {
                    let need = &waiting[*place];
                    prop_assert!(need.engine.as_ref().is_none_or(|name| *name == engine.name));
                    prop_assert!(need.labels.iter().all(|label| engine.labels.contains(label)));
                }
            }
        }

        #[test]
        fn nobody_behind_changes_what_those_in_front_get(engines in engines(), waiting in needs(), cut in 0usize..8) {
            let rooms: Vec<Room<'_>> = engines.iter().map(|(engine, load, away)| Room { engine, load: *load, away: *away }).collect();
            let cut = cut.min(waiting.len());
            let all: Vec<_> = admit(&rooms, &waiting).into_iter().map(|(place, engine)| (place, engine.name.clone())).collect();
            let front: Vec<_> = admit(&rooms, &waiting[..cut]).into_iter().map(|(place, engine)| (place, engine.name.clone())).collect();
            let of_front: Vec<_> = all.into_iter().filter(|(place, _)| *place < cut).collect();
            prop_assert_eq!(front, of_front);
        }

        #[test]
        fn on_empty_engines_that_answer_the_first_in_line_starts_if_it_ever_can(engines in engines(), waiting in needs()) {
            let rooms: Vec<Room<'_>> =
                engines.iter().map(|(engine, _, _)| Room { engine, load: Load::default(), away: false }).collect();
            if let Some(first) = waiting.first() {
                let starts = admit(&rooms, &waiting).first().is_some_and(|(place, _)| *place == 0);
                prop_assert_eq!(starts, possible(&rooms, first).is_ok());
            }
        }
    }
}
