//! Freeze windows: times at which nothing new goes to a region.
//!
//! A window forbids or allows. Forbidding beats allowing; and a region for which anything is
//! allowed by a window is closed outside of those windows. What cannot be read closes.

use crate::Time;
use crate::policy::covers;
use crate::problem::Fault;
use crate::zone::{self, earliest, latest};
use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Windows one after the other that are followed to say when a region opens; further on nobody knows.
const MOST_FOLLOWED: usize = 400;
/// Days around a moment in which a weekly window that matters can begin.
const DAYS: std::ops::RangeInclusive<i64> = -2..=8;

/// A time at which promotions do not start, or the only one at which they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FreezeConfig {
    pub name: String,
    /// The apps that it is for; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
    /// The regions that it is for; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    pub reason: String,
    /// Default `deny`.
    #[serde(skip_serializing_if = "FreezeKind::is_deny")]
    pub kind: FreezeKind,
    /// IANA name; each region's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Every week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    /// Once, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
}

/// Whether a window forbids or allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FreezeKind {
    #[default]
    Deny,
    Allow,
}

impl FreezeKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_deny(&self) -> bool {
        *self == FreezeKind::Deny
    }
}

/// A window that comes every week. One that does not end after it began ends on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Weekly {
    /// The days on which it begins; every day when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// `18:00`.
    pub from: String,
    pub to: String,
}

/// A window that comes once, in the time of its zone: `2026-12-24T18:00`, or a day alone for its midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Once {
    pub from: String,
    pub to: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    const fn weekday(self) -> Weekday {
        match self {
            Day::Mon => Weekday::Mon,
            Day::Tue => Weekday::Tue,
            Day::Wed => Weekday::Wed,
            Day::Thu => Weekday::Thu,
            Day::Fri => Weekday::Fri,
            Day::Sat => Weekday::Sat,
            Day::Sun => Weekday::Sun,
        }
    }
}

/// Why a region is closed, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Frozen {
    /// The window that forbids, or the first that would allow.
    pub name: String,
    pub reason: String,
    /// None when it is too far away to say.
    pub until: Option<DateTime<Utc>>,
}

/// How a region stands to its freeze windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Freeze {
    /// There are none.
    Unwatched,
    Open,
    Closed(Frozen),
}

/// From and to, without the moment at which it ends.
type Span = (Time, Time);

impl FreezeConfig {
    pub fn fits(&self, app: &str, region: &str) -> bool {
        covers(&self.apps, app) && self.fits_region(region)
    }

    /// Whether it is for any app of a region.
    pub fn fits_region(&self, region: &str) -> bool {
        covers(&self.regions, region)
    }

    /// Whether it takes up this moment, whatever other windows say, and when that changes next where that can be
    /// told. `region_zone` is the zone of a window that names none. None when it cannot be read.
    pub fn at(&self, region_zone: &str, at: Time) -> Option<(bool, Option<Time>)> {
        let spans = self.spans(zone::zone(self.time_zone.as_deref().unwrap_or(region_zone)).ok()?, at)?;
        let (until, next) = around(&spans, at);
        Some((until.is_some(), until.or(next)))
    }

    /// Whether it can be read: where it begins and ends, and in which zone when it names one.
    ///
    /// # Errors
    /// The field and its [`Fault`].
    pub fn read(&self) -> Result<(), (&'static str, Fault)> {
        if let Some(name) = &self.time_zone {
            zone::zone(name).map_err(|why| ("time_zone", why))?;
        }
        match (&self.weekly, &self.once) {
            (Some(weekly), None) => {
                zone::time_of_day(&weekly.from).map_err(|why| ("weekly.from", why))?;
                zone::time_of_day(&weekly.to).map_err(|why| ("weekly.to", why))?;
            }
            (None, Some(once)) => {
                let from = zone::local(&once.from).map_err(|why| ("once.from", why))?;
                let to = zone::local(&once.to).map_err(|why| ("once.to", why))?;
                if to <= from {
                    return Err(("once.to", Fault::Refused { reason: "it ends before it begins".to_owned() }));
                }
            }
            (None, None) => return Err(("weekly", Fault::Missing)),
            (Some(_), Some(_)) => return Err(("once", Fault::Refused { reason: "it comes every week already".to_owned() })),
        }
        Ok(())
    }

    /// The times around `at` that it takes up. An hour that clocks show twice is frozen both times.
    fn spans(&self, zone: Tz, at: Time) -> Option<Vec<Span>> {
        let span = |from: NaiveDateTime, to: NaiveDateTime| match self.kind {
            FreezeKind::Deny => Some((earliest(zone, from)?, latest(zone, to)?)),
            FreezeKind::Allow => Some((latest(zone, from)?, earliest(zone, to)?)),
        };
        if let Some(once) = &self.once {
            return Some(vec![span(zone::local(&once.from).ok()?, zone::local(&once.to).ok()?)?]);
        }
        let weekly = self.weekly.as_ref()?;
        let (from, to) = (zone::time_of_day(&weekly.from).ok()?, zone::time_of_day(&weekly.to).ok()?);
        let today = at.with_timezone(&zone).date_naive();
        let begins = |day: Weekday| weekly.days.is_empty() || weekly.days.iter().any(|known| known.weekday() == day);
        let mut spans = Vec::new();
        for days in DAYS {
            let day = today.checked_add_signed(TimeDelta::days(days))?;
            if begins(day.weekday()) {
                let end = if to <= from { day.succ_opt()? } else { day };
                spans.push(span(day.and_time(from), end.and_time(to))?);
            }
        }
        Some(spans)
    }
}

/// Until when spans take up a moment, if they do, and when one begins after it.
fn around(spans: &[Span], at: Time) -> (Option<Time>, Option<Time>) {
    let until = spans.iter().filter(|(from, to)| *from <= at && at < *to).map(|(_, to)| *to).max();
    let next = spans.iter().filter(|(from, to)| *from > at && from < to).map(|(from, _)| *from).min();
    (until, next)
}

/// The windows of one app in one region, ready to be asked.
struct Windows<'a> {
    all: Vec<(&'a FreezeConfig, Tz)>,
}

/// How it stands at one moment.
enum Now<'a> {
    Open,
    /// Closed by a window, at least until a time, when that can be told.
    Closed(&'a FreezeConfig, Option<Time>),
}

impl<'a> Windows<'a> {
    fn at(&self, at: Time) -> Now<'a> {
        let (mut allowing, mut inside, mut opens) = (None, false, None::<Time>);
        for (freeze, zone) in &self.all {
            let Some(spans) = freeze.spans(*zone, at) else { return Now::Closed(freeze, None) };
            let (active, next) = around(&spans, at);
            match (freeze.kind, active) {
                (FreezeKind::Deny, Some(until)) => return Now::Closed(freeze, Some(until)),
                (FreezeKind::Deny, None) => {}
                (FreezeKind::Allow, active) => {
                    allowing = allowing.or(Some(*freeze));
                    inside |= active.is_some();
                    opens = [opens, next].into_iter().flatten().min();
                }
            }
        }
        match allowing {
            Some(freeze) if !inside => Now::Closed(freeze, opens),
            _ => Now::Open,
        }
    }
}

/// How a region stands to the windows that are for an app there.
pub fn stands(freezes: &[FreezeConfig], app: &str, region: &str, region_zone: &str, at: Time) -> Freeze {
    if !freezes.iter().any(|freeze| freeze.fits(app, region)) {
        return Freeze::Unwatched;
    }
    frozen(freezes, app, region, region_zone, at).map_or(Freeze::Open, Freeze::Closed)
}

/// Why nothing new may go to a region now; none when it may. `region_zone` is the zone of windows that
/// name none.
pub fn frozen(freezes: &[FreezeConfig], app: &str, region: &str, region_zone: &str, at: Time) -> Option<Frozen> {
    let mut all = Vec::new();
    for freeze in freezes.iter().filter(|freeze| freeze.fits(app, region)) {
        match zone::zone(freeze.time_zone.as_deref().unwrap_or(region_zone)) {
            Ok(zone) => all.push((freeze, zone)),
            Err(_) => return Some(told(freeze, None)),
        }
    }
    let windows = Windows { all };
    let Now::Closed(freeze, mut next) = windows.at(at) else { return None };
    for _ in 0..MOST_FOLLOWED {
        let Some(then) = next else { break };
        match windows.at(then) {
            Now::Open => return Some(told(freeze, Some(then))),
            Now::Closed(_, later) => next = later,
        }
    }
    Some(told(freeze, None))
}

fn told(freeze: &FreezeConfig, until: Option<Time>) -> Frozen {
    Frozen { name: freeze.name.clone(), reason: freeze.reason.clone(), until }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{NaiveTime, Timelike as _};
    use proptest::prelude::*;

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    fn weekly(kind: FreezeKind, days: &[Day], from: &str, to: &str) -> FreezeConfig {
        let weekly = Weekly { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() };
        FreezeConfig { name: "nights".to_owned(), kind, weekly: Some(weekly), ..FreezeConfig::default() }
    }

    fn until(freezes: &[FreezeConfig], zone: &str, time: &str) -> Option<Option<String>> {
        let found = frozen(freezes, "web", "hangzhou", zone, at(time));
        found.map(|frozen| frozen.until.map(|at| at.format("%m-%dT%H:%M").to_string()))
    }

    #[test]
    fn a_window_wraps_midnight_in_the_region_s_own_zone() {
        let fridays = [weekly(FreezeKind::Deny, &[Day::Fri], "18:00", "08:00")];
        let shanghai = |time: &str| until(&fridays, "Asia/Shanghai", time);
        assert_eq!(shanghai("2026-11-27T09:59:00Z"), None, "17:59 on Friday");
        assert_eq!(shanghai("2026-11-27T10:00:00Z"), Some(Some("11-28T00:00".to_owned())));
        assert_eq!(shanghai("2026-11-27T23:59:00Z"), Some(Some("11-28T00:00".to_owned())), "07:59 on Saturday");
        assert_eq!(shanghai("2026-11-28T00:00:00Z"), None);
        let own = FreezeConfig { time_zone: Some("UTC".to_owned()), ..fridays[0].clone() };
        assert_eq!(until(&[own], "Asia/Shanghai", "2026-11-27T10:00:00Z"), None, "the window's own zone counts");
    }

    #[test]
    fn a_window_by_itself_says_whether_it_is_now_and_when_that_changes() {
        let fridays = weekly(FreezeKind::Deny, &[Day::Fri], "18:00", "08:00");
        let then = |time: &str| {
            let (now, next) = fridays.at("Asia/Shanghai", at(time)).expect("it can be read");
            (now, next.map(|at| at.format("%m-%dT%H:%M").to_string()))
        };
        assert_eq!(then("2026-11-27T09:59:00Z"), (false, Some("11-27T10:00".to_owned())));
        assert_eq!(then("2026-11-27T10:00:00Z"), (true, Some("11-28T00:00".to_owned())));
        assert_eq!(fridays.at("Mars/Olympus", at("2026-11-27T10:00:00Z")), None);
        let once = Once { from: "2026-12-24".to_owned(), to: "2026-12-28".to_owned() };
        let past = FreezeConfig { once: Some(once), ..FreezeConfig::default() };
        assert_eq!(past.at("UTC", at("2026-12-28T00:00:00Z")), Some((false, None)), "it never comes again");
    }

    #[test]
    fn forbidding_beats_allowing_and_outside_of_what_is_allowed_it_is_closed() {
        let office = weekly(FreezeKind::Allow, &[Day::Mon, Day::Tue], "10:00", "16:00");
        let lunch = weekly(FreezeKind::Deny, &[], "12:00", "13:00");
        let utc = |time: &str| until(&[office.clone(), lunch.clone()], "UTC", time);
        assert_eq!(utc("2026-11-30T11:59:00Z"), None, "a Monday");
        assert_eq!(utc("2026-11-30T12:00:00Z"), Some(Some("11-30T13:00".to_owned())));
        assert_eq!(utc("2026-12-01T16:00:00Z"), Some(Some("12-07T10:00".to_owned())), "until next Monday");
        assert_eq!(until(&[office], "UTC", "2026-11-29T10:00:00Z"), Some(Some("11-30T10:00".to_owned())));
    }

    #[test]
    fn once_is_from_a_date_to_a_date_and_windows_that_meet_are_one() {
        let once = |from: &str, to: &str| FreezeConfig {
            once: Some(Once { from: from.to_owned(), to: to.to_owned() }),
            ..FreezeConfig::default()
        };
        let holidays = [once("2026-12-24", "2026-12-28"), once("2026-12-28", "2027-01-02T08:00")];
        assert_eq!(until(&holidays, "UTC", "2026-12-23T23:59:00Z"), None);
        assert_eq!(until(&holidays, "UTC", "2026-12-24T00:00:00Z"), Some(Some("01-02T08:00".to_owned())));
        assert_eq!(until(&holidays, "UTC", "2027-01-02T08:00:00Z"), None);
        let always = weekly(FreezeKind::Deny, &[], "00:00", "00:00");
        assert_eq!(until(&[always], "UTC", "2027-01-02T08:00:00Z"), Some(None), "it never opens");
        assert_eq!(until(&holidays, "Mars/Olympus", "2026-11-02T08:00:00Z"), Some(None), "what cannot be read closes");
    }

    #[test]
    fn an_hour_that_comes_twice_is_frozen_twice_and_one_that_is_skipped_ends_at_once() {
        let night = [weekly(FreezeKind::Deny, &[], "02:15", "02:45")];
        let berlin = |time: &str| until(&night, "Europe/Berlin", time).is_some();
        assert!(berlin("2026-10-25T00:15:00Z") && berlin("2026-10-25T01:44:00Z"), "the clocks were put back");
        assert!(!berlin("2026-10-25T01:45:00Z"));
        assert!(!berlin("2026-03-29T00:59:00Z") && !berlin("2026-03-29T01:00:00Z"), "there was no such time");
        let through = [weekly(FreezeKind::Deny, &[], "01:30", "02:30")];
        assert_eq!(until(&through, "Europe/Berlin", "2026-03-29T00:30:00Z"), Some(Some("03-29T01:00".to_owned())));
    }

    #[test]
    fn other_apps_and_regions_are_not_touched() {
        let freeze = FreezeConfig { apps: vec!["pay".to_owned()], ..weekly(FreezeKind::Allow, &[], "00:00", "00:01") };
        let ask = |app: &str| stands(std::slice::from_ref(&freeze), app, "hangzhou", "UTC", at("2026-12-24T12:00:00Z"));
        assert_eq!(ask("web"), Freeze::Unwatched);
        assert!(matches!(ask("pay"), Freeze::Closed(_)));
        assert_eq!(until(&[freeze], "UTC", "2026-12-24T12:00:00Z"), None);
    }

    fn zones() -> impl Strategy<Value = &'static str> {
        // Half an hour of daylight saving, dates that were skipped, both hemispheres, none at all.
        prop::sample::select(vec![
            "UTC",
            "Asia/Shanghai",
            "America/New_York",
            "Europe/Berlin",
            "Australia/Lord_Howe",
            "Pacific/Apia",
        ])
    }

    prop_compose! {
        fn some_freeze()(deny: bool, day in prop::option::of(0_usize..7), from in 0_u32..96, to in 0_u32..96) -> FreezeConfig {
            let days = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
            let days: Vec<Day> = day.map(|day| days[day]).into_iter().collect();
            let text = |quarters: u32| format!("{:02}:{:02}", quarters / 4, quarters % 4 * 15);
            weekly(if deny { FreezeKind::Deny } else { FreezeKind::Allow }, &days, &text(from), &text(to))
        }
    }

    proptest! {
        /// What is told of the end is true: closed until then, and open then.
        #[test]
        fn it_is_closed_until_it_says_and_open_then(
            freezes in prop::collection::vec(some_freeze(), 0..4), zone in zones(), seconds in 1_700_000_000_i64..1_900_000_000,
        ) {
            let at = Time::from_timestamp(seconds, 0).expect("a time");
            let ask = |at: Time| frozen(&freezes, "web", "hangzhou", zone, at);
            let Some(found) = ask(at) else { return Ok(()) };
            let Some(until) = found.until else { return Ok(()) };
            prop_assert!(until > at && ask(until).is_none());
            for part in 0..8 {
                let between = at + (until - at) * part / 8;
                prop_assert!(ask(between).is_some(), "{between} of {at} to {until}");
            }
        }

        /// One window, told by looking at the clock on the wall alone.
        #[test]
        fn a_daily_window_is_what_the_clock_on_the_wall_says(
            mut freeze in some_freeze(), zone in zones(), seconds in 1_700_000_000_i64..1_900_000_000,
        ) {
            let weekly = freeze.weekly.as_mut().expect("weekly");
            weekly.days.clear();
            let read = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").expect("a time");
            let (from, to) = (read(&weekly.from), read(&weekly.to));
            let at = Time::from_timestamp(seconds, 0).expect("a time");
            let tz: Tz = zone.parse().expect("a zone");
            // Around a change of the clocks the rule errs to the closed side: left to the test above.
            let near = |hours: i64| (at + TimeDelta::hours(hours)).with_timezone(&tz);
            let shift = |hours: i64| near(hours).naive_local() - near(0).naive_local() != TimeDelta::hours(hours);
            prop_assume!(!(-50..=50).any(shift));
            let wall = near(0).time().with_nanosecond(0).expect("a time");
            let inside = if from < to { from <= wall && wall < to } else { wall >= from || wall < to };
            let closed = inside == (freeze.kind == FreezeKind::Deny);
            prop_assert_eq!(frozen(&[freeze], "web", "hangzhou", zone, at).is_some(), closed);
        }

        #[test]
        fn another_window_that_forbids_never_opens_anything(
            freezes in prop::collection::vec(some_freeze(), 0..3), more in some_freeze(), zone in zones(),
            seconds in 1_700_000_000_i64..1_900_000_000,
        ) {
            let at = Time::from_timestamp(seconds, 0).expect("a time");
            let before = frozen(&freezes, "web", "hangzhou", zone, at).is_some();
            let deny = FreezeConfig { kind: FreezeKind::Deny, ..more };
            let after = frozen(&[freezes, vec![deny]].concat(), "web", "hangzhou", zone, at).is_some();
            prop_assert!(after || !before);
        }
    }
}
