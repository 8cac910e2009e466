//! How a hook's sender proves itself, and how that is changed without losing a delivery.

use crate::common::{TestApp, on_each_database};
use app::view::{HookMade, NewHook};
use axum::body::Body;
use domain::delivery::Unproven;
use domain::problem::Fault;
use domain::{Actor, Problem};
use http::Request;
use server::usecases::hooks::{add_hook, hook, reveal_address, rotate_secret};
use std::time::Duration;

const OWN: &str = "the-builders-own-secret";

async fn guarded(app: &TestApp) -> HookMade {
    let secret = Some(OWN.to_owned());
    let new = NewHook { name: "registry".into(), source: "distribution".into(), registry: None, secret };
    add_hook(&app.ctx, &Actor::Slipway, new).await.expect("a hook")
}

async fn deliver(app: &TestApp, made: &HookMade, authorization: Option<&str>, id: &str) -> u16 {
    let path = format!("/hooks/distribution/{}", made.key.as_deref().expect("a key"));
    let body = format!(r#"{{"events":[{{"id":"{id}","action":"pull"}}]}}"#);
    let request = Request::post(path);
    let request = match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    };
    app.send(request.body(Body::from(body)).expect("a request")).await.0.as_u16()
}

#[tokio::test]
async fn a_hook_with_a_secret_believes_only_who_has_it() {
    on_each_database(|app| async move {
        let made = guarded(&app).await;
        assert_eq!(made.secret.as_deref(), Some(OWN));
        assert_eq!(deliver(&app, &made, Some(&format!("Bearer {OWN}")), "a").await, 202);
        assert_eq!(deliver(&app, &made, Some(OWN), "b").await, 202, "with or without a scheme");
        assert_eq!(deliver(&app, &made, Some(OWN), "b").await, 200, "the same again");
        for wrong in [None, Some(""), Some("Bearer"), Some("Bearer another"), Some("Basic dXNlcg==")] {
            assert_eq!(deliver(&app, &made, wrong, "c").await, 401, "{wrong:?}");
        }
        let states: Vec<String> = sqlx::query_scalar("SELECT state FROM deliveries ORDER BY state")
            .fetch_all(app.ctx.store.read())
            .await
            .expect("states");
        let count = |word: &str| states.iter().filter(|state| *state == word).count();
        assert_eq!((count("ignored"), count("duplicate"), count("refused")), (2, 1, 5));
        let told = Problem::Unproven { why: Unproven::Wrong }.to_string();
        assert!(!told.contains(OWN));
    })
    .await;
}

#[tokio::test]
async fn while_a_secret_is_rotated_both_are_taken_and_then_only_the_new_one() {
    on_each_database(|app| async move {
        let made = guarded(&app).await;
        let next = rotate_secret(&app.ctx, &Actor::Slipway, &made.id, None).await.expect("rotated").secret.expect("drawn");
        assert_eq!(deliver(&app, &made, Some(OWN), "old").await, 202);
        assert_eq!(deliver(&app, &made, Some(&next), "new").await, 202);
        let page = hook(&app.ctx, &Actor::Slipway, &made.id).await.expect("a page");
        assert_eq!(page.hook.secrets, 2);
        assert!(page.hook.old_secret_until.is_some() && !page.snippet.contains(&next) && !page.snippet.contains(OWN));
        app.clock.advance(Duration::from_secs(7 * 86_400 + 1));
        assert_eq!(deliver(&app, &made, Some(OWN), "late").await, 401);
        assert_eq!(deliver(&app, &made, Some(&next), "still").await, 202);
        // Rotated twice in a row, the oldest goes at once: two are in force, never three.
        let third = rotate_secret(&app.ctx, &Actor::Slipway, &made.id, None).await.expect("rotated").secret.expect("drawn");
        let fourth = rotate_secret(&app.ctx, &Actor::Slipway, &made.id, None).await.expect("rotated").secret.expect("drawn");
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(deliver(&app, &made, Some(&next), "gone").await, 401);
        assert_eq!((deliver(&app, &made, Some(&third), "3").await, deliver(&app, &made, Some(&fourth), "4").await), (202, 202));
    })
    .await;
}

#[tokio::test]
async fn an_address_is_shown_once_more_to_who_manages_hooks_and_that_is_written_down() {
    on_each_database(|app| async move {
        let made = guarded(&app).await;
        let page = hook(&app.ctx, &Actor::Slipway, &made.id).await.expect("a page");
        let key = made.key.as_deref().expect("a key");
        assert!(page.can_reveal && !serde_json::to_string(&page).expect("json").contains(key));
        let again = reveal_address(&app.ctx, &Actor::Slipway, &made.id).await.expect("shown");
        assert_eq!((again.url, again.secret), (made.url.clone(), None));
        let written: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit WHERE action = 'hook.address_shown'")
            .fetch_one(app.ctx.store.read())
            .await
            .expect("a count");
        assert_eq!(written, 1);
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_is_too_short_or_too_long_is_refused() {
    let app = TestApp::sqlite().await;
    for (secret, fault) in [("short".to_owned(), Fault::TooShort { least: 16 }), ("x".repeat(513), Fault::TooLong { most: 512 })]
    {
        let new = NewHook { name: "a".into(), source: "distribution".into(), registry: None, secret: Some(secret) };
        assert_eq!(add_hook(&app.ctx, &Actor::Slipway, new).await.map(|_| ()), Err(Problem::invalid("secret", fault)));
    }
    let new = NewHook { name: "a".into(), source: "distribution".into(), registry: Some("not a host".into()), secret: None };
    assert!(matches!(add_hook(&app.ctx, &Actor::Slipway, new).await, Err(Problem::Invalid { field, .. }) if field == "registry"));
}
