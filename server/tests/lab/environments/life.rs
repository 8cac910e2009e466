//! What happens to environments after their launch, and to launches that something keeps from
//! coming up: on a real engine.

use super::bench::Bench;
use crate::common::eventually;
use crate::lab::Lab;
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions, RemoveImageOptions, StartContainerOptions};
use domain::id::{BuildId, EnvironmentId};
use domain::lease::{EndReason, EnvironmentState};
use domain::problem::Noun;
use domain::promotion::StepState;
use domain::{Problem, Role};
use http::StatusCode;
use server::usecases::environments::{
    freeze_environment, hand_over_environment, log_tail, logs_of_build, relaunch_environment, restart_service, stop_environment,
    thaw_environment,
};
use server::usecases::verdicts::record_verdict;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::Duration;

const PAIR: &str = r#"
[[stacks]]
name = "pair"
compose = '''
services:
  web:
    image: ${BUILD_WEB}
    read_only: true
    tmpfs: [/tmp]
    ports: ["80"]
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/health"], interval: 200ms, timeout: 2s, retries: 20 }
  worker:
    image: @REGISTRY@/demo/worker:dev
    read_only: true
    depends_on: { web: { condition: service_healthy } }
'''

[[stacks]]
name = "alone"
compose = "services: { web: { image: '${BUILD_WEB}', tmpfs: [/tmp], read_only: true, ports: ['80'] } }"
"#;

/// The lab's engine with more said about it.
async fn engine(bench: &Bench, more: &str) {
    let (socket, address) = (bench.lab.socket("test"), bench.lab.address("test"));
    let toml = format!("[[engines]]\nname = \"test\"\nurl = \"unix://{}\"\naddress = \"{address}\"\n{more}\n", socket.display());
    bench.app.apply(&toml).await;
}

async fn answers(url: &str) -> Option<()> {
    let answer = reqwest::Client::new().get(url).send().await.ok()?;
    answer.status().is_success().then_some(())
}

/// When the engine last started each service.
async fn starts(bench: &Bench, id: &EnvironmentId) -> HashMap<String, String> {
    let number = bench.look(id).await.row.number;
    let mut found = HashMap::new();
    for service in ["web", "worker"] {
        let name = format!("slw-{}-e{number}-{service}", &bench.app.ctx.instance()[..8]);
        let state = bench.docker.inspect_container(&name, None).await.expect("there").state.expect("a state");
        found.insert(service.to_owned(), state.started_at.expect("a time"));
    }
    found
}

#[tokio::test]
async fn a_frozen_environment_answers_no_more_keeps_its_logs_and_thaws_in_order() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    engine(&bench, "ports = \"31000-31099\"").await;
    bench.begin_work();
    let ctx = &bench.app.ctx;
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "pair").await;
    let url = bench.until(&id, EnvironmentState::Running).await.row.links[0].url.clone();
    eventually("it answers", || answers(&url)).await;

    freeze_environment(ctx, &bench.tess, &id).await.expect("asked");
    let view = bench.until(&id, EnvironmentState::Frozen).await;
    assert!(view.services.iter().all(|service| service.state.starts_with("exited")), "{:?}", view.services);
    assert_eq!(answers(&url).await, None);
    assert_eq!(bench.on_engine().await, (2, 1), "stopped and kept");
    assert!(log_tail(ctx, &bench.tess, &id, "worker", 10).await.expect("readable")[0].starts_with("worker"));

    thaw_environment(ctx, &bench.tess, &id).await.expect("asked");
    let view = bench.until(&id, EnvironmentState::Running).await;
    assert_eq!(view.row.links[0].url, url, "the same port");
    eventually("it answers again", || answers(&url)).await;
    let began = starts(&bench, &id).await;
    assert!(began["web"] < began["worker"], "{began:?}");

    restart_service(ctx, &bench.tess, &id, "web").await.expect("asked");
    bench.until(&id, EnvironmentState::Running).await;
    let after = starts(&bench, &id).await;
    assert!(after["web"] > began["web"] && after["worker"] == began["worker"], "one only: {after:?}");

    bench.app.clock.advance(Duration::from_secs(9 * 3600));
    ctx.work.environments.notify_one();
    let view = bench.until(&id, EnvironmentState::Stopped).await;
    assert_eq!(view.row.end_reason, Some(EndReason::LeaseEnded));
    assert_eq!(bench.on_engine().await, (0, 0));
}

#[tokio::test]
async fn who_waits_comes_up_when_the_one_before_ends_and_can_be_given_away() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    engine(&bench, "capacity = { environments = 1 }").await;
    bench.begin_work();
    let tom = bench.app.person("tom", Role::Tester).await;
    let build = bench.listed("web", "dev").await;
    let first = bench.launch(&build, "alone").await;
    bench.until(&first, EnvironmentState::Running).await;
    let second = bench.launch(&build, "alone").await;
    assert_eq!(bench.look(&second).await.row.queue.map(|place| place.position), Some(1));
    hand_over_environment(&bench.app.ctx, &bench.tess, &second, "tom").await.expect("his now");
    let verdict = app::view::VerdictInput {
        build: build.clone(),
        kind: domain::verdict::VerdictKind::Pass,
        note: String::new(),
        environment: Some(first.clone()),
    };
    record_verdict(&bench.app.ctx, &bench.tess, verdict).await.expect("recorded");
    stop_environment(&bench.app.ctx, &bench.tess, &first).await.expect("stopped");
    let view = bench.until(&second, EnvironmentState::Running).await;
    assert_eq!(view.row.holder_name, "tom");
    let kept = logs_of_build(&bench.app.ctx, &tom, &build).await.expect("seen");
    assert_eq!(kept.logs.iter().map(|log| log.service.as_str()).collect::<Vec<_>>(), ["web"], "the first one's log outlived it");
    stop_environment(&bench.app.ctx, &tom, &second).await.expect("stopped");
    bench.until(&second, EnvironmentState::Stopped).await;
    assert_eq!(bench.on_engine().await, (0, 0));
}

#[tokio::test]
async fn a_port_that_a_foreign_container_has_is_passed_over_and_said() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    engine(&bench, "ports = \"31100-31199\"").await;
    let image = format!("{}/demo/worker:dev", bench.lab.registry());
    let binding = PortBinding { host_ip: None, host_port: Some("31100".to_owned()) };
    let host_config =
        HostConfig { port_bindings: Some(HashMap::from([("9/tcp".to_owned(), Some(vec![binding]))])), ..Default::default() };
    let exposed_ports = Some(vec!["9/tcp".to_owned()]);
    let body = ContainerCreateBody { image: Some(image), host_config: Some(host_config), exposed_ports, ..Default::default() };
    let name = format!("{}-in-the-way", &bench.app.ctx.instance()[..8]);
    let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
    bench.docker.create_container(Some(options), body).await.expect("created");
    bench.docker.start_container(&name, None::<StartContainerOptions>).await.expect("started");

    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "alone").await;
    let view = bench.until(&id, EnvironmentState::Running).await;
    let url = view.row.links[0].url.clone();
    assert!(url.ends_with(":31101"), "{url}");
    eventually("it answers", || answers(&url)).await;
    let step = view.steps.iter().find(|step| step.kind == "start").expect("a step");
    assert!(step.detail.as_deref().is_some_and(|said| said.contains("31100")), "{step:?}");
    bench.stop(&id).await;
    let options = RemoveContainerOptions { force: true, ..Default::default() };
    bench.docker.remove_container(&name, Some(options)).await.expect("still there, and removed by the test");
}

/// The manifest of an image that no engine has.
fn manifest() -> String {
    let part = |kind: &str, of: char| {
        let digest = format!("sha256:{}", of.to_string().repeat(64));
        serde_json::json!({ "mediaType": format!("application/vnd.docker.{kind}"), "size": 100, "digest": digest })
    };
    let (config, layer) = (part("container.image.v1+json", 'a'), part("image.rootfs.diff.tar.gzip", 'b'));
    serde_json::json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] }).to_string()
}

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry that has the manifest of an image and nothing of what it names. An engine asks again and
/// again for a layer that fails, more than a minute long; one that is not there it gives up at once.
async fn half_a_registry(lab: &'static Lab) -> String {
    async fn answer(request: Request) -> Response {
        match request.uri().path() {
            path if path.contains("/manifests/") => ([(http::header::CONTENT_TYPE, MANIFEST)], manifest()).into_response(),
            path if path.contains("/blobs/") => (StatusCode::NOT_FOUND, "half").into_response(),
            _ => "{}".into_response(),
        }
    }
    let listener = tokio::net::TcpListener::bind((format!("{}.1", lab.net()), 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    address
}

/// A build of the sample app in another registry, of which no engine has anything.
async fn elsewhere(bench: &Bench, registry: &str, manifest: &str) -> BuildId {
    let ctx = &bench.app.ctx;
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(manifest)));
    let id: BuildId = ctx.new_id();
    let mut tx = ctx.store.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO builds (id, app, image, digest, seen_at, described) VALUES ($1, 'web', $2, $3, 1, 1)")
        .bind(id.as_str())
        .bind(format!("{registry}/demo/web"))
        .bind(digest)
        .execute(&mut *tx)
        .await
        .expect("a build");
    tx.commit().await.expect("kept");
    id
}

#[tokio::test]
async fn a_registry_that_fails_in_the_middle_or_is_gone_fails_the_pull_by_name() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    bench.begin_work();
    let half = half_a_registry(bench.lab).await;
    let nobody = format!("{}.1:1", bench.lab.net());
    for (registry, manifest) in [(&half, manifest().as_str()), (&nobody, "another")] {
        let build = elsewhere(&bench, registry, manifest).await;
        let id = bench.launch(&build, "alone").await;
        let view = bench.until(&id, EnvironmentState::Failed).await;
        let named = match view.failure {
            Some(Problem::RegistryAnswer { name, .. } | Problem::Unreachable { what: Noun::Registry, name }) => name,
            other => panic!("{registry}: {other:?}"),
        };
        assert_eq!(&named, registry);
        assert_eq!(view.steps[0].state, StepState::Failed);
        bench.stop(&id).await;
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_launch_in_plain_words_and_with_room_it_comes_up() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    // An engine that did not build the image, and so has to pull it.
    let (socket, address) = (bench.lab.socket("hangzhou"), bench.lab.address("hangzhou"));
    let toml = format!("[[engines]]\nname = \"test\"\nurl = \"unix://{}\"\naddress = \"{address}\"\n", socket.display());
    bench.app.apply(&toml).await;
    let docker = Docker::connect_with_unix(&socket.display().to_string(), 30, bollard::API_DEFAULT_VERSION).expect("a client");
    let docker = docker.negotiate_version().await.expect("the engine answers");
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let digest = bench.app.ctx.store.existing_build(&build).await.expect("a build").digest;
    let image = format!("{}/demo/web@{digest}", bench.lab.registry());
    // Only where it was pulled before, and nothing runs it there.
    let _ = docker.remove_image(&image, Some(RemoveImageOptions { force: true, ..Default::default() }), None).await;
    bench.lab.run(&["engine", "fill", "hangzhou"]);
    let full = bench.launch(&build, "alone").await;
    let view = bench.until(&full, EnvironmentState::Failed).await;
    bench.lab.run(&["engine", "free", "hangzhou"]);
    let said = view.failure.expect("why").to_string();
    assert_eq!(said, "The engine refused: refused: its disk is full");
    assert_eq!((view.steps[0].kind.as_str(), view.steps[0].state), ("pull", StepState::Failed));
    stop_environment(&bench.app.ctx, &bench.tess, &full).await.expect("stopped");
    bench.until(&full, EnvironmentState::Stopped).await;

    let again = relaunch_environment(&bench.app.ctx, &bench.tess, &full).await.expect("asked");
    bench.until(&again, EnvironmentState::Running).await;
    stop_environment(&bench.app.ctx, &bench.tess, &again).await.expect("stopped");
    bench.until(&again, EnvironmentState::Stopped).await;
}

#[tokio::test]
async fn an_engine_that_is_killed_in_the_middle_of_a_launch_finishes_it_when_it_is_back() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "pair").await;
    bench.begin_work();
    let something = || async {
        let view = bench.look(&id).await;
        view.steps.iter().any(|step| step.kind == "create" && step.state != StepState::Waiting).then_some(())
    };
    eventually("it is in the middle", something).await;
    bench.lab.run(&["engine", "stop", "test"]);
    assert_ne!(bench.look(&id).await.row.state, EnvironmentState::Stopped);
    bench.lab.run(&["engine", "start", "test"]);
    bench.until(&id, EnvironmentState::Running).await;
    assert_eq!(bench.on_engine().await, (2, 1), "each once");
    bench.stop(&id).await;
}
