//! Every key of the Compose specification, once: supported, with what it does to the stack that is
//! read, or refused with a reason.

use super::{read, refusal};
use domain::problem::Fault;

/// What becomes of a key. Of each kind the text is an example of the key in its place.
enum Fate {
    /// It is supported: the stack is another one than without it.
    Does(&'static str),
    /// It is taken and changes nothing, because what it says is so anyhow, or is for readers.
    Is(&'static str),
    /// It is refused by name, with this in the reason.
    No(&'static str, &'static str),
}
use Fate::{Does, Is, No};

type Keys = &'static [(&'static str, Fate)];

const FILES: &str = "no file is put into a container";
const HOST: &str = "share nothing with the machine";
const BOUNDED: &str = "bounds are written as";
const NETWORK: &str = "the stack's own networks";
const ONCE: &str = "each service runs once";
const OURS: &str = "Slipway sets this itself";

/// The keys of each object of the specification's schema, in its order. The name of the object is where
/// its keys stand.
const SPECIFICATION: &[(&str, Keys)] = &[
    (
        "",
        &[
            ("version", Is("'3.9'")),
            ("name", Is("shop")),
            ("include", No("[other.yaml]", "this one file")),
            ("services", Does("{ web: { image: '${BUILD_SHOP}' } }")),
            ("models", No("{ m: { model: x } }", "no language models")),
            ("networks", Is("{ back: { internal: true } }")),
            ("volumes", Does("{ data: {} }")),
            ("secrets", No("{ s: { file: ./s } }", FILES)),
            ("configs", No("{ c: { content: x } }", FILES)),
        ],
    ),
    (
        "services",
        &[
            ("develop", No("{ watch: [] }", "a build")),
            ("deploy", Does("{ resources: { limits: { memory: 64m } } }")),
            ("annotations", No("{ a: b }", OURS)),
            ("attach", No("false", "logs of all services")),
            ("build", No(".", "from a registry")),
            ("blkio_config", No("{ weight: 300 }", BOUNDED)),
            ("cap_add", Does("[CHOWN]")),
            ("cap_drop", Is("[ALL]")),
            ("cgroup", No("private", HOST)),
            ("cgroup_parent", No("x", HOST)),
            ("command", Does("serve")),
            ("configs", No("[c]", FILES)),
            ("container_name", No("web", OURS)),
            ("cpu_count", No("1", BOUNDED)),
            ("cpu_percent", No("50", BOUNDED)),
            ("cpu_shares", No("512", BOUNDED)),
            ("cpu_quota", No("50000", BOUNDED)),
            ("cpu_period", No("20ms", BOUNDED)),
            ("cpu_rt_period", No("400ms", BOUNDED)),
            ("cpu_rt_runtime", No("400ms", BOUNDED)),
            ("cpus", Does("0.5")),
            ("cpuset", No("0-1", BOUNDED)),
            ("credential_spec", No("{ file: x }", FILES)),
            ("depends_on", Does("[db]")),
            ("device_cgroup_rules", No("['c 1:3 mr']", HOST)),
            ("devices", No("[/dev/kvm]", HOST)),
            ("dns", No("8.8.8.8", NETWORK)),
            ("dns_opt", No("[x]", NETWORK)),
            ("dns_search", No("example.com", NETWORK)),
            ("domainname", No("example.com", NETWORK)),
            ("entrypoint", Does("[/bin/sh]")),
            ("env_file", No(".env", "under environment")),
            ("label_file", No("labels", "this one file")),
            ("environment", Does("{ A: b }")),
            ("expose", Does("['8080', 53/udp]")),
            ("extends", No("db", "an anchor")),
            ("provider", No("{ type: x }", ONCE)),
            ("external_links", No("[db]", NETWORK)),
            ("extra_hosts", No("['host.docker.internal:host-gateway']", NETWORK)),
            ("gpus", No("all", HOST)),
            ("group_add", No("[mail]", "always on")),
            ("healthcheck", Does("{ test: [CMD, check] }")),
            ("hostname", Does("shop")),
            ("image", Does("registry.test/team/web:dev")),
            ("init", Does("true")),
            ("ipc", No("private", HOST)),
            ("isolation", No("default", HOST)),
            ("labels", Does("{ team: shop }")),
            ("links", No("[db]", NETWORK)),
            ("logging", No("{ driver: none }", OURS)),
            ("mac_address", No("'02:42:ac:11:65:43'", NETWORK)),
            ("mem_limit", Does("64m")),
            ("mem_reservation", No("64m", BOUNDED)),
            ("mem_swappiness", No("0", BOUNDED)),
            ("memswap_limit", No("1g", BOUNDED)),
            ("network_mode", No("none", "internal: true")),
            ("models", No("[m]", "no language models")),
            ("networks", Does("{ back: { aliases: [shop] } }")),
            ("oom_kill_disable", No("true", BOUNDED)),
            ("oom_score_adj", No("0", BOUNDED)),
            ("pid", No("host", HOST)),
            ("pids_limit", Does("100")),
            ("platform", No("linux/arm64", "own platform")),
            ("ports", Does("[80]")),
            ("post_start", No("[{ command: x }]", "service_completed_successfully")),
            ("pre_stop", No("[{ command: x }]", "removed at once")),
            ("privileged", No("true", "the whole machine")),
            ("profiles", No("[debug]", "every service of the file runs")),
            ("pull_policy", Is("always")),
            ("pull_refresh_after", No("1d", "by digest")),
            ("read_only", Does("true")),
            ("restart", Does("on-failure:3")),
            ("runtime", No("runc", HOST)),
            ("scale", Is("1")),
            ("security_opt", Is("['no-new-privileges:true']")),
            ("shm_size", Does("128m")),
            ("secrets", No("[s]", FILES)),
            ("sysctls", No("{ net.core.somaxconn: 1 }", "kernel")),
            ("stdin_open", No("true", "nobody types")),
            ("stop_grace_period", Does("5s")),
            ("stop_signal", Does("SIGINT")),
            ("storage_opt", No("{ size: 1G }", BOUNDED)),
            ("tmpfs", Does("'/tmp:size=8m'")),
            ("tty", No("true", "line by line")),
            ("ulimits", Does("{ nofile: 1024 }")),
            ("use_api_socket", No("true", "hand the engine")),
            ("user", Does("'1000:1000'")),
            ("uts", No("host", HOST)),
            ("userns_mode", No("host", HOST)),
            ("volumes", Does("['data:/data']")),
            ("volumes_from", No("[db]", "shared by name")),
            ("working_dir", Does("/srv")),
        ],
    ),
    (
        "services.depends_on.db",
        &[("restart", Is("false")), ("required", Is("true")), ("condition", Does("service_completed_successfully"))],
    ),
    (
        "services.networks.back",
        &[
            ("aliases", Does("[shop]")),
            ("interface_name", No("eth7", OURS)),
            ("ipv4_address", No("10.0.0.7", "the engine chooses")),
            ("ipv6_address", No("'fd00::7'", "the engine chooses")),
            ("link_local_ips", No("[169.254.8.8]", "the engine chooses")),
            ("mac_address", No("'02:42:ac:11:65:43'", OURS)),
            ("driver_opts", No("{ a: b }", "kernel")),
            ("priority", No("1", OURS)),
            ("gw_priority", No("1", OURS)),
        ],
    ),
    (
        "services.ports[]",
        &[
            ("name", Is("web")),
            ("mode", No("host", "a free port")),
            ("host_ip", No("127.0.0.1", "a free port")),
            ("target", Does("8080")),
            ("published", No("'80'", "a free port")),
            ("protocol", Is("tcp")),
            ("app_protocol", Is("http")),
        ],
    ),
    (
        "services.volumes[]",
        &[
            ("type", Is("volume")),
            ("source", Does("files")),
            ("target", Does("/files")),
            ("read_only", Does("true")),
            ("consistency", No("cached", OURS)),
            ("bind", No("{ propagation: shared }", "nothing of the machine")),
            ("volume", Does("{ nocopy: true }")),
            ("tmpfs", No("{ size: 1m }", "says nothing about a volume")),
            ("image", No("{ subpath: x }", "only volumes")),
        ],
    ),
    (
        "services.volumes[].volume",
        &[("labels", No("{ a: b }", OURS)), ("nocopy", Does("true")), ("subpath", No("x", "mounted whole"))],
    ),
    ("services.volumes[].tmpfs", &[("size", Does("8m")), ("mode", Does("0o700"))]),
    (
        "services.healthcheck",
        &[
            ("disable", No("true", "remove one of them")),
            ("interval", Does("5s")),
            ("retries", Does("9")),
            ("test", Does("[CMD, other]")),
            ("timeout", Does("5s")),
            ("start_period", Does("5s")),
            ("start_interval", Does("1s")),
        ],
    ),
    (
        "services.deploy",
        &[
            ("mode", Is("replicated")),
            ("endpoint_mode", No("vip", ONCE)),
            ("replicas", Is("1")),
            ("labels", No("{ a: b }", "written as labels")),
            ("rollback_config", No("{ order: stop-first }", ONCE)),
            ("update_config", No("{ order: stop-first }", ONCE)),
            ("resources", Does("{ limits: { cpus: '0.5' } }")),
            ("restart_policy", Does("{ condition: any }")),
            ("placement", No("{ constraints: [x] }", ONCE)),
        ],
    ),
    (
        "services.deploy.resources",
        &[("limits", Does("{ pids: 9 }")), ("reservations", No("{ cpus: '1' }", "nothing is reserved"))],
    ),
    ("services.deploy.resources.limits", &[("cpus", Does("'0.5'")), ("memory", Does("64m")), ("pids", Does("9"))]),
    (
        "services.deploy.restart_policy",
        &[
            ("condition", Does("none")),
            ("delay", No("5s", "by its own rule")),
            ("max_attempts", Does("2")),
            ("window", No("5s", "by its own rule")),
        ],
    ),
    ("services.ulimits.nofile", &[("hard", Does("2048")), ("soft", Does("9"))]),
    (
        "networks.back",
        &[
            ("name", No("other", OURS)),
            ("driver", Is("bridge")),
            ("driver_opts", No("{ a: b }", "kernel")),
            ("ipam", No("{ driver: default }", "the engine chooses")),
            ("external", No("true", "belongs to one environment")),
            ("internal", Does("true")),
            ("enable_ipv4", No("true", OURS)),
            ("enable_ipv6", No("true", OURS)),
            ("attachable", No("true", OURS)),
            ("labels", No("{ a: b }", OURS)),
        ],
    ),
    (
        "volumes.data",
        &[
            ("name", No("other", OURS)),
            ("driver", Is("local")),
            ("driver_opts", No("{ device: / }", "folder of the machine")),
            ("external", No("true", "belongs to one environment")),
            ("labels", No("{ a: b }", OURS)),
        ],
    ),
    ("x-slipway", &[("egress", Does("false"))]),
];

/// How many keys each object of the schema has, counted in the schema: one that is forgotten here is missed.
const COUNTED: &[(&str, usize)] = &[
    ("", 9),
    ("services", 92),
    ("services.depends_on.db", 3),
    ("services.networks.back", 9),
    ("services.ports[]", 7),
    ("services.volumes[]", 9),
    ("services.volumes[].volume", 3),
    ("services.volumes[].tmpfs", 2),
    ("services.healthcheck", 7),
    ("services.deploy", 9),
    ("services.deploy.resources", 2),
    ("services.deploy.resources.limits", 3),
    ("services.deploy.restart_policy", 4),
    ("services.ulimits.nofile", 2),
    ("networks.back", 10),
    ("volumes.data", 5),
    ("x-slipway", 1),
];

/// The supported keys of an object.
pub fn supported(object: &str) -> Vec<&'static str> {
    let (_, keys) = SPECIFICATION.iter().find(|(name, _)| *name == object).expect("an object");
    keys.iter().filter(|(_, fate)| !matches!(fate, No(..))).map(|(key, _)| *key).collect()
}

/// A file in whose `object` something is written; what the object cannot be without is there already.
fn file(object: &str, more: &str) -> String {
    let put = |wanted: &str, without: &str| match object == wanted {
        true if without.is_empty() => more.to_owned(),
        // A key that is written takes the place of the one that is needed.
        true => {
            let key = more.split(':').next().unwrap_or_default();
            let mut parts: Vec<&str> = without.split("; ").filter(|part| part.split(':').next() != Some(key)).collect();
            parts.extend((!more.is_empty()).then_some(more));
            parts.join(", ")
        }
        false => without.replace("; ", ", "),
    };
    let service = match object {
        "services" => {
            let image = if more.starts_with("image:") { "" } else { "image: '${BUILD_WEB}'" };
            [image, more].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
        }
        "" | "networks.back" | "x-slipway" => "image: '${BUILD_WEB}', networks: [default, back]".to_owned(),
        "volumes.data" => "image: '${BUILD_WEB}'".to_owned(),
        _ => {
            let inside = [
                format!("depends_on: {{ db: {{ {} }} }}", put("services.depends_on.db", "condition: service_started")),
                format!("networks: {{ default: {{}}, back: {{ {} }} }}", put("services.networks.back", "")),
                format!("ports: [{{ {} }}]", put("services.ports[]", "target: 80")),
                format!(
                    "volumes: [{{ {}, volume: {{ {} }} }}, {{ type: tmpfs, target: /cache, tmpfs: {{ {} }} }}]",
                    put("services.volumes[]", "type: volume; source: data; target: /data").trim_end_matches(", "),
                    put("services.volumes[].volume", ""),
                    put("services.volumes[].tmpfs", ""),
                )
                .replace(if object == "services.volumes[]" { ", volume: {  } }, {" } else { "\0" }, " }, {"),
                format!("healthcheck: {{ {} }}", put("services.healthcheck", "test: [CMD, check]")),
                format!(
                    "deploy: {{ resources: {{ limits: {{ {} }} {} }}, restart_policy: {{ {} }} }}",
                    put("services.deploy.resources.limits", ""),
                    match object {
                        "services.deploy.resources" => format!(", {more}"),
                        _ => String::new(),
                    },
                    put("services.deploy.restart_policy", ""),
                ),
                format!("ulimits: {{ nofile: {{ {} }} }}", put("services.ulimits.nofile", "soft: 8; hard: 1024")),
            ];
            let deploy = format!("deploy: {{ {more} }}");
            let limits = format!("deploy: {{ resources: {{ {more} }} }}");
            let parts = inside.iter().map(|part| match object {
                "services.deploy" if part.starts_with("deploy") => deploy.as_str(),
                "services.deploy.resources" if part.starts_with("deploy") => limits.as_str(),
                _ => part,
            });
            format!("image: '${{BUILD_WEB}}', {}", parts.collect::<Vec<_>>().join(", "))
        }
    };
    let top =
        |name: &str, text: String| if object.is_empty() && more.starts_with(&format!("{name}:")) { String::new() } else { text };
    let services = top("services", format!("services:\n  db: {{ image: '${{BUILD_DB}}' }}\n  web: {{ {service} }}\n"));
    let networks = top("networks", format!("networks: {{ back: {{ {} }} }}\n", put("networks.back", "")));
    let volumes = top("volumes", format!("volumes: {{ files: {{}}, data: {{ {} }} }}\n", put("volumes.data", "")));
    let own = if object == "x-slipway" { format!("x-slipway: {{ {more} }}\n") } else { String::new() };
    let first = if object.is_empty() { more } else { "" };
    format!("{first}\n{services}{networks}{volumes}{own}")
}

#[test]
fn every_key_of_the_specification_is_supported_or_refused_with_a_reason() {
    for (object, keys) in SPECIFICATION {
        let before = read(&file(object, ""));
        for (key, fate) in *keys {
            match fate {
                Does(example) => {
                    let after = read(&file(object, &format!("{key}: {example}")));
                    assert_ne!(after, before, "{object}.{key} does nothing");
                }
                Is(example) => {
                    read(&file(object, &format!("{key}: {example}")));
                }
                No(example, reason) => {
                    let (_, name, why) = refusal(&file(object, &format!("{key}: {example}")));
                    let Fault::Refused { reason: found } = &why else { panic!("{object}.{key}: {why}") };
                    assert!(found.contains(reason), "{object}.{key}: {found}");
                    let last = object.rsplit('.').next().unwrap_or_default();
                    assert!(name.ends_with(key) || name.ends_with(last), "{object}.{key}: {name}");
                }
            }
        }
    }
}

#[test]
fn no_key_of_the_specification_is_forgotten_and_none_stands_twice() {
    let found: Vec<(&str, usize)> = SPECIFICATION.iter().map(|(object, keys)| (*object, keys.len())).collect();
    assert_eq!(found, COUNTED);
    for (object, keys) in SPECIFICATION {
        let mut names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), keys.len(), "{object}");
    }
}

#[test]
fn a_key_that_is_in_no_specification_is_unknown_everywhere() {
    for (object, _) in SPECIFICATION.iter().filter(|(object, _)| !object.is_empty()) {
        let (_, name, why) = refusal(&file(object, "surprise: 1"));
        assert_eq!(why, Fault::UnknownKey, "{object}");
        assert!(name.ends_with("surprise"), "{object}: {name}");
    }
    assert_eq!(refusal(&file("", "surprise: 1")).2, Fault::UnknownKey);
}
