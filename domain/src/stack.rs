//! Stacks: compose files with placeholders for the builds under test.
//!
//! A file is read by an allow-list: what is not known here is refused by name and line,
//! never passed on. `x-…` at the top is where anchors can be kept; `name` and `version` are
//! taken and mean nothing, because Slipway names what it makes.

mod field;
mod read;
mod refusals;
mod values;
mod yaml;

use crate::problem::Fault;
use crate::{ImageName, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stack whose every key is known and every value in bounds. Services stand in an order in
/// which they can be started: none before what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    pub services: Vec<StackService>,
}

/// One service of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackService {
    pub name: String,
    pub image: StackImage,
    /// The image's own when empty.
    pub entrypoint: Vec<String>,
    /// The image's own when empty.
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// Container ports that get a port of the engine's choice.
    pub ports: Vec<u16>,
    pub depends_on: Vec<Dependency>,
    /// The image's own when there is none.
    pub health: Option<HealthCheck>,
    /// A root file system that cannot be written to. Default false.
    pub read_only: bool,
    /// Folders in memory.
    pub tmpfs: Vec<String>,
    /// Mebibytes; default 512.
    pub memory_mib: u32,
    /// From a short list of harmless capabilities; all others are dropped.
    pub cap_add: Vec<String>,
}

/// Where a service's image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackImage {
    /// `${BUILD_WEB}`: the build of app `web` that is launched.
    Build { app: String },
    /// An image named in the file, `reference` being a tag or a digest.
    Fixed { image: ImageName, reference: String },
}

/// What a service waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub service: String,
    /// Until its health check says healthy, not only until it was started.
    pub healthy: bool,
}

/// A health check, run inside the container. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// In the engine's form: `CMD` and an argument vector, `CMD-SHELL` and one text, or `NONE`
    /// to switch the image's own off.
    pub test: Vec<String>,
    pub interval_ms: u64,
    pub timeout_ms: u64,
    pub retries: u32,
    pub start_period_ms: u64,
}

/// A file is no longer than this.
pub const MOST_BYTES: usize = 256 * 1024;
/// What a service gets that asks for no other bound.
pub const DEFAULT_MEMORY_MIB: u32 = 512;

impl Stack {
    /// Reads a compose file.
    ///
    /// # Errors
    /// [`Problem::Stack`] with the line and the key of the first thing that is refused.
    pub fn parse(compose: &str) -> Result<Self, Problem> {
        Self::parse_for(compose, |_| true)
    }

    /// Reads a compose file and refuses placeholders of apps that are not there.
    ///
    /// # Errors
    /// As [`Stack::parse`].
    pub fn parse_for(compose: &str, is_app: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        if compose.len() > MOST_BYTES {
            let why = Fault::TooBig { most: MOST_BYTES as u64 };
            return Err(Problem::Stack { line: 1, key: "the file".to_owned(), why });
        }
        read::stack(compose, &is_app)
    }

    /// The apps whose builds it needs, each once, in the order of the services.
    pub fn apps(&self) -> Vec<&str> {
        let mut apps = Vec::new();
        for service in &self.services {
            match &service.image {
                StackImage::Build { app } if !apps.contains(&app.as_str()) => apps.push(app),
                _ => {}
            }
        }
        apps
    }
}

/// What stands for the build of an app in a stack file: `${BUILD_WEB}` for `web`.
pub fn placeholder_of(app: &str) -> String {
    format!("${{BUILD_{}}}", app.to_ascii_uppercase().replace('-', "_"))
}

impl StackService {
    /// A service about which nothing is known yet but its name.
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: StackImage::Build { app: String::new() },
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            ports: Vec::new(),
            depends_on: Vec::new(),
            health: None,
            read_only: false,
            tmpfs: Vec::new(),
            memory_mib: DEFAULT_MEMORY_MIB,
            cap_add: Vec::new(),
        }
    }
}

impl Default for HealthCheck {
    /// No test, and compose's own times.
    fn default() -> Self {
        Self { test: Vec::new(), interval_ms: 30_000, timeout_ms: 30_000, retries: 3, start_period_ms: 0 }
    }
}
