//! Logs that stay with a build when its environment is gone.

use super::stage::Stage;
use crate::common::{TestApp, on_each_database};
use app::view::VerdictInput;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::EnvironmentState;
use domain::verdict::VerdictKind;
use domain::{Action, Problem};
use serde_json::Value;
use server::usecases::environments::{keep_waiting, log_of_build, logs_of_build, stop_environment};
use server::usecases::verdicts::record_verdict;

async fn judged(stage: &Stage, build: &BuildId, environment: &EnvironmentId) {
    let verdict = VerdictInput {
        build: build.clone(),
        kind: VerdictKind::Fail,
        note: "it loses jobs".to_owned(),
        environment: Some(environment.clone()),
    };
    record_verdict(&stage.app.ctx, &stage.people.tess, verdict).await.expect("recorded");
}

#[tokio::test]
async fn when_a_verdict_falls_the_logs_are_kept_and_outlive_the_environment() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.begin_work();
        stage.engine.held().log = "ready\nno \x1b[31mdatabase\x1b[0m\n".to_owned();
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let web = stage.tagged("web", 1, "dev").await;
        stage.tagged("worker", 2, "dev").await;
        let id = stage.launch(&web, None).await.expect("launched");
        stage.until(&id, EnvironmentState::Running).await;
        judged(&stage, &web, &id).await;
        let seen = logs_of_build(ctx, &people.vera, &web).await.expect("seen");
        assert!(seen.waiting && seen.logs.is_empty(), "the verdict did not wait for them");
        // Nobody came to it before the end: it is done before anything is removed.
        stop_environment(ctx, &people.tess, &id).await.expect("stopped");
        stage.until(&id, EnvironmentState::Stopped).await;
        let seen = logs_of_build(ctx, &people.vera, &web).await.expect("seen");
        let services: Vec<_> = seen.logs.iter().map(|log| (log.service.as_str(), log.lines, log.environment_number)).collect();
        assert_eq!((services, seen.waiting), (vec![("web", 2, 1), ("worker", 2, 1)], false));
        let (_, text) = log_of_build(ctx, &people.vera, &web, &seen.logs[0].id).await.expect("read");
        assert_eq!(text, "ready\nno database", "made safe");
        let forbidden = Err(Problem::Forbidden { action: Action::Read });
        assert_eq!(logs_of_build(ctx, &crate::common::a_hook(), &web).await.map(|_| ()), forbidden);
        assert_eq!(log_of_build(ctx, &crate::common::a_hook(), &web, "x").await.map(|_| ()), forbidden);
        assert!(log_of_build(ctx, &people.vera, &BuildId("other".to_owned()), &seen.logs[0].id).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_away_does_not_hold_a_verdict_up_and_is_asked_again() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let ctx = &stage.app.ctx;
    let working = tokio::spawn(server::usecases::environments::work(stage.app.restarted().await));
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    working.abort();
    let there = ctx.config().config.engine("test").expect("the stage's").url.clone();
    let put = |url: String| format!("[[engines]]\nname = \"test\"\nurl = \"{url}\"\naddress = \"x\"\n");
    stage.app.apply(&put("tcp://127.0.0.1:1".to_owned())).await;
    judged(&stage, &web, &id).await;
    keep_waiting(ctx).await.expect("tried");
    assert!(logs_of_build(ctx, &stage.people.vera, &web).await.expect("seen").waiting);
    stage.app.apply(&put(there)).await;
    keep_waiting(ctx).await.expect("done");
    keep_waiting(ctx).await.expect("nothing left");
    let seen = logs_of_build(ctx, &stage.people.vera, &web).await.expect("seen");
    assert_eq!((seen.logs.len(), seen.waiting), (1, false));
    let vera = stage.app.token(&stage.people.vera).await;
    let path = format!("/api/v1/builds/{web}/logs");
    let (status, listed) = stage.app.rest(&vera, "GET", &path, Value::Null).await;
    assert_eq!((status.as_u16(), listed["logs"][0]["service"].as_str()), (200, Some("web")));
    let (status, _) = stage.app.rest(&vera, "GET", &format!("{path}/{}", seen.logs[0].id), Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(stage.app.rest(&vera, "GET", &format!("{path}/nothing"), Value::Null).await.0, 404);
}
