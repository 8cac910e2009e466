//! A team with two regions on Swarms in memory, a registry, and a worker that carries rollouts out.

use crate::common::{TestApp, eventually};
use crate::decided::{People, listed};
use crate::outside::Registry;
use crate::rollouts::swarm::Swarm;
use app::view::{Confirmation, RegionCell};
use domain::id::{PromotionId, RolloutId};
use domain::promotion::PromotionState;
use domain::service::ServiceIntent;
use domain::{Actor, Digest};
use server::clock::micros;
use server::usecases::{regions, rollouts};
use std::time::Duration;

pub struct Stage {
    pub app: TestApp,
    pub people: People,
    pub registry: Registry,
    pub here: Swarm,
    pub there: Swarm,
}

/// What stands in the plans of every story.
pub const PLANS: &str = "
[[plans]]
name = \"flood\"
title = \"Ten times the traffic\"
app = \"web\"
regions = [\"here\"]
scale = 4
";

impl Stage {
    pub async fn set(app: TestApp) -> Self {
        let stage = Self::quiet(app).await;
        tokio::spawn(rollouts::work(stage.app.ctx.clone()));
        tokio::spawn(regions::watch(stage.app.ctx.clone()));
        stage
    }

    /// The same, where nobody works yet.
    pub async fn quiet(app: TestApp) -> Self {
        let (registry, here, there) = (Registry::open().await, Swarm::open().await, Swarm::open().await);
        let stage = Self { people: People::of(&app).await, app, registry, here, there };
        let host = &stage.registry.host;
        stage
            .app
            .apply(&format!(
                "[[registries]]\nhost = \"{host}\"\ninsecure = true\n
                 [[apps]]\nname = \"web\"\nimage = \"{host}/team/web\"\nport_label = 80
                 channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n
                 [apps.service]\nport = 80\nsoak_seconds = 0\ndeadline_seconds = 60\nenv = {{ MODE = \"mode-value\" }}\n
                 [[regions]]\nname = \"here\"\nurl = \"tcp://{}\"\nreplicas = 2\nenv = {{ TOKEN_URL = \"here-value\" }}\n
                 [[regions]]\nname = \"there\"\nurl = \"tcp://{}\"\nenv = {{ TOKEN_URL = \"there-value\", MODE = \"quiet-value\" }}\n{PLANS}",
                stage.here.host, stage.there.host
            ))
            .await;
        stage
    }

    /// A build that was promoted to a region and verified there.
    pub async fn verified(&self, n: u64, region: &str) -> Digest {
        self.app.clock.advance(Duration::from_secs(1));
        let ctx = &self.app.ctx;
        let digest = self.registry.push(n);
        let build = match ctx.store.build_known("web", &digest).await.expect("a look") {
            Some(build) => build.id,
            None => listed(&self.app, "web", &digest).await,
        };
        let applied = ctx.config();
        let (app, place) = (applied.config.app("web").expect("web"), applied.config.region(region).expect("a region"));
        let kept = ctx.store.kept_secrets(region, "web").await.expect("versions");
        let intent = ServiceIntent::plan(app, place, &digest).expect("a plan").with_secrets(app, &kept);
        let id: PromotionId = ctx.new_id();
        let mut tx = ctx.store.begin().await.expect("a transaction");
        let number = server::store::next_number(&mut tx, "promotion").await.expect("a number");
        sqlx::query(
            "INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id,
                 requested_by_name, requested_at, started_by_name, started_at)
             VALUES ($1, $2, 'promotion', 'web', $3, $4, 'running', 'it is time', 'u', 'ada', $5, 'leo', $5)",
        )
        .bind(id.as_str())
        .bind(number)
        .bind(build.as_str())
        .bind(digest.as_str())
        .bind(micros(ctx.now()))
        .execute(&mut *tx)
        .await
        .expect("a promotion");
        sqlx::query(
            "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec)
             VALUES ($1, $2, 0, 'web', $3, $4, 'waiting', $5)",
        )
        .bind(ctx.new_id::<RolloutId>().as_str())
        .bind(id.as_str())
        .bind(region)
        .bind(digest.as_str())
        .bind(serde_json::to_string(&intent).expect("json"))
        .execute(&mut *tx)
        .await
        .expect("a rollout");
        tx.commit().await.expect("kept");
        ctx.work.rollouts.notify_one();
        assert_eq!(self.ended(&id).await, PromotionState::Verified);
        digest
    }

    /// How a promotion ended.
    pub async fn ended(&self, id: &PromotionId) -> PromotionState {
        let state = eventually("the end of a promotion", || async {
            self.app.clock.advance(Duration::from_millis(100));
            let state = self.app.ctx.store.promotion(id).await.expect("a promotion").state;
            state.ended().then_some(state)
        });
        state.await
    }

    /// The cell of web in "here", once it was looked at and is so.
    pub async fn cell(&self, so: impl Fn(&RegionCell) -> bool) -> RegionCell {
        eventually("the board", || async {
            self.app.ctx.work.regions.notify_waiters();
            let board = regions::regions(&self.app.ctx, &Actor::Slipway).await.expect("a board");
            let cell = board.rows.into_iter().next().expect("web").cells.into_iter().next().expect("here");
            so(&cell).then_some(cell)
        })
        .await
    }

    /// How many replicas the service in "here" is to have.
    pub fn replicas(&self) -> u64 {
        self.here.service().expect("a service")["Spec"]["Mode"]["Replicated"]["Replicas"].as_u64().expect("a number")
    }
}

pub fn typed() -> Confirmation {
    Confirmation { app: "web".to_owned(), password: None }
}
