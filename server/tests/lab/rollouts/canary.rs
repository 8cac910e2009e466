//! A canary on a real Swarm: a share comes, is told apart by its tasks, and returns by itself.

use super::stage::{RELEASES, Stage, shared, until};
use crate::lab::lab;
use domain::canary::{CanaryState, Shape, Terms};
use domain::id::{PromotionId, UserId};
use domain::promotion::PromotionState;
use domain::service::ServiceIntent;
use domain::{Digest, Person, Role};
use server::clock::micros;
use server::engine::swarm::{Look, Swarm, Which};
use server::store::{canaries as rows, next_number};
use server::usecases::canaries;

/// How many tasks of which digest run under one of the app's two services; none when it is not there.
async fn runs(stage: &Stage, which: Which, digest: &Digest) -> Option<usize> {
    let config = stage.config();
    let region = config.region("hangzhou").expect("the region");
    let swarm = Swarm::reach(&stage.ctx.engines, region, stage.ctx.instance()).await.expect("it answers");
    match swarm.look(&stage.app, which).await.expect("a look") {
        Look::Ours(seen) if seen.digest() == Some(digest) => usize::try_from(seen.seen().running).ok(),
        Look::Ours(_) => Some(0),
        Look::Absent | Look::Foreign => None,
    }
}

/// One of the main service's two tasks as a canary, as a start leaves it.
async fn start(stage: &Stage, one: &Digest, two: &Digest) -> PromotionId {
    let terms = Terms { shape: Shape::Share, replicas: 1, port_label: None, hours: 1 };
    let ctx = &stage.ctx;
    let last = ctx.store.last_put(&stage.app, "hangzhou").await.expect("a look").expect("a put");
    let canary: PromotionId = ctx.new_id();
    let build = stage.build(two).await;
    let mut tx = ctx.store.begin().await.expect("a transaction");
    let number = next_number(&mut tx, "promotion").await.expect("a number");
    let intent = ServiceIntent { replicas: 1, canary: true, ..last.intent.clone() };
    let image = intent.image.replace(one.as_str(), two.as_str());
    let intent = ServiceIntent { image, digest: two.clone(), ..intent };
    sqlx::query(
        "INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id,
             requested_by_name, requested_at, started_at)
         VALUES ($1, $2, 'canary', $3, $4, $5, 'running', '', 'u', 'lea', $6, $6)",
    )
    .bind(canary.as_str())
    .bind(number)
    .bind(stage.app.as_str())
    .bind(build.as_str())
    .bind(two.as_str())
    .bind(micros(ctx.now()))
    .execute(&mut *tx)
    .await
    .expect("a canary");
    sqlx::query(
        "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec)
         VALUES ($1, $2, 0, $3, 'hangzhou', $4, 'waiting', $5)",
    )
    .bind(ctx.new_id::<String>())
    .bind(canary.as_str())
    .bind(stage.app.as_str())
    .bind(two.as_str())
    .bind(serde_json::to_string(&intent).expect("json"))
    .execute(&mut *tx)
    .await
    .expect("a rollout");
    rows::ask(&mut tx, &canary, &stage.app, "hangzhou", &terms).await.expect("noted");
    let owner = Person { id: UserId("u".to_owned()), name: "lea".to_owned(), role: Role::Lead };
    let times = (ctx.now(), ctx.now() + chrono::TimeDelta::hours(1));
    assert!(rows::begin(&mut tx, &canary, &owner, (&last.intent, &last.promotion), times).await.expect("begun"));
    tx.commit().await.expect("kept");
    ctx.work.rollouts.notify_one();
    canary
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_replicas_runs_another_release_and_returns_at_its_end_by_itself() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 114).await;
    stage.begin();
    stage.ctx.work.tasks.spawn(canaries::work(stage.ctx.clone()));
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    // One node holds one task of a published port: this app has none.
    let two_tasks = |intent: &mut ServiceIntent| {
        intent.port = None;
        intent.replicas = 2;
    };
    let first = stage.promote(&one, &["hangzhou"], two_tasks).await;
    assert_eq!(stage.ended(&first, 60).await, PromotionState::Verified);

    let ctx = &stage.ctx;
    let canary = start(&stage, &one, &two).await;
    let state = async || ctx.store.canary(&canary).await.expect("a look").expect("a canary").state;
    until(60, "the canary runs", async || state().await == CanaryState::Running).await;
    assert_eq!(runs(&stage, Which::Canary, &two).await, Some(1));
    until(30, "one task is left of the main service", async || runs(&stage, Which::Main, &one).await == Some(1)).await;

    let mut tx = ctx.store.begin().await.expect("a transaction");
    assert!(rows::set_end(&mut tx, &canary, ctx.now()).await.expect("its end has come"));
    tx.commit().await.expect("kept");
    ctx.work.canaries.notify_one();
    until(60, "the canary has returned", async || state().await == CanaryState::Returned).await;
    assert_eq!(runs(&stage, Which::Canary, &two).await, None);
    assert_eq!(runs(&stage, Which::Main, &one).await, Some(2), "it returned when the main service was whole");
    stage.clear().await;
}
