//! Times as people in a place write them, and the moments that they mean.

use crate::Time;
use crate::problem::Fault;
use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

/// The longest time that clocks were ever put forward by, in minutes: a whole day.
const MOST_GAP: i64 = 26 * 60;

/// The time zone of an IANA name.
///
/// # Errors
/// [`Fault::Unreadable`] when there is none of this name.
pub fn zone(name: &str) -> Result<Tz, Fault> {
    name.parse().map_err(|_| Fault::Unreadable { detail: format!("there is no time zone {name}") })
}

/// The first moment at which clocks in `zone` show `local`. A time that they skip means the moment
/// at which they skipped it. None beyond the years that can be told.
pub fn earliest(zone: Tz, local: NaiveDateTime) -> Option<Time> {
    moment(zone, local, |first, _| first)
}

/// The last moment at which clocks in `zone` show `local`: another one when they were put back.
pub fn latest(zone: Tz, local: NaiveDateTime) -> Option<Time> {
    moment(zone, local, |_, last| last)
}

fn moment(zone: Tz, local: NaiveDateTime, choose: fn(Time, Time) -> Time) -> Option<Time> {
    (0..MOST_GAP).find_map(|minutes| {
        let shown = local.checked_add_signed(TimeDelta::minutes(minutes))?;
        match zone.from_local_datetime(&shown) {
            LocalResult::Single(at) => Some(at.with_timezone(&Utc)),
            LocalResult::Ambiguous(first, last) => Some(choose(first.with_timezone(&Utc), last.with_timezone(&Utc))),
            LocalResult::None => None,
        }
    })
}

/// A day and a time as forms and configurations write them: `2026-12-24T18:00`; a day alone begins at
/// midnight.
///
/// # Errors
/// [`Fault::Unreadable`].
pub fn local(text: &str) -> Result<NaiveDateTime, Fault> {
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN));
    let read = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").or_else(|_| day());
    read.map_err(|_| Fault::Unreadable { detail: "write a time like 2026-12-24T18:00".to_owned() })
}

/// A time of day: `18:00`.
///
/// # Errors
/// [`Fault::Unreadable`].
pub fn time_of_day(text: &str) -> Result<NaiveTime, Fault> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| Fault::Unreadable { detail: "write a time like 18:00".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_hour_means_its_end_and_a_repeated_one_has_two_ends() {
        let zone = zone("Europe/Berlin").expect("a zone");
        let at = |text: &str, of: fn(Tz, NaiveDateTime) -> Option<Time>| {
            of(zone, local(text).expect("a time")).expect("a moment").to_rfc3339()
        };
        assert_eq!(at("2026-03-29T02:30", earliest), "2026-03-29T01:00:00+00:00");
        assert_eq!(at("2026-03-29T02:30", latest), "2026-03-29T01:00:00+00:00");
        assert_eq!(at("2026-10-25T02:30", earliest), "2026-10-25T00:30:00+00:00");
        assert_eq!(at("2026-10-25T02:30", latest), "2026-10-25T01:30:00+00:00");
        assert_eq!(at("2026-12-24", earliest), "2026-12-23T23:00:00+00:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["", "24.12.2026", "2026-12-24 18:00", "2026-13-01", "2026-12-24T25:00"] {
            assert!(local(bad).is_err(), "{bad}");
        }
        assert!(zone("Mars/Olympus").is_err() && time_of_day("24:00").is_err());
    }
}
