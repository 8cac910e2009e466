//! Docker engines and Swarms, through bollard.

use bollard::{API_DEFAULT_VERSION, Docker};
use domain::Problem;
use domain::problem::Noun;
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
}
