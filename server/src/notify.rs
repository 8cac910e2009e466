//! Chat and mail targets: one file each, behind one trait. A message is written once, in the
//! target's language, and each target gives it the service's own form within the service's bounds.
//! What was answered is read by the service's own rules: many say "no" inside an HTTP 200.

mod answer;
mod bearychat;
mod dingtalk;
mod discord;
pub mod email;
mod feishu;
pub mod guard;
mod layout;
mod mattermost;
pub mod post;
mod slack;
mod teams;
mod webhook;
mod wecom;

pub use post::Post;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Time;
use domain::notify::{EventKind, MessageLang, TargetConfig, TargetKind};
use guard::Guard;
use hmac::{Hmac, Mac as _};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::time::Duration;

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    Good,
    Bad,
    Warn,
    Neutral,
}

/// One commit, as a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitLine {
    /// Twelve digits.
    pub hash: String,
    pub subject: String,
    pub author: String,
    pub url: Option<String>,
}

/// What is said, in the words of the target's language. Texts come from people and builders:
/// a target escapes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same in every try: `msg_…`, without a dot.
    pub id: String,
    pub event: EventKind,
    pub lang: MessageLang,
    pub at: Time,
    pub tone: Tone,
    /// One line: what happened to what.
    pub title: String,
    /// Labels and values: time, app, version, namespace, full image name …
    pub facts: Vec<(String, String)>,
    /// What somebody wrote: a verdict's note, why a rollout failed.
    pub note: Option<String>,
    pub commits: Vec<CommitLine>,
    /// How many there are, when more than stand here.
    pub commits_total: usize,
    /// Who is asked to do what.
    pub ask: Option<String>,
    /// Names of Slipway's users who are mentioned.
    pub mention: Vec<String>,
    /// What the link is called, and where it leads.
    pub link: Option<(String, String)>,
    /// The event as data, for programs.
    pub data: serde_json::Value,
}

/// A request that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Delivered,
    /// Not now; the service may say when.
    Later {
        after: Option<Duration>,
        why: String,
    },
    /// Not ever, as it stands: somebody has to mend the target.
    Never {
        why: String,
    },
}

/// What a target is given to speak with.
pub struct Access<'a> {
    pub config: &'a TargetConfig,
    /// The address, from the configuration or from its secret.
    pub url: &'a str,
    pub sign: Option<&'a SecretString>,
}

/// A service over HTTP.
pub trait Target: Send + Sync {
    fn kind(&self) -> TargetKind;

    /// The message in the service's form, within its bounds.
    ///
    /// # Errors
    /// Why it cannot be written, for whoever set the target up.
    fn request(&self, message: &Message, access: &Access<'_>, now: Time) -> Result<Outgoing, String>;

    /// What the service's answer means.
    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent;

    /// Messages that one target may send in a time.
    fn rate(&self) -> (u32, Duration);
}

/// The service behind a kind; none for mail, which [`email::send`] sends.
pub fn target(kind: TargetKind) -> Option<&'static dyn Target> {
    match kind {
        TargetKind::BearyChat => Some(&bearychat::BearyChat),
        TargetKind::DingTalk => Some(&dingtalk::DingTalk),
        TargetKind::Feishu => Some(&feishu::Feishu),
        TargetKind::WeCom => Some(&wecom::WeCom),
        TargetKind::Slack => Some(&slack::Slack),
        TargetKind::Discord => Some(&discord::Discord),
        TargetKind::Mattermost => Some(&mattermost::Mattermost),
        TargetKind::Teams => Some(&teams::Teams),
        TargetKind::Webhook => Some(&webhook::Webhook),
        TargetKind::Email => None,
    }
}

/// Messages that one target of this kind may send in a time.
pub fn rate(kind: TargetKind) -> (u32, Duration) {
    target(kind).map_or(email::RATE, Target::rate)
}

/// One try, over HTTP or by mail. `password` is the mail account's.
pub async fn send(guard: &Guard, access: &Access<'_>, password: Option<&SecretString>, message: &Message, now: Time) -> Sent {
    let Some(target) = target(access.config.kind) else {
        return email::send(guard, access.config, password, message, now).await;
    };
    match target.request(message, access, now) {
        Ok(outgoing) => guard.deliver(target, &outgoing, now).await,
        Err(why) => Sent::Never { why },
    }
}

/// A request with JSON.
fn posted(url: String, body: &serde_json::Value) -> Outgoing {
    Outgoing { url, headers: vec![("content-type", "application/json; charset=utf-8".to_owned())], body: json_bytes(body) }
}

fn json_bytes(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// HMAC-SHA256 as base64.
fn hmac_base64(key: &[u8], message: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}
