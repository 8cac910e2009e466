//! Many senders at once: one commit, and each hears what became of its own.

use super::{Intake, NOON};
use crate::common::{TestApp, on_each_database};
use crate::registry::digest;
use domain::{Actor, Problem};
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use server::hub::{Hint, Topic};
use server::intake::Headers;
use server::store::hooks::HookRow;
use server::store::{Backend, Tx};
use server::usecases::hooks;
use server::usecases::intake::{Accepted, accept};
use tokio::sync::broadcast::Receiver;

/// Keeps the writer from writing until it is dropped, so that whoever comes has to wait.
async fn held_up(app: &TestApp) -> Tx {
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    if app.ctx.store.backend() == Backend::Postgres {
        sqlx::query("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE").execute(&mut *tx).await.expect("locked");
    }
    tx
}

/// How often open pages were told of deliveries: once a commit.
fn commits(hints: &mut Receiver<Hint>) -> usize {
    std::iter::from_fn(|| hints.try_recv().ok()).filter(|hint| hint.topic == Topic::Deliveries).count()
}

fn push(story: &Intake, id: &str) -> String {
    json!({ "events": [story.registry.event(id, NOON, "team/web", "dev", &digest(id.as_bytes()))] }).to_string()
}

#[tokio::test]
async fn who_comes_while_one_is_written_shares_the_next_commit() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let mut hints = story.app.ctx.hub.listen();
        // Each of twenty comes twice, and ten are not understood.
        let mut bodies: Vec<String> = (0..40).map(|n| push(&story, &format!("e{}", n % 20))).collect();
        bodies.extend((0..10).map(|n| format!("{{\"no\": {n}}}")));
        let held = held_up(&story.app).await;
        let posts = join_all(bodies.into_iter().map(|body| story.post(body)));
        // The first poll brings everyone as far as the queue.
        let (answers, ()) = tokio::join!(posts, async {
            for _ in 0..500 {
                tokio::task::yield_now().await;
            }
            drop(held);
        });
        let count = |status| answers.iter().filter(|(found, _)| *found == status).count();
        let counts = [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::BAD_REQUEST].map(count);
        assert_eq!(counts, [20, 20, 10], "{answers:?}");
        let commits = commits(&mut hints);
        assert!(commits <= 10, "{commits} commits for 50 requests");
        story.work().await;
        assert_eq!((story.app.count("delivery_events").await, story.app.count("tag_moves").await), (20, 20));
        let states = sqlx::query_scalar("SELECT state FROM deliveries ORDER BY state");
        let states: Vec<String> = states.fetch_all(story.app.ctx.store.read()).await.expect("states");
        let in_state = |word: &str| states.iter().filter(|state| *state == word).count();
        assert_eq!([in_state("done"), in_state("duplicate"), in_state("refused")], [20, 20, 10]);
    })
    .await;
}

#[tokio::test]
async fn who_comes_alone_does_not_wait_for_others() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let mut hints = story.app.ctx.hub.listen();
        for n in 0..5 {
            assert_eq!(story.post(push(&story, &format!("e{n}"))).await.0, StatusCode::ACCEPTED);
            assert_eq!(commits(&mut hints), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_cannot_be_stored_spoils_nothing_for_those_beside_it() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let (actor, good) = hooks::actor_of_key(&story.app.ctx, "distribution", &story.key).await.expect("known");
        // A hook that was there when its key was asked for, and is gone.
        let gone = HookRow { id: "gone".to_owned().into(), ..good.clone() };
        // They are known beforehand, so that all come in the order in which they are sent.
        for hook in [&good, &gone] {
            hooks::secrets_in_force(&story.app.ctx, hook).await.expect("known");
        }
        let bodies: Vec<String> = (0..20).map(|n| push(&story, &format!("e{}", n % 15))).collect();
        let headers = Headers::default();
        let (app, headers) = (&story.app, &headers);
        let take = |actor: Actor, hook: HookRow, body: String| async move {
            accept(&app.ctx, &actor, &hook, headers, body.as_bytes()).await
        };
        let held = held_up(app).await;
        let taken = bodies.into_iter().enumerate().map(|(n, body)| {
            let hook = if n % 5 == 2 { gone.clone() } else { good.clone() };
            take(actor.clone(), hook, body)
        });
        let taken = join_all(taken);
        let (taken, ()) = tokio::join!(taken, async {
            for _ in 0..500 {
                tokio::task::yield_now().await;
            }
            drop(held);
        });
        for (n, result) in taken.iter().enumerate() {
            match (n % 5, n) {
                (2, _) => assert!(matches!(result, Err(Problem::Internal { .. })), "{n}: {result:?}"),
                (_, 15..) => assert_eq!(*result, Ok(Accepted::Duplicate), "{n}"),
                _ => assert!(matches!(result, Ok(Accepted::Stored(_))), "{n}: {result:?}"),
            }
        }
        assert_eq!((app.count("deliveries").await, app.count("delivery_events").await), (16, 12));
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_when_the_instance_stops_is_answered() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let bodies: Vec<String> = (0..30).map(|n| push(&story, &format!("e{n}"))).collect();
    let held = held_up(&story.app).await;
    let posts = join_all(bodies.into_iter().map(|body| story.post(body)));
    let (answers, ()) = tokio::join!(posts, async {
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
        story.app.ctx.work.stop.cancel();
        drop(held);
    });
    for (status, answer) in answers {
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
    assert_eq!(story.app.count("deliveries").await, 30);
}

#[tokio::test]
async fn a_sender_that_hangs_up_is_stored_all_the_same() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let held = held_up(&story.app).await;
    // It is dropped while it waits for its answer.
    let waits = || async { (story.app.ctx.intake.waiting() == 1).then_some(()) };
    tokio::select! {
        answered = story.post(push(&story, "e1")) => panic!("nobody can be answered yet: {answered:?}"),
        () = crate::common::eventually("it waits", waits) => {}
    }
    drop(held);
    let stored = crate::common::eventually("it is stored", || async { (story.app.count("deliveries").await == 1).then_some(()) });
    stored.await;
    assert_eq!(story.post(push(&story, "e1")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn builders_that_dawdle_keep_nobody_else_out() {
    use tokio::io::AsyncWriteExt as _;
    let story = Intake::begin(TestApp::sqlite().await).await;
    let here = story.app.listen("127.0.0.1").await;
    let mut dawdling = Vec::new();
    for _ in 0..150 {
        let mut stream = tokio::net::TcpStream::connect(here).await.expect("connected");
        let head = format!("POST /hooks/distribution/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n{{", story.key);
        stream.write_all(head.as_bytes()).await.expect("the beginning of a request");
        dawdling.push(stream);
    }
    let url = format!("http://{here}/hooks/distribution/{}", story.key);
    for n in 0..20 {
        let sent = reqwest::Client::new().post(&url).body(push(&story, &format!("e{n}"))).send();
        let answer = tokio::time::timeout(std::time::Duration::from_secs(3), sent).await.expect("at once").expect("an answer");
        assert_eq!(answer.status().as_u16(), 202);
    }
    drop(dawdling);
}
