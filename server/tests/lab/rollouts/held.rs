//! Rollouts that somebody pauses or ends, killed at every boundary between their steps: what was
//! not to be done is not done, and what is done is done once.

use super::serving::{Moment, STEP, Serving, a_while, hold, hold_at, let_go};
use super::stage::{Heard, Stage, shared, until};
use crate::lab::{Lab, lab};
use domain::Digest;
use domain::id::PromotionId;
use domain::promotion::{PromotionState, RolloutState, StepState};
use futures::future::join_all;
use serde_json::{Value, json};

/// The first is updated, in the second the service is made.
const REGIONS: [&str; 2] = ["hangzhou", "us-west"];
/// What a held end of a promotion is called.
const END: &str = "the end";

/// A promotion to two regions that is held, and will be killed, at one moment of the first.
struct Case<'a> {
    stage: &'a Stage,
    moment: Moment,
    one: Digest,
    two: Digest,
    leo: String,
    heard: [Heard; 2],
    id: PromotionId,
}

impl<'a> Case<'a> {
    async fn set(stage: &'a Stage, moment: Moment) -> Self {
        let heard = REGIONS.map(|region| stage.listen(region));
        let (one, two) = stage.both().await;
        let (_, leo) = stage.lead("leo").await;
        stage.put(&one, &REGIONS[..1]).await;
        hold_at(stage, moment, REGIONS[0], &two).await;
        let id = stage.promote(&two, &REGIONS, |_| {}).await;
        Self { stage, moment, one, two, leo, heard, id }
    }

    /// A life that gets as far as the moment, and no further.
    async fn held(&self) -> Serving {
        let serving = Serving::start(self.stage);
        serving.held(STEP).await;
        serving
    }

    /// A life that nothing holds, ready to be spoken to.
    async fn ready(&self) -> Serving {
        let serving = Serving::start(self.stage);
        serving.ready().await;
        serving
    }

    async fn say(&self, serving: &Serving, what: &str, body: Value) -> u16 {
        serving.post(&self.leo, &format!("/api/v1/promotions/{}/{what}", self.id), &body).await.0
    }

    /// Whether the change of the first region was begun.
    async fn begun(&self) -> bool {
        let first = self.stage.rollouts(&self.id).await.remove(0);
        self.stage.ctx.store.touched(&first.id).await.expect("a look")
    }

    fn changes(&self) -> [(usize, usize); 2] {
        [self.heard[0].changes(), self.heard[1].changes()]
    }

    /// The steps of the first region that are in this state.
    async fn steps(&self, state: StepState) -> Vec<String> {
        let first = self.stage.rollouts(&self.id).await.remove(0);
        let steps = self.stage.ctx.store.rollout_steps(&first.id).await.expect("steps");
        steps.into_iter().filter(|step| step.state == state).map(|step| step.kind).collect()
    }

    async fn paused(&self) {
        let (stage, moment) = (self.stage, self.moment);
        self.held().await.kill();
        let serving = self.held().await;
        assert_eq!(self.say(&serving, "pause", json!({})).await, 204, "{moment:?}");
        serving.kill();
        let begun = self.begun().await;
        let changes = [(1, usize::from(begun)), (0, 0)];
        assert_eq!(self.changes(), changes, "paused at {moment:?}");

        // While it is paused, what was changed is watched to its end, and nothing else is begun.
        let_go(stage, STEP).await;
        hold_at(stage, moment, REGIONS[usize::from(begun)], &self.two).await;
        let first = match moment {
            _ if begun => RolloutState::Verified,
            Moment::Started => RolloutState::Waiting,
            _ => RolloutState::Running,
        };
        let serving = self.ready().await;
        until(30, "the first region is as far as it gets", async || stage.states(&self.id).await[0] == first).await;
        a_while().await;
        assert_eq!(stage.states(&self.id).await, [first, RolloutState::Waiting], "paused at {moment:?}");
        assert!(!serving.is_held(STEP), "it went on, paused at {moment:?}");
        assert_eq!(self.changes(), changes, "paused at {moment:?}");
        serving.kill();

        let serving = self.ready().await;
        assert_eq!(self.say(&serving, "resume", json!({})).await, 204, "{moment:?}");
        serving.held(STEP).await;
        serving.kill();
        let_go(stage, STEP).await;
        let serving = Serving::start(stage);
        assert_eq!(stage.ended(&self.id, 60).await, PromotionState::Verified, "paused at {moment:?}");
        serving.kill();
        assert_eq!(self.changes(), [(1, 1), (1, 0)], "paused at {moment:?}");
        for region in REGIONS {
            assert!(stage.runs_only(region, &self.two).await, "{region}, paused at {moment:?}");
        }
    }

    async fn ended(&self) {
        let (stage, moment) = (self.stage, self.moment);
        // Everything of the end is done but for its last word: it is as if nobody had said anything.
        hold(stage, END, "INSERT ON audit", "NEW.action = 'promotion.aborted'").await;
        let serving = self.held().await;
        let before = stage.states(&self.id).await;
        assert_eq!(self.say(&serving, "abort", json!({ "reason": "the wrong build" })).await, 500, "{moment:?}");
        assert!(serving.is_held(END));
        serving.kill();
        let_go(stage, END).await;
        assert_eq!((stage.state(&self.id).await, stage.states(&self.id).await), (PromotionState::Running, before));
        assert!(self.steps(StepState::Failed).await.is_empty(), "ended at {moment:?}");

        let serving = self.held().await;
        let (begun, done, runs) = (self.begun().await, self.steps(StepState::Done).await, self.steps(StepState::Running).await);
        assert_eq!(self.say(&serving, "abort", json!({ "reason": "the wrong build" })).await, 204, "{moment:?}");
        serving.kill();
        let_go(stage, STEP).await;

        let serving = self.ready().await;
        a_while().await;
        assert_eq!(stage.state(&self.id).await, PromotionState::Aborted, "{moment:?}");
        self.names(&done, &runs).await;
        let (runs, changed) = if begun { (&self.two, 1) } else { (&self.one, 0) };
        until(30, "one build runs", async || stage.runs_only(REGIONS[0], runs).await).await;
        assert_eq!(self.changes(), [(1, changed), (0, 0)], "ended at {moment:?}");
        let back = self.goes_back(&serving).await;
        assert_eq!(self.changes(), [(1, changed + usize::from(back)), (0, 0)], "ended at {moment:?}");
    }

    /// The record and the steps say what was done in the first region and what not.
    async fn names(&self, done: &[String], runs: &[String]) {
        let detail: String = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'promotion.aborted'")
            .fetch_one(self.stage.ctx.store.read())
            .await
            .expect("one end in the record");
        let wanted = match (self.moment, done) {
            (Moment::Started, _) => format!("not touched: {}; the wrong build", REGIONS.join(", ")),
            (_, done) => {
                let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
                let under_way = runs.last().map(|step| format!(", {step} was under way")).unwrap_or_default();
                format!("{}: done {done}{under_way}; not touched: {}; the wrong build", REGIONS[0], REGIONS[1])
            }
        };
        assert!(detail.ends_with(&wanted), "ended at {:?}: {detail}, not {wanted}", self.moment);
        assert_eq!((self.steps(StepState::Done).await, self.steps(StepState::Failed).await), (done.to_vec(), runs.to_vec()));
        let open = [StepState::Waiting, StepState::Running];
        assert!(join_all(open.map(|state| self.steps(state))).await.concat().is_empty(), "ended at {:?}", self.moment);
    }

    /// Rolls the first region back: false when nothing was begun there, so that there is no way back.
    async fn goes_back(&self, serving: &Serving) -> bool {
        let app = &self.stage.app;
        let input = json!({ "app": app, "region": REGIONS[0], "reason": "as it was", "confirmation": { "app": app } });
        let (status, made) = serving.post(&self.leo, "/api/v1/rollbacks", &input).await;
        if self.moment == Moment::Started {
            assert_eq!((status, made["code"].as_str()), (409, Some("nothing_to_roll_back_to")));
            return false;
        }
        assert_eq!(status, 201, "ended at {:?}: {made}", self.moment);
        let back = PromotionId(made["id"].as_str().expect("an id").to_owned());
        assert_eq!(self.stage.ended(&back, 60).await, PromotionState::Verified, "ended at {:?}", self.moment);
        assert!(self.stage.runs_only(REGIONS[0], &self.one).await, "ended at {:?}", self.moment);
        true
    }
}

/// Tells a story of every moment, side by side: each has an app, a database and processes of its own.
async fn at_every_moment(lab: &'static Lab, label: u16, story: impl AsyncFn(&Case<'_>)) {
    let told = (label..).zip(Moment::all()).map(|(label, moment)| {
        let story = &story;
        async move {
            let stage = Stage::quick(lab, label).await;
            story(&Case::set(&stage, moment).await).await;
            stage.clear().await;
        }
    });
    join_all(told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_rollout_killed_at_any_boundary_before_while_and_after_changes_each_region_once() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    at_every_moment(lab, 130, async |case| case.paused().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_ended_at_any_boundary_and_killed_meanwhile_is_named_as_it_is_and_goes_back() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    at_every_moment(lab, 145, async |case| case.ended().await).await;
}
