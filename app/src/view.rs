//! What pages show and REST answers: plain data, ready to read.

use chrono::{DateTime, Utc};
use domain::id::{AuditId, BuildId, EnvironmentId, SignOffId, TokenId, UserId};
use domain::lease::{EndReason, EnvironmentState};
use domain::promotion::StepState;
use domain::release_set::Chosen;
use domain::verdict::{Standing, VerdictKind};
use domain::{Action, ChannelKind, Digest, ImageName, Problem, Role};
use serde::{Deserialize, Serialize};

macro_rules! views {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident $body:tt)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $vis struct $name $body
    )+};
}

mod canary;
mod capacity;
mod commits;
mod course;
mod decisions;
mod engines;
mod inside;
mod intake;
mod launch;
mod notifications;
mod promotions;
mod regions;
mod secrets;
mod sets;
mod stacks;
mod verdicts;

pub use canary::{CanaryAskedView, CanaryView, ExtendInput, WithdrawInput};
pub use capacity::*;
pub use commits::{BuildCommits, CommitView, RangeState, RangeView, RegionRange, SinceBuild};
pub use course::{CourseView, PreflightView, PromotionLink};
pub use decisions::*;
pub use engines::EngineView;
pub use inside::*;
pub use intake::{
    DeliveryFilter, DeliveryRow, DeliveryView, HookMade, HookPage, HookView, NewHook, RunRow, SecretView, SourceView, SweepView,
    TagAlarm,
};
pub use launch::*;
pub use notifications::*;
pub use promotions::*;
pub use regions::*;
pub use secrets::{AppSecrets, RegionSecret, RegionSecrets};
pub use sets::*;
pub use stacks::*;
pub use verdicts::*;

/// One page of a list, by key. `next` is the cursor of the page after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// Where to go on in a list, and how many rows to give (1 to 200, default 50).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Paging {
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

// ---- Builds -----------------------------------------------------------------------------

/// Filters of the Builds page, as they stand in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct BuildFilter {
    pub app: Option<String>,
    /// A channel's name.
    pub channel: Option<String>,
    /// An exact tag.
    pub tag: Option<String>,
    /// The beginning of an app, tag, commit or digest.
    pub q: Option<String>,
}

views! {
    /// A tag that points, or pointed, at a build.
    pub struct TagView {
        pub name: String,
        pub channel: Option<String>,
        pub kind: Option<ChannelKind>,
        /// Whether the tag still points here.
        pub current: bool,
        pub moved_at: DateTime<Utc>,
    }

    /// A region by name, with its titles.
    pub struct RegionRef {
        pub name: String,
        pub title_en: String,
        pub title_zh: String,
    }

    /// One row of the Builds page.
    pub struct BuildRow {
        pub id: BuildId,
        pub app: String,
        pub image: ImageName,
        pub digest: Digest,
        /// Newest first; current ones before past ones.
        pub tags: Vec<TagView>,
        /// The commit, as the image's label says.
        pub revision: Option<String>,
        /// A link to the commit, where the source is a web address.
        pub commit_url: Option<String>,
        pub source: Option<String>,
        /// Bytes of the compressed layers and the configuration.
        pub size: Option<i64>,
        /// When the image says it was made.
        pub built_at: Option<DateTime<Utc>>,
        /// When Slipway first heard of it.
        pub seen_at: DateTime<Utc>,
        /// False while the labels could not yet be read from the registry.
        pub described: bool,
        /// Why they could not, at the last attempt: the registry is away, or has lost the image.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub undescribed: Option<Problem>,
        pub standing: Standing,
        pub signed_off: bool,
        /// Running or launching environments with this build.
        pub environments: u32,
        /// Regions that run it now, as last seen.
        pub runs_in: Vec<RegionRef>,
        /// Release tags that were moved to it or away from it, the newest first.
        pub alarms: Vec<TagAlarm>,
    }

    /// One step of a tag from a build to another.
    pub struct TagMove {
        pub tag: String,
        pub channel: Option<String>,
        pub at: DateTime<Utc>,
        /// The digest the tag pointed at before.
        pub previous: Option<Digest>,
    }

    /// Everything about one build.
    pub struct BuildView {
        pub row: BuildRow,
        /// `host/repository@digest`.
        pub reference: String,
        pub tag_moves: Vec<TagMove>,
        /// The CI runs that made it.
        pub made_by: Vec<RunRow>,
        pub verdicts: Vec<VerdictView>,
        pub sign_offs: Vec<SignOffView>,
        /// The times that product sent it back, the newest first.
        pub send_backs: Vec<SendBackView>,
        /// The app's checklist as it is now.
        pub checklist: Vec<domain::checklist::ChecklistItem>,
        pub environments: Vec<EnvironmentRow>,
        /// Environments that run another build of the app, which this one can replace.
        pub replaceable: Vec<EnvironmentRow>,
        /// What checks say, the newest first.
        pub checks: Vec<CheckView>,
        pub promotions: Vec<PromotionRow>,
        /// The stack launched by default, and all that use this app.
        pub default_stack: Option<String>,
        pub stacks: Vec<String>,
        /// What the reader may do here.
        pub may: Vec<Action>,
    }

    /// An app and its channels, for filters and forms.
    pub struct AppView {
        pub name: String,
        pub image: ImageName,
        pub git: Option<String>,
        pub port: Option<u16>,
        pub port_label: Option<u16>,
        pub channels: Vec<domain::Channel>,
    }

    // ---- Verdicts and sign-offs ----------------------------------------------------------

    pub struct Overruled {
        pub by_name: String,
        pub reason: String,
        pub at: DateTime<Utc>,
    }

    pub struct SignOffView {
        pub id: SignOffId,
        pub author: UserId,
        pub author_name: String,
        pub note: String,
        pub at: DateTime<Utc>,
        pub withdrawn_at: Option<DateTime<Utc>>,
        pub mine: bool,
    }

    // ---- Environments --------------------------------------------------------------------

    pub struct EnvironmentBuild {
        pub app: String,
        pub build: BuildId,
        pub digest: Digest,
        /// The tag it was known by at launch.
        pub tag: Option<String>,
        /// Whether this is the build that the environment was launched for.
        pub under_test: bool,
        /// `under-test`, `newest`, `channel:dev` or `exact`.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub chosen: Chosen,
    }

    pub struct EnvironmentRow {
        pub id: EnvironmentId,
        /// A small number that people say aloud.
        pub number: i64,
        /// Which of its release sets runs, counted from 1.
        pub generation: i64,
        pub stack: String,
        pub engine: String,
        pub state: EnvironmentState,
        pub builds: Vec<EnvironmentBuild>,
        pub holder_name: String,
        pub created_at: DateTime<Utc>,
        pub lease_ends_at: DateTime<Utc>,
        pub ended_at: Option<DateTime<Utc>>,
        pub end_reason: Option<EndReason>,
        /// Whether its lease ends within the minutes in which that is warned of.
        pub ends_soon: bool,
        /// Where it stands while it waits for room.
        pub queue: Option<QueuePlace>,
        pub links: Vec<PortLink>,
        /// Since when its engine has been away; nothing changes there until it is back.
        pub engine_away_since: Option<DateTime<Utc>>,
    }

    /// A published port.
    pub struct PortLink {
        pub service: String,
        pub container_port: u16,
        /// Through the proxy, where there is one; else at the engine.
        pub url: String,
        /// At the engine, where `url` leads through the proxy.
        #[serde(default)]
        pub direct: Option<String>,
    }

    pub struct StepView {
        /// A stable word: `pull`, `network`, `create`, `start`, `health`, `inspect`, `update`, `tasks`, `verify` …
        pub kind: String,
        /// The service or image that the step is about.
        pub subject: String,
        pub state: StepState,
        pub started_at: Option<DateTime<Utc>>,
        pub ended_at: Option<DateTime<Utc>>,
        /// The current line of output, or why it failed; data from the engine made safe.
        pub detail: Option<String>,
    }

    pub struct ServiceStatus {
        pub name: String,
        pub image: String,
        /// `running`, `exited (1)`, `missing` …
        pub state: String,
        pub health: Option<String>,
        pub restarts: i64,
    }

    pub struct EnvironmentView {
        pub row: EnvironmentRow,
        pub holder: UserId,
        pub steps: Vec<StepView>,
        pub services: Vec<ServiceStatus>,
        /// False when the engine did not answer: `services` is then what was last known.
        pub engine_reachable: bool,
        /// Why it failed, to be told in the reader's language.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub failure: Option<Problem>,
        /// The variables of its services, and where each came from.
        pub variables: Vec<ServiceVariables>,
        /// Every release set that it ran, the newest first.
        pub sets: Vec<ReleaseSet>,
        /// What checks say of them, the newest first.
        pub checks: Vec<CheckView>,
        /// The checklist of the app under test.
        pub checklist: Vec<domain::checklist::ChecklistItem>,
        /// Hours that its lease can be extended by now.
        pub lease_room: u32,
        /// Names of those to whom the reader can hand it over.
        pub hand_to: Vec<String>,
        pub may: Vec<Action>,
    }

    // ---- Activity, people, settings ------------------------------------------------------

    pub struct AuditRow {
        pub id: AuditId,
        pub at: DateTime<Utc>,
        pub actor: String,
        /// A stable word: `verdict.recorded`, `promotion.started` …
        pub action: String,
        /// `build`, `promotion`, `user` …
        pub subject_kind: String,
        pub subject: String,
        pub app: Option<String>,
        /// Short facts, without secrets.
        pub detail: String,
    }

    pub struct UserView {
        pub id: UserId,
        pub name: String,
        pub role: Role,
        pub disabled: bool,
        pub created_at: DateTime<Utc>,
        pub sessions: u32,
    }

    pub struct TokenView {
        pub id: TokenId,
        pub name: String,
        pub owner_name: String,
        pub role: Role,
        pub created_at: DateTime<Utc>,
        pub last_used_at: Option<DateTime<Utc>>,
        pub revoked_at: Option<DateTime<Utc>>,
    }

    /// What stands on the Settings page.
    pub struct SettingsView {
        pub apps: Vec<AppView>,
        pub stacks: Vec<domain::config::StackConfig>,
        pub engines: Vec<domain::config::EngineConfig>,
        /// The same engines, as they were last heard of.
        pub engines_seen: Vec<EngineView>,
        pub regions: Vec<domain::config::RegionConfig>,
        pub config_version: i64,
        pub users: Vec<UserView>,
        pub tokens: Vec<TokenView>,
        pub hooks: Vec<HookView>,
        pub sources: Vec<SourceView>,
        pub secrets: Vec<SecretView>,
        pub sweeps: Vec<SweepView>,
        pub may: Vec<Action>,
    }

    /// The secret of a new token: shown once.
    pub struct NewSecret {
        pub id: String,
        pub name: String,
        pub secret: String,
    }

    /// Small numbers in the rail.
    pub struct Counts {
        /// Open promotions that wait for somebody.
        pub promotions: u32,
        /// Running or launching environments.
        pub environments: u32,
        /// What waits for the reader; see [`WaitingView`].
        pub waiting: u32,
    }

    // ---- What forms and REST send --------------------------------------------------------

    pub struct VerdictInput {
        pub build: BuildId,
        pub kind: VerdictKind,
        #[serde(default)]
        pub note: String,
        #[serde(default)]
        pub environment: Option<EnvironmentId>,
    }
}
