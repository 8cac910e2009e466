//! What a container of an environment may be, as a type. There is no field for privilege, host
//! folders, host namespaces, devices or sockets, so nobody can ask for them; what every
//! container gets (BARS: containment) is written here and nowhere else.

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, NetworkingConfig, PortBinding, PortMap,
    RestartPolicy, RestartPolicyNameEnum,
};
use domain::Digest;
use domain::stack::{HealthCheck, StackService};
use std::collections::{BTreeMap, HashMap};

/// The labels of everything that is made on an engine for an environment.
pub mod label {
    pub const INSTANCE: &str = "slipway.instance";
    pub const ENVIRONMENT: &str = "slipway.environment";
    pub const SERVICE: &str = "slipway.service";
    pub const STACK: &str = "slipway.stack";
    pub const BUILD: &str = "slipway.build";
    /// Only on what is made anew for each release set.
    pub const GENERATION: &str = "slipway.generation";
    pub const LEASE_ENDS: &str = "slipway.lease-ends";
}

/// Processes and threads in one container.
pub(super) const PIDS: i64 = 512;
/// One core.
pub(super) const NANO_CPUS: i64 = 1_000_000_000;
pub(super) const LOG_MAX_SIZE: &str = "10m";
pub(super) const LOG_MAX_FILE: &str = "2";
/// A folder in memory; it counts against the container's memory too.
const TMPFS_OPTIONS: &str = "rw,noexec,nosuid,nodev,mode=1777,size=67108864";

/// One container of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The same after every restart of Slipway, so that nothing is made twice.
    pub name: String,
    pub service: String,
    /// `host/repository@digest`.
    pub image: String,
    pub network: String,
    pub labels: BTreeMap<String, String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub ports: Vec<u16>,
    /// Ports of the engine's machine that are wanted for some of them; it chooses for the others.
    pub published: BTreeMap<u16, u16>,
    pub health: Option<HealthCheck>,
    pub read_only: bool,
    pub tmpfs: Vec<String>,
    pub memory_mib: u32,
    pub cap_add: Vec<String>,
}

impl ContainerSpec {
    /// The container of `service`, on the image that it was resolved to.
    pub fn new(service: &StackService, image: String, digest: &Digest, place: &Place) -> Self {
        let mut labels = place.labels();
        labels.insert(label::SERVICE.to_owned(), service.name.clone());
        labels.insert(label::BUILD.to_owned(), digest.to_string());
        Self {
            name: format!("{}-{}", place.name(), service.name),
            service: service.name.clone(),
            image,
            network: place.name(),
            labels,
            entrypoint: service.entrypoint.clone(),
            command: service.command.clone(),
            environment: service.environment.clone(),
            ports: service.ports.clone(),
            published: BTreeMap::new(),
            health: service.health.clone(),
            read_only: service.read_only,
            tmpfs: service.tmpfs.clone(),
            memory_mib: service.memory_mib,
            cap_add: service.cap_add.clone(),
        }
    }

    pub(super) fn memory(&self) -> i64 {
        i64::from(self.memory_mib) * 1024 * 1024
    }

    /// What the engine is asked to create.
    pub(super) fn body(&self) -> ContainerCreateBody {
        let endpoint = EndpointSettings { aliases: Some(vec![self.service.clone()]), ..Default::default() };
        ContainerCreateBody {
            hostname: Some(self.service.clone()),
            image: Some(self.image.clone()),
            entrypoint: given(&self.entrypoint),
            cmd: given(&self.command),
            env: Some(self.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            exposed_ports: Some(self.ports.iter().map(|port| format!("{port}/tcp")).collect()),
            healthcheck: self.health.as_ref().map(health),
            labels: Some(self.labels.clone().into_iter().collect()),
            host_config: Some(self.host_config()),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(self.network.clone(), endpoint)])),
            }),
            ..Default::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let log =
            HashMap::from([("max-size".to_owned(), LOG_MAX_SIZE.to_owned()), ("max-file".to_owned(), LOG_MAX_FILE.to_owned())]);
        HostConfig {
            network_mode: Some(self.network.clone()),
            port_bindings: Some(self.bindings()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: given(&self.cap_add),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            privileged: Some(false),
            readonly_rootfs: Some(self.read_only),
            tmpfs: Some(self.tmpfs.iter().map(|folder| (folder.clone(), TMPFS_OPTIONS.to_owned())).collect()),
            ipc_mode: Some("private".to_owned()),
            memory: Some(self.memory()),
            memory_swap: Some(self.memory()),
            nano_cpus: Some(NANO_CPUS),
            pids_limit: Some(PIDS),
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(log) }),
            // What ends is looked at, not hidden by a restart.
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            // No `init`: it is a program of the engine's machine that is not always there, and
            // images that bring their own refuse to run beside it.
            ..Default::default()
        }
    }

    /// Each port on the number that was chosen for it, else on one that the engine chooses.
    fn bindings(&self) -> PortMap {
        let binding = |port: &u16| {
            let wanted = self.published.get(port).map(u16::to_string).unwrap_or_default();
            PortBinding { host_ip: Some(String::new()), host_port: Some(wanted) }
        };
        self.ports.iter().map(|port| (format!("{port}/tcp"), Some(vec![binding(port)]))).collect()
    }
}

/// Whose things on an engine are meant: one environment of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub instance: String,
    pub environment: String,
    pub number: i64,
    pub stack: String,
    /// When the lease ends, as RFC 3339.
    pub lease_ends: String,
}

impl Place {
    /// The name of the network, and the beginning of each container's name.
    pub fn name(&self) -> String {
        format!("slw-{}-e{}", self.instance.get(..8).unwrap_or(&self.instance), self.number)
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        [
            (label::INSTANCE, &self.instance),
            (label::ENVIRONMENT, &self.environment),
            (label::STACK, &self.stack),
            (label::LEASE_ENDS, &self.lease_ends),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
    }
}

/// Nothing when empty: then the image's own counts.
fn given(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn health(check: &HealthCheck) -> HealthConfig {
    let nanos = |millis: u64| Some(i64::try_from(millis.saturating_mul(1_000_000)).unwrap_or(i64::MAX));
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanos(check.interval_ms),
        timeout: nanos(check.timeout_ms),
        retries: Some(i64::from(check.retries)),
        start_period: nanos(check.start_period_ms),
        start_interval: None,
    }
}
