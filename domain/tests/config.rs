//! Configurations: what is taken in, what changes, and what does not fit together.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says what it expected")]

use domain::Problem;
use domain::config::{Config, valid_name};
use domain::problem::{Fault, Noun};
use proptest::prelude::*;
use serde_json::{Value, json};

fn config(value: Value) -> Config {
    serde_json::from_value(value).expect("a configuration")
}

/// Two apps, a stack, an engine and a region that fit together.
fn whole() -> Value {
    json!({
        "registries": [{ "host": "registry.test:5000", "insecure": true }],
        "apps": [
            {
                "name": "web", "image": "registry.test:5000/team/web", "git": "https://git.test/team/web",
                "port_label": 80, "stack": "shop",
                "channels": [{ "name": "dev", "kind": "branch", "tags": "dev", "launch": { "lease_hours": 8, "preset": "hangzhou", "check": "web" } }, { "name": "release-v*", "kind": "release", "tags": "release-v*", "draft": { "to": ["hangzhou"], "start": true } }],
                "checklist": [{ "id": "login", "text": "Sign in and out" }, { "id": "share", "text": "在手机上分享" }],
                "service": { "port": 80, "health": ["/health"], "env": { "MODE": "live", "spring.profiles-x": "a" }, "soak_seconds": 3, "secrets": ["db-password", "token"] },
            },
            { "name": "worker", "image": "registry.test:5000/team/worker" },
        ],
        "stacks": [{ "name": "shop", "compose": "services:\n  web:\n    image: ${BUILD_WEB}\n" }],
        "engines": [{ "name": "test", "url": "unix:///run/docker.sock", "address": "localhost" }],
        "regions": [{
            "name": "hangzhou", "url": "tcp://[fd00::1]:2375", "address": "10.0.0.1", "time_zone": "Asia/Shanghai",
            "title_en": "Hangzhou", "title_zh": "杭州", "registry": "mirror.test", "replicas": 2, "env": { "LANG": "zh" },
            "replicas_of": { "worker": 4 },
        }],
        "plans": [
            { "name": "flood", "title": "Ten times the traffic", "app": "web", "regions": ["hangzhou"], "scale": 12 },
            { "name": "quiet", "title": "Without recommendations", "app": "web", "regions": ["hangzhou"], "set": { "LIMIT": "1" } },
            { "name": "before", "title": "The last one of summer", "app": "web", "regions": ["hangzhou"], "switch": "release-v5.12.05.02" },
        ],
    })
}

/// The whole with the value at `pointer` put or replaced.
fn with(pointer: &str, value: Value) -> Config {
    let mut whole = whole();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    whole.pointer_mut(parent).expect("the place is there")[key] = value;
    config(whole)
}

#[test]
fn a_configuration_that_fits_together_is_taken() {
    assert_eq!(config(whole()).check(), Ok(()));
    assert_eq!(Config::default().check(), Ok(()));
}

fn refused(pointer: &str, value: &Value, place: &str) {
    match with(pointer, value.clone()).check() {
        Err(Problem::Config { place: found, .. }) => assert_eq!(found, place, "{pointer} = {value}"),
        other => panic!("{pointer} = {value}: {other:?}"),
    }
}

#[test]
fn each_thing_that_does_not_fit_is_refused_at_its_place() {
    let web = "/apps/0";
    for (pointer, value, place) in [
        ("/registries/0/host", json!("registry.test/x"), "registries.registry.test/x"),
        (&format!("{web}/name"), json!("Web"), "apps.Web"),
        (&format!("{web}/name"), json!("<script>"), "apps.<script>"),
        (&format!("{web}/name"), json!("worker"), "apps.worker"),
        (&format!("{web}/image"), json!("registry.test:5000/team/worker"), "apps.worker.image"),
        (&format!("{web}/git"), json!("https://git.test/a b"), "apps.web.git"),
        (&format!("{web}/port_label"), json!(null), "apps.web.port_label"),
        (&format!("{web}/port_label"), json!(655), "apps.web.port_label"),
        (&format!("{web}/stack"), json!("other"), "apps.web.stack"),
        ("/apps/1/stack", json!("shop"), "apps.worker.stack"),
        (&format!("{web}/channels/0/name"), json!("release-v*"), "apps.web.channels.release-v*"),
        (&format!("{web}/channels/0/name"), json!("a/b"), "apps.web.channels.a/b"),
        (&format!("{web}/channels/0/tags"), json!("d*v"), "apps.web.channels.dev.tags"),
        (&format!("{web}/channels/0/launch"), json!({ "lease_hours": 73 }), "apps.web.channels.dev.launch.lease_hours"),
        (&format!("{web}/channels/0/launch"), json!({ "stack": "other" }), "apps.web.channels.dev.launch.stack"),
        (&format!("{web}/channels/0/launch"), json!({ "preset": "paris" }), "apps.web.channels.dev.launch.preset"),
        (&format!("{web}/channels/0/launch"), json!({ "engine": "big" }), "apps.web.channels.dev.launch.engine"),
        (&format!("{web}/channels/0/launch"), json!({ "check": "test" }), "apps.web.channels.dev.launch.check"),
        (&format!("{web}/channels/0/launch"), json!({ "stop": true }), "apps.web.channels.dev.launch.stop"),
        (&format!("{web}/channels/0/draft"), json!({ "to": ["hangzhou"] }), "apps.web.channels.dev.draft.to"),
        (&format!("{web}/channels/1/draft"), json!({ "to": [] }), "apps.web.channels.release-v*.draft.to"),
        (&format!("{web}/channels/1/draft"), json!({ "to": ["paris"] }), "apps.web.channels.release-v*.draft.to"),
        (&format!("{web}/channels/1/draft"), json!({ "to": ["hangzhou", "hangzhou"] }), "apps.web.channels.release-v*.draft.to"),
        (
            &format!("{web}/channels/1/draft"),
            json!({ "to": ["hangzhou"], "waves": [{ "from": "hangzhou" }] }),
            "apps.web.channels.release-v*.draft.waves",
        ),
        (&format!("{web}/checklist/1/id"), json!("login"), "apps.web.checklist.login"),
        (&format!("{web}/checklist/0/id"), json!("Log in"), "apps.web.checklist.Log in"),
        (&format!("{web}/checklist/0/text"), json!(" "), "apps.web.checklist.login"),
        ("/stacks/0/name", json!("2nd"), "stacks.2nd"),
        ("/engines/0/url", json!("http://10.0.0.1:2375"), "engines.test.url"),
        ("/engines/0/url", json!("tcp://10.0.0.1"), "engines.test.url"),
        ("/engines/0/address", json!("localhost:80"), "engines.test.address"),
        ("/outgoing", json!({ "allow": ["10.0.0.0/8", "everything"] }), "outgoing.allow.everything"),
        ("/outgoing", json!({ "allow": ["0.0.0.0/0"] }), "outgoing.allow.0.0.0.0/0"),
        ("/outgoing", json!({ "ca": "-----BEGIN PRIVATE KEY-----" }), "outgoing.ca"),
        ("/proxy", json!({ "scheme": "https" }), "proxy.domain"),
        ("/proxy", json!({ "domain": "*.env.test" }), "proxy.domain"),
        ("/proxy", json!({ "domain": "Env.test" }), "proxy.domain"),
        ("/proxy", json!({ "domain": "env.test:3000" }), "proxy.domain"),
        ("/proxy", json!({ "domain": "10.0.0.1" }), "proxy.domain"),
        ("/proxy", json!({ "domain": "[fd00::1]" }), "proxy.domain"),
        ("/proxy", json!({ "domain": "env.test", "scheme": "ftp" }), "proxy.scheme"),
        ("/proxy", json!({ "domain": "env.test", "port": 0 }), "proxy.port"),
    ] {
        refused(pointer, &value, place);
    }
}

#[test]
fn nothing_that_does_not_fit_in_production_is_taken() {
    let web = "/apps/0";
    for (pointer, value, place) in [
        ("/regions/0/url", json!("unix://"), "regions.hangzhou.url"),
        ("/regions/0/time_zone", json!("Asia/Shang hai"), "regions.hangzhou.time_zone"),
        ("/regions/0/title_zh", json!("杭".repeat(61)), "regions.hangzhou.title_zh"),
        ("/regions/0/registry", json!("mirror"), "regions.hangzhou.registry"),
        ("/regions/0/replicas", json!(0), "regions.hangzhou.replicas"),
        ("/regions/0/replicas_of", json!({ "worker": 101 }), "regions.hangzhou.replicas_of.worker"),
        ("/regions/0/replicas_of", json!({ "gone": 1 }), "regions.hangzhou.replicas_of.gone"),
        ("/plans/0/name", json!("quiet"), "plans.quiet"),
        ("/plans/0/title", json!(""), "plans.flood.title"),
        ("/plans/0/app", json!("gone"), "plans.flood.app"),
        ("/plans/0/regions", json!([]), "plans.flood.regions"),
        ("/plans/0/regions", json!(["hangzhou", "hangzhou"]), "plans.flood.regions"),
        ("/plans/0/regions", json!(["nowhere"]), "plans.flood.regions"),
        ("/plans/0/scale", json!(0), "plans.flood.scale"),
        ("/plans/0/scale", json!(null), "plans.flood.scale"),
        ("/plans/0/set", json!({ "A": "b" }), "plans.flood.scale"),
        ("/plans/1/set", json!({ "1": "b" }), "plans.quiet.set.1"),
        ("/plans/2/switch", json!("no such tag"), "plans.before.switch"),
        ("/regions/0/env", json!({ "A": "x".repeat(33_000) }), "regions.hangzhou.env.A"),
        (&format!("{web}/service/port"), json!(0), "apps.web.service.port"),
        (&format!("{web}/service/memory_mib"), json!(1), "apps.web.service.memory_mib"),
        (&format!("{web}/service/soak_seconds"), json!(300), "apps.web.service.deadline_seconds"),
        (&format!("{web}/service/deadline_seconds"), json!(5), "apps.web.service.deadline_seconds"),
        (&format!("{web}/service/update"), json!({ "parallelism": 0 }), "apps.web.service.update.parallelism"),
        (&format!("{web}/service/update"), json!({ "delay_seconds": 3601 }), "apps.web.service.update.delay_seconds"),
        (&format!("{web}/service/update"), json!({ "monitor_seconds": 0 }), "apps.web.service.update.monitor_seconds"),
        (&format!("{web}/service/update"), json!({ "order": "start-first" }), "apps.web.service.update.order"),
        (&format!("{web}/service/health"), json!([""]), "apps.web.service.health"),
        (&format!("{web}/service/command"), json!(["a\0"]), "apps.web.service.command"),
        (&format!("{web}/service/env"), json!({ "A=B": "" }), "apps.web.service.env.A=B"),
        (&format!("{web}/service/secrets"), json!(["../shadow"]), "apps.web.service.secrets.../shadow"),
        (&format!("{web}/service/secrets"), json!(["token", "token"]), "apps.web.service.secrets.token"),
        (&format!("{web}/service/secrets"), json!(vec!["token"; 51]), "apps.web.service.secrets"),
    ] {
        refused(pointer, &value, place);
    }
}

#[test]
fn an_engine_is_given_what_opens_it_and_nothing_in_vain() {
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    const KNOWN: &str = "far.lan ssh-ed25519 AAAA";
    let engine = |url: &str, more: Value| {
        let mut engine = json!({ "name": "far", "url": url, "address": "far.lan" });
        engine.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        match config(json!({ "engines": [engine] })).check() {
            Ok(()) => String::new(),
            Err(Problem::Config { place, .. }) => place.replace("engines.far.", ""),
            Err(other) => panic!("{other:?}"),
        }
    };
    let (tcp, ssh) = ("tcp://far.lan:2376", "ssh://ops@far.lan");
    for (url, more, place) in [
        (tcp, json!({}), ""),
        (tcp, json!({ "ca": PEM }), ""),
        (tcp, json!({ "ca": PEM, "cert": PEM, "key_secret": "k" }), ""),
        (tcp, json!({ "ca": "PEM" }), "ca"),
        (tcp, json!({ "cert": PEM, "key_secret": "k" }), "ca"),
        (tcp, json!({ "ca": PEM, "cert": PEM }), "key_secret"),
        (tcp, json!({ "ca": PEM, "key_secret": "k" }), "cert"),
        (tcp, json!({ "ca": PEM, "cert": PEM, "key_secret": "K" }), "key_secret"),
        (tcp, json!({ "ssh_known_hosts": KNOWN }), "ssh_known_hosts"),
        (ssh, json!({ "ssh_key_secret": "k", "ssh_known_hosts": KNOWN }), ""),
        (ssh, json!({ "ssh_key_secret": "k", "ssh_known_hosts": "other.lan ssh-ed25519 AAAA" }), "ssh_known_hosts"),
        (ssh, json!({ "ssh_key_secret": "k" }), "ssh_known_hosts"),
        (ssh, json!({ "ssh_known_hosts": KNOWN }), "ssh_key_secret"),
        (ssh, json!({ "ssh_key_secret": "k", "ssh_known_hosts": KNOWN, "ca": PEM }), "ca"),
        ("unix:///run/docker.sock", json!({ "key_secret": "k" }), "key_secret"),
        ("ssh://far.lan", json!({ "ssh_key_secret": "k", "ssh_known_hosts": KNOWN }), "url"),
    ] {
        assert_eq!(engine(url, more.clone()), place, "{url} {more}");
    }
}

#[test]
fn a_stack_that_cannot_be_read_is_refused_with_its_name_and_line() {
    let compose = |text: &str| with("/stacks/0/compose", json!(text)).check();
    let stack = |line, key: &str, why| Err(Problem::Stack { line, key: key.to_owned(), why });
    let shop = Fault::Unknown { what: Noun::App, name: "shop".to_owned() };
    assert_eq!(compose("services:\n  web:\n    image: ${BUILD_SHOP}\n"), stack(3, "stacks.shop.services.web.image", shop));
    let Err(Problem::Stack { line, key, .. }) = compose("services:\n  web:\n    image: ${BUILD_WEB}\n    privileged: true\n")
    else {
        panic!("taken")
    };
    assert_eq!((line, key.as_str()), (4, "stacks.shop.services.web.privileged"));
}

#[test]
fn two_apps_cannot_have_one_production_port() {
    let mut two = whole();
    two["apps"][1]["port_label"] = json!(79);
    two["apps"][1]["service"] = json!({ "port": 180 });
    let Err(Problem::Config { place, why }) = config(two).check() else { panic!("taken") };
    assert_eq!(
        (place.as_str(), why.to_string().as_str()),
        ("apps.worker.port_label", "refused: web has production port 8080 too")
    );
}

#[test]
fn a_production_port_is_made_from_the_label() {
    let port = |label: Value, port: Value| {
        let app = json!({ "name": "a", "image": "a.b/c", "port_label": label, "service": { "port": port } });
        config(json!({ "apps": [app] })).apps[0].production_port()
    };
    assert_eq!(port(json!(80), json!(80)), Ok(Some(8080)));
    assert_eq!(port(json!(81), json!(80)), Ok(Some(8180)));
    assert_eq!(port(json!(80), json!(null)), Ok(None));
    assert_eq!(port(json!(null), json!(80)), Err(Fault::Missing));
    assert_eq!(port(json!(65_535), json!(65_535)), Err(Fault::OutOfRange { least: 1, most: 65_535 }));
}

#[test]
fn keys_that_slipway_does_not_know_are_refused() {
    for pointer in [
        "",
        "/registries/0",
        "/apps/0",
        "/apps/0/service",
        "/apps/0/channels/0",
        "/stacks/0",
        "/engines/0",
        "/regions/0",
        "/plans/0",
    ] {
        let mut value = whole();
        value.pointer_mut(pointer).expect("the place is there")["privileged"] = json!(true);
        assert!(serde_json::from_value::<Config>(value).is_err(), "{pointer}");
    }
}

#[test]
fn names_are_short_and_plain() {
    for good in ["a", "web", "us-west-2", "a-", &format!("a{}", "0".repeat(39))] {
        assert!(valid_name(good), "{good}");
    }
    for bad in ["", "-a", "2a", "A", "a_b", "a.b", "a b", "ä", "a\n", &"a".repeat(41)] {
        assert!(!valid_name(bad), "{bad:?}");
    }
}

prop_compose! {
    /// Configurations of engines, regions and apps, few enough names to meet each other.
    fn some_config()(
        engines in prop::collection::btree_map("[abc]", 1_u16..9, 0..3),
        regions in prop::collection::btree_map("[abc]", (1_u32..9, prop::collection::btree_map("[AB]", "[ -~]{0,5}", 0..2)), 0..3),
        apps in prop::collection::btree_map("[abc]", 1_u16..9, 0..3),
    ) -> Config {
        let engine = |(name, port): (&String, &u16)| json!({ "name": name, "url": format!("tcp://e:{port}"), "address": "e" });
        let region = |(name, (replicas, env)): (&String, &(u32, _))| {
            json!({ "name": name, "url": "unix:///x", "replicas": replicas, "env": env })
        };
        let app = |(name, label): (&String, &u16)| json!({ "name": name, "image": format!("r.test/{name}"), "port_label": label });
        config(json!({
            "engines": engines.iter().map(engine).collect::<Vec<_>>(),
            "regions": regions.iter().map(region).collect::<Vec<_>>(),
            "apps": apps.iter().map(app).collect::<Vec<_>>(),
        }))
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(some in some_config()) {
        let text = serde_json::to_string(&some).expect("json");
        prop_assert_eq!(serde_json::from_str::<Config>(&text).expect("the same"), some.clone());
        prop_assert_eq!(some.check(), Ok(()));
    }

    #[test]
    fn taking_the_same_in_again_changes_nothing(old in some_config(), new in some_config(), prune: bool) {
        let merged = old.merge(new.clone(), prune);
        prop_assert_eq!(merged.changes(&merged), Default::default());
        prop_assert_eq!(merged.merge(new.clone(), prune), merged.clone());
        prop_assert_eq!(merged.changes(&merged.merge(new.clone(), false)), Default::default());
    }

    #[test]
    fn nothing_is_lost_unless_it_is_pruned(old in some_config(), new in some_config()) {
        prop_assert!(old.changes(&old.merge(new.clone(), false)).removed.is_empty());
        prop_assert_eq!(old.merge(new.clone(), true), new);
    }

    #[test]
    fn the_changes_name_exactly_what_is_different(old in some_config(), new in some_config()) {
        let changes = old.changes(&new);
        for name in ["a", "b", "c"] {
            let told = |list: &[String]| list.contains(&format!("region {name}"));
            let (before, after) = (old.region(name), new.region(name));
            prop_assert_eq!(told(&changes.added), before.is_none() && after.is_some());
            prop_assert_eq!(told(&changes.removed), before.is_some() && after.is_none());
            prop_assert_eq!(told(&changes.changed), before.is_some() && after.is_some() && before != after);
        }
        let back = new.changes(&old);
        prop_assert_eq!((changes.added, changes.removed), (back.removed, back.added));
    }
}

#[test]
fn what_may_be_reached_is_kept_until_a_file_says_otherwise() {
    let inside = config(json!({ "outgoing": { "allow": ["10.0.0.0/8"] } }));
    let other = config(json!({ "outgoing": { "allow": ["127.0.0.1/32"] } }));
    assert_eq!(inside.check(), Ok(()));
    assert_eq!(inside.merge(Config::default(), false).outgoing, inside.outgoing);
    assert_eq!(inside.merge(other.clone(), false).outgoing, other.outgoing);
    assert_eq!(inside.merge(Config::default(), true), Config::default());
    assert_eq!(inside.changes(&other).to_string(), "changed outgoing");
}

#[test]
fn changes_are_told_in_one_line() {
    let (old, mut new) = (config(whole()), whole());
    new["apps"][1]["git"] = json!("https://git.test/worker");
    new["engines"] = json!([]);
    new["regions"][0]["name"] = json!("hong-kong");
    let told = old.changes(&config(new)).to_string();
    assert_eq!(told, "added region hong-kong; changed app worker; removed engine test, region hangzhou");
    assert_eq!(old.changes(&old).to_string(), "nothing new");
}

/// The whole, with targets and routes that fit.
fn told() -> Value {
    let mut whole = whole();
    whole["targets"] = json!([
        {
            "name": "ops", "kind": "dingtalk", "url_secret": "ops-robot", "sign_secret": "ops-sign", "lang": "zh",
            "mentions": { "ada": "13800000000" }, "group_seconds": 30,
            "quiet": { "from": "22:00", "until": "08:00", "time_zone": "Asia/Shanghai" },
        },
        { "name": "mail", "kind": "email", "mail": { "host": "mail.test", "from": "Slipway <slipway@mail.test>", "to": ["team@mail.test"] } },
        { "name": "hook", "kind": "webhook", "url": "https://hooks.test/in", "sign_secret": "hook-sign" },
    ]);
    whole["routes"] = json!([
        { "events": ["build_ready"], "apps": ["web", "pay-*"], "channels": ["release-v*"], "targets": ["ops", "mail"], "mention": ["ada"] },
        { "targets": ["hook"] },
    ]);
    whole
}

#[test]
fn targets_and_routes_that_do_not_fit_are_refused_at_their_place() {
    assert_eq!(config(told()).check(), Ok(()));
    for (pointer, value, place) in [
        ("/targets/0/name", json!("Ops"), "targets.Ops"),
        ("/targets/1/name", json!("ops"), "targets.ops"),
        ("/targets/0/url_secret", json!(null), "targets.ops.url_secret"),
        ("/targets/0/url_secret", json!("a b"), "targets.ops.url_secret"),
        ("/targets/0/url", json!("https://a.test"), "targets.ops.url_secret"),
        ("/targets/0/mail", json!({ "host": "m.test", "from": "a@m.test", "to": ["b@m.test"] }), "targets.ops.mail"),
        ("/targets/0/quiet/from", json!("25:00"), "targets.ops.quiet"),
        ("/targets/0/quiet/time_zone", json!("Asia/Shang hai"), "targets.ops.quiet.time_zone"),
        ("/targets/0/group_seconds", json!(3601), "targets.ops.group_seconds"),
        ("/targets/0/mentions", json!({ "a b": "1" }), "targets.ops.mentions"),
        ("/targets/1/mail", json!(null), "targets.mail.mail"),
        ("/targets/1/url", json!("https://a.test"), "targets.mail.url"),
        ("/targets/1/mail/host", json!("mail.test:25"), "targets.mail.mail.host"),
        ("/targets/1/mail/port", json!(0), "targets.mail.mail.port"),
        ("/targets/1/mail/from", json!("slipway"), "targets.mail.mail.from"),
        ("/targets/1/mail/to", json!([]), "targets.mail.mail.to"),
        ("/targets/1/mail/to", json!(["a@b.test\r\nBcc: c@d.test"]), "targets.mail.mail.to"),
        ("/targets/1/mail/user", json!("slipway"), "targets.mail.mail.password_secret"),
        ("/targets/2/url", json!("ftp://hooks.test"), "targets.hook.url"),
        ("/targets/2/url", json!("https://a b"), "targets.hook.url"),
        ("/targets/2/sign_secret", json!(null), "targets.hook.sign_secret"),
        ("/routes/0/targets", json!([]), "routes.1.targets"),
        ("/routes/0/targets", json!(["ops", "ops"]), "routes.1.targets"),
        ("/routes/1/targets", json!(["nobody"]), "routes.2.targets"),
        ("/routes/0/apps", json!(["*a"]), "routes.1.apps"),
        ("/routes/0/channels", json!(["a b"]), "routes.1.channels"),
        ("/routes/0/mention", json!([""]), "routes.1.mention"),
    ] {
        let mut told = told();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        told.pointer_mut(parent).expect("the place is there")[key] = value.clone();
        match config(told).check() {
            Err(Problem::Config { place: found, .. }) => assert_eq!(found, place, "{pointer} = {value}"),
            other => panic!("{pointer} = {value}: {other:?}"),
        }
    }
}

#[test]
fn registries_and_git_servers_that_do_not_fit_are_refused_at_their_place() {
    let outside = || {
        let mut whole = whole();
        whole["registries"] = json!([{ "host": "registry.test:5000", "user": "slipway", "password_secret": "shelf" }]);
        whole["git_hosts"] = json!([{ "host": "git.test", "provider": "gitlab", "token_secret": "git", "issues": "https://issues.test/{key}",
            "ssh_key_secret": "git-key", "ssh_known_hosts": "git.test ssh-ed25519 AAAA" }]);
        whole["intake"] = json!({ "sweep_minutes": 0 });
        whole
    };
    assert_eq!(config(outside()).check(), Ok(()));
    for (pointer, value, place) in [
        ("/registries/0/password_secret", json!(null), "registries.registry.test:5000.password_secret"),
        ("/registries/0/password_secret", json!("a b"), "registries.registry.test:5000.password_secret"),
        ("/registries/0/user", json!("a:b"), "registries.registry.test:5000.user"),
        ("/git_hosts/0/host", json!("https://git.test"), "git_hosts.https://git.test"),
        ("/git_hosts/0/token_secret", json!("../x"), "git_hosts.git.test.token_secret"),
        ("/git_hosts/0/api", json!("file:///etc"), "git_hosts.git.test.api"),
        ("/git_hosts/0/issues", json!("https://issues.test/"), "git_hosts.git.test.issues"),
        ("/git_hosts/0/issues", json!("javascript:{key}"), "git_hosts.git.test.issues"),
        ("/git_hosts/0/ssh_known_hosts", json!(null), "git_hosts.git.test.ssh_known_hosts"),
        ("/intake/sweep_minutes", json!(20_000), "intake.sweep_minutes"),
    ] {
        let mut outside = outside();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        outside.pointer_mut(parent).expect("the place is there")[key] = value.clone();
        match config(outside).check() {
            Err(Problem::Config { place: found, .. }) => assert_eq!(found, place, "{pointer} = {value}"),
            other => panic!("{pointer} = {value}: {other:?}"),
        }
    }
}
