//! Notifications: targets, routes, and what became of the messages.

use chrono::{DateTime, Utc};
use domain::id::MessageId;
use domain::notify::{EventKind, MessageLang, MessageState, QuietHours, RouteConfig, TargetKind};
use serde::{Deserialize, Serialize};

/// Filters of the history, as they stand in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MessageFilter {
    /// A target's name.
    pub target: Option<String>,
    pub state: Option<MessageState>,
}

views! {
    /// A target, without its address.
    pub struct TargetView {
        pub name: String,
        pub kind: TargetKind,
        pub lang: MessageLang,
        pub quiet: Option<QuietHours>,
        /// When a message last got through.
        pub sent_at: Option<DateTime<Utc>>,
        /// When one last did not, and why.
        pub failed_at: Option<DateTime<Utc>>,
        pub why: Option<String>,
        pub waiting: u32,
        pub dead: u32,
    }

    /// Who hears of what.
    pub struct NotificationsView {
        pub targets: Vec<TargetView>,
        pub routes: Vec<RouteConfig>,
    }

    /// One message to one target.
    pub struct MessageRow {
        pub id: MessageId,
        pub target: String,
        pub event: EventKind,
        pub app: Option<String>,
        /// What it is about: a tag, a number, a name.
        pub subject: String,
        /// How many news became this one message.
        pub pieces: u32,
        pub state: MessageState,
        pub created_at: DateTime<Utc>,
        /// When it is due, while it waits.
        pub due_at: Option<DateTime<Utc>>,
        /// When it was delivered or given up.
        pub ended_at: Option<DateTime<Utc>>,
        pub tries: u32,
        /// Why the last try failed.
        pub why: Option<String>,
    }
}
