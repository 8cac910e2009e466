//! Keys that compose knows and Slipway refuses, each with its reason. Keys that stand in
//! neither list are unknown, which is refused too.

use crate::problem::Fault;

const HOST: &str = "containers share nothing with the machine they run on";
const KERNEL: &str = "it reaches into the machine's kernel";
const NOTHING_KEPT: &str = "nothing is mounted and nothing is kept; a folder in memory is written as tmpfs";
const ONE_FILE: &str = "a stack is this one file";
const OWN_NETWORK: &str = "every environment has one network of its own, where services find each other by name";
const ALWAYS_ON: &str = "the restrictions are always on and cannot be changed";
const SLIPWAYS: &str = "Slipway sets this itself";
const BOUNDED: &str = "only mem_limit can be set; the other bounds are fixed";
const ONE_EACH: &str = "each service runs once, on the test engine";

const TOP: [(&str, &str); 6] = [
    ("configs", NOTHING_KEPT),
    ("include", ONE_FILE),
    ("models", ONE_EACH),
    ("networks", OWN_NETWORK),
    ("secrets", NOTHING_KEPT),
    ("volumes", NOTHING_KEPT),
];

const SERVICE: [(&str, &str); 75] = [
    ("annotations", SLIPWAYS),
    ("attach", SLIPWAYS),
    ("blkio_config", BOUNDED),
    ("build", "images come from a registry, by name or as ${BUILD_<APP>}"),
    ("cap_drop", "every capability is dropped already"),
    ("cgroup", HOST),
    ("cgroup_parent", HOST),
    ("configs", NOTHING_KEPT),
    ("container_name", SLIPWAYS),
    ("cpu_count", BOUNDED),
    ("cpu_percent", BOUNDED),
    ("cpu_period", BOUNDED),
    ("cpu_quota", BOUNDED),
    ("cpu_rt_period", BOUNDED),
    ("cpu_rt_runtime", BOUNDED),
    ("cpu_shares", BOUNDED),
    ("cpus", BOUNDED),
    ("cpuset", BOUNDED),
    ("credential_spec", NOTHING_KEPT),
    ("develop", ONE_FILE),
    ("device_cgroup_rules", HOST),
    ("devices", HOST),
    ("dns", OWN_NETWORK),
    ("dns_opt", OWN_NETWORK),
    ("dns_search", OWN_NETWORK),
    ("domainname", OWN_NETWORK),
    ("env_file", ONE_FILE),
    ("expose", "services reach each other on every port; ports publishes one to testers"),
    ("extends", ONE_FILE),
    ("external_links", OWN_NETWORK),
    ("extra_hosts", OWN_NETWORK),
    ("gpus", HOST),
    ("group_add", ALWAYS_ON),
    ("hostname", SLIPWAYS),
    ("init", SLIPWAYS),
    ("ipc", HOST),
    ("isolation", HOST),
    ("label_file", ONE_FILE),
    ("labels", "labels say what belongs to Slipway, which sets them itself"),
    ("links", OWN_NETWORK),
    ("logging", SLIPWAYS),
    ("mac_address", OWN_NETWORK),
    ("mem_reservation", BOUNDED),
    ("mem_swappiness", BOUNDED),
    ("memswap_limit", BOUNDED),
    ("models", ONE_EACH),
    ("network_mode", OWN_NETWORK),
    ("networks", OWN_NETWORK),
    ("oom_kill_disable", BOUNDED),
    ("oom_score_adj", BOUNDED),
    ("pid", HOST),
    ("pids_limit", BOUNDED),
    ("platform", "the engine's own platform runs"),
    ("post_start", ONE_EACH),
    ("pre_stop", ONE_EACH),
    ("privileged", "it would hand the whole machine to the container"),
    ("profiles", ONE_EACH),
    ("provider", ONE_EACH),
    ("pull_policy", "images are pulled by digest when they are not there"),
    ("runtime", HOST),
    ("scale", ONE_EACH),
    ("secrets", NOTHING_KEPT),
    ("security_opt", ALWAYS_ON),
    ("shm_size", BOUNDED),
    ("stop_grace_period", SLIPWAYS),
    ("stop_signal", SLIPWAYS),
    ("storage_opt", BOUNDED),
    ("sysctls", KERNEL),
    ("ulimits", BOUNDED),
    ("use_api_socket", "it would hand the engine to the container"),
    ("user", "the image says which user runs"),
    ("userns_mode", HOST),
    ("uts", HOST),
    ("volumes", NOTHING_KEPT),
    ("volumes_from", NOTHING_KEPT),
];

/// Why a key of the file itself is refused.
pub(super) fn of_file(key: &str) -> Fault {
    reason(&TOP, key)
}

/// Why a key of a service is refused.
pub(super) fn of_service(key: &str) -> Fault {
    reason(&SERVICE, key)
}

/// Why a key of `deploy` or of what is in it is refused.
pub(super) fn of_deploy() -> Fault {
    Fault::Refused { reason: "only deploy.resources.limits.memory is taken".to_owned() }
}

fn reason(table: &[(&str, &str)], key: &str) -> Fault {
    let found = table.iter().find(|(name, _)| *name == key);
    found.map_or(Fault::UnknownKey, |(_, reason)| Fault::Refused { reason: (*reason).to_owned() })
}
