//! Docker engines and Swarms, through bollard.

pub mod containers;
pub mod logs;
mod ssh;
pub mod stats;
pub mod swarm;
mod tls;
pub mod watch;

use crate::registry::Registry;
use crate::secrets::Keeper;
use crate::store::Store;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use domain::Problem;
use domain::engine::{EngineAccess, EngineUrl};
use domain::problem::{Fault, Noun};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Seconds that one call to an engine may take; logs and events have their own rules.
const CALL_SECONDS: u64 = 60;
/// Seconds within which an engine must answer the first call.
const GREETING: std::time::Duration = std::time::Duration::from_secs(4);

/// The account that the configuration names for the registry at `host`, for an engine that pulls from it.
///
/// # Errors
/// [`Problem::SecretMissing`] and [`Problem::SecretUnreadable`].
pub async fn credentials(registry: &Registry, host: &str) -> Result<Option<DockerCredentials>, Problem> {
    let account = registry.account_of(host).await?;
    Ok(account.map(|(user, password)| DockerCredentials {
        username: Some(user),
        password: Some(password.expose_secret().to_owned()),
        serveraddress: Some(host.to_owned()),
        ..Default::default()
    }))
}

/// The same for an image, `host/repository@digest`.
///
/// # Errors
/// As [`credentials`].
pub async fn credentials_of(registry: &Registry, image: &str) -> Result<Option<DockerCredentials>, Problem> {
    credentials(registry, image.split('/').next().unwrap_or_default()).await
}

/// What a client was made with, hashed: the address, and everything that opens it.
type Identity = [u8; 32];

/// Clients, made when first asked for, and made anew when what they were made with is another.
#[derive(Clone)]
pub struct Engines {
    clients: Arc<Mutex<HashMap<String, (Identity, Docker)>>>,
    store: Store,
    keeper: Keeper,
}

impl Engines {
    /// With where secrets are kept, and what they are opened with.
    pub fn new(store: Store, keeper: Keeper) -> Self {
        Self { clients: Arc::default(), store, keeper }
    }

    /// A client for the engine or region `name`, in the newest version of the API that the
    /// engine speaks.
    ///
    /// # Errors
    /// [`Problem::Unreachable`] when it does not answer within four seconds;
    /// [`Problem::EngineRefused`] when one of the two does not believe the other;
    /// [`Problem::SecretMissing`] and [`Problem::SecretUnreadable`].
    pub async fn client(&self, what: Noun, name: &str, access: EngineAccess<'_>) -> Result<Docker, Problem> {
        let key = key(what, name);
        let (secret, identity) = self.identity(access).await?;
        if let Some((_, client)) = self.clients.lock().await.get(&key).filter(|(made_with, _)| *made_with == identity) {
            return Ok(client.clone());
        }
        let unreachable = || Problem::Unreachable { what, name: name.to_owned() };
        let docker = connect(access, secret).map_err(|cause| {
            tracing::warn!(%name, %cause, "engine cannot be spoken to with what is configured");
            match cause {
                NoClient::Away(_) => unreachable(),
                NoClient::Unusable(reason) => Problem::EngineRefused { why: Fault::Refused { reason } },
            }
        })?;
        let docker = match tokio::time::timeout(GREETING, docker.negotiate_version()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(cause)) => {
                tracing::warn!(%name, cause = chain(&cause), "engine does not answer");
                return Err(distrust(&cause).unwrap_or_else(unreachable));
            }
            Err(_) => return Err(unreachable()),
        };
        self.clients.lock().await.insert(key, (identity, docker.clone()));
        Ok(docker)
    }

    /// Forgets the client: the next call greets the engine again, which may by then be another
    /// version.
    pub async fn forget(&self, what: Noun, name: &str) {
        self.clients.lock().await.remove(&key(what, name));
    }

    /// The secret that opens an engine, and all that it is reached with as one hash. A secret
    /// that was set again is sealed anew, so that its bytes are others.
    async fn identity(&self, access: EngineAccess<'_>) -> Result<(Option<SecretString>, Identity), Problem> {
        let mut hash = Sha256::new();
        let known = access.ssh_known_hosts;
        for part in [Some(access.url), access.ca, access.cert, access.secret(), known].map(Option::unwrap_or_default) {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let Some(name) = access.secret() else { return Ok((None, hash.finalize().into())) };
        let sealed = self.store.sealed(name).await?.ok_or_else(|| Problem::SecretMissing { name: name.to_owned() })?;
        hash.update(&sealed);
        Ok((Some(self.keeper.unseal(name, &sealed)?), hash.finalize().into()))
    }
}

fn key(what: Noun, name: &str) -> String {
    format!("{what} {name}")
}

/// Why there is no client; no secret stands in it.
#[derive(Debug, thiserror::Error)]
enum NoClient {
    /// Nothing is there, which may be another in a moment: a socket comes with its engine.
    #[error("{0}")]
    Away(Error),
    /// What is configured cannot work.
    #[error("{0}")]
    Unusable(String),
}

impl From<String> for NoClient {
    fn from(why: String) -> Self {
        NoClient::Unusable(why)
    }
}

/// A client that has not spoken yet.
fn connect(access: EngineAccess<'_>, secret: Option<SecretString>) -> Result<Docker, NoClient> {
    let said = NoClient::Away;
    match EngineUrl::parse(access.url).ok_or_else(|| "its address cannot be read".to_owned())? {
        EngineUrl::Unix { path } => Docker::connect_with_unix(path, CALL_SECONDS, API_DEFAULT_VERSION).map_err(said),
        EngineUrl::Tcp { .. } if access.ca.is_none() => {
            Docker::connect_with_http(access.url, CALL_SECONDS, API_DEFAULT_VERSION).map_err(said)
        }
        EngineUrl::Tcp { host, port } => Ok(tls::connect(host, port, access, secret.as_ref())?),
        EngineUrl::Ssh { user, host, port, socket } => {
            let key = secret.ok_or_else(|| "it needs a private key".to_owned())?;
            let known = access.ssh_known_hosts.unwrap_or_default();
            Ok(ssh::connect(&ssh::Door { user, host, port, socket, known }, &key)?)
        }
    }
}

/// That one of the two does not believe the other, in words that help: no later try does either.
fn distrust(cause: &Error) -> Option<Problem> {
    let own = if let Error::IOError { err } = cause { said_inside(err) } else { None };
    let reason = own.or_else(|| causes(cause).find_map(|cause| said_inside(cause.downcast_ref::<std::io::Error>()?)))?;
    Some(Problem::EngineRefused { why: Fault::Refused { reason } })
}

/// What an I/O error holds, however deep: that is no source of it.
fn said_inside(error: &std::io::Error) -> Option<String> {
    let inside = error.get_ref()?;
    if let Some(deeper) = inside.downcast_ref::<std::io::Error>() {
        return said_inside(deeper);
    }
    let tls = inside.downcast_ref::<rustls::Error>().map(tls::distrust);
    tls.or_else(|| inside.downcast_ref::<ssh::Distrust>().map(ToString::to_string))
}

fn causes<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |cause| cause.source())
}

/// An error with what lies under it, for the log.
fn chain(error: &Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What a failed call means to a person. The engine's own words are logged here, once, and go
/// no further.
pub fn problem(what: Noun, name: &str, cause: &Error) -> Problem {
    match cause {
        Error::DockerResponseServerError { status_code, message } => {
            tracing::warn!(%name, status_code, %message, "engine refused");
            refused(message, Some(*status_code))
        }
        Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => {
            tracing::warn!(%name, %error, "engine refused");
            refused(error, None)
        }
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } | Error::StrParseError { .. } => {
            tracing::warn!(%name, %cause, "engine's answer cannot be read");
            Problem::EngineRefused { why: Fault::Unreadable { detail: "its answer".to_owned() } }
        }
        _ => {
            tracing::warn!(%name, %cause, "engine does not answer");
            Problem::Unreachable { what, name: name.to_owned() }
        }
    }
}

/// Whether the engine answered that there is no such thing.
pub fn is_missing(cause: &Error) -> bool {
    matches!(cause, Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether the engine answered that the name is taken, or the thing is busy.
pub fn is_conflict(cause: &Error) -> bool {
    matches!(cause, Error::DockerResponseServerError { status_code: 409, .. })
}

/// The words for a port of the machine that somebody else has.
pub const PORT_TAKEN: &str = "the port is taken";

/// What engines say most often, in words that help and give nothing away.
const REASONS: &[(&str, &str)] = &[
    ("no space left", "its disk is full"),
    ("port is already allocated", PORT_TAKEN),
    ("address already in use", PORT_TAKEN),
    ("address pools have been fully subnetted", "it has no addresses left for another network"),
    ("could not find an available", "it has no addresses left for another network"),
    ("executable file not found", "the command is not in the image"),
    ("no such file or directory", "the command, or a file that it needs, is not in the image"),
    ("permission denied", "the command may not be executed"),
    ("cannot allocate memory", "it has not enough memory"),
    ("minimum memory limit", "the memory limit is too small"),
    ("host-mode port already in use", PORT_TAKEN),
];

fn refused(message: &str, status: Option<u16>) -> Problem {
    let message = message.to_lowercase();
    let known = REASONS.iter().find(|(said, _)| message.contains(said)).map(|(_, reason)| (*reason).to_owned());
    let reason =
        known.unwrap_or_else(|| status.map_or_else(|| "see the server's log".to_owned(), |code| format!("status {code}")));
    Problem::EngineRefused { why: Fault::Refused { reason } }
}
