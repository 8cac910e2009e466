//! What is launched by itself, and what its check says.

use super::stage::{Stage, input, steps};
use crate::common::{TestApp, eventually, on_each_database};
use app::view::VerdictInput;
use domain::Problem;
use domain::check::CheckState;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::{EndReason, EnvironmentState};
use domain::problem::Noun;
use domain::promotion::StepState;
use domain::verdict::VerdictKind;
use server::usecases::builds::build;
use server::usecases::environments::{launch_environment, launch_waiting, stop_environment};
use std::time::Duration;

/// `web` with a channel that launches by itself, `LAUNCH` being how.
const KEPT: &str = r#"
[[apps]]
name = "web"
image = "registry.test:5000/team/web"
port_label = 80
stack = "alone"
channels = [{ name = "dev", kind = "branch", tags = "dev", launch = { LAUNCH } }]
service = { port = 80 }

[[stacks]]
name = "checked"
compose = '''
services:
  web: { image: "${BUILD_WEB}" }
  test: { image: "${BUILD_WEB}", command: [run, tests], depends_on: [web] }
'''
"#;

const REPORT: &str = "2 cases\n<testsuite><testcase name=\"opens\"/><testcase classname=\"pay\" name=\"by card\">\
                      <failure message=\"was 402\"/></testcase></testsuite>\n";

async fn kept(app: TestApp, launch: &str) -> Stage {
    let stage = Stage::set(app).await;
    stage.app.apply(&KEPT.replace("LAUNCH", launch)).await;
    stage
}

async fn only(stage: &Stage) -> EnvironmentId {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM environments ORDER BY number DESC")
        .fetch_all(stage.app.ctx.store.read())
        .await
        .expect("rows");
    EnvironmentId(ids.first().expect("one").clone())
}

async fn actors(stage: &Stage, action: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT actor FROM audit WHERE action = $1 ORDER BY at")
        .bind(action)
        .fetch_all(stage.app.ctx.store.read())
        .await
        .expect("rows")
}

#[tokio::test]
async fn a_channel_keeps_one_environment_at_its_newest_build() {
    on_each_database(|app| async move {
        let stage = kept(app, "lease_hours = 5").await;
        let ctx = &stage.app.ctx;
        launch_waiting(ctx).await.expect("looked at");
        assert_eq!(stage.app.count("environments").await, 0, "no build came yet");
        let first = stage.tagged("web", 1, "dev").await;
        launch_waiting(ctx).await.expect("launched");
        launch_waiting(ctx).await.expect("once");
        let id = only(&stage).await;
        let view = stage.look(&id).await;
        assert_eq!((view.row.holder_name.as_str(), view.row.stack.as_str()), ("Slipway", "alone"));
        assert_eq!(view.row.builds[0].build, first);

        // Two more come while it is still on its way: the newest is put in place, in the same environment.
        stage.tagged("web", 2, "dev").await;
        let newest = stage.tagged("web", 3, "dev").await;
        launch_waiting(ctx).await.expect("waits");
        assert_eq!(stage.look(&id).await.row.generation, 1);
        stage.begin_work();
        stage.until(&id, EnvironmentState::Running).await;
        stage.app.clock.advance(Duration::from_secs(3600));
        launch_waiting(ctx).await.expect("replaced");
        let view = stage.until(&id, EnvironmentState::Running).await;
        assert_eq!((view.row.generation, &view.row.builds[0].build), (2, &newest));
        assert_eq!(view.row.lease_ends_at, ctx.now() + chrono::TimeDelta::hours(5), "the lease begins again");
        launch_waiting(ctx).await.expect("nothing new");
        assert_eq!((stage.app.count("environments").await, stage.app.count("environment_sets").await), (1, 2));
        assert_eq!(actors(&stage, "environment.launched").await, ["Slipway"]);
        assert_eq!(actors(&stage, "environment.replaced").await, ["Slipway"]);

        // Whoever stops it has stopped it until the next build comes.
        stop_environment(ctx, &stage.people.tess, &id).await.expect("stopped");
        stage.until(&id, EnvironmentState::Stopped).await;
        launch_waiting(ctx).await.expect("left alone");
        assert_eq!(stage.app.count("environments").await, 1);
        let bad = stage.tagged("web", 4, "dev").await;
        let fail = VerdictInput { build: bad, kind: VerdictKind::Fail, note: "no".to_owned(), environment: None };
        server::usecases::verdicts::record_verdict(ctx, &stage.people.tess, fail).await.expect("recorded");
        launch_waiting(ctx).await.expect("not that one");
        assert_eq!(stage.app.count("environments").await, 1, "a quarantined build is not launched");
        stage.tagged("web", 5, "dev").await;
        launch_waiting(ctx).await.expect("launched");
        assert_eq!(stage.app.count("environments").await, 2);
    })
    .await;
}

async fn checked(stage: &Stage, build_id: &BuildId) -> app::view::CheckView {
    eventually("the check has ended", || async {
        let view = build(&stage.app.ctx, &stage.people.vera, build_id).await.expect("a build");
        view.checks.into_iter().next().filter(|check| check.ended_at.is_some())
    })
    .await
}

#[tokio::test]
async fn a_check_is_evidence_with_its_failing_cases_and_no_verdict() {
    on_each_database(|app| async move {
        let stage = kept(app, "stack = \"checked\", check = \"test\"").await;
        stage.begin_work();
        stage.engine.held().ends.insert("test".to_owned(), 1);
        stage.engine.held().log = REPORT.to_owned();
        let bad = stage.tagged("web", 1, "dev").await;
        launch_waiting(&stage.app.ctx).await.expect("launched");
        let check = checked(&stage, &bad).await;
        assert_eq!((check.state, check.exit_code, check.generation), (CheckState::Failed, Some(1), 1));
        let report = check.report.expect("a report");
        assert_eq!((report.tests, report.failures), (2, 1));
        assert_eq!((report.failing[0].name.as_str(), report.failing[0].message.as_str()), ("by card", "was 402"));
        let id = only(&stage).await;
        let view = stage.look(&id).await;
        assert_eq!(view.row.state, EnvironmentState::Running, "a failed check fails no environment");
        assert_eq!(steps(&view).last(), Some(&("check test".to_owned(), StepState::Failed)));
        let judged = build(&stage.app.ctx, &stage.people.vera, &bad).await.expect("a build");
        assert!(judged.verdicts.is_empty() && !judged.row.standing.quarantined());
        assert_eq!(actors(&stage, "check.failed").await, ["Slipway"]);

        // The next build is checked anew, in the same environment.
        stage.engine.held().ends.insert("test".to_owned(), 0);
        stage.engine.held().log = "fine\n".to_owned();
        let good = stage.tagged("web", 2, "dev").await;
        launch_waiting(&stage.app.ctx).await.expect("replaced");
        let check = checked(&stage, &good).await;
        assert_eq!((check.state, check.generation, check.report), (CheckState::Passed, 2, None));
        let held = stage.engine.held();
        let tests: Vec<_> = held.containers.values().filter(|one| one.body["Labels"]["slipway.service"] == "test").collect();
        assert_eq!(tests.len(), 1, "the one before is gone");
        assert_eq!(tests[0].body["Labels"]["slipway.generation"], "2");
    })
    .await;
}

#[tokio::test]
async fn an_environment_that_was_only_for_its_check_is_stopped_afterwards() {
    let stage = kept(TestApp::sqlite().await, "stack = \"checked\", check = \"test\", stop = true").await;
    stage.begin_work();
    stage.engine.held().ends.insert("test".to_owned(), 0);
    let web = stage.tagged("web", 1, "dev").await;
    launch_waiting(&stage.app.ctx).await.expect("launched");
    assert_eq!(checked(&stage, &web).await.state, CheckState::Passed);
    let view = stage.until(&only(&stage).await, EnvironmentState::Stopped).await;
    assert_eq!(view.row.end_reason, Some(EndReason::CheckEnded));
    assert!(stage.engine.held().containers.is_empty(), "nothing is left");

    // A person's launch leaves the check out unless it asks for it.
    let mut asked = input(&web);
    asked.stack = Some("checked".to_owned());
    let id = launch_environment(&stage.app.ctx, &stage.people.tess, asked.clone()).await.expect("launched");
    let view = stage.until(&id, EnvironmentState::Running).await;
    let services: Vec<&str> = view.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!((services, view.checks.len()), (vec!["web"], 0));
    asked.check = Some("nothing".to_owned());
    let refused = launch_environment(&stage.app.ctx, &stage.people.tess, asked).await;
    assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "check"), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_be_launched_by_itself_is_tried_again_later() {
    let stage = kept(TestApp::sqlite().await, "lease_hours = 5").await;
    let ctx = &stage.app.ctx;
    let engine = |url: &str| format!("[[engines]]\nname = \"test\"\nurl = \"{url}\"\naddress = \"x\"\n");
    let url = ctx.config().config.engine("test").expect("one").url.clone();
    stage.app.apply(&engine("tcp://127.0.0.1:1")).await;
    stage.tagged("web", 1, "dev").await;
    launch_waiting(ctx).await.expect("put off");
    let problem: String =
        sqlx::query_scalar("SELECT problem FROM automatic_launches").fetch_one(ctx.store.read()).await.expect("a row");
    let problem: Problem = serde_json::from_str(&problem).expect("a problem");
    assert_eq!(problem, Problem::Unreachable { what: Noun::Engine, name: "test".to_owned() });
    stage.app.apply(&engine(&url)).await;
    launch_waiting(ctx).await.expect("not yet");
    assert_eq!(stage.app.count("environments").await, 0, "it waits for its time");
    stage.app.clock.advance(Duration::from_secs(16));
    launch_waiting(ctx).await.expect("launched");
    assert_eq!(stage.app.count("environments").await, 1);
    assert_eq!(actors(&stage, "environment.not_launched").await, [""; 0], "nothing was given up");
}
