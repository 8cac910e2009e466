//! When a message that did not get through is tried again.

use chrono::TimeDelta;

/// After so many tries, over about three and a half days, a message is given up.
pub const MOST_TRIES: u32 = 12;

const FIRST: i64 = 5;
const LONGEST: i64 = 86_400;

/// How long to wait after `tries` tries that failed; none when there is no other.
///
/// 5 s, then three times as long each time, up to a day. `chance` spreads what failed together
/// over a quarter more, so that it does not come back together. A service that says how long it
/// wants to be left alone is left alone, at most for a day.
pub fn retry_after(tries: u32, asked: Option<TimeDelta>, chance: u16) -> Option<TimeDelta> {
    if tries >= MOST_TRIES {
        return None;
    }
    let base = FIRST.saturating_mul(3_i64.saturating_pow(tries.saturating_sub(1))).min(LONGEST);
    let asked = asked.map_or(0, |asked| asked.num_seconds()).clamp(0, LONGEST);
    let milliseconds = base.max(asked) * 1000;
    Some(TimeDelta::milliseconds(milliseconds + milliseconds / 4 * i64::from(chance) / i64::from(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_waits_grow_from_five_seconds_to_a_day_and_then_it_is_given_up() {
        let waits: Vec<i64> =
            (1..=MOST_TRIES).map_while(|tries| retry_after(tries, None, 0)).map(|wait| wait.num_seconds()).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 1215, 3645, 10_935, 32_805, 86_400, 86_400]);
        assert_eq!(retry_after(MOST_TRIES, Some(TimeDelta::seconds(1)), 0), None);
    }

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_the_one_before_or_than_was_asked_or_longer_than_a_day_and_a_quarter(
            tries in 0u32..MOST_TRIES, asked in proptest::option::of(-10i64..200_000), chance: u16, other: u16,
        ) {
            let wait = |tries, chance| retry_after(tries, asked.map(TimeDelta::seconds), chance);
            let now = wait(tries, chance).expect("one more");
            prop_assert!(now >= TimeDelta::seconds(5) && now <= TimeDelta::seconds(LONGEST * 5 / 4));
            prop_assert!(asked.is_none_or(|asked| now >= TimeDelta::seconds(asked.min(LONGEST))));
            prop_assert!(wait(tries, 0) <= wait(tries, other));
            if let Some(next) = wait(tries + 1, 0) {
                prop_assert!(next >= wait(tries, 0).expect("it was"));
            }
        }

        #[test]
        fn however_often_it_failed_there_is_an_end(tries: u32, asked: i32, chance: u16) {
            let wait = retry_after(tries, Some(TimeDelta::seconds(i64::from(asked))), chance);
            prop_assert_eq!(wait.is_none(), tries >= MOST_TRIES);
        }
    }
}
