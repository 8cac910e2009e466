//! The engine's word against ours: a created container is inspected, and what is not exactly
//! as asked is never started.

use super::spec::{ContainerSpec, LOG_MAX_FILE, LOG_MAX_SIZE, label};
use bollard::models::{ContainerInspectResponse, HostConfig, Mount, MountType, RestartPolicyNameEnum};
use std::collections::BTreeSet;

/// The first limit that `found` does not keep; none when it is what was asked for. `image_id`
/// is the content that the wanted digest stands for on this engine.
pub(super) fn broken(spec: &ContainerSpec, image_id: &str, found: &ContainerInspectResponse) -> Option<&'static str> {
    let nothing = HostConfig::default();
    let host = found.host_config.as_ref().unwrap_or(&nothing);
    let checks = [
        ("image", image_is(spec, image_id, found)),
        ("labels", labels_are(spec, found)),
        ("privileges", privileges_are(spec, host)),
        ("namespaces", namespaces_are(spec, host)),
        ("networks", networks_are(spec, found)),
        ("host folders and devices", nothing_of_the_host(host) && mounts_are(spec, host) && mounts_are_inside(spec, found)),
        ("memory", host.memory == Some(spec.memory()) && host.oom_kill_disable != Some(true)),
        // A kernel that does not count swap makes the engine drop this one.
        ("swap", host.memory_swap == Some(spec.memory())),
        ("processor time", host.nano_cpus == Some(spec.nano_cpus())),
        ("processes", host.pids_limit == Some(spec.pids())),
        ("log size", log_is(host)),
        ("shared memory", spec.shared_memory().is_none_or(|size| host.shm_size == Some(size))),
        ("ulimits", ulimits_are(spec, host)),
        ("user", user_is(spec, found)),
        ("restarts", restarts_are(spec, host)),
        ("folders in memory", host.tmpfs.clone().unwrap_or_default() == spec.folders()),
    ];
    checks.into_iter().find(|(_, kept)| !kept).map(|(what, _)| what)
}

fn image_is(spec: &ContainerSpec, image_id: &str, found: &ContainerInspectResponse) -> bool {
    let asked = found.config.as_ref().and_then(|config| config.image.as_deref());
    asked == Some(spec.image.as_str()) && found.image.as_deref() == Some(image_id)
}

fn labels_are(spec: &ContainerSpec, found: &ContainerInspectResponse) -> bool {
    let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
    // The image's own labels stand beside ours; a lease that was extended ends later than it says.
    let asked = spec.labels.iter().filter(|(name, _)| name.as_str() != label::LEASE_ENDS);
    labels.is_some_and(|labels| asked.into_iter().all(|(name, value)| labels.get(name) == Some(value)))
}

fn privileges_are(spec: &ContainerSpec, host: &HostConfig) -> bool {
    let plain = |cap: &String| cap.trim_start_matches("CAP_").to_owned();
    let sorted = |caps: &[String]| {
        let mut caps: Vec<String> = caps.iter().map(plain).collect();
        caps.sort_unstable();
        caps
    };
    let options = host.security_opt.as_deref().unwrap_or_default();
    host.privileged == Some(false)
        && host.cap_drop.as_deref().unwrap_or_default().iter().map(plain).eq(["ALL"])
        && sorted(host.cap_add.as_deref().unwrap_or_default()) == sorted(&spec.asked.cap_add)
        && matches!(options, [one] if one == "no-new-privileges" || one == "no-new-privileges:true" || one == "no-new-privileges=true")
        && host.readonly_rootfs.unwrap_or_default() == spec.asked.read_only
        && empty(host.group_add.as_ref())
        // An unmasked /proc or /sys has empty lists instead of the engine's own.
        && host.masked_paths.as_ref().is_some_and(|paths| !paths.is_empty())
        && host.readonly_paths.as_ref().is_some_and(|paths| !paths.is_empty())
}

fn namespaces_are(spec: &ContainerSpec, host: &HostConfig) -> bool {
    let own = |mode: &Option<String>| mode.as_deref().unwrap_or_default().is_empty();
    own(&host.pid_mode)
        && own(&host.uts_mode)
        && own(&host.userns_mode)
        && host.ipc_mode.as_deref() == Some("private")
        && host.network_mode.as_deref() == Some(spec.first_network())
        && empty(host.links.as_ref())
        && empty(host.extra_hosts.as_ref())
        && host.sysctls.as_ref().is_none_or(|sysctls| sysctls.is_empty())
        && host.publish_all_ports != Some(true)
        && own(&host.cgroup)
        && own(&host.cgroup_parent)
}

fn nothing_of_the_host(host: &HostConfig) -> bool {
    empty(host.binds.as_ref())
        && empty(host.volumes_from.as_ref())
        && empty(host.devices.as_ref())
        && empty(host.device_requests.as_ref())
        && empty(host.device_cgroup_rules.as_ref())
}

/// On these networks and on no other, which is where its names and its way out are.
fn networks_are(spec: &ContainerSpec, found: &ContainerInspectResponse) -> bool {
    let on = found.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    let on: BTreeSet<&str> = on.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    on == spec.networks.iter().map(|on| on.network.as_str()).collect()
}

/// Exactly the volumes that were asked for, each as it was asked for.
fn mounts_are(spec: &ContainerSpec, host: &HostConfig) -> bool {
    let found = host.mounts.as_deref().unwrap_or_default();
    let plain = |mount: &Mount| {
        let options = mount.volume_options.as_ref();
        mount.typ == Some(MountType::VOLUME)
            && mount.bind_options.is_none()
            && options.is_none_or(|options| options.driver_config.is_none() && options.subpath.is_none())
    };
    let same = |wanted: &domain::stack::VolumeMount| {
        found.iter().any(|mount| {
            mount.source.as_deref() == Some(wanted.volume.as_str())
                && mount.target.as_deref() == Some(wanted.folder.as_str())
                && mount.read_only.unwrap_or_default() == wanted.read_only
        })
    };
    found.len() == spec.mounts.len() && found.iter().all(plain) && spec.mounts.iter().all(same)
}

/// What an image declares as a volume is a nameless one, made and removed with the container.
fn mounts_are_inside(spec: &ContainerSpec, found: &ContainerInspectResponse) -> bool {
    found.mounts.as_deref().unwrap_or_default().iter().all(|mount| {
        let name = mount.name.as_deref().unwrap_or_default();
        let nameless = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let asked = spec.mounts.iter().any(|wanted| wanted.volume == name);
        match mount.typ.as_deref() {
            Some("tmpfs") => true,
            Some("volume") => (nameless || asked) && mount.driver.as_deref() == Some("local"),
            _ => false,
        }
    })
}

fn ulimits_are(spec: &ContainerSpec, host: &HostConfig) -> bool {
    let found = host.ulimits.as_deref().unwrap_or_default();
    spec.asked.ulimits.iter().all(|wanted| {
        found.iter().any(|bound| {
            bound.name.as_deref() == Some(wanted.name.as_str())
                && bound.soft == Some(i64::from(wanted.soft))
                && bound.hard == Some(i64::from(wanted.hard))
        })
    })
}

fn user_is(spec: &ContainerSpec, found: &ContainerInspectResponse) -> bool {
    let user = found.config.as_ref().and_then(|config| config.user.as_ref());
    spec.asked.user.is_none() || user == spec.asked.user.as_ref()
}

fn log_is(host: &HostConfig) -> bool {
    let log = host.log_config.as_ref();
    let option = |name: &str| log.and_then(|log| log.config.as_ref()).and_then(|config| config.get(name)).map(String::as_str);
    log.and_then(|log| log.typ.as_deref()) == Some("json-file")
        && option("max-size") == Some(LOG_MAX_SIZE)
        && option("max-file") == Some(LOG_MAX_FILE)
}

/// Never, or after a failure and some times only.
fn restarts_are(spec: &ContainerSpec, host: &HostConfig) -> bool {
    let policy = host.restart_policy.as_ref();
    match policy.and_then(|policy| policy.name) {
        None | Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO) => spec.asked.restarts == 0,
        Some(RestartPolicyNameEnum::ON_FAILURE) => {
            spec.asked.restarts > 0
                && policy.and_then(|policy| policy.maximum_retry_count) == Some(i64::from(spec.asked.restarts))
        }
        Some(_) => false,
    }
}

fn empty<T>(list: Option<&Vec<T>>) -> bool {
    list.is_none_or(Vec::is_empty)
}
