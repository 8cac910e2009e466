//! Webhook sources: raw bytes in, facts out. One file a source, all behind [`Source`].
//!
//! A source first proves who sends, over the raw bytes and before anything is parsed
//! ([`Source::verify`]), and then reads what is said ([`Source::read`]). It is lenient about what
//! it does not need and strict about what it passes on: a strange event is a [`Reason`], never a
//! refusal of the whole delivery, because senders repeat what was refused and hold back everything
//! behind it. Only a body that is of another source's shape is refused, with what was expected.

mod aliyun;
mod azure;
mod circleci;
mod distribution;
mod dockerhub;
mod drone;
mod ecr;
mod flow;
mod gar;
mod generic;
mod gitea;
mod github;
mod gitlab;
mod harbor;
mod jfrog;
pub mod proof;
mod quay;
mod read;
mod workflow_run;

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
    /// When it was heard; the same when a kept request is read again.
    pub received_at: Time,
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

static SOURCES: &[&dyn Source] = &[
    &distribution::Distribution,
    &aliyun::Aliyun,
    &harbor::Harbor,
    &dockerhub::DockerHub,
    &quay::Quay,
    &azure::Azure,
    &ecr::Ecr,
    &gar::Gar,
    &jfrog::JFrog,
    &github::GitHub,
    &gitlab::GitLab,
    &gitea::Gitea,
    &drone::Drone,
    &drone::DronePlugin,
    &circleci::CircleCi,
    &circleci::CircleCiV1,
    &flow::Flow,
    &generic::Generic,
];

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

/// What the tests of the sources share.
#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    pub const DIGEST: &str = "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf";

    static NO_HEADERS: Headers = Headers(BTreeMap::new());

    /// A request without headers, heard at noon.
    pub fn tell(body: &[u8]) -> Told<'_> {
        let received_at = "2026-11-24T12:00:00Z".parse().expect("a time");
        Told { headers: &NO_HEADERS, body, registry: None, received_at }
    }

    /// The one event of a body.
    pub fn only(source: &dyn Source, body: &Value) -> Event {
        only_with(source, &NO_HEADERS, body)
    }

    pub fn only_with(source: &dyn Source, headers: &Headers, body: &Value) -> Event {
        let text = body.to_string();
        let mut events = source.read(&Told { headers, ..tell(text.as_bytes()) }).expect("a body of its form");
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    pub fn pushed(event: Event) -> Push {
        match event.fact.expect("a fact") {
            Fact::Push(push) => push,
            other => panic!("{other:?}"),
        }
    }

    pub fn ran(event: Event) -> Run {
        match event.fact.expect("a fact") {
            Fact::Run(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    pub fn reason(source: &dyn Source, body: &Value) -> Reason {
        only(source, body).fact.expect_err("nothing to do")
    }

    /// What a body of another form is refused with.
    pub fn refused(source: &dyn Source, body: &Value) -> String {
        match source.read(&tell(body.to_string().as_bytes())) {
            Err(Fault::Unreadable { detail }) => detail,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn every_source_has_a_word_of_its_own_and_tells_where_its_address_and_secret_go() {
        let mut words = std::collections::BTreeSet::new();
        for source in all() {
            assert!(words.insert(source.word()), "{} stands twice", source.word());
            assert!(
                source.word().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                source.word()
            );
            assert_eq!(super::source(source.word()).expect("found").title(), source.title());
            let snippet = source.snippet("https://slipway.test/hooks/x/y", "the-secret");
            assert!(snippet.contains("https://slipway.test/hooks/x/y"), "{snippet}");
            assert_eq!(snippet.contains("the-secret"), source.proof().takes_secret(), "{snippet}");
            if !source.proof().needs_secret() {
                let bare = source.snippet("https://slipway.test/hooks/x/y", "");
                assert!(!bare.to_lowercase().contains("bearer"), "{bare}");
            }
        }
        assert!(matches!(super::source("fax"), Err(Fault::NotOneOf { choices }) if choices.contains("aliyun, harbor")));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_any_source_panic(body: Vec<u8>, event in "[ -~]{0,30}") {
            for source in all() {
                let headers = Headers::from([("webhook-id", "m"), ("x-github-event", &event), ("x-gitea-event", &event)]);
                let _ = source.read(&Told { headers: &headers, ..tell(&body) });
                let _ = source.read(&tell(&body));
            }
        }
    }
}
