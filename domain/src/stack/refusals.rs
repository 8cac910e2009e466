//! Keys that compose knows and Slipway refuses, each with its reason. Keys that stand in
//! neither list are unknown, which is refused too.

use crate::problem::Fault;

const HOST: &str = "containers share nothing with the machine they run on";
const KERNEL: &str = "it reaches into the machine's kernel";
const FILES: &str = "no file is put into a container: build it into the image, or pass it as environment";
const ONE_FILE: &str = "a stack is this one file";
const OWN_NETWORK: &str =
    "services find each other by name on the stack's own networks; other names are written as networks.<name>.aliases";
const ALWAYS_ON: &str = "the restrictions are always on and cannot be changed";
const SLIPWAYS: &str = "Slipway sets this itself";
const BOUNDED: &str = "bounds are written as cpus, mem_limit, pids_limit, shm_size and ulimits";
const ONE_EACH: &str = "each service runs once, on the test engine";
const NO_MODELS: &str = "an engine for tests runs no language models";
const BY_DIGEST: &str = "images are pulled by digest when they are not there";

type Reasons = [(&'static str, &'static str)];

const TOP: &Reasons = &[("configs", FILES), ("include", ONE_FILE), ("models", NO_MODELS), ("secrets", FILES)];

const SERVICE: &Reasons = &[
    ("annotations", SLIPWAYS),
    ("attach", "the logs of all services are kept"),
    ("blkio_config", BOUNDED),
    ("build", "images come from a registry, by name or as ${BUILD_<APP>}"),
    ("cgroup", HOST),
    ("cgroup_parent", HOST),
    ("configs", FILES),
    ("container_name", SLIPWAYS),
    ("cpu_count", BOUNDED),
    ("cpu_percent", BOUNDED),
    ("cpu_period", BOUNDED),
    ("cpu_quota", BOUNDED),
    ("cpu_rt_period", BOUNDED),
    ("cpu_rt_runtime", BOUNDED),
    ("cpu_shares", BOUNDED),
    ("cpuset", BOUNDED),
    ("credential_spec", FILES),
    ("develop", "what runs is a build, not somebody's working copy"),
    ("device_cgroup_rules", HOST),
    ("devices", HOST),
    ("dns", OWN_NETWORK),
    ("dns_opt", OWN_NETWORK),
    ("dns_search", OWN_NETWORK),
    ("domainname", OWN_NETWORK),
    ("env_file", "a stack is this one file: write the variables under environment, or ${NAME} for what a launch gives"),
    ("extends", "a stack is this one file: share parts by an anchor under x-… and a merge key"),
    ("external_links", OWN_NETWORK),
    ("extra_hosts", OWN_NETWORK),
    ("gpus", HOST),
    ("group_add", ALWAYS_ON),
    ("ipc", HOST),
    ("isolation", HOST),
    ("label_file", ONE_FILE),
    ("links", OWN_NETWORK),
    ("logging", SLIPWAYS),
    ("mac_address", OWN_NETWORK),
    ("mem_reservation", BOUNDED),
    ("mem_swappiness", BOUNDED),
    ("memswap_limit", BOUNDED),
    ("models", NO_MODELS),
    ("network_mode", "a service is on the stack's own networks only; one without a way out is written with internal: true"),
    ("oom_kill_disable", BOUNDED),
    ("oom_score_adj", BOUNDED),
    ("pid", HOST),
    ("platform", "the engine's own platform runs"),
    ("post_start", "write a service of its own, and depends_on with service_completed_successfully"),
    ("pre_stop", "an environment is removed at once"),
    ("privileged", "it would hand the whole machine to the container"),
    ("profiles", "every service of the file runs; write a stack of its own for the others"),
    ("provider", ONE_EACH),
    ("pull_refresh_after", BY_DIGEST),
    ("runtime", HOST),
    ("secrets", FILES),
    ("stdin_open", "nobody types into a service"),
    ("storage_opt", BOUNDED),
    ("sysctls", KERNEL),
    ("tty", "logs are read line by line"),
    ("use_api_socket", "it would hand the engine to the container"),
    ("userns_mode", HOST),
    ("uts", HOST),
    ("volumes_from", "volumes are shared by name, under volumes"),
];

const DEPLOY: &Reasons = &[
    ("endpoint_mode", ONE_EACH),
    ("labels", "labels of a container are written as labels"),
    ("placement", ONE_EACH),
    ("rollback_config", ONE_EACH),
    ("update_config", ONE_EACH),
    ("reservations", "nothing is reserved; resources.limits are kept"),
    ("delay", "the engine waits by its own rule"),
    ("window", "the engine waits by its own rule"),
];

const NETWORK: &Reasons = &[
    ("attachable", SLIPWAYS),
    ("driver_opts", KERNEL),
    ("enable_ipv4", SLIPWAYS),
    ("enable_ipv6", SLIPWAYS),
    ("external", "a network belongs to one environment, and Slipway makes it"),
    ("ipam", "the engine chooses addresses, so that many environments fit beside each other"),
    ("labels", SLIPWAYS),
    ("name", SLIPWAYS),
];

const ATTACHED: &Reasons = &[
    ("driver_opts", KERNEL),
    ("gw_priority", SLIPWAYS),
    ("interface_name", SLIPWAYS),
    ("ipv4_address", "the engine chooses addresses; services find each other by name"),
    ("ipv6_address", "the engine chooses addresses; services find each other by name"),
    ("link_local_ips", "the engine chooses addresses; services find each other by name"),
    ("mac_address", SLIPWAYS),
    ("priority", SLIPWAYS),
];

const VOLUME: &Reasons = &[
    ("driver_opts", "they can make a volume of a folder of the machine"),
    ("external", "a volume belongs to one environment, and Slipway makes it"),
    ("labels", SLIPWAYS),
    ("name", SLIPWAYS),
];

const MOUNT: &Reasons = &[
    ("bind", "nothing of the machine is mounted"),
    ("consistency", SLIPWAYS),
    ("image", "only volumes and folders in memory are mounted"),
    ("labels", SLIPWAYS),
    ("subpath", "a volume is mounted whole"),
];

const DEPENDS: &Reasons = &[("restart", "nothing is started again for another's sake")];

const PORT: &Reasons = &[
    ("host_ip", "the engine chooses a free port of the host; write target alone"),
    ("mode", "the engine chooses a free port of the host; write target alone"),
    ("published", "the engine chooses a free port of the host; write target alone"),
];

/// Why a key of the file itself is refused.
pub(super) fn of_file(key: &str) -> Fault {
    reason(TOP, key)
}

/// Why a key of a service is refused.
pub(super) fn of_service(key: &str) -> Fault {
    reason(SERVICE, key)
}

/// Why a key of `deploy` or of what is in it is refused.
pub(super) fn of_deploy(key: &str) -> Fault {
    reason(DEPLOY, key)
}

/// Why a key of a network is refused.
pub(super) fn of_network(key: &str) -> Fault {
    reason(NETWORK, key)
}

/// Why a key of a service's place on a network is refused.
pub(super) fn of_attachment(key: &str) -> Fault {
    reason(ATTACHED, key)
}

/// Why a key of a volume is refused.
pub(super) fn of_volume(key: &str) -> Fault {
    reason(VOLUME, key)
}

/// Why a key of what a service mounts is refused.
pub(super) fn of_mount(key: &str) -> Fault {
    reason(MOUNT, key)
}

/// Why a key of a dependency is refused.
pub(super) fn of_dependency(key: &str) -> Fault {
    reason(DEPENDS, key)
}

/// Why a key of a port is refused.
pub(super) fn of_port(key: &str) -> Fault {
    reason(PORT, key)
}

fn reason(table: &Reasons, key: &str) -> Fault {
    let found = table.iter().find(|(name, _)| *name == key);
    found.map_or(Fault::UnknownKey, |(_, reason)| Fault::Refused { reason: (*reason).to_owned() })
}
