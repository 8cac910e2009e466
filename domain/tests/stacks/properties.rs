//! What holds for every stack and for every text.

use super::{SHOP, refusal};
use domain::Problem;
use domain::stack::{Dependency, HealthCheck, Stack, StackImage, StackService};
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
    ) -> StackService {
        let health = check.map(|(text, time, retries)| HealthCheck {
            test: vec!["CMD-SHELL".to_owned(), text], interval_ms: time, timeout_ms: time, retries, start_period_ms: time,
        });
        let waits = waits.iter().filter_map(|at| earlier.get(*at));
        StackService {
            name: name.clone(),
            image: StackImage::Build { app },
            entrypoint: vec![],
            command,
            environment,
            ports: ports.into_iter().collect(),
            depends_on: waits.map(|service| Dependency { service: service.clone(), healthy }).collect(),
            health,
            read_only,
            tmpfs: vec!["/tmp".to_owned()],
            memory_mib,
            cap_add: vec!["CHOWN".to_owned()],
        }
    }
}

fn some_stack() -> impl Strategy<Value = Stack> {
    prop::collection::btree_set(name(), 1..5).prop_flat_map(|names| {
        let names: Vec<String> = names.into_iter().collect();
        let services: Vec<_> = (0..names.len()).map(|at| some_service(names[at].clone(), names[..at].to_vec())).collect();
        services.prop_map(|services| Stack { services })
    })
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
            "tmpfs": service.tmpfs,
            "mem_limit": format!("{}m", service.memory_mib),
            "cap_add": service.cap_add,
        });
        if !service.command.is_empty() {
            keys["command"] = service.command.iter().map(dollars).collect::<Vec<_>>().into();
        }
        if let Some(health) = &service.health {
            let time = |ms: u64| format!("{ms}ms");
            keys["healthcheck"] = serde_json::json!({
                "test": health.test, "interval": time(health.interval_ms), "timeout": time(health.timeout_ms),
                "retries": health.retries, "start_period": time(health.start_period_ms),
            });
        }
        (service.name.clone(), keys)
    };
    let services: serde_json::Map<_, _> = stack.services.iter().map(service).collect();
    serde_json::json!({ "services": services }).to_string()
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
        let known = ["image", "command", "entrypoint", "environment", "ports", "depends_on", "healthcheck", "read_only",
            "tmpfs", "cap_add", "mem_limit", "deploy", "restart"];
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
