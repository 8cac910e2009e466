//! A team with an app, a registry and three regions, and a worker that is told what to do.

use crate::common::TestApp;
use crate::decided::{People, listed};
use crate::outside::{Region, Registry};
use app::view::{Confirmation, PromotionInput, RollbackInput, VerdictInput};
use domain::gate::{Gate, GateState};
use domain::id::{BuildId, PromotionId, SignOffId, VerdictId};
use domain::promotion::{PromotionState, RolloutState, StepState};
use domain::verdict::VerdictKind;
use domain::{Actor, Digest, Problem};
use server::store::rollouts::{RolloutRow, StepChange, end_promotion, end_rollout, set_running, set_step, skip_waiting};
use server::usecases::promotions::{approve_promotion, request_promotion, roll_back, start_promotion};
use server::usecases::verdicts::{record_verdict, sign_off};
use std::time::Duration;

pub const REGIONS: [&str; 3] = ["hangzhou", "us-west", "hong-kong"];

pub struct Stage {
    pub app: TestApp,
    pub people: People,
    pub registry: Registry,
    pub regions: [Region; 3],
}

/// A build that was pushed and listed.
#[derive(Clone, Debug)]
pub struct Built {
    pub id: BuildId,
    pub digest: Digest,
}

impl Stage {
    pub async fn set(app: TestApp) -> Self {
        let registry = Registry::open().await;
        let regions = [Region::open().await, Region::open().await, Region::open().await];
        let stage = Self { people: People::of(&app).await, app, registry, regions };
        stage.app.apply(&stage.configuration()).await;
        stage
    }

    /// Two apps and three regions.
    pub fn configuration(&self) -> String {
        let host = &self.registry.host;
        let regions: String = (0..3).map(|at| self.region(at, "")).collect();
        format!(
            "[[registries]]\nhost = \"{host}\"\ninsecure = true\n
             [[apps]]\nname = \"web\"\nimage = \"{host}/team/web\"\nport_label = 80\nservice = {{ port = 80, env = {{ MODE = \"live\" }} }}
             channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n
             [[apps]]\nname = \"worker\"\nimage = \"{host}/team/worker\"
             channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n{regions}"
        )
    }

    /// One region of the configuration, with more lines.
    pub fn region(&self, at: usize, more: &str) -> String {
        let (name, host) = (REGIONS[at], &self.regions[at].host);
        format!("[[regions]]\nname = \"{name}\"\nurl = \"tcp://{host}\"\ntitle_en = \"In {name}\"\n{more}\n")
    }

    /// The clock stands still by itself, and the record is in order of time.
    pub fn tick(&self) {
        self.app.clock.advance(Duration::from_secs(1));
    }

    /// A pushed build of web that nobody has judged.
    pub async fn built(&self, n: u64) -> Built {
        self.tick();
        let digest = self.registry.push(n);
        Built { id: listed(&self.app, "web", &digest).await, digest }
    }

    pub async fn judge(&self, build: &Built, kind: VerdictKind) -> VerdictId {
        self.tick();
        let input = VerdictInput { build: build.id.clone(), kind, note: "so it is".to_owned(), environment: None };
        record_verdict(&self.app.ctx, &self.people.tess, input).await.expect("recorded")
    }

    pub async fn accept(&self, build: &Built) -> SignOffId {
        self.tick();
        sign_off(&self.app.ctx, &self.people.pia, &build.id, String::new()).await.expect("signed off")
    }

    /// A build that passed and was signed off.
    pub async fn accepted(&self, n: u64) -> Built {
        let build = self.built(n).await;
        self.judge(&build, VerdictKind::Pass).await;
        self.accept(&build).await;
        build
    }

    /// ada requests.
    pub async fn requested(&self, build: &Built, regions: &[&str]) -> PromotionId {
        self.try_request(&self.people.ada, build, regions).await.expect("requested")
    }

    pub async fn try_request(&self, actor: &Actor, build: &Built, regions: &[&str]) -> Result<PromotionId, Problem> {
        self.tick();
        let regions = regions.iter().map(|region| (*region).to_owned()).collect();
        let input = PromotionInput {
            build: build.id.clone(),
            regions,
            reason: "it is time".to_owned(),
            waves: vec![],
            booking: None,
            canary: None,
        };
        request_promotion(&self.app.ctx, actor, input).await
    }

    /// ada requests and leo approves.
    pub async fn approved(&self, build: &Built, regions: &[&str]) -> PromotionId {
        let id = self.requested(build, regions).await;
        self.tick();
        approve_promotion(&self.app.ctx, &self.people.leo, &id).await.expect("approved");
        id
    }

    /// ada starts.
    pub async fn start(&self, id: &PromotionId) -> Result<(), Problem> {
        start_promotion(&self.app.ctx, &self.people.ada, id, typed("web")).await
    }

    /// The whole way of a new build into these regions.
    pub async fn promoted(&self, n: u64, regions: &[&str]) -> Built {
        let build = self.accepted(n).await;
        let id = self.approved(&build, regions).await;
        self.start(&id).await.expect("started");
        self.work(&id, &[]).await;
        build
    }

    /// ada rolls web back.
    pub async fn back(&self, region: &str, to: Option<&Digest>) -> Result<PromotionId, Problem> {
        roll_back(&self.app.ctx, &self.people.ada, going_back(region, to)).await
    }

    /// What the worker does: one region after another, until one of `failing` fails.
    pub async fn work(&self, id: &PromotionId, failing: &[&str]) {
        let ctx = &self.app.ctx;
        let rollouts = ctx.store.rollouts_of(id).await.expect("rollouts");
        let mut failed = false;
        for rollout in &rollouts {
            assert!(rollout.intent.is_some(), "what to run is fixed at the start");
            let mut tx = ctx.store.begin().await.expect("a transaction");
            if failed {
                skip_waiting(&mut tx, id, ctx.now()).await.expect("skipped");
            } else {
                self.tick();
                assert!(set_running(&mut tx, rollout, "web", ctx.now()).await.expect("set"));
                self.tick();
                failed = failing.contains(&rollout.region.as_str());
                // It failed after it had changed the region: with the third step under way.
                let update = StepChange { rollout: &rollout.id, position: 2, state: StepState::Running, detail: None };
                set_step(&mut tx, &update, ctx.now()).await.expect("a step");
                let state = if failed { RolloutState::Failed } else { RolloutState::Verified };
                assert!(end_rollout(&mut tx, &rollout.id, state, None, ctx.now()).await.expect("ended"));
            }
            tx.commit().await.expect("kept");
        }
        let mut tx = ctx.store.begin().await.expect("a transaction");
        let state = if failed { PromotionState::Failed } else { PromotionState::Verified };
        assert!(end_promotion(&mut tx, id, state, ctx.now()).await.expect("ended"));
        tx.commit().await.expect("kept");
        self.tick();
    }

    pub async fn state(&self, id: &PromotionId) -> PromotionState {
        self.app.ctx.store.promotion(id).await.expect("a promotion").state
    }

    pub async fn rollouts(&self, id: &PromotionId) -> Vec<RolloutRow> {
        self.app.ctx.store.rollouts_of(id).await.expect("rollouts")
    }
}

pub fn typed(app: &str) -> Confirmation {
    Confirmation { app: app.to_owned(), password: None }
}

pub fn going_back(region: &str, to: Option<&Digest>) -> RollbackInput {
    RollbackInput {
        app: "web".to_owned(),
        region: region.to_owned(),
        reason: "it is broken".to_owned(),
        to: to.cloned(),
        withdraw_canary: false,
        confirmation: typed("web"),
    }
}

/// The words of the gates that are closed: kind, state and who can clear it.
pub fn closed(gates: &[Gate]) -> Vec<String> {
    let closed = gates.iter().filter(|gate| gate.state != GateState::Green);
    closed.map(|gate| format!("{:?} {:?} {:?}", gate.kind, gate.state, gate.cleared_by)).collect()
}

/// The closed gates of a refused start.
pub fn refusal(done: Result<(), Problem>) -> Vec<String> {
    match done {
        Err(Problem::GatesClosed { gates }) => closed(&gates),
        other => panic!("not refused by a gate: {other:?}"),
    }
}
