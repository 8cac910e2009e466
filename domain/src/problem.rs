//! What can go wrong, told to a person: what happened, what was kept, what to do.
//!
//! Every layer returns this one enum. The text here is English, for REST and the log;
//! the pages say the same in the reader's language. No variant carries the words of the
//! database or of Docker.

use crate::actor::Action;
use crate::delivery::Unproven;
use crate::gate::Gate;
use crate::lease::EnvironmentState;
use crate::promotion::set::SetNumber;
use serde::{Deserialize, Serialize};

/// A refusal or a failure in the user's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Problem {
    // Who you are.
    #[error("Sign in first.")]
    SignedOut,
    #[error("Your role does not allow this ({action:?}). Nothing was changed.")]
    Forbidden { action: Action },
    #[error("The name or the password is not right.")]
    WrongCredentials,
    #[error("Too many attempts. Wait {seconds} s and try again.")]
    Throttled { seconds: u64 },
    #[error("Give your password again: you signed in more than 15 minutes ago.")]
    PasswordNeeded,
    #[error("The request came from another site and was refused. Open Slipway itself and try again.")]
    CrossSite,
    #[error("The request did not prove its sender: {why}. Nothing of it was believed.")]
    Unproven { why: Unproven },
    #[error("The set-up code is not right or was used already. Restart the server for a new one.")]
    WrongSetupCode,

    #[error("This is the last admin who can sign in. Make another one first.")]
    LastAdmin,

    // What you asked for.
    #[error("There is no {what} {id}.")]
    NotFound { what: Noun, id: String },
    #[error("{field}: {why}")]
    Invalid { field: String, why: Fault },
    #[error("Unknown role \"{given}\": use viewer, tester, product, lead or admin.")]
    UnknownRole { given: String },
    #[error("{what} {name} exists already.")]
    Exists { what: Noun, name: String },
    #[error("Somebody changed this in the meantime. Nothing was changed; look at it again.")]
    Stale,
    #[error("The request was used before with other content. Use a new Idempotency-Key.")]
    IdempotencyMismatch,

    // Stack files and configuration.
    #[error("Stack file, line {line}, {key}: {why}")]
    Stack { line: u64, key: String, why: Fault },
    #[error("Configuration, {place}: {why}")]
    Config { place: String, why: Fault },

    // Decisions.
    #[error("This build is quarantined: a standing fail keeps it from running anywhere.")]
    Quarantined,
    #[error("{} gate(s) are not green. Nothing was started.", gates.len())]
    GatesClosed { gates: Vec<Gate> },
    #[error("{set} starts this promotion in its turn; it is not started or booked alone. Nothing was changed.")]
    InSet { set: SetNumber },
    #[error("P-{number} starts by itself as soon as the canary is gone, and in no other way. Nothing was changed.")]
    FollowsCanary { number: i64 },
    #[error("{} of the set's promotions cannot start now: {}. Nothing was started.", members.len(), words_of(members))]
    SetClosed { members: Vec<Refused> },
    #[error("{} of the set's promotions could not be approved: {}. What was approved stays approved.", members.len(), words_of(members))]
    NotAllApproved { members: Vec<Refused> },
    #[error("Type {expected} to confirm. Nothing was started.")]
    ConfirmationMismatch { expected: String },
    #[error("You requested this promotion, so your approval does not count. Ask another lead.")]
    OwnRequest,
    #[error("You wrote all commits of this build, so your approval does not count. Ask somebody else.")]
    OwnWork,
    #[error("You broke the glass yourself, so somebody else has to review it.")]
    OwnReview,
    #[error("A policy that fits does not allow to break the glass. Nothing was started.")]
    GlassNotAllowed,
    #[error("You approved this already. Nothing was changed.")]
    ApprovedAlready,
    #[error("Only its author may withdraw this.")]
    NotTheAuthor,
    #[error("{holder} holds this environment. Ask {holder}, or a lead.")]
    NotTheHolder { holder: String },
    #[error("The environment is {} now. Wait until that is done; nothing was changed.", state.as_str())]
    NotNow { state: EnvironmentState },
    #[error("{whose} has {most} environments already, which is the most. Stop one first: {stop}.")]
    QuotaReached { whose: String, most: u32, stop: String },
    #[error("{waiting} launches wait for room already, which is the most. Stop an environment first, or try again later.")]
    QueueFull { waiting: u32 },
    #[error("This is {state} and can no longer be changed.")]
    Finished { state: String },
    #[error("Another rollout of {app} runs in {region}. Wait until it has ended.")]
    RolloutRunning { app: String, region: String },
    #[error("Nobody but you has read the plan {plan} as it is now. Another lead reads it first; nothing was changed.")]
    PlanUnread { plan: String },
    #[error("The plan {plan} runs in {region}. Return from it first; nothing was changed.")]
    PlanRuns { plan: String, region: String },
    #[error("{region} runs nothing under the plan {plan} that could be returned from.")]
    PlanOver { plan: String, region: String },
    #[error(
        "What was changed by hand in {region} cannot be said in its configuration ({parts}): only replicas can. Correct it instead."
    )]
    NotAdoptable { region: String, parts: String },
    #[error("{region} has run nothing of {app} before, so there is no way back.")]
    NothingToRollBackTo { app: String, region: String },

    // The world.
    #[error("{what} {name} cannot be reached. What was recorded is kept; try again.")]
    Unreachable { what: Noun, name: String },
    #[error("The registry no longer has {image}. Push it again or choose another build.")]
    ImageGone { image: String },
    #[error("The registry {name} gave no usable answer: {why}. What was recorded is kept; try again.")]
    RegistryAnswer { name: String, why: Fault },
    #[error("The registry {name} asks to wait {seconds} s between questions. What was recorded is kept; it is asked again.")]
    RegistryBusy { name: String, seconds: u64 },
    #[error("The engine refused: {why}")]
    EngineRefused { why: Fault },
    #[error("{service} ended with exit code {exit_code}. Its last lines stand with its step; its container is kept.")]
    ServiceEnded { service: String, exit_code: i64 },
    #[error("{service} used more than its {mebibytes} MiB of memory and was ended. Its container is kept.")]
    OutOfMemory { service: String, mebibytes: u32 },
    #[error("{service} did not become healthy within {seconds} s. Its last lines stand with its step; its container is kept.")]
    ServiceUnhealthy { service: String, seconds: u64 },
    #[error("The check {service} had not ended after {minutes} min. Its container was removed.")]
    CheckTooLong { service: String, minutes: i64 },
    #[error("{service} did not end within {seconds} s, and others wait until it has done its job. Its container is kept.")]
    ServiceUnfinished { service: String, seconds: u64 },
    #[error("The containers of {services} are no longer on the engine. Somebody removed them outside Slipway.")]
    ServicesGone { services: String },
    #[error("The engine did not keep a limit that Slipway sets for {service} ({limit}). The container was removed, not started.")]
    Uncontained { service: String, limit: String },
    #[error("{region} has a service {service} that this Slipway did not make. It was not touched; rename it or remove it first.")]
    ForeignService { service: String, region: String },
    #[error("{region} has a secret {secret} that this Slipway did not make. It was not touched; remove it first.")]
    ForeignSecret { secret: String, region: String },
    #[error(
        "The secret {secret} of {app} cannot be given to {region} in version {version}, which this promotion started with: it was set anew or removed meanwhile, or cannot be read. What ran there was left as it was; set it if it is missing, then promote again."
    )]
    SecretGone { app: String, region: String, secret: String, version: i64 },
    #[error("{region} could not pull the image. What ran there was left as it was; the step says what was answered.")]
    CannotPull { region: String },
    #[error("The tasks of {app} in {region} failed: {error}. Roll back, or promote another build.")]
    TasksFailed { app: String, region: String, error: String },
    #[error(
        "{running} of {wanted} tasks of {app} ran in {region} after {seconds} s. It may still come up; look at it, then roll back or promote again."
    )]
    NotUpInTime { app: String, region: String, running: u32, wanted: u32, seconds: u32 },
    #[error(
        "All wanted tasks of {app} run in {region}, but {others} of before had not ended after {seconds} s, perhaps on a node that is away. Look at its nodes, then promote again."
    )]
    OthersRun { app: String, region: String, others: u32, seconds: u32 },
    #[error(
        "The service of {app} in {region} is not what was asked for ({part}): somebody changed it, or the Swarm did not keep it."
    )]
    ServiceDiffers { app: String, region: String, part: String },
    #[error(
        "Promotion P-{number} changed {region} after this one had started. {region} was not touched; request a new promotion."
    )]
    Overtaken { region: String, number: i64 },
    #[error("{by} ended the promotion while {region} was being changed. {region} was left as it was at that moment; look at it.")]
    Aborted { region: String, by: String },
    #[error("The promotion is paused already.")]
    PausedAlready,
    #[error("The promotion waits for nobody: nothing is paused, and no wave waits for a look.")]
    NotPaused,
    #[error("The time of {seconds} s ran out before {region} was changed. What ran there was left as it was.")]
    TooLate { region: String, seconds: u32 },
    #[error(
        "The engine in {region} is too old ({found}): 20.10 is the first that keeps the limits of a service. Nothing was changed."
    )]
    EngineTooOld { region: String, found: String },
    #[error("There is no secret {name}. Set it with `slipway secret set {name}` or under Settings.")]
    SecretMissing { name: String },
    #[error("The secret {name} cannot be read with the key that is in use. Set it again.")]
    SecretUnreadable { name: String },
    #[error("The service is stopping or overloaded. Try again in a moment.")]
    Busy,
    #[error("Something went wrong on our side. It was logged under {reference}; nothing you sent was half done.")]
    Internal { reference: String },
}

/// One promotion of a set that was refused something, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refused {
    pub app: String,
    /// The number of the promotion.
    pub number: i64,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub why: Problem,
}

/// `web P-3: You approved this already. …; worker P-4: …`
fn words_of(members: &[Refused]) -> String {
    let word = |refused: &Refused| format!("{} P-{}: {}", refused.app, refused.number, refused.why);
    members.iter().map(word).collect::<Vec<_>>().join("; ")
}

/// The nouns of DESIGN.md, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noun {
    Page,
    User,
    Token,
    Hook,
    Delivery,
    App,
    Build,
    Stack,
    Environment,
    Verdict,
    SignOff,
    Promotion,
    PromotionSet,
    Rollout,
    Region,
    Plan,
    Engine,
    Registry,
    Service,
    Network,
    Volume,
    Run,
    Secret,
    Target,
    Message,
    Repository,
    Log,
    Item,
    Evidence,
    Policy,
    Freeze,
}

impl Noun {
    pub const fn as_str(self) -> &'static str {
        match self {
            Noun::Page => "page",
            Noun::User => "user",
            Noun::Token => "token",
            Noun::Hook => "hook",
            Noun::Delivery => "delivery",
            Noun::App => "app",
            Noun::Build => "build",
            Noun::Stack => "stack",
            Noun::Environment => "environment",
            Noun::Verdict => "verdict",
            Noun::SignOff => "sign-off",
            Noun::Promotion => "promotion",
            Noun::PromotionSet => "promotion set",
            Noun::Rollout => "rollout",
            Noun::Region => "region",
            Noun::Plan => "plan",
            Noun::Engine => "engine",
            Noun::Registry => "registry",
            Noun::Service => "service",
            Noun::Network => "network",
            Noun::Volume => "volume",
            Noun::Run => "run",
            Noun::Secret => "secret",
            Noun::Target => "target",
            Noun::Message => "message",
            Noun::Repository => "repository",
            Noun::Log => "log",
            Noun::Item => "item",
            Noun::Evidence => "evidence",
            Noun::Policy => "policy",
            Noun::Freeze => "freeze window",
        }
    }
}

impl std::fmt::Display for Noun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why one value was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    #[error("this is needed")]
    Missing,
    #[error("at most {most} characters")]
    TooLong { most: u64 },
    #[error("at least {least} characters")]
    TooShort { least: u64 },
    #[error("at most {most} bytes")]
    TooBig { most: u64 },
    #[error("must be between {least} and {most}")]
    OutOfRange { least: i64, most: i64 },
    #[error("not one of: {choices}")]
    NotOneOf { choices: String },
    #[error("only lower-case letters, digits and - are allowed, beginning with a letter")]
    BadName,
    #[error("not a digest: write sha256: and 64 hexadecimal digits")]
    BadDigest,
    #[error("not a tag: letters, digits, . _ and -, at most 128")]
    BadTag,
    #[error("not an image name: host/repository in lower case")]
    BadImage,
    #[error("not a release tag: write release-v<version>.<month>.<date>.<order>, like release-v5.12.05.02")]
    BadReleaseTag,
    #[error("this password is too common")]
    CommonPassword,
    #[error("it names {what} {name}, which is not there")]
    Unknown { what: Noun, name: String },
    #[error("it stands twice")]
    Twice,
    #[error("refused: {reason}")]
    Refused { reason: String },
    #[error("Slipway does not know this key")]
    UnknownKey,
    #[error("cannot be read: {detail}")]
    Unreadable { detail: String },
}

/// Which family a problem belongs to: transports map it to their own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unauthenticated,
    Forbidden,
    NotFound,
    Invalid,
    Conflict,
    TooMany,
    Unavailable,
    Internal,
}

impl Problem {
    /// The family of this problem.
    #[allow(clippy::too_many_lines, reason = "a table: every problem stands in it, so that none is forgotten")]
    pub const fn kind(&self) -> Kind {
        match self {
            Problem::SignedOut | Problem::WrongCredentials | Problem::Unproven { .. } => Kind::Unauthenticated,
            Problem::Forbidden { .. } | Problem::CrossSite | Problem::PasswordNeeded | Problem::WrongSetupCode => Kind::Forbidden,
            Problem::NotFound { .. } => Kind::NotFound,
            Problem::Invalid { .. }
            | Problem::UnknownRole { .. }
            | Problem::Stack { .. }
            | Problem::Config { .. }
            | Problem::ConfirmationMismatch { .. }
            | Problem::IdempotencyMismatch => Kind::Invalid,
            Problem::Exists { .. }
            | Problem::Stale
            | Problem::LastAdmin
            | Problem::Quarantined
            | Problem::GatesClosed { .. }
            | Problem::InSet { .. }
            | Problem::FollowsCanary { .. }
            | Problem::SetClosed { .. }
            | Problem::NotAllApproved { .. }
            | Problem::OwnRequest
            | Problem::OwnWork
            | Problem::OwnReview
            | Problem::GlassNotAllowed
            | Problem::ApprovedAlready
            | Problem::NotTheAuthor
            | Problem::NotTheHolder { .. }
            | Problem::NotNow { .. }
            | Problem::QuotaReached { .. }
            | Problem::QueueFull { .. }
            | Problem::Finished { .. }
            | Problem::RolloutRunning { .. }
            | Problem::NothingToRollBackTo { .. }
            | Problem::PlanUnread { .. }
            | Problem::PlanRuns { .. }
            | Problem::PlanOver { .. }
            | Problem::NotAdoptable { .. }
            | Problem::ImageGone { .. }
            | Problem::ServiceEnded { .. }
            | Problem::OutOfMemory { .. }
            | Problem::ServiceUnhealthy { .. }
            | Problem::ServiceUnfinished { .. }
            | Problem::ServicesGone { .. }
            | Problem::CheckTooLong { .. }
            | Problem::Uncontained { .. }
            | Problem::ForeignService { .. }
            | Problem::ForeignSecret { .. }
            | Problem::SecretGone { .. }
            | Problem::CannotPull { .. }
            | Problem::TasksFailed { .. }
            | Problem::NotUpInTime { .. }
            | Problem::OthersRun { .. }
            | Problem::ServiceDiffers { .. }
            | Problem::Overtaken { .. }
            | Problem::Aborted { .. }
            | Problem::PausedAlready
            | Problem::NotPaused
            | Problem::TooLate { .. }
            | Problem::EngineTooOld { .. }
            | Problem::SecretMissing { .. }
            | Problem::SecretUnreadable { .. }
            | Problem::EngineRefused { .. } => Kind::Conflict,
            Problem::Throttled { .. } => Kind::TooMany,
            Problem::Unreachable { .. } | Problem::RegistryAnswer { .. } | Problem::RegistryBusy { .. } | Problem::Busy => {
                Kind::Unavailable
            }
            Problem::Internal { .. } => Kind::Internal,
        }
    }

    /// Shorthand for one bad field.
    pub fn invalid(field: &str, why: Fault) -> Self {
        Problem::Invalid { field: field.to_owned(), why }
    }

    /// Shorthand for a thing that is not there.
    pub fn not_found(what: Noun, id: impl Into<String>) -> Self {
        Problem::NotFound { what, id: id.into() }
    }
}
