//! A canary comes and goes once, also when Slipway dies at any call on the way, and takes back
//! only what it did.

use super::swarm::{Fate, Tasks};
use super::{Stage, image};
use crate::common::{TestApp, on_each_database};
use crate::decided::{announced, digest, listed, recorded};
use domain::Problem;
use domain::canary::{CanaryState, ReturnCause, Shape, Terms};
use domain::id::{PromotionId, RolloutId, UserId};
use domain::promotion::{PromotionState, RolloutState};
use domain::service::ServiceIntent;
use domain::{Person, Role};
use serde_json::json;
use server::clock::micros;
use server::ctx::Ctx;
use server::store::region_secrets::{Key, put};
use server::store::{canaries as rows, next_number};
use server::usecases::rollouts::abort_promotion;
use server::usecases::{canaries, rollouts};
use std::time::Duration;
use tokio::task::JoinHandle;

const HOUR: Duration = Duration::from_secs(3600);

/// "here" runs three replicas of the first build, verified.
async fn three(app: TestApp) -> (Stage, [JoinHandle<()>; 2]) {
    let stage = Stage::set(app).await;
    let config = stage.app.ctx.config().config.clone();
    let text = toml::to_string(&config).expect("toml");
    let text = text.replace("name = \"here\"", "name = \"here\"\nreplicas = 3").replace("soak_seconds = 5", "soak_seconds = 0");
    stage.app.apply(&text).await;
    let workers = begin(&stage.app.ctx);
    let id = stage.promote(1, &["here"]).await;
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
    (stage, workers)
}

fn begin(ctx: &Ctx) -> [JoinHandle<()>; 2] {
    [tokio::spawn(rollouts::work(ctx.clone())), tokio::spawn(canaries::work(ctx.clone()))]
}

async fn end(workers: [JoinHandle<()>; 2]) {
    for worker in workers {
        worker.abort();
        let _ = worker.await;
    }
}

fn one_of_three() -> Terms {
    Terms { shape: Shape::Share, replicas: 1, port_label: None, hours: 1 }
}

/// A canary of the second build in "here", as a start leaves it.
async fn start(stage: &Stage, terms: &Terms) -> PromotionId {
    stage.app.clock.advance(Duration::from_secs(1));
    let (ctx, digest) = (&stage.app.ctx, digest(2));
    let build = match ctx.store.build_known("web", &digest).await.expect("a look") {
        Some(build) => build.id,
        None => listed(&stage.app, "web", &digest).await,
    };
    let applied = ctx.config();
    let (app, region) = (applied.config.app("web").expect("web"), applied.config.region("here").expect("here"));
    let kept = ctx.store.kept_secrets("here", "web").await.expect("versions");
    let whole = ServiceIntent::plan(app, region, &digest).expect("a plan").with_secrets(app, &kept);
    let intent = terms.intent(whole, app).expect("an intent");
    let last = ctx.store.last_put("web", "here").await.expect("a look").expect("something runs there");
    let owner = Person { id: UserId("u".to_owned()), name: "leo".to_owned(), role: Role::Lead };
    let (id, now): (PromotionId, _) = (ctx.new_id(), ctx.now());
    let mut tx = ctx.store.begin().await.expect("a transaction");
    let number = next_number(&mut tx, "promotion").await.expect("a number");
    sqlx::query(
        "INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id,
             requested_by_name, requested_at, started_at)
         VALUES ($1, $2, 'canary', 'web', $3, $4, 'running', '', 'u', 'ada', $5, $5)",
    )
    .bind(id.as_str())
    .bind(number)
    .bind(build.as_str())
    .bind(digest.as_str())
    .bind(micros(now))
    .execute(&mut *tx)
    .await
    .expect("a promotion");
    sqlx::query(
        "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec)
         VALUES ($1, $2, 0, 'web', 'here', $3, 'waiting', $4)",
    )
    .bind(ctx.new_id::<RolloutId>().as_str())
    .bind(id.as_str())
    .bind(digest.as_str())
    .bind(serde_json::to_string(&intent).expect("json"))
    .execute(&mut *tx)
    .await
    .expect("a rollout");
    rows::ask(&mut tx, &id, "web", "here", terms).await.expect("noted");
    let ends_at = now + chrono::TimeDelta::hours(i64::from(terms.hours));
    assert!(rows::begin(&mut tx, &id, &owner, (&last.intent, &last.promotion), (now, ends_at)).await.expect("begun"));
    tx.commit().await.expect("kept");
    ctx.work.rollouts.notify_one();
    id
}

/// Sets the one secret of web.
async fn set(stage: &Stage, value: &str) {
    let (ctx, key) = (&stage.app.ctx, Key { region: "here", app: "web", name: "db-password" });
    let sealed = ctx.keeper.seal(&*ctx.entropy, &key.sealed_as(), value).expect("sealed");
    let mut tx = ctx.store.begin().await.expect("a transaction");
    put(&mut tx, key, &sealed, ctx.now(), "leo").await.expect("set");
    tx.commit().await.expect("kept");
}

async fn state(stage: &Stage, id: &PromotionId) -> CanaryState {
    stage.app.ctx.store.canary(id).await.expect("a look").expect("a canary").state
}

async fn runs(stage: &Stage, id: &PromotionId) {
    stage.until(async || state(stage, id).await == CanaryState::Running).await;
}

/// Lets it run to its end and return.
async fn returned(stage: &Stage, id: &PromotionId) {
    let there = async || {
        let state = state(stage, id).await;
        if state == CanaryState::Running {
            stage.app.clock.advance(HOUR);
        }
        stage.app.ctx.work.canaries.notify_one();
        state == CanaryState::Returned
    };
    stage.until(there).await;
}

fn main_and_canary(stage: &Stage) -> [Option<(u64, Vec<String>)>; 2] {
    ["slw-web", "slw-web-canary"].map(|name| stage.here.runs(name))
}

fn many(n: u64, of: u64) -> Option<(u64, Vec<String>)> {
    Some((n, vec![image(&digest(of)); usize::try_from(n).expect("few")]))
}

#[tokio::test]
async fn one_of_three_replicas_runs_another_build_and_returns_at_its_end_by_itself_once() {
    on_each_database(|app| async move {
        let (stage, _workers) = three(app).await;
        let id = start(&stage, &one_of_three()).await;
        runs(&stage, &id).await;
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert_eq!(main_and_canary(&stage), [many(2, 1), many(1, 2)]);
        returned(&stage, &id).await;
        assert_eq!(main_and_canary(&stage), [many(3, 1), None]);
        assert_eq!(stage.here.changed(), 1 + 4, "made once; then less, the canary, no canary, more");
        let last = stage.app.ctx.store.last_verified("web", "here").await.expect("a look").expect("a rollout");
        assert_eq!(last.digest, digest(1), "a canary is nothing that the region was promoted to");
        let record = recorded(&stage.app).await;
        for word in ["canary.returning", "canary.returned"] {
            assert_eq!(record.iter().filter(|action| *action == word).count(), 1, "{word} in {record:?}");
        }
        assert_eq!(announced(&stage.app).await.iter().filter(|event| *event == "canary_returned").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn beside_the_main_service_it_has_a_port_of_its_own_and_takes_nothing() {
    let (stage, _workers) = three(TestApp::sqlite().await).await;
    let terms = Terms { shape: Shape::Beside, replicas: 2, port_label: Some(90), hours: 1 };
    let id = start(&stage, &terms).await;
    runs(&stage, &id).await;
    assert_eq!(main_and_canary(&stage), [many(3, 1), many(2, 2)]);
    returned(&stage, &id).await;
    assert_eq!(main_and_canary(&stage), [many(3, 1), None]);
    assert_eq!(stage.here.changed(), 1 + 2);
}

/// The proof by all cases: the workers are stopped dead at each single call that a canary's whole
/// life takes, once before and once after the call is done, and begun again.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_call_of_its_life_it_comes_and_goes_once() {
    let (stage, workers) = three(TestApp::sqlite().await).await;
    end(workers).await;
    let mut ctx = stage.app.restarted().await;
    for call in 1.. {
        let mut come = true;
        for done in [false, true] {
            let before = stage.here.changed();
            stage.here.stop_at(call, done);
            let id = start(&stage, &one_of_three()).await;
            let workers = begin(&ctx);
            tokio::select! {
                () = async { stage.here.stopped.notified().await } => {}
                () = returned_in(&stage, &ctx, &id) => {}
            }
            end(workers).await;
            come = stage.here.has_stopped();
            ctx = stage.app.restarted().await;
            let workers = begin(&ctx);
            returned_in(&stage, &ctx, &id).await;
            end(workers).await;
            assert_eq!(main_and_canary(&stage), [many(3, 1), None], "stopped at call {call}, done {done}");
            assert_eq!(stage.here.changed() - before, 4, "stopped at call {call}, done {done}");
        }
        if !come || call > 60 {
            assert!(call > 16, "it makes more calls than {call}");
            break;
        }
    }
    let told = announced(&stage.app).await.iter().filter(|event| *event == "canary_returned").count();
    let record = recorded(&stage.app).await;
    assert_eq!(told, record.iter().filter(|action| *action == "canary.returned").count(), "each is told of once");
}

/// The same with workers that listen to another context.
async fn returned_in(stage: &Stage, ctx: &Ctx, id: &PromotionId) {
    let there = async || {
        ctx.work.canaries.notify_one();
        ctx.work.rollouts.notify_one();
        let state = state(stage, id).await;
        if state == CanaryState::Running {
            stage.app.clock.advance(HOUR);
        }
        state == CanaryState::Returned
    };
    stage.until(there).await;
}

#[tokio::test]
async fn calls_that_are_lost_or_not_answered_change_nothing_twice() {
    let (stage, _workers) = three(TestApp::sqlite().await).await;
    stage.here.changes_fare(&[Fate::Unanswered, Fate::Lost, Fate::Unanswered]);
    let id = start(&stage, &one_of_three()).await;
    runs(&stage, &id).await;
    stage.here.changes_fare(&[Fate::Lost, Fate::Unanswered, Fate::Status(500), Fate::Unanswered]);
    returned(&stage, &id).await;
    assert_eq!(main_and_canary(&stage), [many(3, 1), None]);
    assert_eq!(stage.here.changed(), 1 + 4);
}

#[tokio::test]
async fn a_fail_on_its_digest_returns_it_by_itself_while_it_runs_and_before_it_starts() {
    on_each_database(|app| async move {
        let (stage, _workers) = three(app).await;
        let id = start(&stage, &one_of_three()).await;
        runs(&stage, &id).await;
        stage.fail(2).await;
        stage.app.ctx.work.canaries.notify_one();
        stage.until(async || state(&stage, &id).await == CanaryState::Returned).await;
        let canary = stage.app.ctx.store.canary(&id).await.expect("a look").expect("a canary");
        assert_eq!(canary.cause, Some(ReturnCause::Quarantined));
        assert!(stage.app.ctx.now() < canary.ends_at, "it did not wait for its end");
        assert_eq!(main_and_canary(&stage), [many(3, 1), None]);
        let changed = stage.here.changed();
        let again = start(&stage, &one_of_three()).await;
        stage.until(async || state(&stage, &again).await == CanaryState::Returned).await;
        assert_eq!(stage.outcomes(&again).await, [(RolloutState::Failed, Some(Problem::Quarantined))]);
        assert_eq!(stage.here.changed(), changed, "nothing was begun");
    })
    .await;
}

#[tokio::test]
async fn a_canary_that_does_not_come_up_gives_back_what_it_took() {
    let (stage, _workers) = three(TestApp::sqlite().await).await;
    stage.here.spoil(&image(&digest(2)));
    let id = start(&stage, &one_of_three()).await;
    assert_eq!(stage.ended(&id).await, PromotionState::Failed);
    stage.until(async || state(&stage, &id).await == CanaryState::Returned).await;
    assert_eq!(main_and_canary(&stage), [many(3, 1), None]);
    let cause = stage.app.ctx.store.canary(&id).await.expect("a look").expect("a canary").cause;
    assert_eq!(cause, Some(ReturnCause::Failed));
}

#[tokio::test]
async fn ending_its_promotion_while_it_starts_returns_it() {
    let (stage, _workers) = three(TestApp::sqlite().await).await;
    let leo = stage.app.person("leo", Role::Lead).await;
    stage.here.behave(Tasks::Nothing);
    let id = start(&stage, &one_of_three()).await;
    stage.until(async || stage.here.runs("slw-web-canary").is_some()).await;
    stage.here.behave(Tasks::Run);
    abort_promotion(&stage.app.ctx, &leo, &id, "the wrong build".to_owned()).await.expect("ended");
    stage.until(async || state(&stage, &id).await == CanaryState::Returned).await;
    assert_eq!(main_and_canary(&stage), [many(3, 1), None]);
}

#[tokio::test]
async fn what_is_not_its_own_stays_as_it_is() {
    let (stage, _workers) = three(TestApp::sqlite().await).await;
    // Somebody changes the main service while the canary runs: that is theirs, and shown as a drift.
    let id = start(&stage, &one_of_three()).await;
    runs(&stage, &id).await;
    stage.here.change_by_hand(|spec| spec["Mode"]["Replicated"]["Replicas"] = json!(7));
    returned(&stage, &id).await;
    let [main, canary] = main_and_canary(&stage);
    assert_eq!((main.map(|(replicas, _)| replicas), canary), (Some(7), None));
    // A main service that is not what was put there is not made smaller.
    let changed = stage.here.changed();
    let refused = start(&stage, &one_of_three()).await;
    assert_eq!(stage.ended(&refused).await, PromotionState::Failed);
    stage.until(async || state(&stage, &refused).await == CanaryState::Returned).await;
    assert_eq!(stage.here.changed(), changed);
    // Neither is a service of its name that somebody else made.
    stage.here.change_by_hand(|spec| spec["Mode"]["Replicated"]["Replicas"] = json!(3));
    let foreign = json!({ "Name": "slw-web-canary", "Labels": {}, "TaskTemplate": { "ContainerSpec": { "Image": "x" } } });
    stage.here.found(foreign);
    let foreign = start(&stage, &one_of_three()).await;
    let problem = Problem::ForeignService { service: "slw-web-canary".to_owned(), region: "here".to_owned() };
    assert_eq!(stage.failure(&foreign).await, Some(problem));
    stage.until(async || state(&stage, &foreign).await == CanaryState::Returned).await;
    assert_eq!(stage.here.changed(), 0, "and it is looked at before anything is changed for it");
    assert!(stage.here.runs("slw-web-canary").is_some());
}

#[tokio::test]
async fn a_canary_is_given_the_value_of_now_and_the_main_service_keeps_its_own() {
    let (stage, _workers) = three(TestApp::sqlite().await).await;
    let text = toml::to_string(&stage.app.ctx.config().config).expect("toml");
    stage.app.apply(&text.replace("soak_seconds = 0", "soak_seconds = 0\nsecrets = [\"db-password\"]")).await;
    set(&stage, "first").await;
    let main = stage.promote(1, &["here"]).await;
    assert_eq!(stage.ended(&main).await, PromotionState::Verified);
    set(&stage, "second").await;
    let id = start(&stage, &one_of_three()).await;
    runs(&stage, &id).await;
    let held = |value: &str| [("db-password".to_owned(), value.to_owned())];
    assert_eq!((stage.here.given(), stage.here.given_to("slw-web-canary")), (held("first").to_vec(), held("second").to_vec()));
    returned(&stage, &id).await;
    assert_eq!((main_and_canary(&stage), stage.here.given()), ([many(3, 1), None], held("first").to_vec()));
}
