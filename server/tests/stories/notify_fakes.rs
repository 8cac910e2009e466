//! The services that messages go to, as small servers on loopback. Each checks what the real one
//! checks (signature, time, size, rate, the form of a message) and answers in its words.
#![allow(dead_code, reason = "each story uses its own part")]

mod china;
mod mail;
mod west;

pub use mail::MailFake;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::Time;
use domain::notify::TargetKind;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use server::notify::Outgoing;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What is in every address of a fake, as the part that is a secret with the real ones.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";

/// An answer in the service's words.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<&'static str>,
    pub location: Option<String>,
    pub body: String,
}

impl Reply {
    pub fn new(status: u16, body: impl ToString) -> Self {
        Self { status, retry_after: None, location: None, body: body.to_string() }
    }

    /// With a `Retry-After`.
    pub fn wait(self, seconds: &'static str) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

/// What was posted.
pub struct Posted {
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Null when it is no JSON.
    pub json: Value,
    /// By the fake's clock; without one, times are not compared.
    pub now: Option<Time>,
    /// Whether more came in the last minute (or second) than the service takes.
    pub too_many: bool,
}

impl Posted {
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn is_json(&self) -> bool {
        self.header("content-type").starts_with("application/json") && !self.json.is_null()
    }
}

/// What a service takes (`Ok`) and what not, each with its answer.
pub type Verdict = Result<Reply, Reply>;

/// One service.
#[derive(Clone)]
pub struct Fake {
    kind: TargetKind,
    url: String,
    secret: Option<String>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    now: Option<Time>,
    /// Answers that come before any look at the message.
    forced: VecDeque<Reply>,
    taken: Vec<Value>,
    refused: Vec<Reply>,
    /// The hosts that were asked for, one a request.
    hosts: Vec<String>,
    /// When something came, while rates are counted.
    came: Option<Vec<Instant>>,
}

impl Fake {
    /// Listens on loopback until the runtime ends.
    pub async fn start(kind: TargetKind, secret: Option<&str>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}{}", path(kind));
        let fake = Self { kind, url, secret: secret.map(ToOwned::to_owned), inside: Arc::default() };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        fake
    }

    pub async fn dingtalk(secret: &str) -> Self {
        Self::start(TargetKind::DingTalk, Some(secret)).await
    }

    pub async fn feishu(secret: &str) -> Self {
        Self::start(TargetKind::Feishu, Some(secret)).await
    }

    pub async fn wecom() -> Self {
        Self::start(TargetKind::WeCom, None).await
    }

    pub async fn bearychat() -> Self {
        Self::start(TargetKind::BearyChat, None).await
    }

    pub async fn slack() -> Self {
        Self::start(TargetKind::Slack, None).await
    }

    pub async fn discord() -> Self {
        Self::start(TargetKind::Discord, None).await
    }

    pub async fn mattermost() -> Self {
        Self::start(TargetKind::Mattermost, None).await
    }

    pub async fn teams() -> Self {
        Self::start(TargetKind::Teams, None).await
    }

    /// The secret is `whsec_…`.
    pub async fn webhook(secret: &str) -> Self {
        Self::start(TargetKind::Webhook, Some(secret)).await
    }

    /// What to set as the target's address.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Signed times are compared with this one from now on.
    pub fn set_now(&self, now: Time) {
        self.inside().now = Some(now);
    }

    /// Refuses what comes faster than the service takes it, by the machine's clock.
    pub fn count_rate(&self) {
        self.inside().came = Some(Vec::new());
    }

    /// The next answers are the service's "too fast".
    pub fn throttle(&self, times: usize) {
        let reply = too_fast(self.kind);
        self.inside().forced.extend(std::iter::repeat_n(reply, times));
    }

    /// The next answers are this.
    pub fn answer(&self, times: usize, reply: Reply) {
        self.inside().forced.extend(std::iter::repeat_n(reply, times));
    }

    /// The next answer leads elsewhere.
    pub fn redirect(&self, to: &str) {
        let reply = Reply { location: Some(to.to_owned()), ..Reply::new(302, "") };
        self.answer(1, reply);
    }

    /// The hosts that were asked for, one a request.
    pub fn hosts(&self) -> Vec<String> {
        self.inside().hosts.clone()
    }

    /// Messages that were taken.
    pub fn received(&self) -> Vec<Value> {
        self.inside().taken.clone()
    }

    /// What was answered to those that were not.
    pub fn refused(&self) -> Vec<Reply> {
        self.inside().refused.clone()
    }

    /// What the service would answer, without sending anything.
    pub fn look(&self, outgoing: &Outgoing) -> Reply {
        let mut headers = HeaderMap::new();
        for (name, value) in &outgoing.headers {
            headers.insert(*name, value.parse().expect("a value"));
        }
        let (uri, body) = (outgoing.url.parse().expect("an address"), Bytes::from(outgoing.body.clone()));
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let now = self.now();
        self.judge(&Method::POST, Posted { uri, headers, body, json, now, too_many: false })
    }

    fn now(&self) -> Option<Time> {
        self.inside().now
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("whole")
    }

    fn judge(&self, method: &Method, posted: Posted) -> Reply {
        let mut inside = self.inside();
        if let Some(forced) = inside.forced.pop_front() {
            inside.refused.push(forced.clone());
            return forced;
        }
        let secret = self.secret.as_deref();
        let verdict = match self.kind {
            _ if *method != Method::POST => Err(Reply::new(405, "")),
            _ if posted.too_many => Err(too_fast(self.kind)),
            TargetKind::DingTalk => china::dingtalk(&posted, secret),
            TargetKind::Feishu => china::feishu(&posted, secret),
            TargetKind::WeCom => china::wecom(&posted),
            TargetKind::BearyChat => china::bearychat(&posted),
            TargetKind::Slack => west::slack(&posted),
            TargetKind::Discord => west::discord(&posted),
            TargetKind::Mattermost => west::mattermost(&posted),
            TargetKind::Teams => west::teams(&posted),
            TargetKind::Webhook => west::webhook(&posted, secret),
            TargetKind::Email => panic!("mail is another fake"),
        };
        match &verdict {
            Ok(_) => inside.taken.push(posted.json),
            Err(reply) => inside.refused.push(reply.clone()),
        }
        verdict.unwrap_or_else(|reply| reply)
    }

    /// Counts one more; whether that is too many.
    fn count(&self) -> bool {
        let (most, within) = match self.kind {
            TargetKind::DingTalk | TargetKind::WeCom => (20, Duration::from_secs(60)),
            TargetKind::Feishu => (5, Duration::from_secs(1)),
            TargetKind::Teams => (4, Duration::from_secs(1)),
            TargetKind::Discord => (30, Duration::from_secs(60)),
            TargetKind::Mattermost => (100, Duration::from_secs(10)),
            _ => (1, Duration::from_secs(1)),
        };
        let mut inside = self.inside();
        let Some(came) = &mut inside.came else { return false };
        came.retain(|at| at.elapsed() < within);
        came.push(Instant::now());
        came.len() > most
    }
}

async fn answer(State(fake): State<Fake>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    fake.inside().hosts.push(host.to_owned());
    let now = fake.now();
    let too_many = fake.count();
    let reply = fake.judge(&head.method, Posted { uri: head.uri, headers: head.headers, body, json, now, too_many });
    let status = StatusCode::from_u16(reply.status).expect("a status");
    let mut answer = (status, reply.body).into_response();
    if let Some(wait) = reply.retry_after {
        answer.headers_mut().insert("retry-after", wait.parse().expect("a value"));
    }
    if let Some(location) = reply.location {
        answer.headers_mut().insert("location", location.parse().expect("a value"));
    }
    answer
}

/// Where the service is asked, with the key in the place where the real one has it.
fn path(kind: TargetKind) -> String {
    match kind {
        TargetKind::BearyChat => format!("/=bw52O/incoming/{KEY}"),
        TargetKind::DingTalk => format!("/robot/send?access_token={KEY}"),
        TargetKind::Feishu => format!("/open-apis/bot/v2/hook/{KEY}"),
        TargetKind::WeCom => format!("/cgi-bin/webhook/send?key={KEY}"),
        TargetKind::Slack => format!("/services/T0TEST/B0TEST/{KEY}"),
        TargetKind::Discord => format!("/api/webhooks/100000000000000001/{KEY}"),
        TargetKind::Mattermost => format!("/hooks/{KEY}"),
        TargetKind::Teams => format!("/workflows/1/triggers/manual/paths/invoke?api-version=1&sig={KEY}"),
        TargetKind::Webhook => format!("/in/{KEY}"),
        TargetKind::Email => String::new(),
    }
}

fn too_fast(kind: TargetKind) -> Reply {
    match kind {
        TargetKind::DingTalk => Reply::new(200, r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#),
        TargetKind::Feishu => Reply::new(200, r#"{"code":11232,"msg":"frequency limited","data":{},"StatusCode":0}"#),
        TargetKind::WeCom => Reply::new(200, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#),
        TargetKind::Slack => Reply::new(429, "rate_limited").wait("30"),
        TargetKind::Discord => {
            Reply::new(429, r#"{"message":"You are being rate limited.","retry_after":0.65,"global":false}"#).wait("1")
        }
        _ => Reply::new(429, "").wait("7"),
    }
}
