//! Pulling by digest, with progress.

use super::Host;
use crate::engine::{credentials, is_missing};
use crate::registry::{Registry, variables_of};
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use domain::problem::{Fault, Noun};
use domain::{Digest, ImageName, Problem};
use futures::StreamExt as _;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A pull that says nothing for so long has died.
const SILENCE: Duration = Duration::from_secs(120);
/// The longest pull.
const WHOLE: Duration = Duration::from_secs(30 * 60);
/// Layers that progress is kept of; images have at most 127.
const MOST_LAYERS: usize = 256;

/// An image that an engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The engine's own.
    pub id: String,
    /// What its containers start with.
    pub variables: BTreeMap<String, String>,
}

impl Host {
    /// The image with this digest as the engine has it; none when it is not there.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn image(&self, reference: &str) -> Result<Option<Image>, Problem> {
        match self.call(self.docker().inspect_image(reference)).await {
            Ok(image) => {
                let env = image.config.and_then(|config| config.env).unwrap_or_default();
                Ok(image.id.map(|id| Image { id, variables: variables_of(&env) }))
            }
            Err(cause) if is_missing(&cause) => Ok(None),
            Err(cause) => Err(self.problem(&cause)),
        }
    }

    /// Pulls an image by digest, unless it is there, and gives it as the engine has it then. It is
    /// pulled with the account that the configuration names for its registry. `say` hears how far it is.
    ///
    /// # Errors
    /// [`Problem::ImageGone`] when the registry does not have it, [`Problem::RegistryAnswer`] when it
    /// does not give it to the account, [`Problem::Unreachable`] for the registry, and as
    /// [`Host::containers`].
    pub async fn ensure_image(
        &self,
        registry: &Registry,
        image: &ImageName,
        digest: &Digest,
        say: impl Fn(String),
    ) -> Result<Image, Problem> {
        let reference = image.at(digest);
        if let Some(found) = self.image(&reference).await? {
            return Ok(found);
        }
        let account = credentials(registry, image.host()).await?;
        let pulled = tokio::time::timeout(WHOLE, self.pull(image, digest, account, say)).await;
        pulled.unwrap_or(Err(Error::RequestTimeoutError)).map_err(|cause| self.pull_problem(image, &reference, &cause))?;
        self.image(&reference).await?.ok_or(Problem::ImageGone { image: reference })
    }

    async fn pull(
        &self,
        image: &ImageName,
        digest: &Digest,
        account: Option<DockerCredentials>,
        say: impl Fn(String),
    ) -> Result<(), Error> {
        let options =
            CreateImageOptions { from_image: Some(image.to_string()), tag: Some(digest.to_string()), ..Default::default() };
        let mut told = std::pin::pin!(self.docker().create_image(Some(options), None, account));
        let mut progress = Progress::default();
        loop {
            match tokio::time::timeout(SILENCE, told.next()).await {
                Ok(Some(Ok(info))) => progress.take(info).map_or((), &say),
                Ok(Some(Err(cause))) => return Err(cause),
                Ok(None) => return Ok(()),
                Err(_) => return Err(Error::RequestTimeoutError),
            }
        }
    }

    fn pull_problem(&self, image: &ImageName, reference: &str, cause: &Error) -> Problem {
        let said = match cause {
            Error::DockerStreamError { error } => error.to_lowercase(),
            Error::DockerResponseServerError { message, .. } => message.to_lowercase(),
            _ => String::new(),
        };
        let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let closed = any(&["unauthorized", "no basic auth credentials", "authentication required", "denied"]);
        if closed && !any(&["repository does not exist"]) {
            let reason = "it does not give the image to the account that is configured for it".to_owned();
            return Problem::RegistryAnswer { name: image.host().to_owned(), why: Fault::Refused { reason } };
        }
        if is_missing(cause) || any(&["manifest unknown", "not found", "no such image", "repository does not exist"]) {
            return Problem::ImageGone { image: reference.to_owned() };
        }
        if any(&[
            "connection refused",
            "no such host",
            "i/o timeout",
            "no route to host",
            "deadline exceeded",
            "awaiting headers",
        ]) {
            tracing::warn!(engine = %self.name(), %cause, "registry cannot be reached from the engine");
            return Problem::Unreachable { what: Noun::Registry, name: image.host().to_owned() };
        }
        if any(&["unknown blob", "blob unknown"]) {
            let why = Fault::Refused { reason: "it does not have a layer of the image".to_owned() };
            return Problem::RegistryAnswer { name: image.host().to_owned(), why };
        }
        // What the registry answered to the engine, in the words of Docker.
        if let Some(status) = said.split("unexpected http status: ").nth(1).and_then(|rest| rest.get(..3)) {
            tracing::warn!(engine = %self.name(), %cause, "registry answers the engine with an error");
            let why = Fault::Refused { reason: format!("status {status}") };
            return Problem::RegistryAnswer { name: image.host().to_owned(), why };
        }
        self.problem(cause)
    }
}

/// Bytes by layer.
#[derive(Default)]
struct Progress {
    layers: HashMap<String, (i64, i64)>,
}

impl Progress {
    /// Takes in one message; some words when there is something to say.
    fn take(&mut self, info: CreateImageInfo) -> Option<String> {
        let (id, detail) = (info.id?, info.progress_detail?);
        let (current, total) = (detail.current?, detail.total?);
        // Unpacking counts the same bytes again.
        if info.status.as_deref() != Some("Downloading") || (self.layers.len() >= MOST_LAYERS && !self.layers.contains_key(&id)) {
            return None;
        }
        self.layers.insert(id, (current, total));
        let (current, total) = self
            .layers
            .values()
            .fold((0_i64, 0_i64), |(have, all), (current, total)| (have.saturating_add(*current), all.saturating_add(*total)));
        Some(format!("{} / {} MB", megabytes(current), megabytes(total)))
    }
}

fn megabytes(bytes: i64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}
