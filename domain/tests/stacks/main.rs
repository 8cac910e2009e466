//! Stack files: what is read, and what is refused by name and line.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expected"
)]

mod forbidden;
mod keys;
mod launched;
mod properties;

use domain::Problem;
use domain::problem::{Fault, Noun};
use domain::stack::{Dependency, HealthCheck, MOST_BYTES, MemoryFolder, Stack, StackImage};

fn refusal(compose: &str) -> (u64, String, Fault) {
    match Stack::parse(compose) {
        Err(Problem::Stack { line, key, why }) => (line, key, why),
        other => panic!("not refused: {other:?}\n{compose}"),
    }
}

fn read(compose: &str) -> Stack {
    Stack::parse(compose).unwrap_or_else(|problem| panic!("{problem}\n{compose}"))
}

/// A service `web` with one more line.
fn web(line: &str) -> String {
    format!("services:\n  web:\n    image: registry.test:5000/team/web:dev\n    {line}\n")
}

const SHOP: &str = r#"
x-base: &base
  read_only: true
  tmpfs: [/tmp, /run]
services:
  web:
    <<: *base
    image: ${BUILD_WEB}
    command: serve --port 80 --title "a $$5 shop"
    environment:
      DATABASE: postgres://db/shop
      PRICE: 1.10
      DEBUG: false
      EMPTY: ""
    ports:
      - "80"
      - 8080/tcp
      - target: 9090
    depends_on:
      db: { condition: service_healthy }
      worker: { condition: service_started }
    healthcheck:
      test: wget -q -O- http://localhost/ || exit 1
      interval: 1m30s
      timeout: 500ms
      retries: 5
      start_period: 2s
    cap_add: [CAP_CHOWN, setuid]
    deploy: { resources: { limits: { memory: 1g } } }
    restart: "no"
  worker:
    image: ${BUILD_BACK_OFFICE}
    entrypoint: ["/bin/sh", "-c", "work"]
    environment: [A=1, "B=x=y"]
    depends_on: [db]
    mem_limit: 64m
  db:
    image: registry.test:5000/library/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    healthcheck: { test: [CMD, pg_isready] }
"#;

#[test]
fn a_placeholder_in_a_file_that_has_no_keys_is_refused_with_a_place_too() {
    let (line, key, _) = refusal("a text\n  and ${NO_END");
    assert_eq!((line, key.as_str()), (1, "the file"));
}

#[test]
fn a_whole_file_is_read_as_it_was_meant() {
    let stack = read(SHOP);
    let names: Vec<&str> = stack.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["db", "worker", "web"], "each after what it waits for");
    assert_eq!(stack.apps(), ["back-office", "web"]);
    let web = &stack.services[2];
    assert_eq!(web.command, ["serve", "--port", "80", "--title", "a $5 shop"]);
    assert_eq!(web.environment["PRICE"], "1.10", "as it was written, not as a number");
    assert_eq!((web.environment["DEBUG"].as_str(), web.environment["EMPTY"].as_str()), ("false", ""));
    assert_eq!(web.ports, [80, 8080, 9090]);
    assert_eq!((web.read_only, web.memory_mib), (true, 1024));
    let folder = |folder: &str| MemoryFolder { folder: folder.to_owned(), ..MemoryFolder::default() };
    assert_eq!(web.tmpfs, [folder("/tmp"), folder("/run")]);
    assert_eq!(web.cap_add, ["CHOWN", "SETUID"]);
    let waits = |service: &str, healthy| Dependency { service: service.to_owned(), healthy, completed: false };
    assert_eq!(web.depends_on, [waits("db", true), waits("worker", false)]);
    let health = web.health.clone().expect("a health check");
    assert_eq!(health.test, ["CMD-SHELL", "wget -q -O- http://localhost/ || exit 1"]);
    assert_eq!((health.interval_ms, health.timeout_ms, health.retries, health.start_period_ms), (90_000, 500, 5, 2000));
    let worker = &stack.services[1];
    assert_eq!(worker.entrypoint, ["/bin/sh", "-c", "work"]);
    assert_eq!((worker.environment["B"].as_str(), worker.memory_mib, worker.read_only), ("x=y", 64, false));
    let StackImage::Fixed { image, reference } = &stack.services[0].image else { panic!("{stack:?}") };
    assert_eq!(image.to_string(), "registry.test:5000/library/postgres");
    assert!(reference.starts_with("sha256:aaaa"));
    assert_eq!(stack.services[0].health.as_ref().expect("one").test, ["CMD", "pg_isready"]);
}

#[test]
fn what_stands_beside_the_services_is_refused_by_name_and_line() {
    for key in ["secrets", "configs", "include", "models", "extends", "service"] {
        let compose =
            format!("{}{key}:\n  data:\n    driver_opts: {{ type: none, o: bind, device: / }}\n", web("read_only: true"));
        let (line, name, _) = refusal(&compose);
        assert_eq!((line, name.as_str()), (5, key));
    }
    let (line, key, why) = refusal("version: '3'\nname: shop\n");
    assert_eq!((line, key.as_str(), why), (1, "services", Fault::Missing));
}

#[test]
fn a_merge_or_an_alias_smuggles_nothing_in() {
    let merged = "x-base: &base\n  privileged: true\nservices:\n  web:\n    <<: *base\n    image: ${BUILD_WEB}\n";
    let (line, key, _) = refusal(merged);
    assert_eq!((line, key.as_str()), (2, "services.web.privileged"), "at the line where it was written");
    let nested = "x-a: &a\n  pid: host\nx-b: &b\n  <<: [*a]\nservices:\n  web:\n    image: ${BUILD_WEB}\n    <<: *b\n";
    assert_eq!(refusal(nested).1, "services.web.pid");
    let service = "x-a: &a\n  image: ${BUILD_WEB}\n  ipc: host\nservices:\n  web: *a\n";
    assert_eq!(refusal(service).1, "services.web.ipc");
    let odd = refusal("services:\n  web:\n    <<: 3\n    image: ${BUILD_WEB}\n");
    assert_eq!((odd.0, odd.1.as_str()), (3, "<<"));
    let own = read("x-a: &a { read_only: true, image: '${BUILD_A}' }\nservices:\n  web:\n    <<: *a\n    image: ${BUILD_WEB}\n");
    assert_eq!((own.apps(), own.services[0].read_only), (vec!["web"], true), "what is written wins over what is merged");
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    for (compose, line, key) in [
        ("services:\n  web:\n    image: ${BUILD_WEB}\n    image: ${BUILD_WEB}\n", 4, "services.web.image"),
        ("services:\n  web:\n    image: ${BUILD_WEB}\n  web:\n    image: ${BUILD_WEB}\n", 4, "services.web"),
        ("services: {}\nservices: {}\n", 2, "services"),
        ("services:\n  web:\n    image: ${BUILD_WEB}\n    environment: [A=1, A=2]\n", 4, "services.web.environment"),
        ("services:\n  web:\n    image: ${BUILD_WEB}\n    ports: [80, 80/tcp]\n", 4, "services.web.ports"),
        (
            "services:\n  web:\n    image: ${BUILD_WEB}\n    mem_limit: 64m\n    deploy: {resources: {limits: {memory: 1g}}}\n",
            5,
            "services.web.deploy.resources.limits.memory",
        ),
    ] {
        assert_eq!(refusal(compose), (line, key.to_owned(), Fault::Twice), "{compose}");
    }
}

#[test]
fn an_image_is_named_whole() {
    for (image, why) in [
        ("postgres:15", Fault::BadImage),
        ("library/postgres:15", Fault::BadImage),
        ("../../etc/passwd", Fault::BadImage),
        ("registry.test/web:", Fault::BadTag),
        ("registry.test/web@sha256:abc", Fault::BadDigest),
        ("registry.test/web:dev@sha256:abc", Fault::BadDigest),
    ] {
        let (line, _, found) = refusal(&format!("services:\n  web:\n    image: '{image}'\n"));
        assert_eq!((line, found), (3, why), "{image}");
    }
    let untagged = refusal("services:\n  web:\n    image: registry.test/web\n");
    assert!(matches!(untagged.2, Fault::Refused { .. }));
    assert_eq!(refusal("services:\n  web: {}\n").1, "services.web.image");
    assert_eq!(refusal("services:\n  web:\n").2, Fault::Missing);
}

#[test]
fn a_placeholder_of_an_unknown_app_is_refused() {
    let unknown = Stack::parse_for("services:\n  web:\n    image: ${BUILD_SHOP}\n", |app| app == "web");
    let why = Fault::Unknown { what: Noun::App, name: "shop".to_owned() };
    assert_eq!(unknown, Err(Problem::Stack { line: 3, key: "services.web.image".to_owned(), why }));
}

#[test]
fn services_that_wait_in_a_circle_or_for_nobody_are_refused() {
    let service = |name: &str, waits: &str| format!("  {name}:\n    image: ${{BUILD_WEB}}\n    depends_on: [{waits}]\n");
    let circle = format!("services:\n{}{}{}", service("a", "b"), service("b", "c"), service("c", "b"));
    let (line, key, why) = refusal(&circle);
    assert_eq!((line, key.as_str()), (10, "services.c.depends_on"));
    assert!(why.to_string().contains("circle: b, c, b"), "{why}");
    let own = refusal(&format!("services:\n{}", service("a", "a")));
    assert!(own.2.to_string().contains("circle: a, a"), "{}", own.2);
    let (line, key, why) = refusal(&web("depends_on:\n      db: { condition: service_healthy }"));
    let unknown = Fault::Unknown { what: Noun::Service, name: "db".to_owned() };
    assert_eq!((line, key.as_str(), why), (5, "services.web.depends_on.db", unknown));
    let (_, _, why) = refusal(&web("depends_on:\n      db: { condition: service_gone }"));
    assert!(matches!(why, Fault::NotOneOf { .. }));
    let never = "services:\n  web:\n    image: ${BUILD_WEB}\n    depends_on:\n      db: {condition: service_healthy}\n  db:\n    image: ${BUILD_DB}\n    healthcheck: {disable: true}\n";
    let (line, _, why) = refusal(never);
    assert!(line == 5 && why.to_string().contains("no health check"), "{line} {why}");
}

#[test]
fn health_checks_are_read_in_every_form_and_bounded() {
    let check = |text: &str| read(&web(&format!("healthcheck: {text}"))).services[0].health.clone().expect("one");
    let shell = |text: &str| vec!["CMD-SHELL".to_owned(), text.to_owned()];
    assert_eq!(check("{ test: exit 0 }"), HealthCheck { test: shell("exit 0"), ..HealthCheck::default() });
    assert_eq!(check("{ test: [CMD-SHELL, exit 0] }").test, shell("exit 0"));
    assert_eq!(check("{ test: [CMD, a, b] }").test, ["CMD", "a", "b"]);
    assert_eq!(check("{ test: [NONE] }").test, ["NONE"]);
    assert_eq!(check("{ disable: true }").test, ["NONE"]);
    for (bad, key) in [
        ("{ test: [a] }", "healthcheck.test"),
        ("{ test: [CMD] }", "healthcheck.test"),
        ("{ test: '' }", "healthcheck.test"),
        ("{ interval: 1s }", "healthcheck.test"),
        ("{ test: a, disable: true }", "healthcheck"),
        ("{ test: a, interval: 1ms }", "healthcheck.interval"),
        ("{ test: a, interval: 90 }", "healthcheck.interval"),
        ("{ test: a, timeout: 2h }", "healthcheck.timeout"),
        ("{ test: a, timeout: 99999999999999999999h }", "healthcheck.timeout"),
        ("{ test: a, retries: 0 }", "healthcheck.retries"),
        ("{ test: a, start_interval: 1ms }", "healthcheck.start_interval"),
        ("{ test: a, command: b }", "healthcheck.command"),
    ] {
        assert_eq!(refusal(&web(&format!("healthcheck: {bad}"))).1, format!("services.web.{key}"), "{bad}");
    }
}

#[test]
fn values_of_the_wrong_form_are_refused_at_their_line() {
    for line in [
        "command: []",
        "command: ''",
        "command:",
        "command: { a: b }",
        "command: 'a \"b'",
        "environment: 3",
        "environment: { A: [1] }",
        "environment: { A: }",
        "environment: [A]",
        "environment: ['1A=x']",
        "environment: { \"A B\": x }",
        "ports: 80",
        "ports: [0]",
        "ports: [65536]",
        "ports: [+80]",
        "ports: [{}]",
        "read_only: yes",
        "read_only: 'true'",
        "cap_add: CHOWN",
        "depends_on: db",
        "tmpfs: tmp",
        "mem_limit: lots",
        "environment: { A: \"\\0\" }",
    ] {
        let (at, key, _) = refusal(&web(line));
        assert!(at == 4 && key.starts_with("services.web."), "{line}: {at} {key}");
    }
    for (compose, line) in [
        ("services: [", 1),
        ("services:\n  web: {\n", 2),
        ("a: b: c", 1),
        ("\tservices: {}", 1),
        ("- a", 1),
        ("hello", 1),
        ("", 1),
        ("# nothing\n", 1),
    ] {
        assert!(refusal(compose).0 >= line, "{compose}");
    }
    let two = format!("{}---\n{}", web("read_only: true"), web("privileged: true"));
    assert_eq!(refusal(&two).0, 5, "a second document");
    assert_eq!(refusal("services: !reset {}\n").1, "services", "a tag");
    assert_eq!(refusal("services:\n  '[a]': {image: a.b/c:d}\n").2, Fault::BadName);
    assert_eq!(refusal("services:\n  [a]: {image: a.b/c:d}\n").1, "services", "a key that is no word");
}

#[test]
fn bombs_of_aliases_and_of_depth_are_refused_quickly() {
    let mut laughs = "x-0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for n in 1..20 {
        let before = vec![format!("*a{}", n - 1); 9].join(", ");
        laughs.push_str(&format!("x-{n}: &a{n} [{before}]\n"));
    }
    assert_eq!(refusal(&laughs).2, Fault::Refused { reason: "more than 20000 values".to_owned() });
    let mut chain = "x-0: &a0 [x]\n".to_owned();
    for n in 1..100 {
        chain.push_str(&format!("x-{n}: &a{n} [*a{}]\n", n - 1));
    }
    assert_eq!(refusal(&chain).2, Fault::Refused { reason: "nested too deeply".to_owned() });
    for deep in ["[".repeat(100_000), "a: {".repeat(50_000), "- ".repeat(100_000), format!("services: {}", "[".repeat(40))] {
        refusal(&deep);
    }
    refusal("x-a: &a [*a]\nservices: {}\n");
    refusal(&format!("services:\n{}", "  a: &b {}\n".repeat(20_000)));
    let (_, _, why) = refusal(&" ".repeat(MOST_BYTES + 1));
    assert_eq!(why, Fault::TooBig { most: MOST_BYTES as u64 });
    let many: String = (0..51).map(|n| format!("  s{n}: {{image: '${{BUILD_WEB}}'}}\n")).collect();
    assert!(refusal(&format!("services:\n{many}")).2.to_string().contains("more than 50 services"));
}
