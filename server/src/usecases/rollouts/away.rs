//! Regions that do not answer.

use std::time::Duration;
use tokio::time::Instant;

/// How long a region has been away, and how long to wait before it is asked again.
#[derive(Default)]
pub struct Away {
    since: Option<Instant>,
    pause: Duration,
}

impl Away {
    /// It has answered.
    pub fn back(&mut self) {
        *self = Self::default();
    }

    /// It did not answer: how long to wait.
    pub fn pause(&mut self) -> Duration {
        self.since.get_or_insert_with(Instant::now);
        self.pause = (self.pause * 2).clamp(Duration::from_millis(100), Duration::from_secs(2));
        self.pause
    }

    /// Since the first call that was not answered.
    pub fn lasts(&self) -> Duration {
        self.since.map(|since| since.elapsed()).unwrap_or_default()
    }
}
