//! Hints to open pages that something changed. They carry no data: a page that hears one
//! reads again, with its own reader's rights.

use serde::Serialize;
use tokio::sync::broadcast;

/// What a hint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Builds,
    Environments,
    Engines,
    Promotions,
    Regions,
    Activity,
    Settings,
    Deliveries,
    Notifications,
}

/// "Something about this changed": look again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hint {
    pub topic: Topic,
    /// The one thing that changed, when it is one.
    pub id: Option<String>,
}

/// Fans hints out to every listener. A slow listener loses hints and is told to look again.
#[derive(Clone)]
pub struct Hub {
    sender: broadcast::Sender<Hint>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { sender: broadcast::channel(1024).0 }
    }
}

impl Hub {
    /// Tells everyone. Call it after the commit, never before.
    pub fn tell(&self, topic: Topic, id: impl Into<Option<String>>) {
        // No listener is not an error.
        let _ = self.sender.send(Hint { topic, id: id.into() });
    }

    pub fn listen(&self) -> broadcast::Receiver<Hint> {
        self.sender.subscribe()
    }
}
