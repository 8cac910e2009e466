//! What a container uses, from the counters that its engine keeps.

use crate::Time;
use serde::{Deserialize, Serialize};

/// What the engine counted up to a moment. Counters begin anew when a container is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub at: Time,
    /// Nanoseconds of processor time, over all cores.
    pub cpu: u64,
    /// Bytes in memory now, without what could be given up at once; and the bound.
    pub memory: u64,
    pub memory_limit: u64,
    /// Bytes since the start.
    pub received: u64,
    pub sent: u64,
    pub read: u64,
    pub written: u64,
}

/// What was used between two moments: the processor in thousandths of a core, the rest in bytes,
/// or in bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    pub at: chrono::DateTime<chrono::Utc>,
    pub cpu: u64,
    pub memory: u64,
    pub received: u64,
    pub sent: u64,
    pub read: u64,
    pub written: u64,
}

impl Usage {
    /// What was used from one count to the next; nothing where a counter began anew, and none when
    /// no time passed.
    pub fn between(before: &Counters, now: &Counters) -> Option<Self> {
        let millis = u64::try_from((now.at - before.at).num_milliseconds()).ok().filter(|millis| *millis > 0)?;
        let rate = |before: u64, now: u64| {
            let more = u128::from(now.saturating_sub(before)) * 1000 / u128::from(millis);
            u64::try_from(more).unwrap_or(u64::MAX)
        };
        Some(Self {
            at: now.at,
            // Nanoseconds a second are a billion to a core.
            cpu: rate(before.cpu, now.cpu) / 1_000_000,
            memory: now.memory,
            received: rate(before.received, now.received),
            sent: rate(before.sent, now.sent),
            read: rate(before.read, now.read),
            written: rate(before.written, now.written),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn counters(millis: i64, cpu: u64, bytes: u64) -> Counters {
        Counters {
            at: DateTime::from_timestamp_millis(millis).expect("a time"),
            cpu,
            memory: 7,
            memory_limit: 9,
            received: bytes,
            sent: bytes,
            read: bytes,
            written: bytes,
        }
    }

    #[test]
    fn half_a_core_and_a_kilobyte_a_second() {
        let usage = Usage::between(&counters(0, 0, 500), &counters(2000, 1_000_000_000, 2500)).expect("some");
        assert_eq!((usage.cpu, usage.memory, usage.received, usage.written), (500, 7, 1000, 1000));
        assert_eq!(Usage::between(&counters(5, 0, 0), &counters(5, 1, 1)), None, "no time passed");
        let anew = Usage::between(&counters(0, 90, 90), &counters(1000, 5, 5)).expect("some");
        assert_eq!((anew.cpu, anew.sent), (0, 0), "it was started again");
    }

    proptest! {
        #[test]
        fn no_counters_make_more_than_was_counted(a in any::<u64>(), b in any::<u64>(), millis in -10i64..10_000) {
            match Usage::between(&counters(0, a, a), &counters(millis, b, b)) {
                Some(usage) => {
                    prop_assert!(millis > 0);
                    prop_assert!(b > a || (usage.cpu, usage.received) == (0, 0));
                }
                None => prop_assert!(millis <= 0),
            }
        }
    }
}
