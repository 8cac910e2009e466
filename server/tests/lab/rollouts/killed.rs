//! A real `slipway serve` is killed in the middle of a rollout, and started again.

use super::serving::{Moment, STEP, Serving, hold_at, let_go};
use super::stage::{RELEASES, Stage, shared, until};
use crate::lab::lab;
use domain::Digest;
use domain::promotion::PromotionState;
use std::time::{Duration, Instant};

/// Promotes the digest to the region, kills when the moment has come, starts again, and expects it
/// verified, and the rollout under way again within two seconds.
async fn killed_at(stage: &Stage, digest: &Digest, region: &str, moment: Moment) {
    hold_at(stage, moment, region, digest).await;
    let promotion = stage.promote(digest, &[region], |intent| intent.soak_seconds = 1).await;
    let serving = Serving::start(stage);
    serving.held(STEP).await;
    serving.kill();
    let_go(stage, STEP).await;
    let left = stage.states(&promotion).await;
    let (again, started) = (stage.ctx.now(), Instant::now());
    let serving = Serving::start(stage);
    // It says where it stands by looking: the first step ends anew.
    let looked = async || {
        let rollout = stage.rollouts(&promotion).await.remove(0);
        let steps = stage.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        steps.first().is_some_and(|step| step.ended_at.is_some_and(|ended| ended > again))
    };
    until(10, "it looked again", looked).await;
    let after = started.elapsed();
    println!("killed at {moment:?}: {left:?}, right again after {after:?}");
    assert!(after < Duration::from_secs(2), "killed at {moment:?}: {after:?}");
    assert_eq!(stage.ended(&promotion, 90).await, PromotionState::Verified, "killed at {moment:?}");
    serving.kill();
    assert!(stage.runs_only(region, digest).await, "{:?}", stage.running(region).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_killed_at_any_boundary_goes_on_where_it_was_and_nothing_runs_twice() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::quick(lab, 112).await;
    let heard = stage.listen("hangzhou");
    let (one, two) = stage.both().await;
    killed_at(&stage, &one, "hangzhou", Moment::Done("update")).await;
    assert_eq!(heard.changes(), (1, 0), "made once");
    for (changed, moment) in (1..).zip(Moment::all()) {
        let digest = if changed % 2 == 1 { &two } else { &one };
        killed_at(&stage, digest, "hangzhou", moment).await;
        assert_eq!(heard.changes(), (1, changed), "changed once for each, killed at {moment:?}");
    }
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_at_any_moment_it_still_changes_a_region_once() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::quick(lab, 113).await;
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
