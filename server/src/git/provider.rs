//! Hosts that speak an API: they compare commits without a clone, and show what became of one.
//!
//! One file each. What an API cannot tell apart (a commit that is not there, histories without a
//! common past) is not guessed: it is an error here, and git is asked instead.

mod gitea;
mod github;
mod gitlab;

use super::remote::Remote;
use crate::notify::guard::Refused;
use crate::outside::Outside;
use async_trait::async_trait;
use domain::Time;
use domain::commits::{Commit, Range};
use domain::config::{GitHostConfig, GitProvider};
use reqwest::{Method, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// One question with its answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// A comparison brings the changed files along, which nobody asked for.
const MOST_BODY: usize = 16 << 20;
/// The longest that a host is waited for when it says how long.
const MOST_WAIT: Duration = Duration::from_secs(6 * 3600);

/// Why an API did not answer with what was asked. No address and no token stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error("the host cannot be reached")]
    Away,
    /// The token is missing, wrong, or may not do this.
    #[error("the host refuses the token (status {0})")]
    Refused(u16),
    #[error("the host has no such repository or commit, or hides it from this token")]
    Missing,
    /// Too many questions, or trouble of the host's own: later.
    #[error("the host wants to be asked later (status {status})")]
    Later { status: u16, after: Option<Duration> },
    #[error("the host answers what cannot be read: {0}")]
    Unreadable(String),
    /// The answer does not say enough.
    #[error("the host's answer does not tell this")]
    Untold,
}

/// What is said about a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Success,
    Failure,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Success => "success",
            State::Failure => "failure",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [State::Pending, State::Success, State::Failure].into_iter().find(|state| state.as_str() == word)
    }
}

/// One status of a commit; the newest of one context is the one that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub commit: String,
    pub state: State,
    /// `slipway/web/verdict`.
    pub context: String,
    pub description: String,
    /// The build's page.
    pub url: String,
}

/// A host's API, for one repository.
pub struct Api<'a> {
    outside: Outside,
    provider: &'static dyn Provider,
    base: Url,
    remote: &'a Remote,
    token: &'a SecretString,
}

/// What differs from host to host.
#[async_trait]
trait Provider: Send + Sync {
    /// Where the API of a host is, when nobody says otherwise.
    fn usual(&self, host: &str) -> String;
    /// The header with the token.
    fn token(&self, token: &str) -> (&'static str, String);
    /// What stands between two commits with a common past.
    async fn compare(&self, api: &Api<'_>, base: &str, head: &str) -> Result<Range, ApiError>;
    /// The path below the API's address, and the body.
    fn status(&self, path: &str, status: &Status) -> (Vec<String>, Value);
    /// Whether a refusal means that the status stands there already.
    fn stands(&self, _status: u16, _body: &str) -> bool {
        false
    }
}

fn of(provider: GitProvider) -> &'static dyn Provider {
    match provider {
        GitProvider::GitHub => &github::GitHub,
        GitProvider::GitLab => &gitlab::GitLab,
        GitProvider::Gitea => &gitea::Gitea,
    }
}

impl<'a> Api<'a> {
    /// The API of a repository; none where the host is not said to have one.
    ///
    /// # Errors
    /// [`ApiError::Unreadable`] when the configured address is none.
    pub fn of(
        outside: Outside,
        host: &GitHostConfig,
        remote: &'a Remote,
        token: &'a SecretString,
    ) -> Result<Option<Self>, ApiError> {
        let Some(provider) = host.provider.map(of) else { return Ok(None) };
        let base = host.api.clone().unwrap_or_else(|| provider.usual(&host.host));
        let base = Url::parse(base.trim_end_matches('/')).ok();
        let web = |url: &Url| matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none();
        let base = base.filter(web).ok_or_else(|| ApiError::Unreadable("the configured api is no web address".to_owned()))?;
        Ok(Some(Self { outside, provider, base, remote, token }))
    }

    /// What stands between two commits.
    ///
    /// # Errors
    /// [`ApiError`], also where the host's answer leaves something open.
    pub async fn compare(&self, base: &str, head: &str) -> Result<Range, ApiError> {
        self.within(self.provider.compare(self, base, head)).await
    }

    /// Shows a status beside a commit.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn post_status(&self, status: &Status) -> Result<(), ApiError> {
        let (path, body) = self.provider.status(self.remote.path(), status);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let posted = async {
            let response = self.send(Method::POST, &path, &[], Some(body)).await?;
            let code = response.status().as_u16();
            if response.status().is_success() {
                return Ok(());
            }
            let after = retry_after(&response);
            let said = body_of(response, 64 << 10).await.unwrap_or_default();
            if self.provider.stands(code, &String::from_utf8_lossy(&said)) {
                return Ok(());
            }
            Err(refusal(code, after))
        };
        self.within(posted).await
    }

    async fn within<T>(&self, asked: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or(Err(ApiError::Away))
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, ApiError> {
        let response = self.send(Method::GET, path, query, None).await?;
        if !response.status().is_success() {
            return Err(refusal(response.status().as_u16(), retry_after(&response)));
        }
        let body = body_of(response, MOST_BODY).await?;
        serde_json::from_slice(&body).map_err(|cause| {
            // Where, not what: the text may be anything.
            ApiError::Unreadable(format!("JSON, line {} column {}", cause.line(), cause.column()))
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response, ApiError> {
        let mut url = self.base.clone();
        let unusable = || ApiError::Unreadable("the configured api cannot have a path".to_owned());
        // Each part is encoded: no name of a repository is a way out of the API.
        url.path_segments_mut().map_err(|()| unusable())?.pop_if_empty().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let (name, token) = self.provider.token(self.token.expose_secret());
        let mut token = reqwest::header::HeaderValue::from_str(&token).map_err(|_| ApiError::Refused(401))?;
        token.set_sensitive(true);
        let mut request = self.outside.request(method, url).header(name, token).header("accept", "application/json");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.outside.send(request).await.map_err(|refused| match refused {
            Refused::Forbidden { .. } | Refused::Address { .. } => ApiError::Unreadable(refused.to_string()),
            Refused::Unresolved { .. } | Refused::Failed { .. } => ApiError::Away,
        })
    }
}

/// Redirects are not followed: the token belongs to one host.
fn refusal(status: u16, after: Option<Duration>) -> ApiError {
    match status {
        // A spent allowance is told with either, and with a time to wait.
        401 | 403 if after.is_none() => ApiError::Refused(status),
        404 | 410 | 422 => ApiError::Missing,
        403 | 408 | 429 | 500..=599 => ApiError::Later { status, after },
        _ => ApiError::Unreadable(format!("status {status}")),
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let spent = header("x-ratelimit-remaining") == Some(0);
    // The time of a reset is given as a date, which needs a clock: an hour is its usual length.
    let reset = spent.then_some(3600);
    header("retry-after").or(reset).map(Duration::from_secs).map(|wait| wait.min(MOST_WAIT))
}

async fn body_of(mut response: Response, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ApiError::Away)? {
        if body.len() + chunk.len() > most {
            return Err(ApiError::Unreadable(format!("more than {most} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The newest first, whichever way a host lists them; `tip` is the newest.
fn newest_first(mut commits: Vec<Commit>, tip: &str) -> Vec<Commit> {
    let is_tip = |commit: Option<&Commit>| commit.is_some_and(|commit| commit.hash.starts_with(&tip.to_ascii_lowercase()));
    if is_tip(commits.last()) && !is_tip(commits.first()) {
        commits.reverse();
    } else if !is_tip(commits.first()) {
        commits.sort_by_key(|commit| std::cmp::Reverse(commit.at));
    }
    commits
}

fn count(list: &[Commit]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn time(text: &str) -> Option<Time> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

/// `owner/name` as the parts of a path.
fn parts<'a>(head: &[&'a str], path: &'a str, tail: &[&'a str]) -> Vec<&'a str> {
    head.iter().copied().chain(path.split('/')).chain(tail.iter().copied()).collect()
}

/// A text cut to what a host keeps.
fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: &str, at: &str) -> Commit {
        Commit::read(&digit.repeat(40), "a", time(at).expect("a time"), "s", []).expect("a commit")
    }

    #[test]
    fn lists_are_put_the_newest_first() {
        let (a, b) = (commit("a", "2026-11-01T00:00:00Z"), commit("b", "2026-11-02T00:00:00Z"));
        let wanted = vec![b.clone(), a.clone()];
        assert_eq!(newest_first(vec![a.clone(), b.clone()], &b.hash), wanted);
        assert_eq!(newest_first(vec![b.clone(), a.clone()], &b.hash), wanted);
        assert_eq!(newest_first(vec![a, b], "0000000"), wanted, "by time, when the tip is not among them");
        assert_eq!(newest_first(Vec::new(), "0000000"), []);
    }

    #[test]
    fn a_refusal_says_whether_to_come_again() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(refusal(401, None), ApiError::Refused(401));
        assert_eq!(refusal(403, None), ApiError::Refused(403));
        assert_eq!(refusal(403, minute), ApiError::Later { status: 403, after: minute });
        assert_eq!(refusal(429, minute), ApiError::Later { status: 429, after: minute });
        assert_eq!(refusal(502, None), ApiError::Later { status: 502, after: None });
        assert_eq!(refusal(404, None), ApiError::Missing);
        assert!(matches!(refusal(302, None), ApiError::Unreadable(_)), "a redirect is not followed");
    }
}
