//! Stacks: compose files with placeholders for the builds under test.
//!
//! A file is read by an allow-list: what is not known here is refused by name and line,
//! never passed on. `x-…` is where anchors can be kept, but for `x-slipway`, which says what compose
//! has no word for; `name` and `version` are taken and mean nothing, because Slipway names what it makes.

mod bounds;
mod field;
mod health;
mod mounts;
mod networks;
mod read;
mod refusals;
mod service;
mod values;
mod variables;
mod yaml;

pub use variables::Variable;

use crate::problem::Fault;
use crate::{ImageName, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stack whose every key is known and every value in bounds. Services stand in an order in
/// which they can be started: none before what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    pub services: Vec<StackService>,
    /// Those that a service is on; [`DEFAULT_NETWORK`] where the file names none.
    pub networks: Vec<StackNetwork>,
    /// Volumes with names, made with an environment and removed with it.
    pub volumes: Vec<String>,
    /// What a launch fills in.
    pub variables: Vec<Variable>,
}

/// A network of a stack's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StackNetwork {
    pub name: String,
    /// Without a way out.
    pub internal: bool,
}

/// One service of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Container ports that are only spoken of: `8080/tcp`.
    pub expose: Vec<String>,
    pub depends_on: Vec<Dependency>,
    /// The image's own when there is none.
    pub health: Option<HealthCheck>,
    pub networks: Vec<Attachment>,
    pub mounts: Vec<VolumeMount>,
    /// A root file system that cannot be written to. Default false.
    pub read_only: bool,
    pub tmpfs: Vec<MemoryFolder>,
    /// Mebibytes; default 512.
    pub memory_mib: u32,
    /// Thousandths of a processor; default 1000.
    pub cpu_millis: u32,
    /// Processes and threads; default 512.
    pub pids: u32,
    /// Mebibytes of `/dev/shm`; the engine's own when there is none.
    pub shm_mib: Option<u32>,
    pub ulimits: Vec<Ulimit>,
    /// From a short list of harmless capabilities; all others are dropped.
    pub cap_add: Vec<String>,
    /// How often it is started again after a failure; default never.
    pub restarts: u32,
    pub user: Option<String>,
    pub working_dir: Option<String>,
    /// The service's name when there is none.
    pub hostname: Option<String>,
    pub stop_signal: Option<String>,
    pub stop_seconds: Option<u32>,
    /// The engine's own first process in front of the command.
    pub init: bool,
    /// They are for people who inspect the container: kept apart from Slipway's own.
    pub labels: BTreeMap<String, String>,
}

/// A service's place on a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub network: String,
    /// Names beside the service's own.
    pub aliases: Vec<String>,
}

/// A volume as one service sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    pub volume: String,
    pub folder: String,
    pub read_only: bool,
    /// An empty volume stays empty, even where the image has files in the folder.
    pub no_copy: bool,
}

/// A folder in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenFolder")]
pub struct MemoryFolder {
    pub folder: String,
    pub size_mib: u32,
    pub mode: u32,
}

/// Plans of older launches have the folder alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenFolder {
    Alone(String),
    Whole { folder: String, size_mib: u32, mode: u32 },
}

impl From<WrittenFolder> for MemoryFolder {
    fn from(written: WrittenFolder) -> Self {
        match written {
            WrittenFolder::Alone(folder) => Self { folder, ..Self::default() },
            WrittenFolder::Whole { folder, size_mib, mode } => Self { folder, size_mib, mode },
        }
    }
}

/// One bound of what a process may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// `nofile` or `nproc`.
    pub name: String,
    pub soft: u32,
    pub hard: u32,
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
    /// Until it has ended well.
    #[serde(default)]
    pub completed: bool,
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
    /// Between two tests while it starts; engines before version 25 do not know it.
    #[serde(default)]
    pub start_interval_ms: Option<u64>,
}

/// A file is no longer than this.
pub const MOST_BYTES: usize = 256 * 1024;
/// What a service gets that asks for no other bound.
pub const DEFAULT_MEMORY_MIB: u32 = 512;
pub const DEFAULT_CPU_MILLIS: u32 = 1000;
pub const DEFAULT_PIDS: u32 = 512;
/// The network of services that name none.
pub const DEFAULT_NETWORK: &str = "default";

impl Stack {
    /// Reads a compose file. Variables have their defaults; what has none stands as it is written.
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
        Self::read(compose, &is_app, None)
    }

    /// Reads a compose file as it is launched: every variable has its value from `values`, else its
    /// default. Values that the file does not name are left alone.
    ///
    /// # Errors
    /// [`Problem::Invalid`] for `variables`, one of which is needed and not given, and as [`Stack::parse`].
    pub fn filled(compose: &str, is_app: impl Fn(&str) -> bool, values: &BTreeMap<String, String>) -> Result<Self, Problem> {
        Self::read(compose, &is_app, Some(values))
    }

    fn read(compose: &str, is_app: &dyn Fn(&str) -> bool, values: Option<&BTreeMap<String, String>>) -> Result<Self, Problem> {
        if compose.len() > MOST_BYTES {
            let why = Fault::TooBig { most: MOST_BYTES as u64 };
            return Err(Problem::Stack { line: 1, key: "the file".to_owned(), why });
        }
        read::stack(compose, is_app, values)
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

impl Default for StackService {
    /// A service about which nothing is known yet.
    fn default() -> Self {
        Self {
            name: String::new(),
            image: StackImage::Build { app: String::new() },
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            ports: Vec::new(),
            expose: Vec::new(),
            depends_on: Vec::new(),
            health: None,
            networks: Vec::new(),
            mounts: Vec::new(),
            read_only: false,
            tmpfs: Vec::new(),
            memory_mib: DEFAULT_MEMORY_MIB,
            cpu_millis: DEFAULT_CPU_MILLIS,
            pids: DEFAULT_PIDS,
            shm_mib: None,
            ulimits: Vec::new(),
            cap_add: Vec::new(),
            restarts: 0,
            user: None,
            working_dir: None,
            hostname: None,
            stop_signal: None,
            stop_seconds: None,
            init: false,
            labels: BTreeMap::new(),
        }
    }
}

impl Default for MemoryFolder {
    /// No folder yet; 64 MiB for everyone.
    fn default() -> Self {
        Self { folder: String::new(), size_mib: 64, mode: 0o1777 }
    }
}

impl Default for HealthCheck {
    /// No test, and compose's own times.
    fn default() -> Self {
        Self {
            test: Vec::new(),
            interval_ms: 30_000,
            timeout_ms: 30_000,
            retries: 3,
            start_period_ms: 0,
            start_interval_ms: None,
        }
    }
}
