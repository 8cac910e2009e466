//! Logs as they come to an open page.

use super::stage::Stage;
use crate::common::TestApp;
use axum::body::{Body, BodyDataStream};
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use futures::StreamExt as _;
use http::{Request, StatusCode};
use server::usecases::people::set_disabled;
use std::time::Duration;
use tower::ServiceExt as _;

/// A running environment whose service wrote `log`.
async fn written(log: &str, ends: Option<i64>) -> (Stage, EnvironmentId) {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.engine.held().log = log.to_owned();
    stage.engine.held().ends = ends.map(|code| ("web".to_owned(), code)).into_iter().collect();
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    (stage, id)
}

/// Opens the stream as vera.
async fn open(stage: &Stage, token: &str, id: &EnvironmentId, rest: &str) -> (StatusCode, BodyDataStream) {
    let request = Request::builder().uri(format!("/environments/{id}/logs/{rest}"));
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request");
    let response = server::http::outside(&stage.app.ctx).router.oneshot(request).await.expect("an answer");
    (response.status(), response.into_body().into_data_stream())
}

async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time");
    next.map(|chunk| String::from_utf8(chunk.expect("a chunk").to_vec()).expect("text"))
}

#[tokio::test]
async fn a_reader_gets_the_last_lines_and_the_end() {
    let (stage, id) = written("one\ntwo\nthree \x1b[2J<b>\n", Some(0)).await;
    let vera = stage.app.token(&stage.people.vera).await;
    let (status, mut stream) = open(&stage, &vera, &id, "web?tail=2").await;
    assert_eq!(status, 200);
    let lines = r#"[{"s":"out","t":"two"},{"s":"out","t":"three <b>"}]"#;
    assert_eq!(next(&mut stream).await.as_deref(), Some(format!("event: line\ndata: {lines}\n\n").as_str()));
    assert_eq!(next(&mut stream).await.as_deref(), Some("event: end\ndata: {}\n\n"));
    assert_eq!(next(&mut stream).await, None);
    assert_eq!(stage.app.ctx.logs.followed(), 0);
}

#[tokio::test]
async fn many_readers_of_one_container_ask_the_engine_once() {
    let (stage, id) = written("one\n", None).await;
    let vera = stage.app.token(&stage.people.vera).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let (_, mut stream) = open(&stage, &vera, &id, "web").await;
        assert!(next(&mut stream).await.expect("a line").contains("one"));
        streams.push(stream);
    }
    assert_eq!(stage.app.ctx.logs.followed(), 1);
    drop(streams);
    crate::common::eventually("nobody follows", || async { (stage.app.ctx.logs.followed() == 0).then_some(()) }).await;
}

#[tokio::test]
async fn whoever_is_put_out_of_use_reads_no_further() {
    let (stage, id) = written("one\n", None).await;
    let vera = stage.app.token(&stage.people.vera).await;
    let (_, mut stream) = open(&stage, &vera, &id, "web").await;
    next(&mut stream).await.expect("a line");
    let person = &stage.people.vera.person().expect("a person").id;
    set_disabled(&stage.app.ctx, &stage.people.adam, person, true).await.expect("disabled");
    assert_eq!(next(&mut stream).await, None, "closed, without an end of the log");
}

#[tokio::test]
async fn only_what_is_there_can_be_followed_and_only_by_who_is_signed_in() {
    let (stage, id) = written("", None).await;
    let vera = stage.app.token(&stage.people.vera).await;
    let unknown = EnvironmentId("unknown".to_owned());
    for (token, id, service, wanted) in [
        ("nobody", &id, "web", StatusCode::UNAUTHORIZED),
        (vera.as_str(), &id, "database", StatusCode::NOT_FOUND),
        (vera.as_str(), &unknown, "web", StatusCode::NOT_FOUND),
        (vera.as_str(), &id, "web?tail=many", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (status, _) = open(&stage, token, id, service).await;
        assert!(status == wanted || (token == "nobody" && status.is_redirection()), "{service}: {status}");
    }
    let mut open_ones = Vec::new();
    for _ in 0..30 {
        open_ones.push(open(&stage, &vera, &id, "web").await);
    }
    assert_eq!(open(&stage, &vera, &id, "web").await.0, StatusCode::SERVICE_UNAVAILABLE, "30 streams for one person");
}
