//! What an admin sees, in pages and over REST, and what nobody sees.

use super::{ALL_TO_OPS, Stage, later, never};
use crate::browser::{Browser, user};
use crate::common::on_each_database;
use domain::Role;
use domain::notify::EventKind;
use serde_json::Value;
use server::usecases::notifications::{replay_message, send_test_message};
use std::collections::BTreeSet;

#[tokio::test]
async fn the_history_is_read_in_pages_and_by_target_and_state() {
    on_each_database(|app| async move {
        let stage =
            Stage::set(app, "[[routes]]\ntargets = [\"ops\"]\n[[routes]]\nevents = [\"sign_off\"]\ntargets = [\"qa\"]\n").await;
        stage.chat.answer("ops", [never("It does not know the address."), later("It answered 503.")]);
        for n in 0..9 {
            stage.happens(EventKind::Verdict, Some(&format!("app{n}")), &[]).await;
            stage.pass(n % 2);
        }
        stage.happens(EventKind::SignOff, Some("web"), &[]).await;
        stage.work().await;
        let token = stage.app.token(&stage.app.person("adam", Role::Admin).await).await;
        let read = async |path: &str| {
            let (status, page) = stage.app.rest(&token, "GET", path, Value::Null).await;
            assert_eq!(status.as_u16(), 200, "{path}: {page}");
            page
        };
        let (mut seen, mut path, mut pages) = (BTreeSet::new(), "/api/v1/notifications?limit=4".to_owned(), 0);
        loop {
            let page = read(&path).await;
            let rows = page["items"].as_array().expect("rows").clone();
            assert!(rows.iter().all(|row| seen.insert(row["id"].to_string())), "none twice");
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/api/v1/notifications?limit=4&cursor={next}");
        }
        assert_eq!((seen.len(), pages), (11, 3));
        let count =
            async |query: &str| read(&format!("/api/v1/notifications?{query}")).await["items"].as_array().expect("rows").len();
        assert_eq!((count("target=ops").await, count("target=qa").await, count("target=x%20y").await), (10, 1, 0));
        assert_eq!(
            (count("state=dead").await, count("state=waiting&target=ops").await, count("state=delivered").await),
            (1, 1, 8)
        );
        let (status, _) = stage.app.rest(&token, "GET", "/api/v1/notifications?state=odd", Value::Null).await;
        assert_eq!(status.as_u16(), 422);
        let targets = read("/api/v1/notifications/targets").await;
        let ops = &targets["targets"][0];
        assert_eq!((&ops["waiting"], &ops["dead"], &ops["why"]), (&1.into(), &1.into(), &"It answered 503.".into()));
        assert!(ops["sent_at"].is_string() && targets["targets"][1]["sent_at"].is_null());
    })
    .await;
}

#[tokio::test]
async fn forms_without_scripts_send_a_test_and_replay_what_was_given_up() {
    let app = crate::common::TestApp::sqlite().await;
    let stage = Stage::set(app, ALL_TO_OPS).await;
    let adam = user(&stage.app, "adam", Role::Admin).await;
    let browser = Browser::new(&stage.app)
        .signed_in(&stage.app, &adam)
        .await
        .with("referer", "http://127.0.0.1:3000/settings/notifications");
    stage.chat.answer("ops", [never("It does not know the address.")]);
    let sent = browser.post("/do/notifications/test", &[("target", "ops")]).await;
    assert!(sent.location().starts_with("/settings/notifications?flash="), "{}", sent.location());
    stage.work().await;
    let page = browser.get("/settings/notifications?state=dead").await.body;
    assert!(page.contains("It does not know the address.") && page.contains("/do/notifications/replay"));
    let id = stage.one().await.id;
    browser.post("/do/notifications/replay", &[("id", id.as_str())]).await;
    stage.work().await;
    assert_eq!(stage.chat.to("ops").len(), 2);
    let page = browser.get("/settings/notifications").await.body;
    assert!(!page.contains("/do/notifications/replay"));
}

#[tokio::test]
async fn neither_secrets_nor_addresses_stand_in_history_record_or_pages() {
    let app = crate::common::TestApp::sqlite().await;
    let stage = Stage::set(app, "[[routes]]\ntargets = [\"ops\", \"qa\"]\n").await;
    let sealed =
        stage.app.ctx.keeper.seal(&server::clock::SystemEntropy, "ops-chat", "https://chat.test/canary-sealed").expect("sealed");
    let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO secrets (name, sealed, changed_at, changed_by) VALUES ('ops-chat', $1, 0, 'adam')")
        .bind(sealed)
        .execute(&mut *tx)
        .await
        .expect("a secret");
    tx.commit().await.expect("kept");
    let adam = user(&stage.app, "adam", Role::Admin).await;
    stage.chat.answer("ops", [never("It refused the key.")]);
    stage.happens(EventKind::Verdict, Some("web"), &[]).await;
    stage.work().await;
    send_test_message(&stage.app.ctx, &adam, "qa").await.expect("announced");
    stage.work().await;
    let dead = stage.listed().await.into_iter().find(|row| row.target == "ops").expect("given up");
    replay_message(&stage.app.ctx, &adam, &dead.id).await.expect("replayed");
    let token = stage.app.token(&adam).await;
    let mut told = String::new();
    let browser = Browser::new(&stage.app).signed_in(&stage.app, &adam).await;
    for page in ["/settings", "/settings/notifications", "/settings/notifications?state=dead", "/activity"] {
        told.push_str(&browser.get(page).await.body);
    }
    for path in ["/api/v1/notifications", "/api/v1/notifications/targets", "/api/v1/activity", "/api/v1/settings"] {
        told.push_str(&stage.app.rest(&token, "GET", path, Value::Null).await.1.to_string());
    }
    for table in ["SELECT body FROM news", "SELECT subject FROM messages", "SELECT detail FROM audit"] {
        let rows: Vec<String> = sqlx::query_scalar(table).fetch_all(stage.app.ctx.store.read()).await.expect("rows");
        told.push_str(&rows.concat());
    }
    assert!(told.contains("ops") && told.contains("It refused the key."), "something was looked at");
    assert!(!told.contains("canary"), "an address is shown");
}
