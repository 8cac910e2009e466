//! Taking in: what a sender shows is checked for every source before anything is believed.

use super::{SECRET, Sample, samples, tell};
use crate::common::{TestApp, on_each_database};
use crate::registry::FakeRegistry;
use app::view::NewHook;
use axum::body::Body;
use chrono::TimeDelta;
use domain::delivery::Unproven;
use domain::{Actor, Problem};
use http::{Request, StatusCode};
use server::intake::Headers;
use server::intake::proof::Proof;
use server::store::hooks::HookRow;
use server::usecases::hooks;
use server::usecases::intake::{Accepted, accept, process_waiting};
use std::time::Duration;

const OTHER: &str = "whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhlIGhvb2s=";

/// A hook as an admin makes it, with this secret where it takes one.
async fn hook(app: &TestApp, word: &str, secret: Option<&str>) -> (Actor, HookRow) {
    let source = server::intake::source(word).expect("a source");
    let new = NewHook {
        name: word.to_owned(),
        source: word.to_owned(),
        registry: source.needs_registry().then(|| "registry.test:5000".to_owned()),
        secret: secret.filter(|_| source.proof().takes_secret()).map(str::to_owned),
    };
    let made = hooks::add_hook(&app.ctx, &Actor::Slipway, new).await.expect("a hook");
    hooks::actor_of_key(&app.ctx, word, &made.key.expect("a key")).await.expect("known")
}

/// A hook for each source, and its sample.
async fn each(app: &TestApp) -> Vec<(Sample, Actor, HookRow)> {
    let mut found = Vec::new();
    for sample in samples::all() {
        let (actor, hook) = hook(app, sample.source.word(), Some(SECRET)).await;
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
        for (sample, actor, hook) in each(&app).await {
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
    for (sample, actor, hook) in each(&app).await {
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
    for sample in samples::all() {
        let (word, now) = (sample.source.word(), app.ctx.now());
        let (actor, hook) = hook(&app, word, None).await;
        let taken = accept(&app.ctx, &actor, &hook, &sample.signed(SECRET, now), sample.body.as_bytes()).await;
        if sample.source.proof().needs_secret() {
            // It was given one of its own.
            assert_eq!(unproven(taken, word), Unproven::Wrong, "{word}");
        } else {
            assert!(matches!(taken, Ok(Accepted::Stored(_))), "{word}: {taken:?}");
        }
    }
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_are_good_and_later_only_the_new_one() {
    let app = TestApp::sqlite().await;
    let mut kept = each(&app).await;
    kept.retain(|(sample, ..)| sample.source.proof().takes_secret());
    let take = async |(sample, actor, hook): &(Sample, Actor, HookRow), secret: &str| {
        accept(&app.ctx, actor, hook, &sample.signed(secret, app.ctx.now()), sample.body.as_bytes()).await
    };
    for one in &kept {
        hooks::rotate_secret(&app.ctx, &Actor::Slipway, &one.2.id, Some(OTHER.to_owned())).await.expect("rotated");
        for secret in [SECRET, OTHER] {
            let taken = take(one, secret).await;
            assert!(taken.is_ok(), "{}: {taken:?}", one.0.source.word());
        }
    }
    app.clock.advance(Duration::from_secs(7 * 86_400 + 1));
    for one in &kept {
        let word = one.0.source.word();
        assert_eq!(unproven(take(one, SECRET).await, word), Unproven::Wrong, "{word}");
        assert!(take(one, OTHER).await.is_ok(), "{word}");
    }
}

#[tokio::test]
async fn a_signed_time_that_is_not_ours_is_refused() {
    let app = TestApp::sqlite().await;
    for (sample, actor, hook) in each(&app).await {
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
    for (sample, actor, hook) in each(&app).await {
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
    for sample in samples::all() {
        let word = sample.source.word();
        let new = NewHook {
            name: word.to_owned(),
            source: word.to_owned(),
            registry: Some("registry.test:5000".to_owned()),
            ..NewHook::default()
        };
        let made = hooks::add_hook(&app.ctx, &Actor::Slipway, new).await.expect("a hook");
        let (key, secret) = (made.key.expect("a key"), made.secret.unwrap_or_default());
        for (length, wanted) in [((1 << 20) + 1, StatusCode::PAYLOAD_TOO_LARGE), (1 << 20, StatusCode::BAD_REQUEST)] {
            let bent = Sample { body: "x".repeat(length), ..samples::sample(word) };
            let headers = bent.signed(&secret, app.ctx.now());
            let mut request = Request::post(format!("/hooks/{word}/{key}"));
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
        let new = NewHook { name: "quay".into(), source: "quay".into(), registry: Some(registry.host()), secret: None };
        let made = hooks::add_hook(&app.ctx, &Actor::Slipway, new).await.expect("a hook");
        let (actor, hook) = hooks::actor_of_key(&app.ctx, "quay", &made.key.expect("a key")).await.expect("known");
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
    for (sample, actor, hook) in each(&app).await {
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
        (told.registry, told.received_at) = (hook.registry.as_deref(), app.ctx.now());
        assert_eq!(sample.source.read(&told).expect("read")[0].key, claimed, "{}", sample.source.word());
        // No proof is kept.
        assert!(!kept.contains(SECRET) && !kept.contains("signature") && !kept.contains("authorization"), "{kept}");
    }
}
