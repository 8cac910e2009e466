//! What every story needs: a fresh instance over each database, a clock that stands still
//! until it is moved, and people of each role.
#![allow(dead_code, reason = "each test binary uses its own part")]

use app::view::{HookMade, NewHook};
use axum::body::{Body, to_bytes};
use domain::id::{HookId, UserId};
use domain::{Actor, Person, Role, Time};
use http::{Request, StatusCode};
use serde_json::Value;
use server::clock::{Clock, SystemEntropy, from_micros, micros};
use server::ctx::{Ctx, Settings};
use server::evidence::EvidenceFiles;
use server::store::Store;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tower::ServiceExt as _;

/// A clock that only the test moves. It begins at 2026-11-24 02:00 UTC.
pub struct TestClock {
    micros: AtomicI64,
    /// Microseconds by which each look moves it.
    step: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        let step = self.step.load(Ordering::SeqCst);
        from_micros(self.micros.fetch_add(step, Ordering::SeqCst) + step)
    }
}

impl TestClock {
    pub fn advance(&self, by: Duration) {
        self.micros.fetch_add(i64::try_from(by.as_micros()).expect("short enough"), Ordering::SeqCst);
    }

    /// From now on no two looks see the same time, so that the record has decisions in their order.
    pub fn run(&self) {
        self.step.store(1, Ordering::SeqCst);
    }
}

/// One running instance over a store of its own.
pub struct TestApp {
    pub ctx: Ctx,
    pub clock: Arc<TestClock>,
    folder: Option<PathBuf>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.ctx.work.stop.cancel();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Tells a story on SQLite and, when `SLIPWAY_TEST_POSTGRES` names a server, on PostgreSQL.
/// The key for secrets at rest, the same for every instance of this process.
fn key_file() -> PathBuf {
    static FILE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let make = || {
        let file = std::env::temp_dir().join(format!("slipway-test-{}.key", std::process::id()));
        std::fs::write(&file, "17".repeat(32)).expect("a key");
        file
    };
    FILE.get_or_init(make).clone()
}

pub async fn on_each_database<F: Future<Output = ()>>(story: impl Fn(TestApp) -> F) {
    story(TestApp::sqlite().await).await;
    match std::env::var("SLIPWAY_TEST_POSTGRES") {
        Ok(server) => story(TestApp::postgres(&server).await).await,
        Err(_) => println!("not told on PostgreSQL: SLIPWAY_TEST_POSTGRES is not set"),
    }
}

impl TestApp {
    /// An instance over a new SQLite file, which goes away with it.
    pub async fn sqlite() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("slipway-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let folder = std::env::temp_dir().join(name);
        let url = format!("sqlite://{}/slipway.db", folder.display());
        Self::over(&url, Some(folder)).await
    }

    /// An instance over a new database on the server at `url`. It stays until the server goes.
    pub async fn postgres(url: &str) -> Self {
        sqlx::any::install_default_drivers();
        let mut entropy = [0; 8];
        server::clock::Entropy::fill(&SystemEntropy, &mut entropy);
        let name = format!("slipway_{}", hex::encode(entropy));
        let server = sqlx::AnyPool::connect(url).await.expect("SLIPWAY_TEST_POSTGRES answers");
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&server).await.expect("a new database");
        server.close().await;
        let (head, options) = url.split_once('?').unwrap_or((url, ""));
        let base = head.rsplit_once('/').expect("postgres://user@host/database").0;
        // What is not in the database goes away with the instance.
        let folder = std::env::temp_dir().join(format!("slipway-test-{name}"));
        let mut app = Self::over(&format!("{base}/{name}?{options}"), Some(folder)).await;
        app.ctx.evidence = EvidenceFiles::new(app.evidence_folder());
        app
    }

    async fn over(url: &str, folder: Option<PathBuf>) -> Self {
        let store = Store::open(url).await.expect("a store opens");
        let start: Time = "2026-11-24T02:00:00Z".parse().expect("a time");
        let clock = Arc::new(TestClock { micros: AtomicI64::new(micros(start)), step: AtomicI64::new(0) });
        let settings = Settings {
            database_url: url.to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            public_url: "http://127.0.0.1:3000".to_owned(),
            secret_key_file: Some(key_file()),
        };
        let ctx = Ctx::with(settings, store, clock.clone(), Arc::new(SystemEntropy)).await.expect("a context");
        Self { ctx, clock, folder }
    }

    /// Where the bytes of evidence are.
    pub fn evidence_folder(&self) -> PathBuf {
        self.folder.clone().expect("a folder").join("evidence")
    }

    /// A real user of `role`, who gave the password just now.
    pub async fn person(&self, name: &str, role: Role) -> Actor {
        let id: UserId = self.ctx.new_id();
        let now = micros(self.ctx.now());
        let mut tx = self.ctx.store.begin().await.expect("a transaction");
        sqlx::query("INSERT INTO users (id, name, role, password_hash, created_at, changed_at) VALUES ($1, $2, $3, '-', $4, $4)")
            .bind(id.as_str())
            .bind(name)
            .bind(role.as_str())
            .bind(now)
            .execute(&mut *tx)
            .await
            .expect("a user");
        tx.commit().await.expect("a user is kept");
        Actor::User { person: Person { id, name: name.to_owned(), role }, signed_in_at: self.ctx.now() }
    }

    /// Applies a configuration as Slipway itself does from the command line.
    pub async fn apply(&self, toml: &str) {
        server::usecases::settings::apply(&self.ctx, &Actor::Slipway, toml, false).await.expect("a good configuration");
    }

    /// A new hook of this source.
    pub async fn hook(&self, name: &str, source: &str) -> HookMade {
        let new = NewHook { name: name.to_owned(), source: source.to_owned(), ..NewHook::default() };
        server::usecases::hooks::add_hook(&self.ctx, &Actor::Slipway, new).await.expect("a hook")
    }

    /// Another process over the same database, as after a restart: nothing that lived in
    /// memory is left.
    pub async fn restarted(&self) -> Ctx {
        let settings = (*self.ctx.settings).clone();
        let ctx = Ctx::with(settings, self.ctx.store.clone(), self.clock.clone(), Arc::new(SystemEntropy));
        ctx.await.expect("a context")
    }

    /// The secret of a new token that may do all that `owner` may.
    pub async fn token(&self, owner: &Actor) -> String {
        let person = owner.person().expect("a person");
        let name = format!("t{}", self.count("tokens").await);
        let made = server::usecases::tokens::add_token(&self.ctx, &Actor::Slipway, name, person.name.clone(), person.role);
        made.await.expect("a token").secret
    }

    /// Sends a request through the whole router, as a client would; the answer's body as
    /// JSON, or as a JSON string when it is not.
    pub async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = server::http::outside(&self.ctx).router.oneshot(request).await.expect("an answer");
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
    }

    /// Asks REST with a bearer token; `body` is sent as JSON, nothing when it is null.
    pub async fn rest(&self, token: &str, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        };
        self.send(request.expect("a request")).await
    }

    /// Listens at a free port of `address` until the story ends; gives back `address:port`.
    pub async fn listen(&self, address: &str) -> SocketAddr {
        self.listen_at(address, 0).await
    }

    /// Listens at a port of the story's choice.
    pub async fn listen_at(&self, address: &str, port: u16) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind((address, port)).await.expect("a free port");
        let here = listener.local_addr().expect("an address");
        let service = server::http::outside(&self.ctx).router.into_make_service_with_connect_info::<SocketAddr>();
        let stop = self.ctx.work.stop.clone();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await });
        tokio::spawn(serving.into_future());
        here
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        let statement = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar(statement).fetch_one(self.ctx.store.read()).await.expect("a number")
    }
}

/// Waits until `look` finds something, at most a minute.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A hook that is in no database, for what only needs an actor.
pub fn a_hook() -> Actor {
    Actor::Hook { id: HookId("h".to_owned()), name: "registry".to_owned() }
}

/// Two apps of one registry, with the channels of the sample project.
pub const TWO_APPS: &str = r#"
[[registries]]
host = "registry.test:5000"
insecure = true

[[apps]]
name = "web"
image = "registry.test:5000/team/web"
port_label = 80
channels = [
    { name = "dev", kind = "branch", tags = "dev" },
    { name = "test", kind = "branch", tags = "test" },
    { name = "latest", kind = "branch", tags = "latest" },
    { name = "release-v*", kind = "release", tags = "release-v*" },
]

[apps.service]
port = 80

[[apps]]
name = "worker"
image = "registry.test:5000/team/worker"
channels = [{ name = "dev", kind = "branch", tags = "dev" }]
"#;
