//! Logs of real containers.

use super::bench::Bench;
use axum::body::{Body, BodyDataStream};
use domain::Role;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use futures::StreamExt as _;
use http::Request;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

const TALKERS: &str = r#"
[[stacks]]
name = "counter"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'n=0; while [ $$n -lt 3000 ]; do n=$$((n+1)); echo line $$n; done; sleep 1; echo bad >&2; sleep 1; echo last'] } }"

[[stacks]]
name = "slow"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'sleep 1; echo begun; sleep 600'] } }"

[[stacks]]
name = "flood"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'] } }"
"#;

async fn open(bench: &Bench, token: &str, id: &EnvironmentId, tail: u32) -> BodyDataStream {
    let request = Request::builder().uri(format!("/environments/{id}/logs/web?tail={tail}"));
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request");
    let response = server::http::outside(&bench.app.ctx).router.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

async fn until(stream: &mut BodyDataStream, word: &str) -> String {
    let read = tokio::time::timeout(Duration::from_secs(20), async {
        let mut text = String::new();
        while let Some(chunk) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk.expect("a chunk")));
            if text.contains(word) {
                break;
            }
        }
        text
    });
    read.await.expect("in time")
}

#[tokio::test]
async fn a_log_is_followed_from_its_last_lines_to_its_end() {
    let Some(bench) = Bench::set_up(TALKERS).await else { return };
    bench.begin_work();
    let vera = bench.app.person("vera", Role::Viewer).await;
    let token = bench.app.token(&vera).await;
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "counter").await;
    bench.until(&id, EnvironmentState::Running).await;
    let mut stream = open(&bench, &token, &id, 1000).await;
    let text = until(&mut stream, "event: end").await;
    assert!(text.contains(r#"{"s":"err","t":"bad"}"#) && text.contains(r#"{"s":"out","t":"last"}"#), "the end of the log");
    assert!(!text.contains("event: gap"));
    let again = until(&mut open(&bench, &token, &id, 3).await, "event: end").await;
    assert_eq!(again.matches(r#"{"s":"#).count(), 3, "{again}");
    bench.stop(&id).await;
}

#[tokio::test]
async fn a_log_can_be_opened_before_the_container_is_there() {
    let Some(bench) = Bench::set_up(TALKERS).await else { return };
    let vera = bench.app.person("vera", Role::Viewer).await;
    let token = bench.app.token(&vera).await;
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "slow").await;
    let mut stream = open(&bench, &token, &id, 10).await;
    bench.begin_work();
    until(&mut stream, "begun").await;
    bench.until(&id, EnvironmentState::Running).await;
    bench.stop(&id).await;
    until(&mut stream, "event: end").await;
}

/// A flood is read by one viewer who keeps up and one who does not read at all.
#[tokio::test]
async fn a_stalled_reader_of_a_flood_costs_nothing_and_holds_nobody_back() {
    let Some(bench) = Bench::set_up(TALKERS).await else { return };
    bench.begin_work();
    let vera = bench.app.person("vera", Role::Viewer).await;
    let token = bench.app.token(&vera).await;
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "flood").await;
    bench.until(&id, EnvironmentState::Running).await;
    let mut stalled = open(&bench, &token, &id, 0).await;
    until(&mut stalled, "event: line").await;
    let mut reading = open(&bench, &token, &id, 0).await;
    let (began, mut bytes) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(3) {
        let chunk = reading.next().await.expect("more").expect("a chunk");
        assert!(!chunk.starts_with(b"event: gap"), "who reads loses nothing");
        bytes += chunk.len();
    }
    println!("{} MB/s of events", bytes as u128 / began.elapsed().as_micros().max(1));
    assert!(bytes > 1 << 20, "{bytes}");
    let missed = until(&mut stalled, "event: gap").await;
    assert!(missed.len() < 2 << 20, "a bounded past is kept for it: {}", missed.len());
    drop((stalled, reading));
    bench.stop(&id).await;
}
