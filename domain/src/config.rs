//! The applied configuration: what `slipway apply` reads and `slipway export` writes.

mod changes;
mod check;
mod environments;
mod update;

pub use changes::Changes;
pub use environments::{EngineCapacity, EnvironmentsConfig};
pub use update::{FailureAction, UpdateConfig, UpdateOrder};

use crate::address::OutgoingConfig;
use crate::capacity::PortRange;
use crate::channel::Channel;
use crate::checklist::ChecklistItem;
use crate::freeze::FreezeConfig;
use crate::image::ImageName;
use crate::notify::{RouteConfig, TargetConfig};
use crate::plan::PlanConfig;
use crate::policy::PolicyConfig;
use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole configuration. Lists keep the order of the file; names are unique in each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<RegistryConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<AppConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<EngineConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionConfig>,
    /// What can be done in a region when it has to be quick.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanConfig>,
    /// What people have to decide before an app may go to a region.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyConfig>,
    /// When nothing new goes to a region.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<FreezeConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetConfig>,
    /// Which events go to which targets. They have no names: a file that has any replaces all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub git_hosts: Vec<GitHostConfig>,
    #[serde(skip_serializing_if = "IntakeConfig::is_default")]
    pub intake: IntakeConfig,
    #[serde(skip_serializing_if = "EnvironmentsConfig::is_default")]
    pub environments: EnvironmentsConfig,
    /// Which addresses may be spoken to beside those of the public internet: a file that says any replaces all.
    #[serde(skip_serializing_if = "OutgoingConfig::is_empty")]
    pub outgoing: OutgoingConfig,
    /// Environments behind Slipway's own proxy; without a domain there is none.
    #[serde(skip_serializing_if = "ProxyConfig::is_default")]
    pub proxy: ProxyConfig,
}

/// Where people open what runs in environments: `e12-web.env.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ProxyConfig {
    /// The domain whose every name leads to this server: `env.example.com` for `*.env.example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// `http` or `https`, as browsers see it; that of the public address when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The port, as browsers see it; that of the public address when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl ProxyConfig {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How builds are taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct IntakeConfig {
    /// Minutes between two readings of the registries for what no hook told; 0 for never. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep_minutes: Option<u32>,
}

impl IntakeConfig {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A git server, and how its repositories are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GitHostConfig {
    /// `github.com`, `git.example.com:8443`.
    pub host: String,
    /// Whose API it speaks; without one, only git is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<GitProvider>,
    /// Where the API is, when not where the provider usually has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// The name of the secret with the API's token: commits are compared and statuses posted with it,
    /// and it is the password over https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret: Option<String>,
    /// The user over https; default `git`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The name of the secret with a private key, for ssh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_secret: Option<String>,
    /// The server's own keys, as in a `known_hosts` file; ssh is refused without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_known_hosts: Option<String>,
    /// Where issue keys lead: `https://issues.example.com/browse/{key}`; `ABC-123` and `#12` become links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issues: Option<String>,
}

/// Whose API a git server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum GitProvider {
    GitHub,
    GitLab,
    Gitea,
}

/// How to speak to a registry. One that is not listed is spoken to over https without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// `host` or `host:port`.
    pub host: String,
    /// Plain http, for a registry inside one's own network.
    #[serde(default, skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// The account that images are read with; anyone's when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The name of the secret that holds its password (`slipway secret set NAME`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<String>,
    /// Slipway may write here: it copies images to it for the regions that pull from it, and keeps a tag of
    /// its own on what a region runs and would go back to.
    #[serde(default, skip_serializing_if = "is_false")]
    pub push: bool,
}

/// A deployable thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AppConfig {
    pub name: String,
    /// The image repository, host included.
    pub image: ImageName,
    /// The git repository, for links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// Production ports are `port_label * 100 + container port`: label 80 and port 80 give 8080.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_label: Option<u16>,
    /// The stack that a tester launches by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// Where the git repository keeps a stack of the app's own: `slipway.yaml`. It is read at the build's
    /// commit, and launched before the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_file: Option<String>,
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// The test plan: what testers look at before they judge a build, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<ChecklistItem>,
    #[serde(default)]
    pub service: ServiceConfig,
}

/// How an app runs in production regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// The port inside the container that is published in host mode; none for a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The health check's argument vector, run inside the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A file system that cannot be written to, with `/tmp` in memory. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Mebibytes. Default 512.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Seconds that every task must stay up and healthy before the region counts as verified. Default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak_seconds: Option<u32>,
    /// Seconds after which a rollout that has not come up is failed. Default 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u32>,
    /// The names of the secrets that it needs: each region holds a value of its own, which a task reads
    /// in `/run/secrets/NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// How tasks are replaced.
    #[serde(skip_serializing_if = "UpdateConfig::is_default")]
    pub update: UpdateConfig,
    /// Environment variables in every region; a region's own win over these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// A compose file with placeholders for the builds under test (`${BUILD_WEB}` for app `web`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StackConfig {
    pub name: String,
    pub compose: String,
    /// Labels that an engine must have to run it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engine_labels: Vec<String>,
}

/// A Docker engine for test environments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    pub name: String,
    /// `unix:///path`, `tcp://host:port`, or `ssh://user@host[:port][/path]`.
    pub url: String,
    /// The host at which a tester's browser, and Slipway's proxy, reach published ports.
    pub address: String,
    /// PEM of whom an engine at `tcp://` is believed by; with it, TLS is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// PEM of the certificate that Slipway shows to an engine at `tcp://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    /// The name of the secret with that certificate's private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_secret: Option<String>,
    /// The name of the secret with the private key for `ssh://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_secret: Option<String>,
    /// The server's own keys, as in a `known_hosts` file; ssh is refused without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_known_hosts: Option<String>,
    /// What it is, in words that a launch can ask for: `arm64`, `gpu`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    #[serde(default, skip_serializing_if = "EngineCapacity::is_unbounded")]
    pub capacity: EngineCapacity,
    /// Browsers do not reach its published ports, only Slipway does: links lead through the proxy.
    #[serde(default, skip_serializing_if = "is_false")]
    pub private: bool,
    /// It takes no new environments; what is there stays until it ends.
    #[serde(default, skip_serializing_if = "is_false")]
    pub draining: bool,
    /// The ports on which services are published; of the engine's own choice without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ports: Option<PortRange>,
}

/// A production target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegionConfig {
    pub name: String,
    /// English and Chinese titles; the name stands in for a missing one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_en: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_zh: Option<String>,
    /// IANA name, for example `Asia/Shanghai`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// A manager of the region's Swarm: `unix:///path`, `tcp://host:port`, or `ssh://user@host[:port][/path]`.
    pub url: String,
    /// PEM of whom an engine at `tcp://` is believed by; with it, TLS is spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// PEM of the certificate that Slipway shows to an engine at `tcp://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    /// The name of the secret with that certificate's private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_secret: Option<String>,
    /// The name of the secret with the private key for `ssh://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_secret: Option<String>,
    /// The server's own keys, as in a `known_hosts` file; ssh is refused without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_known_hosts: Option<String>,
    /// The host at which the region's published ports are reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The registry host that the region pulls from, when it is not the app's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Replicas of every app here. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Replicas of single apps here, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replicas_of: BTreeMap<String, u32>,
    /// Environment variables of the region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

fn utc() -> String {
    "UTC".to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Config {
    pub fn app(&self, name: &str) -> Option<&AppConfig> {
        self.apps.iter().find(|app| app.name == name)
    }

    /// The app whose image repository this is.
    pub fn app_by_image(&self, image: &ImageName) -> Option<&AppConfig> {
        self.apps.iter().find(|app| app.image == *image)
    }

    pub fn stack(&self, name: &str) -> Option<&StackConfig> {
        self.stacks.iter().find(|stack| stack.name == name)
    }

    pub fn engine(&self, name: &str) -> Option<&EngineConfig> {
        self.engines.iter().find(|engine| engine.name == name)
    }

    pub fn region(&self, name: &str) -> Option<&RegionConfig> {
        self.regions.iter().find(|region| region.name == name)
    }

    pub fn plan(&self, name: &str) -> Option<&PlanConfig> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    pub fn target(&self, name: &str) -> Option<&TargetConfig> {
        self.targets.iter().find(|target| target.name == name)
    }

    pub fn git_host(&self, host: &str) -> Option<&GitHostConfig> {
        self.git_hosts.iter().find(|git| git.host == host)
    }

    pub fn registry(&self, host: &str) -> Option<&RegistryConfig> {
        self.registries.iter().find(|registry| registry.host == host)
    }

    /// Takes in `other`: what has the same name is replaced, what is new is added at the end.
    /// With `prune`, what `other` does not name is dropped.
    pub fn merge(&self, other: Config, prune: bool) -> Config {
        fn take<T>(old: &[T], new: Vec<T>, prune: bool, name: impl Fn(&T) -> &str) -> Vec<T>
        where
            T: Clone,
        {
            if prune {
                return new;
            }
            let mut kept: Vec<T> = old.to_vec();
            for item in new {
                match kept.iter_mut().find(|have| name(have) == name(&item)) {
                    Some(have) => *have = item,
                    None => kept.push(item),
                }
            }
            kept
        }
        Config {
            registries: take(&self.registries, other.registries, prune, |item| &item.host),
            apps: take(&self.apps, other.apps, prune, |item| &item.name),
            stacks: take(&self.stacks, other.stacks, prune, |item| &item.name),
            engines: take(&self.engines, other.engines, prune, |item| &item.name),
            regions: take(&self.regions, other.regions, prune, |item| &item.name),
            plans: take(&self.plans, other.plans, prune, |item| &item.name),
            policies: take(&self.policies, other.policies, prune, |item| &item.name),
            freezes: take(&self.freezes, other.freezes, prune, |item| &item.name),
            targets: take(&self.targets, other.targets, prune, |item| &item.name),
            routes: if other.routes.is_empty() && !prune { self.routes.clone() } else { other.routes },
            intake: if other.intake.is_default() && !prune { self.intake.clone() } else { other.intake },
            environments: if other.environments.is_default() && !prune { self.environments.clone() } else { other.environments },
            git_hosts: take(&self.git_hosts, other.git_hosts, prune, |item| &item.host),
            outgoing: if other.outgoing.is_empty() && !prune { self.outgoing.clone() } else { other.outgoing },
            proxy: if other.proxy.is_default() && !prune { self.proxy.clone() } else { other.proxy },
        }
    }
}

impl AppConfig {
    /// The port on the region's nodes: `port_label * 100 + container port`; none without a port.
    ///
    /// # Errors
    /// [`Fault`] when a port has no label, or the number is over 65535.
    pub fn production_port(&self) -> Result<Option<u16>, Fault> {
        let Some(port) = self.service.port else {
            return Ok(None);
        };
        let label = self.port_label.ok_or(Fault::Missing)?;
        let number = u32::from(label) * 100 + u32::from(port);
        u16::try_from(number).map(Some).map_err(|_| Fault::OutOfRange { least: 1, most: 65535 })
    }
}

impl EngineConfig {
    /// The host at which Slipway itself reaches published ports.
    pub fn reached_at(&self) -> &str {
        &self.address
    }
}

impl RegionConfig {
    /// How many tasks of an app the region runs.
    pub fn replicas(&self, app: &str) -> u32 {
        self.replicas_of.get(app).copied().or(self.replicas).unwrap_or(1)
    }
}

/// Names of apps, stacks, engines and regions: `[a-z][a-z0-9-]{0,39}`.
pub fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 40
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The path of a file in a repository: plain words with slashes between them, and something after a dot,
/// so that it is no stack's name.
pub fn valid_file(path: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let word = |word: &str| !matches!(word, "" | "." | "..") && !word.starts_with('-') && word.bytes().all(inside);
    path.len() <= 200 && path.contains('.') && path.split('/').all(word)
}

/// Names of environment variables: `[A-Za-z_][A-Za-z0-9_.-]{0,127}`. Dots and hyphens are no
/// shell's, but what many programs are configured with.
pub(crate) fn valid_variable(name: &str) -> bool {
    let head = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    head && name.len() <= 128 && name.bytes().all(inside)
}
