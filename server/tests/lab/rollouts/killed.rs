//! A real `slipway serve` is killed in the middle of a rollout, and started again.

use super::stage::{RELEASES, Stage, shared, until};
use crate::lab::lab;
use domain::id::PromotionId;
use domain::promotion::{PromotionState, RolloutState, StepState};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `slipway serve` on the stage's database. It dies with the story.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Serving {
    fn start(stage: &Stage) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .arg("serve")
            .env("SLIPWAY_DATABASE_URL", &stage.ctx.settings.database_url)
            .env("SLIPWAY_LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slipway serve starts");
        Self(child)
    }

    /// As `kill -9` does it: nothing is finished, nothing is said.
    fn kill(mut self) {
        self.0.kill().expect("it ran");
        self.0.wait().expect("it ended");
    }
}

/// Kills when the step has come, starts again, and expects the promotion verified, the service
/// changed once, and the rollout under way again within two seconds.
async fn killed_at(stage: &Stage, promotion: &PromotionId, region: &str, step: &str) {
    let serving = Serving::start(stage);
    let come = async || !matches!(stage.step(promotion, step).await, None | Some(StepState::Waiting));
    until(60, step, come).await;
    serving.kill();
    let left = stage.states(promotion).await;
    let (again, started) = (stage.ctx.now(), Instant::now());
    let serving = Serving::start(stage);
    // It says where it stands by looking: the first step ends anew, unless all was done.
    let looked = async || {
        let rollout = stage.rollouts(promotion).await.remove(0);
        let steps = stage.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        left == [RolloutState::Verified] || steps[0].ended_at.is_some_and(|ended| ended > again)
    };
    until(10, "it looked again", looked).await;
    let after = started.elapsed();
    println!("killed at {step}: {left:?}, right again after {after:?}");
    assert!(after < Duration::from_secs(2), "killed at {step}: {after:?}");
    assert_eq!(stage.ended(promotion, 90).await, PromotionState::Verified, "killed at {step}");
    serving.kill();
    assert!(stage.running(region).await.len() == 1, "{:?}", stage.running(region).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_rollout_goes_on_where_it_was_and_nothing_runs_twice() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 112).await;
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = stage.promote(&one, &["hangzhou"], |_| {}).await;
    killed_at(&stage, &first, "hangzhou", "update").await;
    assert_eq!(stage.changes("hangzhou").await, (1, 0), "made once");
    let mut changed = 0;
    for (step, digest) in [("inspect", &two), ("update", &one), ("tasks", &two), ("soak", &one), ("verify", &two)] {
        let promotion = stage.promote(digest, &["hangzhou"], |_| {}).await;
        killed_at(&stage, &promotion, "hangzhou", step).await;
        changed += 1;
        assert!(stage.runs_only("hangzhou", digest).await);
        assert_eq!(stage.changes("hangzhou").await, (1, changed), "changed once for each, killed at {step}");
    }
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_at_any_moment_it_still_changes_a_region_once() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 113).await;
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    for (round, digest) in [&one, &two, &one, &two].into_iter().enumerate() {
        let promotion = stage.promote(digest, &["us-west"], |_| {}).await;
        // The moments drift through the rollout, a little further with each life.
        for life in 0..8_u64 {
            let serving = Serving::start(&stage);
            tokio::time::sleep(Duration::from_millis(60 + 45 * life + 11 * round as u64)).await;
            serving.kill();
        }
        let serving = Serving::start(&stage);
        assert_eq!(stage.ended(&promotion, 90).await, PromotionState::Verified);
        serving.kill();
        assert!(stage.runs_only("us-west", digest).await);
        assert_eq!(stage.changes("us-west").await, (1, round), "in round {round}");
    }
    stage.clear().await;
}
