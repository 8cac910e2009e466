//! A region of three nodes: updated behind a balancer under constant requests, and losing a node.

use super::stage::{RELEASES, Stage, shared, until};
use crate::lab::{Lab, lab};
use domain::Problem;
use domain::promotion::{PromotionState, StepState};
use domain::service::ServiceIntent;
use server::usecases::settings::apply;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The region is named after the node that manages it.
const WIDE: &str = "wide-1";
const NODES: [&str; 3] = [WIDE, "wide-2", "wide-3"];

/// The lab's Swarm of three nodes, for as long as a story takes.
struct Nodes(&'static Lab);

impl Nodes {
    fn up(lab: &'static Lab) -> Self {
        lab.run(&["wide", "up"]);
        Self(lab)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // A story that fails is to be told with its own words.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.run(&["wide", "down"])));
    }
}

async fn stage(lab: &'static Lab, label: u16) -> Stage {
    let stage = Stage::new(lab, label).await;
    let region = format!(
        "[[regions]]\nname = \"{WIDE}\"\nurl = \"unix://{}\"\naddress = \"{}\"\n",
        lab.socket(WIDE).display(),
        lab.address(WIDE)
    );
    apply(&stage.ctx, &domain::Actor::Slipway, &region, false).await.expect("one region more");
    stage.begin();
    stage
}

fn replicas(count: u32) -> impl Fn(&mut ServiceIntent) {
    move |intent| intent.replicas = count
}

/// HAProxy before the nodes, as a company has it: it asks for health, and asks another node where
/// one breaks a connection off.
struct Balancer {
    child: Child,
    port: u16,
}

impl Balancer {
    async fn start(stage: &Stage) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let server = |node: &&str| format!("  server {node} {}:{} check\n", stage.lab.address(node), stage.port);
        let config = format!(
            "defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n  retries 3\n  option redispatch 1\n  retry-on conn-failure empty-response\n\
             frontend web\n  bind 127.0.0.1:{port}\n  default_backend nodes\n\
             backend nodes\n  option httpchk GET /health\n  default-server inter 100ms fall 1 rise 1\n{}",
            NODES.iter().map(server).collect::<String>()
        );
        let file = stage.folder.join("haproxy.cfg");
        std::fs::write(&file, config).expect("written");
        let child =
            Command::new("haproxy").arg("-db").arg("-f").arg(&file).stderr(Stdio::null()).spawn().expect("HAProxy starts");
        let balancer = Self { child, port };
        let client = reqwest::Client::new();
        until(10, "the balancer answers", async || balancer.ask(&client).await.is_ok()).await;
        balancer
    }

    async fn ask(&self, client: &reqwest::Client) -> Result<String, String> {
        let answer = client.get(format!("http://127.0.0.1:{}/", self.port)).send().await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string());
        }
        answer.text().await.map_err(|error| error.to_string())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered while somebody asked all the time.
#[derive(Debug, Default)]
struct Answers {
    old: u32,
    new: u32,
    failed: Vec<String>,
}

async fn ask_until(balancer: Arc<Balancer>, enough: Arc<AtomicBool>) -> Answers {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut answers = Answers::default();
    while !enough.load(Ordering::SeqCst) {
        match balancer.ask(&client).await {
            Ok(page) if page.contains(RELEASES[0]) => answers.old += 1,
            Ok(page) if page.contains(RELEASES[1]) => answers.new += 1,
            Ok(page) => answers.failed.push(page),
            Err(error) => answers.failed.push(error),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_are_updated_one_after_another_and_who_asks_all_the_time_notices_nothing() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let _nodes = Nodes::up(lab);
    let stage = stage(lab, 120).await;
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = stage.promote(&one, &[WIDE], replicas(3)).await;
    assert_eq!(stage.ended(&first, 90).await, PromotionState::Verified);

    let balancer = Arc::new(Balancer::start(&stage).await);
    let enough = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..4).map(|_| tokio::spawn(ask_until(balancer.clone(), enough.clone()))).collect();
    let second = stage.promote(&two, &[WIDE], replicas(3)).await;
    let ended = stage.ended(&second, 90).await;
    enough.store(true, Ordering::SeqCst);
    let mut all = Answers::default();
    for asker in askers {
        let answers = asker.await.expect("it asked");
        all.old += answers.old;
        all.new += answers.new;
        all.failed.extend(answers.failed);
    }
    println!("{} answers of the old build, {} of the new, {} failed: {:?}", all.old, all.new, all.failed.len(), all.failed);
    assert_eq!(ended, PromotionState::Verified);
    assert!(stage.running(WIDE).await.iter().all(|image| image.ends_with(two.as_str())));
    assert_eq!(stage.running(WIDE).await.len(), 3);
    assert_eq!(stage.changes(WIDE).await, (1, 1));
    assert!(all.old > 100 && all.new > 100, "asked all the time: {all:?}");
    assert!(all.failed.is_empty(), "{:?}", all.failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_lost_in_the_middle_is_never_taken_for_updated_and_when_it_is_back_the_region_comes_right() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let _nodes = Nodes::up(lab);
    let stage = stage(lab, 121).await;
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = stage.promote(&one, &[WIDE], replicas(3)).await;
    assert_eq!(stage.ended(&first, 90).await, PromotionState::Verified);

    // Two are wanted, so that there is a node for each, also without the lost one.
    let second = stage.promote(&two, &[WIDE], |intent| (intent.replicas, intent.deadline_seconds) = (2, 25)).await;
    until(30, "the tasks come", async || stage.step(&second, "tasks").await == Some(StepState::Running)).await;
    tokio::task::spawn_blocking(move || lab.run(&["engine", "stop", "wide-3"])).await.expect("stopped");
    let ended = stage.ended(&second, 60).await;
    let failure = stage.rollouts(&second).await[0].failure.clone();
    println!("with a node lost: {ended:?} {failure:?}");
    match ended {
        // What ran on the lost node had ended before.
        PromotionState::Verified => assert_eq!(stage.tasks_wanted(WIDE, &two).await, 2),
        _ => assert!(
            matches!(failure, Some(Problem::OthersRun { others: 1, .. } | Problem::NotUpInTime { wanted: 2, .. })),
            "{failure:?}"
        ),
    }

    tokio::task::spawn_blocking(move || lab.run(&["engine", "start", "wide-3"])).await.expect("started");
    let third = stage.promote(&two, &[WIDE], replicas(3)).await;
    assert_eq!(stage.ended(&third, 90).await, PromotionState::Verified);
    assert_eq!(stage.tasks_wanted(WIDE, &two).await, 3);
}
