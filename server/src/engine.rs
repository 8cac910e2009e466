//! Docker engines and Swarms, through bollard.

pub mod containers;
pub mod logs;
pub mod swarm;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use domain::Problem;
use domain::problem::{Fault, Noun};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Seconds that one call to an engine may take; logs and events have their own rules.
const CALL_SECONDS: u64 = 60;
/// Seconds within which an engine must answer the first call.
const GREETING: std::time::Duration = std::time::Duration::from_secs(4);

/// Clients by address, made when first asked for.
#[derive(Clone, Default)]
pub struct Engines {
    clients: Arc<Mutex<HashMap<String, Docker>>>,
}

impl Engines {
    /// A client for the engine `name` at `url` (`unix:///path` or `tcp://host:port`), in the
    /// newest version of the API that the engine speaks.
    ///
    /// # Errors
    /// [`Problem::Unreachable`] when it does not answer within four seconds.
    pub async fn client(&self, what: Noun, name: &str, url: &str) -> Result<Docker, Problem> {
        if let Some(client) = self.clients.lock().await.get(url) {
            return Ok(client.clone());
        }
        let unreachable = || Problem::Unreachable { what, name: name.to_owned() };
        let docker = match url.split_once("://") {
            Some(("unix", path)) => Docker::connect_with_unix(path, CALL_SECONDS, API_DEFAULT_VERSION),
            Some(("tcp" | "http", _)) => Docker::connect_with_http(url, CALL_SECONDS, API_DEFAULT_VERSION),
            _ => return Err(unreachable()),
        };
        let docker = docker.map_err(|cause| {
            tracing::warn!(%name, %cause, "engine address cannot be used");
            unreachable()
        })?;
        let docker = match tokio::time::timeout(GREETING, docker.negotiate_version()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(cause)) => {
                tracing::warn!(%name, %cause, "engine does not answer");
                return Err(unreachable());
            }
            Err(_) => return Err(unreachable()),
        };
        self.clients.lock().await.insert(url.to_owned(), docker.clone());
        Ok(docker)
    }

    /// Forgets the client for `url`: the next call greets the engine again, which may by then
    /// be another version.
    pub async fn forget(&self, url: &str) {
        self.clients.lock().await.remove(url);
    }
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

/// What engines say most often, in words that help and give nothing away.
const REASONS: &[(&str, &str)] = &[
    ("no space left", "its disk is full"),
    ("port is already allocated", "the port is taken"),
    ("address already in use", "the port is taken"),
    ("address pools have been fully subnetted", "it has no addresses left for another network"),
    ("could not find an available", "it has no addresses left for another network"),
    ("executable file not found", "the command is not in the image"),
    ("no such file or directory", "the command, or a file that it needs, is not in the image"),
    ("permission denied", "the command may not be executed"),
    ("cannot allocate memory", "it has not enough memory"),
    ("minimum memory limit", "the memory limit is too small"),
    ("host-mode port already in use", "the port is taken"),
];

fn refused(message: &str, status: Option<u16>) -> Problem {
    let message = message.to_lowercase();
    let known = REASONS.iter().find(|(said, _)| message.contains(said)).map(|(_, reason)| (*reason).to_owned());
    let reason =
        known.unwrap_or_else(|| status.map_or_else(|| "see the server's log".to_owned(), |code| format!("status {code}")));
    Problem::EngineRefused { why: Fault::Refused { reason } }
}
