//! Waves: a promotion's regions go in groups, one group after another, with time to look between
//! them. Within a wave the regions go one after another too.

use crate::Time;
use crate::problem::Fault;
use crate::promotion::{Next, RolloutState, next};
use serde::{Deserialize, Serialize};

/// A week is the longest that a wave waits for the one before it to prove itself.
pub const MOST_SOAK_MINUTES: u32 = 7 * 24 * 60;

/// Where a wave after the first begins, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WaveStart {
    /// The wave's first region.
    pub from: String,
    /// Minutes that the wave before must have stood, once all of its regions were verified.
    #[serde(default)]
    pub soak_minutes: u32,
    /// Whether a lead must have looked and let it begin.
    #[serde(default)]
    pub look: bool,
}

/// A region's place among the waves, and what its wave waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// From 0.
    pub wave: u32,
    pub soak_minutes: u32,
    pub look: bool,
}

/// The place of each region, in their order.
///
/// # Errors
/// [`Fault`] when a wave begins nowhere, with the first region, twice, or waits for too long.
pub fn places(regions: &[String], waves: &[WaveStart]) -> Result<Vec<Place>, Fault> {
    for (at, wave) in waves.iter().enumerate() {
        let found = regions.iter().position(|region| *region == wave.from);
        if found.is_none_or(|found| found == 0) {
            return Err(Fault::Refused { reason: "a later wave begins with one of the regions after the first".to_owned() });
        }
        if waves.iter().take(at).any(|other| other.from == wave.from) {
            return Err(Fault::Twice);
        }
        if wave.soak_minutes > MOST_SOAK_MINUTES {
            return Err(Fault::OutOfRange { least: 0, most: i64::from(MOST_SOAK_MINUTES) });
        }
    }
    let mut here = Place::default();
    let place = |region: &String| {
        if let Some(start) = waves.iter().find(|wave| wave.from == *region) {
            here = Place { wave: here.wave + 1, soak_minutes: start.soak_minutes, look: start.look };
        }
        here
    };
    Ok(regions.iter().map(place).collect())
}

/// One region's part of a running promotion, as far as its turn goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub state: RolloutState,
    pub place: Place,
    pub ended_at: Option<Time>,
}

/// What people said about a running promotion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    pub paused: bool,
    /// The last wave that somebody let begin.
    pub let_go: u32,
}

/// What a running promotion needs, or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The rollout at this place may start.
    Start(usize),
    /// The rollout at this place runs.
    Watch(usize),
    /// Somebody paused it before its next region.
    Paused,
    /// The wave before has to stand until then.
    Soak {
        wave: u32,
        until: Time,
    },
    /// Somebody has to look before this wave begins.
    Look {
        wave: u32,
    },
    Verified,
    Failed,
}

/// What follows from the rollouts of a running promotion in their order, from what people said,
/// and from the time. It depends on nothing else, so that after a crash the answer is the same.
pub fn course(turns: &[Turn], hold: Hold, now: Time) -> Course {
    let states: Vec<RolloutState> = turns.iter().map(|turn| turn.state).collect();
    match next(&states) {
        Next::Watch(at) => Course::Watch(at),
        Next::Verified => Course::Verified,
        Next::Failed => Course::Failed,
        Next::Start(at) => waits(turns, at, hold, now).unwrap_or(Course::Start(at)),
    }
}

/// What the region whose turn comes next still waits for.
fn waits(turns: &[Turn], at: usize, hold: Hold, now: Time) -> Option<Course> {
    if hold.paused {
        return Some(Course::Paused);
    }
    let place = turns.get(at)?.place;
    let before = turns.iter().take(at);
    // Only a wave's first region waits for its wave.
    if at == 0 || before.clone().any(|turn| turn.place.wave == place.wave) {
        return None;
    }
    let stood = before.filter_map(|turn| turn.ended_at).max();
    let until = stood.and_then(|stood| stood.checked_add_signed(chrono::Duration::minutes(i64::from(place.soak_minutes))));
    if let Some(until) = until.filter(|until| *until > now) {
        return Some(Course::Soak { wave: place.wave, until });
    }
    (place.look && hold.let_go < place.wave).then_some(Course::Look { wave: place.wave })
}

#[cfg(test)]
mod tests {
    use super::*;
    use RolloutState::{Failed, Running, Verified, Waiting};
    use proptest::prelude::*;

    fn at(minute: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + 60 * minute, 0).expect("a time")
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn wave(from: &str, soak_minutes: u32, look: bool) -> WaveStart {
        WaveStart { from: from.to_owned(), soak_minutes, look }
    }

    /// Regions `a`, then `b` and `c` in a second wave that waits.
    fn turns(states: [RolloutState; 3], soak_minutes: u32, look: bool) -> Vec<Turn> {
        let places = places(&named(&["a", "b", "c"]), &[wave("b", soak_minutes, look)]).expect("places");
        let turn = |(state, place): (RolloutState, Place)| Turn { state, place, ended_at: (state == Verified).then(|| at(0)) };
        states.into_iter().zip(places).map(turn).collect()
    }

    #[test]
    fn a_wave_begins_when_the_one_before_has_stood_and_then_goes_on_by_itself() {
        let hold = Hold::default();
        assert_eq!(course(&turns([Waiting, Waiting, Waiting], 10, false), hold, at(0)), Course::Start(0));
        let first_done = turns([Verified, Waiting, Waiting], 10, false);
        assert_eq!(course(&first_done, hold, at(9)), Course::Soak { wave: 1, until: at(10) });
        assert_eq!(course(&first_done, hold, at(10)), Course::Start(1));
        assert_eq!(course(&turns([Verified, Verified, Waiting], 10, false), hold, at(1)), Course::Start(2));
        assert_eq!(course(&turns([Failed, Waiting, Waiting], 10, false), hold, at(99)), Course::Failed);
    }

    #[test]
    fn a_wave_that_wants_a_look_waits_for_somebody_however_long() {
        let done = turns([Verified, Waiting, Waiting], 10, true);
        let let_go = Hold { let_go: 1, paused: false };
        assert_eq!(course(&done, Hold::default(), at(9)), Course::Soak { wave: 1, until: at(10) });
        assert_eq!(course(&done, Hold::default(), at(9999)), Course::Look { wave: 1 });
        assert_eq!(course(&done, let_go, at(9)), Course::Soak { wave: 1, until: at(10) }, "a look shortens nothing");
        assert_eq!(course(&done, let_go, at(10)), Course::Start(1));
    }

    #[test]
    fn a_pause_keeps_the_next_region_from_starting_and_nothing_else() {
        let paused = Hold { paused: true, let_go: 9 };
        assert_eq!(course(&turns([Waiting, Waiting, Waiting], 0, false), paused, at(0)), Course::Paused);
        assert_eq!(course(&turns([Running, Waiting, Waiting], 0, false), paused, at(0)), Course::Watch(0));
        assert_eq!(course(&turns([Verified, Verified, Verified], 0, false), paused, at(0)), Course::Verified);
    }

    #[test]
    fn a_wave_begins_with_a_region_after_the_first_and_once() {
        let regions = named(&["a", "b"]);
        for waves in [vec![wave("a", 0, false)], vec![wave("x", 0, false)], vec![wave("b", 0, false), wave("b", 0, true)]] {
            assert!(places(&regions, &waves).is_err(), "{waves:?}");
        }
        assert!(places(&regions, &[wave("b", MOST_SOAK_MINUTES + 1, false)]).is_err());
        assert_eq!(places(&regions, &[]).expect("one wave"), [Place::default(); 2]);
    }

    proptest! {
        /// Whatever the waves, and whoever looks when: following the course ends, runs one region at
        /// a time, and no region starts before all of the waves before it have stood for their soak.
        #[test]
        fn no_region_starts_before_its_wave(
            fates in prop::collection::vec((prop::bool::weighted(0.9), prop::bool::weighted(0.5), 0_u32..30, any::<bool>()), 1..7),
            pauses in prop::collection::vec(any::<bool>(), 0..20),
        ) {
            let names: Vec<String> = (0..fates.len()).map(|n| format!("r{n}")).collect();
            let starts: Vec<WaveStart> = (1..fates.len()).filter(|n| fates[*n].1).map(|n| wave(&names[n], fates[n].2, fates[n].3)).collect();
            let places = places(&names, &starts).expect("places");
            let mut turns: Vec<Turn> = places.iter().map(|place| Turn { state: Waiting, place: *place, ended_at: None }).collect();
            let (mut hold, mut now, mut pauses) = (Hold::default(), 0, pauses.into_iter());
            let mut end = None;
            for _ in 0..400 {
                hold.paused = pauses.next().unwrap_or(false);
                now += 1;
                match course(&turns, hold, at(now)) {
                    Course::Start(n) => {
                        prop_assert!(!hold.paused && turns.iter().all(|turn| turn.state != Running));
                        let before: Vec<&Turn> = turns.iter().filter(|turn| turn.place.wave < turns[n].place.wave).collect();
                        prop_assert!(before.iter().all(|turn| turn.state == Verified));
                        let first = n == 0 || turns[n - 1].place.wave < turns[n].place.wave;
                        let soaked = i64::from(turns[n].place.soak_minutes);
                        prop_assert!(!first || before.iter().all(|turn| turn.ended_at <= Some(at(now - soaked))));
                        prop_assert!(!first || !turns[n].place.look || hold.let_go >= turns[n].place.wave);
                        turns[n].state = Running;
                    }
                    Course::Watch(n) => {
                        turns[n].state = if fates[n].0 { Verified } else { Failed };
                        turns[n].ended_at = Some(at(now));
                    }
                    Course::Look { wave } => hold.let_go = wave,
                    Course::Soak { until, .. } => prop_assert!(until > at(now)),
                    Course::Paused => prop_assert!(hold.paused),
                    ended => {
                        end = Some(ended);
                        break;
                    }
                }
            }
            let well = fates.iter().all(|fate| fate.0);
            prop_assert_eq!(end, Some(if well { Course::Verified } else { Course::Failed }));
        }
    }
}
