//! Taking in: what a sender shows is checked for every source before anything is believed.

use super::{SECRET, Sample, samples, tell};
use crate::common::{TestApp, on_each_database};
use crate::registry::FakeRegistry;
use axum::body::Body;
use chrono::TimeDelta;
use domain::delivery::Unproven;
use domain::{Actor, Problem};
use http::{Request, StatusCode};
use server::clock::micros;
use server::ctx::secret_hash;
use server::intake::Headers;
use server::intake::proof::Proof;
use server::store::intake::{HookRow, insert_hook};
use server::usecases::intake::{Accepted, accept, process_waiting};
use std::time::Duration;

const OTHER: &str = "whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhlIGhvb2s=";

/// A hook as an admin would have made it, with these secrets, the newest first.
async fn hook(app: &TestApp, word: &str, name: &str, secrets: &[&str]) -> (Actor, HookRow) {
    let ctx = &app.ctx;
    let row = HookRow { id: ctx.new_id(), name: name.to_owned(), source: word.to_owned(), registry: None };
    let mut tx = ctx.store.begin().await.expect("a transaction");
    insert_hook(&mut tx, &row, &secret_hash(name), ctx.now()).await.expect("a hook");
    for (age, secret) in secrets.iter().enumerate() {
        let id = format!("{name} {age}");
        let sealed = ctx.keeper.seal(&*ctx.entropy, &format!("hook secret {id}"), secret).expect("sealed");
        let made = ctx.now() - TimeDelta::hours(i64::try_from(age).expect("few"));
        let expires = (age > 0).then(|| micros(ctx.now() + TimeDelta::hours(1)));
        sqlx::query("INSERT INTO hook_secrets (id, hook_id, sealed, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(&id)
            .bind(row.id.as_str())
            .bind(sealed)
            .bind(micros(made))
            .bind(expires)
            .execute(&mut *tx)
            .await
            .expect("a secret");
    }
    tx.commit().await.expect("kept");
    (Actor::Hook { id: row.id.clone(), name: row.name.clone() }, row)
}

/// A hook for each source, and its sample.
async fn each(app: &TestApp, secrets: &[&str]) -> Vec<(Sample, Actor, HookRow)> {
    let mut found = Vec::new();
    for sample in samples::all() {
        let word = sample.source.word();
        let secrets = if sample.source.proof().takes_secret() { secrets } else { &[] };
        let (actor, hook) = hook(app, word, word, secrets).await;
        found.push((sample, actor, hook));
    }
    found
}

fn unproven<T: std::fmt::Debug>(taken: Result<T, Problem>, word: &str) -> Unproven {
    match taken {
        Err(Problem::Unproven { why }) => why,
        other => panic!("{word}: {other:?}"),
    }
}

/// Whether the body is under the signature.
fn signs_body(proof: Proof) -> bool {
    match proof {
        Proof::Address | Proof::MayToken(_) | Proof::Token(_) => false,
        // The first of two is what the samples are proven with.
        Proof::Either(one, _) => signs_body(*one),
        _ => true,
    }
}

#[tokio::test]
async fn what_is_proven_is_stored_once_and_told_again_is_known() {
    on_each_database(|app| async move {
        for (sample, actor, hook) in each(&app, &[SECRET]).await {
            let (word, now) = (sample.source.word(), app.ctx.now());
            let take = || async { accept(&app.ctx, &actor, &hook, &sample.signed(SECRET, now), sample.body.as_bytes()).await };
            assert!(matches!(take().await, Ok(Accepted::Stored(_))), "{word}");
            assert_eq!(take().await, Ok(Accepted::Duplicate), "{word}");
        }
        assert_eq!(app.count("delivery_events").await, i64::try_from(server::intake::all().len()).expect("few"));
    })
    .await;
}

#[tokio::test]
async fn what_is_proven_with_nothing_or_with_another_secret_is_not_believed() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app, &[SECRET]).await {
        let (word, proof, now) = (sample.source.word(), sample.source.proof(), app.ctx.now());
        if proof == Proof::Address {
            continue;
        }
        let bare = accept(&app.ctx, &actor, &hook, &sample.headers(), sample.body.as_bytes()).await;
        // The message's id is no proof, and stands there all the same.
        assert!(matches!(unproven(bare, word), Unproven::Missing { .. }), "{word}");
        let with_another = accept(&app.ctx, &actor, &hook, &sample.signed(OTHER, now), sample.body.as_bytes()).await;
        assert_eq!(unproven(with_another, word), Unproven::Wrong, "{word}");
        if signs_body(proof) {
            let headers = sample.signed(SECRET, now);
            let changed = sample.body.replace("dev", "test");
            let taken = accept(&app.ctx, &actor, &hook, &headers, changed.as_bytes()).await;
            assert_eq!(unproven(taken, word), Unproven::Wrong, "{word}");
        }
    }
    assert_eq!(app.count("delivery_events").await, 0);
    let states: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT state FROM deliveries").fetch_all(app.ctx.store.read()).await.expect("states");
    assert_eq!(states, ["refused"]);
}

#[tokio::test]
async fn without_a_secret_only_those_that_need_none_are_heard() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app, &[]).await {
        let word = sample.source.word();
        let taken = accept(&app.ctx, &actor, &hook, &sample.signed(SECRET, app.ctx.now()), sample.body.as_bytes()).await;
        if sample.source.proof().needs_secret() {
            assert_eq!(unproven(taken, word), Unproven::NoSecret, "{word}");
        } else {
            assert!(matches!(taken, Ok(Accepted::Stored(_))), "{word}: {taken:?}");
        }
    }
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_are_good_and_later_only_the_new_one() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app, &[SECRET, OTHER]).await {
        let (word, now) = (sample.source.word(), app.ctx.now());
        for secret in [SECRET, OTHER] {
            let taken = accept(&app.ctx, &actor, &hook, &sample.signed(secret, now), sample.body.as_bytes()).await;
            assert!(taken.is_ok(), "{word}: {taken:?}");
        }
    }
    app.clock.advance(Duration::from_secs(3601));
    for sample in samples::all().into_iter().filter(|sample| sample.source.proof().takes_secret()) {
        let hook = HookRow { id: id_of(&app, sample.source.word()).await, ..row(&sample) };
        let actor = Actor::Hook { id: hook.id.clone(), name: hook.name.clone() };
        let now = app.ctx.now();
        let taken = accept(&app.ctx, &actor, &hook, &sample.signed(OTHER, now), sample.body.as_bytes()).await;
        assert_eq!(unproven(taken, sample.source.word()), Unproven::Wrong);
        assert!(accept(&app.ctx, &actor, &hook, &sample.signed(SECRET, now), sample.body.as_bytes()).await.is_ok());
    }
}

fn row(sample: &Sample) -> HookRow {
    let word = sample.source.word().to_owned();
    HookRow { id: domain::id::HookId(String::new()), name: word.clone(), source: word, registry: None }
}

async fn id_of(app: &TestApp, name: &str) -> domain::id::HookId {
    let id = sqlx::query_scalar("SELECT id FROM hooks WHERE name = $1").bind(name);
    domain::id::HookId(id.fetch_one(app.ctx.store.read()).await.expect("a hook"))
}

#[tokio::test]
async fn a_signed_time_that_is_not_ours_is_refused() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app, &[SECRET]).await {
        if !matches!(sample.source.proof(), Proof::HttpSignature | Proof::StandardWebhooks) {
            continue;
        }
        for (seconds, stale) in [(300, None), (301, Some(301)), (-301, Some(-301)), (86_400, Some(86_400))] {
            let then = app.ctx.now() - TimeDelta::seconds(seconds);
            let taken = accept(&app.ctx, &actor, &hook, &sample.signed(SECRET, then), sample.body.as_bytes()).await;
            match stale {
                None => assert!(taken.is_ok(), "{taken:?}"),
                Some(seconds) => assert_eq!(unproven(taken, sample.source.word()), Unproven::Stale { seconds }),
            }
        }
    }
}

#[tokio::test]
async fn another_source_s_body_is_unreadable_however_well_it_is_proven() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app, &[SECRET]).await {
        let word = sample.source.word();
        for other in samples::all().into_iter().filter(|other| other.source.word() != word) {
            let bent = Sample { body: other.body, headers: sample.headers.clone(), source: sample.source };
            let taken = accept(&app.ctx, &actor, &hook, &bent.signed(SECRET, app.ctx.now()), bent.body.as_bytes()).await;
            assert!(matches!(taken, Err(Problem::Invalid { .. })), "{word} and {}: {taken:?}", other.source.word());
        }
    }
    assert_eq!(app.count("delivery_events").await, 0);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused_for_every_source_before_it_is_read() {
    let app = TestApp::sqlite().await;
    for (sample, _, _) in each(&app, &[SECRET]).await {
        let word = sample.source.word();
        for (length, wanted) in [((1 << 20) + 1, StatusCode::PAYLOAD_TOO_LARGE), (1 << 20, StatusCode::BAD_REQUEST)] {
            let bent = Sample { body: "x".repeat(length), ..samples::sample(word) };
            let headers = bent.signed(SECRET, app.ctx.now());
            let mut request = Request::post(format!("/hooks/{word}/{word}"));
            for (name, value) in
                serde_json::from_str::<std::collections::BTreeMap<String, String>>(&headers.to_json()).expect("headers")
            {
                request = request.header(name, value);
            }
            let (status, answer) = app.send(request.body(Body::from(bent.body)).expect("a request")).await;
            assert_eq!(status, wanted, "{word}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_tag_told_again_without_id_or_time_is_looked_up_and_changes_nothing() {
    on_each_database(|app| async move {
        let registry = FakeRegistry::start().await;
        app.apply(&crate::common::TWO_APPS.replace("registry.test:5000", &registry.host())).await;
        let (actor, mut hook) = hook(&app, "quay", "quay", &[]).await;
        hook.registry = Some(registry.host());
        let mut tx = app.ctx.store.begin().await.expect("a transaction");
        let set = sqlx::query("UPDATE hooks SET registry = $1").bind(registry.host()).execute(&mut *tx).await;
        assert_eq!(set.expect("set").rows_affected(), 1);
        tx.commit().await.expect("kept");
        let sample = samples::sample("quay");
        let labels = serde_json::json!({});
        let first = registry.push("team/web", "dev", labels.clone());
        for _ in 0..2 {
            app.clock.advance(Duration::from_secs(60));
            let taken = accept(&app.ctx, &actor, &hook, &sample.headers(), sample.body.as_bytes()).await;
            assert!(matches!(taken, Ok(Accepted::Stored(_))), "{taken:?}");
            process_waiting(&app.ctx).await.expect("processed");
            assert_eq!((app.count("builds").await, app.count("tag_moves").await), (1, 1));
        }
        // Another image, and back to the first: both are moves.
        let second = registry.push("team/web", "dev", serde_json::json!({ "org.opencontainers.image.revision": "0a1b2c3d" }));
        assert_ne!(first, second);
        for moves in [2, 3] {
            app.clock.advance(Duration::from_secs(60));
            accept(&app.ctx, &actor, &hook, &sample.headers(), sample.body.as_bytes()).await.expect("stored");
            process_waiting(&app.ctx).await.expect("processed");
            assert_eq!((app.count("builds").await, app.count("tag_moves").await), (2, moves));
            registry.push("team/web", "dev", labels.clone());
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_read_later_is_what_was_read_first() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app, &[SECRET]).await {
        accept(&app.ctx, &actor, &hook, &sample.signed(SECRET, app.ctx.now()), sample.body.as_bytes()).await.expect("stored");
        let claimed: String = sqlx::query_scalar("SELECT event FROM delivery_events WHERE hook_id = $1")
            .bind(hook.id.as_str())
            .fetch_one(app.ctx.store.read())
            .await
            .expect("an event");
        let (kept, body): (String, Vec<u8>) = sqlx::query_as("SELECT headers, body FROM deliveries WHERE hook_id = $1")
            .bind(hook.id.as_str())
            .fetch_one(app.ctx.store.read())
            .await
            .expect("a delivery");
        let headers = Headers::from_json(&kept);
        let mut told = tell(&headers, &body);
        (told.registry, told.received_at) = (None, app.ctx.now());
        assert_eq!(sample.source.read(&told).expect("read")[0].key, claimed, "{}", sample.source.word());
        // No proof is kept.
        assert!(!kept.contains(SECRET) && !kept.contains("signature") && !kept.contains("authorization"), "{kept}");
    }
}
