//! Approve, then it runs: bookings, what they wait for, what ends them; and what lapses.

use super::stage::{Built, Stage, typed};
use crate::common::on_each_database;
use crate::decided::recorded;
use crate::outside::Mood;
use app::view::{BookingInput, PromotionInput};
use domain::gate::GateKind;
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use domain::{Action, Problem, Role};
use server::usecases::people::change_role;
use server::usecases::promotions::{
    approve_promotion, book_promotion, expire, promotion, request_promotion, start_booked, unbook_promotion,
};
use std::time::Duration;

fn booking(not_before: Option<&str>) -> BookingInput {
    BookingInput { not_before: not_before.map(str::to_owned), confirmation: typed("web") }
}

async fn request(stage: &Stage, build: &Built, booking: BookingInput) -> Result<PromotionId, Problem> {
    stage.tick();
    let regions = vec!["hangzhou".to_owned()];
    let input = PromotionInput {
        build: build.id.clone(),
        regions,
        reason: "it is time".to_owned(),
        waves: vec![],
        booking: Some(booking),
        canary: None,
    };
    request_promotion(&stage.app.ctx, &stage.people.ada, input).await
}

/// One look of the worker at what is due.
async fn look(stage: &Stage) -> usize {
    let ctx = &stage.app.ctx;
    let due = ctx.store.due_bookings(ctx.now()).await.expect("bookings");
    for booking in &due {
        start_booked(ctx, booking).await.expect("tried");
    }
    due.len()
}

async fn waits(stage: &Stage, id: &PromotionId) -> Option<Problem> {
    let seen = promotion(&stage.app.ctx, &stage.people.vera, id).await.expect("shown");
    seen.booking.and_then(|booking| booking.waits)
}

#[tokio::test]
async fn what_is_booked_starts_by_itself_when_the_last_gate_opens() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let wrong = BookingInput { confirmation: typed("wob"), ..booking(None) };
        assert!(matches!(request(&stage, &build, wrong).await, Err(Problem::ConfirmationMismatch { .. })));
        assert_eq!(stage.app.count("promotions").await, 0);
        let id = request(&stage, &build, booking(None)).await.expect("requested");
        look(&stage).await;
        let Some(Problem::GatesClosed { gates }) = waits(&stage, &id).await else { panic!("it waits for nothing") };
        assert_eq!(
            gates.iter().map(|gate| gate.kind.clone()).collect::<Vec<_>>(),
            [GateKind::Approved { role: Role::Lead, count: 1 }]
        );
        stage.tick();
        approve_promotion(&stage.app.ctx, &stage.people.leo, &id).await.expect("approved");
        stage.regions[0].be(Mood::Broken);
        look(&stage).await;
        assert!(matches!(waits(&stage, &id).await, Some(Problem::GatesClosed { .. })), "the region is away");
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        stage.regions[0].be(Mood::Well);
        look(&stage).await;
        assert_eq!(stage.state(&id).await, PromotionState::Running);
        let record = stage.app.ctx.store.promotion(&id).await.expect("there");
        assert_eq!(record.started_by_name.as_deref(), Some("ada"));
        assert!(stage.rollouts(&id).await.iter().all(|rollout| rollout.intent.is_some()));
        assert_eq!(look(&stage).await, 0, "it is started once");
        let started = recorded(&stage.app).await.iter().filter(|action| *action == "promotion.started").count();
        assert_eq!(started, 1);
    })
    .await;
}

#[tokio::test]
async fn a_booked_time_is_that_of_the_region_and_nothing_starts_before_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(&stage.region(0, "time_zone = \"Asia/Shanghai\"")).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let then = ctx.now() + chrono::TimeDelta::hours(2);
        let there = (then + chrono::TimeDelta::hours(8)).format("%Y-%m-%dT%H:%M").to_string();
        for bad in ["soon", "2020-13-01T00:00", "2199-01-01T00:00"] {
            let refused = book_promotion(ctx, &stage.people.ada, &id, booking(Some(bad))).await;
            assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "not_before"), "{refused:?}");
        }
        book_promotion(ctx, &stage.people.ada, &id, booking(Some(&there))).await.expect("booked");
        let seen = promotion(ctx, &stage.people.vera, &id).await.expect("shown");
        let not_before = seen.booking.and_then(|booking| booking.not_before).expect("a time");
        assert!((then - not_before).num_seconds() < 60 && not_before <= then, "{not_before} is not {then}");
        assert_eq!(look(&stage).await, 0);
        stage.app.clock.advance(Duration::from_secs(2 * 3600));
        assert_eq!(look(&stage).await, 1);
        assert_eq!(stage.state(&id).await, PromotionState::Running);
    })
    .await;
}

#[tokio::test]
async fn it_starts_only_while_whoever_booked_it_still_may() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let forbidden = Err(Problem::Forbidden { action: Action::StartPromotion });
        assert_eq!(book_promotion(ctx, &stage.people.tess, &id, booking(None)).await, forbidden);
        book_promotion(ctx, &stage.people.ada, &id, booking(None)).await.expect("booked");
        let ada = stage.people.ada.person().expect("a person").id.clone();
        change_role(ctx, &stage.people.adam, &ada, Role::Viewer).await.expect("changed");
        look(&stage).await;
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        assert_eq!(waits(&stage, &id).await, Some(Problem::Forbidden { action: Action::StartPromotion }));
        unbook_promotion(ctx, &stage.people.leo, &id).await.expect("unbooked");
        assert_eq!(unbook_promotion(ctx, &stage.people.leo, &id).await, Err(Problem::Stale));
        change_role(ctx, &stage.people.adam, &ada, Role::Lead).await.expect("changed");
        assert_eq!(look(&stage).await, 0);
        assert_eq!(stage.state(&id).await, PromotionState::Open);
    })
    .await;
}

#[tokio::test]
async fn a_booking_asks_for_the_password_as_a_start_does() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        stage.app.clock.advance(Duration::from_secs(16 * 60));
        assert_eq!(book_promotion(ctx, &stage.people.ada, &id, booking(None)).await, Err(Problem::PasswordNeeded));
        assert_eq!(stage.app.count("bookings").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_started_in_time_expires() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let (approved, bare) = (stage.approved(&build, &["hangzhou"]).await, stage.requested(&build, &["us-west"]).await);
        let lapsed = || async {
            let now = ctx.now();
            let hour = chrono::TimeDelta::hours(1);
            ctx.store.perhaps_lapsed(now - chrono::TimeDelta::days(14), now - hour).await.expect("promotions")
        };
        stage.app.clock.advance(Duration::from_secs(71 * 3600));
        assert_eq!(lapsed().await, std::slice::from_ref(&approved), "worth a look");
        assert!(!expire(ctx, &approved).await.expect("looked"), "and still good");
        stage.app.clock.advance(Duration::from_secs(3600));
        assert!(expire(ctx, &approved).await.expect("looked"));
        assert!(!expire(ctx, &bare).await.expect("looked"));
        assert_eq!((stage.state(&approved).await, stage.state(&bare).await), (PromotionState::Expired, PromotionState::Open));
        assert_eq!(stage.start(&approved).await, Err(Problem::Finished { state: "expired".to_owned() }));
        stage.app.clock.advance(Duration::from_secs(11 * 24 * 3600));
        assert_eq!(lapsed().await, std::slice::from_ref(&bare));
        assert!(expire(ctx, &bare).await.expect("looked"));
        let expired = recorded(&stage.app).await.iter().filter(|action| *action == "promotion.expired").count();
        assert_eq!(expired, 2);
    })
    .await;
}
