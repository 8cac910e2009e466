//! Webhook sources: raw bytes in, facts out. One file a source, all behind [`Source`].
//!
//! A source first proves who sends, over the raw bytes and before anything is parsed
//! ([`Source::verify`]), and then reads what is said ([`Source::read`]). It is lenient about what
//! it does not need and strict about what it passes on: a strange event is a [`Reason`], never a
//! refusal of the whole delivery, because senders repeat what was refused and hold back everything
//! behind it. Only a body that is of another source's shape is refused, with what was expected.

mod distribution;
pub mod proof;

use domain::delivery::{Reason, Unproven};
use domain::problem::Fault;
use domain::repo::RepoName;
use domain::run::RunStatus;
use domain::{Digest, ImageName, Tag, Time};
use proof::Proof;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// A kind of sender. Its word stands in the hook's address and in the database.
pub trait Source: Send + Sync {
    /// `distribution`, `github` …: small letters, digits and hyphens.
    fn word(&self) -> &'static str;

    /// The name that people know it by.
    fn title(&self) -> &'static str;

    /// How it proves that it is the sender.
    fn proof(&self) -> Proof;

    /// Whether the body does not say which registry it is about, so that the hook has to.
    fn needs_registry(&self) -> bool {
        false
    }

    /// What is pasted into the sender's settings, in the sender's own form. `url` is the hook's
    /// address; `secret` stands where the hook's secret goes.
    fn snippet(&self, url: &str, secret: &str) -> String;

    /// Whether the hook's sender sent this. `secrets` are those in force, the newest first.
    ///
    /// # Errors
    /// [`Unproven`] when no secret fits, none is configured where one is needed, or the time is off.
    fn verify(&self, told: &Told<'_>, secrets: &[SecretString], now: Time) -> Result<(), Unproven> {
        proof::check(self.proof(), told, secrets, now)
    }

    /// What a request says. One without events has none, and that is no fault.
    ///
    /// # Errors
    /// [`Fault`] when it is not of this source's form at all, saying what was expected.
    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault>;
}

/// One request, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub headers: &'a Headers,
    pub body: &'a [u8],
    /// The registry host that the hook was given, for sources that do not say one.
    pub registry: Option<&'a str>,
}

/// Headers by their name in small letters; of those that stand twice, the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// Those of a request, without what is no text.
    pub fn of(map: &http::HeaderMap) -> Self {
        let text =
            |(name, value): (&http::HeaderName, &http::HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
        // In reverse: the first of several is put in last, and stays.
        Self(map.iter().filter_map(text).collect::<Vec<_>>().into_iter().rev().collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Those that say what an event is, to be kept with a delivery. No secret and no signature is among them.
    pub fn to_keep(&self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| KEPT.contains(&name.as_str()))
                .map(|(n, v)| (n.clone(), v.chars().take(200).collect()))
                .collect(),
        )
    }

    /// By name.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// As JSON, as the database keeps them.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// What [`Headers::to_json`] wrote; none for anything else.
    pub fn from_json(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect())
    }
}

const KEPT: [&str; 16] = [
    "content-type",
    "user-agent",
    "circleci-event-type",
    "x-drone-event",
    "x-github-event",
    "x-github-delivery",
    "x-gitlab-event",
    "x-gitlab-event-uuid",
    "x-gitea-event",
    "x-gitea-delivery",
    "x-forgejo-event",
    "webhook-id",
    "webhook-timestamp",
    "ce-type",
    "ce-id",
    "ce-source",
];

/// One thing that a sender says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What makes it the same event when it comes again: 1 to 400 printable characters.
    pub key: String,
    /// When it happened, by the sender's clock.
    pub at: Option<Time>,
    /// What happened, or why there is nothing to do.
    pub fact: Result<Fact, Reason>,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Push(Push),
    Run(Box<Run>),
}

/// A tag was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The repository under each host that the sender may mean, the likeliest first.
    pub images: Vec<ImageName>,
    pub tag: Tag,
    /// None where the sender does not say it: the registry is asked then.
    pub digest: Option<Digest>,
}

/// A CI run began, went on or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub repo: RepoName,
    /// What makes it the same run in all that is told of it: `workflow 5034…`, `acme/web 42`.
    pub run: String,
    pub status: RunStatus,
    /// The commit, in full where the sender says it in full.
    pub revision: Option<String>,
    pub branch: Option<String>,
    pub tag: Option<String>,
    /// What people call it: `build #42`, the workflow's name.
    pub name: Option<String>,
    /// Where it is shown; http or https.
    pub url: Option<String>,
    pub author: Option<String>,
    /// The first line of the commit's message.
    pub message: Option<String>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
}

static SOURCES: &[&dyn Source] = &[&distribution::Distribution];

/// Every source there is, in the order in which they are offered.
pub fn all() -> &'static [&'static dyn Source] {
    SOURCES
}

/// The source of this word.
///
/// # Errors
/// [`Fault::NotOneOf`] with all words.
pub fn source(word: &str) -> Result<&'static dyn Source, Fault> {
    let choices = || SOURCES.iter().map(|source| source.word()).collect::<Vec<_>>().join(", ");
    SOURCES.iter().find(|source| source.word() == word).copied().ok_or_else(|| Fault::NotOneOf { choices: choices() })
}
