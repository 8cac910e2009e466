//! Secrets appear where they are given out, once, and nowhere else: not in the log, the
//! database, the record, REST or the pages.

use crate::browser::{Browser, user};
use crate::common::TestApp;
use crate::rollouts::swarm::Swarm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::region_secrets::ServiceSecret;
use domain::{Actor, Role};
use http::{Method, StatusCode};
use server::usecases::{hooks, people, secrets, settings, tokens};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Everything that is logged while this test runs, by this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
        subscriber.try_init().expect("no other test listens");
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("the log")).into_owned()
    }
}

/// The database as bytes on the disk, its journal included.
fn on_disk(app: &TestApp) -> Vec<u8> {
    let path = server::store::sqlite_path(&app.ctx.settings.database_url).expect("a file");
    let parts = ["", "-wal"].map(|ending| std::fs::read(format!("{path}{ending}")).unwrap_or_default());
    parts.concat()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A hook's key, its secret, and a secret by name; gives back the key.
async fn kept_secrets(app: &TestApp) -> String {
    let hook = app.hook("registry", "distribution").await;
    let own = Some("canary-hook-secret-1".to_owned());
    hooks::rotate_secret(&app.ctx, &Actor::Slipway, &hook.id, own).await.expect("rotated");
    secrets::set(&app.ctx, &Actor::Slipway, "registry", "canary-at-rest").await.expect("set");
    hook.key.expect("a key")
}

/// Secrets of a region: one that is kept, one that is refused, and one on its way to a Swarm; gives
/// back what must be nowhere.
async fn region_secrets(app: &TestApp, login: &Browser, rest: &Browser) -> Vec<String> {
    let swarm = Swarm::open().await;
    let region =
        format!("[[regions]]\nname = \"hk\"\nurl = \"tcp://{}\"\nenv = {{ TOKEN = \"canary-region-value\" }}\n", swarm.host);
    app.apply(&format!("[[apps]]\nname = \"web\"\nimage = \"r.test/web\"\nservice = {{ secrets = [\"db\"] }}\n{region}")).await;
    let body = "{\"app\":\"web\",\"name\":\"db\",\"value\":\"canary-region-secret\"}";
    assert_eq!(rest.json("POST", "/api/v1/regions/hk/secrets", body).await.status, StatusCode::NO_CONTENT);
    let form = [("region", "hk"), ("app", "web"), ("name", "other"), ("value", "canary-refused-secret")];
    login.post("/do/region-secrets/set", &form).await;
    let applied = app.ctx.config();
    let hk = applied.config.region("hk").expect("hk");
    let there = server::engine::swarm::Swarm::reach(&app.ctx.engines, hk, app.ctx.instance()).await.expect("a Swarm");
    let secret = ServiceSecret { name: "db".to_owned(), version: 1 };
    there.make_secret("web", &secret, "mark", &"canary-given-secret".to_owned().into()).await.expect("made");
    assert_eq!(swarm.secrets(), ["slw-web.db.1"]);
    let plain = ["canary-region-secret", "canary-refused-secret", "canary-given-secret"];
    plain.map(str::to_owned).into_iter().chain([STANDARD.encode("canary-given-secret")]).collect()
}

#[tokio::test]
async fn secrets_appear_where_they_are_given_out_and_nowhere_else() {
    let log = Log::listen();
    let app = TestApp::sqlite().await;
    app.ctx.setup.arm("canary-setup-code".to_owned());
    let browser = Browser::new(&app);
    let first = [("code", "canary-setup-code"), ("name", "ada"), ("password", "canary-first-password")];
    assert_eq!(browser.post("/setup", &first).await.location(), "/settings");
    let ada = Actor::Slipway;
    let lea = user(&app, "lea", Role::Lead).await;
    let lea_id = lea.person().expect("a person").id.clone();
    let login = browser.another();
    login.log_in("lea", "canary-wrong-password").await;
    login.log_in("canary-password-typed-as-name", "x").await;
    people::reset_password(&app.ctx, &ada, &lea_id, "canary-new-password".to_owned()).await.expect("reset");
    assert_eq!(login.log_in("lea", "canary-new-password").await.location(), "/");
    let session = login.cookie("slipway").expect("a session");
    let token = tokens::add_token(&app.ctx, &ada, "ci".to_owned(), "ada".to_owned(), Role::Admin).await.expect("a token").secret;
    let key = kept_secrets(&app).await;
    let rest = browser.another().bearer(&token);
    let regional = region_secrets(&app, &login, &rest).await;
    let made =
        rest.json("POST", "/api/v1/users", "{\"name\":\"eve\",\"role\":\"viewer\",\"password\":\"canary-rest-password\"}").await;
    assert_eq!(made.status, StatusCode::CREATED);
    rest.clone().bearer("slw_canary-wrong-token").get("/api/v1/me").await;
    rest.json("POST", "/api/v1/users", "{\"name\":\"x\",\"role\":3,\"password\":\"canary-unread-password\"}").await;
    login.post("/do/account/password", &[("old", "canary-old-guess"), ("new", "canary-next-password")]).await;
    browser.post("/hooks/distribution/canary-unknown-key", &[("a", "b")]).await;

    let mut secrets = vec![
        "canary-setup-code",
        "canary-first-password",
        "canary-wrong-password",
        "canary-new-password",
        "canary-rest-password",
        "canary-unread-password",
        "canary-old-guess",
        "canary-next-password",
        "slw_canary-wrong-token",
        "canary-unknown-key",
        &session,
        &token,
    ];
    secrets
        .extend([key.as_str(), "canary-hook-secret-1", "canary-at-rest"].into_iter().chain(regional.iter().map(String::as_str)));
    let mut told = settings::export(&app.ctx, &ada).await.expect("exported");
    told.push_str(&Browser::new(&app).get("/metrics").await.body);
    for route in server::http::outside(&app.ctx).listed.iter().filter(|route| route.method == Method::GET) {
        let path: Vec<&str> = route.path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect();
        for reader in [&rest, &login, &browser] {
            told.push_str(&reader.get(&path.join("/")).await.body);
        }
    }
    let (disk, logged) = (on_disk(&app), log.text());
    assert!(logged.contains("request") && told.contains("lea") && holds(&disk, "lea"), "something was looked at");
    for secret in secrets {
        assert!(!told.contains(secret), "{secret} is on a page");
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
        assert!(!holds(&disk, secret), "{secret} is in the database");
    }
    let (others, _) = (login.get("/settings").await.body, browser.get("/settings").await.body);
    assert!(!others.contains("canary-region-value") && !logged.contains("canary-region-value"));
}
