//! The Distribution API client: manifests, labels and presence.
//!
//! What a registry says is believed only after hashing: a manifest or a configuration whose
//! bytes do not have the digest that was asked for counts as no usable answer. Every answer
//! has a bound in bytes and time. A registry is read with the account that the configuration
//! names, else as anyone; a token is fetched where it hands out tokens.

mod copy;
mod fetch;
mod known;
mod manifest;
mod tags;

pub use manifest::{Contents, variables as variables_of};

use crate::ctx::{Applied, Ctx};
use crate::outside::Outside;
use domain::labels::Provenance;
use domain::problem::{Fault, Noun};
use domain::{Digest, ImageName, Problem, Tag};
use fetch::{Answer, Tokens};
use known::Known;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One question to a registry, with every hop, token and retry in it.
const DEADLINE: Duration = Duration::from_secs(15);
const MOST_MANIFEST: usize = 4 << 20;
const MOST_CONFIG: usize = 8 << 20;

/// All the types in which a manifest may come. Without them a registry may convert it, and
/// the digest would be another.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// What outlives one question. Lives in the context.
#[derive(Clone, Default)]
pub struct Registries {
    tokens: Arc<Tokens>,
    known: Known,
}

impl Registries {
    /// The variables that an image brings, where they were read before.
    pub fn variables(&self, digest: &Digest) -> Option<BTreeMap<String, String>> {
        self.known.find(digest)
    }

    /// Remembers what an engine or a registry said of an image.
    pub fn learn(&self, digest: &Digest, variables: BTreeMap<String, String>) {
        self.known.learn(digest, variables);
    }
}

/// Registries as the configuration in force describes them. Made by [`Ctx::registry`].
pub struct Registry {
    ctx: Ctx,
    outside: Outside,
    applied: Arc<Applied>,
    tokens: Arc<Tokens>,
    known: Known,
}

/// Whether a registry has a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has it, and the bytes hash to it.
    Present,
    /// It answered, and does not have it.
    Gone,
    /// It could not be asked: neither yes nor no.
    Unknown(Problem),
}

/// What an image says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub provenance: Provenance,
    /// Bytes of the compressed layers and the configuration.
    pub size: i64,
}

impl Ctx {
    /// A client that speaks to registries as they are configured now.
    pub fn registry(&self) -> Registry {
        let (applied, tokens) = (self.config(), self.registries.tokens.clone());
        let known = self.registries.known.clone();
        let outside = self.outside.under(&applied.config.outgoing);
        Registry { ctx: self.clone(), outside, applied, tokens, known }
    }
}

impl Registry {
    /// Whether the registry has exactly this digest, asked anew each time.
    pub async fn presence(&self, image: &ImageName, digest: &Digest) -> Presence {
        match self.within(image, self.manifest(image, digest.as_str(), Some(digest))).await {
            Ok(_) => Presence::Present,
            Err(Problem::ImageGone { .. }) => Presence::Gone,
            Err(problem) => Presence::Unknown(problem),
        }
    }

    /// The digest that `tag` points at now.
    ///
    /// # Errors
    /// [`Problem::ImageGone`], [`Problem::Unreachable`] or [`Problem::RegistryAnswer`].
    pub async fn resolve(&self, image: &ImageName, tag: &Tag) -> Result<Digest, Problem> {
        self.within(image, self.manifest(image, tag.as_str(), None)).await.map(|(digest, _)| digest)
    }

    /// Labels and size of the image. Of an index, those of linux/amd64, else of the first image.
    ///
    /// # Errors
    /// As [`Registry::resolve`].
    pub async fn describe(&self, image: &ImageName, digest: &Digest) -> Result<Description, Problem> {
        self.within(image, self.read_description(image, digest)).await
    }

    /// Whether the registry at `host` speaks the API at all.
    ///
    /// # Errors
    /// [`Problem::Unreachable`] or [`Problem::RegistryAnswer`].
    pub async fn greet(&self, host: &str) -> Result<(), Problem> {
        let url = format!("{}/v2/", self.base(host));
        let asked = tokio::time::timeout(DEADLINE, self.get(host, None, &url, "application/json", MOST_CONFIG));
        match asked.await.unwrap_or_else(|_| Err(unreachable(host)))? {
            // A registry that wants a sign-in for its root is there all the same.
            Answer::Body(..) | Answer::Refused(401) => Ok(()),
            Answer::Missing => Err(answer(host, Fault::Unreadable { detail: "no registry API at /v2/".to_owned() })),
            other => Err(not_given(host, &other)),
        }
    }

    async fn within<T>(&self, image: &ImageName, asked: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| Err(unreachable(image.host())))
    }

    async fn read_description(&self, image: &ImageName, digest: &Digest) -> Result<Description, Problem> {
        let (_, mut contents) = self.manifest(image, digest.as_str(), Some(digest)).await?;
        if let Contents::Index { chosen } = contents {
            contents = self.manifest(image, chosen.as_str(), Some(&chosen)).await?.1;
        }
        let Contents::Image { config, size } = contents else {
            return Err(unreadable(image, "an index inside an index"));
        };
        let url = format!("{}/v2/{}/blobs/{config}", self.base(image.host()), image.repository());
        let body = match self.get(image.host(), Some(image.repository()), &url, "*/*", MOST_CONFIG).await? {
            Answer::Body(body, _) => body,
            Answer::Missing => return Err(gone(image, config.as_str())),
            other => return Err(not_given(image.host(), &other)),
        };
        demand_digest(image, &config, &body)?;
        let said = manifest::said(&body).map_err(|why| answer(image.host(), why))?;
        self.known.learn(digest, said.variables);
        Ok(Description { provenance: said.provenance, size })
    }

    /// A manifest by tag or digest, with the digest of its bytes.
    async fn manifest(
        &self,
        image: &ImageName,
        reference: &str,
        expected: Option<&Digest>,
    ) -> Result<(Digest, Contents), Problem> {
        let (digest, body) = self.raw_manifest(image, reference, expected).await?;
        let contents = manifest::contents(&body).map_err(|why| answer(image.host(), why))?;
        Ok((digest, contents))
    }

    async fn raw_manifest(
        &self,
        image: &ImageName,
        reference: &str,
        expected: Option<&Digest>,
    ) -> Result<(Digest, Vec<u8>), Problem> {
        let url = format!("{}/v2/{}/manifests/{reference}", self.base(image.host()), image.repository());
        let body = match self.get(image.host(), Some(image.repository()), &url, MANIFEST_TYPES, MOST_MANIFEST).await? {
            Answer::Body(body, _) => body,
            Answer::Missing => return Err(gone(image, reference)),
            other => return Err(not_given(image.host(), &other)),
        };
        let digest = match expected {
            Some(expected) => demand_digest(image, expected, &body)?,
            None => digest_of(&body)?,
        };
        Ok((digest, body))
    }

    /// `https://host`, or plain http where the configuration says so.
    fn base(&self, host: &str) -> String {
        let plain = self.insecure(host);
        // Docker's own registry answers its API under another name.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        format!("{}://{host}", if plain { "http" } else { "https" })
    }

    fn insecure(&self, host: &str) -> bool {
        self.applied.config.registry(host).is_some_and(|registry| registry.insecure)
    }
}

fn digest_of(body: &[u8]) -> Result<Digest, Problem> {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(body))).parse().map_err(crate::store::internal)
}

fn demand_digest(image: &ImageName, expected: &Digest, body: &[u8]) -> Result<Digest, Problem> {
    let found = digest_of(body)?;
    if found == *expected { Ok(found) } else { Err(unreadable(image, "its bytes do not have the digest that was asked for")) }
}

fn gone(image: &ImageName, reference: &str) -> Problem {
    let joint = if reference.starts_with("sha256:") { '@' } else { ':' };
    Problem::ImageGone { image: format!("{image}{joint}{reference}") }
}

fn unreachable(host: &str) -> Problem {
    Problem::Unreachable { what: Noun::Registry, name: host.to_owned() }
}

fn answer(host: &str, why: Fault) -> Problem {
    Problem::RegistryAnswer { name: host.to_owned(), why }
}

/// Why an answer holds no body.
fn not_given(host: &str, given: &Answer) -> Problem {
    let reason = match given {
        Answer::TooMany { seconds } => return Problem::RegistryBusy { name: host.to_owned(), seconds: *seconds },
        Answer::Refused(401) => "status 401: it wants an account".to_owned(),
        Answer::Refused(status) => format!("status {status}"),
        Answer::Body(..) | Answer::Missing => "not there".to_owned(),
    };
    answer(host, Fault::Refused { reason })
}

fn unreadable(image: &ImageName, detail: &str) -> Problem {
    answer(image.host(), Fault::Unreadable { detail: detail.to_owned() })
}
