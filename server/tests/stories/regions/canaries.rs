//! A canary from its request to its withdrawal: the gates of a promotion, what pages show of it,
//! what it keeps out, and who may do what.

use super::stage::{Stage, typed};
use crate::common::{TestApp, eventually, on_each_database};
use crate::decided::{listed, recorded};
use app::view::{CorrectInput, ExtendInput, PromotionInput, RollbackInput, VerdictInput, WithdrawInput};
use domain::canary::{CanaryState, ReturnCause, Shape, Terms};
use domain::gate::{Gate, GateKind, GateState};
use domain::id::{BuildId, PromotionId};
use domain::problem::Fault;
use domain::promotion::{PromotionKind, PromotionState};
use domain::verdict::VerdictKind;
use domain::{Action, Problem, Role};
use server::engine::swarm::Which;
use server::usecases::canaries::{extend_canary, withdraw_canary, work};
use server::usecases::promotions::{approve_promotion, promotion, request_promotion, roll_back, start_promotion};
use server::usecases::regions::{correct_drift, region, service_log};
use server::usecases::verdicts::{record_verdict, sign_off};
use std::time::Duration;

/// "here" runs two replicas of the first build, and its Swarm has room.
async fn set(app: TestApp) -> Stage {
    let stage = Stage::set(app).await;
    stage.here.grow(2);
    tokio::spawn(work(stage.app.ctx.clone()));
    stage.verified(1, "here").await;
    stage
}

/// A build that passed and was signed off.
pub(super) async fn accepted(stage: &Stage, n: u64) -> BuildId {
    stage.app.clock.advance(Duration::from_secs(1));
    let (ctx, digest) = (&stage.app.ctx, stage.registry.push(n));
    let build = listed(&stage.app, "web", &digest).await;
    let input = VerdictInput { build: build.clone(), kind: VerdictKind::Pass, note: "so it is".to_owned(), environment: None };
    record_verdict(ctx, &stage.people.tess, input).await.expect("recorded");
    sign_off(ctx, &stage.people.pia, &build, String::new()).await.expect("signed off");
    build
}

pub(super) fn half() -> Terms {
    Terms { shape: Shape::Share, replicas: 1, port_label: None, hours: 24 }
}

fn asked(build: &BuildId, regions: &[&str], canary: Option<Terms>) -> PromotionInput {
    let regions = regions.iter().map(|region| (*region).to_owned()).collect();
    PromotionInput { build: build.clone(), regions, reason: "it is time".to_owned(), waves: vec![], booking: None, canary }
}

/// leo requests and ada approves.
pub(super) async fn approved(stage: &Stage, build: &BuildId, canary: Option<Terms>) -> PromotionId {
    let (ctx, people) = (&stage.app.ctx, &stage.people);
    let id = request_promotion(ctx, &people.leo, asked(build, &["here"], canary)).await.expect("requested");
    approve_promotion(ctx, &people.ada, &id).await.expect("approved");
    id
}

async fn running(stage: &Stage, terms: Terms) -> (BuildId, PromotionId) {
    let build = accepted(stage, 2).await;
    let id = approved(stage, &build, Some(terms)).await;
    start_promotion(&stage.app.ctx, &stage.people.leo, &id, typed()).await.expect("started");
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
    (build, id)
}

fn withdraw() -> WithdrawInput {
    WithdrawInput { reason: "it is slower".to_owned(), confirmation: typed() }
}

pub(super) async fn gone(stage: &Stage, id: &PromotionId) {
    eventually("the return of a canary", || async {
        stage.app.ctx.work.canaries.notify_one();
        let canary = stage.app.ctx.store.canary(id).await.expect("a look").expect("a canary");
        (canary.state == CanaryState::Returned).then_some(())
    })
    .await;
}

fn canary_gate(gates: &[Gate]) -> Option<&Gate> {
    gates.iter().find(|gate| matches!(gate.kind, GateKind::NoCanary { .. }))
}

fn closed(refused: Result<PromotionId, Problem>) -> Gate {
    let Err(Problem::GatesClosed { gates }) = refused else { panic!("not refused by a gate: {refused:?}") };
    canary_gate(&gates).expect("the canary's gate").clone()
}

#[tokio::test]
async fn a_canary_passes_the_gates_of_a_promotion_and_is_seen_beside_the_main_service() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let build = accepted(&stage, 2).await;
        let id = request_promotion(ctx, &people.leo, asked(&build, &["here"], Some(half()))).await.expect("requested");
        let Err(Problem::GatesClosed { gates }) = start_promotion(ctx, &people.leo, &id, typed()).await else {
            panic!("it started without an approval")
        };
        let shut: Vec<&Gate> = gates.iter().filter(|gate| gate.state != GateState::Green).collect();
        assert!(matches!(shut[..], [Gate { kind: GateKind::Approved { .. }, .. }]), "{shut:?}");
        let fits = gates.iter().find(|gate| matches!(gate.kind, GateKind::CanaryFits { .. })).expect("its own gate");
        assert_eq!(fits.detail.as_deref(), Some("1 / 2"));
        assert!(approve_promotion(ctx, &people.leo, &id).await.is_err(), "nobody approves their own");
        approve_promotion(ctx, &people.ada, &id).await.expect("approved");
        start_promotion(ctx, &people.leo, &id, typed()).await.expect("started");
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);

        let seen = |cell: &app::view::RegionCell| {
            cell.canary.as_ref().is_some_and(|canary| canary.running == 1 && canary.state == CanaryState::Running)
        };
        let cell = stage.cell(|cell| seen(cell) && cell.running == 1).await;
        let canary = cell.canary.expect("it is there");
        assert_eq!((cell.desired, cell.drifted, canary.desired, canary.drifted), (1, false, 1, false), "no drift of anybody");
        assert_eq!((canary.owner.as_str(), canary.promotion, canary.build), ("leo", id.clone(), build));
        assert_eq!(canary.ends_at - canary.started_at, chrono::TimeDelta::hours(24));
        assert_ne!(cell.digest, Some(canary.digest), "each has its own");
        let page = region(ctx, &people.vera, "here").await.expect("a page");
        let service = &page.services[0];
        assert_eq!((service.tasks.iter().filter(|task| task.wanted).count(), service.canary_tasks.len()), (1, 1));
        service_log(ctx, &people.vera, ("here", "web", Which::Canary), None).await.expect("a log of its own");
        // By hand the main service gets its replica back: now there is one too many, and it is said.
        stage.here.change_by_hand(|spec| spec["Mode"]["Replicated"]["Replicas"] = serde_json::json!(2));
        let cell = stage.cell(|cell| cell.drifted).await;
        assert_eq!(cell.drift.len(), 1, "{:?}", cell.drift);
        let view = promotion(ctx, &people.leo, &id).await.expect("a view");
        assert_eq!(
            (view.row.kind, view.canary.and_then(|canary| canary.state)),
            (PromotionKind::Canary, Some(CanaryState::Running))
        );
        assert!(!view.rollouts[0].can_roll_back, "what it was part of was never left");
    })
    .await;
}

#[tokio::test]
async fn while_it_runs_nothing_else_of_the_app_gets_in_until_a_lead_withdraws_it() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        stage.verified(3, "here").await;
        let (build, id) = running(&stage, half()).await;
        let whole = approved(&stage, &build, None).await;
        let refused = start_promotion(ctx, &people.leo, &whole, typed()).await.map(|()| whole.clone());
        let gate = closed(refused);
        assert_eq!((gate.state, gate.cleared_by), (GateState::Red, Some(Role::Lead)));
        let (app, region) = ("web".to_owned(), "here".to_owned());
        let reason = "back".to_owned();
        let back = RollbackInput { app, region, reason, to: None, withdraw_canary: false, confirmation: typed() };
        closed(roll_back(ctx, &people.ada, back).await);
        let correct = CorrectInput { reason: "by hand".to_owned(), confirmation: typed() };
        closed(correct_drift(ctx, &people.ada, "here", "web", correct).await);
        closed(approve_and_start(&stage, &build).await);

        for nobody in [&people.vera, &people.tess, &people.pia, &people.adam] {
            let forbidden = Problem::Forbidden { action: Action::TendCanary };
            assert_eq!(withdraw_canary(ctx, nobody, &id, withdraw()).await, Err(forbidden.clone()));
            let more = ExtendInput { hours: 1, reason: String::new() };
            assert_eq!(extend_canary(ctx, nobody, &id, more).await, Err(forbidden));
        }
        let silent = WithdrawInput { reason: " ".to_owned(), ..withdraw() };
        assert_eq!(withdraw_canary(ctx, &people.ada, &id, silent).await, Err(Problem::invalid("reason", Fault::Missing)));
        withdraw_canary(ctx, &people.ada, &id, withdraw()).await.expect("withdrawn");
        gone(&stage, &id).await;
        let over = Err(Problem::Finished { state: "returned".to_owned() });
        assert_eq!(withdraw_canary(ctx, &people.ada, &id, withdraw()).await, over);
        let cell = stage.cell(|cell| cell.canary.is_none() && cell.running == 2).await;
        assert!(!cell.drifted, "as it was before");
        let canary = ctx.store.canary(&id).await.expect("a look").expect("a canary");
        assert_eq!((canary.cause, canary.withdrawn_by.as_deref()), (Some(ReturnCause::Withdrawn), Some("ada")));
        let record = recorded(&stage.app).await;
        assert!(record.contains(&"canary.withdrawn".to_owned()) && record.contains(&"canary.returned".to_owned()));
        start_promotion(ctx, &people.leo, &whole, typed()).await.expect("the gate is open again");
        assert_eq!(stage.ended(&whole).await, PromotionState::Verified);
    })
    .await;
}

/// A second canary beside the first.
async fn approve_and_start(stage: &Stage, build: &BuildId) -> Result<PromotionId, Problem> {
    let id = approved(stage, build, Some(half())).await;
    start_promotion(&stage.app.ctx, &stage.people.leo, &id, typed()).await.map(|()| id)
}

#[tokio::test]
async fn its_end_can_be_moved_within_a_week_and_a_fail_ends_it_at_once() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let (build, id) = running(&stage, half()).await;
        let more = |hours| ExtendInput { hours, reason: "one more night".to_owned() };
        let too_long = Problem::invalid("hours", Fault::OutOfRange { least: 1, most: 144 });
        assert_eq!(extend_canary(ctx, &people.ada, &id, more(145)).await, Err(too_long));
        extend_canary(ctx, &people.ada, &id, more(24)).await.expect("extended");
        stage.app.clock.advance(Duration::from_secs(30 * 3600));
        ctx.work.canaries.notify_one();
        let cell = stage.cell(|cell| cell.canary.is_some()).await;
        assert_eq!(cell.canary.map(|canary| canary.state), Some(CanaryState::Running), "its first end has passed");
        let fail = VerdictInput { build, kind: VerdictKind::Fail, note: "it eats orders".to_owned(), environment: None };
        record_verdict(ctx, &people.tess, fail).await.expect("recorded");
        gone(&stage, &id).await;
        let canary = ctx.store.canary(&id).await.expect("a look").expect("a canary");
        assert_eq!(canary.cause, Some(ReturnCause::Quarantined));
        stage.cell(|cell| cell.canary.is_none() && cell.running == 2).await;
    })
    .await;
}

#[tokio::test]
async fn terms_that_cannot_be_kept_are_refused_when_they_are_asked_for_or_by_a_gate() {
    let stage = set(TestApp::sqlite().await).await;
    let (ctx, leo) = (&stage.app.ctx, &stage.people.leo);
    let build = accepted(&stage, 2).await;
    let refused = async |regions: &[&str], terms| match request_promotion(ctx, leo, asked(&build, regions, Some(terms))).await {
        Err(Problem::Invalid { field, .. }) => field,
        other => format!("{other:?}"),
    };
    assert_eq!(refused(&["here", "there"], half()).await, "regions");
    assert_eq!(refused(&["here"], Terms { hours: 169, ..half() }).await, "hours");
    assert_eq!(refused(&["here"], Terms { replicas: 0, ..half() }).await, "replicas");
    let taken = Terms { shape: Shape::Beside, port_label: Some(80), ..half() };
    assert_eq!(refused(&["here"], taken).await, "port_label");
    // What a region runs is known at the start: all of two is no share, and nothing has no part.
    for (region, terms, said) in [("here", Terms { replicas: 2, ..half() }, "2 / 2"), ("there", half(), "1 / 0")] {
        let id = request_promotion(ctx, leo, asked(&build, &[region], Some(terms))).await.expect("requested");
        let view = promotion(ctx, leo, &id).await.expect("a view");
        let fits = view.gates.iter().find(|gate| matches!(gate.kind, GateKind::CanaryFits { .. })).expect("a gate");
        assert_eq!((fits.state, fits.detail.as_deref()), (GateState::Red, Some(said)));
    }
}
