//! What goes wrong around a rollout: tasks that only seem well, a registry or a manager that is away,
//! and two leads who press at the same moment.

use super::serving::{Moment, STEP, Serving, hold_at, let_go};
use super::stage::{RELEASES, Stage, alone, shared, until};
use crate::lab::{Lab, lab};
use app::view::{Confirmation, RollbackInput};
use domain::config::FailureAction;
use domain::promotion::{PromotionState, StepState};
use domain::service::ServiceIntent;
use domain::{Digest, Problem};
use futures::future::join;
use server::usecases::promotions::roll_back;
use server::usecases::rollouts::{abort_promotion, pause_promotion};
use std::path::PathBuf;
use std::process::Command;

/// What a shell does instead of the app; the region goes back by itself when it is not well.
fn instead(intent: &mut ServiceIntent, script: &str) {
    intent.command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    intent.update.on_failure = Some(FailureAction::Rollback);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_dies_after_five_seconds_and_health_that_never_comes_are_not_verified_and_go_back() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::quick(lab, 161).await;
    let (dying, sick) = ("hangzhou", "us-west");
    let heard = [dying, sick].map(|region| stage.listen(region));
    let (one, two) = stage.both().await;
    stage.put(&one, &[dying, sick]).await;
    stage.begin();
    let dies = |intent: &mut ServiceIntent| {
        instead(intent, "sleep 5; exit 3");
        intent.soak_seconds = 7;
    };
    let never_well = |intent: &mut ServiceIntent| {
        instead(intent, "trap 'exit 0' TERM; sleep 3600 & wait");
        intent.health = ["/bin/sh", "-c", "exit 1"].map(str::to_owned).to_vec();
        intent.deadline_seconds = 4;
    };
    let promotions = [stage.promote(&two, &[dying], dies).await, stage.promote(&two, &[sick], never_well).await];
    let app = stage.app.clone();
    let died = Problem::TasksFailed { app: app.clone(), region: dying.to_owned(), error: "task: non-zero exit (3)".to_owned() };
    let not_well = Problem::NotUpInTime { app, region: sick.to_owned(), running: 0, wanted: 1, seconds: 4 };
    for (promotion, why) in promotions.iter().zip([died, not_well]) {
        assert_eq!(stage.ended(promotion, 30).await, PromotionState::Failed);
        assert_eq!(stage.rollouts(promotion).await[0].failure, Some(why));
        let back = stage.ctx.store.ways_back(promotion).await.expect("a look").remove(0).0;
        assert_eq!(stage.ended(&back, 60).await, PromotionState::Verified);
    }
    for (region, heard) in [dying, sick].into_iter().zip(heard) {
        assert!(stage.runs_only(region, &one).await, "{region}");
        assert_eq!(heard.changes(), (1, 2), "there and back, {region}");
    }
    stage.clear().await;
}

/// A registry of the story's own. It ends with the story.
struct Registry {
    lab: &'static Lab,
    host: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.lab.run(&["registry", "stop", "down"]);
    }
}

impl Registry {
    const PORT: &str = "5057";

    fn start(lab: &'static Lab) -> Self {
        let registry = Self { lab, host: format!("{}.1:{}", lab.net(), Self::PORT) };
        registry.come_back();
        registry
    }

    fn come_back(&self) {
        self.lab.run(&["registry", "start", "down", Self::PORT]);
    }

    fn go_down(&self) {
        self.lab.run(&["registry", "stop", "down"]);
    }

    /// Pushes a release of the sample app under a name that no engine has seen.
    fn push(&self, tag: &str) -> String {
        let image = format!("{}/story/{}", self.host, std::process::id());
        let socket = format!("unix://{}", self.lab.socket("test").display());
        for arguments in [["tag", &format!("{}/demo/web:{tag}", self.lab.registry()), &image], ["push", "-q", &image]] {
            let output = Command::new("docker").args(["-H", &socket]).args(arguments).output().expect("docker runs");
            assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        image
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_registry_is_down_a_region_stays_as_it_is_and_when_it_is_back_the_rollout_goes_on() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::quick(lab, 162).await;
    let registry = Registry::start(lab);
    let heard = stage.listen("hangzhou");
    let (one, two) = stage.both().await;
    stage.put(&one, &["hangzhou"]).await;
    let image = format!("{}@{two}", registry.push(RELEASES[1]));
    registry.go_down();
    stage.begin();
    let task = stage.tasks("hangzhou").await[0].id.clone();
    let promotion = stage.promote(&two, &["hangzhou"], |intent| intent.image.clone_from(&image)).await;
    let pull = async || {
        let rollout = stage.rollouts(&promotion).await.remove(0);
        let steps = stage.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        steps.into_iter().find(|step| step.kind == "pull")
    };
    let refused = async || pull().await.is_some_and(|step| step.detail.is_some_and(|line| line.contains("connection refused")));
    until(20, "the page says why it waits", refused).await;
    assert_eq!(pull().await.map(|step| step.state), Some(StepState::Running));
    assert_eq!((heard.changes(), &stage.tasks("hangzhou").await[0].id), ((1, 0), &task), "nothing was stopped for it");
    registry.come_back();
    assert_eq!(stage.ended(&promotion, 30).await, PromotionState::Verified);
    assert_eq!((heard.changes(), stage.runs_only("hangzhou", &two).await), ((1, 1), true));
    stage.clear().await;
}

/// A manager that nobody reaches, while its Swarm lives: its socket is not where it was.
struct Unreachable {
    socket: PathBuf,
}

impl Unreachable {
    fn manager(lab: &Lab, region: &str) -> Self {
        let socket = lab.socket(region);
        std::fs::rename(&socket, socket.with_extension("away")).expect("moved");
        Self { socket }
    }
}

impl Drop for Unreachable {
    fn drop(&mut self) {
        let _ = std::fs::rename(self.socket.with_extension("away"), &self.socket);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_is_away_at_every_boundary_is_waited_for_and_the_region_changes_once() {
    let Some(lab) = lab() else { return };
    let _regions = alone().await;
    let stage = Stage::quick(lab, 164).await;
    let heard = stage.listen("hangzhou");
    let (one, two) = stage.both().await;
    stage.put(&one, &["hangzhou"]).await;
    let mut moments = Moment::all().into_iter().peekable();
    hold_at(&stage, Moment::Started, "hangzhou", &two).await;
    let promotion = stage.promote(&two, &["hangzhou"], |_| {}).await;
    let serving = Serving::start(&stage);
    let asks_in_vain = async || {
        let rollout = stage.rollouts(&promotion).await.remove(0);
        let steps = stage.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        steps.first().is_some_and(|step| step.state == StepState::Running && step.detail.as_deref() == Some("…"))
    };
    while let Some(moment) = moments.next() {
        serving.held(STEP).await;
        let away = Unreachable::manager(lab, "hangzhou");
        let_go(&stage, STEP).await;
        serving.forget();
        if let Some(next) = moments.peek() {
            hold_at(&stage, *next, "hangzhou", &two).await;
        }
        until(10, &format!("it asks in vain at {moment:?}"), asks_in_vain).await;
        assert_eq!(stage.state(&promotion).await, PromotionState::Running, "silence is no verdict, at {moment:?}");
        drop(away);
    }
    assert_eq!(stage.ended(&promotion, 60).await, PromotionState::Verified);
    assert_eq!((heard.changes(), stage.runs_only("hangzhou", &two).await), ((1, 1), true));
    serving.kill();
    stage.clear().await;
}

fn back(stage: &Stage, to: Option<&Digest>) -> RollbackInput {
    RollbackInput {
        app: stage.app.clone(),
        region: "hangzhou".to_owned(),
        reason: "as it was".to_owned(),
        to: to.cloned(),
        withdraw_canary: false,
        confirmation: Confirmation { app: stage.app.clone(), password: None },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_leads_at_once_each_word_counts_once_and_the_region_changes_once_for_each() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::quick(lab, 163).await;
    let heard = stage.listen("hangzhou");
    let (one, two) = stage.both().await;
    let (leo, lea) = (stage.lead("leo").await.0, stage.lead("lea").await.0);
    stage.put(&one, &["hangzhou"]).await;
    stage.begin();
    let ctx = &stage.ctx;
    // One pauses while the other ends it: whoever was first, it has ended.
    let promotion = stage.promote(&two, &["hangzhou", "us-west"], |_| {}).await;
    until(30, "the tasks come", async || stage.step(&promotion, "tasks").await == Some(StepState::Running)).await;
    let why = || "the wrong build".to_owned();
    let (paused, ended) = join(pause_promotion(ctx, &leo, &promotion), abort_promotion(ctx, &lea, &promotion, why())).await;
    let late = Err(Problem::Finished { state: "aborted".to_owned() });
    assert!(ended.is_ok() && (paused.is_ok() || paused == late), "{paused:?} {ended:?}");
    assert_eq!(stage.state(&promotion).await, PromotionState::Aborted);
    until(30, "the Swarm ends what it began", async || stage.runs_only("hangzhou", &two).await).await;
    assert_eq!(heard.changes(), (1, 1));
    assert_eq!(stage.service("us-west").await, None);
    // Both go back: one rollback, one change.
    let (a, b) = join(roll_back(ctx, &leo, back(&stage, Some(&one))), roll_back(ctx, &lea, back(&stage, Some(&one)))).await;
    let busy = Problem::RolloutRunning { app: stage.app.clone(), region: "hangzhou".to_owned() };
    let rollback = match (a, b) {
        (Ok(id), Err(refused)) | (Err(refused), Ok(id)) if refused == busy => id,
        both => panic!("{both:?}"),
    };
    assert_eq!(stage.ended(&rollback, 60).await, PromotionState::Verified);
    assert_eq!((heard.changes(), stage.runs_only("hangzhou", &one).await), ((1, 2), true));
    stage.clear().await;
}
