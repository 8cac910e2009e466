//! Booked sets: the time of the regions, whole or not at all, as whoever booked them, and once.

use super::sets::{accepted, approved, members, requested, seen, set, states};
use super::stage::{Stage, closed, typed};
use crate::common::{TestApp, on_each_database};
use crate::decided::recorded;
use crate::outside::Mood;
use app::view::BookingInput;
use axum::http::StatusCode;
use domain::gate::GateKind;
use domain::problem::Refused;
use domain::promotion::PromotionState;
use domain::promotion::set::SetNumber;
use domain::{Action, Actor, Problem, Role};
use serde_json::{Value, json};
use server::ctx::Ctx;
use server::usecases::people::change_role;
use server::usecases::promotions::{
    approve_promotion, approve_set, book_set, cancel_promotion, start_booked_set, start_set, unbook_set,
};
use std::time::Duration;

fn booking(number: SetNumber, not_before: Option<&str>) -> BookingInput {
    BookingInput { not_before: not_before.map(str::to_owned), confirmation: typed(&number.to_string()) }
}

async fn book(stage: &Stage, actor: &Actor, number: SetNumber, not_before: Option<&str>) -> Result<(), Problem> {
    book_set(&stage.app.ctx, actor, number, booking(number, not_before)).await
}

/// One look of the worker at the sets that are due, and how many there were.
async fn look_in(ctx: &Ctx) -> usize {
    let due = ctx.store.due_set_bookings(ctx.now()).await.expect("bookings");
    for booking in &due {
        start_booked_set(ctx, booking).await.expect("tried");
    }
    due.len()
}

async fn look(stage: &Stage) -> usize {
    look_in(&stage.app.ctx).await
}

/// What the set waits for, by app.
async fn waits(stage: &Stage, number: SetNumber) -> Vec<Refused> {
    match seen(stage, number).await.booking.expect("it is booked").waits {
        Some(Problem::SetClosed { members }) => members,
        other => panic!("not closed: {other:?}"),
    }
}

fn apps(refused: &[Refused]) -> Vec<&str> {
    refused.iter().map(|refused| refused.app.as_str()).collect()
}

async fn times(stage: &Stage, action: &str) -> usize {
    recorded(&stage.app).await.iter().filter(|recorded| *recorded == action).count()
}

const OPEN: [PromotionState; 3] = [PromotionState::Open; 3];
const BEGUN: [PromotionState; 3] = [PromotionState::Running, PromotionState::Open, PromotionState::Open];

#[tokio::test]
async fn a_booked_set_starts_at_its_time_in_the_region_s_own_zone_and_not_before() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        stage.app.apply(&stage.region(0, "time_zone = \"Asia/Shanghai\"")).await;
        let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
        let number = approved(&stage, &accepted(&stage).await).await;
        let then = ctx.now() + chrono::TimeDelta::hours(2);
        let there = then + chrono::TimeDelta::hours(8);
        for bad in ["soon", "2020-13-01T00:00", "2199-01-01T00:00"] {
            let refused = book(&stage, ada, number, Some(bad)).await;
            assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "not_before"), "{refused:?}");
        }
        let wrong = BookingInput { confirmation: typed("web"), ..booking(number, None) };
        assert_eq!(book_set(ctx, ada, number, wrong).await, Err(Problem::ConfirmationMismatch { expected: "S-1".to_owned() }));
        assert_eq!(stage.app.count("set_bookings").await, 0);
        book(&stage, ada, number, Some(&there.format("%Y-%m-%dT%H:%M").to_string())).await.expect("booked");
        let view = seen(&stage, number).await;
        assert_eq!((view.state, view.time_zone.as_str()), (PromotionState::Open, "Asia/Shanghai"));
        let not_before = view.booking.and_then(|booking| booking.not_before).expect("a time");
        assert!((then - not_before).num_seconds() < 60 && not_before <= then, "{not_before} is not {then}");
        let shown: Vec<(&str, &str)> = view.times.iter().map(|time| (time.region.name.as_str(), time.at.as_str())).collect();
        assert_eq!(shown, [("hangzhou", there.format("%Y-%m-%d %H:%M").to_string().as_str())]);

        assert_eq!((look(&stage).await, states(&stage, number).await), (0, OPEN.to_vec()));
        stage.app.clock.advance(Duration::from_secs(2 * 3600));
        assert_eq!((look(&stage).await, states(&stage, number).await), (1, BEGUN.to_vec()));
        let view = seen(&stage, number).await;
        assert_eq!((view.booking, view.started_by_name.as_deref()), (None, Some("ada")), "what runs waits for no time");
        assert_eq!(look(&stage).await, 0, "it is started once");
        let again = book(&stage, ada, number, None).await;
        assert_eq!(again, Err(Problem::Finished { state: "running".to_owned() }));
        assert_eq!((times(&stage, "set.booked").await, times(&stage, "set.started").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn one_gate_that_is_not_green_keeps_all_of_a_booked_set_and_is_named() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let number = requested(&stage, &accepted(&stage).await).await;
        let ids = members(&stage, number).await;
        for id in [&ids[0], &ids[2]] {
            stage.tick();
            approve_promotion(ctx, &people.leo, id).await.expect("approved");
        }
        book(&stage, &people.ada, number, None).await.expect("booked");
        look(&stage).await;
        let missing = [format!("{:?} Waiting Some(Lead)", GateKind::Approved { role: Role::Lead, count: 1 })];
        let [Refused { app, why: Problem::GatesClosed { gates }, .. }] = &waits(&stage, number).await[..] else {
            panic!("not what was missing")
        };
        assert_eq!((app.as_str(), closed(gates)), ("worker", missing.to_vec()));
        // What the world has to say is asked when nobody's decision is missing.
        stage.tick();
        approve_promotion(ctx, &people.leo, &ids[1]).await.expect("approved");
        stage.regions[0].be(Mood::Broken);
        look(&stage).await;
        assert_eq!(apps(&waits(&stage, number).await), ["web", "worker", "jobs"]);
        // Another policy voids what was approved for the old one.
        stage.regions[0].be(Mood::Well);
        let policy = "[[policies]]\nname = \"two\"\napps = [\"jobs\"]\napprovals = [{ role = \"lead\", count = 2 }]\n";
        stage.app.apply(policy).await;
        look(&stage).await;
        assert_eq!(apps(&waits(&stage, number).await), ["jobs"]);
        assert_eq!((states(&stage, number).await, stage.app.count("bookings").await), (OPEN.to_vec(), 0));
        stage.app.apply(&policy.replace("count = 2", "count = 1")).await;
        stage.tick();
        approve_set(ctx, &people.leo, number).await.expect("approved for the policy of now");
        look(&stage).await;
        assert_eq!(states(&stage, number).await, BEGUN);
    })
    .await;
}

#[tokio::test]
async fn a_booked_set_starts_only_while_whoever_booked_it_still_may() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let number = approved(&stage, &accepted(&stage).await).await;
        let forbidden = Problem::Forbidden { action: Action::StartPromotion };
        for nobody in [&people.vera, &people.tess, &people.pia, &people.adam, &Actor::Slipway] {
            assert_eq!(book(&stage, nobody, number, None).await, Err(forbidden.clone()));
            assert_eq!(unbook_set(ctx, nobody, number).await, Err(forbidden.clone()));
        }
        book(&stage, &people.ada, number, None).await.expect("booked");
        let ada = people.ada.person().expect("a person").id.clone();
        change_role(ctx, &people.adam, &ada, Role::Viewer).await.expect("changed");
        look(&stage).await;
        assert_eq!(states(&stage, number).await, OPEN);
        assert_eq!(seen(&stage, number).await.booking.expect("it stands").waits, Some(forbidden));
        unbook_set(ctx, &people.leo, number).await.expect("unbooked");
        assert_eq!(unbook_set(ctx, &people.leo, number).await, Err(Problem::Stale));
        change_role(ctx, &people.adam, &ada, Role::Lead).await.expect("changed");
        assert_eq!((look(&stage).await, states(&stage, number).await), (0, OPEN.to_vec()));
        start_set(ctx, &people.leo, number, typed("S-1")).await.expect("by hand again");
        assert_eq!(unbook_set(ctx, &people.leo, number).await, Err(Problem::Finished { state: "running".to_owned() }));
    })
    .await;
}

#[tokio::test]
async fn booking_a_set_asks_for_the_password_as_its_start_does() {
    let stage = set(TestApp::sqlite().await).await;
    let number = approved(&stage, &accepted(&stage).await).await;
    stage.app.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(book(&stage, &stage.people.ada, number, None).await, Err(Problem::PasswordNeeded));
    assert_eq!(stage.app.count("set_bookings").await, 0);
}

#[tokio::test]
async fn a_booking_is_over_once_one_of_the_set_has_ended() {
    let stage = set(TestApp::sqlite().await).await;
    let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
    let number = approved(&stage, &accepted(&stage).await).await;
    book(&stage, ada, number, None).await.expect("booked");
    let ids = members(&stage, number).await;
    cancel_promotion(ctx, ada, &ids[1], "not tonight".to_owned()).await.expect("cancelled");
    assert_eq!((look(&stage).await, seen(&stage, number).await.booking), (0, None));
    assert_eq!(book(&stage, ada, number, None).await, Err(Problem::Finished { state: "cancelled".to_owned() }));
    let [first, _, last] = states(&stage, number).await[..] else { panic!("three") };
    assert_eq!((first, last), (PromotionState::Open, PromotionState::Open), "and nothing of it began");
}

#[tokio::test]
async fn a_booked_set_is_started_once_and_not_after_its_booking_was_taken_away_or_moved() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
        let number = approved(&stage, &accepted(&stage).await).await;
        book(&stage, ada, number, None).await.expect("booked");
        let due = ctx.store.due_set_bookings(ctx.now()).await.expect("bookings");
        // The worker had read it when a lead took it away, and when she booked it for later.
        unbook_set(ctx, ada, number).await.expect("unbooked");
        assert!(!start_booked_set(ctx, &due[0]).await.expect("tried"));
        let later = (ctx.now() + chrono::TimeDelta::days(1)).format("%Y-%m-%dT%H:%M").to_string();
        book(&stage, ada, number, Some(&later)).await.expect("booked");
        assert!(!start_booked_set(ctx, &due[0]).await.expect("tried"));
        assert_eq!((states(&stage, number).await, look(&stage).await), (OPEN.to_vec(), 0));
        book(&stage, ada, number, None).await.expect("booked anew");
        // Nothing of the process that was there is left, and two look at the same moment.
        let (one, other) = (stage.app.restarted().await, stage.app.restarted().await);
        let due = ctx.store.due_set_bookings(ctx.now()).await.expect("bookings");
        let done = tokio::join!(start_booked_set(&one, &due[0]), start_booked_set(&other, &due[0]));
        assert!(matches!(done, (Ok(true), Ok(false)) | (Ok(false), Ok(true))), "{done:?}");
        assert_eq!(states(&stage, number).await, BEGUN);
        assert_eq!((times(&stage, "set.started").await, times(&stage, "promotion.started").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn rest_books_a_set_and_takes_it_back() {
    let stage = set(TestApp::sqlite().await).await;
    let number = approved(&stage, &accepted(&stage).await).await;
    let (ada, vera) = (stage.app.token(&stage.people.ada).await, stage.app.token(&stage.people.vera).await);
    let on = |what: &str| format!("/api/v1/promotion-sets/{number}{what}");
    let body = |app: &str| json!({ "not_before": "2025-12-01T02:30", "confirmation": { "app": app } });
    let (status, told) = stage.app.rest(&vera, "POST", &on("/book"), body("S-1")).await;
    assert_eq!((status, &told["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
    let (status, told) = stage.app.rest(&ada, "POST", &on("/book"), body("web")).await;
    assert_eq!((status, &told["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("confirmation_mismatch")));
    let (status, told) = stage.app.rest(&ada, "POST", &on("/book"), body("S-1")).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    let (_, set) = stage.app.rest(&vera, "GET", &on(""), Value::Null).await;
    assert_eq!((&set["booking"]["by_name"], &set["times"][0]["at"]), (&json!("ada"), &json!("2025-12-01 02:30")));
    let (status, _) = stage.app.rest(&ada, "POST", &on("/unbook"), Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, told) = stage.app.rest(&ada, "POST", &on("/unbook"), Value::Null).await;
    assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("stale")));
}
