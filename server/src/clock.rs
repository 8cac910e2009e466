//! Time and chance, passed in so that tests can hold them still.

use domain::Time;
use rand::TryRngCore;

/// Where the present time comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Time;
}

/// The machine's clock, cut to microseconds, which is what the database keeps.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Time {
        from_micros(chrono::Utc::now().timestamp_micros())
    }
}

/// Where unguessable bytes come from.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if rand::rngs::OsRng.try_fill_bytes(bytes).is_err() {
            // Going on with guessable secrets would be worse than stopping.
            tracing::error!("the operating system gave no random bytes");
            std::process::abort();
        }
    }
}

/// Microseconds since 1970, as the database keeps times.
pub fn micros(time: Time) -> i64 {
    time.timestamp_micros()
}

/// The time that [`micros`] wrote; 1970 for a number out of range.
pub fn from_micros(micros: i64) -> Time {
    Time::from_timestamp_micros(micros).unwrap_or_default()
}
