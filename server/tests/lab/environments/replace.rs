//! Another build in the place of one that runs, on a real engine; and a check of what runs.

use super::bench::Bench;
use super::kill::{Served, free_port};
use crate::common::eventually;
use app::view::{LaunchInput, ReplaceInput};
use bollard::models::ContainerInspectResponse;
use domain::check::CheckState;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::{EndReason, EnvironmentState};
use serde_json::json;
use server::usecases::environments::{launch_environment, log_tail, replace_build};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PAIR: &str = r#"
[[stacks]]
name = "pair"
compose = '''
services:
  web: { image: "${BUILD_WEB}", read_only: true, tmpfs: [/tmp], ports: ["80"] }
  worker: { image: "${BUILD_WORKER}", read_only: true, depends_on: [web] }
'''
"#;

async fn container(bench: &Bench, number: i64, service: &str) -> ContainerInspectResponse {
    let name = format!("slw-{}-e{number}-{service}", &bench.app.ctx.instance()[..8]);
    bench.docker.inspect_container(&name, None).await.expect("there")
}

fn image(found: &ContainerInspectResponse) -> String {
    found.config.as_ref().and_then(|config| config.image.clone()).expect("an image")
}

async fn digest(bench: &Bench, build: &BuildId) -> String {
    bench.app.ctx.store.existing_build(build).await.expect("a build").digest.to_string()
}

#[tokio::test]
async fn a_replaced_build_answers_at_the_address_of_the_one_before() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    bench.begin_work();
    let old = bench.listed("web", "dev").await;
    bench.listed("worker", "dev").await;
    let id = bench.launch(&old, "pair").await;
    let before = bench.until(&id, EnvironmentState::Running).await;
    let (worker, web) = (container(&bench, 1, "worker").await, container(&bench, 1, "web").await);
    let new = bench.listed("web", "latest").await;
    assert_ne!(digest(&bench, &old).await, digest(&bench, &new).await, "two builds");

    let began = Instant::now();
    let input = ReplaceInput { build: new.clone(), builds: BTreeMap::new(), keep_volumes: false };
    replace_build(&bench.app.ctx, &bench.tess, &id, input).await.expect("replaced");
    let after = bench.until(&id, EnvironmentState::Running).await;
    println!("replaced after {:?}", began.elapsed());
    assert_eq!((after.row.generation, &after.row.links), (2, &before.row.links), "the address stays");
    let now = container(&bench, 1, "web").await;
    assert!(image(&now).ends_with(&digest(&bench, &new).await) && now.id != web.id);
    assert_eq!(container(&bench, 1, "worker").await.id, worker.id, "not touched");
    let url = &after.row.links[0].url;
    let page = eventually("the page", || async { reqwest::Client::new().get(url).send().await.ok()?.text().await.ok() }).await;
    assert!(page.contains("web latest"), "{page}");
    assert_eq!(bench.on_engine().await, (2, 1), "each once");
    bench.stop(&id).await;
}

const KEEPER: &str = r#"
[[stacks]]
name = "keeper"
compose = '''
services:
  web: { image: "${BUILD_WEB}", read_only: true, tmpfs: [/tmp] }
  store:
    image: ${BUILD_WORKER}
    command: [sh, -c, "echo begun >> /data/starts; cat /data/starts; sleep 600"]
    volumes: ["data:/data"]
volumes: { data: {} }
'''
"#;

#[tokio::test]
async fn volumes_begin_empty_at_a_replacement_unless_they_are_to_be_kept() {
    let Some(bench) = Bench::set_up(KEEPER).await else { return };
    bench.begin_work();
    let builds = [bench.listed("web", "dev").await, bench.listed("web", "latest").await];
    bench.listed("worker", "dev").await;
    let id = bench.launch(&builds[0], "keeper").await;
    bench.until(&id, EnvironmentState::Running).await;
    let first = container(&bench, 1, "store").await.id;
    let replace = async |turn: usize, keep_volumes| {
        let input = ReplaceInput { build: builds[turn % 2].clone(), builds: BTreeMap::new(), keep_volumes };
        replace_build(&bench.app.ctx, &bench.tess, &id, input).await.expect("asked");
        bench.until(&id, EnvironmentState::Running).await
    };
    replace(1, true).await;
    assert_eq!(container(&bench, 1, "store").await.id, first, "what is kept is not touched");

    let view = replace(2, false).await;
    assert_ne!(container(&bench, 1, "store").await.id, first);
    let volume = format!("volume slw-{}-e1.3-data", &bench.app.ctx.instance()[..8]);
    assert!(view.steps.iter().any(|step| format!("{} {}", step.kind, step.subject) == volume), "{:?}", view.steps);
    let said = eventually("its words", || async {
        let lines = log_tail(&bench.app.ctx, &bench.tess, &id, "store", 10).await.ok()?;
        (!lines.is_empty()).then_some(lines)
    });
    assert_eq!(said.await, ["begun"], "a new and empty volume");
    bench.stop(&id).await;
}

#[tokio::test]
async fn a_killed_replacement_is_finished_after_the_restart_with_everything_once() {
    let Some(bench) = Bench::set_up(PAIR).await else { return };
    let token = bench.app.token(&bench.tess).await;
    let builds = [bench.listed("web", "dev").await, bench.listed("web", "latest").await];
    bench.listed("worker", "dev").await;
    let port = free_port();
    let mut served = Served::start(&bench, port);
    served.ready().await;
    let asked = json!({ "build": builds[0], "stack": "pair" });
    let made = served.rest(&token, "/api/v1/environments", Some(asked)).await.expect("an answer");
    let id = EnvironmentId(made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned());
    let first = bench.until(&id, EnvironmentState::Running).await;
    let worker = container(&bench, 1, "worker").await.id;
    for (turn, after) in [0, 30, 80, 150, 400, 900, 1600].into_iter().enumerate() {
        let build = &builds[(turn + 1) % 2];
        let path = format!("/api/v1/environments/{id}/replace");
        served.rest(&token, &path, Some(json!({ "build": build }))).await;
        tokio::time::sleep(Duration::from_millis(after)).await;
        served.kill();
        let left = bench.on_engine().await;
        let began = Instant::now();
        served = Served::start(&bench, port);
        served.ready().await;
        let view = bench.until(&id, EnvironmentState::Running).await;
        println!("killed after {after} ms ({left:?} on the engine): running {:?} after the restart", began.elapsed());
        let generation = i64::try_from(turn).expect("few") + 2;
        assert_eq!((view.row.generation, &view.row.links), (generation, &first.row.links));
        assert!(image(&container(&bench, 1, "web").await).ends_with(&digest(&bench, build).await));
        assert_eq!(container(&bench, 1, "worker").await.id, worker, "not touched");
        assert_eq!(bench.on_engine().await, (2, 1), "each once");
    }
    served.rest(&token, &format!("/api/v1/environments/{id}/stop"), Some(json!({}))).await;
    bench.until(&id, EnvironmentState::Stopped).await;
    assert_eq!(bench.on_engine().await, (0, 0));
}

const CHECKED: &str = r#"
[[stacks]]
name = "checked"
compose = '''
services:
  web: { image: "${BUILD_WEB}", read_only: true, tmpfs: [/tmp] }
  test:
    image: ${BUILD_WEB}
    command: [sh, -c, 'echo begins; echo noise >&2; wget -q -O - http://web/ | head -n 1; echo "<testsuite><testcase name=\"opens\"/><testcase name=\"pays\"><failure message=\"was 402\"/></testcase></testsuite>"; exit 1']
    depends_on: [web]
'''
"#;

#[tokio::test]
async fn a_check_runs_beside_what_it_checks_and_its_report_is_kept() {
    let Some(bench) = Bench::set_up(CHECKED).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let (stack, check) = (Some("checked".to_owned()), Some("test".to_owned()));
    let input = LaunchInput { stack, check, stop_after: true, ..LaunchInput::of(build.clone()) };
    let id = launch_environment(&bench.app.ctx, &bench.tess, input).await.expect("launched");
    let view = bench.until(&id, EnvironmentState::Stopped).await;
    assert_eq!(view.row.end_reason, Some(EndReason::CheckEnded));
    let checks = &server::usecases::builds::build(&bench.app.ctx, &bench.tess, &build).await.expect("a build").checks;
    let report = checks[0].report.as_ref().expect("a report");
    assert_eq!((checks[0].state, checks[0].exit_code), (CheckState::Failed, Some(1)));
    assert_eq!((report.tests, report.failures, report.failing[0].message.as_str()), (2, 1, "was 402"));
    assert_eq!(bench.on_engine().await, (0, 0));
}
