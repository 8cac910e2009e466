//! When those that wait for room can expect to start.

use super::{Load, Need, Room, admit};
use crate::Time;
use chrono::TimeDelta;

/// An environment that takes room until it ends.
#[derive(Clone, Debug)]
pub struct Alive {
    pub engine: String,
    pub memory_mib: u64,
    pub begun: Time,
    pub lease_ends: Time,
}

impl Alive {
    /// When it is likely to end: as others did, if that is still to come and before its lease ends.
    fn likely_end(&self, now: Time, typical: Option<TimeDelta>) -> Time {
        let as_usual = typical.map(|lasts| self.begun + lasts).filter(|end| *end > now && *end < self.lease_ends);
        as_usual.unwrap_or(self.lease_ends).max(now)
    }
}

/// When each of those that wait starts if everything ends when it is likely to; none for what
/// waits for an engine that is away, or that never has the room. `typical` is how long environments
/// last by experience; `lease` is what those that wait asked for.
pub fn expected(
    rooms: &[Room<'_>],
    alive: &[Alive],
    waiting: &[(Need, TimeDelta)],
    now: Time,
    typical: Option<TimeDelta>,
) -> Vec<Option<Time>> {
    let mut rooms = rooms.to_vec();
    let mut ends: Vec<(Time, String, u64)> =
        alive.iter().map(|one| (one.likely_end(now, typical), one.engine.clone(), one.memory_mib)).collect();
    let mut left: Vec<usize> = (0..waiting.len()).collect();
    let mut found = vec![None; waiting.len()];
    let mut at = now;
    loop {
        let needs: Vec<Need> = left.iter().filter_map(|place| waiting.get(*place)).map(|(need, _)| need.clone()).collect();
        let mut started = Vec::new();
        for (index, engine) in admit(&rooms, &needs) {
            let Some(place) = left.get(index).copied() else { continue };
            let Some((need, lease)) = waiting.get(place) else { continue };
            if let Some(slot) = found.get_mut(place) {
                *slot = Some(at);
            }
            started.push(place);
            ends.push((at + typical.map_or(*lease, |lasts| lasts.min(*lease)), engine.name.clone(), need.memory_mib));
            if let Some(room) = rooms.iter_mut().find(|room| room.engine.name == engine.name) {
                room.load = room.load.plus(Load::one(need.memory_mib));
            }
        }
        left.retain(|place| !started.contains(place));
        // The next end makes room; without one, whoever is left waits for something else.
        let next = ends.iter().enumerate().min_by_key(|(_, (end, ..))| *end).map(|(index, _)| index);
        let (false, Some(next)) = (left.is_empty(), next) else { return found };
        let (end, engine, memory_mib) = ends.swap_remove(next);
        at = at.max(end);
        if let Some(room) = rooms.iter_mut().find(|room| room.engine.name == engine) {
            room.load = room.load.minus(Load::one(memory_mib));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::engine;
    use super::*;
    use proptest::prelude::*;

    fn at(minutes: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + minutes * 60, 0).expect("a time")
    }

    fn need(memory_mib: u64) -> (Need, TimeDelta) {
        (Need { memory_mib, ..Need::default() }, TimeDelta::hours(8))
    }

    fn alive(memory_mib: u64, begun: i64, lease_ends: i64) -> Alive {
        Alive { engine: "one".to_owned(), memory_mib, begun: at(begun), lease_ends: at(lease_ends) }
    }

    #[test]
    fn room_comes_with_the_ends_of_leases_or_earlier_as_experience_says() {
        let one = engine("one", Some(1), None, &[]);
        let rooms = [Room { engine: &one, load: Load::one(10), away: false }];
        let there = [alive(10, 0, 60)];
        let waiting = [need(1), need(1)];
        assert_eq!(expected(&rooms, &there, &waiting, at(10), None), [Some(at(60)), Some(at(60 + 480))]);
        let half_an_hour = Some(TimeDelta::minutes(30));
        assert_eq!(expected(&rooms, &there, &waiting, at(10), half_an_hour), [Some(at(30)), Some(at(60))]);
        assert_eq!(expected(&rooms, &there, &waiting, at(40), half_an_hour), [Some(at(60)), Some(at(90))], "it is late already");
        let away = [Room { away: true, ..rooms[0].clone() }];
        assert_eq!(expected(&away, &there, &waiting, at(10), None), [None, None]);
    }

    proptest! {
        #[test]
        fn nobody_who_needs_the_same_starts_before_who_came_first(
            most in 1u32..4, lasts in prop::collection::vec(0i64..500, 0..4), count in 0usize..8, typical in prop::option::of(1i64..600),
        ) {
            let one = engine("one", Some(most), None, &[]);
            let there: Vec<Alive> = lasts.iter().map(|end| alive(1, 0, *end)).collect();
            let load = Load { environments: u32::try_from(there.len()).expect("few"), memory_mib: 0 };
            let rooms = [Room { engine: &one, load, away: false }];
            let waiting = vec![need(1); count];
            let found = expected(&rooms, &there, &waiting, at(100), typical.map(TimeDelta::minutes));
            prop_assert!(found.iter().all(|time| time.is_some_and(|time| time >= at(100))));
            prop_assert!(found.is_sorted());
        }
    }
}
