//! A real `slipway serve` on a stage's database: held at a moment of the story's choice, and killed there.

use super::stage::{Stage, until};
use domain::Digest;
use serde_json::Value;
use server::store::rollouts::STEPS;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a held moment of a rollout is called.
pub const STEP: &str = "a step";

/// A boundary in the life of a rollout: all before it is done and written down, it itself is done and not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Started,
    Done(&'static str),
    Verified,
}

impl Moment {
    /// Every boundary: of each step that there is, and of the whole.
    pub fn all() -> Vec<Self> {
        let steps = STEPS.into_iter().map(Self::Done);
        std::iter::once(Self::Started).chain(steps).chain([Self::Verified]).collect()
    }
}

/// Holds whoever carries the digest's rollout out in the region just before the moment is written down.
pub async fn hold_at(stage: &Stage, moment: Moment, region: &str, digest: &Digest) {
    let whole = format!("NEW.region = '{region}' AND NEW.digest = '{digest}' AND OLD.state <> NEW.state AND NEW.state");
    let (change, when) = match moment {
        Moment::Started => ("UPDATE ON rollouts", format!("{whole} = 'running'")),
        Moment::Verified => ("UPDATE ON rollouts", format!("{whole} = 'verified'")),
        Moment::Done(step) => {
            let of = format!("SELECT id FROM rollouts WHERE region = '{region}' AND digest = '{digest}'");
            ("UPDATE ON rollout_steps", format!("NEW.kind = '{step}' AND NEW.state = 'done' AND NEW.rollout_id IN ({of})"))
        }
    };
    hold(stage, STEP, change, &when).await;
}

/// Lets the database refuse a change: whoever wants to make it has done everything before it, gets
/// no further, and tries again a second later.
pub async fn hold(stage: &Stage, name: &str, change: &str, when: &str) {
    alter(
        stage,
        format!("CREATE TRIGGER \"{name}\" BEFORE {change} WHEN {when} BEGIN SELECT RAISE(ABORT, 'held at {name}'); END"),
    )
    .await;
}

/// Takes the hold away.
pub async fn let_go(stage: &Stage, name: &str) {
    alter(stage, format!("DROP TRIGGER \"{name}\"")).await;
}

async fn alter(stage: &Stage, statement: String) {
    let mut tx = stage.ctx.store.begin().await.expect("a transaction");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *tx).await.expect("the schema is changed");
    tx.commit().await.expect("kept");
}

/// Long enough for a worker that does what it should not: it begins when it begins to serve.
pub async fn a_while() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// `slipway serve` on the stage's database. It dies with the story.
pub struct Serving {
    child: Child,
    address: String,
    /// The lines of its log.
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("{}", self.said.lock().expect("lines").join("\n"));
        }
    }
}

impl Serving {
    pub fn start(stage: &Stage) -> Self {
        Self::start_in(stage, "UTC")
    }

    /// On a machine whose clock is in this time zone.
    pub fn start_in(stage: &Stage, zone: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let mut child = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .arg("serve")
            .env("SLIPWAY_DATABASE_URL", &stage.ctx.settings.database_url)
            .env("SLIPWAY_LISTEN", free.to_string())
            .env("SLIPWAY_LOG", "error")
            .env("TZ", zone)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("slipway serve starts");
        let said = Arc::<Mutex<Vec<String>>>::default();
        let (log, lines) = (child.stderr.take().expect("a log"), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                lines.lock().expect("lines").push(line);
            }
        });
        Self { child, address: free.to_string(), said }
    }

    /// As `kill -9` does it: nothing is finished, nothing is said.
    pub fn kill(mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("it ended");
    }

    pub async fn ready(&self) {
        let url = format!("http://{}/readyz", self.address);
        let ready = async || reqwest::Client::new().get(&url).send().await.is_ok_and(|answer| answer.status() == 200);
        until(20, "it is ready", ready).await;
    }

    /// Whether it was kept from writing this down.
    pub fn is_held(&self, name: &str) -> bool {
        let held = format!("held at {name}");
        self.said.lock().expect("lines").iter().any(|line| line.contains(&held))
    }

    /// Forgets what it said, so that the next time can be told from the last.
    pub fn forget(&self) {
        self.said.lock().expect("lines").clear();
    }

    /// Waits until it is kept from writing this down.
    pub async fn held(&self, name: &str) {
        until(60, &format!("it is held at {name}"), async || self.is_held(name)).await;
    }

    /// Says something through REST: the answer's status and body.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let client = reqwest::Client::new();
        let asked = client.post(format!("http://{}{path}", self.address)).header("authorization", format!("Bearer {token}"));
        let asked = asked.header("content-type", "application/json").body(body.to_string());
        let answer = asked.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.expect("a body")).unwrap_or_default())
    }
}
