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
    let lines = r#"[{"s":"out","t":"two","at":1796436001000},{"s":"out","t":"three <b>","at":1796436002000}]"#;
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

/// A running environment of two services, whose logs are of the same moments.
async fn two(log: &str) -> (Stage, EnvironmentId, String) {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.engine.held().log = log.to_owned();
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    stage.tagged("worker", 2, "dev").await;
    let id = stage.launch(&web, Some("shop")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    let vera = stage.app.token(&stage.people.vera).await;
    (stage, id, vera)
}

#[tokio::test]
async fn logs_of_all_services_come_together_in_the_order_of_time() {
    let (stage, id, vera) = two("one\ntwo\n").await;
    let request = Request::builder().uri(format!("/environments/{id}/logs?tail=3"));
    let request = request.header("authorization", format!("Bearer {vera}")).body(Body::empty()).expect("a request");
    let response = server::http::outside(&stage.app.ctx).router.oneshot(request).await.expect("an answer");
    let mut stream = response.into_body().into_data_stream();
    let told = next(&mut stream).await.expect("lines");
    let data = told.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let lines: Vec<serde_json::Value> = serde_json::from_str(data).expect("json");
    let told: Vec<(u64, &str)> =
        lines.iter().map(|line| (line["i"].as_u64().expect("a place"), line["t"].as_str().expect("text"))).collect();
    assert_eq!(told, [(1, "one"), (0, "two"), (1, "two")], "the last three of four");
    assert_eq!(stage.app.ctx.logs.followed(), 2);
}

#[tokio::test]
async fn what_is_sought_is_counted_and_the_newest_of_it_shown() {
    let log: String = (0..50).map(|n| if n % 5 == 0 { format!("Error {n}\n") } else { format!("fine {n}\n") }).collect();
    let (stage, id, vera) = two(&log).await;
    let browser = crate::browser::Browser::new(&stage.app).bearer(&vera);
    let page = browser.get(&format!("/api/v1/environments/{id}/logs?service=web&q=eRROR&lines=3")).await.json();
    assert_eq!((page["found"].as_u64(), page["read"].as_u64(), page["whole"].as_bool()), (Some(10), Some(50), Some(true)));
    let texts: Vec<&str> =
        page["lines"].as_array().expect("lines").iter().map(|line| line["text"].as_str().expect("text")).collect();
    assert_eq!(texts, ["Error 35", "Error 40", "Error 45"]);
    let page = browser.get(&format!("/api/v1/environments/{id}/logs?lines=4")).await.json();
    let end: Vec<String> =
        page["lines"].as_array().expect("lines").iter().map(|line| format!("{} {}", line["service"], line["text"])).collect();
    assert_eq!(end, [r#""web" "fine 48""#, r#""worker" "fine 48""#, r#""web" "fine 49""#, r#""worker" "fine 49""#]);
    for (query, status) in [("lines=0", 422), ("lines=1001", 422), ("since=yesterday", 422), ("service=none", 404)] {
        assert_eq!(browser.get(&format!("/api/v1/environments/{id}/logs?{query}")).await.status, status, "{query}");
    }
    let long = "x".repeat(201);
    assert_eq!(browser.get(&format!("/api/v1/environments/{id}/logs?q={long}")).await.status, 422);
}

#[tokio::test]
async fn a_log_is_downloaded_as_it_was_written_and_never_shown_as_a_page() {
    let (stage, id, vera) = two("one \x1b[31mred\x1b[0m\n<script>\n").await;
    let browser = crate::browser::Browser::new(&stage.app).bearer(&vera);
    let reply = browser.get(&format!("/environments/{id}/log.txt?service=web")).await;
    assert_eq!(reply.body, "one \x1b[31mred\x1b[0m\n<script>\n");
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"E-1-web.log\"");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    let reply = browser.get(&format!("/api/v1/environments/{id}/log.txt?times=true")).await;
    let lines: Vec<&str> = reply.body.lines().collect();
    assert_eq!(lines[0], "2026-12-05T02:00:00.000000Z web | one \x1b[31mred\x1b[0m");
    assert_eq!((lines.len(), lines[3]), (4, "2026-12-05T02:00:01.000000Z worker | <script>"));
    assert_eq!(browser.get(&format!("/environments/{id}/log.txt?service=none")).await.status, StatusCode::NOT_FOUND);
}
