//! A promotion in waves, killed at every boundary between its regions and in all that it waits for.

use super::serving::{Moment, STEP, Serving, a_while, hold_at, let_go};
use super::stage::{Stage, shared, until};
use crate::lab::lab;
use domain::Digest;
use domain::id::PromotionId;
use domain::promotion::{PromotionState, RolloutState};
use domain::rollout::waves::{Course, WaveStart, places};
use serde_json::json;
use server::store::holds::set_place;

const REGIONS: [&str; 3] = ["hangzhou", "us-west", "hong-kong"];
/// Every life is on a machine in another of these: a wave waits by the time, not by the clock on the wall.
const ZONES: [&str; 4] = ["Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati", "UTC"];
/// How long the second wave waits for the first.
const SOAK_MINUTES: u32 = 1;

struct Waves<'a> {
    stage: &'a Stage,
    id: PromotionId,
    leo: String,
    lives: usize,
    /// What it waited for, in order.
    waited: Vec<Course>,
}

impl Waves<'_> {
    fn start(&mut self) -> Serving {
        self.lives += 1;
        Serving::start_in(self.stage, ZONES[self.lives % ZONES.len()])
    }

    /// A life that gets as far as it is held, and no further.
    async fn killed(&mut self) {
        let serving = self.start();
        serving.held(STEP).await;
        serving.kill();
        let_go(self.stage, STEP).await;
    }

    /// A life that ends as soon as a region is verified.
    async fn verified(&mut self, at: usize) {
        let serving = self.start();
        until(30, "the region is verified", async || self.stage.states(&self.id).await[at] == RolloutState::Verified).await;
        serving.kill();
    }

    async fn waits(&self) -> Option<Course> {
        let (rollouts, ctx) = (self.stage.rollouts(&self.id).await, &self.stage.ctx);
        let said = ctx.store.said(&self.id).await.expect("a look");
        server::usecases::rollouts::waits(&rollouts, &said, ctx.now())
    }

    /// While it waits it is killed, and waits on; so it goes until it waits for nothing more.
    async fn wait(&mut self) {
        while let Some(wait) = self.waits().await {
            let states = self.stage.states(&self.id).await;
            for _ in 0..2 {
                let serving = self.start();
                serving.ready().await;
                a_while().await;
                assert_eq!((self.waits().await, self.stage.states(&self.id).await), (Some(wait), states.clone()));
                assert!(!serving.is_held(STEP), "it did not wait for {wait:?}");
                serving.kill();
            }
            match wait {
                Course::Soak { .. } => self.let_time_pass().await,
                Course::Look { .. } => {
                    let serving = self.start();
                    serving.ready().await;
                    let resume = format!("/api/v1/promotions/{}/resume", self.id);
                    assert_eq!(serving.post(&self.leo, &resume, &json!({})).await.0, 204);
                    // Killed as soon as it was said.
                    serving.kill();
                }
                other => panic!("nobody waits for {other:?}"),
            }
            self.waited.push(wait);
        }
    }

    /// What was verified was so a soak earlier.
    async fn let_time_pass(&self) {
        let mut tx = self.stage.ctx.store.begin().await.expect("a transaction");
        sqlx::query("UPDATE rollouts SET ended_at = ended_at - $2 WHERE promotion_id = $1 AND state = 'verified'")
            .bind(self.id.as_str())
            .bind(i64::from(SOAK_MINUTES) * 60_000_000)
            .execute(&mut *tx)
            .await
            .expect("earlier");
        tx.commit().await.expect("kept");
    }
}

/// Two waves, the second of two regions; it waits for its soak and for a look.
async fn promote(stage: &Stage, digest: &Digest) -> PromotionId {
    let id = stage.promote(digest, &REGIONS, |_| {}).await;
    let second = WaveStart { from: REGIONS[1].to_owned(), soak_minutes: SOAK_MINUTES, look: true };
    let places = places(&REGIONS.map(str::to_owned), &[second]).expect("places");
    let rollouts = stage.rollouts(&id).await;
    let mut tx = stage.ctx.store.begin().await.expect("a transaction");
    for (rollout, place) in rollouts.iter().zip(&places) {
        set_place(&mut tx, &rollout.id, place).await.expect("in its wave");
    }
    tx.commit().await.expect("kept");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn waves_killed_at_every_boundary_wait_for_their_time_and_a_look_and_change_each_region_once() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::quick(lab, 160).await;
    let heard = REGIONS.map(|region| stage.listen(region));
    let changed = || heard.each_ref().map(|heard| heard.changes().1);
    let (one, two) = stage.both().await;
    let (_, leo) = stage.lead("leo").await;
    stage.put(&one, &REGIONS).await;
    let id = promote(&stage, &two).await;
    let mut waves = Waves { stage: &stage, id, leo, lives: 0, waited: Vec::new() };
    for (at, region) in REGIONS.into_iter().enumerate() {
        let through = |regions: usize| [0, 1, 2].map(|region| usize::from(region < regions));
        hold_at(&stage, Moment::Started, region, &two).await;
        if let Some(before) = at.checked_sub(1) {
            waves.verified(before).await;
        }
        waves.wait().await;
        waves.killed().await;
        assert_eq!(changed(), through(at), "before {region}");
        hold_at(&stage, Moment::Verified, region, &two).await;
        waves.killed().await;
        assert_eq!(changed(), through(at + 1), "after {region}");
    }
    let serving = waves.start();
    assert_eq!(stage.ended(&waves.id, 60).await, PromotionState::Verified);
    serving.kill();
    assert!(matches!(waves.waited[..], [Course::Soak { wave: 1, .. }, Course::Look { wave: 1 }]), "{:?}", waves.waited);
    assert_eq!(stage.states(&waves.id).await, [RolloutState::Verified; 3]);
    assert_eq!(changed(), [1; 3]);
    for region in REGIONS {
        assert!(stage.runs_only(region, &two).await, "{region}");
    }
    stage.clear().await;
}
