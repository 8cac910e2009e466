//! An environment from inside, as far as it goes without a real engine.

use super::stage::Stage;
use crate::browser::Browser;
use crate::common::{TestApp, on_each_database};
use domain::happening::Happening;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::{Action, Problem};
use http::StatusCode;
use server::engine::containers::Happened;
use server::store::happenings::{MOST_KEPT, insert, trim};
use server::usecases::environments::{happenings, inspect, open_shell, processes, usage, watch_usage};
use std::time::Duration;

async fn running(app: TestApp) -> (Stage, EnvironmentId) {
    let stage = Stage::set(app).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    (stage, id)
}

fn happened(stage: &Stage, id: &EnvironmentId, key: &str, millis: i64, what: Happening) -> Happened {
    let at = stage.app.ctx.now() + chrono::Duration::milliseconds(millis);
    Happened {
        environment: id.0.clone(),
        service: "web".to_owned(),
        at,
        what: Some(what),
        exit_code: (what == Happening::Ended).then_some(3),
        key: key.to_owned(),
        is_end: what == Happening::Ended,
    }
}

async fn write(stage: &Stage, all: &[Happened]) -> usize {
    let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
    let mut written = 0;
    for one in all {
        written += usize::from(insert(&mut tx, one).await.expect("written"));
        trim(&mut tx, &one.environment).await.expect("trimmed");
    }
    tx.commit().await.expect("kept");
    written
}

#[tokio::test]
async fn what_an_engine_tells_twice_stands_in_the_timeline_once() {
    on_each_database(|app| async move {
        let (stage, id) = running(app).await;
        let started = happened(&stage, &id, "c started 1", 0, Happening::Started);
        let ended = happened(&stage, &id, "c ended 2", 50, Happening::Ended);
        assert_eq!(write(&stage, &[started.clone(), ended.clone()]).await, 2);
        assert_eq!(write(&stage, &[started, ended]).await, 0, "told again after a reconnection");
        let seen = happened(&stage, &id, "seen c ended 3", 900, Happening::Ended);
        assert_eq!(write(&stage, &[seen]).await, 0, "what was heard is not seen again");
        let seen = happened(&stage, &id, "seen c started 4", 60_000, Happening::Started);
        assert_eq!(write(&stage, &[seen]).await, 1, "what nobody heard is");
        let heard = happened(&stage, &id, "c started 5", 60_010, Happening::Started);
        assert_eq!(write(&stage, &[heard]).await, 1);
        let unknown =
            Happened { environment: "another installation's".to_owned(), ..happened(&stage, &id, "x", 0, Happening::Started) };
        assert_eq!(write(&stage, &[unknown]).await, 0);
        let told = happenings(&stage.app.ctx, &stage.people.vera, &id).await.expect("a timeline");
        let told: Vec<_> = told.iter().map(|one| (one.what, one.exit_code)).collect();
        assert_eq!(told, [(Happening::Started, None), (Happening::Ended, Some(3)), (Happening::Started, None)]);
    })
    .await;
}

#[tokio::test]
async fn a_timeline_is_bounded_however_often_a_container_falls() {
    let (stage, id) = running(TestApp::sqlite().await).await;
    let fall = |n: i64| happened(&stage, &id, &format!("c {n:05}"), n * 10, Happening::Ended);
    let many: Vec<Happened> = (0..MOST_KEPT + 100).map(fall).collect();
    write(&stage, &many).await;
    assert_eq!(stage.app.count("happenings").await, MOST_KEPT);
    let newest = happenings(&stage.app.ctx, &stage.people.vera, &id).await.expect("a timeline");
    assert_eq!((newest.len(), newest[0].at), (200, many.last().expect("one").at));
}

#[tokio::test]
async fn only_those_who_may_open_a_shell_do_and_only_from_our_own_page() {
    let (stage, id) = running(TestApp::sqlite().await).await;
    let (ctx, people) = (&stage.app.ctx, &stage.people);
    for other in [&people.vera, &people.pia, &people.adam, &domain::Actor::Slipway, &crate::common::a_hook()] {
        let refused = open_shell(ctx, other, &id, "web", (80, 24)).await.err();
        assert_eq!(refused, Some(Problem::Forbidden { action: Action::OpenShell }), "{}", other.label());
    }
    let path = format!("/environments/{id}/services/web/shell/socket");
    let browser = || Browser::new(&stage.app).with("accept", "*/*");
    assert_eq!(browser().get(&path).await.status, StatusCode::UNAUTHORIZED);
    let vera = browser().signed_in(&stage.app, &people.vera).await;
    assert_eq!(vera.with("origin", "http://127.0.0.1:3000").get(&path).await.code(), "forbidden");
    for origin in ["http://evil.test", "null", "http://127.0.0.1:3000.evil.test", "https://127.0.0.1:3000", ""] {
        let tess = browser().signed_in(&stage.app, &people.tess).await;
        let reply = tess.with("origin", origin).get(&path).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::FORBIDDEN, "cross_site"), "{origin}");
    }
    let tess = browser().signed_in(&stage.app, &people.tess).await;
    assert_eq!(tess.get(&path).await.code(), "cross_site", "a browser says where it comes from");
    let reply = tess.with("origin", "http://127.0.0.1:3000").get(&path).await;
    assert_eq!(reply.code(), "invalid", "let in, and told to use a WebSocket");
    assert_eq!(stage.app.ctx.shells.open(), 0);
    assert!(stage.engine.held().changes.iter().all(|change| !change.contains("exec")), "nothing was begun");
}

#[tokio::test]
async fn nobody_looks_into_what_is_not_there() {
    let (stage, id) = running(TestApp::sqlite().await).await;
    let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
    let unknown = EnvironmentId("unknown".to_owned());
    assert!(matches!(usage(ctx, vera, &unknown).await, Err(Problem::NotFound { .. })));
    assert!(matches!(processes(ctx, vera, &unknown).await, Err(Problem::NotFound { .. })));
    assert!(matches!(happenings(ctx, vera, &unknown).await, Err(Problem::NotFound { .. })));
    assert!(matches!(inspect(ctx, vera, &id, "database").await, Err(Problem::NotFound { .. })));
    assert!(matches!(open_shell(ctx, &stage.people.tess, &id, "database", (80, 24)).await.err(), Some(Problem::NotFound { .. })));
    assert!(matches!(open_shell(ctx, &stage.people.tess, &unknown, "web", (80, 24)).await.err(), Some(Problem::NotFound { .. })));
    for hook in [crate::common::a_hook()] {
        let read = Problem::Forbidden { action: Action::Read };
        assert_eq!(watch_usage(ctx, &hook, &id).await.map(|_| ()).err(), Some(read.clone()));
        assert_eq!(processes(ctx, &hook, &id).await.err(), Some(read.clone()));
        assert_eq!(inspect(ctx, &hook, &id, "web").await.err(), Some(read));
    }
}

#[tokio::test]
async fn what_is_inspected_shows_no_secret() {
    let (stage, id) = running(TestApp::sqlite().await).await;
    for container in stage.engine.held().containers.values_mut() {
        container.body["Env"] = serde_json::json!(["NOT_IN_THE_STACK=hunter2", "API_TOKEN=hunter2"]);
    }
    let told = inspect(&stage.app.ctx, &stage.people.vera, &id, "web").await.expect("told").json;
    assert!(told.contains("NOT_IN_THE_STACK=••••••") && !told.contains("hunter2"), "{told}");
    assert!(told.contains("\"Privileged\": false") && !told.contains("MaskedPaths"), "{told}");
}

#[tokio::test]
async fn plots_are_measured_once_for_all_who_look_and_not_at_all_when_nobody_does() {
    let (stage, id) = running(TestApp::sqlite().await).await;
    let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
    assert_eq!(ctx.stats.watched(), 0);
    let mut first = watch_usage(ctx, vera, &id).await.expect("watched");
    let second = watch_usage(ctx, vera, &id).await.expect("watched");
    tokio::time::timeout(Duration::from_secs(10), async {
        while first.now()[0].samples.len() < 3 {
            first.grown().await;
        }
    })
    .await
    .expect("samples");
    assert_eq!((ctx.stats.watched(), stage.engine.held().measured), (1, 1), "the engine was asked once");
    let usage = &second.now()[0];
    assert_eq!((usage.memory, usage.memory_limit, usage.measured), (3 << 20, 512 << 20, true));
    assert_eq!((usage.samples[0].cpu, usage.samples[0].received), (250, 1000));
    drop((first, second));
    crate::common::eventually("nothing is measured", || async { (ctx.stats.watched() == 0).then_some(()) }).await;
}
