//! The one way out over HTTP to what an admin names: registries, and the APIs of git hosts.
//!
//! Each request's address is judged as [`crate::notify::guard`] judges it, every one that a
//! registry leads on to included, and the connection goes to what was judged and to nothing else.

use crate::notify::guard::{Guard, Network, Pinned, Refused, Resolve, System};
use crate::trust::Trust;
use async_trait::async_trait;
use domain::address::OutgoingConfig;
use reqwest::{Client, Method, Request, RequestBuilder, Response, Url};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// From the first byte asked to the last one answered.
const WHOLE: Duration = Duration::from_secs(30);
/// Clients that are kept for their connections; when there are more, all are made anew.
const MOST_CLIENTS: usize = 64;

/// Carries a request to addresses that were judged.
#[async_trait]
pub trait Carry: Send + Sync {
    /// Sends to the pinned addresses only.
    ///
    /// # Errors
    /// What the client says.
    async fn carry(&self, to: &Pinned, request: Request) -> reqwest::Result<Response>;
}

/// The way out. Cloning is cheap.
#[derive(Clone)]
pub struct Outside {
    guard: Guard,
    carrier: Arc<dyn Carry>,
    /// Writes requests and never sends one.
    writer: Client,
}

impl Default for Outside {
    fn default() -> Self {
        Self::with(Arc::new(System), Arc::new(Clients::default()))
    }
}

impl Outside {
    /// With a resolver and a carrier of the caller's choice.
    pub fn with(resolver: Arc<dyn Resolve>, carrier: Arc<dyn Carry>) -> Self {
        let guard = Guard::with(resolver, Arc::new(Network), &OutgoingConfig::default()).for_admins();
        Self { guard, carrier, writer: Client::new() }
    }

    /// The same way out, believing whom the configuration names.
    #[must_use]
    pub fn under(&self, config: &OutgoingConfig) -> Self {
        Self { guard: self.guard.allowing(config), ..self.clone() }
    }

    /// A request to be written on, and given to [`Outside::send`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.writer.request(method, url)
    }

    /// Sends a request, without following where the answer leads.
    ///
    /// # Errors
    /// [`Refused`] before anything was sent, or when no answer came.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Refused> {
        let request = request.build().map_err(|_| Refused::Address { why: "it is not one" })?;
        let pinned = self.guard.pin_url(request.url().as_str()).await?;
        let failed = |cause: reqwest::Error| {
            tracing::debug!(host = %pinned.host, ?cause, "no answer");
            Refused::Failed { host: pinned.host.clone(), why: crate::notify::guard::reason(&cause) }
        };
        self.carrier.carry(&pinned, request).await.map_err(failed)
    }

    /// The addresses of a host that pass.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn pin(&self, host: &str, port: u16) -> Result<Pinned, Refused> {
        self.guard.pin(host, port).await
    }
}

type Place = (String, Vec<SocketAddr>, Trust);

/// One client for each host as long as it stays at its addresses: connections are used again.
#[derive(Default)]
pub struct Clients(Mutex<HashMap<Place, Client>>);

#[async_trait]
impl Carry for Clients {
    async fn carry(&self, to: &Pinned, request: Request) -> reqwest::Result<Response> {
        self.client(to)?.execute(request).await
    }
}

impl Clients {
    fn client(&self, to: &Pinned) -> reqwest::Result<Client> {
        let mut addresses = to.addresses.clone();
        addresses.sort_unstable();
        let place = (to.host.clone(), addresses, to.trust.clone());
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&place) {
            return Ok(client.clone());
        }
        let client = to.builder()?.connect_timeout(CONNECT).timeout(WHOLE).build()?;
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(place, client.clone());
        Ok(client)
    }
}
