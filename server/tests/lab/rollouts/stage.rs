//! One installation with one app of its own over the lab's three regions.

use crate::lab::Lab;
use bollard::models::{EventMessage, Service, Task, TaskState};
use bollard::query_parameters::{
    EventsOptionsBuilder, InspectServiceOptions, ListContainersOptionsBuilder, ListTasksOptionsBuilder,
    UpdateServiceOptionsBuilder,
};
use bollard::{ClientVersion, Docker};
use domain::config::Config;
use domain::id::{BuildId, PromotionId, RolloutId};
use domain::promotion::{PromotionKind, PromotionState, RolloutState, StepState};
use domain::service::ServiceIntent;
use domain::{Actor, Digest, Person, Role};
use futures::StreamExt as _;
use futures::future::join_all;
use server::clock::micros;
use server::ctx::{Ctx, Settings};
use server::engine::swarm::{Which, service_name};
use server::store::Store;
use server::store::rollouts::RolloutRow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub const RELEASES: [&str; 2] = ["release-v5.12.05.01", "release-v5.12.05.02"];

/// How the sample app runs: asked for its health, and given time to show that it stays.
const SERVICE: &str = r#"
port = 80
health = ["/bin/wget", "-q", "-O", "-", "http://127.0.0.1/health"]
soak_seconds = 2
deadline_seconds = 60
"#;

/// The same image, there at once and gone at once: for stories about what Slipway does.
const QUICK: &str = r#"
port = 80
command = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
soak_seconds = 0
deadline_seconds = 60
"#;

/// Stories share the regions; a story that stops an engine has them to itself.
static REGIONS: RwLock<()> = RwLock::const_new(());

pub async fn shared() -> RwLockReadGuard<'static, ()> {
    REGIONS.read().await
}

pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    REGIONS.write().await
}

pub struct Stage {
    pub ctx: Ctx,
    pub lab: &'static Lab,
    pub app: String,
    pub port: u16,
    pub folder: PathBuf,
    /// What ran before this stage, in events' time.
    since: i64,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.ctx.work.stop.cancel();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Stage {
    /// A new installation. `label` is the app's port label, one for each story: 80 gives the
    /// name `app80` and the port 8080.
    pub async fn new(lab: &'static Lab, label: u16) -> Self {
        Self::with(lab, label, SERVICE).await
    }

    /// The same with an app that comes up and goes away at once.
    pub async fn quick(lab: &'static Lab, label: u16) -> Self {
        Self::with(lab, label, QUICK).await
    }

    async fn with(lab: &'static Lab, label: u16, service: &str) -> Self {
        static PUSHED: Once = Once::new();
        PUSHED.call_once(|| drop(lab.run(&["push", "web", RELEASES[0], RELEASES[1]])));
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("slipway-lab-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let folder = std::env::temp_dir().join(name);
        let settings = Settings {
            database_url: format!("sqlite://{}/slipway.db", folder.display()),
            listen: "127.0.0.1:0".to_owned(),
            public_url: "http://127.0.0.1:3000".to_owned(),
            secret_key_file: None,
        };
        let store = Store::open(&settings.database_url).await.expect("a store opens");
        let ctx = Ctx::new(settings, store).await.expect("a context");
        let (app, port) = (format!("app{label}"), label * 100 + 80);
        let since = ctx.now().timestamp();
        let stage = Self { ctx, lab, app, port, folder, since };
        stage.configure(label, service).await;
        stage.clear().await;
        stage
    }

    async fn configure(&self, label: u16, service: &str) {
        let region = |name: &str, zh: &str| {
            format!(
                "[[regions]]\nname = \"{name}\"\ntitle_zh = \"{zh}\"\nurl = \"unix://{}\"\naddress = \"{}\"\nenv = {{ REGION = \"{name}\" }}\n",
                self.lab.socket(name).display(),
                self.lab.address(name)
            )
        };
        let toml = format!(
            "[[registries]]\nhost = \"{0}\"\ninsecure = true\n
             [[apps]]\nname = \"{1}\"\nimage = \"{0}/demo/web\"\nport_label = {label}\n
             channels = [{{ name = \"release-v*\", kind = \"release\", tags = \"release-v*\" }}]\n
             [apps.service]{service}{2}{3}{4}",
            self.lab.registry(),
            self.app,
            region("hangzhou", "杭州"),
            region("us-west", "美西"),
            region("hong-kong", "香港"),
        );
        server::usecases::settings::apply(&self.ctx, &Actor::Slipway, &toml, false).await.expect("a good configuration");
    }

    /// Begins the workers, as `serve` does.
    pub fn begin(&self) {
        self.ctx.work.tasks.spawn(server::usecases::rollouts::work(self.ctx.clone()));
        self.ctx.work.tasks.spawn(server::usecases::regions::watch(self.ctx.clone()));
    }

    /// Brings a digest into regions, side by side, with workers that are gone afterwards.
    pub async fn put(&self, digest: &Digest, regions: &[&str]) {
        let worker = tokio::spawn(server::usecases::rollouts::work(self.ctx.clone()));
        for region in regions {
            self.promote(digest, &[region], |_| {}).await;
        }
        let there = async || {
            let last = join_all(regions.iter().map(|region| self.ctx.store.last_verified(&self.app, region))).await;
            last.into_iter().all(|last| last.expect("a look").is_some_and(|last| last.digest == *digest))
        };
        until(60, "the regions run it", there).await;
        worker.abort();
        let _ = worker.await;
    }

    /// A lead of this name, and the secret of a token of theirs.
    pub async fn lead(&self, name: &str) -> (Actor, String) {
        let person = Person { id: self.ctx.new_id(), name: name.to_owned(), role: Role::Lead };
        let mut tx = self.ctx.store.begin().await.expect("a transaction");
        sqlx::query("INSERT INTO users (id, name, role, password_hash, created_at, changed_at) VALUES ($1, $2, $3, '-', $4, $4)")
            .bind(person.id.as_str())
            .bind(name)
            .bind(person.role.as_str())
            .bind(micros(self.ctx.now()))
            .execute(&mut *tx)
            .await
            .expect("a user");
        tx.commit().await.expect("kept");
        let token =
            server::usecases::tokens::add_token(&self.ctx, &Actor::Slipway, name.to_owned(), name.to_owned(), person.role);
        let secret = token.await.expect("a token").secret;
        (Actor::User { person, signed_in_at: self.ctx.now() }, secret)
    }

    pub fn docker(&self, region: &str) -> Docker {
        let path = self.lab.socket(region);
        let path = path.to_str().expect("a path");
        // What the lab's engines speak.
        let version = ClientVersion { major_version: 1, minor_version: 41 };
        Docker::connect_with_unix(path, 20, &version).expect("a client")
    }

    /// Removes the app's services everywhere and waits until its containers are gone.
    pub async fn clear(&self) {
        for region in ["hangzhou", "us-west", "hong-kong"] {
            let docker = self.docker(region);
            for name in [Which::Main.name(&self.app), Which::Canary.name(&self.app)] {
                let _ = docker.delete_service(&name).await;
                let label = format!("com.docker.swarm.service.name={name}");
                until(30, "the old containers are gone", async || {
                    let filters = HashMap::from([("label", vec![label.as_str()])]);
                    let options = ListContainersOptionsBuilder::default().all(false).filters(&filters).build();
                    docker.list_containers(Some(options)).await.expect("a list").is_empty()
                })
                .await;
            }
        }
    }

    /// The digests of the two releases, the older first.
    pub async fn both(&self) -> (Digest, Digest) {
        (self.digest(RELEASES[0]).await, self.digest(RELEASES[1]).await)
    }

    /// The digest that a tag of the sample app points to.
    pub async fn digest(&self, tag: &str) -> Digest {
        let url = format!("http://{}/v2/demo/web/manifests/{tag}", self.lab.registry());
        let accept = "application/vnd.docker.distribution.manifest.v2+json";
        let answer = reqwest::Client::new().head(url).header("accept", accept).send().await.expect("the registry answers");
        let digest = answer.headers().get("docker-content-digest").expect("a digest");
        digest.to_str().expect("text").parse().expect("a digest")
    }

    pub fn config(&self) -> Config {
        self.ctx.config().config.clone()
    }

    /// A promotion as a start leaves it: running, with a waiting rollout for each region.
    pub async fn promote(&self, digest: &Digest, regions: &[&str], change: impl Fn(&mut ServiceIntent)) -> PromotionId {
        let config = self.config();
        let app = config.app(&self.app).expect("the app");
        let id: PromotionId = self.ctx.new_id();
        let build = self.build(digest).await;
        let mut tx = self.ctx.store.begin().await.expect("a transaction");
        let number = server::store::next_number(&mut tx, "promotion").await.expect("a number");
        let now = micros(self.ctx.now());
        sqlx::query(
            "INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id,
                 requested_by_name, requested_at, started_at) VALUES ($1, $2, $3, $4, $5, $6, 'running', '', 'u', 'lea', $7, $7)",
        )
        .bind(id.as_str())
        .bind(number)
        .bind(PromotionKind::Promotion.as_str())
        .bind(self.app.as_str())
        .bind(build.as_str())
        .bind(digest.as_str())
        .bind(now)
        .execute(&mut *tx)
        .await
        .expect("a promotion");
        for (position, name) in (0_i64..).zip(regions) {
            let region = config.region(name).expect("the region");
            let mut intent = ServiceIntent::plan(app, region, digest).expect("a plan");
            change(&mut intent);
            sqlx::query(
                "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec)
                 VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7)",
            )
            .bind(self.ctx.new_id::<RolloutId>().as_str())
            .bind(id.as_str())
            .bind(position)
            .bind(self.app.as_str())
            .bind(*name)
            .bind(digest.as_str())
            .bind(serde_json::to_string(&intent).expect("json"))
            .execute(&mut *tx)
            .await
            .expect("a rollout");
        }
        tx.commit().await.expect("kept");
        self.ctx.work.rollouts.notify_one();
        id
    }

    /// The build with this digest, which is made when it is not there.
    pub async fn build(&self, digest: &Digest) -> BuildId {
        let mut tx = self.ctx.store.begin().await.expect("a transaction");
        sqlx::query(
            "INSERT INTO builds (id, app, image, digest, seen_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (app, digest) DO NOTHING",
        )
        .bind(self.ctx.new_id::<String>())
        .bind(self.app.as_str())
        .bind(format!("{}/demo/web", self.lab.registry()))
        .bind(digest.as_str())
        .bind(micros(self.ctx.now()))
        .execute(&mut *tx)
        .await
        .expect("a build");
        let id: String = sqlx::query_scalar("SELECT id FROM builds WHERE app = $1 AND digest = $2")
            .bind(self.app.as_str())
            .bind(digest.as_str())
            .fetch_one(&mut *tx)
            .await
            .expect("the build");
        tx.commit().await.expect("kept");
        BuildId(id)
    }

    pub async fn state(&self, promotion: &PromotionId) -> PromotionState {
        let state: String = sqlx::query_scalar("SELECT state FROM promotions WHERE id = $1")
            .bind(promotion.as_str())
            .fetch_one(self.ctx.store.read())
            .await
            .expect("the promotion");
        state.parse().expect("a state")
    }

    pub async fn rollouts(&self, promotion: &PromotionId) -> Vec<RolloutRow> {
        self.ctx.store.rollouts_of(promotion).await.expect("rollouts")
    }

    pub async fn states(&self, promotion: &PromotionId) -> Vec<RolloutState> {
        self.rollouts(promotion).await.into_iter().map(|rollout| rollout.state).collect()
    }

    /// Waits until the promotion has ended and says how.
    pub async fn ended(&self, promotion: &PromotionId, seconds: u64) -> PromotionState {
        until(seconds, "the promotion ends", async || self.state(promotion).await.ended()).await;
        self.state(promotion).await
    }

    /// How a step of the first rollout stands; none before it started.
    pub async fn step(&self, promotion: &PromotionId, kind: &str) -> Option<StepState> {
        let rollout = self.rollouts(promotion).await.into_iter().next()?;
        let steps = self.ctx.store.rollout_steps(&rollout.id).await.expect("steps");
        steps.into_iter().find(|step| step.kind == kind).map(|step| step.state)
    }

    pub async fn service(&self, region: &str) -> Option<Service> {
        let asked = self.docker(region).inspect_service(&service_name(&self.app), None::<InspectServiceOptions>).await;
        asked.ok()
    }

    pub async fn tasks(&self, region: &str) -> Vec<Task> {
        let name = service_name(&self.app);
        let filters = HashMap::from([("service", vec![name.as_str()])]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        self.docker(region).list_tasks(Some(options)).await.expect("tasks")
    }

    /// The images of the tasks that run, read off the tasks.
    pub async fn running(&self, region: &str) -> Vec<String> {
        let runs = |task: &Task| task.status.as_ref().and_then(|status| status.state) == Some(TaskState::RUNNING);
        let image = |task: Task| task.spec.and_then(|spec| spec.container_spec).and_then(|container| container.image);
        self.tasks(region).await.into_iter().filter(runs).filter_map(image).collect()
    }

    /// How many tasks of the digest run and are meant to.
    pub async fn tasks_wanted(&self, region: &str, digest: &Digest) -> usize {
        let fits = |task: &Task| {
            let image = task.spec.as_ref().and_then(|spec| spec.container_spec.as_ref()?.image.as_deref());
            task.desired_state == Some(TaskState::RUNNING)
                && task.status.as_ref().and_then(|status| status.state) == Some(TaskState::RUNNING)
                && image.is_some_and(|image| image.ends_with(digest.as_str()))
        };
        self.tasks(region).await.iter().filter(|task| fits(task)).count()
    }

    pub async fn runs_only(&self, region: &str, digest: &Digest) -> bool {
        let running = self.running(region).await;
        running.len() == 1 && running.iter().all(|image| image.ends_with(digest.as_str()))
    }

    /// What the published port says.
    pub async fn page(&self, region: &str) -> String {
        let url = format!("http://{}:{}/", self.lab.address(region), self.port);
        let answer = reqwest::Client::new().get(url).send().await.expect("the port answers");
        answer.text().await.expect("a page")
    }

    /// How often the service was made and changed since the stage was set, as the engine's own
    /// events say.
    pub async fn changes(&self, region: &str) -> (usize, usize) {
        let end = (self.ctx.now().timestamp() + 1).to_string();
        let events: Vec<_> = self.events(region, Some(&end)).collect().await;
        changes(&service_name(&self.app), events.iter().flatten())
    }

    /// Listens from now on: an engine remembers the last few hundred events only, and where many
    /// apps change at once these are soon over.
    pub fn listen(&self, region: &str) -> Heard {
        let (name, events) = (service_name(&self.app), Arc::default());
        let heard = Heard { name, events: Arc::clone(&events) };
        let mut told = self.events(region, None);
        tokio::spawn(async move {
            while let Some(Ok(event)) = told.next().await {
                events.lock().expect("events").push(event);
            }
        });
        heard
    }

    fn events(
        &self,
        region: &str,
        until: Option<&str>,
    ) -> futures::stream::BoxStream<'static, Result<EventMessage, bollard::errors::Error>> {
        let filters = HashMap::from([("type", vec!["service"])]);
        let since = self.since.to_string();
        let options = EventsOptionsBuilder::default().since(&since).filters(&filters);
        let options = match until {
            Some(until) => options.until(until),
            None => options,
        };
        self.docker(region).events(Some(options.build())).boxed()
    }

    /// Changes the service by hand, as an operator would.
    pub async fn by_hand(&self, region: &str, change: impl Fn(&mut bollard::models::ServiceSpec)) {
        let service = self.service(region).await.expect("a service");
        let version = service.version.and_then(|version| version.index).expect("a version");
        let mut spec = service.spec.expect("a spec");
        change(&mut spec);
        let options = UpdateServiceOptionsBuilder::default().version(i32::try_from(version).expect("small")).build();
        self.docker(region).update_service(&service_name(&self.app), spec, options, None).await.expect("changed by hand");
    }
}

/// What a region's engine told of its services while a story listened.
pub struct Heard {
    name: String,
    events: Arc<Mutex<Vec<EventMessage>>>,
}

impl Heard {
    /// How often the app's service was made and changed.
    pub fn changes(&self) -> (usize, usize) {
        changes(&self.name, self.events.lock().expect("events").iter())
    }
}

fn changes<'a>(name: &str, events: impl Iterator<Item = &'a EventMessage>) -> (usize, usize) {
    let (mut made, mut changed) = (0, 0_usize);
    for event in events {
        let attributes = event.actor.as_ref().and_then(|actor| actor.attributes.clone()).unwrap_or_default();
        // The Swarm's own progress is told as an update too.
        let own = attributes.get("updatestate.new").is_some_and(|state| state != "unknown");
        match event.action.as_deref() {
            _ if own || attributes.get("name").is_none_or(|of| of != name) => {}
            Some("create") => made += 1,
            Some("update") => changed += 1,
            _ => {}
        }
    }
    // When a service is made, the Swarm allocates what it needs and tells that as an update.
    (made, changed.saturating_sub(made))
}

/// Waits for a condition, and says which one did not come.
pub async fn until(seconds: u64, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !condition().await {
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
