//! Rollouts on a Swarm that can be told to fail at any call: nothing is done twice, nothing is
//! half believed, and every refusal has its word. What real Swarms do is told in the lab.

mod canaries;
mod holds;
mod secrets;
pub mod swarm;

use crate::common::{TestApp, on_each_database};
use crate::decided::{announced, digest, listed, recorded, tamper};
use domain::id::{PromotionId, RolloutId};
use domain::problem::Noun;
use domain::promotion::{PromotionState, RolloutState, StepState};
use domain::service::ServiceIntent;
use domain::{Digest, Problem};
use serde_json::json;
use server::clock::micros;
use server::ctx::Ctx;
use server::store::next_number;
use server::usecases::rollouts::work;
use std::time::{Duration, Instant};
use swarm::{Fate, Swarm, Tasks};

/// An installation with two regions; time passes quickly while somebody waits.
struct Stage {
    app: TestApp,
    here: Swarm,
    there: Swarm,
}

impl Stage {
    async fn set(app: TestApp) -> Self {
        let (here, there) = (Swarm::open().await, Swarm::open().await);
        app.apply(&format!(
            "[[apps]]\nname = \"web\"\nimage = \"registry.test:5000/team/web\"\nport_label = 80\n
             channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n
             [apps.service]\nport = 80\nsoak_seconds = 5\ndeadline_seconds = 60\n
             [[regions]]\nname = \"here\"\nurl = \"tcp://{}\"\n
             [[regions]]\nname = \"there\"\nurl = \"tcp://{}\"\n",
            here.host, there.host
        ))
        .await;
        Self { app, here, there }
    }

    fn begin(&self, ctx: &Ctx) -> tokio::task::JoinHandle<()> {
        tokio::spawn(work(ctx.clone()))
    }

    /// A promotion as a start leaves it.
    async fn promote(&self, n: u64, regions: &[&str]) -> PromotionId {
        self.app.clock.advance(Duration::from_secs(1));
        let digest = digest(n);
        let known = self.app.ctx.store.build_known("web", &digest).await.expect("a look");
        let build = match known {
            Some(build) => build.id,
            None => listed(&self.app, "web", &digest).await,
        };
        let ctx = &self.app.ctx;
        let applied = ctx.config();
        let id: PromotionId = ctx.new_id();
        let mut tx = ctx.store.begin().await.expect("a transaction");
        let number = next_number(&mut tx, "promotion").await.expect("a number");
        sqlx::query(
            "INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id,
                 requested_by_name, requested_at, started_at)
             VALUES ($1, $2, 'promotion', 'web', $3, $4, 'running', '', 'u', 'ada', $5, $5)",
        )
        .bind(id.as_str())
        .bind(number)
        .bind(build.as_str())
        .bind(digest.as_str())
        .bind(micros(ctx.now()))
        .execute(&mut *tx)
        .await
        .expect("a promotion");
        for (position, region) in (0_i64..).zip(regions) {
            let config = &applied.config;
            let known = config.region(region).unwrap_or(&config.regions[0]);
            let web = config.app("web").expect("web");
            let kept = ctx.store.kept_secrets(region, "web").await.expect("versions");
            let intent = ServiceIntent::plan(web, known, &digest).expect("a plan").with_secrets(web, &kept);
            sqlx::query(
                "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec)
                 VALUES ($1, $2, $3, 'web', $4, $5, 'waiting', $6)",
            )
            .bind(ctx.new_id::<RolloutId>().as_str())
            .bind(id.as_str())
            .bind(position)
            .bind(*region)
            .bind(digest.as_str())
            .bind(serde_json::to_string(&intent).expect("json"))
            .execute(&mut *tx)
            .await
            .expect("a rollout");
        }
        tx.commit().await.expect("kept");
        ctx.work.rollouts.notify_one();
        id
    }

    async fn state(&self, id: &PromotionId) -> PromotionState {
        self.app.ctx.store.promotion(id).await.expect("the promotion").state
    }

    /// Lets time pass until the promotion has ended.
    async fn ended(&self, id: &PromotionId) -> PromotionState {
        self.until(async || self.state(id).await.ended()).await;
        self.state(id).await
    }

    async fn until(&self, condition: impl AsyncFn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !condition().await {
            assert!(Instant::now() < end, "it does not come to an end");
            self.app.clock.advance(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn outcomes(&self, id: &PromotionId) -> Vec<(RolloutState, Option<Problem>)> {
        let rollouts = self.app.ctx.store.rollouts_of(id).await.expect("rollouts");
        rollouts.into_iter().map(|rollout| (rollout.state, rollout.failure)).collect()
    }

    async fn failure(&self, id: &PromotionId) -> Option<Problem> {
        assert_eq!(self.ended(id).await, PromotionState::Failed);
        self.outcomes(id).await.into_iter().find_map(|(_, failure)| failure)
    }

    fn runs(&self, n: u64) -> bool {
        self.here.running() == [image(&digest(n))]
    }

    /// A fail on a digest, straight into the record.
    async fn fail(&self, n: u64) {
        let build = self.app.ctx.store.build_known("web", &digest(n)).await.expect("a look").expect("a build").id;
        let mut tx = self.app.ctx.store.begin().await.expect("a transaction");
        sqlx::query("INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at) VALUES ($1, $2, 'fail', '', 't', 'tess', 1)")
            .bind(self.app.ctx.new_id::<String>())
            .bind(build.as_str())
            .execute(&mut *tx)
            .await
            .expect("a verdict");
        tx.commit().await.expect("kept");
    }
}

fn image(digest: &Digest) -> String {
    format!("registry.test:5000/team/web@{digest}")
}

const VERIFIED: (RolloutState, Option<Problem>) = (RolloutState::Verified, None);
const SKIPPED: (RolloutState, Option<Problem>) = (RolloutState::Skipped, None);

#[tokio::test]
async fn regions_go_one_after_another_and_everything_is_recorded() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let _worker = stage.begin(&stage.app.ctx);
        let id = stage.promote(1, &["here", "there"]).await;
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert_eq!(stage.outcomes(&id).await, [VERIFIED, VERIFIED]);
        assert_eq!((stage.here.changed(), stage.there.changed()), (1, 1));
        let rollouts = stage.app.ctx.store.rollouts_of(&id).await.expect("rollouts");
        assert!(rollouts[0].ended_at <= rollouts[1].started_at, "the second waited for the first");
        let mut record = recorded(&stage.app).await;
        record.sort_unstable();
        let (started, verified) = (["rollout.started"; 2], ["rollout.verified"; 2]);
        assert_eq!(record, [&["configuration.applied", "promotion.verified"][..], &started, &verified].concat());
        let told = announced(&stage.app).await;
        assert_eq!(told, [["rollout_started"; 2], ["rollout_verified"; 2]].concat());
        let steps = stage.app.ctx.store.rollout_steps(&rollouts[0].id).await.expect("steps");
        assert!(steps.iter().all(|step| step.state == StepState::Done && step.subject == "slw-web"), "{steps:?}");
        assert_eq!(steps[3].detail.as_deref(), Some("1/1"));

        let again = stage.promote(2, &["here"]).await;
        assert_eq!(stage.ended(&again).await, PromotionState::Verified);
        let rollout = stage.app.ctx.store.rollouts_of(&again).await.expect("rollouts").remove(0);
        assert_eq!((rollout.previous_digest, stage.here.changed()), (Some(digest(1)), 2));
    })
    .await;
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_made_twice() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.changes_fare(&[Fate::Unanswered]);
    let made = stage.promote(1, &["here"]).await;
    assert_eq!(stage.ended(&made).await, PromotionState::Verified);
    assert_eq!(stage.here.changed(), 1);
    stage.here.changes_fare(&[Fate::Lost, Fate::Status(500), Fate::Raced, Fate::Unanswered]);
    let changed = stage.promote(2, &["here"]).await;
    assert_eq!(stage.ended(&changed).await, PromotionState::Verified);
    assert_eq!(stage.here.changed(), 2);
    assert!(stage.runs(2));
    stage.here.looks_fare(&[Fate::Lost, Fate::Status(503), Fate::Well, Fate::Lost, Fate::Status(500), Fate::Lost]);
    let seen = stage.promote(1, &["here"]).await;
    assert_eq!(stage.ended(&seen).await, PromotionState::Verified);
    assert_eq!(stage.here.changed(), 3);
}

/// The proof by all cases: the worker is stopped dead at each single call that it makes to the
/// Swarm, once before and once after the call is done, and begun again.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_call_it_goes_on_and_changes_the_region_once() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let mut changed = 0;
    let mut ctx = stage.app.restarted().await;
    for call in 1.. {
        let mut come = true;
        for done in [false, true] {
            let n = u64::from(changed % 2) + 1;
            stage.here.stop_at(call, done);
            let id = stage.promote(n, &["here"]).await;
            let worker = stage.begin(&ctx);
            let stopped = async { stage.here.stopped.notified().await };
            tokio::select! {
                () = stopped => {}
                state = stage.ended(&id) => assert_eq!(state, PromotionState::Verified),
            }
            worker.abort();
            let _ = worker.await;
            come = stage.here.has_stopped();
            ctx = stage.app.restarted().await;
            let worker = stage.begin(&ctx);
            assert_eq!(stage.ended(&id).await, PromotionState::Verified, "stopped at call {call}, done {done}");
            worker.abort();
            let _ = worker.await;
            changed += 1;
            assert_eq!(stage.here.changed(), changed, "stopped at call {call}, done {done}");
            assert!(stage.runs(n), "stopped at call {call}, done {done}");
        }
        if !come || call > 40 {
            assert!(call > 8, "it makes more calls than {call}");
            break;
        }
    }
}

#[tokio::test]
async fn completed_at_nothing_is_not_believed() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.behave(Tasks::Nothing);
    let id = stage.promote(1, &["here", "there"]).await;
    let wanted = Problem::NotUpInTime { app: "web".to_owned(), region: "here".to_owned(), running: 0, wanted: 1, seconds: 60 };
    assert_eq!(stage.failure(&id).await, Some(wanted));
    assert_eq!(stage.outcomes(&id).await[1], SKIPPED);
    assert_eq!(stage.there.changed(), 0);
    let rollout = stage.app.ctx.store.rollouts_of(&id).await.expect("rollouts").remove(0);
    let steps = stage.app.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
    let states: Vec<StepState> = steps.iter().map(|step| step.state).collect();
    use StepState::{Done, Failed, Skipped};
    assert_eq!(states, [Done, Done, Done, Failed, Skipped, Skipped]);
    let mut record = recorded(&stage.app).await;
    record.sort_unstable();
    assert_eq!(record, ["configuration.applied", "promotion.failed", "rollout.failed", "rollout.started"]);
}

#[tokio::test]
async fn tasks_that_fail_and_a_paused_update_end_it_with_the_error() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.behave(Tasks::Fail);
    let id = stage.promote(1, &["here"]).await;
    let (app, error) = ("web".to_owned(), "task: non-zero exit (3)".to_owned());
    let wanted = Problem::TasksFailed { app, region: "here".to_owned(), error };
    assert_eq!(stage.failure(&id).await, Some(wanted));
    assert_eq!(announced(&stage.app).await, ["rollout_failed", "rollout_started"]);
    stage.there.behave(Tasks::Nothing);
    let paused = stage.promote(1, &["there"]).await;
    stage.until(async || stage.there.changed() == 1).await;
    stage.there.pause();
    assert!(matches!(stage.failure(&paused).await, Some(Problem::TasksFailed { .. })));
}

#[tokio::test]
async fn what_a_swarm_does_not_keep_is_not_verified() {
    for (key, part) in [("ReadOnly", "read-only root"), ("CapabilityDrop", "capabilities"), ("Env", ""), ("Privileges", "")] {
        let stage = Stage::set(TestApp::sqlite().await).await;
        let _worker = stage.begin(&stage.app.ctx);
        stage.here.drop_of_specs(key);
        let id = stage.promote(1, &["here"]).await;
        match part {
            "" => assert_eq!(stage.ended(&id).await, PromotionState::Verified, "{key}"),
            part => {
                let (app, region) = ("web".to_owned(), "here".to_owned());
                let wanted = Problem::ServiceDiffers { app, region, part: part.to_owned() };
                assert_eq!(stage.failure(&id).await, Some(wanted));
            }
        }
        let rollout = stage.app.ctx.store.rollouts_of(&id).await.expect("rollouts").remove(0);
        let steps = stage.app.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        let said = steps[2].detail.as_deref().is_some_and(|detail| detail.contains("no-new-privileges"));
        assert_eq!(said, key == "Privileges", "an engine that does not keep it is named: {key}");
    }
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_left_alone() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.speak("1.40");
    let id = stage.promote(1, &["here"]).await;
    let wanted = Problem::EngineTooOld { region: "here".to_owned(), found: "API 1.40".to_owned() };
    assert_eq!(stage.failure(&id).await, Some(wanted));
    assert_eq!(stage.here.changed(), 0);
}

#[tokio::test]
async fn another_installations_service_is_not_touched() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    let labels = json!({ "slipway.instance": "another", "slipway.app": "web" });
    stage.here.found(json!({ "Name": "slw-web", "Labels": labels, "TaskTemplate": { "ContainerSpec": { "Image": "x" } } }));
    let before = stage.here.service();
    let id = stage.promote(1, &["here"]).await;
    let wanted = Problem::ForeignService { service: "slw-web".to_owned(), region: "here".to_owned() };
    assert_eq!(stage.failure(&id).await, Some(wanted));
    assert_eq!((stage.here.changed(), stage.here.service()), (0, before));
}

#[tokio::test]
async fn an_image_that_the_region_cannot_pull_changes_nothing_until_it_can() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.lose_images(true);
    let id = stage.promote(1, &["here"]).await;
    assert_eq!(stage.failure(&id).await, Some(Problem::CannotPull { region: "here".to_owned() }));
    assert_eq!(stage.here.changed(), 0);
    let waits = stage.promote(1, &["here"]).await;
    let pulls = async || {
        let rollout = stage.app.ctx.store.rollouts_of(&waits).await.expect("rollouts").remove(0);
        let steps = stage.app.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        steps.get(1).is_some_and(|step| step.detail.as_deref() == Some("manifest unknown"))
    };
    while !pulls().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.here.lose_images(false);
    assert_eq!(stage.ended(&waits).await, PromotionState::Verified);
}

#[tokio::test]
async fn a_fail_while_the_image_is_pulled_keeps_the_region_as_it_is() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.lose_images(true);
    let id = stage.promote(1, &["here"]).await;
    let started = async || stage.outcomes(&id).await[0].0 == RolloutState::Running;
    while !started().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.fail(1).await;
    stage.here.lose_images(false);
    assert_eq!(stage.failure(&id).await, Some(Problem::Quarantined));
    assert_eq!(stage.here.changed(), 0);
}

#[tokio::test]
async fn a_region_that_must_not_start_any_more_does_not() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        // Quarantined before its turn came.
        let id = stage.promote(1, &["here", "there"]).await;
        stage.fail(1).await;
        // Gone from the configuration.
        let gone = stage.promote(2, &["nowhere"]).await;
        let worker = stage.begin(&stage.app.ctx);
        assert_eq!(stage.failure(&id).await, Some(Problem::Quarantined));
        assert_eq!(stage.outcomes(&id).await[1], SKIPPED);
        assert_eq!(stage.failure(&gone).await, Some(Problem::not_found(Noun::Region, "nowhere")));
        worker.abort();

        // Another promotion touched the region after this one had started.
        let old = stage.promote(3, &["here", "there"]).await;
        let new = stage.promote(4, &["there"]).await;
        stage.here.looks_fare(&[Fate::Lost; 3]);
        let _worker = stage.begin(&stage.app.ctx);
        assert_eq!(stage.ended(&new).await, PromotionState::Verified);
        let number = stage.app.ctx.store.promotion(&new).await.expect("it").number;
        assert_eq!(stage.failure(&old).await, Some(Problem::Overtaken { region: "there".to_owned(), number }));
        assert_eq!(stage.outcomes(&old).await[0], VERIFIED);
        assert_eq!(stage.there.running(), [image(&digest(4))]);
    })
    .await;
}

#[tokio::test]
async fn while_another_rollout_runs_there_a_second_one_does_not_start() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.here.behave(Tasks::Nothing);
        let first = stage.promote(1, &["here"]).await;
        let second = stage.promote(2, &["here"]).await;
        // As if the second had started before the first touched the region.
        tamper(&stage.app, "UPDATE promotions SET started_at = started_at + 3600000000 WHERE id = $1", &[second.as_str()]).await;
        let _worker = stage.begin(&stage.app.ctx);
        let one_ended = async || stage.state(&second).await.ended() || stage.state(&first).await.ended();
        stage.until(async || one_ended().await && stage.here.changed() == 1).await;
        let wanted = Problem::RolloutRunning { app: "web".to_owned(), region: "here".to_owned() };
        let failures: Vec<_> = [stage.outcomes(&first).await, stage.outcomes(&second).await].concat();
        assert!(failures.iter().any(|(_, failure)| *failure == Some(wanted.clone())), "{failures:?}");
        assert_eq!(stage.here.changed(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_region_that_never_answers_fails_at_the_deadline_and_not_before() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let _worker = stage.begin(&stage.app.ctx);
    stage.here.looks_fare(&[Fate::Lost; 10_000]);
    let started = stage.app.ctx.now();
    let id = stage.promote(1, &["here", "there"]).await;
    let wanted = Problem::Unreachable { what: Noun::Region, name: "here".to_owned() };
    assert_eq!(stage.failure(&id).await, Some(wanted));
    assert!((stage.app.ctx.now() - started).num_seconds() >= 60);
    assert_eq!((stage.here.changed(), stage.outcomes(&id).await[1].clone()), (0, SKIPPED));
}

#[tokio::test]
async fn a_rollout_found_long_after_its_deadline_is_judged_by_what_runs() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    // Slipway was away for a day after it had changed the region …
    stage.here.stop_at(6, true);
    let id = stage.promote(1, &["here"]).await;
    let worker = stage.begin(&stage.app.ctx);
    stage.here.stopped.notified().await;
    stage.until(async || stage.here.changed() == 1).await;
    worker.abort();
    let _ = worker.await;
    stage.app.clock.advance(Duration::from_secs(86_400));
    let worker = stage.begin(&stage.app.restarted().await);
    assert_eq!(stage.ended(&id).await, PromotionState::Verified, "it runs, so it is verified");
    worker.abort();
    // … and once before it had: then it is too late to begin.
    stage.here.stop_at(2, true);
    let late = stage.promote(2, &["here"]).await;
    let worker = stage.begin(&stage.app.restarted().await);
    stage.here.stopped.notified().await;
    worker.abort();
    let _ = worker.await;
    stage.app.clock.advance(Duration::from_secs(86_400));
    let _worker = stage.begin(&stage.app.restarted().await);
    assert_eq!(stage.failure(&late).await, Some(Problem::TooLate { region: "here".to_owned(), seconds: 60 }));
    assert!(stage.runs(1) && stage.here.changed() == 1);
}
