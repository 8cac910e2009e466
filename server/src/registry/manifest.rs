//! Manifests and image configurations, read leniently: registries hold many dialects.

use domain::Digest;
use domain::labels::Provenance;
use domain::problem::Fault;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Variables of one image, and bytes of one.
const MOST_VARIABLES: usize = 500;
const MOST_VARIABLE: usize = 8 * 1024;

/// What a manifest turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// One image: where its configuration is, and the bytes of layers and configuration.
    Image { config: Digest, size: i64 },
    /// Several images, and which of them is looked at: linux/amd64, else the first.
    Index { chosen: Digest },
}

/// What a manifest is made of, for whoever copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub media_type: String,
    /// The images of an index.
    pub images: Vec<Digest>,
    /// Files with their bytes. What a registry must not keep (layers that are fetched elsewhere) is left out.
    pub files: Vec<(Digest, u64)>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: i64,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct Configuration {
    created: Option<String>,
    config: Option<RunConfiguration>,
}

#[derive(Deserialize)]
struct RunConfiguration {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "Env")]
    env: Option<Vec<String>>,
}

/// What an image's configuration says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub provenance: Provenance,
    /// The variables that its containers start with.
    pub variables: BTreeMap<String, String>,
}

/// Reads a manifest or an index.
///
/// # Errors
/// [`Fault`] when it is neither.
pub fn contents(body: &[u8]) -> Result<Contents, Fault> {
    let manifest: Manifest = read(body)?;
    if let Some(images) = manifest.manifests {
        let chosen = choose(&images).ok_or_else(|| unreadable("the index is empty"))?;
        return Ok(Contents::Index { chosen: chosen.digest.parse()? });
    }
    let config = manifest.config.ok_or_else(|| unreadable("the manifest names no configuration"))?;
    let layers = manifest.layers.unwrap_or_default();
    let size = layers.iter().chain([&config]).fold(0_i64, |sum, part| sum.saturating_add(part.size.max(0)));
    Ok(Contents::Image { config: config.digest.parse()?, size })
}

/// Reads what a manifest is made of.
///
/// # Errors
/// [`Fault`] when it is neither an image nor an index.
pub fn parts(body: &[u8]) -> Result<Parts, Fault> {
    let manifest: Manifest = read(body)?;
    let named = |otherwise: &str| manifest.media_type.clone().unwrap_or_else(|| otherwise.to_owned());
    if let Some(images) = &manifest.manifests {
        let images = images.iter().map(|image| image.digest.parse()).collect::<Result<_, Fault>>()?;
        return Ok(Parts { media_type: named("application/vnd.oci.image.index.v1+json"), images, files: Vec::new() });
    }
    let config = manifest.config.as_ref().ok_or_else(|| unreadable("the manifest names no configuration"))?;
    let elsewhere = |file: &&Descriptor| file.media_type.contains("foreign") || file.media_type.contains("nondistributable");
    let layers = manifest.layers.iter().flatten().filter(|layer| !elsewhere(layer));
    let file = |file: &Descriptor| Ok((file.digest.parse()?, u64::try_from(file.size).unwrap_or(0)));
    let files = layers.chain([config]).map(file).collect::<Result<_, Fault>>()?;
    Ok(Parts { media_type: named("application/vnd.oci.image.manifest.v1+json"), images: Vec::new(), files })
}

/// Attestations stand in an index beside the images, for the platform `unknown`.
fn choose(images: &[Descriptor]) -> Option<&Descriptor> {
    let platform = |image: &&Descriptor, os: &str, architecture: Option<&str>| {
        image.platform.as_ref().is_some_and(|p| p.os == os && architecture.is_none_or(|wanted| p.architecture == wanted))
    };
    let preferred = images.iter().find(|image| platform(image, "linux", Some("amd64")));
    preferred.or_else(|| images.iter().find(|image| !platform(image, "unknown", None))).or_else(|| images.first())
}

/// Where the image came from and what its containers start with, after its configuration.
///
/// # Errors
/// [`Fault`] when it is not an image configuration.
pub fn said(body: &[u8]) -> Result<Said, Fault> {
    let configuration: Configuration = read(body)?;
    let (labels, env) = configuration.config.map(|config| (config.labels, config.env)).unwrap_or_default();
    let provenance = Provenance::read(&labels.unwrap_or_default(), configuration.created.as_deref());
    Ok(Said { provenance, variables: variables(&env.unwrap_or_default()) })
}

/// `NAME=value`, one an entry; of more than anyone reads, the first.
pub fn variables(env: &[String]) -> BTreeMap<String, String> {
    let pair = |entry: &String| entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    env.iter().take(MOST_VARIABLES).filter(|entry| entry.len() <= MOST_VARIABLE).filter_map(pair).collect()
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| unreadable(&format!("line {}, column {}", error.line(), error.column())))
}

fn unreadable(detail: &str) -> Fault {
    Fault::Unreadable { detail: detail.to_owned() }
}
