//! The real program, killed without warning, and started again.

use super::bench::Bench;
use crate::common::eventually;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FOUR: &str = r#"
[[stacks]]
name = "four"
compose = '''
services:
  web: { image: "${BUILD_WEB}", read_only: true, tmpfs: [/tmp], ports: ["80"] }
  worker: { image: "${BUILD_WORKER}", read_only: true, depends_on: [web] }
  mailer: { image: "@REGISTRY@/demo/worker:dev", read_only: true }
  origin: { image: "@REGISTRY@/demo/web:dev", read_only: true, tmpfs: [/tmp] }
'''
"#;

/// `slipway serve` over the bench's database. Killed when it is dropped.
pub struct Served {
    child: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Served {
    pub fn start(bench: &Bench, port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_slipway"))
            .arg("serve")
            .env("SLIPWAY_DATABASE_URL", &bench.app.ctx.settings.database_url)
            .env("SLIPWAY_LISTEN", &address)
            .env("SLIPWAY_LOG", "warn")
            .stdin(Stdio::null())
            .spawn()
            .expect("slipway starts");
        Self { child, address }
    }

    pub fn kill(mut self) {
        // SIGKILL: it can do nothing about it.
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub async fn rest(&self, token: &str, path: &str, body: Option<Value>) -> Option<Value> {
        let url = format!("http://{}{path}", self.address);
        let http = &reqwest::Client::new();
        let request = match body {
            Some(body) => http.post(url).header("content-type", "application/json").body(body.to_string()),
            None => http.get(url),
        };
        let answer = request.header("authorization", format!("Bearer {token}")).send().await.ok()?;
        serde_json::from_slice(&answer.bytes().await.ok()?).ok()
    }

    pub async fn ready(&self) {
        let url = format!("http://{}/readyz", self.address);
        eventually("ready", || async { reqwest::Client::new().get(&url).send().await.ok().filter(|a| a.status() == 200) }).await;
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

#[tokio::test]
async fn a_killed_launch_is_finished_after_the_restart_and_nothing_is_there_twice() {
    let Some(bench) = Bench::set_up(FOUR).await else { return };
    let token = bench.app.token(&bench.tess).await;
    let build = bench.listed("web", "dev").await;
    bench.listed("worker", "dev").await;
    let port = free_port();
    for after in [0, 20, 60, 120, 200, 300, 450, 600, 800, 1100] {
        let served = Served::start(&bench, port);
        served.ready().await;
        let asked = json!({ "build": build, "stack": "four" });
        let made = served.rest(&token, "/api/v1/environments", Some(asked)).await.expect("an answer");
        let id = EnvironmentId(made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned());
        tokio::time::sleep(Duration::from_millis(after)).await;
        served.kill();
        let left = bench.on_engine().await;
        let state = bench.look(&id).await.row.state;

        let began = Instant::now();
        let served = Served::start(&bench, port);
        let view = bench.until(&id, EnvironmentState::Running).await;
        println!("killed after {after} ms ({state:?}, {left:?} on the engine): running {:?} after the restart", began.elapsed());
        assert_eq!(bench.on_engine().await, (4, 1), "each once");
        assert_eq!(view.row.links.len(), 1);
        // This process is told of no event of the served one's: its last look may be a moment old.
        let all_run = || async {
            let services = bench.look(&id).await.services;
            (services.len() == 4 && services.iter().all(|service| service.state == "running")).then_some(())
        };
        eventually("all four run", all_run).await;
        drop(served);

        // And once more while it is taken away.
        let served = Served::start(&bench, port);
        served.ready().await;
        served.rest(&token, &format!("/api/v1/environments/{id}/stop"), Some(json!({}))).await;
        tokio::time::sleep(Duration::from_millis(after / 3)).await;
        served.kill();
        let _served = Served::start(&bench, port);
        bench.until(&id, EnvironmentState::Stopped).await;
        assert_eq!(bench.on_engine().await, (0, 0), "nothing is left");
    }
}
