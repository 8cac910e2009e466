//! The one way out to addresses that people name.
//!
//! A name is resolved once; every address is judged ([`domain::address`]), and the connection goes to
//! those that passed and to no other. So a name that answers differently a moment later (DNS rebinding)
//! gains nothing. Redirects are not followed, proxies of the environment are not used.

use super::{Outgoing, Sent, Target};
use crate::trust::Trust;
use async_trait::async_trait;
use domain::Time;
use domain::address::{OutgoingConfig, Range, reachable, reachable_by_admin};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolving};
use reqwest::header::RETRY_AFTER;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// From the name's look-up to the answer's last byte.
pub const TIME_OUT: Duration = Duration::from_secs(15);
/// Of an answer's body; the rest is not read.
pub const MOST_ANSWER: usize = 64 * 1024;
const MOST_ADDRESS: usize = 2048;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;
/// What a service may ask us to wait at most.
const MOST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Every address of a name.
    ///
    /// # Errors
    /// Why there is none.
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// Speaks to addresses that were judged.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Posts to the pinned addresses only.
    ///
    /// # Errors
    /// What went wrong on the way, without the address.
    async fn post(&self, to: &Pinned, outgoing: &Outgoing, now: Time) -> Result<Answer, String>;
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// At most [`MOST_ANSWER`] bytes.
    pub body: Vec<u8>,
}

/// Why nothing was sent, or nothing came back. No variant holds the address: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("The address cannot be used: {why}. Nothing was sent.")]
    Address { why: &'static str },
    #[error("{host} is {what}, which Slipway does not speak to. Nothing was sent. An admin can allow it under [outgoing].")]
    Forbidden { host: String, what: &'static str },
    #[error("The name {host} was not found. Nothing was sent.")]
    Unresolved { host: String },
    #[error("{host} could not be spoken to: {why}.")]
    Failed { host: String, why: String },
}

impl From<Refused> for Sent {
    fn from(refused: Refused) -> Self {
        let why = refused.to_string();
        match refused {
            Refused::Address { .. } | Refused::Forbidden { .. } => Sent::Never { why },
            Refused::Unresolved { .. } | Refused::Failed { .. } => Sent::Later { after: None, why },
        }
    }
}

/// Judges every address before anything is sent there. Cloning is cheap.
#[derive(Clone)]
pub struct Guard {
    resolver: Arc<dyn Resolve>,
    connector: Arc<dyn Connect>,
    policy: Policy,
    trust: Trust,
    time_out: Duration,
}

/// Which addresses pass.
#[derive(Clone)]
enum Policy {
    /// Those of the public internet and of the allowed ranges: for what somebody names.
    Allowed(Arc<[Range]>),
    /// Those of one's own network too: for what an admin names.
    Admin,
}

impl Policy {
    fn judge(&self, address: IpAddr) -> Result<(), &'static str> {
        match self {
            Policy::Allowed(ranges) => reachable(address, ranges),
            Policy::Admin => reachable_by_admin(address),
        }
    }
}

/// A host and the addresses of it that passed.
#[derive(Clone, Debug)]
pub struct Pinned {
    pub host: String,
    pub addresses: Vec<SocketAddr>,
    /// Whom its certificate may be of.
    pub trust: Trust,
}

impl Guard {
    /// With the machine's resolver and network.
    pub fn new(config: &OutgoingConfig) -> Self {
        Self::with(Arc::new(System), Arc::new(Network), config)
    }

    /// With a resolver and a connector of the caller's choice.
    pub fn with(resolver: Arc<dyn Resolve>, connector: Arc<dyn Connect>, config: &OutgoingConfig) -> Self {
        let policy = Policy::Allowed(config.ranges().into());
        Self { resolver, connector, policy, trust: Trust::of(config), time_out: TIME_OUT }
    }

    /// For what an admin names: private and loopback addresses pass, a cloud's metadata never does.
    #[must_use]
    pub fn for_admins(self) -> Self {
        Self { policy: Policy::Admin, ..self }
    }

    /// The same way out under another configuration.
    #[must_use]
    pub fn allowing(&self, config: &OutgoingConfig) -> Self {
        let policy = match self.policy {
            Policy::Allowed(_) => Policy::Allowed(config.ranges().into()),
            Policy::Admin => Policy::Admin,
        };
        Self { policy, trust: Trust::of(config), ..self.clone() }
    }

    /// The same way out with less time than [`TIME_OUT`].
    #[must_use]
    pub fn within(self, time_out: Duration) -> Self {
        Self { time_out: time_out.min(TIME_OUT), ..self }
    }

    /// Posts a message and says what became of it.
    pub async fn deliver(&self, target: &dyn Target, outgoing: &Outgoing, now: Time) -> Sent {
        match self.post(outgoing, now).await {
            Ok(answer) => target.outcome(answer.status, answer.retry_after, &answer.body),
            Err(refused) => refused.into(),
        }
    }

    /// Posts.
    ///
    /// # Errors
    /// [`Refused`] before anything was sent, or when no answer came.
    pub async fn post(&self, outgoing: &Outgoing, now: Time) -> Result<Answer, Refused> {
        let host = web_address(&outgoing.url)?.host;
        let whole = async {
            let pinned = self.pin_url(&outgoing.url).await?;
            let failed = |why| Refused::Failed { host: pinned.host.clone(), why };
            self.connector.post(&pinned, outgoing, now).await.map_err(failed)
        };
        let late = |_| Refused::Failed { host, why: "no answer in time".to_owned() };
        tokio::time::timeout(self.time_out, whole).await.map_err(late)?
    }

    /// The addresses that a web address leads to.
    ///
    /// # Errors
    /// [`Refused`] when it is none, is not found, or leads where Slipway does not go.
    pub async fn pin_url(&self, url: &str) -> Result<Pinned, Refused> {
        let WebAddress { host, port } = web_address(url)?;
        self.pin(&host, port).await
    }

    /// The addresses of a host that Slipway may speak to; asked once, so that they stay what was judged.
    ///
    /// # Errors
    /// As [`Guard::pin_url`].
    pub async fn pin(&self, host: &str, port: u16) -> Result<Pinned, Refused> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(host).await.map_err(|_| Refused::Unresolved { host: host.to_owned() })?,
        };
        let mut what = None;
        let mut judged = |address: &IpAddr| self.policy.judge(*address).map_err(|why| what.get_or_insert(why)).is_ok();
        let addresses = found.into_iter().filter(|address| judged(address)).take(MOST_ADDRESSES);
        let addresses: Vec<SocketAddr> = addresses.map(|address| SocketAddr::new(address, port)).collect();
        match what {
            _ if !addresses.is_empty() => Ok(Pinned { host: host.to_owned(), addresses, trust: self.trust.clone() }),
            Some(what) => Err(Refused::Forbidden { host: host.to_owned(), what }),
            None => Err(Refused::Unresolved { host: host.to_owned() }),
        }
    }
}

struct WebAddress {
    host: String,
    port: u16,
}

/// Reads an address as the client will, so that an IP address in any spelling (`0x7f.1`, `2130706433`)
/// is judged as what it is.
fn web_address(text: &str) -> Result<WebAddress, Refused> {
    let bad = |why| Refused::Address { why };
    if text.len() > MOST_ADDRESS {
        return Err(bad("it is too long"));
    }
    let url = Url::parse(text).map_err(|_| bad("it is not one"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it does not begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it holds a user or a password"));
    }
    let host = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')).filter(|host| !host.is_empty());
    let (Some(host), Some(port)) = (host, url.port_or_known_default()) else { return Err(bad("it has no host")) };
    Ok(WebAddress { host: host.to_owned(), port })
}

/// The machine's own resolver.
pub struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The machine's own network.
pub struct Network;

#[async_trait]
impl Connect for Network {
    async fn post(&self, to: &Pinned, outgoing: &Outgoing, now: Time) -> Result<Answer, String> {
        let mut request = to.client().map_err(|cause| reason(&cause))?.post(&outgoing.url).body(outgoing.body.clone());
        for (name, value) in &outgoing.headers {
            request = request.header(*name, value);
        }
        let mut answer = request.send().await.map_err(|cause| reason(&cause))?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| wait(value.to_str().ok()?, now));
        let mut body = Vec::new();
        // What is behind the bound, and what breaks off behind a status, is not worth a second try.
        while let Ok(Some(part)) = answer.chunk().await {
            let room = MOST_ANSWER - body.len();
            body.extend_from_slice(part.get(..room).unwrap_or(&part));
            if part.len() >= room {
                break;
            }
        }
        Ok(Answer { status, retry_after, body })
    }
}

impl Pinned {
    /// A client for one request to these addresses, whatever name it asks for.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub fn client(&self) -> reqwest::Result<reqwest::Client> {
        self.builder()?.pool_max_idle_per_host(0).connect_timeout(TIME_OUT / 3).timeout(TIME_OUT).build()
    }

    /// The same for more than one request, with bounds of the caller's choice.
    ///
    /// # Errors
    /// As [`Pinned::client`].
    pub fn builder(&self) -> reqwest::Result<reqwest::ClientBuilder> {
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(self.clone()))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")));
        self.trust.http(client)
    }
}

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = if name.as_str() == self.host { self.addresses.clone() } else { Vec::new() };
        Box::pin(std::future::ready(Ok(Box::new(addresses.into_iter()) as Addrs)))
    }
}

/// What went wrong, without the address that it went wrong with.
pub fn reason(cause: &reqwest::Error) -> String {
    match () {
        () if cause.is_timeout() => "no answer in time".to_owned(),
        () if cause.is_connect() => "no connection".to_owned(),
        () if cause.is_builder() => "the request cannot be written".to_owned(),
        () => "the connection broke off".to_owned(),
    }
}

/// `Retry-After`: seconds, also with a fraction, or a date.
fn wait(value: &str, now: Time) -> Option<Duration> {
    let wait = match value.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => (chrono::DateTime::parse_from_rfc2822(value).ok()?.to_utc() - now).to_std().ok()?,
    };
    Some(wait.min(MOST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_client_reads_it() {
        let host = |text: &str| web_address(text).map(|address| address.host);
        for spelling in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
        ] {
            assert_eq!(host(spelling), Ok("127.0.0.1".to_owned()), "{spelling}");
        }
        assert_eq!(host("https://[::ffff:127.0.0.1]/x"), Ok("::ffff:7f00:1".to_owned()));
        for bad in [
            "ftp://a.test/",
            "file:///etc/passwd",
            "https://u@a.test/",
            "https://:p@a.test/",
            "https:///",
            "a.test",
            "",
            "unix:/x",
            "https://a.test:99999/",
        ] {
            assert!(matches!(host(bad), Err(Refused::Address { .. })), "{bad}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_ends() {
        let now = "2026-11-26T08:00:00Z".parse().expect("a time");
        assert_eq!(wait("30", now), Some(Duration::from_secs(30)));
        assert_eq!(wait("0.65", now), Some(Duration::from_millis(650)));
        assert_eq!(wait("Thu, 26 Nov 2026 08:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(wait("999999999", now), Some(MOST_WAIT));
        assert_eq!((wait("-1", now), wait("soon", now), wait("NaN", now)), (None, None, None));
    }
}
