//! Test environments on a real engine, with images from a real registry.

mod away;
pub mod bench;
mod chaos;
mod inside;
mod kill;
mod life;
mod logs;
mod proxy;
mod replace;
mod stacks;

use crate::common::eventually;
use bench::Bench;
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, KillContainerOptions, RemoveContainerOptions, StartContainerOptions};
use domain::Problem;
use domain::id::EnvironmentId;
use domain::lease::{EndReason, EnvironmentState};
use domain::promotion::StepState;
use server::usecases::environments::log_tail;
use std::collections::HashMap;
use std::time::Duration;

#[tokio::test]
async fn a_stack_of_four_comes_up_answers_and_goes_without_a_trace() {
    let Some(bench) = Bench::set_up("").await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    bench.listed("worker", "dev").await;
    let id = bench.launch(&build, "shop").await;
    let view = bench.until(&id, EnvironmentState::Running).await;
    assert!(view.steps.iter().all(|step| step.state == StepState::Done), "{:?}", view.steps);
    let services: Vec<_> = view.services.iter().map(|service| (service.name.as_str(), service.state.as_str())).collect();
    assert_eq!(services, [("origin", "running"), ("web", "running"), ("worker", "running"), ("mailer", "running")]);
    assert_eq!(view.services[0].health.as_deref(), Some("healthy"), "web waited for it");
    let [link] = view.row.links.as_slice() else { panic!("one port: {:?}", view.row.links) };
    assert!(link.url.starts_with(&format!("http://{}:", bench.lab.address("test"))), "{}", link.url);
    let page =
        eventually("the page", || async { reqwest::Client::new().get(&link.url).send().await.ok()?.text().await.ok() }).await;
    assert!(page.contains("web dev") && page.contains("Region test"), "{page}");
    let lines = log_tail(&bench.app.ctx, &bench.tess, &id, "worker", 1000).await.expect("a log");
    assert!(lines[0].starts_with("worker dev begins"), "{lines:?}");
    bench.stop(&id).await;
}

/// Four stacks that do not come up, each in its own way, and two that do.
const BAD: &str = r#"
[[stacks]]
name = "ends"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'echo no database; exit 3'] } }"

[[stacks]]
name = "lost"
compose = "services: { web: { image: '${BUILD_WEB}', command: [nothing-like-it] } }"

[[stacks]]
name = "sick"
compose = '''
services:
  web:
    image: ${BUILD_WEB}
    tmpfs: [/tmp]
    healthcheck: { test: [CMD-SHELL, "echo not yet; false"], interval: 200ms, timeout: 1s, retries: 2 }
  worker:
    image: @REGISTRY@/demo/worker:dev
    depends_on: { web: { condition: service_healthy } }
'''

[[stacks]]
name = "hungry"
compose = "services: { web: { image: '${BUILD_WEB}', mem_limit: 8m, command: [sh, -c, 'x=y; while true; do x=$$x$$x; done'] } }"

[[stacks]]
name = "job"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'echo done'] } }"

[[stacks]]
name = "alone"
compose = "services: { web: { image: '${BUILD_WEB}', tmpfs: [/tmp], read_only: true, ports: ['80'] } }"
"#;

#[tokio::test]
async fn what_does_not_come_up_says_which_service_and_why() {
    let Some(bench) = Bench::set_up(BAD).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let service = || "web".to_owned();
    let ids: Vec<EnvironmentId> =
        futures::future::join_all(["ends", "lost", "sick", "hungry"].map(|stack| bench.launch(&build, stack))).await;
    let mut views = Vec::new();
    for id in &ids {
        views.push(bench.until(id, EnvironmentState::Failed).await);
    }
    assert_eq!(views[0].failure, Some(Problem::ServiceEnded { service: service(), exit_code: 3 }));
    let detail =
        |n: usize| views[n].steps.iter().find(|step| step.state == StepState::Failed).and_then(|step| step.detail.clone());
    assert_eq!(detail(0).as_deref(), Some("no database"));
    assert!(matches!(&views[1].failure, Some(Problem::EngineRefused { .. })), "{:?}", views[1].failure);
    assert_eq!(
        views[1].failure.as_ref().expect("why").to_string(),
        "The engine refused: refused: the command is not in the image"
    );
    assert!(matches!(&views[2].failure, Some(Problem::ServiceUnhealthy { .. })), "{:?}", views[2].failure);
    assert!(detail(2).expect("the check's words").starts_with("not yet"), "{:?}", detail(2));
    let worker = views[2].steps.iter().find(|step| step.kind == "start" && step.subject == "worker").expect("a step");
    assert_eq!(worker.state, StepState::Skipped, "what waited for it was not started");
    assert_eq!(views[3].failure, Some(Problem::OutOfMemory { service: service(), mebibytes: 8 }));
    for view in &views {
        assert!(!view.services.is_empty(), "kept for a look");
    }
    for id in &ids {
        server::usecases::environments::stop_environment(&bench.app.ctx, &bench.tess, id).await.expect("stopped");
    }
    for id in &ids {
        bench.until(id, EnvironmentState::Stopped).await;
    }
    assert_eq!(bench.on_engine().await, (0, 0));
}

#[tokio::test]
async fn a_service_that_has_done_its_job_is_no_failure() {
    let Some(bench) = Bench::set_up(BAD).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "job").await;
    bench.until(&id, EnvironmentState::Running).await;
    eventually("it has ended", || async { (bench.look(&id).await.services[0].state == "exited (0)").then_some(()) }).await;
    assert_eq!(bench.look(&id).await.row.state, EnvironmentState::Running);
    bench.stop(&id).await;
}

#[tokio::test]
async fn a_container_that_dies_or_vanishes_later_is_noticed_through_the_engines_events() {
    let Some(bench) = Bench::set_up(BAD).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let name = |number: i64| format!("slw-{}-e{number}-web", &bench.app.ctx.instance()[..8]);
    for (number, removed) in [(1, false), (2, true)] {
        let id = bench.launch(&build, "alone").await;
        bench.until(&id, EnvironmentState::Running).await;
        let began = std::time::Instant::now();
        if removed {
            let options = RemoveContainerOptions { force: true, ..Default::default() };
            bench.docker.remove_container(&name(number), Some(options)).await.expect("removed");
        } else {
            bench.docker.kill_container(&name(number), None::<KillContainerOptions>).await.expect("killed");
        }
        let view = bench.until(&id, EnvironmentState::Failed).await;
        println!("noticed after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let wanted = if removed {
            Problem::ServicesGone { services: "web".to_owned() }
        } else {
            Problem::ServiceEnded { service: "web".to_owned(), exit_code: 137 }
        };
        if !removed {
            assert_eq!(view.failure, Some(wanted));
        } else {
            // Its death may be seen before it is gone.
            assert!(view.failure == Some(wanted) || matches!(view.failure, Some(Problem::ServiceEnded { .. })));
        }
        bench.stop(&id).await;
    }
}

#[tokio::test]
async fn a_lease_that_ended_while_slipway_was_away_is_reaped_at_the_next_start() {
    let Some(bench) = Bench::set_up(BAD).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let short = bench.launch(&build, "alone").await;
    let long = {
        let (stack, lease_hours) = (Some("alone".to_owned()), Some(24));
        let input = app::view::LaunchInput { stack, lease_hours, ..app::view::LaunchInput::of(build.clone()) };
        server::usecases::environments::launch_environment(&bench.app.ctx, &bench.tess, input).await.expect("launched")
    };
    bench.until(&short, EnvironmentState::Running).await;
    bench.until(&long, EnvironmentState::Running).await;
    // Slipway goes away, and comes back nine hours later.
    bench.app.ctx.work.stop.cancel();
    bench.app.ctx.work.tasks.close();
    bench.app.ctx.work.tasks.wait().await;
    bench.app.clock.advance(Duration::from_secs(9 * 3600));
    let ctx = bench.app.restarted().await;
    let working = tokio::spawn(server::usecases::environments::work(ctx.clone()));
    let view = bench.until(&short, EnvironmentState::Stopped).await;
    assert_eq!(view.row.end_reason, Some(EndReason::LeaseEnded));
    assert_eq!(bench.look(&long).await.row.state, EnvironmentState::Running);
    assert_eq!(bench.on_engine().await, (1, 1), "the longer lease goes on");
    let by: String = sqlx::query_scalar("SELECT actor FROM audit WHERE action = 'environment.ended'")
        .fetch_one(ctx.store.read())
        .await
        .expect("a record");
    assert_eq!(by, "Slipway");
    server::usecases::environments::stop_environment(&ctx, &bench.tess, &long).await.expect("stopped");
    bench.until(&long, EnvironmentState::Stopped).await;
    assert_eq!(bench.on_engine().await, (0, 0));
    ctx.work.stop.cancel();
    working.await.expect("ended in order");
}

/// A container that was made outside Slipway, under this name and with these labels. A
/// privileged one is not started.
async fn foreign(bench: &Bench, name: &str, labels: HashMap<String, String>, privileged: bool) -> String {
    let image = format!("{}/demo/worker:dev", bench.lab.registry());
    let host_config = HostConfig { privileged: Some(privileged), ..Default::default() };
    let body =
        ContainerCreateBody { image: Some(image), labels: Some(labels), host_config: Some(host_config), ..Default::default() };
    let options = CreateContainerOptions { name: Some(name.to_owned()), ..Default::default() };
    let id = bench.docker.create_container(Some(options), body).await.expect("created").id;
    if !privileged {
        bench.docker.start_container(&id, None::<StartContainerOptions>).await.expect("started");
    }
    id
}

async fn is_running(docker: &Docker, id: &str) -> bool {
    let found = docker.inspect_container(id, None).await.ok();
    found.and_then(|found| found.state).and_then(|state| state.running) == Some(true)
}

#[tokio::test]
async fn a_container_of_the_right_name_with_other_powers_is_replaced() {
    let Some(bench) = Bench::set_up(BAD).await else { return };
    let build = bench.listed("web", "dev").await;
    let mut launched = Vec::new();
    for (number, privileged) in [(1, true), (2, false)] {
        let id = bench.launch(&build, "alone").await;
        let name = format!("slw-{}-e{number}-web", &bench.app.ctx.instance()[..8]);
        let labels =
            [("slipway.instance", bench.app.ctx.instance()), ("slipway.environment", id.as_str()), ("slipway.service", "web")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let old = foreign(&bench, &name, labels, privileged).await;
        launched.push((id, name, old));
    }
    bench.begin_work();
    for (id, name, old) in &launched {
        bench.until(id, EnvironmentState::Running).await;
        let now = bench.docker.inspect_container(name, None).await.expect("there");
        assert_ne!(now.id.as_ref(), Some(old));
        let host = now.host_config.expect("its limits");
        assert_eq!((host.privileged, host.cap_drop), (Some(false), Some(vec!["ALL".to_owned()])));
    }
    for (id, ..) in &launched {
        server::usecases::environments::stop_environment(&bench.app.ctx, &bench.tess, id).await.expect("stopped");
        bench.until(id, EnvironmentState::Stopped).await;
    }
    assert_eq!(bench.on_engine().await, (0, 0));
}

#[tokio::test]
async fn what_carries_no_label_of_this_instance_is_never_touched() {
    let Some(bench) = Bench::set_up(BAD).await else { return };
    let me = &bench.app.ctx.instance()[..8];
    let unlabelled = foreign(&bench, &format!("{me}-unlabelled"), HashMap::new(), false).await;
    let labels = [("slipway.instance", "another"), ("slipway.environment", "gone")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let another = foreign(&bench, &format!("{me}-another"), labels, false).await;
    // One stands in the way, under the very name that the environment's container gets.
    let in_the_way = foreign(&bench, &format!("slw-{me}-e1-web"), HashMap::new(), false).await;
    let labels = [("slipway.instance", bench.app.ctx.instance()), ("slipway.environment", "unknown")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let leftover = foreign(&bench, &format!("{me}-leftover"), labels, false).await;
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "alone").await;
    let view = bench.until(&id, EnvironmentState::Failed).await;
    assert!(matches!(view.failure, Some(Problem::EngineRefused { .. })), "{:?}", view.failure);
    eventually("the leftover goes", || async { bench.docker.inspect_container(&leftover, None).await.err() }).await;
    bench.stop(&id).await;
    for id in [&unlabelled, &another, &in_the_way] {
        assert!(is_running(&bench.docker, id).await, "still there");
        let options = RemoveContainerOptions { force: true, ..Default::default() };
        bench.docker.remove_container(id, Some(options)).await.expect("removed by the test");
    }
}
