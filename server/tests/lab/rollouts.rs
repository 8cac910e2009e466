//! Rollouts on real Swarms: what runs is what was decided, seen on the tasks themselves.

mod accidents;
mod canary;
mod held;
mod killed;
mod near;
mod nodes;
mod secrets;
mod serving;
mod stage;
mod waves;

use crate::lab::lab;
use bollard::models::ServiceSpec;
use domain::problem::Noun;
use domain::promotion::{PromotionState, RolloutState, StepState};
use domain::verdict::VerdictKind;
use domain::{Actor, Person, Problem, Role};
use server::engine::swarm::service_name;
use server::usecases::regions::regions;
use stage::{RELEASES, Stage, alone, shared, until};
use std::time::Instant;

fn viewer() -> Actor {
    let person = Person { id: "v".to_owned().into(), name: "vera".to_owned(), role: Role::Viewer };
    Actor::User { person, signed_in_at: domain::Time::default() }
}

async fn cell(stage: &Stage, region: &str) -> app::view::RegionCell {
    let board = regions(&stage.ctx, &viewer()).await.expect("a board");
    board.rows[0].cells.iter().find(|cell| cell.region == region).expect("a cell").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_made_then_updated_and_read_off_its_running_tasks() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 101).await;
    stage.begin();
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);

    let first = stage.promote(&one, &["hangzhou", "us-west"], |_| {}).await;
    assert_eq!(stage.ended(&first, 60).await, PromotionState::Verified);
    for region in ["hangzhou", "us-west"] {
        assert!(stage.runs_only(region, &one).await, "{:?}", stage.running(region).await);
        let page = stage.page(region).await;
        assert!(page.contains(RELEASES[0]) && page.contains(&format!("Region {region}")), "{page}");
        assert_eq!(stage.changes(region).await, (1, 0));
    }
    assert_eq!(stage.service("hong-kong").await, None, "nobody asked for it there");

    let second = stage.promote(&two, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&second, 60).await, PromotionState::Verified);
    assert!(stage.runs_only("hangzhou", &two).await && stage.runs_only("us-west", &one).await);
    assert!(stage.page("hangzhou").await.contains(RELEASES[1]));
    assert_eq!(stage.changes("hangzhou").await, (1, 1));

    let rollouts = stage.rollouts(&second).await;
    assert_eq!(rollouts[0].previous_digest.as_ref(), Some(&one));
    let steps = stage.ctx.store.rollout_steps(&rollouts[0].id).await.expect("steps");
    let kinds: Vec<&str> = steps.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!(kinds, ["inspect", "pull", "update", "tasks", "soak", "verify"]);
    assert!(steps.iter().all(|step| step.state == StepState::Done && step.ended_at >= step.started_at), "{steps:#?}");
    let told: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit WHERE actor_kind = 'slipway' AND app = $1 ORDER BY at, id")
            .bind(stage.app.as_str())
            .fetch_all(stage.ctx.store.read())
            .await
            .expect("a record");
    let region = ["rollout.started", "rollout.verified"];
    let whole = [&region[..], &region, &["promotion.verified"], &region, &["promotion.verified"]].concat();
    assert_eq!(told, whole);
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_in_production_is_confined() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 102).await;
    stage.begin();
    let one = stage.digest(RELEASES[0]).await;
    let first = stage.promote(&one, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&first, 60).await, PromotionState::Verified);
    let tasks = stage.tasks("hangzhou").await;
    let status = tasks[0].status.clone().and_then(|status| status.container_status).expect("a container");
    let inspected = stage.docker("hangzhou").inspect_container(&status.container_id.expect("an id"), None).await;
    let host = inspected.expect("the container").host_config.expect("how it is confined");
    assert_eq!((host.privileged, host.readonly_rootfs), (Some(false), Some(true)));
    assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]));
    assert_eq!(host.cap_add, Some(vec!["CAP_NET_BIND_SERVICE".to_owned()]));
    assert_eq!((host.memory, host.pids_limit, host.nano_cpus), (Some(512 << 20), Some(1024), Some(1_000_000_000)));
    assert_eq!(host.binds.unwrap_or_default(), Vec::<String>::new());
    let mounts: Vec<String> = host.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.target).collect();
    assert_eq!(mounts, ["/tmp"]);
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_crashes_fails_its_region_and_leaves_the_later_ones_alone() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 103).await;
    stage.begin();
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let good = stage.promote(&one, &["us-west"], |_| {}).await;
    assert_eq!(stage.ended(&good, 60).await, PromotionState::Verified);
    let crash = |intent: &mut domain::service::ServiceIntent| {
        intent.command = ["/bin/sh", "-c", "exit 3"].map(str::to_owned).to_vec();
        intent.health.clear();
    };
    let bad = stage.promote(&two, &["hangzhou", "us-west"], crash).await;
    assert_eq!(stage.ended(&bad, 60).await, PromotionState::Failed);
    assert_eq!(stage.states(&bad).await, [RolloutState::Failed, RolloutState::Skipped]);
    let rollouts = stage.rollouts(&bad).await;
    let Some(Problem::TasksFailed { region, error, .. }) = &rollouts[0].failure else { panic!("{:?}", rollouts[0].failure) };
    assert_eq!((region.as_str(), error.as_str()), ("hangzhou", "task: non-zero exit (3)"));
    assert!(stage.runs_only("us-west", &one).await);
    assert_eq!(stage.changes("us-west").await, (1, 0));
    // On a region that runs something, an update that crashes is given up at once.
    let again = stage.promote(&two, &["us-west"], crash).await;
    assert_eq!(stage.ended(&again, 60).await, PromotionState::Failed);
    let failure = stage.rollouts(&again).await[0].failure.clone();
    assert!(matches!(failure, Some(Problem::TasksFailed { .. })), "{failure:?}");
    // And there is a way back.
    let back = stage.promote(&one, &["us-west"], |_| {}).await;
    assert_eq!(stage.ended(&back, 60).await, PromotionState::Verified);
    assert!(stage.runs_only("us-west", &one).await && stage.page("us-west").await.contains(RELEASES[0]));
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_had_stops_nothing() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 104).await;
    stage.begin();
    let one = stage.digest(RELEASES[0]).await;
    let good = stage.promote(&one, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&good, 60).await, PromotionState::Verified);
    let container = stage.tasks("hangzhou").await[0].id.clone();
    let gone: domain::Digest = format!("sha256:{}", "0".repeat(64)).parse().expect("a digest");
    let bad = stage.promote(&gone, &["hangzhou"], |intent| intent.deadline_seconds = 3).await;
    assert_eq!(stage.ended(&bad, 30).await, PromotionState::Failed);
    let failure = stage.rollouts(&bad).await[0].failure.clone();
    assert_eq!(failure, Some(Problem::CannotPull { region: "hangzhou".to_owned() }));
    assert_eq!(stage.changes("hangzhou").await, (1, 0));
    assert_eq!(stage.tasks("hangzhou").await[0].id, container, "the old task was never stopped");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_the_same_name_that_is_not_ours_is_not_touched() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 105).await;
    stage.begin();
    let one = stage.digest(RELEASES[0]).await;
    let image = format!("{}/demo/web@{one}", lab.registry());
    let spec: ServiceSpec = serde_json::from_value(serde_json::json!({
        "Name": service_name(&stage.app), "TaskTemplate": { "ContainerSpec": { "Image": image } }, "EndpointSpec": { "Mode": "dnsrr" },
    }))
    .expect("a spec");
    stage.docker("hangzhou").create_service(spec, None).await.expect("made by somebody else");
    let version = async || stage.service("hangzhou").await.and_then(|service| service.version).and_then(|version| version.index);
    let before = version().await;
    let promotion = stage.promote(&one, &["hangzhou", "us-west"], |_| {}).await;
    assert_eq!(stage.ended(&promotion, 30).await, PromotionState::Failed);
    let failure = stage.rollouts(&promotion).await[0].failure.clone();
    assert!(matches!(failure, Some(Problem::ForeignService { .. })), "{failure:?}");
    assert_eq!(version().await, before);
    assert_eq!(stage.states(&promotion).await, [RolloutState::Failed, RolloutState::Skipped]);
    assert_eq!(cell(&stage, "hangzhou").await.digest, None, "it is not shown as ours either");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_digest_again_is_verified_without_touching_a_task() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 106).await;
    stage.begin();
    let one = stage.digest(RELEASES[0]).await;
    let first = stage.promote(&one, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&first, 60).await, PromotionState::Verified);
    let before: Vec<_> = stage.tasks("hangzhou").await.into_iter().map(|task| task.id).collect();
    let again = stage.promote(&one, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&again, 60).await, PromotionState::Verified);
    let after: Vec<_> = stage.tasks("hangzhou").await.into_iter().map(|task| task.id).collect();
    assert_eq!(after, before);
    // Another environment is another matter, though the digest is the same.
    let changed =
        stage.promote(&one, &["hangzhou"], |intent| drop(intent.env.insert("REGION".to_owned(), "moon".to_owned()))).await;
    assert_eq!(stage.ended(&changed, 60).await, PromotionState::Verified);
    assert!(stage.page("hangzhou").await.contains("Region moon"));
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_recorded_meanwhile_keeps_the_next_region_from_starting() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 107).await;
    stage.begin();
    let one = stage.digest(RELEASES[0]).await;
    let promotion = stage.promote(&one, &["hangzhou", "us-west", "hong-kong"], |_| {}).await;
    until(30, "the first region soaks", async || stage.step(&promotion, "soak").await == Some(StepState::Running)).await;
    let build = stage.build(&one).await;
    let mut tx = stage.ctx.store.begin().await.expect("a transaction");
    sqlx::query(
        "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at) VALUES ('f', $1, $2, '', 't', 'tom', 1)",
    )
    .bind(build.as_str())
    .bind(VerdictKind::Fail.as_str())
    .execute(&mut *tx)
    .await
    .expect("a verdict");
    tx.commit().await.expect("kept");
    assert_eq!(stage.ended(&promotion, 60).await, PromotionState::Failed);
    let rollouts = stage.rollouts(&promotion).await;
    let states: Vec<RolloutState> = rollouts.iter().map(|rollout| rollout.state).collect();
    assert_eq!(states, [RolloutState::Verified, RolloutState::Failed, RolloutState::Skipped]);
    assert_eq!((rollouts[1].failure.clone(), rollouts[1].started_at), (Some(Problem::Quarantined), None));
    assert_eq!((stage.service("us-west").await, stage.service("hong-kong").await), (None, None));
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_is_shown_as_drift_until_the_next_rollout() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 108).await;
    stage.begin();
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = stage.promote(&one, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&first, 60).await, PromotionState::Verified);
    let healthy = async || {
        let cell = cell(&stage, "hangzhou").await;
        cell.healthy && cell.digest.as_ref() == Some(&one) && cell.since.is_some() && !cell.drifted
    };
    until(10, "the region is shown as healthy", healthy).await;
    assert_eq!(cell(&stage, "hangzhou").await.url, Some(format!("http://{}:{}", lab.address("hangzhou"), stage.port)));
    assert!(!cell(&stage, "us-west").await.drifted, "nothing was ever there");

    stage
        .by_hand("hangzhou", |spec| {
            let container = spec.task_template.as_mut().and_then(|task| task.container_spec.as_mut()).expect("a container");
            container.env = Some(vec!["REGION=by-hand".to_owned()]);
        })
        .await;
    until(10, "another environment is drift", async || cell(&stage, "hangzhou").await.drifted).await;
    let image = format!("{}/demo/web@{two}", lab.registry());
    stage
        .by_hand("hangzhou", |spec| {
            let container = spec.task_template.as_mut().and_then(|task| task.container_spec.as_mut()).expect("a container");
            container.image = Some(image.clone());
        })
        .await;
    let other = async || {
        let cell = cell(&stage, "hangzhou").await;
        cell.drifted && cell.digest.as_ref() == Some(&two) && cell.since.is_none()
    };
    until(30, "the digest that runs is shown", other).await;

    let again = stage.promote(&one, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&again, 60).await, PromotionState::Verified);
    until(10, "the region is shown as healthy again", healthy).await;
    let _ = stage.docker("hangzhou").delete_service(&service_name(&stage.app)).await;
    until(10, "what is missing is drift too", async || cell(&stage, "hangzhou").await.drifted).await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_in_the_middle_is_not_verified() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 109).await;
    stage.begin();
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = stage.promote(&one, &["hangzhou"], |intent| intent.soak_seconds = 20).await;
    until(30, "the region soaks", async || stage.step(&first, "soak").await == Some(StepState::Running)).await;
    let image = format!("{}/demo/web@{two}", lab.registry());
    stage
        .by_hand("hangzhou", |spec| {
            let container = spec.task_template.as_mut().and_then(|task| task.container_spec.as_mut()).expect("a container");
            container.image = Some(image.clone());
        })
        .await;
    assert_eq!(stage.ended(&first, 20).await, PromotionState::Failed);
    let failure = stage.rollouts(&first).await[0].failure.clone();
    assert!(matches!(&failure, Some(Problem::ServiceDiffers { part, .. }) if part == "image"), "{failure:?}");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_stays_away_fails_and_one_that_comes_back_goes_on() {
    let Some(lab) = lab() else { return };
    let _regions = alone().await;
    let stage = Stage::new(lab, 110).await;
    stage.begin();
    let one = stage.digest(RELEASES[0]).await;
    until(10, "the region was seen", async || stage.ctx.seen.region("hong-kong").is_some_and(|seen| seen.reachable)).await;
    let stopped = tokio::task::spawn_blocking(move || lab.run(&["engine", "stop", "hong-kong"]));
    stopped.await.expect("stopped");
    let since = Instant::now();
    until(10, "it is seen to be away", async || stage.ctx.seen.region("hong-kong").is_some_and(|seen| !seen.reachable)).await;
    assert!(since.elapsed().as_secs() < 5, "{:?}", since.elapsed());

    let away = stage.promote(&one, &["hong-kong", "us-west"], |intent| intent.deadline_seconds = 3).await;
    assert_eq!(stage.ended(&away, 30).await, PromotionState::Failed);
    assert_eq!(stage.states(&away).await, [RolloutState::Failed, RolloutState::Skipped]);
    let unreachable = Problem::Unreachable { what: Noun::Region, name: "hong-kong".to_owned() };
    assert_eq!(stage.rollouts(&away).await[0].failure, Some(unreachable));
    assert_eq!(stage.service("us-west").await, None);

    let waits = stage.promote(&one, &["hong-kong"], |_| {}).await;
    until(10, "the rollout runs", async || stage.states(&waits).await == [RolloutState::Running]).await;
    // It comes back with its clock in another zone, which is no other time.
    let zone = [("TZ", "Pacific/Kiritimati")];
    tokio::task::spawn_blocking(move || lab.run_with(&zone, &["engine", "start", "hong-kong"])).await.expect("started");
    assert_eq!(stage.ended(&waits, 60).await, PromotionState::Verified);
    assert!(stage.runs_only("hong-kong", &one).await);
    let clock = stage.docker("hong-kong").info().await.expect("its own words").system_time.expect("a time");
    assert!(clock.ends_with("+14:00"), "{clock}");
    until(10, "it is seen to be back", async || stage.ctx.seen.region("hong-kong").is_some_and(|seen| seen.reachable)).await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_in_the_middle_is_not_half_believed() {
    let Some(lab) = lab() else { return };
    let _regions = alone().await;
    let stage = Stage::new(lab, 111).await;
    stage.begin();
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = stage.promote(&one, &["us-west"], |_| {}).await;
    assert_eq!(stage.ended(&first, 60).await, PromotionState::Verified);
    let second = stage.promote(&two, &["us-west"], |_| {}).await;
    until(30, "the tasks come", async || stage.step(&second, "tasks").await == Some(StepState::Running)).await;
    tokio::task::spawn_blocking(move || lab.run(&["engine", "stop", "us-west"])).await.expect("stopped");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(stage.state(&second).await, PromotionState::Running, "silence is no verdict");
    tokio::task::spawn_blocking(move || lab.run(&["engine", "start", "us-west"])).await.expect("started");
    let ended = stage.ended(&second, 90).await;
    println!("after the engine came back: {ended:?} {:?}", stage.rollouts(&second).await[0].failure);
    if ended == PromotionState::Verified {
        assert!(stage.runs_only("us-west", &two).await);
    } else {
        let failure = stage.rollouts(&second).await[0].failure.clone();
        assert!(matches!(failure, Some(Problem::TasksFailed { .. })), "{failure:?}");
        let again = stage.promote(&two, &["us-west"], |_| {}).await;
        assert_eq!(stage.ended(&again, 60).await, PromotionState::Verified);
    }
    assert_eq!(stage.ctx.seen.region("us-west").map(|seen| seen.reachable), Some(true));
    stage.clear().await;
}
