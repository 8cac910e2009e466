//! Promotion sets: requested all or none, started all or none, run one after another.

use super::stage::{Built, REGIONS, Stage, closed, typed};
use crate::common::{TestApp, on_each_database};
use crate::decided::{listed, ran, recorded};
use app::view::{BookingInput, GlassInput, SetInput, SetView, VerdictInput};
use axum::http::StatusCode;
use domain::gate::GateKind;
use domain::id::{BuildId, PromotionId};
use domain::problem::{Fault, Refused};
use domain::promotion::set::SetNumber;
use domain::promotion::{PromotionState, RolloutState};
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem, Role};
use serde_json::{Value, json};
use server::usecases::people::change_role;
use server::usecases::promotions::{
    approve_promotion, approve_set, book_promotion, break_glass, cancel_promotion, cancel_set, promotion, promotion_set,
    promotions, reject_set, request_set, set_form, start_booked, start_promotion, start_set, unbook_promotion,
};
use server::usecases::rollouts::abort_promotion;
use server::usecases::verdicts::record_verdict;
use std::time::Duration;

const APPS: [&str; 3] = ["web", "worker", "jobs"];

/// The team with a third app.
pub(super) async fn set(app: TestApp) -> Stage {
    let stage = Stage::set(app).await;
    let host = &stage.registry.host;
    stage
        .app
        .apply(&format!(
            "[[apps]]\nname = \"jobs\"\nimage = \"{host}/team/jobs\"
             channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n"
        ))
        .await;
    stage
}

/// A build of each app that passed and was signed off.
pub(super) async fn accepted(stage: &Stage) -> Vec<BuildId> {
    let mut builds = Vec::new();
    for (n, app) in (1..).zip(APPS) {
        stage.tick();
        let build = Built { id: listed(&stage.app, app, &stage.registry.push(n)).await, digest: stage.registry.push(n) };
        stage.judge(&build, VerdictKind::Pass).await;
        stage.accept(&build).await;
        builds.push(build.id);
    }
    builds
}

fn input(builds: &[BuildId]) -> SetInput {
    SetInput {
        builds: builds.to_vec(),
        regions: vec!["hangzhou".to_owned()],
        reason: "the autumn release".to_owned(),
        waves: vec![],
    }
}

pub(super) async fn requested(stage: &Stage, builds: &[BuildId]) -> SetNumber {
    stage.tick();
    request_set(&stage.app.ctx, &stage.people.ada, input(builds)).await.expect("requested")
}

/// ada requests, leo approves all.
pub(super) async fn approved(stage: &Stage, builds: &[BuildId]) -> SetNumber {
    let number = requested(stage, builds).await;
    stage.tick();
    let done = approve_set(&stage.app.ctx, &stage.people.leo, number).await.expect("approved");
    assert_eq!((done.approved.len(), done.refused), (builds.len(), vec![]));
    number
}

async fn start(stage: &Stage, number: SetNumber) -> Result<(), Problem> {
    start_set(&stage.app.ctx, &stage.people.ada, number, typed(&number.to_string())).await
}

pub(super) async fn seen(stage: &Stage, number: SetNumber) -> SetView {
    promotion_set(&stage.app.ctx, &stage.people.vera, number).await.expect("shown")
}

pub(super) async fn members(stage: &Stage, number: SetNumber) -> Vec<PromotionId> {
    seen(stage, number).await.members.into_iter().map(|member| member.row.id).collect()
}

pub(super) async fn states(stage: &Stage, number: SetNumber) -> Vec<PromotionState> {
    seen(stage, number).await.members.into_iter().map(|member| member.row.state).collect()
}

/// One look of the worker at what is due.
async fn look(stage: &Stage) {
    let ctx = &stage.app.ctx;
    for booking in ctx.store.due_bookings(ctx.now()).await.expect("bookings") {
        start_booked(ctx, &booking).await.expect("tried");
    }
}

#[tokio::test]
async fn a_set_is_requested_whole_or_not_at_all() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let ctx = &stage.app.ctx;
        let builds = accepted(&stage).await;
        let other = stage.built(9).await;
        let ada = &stage.people.ada;
        let invalid = |field: &str, why| Err::<SetNumber, _>(Problem::invalid(field, why));
        let one = request_set(ctx, ada, input(&builds[..1])).await;
        assert_eq!(one, invalid("builds", Fault::OutOfRange { least: 2, most: 20 }));
        let twice = request_set(ctx, ada, input(&[builds[0].clone(), builds[1].clone(), other.id])).await;
        assert_eq!(twice, invalid("builds", Fault::Twice));
        let unknown = request_set(ctx, ada, input(&[builds[0].clone(), BuildId("nothing".to_owned())])).await;
        assert!(matches!(unknown, Err(Problem::NotFound { .. })), "{unknown:?}");
        let nowhere = request_set(ctx, ada, SetInput { regions: vec!["mars".to_owned()], ..input(&builds) }).await;
        assert!(matches!(nowhere, Err(Problem::Invalid { ref field, .. }) if field == "regions"), "{nowhere:?}");
        let wordless = request_set(ctx, ada, SetInput { reason: " ".to_owned(), ..input(&builds) }).await;
        assert_eq!(wordless, invalid("reason", Fault::Missing));
        // The last of the three is quarantined: the two before it are not requested either.
        stage.tick();
        let fail =
            VerdictInput { build: builds[2].clone(), kind: VerdictKind::Fail, note: "it burns".to_owned(), environment: None };
        record_verdict(ctx, &stage.people.tess, fail).await.expect("recorded");
        assert_eq!(request_set(ctx, ada, input(&builds)).await, Err(Problem::Quarantined));
        assert_eq!((stage.app.count("promotions").await, stage.app.count("promotion_sets").await), (0, 0));
        assert_eq!(stage.app.count("rollouts").await, 0);

        let number = requested(&stage, &[builds[1].clone(), builds[0].clone()]).await;
        assert_eq!(number.to_string(), "S-1");
        let set = seen(&stage, number).await;
        let apps: Vec<&str> = set.members.iter().map(|member| member.row.app.as_str()).collect();
        assert_eq!(apps, ["worker", "web"], "in the order that was asked for");
        assert_eq!((set.state, set.at, set.reason.as_str()), (PromotionState::Open, None, "the autumn release"));
        let listed = promotions(ctx, &stage.people.vera, None, app::view::Paging::default()).await.expect("a list");
        let places: Vec<(String, u32, u32)> = listed
            .items
            .iter()
            .filter_map(|row| row.set.as_ref().map(|place| (row.app.clone(), place.place, place.of)))
            .collect();
        assert!(places.contains(&("worker".to_owned(), 1, 2)) && places.contains(&("web".to_owned(), 2, 2)), "{places:?}");
        let mut said = recorded(&stage.app).await;
        said.sort();
        said.retain(|action| action.ends_with(".requested"));
        assert_eq!(said, ["promotion.requested", "promotion.requested", "set.requested"]);
    })
    .await;
}

#[tokio::test]
async fn one_gate_that_is_not_green_stops_the_start_of_all() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let builds = accepted(&stage).await;
        let number = requested(&stage, &builds).await;
        let ids = members(&stage, number).await;
        // All but the second are approved.
        for id in [&ids[0], &ids[2]] {
            stage.tick();
            approve_promotion(&stage.app.ctx, &stage.people.leo, id).await.expect("approved");
        }
        let set = seen(&stage, number).await;
        assert_eq!(closed(&set.members[0].gates), Vec::<String>::new());
        let missing = [format!("{:?} Waiting Some(Lead)", GateKind::Approved { role: Role::Lead, count: 1 })];
        assert_eq!(closed(&set.members[1].gates), missing);
        let Err(Problem::SetClosed { members }) = start(&stage, number).await else { panic!("it started") };
        let [Refused { app, number: of, why: Problem::GatesClosed { gates } }] = members.as_slice() else {
            panic!("not what was missing: {members:?}")
        };
        assert_eq!((app.as_str(), *of, closed(gates)), ("worker", set.members[1].row.number, missing.to_vec()));
        assert_eq!(states(&stage, number).await, [PromotionState::Open; 3]);
        assert_eq!(stage.app.count("bookings").await, 0);
        for id in &ids {
            assert!(stage.rollouts(id).await.iter().all(|part| part.state == RolloutState::Waiting && part.intent.is_none()));
        }
        // The gate opens, and another closes: a fail that falls between the look and the start counts.
        stage.tick();
        approve_promotion(&stage.app.ctx, &stage.people.leo, &ids[1]).await.expect("approved");
        stage.tick();
        let fail =
            VerdictInput { build: builds[2].clone(), kind: VerdictKind::Fail, note: "it burns".to_owned(), environment: None };
        record_verdict(&stage.app.ctx, &stage.people.tess, fail).await.expect("recorded");
        let Err(Problem::SetClosed { members }) = start(&stage, number).await else { panic!("it started") };
        assert_eq!(members.iter().map(|refused| refused.app.as_str()).collect::<Vec<_>>(), ["jobs"]);
        // One that was withdrawn alone holds the others, and is named.
        cancel_promotion(&stage.app.ctx, &stage.people.ada, &ids[2], "not tonight".to_owned()).await.expect("cancelled");
        let Err(Problem::SetClosed { members }) = start(&stage, number).await else { panic!("it started") };
        assert_eq!(members[0].why, Problem::Finished { state: "cancelled".to_owned() });
        let set = seen(&stage, number).await;
        assert_eq!((set.state, set.at, set.stopped), (PromotionState::Cancelled, Some(3), true));
    })
    .await;
}

#[tokio::test]
async fn they_run_in_their_order_each_when_the_one_before_is_verified() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let builds = accepted(&stage).await;
        let number = approved(&stage, &builds).await;
        let ids = members(&stage, number).await;
        let wrong = start_set(&stage.app.ctx, &stage.people.ada, number, typed("web")).await;
        assert_eq!(wrong, Err(Problem::ConfirmationMismatch { expected: "S-1".to_owned() }));
        start(&stage, number).await.expect("started");
        assert_eq!(start(&stage, number).await, Err(Problem::Finished { state: "running".to_owned() }));
        use PromotionState::{Open, Running, Verified};
        look(&stage).await;
        assert_eq!(states(&stage, number).await, [Running, Open, Open], "nobody overtakes");
        let set = seen(&stage, number).await;
        assert_eq!((set.state, set.at, set.stopped), (Running, Some(1), false));
        assert!(set.members.iter().all(|member| member.waits.is_none()), "that it is not its turn needs no reason");
        stage.work(&ids[0], &[]).await;
        look(&stage).await;
        look(&stage).await;
        assert_eq!(states(&stage, number).await, [Verified, Running, Open]);
        stage.work(&ids[1], &[]).await;
        look(&stage).await;
        assert_eq!(states(&stage, number).await, [Verified, Verified, Running]);
        stage.work(&ids[2], &[]).await;
        look(&stage).await;
        let set = seen(&stage, number).await;
        assert_eq!((set.state, set.at), (Verified, None));
        let started = recorded(&stage.app).await.iter().filter(|action| *action == "promotion.started").count();
        assert_eq!(started, 3, "each once");
        for id in &ids {
            assert_eq!(stage.app.ctx.store.promotion(id).await.expect("there").started_by_name.as_deref(), Some("ada"));
        }
    })
    .await;
}

#[tokio::test]
async fn the_gates_of_each_are_checked_again_when_its_turn_comes() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let ctx = &stage.app.ctx;
        let builds = accepted(&stage).await;
        let number = approved(&stage, &builds).await;
        let ids = members(&stage, number).await;
        start(&stage, number).await.expect("started");
        let fail =
            VerdictInput { build: builds[1].clone(), kind: VerdictKind::Fail, note: "it burns".to_owned(), environment: None };
        record_verdict(ctx, &stage.people.tess, fail).await.expect("recorded");
        stage.work(&ids[0], &[]).await;
        look(&stage).await;
        assert_eq!(stage.state(&ids[1]).await, PromotionState::Open);
        let set = seen(&stage, number).await;
        assert!(matches!(set.members[1].waits, Some(Problem::GatesClosed { .. })), "{:?}", set.members[1].waits);
        assert_eq!(set.members[2].waits, None);
        // And so is the role of whoever started the set.
        stage.tick();
        let pass = VerdictInput { build: builds[1].clone(), kind: VerdictKind::Pass, note: String::new(), environment: None };
        record_verdict(ctx, &stage.people.tess, pass).await.expect("recorded");
        let ada = stage.people.ada.person().expect("a person").id.clone();
        change_role(ctx, &stage.people.adam, &ada, Role::Viewer).await.expect("changed");
        look(&stage).await;
        let waits = seen(&stage, number).await.members[1].waits.clone();
        assert_eq!(waits, Some(Problem::Forbidden { action: Action::StartPromotion }));
        change_role(ctx, &stage.people.adam, &ada, Role::Lead).await.expect("changed");
        look(&stage).await;
        assert_eq!(stage.state(&ids[1]).await, PromotionState::Running);
    })
    .await;
}

#[tokio::test]
async fn one_that_fails_or_is_ended_holds_the_rest_and_everything_is_named() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let ctx = &stage.app.ctx;
        let builds = accepted(&stage).await;
        let number = approved(&stage, &builds).await;
        let ids = members(&stage, number).await;
        start(&stage, number).await.expect("started");
        stage.work(&ids[0], &[]).await;
        look(&stage).await;
        stage.work(&ids[1], &["hangzhou"]).await;
        stage.app.clock.advance(Duration::from_secs(60));
        look(&stage).await;
        use PromotionState::{Failed, Open, Verified};
        assert_eq!(states(&stage, number).await, [Verified, Failed, Open]);
        let set = seen(&stage, number).await;
        assert_eq!((set.state, set.at, set.stopped), (Failed, Some(2), true));
        assert_eq!(set.members[2].regions[0].state, RolloutState::Waiting);
        assert_eq!(start(&stage, number).await, Err(Problem::Finished { state: "failed".to_owned() }));
        // What is left is withdrawn with the set; what ran stays as it is.
        stage.tick();
        cancel_set(ctx, &stage.people.leo, number, "the worker burns".to_owned()).await.expect("withdrawn");
        assert_eq!(states(&stage, number).await, [Verified, Failed, PromotionState::Cancelled]);
        let again = cancel_set(ctx, &stage.people.leo, number, "again".to_owned()).await;
        assert_eq!(again, Err(Problem::Finished { state: "failed".to_owned() }));

        let number = approved(&stage, &accepted_again(&stage).await).await;
        let ids = members(&stage, number).await;
        start(&stage, number).await.expect("started");
        abort_promotion(ctx, &stage.people.leo, &ids[0], "called off".to_owned()).await.expect("ended");
        look(&stage).await;
        assert_eq!(states(&stage, number).await, [PromotionState::Aborted, Open, Open]);
    })
    .await;
}

/// Newer builds of the first and the last app.
async fn accepted_again(stage: &Stage) -> Vec<BuildId> {
    let mut builds = Vec::new();
    for (n, app) in [(11, "web"), (12, "worker"), (13, "jobs")] {
        stage.tick();
        let digest = stage.registry.push(n);
        let build = Built { id: listed(&stage.app, app, &digest).await, digest };
        stage.judge(&build, VerdictKind::Pass).await;
        stage.accept(&build).await;
        builds.push(build.id);
    }
    builds
}

#[tokio::test]
async fn after_a_kill_between_two_of_them_the_next_begins_once() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let builds = accepted(&stage).await;
        let number = approved(&stage, &builds).await;
        let ids = members(&stage, number).await;
        start(&stage, number).await.expect("started");
        stage.work(&ids[0], &[]).await;
        // Nothing of the process that started the set is left, and two of the next look at once.
        let (one, other) = (stage.app.restarted().await, stage.app.restarted().await);
        let due = one.store.due_bookings(one.now()).await.expect("bookings");
        let begin = |ctx: server::ctx::Ctx| {
            let due = due.clone();
            async move {
                for booking in &due {
                    // What the other has started is no longer open, or its turn was taken.
                    let _ = start_booked(&ctx, booking).await;
                }
            }
        };
        tokio::join!(begin(one), begin(other));
        use PromotionState::{Open, Running, Verified};
        assert_eq!(states(&stage, number).await, [Verified, Running, Open]);
        let started = recorded(&stage.app).await.iter().filter(|action| *action == "promotion.started").count();
        assert_eq!(started, 2);
    })
    .await;
}

#[tokio::test]
async fn one_of_a_set_is_not_started_alone_in_any_way() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let ctx = &stage.app.ctx;
        let (ada, leo) = (&stage.people.ada, &stage.people.leo);
        stage.app.apply("[[policies]]\nname = \"all\"\nbreak_glass = true\n").await;
        let builds = accepted(&stage).await;
        let number = approved(&stage, &builds).await;
        let ids = members(&stage, number).await;
        let in_set = Err(Problem::InSet { set: number });
        for id in &ids {
            let app = ctx.store.promotion(id).await.expect("there").app;
            assert_eq!(start_promotion(ctx, ada, id, typed(&app)).await, in_set);
            let booking = BookingInput { not_before: None, confirmation: typed(&app) };
            assert_eq!(book_promotion(ctx, ada, id, booking).await, in_set);
            let glass = GlassInput { reason: "now".to_owned(), confirmation: typed(&app) };
            assert_eq!(break_glass(ctx, leo, id, glass).await, in_set);
        }
        start(&stage, number).await.expect("started");
        // Nor is its booking taken away, and not even when its turn has come.
        assert_eq!(unbook_promotion(ctx, ada, &ids[1]).await, in_set);
        stage.work(&ids[0], &[]).await;
        assert_eq!(start_promotion(ctx, ada, &ids[1], typed("worker")).await, in_set);
        assert_eq!(stage.state(&ids[1]).await, PromotionState::Open);
        let seen = promotion(ctx, ada, &ids[1]).await.expect("shown");
        let place = seen.row.set.expect("in a set");
        assert_eq!((place.set, place.place, place.of), (number, 2, 3));
    })
    .await;
}

#[tokio::test]
async fn who_may_not_approve_or_send_back_one_of_them_is_told_which() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let ctx = &stage.app.ctx;
        let policy =
            "[[policies]]\nname = \"product-decides\"\napps = [\"jobs\"]\napprovals = [{ role = \"product\", count = 1 }]\n";
        stage.app.apply(policy).await;
        let builds = accepted(&stage).await;
        let number = requested(&stage, &builds).await;
        let numbers: Vec<i64> = seen(&stage, number).await.members.iter().map(|member| member.row.number).collect();
        let own = approve_set(ctx, &stage.people.ada, number).await.expect("an answer");
        assert!(own.approved.is_empty());
        let why = |refused: &Refused| (refused.app.clone(), refused.number, refused.why.clone());
        let first = own.refused.first().map(why);
        assert_eq!(first, Some(("web".to_owned(), numbers[0], Problem::OwnRequest)));
        stage.tick();
        let done = approve_set(ctx, &stage.people.leo, number).await.expect("an answer");
        assert_eq!(done.approved.iter().map(|link| link.number).collect::<Vec<_>>(), numbers[..2]);
        let forbidden = Problem::Forbidden { action: Action::ApprovePromotion };
        assert_eq!(done.refused.iter().map(why).collect::<Vec<_>>(), [("jobs".to_owned(), numbers[2], forbidden.clone())]);
        let again = approve_set(ctx, &stage.people.leo, number).await.expect("an answer");
        assert!(again.approved.is_empty() && again.refused.len() == 1, "what holds already is no news");
        // Sending back is for all of them or for none.
        assert_eq!(reject_set(ctx, &stage.people.leo, number, "no".to_owned()).await, Err(forbidden));
        assert_eq!(states(&stage, number).await, [PromotionState::Open; 3]);
        assert_eq!(approve_set(ctx, &stage.people.pia, number).await.expect("an answer").approved.len(), 1);
        let set = promotion_set(ctx, &stage.people.leo, number).await.expect("shown");
        assert!(!set.may_reject);

        let pair = requested(&stage, &accepted_again(&stage).await[..2]).await;
        assert!(promotion_set(ctx, &stage.people.leo, pair).await.expect("shown").may_reject);
        reject_set(ctx, &stage.people.leo, pair, "not like this".to_owned()).await.expect("sent back");
        assert_eq!(states(&stage, pair).await, [PromotionState::Rejected; 2]);
        let id = &members(&stage, pair).await[0];
        let seen = promotion(ctx, &stage.people.vera, id).await.expect("shown");
        assert_eq!(seen.rejection.map(|act| (act.by_name, act.reason)), Some(("leo".to_owned(), "not like this".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn each_door_of_a_set_asks_for_its_role_and_rest_does_the_whole_of_it() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let ctx = &stage.app.ctx;
        let builds = accepted(&stage).await;
        for actor in [&stage.people.vera, &stage.people.tess, &stage.people.pia, &stage.people.adam, &Actor::Slipway] {
            let refused = request_set(ctx, actor, input(&builds)).await;
            assert_eq!(refused, Err(Problem::Forbidden { action: Action::RequestPromotion }));
        }
        let (ada, leo) = (stage.app.token(&stage.people.ada).await, stage.app.token(&stage.people.leo).await);
        let body = json!({ "builds": builds, "regions": ["hangzhou"], "reason": "the autumn release" });
        let (status, made) = stage.app.rest(&ada, "POST", "/api/v1/promotion-sets", body).await;
        assert_eq!((status, &made["id"]), (StatusCode::CREATED, &json!("S-1")));
        let on = |what: &str| format!("/api/v1/promotion-sets/S-1{what}");
        let (status, done) = stage.app.rest(&ada, "POST", &on("/approve"), Value::Null).await;
        assert_eq!((status, &done["refused"][0]["why"]["code"]), (StatusCode::OK, &json!("own_request")));
        let (status, told) = stage.app.rest(&ada, "POST", &on("/start"), json!({ "app": "S-1" })).await;
        assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("set_closed")));
        assert_eq!(told["problem"]["members"][1]["app"], json!("worker"));
        let (status, done) = stage.app.rest(&leo, "POST", &on("/approve"), Value::Null).await;
        assert_eq!((status, done["approved"].as_array().map(Vec::len)), (StatusCode::OK, Some(3)));
        for (door, body) in
            [("/start", json!({ "app": "S-1" })), ("/cancel", json!({ "reason": "r" })), ("/reject", json!({ "reason": "r" }))]
        {
            let vera = stage.app.token(&stage.people.vera).await;
            let (status, told) = stage.app.rest(&vera, "POST", &on(door), body).await;
            assert_eq!((status, &told["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")), "{door}");
        }
        let (status, told) = stage.app.rest(&ada, "POST", &on("/start"), json!({ "app": "S-1" })).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
        let (status, set) = stage.app.rest(&leo, "GET", &on(""), Value::Null).await;
        assert_eq!((status, &set["state"], &set["at"]), (StatusCode::OK, &json!("running"), &json!(1)));
        let (status, told) = stage.app.rest(&leo, "GET", "/api/v1/promotion-sets/S-2", Value::Null).await;
        assert_eq!((status, &told["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    })
    .await;
}

#[tokio::test]
async fn an_environment_proposes_the_builds_that_it_runs() {
    on_each_database(|app| async move {
        let stage = set(app).await;
        let builds = accepted(&stage).await;
        let environment = ran(&stage.app, &builds[0]).await;
        let form = set_form(&stage.app.ctx, &stage.people.ada, Some(environment)).await.expect("a form");
        let chosen: Vec<(&str, Option<&BuildId>)> = form.apps.iter().map(|app| (app.app.as_str(), app.chosen.as_ref())).collect();
        assert!(chosen.contains(&("web", Some(&builds[0]))) && chosen.contains(&("jobs", None)), "{chosen:?}");
        assert!(form.apps.iter().all(|app| app.builds.len() == 1));
        assert_eq!(form.regions.len(), REGIONS.len());
    })
    .await;
}
