//! The service specification, built from our own intent and from nothing else: what is not
//! written here cannot be asked of a Swarm. There is no way to a host's files, namespaces or
//! devices, and none to privileges.

use crate::engine::swarm::Marks;
use crate::engine::swarm::secrets::{Ids, object_name};
use bollard::models::{
    EndpointPortConfig, EndpointPortConfigProtocolEnum, EndpointPortConfigPublishModeEnum, EndpointSpec, EndpointSpecModeEnum,
    HealthConfig, Limit, Mount, MountTmpfsOptions, MountType, ServiceSpec, ServiceSpecMode, ServiceSpecModeReplicated,
    ServiceSpecUpdateConfig, ServiceSpecUpdateConfigFailureActionEnum, ServiceSpecUpdateConfigOrderEnum, TaskSpec,
    TaskSpecContainerSpec, TaskSpecContainerSpecFile, TaskSpecContainerSpecPrivileges, TaskSpecContainerSpecSecrets,
    TaskSpecLogDriver, TaskSpecResources, TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum,
};
use domain::config::UpdateOrder;
use domain::drift::Essence;
use domain::region_secrets::ServiceSecret;
use domain::service::{ServiceIntent, ServicePort};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Which installation a service belongs to. Without it, a service is never touched.
pub const INSTANCE: &str = "slipway.instance";
/// Which app it runs.
pub const APP: &str = "slipway.app";
/// Which promotion put it there.
pub const PROMOTION: &str = "slipway.promotion";
/// The hash of the intent that it was made from.
pub const INTENT: &str = "slipway.intent";
/// That it is the canary's service and not the app's own.
pub const CANARY: &str = "slipway.canary";

/// Raised whenever the same intent makes another specification.
const FORMAT: u32 = 1;
const SECOND: i64 = 1_000_000_000;
const MIB: i64 = 1 << 20;
/// One processor: a limit above what a node has would be refused by the node.
const CPUS: i64 = 1_000_000_000;
const PIDS: i64 = 1024;
const TMP_MIB: i64 = 64;

/// The name of an app's service. The prefix keeps clear of services that were there before.
pub fn service_name(app: &str) -> String {
    Which::Main.name(app)
}

/// Which of an app's two services in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    Main,
    Canary,
}

impl Which {
    pub const fn of(intent: &ServiceIntent) -> Self {
        Self::canary_if(intent.canary)
    }

    pub const fn canary_if(canary: bool) -> Self {
        if canary { Which::Canary } else { Which::Main }
    }

    /// The service's name. Another app may be named so that its own service has it: the labels tell
    /// whose it is.
    pub fn name(self, app: &str) -> String {
        match self {
            Which::Main => format!("slw-{app}"),
            Which::Canary => format!("slw-{app}-canary"),
        }
    }
}

/// What `slipway.intent` says of a service made from this intent.
pub fn intent_hash(intent: &ServiceIntent) -> String {
    let text = serde_json::to_string(intent).unwrap_or_default();
    hex::encode(Sha256::digest(format!("{FORMAT}\n{text}").as_bytes()))
}

/// The essence of the service that is wanted.
pub fn essence(intent: &ServiceIntent) -> Essence {
    essence_of(&build(intent, Marks { instance: "", promotion: "" }, &Ids::new()))
}

/// The specification of the service that is wanted, with what the Swarm calls its secrets.
pub fn build(intent: &ServiceIntent, marks: Marks<'_>, ids: &Ids) -> ServiceSpec {
    let canary = intent.canary.then(|| (CANARY, "true".to_owned()));
    let labels = [
        (INSTANCE, marks.instance.to_owned()),
        (APP, intent.app.clone()),
        (PROMOTION, marks.promotion.to_owned()),
        (INTENT, intent_hash(intent)),
    ];
    ServiceSpec {
        name: Some(Which::of(intent).name(&intent.app)),
        labels: Some(labels.into_iter().chain(canary).map(|(name, value)| (name.to_owned(), value)).collect()),
        task_template: Some(task(intent, ids)),
        mode: Some(ServiceSpecMode {
            replicated: Some(ServiceSpecModeReplicated { replicas: Some(i64::from(intent.replicas)) }),
            ..ServiceSpecMode::default()
        }),
        update_config: Some(update(intent)),
        endpoint_spec: Some(EndpointSpec {
            mode: Some(EndpointSpecModeEnum::DNSRR),
            ports: Some(intent.port.iter().copied().map(port).collect()),
        }),
        ..ServiceSpec::default()
    }
}

fn task(intent: &ServiceIntent, ids: &Ids) -> TaskSpec {
    let log_options = [("max-size", "10m"), ("max-file", "3")];
    TaskSpec {
        container_spec: Some(container(intent, ids)),
        resources: Some(TaskSpecResources {
            limits: Some(Limit {
                nano_cpus: Some(CPUS),
                memory_bytes: Some(i64::from(intent.memory_mib) * MIB),
                pids: Some(PIDS),
            }),
            ..TaskSpecResources::default()
        }),
        // Attempts are not limited: a region must come back by itself when what it needs is
        // back. The delay bounds how often it tries; a rollout counts failures itself.
        restart_policy: Some(TaskSpecRestartPolicy {
            condition: Some(TaskSpecRestartPolicyConditionEnum::ANY),
            delay: Some(5 * SECOND),
            max_attempts: Some(0),
            window: None,
        }),
        log_driver: Some(TaskSpecLogDriver {
            name: Some("json-file".to_owned()),
            options: Some(log_options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
        }),
        ..TaskSpec::default()
    }
}

fn container(intent: &ServiceIntent, ids: &Ids) -> TaskSpecContainerSpec {
    let low_port = intent.port.is_some_and(|port| port.container < 1024);
    let tmp = Mount {
        typ: Some(MountType::TMPFS),
        target: Some("/tmp".to_owned()),
        tmpfs_options: Some(MountTmpfsOptions { size_bytes: Some(TMP_MIB * MIB), mode: Some(0o1777), options: None }),
        ..Mount::default()
    };
    TaskSpecContainerSpec {
        image: Some(intent.image.clone()),
        args: (!intent.command.is_empty()).then(|| intent.command.clone()),
        env: Some(intent.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        health_check: (!intent.health.is_empty()).then(|| health(&intent.health)),
        stop_grace_period: Some(10 * SECOND),
        read_only: Some(intent.read_only),
        mounts: Some(if intent.read_only { vec![tmp] } else { Vec::new() }),
        capability_drop: Some(vec!["ALL".to_owned()]),
        capability_add: low_port.then(|| vec!["CAP_NET_BIND_SERVICE".to_owned()]),
        // Engines before 23.0 drop this silently; the rollout's step says so.
        privileges: Some(TaskSpecContainerSpecPrivileges {
            no_new_privileges: Some(true),
            ..TaskSpecContainerSpecPrivileges::default()
        }),
        secrets: (!intent.secrets.is_empty()).then(|| intent.secrets.iter().map(|one| secret(&intent.app, one, ids)).collect()),
        ..TaskSpecContainerSpec::default()
    }
}

/// A secret as a file in memory, `/run/secrets/NAME`. The image says as whom it runs, often not as root,
/// and nobody else is in the container: so everybody there may read it, and nobody change it.
fn secret(app: &str, secret: &ServiceSecret, ids: &Ids) -> TaskSpecContainerSpecSecrets {
    let object = object_name(app, secret);
    TaskSpecContainerSpecSecrets {
        file: Some(TaskSpecContainerSpecFile {
            name: Some(secret.name.clone()),
            uid: Some("0".to_owned()),
            gid: Some("0".to_owned()),
            mode: Some(0o444),
        }),
        secret_id: ids.get(&object).cloned(),
        secret_name: Some(object),
    }
}

fn health(command: &[String]) -> HealthConfig {
    HealthConfig {
        test: Some(std::iter::once("CMD".to_owned()).chain(command.iter().cloned()).collect()),
        interval: Some(3 * SECOND),
        timeout: Some(3 * SECOND),
        retries: Some(3),
        start_period: Some(15 * SECOND),
        // Engines before 25.0 wait a whole interval before they look first.
        start_interval: Some(SECOND / 2),
    }
}

/// The Swarm itself only ever pauses: what goes back goes back through a rollout that is verified.
fn update(intent: &ServiceIntent) -> ServiceSpecUpdateConfig {
    let order = match intent.order() {
        UpdateOrder::StopFirst => ServiceSpecUpdateConfigOrderEnum::STOP_FIRST,
        UpdateOrder::StartFirst => ServiceSpecUpdateConfigOrderEnum::START_FIRST,
    };
    ServiceSpecUpdateConfig {
        parallelism: Some(i64::from(intent.parallelism())),
        delay: Some(i64::from(intent.delay_seconds()) * SECOND),
        failure_action: Some(ServiceSpecUpdateConfigFailureActionEnum::PAUSE),
        monitor: Some(i64::from(intent.monitor_seconds()) * SECOND),
        max_failure_ratio: Some(0.0),
        order: Some(order),
    }
}

fn port(port: ServicePort) -> EndpointPortConfig {
    EndpointPortConfig {
        name: None,
        protocol: Some(EndpointPortConfigProtocolEnum::TCP),
        target_port: Some(i64::from(port.container)),
        published_port: Some(i64::from(port.published)),
        publish_mode: Some(EndpointPortConfigPublishModeEnum::HOST),
    }
}

/// What must hold of a service, read off its specification.
pub fn essence_of(spec: &ServiceSpec) -> Essence {
    let task = spec.task_template.clone().unwrap_or_default();
    let container = task.container_spec.clone().unwrap_or_default();
    let limits = task.resources.as_ref().and_then(|resources| resources.limits.clone()).unwrap_or_default();
    let ports = spec.endpoint_spec.as_ref().and_then(|endpoint| endpoint.ports.clone()).unwrap_or_default();
    let limit = |value: Option<i64>| value.unwrap_or(0);
    Essence {
        image: container.image.clone().unwrap_or_default(),
        env: container.env.clone().unwrap_or_default().into_iter().collect(),
        command: container.args.clone().unwrap_or_default(),
        replicas: replicas(spec),
        ports: ports.iter().map(published).collect(),
        capabilities: capabilities(&container),
        read_only: container.read_only == Some(true),
        mounts: container.mounts.iter().flatten().map(mount).collect(),
        secrets: container.secrets.iter().flatten().map(given).collect(),
        limits: BTreeMap::from([
            ("cpu", limit(limits.nano_cpus)),
            ("memory", limit(limits.memory_bytes)),
            ("pids", limit(limits.pids)),
        ]),
        unasked: unasked(spec, &task, &container),
    }
}

/// The first part in which a service differs from what was wanted.
pub fn difference(seen: &Essence, wanted: &Essence) -> Option<&'static str> {
    seen.differences(wanted).first().map(|first| first.part.as_str())
}

/// How many tasks are wanted; a service of another mode wants none that we know of.
pub fn replicas(spec: &ServiceSpec) -> i64 {
    let mode = spec.mode.as_ref().and_then(|mode| mode.replicated.as_ref());
    mode.and_then(|replicated| replicated.replicas).unwrap_or(0)
}

fn published(port: &EndpointPortConfig) -> (i64, i64, String) {
    let way = |protocol: &dyn std::fmt::Display, mode: &dyn std::fmt::Display| format!("{protocol} {mode}");
    let protocol = port.protocol.unwrap_or(EndpointPortConfigProtocolEnum::TCP);
    let mode = port.publish_mode.unwrap_or(EndpointPortConfigPublishModeEnum::INGRESS);
    (port.target_port.unwrap_or(0), port.published_port.unwrap_or(0), way(&protocol, &mode))
}

/// `+NAME` and `-NAME`, with or without `CAP_` as the engine likes it.
fn capabilities(container: &TaskSpecContainerSpec) -> BTreeSet<String> {
    let named = |sign: char, list: &Option<Vec<String>>| {
        let list = list.clone().unwrap_or_default();
        list.into_iter().map(|name| format!("{sign}{}", name.trim_start_matches("CAP_"))).collect::<Vec<_>>()
    };
    named('-', &container.capability_drop).into_iter().chain(named('+', &container.capability_add)).collect()
}

fn mount(mount: &Mount) -> String {
    let kind = mount.typ.map(|typ| typ.to_string()).unwrap_or_default();
    let size = mount.tmpfs_options.as_ref().and_then(|options| options.size_bytes).unwrap_or(0);
    let (target, source) = (mount.target.as_deref().unwrap_or_default(), mount.source.as_deref().unwrap_or_default());
    format!("{kind} {source} {target} {size}")
}

/// The file, the object behind it, and who may read it. A Swarm takes no id that is not of that name.
fn given(secret: &TaskSpecContainerSpecSecrets) -> String {
    let file = secret.file.clone().unwrap_or_default();
    let (name, object) = (file.name.unwrap_or_default(), secret.secret_name.as_deref().unwrap_or_default());
    let (uid, gid) = (file.uid.unwrap_or_default(), file.gid.unwrap_or_default());
    format!("{name} {object} {uid}:{gid} {:o}", file.mode.unwrap_or(0))
}

fn unasked(spec: &ServiceSpec, task: &TaskSpec, container: &TaskSpecContainerSpec) -> BTreeSet<&'static str> {
    fn some<T>(list: Option<&Vec<T>>) -> bool {
        list.is_some_and(|list| !list.is_empty())
    }
    let privileges = container.privileges.clone().unwrap_or_default();
    [
        ("entrypoint", some(container.command.as_ref())),
        ("user", container.user.as_ref().is_some_and(|user| !user.is_empty())),
        ("groups", some(container.groups.as_ref())),
        ("directory", container.dir.as_ref().is_some_and(|dir| !dir.is_empty())),
        ("hosts", some(container.hosts.as_ref())),
        ("configs", some(container.configs.as_ref())),
        ("sysctls", container.sysctls.as_ref().is_some_and(|sysctls| !sysctls.is_empty())),
        ("ulimits", some(container.ulimits.as_ref())),
        ("networks", some(task.networks.as_ref()) || some(spec.networks.as_ref())),
        ("placement", task.placement.as_ref().is_some_and(|placement| some(placement.constraints.as_ref()))),
        (
            "security profile",
            privileges.seccomp.is_some() || privileges.app_armor.is_some() || privileges.credential_spec.is_some(),
        ),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent() -> ServiceIntent {
        let digest = format!("sha256:{}", "a".repeat(64));
        serde_json::from_value(serde_json::json!({
            "app": "web", "region": "hangzhou", "image": format!("registry.test:5000/team/web@{digest}"), "digest": digest,
            "env": { "REGION": "hangzhou" }, "command": [], "health": ["/bin/wget", "-q", "http://127.0.0.1/health"],
            "port": { "container": 80, "published": 8080 }, "replicas": 2, "read_only": true, "memory_mib": 64,
            "soak_seconds": 5, "deadline_seconds": 60,
        }))
        .expect("an intent")
    }

    fn spec(intent: &ServiceIntent) -> ServiceSpec {
        build(intent, Marks { instance: "i", promotion: "p" }, &Ids::new())
    }

    /// The whole of what is ever asked of a Swarm, so that an addition is seen in a review.
    #[test]
    fn everything_that_is_asked_of_a_swarm_stands_here() {
        let mut asked = serde_json::to_value(spec(&intent())).expect("json");
        let labels = asked["Labels"].as_object_mut().expect("labels");
        assert_eq!(labels.remove("slipway.intent").expect("a hash").as_str().map(str::len), Some(64));
        let wanted = serde_json::json!({
            "Name": "slw-web",
            "Labels": { "slipway.instance": "i", "slipway.app": "web", "slipway.promotion": "p" },
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": intent().image,
                    "Env": ["REGION=hangzhou"],
                    "HealthCheck": {
                        "Test": ["CMD", "/bin/wget", "-q", "http://127.0.0.1/health"], "Interval": 3_000_000_000_i64,
                        "Timeout": 3_000_000_000_i64, "Retries": 3, "StartPeriod": 15_000_000_000_i64, "StartInterval": 500_000_000,
                    },
                    "StopGracePeriod": 10_000_000_000_i64,
                    "ReadOnly": true,
                    "Mounts": [{ "Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": { "SizeBytes": 64 << 20, "Mode": 0o1777 } }],
                    "CapabilityDrop": ["ALL"],
                    "CapabilityAdd": ["CAP_NET_BIND_SERVICE"],
                    "Privileges": { "NoNewPrivileges": true },
                },
                "Resources": { "Limits": { "NanoCPUs": 1_000_000_000, "MemoryBytes": 64 << 20, "Pids": 1024 } },
                "RestartPolicy": { "Condition": "any", "Delay": 5_000_000_000_i64, "MaxAttempts": 0 },
                "LogDriver": { "Name": "json-file", "Options": { "max-size": "10m", "max-file": "3" } },
            },
            "Mode": { "Replicated": { "Replicas": 2 } },
            "UpdateConfig": {
                "Parallelism": 1, "Delay": 0, "FailureAction": "pause", "Monitor": 5_000_000_000_i64, "MaxFailureRatio": 0.0,
                "Order": "stop-first",
            },
            "EndpointSpec": {
                "Mode": "dnsrr",
                "Ports": [{ "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host" }],
            },
        });
        assert_eq!(asked, wanted);
    }

    #[test]
    fn a_worker_without_a_port_starts_the_new_task_first_and_needs_no_capability() {
        let worker = ServiceIntent { port: None, read_only: false, health: vec![], command: vec!["/w".to_owned()], ..intent() };
        let spec = spec(&worker);
        assert_eq!(spec.update_config.and_then(|update| update.order), Some(ServiceSpecUpdateConfigOrderEnum::START_FIRST));
        let container = spec.task_template.and_then(|task| task.container_spec).expect("a container");
        assert_eq!((container.capability_add, container.health_check), (None, None));
        assert_eq!((container.args, container.mounts), (Some(vec!["/w".to_owned()]), Some(vec![])));
        let update = serde_json::json!({ "parallelism": 2, "delay_seconds": 3, "order": "stop-first", "monitor_seconds": 9 });
        let slow = ServiceIntent { update: serde_json::from_value(update).expect("an update"), ..worker };
        let asked = build(&slow, Marks { instance: "i", promotion: "p" }, &Ids::new()).update_config.expect("an update");
        assert_eq!((asked.parallelism, asked.delay, asked.monitor), (Some(2), Some(3_000_000_000), Some(9_000_000_000)));
        assert_eq!(asked.order, Some(ServiceSpecUpdateConfigOrderEnum::STOP_FIRST));
        let high = ServiceIntent { port: Some(ServicePort { container: 8000, published: 8100 }), ..intent() };
        let container =
            build(&high, Marks { instance: "i", promotion: "p" }, &Ids::new()).task_template.and_then(|task| task.container_spec);
        assert_eq!(container.expect("a container").capability_add, None);
    }

    /// Services that run were marked with it: another hash would make every one of them strange.
    #[test]
    fn an_intent_that_says_nothing_of_updates_has_the_hash_that_it_always_had() {
        assert_eq!(intent_hash(&intent()), "85e60cf950dbfff06fd74aa4659527100b0dce8368aa587a9709312d7e4f175e");
    }

    #[test]
    fn another_intent_has_another_hash_and_a_change_by_hand_is_named() {
        let other = ServiceIntent { soak_seconds: 6, ..intent() };
        assert_ne!(intent_hash(&intent()), intent_hash(&other));
        let wanted = essence(&intent());
        assert_eq!(difference(&wanted, &wanted), None);
        let changed = |change: &dyn Fn(&mut TaskSpecContainerSpec)| {
            let mut spec = spec(&intent());
            change(spec.task_template.as_mut().and_then(|task| task.container_spec.as_mut()).expect("a container"));
            difference(&essence_of(&spec), &wanted)
        };
        assert_eq!(changed(&|container| container.image = Some("x".to_owned())), Some("image"));
        assert_eq!(changed(&|container| container.capability_drop = None), Some("capabilities"));
        assert_eq!(changed(&|container| container.read_only = None), Some("read-only root"));
        assert_eq!(changed(&|container| container.user = Some("root".to_owned())), Some("more than was asked"));
        let bind = Mount { typ: Some(MountType::BIND), source: Some("/".to_owned()), ..Mount::default() };
        assert_eq!(changed(&|container| container.mounts.as_mut().expect("mounts").push(bind.clone())), Some("mounts"));
        assert_eq!(difference(&essence(&ServiceIntent { replicas: 3, ..intent() }), &wanted), Some("replicas"));
    }

    #[test]
    fn a_secret_is_a_file_of_one_version_and_another_one_is_seen() {
        let with = |version| {
            let secrets = vec![ServiceSecret { name: "db-password".to_owned(), version }];
            ServiceIntent { secrets, ..intent() }
        };
        let ids = Ids::from([("slw-web.db-password.3".to_owned(), "id3".to_owned())]);
        let spec = build(&with(3), Marks { instance: "i", promotion: "p" }, &ids);
        let container = spec.task_template.as_ref().and_then(|task| task.container_spec.as_ref()).expect("a container");
        let wanted = serde_json::json!([{
            "File": { "Name": "db-password", "UID": "0", "GID": "0", "Mode": 0o444 },
            "SecretID": "id3", "SecretName": "slw-web.db-password.3",
        }]);
        assert_eq!(serde_json::to_value(&container.secrets).expect("json"), wanted);
        let seen = essence_of(&spec);
        assert_eq!(difference(&seen, &essence(&with(3))), None, "the id says nothing that the name does not");
        assert_eq!(difference(&seen, &essence(&with(2))), Some("secrets"));
        assert_eq!(difference(&seen, &essence(&intent())), Some("secrets"));
        assert_ne!(intent_hash(&with(3)), intent_hash(&with(2)));
    }
}
