//! A real server is killed while builders deliver, and started again: what was answered is there, and
//! nothing is there twice.
#![allow(clippy::disallowed_methods, reason = "the server is a program here")]

use super::NOON;
use crate::common::{TestApp, eventually};
use crate::registry::FakeRegistry;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const DELIVERIES: usize = 1500;
const SENDERS: usize = 16;
/// It is killed when so many were answered.
const KILLS: [usize; 3] = [211, 640, 1187];

/// `slipway serve` on the story's database. It dies with the story.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Serving {
    fn start(app: &TestApp, address: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .arg("serve")
            .env("SLIPWAY_DATABASE_URL", &app.ctx.settings.database_url)
            .env("SLIPWAY_SECRET_KEY_FILE", app.ctx.settings.secret_key_file.as_ref().expect("a key"))
            .env("SLIPWAY_LISTEN", address)
            .env("SLIPWAY_LOG", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slipway serve starts");
        Self(child)
    }
}

/// What the senders know: which delivery stands for each event that was answered, and what went wrong.
#[derive(Default)]
struct Told {
    next: AtomicUsize,
    answered: AtomicUsize,
    cut_off: AtomicUsize,
}

/// Sends one event after the other, each until it is answered, as builders do.
async fn send(url: &str, told: &Told, registry: &FakeRegistry, digest: &domain::Digest) -> BTreeMap<usize, Option<String>> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let mut known = BTreeMap::new();
    loop {
        let n = told.next.fetch_add(1, Ordering::SeqCst);
        if n >= DELIVERIES {
            return known;
        }
        let tag = format!("release-v5.{}.{:02}.{:02}", n / 900 + 1, n / 90 % 10 + 1, n % 90 + 1);
        let body = json!({ "events": [registry.event(&format!("e{n}"), NOON, "team/web", &tag, digest)] }).to_string();
        let answer = eventually("an answer", || async {
            let answer = client.post(url).body(body.clone()).send().await;
            let whole = match answer {
                Ok(answer) if answer.status().is_success() => answer.bytes().await.ok(),
                _ => None,
            };
            told.cut_off.fetch_add(usize::from(whole.is_none()), Ordering::SeqCst);
            whole
        });
        let answer: serde_json::Value = serde_json::from_slice(&answer.await).expect("JSON");
        known.insert(n, answer["delivery"].as_str().map(str::to_owned));
        told.answered.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_builders_deliver_it_loses_nothing_and_counts_nothing_twice() {
    let app = TestApp::sqlite().await;
    let registry = FakeRegistry::start().await;
    app.apply(&crate::common::TWO_APPS.replace("registry.test:5000", &registry.host())).await;
    let digest = registry.push("team/web", "dev", json!({}));
    let key = app.hook("registry", "distribution").await.key.expect("a key");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let (address, url) = (free.to_string(), format!("http://{free}/hooks/distribution/{key}"));
    let told = Told::default();
    let senders = futures::future::join_all((0..SENDERS).map(|_| send(&url, &told, &registry, &digest)));
    let killer = async {
        let mut serving = Serving::start(&app, &address);
        for after in KILLS {
            let come = || async { (told.answered.load(Ordering::SeqCst) >= after).then_some(()) };
            eventually("enough were answered", come).await;
            drop(serving);
            serving = Serving::start(&app, &address);
        }
        serving
    };
    let (known, serving) = tokio::join!(senders, killer);
    let known: BTreeMap<usize, Option<String>> = known.into_iter().flatten().collect();
    assert_eq!(known.len(), DELIVERIES);
    assert!(told.cut_off.load(Ordering::SeqCst) > 0, "nobody was cut off: it was not killed under load");

    let done = || async {
        let waiting = "SELECT COUNT(*) FROM deliveries WHERE state = 'stored'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(app.ctx.store.read()).await.expect("a number");
        (waiting == 0).then_some(())
    };
    eventually("all is processed", done).await;
    drop(serving);
    let rows = sqlx::query_as("SELECT e.event, e.delivery_id FROM delivery_events e JOIN deliveries d ON d.id = e.delivery_id");
    let rows: Vec<(String, String)> = rows.fetch_all(app.ctx.store.read()).await.expect("events");
    let kept: BTreeMap<String, String> = rows.into_iter().collect();
    for (n, delivery) in &known {
        let stored = kept.get(&format!("e{n}")).unwrap_or_else(|| panic!("e{n} was answered and is lost"));
        assert!(delivery.as_ref().is_none_or(|delivery| delivery == stored), "e{n} is stored as {stored}, not {delivery:?}");
    }
    let effective = "SELECT COUNT(*) FROM deliveries WHERE state = 'done'";
    let effective: i64 = sqlx::query_scalar(effective).fetch_one(app.ctx.store.read()).await.expect("a number");
    // The one tag that is in the registry was found there after a start.
    let moves = "SELECT COUNT(*) FROM tag_moves WHERE tag <> 'dev'";
    let moves: i64 = sqlx::query_scalar(moves).fetch_one(app.ctx.store.read()).await.expect("a number");
    let all = i64::try_from(DELIVERIES).expect("few");
    assert_eq!([effective, app.count("delivery_events").await, moves], [all; 3]);
    assert_eq!(app.count("builds").await, 1);
}
