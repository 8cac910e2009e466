//! Logs of real containers.

use super::bench::Bench;
use app::view::LogQuery;
use axum::body::{Body, BodyDataStream};
use domain::Role;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use futures::StreamExt as _;
use http::Request;
use server::usecases::environments::log_page;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

const TALKERS: &str = r#"
[[stacks]]
name = "counter"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'n=0; while [ $$n -lt 3000 ]; do n=$$((n+1)); echo line $$n; done; sleep 1; echo bad >&2; sleep 1; echo last'] } }"

[[stacks]]
name = "huge"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'dd if=/dev/urandom bs=1M count=4 2>/dev/null; head -c 100000000 /dev/zero | tr \\\\0 x; echo; echo the end of it; sleep 1'] } }"

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
    assert!(
        text.contains(r#"{"s":"err","t":"bad","at":"#) && text.contains(r#"{"s":"out","t":"last","at":"#),
        "the end of the log"
    );
    assert!(!text.contains("event: gap"));
    let again = until(&mut open(&bench, &token, &id, 3).await, "event: end").await;
    assert_eq!(again.matches(r#"{"s":"#).count(), 3, "{again}");
    bench.stop(&id).await;
}

/// A hundred megabytes without a line's end and half of it no text: what the engine keeps of it is
/// searched and sent in pieces, and the server grows by little.
#[tokio::test]
async fn a_huge_binary_log_is_searched_and_sent_within_bounds() {
    let Some(bench) = Bench::set_up(TALKERS).await else { return };
    bench.begin_work();
    let vera = bench.app.person("vera", Role::Viewer).await;
    let token = bench.app.token(&vera).await;
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "huge").await;
    bench.until(&id, EnvironmentState::Running).await;
    let over = async || bench.look(&id).await.services[0].state == "exited (0)";
    let ended = tokio::time::timeout(Duration::from_secs(90), async {
        while !over().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    ended.await.expect("all of it is written");
    let before = resident();
    let request = Request::builder().uri(format!("/environments/{id}/log.txt?service=web"));
    let request = request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request");
    let response = server::http::outside(&bench.app.ctx).router.oneshot(request).await.expect("an answer");
    let mut body = response.into_body().into_data_stream();
    let (mut bytes, mut most) = (0, 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.expect("a chunk");
        bytes += chunk.len();
        most = most.max(chunk.len());
    }
    assert!(bytes > 5 << 20 && most < 200 << 10, "{bytes} bytes in pieces of at most {most}");
    let query = LogQuery { service: Some("web".to_owned()), q: Some("the end of it".to_owned()), ..LogQuery::default() };
    let found = log_page(&bench.app.ctx, &vera, &id, &query).await.expect("searched");
    assert_eq!((found.found, found.lines.last().map(|line| line.text.as_str())), (Some(1), Some("the end of it")));
    let grown = resident().saturating_sub(before);
    assert!(grown < 48 << 20, "it grew by {} MB", grown >> 20);
    bench.stop(&id).await;
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("statm");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
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
