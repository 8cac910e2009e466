//! Each thing that happens is announced where it happens, once.

use super::{ALL_TO_OPS, Chat, Stage};
use crate::common::{TestApp, on_each_database};
use crate::decided::{digest, ran};
use crate::intake::{Intake, NOON, ONE, TWO};
use app::view::{PromotionInput, VerdictInput};
use domain::Role;
use domain::verdict::VerdictKind;
use serde_json::json;
use server::usecases::notifications::{fan_out_waiting, send_waiting, watch_hooks, watch_leases};
use server::usecases::verdicts::{overrule_verdict, record_verdict, sign_off, withdraw_sign_off, withdraw_verdict};
use std::sync::Arc;
use std::time::Duration;

async fn events(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT event FROM news ORDER BY at, id").fetch_all(app.ctx.store.read()).await.expect("news")
}

#[tokio::test]
async fn a_pushed_build_is_told_once_its_labels_are_read_and_a_moved_release_tag_at_once() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.push("e1", NOON, "team/web", "release-v5.12.05.02", "abc").await;
        story.work().await;
        story.work().await;
        assert_eq!(events(&story.app).await, ["build_ready"]);
        story.push("e2", ONE, "team/web", "dev", "def").await;
        story.push("e3", TWO, "team/web", "dev", "fed").await;
        story.work().await;
        assert_eq!(
            events(&story.app).await.iter().filter(|event| *event == "tag_moved").count(),
            0,
            "a branch's tag is there to move"
        );
        story.push("e4", TWO, "team/web", "release-v5.12.05.02", "cab").await;
        story.work().await;
        let mut told = events(&story.app).await;
        told.sort_unstable();
        assert_eq!(told, ["build_ready", "build_ready", "build_ready", "build_ready", "tag_moved"]);
    })
    .await;
}

#[tokio::test]
async fn a_build_whose_labels_were_given_up_is_told_too() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let gone = crate::registry::digest(b"gone");
        story.deliver(&[story.registry.event("e1", NOON, "team/web", "dev", &gone)]).await;
        for _ in 0..6 {
            story.work().await;
            story.app.clock.advance(Duration::from_secs(3600));
        }
        assert_eq!(events(&story.app).await, ["build_ready"]);
    })
    .await;
}

#[tokio::test]
async fn decisions_are_told_with_who_made_them() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let (tess, pia) = (stage.app.person("tess", Role::Tester).await, stage.app.person("pia", Role::Product).await);
        let leo = stage.app.person("leo", Role::Lead).await;
        let (ctx, build) = (&stage.app.ctx, stage.build(1, "dev", Some("dev")).await);
        let input = |kind| VerdictInput { build: build.clone(), kind, note: "so it is".into(), environment: None };
        let first = record_verdict(ctx, &tess, input(VerdictKind::Pass)).await.expect("recorded");
        withdraw_verdict(ctx, &tess, &first).await.expect("withdrawn");
        let fail = record_verdict(ctx, &tess, input(VerdictKind::Fail)).await.expect("recorded");
        overrule_verdict(ctx, &leo, &fail, "it was the network".into()).await.expect("overruled");
        let signed = sign_off(ctx, &pia, &build, String::new()).await.expect("signed off");
        withdraw_sign_off(ctx, &pia, &signed).await.expect("withdrawn");
        let refused = record_verdict(ctx, &leo, input(VerdictKind::Pass)).await;
        assert!(refused.is_err());
        stage.work().await;
        let mut titles = stage.chat.titles("ops");
        titles.sort_unstable();
        assert_eq!(
            titles,
            [
                "fail: web dev, by tess",
                "leo overruled a fail of web dev",
                "pass: web dev, by tess",
                "pia signed web dev off",
                "pia withdrew the sign-off of web dev",
                "tess withdrew the verdict pass on web dev",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_request_for_approval_is_told_and_a_refused_one_is_not() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.app.apply("[[regions]]\nname = \"hangzhou\"\nurl = \"tcp://10.0.0.1:2375\"\n").await;
        let leo = stage.app.person("leo", Role::Lead).await;
        let build = stage.build(1, "dev", Some("dev")).await;
        let input = |regions: &[&str]| PromotionInput {
            build: build.clone(),
            regions: regions.iter().map(|region| (*region).to_owned()).collect(),
            reason: "for the campaign".into(),
            waves: vec![],
            booking: None,
            canary: None,
        };
        assert!(server::usecases::promotions::request_promotion(&stage.app.ctx, &leo, input(&["nowhere"])).await.is_err());
        server::usecases::promotions::request_promotion(&stage.app.ctx, &leo, input(&["hangzhou"])).await.expect("requested");
        stage.work().await;
        let message = &stage.chat.to("ops")[0];
        assert_eq!((stage.chat.to("ops").len(), message.title.as_str()), (1, "P-1 wants approval: web dev to hangzhou"));
        assert_eq!(message.note.as_deref(), Some("for the campaign"));
        assert_eq!(message.ask.as_deref(), Some("A lead other than leo: look at the gates and approve it."));
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_lease_is_told_half_an_hour_before_and_once() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let build = stage.build(1, "dev", Some("dev")).await;
        let environment = ran(&stage.app, &build).await;
        let ends = server::clock::micros(stage.app.ctx.now()) + 3_600_000_000;
        crate::decided::tamper(
            &stage.app,
            "UPDATE environments SET lease_ends_at = CAST($1 AS BIGINT) WHERE id = $2",
            &[&ends.to_string(), environment.as_str()],
        )
        .await;
        for (seconds, told) in [(1799, 0), (1, 1), (60, 1)] {
            stage.pass(seconds);
            watch_leases(&stage.app.ctx).await.expect("watched");
            watch_leases(&stage.app.ctx).await.expect("watched");
            assert_eq!(stage.news().await.len(), told);
        }
        stage.work().await;
        let message = &stage.chat.to("ops")[0];
        assert_eq!(
            (message.title.as_str(), message.mention.as_slice()),
            ("Environment E-1 ends soon: web dev", ["tess".to_owned()].as_slice())
        );
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_falls_silent_is_told_of_once_for_each_silence() {
    on_each_database(|app| async move {
        let mut story = Intake::begin(app).await;
        let chat = Arc::new(Chat::default());
        story.app.ctx.post = chat.clone();
        story.app.apply(&format!("{}{ALL_TO_OPS}", super::TARGETS)).await;
        for n in 0..4 {
            story.deliver(&[story.registry.event(&format!("e{n}"), NOON, "team/other", "dev", &digest(1))]).await;
            story.app.clock.advance(Duration::from_secs(3600));
        }
        let watched = async |hours: u64| {
            story.app.clock.advance(Duration::from_secs(hours * 3600));
            watch_hooks(&story.app.ctx).await.expect("watched");
            watch_hooks(&story.app.ctx).await.expect("watched");
            fan_out_waiting(&story.app.ctx).await.expect("fanned out");
            send_waiting(&story.app.ctx).await.expect("sent");
            chat.to("ops").len()
        };
        assert_eq!(watched(23).await, 0, "not a day yet");
        assert_eq!(watched(1).await, 1);
        assert_eq!(watched(100).await, 1, "the same silence");
        assert_eq!(story.post(json!({ "events": "none" }).to_string()).await.0.as_u16(), 400);
        assert_eq!(watched(1).await, 1, "what is refused breaks no silence");
        story.deliver(&[story.registry.event("e9", NOON, "team/other", "dev", &digest(1))]).await;
        assert_eq!(watched(1).await, 1);
        assert_eq!(watched(30).await, 2, "a new silence");
        assert!(chat.titles("ops")[0].contains("registry"));
    })
    .await;
}
