//! One button withdraws a canary and rolls its region back: written down at once, started when the
//! canary is gone, past every gate, once, and given up in the open when its time is over.

use super::canaries::{accepted, approved, gone, half};
use super::stage::{Stage, typed};
use crate::common::{TestApp, eventually, on_each_database};
use crate::decided::{announced, recorded};
use crate::rollouts::swarm::Tasks;
use app::view::{BookingInput, RollbackInput, VerdictInput};
use axum::http::StatusCode;
use domain::canary::{CanaryState, ReturnCause};
use domain::gate::{Gate, GateKind};
use domain::id::{BuildId, PromotionId};
use domain::problem::Fault;
use domain::promotion::{PromotionKind, PromotionState};
use domain::verdict::VerdictKind;
use domain::{Action, Digest, Problem, Role};
use serde_json::json;
use server::ctx::Ctx;
use server::store::follows::Follow;
use server::usecases::people::change_role;
use server::usecases::promotions::{
    approve_promotion, book_promotion, promotion, roll_back, start_follower, start_promotion, work as bookings,
};
use server::usecases::verdicts::record_verdict;
use server::usecases::{canaries, rollouts};
use std::time::Duration;
use tokio::task::JoinHandle;

/// "here" runs the third build, after the first, and a canary of the second stands beside it. Nobody
/// takes canaries back or starts what waits.
struct Night {
    stage: Stage,
    /// Where the way back leads.
    first: Digest,
    canary: PromotionId,
}

impl Night {
    async fn falls(app: TestApp) -> Self {
        let stage = Stage::set(app).await;
        stage.here.grow(2);
        let first = stage.verified(1, "here").await;
        stage.verified(3, "here").await;
        let build = accepted(&stage, 2).await;
        let canary = canary_of(&stage, &build).await;
        Self { stage, first, canary }
    }

    /// ada presses the button.
    async fn pressed(&self) -> PromotionId {
        roll_back(&self.stage.app.ctx, &self.stage.people.ada, input()).await.expect("asked for")
    }

    async fn state(&self, id: &PromotionId) -> PromotionState {
        self.stage.app.ctx.store.promotion(id).await.expect("there").state
    }

    async fn due(&self) -> Vec<Follow> {
        self.stage.app.ctx.store.due_follows(self.stage.app.ctx.now()).await.expect("a look")
    }

    /// One look of the worker at the rollback that is due.
    async fn look(&self) -> bool {
        let due = self.due().await;
        assert_eq!(due.len(), 1, "{due:?}");
        start_follower(&self.stage.app.ctx, &due[0]).await.expect("tried")
    }

    async fn waits(&self, id: &PromotionId) -> Option<Problem> {
        promotion(&self.stage.app.ctx, &self.stage.people.vera, id).await.expect("a view").follows.expect("it follows").waits
    }

    async fn count(&self, action: &str) -> usize {
        recorded(&self.stage.app).await.iter().filter(|recorded| *recorded == action).count()
    }
}

fn input() -> RollbackInput {
    RollbackInput {
        app: "web".to_owned(),
        region: "here".to_owned(),
        reason: "it burns".to_owned(),
        to: None,
        withdraw_canary: true,
        confirmation: typed(),
    }
}

/// leo starts a canary of a build that was accepted, and it runs.
async fn canary_of(stage: &Stage, build: &BuildId) -> PromotionId {
    let id = approved(stage, build, Some(half())).await;
    start_promotion(&stage.app.ctx, &stage.people.leo, &id, typed()).await.expect("started");
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
    id
}

fn kinds(problem: Option<Problem>) -> Vec<GateKind> {
    match problem {
        Some(Problem::GatesClosed { gates }) => gates.into_iter().map(|gate: Gate| gate.kind).collect(),
        other => panic!("no gate: {other:?}"),
    }
}

#[tokio::test]
async fn one_button_withdraws_the_canary_and_rolls_back_when_it_is_gone() {
    on_each_database(|app| async move {
        let night = Night::falls(app).await;
        let (stage, ctx, people) = (&night.stage, &night.stage.app.ctx, &night.stage.people);
        for nobody in [&people.vera, &people.tess, &people.pia, &people.adam] {
            let forbidden = Problem::Forbidden { action: Action::RollBack };
            assert_eq!(roll_back(ctx, nobody, input()).await, Err(forbidden));
        }
        let silent = RollbackInput { reason: " ".to_owned(), ..input() };
        assert_eq!(roll_back(ctx, &people.ada, silent).await, Err(Problem::invalid("reason", Fault::Missing)));
        let id = night.pressed().await;
        let record = ctx.store.promotion(&id).await.expect("there");
        assert_eq!((record.kind, record.state, &record.digest), (PromotionKind::Rollback, PromotionState::Open, &night.first));
        let canary = ctx.store.canary(&night.canary).await.expect("a look").expect("a canary");
        assert_eq!((canary.state, canary.cause), (CanaryState::Returning, Some(ReturnCause::Withdrawn)));
        assert_eq!((canary.withdrawn_by.as_deref(), canary.reason.as_str()), (Some("ada"), "it burns"));
        let cell = stage.cell(|cell| cell.canary.as_ref().is_some_and(|canary| canary.followed_by.is_some())).await;
        assert_eq!(cell.canary.and_then(|canary| canary.followed_by).map(|link| link.id), Some(id.clone()));
        // It starts in this way and in no other, and nobody is asked to approve it.
        let only = Problem::FollowsCanary { number: record.number };
        assert_eq!(roll_back(ctx, &people.leo, input()).await, Err(only.clone()));
        assert_eq!(start_promotion(ctx, &people.leo, &id, typed()).await, Err(only.clone()));
        let booking = BookingInput { not_before: None, confirmation: typed() };
        assert_eq!(book_promotion(ctx, &people.leo, &id, booking).await, Err(only.clone()));
        assert_eq!(approve_promotion(ctx, &people.leo, &id).await, Err(only));
        let leo = &people.leo.person().expect("a person").id;
        assert!(ctx.store.promotions_to_approve(leo).await.expect("a list").is_empty());
        assert_eq!(night.due().await, [], "the canary is still there");

        tokio::spawn(canaries::work(ctx.clone()));
        tokio::spawn(bookings(ctx.clone()));
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        let cell = stage.cell(|cell| cell.canary.is_none() && cell.digest.as_ref() == Some(&night.first)).await;
        assert_eq!((cell.running, cell.desired, cell.drifted), (2, 2, false));
        let started = ctx.store.promotion(&id).await.expect("there").started_by_name;
        assert_eq!(started.as_deref(), Some("ada"));
        let order = ["canary.withdrawn", "rollback.follows", "canary.returned", "rollback.started"];
        let said: Vec<String> =
            recorded(&stage.app).await.into_iter().filter(|action| order.contains(&action.as_str())).collect();
        let mut sorted = said.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["canary.returned", "canary.withdrawn", "rollback.follows", "rollback.started"], "each once");
        assert_eq!(said[2..], ["canary.returned", "rollback.started"]);
        assert_eq!(announced(&stage.app).await.iter().filter(|event| *event == "rollback").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_else_is_closed_is_told_before_the_canary_is_touched() {
    let night = Night::falls(TestApp::sqlite().await).await;
    let (ctx, people) = (&night.stage.app.ctx, &night.stage.people);
    let first = ctx.store.build_known("web", &night.first).await.expect("a look").expect("a build").id;
    let fail = VerdictInput { build: first, kind: VerdictKind::Fail, note: "worse".to_owned(), environment: None };
    record_verdict(ctx, &people.tess, fail).await.expect("recorded");
    assert_eq!(roll_back(ctx, &people.ada, input()).await, Err(Problem::Quarantined));
    let canary = ctx.store.canary(&night.canary).await.expect("a look").expect("a canary");
    assert_eq!((canary.state, night.count("rollback.follows").await), (CanaryState::Running, 0));
}

#[tokio::test]
async fn a_canary_that_is_still_starting_is_not_withdrawn_by_it() {
    let stage = Stage::quiet(TestApp::sqlite().await).await;
    stage.here.grow(2);
    let workers = begin(&stage.app.ctx);
    stage.verified(1, "here").await;
    stage.verified(3, "here").await;
    end(workers).await;
    let build = accepted(&stage, 2).await;
    let canary = approved(&stage, &build, Some(half())).await;
    start_promotion(&stage.app.ctx, &stage.people.leo, &canary, typed()).await.expect("started");
    let running = Problem::RolloutRunning { app: "web".to_owned(), region: "here".to_owned() };
    assert_eq!(roll_back(&stage.app.ctx, &stage.people.ada, input()).await, Err(running));
    assert_eq!(stage.app.count("follows").await, 0);
}

#[tokio::test]
async fn its_gates_are_checked_again_and_it_is_given_up_in_the_open_when_its_time_is_over() {
    on_each_database(|app| async move {
        let night = Night::falls(app).await;
        let (stage, ctx, people) = (&night.stage, &night.stage.app.ctx, &night.stage.people);
        let id = night.pressed().await;
        tokio::spawn(canaries::work(ctx.clone()));
        gone(stage, &night.canary).await;
        // Whoever asked for it must still be one who may.
        let ada = people.ada.person().expect("a person").id.clone();
        change_role(ctx, &people.adam, &ada, Role::Viewer).await.expect("changed");
        assert!(!night.look().await);
        assert_eq!(night.waits(&id).await, Some(Problem::Forbidden { action: Action::RollBack }));
        change_role(ctx, &people.adam, &ada, Role::Lead).await.expect("changed");
        let first = ctx.store.build_known("web", &night.first).await.expect("a look").expect("a build").id;
        let fail = VerdictInput { build: first, kind: VerdictKind::Fail, note: "worse".to_owned(), environment: None };
        record_verdict(ctx, &people.tess, fail).await.expect("recorded");
        assert!(!night.look().await);
        assert_eq!(kinds(night.waits(&id).await), [GateKind::NotQuarantined]);
        assert_eq!(night.state(&id).await, PromotionState::Open);
        stage.app.clock.advance(Duration::from_secs(17 * 60));
        assert!(!night.look().await);
        assert_eq!((night.state(&id).await, night.due().await), (PromotionState::Expired, vec![]));
        assert_eq!(kinds(night.waits(&id).await), [GateKind::NotQuarantined], "the page says why");
        assert_eq!((night.count("rollback.given_up").await, night.count("rollback.started").await), (1, 0));
        assert_eq!(announced(&stage.app).await.iter().filter(|event| *event == "rollout_failed").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_canary_that_does_not_go_gives_the_rollback_up_and_another_may_follow_it() {
    let night = Night::falls(TestApp::sqlite().await).await;
    let stage = &night.stage;
    let id = night.pressed().await;
    stage.app.clock.advance(Duration::from_secs(14 * 60));
    assert_eq!(night.due().await, []);
    stage.app.clock.advance(Duration::from_secs(3 * 60));
    assert!(!night.look().await);
    assert_eq!(night.state(&id).await, PromotionState::Expired);
    assert_eq!(kinds(night.waits(&id).await), [GateKind::NoCanary { region: "here".to_owned() }]);
    // It is on its way back already, which needs no second withdrawal; a program asks, for she is long signed in.
    let ada = stage.app.token(&stage.people.ada).await;
    let body =
        json!({ "app": "web", "region": "here", "reason": "again", "withdraw_canary": true, "confirmation": { "app": "web" } });
    let (status, made) = stage.app.rest(&ada, "POST", "/api/v1/rollbacks", body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((night.count("canary.withdrawn").await, night.count("rollback.follows").await), (1, 2));
}

#[tokio::test]
async fn what_was_put_there_meanwhile_stays() {
    let night = Night::falls(TestApp::sqlite().await).await;
    let (stage, ctx) = (&night.stage, &night.stage.app.ctx);
    let id = night.pressed().await;
    tokio::spawn(canaries::work(ctx.clone()));
    gone(stage, &night.canary).await;
    stage.verified(4, "here").await;
    let number = ctx.store.promotion(&id).await.expect("there").number + 1;
    assert!(!night.look().await);
    assert_eq!(night.state(&id).await, PromotionState::Expired);
    assert_eq!(night.waits(&id).await, Some(Problem::Overtaken { region: "here".to_owned(), number }));
    // With nothing to withdraw the same button rolls back at once.
    let id = night.pressed().await;
    assert_eq!(night.count("rollback.started").await, 1);
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
}

#[tokio::test]
async fn nobody_waits_for_a_main_service_that_does_not_come_up() {
    let night = Night::falls(TestApp::sqlite().await).await;
    let (stage, ctx) = (&night.stage, &night.stage.app.ctx);
    stage.here.behave(Tasks::Nothing);
    let before = ctx.now();
    let id = night.pressed().await;
    tokio::spawn(canaries::work(ctx.clone()));
    gone(stage, &night.canary).await;
    assert!((ctx.now() - before).num_seconds() < 10, "its deadline is a minute");
    stage.here.behave(Tasks::Run);
    assert!(night.look().await);
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
}

#[tokio::test]
async fn rest_asks_for_it_with_one_word_more() {
    let night = Night::falls(TestApp::sqlite().await).await;
    let app = &night.stage.app;
    let (ada, vera) = (app.token(&night.stage.people.ada).await, app.token(&night.stage.people.vera).await);
    let body = json!({ "app": "web", "region": "here", "reason": "it burns", "confirmation": { "app": "web" } });
    let (status, told) = app.rest(&ada, "POST", "/api/v1/rollbacks", body.clone()).await;
    assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("gates_closed")));
    let mut more = body;
    more["withdraw_canary"] = json!(true);
    let (status, _) = app.rest(&vera, "POST", "/api/v1/rollbacks", more.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, made) = app.rest(&ada, "POST", "/api/v1/rollbacks", more).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let path = format!("/api/v1/promotions/{}", made["id"].as_str().expect("an id"));
    let (_, seen) = app.rest(&vera, "GET", &path, serde_json::Value::Null).await;
    assert_eq!((&seen["row"]["state"], &seen["follows"]["by_name"]), (&json!("open"), &json!("ada")));
    assert_eq!(seen["follows"]["canary"]["id"], json!(night.canary));
}

/// Everything that works on it, in a process that can be killed.
fn begin(ctx: &Ctx) -> [JoinHandle<()>; 3] {
    let ctx = || ctx.clone();
    [tokio::spawn(rollouts::work(ctx())), tokio::spawn(canaries::work(ctx())), tokio::spawn(bookings(ctx()))]
}

async fn end(workers: [JoinHandle<()>; 3]) {
    for worker in workers {
        worker.abort();
        let _ = worker.await;
    }
}

async fn rolled_back(stage: &Stage, ctx: &Ctx, id: &PromotionId) {
    eventually("the end of the rollback", || async {
        for worker in [&ctx.work.canaries, &ctx.work.rollouts, &ctx.work.bookings] {
            worker.notify_one();
        }
        stage.app.clock.advance(Duration::from_millis(100));
        let state = ctx.store.promotion(id).await.expect("there").state;
        (state == PromotionState::Verified).then_some(())
    })
    .await;
}

/// The proof by all cases: the workers are stopped dead after each single call that the way to the start
/// takes once it was asked for, which is before the next one, and begun again. What a rollout does after
/// its start when it is stopped is told elsewhere; one case of it ends the story.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_call_the_canary_goes_and_the_rollback_starts_once() {
    let stage = Stage::quiet(TestApp::sqlite().await).await;
    stage.here.grow(2);
    let workers = begin(&stage.app.ctx);
    let first = stage.verified(1, "here").await;
    stage.verified(3, "here").await;
    let build = accepted(&stage, 2).await;
    end(workers).await;
    for call in 1.. {
        let workers = begin(&stage.app.ctx);
        stage.verified(3, "here").await;
        let canary = canary_of(&stage, &build).await;
        end(workers).await;
        let (before, started) = (stage.here.changed(), times_started(&stage).await);
        let id = roll_back(&stage.app.ctx, &stage.people.ada, input()).await.expect("asked for");
        stage.here.stop_at(call, true);
        let ctx = stage.app.restarted().await;
        let workers = begin(&ctx);
        tokio::select! {
            () = stage.here.stopped.notified() => {}
            () = rolled_back(&stage, &ctx, &id) => {}
        }
        end(workers).await;
        let begun = times_started(&stage).await > started;
        let ctx = stage.app.restarted().await;
        let workers = begin(&ctx);
        rolled_back(&stage, &ctx, &id).await;
        end(workers).await;
        let state = ctx.store.canary(&canary).await.expect("a look").expect("a canary").state;
        assert_eq!((state, stage.here.runs("slw-web-canary")), (CanaryState::Returned, None), "stopped at call {call}");
        let (replicas, images) = stage.here.runs("slw-web").expect("the main service");
        let back = images.iter().all(|image| image.ends_with(&first.to_string()));
        assert!(replicas == 2 && back, "stopped at call {call}: {replicas} {images:?}");
        assert_eq!(stage.here.changed() - before, 3, "no canary, its replica back, the first build: stopped at call {call}");
        assert_eq!(times_started(&stage).await - started, 1, "stopped at call {call}");
        if begun {
            assert!(call > 6, "it makes more calls than {call}");
            break;
        }
    }
}

async fn times_started(stage: &Stage) -> usize {
    recorded(&stage.app).await.iter().filter(|action| *action == "rollback.started").count()
}
