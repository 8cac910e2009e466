//! What holds for every stack and for every text.

use super::{SHOP, refusal};
use domain::Problem;
use domain::stack::{
    Attachment, Dependency, HealthCheck, MemoryFolder, Stack, StackImage, StackNetwork, StackService, Ulimit, VolumeMount,
};
use proptest::prelude::*;

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}"
}

prop_compose! {
    fn some_service(name: String, earlier: Vec<String>)(
        app in "[a-z]([a-z0-9-]{0,5}[a-z0-9])?",
        command in prop::collection::vec("[ -#%-~é中]{1,12}", 0..4),
        environment in prop::collection::btree_map("[A-Z_][A-Z0-9_.]{0,6}", "[ -~é中\n\t]{0,12}", 0..4),
        ports in prop::collection::btree_set(1_u16.., 0..3),
        waits in prop::collection::btree_set(0..earlier.len().max(1), 0..3),
        healthy: bool,
        check in prop::option::of(("[a-z ]{1,9}[a-z]", 100_u64..3_600_000, 1_u32..100)),
        read_only: bool,
        memory_mib in 6_u32..65_536,
        cpu_millis in 10_u32..8000,
        pids in 1_u32..4096,
        restarts in 0_u32..=10,
        volumes in prop::collection::btree_set(0_usize..3, 0..3),
        networks in prop::collection::btree_set(0_usize..3, 0..3),
        small in prop::option::of(1_u32..1024),
        label in "[ -~]{0,9}",
    ) -> StackService {
        let health = check.map(|(text, time, retries)| HealthCheck {
            test: vec!["CMD-SHELL".to_owned(), text], interval_ms: time, timeout_ms: time, retries, start_period_ms: time,
            start_interval_ms: small.map(|_| time),
        });
        let waits = waits.iter().filter_map(|at| earlier.get(*at));
        StackService {
            name: name.clone(),
            image: StackImage::Build { app },
            entrypoint: vec![],
            command,
            environment,
            ports: ports.into_iter().collect(),
            depends_on: waits.map(|service| Dependency { service: service.clone(), healthy, completed: false }).collect(),
            health,
            read_only,
            tmpfs: vec![MemoryFolder { folder: "/tmp".to_owned(), size_mib: small.unwrap_or(64), mode: 0o1777 }],
            memory_mib,
            cap_add: vec!["CHOWN".to_owned()],
            cpu_millis,
            pids,
            restarts,
            mounts: volumes.iter().map(|n| mount(*n)).collect(),
            networks: attached(&networks),
            shm_mib: small,
            ulimits: small.map(|most| Ulimit { name: "nofile".to_owned(), soft: 1, hard: most }).into_iter().collect(),
            user: small.map(|id| id.to_string()),
            working_dir: small.map(|_| "/srv".to_owned()),
            hostname: small.map(|n| format!("host-{n}")),
            stop_signal: small.map(|_| "SIGINT".to_owned()),
            stop_seconds: small.map(|n| n % 60),
            init: read_only,
            labels: [("team/owner".to_owned(), label)].into(),
            expose: vec![],
        }
    }
}

fn mount(n: usize) -> VolumeMount {
    VolumeMount { volume: VOLUMES[n].to_owned(), folder: format!("/data/{n}"), read_only: n == 1, no_copy: n == 2 }
}

/// On these networks, the one without a way out last; on the default one when on none.
fn attached(on: &std::collections::BTreeSet<usize>) -> Vec<Attachment> {
    let attached = |n: usize| Attachment { network: NETWORKS[n].to_owned(), aliases: vec![format!("alias-{n}")] };
    match on.is_empty() {
        true => vec![Attachment { network: "default".to_owned(), aliases: vec![] }],
        false => on.iter().map(|n| attached(*n)).collect(),
    }
}

const VOLUMES: [&str; 3] = ["data", "files", "more"];
/// The last has no way out.
const NETWORKS: [&str; 3] = ["front", "middle", "shut"];

fn some_stack() -> impl Strategy<Value = Stack> {
    prop::collection::btree_set(name(), 1..5).prop_flat_map(|names| {
        let names: Vec<String> = names.into_iter().collect();
        let services: Vec<_> = (0..names.len()).map(|at| some_service(names[at].clone(), names[..at].to_vec())).collect();
        services.prop_map(whole)
    })
}

/// With the networks that are used. A port is published where somebody can reach it.
fn whole(mut services: Vec<StackService>) -> Stack {
    let mut networks: Vec<StackNetwork> = Vec::new();
    for service in &mut services {
        if service.networks.iter().all(|on| on.network == "shut") {
            service.ports.clear();
        }
        for on in &service.networks {
            if networks.iter().all(|network| network.name != on.network) {
                networks.push(StackNetwork { name: on.network.clone(), internal: on.network == "shut" });
            }
        }
    }
    Stack { services, networks, volumes: VOLUMES.map(str::to_owned).to_vec(), variables: vec![] }
}

/// JSON is YAML: a stack written the dullest way.
fn written(stack: &Stack) -> String {
    let service = |service: &StackService| {
        let StackImage::Build { app } = &service.image else { panic!("{service:?}") };
        let dollars = |text: &String| text.replace('$', "$$");
        let mut keys = serde_json::json!({
            "image": domain::stack::placeholder_of(app),
            "environment": service.environment.iter().map(|(k, v)| (k.clone(), dollars(v).into())).collect::<serde_json::Map<_, _>>(),
            "ports": service.ports,
            "depends_on": service.depends_on.iter().map(|wanted| {
                let condition = if wanted.healthy { "service_healthy" } else { "service_started" };
                (wanted.service.clone(), serde_json::json!({ "condition": condition }))
            }).collect::<serde_json::Map<_, _>>(),
            "read_only": service.read_only,
            "tmpfs": service.tmpfs.iter().map(|made| format!("{}:size={}m", made.folder, made.size_mib)).collect::<Vec<_>>(),
            "mem_limit": format!("{}m", service.memory_mib),
            "cap_add": service.cap_add,
            "cpus": format!("{}.{:03}", service.cpu_millis / 1000, service.cpu_millis % 1000),
            "deploy": { "resources": { "limits": { "pids": service.pids } } },
            "restart": if service.restarts == 0 { "no".to_owned() } else { format!("on-failure:{}", service.restarts) },
            "init": service.init,
            "volumes": service.mounts.iter().map(|mount| serde_json::json!({
                "type": "volume", "source": mount.volume, "target": mount.folder, "read_only": mount.read_only,
                "volume": { "nocopy": mount.no_copy },
            })).collect::<Vec<_>>(),
            "networks": service.networks.iter().map(|on| {
                (on.network.clone(), serde_json::json!({ "aliases": on.aliases }))
            }).collect::<serde_json::Map<_, _>>(),
            "labels": service.labels.iter().map(|(k, v)| (k.clone(), dollars(v).into())).collect::<serde_json::Map<_, _>>(),
        });
        if let Some(small) = service.shm_mib {
            keys["shm_size"] = format!("{small}m").into();
            keys["ulimits"] = serde_json::json!({ "nofile": { "soft": 1, "hard": small } });
            keys["user"] = service.user.clone().into();
            keys["working_dir"] = service.working_dir.clone().into();
            keys["hostname"] = service.hostname.clone().into();
            keys["stop_signal"] = service.stop_signal.clone().into();
            keys["stop_grace_period"] = service.stop_seconds.map(|seconds| format!("{seconds}s")).into();
        }
        if !service.command.is_empty() {
            keys["command"] = service.command.iter().map(dollars).collect::<Vec<_>>().into();
        }
        if let Some(health) = &service.health {
            let time = |ms: u64| format!("{ms}ms");
            keys["healthcheck"] = serde_json::json!({
                "test": health.test, "interval": time(health.interval_ms), "timeout": time(health.timeout_ms),
                "retries": health.retries, "start_period": time(health.start_period_ms),
            });
            if let Some(between) = health.start_interval_ms {
                keys["healthcheck"]["start_interval"] = time(between).into();
            }
        }
        (service.name.clone(), keys)
    };
    let services: serde_json::Map<_, _> = stack.services.iter().map(service).collect();
    let networks: serde_json::Map<_, _> =
        NETWORKS.iter().map(|name| ((*name).to_owned(), serde_json::json!({ "internal": *name == "shut" }))).collect();
    let volumes: serde_json::Map<_, _> = VOLUMES.iter().map(|name| ((*name).to_owned(), serde_json::json!({}))).collect();
    serde_json::json!({ "services": services, "networks": networks, "volumes": volumes }).to_string()
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(stack in some_stack()) {
        let text = written(&stack);
        prop_assert_eq!(Stack::parse(&text), Ok(stack), "{}", text);
    }

    #[test]
    fn every_service_comes_after_what_it_waits_for(stack in some_stack(), seed: u64) {
        // The same services in another order of the file.
        let mut shuffled = stack.clone();
        let half = usize::try_from(seed % stack.services.len() as u64).expect("small");
        shuffled.services.rotate_left(half);
        let read = Stack::parse(&written(&shuffled)).expect("it is a good stack");
        prop_assert_eq!(read.services.len(), stack.services.len());
        for (at, service) in read.services.iter().enumerate() {
            for wanted in &service.depends_on {
                prop_assert!(read.services[..at].iter().any(|earlier| earlier.name == wanted.service));
            }
        }
    }

    #[test]
    fn a_key_that_is_not_on_the_list_is_refused_where_it_stands(key in "[a-z][a-z_]{0,15}", at in 0_usize..4) {
        let known = super::keys::supported("services");
        prop_assume!(!known.contains(&key.as_str()));
        let mut lines = vec!["    image: ${BUILD_WEB}", "    read_only: true", "    tmpfs: /tmp"];
        let bad = format!("    {key}: true");
        lines.insert(at.min(lines.len()), &bad);
        let (line, name, _) = refusal(&format!("services:\n  web:\n{}\n", lines.join("\n")));
        prop_assert_eq!((line, name), (3 + at.min(3) as u64, format!("services.web.{key}")));
    }

    #[test]
    fn no_text_makes_it_stumble(text in "[ -~\n\t{}\\[\\]:&*<!|>'\"#$%@-]{0,200}") {
        if let Err(problem) = Stack::parse(&text) {
            let placed = matches!(problem, Problem::Stack { line: 1.., .. });
            prop_assert!(placed);
        }
    }

    #[test]
    fn a_file_that_was_damaged_is_read_or_refused_but_never_more(at in 0..SHOP.len(), with in "[ -~\n]{0,3}") {
        let mut damaged = SHOP.to_owned();
        prop_assume!(damaged.is_char_boundary(at));
        damaged.replace_range(at..damaged.len().min(at + with.len()), &with);
        if let Ok(stack) = Stack::parse(&damaged) {
            for service in &stack.services {
                prop_assert!(service.cap_add.iter().all(|cap| ["CHOWN", "SETUID"].contains(&cap.as_str())));
            }
        }
    }
}
