//! How long a login must wait after failures.
//!
//! Failures are counted under three keys, and each answers another attack:
//! the pair of user and address (somebody guesses one password), the address alone (one
//! machine tries many users), and the user alone (many machines try one user). The last one
//! only slows addresses from which the user never signed in, so that nobody can be locked
//! out of their usual place by strangers.

use std::time::Duration;

/// Counted failures, per key, not yet forgiven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub pair: u32,
    pub address: u32,
    pub user: u32,
    /// Whether this user signed in from this address before.
    pub known_address: bool,
}

/// Failures that cost nothing, per key.
const FREE_PAIR: u32 = 5;
const FREE_ADDRESS: u32 = 20;
const FREE_USER: u32 = 20;
/// No wait is longer than this.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait after the last failure until the next try counts.
pub fn wait(failures: Failures) -> Duration {
    let user = if failures.known_address { 0 } else { failures.user };
    after(failures.pair, FREE_PAIR).max(after(failures.address, FREE_ADDRESS)).max(after(user, FREE_USER))
}

/// Nothing while free, then 2 s, 4 s, 8 s … up to [`LONGEST`].
fn after(count: u32, free: u32) -> Duration {
    match count.checked_sub(free) {
        None | Some(0) => Duration::ZERO,
        Some(over) => Duration::from_secs(1_u64.checked_shl(over.min(20)).unwrap_or(u64::MAX)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_slips_cost_nothing() {
        assert_eq!(wait(Failures { pair: 5, address: 5, user: 5, known_address: false }), Duration::ZERO);
    }

    #[test]
    fn guessing_one_password_from_one_place_soon_takes_minutes() {
        let guesses = Failures { pair: 12, address: 12, user: 12, known_address: true };
        assert!(wait(guesses) >= Duration::from_secs(120));
    }

    proptest! {
        #[test]
        fn strangers_cannot_lock_a_colleague_out_of_their_usual_place(user in 0_u32..1_000_000) {
            let own_place = Failures { pair: 0, address: 0, user, known_address: true };
            prop_assert_eq!(wait(own_place), Duration::ZERO);
        }

        #[test]
        fn more_failures_never_wait_less(pair in 0_u32..100, address in 0_u32..100, user in 0_u32..100, known_address: bool) {
            let now = Failures { pair, address, user, known_address };
            let more = Failures { pair: pair + 1, address: address + 1, user: user + 1, known_address };
            prop_assert!(wait(more) >= wait(now));
            prop_assert!(wait(more) <= LONGEST);
        }
    }
}
