//! How long a login must wait after failures.
//!
//! Failures are counted under three keys, and each answers another attack:
//! the pair of user and address (somebody guesses one password), the address alone (one
//! machine tries many users), and the user alone (many machines try one user). The last two
//! only slow addresses from which the user never signed in, so that nobody can be locked
//! out of their usual place by strangers. Failures are forgiven one by one with time, so that
//! the slips of a busy office do not add up.

use std::time::Duration;

/// Failures that were counted under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Unforgiven ones at the time of the last.
    pub failures: u32,
    /// Time since the last.
    pub since: Duration,
}

/// What was counted, per key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub pair: Count,
    pub address: Count,
    pub user: Count,
    /// Whether this user signed in from this address before.
    pub known_address: bool,
}

/// How one key is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Pair,
    Address,
    User,
}

/// No wait is longer than this.
pub const LONGEST: Duration = Duration::from_secs(15 * 60);

impl Key {
    /// Failures that cost nothing.
    const fn free(self) -> u32 {
        match self {
            Key::Pair => 5,
            Key::Address | Key::User => 20,
        }
    }

    /// After this long without another failure one is forgiven, after twice as long two …
    const fn forgiving(self) -> Duration {
        match self {
            Key::Pair => Duration::from_secs(15 * 60),
            Key::Address | Key::User => Duration::from_secs(3 * 60),
        }
    }

    /// The failures that are not yet forgiven.
    pub fn unforgiven(self, count: Count) -> u32 {
        let forgiven = count.since.as_secs() / self.forgiving().as_secs();
        count.failures.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// Nothing while free, then 2 s, 4 s, 8 s … up to [`LONGEST`], less the time gone by.
    fn wait(self, count: Count) -> Duration {
        let over = self.unforgiven(count).saturating_sub(self.free());
        let whole = if over == 0 { Duration::ZERO } else { Duration::from_secs(1 << over.min(20)) };
        whole.min(LONGEST).saturating_sub(count.since)
    }
}

/// The wait from now until the next try counts.
pub fn wait(failures: Failures) -> Duration {
    let pair = Key::Pair.wait(failures.pair);
    if failures.known_address {
        return pair;
    }
    pair.max(Key::Address.wait(failures.address)).max(Key::User.wait(failures.user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(failures: u32, secs: u64) -> Count {
        Count { failures, since: Duration::from_secs(secs) }
    }

    fn some_count() -> impl Strategy<Value = Count> {
        (0_u32..100, 0_u64..4000).prop_map(|(failures, secs)| count(failures, secs))
    }

    /// Tries that somebody gets in a day who fails each time and tries again as soon as it counts.
    fn tries_in_a_day(known_address: bool, failures: impl Fn(Count) -> Failures, key: Key) -> u32 {
        let (mut now, mut last, mut so_far, mut tries) = (0, 0, 0, 0);
        while now < 24 * 3600 {
            let counted = count(so_far, now - last);
            let left = wait(Failures { known_address, ..failures(counted) });
            if left > Duration::ZERO {
                now += left.as_secs().max(1);
                continue;
            }
            so_far = key.unforgiven(counted) + 1;
            last = now;
            tries += 1;
        }
        tries
    }

    #[test]
    fn a_few_slips_cost_nothing() {
        let slips = Failures { pair: count(5, 0), address: count(5, 0), user: count(5, 0), known_address: false };
        assert_eq!(wait(slips), Duration::ZERO);
    }

    #[test]
    fn guessing_one_password_from_one_place_soon_takes_minutes() {
        let guesses = Failures { pair: count(12, 0), known_address: true, ..Failures::default() };
        assert!(wait(guesses) >= Duration::from_secs(120));
        let pair = |pair| Failures { pair, ..Failures::default() };
        assert!(tries_in_a_day(true, pair, Key::Pair) < 120);
    }

    #[test]
    fn guessing_from_many_places_or_at_many_users_gets_nowhere_either() {
        let user = |user| Failures { user, ..Failures::default() };
        let address = |address| Failures { address, ..Failures::default() };
        assert!(tries_in_a_day(false, user, Key::User) < 600);
        assert!(tries_in_a_day(false, address, Key::Address) < 600);
    }

    #[test]
    fn slips_are_forgiven_one_by_one() {
        assert_eq!(Key::Address.unforgiven(count(20, 179)), 20);
        assert_eq!(Key::Address.unforgiven(count(20, 180)), 19);
        assert_eq!(Key::Pair.unforgiven(count(8, 3600)), 4);
        assert_eq!(Key::Pair.unforgiven(count(1, 1_000_000)), 0);
    }

    proptest! {
        #[test]
        fn strangers_cannot_lock_a_colleague_out_of_their_usual_place(address in some_count(), user in some_count()) {
            let own_place = Failures { pair: Count::default(), address, user, known_address: true };
            prop_assert_eq!(wait(own_place), Duration::ZERO);
        }

        #[test]
        fn more_failures_never_wait_less(pair in some_count(), address in some_count(), user in some_count(), known_address: bool) {
            let one_more = |count: Count| Count { failures: count.failures + 1, ..count };
            let now = Failures { pair, address, user, known_address };
            let more = Failures { pair: one_more(pair), address: one_more(address), user: one_more(user), known_address };
            prop_assert!(wait(more) >= wait(now));
            prop_assert!(wait(more) <= LONGEST);
        }

        #[test]
        fn waiting_always_ends(pair in some_count(), address in some_count(), user in some_count()) {
            let later = |count: Count| Count { since: count.since + LONGEST, ..count };
            let failures = Failures { pair: later(pair), address: later(address), user: later(user), known_address: false };
            prop_assert_eq!(wait(failures), Duration::ZERO);
        }
    }
}
