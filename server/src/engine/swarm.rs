//! Swarms: the service of an app in a region. It is built from a typed intent (`spec`), made
//! and updated only where it is ours, and read off what the Swarm says of its tasks.

mod inside;
mod logs;
mod look;
mod nodes;
mod secrets;
mod spec;

pub use inside::Inside;
pub use look::{Look, Observed};
pub use secrets::{Ids, Made, SecretSeen, object_name};
pub use spec::{Which, build, essence, intent_hash, service_name};

use crate::engine::Engines;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::{CreateImageOptionsBuilder, EventsOptionsBuilder, UpdateServiceOptionsBuilder};
use domain::config::RegionConfig;
use domain::problem::Noun;
use domain::service::ServiceIntent;
use futures::StreamExt as _;
use std::collections::HashMap;
use std::time::Duration;

/// A look takes at most this long; a region that does not answer within it is unreachable.
const LOOK: Duration = Duration::from_secs(3);
/// A change may take this long to be taken in; afterwards a look says whether it was.
const CHANGE: Duration = Duration::from_secs(10);
/// A pull that says nothing for this long is given up and begun again.
const SILENCE: Duration = Duration::from_secs(60);
/// The first API in which a service keeps its limits on capabilities and processes (20.10).
const OLDEST_API: (usize, usize) = (1, 41);

/// Whose service it is, and of which promotion.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    pub instance: &'a str,
    pub promotion: &'a str,
}

/// Why a Swarm did not do what was asked. The text is made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No answer, or one that may be another in a moment. What was asked may have been done:
    /// look before asking again.
    Away(String),
    /// The service changed, or came to be, since it was looked at: look again.
    Stale,
    /// It will not do this, however often it is asked.
    Refused(String),
    /// Its engine is of a version that does not keep what Slipway asks of it.
    TooOld(String),
}

/// A region's Swarm, through one of its managers.
pub struct Swarm {
    docker: Docker,
    instance: String,
    account: Option<DockerCredentials>,
}

impl Swarm {
    /// Speaks to the region's Swarm.
    ///
    /// # Errors
    /// [`Trouble::Away`] when it does not answer in time; [`Trouble::TooOld`].
    pub async fn reach(engines: &Engines, region: &RegionConfig, instance: &str) -> Result<Self, Trouble> {
        let client = engines.client(Noun::Region, &region.name, region.access());
        let client = tokio::time::timeout(LOOK, client).await.map_err(|_| away())?;
        let docker = client.map_err(|_| away())?;
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < OLDEST_API {
            let why = format!("API {}.{}", version.major_version, version.minor_version);
            engines.forget(Noun::Region, &region.name).await;
            return Err(Trouble::TooOld(why));
        }
        Ok(Self { docker, instance: instance.to_owned(), account: None })
    }

    /// The same, pulling with this account: the manager passes it on to every node that runs a task.
    #[must_use]
    pub fn pulling_as(self, account: Option<DockerCredentials>) -> Self {
        Self { account, ..self }
    }

    /// Whether the manager's own node has the image.
    ///
    /// # Errors
    /// [`Trouble::Away`].
    pub async fn has_image(&self, image: &str) -> Result<bool, Trouble> {
        match within(LOOK, self.docker.inspect_image(image)).await {
            Ok(_) => Ok(true),
            Err(Failure::Missing) => Ok(false),
            Err(failure) => Err(failure.trouble()),
        }
    }

    /// Pulls the image onto the manager's node, so that a rollout stops nothing for an image
    /// that cannot be had. `says` hears the current line.
    ///
    /// # Errors
    /// [`Trouble::Away`] when it did not work now; [`Trouble::Refused`] never.
    pub async fn pull(&self, image: &str, mut says: impl FnMut(String)) -> Result<(), Trouble> {
        let options = CreateImageOptionsBuilder::default().from_image(image).build();
        let mut lines = std::pin::pin!(self.docker.create_image(Some(options), None, self.account.clone()));
        loop {
            match tokio::time::timeout(SILENCE, lines.next()).await {
                Ok(Some(Ok(line))) => match line.error_detail {
                    Some(error) => return Err(Trouble::Away(safe(&error.message.unwrap_or_default()))),
                    None => says(safe(&line.status.unwrap_or_default())),
                },
                Ok(Some(Err(error))) => return Err(Trouble::Away(failure(error).text())),
                Ok(None) => return Ok(()),
                Err(_) => return Err(away()),
            }
        }
    }

    /// Makes the service. The Swarm has the secrets that it is given already.
    ///
    /// # Errors
    /// [`Trouble::Stale`] when one of that name came to be in between; [`Trouble::Refused`] without its secrets.
    pub async fn create(&self, intent: &ServiceIntent, promotion: &str) -> Result<(), Trouble> {
        let spec = build(intent, self.marks(promotion), &self.ids(intent).await?);
        within(CHANGE, self.docker.create_service(spec, self.account.clone())).await.map(|_| ()).map_err(Failure::trouble)
    }

    /// Updates the service that was seen, if it is still as it was seen.
    ///
    /// # Errors
    /// [`Trouble::Stale`] when it changed in between; [`Trouble::Refused`] without its secrets.
    pub async fn update(&self, seen: &Observed, intent: &ServiceIntent, promotion: &str) -> Result<(), Trouble> {
        let version = i32::try_from(seen.version).map_err(|_| Trouble::Refused("version out of range".to_owned()))?;
        let spec = build(intent, self.marks(promotion), &self.ids(intent).await?);
        let options = UpdateServiceOptionsBuilder::default().version(version).build();
        let asked = self.docker.update_service(&seen.id, spec, options, self.account.clone());
        within(CHANGE, asked).await.map(|_| ()).map_err(Failure::trouble)
    }

    /// Removes the service that was seen, by its id; one that is gone already is as good.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm did not say that it is gone.
    pub async fn remove(&self, seen: &Observed) -> Result<(), Trouble> {
        match within(CHANGE, self.docker.delete_service(&seen.id)).await {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(failure.trouble()),
        }
    }

    /// Hints that something may have changed; they end when the connection does.
    pub fn changes(&self) -> futures::stream::BoxStream<'static, ()> {
        let kinds = vec!["service", "container", "node"];
        let events = vec!["create", "update", "remove", "start", "die"];
        let filters = HashMap::from([("type", kinds), ("event", events)]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let events = self.docker.events(Some(options));
        events.take_while(|event| futures::future::ready(event.is_ok())).map(|_| ()).boxed()
    }

    fn marks<'a>(&'a self, promotion: &'a str) -> Marks<'a> {
        Marks { instance: &self.instance, promotion }
    }
}

/// How a call failed.
enum Failure {
    Missing,
    Trouble(Trouble),
}

impl Failure {
    fn trouble(self) -> Trouble {
        match self {
            // It was there a moment ago.
            Failure::Missing => Trouble::Stale,
            Failure::Trouble(trouble) => trouble,
        }
    }

    fn text(self) -> String {
        match self.trouble() {
            Trouble::Away(text) | Trouble::Refused(text) | Trouble::TooOld(text) => text,
            Trouble::Stale => String::new(),
        }
    }
}

async fn within<T>(time: Duration, call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(time, call).await {
        Ok(answer) => answer.map_err(failure),
        Err(_) => Err(Failure::Trouble(away())),
    }
}

fn failure(error: Error) -> Failure {
    let (status_code, message) = match error {
        Error::DockerResponseServerError { status_code, message } => (status_code, message),
        Error::DockerStreamError { error } => return Failure::Trouble(Trouble::Away(safe(&error))),
        cause => {
            tracing::debug!(%cause, "the engine did not answer");
            return Failure::Trouble(away());
        }
    };
    let out_of_sequence = message.contains("out of sequence");
    let text = safe(message.trim_start_matches("rpc error: code = ").trim_start_matches("Unknown desc = "));
    match status_code {
        404 => Failure::Missing,
        409 => Failure::Trouble(Trouble::Stale),
        _ if out_of_sequence => Failure::Trouble(Trouble::Stale),
        400..=499 => Failure::Trouble(Trouble::Refused(text)),
        _ => Failure::Trouble(Trouble::Away(text)),
    }
}

fn away() -> Trouble {
    Trouble::Away(String::new())
}

/// An engine's words on one line, without control characters, and not longer than a page shows.
pub fn safe(text: &str) -> String {
    const MOST: usize = 240;
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST { line } else { line.chars().take(MOST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn an_engines_words_stay_on_one_line() {
        assert_eq!(safe("no\u{1b}[31m such\r\n  image"), "no [31m such image");
        assert_eq!(safe(&"长".repeat(500)).chars().count(), 241);
    }
}
