//! What every use case is given: the store, the world's adapters, time and chance.

use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy, micros};
use crate::engine::Engines;
use crate::engine::logs::Logs;
use crate::engine::stats::Stats;
use crate::engine::watch::EnginesSeen;
use crate::evidence::EvidenceFiles;
use crate::git::{Git, Tools};
use crate::hub::Hub;
use crate::notify::Post;
use crate::outside::Outside;
use crate::registry::Registries;
use crate::secrets::Keeper;
use crate::seen::Seen;
use crate::store::{Store, Tx};
use crate::usecases::environments::{Looks, Shells};
use domain::config::Config;
use domain::{Actor, Problem, Time};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Settings from the environment (DESIGN: `SLIPWAY_*`).
#[derive(Clone, Debug)]
pub struct Settings {
    pub database_url: String,
    pub listen: String,
    /// The address people use, without a slash at the end.
    pub public_url: String,
    pub secret_key_file: Option<PathBuf>,
}

/// The running instance. Cloning is cheap: every request does it, some times over.
#[derive(Clone)]
pub struct Ctx(Arc<Instance>);

impl std::ops::Deref for Ctx {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

/// A part is exchanged for this clone and those made of it; what was cloned before keeps its own.
impl std::ops::DerefMut for Ctx {
    fn deref_mut(&mut self) -> &mut Instance {
        Arc::make_mut(&mut self.0)
    }
}

/// The parts of an instance, each shared by whoever holds one.
#[derive(Clone)]
pub struct Instance {
    pub settings: Arc<Settings>,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// What secrets at rest are sealed with.
    pub keeper: Keeper,
    pub hub: Hub,
    pub engines: Engines,
    /// Which of them are there.
    pub engines_seen: EnginesSeen,
    /// The way out to registries and the APIs of git hosts.
    pub outside: Outside,
    pub registries: Registries,
    /// What carries messages out.
    pub post: Arc<dyn Post>,
    /// Clones of the apps' repositories.
    pub git: Git,
    /// Files beside verdicts.
    pub evidence: EvidenceFiles,
    /// What the regions ran when last looked at.
    pub seen: Seen,
    /// What gates saw of the world a moment ago.
    pub gate_looks: crate::usecases::promotions::GateLooks,
    /// What is brought to the registries of regions and kept there.
    pub images: crate::usecases::images::Errands,
    /// Password hashing takes 19 MiB and a core each: at most this many at once.
    pub hashing: Arc<Semaphore>,
    pub work: Work,
    /// Webhook requests on their way to the disk.
    pub intake: crate::usecases::intake::Queue,
    /// Which hook a key stands for, and what its sender proves itself with.
    pub hooks: crate::usecases::hooks::Asked,
    /// Logs that somebody reads now.
    pub logs: Logs,
    /// Containers that somebody sees measured now.
    pub stats: Stats,
    /// Shells that are open now.
    pub shells: Shells,
    /// What the environments' containers were like when last looked at.
    pub looks: Looks,
    /// Who looks at what runs in environments, and where that is.
    pub gate: crate::http::proxied::Gate,
    pub targets: crate::usecases::proxy::Targets,
    pub setup: Setup,
    pub flashes: crate::http::flash::Flashes,
    pub streams: crate::http::events::Streams,
    pub turns: crate::http::idempotency::Turns,
    pub assets: Arc<app::Assets>,
    config: Arc<RwLock<Arc<Applied>>>,
    instance: Arc<str>,
}

/// The configuration in force and its version; version 0 is the empty one.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub version: i64,
    pub config: Config,
}

/// The one-time code that makes the first admin. It lives in memory only.
#[derive(Clone, Default)]
pub struct Setup {
    code: Arc<std::sync::Mutex<Option<String>>>,
}

impl Setup {
    /// Puts a new code in force and gives it back, to be printed once.
    pub fn arm(&self, code: String) {
        *self.held() = Some(code);
    }

    /// Whether `given` is the code, compared in constant time.
    pub fn matches(&self, given: &str) -> bool {
        use subtle::ConstantTimeEq as _;
        self.held().as_deref().is_some_and(|code| code.as_bytes().ct_eq(given.as_bytes()).into())
    }

    /// Uses the code up; false when it is not the one in force.
    pub fn take(&self, given: &str) -> bool {
        let good = self.matches(given);
        if good {
            *self.held() = None;
        }
        good
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.code.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Background work: what runs, how it is woken, and how it is told to stop.
#[derive(Clone, Default)]
pub struct Work {
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    pub deliveries: Arc<Notify>,
    pub environments: Arc<Notify>,
    /// A build came into a channel: it may have to be launched.
    pub launches: Arc<Notify>,
    /// Wakes whoever keeps logs with builds.
    pub snapshots: Arc<Notify>,
    pub rollouts: Arc<Notify>,
    /// Wakes whoever looks after canaries.
    pub canaries: Arc<Notify>,
    /// Wakes promotions that are paused or wait for a look.
    pub held: Arc<Notify>,
    /// Wakes whoever brings images to the registries of regions.
    pub images: Arc<Notify>,
    /// A promotion was booked, or one of its gates may have opened.
    pub bookings: Arc<Notify>,
    /// Wakes whoever reads commits, and whoever posts statuses of them.
    pub commits: Arc<Notify>,
    pub statuses: Arc<Notify>,
    /// Wakes whoever reads labels of new builds.
    pub described: Arc<Notify>,
    /// Wakes whoever reads registries.
    pub sweeps: Arc<Notify>,
    /// Wakes whoever watches the engines.
    pub engines: Arc<Notify>,
    /// Wakes whoever waits to look at the regions again.
    pub regions: Arc<Notify>,
    /// Something happened that may have to be told.
    pub notifications: Arc<Notify>,
    /// Messages wait to be sent.
    pub messages: Arc<Notify>,
}

impl Ctx {
    /// A context over `store` with the machine's clock and randomness.
    ///
    /// # Errors
    /// [`Problem`] when the configuration or the key cannot be read.
    pub async fn new(settings: Settings, store: Store) -> Result<Self, Problem> {
        Self::with(settings, store, Arc::new(SystemClock), Arc::new(SystemEntropy)).await
    }

    /// A context with the clock and randomness of the caller's choice.
    ///
    /// # Errors
    /// As [`Ctx::new`].
    pub async fn with(
        settings: Settings,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Problem> {
        let instance = store.instance(&random_name(&*entropy)).await?;
        let keeper = Keeper::open(&settings, &*entropy).map_err(crate::store::internal)?;
        let ctx = Self(Arc::new(Instance {
            engines: Engines::new(store.clone(), keeper.clone()),
            engines_seen: EnginesSeen::default(),
            store,
            clock,
            keeper,
            git: Git::new(&crate::secrets::data_folder(&settings.database_url).join("git"), Tools::here()),
            evidence: EvidenceFiles::new(EvidenceFiles::folder_of(&settings.database_url)),
            settings: Arc::new(settings),
            entropy,
            hub: Hub::default(),
            outside: Outside::default(),
            registries: Registries::default(),
            post: Arc::new(crate::notify::post::Posting::default()),
            seen: Seen::default(),
            gate_looks: Default::default(),
            images: Default::default(),
            hashing: Arc::new(Semaphore::new(2)),
            work: Work::default(),
            intake: Default::default(),
            hooks: Default::default(),
            logs: Logs::default(),
            stats: Stats::default(),
            shells: Shells::default(),
            looks: Looks::default(),
            gate: crate::http::proxied::Gate::default(),
            targets: crate::usecases::proxy::Targets::default(),
            setup: Setup::default(),
            flashes: crate::http::flash::Flashes::default(),
            streams: crate::http::events::Streams::default(),
            turns: crate::http::idempotency::Turns::default(),
            assets: Arc::new(crate::http::assets::manifest()),
            config: Arc::default(),
            instance: instance.into(),
        }));
        ctx.reload_config().await?;
        Ok(ctx)
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The name of this installation: 32 hexadecimal digits, drawn once and kept in the database.
    /// Everything that Slipway makes on an engine carries it as the label `slipway.instance`,
    /// and nothing without it is ever touched.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Applied> {
        self.config.read().map_or_else(|poisoned| poisoned.into_inner().clone(), |applied| applied.clone())
    }

    /// Reads the newest configuration from the database; another process may have applied it.
    /// Cheap when none did: what decides or launches asks first.
    ///
    /// # Errors
    /// [`Problem::Internal`] when the database or the stored text cannot be read.
    pub async fn reload_config(&self) -> Result<(), Problem> {
        if self.store.config_version().await? == self.config().version {
            return Ok(());
        }
        let applied = Arc::new(self.store.newest_config().await?);
        if applied.version != self.config().version {
            *self.config.write().unwrap_or_else(std::sync::PoisonError::into_inner) = applied;
            self.hub.tell(crate::hub::Topic::Settings, None);
        }
        Ok(())
    }

    /// A new identifier: a version 7 UUID without hyphens, so that ids sort by time.
    pub fn new_id<T: From<String>>(&self) -> T {
        let mut chance = [0; 10];
        self.entropy.fill(&mut chance);
        let millis = u64::try_from(self.now().timestamp_millis()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid();
        T::from(id.simple().to_string())
    }

    /// A new secret of 32 random bytes, as URL-safe base64 (43 characters).
    pub fn new_secret(&self) -> String {
        use base64::Engine as _;
        let mut secret = [0; 32];
        self.entropy.fill(&mut secret);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret)
    }

    /// Writes an audit row inside the caller's transaction: no decision without its record.
    ///
    /// # Errors
    /// [`Problem::Internal`] when the database refuses.
    pub async fn audit(&self, tx: &mut Tx, actor: &Actor, entry: Entry<'_>) -> Result<(), Problem> {
        let (kind, id) = match actor {
            Actor::User { person, .. } => ("user", Some(person.id.as_str())),
            Actor::Token { person, .. } => ("token", Some(person.id.as_str())),
            Actor::Hook { id, .. } => ("hook", Some(id.as_str())),
            Actor::Slipway => ("slipway", None),
        };
        sqlx::query(
            "INSERT INTO audit (id, at, actor_kind, actor_id, actor, action, subject_kind, subject, app, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.new_id::<String>())
        .bind(micros(self.now()))
        .bind(kind)
        .bind(id)
        .bind(actor.label())
        .bind(entry.action)
        .bind(entry.subject_kind)
        .bind(entry.subject)
        .bind(entry.app)
        .bind(entry.detail)
        .execute(&mut **tx)
        .await
        .map_err(crate::store::internal)?;
        Ok(())
    }
}

/// What an audit row says. No secret ever stands here.
#[derive(Clone, Debug, Default)]
pub struct Entry<'a> {
    /// A stable word: `verdict.recorded`.
    pub action: &'a str,
    /// `build`, `promotion`, `user` …
    pub subject_kind: &'a str,
    /// The subject's id, or a name that says more.
    pub subject: &'a str,
    pub app: Option<&'a str>,
    pub detail: String,
}

fn random_name(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// The SHA-256 of a secret, as hexadecimal text: what the database keeps of it.
pub fn secret_hash(secret: &str) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(secret.as_bytes()))
}
