//! What a stack file asks for, as a real engine has it.

use super::bench::Bench;
use crate::common::eventually;
use crate::lab::lab;
use app::view::LaunchInput;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    CreateImageOptions, InspectContainerOptions, ListContainersOptions, ListImagesOptions, ListVolumesOptions, PushImageOptions,
    RemoveImageOptions, TagImageOptions,
};
use domain::lease::EnvironmentState;
use domain::promotion::StepState;
use domain::{Actor, Problem};
use futures::StreamExt as _;
use server::usecases::environments::{launch_environment, log_tail};
use server::usecases::secrets::set;
use std::collections::HashMap;

const MORE: &str = r#"
[[stacks]]
name = "whole"
compose = '''
services:
  migrate:
    image: ${BUILD_WEB}
    command: [sh, -c, 'echo ${WORD:-moved} > /data/word']
    volumes: [data:/data]
  web:
    image: ${BUILD_WEB}
    depends_on: { migrate: { condition: service_completed_successfully } }
    volumes: ['data:/data:ro', { type: tmpfs, target: /cache, tmpfs: { size: 1m } }]
    networks: { back: { aliases: [inside] }, front: }
    ports: ["80"]
    read_only: true
    tmpfs: [/tmp]
    cpus: 0.25
    pids_limit: 60
    shm_size: 8m
    ulimits: { nofile: 512 }
    hostname: shop
    stop_signal: SIGINT
    restart: always
    labels: { traefik.enable: "true" }
  shut:
    image: ${BUILD_WEB}
    depends_on: [web]
    networks: [back]
    user: "1000:1000"
    command:
      - sh
      - -c
      - |
        ask() { printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 "$$@" 2>/dev/null; }
        place() { nslookup "$$1" 127.0.0.11 | sed -n 's/^Address: //p' | head -n 1; }
        until page=$$(ask "$$(place inside)" 80); do sleep 0.1; done
        echo "$$page" | grep -o 'web dev' | head -n 1
        registry=@REGISTRY@
        ask "$${registry%:*}" "$${registry#*:}" >/dev/null && echo reached || echo no way out
        exec sleep 600
    tmpfs: [/tmp]
  open:
    image: ${BUILD_WEB}
    depends_on: [web]
    networks: [front]
    volumes: ['data:/data:ro']
    command:
      - sh
      - -c
      - |
        cat /data/word
        registry=@REGISTRY@
        printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 "$${registry%:*}" "$${registry#*:}" >/dev/null && echo reached || echo no way out
        exec sleep 600
networks: { front: , back: { internal: true } }
volumes: { data: }
'''

[[stacks]]
name = "undone"
compose = '''
services:
  migrate:
    image: ${BUILD_WEB}
    command: [sh, -c, 'echo no table; exit 4']
    volumes: [data:/data]
  web:
    image: ${BUILD_WEB}
    depends_on: { migrate: { condition: service_completed_successfully } }
volumes: { data: }
'''

[[stacks]]
name = "again"
compose = "services: { web: { image: '${BUILD_WEB}', restart: 'on-failure:2', command: [sh, -c, 'echo try; exit 5'] } }"
"#;

async fn volumes(bench: &Bench) -> usize {
    let filters = HashMap::from([("label".to_owned(), vec![format!("slipway.instance={}", bench.app.ctx.instance())])]);
    let listed = bench.docker.list_volumes(Some(ListVolumesOptions { filters: Some(filters) })).await.expect("a list");
    listed.volumes.unwrap_or_default().len()
}

#[tokio::test]
async fn a_stack_with_a_volume_networks_and_a_job_is_as_it_asks_and_goes_without_a_trace() {
    let Some(bench) = Bench::set_up(MORE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "whole").await;
    let view = bench.until(&id, EnvironmentState::Running).await;
    let kinds = |kind: &str| view.steps.iter().filter(|step| step.kind == kind && step.state == StepState::Done).count();
    assert_eq!(
        (kinds("network"), kinds("volume"), kinds("finish")),
        (3, 1, 1),
        "two of its own, one of all others: {:?}",
        view.steps
    );
    let log = |service: &'static str, count: usize| {
        let (bench, id) = (&bench, &id);
        async move {
            eventually(service, || async {
                let lines = log_tail(&bench.app.ctx, &bench.tess, id, service, 10).await.ok()?;
                (lines.len() >= count).then_some(lines)
            })
            .await
        }
    };
    assert_eq!(log("shut", 2).await, ["web dev", "no way out"], "by the alias, and nothing beyond");
    assert_eq!(log("open", 2).await, ["moved", "reached"], "the job's file is there, and so is the way out");
    let [link] = view.row.links.as_slice() else { panic!("one port: {:?}", view.row.links) };
    let page =
        eventually("the page", || async { reqwest::Client::new().get(&link.url).send().await.ok()?.text().await.ok() }).await;
    assert!(page.contains("web dev"), "{page}");
    assert_eq!((bench.on_engine().await, volumes(&bench).await), ((4, 3), 1));
    inspected(&bench).await;
    bench.stop(&id).await;
    assert_eq!(volumes(&bench).await, 0);
}

/// What the engine itself says of the service `web`.
async fn inspected(bench: &Bench) {
    let of_web = [format!("slipway.instance={}", bench.app.ctx.instance()), "slipway.service=web".to_owned()];
    let filters = HashMap::from([("label".to_owned(), of_web.to_vec())]);
    let listed = bench.docker.list_containers(Some(ListContainersOptions { filters: Some(filters), ..Default::default() }));
    let id = listed.await.expect("a list")[0].id.clone().expect("an id");
    let found = bench.docker.inspect_container(&id, None::<InspectContainerOptions>).await.expect("inspected");
    let (config, host) = (found.config.expect("a config"), found.host_config.expect("a host's config"));
    assert_eq!((config.hostname.as_deref(), config.stop_signal.as_deref()), (Some("shop"), Some("SIGINT")));
    let labels = config.labels.expect("labels");
    assert_eq!((labels.get("traefik.enable"), labels["slipway.label.traefik.enable"].as_str()), (None, "true"));
    assert_eq!((host.nano_cpus, host.pids_limit, host.shm_size), (Some(250_000_000), Some(60), Some(8 << 20)));
    assert_eq!(host.restart_policy.and_then(|policy| policy.maximum_retry_count), Some(5));
    assert_eq!(host.ulimits.expect("some")[0].hard, Some(512));
    assert!(host.tmpfs.expect("folders")["/cache"].contains("size=1048576"));
    let mounts: Vec<_> = found.mounts.expect("mounts").into_iter().filter(|mount| mount.driver.is_some()).collect();
    assert_eq!((mounts.len(), mounts[0].rw, mounts[0].destination.as_deref()), (1, Some(false), Some("/data")));
}

#[tokio::test]
async fn what_waits_for_a_job_does_not_start_when_the_job_fails() {
    let Some(bench) = Bench::set_up(MORE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "undone").await;
    let view = bench.until(&id, EnvironmentState::Failed).await;
    assert_eq!(view.failure, Some(Problem::ServiceEnded { service: "migrate".to_owned(), exit_code: 4 }));
    let start = view.steps.iter().find(|step| step.kind == "start" && step.subject == "web").expect("a step");
    assert_eq!(start.state, StepState::Skipped);
    bench.stop(&id).await;
    assert_eq!(volumes(&bench).await, 0);
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_started_some_times_only() {
    let Some(bench) = Bench::set_up(MORE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "again").await;
    let view = bench.until(&id, EnvironmentState::Failed).await;
    assert_eq!(view.failure, Some(Problem::ServiceEnded { service: "web".to_owned(), exit_code: 5 }));
    let tries = log_tail(&bench.app.ctx, &bench.tess, &id, "web", 10).await.expect("a log");
    assert_eq!(tries, ["try", "try", "try"], "once, and twice again");
    bench.stop(&id).await;
}

const CLOSED: &str = r#"
[[registries]]
host = "@CLOSED@"
insecure = true
user = "lab"
password_secret = "closed"

[[stacks]]
name = "closed"
compose = '''
services:
  web: { image: '${BUILD_WEB}' }
  other: { image: '@CLOSED@/demo/closed:dev', depends_on: [web] }
'''
"#;

#[tokio::test]
async fn an_image_of_a_closed_registry_is_pulled_with_the_account_that_is_configured() {
    let Some(lab) = lab() else { return };
    let closed = format!("{}.1:5055", lab.net());
    let account = [("LAB_REGISTRY_ACCOUNT", "lab:opensesame")];
    lab.run_with(&account, &["registry", "start", "closed", "5055"]);
    let bench = Bench::set_up(&CLOSED.replace("@CLOSED@", &closed)).await.expect("the lab is there");
    let set = |word: &'static str| set(&bench.app.ctx, &Actor::Slipway, "closed", word);
    set("opensesame").await.expect("set");
    push(&bench, &closed).await;
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "closed").await;
    bench.until(&id, EnvironmentState::Running).await;
    bench.stop(&id).await;
    forget(&bench, &closed).await;
    set("wrong").await.expect("set");
    let input = LaunchInput { stack: Some("closed".to_owned()), ..LaunchInput::of(build) };
    let refused = launch_environment(&bench.app.ctx, &bench.tess, input).await;
    assert!(refused.is_err(), "the registry does not tell a digest to a stranger: {refused:?}");
    lab.run(&["registry", "stop", "closed"]);
}

/// Brings an image into the closed registry, and takes it off the engine again.
async fn push(bench: &Bench, closed: &str) {
    let from = format!("{}/demo/web", bench.lab.registry());
    let pull = CreateImageOptions { from_image: Some(from.clone()), tag: Some("dev".to_owned()), ..Default::default() };
    let pulled: Vec<_> = bench.docker.create_image(Some(pull), None, None).collect().await;
    assert!(pulled.iter().all(Result::is_ok), "{pulled:?}");
    let to = format!("{closed}/demo/closed");
    let named = TagImageOptions { repo: Some(to.clone()), tag: Some("dev".to_owned()) };
    bench.docker.tag_image(&format!("{from}:dev"), Some(named)).await.expect("tagged");
    let account =
        DockerCredentials { username: Some("lab".to_owned()), password: Some("opensesame".to_owned()), ..Default::default() };
    let options = PushImageOptions { tag: Some("dev".to_owned()), ..Default::default() };
    let pushed: Vec<_> = bench.docker.push_image(&to, Some(options), Some(account)).collect().await;
    assert!(pushed.iter().all(Result::is_ok), "{pushed:?}");
    let removed = bench.docker.remove_image(&format!("{to}:dev"), None::<RemoveImageOptions>, None).await;
    removed.expect("off the engine");
}

/// Takes what was pulled by digest off the engine, so that the next launch pulls again.
async fn forget(bench: &Bench, closed: &str) {
    for image in bench.docker.list_images(None::<ListImagesOptions>).await.expect("a list") {
        for digest in image.repo_digests.into_iter().filter(|name| name.starts_with(closed)) {
            bench.docker.remove_image(&digest, None::<RemoveImageOptions>, None).await.expect("removed");
        }
    }
}
