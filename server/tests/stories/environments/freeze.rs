//! Frozen, thawed, and one service restarted: on an engine that is pretended.

use super::stage::{Stage, steps};
use crate::common::{TestApp, on_each_database};
use domain::lease::{EndReason, EnvironmentState};
use domain::problem::Noun;
use domain::promotion::StepState;
use domain::{Action, Problem, Role};
use serde_json::Value;
use server::usecases::environments::{freeze_environment, log_tail, restart_service, stop_environment, thaw_environment};
use std::time::Duration;

/// The services and the states of their containers.
fn on_engine(stage: &Stage) -> Vec<(String, &'static str)> {
    let held = stage.engine.held();
    let mut found: Vec<_> = held
        .containers
        .values()
        .map(|container| (container.body["Labels"]["slipway.service"].as_str().unwrap_or_default().to_owned(), container.state))
        .collect();
    found.sort();
    found
}

fn ends_of(changes: &[String], what: &str) -> usize {
    changes.iter().filter(|change| change.ends_with(what)).count()
}

#[tokio::test]
async fn a_frozen_environment_keeps_its_containers_and_comes_back_in_order() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.begin_work();
        stage.engine.held().log = "hello\n".to_owned();
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let web = stage.tagged("web", 1, "dev").await;
        stage.tagged("worker", 2, "dev").await;
        let id = stage.launch(&web, None).await.expect("launched");
        let before = stage.until(&id, EnvironmentState::Running).await;
        freeze_environment(ctx, tess, &id).await.expect("asked");
        freeze_environment(ctx, tess, &id).await.expect("asked twice is asked once");
        let frozen = stage.until(&id, EnvironmentState::Frozen).await;
        freeze_environment(ctx, tess, &id).await.expect("it is so already");
        let both = |state| vec![("web".to_owned(), state), ("worker".to_owned(), state)];
        assert_eq!(on_engine(&stage), both("exited"), "stopped and kept");
        assert_eq!(log_tail(ctx, tess, &id, "web", 5).await.expect("readable"), ["hello"]);
        let own: Vec<_> = steps(&frozen).into_iter().skip(before.steps.len()).collect();
        let done = |words: [&str; 2]| words.map(|word| (word.to_owned(), StepState::Done));
        assert_eq!(own, done(["freeze worker", "freeze web"]), "who depends on the other goes first");
        assert_eq!(restart_service(ctx, tess, &id, "web").await, Err(Problem::NotNow { state: EnvironmentState::Frozen }));
        assert_eq!(frozen.row.lease_ends_at, before.row.lease_ends_at, "the lease goes on");

        thaw_environment(ctx, tess, &id).await.expect("asked");
        let view = stage.until(&id, EnvironmentState::Running).await;
        assert_eq!(on_engine(&stage), both("running"));
        let own: Vec<_> = steps(&view).into_iter().skip(before.steps.len()).collect();
        assert_eq!(own, done(["thaw web", "thaw worker"]));
        assert_eq!(view.row.links.len(), 1);
        assert_eq!(ends_of(&stage.engine.held().changes, "containers/create"), 2, "nothing was made anew");
        assert_eq!(thaw_environment(ctx, tess, &id).await, Err(Problem::NotNow { state: EnvironmentState::Running }));

        freeze_environment(ctx, tess, &id).await.expect("asked");
        stage.until(&id, EnvironmentState::Frozen).await;
        stage.app.clock.advance(Duration::from_secs(8 * 3600));
        ctx.work.environments.notify_one();
        let view = stage.until(&id, EnvironmentState::Stopped).await;
        assert_eq!(view.row.end_reason, Some(EndReason::LeaseEnded));
        assert!(stage.engine.held().containers.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_had_ended_before_the_freeze_is_not_started_by_the_thaw() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    stage.engine.held().ends.insert("web".to_owned(), 0);
    let web = stage.tagged("web", 1, "dev").await;
    stage.tagged("worker", 2, "dev").await;
    let id = stage.launch(&web, None).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    freeze_environment(&stage.app.ctx, &stage.people.tess, &id).await.expect("asked");
    stage.until(&id, EnvironmentState::Frozen).await;
    thaw_environment(&stage.app.ctx, &stage.people.tess, &id).await.expect("asked");
    stage.until(&id, EnvironmentState::Running).await;
    let starts: Vec<u32> = stage.engine.held().containers.values().map(|container| container.starts).collect();
    assert_eq!(starts.iter().sum::<u32>(), 3, "the job once, the worker twice: {starts:?}");
}

#[tokio::test]
async fn a_restart_brings_back_what_ended_and_happens_once() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.begin_work();
        stage.engine.held().ends.insert("web".to_owned(), 3);
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        stage.until(&id, EnvironmentState::Failed).await;
        let gone = Err(Problem::not_found(Noun::Service, "nothing"));
        assert_eq!(restart_service(ctx, tess, &id, "nothing").await, gone);

        restart_service(ctx, tess, &id, "web").await.expect("asked");
        let view = stage.until(&id, EnvironmentState::Failed).await;
        let last = steps(&view).pop().expect("a step");
        assert_eq!(last.0, "restart web");

        stage.engine.held().ends.clear();
        restart_service(ctx, tess, &id, "web").await.expect("asked");
        let view = stage.until(&id, EnvironmentState::Running).await;
        assert_eq!((view.failure.clone(), steps(&view).pop()), (None, Some(("restart web".to_owned(), StepState::Done))));
        let restarts = ends_of(&stage.engine.held().changes, "/restart");
        assert_eq!(restarts, 2);
    })
    .await;
}

/// As after a crash: the container was restarted, and nobody wrote it down.
#[tokio::test]
async fn a_restart_that_was_done_before_a_crash_is_not_done_again() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    let first = tokio::spawn(server::usecases::environments::work(stage.app.restarted().await));
    stage.until(&id, EnvironmentState::Running).await;
    first.abort();
    assert!(first.await.is_err(), "killed");
    restart_service(ctx, tess, &id, "web").await.expect("asked");
    stage.engine.held().containers.values_mut().for_each(|container| container.starts += 1);
    stage.begin_work();
    stage.until(&id, EnvironmentState::Running).await;
    assert_eq!(ends_of(&stage.engine.held().changes, "/restart"), 0);
}

#[tokio::test]
async fn freezing_is_for_the_holder_and_leads_and_has_its_time() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let tom = stage.app.person("tom", Role::Tester).await;
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        let early = Err(Problem::NotNow { state: EnvironmentState::Launching });
        assert_eq!(freeze_environment(ctx, &people.tess, &id).await, early);
        assert_eq!(restart_service(ctx, &people.tess, &id, "web").await, early);
        assert_eq!(thaw_environment(ctx, &people.leo, &id).await, early);
        assert_eq!(freeze_environment(ctx, &tom, &id).await, Err(Problem::NotTheHolder { holder: "tess".to_owned() }));
        let forbidden = Err(Problem::Forbidden { action: Action::KeepEnvironment });
        assert_eq!(freeze_environment(ctx, &people.vera, &id).await, forbidden);
        assert_eq!(thaw_environment(ctx, &people.pia, &id).await, forbidden);
        assert_eq!(restart_service(ctx, &people.vera, &id, "web").await, forbidden);
        stop_environment(ctx, &people.tess, &id).await.expect("stopped");
        assert_eq!(freeze_environment(ctx, &people.tess, &id).await, Err(Problem::Finished { state: "stopping".to_owned() }));
    })
    .await;
}

#[tokio::test]
async fn rest_freezes_thaws_and_restarts() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    let tess = stage.app.token(&stage.people.tess).await;
    for (what, state) in [
        ("services/web/restart", EnvironmentState::Running),
        ("freeze", EnvironmentState::Frozen),
        ("thaw", EnvironmentState::Running),
    ] {
        let (status, answer) = stage.app.rest(&tess, "POST", &format!("/api/v1/environments/{id}/{what}"), Value::Null).await;
        assert_eq!(status, 204, "{what}: {answer}");
        stage.until(&id, state).await;
    }
}
