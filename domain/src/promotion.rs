//! The life of a promotion and of its rollouts.

pub mod set;

use serde::{Deserialize, Serialize};

/// Whether a promotion goes forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PromotionKind {
    Promotion,
    Rollback,
    /// What was last verified is put back over what somebody changed by hand, or, where that is
    /// adopted, the record follows.
    Correction,
    /// A contingency plan, or the return from one.
    Plan,
    /// A part of one region runs another build, with an owner and an end. It passes every gate.
    Canary,
}

impl PromotionKind {
    /// Whether it only goes to what was verified there before: it needs no approval, and its gates
    /// are those of a rollback.
    pub const fn goes_back(self) -> bool {
        !matches!(self, PromotionKind::Promotion | PromotionKind::Canary)
    }
}

/// `open` → `running` → `verified`, `failed` or `aborted`; `open` → `cancelled`, `rejected` or `expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PromotionState {
    /// Requested; gathers approvals; its gates are shown.
    Open,
    /// Its rollouts run, one region after another.
    Running,
    /// Every region runs the digest, seen on the tasks themselves.
    Verified,
    /// A region failed; later regions were left as they were.
    Failed,
    /// Withdrawn before it started.
    Cancelled,
    /// Ended by somebody while it ran: its regions were left as they were at that moment.
    Aborted,
    /// Sent back by somebody who could have approved it.
    Rejected,
    /// Nobody started it while its approvals counted, or it was open for too long.
    Expired,
}

/// `waiting` → `running` → `verified` or `failed`; `waiting` → `skipped`, or `failed` when a
/// gate closed before its turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    Waiting,
    Running,
    Verified,
    Failed,
    /// An earlier region failed or somebody ended the promotion, so this one was not touched.
    Skipped,
}

impl PromotionState {
    /// Whether a promotion may go from here to `next`. What is not listed is refused.
    pub const fn may_become(self, next: Self) -> bool {
        use PromotionState as S;
        matches!(
            (self, next),
            (S::Open, S::Running | S::Cancelled | S::Rejected | S::Expired) | (S::Running, S::Verified | S::Failed | S::Aborted)
        )
    }

    /// Whether nothing can change any more.
    pub const fn ended(self) -> bool {
        !matches!(self, PromotionState::Open | PromotionState::Running)
    }
}

impl RolloutState {
    /// Whether a rollout may go from here to `next`. What is not listed is refused.
    pub const fn may_become(self, next: Self) -> bool {
        use RolloutState as S;
        matches!((self, next), (S::Waiting, S::Running | S::Failed | S::Skipped) | (S::Running, S::Verified | S::Failed))
    }

    /// Whether nothing can change any more.
    pub const fn ended(self) -> bool {
        matches!(self, RolloutState::Verified | RolloutState::Failed | RolloutState::Skipped)
    }
}

/// What a running promotion needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The rollout at this place waits for its turn, which has come.
    Start(usize),
    /// The rollout at this place runs: look at the Swarm, then go on with it.
    Watch(usize),
    /// Every region runs the digest.
    Verified,
    /// A region failed: what still waits is skipped, and the promotion has failed.
    Failed,
}

/// What follows from the rollouts of a running promotion, in their order. It depends on
/// nothing else, so that after a crash the answer is the same.
pub fn next(rollouts: &[RolloutState]) -> Next {
    let place = |wanted: RolloutState| rollouts.iter().position(|state| *state == wanted);
    if let Some(running) = place(RolloutState::Running) {
        return Next::Watch(running);
    }
    let broken = |state: &RolloutState| matches!(state, RolloutState::Failed | RolloutState::Skipped);
    if rollouts.is_empty() || rollouts.iter().any(broken) {
        return Next::Failed;
    }
    place(RolloutState::Waiting).map_or(Next::Verified, Next::Start)
}

/// A piece of long work, shown live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Waiting,
    Running,
    Done,
    Failed,
    Skipped,
}

macro_rules! state_text {
    ($($name:ident { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        impl $name {
            /// The word in the database, in REST and in the style sheet.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::problem::Fault;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(crate::problem::Fault::Unreadable { detail: text.to_owned() }),
                }
            }
        }
    )+};
}
pub(crate) use state_text;

state_text! {
    PromotionKind { Promotion = "promotion", Rollback = "rollback", Correction = "correction", Plan = "plan",
        Canary = "canary" }
    PromotionState { Open = "open", Running = "running", Verified = "verified", Failed = "failed", Cancelled = "cancelled",
        Aborted = "aborted", Rejected = "rejected", Expired = "expired" }
    RolloutState { Waiting = "waiting", Running = "running", Verified = "verified", Failed = "failed", Skipped = "skipped" }
    StepState { Waiting = "waiting", Running = "running", Done = "done", Failed = "failed", Skipped = "skipped" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RolloutState::{Failed, Running, Skipped, Verified, Waiting};
    use proptest::prelude::*;

    const PROMOTION_STATES: [PromotionState; 8] = [
        PromotionState::Open,
        PromotionState::Running,
        PromotionState::Verified,
        PromotionState::Failed,
        PromotionState::Cancelled,
        PromotionState::Aborted,
        PromotionState::Rejected,
        PromotionState::Expired,
    ];
    const ROLLOUT_STATES: [RolloutState; 5] = [Waiting, Running, Verified, Failed, Skipped];

    #[test]
    fn regions_go_one_after_another_and_stop_at_the_first_that_fails() {
        assert_eq!(next(&[Waiting, Waiting]), Next::Start(0));
        assert_eq!(next(&[Running, Waiting]), Next::Watch(0));
        assert_eq!(next(&[Verified, Waiting]), Next::Start(1));
        assert_eq!(next(&[Verified, Running]), Next::Watch(1));
        assert_eq!(next(&[Verified, Verified]), Next::Verified);
        assert_eq!(next(&[Failed, Waiting]), Next::Failed);
        assert_eq!(next(&[Verified, Failed]), Next::Failed);
        assert_eq!(next(&[Failed, Skipped]), Next::Failed);
        assert_eq!(next(&[]), Next::Failed, "nothing was verified");
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        for from in PROMOTION_STATES {
            assert_eq!(from.ended(), PROMOTION_STATES.iter().all(|to| !from.may_become(*to)), "{from:?}");
        }
        for from in ROLLOUT_STATES {
            assert_eq!(from.ended(), ROLLOUT_STATES.iter().all(|to| !from.may_become(*to)), "{from:?}");
        }
    }

    #[test]
    fn a_promotion_is_cancelled_only_before_it_starts_and_verified_only_after() {
        let to = |next| PROMOTION_STATES.into_iter().filter(|from| from.may_become(next)).collect::<Vec<_>>();
        assert_eq!(to(PromotionState::Running), [PromotionState::Open]);
        for ended in [PromotionState::Cancelled, PromotionState::Rejected, PromotionState::Expired] {
            assert_eq!(to(ended), [PromotionState::Open]);
        }
        assert_eq!(to(PromotionState::Verified), [PromotionState::Running]);
        assert_eq!(to(PromotionState::Aborted), [PromotionState::Running]);
        assert_eq!(to(PromotionState::Failed), [PromotionState::Running]);
        assert_eq!(to(PromotionState::Open), []);
        assert_eq!(ROLLOUT_STATES.into_iter().filter(|from| from.may_become(Verified)).collect::<Vec<_>>(), [Running]);
    }

    #[test]
    fn every_word_is_read_back_as_what_it_was() {
        for state in PROMOTION_STATES {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for state in ROLLOUT_STATES {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("Open".parse::<PromotionState>().is_err());
    }

    proptest! {
        /// Following the answer always ends, never leaves the allowed moves, and never starts a
        /// region while another runs or after one failed.
        #[test]
        fn following_it_ends_and_never_runs_two_regions_at_once(fates in prop::collection::vec(any::<bool>(), 1..8)) {
            let mut states = vec![Waiting; fates.len()];
            for _ in 0..2 * fates.len() {
                let (at, to) = match next(&states) {
                    Next::Start(at) => (at, Running),
                    Next::Watch(at) => (at, if fates[at] { Verified } else { Failed }),
                    Next::Verified | Next::Failed => break,
                };
                prop_assert!(states[at].may_become(to));
                states[at] = to;
                prop_assert!(states.iter().filter(|state| **state == Running).count() <= 1);
                prop_assert!(to != Running || !states.contains(&Failed));
            }
            let all_well = fates.iter().all(|fate| *fate);
            prop_assert_eq!(next(&states), if all_well { Next::Verified } else { Next::Failed });
        }
    }
}
