//! What is drafted by itself when a release comes, and what becomes of it.

use super::stage::{Built, Stage};
use crate::common::{TestApp, on_each_database};
use crate::decided::{announced, digest, listed, recorded};
use crate::intake::Intake;
use app::view::{Paging, PromotionRow};
use domain::id::{BuildId, PromotionId};
use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use domain::{Problem, ReleaseTag};
use server::clock::micros;
use server::usecases::promotions::{approve_promotion, draft_releases, promotion, promotions, start_booked, unbook_promotion};

/// web, whose releases are drafted to a region.
fn drafting(host: &str, more: &str) -> String {
    format!(
        "[[apps]]\nname = \"web\"\nimage = \"{host}/team/web\"\nport_label = 80\nservice = {{ port = 80 }}
         channels = [
             {{ name = \"dev\", kind = \"branch\", tags = \"dev\" }},
             {{ name = \"releases\", kind = \"release\", tags = \"release-v*\", draft = {{ to = [\"hangzhou\"]{more} }} }},
         ]\n"
    )
}

async fn stage(app: TestApp, more: &str) -> Stage {
    let stage = Stage::set(app).await;
    stage.app.apply(&drafting(&stage.registry.host, more)).await;
    stage.tick();
    stage
}

/// A release tag that points at a build, as the intake writes it.
async fn point(stage: &Stage, build: &BuildId, tag: &str) {
    stage.tick();
    let key = tag.parse::<ReleaseTag>().expect("a release").sort_key();
    let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
    sqlx::query(
        "INSERT INTO tags (app, name, build_id, channel, release_key, moved_at) VALUES ('web', $1, $2, 'releases', $3, $4)
         ON CONFLICT (app, name) DO UPDATE SET build_id = $2, moved_at = $4",
    )
    .bind(tag)
    .bind(build.as_str())
    .bind(key)
    .bind(micros(stage.app.ctx.now()))
    .execute(&mut *tx)
    .await
    .expect("a tag");
    tx.commit().await.expect("kept");
}

async fn release(stage: &Stage, n: u64, tag: &str) -> Built {
    let build = stage.built(n).await;
    point(stage, &build.id, tag).await;
    build
}

async fn look(stage: &Stage) {
    draft_releases(&stage.app.ctx).await.expect("looked");
}

/// All promotions, the oldest first.
async fn all(stage: &Stage) -> Vec<PromotionRow> {
    let page = promotions(&stage.app.ctx, &stage.people.vera, None, Paging::default()).await.expect("a list");
    page.items.into_iter().rev().collect()
}

async fn details(stage: &Stage, action: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT detail FROM audit WHERE action = $1 ORDER BY at, id")
        .bind(action)
        .fetch_all(stage.app.ctx.store.read())
        .await
        .expect("the record")
}

#[tokio::test]
async fn a_release_is_drafted_once_however_often_it_is_told_of_and_a_branch_never() {
    on_each_database(|app| async move {
        let intake = Intake::begin(app).await;
        let ctx = &intake.app.ctx;
        let region = "[[regions]]\nname = \"hangzhou\"\nurl = \"tcp://127.0.0.1:9\"\n";
        intake.app.apply(&format!("{}{region}", drafting(&intake.registry.host(), ""))).await;
        intake.push("1", "2026-11-24T02:00:00Z", "team/web", "dev", "aaaa").await;
        intake.work().await;
        draft_releases(ctx).await.expect("looked");
        assert_eq!(intake.app.count("promotions").await, 0, "a branch is no release");

        let tag = "release-v5.12.05.02";
        let image = intake.push("2", "2026-11-24T02:00:00Z", "team/web", tag, "bbbb").await;
        // The same event again, and another about the same digest.
        for id in ["2", "3"] {
            let event = intake.registry.event(id, "2026-11-24T02:00:00Z", "team/web", tag, &image);
            intake.deliver(&[event]).await;
        }
        intake.work().await;
        let (one, other) = (intake.app.restarted().await, intake.app.restarted().await);
        let (first, second) = tokio::join!(draft_releases(&one), draft_releases(&other));
        first.and(second).expect("looked");
        draft_releases(ctx).await.expect("looked");
        let drafted = promotions(ctx, &intake.viewer, None, Paging::default()).await.expect("a list").items;
        let [row] = drafted.as_slice() else { panic!("not one: {drafted:?}") };
        assert_eq!((row.tag.as_deref(), row.state, row.requested_by_name.as_str()), (Some(tag), PromotionState::Open, "Slipway"));
        assert_eq!(row.regions.iter().map(|region| region.name.as_str()).collect::<Vec<_>>(), ["hangzhou"]);
        assert_eq!(announced(&intake.app).await.iter().filter(|event| *event == "approval_wanted").count(), 1);
        let actors: Vec<String> = sqlx::query_scalar("SELECT actor FROM audit WHERE action = 'promotion.requested'")
            .fetch_all(ctx.store.read())
            .await
            .expect("the record");
        assert_eq!(actors, ["Slipway"]);
        assert_eq!(intake.app.count("bookings").await, 0, "people start it");
    })
    .await;
}

#[tokio::test]
async fn what_was_there_before_the_channel_drafted_is_no_news() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        release(&stage, 1, "release-v5.12.05.01").await;
        stage.tick();
        stage.app.apply(&drafting(&stage.registry.host, "")).await;
        look(&stage).await;
        stage.tick();
        stage.app.apply(&stage.region(0, "")).await;
        look(&stage).await;
        assert!(all(&stage).await.is_empty());
        // Neither is an older one that comes late.
        release(&stage, 2, "release-v5.11.30.01").await;
        look(&stage).await;
        assert!(all(&stage).await.is_empty());
        release(&stage, 3, "release-v5.12.05.02").await;
        look(&stage).await;
        assert_eq!(all(&stage).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_newer_release_takes_the_place_of_a_draft_that_is_open() {
    on_each_database(|app| async move {
        let stage = stage(app, "").await;
        release(&stage, 1, "release-v5.12.05.01").await;
        look(&stage).await;
        release(&stage, 2, "release-v5.12.05.02").await;
        look(&stage).await;
        let rows = all(&stage).await;
        let states: Vec<(Option<&str>, PromotionState)> = rows.iter().map(|row| (row.tag.as_deref(), row.state)).collect();
        assert_eq!(
            states,
            [(Some("release-v5.12.05.01"), PromotionState::Cancelled), (Some("release-v5.12.05.02"), PromotionState::Open)]
        );
        let said = details(&stage, "promotion.superseded").await;
        assert!(said.len() == 1 && said[0].contains("superseded by P-2 (release-v5.12.05.02)"), "{said:?}");
        // One that people requested is theirs, and one that runs is not open any more.
        let own = stage.requested(&stage.built(3).await, &["us-west"]).await;
        release(&stage, 4, "release-v5.12.05.03").await;
        look(&stage).await;
        assert_eq!(stage.state(&own).await, PromotionState::Open);
        assert_eq!(details(&stage, "promotion.superseded").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_release_tag_that_is_moved_leaves_the_draft_as_people_saw_it_and_is_noted() {
    on_each_database(|app| async move {
        let stage = stage(app, "").await;
        let build = release(&stage, 1, "release-v5.12.05.01").await;
        look(&stage).await;
        let id = all(&stage).await[0].id.clone();
        approve_promotion(&stage.app.ctx, &stage.people.leo, &id).await.expect("approved");
        let other = release(&stage, 2, "release-v5.12.05.01").await;
        look(&stage).await;
        look(&stage).await;
        let rows = all(&stage).await;
        assert_eq!((rows.len(), rows[0].state, &rows[0].digest), (1, PromotionState::Open, &build.digest));
        let seen = promotion(&stage.app.ctx, &stage.people.vera, &id).await.expect("shown");
        assert!(seen.approvals[0].counts, "the approval is for the digest, which is the same");
        let said = details(&stage, "promotion.tag_moved").await;
        assert!(said.len() == 1 && said[0].contains(other.digest.short()), "{said:?}");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_drafted_yet_is_noted_once_and_drafted_when_it_can() {
    on_each_database(|app| async move {
        let stage = stage(app, "").await;
        let build = stage.built(1).await;
        let verdict = stage.judge(&build, VerdictKind::Fail).await;
        point(&stage, &build.id, "release-v5.12.05.01").await;
        look(&stage).await;
        look(&stage).await;
        assert!(all(&stage).await.is_empty());
        assert_eq!(details(&stage, "promotion.not_drafted").await.len(), 1);
        server::usecases::verdicts::withdraw_verdict(&stage.app.ctx, &stage.people.tess, &verdict).await.expect("withdrawn");
        look(&stage).await;
        look(&stage).await;
        assert_eq!(all(&stage).await.len(), 1);
    })
    .await;
}

/// One look of the worker at what is due.
async fn start_due(stage: &Stage) {
    let ctx = &stage.app.ctx;
    for booking in ctx.store.due_bookings(ctx.now()).await.expect("bookings") {
        start_booked(ctx, &booking).await.expect("tried");
    }
}

async fn accepted(stage: &Stage, n: u64, tag: &str) -> PromotionId {
    let build = release(stage, n, tag).await;
    stage.judge(&build, VerdictKind::Pass).await;
    stage.accept(&build).await;
    look(stage).await;
    all(stage).await.pop().expect("a draft").id
}

#[tokio::test]
async fn it_starts_by_itself_only_where_the_channel_says_so_and_every_gate_is_green() {
    on_each_database(|app| async move {
        let stage = stage(app, ", start = true").await;
        let ctx = &stage.app.ctx;
        let id = accepted(&stage, 1, "release-v5.12.05.01").await;
        start_due(&stage).await;
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        let waits = promotion(ctx, &stage.people.vera, &id).await.expect("shown").booking.expect("booked");
        assert_eq!(waits.by_name, "Slipway");
        assert!(matches!(waits.waits, Some(Problem::GatesClosed { .. })), "{:?}", waits.waits);
        stage.tick();
        // The channel no longer says so when the last gate opens.
        stage.app.apply(&drafting(&stage.registry.host, "")).await;
        approve_promotion(ctx, &stage.people.leo, &id).await.expect("approved");
        start_due(&stage).await;
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        stage.app.apply(&drafting(&stage.registry.host, ", start = true")).await;
        start_due(&stage).await;
        assert_eq!(stage.state(&id).await, PromotionState::Running);
        let record = ctx.store.promotion(&id).await.expect("there");
        assert_eq!(record.started_by_name.as_deref(), Some("Slipway"));
        stage.work(&id, &[]).await;

        // Whoever may start may also take the start by itself away.
        let id = accepted(&stage, 2, "release-v5.12.05.02").await;
        unbook_promotion(ctx, &stage.people.ada, &id).await.expect("unbooked");
        approve_promotion(ctx, &stage.people.leo, &id).await.expect("approved");
        look(&stage).await;
        start_due(&stage).await;
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        assert_eq!(recorded(&stage.app).await.iter().filter(|action| *action == "promotion.started").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_the_requester_so_whoever_the_policy_asks_approves_but_not_twice() {
    on_each_database(|app| async move {
        let stage = stage(app, "").await;
        let ctx = &stage.app.ctx;
        let id = listed(&stage.app, "web", &digest(7)).await;
        point(&stage, &id, "release-v5.12.05.01").await;
        look(&stage).await;
        let id = all(&stage).await[0].id.clone();
        approve_promotion(ctx, &stage.people.ada, &id).await.expect("approved");
        assert_eq!(approve_promotion(ctx, &stage.people.ada, &id).await, Err(Problem::ApprovedAlready));
        assert!(matches!(approve_promotion(ctx, &stage.people.tess, &id).await, Err(Problem::Forbidden { .. })));
    })
    .await;
}
