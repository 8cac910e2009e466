//! Promotion sets: promotions of several apps that were requested together. They run one after
//! another in their order, and each goes through its own gates.

use super::PromotionState;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A set has at least two promotions, and no more than these.
pub const LEAST_MEMBERS: usize = 2;
pub const MOST_MEMBERS: usize = 20;

/// The number of a set. In addresses and in words it is `S-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
pub struct SetNumber(pub i64);

/// What was given is not the number of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a promotion set, like S-7")]
pub struct NoSetNumber;

impl fmt::Display for SetNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-{}", self.0)
    }
}

impl FromStr for SetNumber {
    type Err = NoSetNumber;

    fn from_str(text: &str) -> Result<Self, NoSetNumber> {
        let digits = text.strip_prefix("S-").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).filter(|number| *number > 0).map(Self).ok_or(NoSetNumber)
    }
}

impl TryFrom<String> for SetNumber {
    type Error = NoSetNumber;

    fn try_from(text: String) -> Result<Self, NoSetNumber> {
        text.parse()
    }
}

impl From<SetNumber> for String {
    fn from(number: SetNumber) -> Self {
        number.to_string()
    }
}

/// What a set needs next, or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetCourse {
    /// Nobody has started it.
    Waits,
    /// The promotion at this place may start: those before it are verified.
    Start(usize),
    /// The promotion at this place runs.
    Watch(usize),
    /// The promotion at this place ended and is not verified: no other begins.
    Stopped(usize),
    /// Every promotion is verified.
    Verified,
}

/// What follows from the promotions of a set in their order, and from whether it was started. It
/// depends on nothing else, so that after a crash the answer is the same.
pub fn course(members: &[PromotionState], started: bool) -> SetCourse {
    let place = |wanted: fn(&PromotionState) -> bool| members.iter().position(wanted);
    if let Some(at) = place(|state| *state == PromotionState::Running) {
        return SetCourse::Watch(at);
    }
    if let Some(at) = place(|state| state.ended() && *state != PromotionState::Verified) {
        return SetCourse::Stopped(at);
    }
    match place(|state| *state == PromotionState::Open) {
        Some(at) if started => SetCourse::Start(at),
        None if !members.is_empty() => SetCourse::Verified,
        _ => SetCourse::Waits,
    }
}

/// The set in one word: that of the promotion that stopped it, where one did.
pub fn state(members: &[PromotionState], started: bool) -> PromotionState {
    match course(members, started) {
        SetCourse::Waits => PromotionState::Open,
        SetCourse::Start(_) | SetCourse::Watch(_) => PromotionState::Running,
        SetCourse::Stopped(at) => members.get(at).copied().unwrap_or(PromotionState::Failed),
        SetCourse::Verified => PromotionState::Verified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PromotionState::{Aborted, Cancelled, Expired, Failed, Open, Rejected, Running, Verified};
    use proptest::prelude::*;

    #[test]
    fn promotions_of_a_set_go_one_after_another_and_stop_at_the_first_that_is_not_verified() {
        assert_eq!(course(&[Open, Open], false), SetCourse::Waits);
        assert_eq!(course(&[Open, Open], true), SetCourse::Start(0));
        assert_eq!(course(&[Running, Open], true), SetCourse::Watch(0));
        assert_eq!(course(&[Verified, Open], true), SetCourse::Start(1));
        assert_eq!(course(&[Verified, Verified], true), SetCourse::Verified);
        for ended in [Failed, Aborted, Expired, Cancelled, Rejected] {
            assert_eq!(course(&[Verified, ended, Open], true), SetCourse::Stopped(1));
            assert_eq!(state(&[Verified, ended, Open], true), ended);
            assert_eq!(course(&[Open, ended], true), SetCourse::Stopped(1), "also one whose turn had not come");
            assert_eq!(course(&[Open, ended], false), SetCourse::Stopped(1));
        }
        assert_eq!(course(&[], true), SetCourse::Waits, "nothing was verified");
    }

    #[test]
    fn a_number_is_read_back_as_what_it_was_and_nothing_else_is_one() {
        assert_eq!("S-7".parse(), Ok(SetNumber(7)));
        assert_eq!(SetNumber(7).to_string(), "S-7");
        for bad in ["7", "S-", "S-0", "S--1", "S-+1", "s-7", "S-7 ", "S-99999999999999999999"] {
            assert_eq!(bad.parse::<SetNumber>(), Err(NoSetNumber), "{bad:?}");
        }
    }

    const ENDS: [PromotionState; 6] = [Verified, Failed, Aborted, Expired, Cancelled, Rejected];

    proptest! {
        /// Whatever becomes of each promotion, whoever starts the set and when, and whoever ends one that
        /// is still open: following the course ends, never runs two at once, never begins one before all
        /// that stand before it are verified, and begins nothing once one has ended in another way.
        #[test]
        fn no_promotion_of_a_set_runs_beside_another_or_before_its_turn(
            fates in prop::collection::vec(prop::sample::select(ENDS.to_vec()), 1..8),
            started_at in 0_usize..4,
            ended_early in prop::option::of((0_usize..8, 0_usize..20, prop::sample::select(vec![Expired, Cancelled, Rejected]))),
        ) {
            let mut members = vec![Open; fates.len()];
            let mut ended = false;
            for turn in 0..30 {
                if let Some((at, when, to)) = ended_early
                    && when == turn
                    && members.get(at) == Some(&Open)
                {
                    members[at] = to;
                }
                match course(&members, turn >= started_at) {
                    SetCourse::Waits => prop_assert!(turn < started_at),
                    SetCourse::Start(at) => {
                        prop_assert!(turn >= started_at);
                        prop_assert!(members[..at].iter().all(|state| *state == Verified));
                        prop_assert!(members[at..].iter().all(|state| *state == Open));
                        members[at] = Running;
                    }
                    SetCourse::Watch(at) => {
                        prop_assert_eq!(members.iter().filter(|state| **state == Running).count(), 1);
                        // What runs is verified, fails or is ended by somebody.
                        members[at] = if fates[at].may_be_of_running() { fates[at] } else { Failed };
                    }
                    SetCourse::Stopped(at) => {
                        prop_assert!(members[at].ended() && members[at] != Verified);
                        ended = true;
                    }
                    SetCourse::Verified => {
                        prop_assert!(members.iter().all(|state| *state == Verified));
                        ended = true;
                    }
                }
                prop_assert!(members.iter().filter(|state| **state == Running).count() <= 1);
            }
            prop_assert!(ended);
        }

        /// Whatever states are in the database: one that is not verified holds all the rest.
        #[test]
        fn nothing_begins_beside_what_has_not_been_verified(
            members in prop::collection::vec(prop::sample::select(vec![Open, Running, Verified, Failed, Aborted, Expired]), 0..7),
            started in any::<bool>(),
        ) {
            if let SetCourse::Start(at) = course(&members, started) {
                prop_assert!(started && members[at] == Open);
                prop_assert!(members.iter().all(|state| matches!(state, Open | Verified)));
                prop_assert!(members[..at].iter().all(|state| *state == Verified));
            }
        }
    }

    impl PromotionState {
        fn may_be_of_running(self) -> bool {
            Running.may_become(self)
        }
    }
}
