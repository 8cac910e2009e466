//! What a container of an environment may be, as a type. There is no field for privilege, host
//! folders, host namespaces, devices or sockets, so nobody can ask for them; what every
//! container gets (BARS: containment) is written here and nowhere else.

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    NetworkingConfig, PortBinding, PortMap, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use domain::Digest;
use domain::stack::{Attachment, DEFAULT_NETWORK, HealthCheck, MemoryFolder, StackService, VolumeMount};
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
    /// In front of the labels of a stack file. Other programs on the engine act on labels they know:
    /// with this before them they are words for people and nothing else.
    pub const OF_STACK: &str = "slipway.label.";
}

pub(super) const LOG_MAX_SIZE: &str = "10m";
pub(super) const LOG_MAX_FILE: &str = "2";

/// One container of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The same after every restart of Slipway, so that nothing is made twice.
    pub name: String,
    pub service: String,
    /// `host/repository@digest`.
    pub image: String,
    /// By the names that the engine has for them; never empty.
    pub networks: Vec<Attachment>,
    /// By the names that the engine has for the volumes.
    pub mounts: Vec<VolumeMount>,
    pub labels: BTreeMap<String, String>,
    /// Ports of the engine's machine that are wanted for some of those that are published; it chooses the others.
    pub published: BTreeMap<u16, u16>,
    /// All else that the stack asks for.
    pub asked: StackService,
}

impl ContainerSpec {
    /// The container of `service`, on the image that it was resolved to.
    pub fn new(service: &StackService, image: String, digest: &Digest, place: &Place) -> Self {
        let kept = service.labels.iter().map(|(name, value)| (format!("{}{name}", label::OF_STACK), value.clone()));
        let mut labels: BTreeMap<String, String> = kept.collect();
        labels.extend(place.labels());
        labels.insert(label::SERVICE.to_owned(), service.name.clone());
        labels.insert(label::BUILD.to_owned(), digest.to_string());
        let attached = |on: &Attachment| Attachment { network: place.network(&on.network), aliases: on.aliases.clone() };
        let mut networks: Vec<Attachment> = service.networks.iter().map(attached).collect();
        // Written before stacks had networks.
        if networks.is_empty() {
            networks.push(Attachment { network: place.network(DEFAULT_NETWORK), aliases: Vec::new() });
        }
        let mounted = |mount: &VolumeMount| VolumeMount { volume: place.volume(&mount.volume), ..mount.clone() };
        Self {
            name: format!("{}-{}", place.name(), service.name),
            service: service.name.clone(),
            image,
            networks,
            mounts: service.mounts.iter().map(mounted).collect(),
            labels,
            published: BTreeMap::new(),
            asked: service.clone(),
        }
    }

    /// The network that the container is made on; it is put on the others before it starts, since
    /// older engines take one at a time.
    pub(super) fn first_network(&self) -> &str {
        self.networks.first().map_or("none", |on| on.network.as_str())
    }

    /// How it is known on a network.
    pub(super) fn endpoint(&self, on: &Attachment) -> EndpointSettings {
        let aliases = [self.service.clone()].into_iter().chain(on.aliases.iter().cloned());
        EndpointSettings { aliases: Some(aliases.collect()), ..Default::default() }
    }

    pub(super) fn memory(&self) -> i64 {
        i64::from(self.asked.memory_mib) << 20
    }

    pub(super) fn nano_cpus(&self) -> i64 {
        i64::from(self.asked.cpu_millis) * 1_000_000
    }

    pub(super) fn pids(&self) -> i64 {
        i64::from(self.asked.pids)
    }

    pub(super) fn shared_memory(&self) -> Option<i64> {
        self.asked.shm_mib.map(|size| i64::from(size) << 20)
    }

    /// Folders in memory with their options; they count against the container's memory too.
    pub(super) fn folders(&self) -> HashMap<String, String> {
        let options =
            |made: &MemoryFolder| format!("rw,noexec,nosuid,nodev,mode={:o},size={}", made.mode, u64::from(made.size_mib) << 20);
        self.asked.tmpfs.iter().map(|made| (made.folder.clone(), options(made))).collect()
    }

    /// What the engine is asked to create.
    pub(super) fn body(&self) -> ContainerCreateBody {
        let asked = &self.asked;
        let first = self.networks.first().map(|on| (on.network.clone(), self.endpoint(on)));
        let published = asked.ports.iter().map(|port| format!("{port}/tcp"));
        let mut exposed: Vec<String> = published.chain(asked.expose.iter().cloned()).collect();
        exposed.sort_unstable();
        exposed.dedup();
        ContainerCreateBody {
            hostname: Some(asked.hostname.clone().unwrap_or_else(|| self.service.clone())),
            user: asked.user.clone(),
            working_dir: asked.working_dir.clone(),
            stop_signal: asked.stop_signal.clone(),
            stop_timeout: asked.stop_seconds.map(i64::from),
            image: Some(self.image.clone()),
            entrypoint: given(&asked.entrypoint),
            cmd: given(&asked.command),
            env: Some(asked.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            exposed_ports: Some(exposed),
            healthcheck: asked.health.as_ref().map(health),
            labels: Some(self.labels.clone().into_iter().collect()),
            host_config: Some(self.host_config()),
            networking_config: Some(NetworkingConfig { endpoints_config: Some(first.into_iter().collect()) }),
            ..Default::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let log =
            HashMap::from([("max-size".to_owned(), LOG_MAX_SIZE.to_owned()), ("max-file".to_owned(), LOG_MAX_FILE.to_owned())]);
        let ulimits = self.asked.ulimits.iter().map(|bound| ResourcesUlimits {
            name: Some(bound.name.clone()),
            soft: Some(i64::from(bound.soft)),
            hard: Some(i64::from(bound.hard)),
        });
        HostConfig {
            network_mode: Some(self.first_network().to_owned()),
            port_bindings: Some(self.bindings()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: given(&self.asked.cap_add),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            privileged: Some(false),
            readonly_rootfs: Some(self.asked.read_only),
            tmpfs: Some(self.folders()),
            mounts: (!self.mounts.is_empty()).then(|| self.mounts.iter().map(mount).collect()),
            ipc_mode: Some("private".to_owned()),
            memory: Some(self.memory()),
            memory_swap: Some(self.memory()),
            nano_cpus: Some(self.nano_cpus()),
            pids_limit: Some(self.pids()),
            shm_size: self.shared_memory(),
            ulimits: (!self.asked.ulimits.is_empty()).then(|| ulimits.collect()),
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(log) }),
            restart_policy: Some(self.restarts()),
            // Only when it is asked for: it is a program of the engine's machine that is not always
            // there, and images that bring their own refuse to run beside it.
            init: self.asked.init.then_some(true),
            ..Default::default()
        }
    }

    /// What ends is looked at, not hidden by a restart, unless the stack says so, and then some times only.
    fn restarts(&self) -> RestartPolicy {
        match self.asked.restarts {
            0 => RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None },
            times => RestartPolicy { name: Some(RestartPolicyNameEnum::ON_FAILURE), maximum_retry_count: Some(i64::from(times)) },
        }
    }

    /// Each port on the number that was chosen for it, else on one that the engine chooses.
    fn bindings(&self) -> PortMap {
        let binding = |port: &u16| {
            let wanted = self.published.get(port).map(u16::to_string).unwrap_or_default();
            PortBinding { host_ip: Some(String::new()), host_port: Some(wanted) }
        };
        self.asked.ports.iter().map(|port| (format!("{port}/tcp"), Some(vec![binding(port)]))).collect()
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
    /// The release set that its volumes were made for; 0 for the first and as long as they are kept.
    pub volumes_of: i64,
}

impl Place {
    /// The name of the default network, and the beginning of each other name.
    pub fn name(&self) -> String {
        format!("slw-{}-e{}", self.instance.get(..8).unwrap_or(&self.instance), self.number)
    }

    /// The engine's name for a network of the stack.
    pub fn network(&self, network: &str) -> String {
        if network == DEFAULT_NETWORK { self.name() } else { format!("{}-{network}", self.name()) }
    }

    /// The engine's name for a volume of the stack.
    pub fn volume(&self, volume: &str) -> String {
        // The number comes before the stack's word, which could end in one itself.
        match self.volumes_of {
            0 => format!("{}-{volume}", self.name()),
            set => format!("{}.{set}-{volume}", self.name()),
        }
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

fn mount(mount: &VolumeMount) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(mount.volume.clone()),
        target: Some(mount.folder.clone()),
        read_only: Some(mount.read_only),
        volume_options: mount.no_copy.then(|| MountVolumeOptions { no_copy: Some(true), ..Default::default() }),
        ..Default::default()
    }
}

fn health(check: &HealthCheck) -> HealthConfig {
    let nanos = |millis: u64| Some(i64::try_from(millis.saturating_mul(1_000_000)).unwrap_or(i64::MAX));
    HealthConfig {
        test: Some(check.test.clone()),
        interval: nanos(check.interval_ms),
        timeout: nanos(check.timeout_ms),
        retries: Some(i64::from(check.retries)),
        start_period: nanos(check.start_period_ms),
        start_interval: check.start_interval_ms.and_then(nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::stack::Stack;
    use serde_json::{Value, json};

    /// Every key that is supported and asked of an engine.
    const WHOLE: &str = r#"
services:
  web:
    image: ${BUILD_WEB}
    command: [serve]
    entrypoint: [/bin/sh]
    environment: { A: b }
    ports: [80]
    expose: ["9090", 53/udp, "80"]
    networks: { shut: { aliases: [inside] }, front: }
    volumes:
      - data:/data:ro
      - { type: volume, source: files, target: /files, volume: { nocopy: true } }
      - { type: tmpfs, target: /cache, tmpfs: { size: 8m, mode: 0o700 } }
    tmpfs: /tmp
    healthcheck: { test: [CMD, check], interval: 5s, start_interval: 1s }
    read_only: true
    init: true
    cap_add: [CHOWN]
    cap_drop: [ALL]
    cpus: "1.5"
    mem_limit: 64m
    pids_limit: 99
    shm_size: 16m
    ulimits: { nofile: 1024, nproc: { soft: 5, hard: 9 } }
    restart: unless-stopped
    user: "1000:1000"
    working_dir: /srv
    hostname: shop
    stop_signal: SIGINT
    stop_grace_period: 5s
    labels: { traefik.enable: "true" }
networks: { front: {}, shut: { internal: true } }
volumes: { data: {}, files: {} }
"#;

    fn place() -> Place {
        Place {
            instance: "instance".to_owned(),
            environment: "e".to_owned(),
            number: 7,
            stack: "shop".to_owned(),
            lease_ends: "then".to_owned(),
            volumes_of: 0,
        }
    }

    fn spec(compose: &str) -> ContainerSpec {
        let stack = Stack::parse(compose).unwrap_or_else(|problem| panic!("{problem}"));
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().expect("a digest");
        ContainerSpec::new(&stack.services[0], "r.test/x@sha256:aa".to_owned(), &digest, &place())
    }

    #[test]
    fn what_a_stack_asks_for_is_what_the_engine_is_asked_for() {
        let spec = spec(WHOLE);
        let body = serde_json::to_value(spec.body()).expect("json");
        let wanted = json!({
            "Hostname": "shop", "User": "1000:1000", "WorkingDir": "/srv", "StopSignal": "SIGINT", "StopTimeout": 5,
            "Image": "r.test/x@sha256:aa", "Entrypoint": ["/bin/sh"], "Cmd": ["serve"], "Env": ["A=b"],
        });
        for (key, value) in wanted.as_object().expect("an object") {
            assert_eq!(body[key], *value, "{key}");
        }
        let check = &body["Healthcheck"];
        assert_eq!((&check["Interval"], &check["StartInterval"]), (&json!(5_000_000_000_u64), &json!(1_000_000_000_u64)));
        let exposed = body["ExposedPorts"].as_object().map(|ports| ports.keys().cloned().collect::<Vec<_>>());
        let exposed = exposed.unwrap_or_else(|| serde_json::from_value(body["ExposedPorts"].clone()).expect("a list"));
        assert_eq!(exposed, ["53/udp", "80/tcp", "9090/tcp"]);
        assert_eq!(body["Labels"]["slipway.label.traefik.enable"], "true");
        assert_eq!((body["Labels"].get("traefik.enable"), &body["Labels"]["slipway.service"]), (None, &json!("web")));
        let endpoints = &body["NetworkingConfig"]["EndpointsConfig"];
        assert_eq!(endpoints, &json!({ "slw-instance-e7-front": { "Aliases": ["web"] } }), "the one with a way out first");
        assert_eq!(spec.endpoint(&spec.networks[1]).aliases.expect("names"), ["web", "inside"]);
    }

    #[test]
    fn the_limits_of_a_stack_are_the_engine_s() {
        let host = serde_json::to_value(spec(WHOLE).body().host_config).expect("json");
        let wanted = json!({
            "NetworkMode": "slw-instance-e7-front", "CapDrop": ["ALL"], "CapAdd": ["CHOWN"], "Privileged": false,
            "SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": true, "Init": true, "IpcMode": "private",
            "Memory": 64 << 20, "MemorySwap": 64 << 20, "NanoCpus": 1_500_000_000, "PidsLimit": 99, "ShmSize": 16 << 20,
            "Ulimits": [{ "Name": "nofile", "Soft": 1024, "Hard": 1024 }, { "Name": "nproc", "Soft": 5, "Hard": 9 }],
            "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 5 },
            "Tmpfs": {
                "/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=67108864",
                "/cache": "rw,noexec,nosuid,nodev,mode=700,size=8388608",
            },
            "Mounts": [
                { "Type": "volume", "Source": "slw-instance-e7-data", "Target": "/data", "ReadOnly": true },
                { "Type": "volume", "Source": "slw-instance-e7-files", "Target": "/files", "ReadOnly": false,
                  "VolumeOptions": { "NoCopy": true } },
            ],
        });
        for (key, value) in wanted.as_object().expect("an object") {
            assert_eq!(host[key], *value, "{key}");
        }
        let nothing = |key: &str| host.get(key).is_none_or(Value::is_null);
        for key in ["Binds", "Devices", "VolumesFrom", "PidMode", "UsernsMode", "Sysctls", "ExtraHosts", "Dns", "GroupAdd"] {
            assert!(nothing(key), "{key}");
        }
    }

    #[test]
    fn what_a_stack_does_not_say_is_bounded_all_the_same() {
        let host = spec("services: { web: { image: '${BUILD_WEB}' } }").body().host_config.expect("one");
        assert_eq!((host.memory, host.nano_cpus, host.pids_limit), (Some(512 << 20), Some(1_000_000_000), Some(512)));
        assert_eq!(host.network_mode.as_deref(), Some("slw-instance-e7"));
        assert_eq!(host.restart_policy.and_then(|policy| policy.name), Some(RestartPolicyNameEnum::NO));
    }
}
