//! Engines that are not on this machine's socket: over TLS, over ssh, and away.

use crate::common::eventually;
use crate::environments::bench::Bench;
use crate::lab::Lab;
use app::view::{EngineView, LaunchInput};
use domain::engine::EngineState;
use domain::lease::EnvironmentState;
use domain::problem::Noun;
use domain::{Actor, Problem};
use server::usecases::environments::launch_environment;
use server::usecases::{engines, secrets, settings};
use std::time::{Duration, Instant};

const ALONE: &str =
    "[[stacks]]\nname = \"alone\"\ncompose = \"services: { web: { image: '${BUILD_WEB}', tmpfs: [/tmp], read_only: true } }\"\n";

/// A key of the lab's, as text.
fn key(lab: &Lab, name: &str) -> String {
    std::fs::read_to_string(lab.keys().join(name)).expect("scripts/lab up made it")
}

fn tls(lab: &Lab, ca: &str, cert: &str) -> String {
    let (address, port) = (lab.address("test"), lab.tls_port());
    let (ca, cert) = (key(lab, ca), key(lab, cert));
    format!(
        "[[engines]]\nname = \"test\"\nurl = \"tcp://{address}:{port}\"\naddress = \"{address}\"\nca = '''\n{ca}'''\ncert = '''\n{cert}'''\nkey_secret = \"engine-key\"\n"
    )
}

fn ssh(lab: &Lab, known_hosts: &str) -> String {
    let (address, door, socket) = (lab.address("test"), lab.ssh(), lab.socket("test").display().to_string());
    format!(
        "[[engines]]\nname = \"test\"\nurl = \"ssh://{door}{socket}\"\naddress = \"{address}\"\nssh_key_secret = \"engine-key\"\nssh_known_hosts = '''\n{known_hosts}'''\n"
    )
}

async fn opened_with(bench: &Bench, name: &str) {
    secrets::set(&bench.app.ctx, &Actor::Slipway, "engine-key", &key(bench.lab, name)).await.expect("set");
}

async fn greet(bench: &Bench) -> Result<(), Problem> {
    bench.app.ctx.host("test").await?.greet().await
}

async fn seen(bench: &Bench) -> EngineView {
    engines::engines(&bench.app.ctx, &bench.tess).await.expect("listed").remove(0)
}

async fn an_environment_comes_and_goes(bench: &Bench) {
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "alone").await;
    bench.until(&id, EnvironmentState::Running).await;
    let lines = server::usecases::environments::log_tail(&bench.app.ctx, &bench.tess, &id, "web", 10).await;
    assert!(lines.is_ok(), "{lines:?}");
    bench.stop(&id).await;
}

#[tokio::test]
async fn an_engine_over_tls_is_used_when_both_believe_each_other_and_not_else() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    bench.app.apply(&tls(bench.lab, "ca.pem", "client.pem")).await;
    assert_eq!(greet(&bench).await, Err(Problem::SecretMissing { name: "engine-key".to_owned() }));
    opened_with(&bench, "client-key.pem").await;
    greet(&bench).await.expect("they believe each other");
    bench.begin_work();
    an_environment_comes_and_goes(&bench).await;

    let refused = |answer: Result<(), Problem>, word: &str| match answer {
        Err(problem @ Problem::EngineRefused { .. }) => assert!(problem.to_string().contains(word), "{problem}"),
        other => panic!("{word}: {other:?}"),
    };
    opened_with(&bench, "stranger-key.pem").await;
    refused(greet(&bench).await, "do not fit together");
    bench.app.apply(&tls(bench.lab, "ca.pem", "stranger.pem")).await;
    refused(greet(&bench).await, "does not believe the certificate that Slipway shows");
    opened_with(&bench, "client-key.pem").await;
    bench.app.apply(&tls(bench.lab, "stranger-ca.pem", "client.pem")).await;
    refused(greet(&bench).await, "its certificate is not believed");
    let whole = tls(bench.lab, "ca.pem", "client.pem");
    bench.app.apply(&whole.lines().filter(|line| !line.contains("key_secret")).take(4).collect::<Vec<_>>().join("\n")).await;
    assert!(greet(&bench).await.is_err(), "without TLS it is not spoken to either");
    bench.app.apply(&whole).await;
    greet(&bench).await.expect("a client is made anew for what is configured now");
    let lines = settings::check(&bench.app.ctx, &Actor::Slipway).await.expect("looked");
    let line = lines.into_iter().find(|line| line.subject == "engine test").expect("a line");
    assert!(line.found.as_ref().is_ok_and(|found| !found.contains("not encrypted")), "{line:?}");
    let said = format!("{:?}", bench.app.ctx.engines_seen);
    assert!(!said.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn an_engine_over_ssh_is_used_when_its_host_key_is_known_and_not_else() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    let known = key(bench.lab, "known_hosts");
    bench.app.apply(&ssh(bench.lab, &known)).await;
    opened_with(&bench, "ssh-user").await;
    greet(&bench).await.expect("they believe each other");
    bench.begin_work();
    an_environment_comes_and_goes(&bench).await;

    opened_with(&bench, "ssh-stranger").await;
    let refused = greet(&bench).await.expect_err("another key");
    assert!(refused.to_string().contains("does not accept the private key"), "{refused}");
    opened_with(&bench, "ssh-user").await;
    greet(&bench).await.expect("the session is opened anew with what the secret holds now");
    let name = known.split_whitespace().next().expect("a host");
    let other = key(bench.lab, "ssh-stranger.pub");
    bench.app.apply(&ssh(bench.lab, &format!("{name} {other}"))).await;
    let refused = greet(&bench).await.expect_err("another host key");
    assert!(refused.to_string().contains("host key is none of ssh_known_hosts"), "{refused}");
}

#[tokio::test]
async fn an_engine_that_is_killed_is_away_within_five_seconds_and_what_was_launched_goes_on_after_its_return() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    let lab = bench.lab;
    bench.begin_work();
    bench.app.ctx.work.tasks.spawn(engines::watch(bench.app.ctx.clone()));
    let state = |wanted: EngineState| {
        let bench = &bench;
        move || async move { Some(seen(bench).await).filter(|view| view.state == wanted) }
    };
    let view = eventually("it is there", state(EngineState::Here)).await;
    assert!(view.version.as_deref().is_some_and(|version| version.starts_with("20.10") || version.contains('.')), "{view:?}");
    let build = bench.listed("web", "dev").await;
    let running = bench.launch(&build, "alone").await;
    bench.until(&running, EnvironmentState::Running).await;

    let waiting = bench.launch(&build, "alone").await;
    tokio::task::spawn_blocking(move || lab.run(&["engine", "stop", "test"])).await.expect("killed");
    let killed = Instant::now();
    let view = eventually("it is missed", state(EngineState::Away)).await;
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    assert_eq!(view.problem, Some(Problem::Unreachable { what: Noun::Engine, name: "test".to_owned() }));
    assert!(bench.look(&running).await.row.engine_away_since.is_some(), "the environment says so too");
    let input = LaunchInput { stack: Some("alone".to_owned()), ..LaunchInput::of(build.clone()) };
    let refused = launch_environment(&bench.app.ctx, &bench.tess, input).await;
    assert_eq!(refused, Err(Problem::Unreachable { what: Noun::Engine, name: "test".to_owned() }), "nothing is begun there");
    assert_ne!(bench.look(&waiting).await.row.state, EnvironmentState::Failed, "it waits");

    tokio::task::spawn_blocking(move || lab.run(&["engine", "start", "test"])).await.expect("started");
    let back = Instant::now();
    eventually("it is back", state(EngineState::Here)).await;
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
    assert_eq!(bench.look(&running).await.row.engine_away_since, None);
    // The engine ended what ran on it: that is seen, and told.
    let failed = bench.until(&running, EnvironmentState::Failed).await;
    assert!(failed.failure.is_some());
    let ended = || async {
        let view = bench.look(&waiting).await;
        matches!(view.row.state, EnvironmentState::Running | EnvironmentState::Failed).then_some(view.row.state)
    };
    eventually("the launch came to an end", ended).await;
    for id in [&running, &waiting] {
        server::usecases::environments::stop_environment(&bench.app.ctx, &bench.tess, id).await.expect("stopped");
    }
    for id in [&running, &waiting] {
        bench.until(id, EnvironmentState::Stopped).await;
    }
    assert_eq!(bench.on_engine().await, (0, 0), "nothing is left");
}
