//! Hooks, deliveries, CI runs and secrets.

use chrono::{DateTime, Utc};
use domain::delivery::Reason;
use domain::id::{BuildId, DeliveryId, HookId, RunId};
use domain::run::RunStatus;
use domain::{Digest, Problem};
use serde::{Deserialize, Serialize};

views! {
    /// A source of deliveries, for a form's choice.
    pub struct SourceView {
        pub word: String,
        pub title: String,
        /// Whether a hook of it can have a secret beside its address.
        pub takes_secret: bool,
        /// Whether it does not say which registry it means.
        pub needs_registry: bool,
    }

    /// A hook, without its key.
    pub struct HookView {
        pub id: HookId,
        pub name: String,
        pub source: String,
        pub source_title: String,
        pub registry: Option<String>,
        pub created_at: DateTime<Utc>,
        pub last_delivery_at: Option<DateTime<Utc>>,
        /// The last one that was believed and understood.
        pub last_success_at: Option<DateTime<Utc>>,
        pub revoked_at: Option<DateTime<Utc>>,
        /// Secrets that are taken now: two while one is rotated.
        pub secrets: i64,
        /// When the older of two ends.
        pub old_secret_until: Option<DateTime<Utc>>,
    }

    /// A hook's page.
    pub struct HookPage {
        pub hook: HookView,
        /// The address with its key masked.
        pub masked_url: String,
        /// What is pasted into the sender's settings, with address and secret masked.
        pub snippet: String,
        pub takes_secret: bool,
        /// Whether the address can be shown once more.
        pub can_reveal: bool,
    }

    /// What is said once: when a hook is made, its secret rotated, or its address asked for.
    pub struct HookMade {
        pub id: HookId,
        pub name: String,
        pub source: String,
        /// The key in its address; none when only the secret is new.
        pub key: Option<String>,
        pub url: Option<String>,
        pub secret: Option<String>,
        /// What is pasted into the sender's settings, with address and secret filled in.
        pub snippet: Option<String>,
    }

    /// One received webhook request, without its body.
    pub struct DeliveryRow {
        pub id: DeliveryId,
        pub hook: HookId,
        pub hook_name: String,
        pub source: String,
        pub received_at: DateTime<Utc>,
        /// `stored`, `done`, `ignored`, `failed`, `duplicate`, `refused`.
        pub state: String,
        /// What kept its events from changing something.
        pub reasons: Vec<Reason>,
        pub builds: Vec<BuildId>,
        pub runs: Vec<RunId>,
    }

    /// Everything about one delivery.
    pub struct DeliveryView {
        pub row: DeliveryRow,
        pub headers: Vec<(String, String)>,
        /// Readable, bounded, and with secrets masked.
        pub body: String,
        /// Bytes of the whole body.
        pub length: i64,
        /// Whether `body` is only its beginning.
        pub cut: bool,
        /// Of a duplicate, the delivery that it repeats.
        pub repeats: Option<DeliveryId>,
        pub attempts: i64,
        /// Whether the reader may have it processed once more.
        pub may_replay: bool,
    }

    /// A CI run.
    pub struct RunRow {
        pub id: RunId,
        pub app: String,
        pub source: String,
        pub status: RunStatus,
        pub name: Option<String>,
        pub revision: Option<String>,
        pub branch: Option<String>,
        pub tag: Option<String>,
        pub channel: Option<String>,
        pub url: Option<String>,
        pub author: Option<String>,
        pub message: Option<String>,
        pub started_at: Option<DateTime<Utc>>,
        pub ended_at: Option<DateTime<Utc>>,
        pub seen_at: DateTime<Utc>,
        pub build: Option<BuildId>,
        /// It is over, succeeded, and no image of it came in time.
        pub made_nothing: bool,
    }

    /// A release tag that went from one image to another: releases should not move.
    pub struct TagAlarm {
        pub tag: String,
        pub at: DateTime<Utc>,
        /// The other image: where it came from, or where it went.
        pub other: Digest,
        pub other_build: BuildId,
        /// Whether it left this build.
        pub away: bool,
    }

    /// A secret by name; what it holds is shown to nobody.
    pub struct SecretView {
        pub name: String,
        pub changed_at: DateTime<Utc>,
        pub changed_by: String,
        pub used_by: Vec<String>,
    }

    /// Reading an app's tags from its registry.
    pub struct SweepView {
        pub app: String,
        /// `waiting`, `running`, `done`, `failed`.
        pub state: String,
        pub whole: bool,
        pub asked_by: String,
        pub started_at: Option<DateTime<Utc>>,
        pub ended_at: Option<DateTime<Utc>>,
        pub tags_total: i64,
        pub tags_done: i64,
        pub builds_found: i64,
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub problem: Option<Problem>,
    }
}

/// What a new hook is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewHook {
    pub name: String,
    /// `distribution`, `github` …
    pub source: String,
    /// The registry's host, for sources that do not say it.
    #[serde(default)]
    pub registry: Option<String>,
    /// The secret that the sender has already; drawn when the source needs one and none is given.
    #[serde(default)]
    pub secret: Option<String>,
}

/// Filters of the inbox, as they stand in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeliveryFilter {
    /// A hook's id.
    pub hook: Option<String>,
    pub state: Option<String>,
}
