//! Leases and the life of an environment.

use crate::actor::{Person, Role};
use crate::id::UserId;
use crate::problem::Fault;
use crate::promotion::state_text;
use crate::{Problem, Time};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// `queued` → `launching` → `running` → `stopping` → `stopped`; `launching` or `running` → `failed`,
/// which keeps its containers for a look until the lease ends or somebody stops it. It is
/// `running` only while every service runs or has ended with exit code 0. From `running` or
/// `failed` it can be frozen (`freezing` → `frozen` → `thawing` → `running`) and have a service
/// restarted (`restarting` → `running`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentState {
    /// Waits for room on an engine; nothing of it is there yet.
    Queued,
    Launching,
    Running,
    Failed,
    Restarting,
    Freezing,
    /// Its containers are stopped and kept.
    Frozen,
    Thawing,
    Stopping,
    Stopped,
}

/// Why an environment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    StoppedByHand,
    LeaseEnded,
    /// The check that it was launched for has ended.
    CheckEnded,
}

state_text! {
    EnvironmentState {
        Queued = "queued",
        Launching = "launching",
        Running = "running",
        Failed = "failed",
        Restarting = "restarting",
        Freezing = "freezing",
        Frozen = "frozen",
        Thawing = "thawing",
        Stopping = "stopping",
        Stopped = "stopped",
    }
    EndReason { StoppedByHand = "stopped_by_hand", LeaseEnded = "lease_ended", CheckEnded = "check_ended" }
}

impl EnvironmentState {
    /// Whether it stands still, so that something else can be begun with it.
    pub const fn is_settled(self) -> bool {
        matches!(self, EnvironmentState::Running | EnvironmentState::Failed | EnvironmentState::Frozen)
    }

    /// Whether its services run or come up, so that their logs grow.
    pub const fn is_up(self) -> bool {
        matches!(
            self,
            EnvironmentState::Launching
                | EnvironmentState::Running
                | EnvironmentState::Failed
                | EnvironmentState::Restarting
                | EnvironmentState::Thawing
        )
    }

    /// Whether its end can still be asked for.
    pub const fn can_stop(self) -> bool {
        !matches!(self, EnvironmentState::Stopping | EnvironmentState::Stopped)
    }
}

/// Hours a lease lasts when nothing else is asked, and the most that can be asked.
pub const DEFAULT_LEASE_HOURS: u32 = 8;
pub const MOST_LEASE_HOURS: u32 = 72;
/// Hours that one extension adds at most.
pub const MOST_EXTENSION_HOURS: u32 = 24;
/// Hours from beginning to end that a lease lasts at most, all extensions counted, unless configured.
pub const DEFAULT_TOTAL_HOURS: u32 = 168;
/// Minutes before its end in which a lease is said to end soon, unless configured.
pub const DEFAULT_WARN_MINUTES: u32 = 30;

/// Whether somebody may decide about an environment that `holder` holds: the holder and leads.
/// `by` is the role that they act in, which a token may have made smaller than their own.
///
/// # Errors
/// [`Problem::NotTheHolder`] with the holder's name.
pub fn require_keeper(person: &Person, by: Role, holder: &UserId, holder_name: &str) -> Result<(), Problem> {
    if person.id == *holder || (person.role == Role::Lead && by == Role::Lead) {
        return Ok(());
    }
    Err(Problem::NotTheHolder { holder: holder_name.to_owned() })
}

/// Whether a lease ends within the minutes in which it is warned of.
pub fn ends_soon(ends: Time, now: Time, warn_minutes: u32) -> bool {
    ends - now <= TimeDelta::minutes(i64::from(warn_minutes))
}

/// Whole hours that a lease can still be extended by in one go.
pub fn room(begun: Time, ends: Time, total_hours: u32) -> u32 {
    let left = begun + TimeDelta::hours(i64::from(total_hours)) - ends;
    u32::try_from(left.num_hours()).unwrap_or_default().min(MOST_EXTENSION_HOURS)
}

/// When a lease ends that is extended by `hours`.
///
/// # Errors
/// [`Fault::OutOfRange`] for no hours or more than there is room for; [`Fault::Refused`] when it
/// is as long as it can be.
pub fn extended(begun: Time, ends: Time, hours: u32, total_hours: u32) -> Result<Time, Fault> {
    let room = room(begun, ends, total_hours);
    if room == 0 {
        return Err(Fault::Refused { reason: format!("a lease lasts at most {total_hours} hours; launch a new environment") });
    }
    if !(1..=room).contains(&hours) {
        return Err(Fault::OutOfRange { least: 1, most: i64::from(room) });
    }
    Ok(ends + TimeDelta::hours(i64::from(hours)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + seconds, 0).expect("a time")
    }

    fn person(id: &str, role: Role) -> Person {
        Person { id: UserId(id.to_owned()), name: id.to_owned(), role }
    }

    proptest! {
        #[test]
        fn however_often_a_lease_is_extended_it_stays_within_its_total(
            first in 1u32..=MOST_LEASE_HOURS, asked in prop::collection::vec(0u32..40, 0..40), total in MOST_LEASE_HOURS..400,
        ) {
            let begun = at(0);
            let mut ends = begun + TimeDelta::hours(i64::from(first));
            for hours in asked {
                let possible = room(begun, ends, total);
                match extended(begun, ends, hours, total) {
                    Ok(later) => {
                        prop_assert_eq!(later - ends, TimeDelta::hours(i64::from(hours)));
                        prop_assert!((1..=possible).contains(&hours));
                        ends = later;
                    }
                    Err(Fault::OutOfRange { least, most }) => {
                        prop_assert!(i64::from(hours) < least || i64::from(hours) > most);
                        prop_assert_eq!(most, i64::from(possible));
                    }
                    Err(_) => prop_assert_eq!(possible, 0),
                }
                prop_assert!(ends - begun <= TimeDelta::hours(i64::from(total)));
            }
        }

        #[test]
        fn a_lease_ends_soon_from_one_moment_on(ends in 0i64..1_000_000, now in 0i64..1_000_000, warn in 0u32..600) {
            let soon = ends_soon(at(ends), at(now), warn);
            prop_assert_eq!(soon, now >= ends - i64::from(warn) * 60);
        }

        #[test]
        fn only_the_holder_and_leads_decide(
            me in "[a-c]", holder in "[a-c]",
            role in prop::sample::select(Role::ALL.to_vec()), by in prop::sample::select(Role::ALL.to_vec()),
        ) {
            let may = require_keeper(&person(&me, role), by, &UserId(holder.clone()), "ada").is_ok();
            prop_assert_eq!(may, me == holder || (role, by) == (Role::Lead, Role::Lead));
        }
    }

    #[test]
    fn a_lease_that_is_too_long_already_has_no_room() {
        let ends = at(0) + TimeDelta::hours(200);
        assert_eq!(room(at(0), ends, 168), 0);
        assert!(matches!(extended(at(0), ends, 1, 168), Err(Fault::Refused { .. })));
    }
}
