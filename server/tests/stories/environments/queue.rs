//! Room on engines: who goes where, who waits, and on which ports they are found.

use super::stage::{Stage, input};
use crate::common::{TestApp, eventually, on_each_database};
use app::view::{CapacityView, EnvironmentView};
use domain::id::EnvironmentId;
use domain::lease::{EndReason, EnvironmentState};
use domain::problem::Fault;
use domain::promotion::StepState;
use domain::{Action, Problem, Role};
use serde_json::{Value, json};
use server::usecases::environments::{capacity, extend_environment, hand_over_environment, launch_environment, stop_environment};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// The stage's engine with more said about it.
async fn engine(stage: &Stage, name: &str, more: &str) {
    let url = stage.app.ctx.config().config.engine("test").expect("the stage's").url.clone();
    stage.app.apply(&format!("[[engines]]\nname = \"{name}\"\nurl = \"{url}\"\naddress = \"{name}.test\"\n{more}\n")).await;
}

async fn room(stage: &Stage) -> CapacityView {
    capacity(&stage.app.ctx, &stage.people.vera).await.expect("seen")
}

fn position(view: &EnvironmentView) -> Option<u32> {
    view.row.queue.as_ref().map(|place| place.position)
}

async fn launched(stage: &Stage) -> EnvironmentId {
    stage.app.clock.advance(MINUTE);
    let n = u64::try_from(stage.app.count("builds").await).expect("a few") + 1;
    let web = stage.tagged("web", n, "dev").await;
    stage.launch(&web, Some("alone")).await.expect("accepted")
}

#[tokio::test]
async fn a_full_engine_makes_launches_wait_and_lets_them_in_in_their_order() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        engine(&stage, "test", "capacity = { environments = 1 }").await;
        stage.begin_work();
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let first = launched(&stage).await;
        stage.until(&first, EnvironmentState::Running).await;
        let (second, third, fourth) = (launched(&stage).await, launched(&stage).await, launched(&stage).await);
        let view = stage.look(&second).await;
        assert_eq!((view.row.state, view.row.engine.as_str(), position(&view)), (EnvironmentState::Queued, "", Some(1)));
        let ends = stage.look(&first).await.row.lease_ends_at;
        assert_eq!(view.row.queue.expect("a place").expected_at, Some(ends), "when the first one's lease ends");
        let place = stage.look(&third).await.row.queue.expect("a place");
        assert_eq!((place.position, place.expected_at), (2, Some(ends + chrono::Duration::hours(8))));
        assert_eq!(extend_environment(ctx, tess, &third, 1).await, Err(Problem::NotNow { state: EnvironmentState::Queued }));
        assert_eq!(room(&stage).await.queue.iter().map(|queued| queued.number).collect::<Vec<_>>(), [2, 3, 4]);

        stop_environment(ctx, tess, &third).await.expect("cancelled");
        let view = stage.look(&third).await;
        assert_eq!((view.row.state, view.row.end_reason), (EnvironmentState::Stopped, Some(EndReason::StoppedByHand)));
        assert_eq!(position(&stage.look(&fourth).await), Some(2), "it moved up");

        stage.app.clock.advance(MINUTE * 30);
        stop_environment(ctx, tess, &first).await.expect("stopped");
        let view = stage.until(&second, EnvironmentState::Running).await;
        assert_eq!(view.row.lease_ends_at - ctx.now(), chrono::Duration::hours(8), "its lease began with its turn");
        assert_eq!((view.row.engine.as_str(), view.row.queue), ("test", None));
        assert_eq!(stage.look(&fourth).await.row.state, EnvironmentState::Queued);
        assert_eq!(stage.engine.held().networks.len(), 1, "nothing is made of what waits");
        assert_eq!(stage.app.count("audit WHERE action IN ('environment.queued', 'environment.begun')").await, 4);
    })
    .await;
}

#[tokio::test]
async fn the_queue_goes_on_after_a_restart_and_has_an_end() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        engine(&stage, "test", "capacity = { environments = 1 }").await;
        stage.app.apply("[environments]\nqueue = 1\n").await;
        let first = launched(&stage).await;
        let second = launched(&stage).await;
        let web = stage.tagged("web", 9, "dev").await;
        assert_eq!(stage.launch(&web, Some("alone")).await, Err(Problem::QueueFull { waiting: 1 }));
        assert_eq!(stage.app.count("environments").await, 2, "nothing was written");
        let ctx = stage.app.restarted().await;
        let working = tokio::spawn(server::usecases::environments::work(ctx.clone()));
        stage.until(&first, EnvironmentState::Running).await;
        stop_environment(&ctx, &stage.people.tess, &first).await.expect("stopped");
        stage.until(&second, EnvironmentState::Running).await;
        ctx.work.stop.cancel();
        working.await.expect("ended in order");
    })
    .await;
}

#[tokio::test]
async fn memory_counts_and_what_never_fits_is_refused_with_the_reason() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    engine(&stage, "test", "capacity = { memory_mib = 600 }").await;
    let web = stage.tagged("web", 1, "dev").await;
    stage.tagged("worker", 2, "dev").await;
    let refused = |reason: &str| Err(Problem::invalid("engine", Fault::Refused { reason: reason.to_owned() }));
    let shop = launch_environment(&stage.app.ctx, &stage.people.tess, input(&web)).await;
    assert_eq!(shop, refused("no engine is big enough for 1024 MiB of memory"));
    let first = stage.launch(&web, Some("alone")).await.expect("512 MiB fit");
    let second = stage.launch(&web, Some("alone")).await.expect("accepted");
    assert_eq!(stage.look(&first).await.row.state, EnvironmentState::Launching);
    assert_eq!(stage.look(&second).await.row.state, EnvironmentState::Queued);
    let seen = room(&stage).await;
    assert_eq!((seen.engines[0].environments, seen.engines[0].memory_mib), (1, 512));
    engine(&stage, "test", "draining = true").await;
    assert_eq!(stage.launch(&web, Some("alone")).await, refused("test takes no new environments"));
    assert!(room(&stage).await.engines[0].draining);
}

#[tokio::test]
async fn a_stack_goes_where_its_labels_are_else_to_the_least_loaded() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    engine(&stage, "big", "labels = [\"gpu\"]\ncapacity = { memory_mib = 4096 }").await;
    engine(&stage, "test", "capacity = { memory_mib = 1024 }").await;
    let text =
        "[[stacks]]\nname = \"seeing\"\nengine_labels = [\"gpu\"]\ncompose = \"services: { web: { image: '${BUILD_WEB}' } }\"\n";
    stage.app.apply(&format!("{text}{}", text.replace("seeing", "arm").replace("gpu", "arm64"))).await;
    let web = stage.tagged("web", 1, "dev").await;
    let mut went = Vec::new();
    for stack in ["alone", "alone", "seeing", "alone"] {
        let id = stage.launch(&web, Some(stack)).await.expect("launched");
        went.push(stage.look(&id).await.row.engine);
    }
    assert_eq!(went, ["test", "big", "big", "big"], "of equals the first; then the emptier one; then the one with the label");
    let reason = "no engine has the labels arm64".to_owned();
    assert_eq!(stage.launch(&web, Some("arm")).await, Err(Problem::invalid("engine", Fault::Refused { reason })));
    stage.app.apply("[[engines]]\nname = \"big\"\nurl = \"tcp://127.0.0.1:1\"\naddress = \"x\"\n").await;
    stage.app.apply("[[engines]]\nname = \"test\"\nurl = \"tcp://127.0.0.1:1\"\naddress = \"x\"\n").await;
    assert!(matches!(stage.launch(&web, Some("alone")).await, Err(Problem::Unreachable { .. })), "nobody answers");
    let all = room(&stage).await.engines.iter().map(|engine| engine.environments).sum::<u32>();
    assert_eq!(all, 4);
}

#[tokio::test]
async fn nobody_has_more_than_their_share_and_is_told_what_to_stop() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply("[environments]\nper_person = 2\nper_app = 3\n").await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let web = stage.tagged("web", 1, "dev").await;
        let first = stage.launch(&web, Some("alone")).await.expect("one");
        stage.launch(&web, Some("alone")).await.expect("two");
        let reached =
            |whose: &str, most, stop: &str| Err(Problem::QuotaReached { whose: whose.to_owned(), most, stop: stop.to_owned() });
        assert_eq!(stage.launch(&web, Some("alone")).await, reached("tess", 2, "E-1, E-2"));
        let mut alone = input(&web);
        alone.stack = Some("alone".to_owned());
        let his = launch_environment(ctx, &people.leo, alone.clone()).await.expect("another person may");
        assert_eq!(launch_environment(ctx, &people.ada, alone.clone()).await, reached("web", 3, "E-1, E-2, E-3"));
        let tom = stage.app.person("tom", Role::Tester).await;
        let given = hand_over_environment(ctx, &people.leo, &his, "tess").await;
        assert_eq!(
            given.map_err(|problem| problem.to_string()).err(),
            reached("tess", 2, "E-1, E-2").map_err(|p: Problem| p.to_string()).err()
        );
        hand_over_environment(ctx, &people.leo, &his, "tom").await.expect("he has room");
        stop_environment(ctx, &people.tess, &first).await.expect("stopped");
        stage.begin_work();
        stage.until(&first, EnvironmentState::Stopped).await;
        launch_environment(ctx, &tom, alone).await.expect("there is room again");
    })
    .await;
}

#[tokio::test]
async fn ports_come_from_the_engines_range_by_the_label_rule_and_stay_until_the_end() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        engine(&stage, "test", "ports = \"8000-8099\"").await;
        stage.begin_work();
        let web = stage.tagged("web", 1, "dev").await;
        let mut links = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let id = stage.launch(&web, Some("alone")).await.expect("launched");
            links.extend(stage.until(&id, EnvironmentState::Running).await.row.links.into_iter().map(|link| link.url));
            ids.push(id);
        }
        assert_eq!(links, ["http://test.test:8080", "http://test.test:8081"], "label 80, port 80; then the next");
        for id in &ids {
            stop_environment(&stage.app.ctx, &stage.people.tess, id).await.expect("stopped");
            stage.until(id, EnvironmentState::Stopped).await;
        }
        assert_eq!(stage.app.count("environment_ports").await, 0, "given back");

        stage.engine.held().taken = vec![8080, 8081];
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        let view = stage.until(&id, EnvironmentState::Running).await;
        assert_eq!(view.row.links[0].url, "http://test.test:8082", "something foreign has the others");
        let step = view.steps.iter().find(|step| step.kind == "start").expect("a step");
        assert_eq!(step.state, StepState::Done);
        assert!(step.detail.as_deref().is_some_and(|said| said.contains("8080, 8081") && said.contains("8082")), "{step:?}");
        assert_eq!(stage.engine.held().containers.len(), 1, "what did not start was taken away");
    })
    .await;
}

#[tokio::test]
async fn a_range_without_a_free_port_fails_the_launch_by_name() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    engine(&stage, "test", "ports = \"8080-8080\"").await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let first = stage.launch(&web, Some("alone")).await.expect("launched");
    stage.until(&first, EnvironmentState::Running).await;
    let second = stage.launch(&web, Some("alone")).await.expect("launched");
    let view = stage.until(&second, EnvironmentState::Failed).await;
    let reason = "no port of its range is free".to_owned();
    assert_eq!(view.failure, Some(Problem::EngineRefused { why: Fault::Refused { reason } }));
}

#[tokio::test]
async fn rest_tells_the_room_and_a_hook_does_not_see_it() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    engine(&stage, "test", "capacity = { environments = 3 }\nlabels = [\"arm64\"]").await;
    let vera = stage.app.token(&stage.people.vera).await;
    let (status, seen) = stage.app.rest(&vera, "GET", "/api/v1/capacity", Value::Null).await;
    assert_eq!((status.as_u16(), &seen["engines"][0]["most_environments"]), (200, &json!(3)), "{seen}");
    let refused = capacity(&stage.app.ctx, &crate::common::a_hook()).await.map(|_| ());
    assert_eq!(refused, Err(Problem::Forbidden { action: Action::Read }));
    eventually("nothing waits", || async { room(&stage).await.queue.is_empty().then_some(()) }).await;
}
