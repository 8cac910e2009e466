//! The inbox: everything that came is there, with what became of it, and can be processed again.

use crate::common::on_each_database;
use crate::intake::{Intake, NOON};
use crate::registry::{digest, event};
use app::view::{DeliveryFilter, DeliveryRow, Paging};
use domain::delivery::Reason;
use domain::problem::Noun;
use domain::{Action, Actor, Problem, Role};
use serde_json::{Value, json};
use server::usecases::intake;
use std::time::Duration;

async fn in_state(story: &Intake, state: &str) -> Vec<DeliveryRow> {
    let filter = DeliveryFilter { state: Some(state.into()), hook: None };
    intake::deliveries(&story.app.ctx, &story.admin, filter, Paging::default()).await.expect("deliveries").items
}

#[tokio::test]
async fn a_delivery_says_what_it_led_to_and_a_repetition_what_it_repeats() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.push("e1", NOON, "team/web", "dev", "4be0021").await;
        story.work().await;
        let done = in_state(&story, "done").await.remove(0);
        assert_eq!(done.builds, [story.builds().await[0].id.clone()]);
        let host = story.registry.host();
        let again = event(&host, "e1", NOON, "team/web", "dev", story.builds().await[0].digest.as_str());
        assert_eq!(story.deliver(&[again]).await.as_u16(), 200);
        let repeated = in_state(&story, "duplicate").await.remove(0);
        let view = intake::delivery(&story.app.ctx, &story.admin, &repeated.id).await.expect("a delivery");
        assert_eq!((view.repeats.as_ref(), view.body.as_str(), view.may_replay), (Some(&done.id), "", false));
        assert!(view.length > 0);
        assert_eq!(story.builds().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_repetition_is_one_for_ever_also_of_what_was_forgotten() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let pull = |id: &str| {
            let mut event = event("elsewhere.test", id, NOON, "team/x", "dev", digest(b"x").as_str());
            event["action"] = "pull".into();
            event
        };
        assert_eq!(story.deliver(&[pull("old")]).await.as_u16(), 202);
        assert_eq!(story.deliver(&[pull("old")]).await.as_u16(), 200);
        assert_eq!(story.post("{}").await.0.as_u16(), 400);
        story.app.clock.advance(Duration::from_secs(29 * 86_400));
        assert_eq!(story.deliver(&[pull("young")]).await.as_u16(), 202);
        intake::forget_ignored(&story.app.ctx).await.expect("nothing to forget yet");
        assert_eq!(story.deliveries().await.len(), 4);
        story.app.clock.advance(Duration::from_secs(2 * 86_400));
        intake::forget_ignored(&story.app.ctx).await.expect("forgotten");
        assert_eq!(story.deliveries().await.len(), 1, "the young one");
        assert_eq!(story.deliver(&[pull("old")]).await.as_u16(), 200, "a year later it would be the same");
        let repeated = in_state(&story, "duplicate").await.remove(0);
        let view = intake::delivery(&story.app.ctx, &story.admin, &repeated.id).await.expect("a delivery");
        assert_eq!((view.repeats, view.body.as_str()), (None, ""));
        assert_eq!(in_state(&story, "ignored").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_once_had_an_effect_is_never_forgotten() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.push("e1", NOON, "team/web", "dev", "4be0021").await;
        story.work().await;
        let done = in_state(&story, "done").await.remove(0);
        // Its app is taken out of the configuration, and somebody has it processed once more.
        let apply = server::usecases::settings::apply(&story.app.ctx, &Actor::Slipway, "apps = []", true);
        apply.await.expect("an empty configuration");
        intake::replay(&story.app.ctx, &story.admin, &done.id).await.expect("replayed");
        story.work().await;
        assert_eq!(in_state(&story, "ignored").await.len(), 1);
        story.app.clock.advance(Duration::from_secs(31 * 86_400));
        intake::forget_ignored(&story.app.ctx).await.expect("nothing to forget");
        assert_eq!((story.deliveries().await.len(), story.app.count("tag_moves").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn what_was_not_understood_stands_there_with_what_was_expected() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        assert_eq!(story.post("{\"hello\": \"token\"}").await.0.as_u16(), 400);
        let refused = in_state(&story, "refused").await.remove(0);
        assert!(matches!(refused.reasons.as_slice(), [Reason::NotRead { .. }]), "{:?}", refused.reasons);
        let view = intake::delivery(&story.app.ctx, &story.admin, &refused.id).await.expect("a delivery");
        assert!(view.body.contains("\"hello\"") && !view.may_replay);
        let replayed = intake::replay(&story.app.ctx, &story.admin, &refused.id).await;
        assert_eq!(replayed, Err(Problem::Finished { state: "refused".into() }));
    })
    .await;
}

#[tokio::test]
async fn an_app_that_was_configured_too_late_gets_its_build_by_a_replay() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let (host, labels) = (story.registry.host(), json!({}));
        let pushed = story.registry.push("team/late", "dev", labels);
        assert_eq!(story.deliver(&[event(&host, "late", NOON, "team/late", "dev", pushed.as_str())]).await.as_u16(), 202);
        story.work().await;
        let ignored = in_state(&story, "ignored").await.remove(0);
        assert!(matches!(ignored.reasons.as_slice(), [Reason::UnknownApp { .. }]));
        let late = format!("[[apps]]\nname = \"late\"\nimage = \"{host}/team/late\"\nchannels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n");
        story.app.apply(&late).await;
        for _ in 0..2 {
            intake::replay(&story.app.ctx, &story.admin, &ignored.id).await.expect("replayed");
            story.work().await;
            let builds = story.builds().await;
            assert_eq!((builds.len(), builds[0].app.as_str()), (1, "late"), "nothing is there twice");
        }
        let moves: i64 = story.app.count("tag_moves").await;
        assert_eq!(moves, 1);
    })
    .await;
}

#[tokio::test]
async fn secrets_in_a_body_are_masked_and_long_bodies_are_cut() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let long = "x".repeat(100_000);
        let body =
            json!({ "events": [], "password": "canary-1", "clone": "https://u:canary-2@git.test/x", "long": long }).to_string();
        assert_eq!(story.post(body).await.0.as_u16(), 202);
        let row = story.deliveries().await.remove(0);
        let view = intake::delivery(&story.app.ctx, &story.admin, &row.id).await.expect("a delivery");
        assert!(view.cut && view.body.len() < 80_000 && !view.body.contains("canary"), "{}", view.body.len());
        let short = json!({ "events": [], "password": "canary-1", "clone": "https://u:canary-2@git.test/x" }).to_string();
        assert_eq!(story.post(short).await.0.as_u16(), 202);
        let rows = story.deliveries().await;
        for row in rows {
            let view = intake::delivery(&story.app.ctx, &story.admin, &row.id).await.expect("a delivery");
            assert!(!view.body.contains("canary"), "{}", view.body);
        }
    })
    .await;
}

#[tokio::test]
async fn the_inbox_is_filtered_and_only_for_those_who_may() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.deliver(&[event("elsewhere.test", "x", NOON, "team/x", "dev", digest(b"x").as_str())]).await;
        let row = story.deliveries().await.remove(0);
        let (token, viewer) = (story.app.token(&story.admin).await, story.app.token(&story.viewer).await);
        let list = |query: String| format!("/api/v1/deliveries?{query}");
        let ask = |path: String| {
            let (app, token) = (&story.app, token.clone());
            async move { app.rest(&token, "GET", &path, Value::Null).await }
        };
        assert_eq!(ask(list(format!("hook={}", row.hook))).await.1["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(ask(list("hook=nothing&state=done".into())).await.1["items"].as_array().map(Vec::len), Some(0));
        assert_eq!(ask(list("state=lost".into())).await.0.as_u16(), 422);
        let one = format!("/api/v1/deliveries/{}", row.id);
        assert_eq!(ask(one.clone()).await.0.as_u16(), 200);
        assert_eq!(ask("/api/v1/deliveries/nothing".into()).await.0.as_u16(), 404);
        assert_eq!(story.app.rest(&viewer, "GET", &one, Value::Null).await.0.as_u16(), 403);
        let lea = story.app.person("lea", Role::Lead).await;
        let refused = intake::replay(&story.app.ctx, &lea, &row.id).await;
        assert_eq!(refused, Err(Problem::Forbidden { action: Action::ManageHooks }));
        let unknown = intake::replay(&story.app.ctx, &story.admin, &"nothing".to_owned().into()).await;
        assert_eq!(unknown, Err(Problem::NotFound { what: Noun::Delivery, id: "nothing".into() }));
    })
    .await;
}
