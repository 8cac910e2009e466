//! One request: token when asked for, redirects followed by hand, body cut at its bound.

use super::{Registry, answer, unreachable};
use crate::notify::guard::Refused;
use bytes::Bytes;
use domain::Problem;
use domain::problem::Fault;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const MOST_HOPS: usize = 3;
const MOST_TOKEN_ANSWER: usize = 64 << 10;
/// Tokens kept; when there are more, all are forgotten and fetched again.
const MOST_TOKENS: usize = 256;
const MOST_TOKEN: usize = 16 << 10;
/// A registry that asks for more is asked again after this.
const MOST_WAIT: u64 = 3600;

/// What a registry answered.
pub enum Answer {
    /// The body, and where the next page of a list is, as the registry writes it.
    Body(Vec<u8>, Option<String>),
    Missing,
    Refused(u16),
    /// It is asked too often.
    TooMany {
        seconds: u64,
    },
}

/// What opened a registry before, by host and scope, in memory only.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<(String, String), Kept>>);

#[derive(Clone)]
enum Kept {
    Token(String),
    /// It takes the account itself, with every question.
    Account,
}

impl Tokens {
    fn find(&self, key: &(String, String)) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: (String, String), kept: Kept) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        tokens.insert(key, kept);
    }
}

/// What is asked of a registry, as often as it has to be sent.
#[derive(Clone)]
pub(super) struct Wish {
    pub method: Method,
    pub url: Url,
    /// Names and values.
    pub headers: Vec<(HeaderName, String)>,
    pub body: Bytes,
    /// Whether it takes the right to write.
    pub push: bool,
}

impl Wish {
    /// A question that changes nothing.
    pub fn read(method: Method, url: Url, accept: &str) -> Self {
        Self { method, url, headers: vec![(ACCEPT, accept.to_owned())], body: Bytes::new(), push: false }
    }
}

/// What opens a registry.
pub(super) enum Pass {
    Bearer(String),
    Account { user: String, password: SecretString },
}

/// How long a registry asks to wait, in seconds; a minute where it does not say.
pub(super) fn wait_of(response: &Response) -> u64 {
    let said = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    said.unwrap_or(60).clamp(1, MOST_WAIT)
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registry {
    /// One bounded answer to a question that changes nothing.
    pub(super) async fn get(
        &self,
        host: &str,
        repository: Option<&str>,
        url: &str,
        accept: &str,
        most: usize,
    ) -> Result<Answer, Problem> {
        let url = Url::parse(url).map_err(crate::store::internal)?;
        let wish = Wish::read(Method::GET, url, accept);
        let Some(response) = self.asked(host, repository, &wish).await? else { return Ok(Answer::Refused(401)) };
        let response = self.follow(host, wish, response).await?;
        match response.status() {
            status if status.is_success() => {
                let next = response.headers().get(LINK).and_then(|value| value.to_str().ok()).map(str::to_owned);
                Ok(Answer::Body(body(host, response, most).await?, next))
            }
            StatusCode::TOO_MANY_REQUESTS => Ok(Answer::TooMany { seconds: wait_of(&response) }),
            StatusCode::NOT_FOUND => Ok(Answer::Missing),
            status => Ok(Answer::Refused(status.as_u16())),
        }
    }

    /// Asks once; when the registry wants a token, fetches one and asks again. An expired
    /// token is refused like a missing one, so tokens need no clock. None when it opens to nobody here.
    pub(super) async fn asked(&self, host: &str, repository: Option<&str>, wish: &Wish) -> Result<Option<Response>, Problem> {
        let scope = scope(repository, wish.push);
        let key = (host.to_owned(), scope.clone().unwrap_or_default());
        let pass = match self.tokens.find(&key) {
            Some(Kept::Token(token)) => Some(Pass::Bearer(token)),
            Some(Kept::Account) => self.account(host).await?,
            None => None,
        };
        let response = self.send(host, wish, pass.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(Some(response));
        }
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let account = self.account(host).await?;
        let wants_basic = challenge.as_deref().is_some_and(|text| text.trim().to_ascii_lowercase().starts_with("basic"));
        let pass = match account {
            Some(account) if wants_basic => Some(account),
            account => self.token(host, scope.as_deref(), challenge.as_deref(), account.as_ref()).await?.map(Pass::Bearer),
        };
        let Some(pass) = pass else { return Ok(None) };
        let response = self.send(host, wish, Some(&pass)).await?;
        if response.status() != StatusCode::UNAUTHORIZED && response.status() != StatusCode::FORBIDDEN {
            let kept = match pass {
                Pass::Bearer(token) => Kept::Token(token),
                Pass::Account { .. } => Kept::Account,
            };
            self.tokens.keep(key, kept);
        }
        Ok(Some(response))
    }

    /// The account that the configuration names for a registry. It is never sent in the clear,
    /// but to a registry that is spoken to in the clear altogether.
    async fn account(&self, host: &str) -> Result<Option<Pass>, Problem> {
        let account = self.account_of(host).await?;
        Ok(account.map(|(user, password)| Pass::Account { user, password }))
    }

    /// User and password that the configuration names for a registry: an engine pulls with them too.
    ///
    /// # Errors
    /// [`Problem::SecretMissing`] and [`Problem::SecretUnreadable`].
    pub async fn account_of(&self, host: &str) -> Result<Option<(String, SecretString)>, Problem> {
        let named = self.applied.config.registry(host).and_then(|one| one.user.clone().zip(one.password_secret.clone()));
        let Some((user, secret)) = named else { return Ok(None) };
        let password = crate::usecases::secrets::open(&self.ctx, &secret).await?;
        Ok(Some((user, password)))
    }

    /// Follows redirects (registries keep blobs in object stores) without the token, and
    /// never from https to plain http.
    pub(super) async fn follow(&self, host: &str, mut wish: Wish, mut response: Response) -> Result<Response, Problem> {
        for _ in 0..MOST_HOPS {
            if !response.status().is_redirection() {
                return Ok(response);
            }
            wish.url = led_to(host, &wish.url, &response)?;
            response = self.send(host, &wish, None).await?;
        }
        if response.status().is_redirection() {
            return Err(answer(host, Fault::Refused { reason: format!("more than {MOST_HOPS} redirects") }));
        }
        Ok(response)
    }

    pub(super) async fn send(&self, host: &str, wish: &Wish, pass: Option<&Pass>) -> Result<Response, Problem> {
        let mut request = self.outside.request(wish.method.clone(), wish.url.clone());
        for (name, value) in &wish.headers {
            request = request.header(name, value);
        }
        if wish.push {
            request = request.body(wish.body.clone());
        }
        let request = match pass {
            None => request,
            Some(Pass::Bearer(token)) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            Some(Pass::Account { user, password }) => request.basic_auth(user, Some(password.expose_secret())),
        };
        self.outside.send(request).await.map_err(|refused| turned_away(host, &refused))
    }

    /// A token of the registry's own service, for the account or for anyone; none when it hands out none.
    async fn token(
        &self,
        host: &str,
        scope: Option<&str>,
        challenge: Option<&str>,
        account: Option<&Pass>,
    ) -> Result<Option<String>, Problem> {
        let Some(challenge) = challenge.and_then(Challenge::read) else { return Ok(None) };
        let Ok(mut realm) = Url::parse(&challenge.realm) else { return Ok(None) };
        if !(realm.scheme() == "https" || (realm.scheme() == "http" && self.insecure(host))) {
            return Ok(None);
        }
        if let Some(service) = &challenge.service {
            realm.query_pairs_mut().append_pair("service", service);
        }
        if let Some(scope) = scope {
            realm.query_pairs_mut().append_pair("scope", scope);
        }
        // Only a service of the registry's own is shown the account: the realm is the registry's word.
        let account = account.filter(|_| is_of(&realm, host));
        let wish = Wish::read(Method::GET, realm, "application/json");
        let response = self.send(host, &wish, account).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        let body = body(host, response, MOST_TOKEN_ANSWER).await?;
        let given: Option<TokenAnswer> = serde_json::from_slice(&body).ok();
        let token = given.and_then(|given| given.token.or(given.access_token));
        Ok(token.filter(|token| token.len() <= MOST_TOKEN && token.bytes().all(|b| b.is_ascii_graphic())))
    }
}

/// What a token is asked for; nothing in particular for the registry's root.
fn scope(repository: Option<&str>, push: bool) -> Option<String> {
    let rights = if push { "pull,push" } else { "pull" };
    repository.map(|repository| format!("repository:{repository}:{rights}"))
}

/// Where an answer leads, never from https to plain http.
pub(super) fn led_to(host: &str, from: &Url, response: &Response) -> Result<Url, Problem> {
    let next = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|to| from.join(to).ok());
    let next = next.filter(|next| next.scheme() == "https" || (next.scheme() == "http" && from.scheme() == "http"));
    next.ok_or_else(|| answer(host, Fault::Refused { reason: "a redirect that leads nowhere safe".to_owned() }))
}

/// Reads a body that may be longer than it says.
pub(super) async fn body(host: &str, mut response: Response, most: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|cause| said(host, &cause))? {
        if body.len() + chunk.len() > most {
            return Err(answer(host, Fault::Refused { reason: format!("more than {most} bytes") }));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What it means that nothing was sent, or that nothing came back.
fn turned_away(host: &str, refused: &Refused) -> Problem {
    tracing::warn!(%host, %refused, "registry is not spoken to");
    match refused {
        Refused::Forbidden { host: named, what } => {
            let named = crate::engine::swarm::safe(named);
            answer(host, Fault::Refused { reason: format!("{named} is {what}, which Slipway does not speak to") })
        }
        Refused::Address { why } => answer(host, Fault::Refused { reason: format!("an address that cannot be used: {why}") }),
        Refused::Unresolved { .. } | Refused::Failed { .. } => unreachable(host),
    }
}

/// Whether a token service is the registry's own: at the same host, or beside it under the same
/// domain, as `auth.docker.io` is beside `registry-1.docker.io`.
fn is_of(realm: &Url, registry: &str) -> bool {
    let bare = registry.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let registry = bare.map_or(registry, |(host, _)| host).to_ascii_lowercase();
    let Some(host) = realm.host_str().map(str::to_ascii_lowercase) else { return false };
    if host == registry {
        return true;
    }
    // Names only: the numbers of an address are no domain.
    let is_number = |host: &str| host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>().is_ok();
    if is_number(&host) || is_number(&registry) {
        return false;
    }
    let domain = if registry == "docker.io" { Some("docker.io") } else { registry.split_once('.').map(|(_, domain)| domain) };
    let Some(domain) = domain.filter(|domain| is_somebodys(domain)) else { return false };
    host == domain || host.strip_suffix(domain).is_some_and(|head| head.ends_with('.'))
}

/// Whether a domain belongs to one owner, unlike `com` and `com.cn`.
fn is_somebodys(domain: &str) -> bool {
    match domain.split('.').collect::<Vec<_>>().as_slice() {
        [] | [_] => false,
        [name, top] => !(top.len() == 2 && name.len() <= 3),
        _ => true,
    }
}

fn said(host: &str, cause: &reqwest::Error) -> Problem {
    tracing::warn!(%host, ?cause, "registry cannot be read");
    unreachable(host)
}

/// `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`. The scope is our own.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
}

impl Challenge {
    fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut fields: HashMap<String, String> = parameters(rest);
        Some(Self { realm: fields.remove("realm")?, service: fields.remove("service") })
    }
}

/// `name="value"` pairs; a value may hold commas, as scopes do.
fn parameters(mut rest: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(name, value.trim().to_owned());
        rest = after;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_commas_inside_its_scope() {
        let header = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:web:pull,push""#;
        let wanted = Challenge { realm: "https://auth.example/token".into(), service: Some("registry.example".into()) };
        assert_eq!(Challenge::read(header), Some(wanted));
    }

    #[test]
    fn an_account_is_shown_to_the_registry_s_own_token_service_only() {
        let of = |realm: &str, registry: &str| is_of(&Url::parse(realm).expect("an address"), registry);
        for (realm, registry) in [
            ("https://auth.docker.io/token", "docker.io"),
            ("https://dockerauth.cn-hangzhou.aliyuncs.com/auth", "registry.cn-hangzhou.aliyuncs.com"),
            ("https://gitlab.com/jwt/auth", "registry.gitlab.com"),
            ("https://gitlab.example.com/jwt/auth", "registry.example.com:5050"),
            ("https://harbor.example.com/service/token", "harbor.example.com"),
            ("http://10.0.0.7:5001/token", "10.0.0.7:5000"),
        ] {
            assert!(of(realm, registry), "{realm} {registry}");
        }
        for (realm, registry) in [
            ("https://evil.example/token", "registry.example.com"),
            ("https://evil-example.com/token", "registry.example.com"),
            ("https://example.com.evil.net/token", "registry.example.com"),
            ("https://evil.com/token", "example.com"),
            ("https://evil.com.cn/token", "example.com.cn"),
            ("https://evil.co.uk/token", "registry.co.uk"),
            ("http://10.0.0.8/token", "10.0.0.7:5000"),
            ("http://11.0.0.7/token", "10.0.0.7:5000"),
            ("http://evil.lan/token", "registry:5000"),
        ] {
            assert!(!of(realm, registry), "{realm} {registry}");
        }
    }

    #[test]
    fn what_is_not_a_bearer_challenge_is_none() {
        for header in ["Basic realm=\"x\"", "Bearer", "Bearer service=\"x\"", "", "Bearer realm"] {
            assert_eq!(Challenge::read(header), None, "{header}");
        }
    }
}
