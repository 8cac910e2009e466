//! Launches and stops at random, with the real program killed at random moments: at the end
//! everything of ours on the engine is accounted for, and then nothing is left.
//!
//! `SLIPWAY_CHAOS` says how many launches, `SLIPWAY_CHAOS_SEED` which chances; `make chaos` does 200.

use super::bench::Bench;
use super::kill::{Served, free_port};
use crate::common::eventually;
use app::view::{EnvironmentRow, Paging};
use bollard::query_parameters::{ListContainersOptions, ListVolumesOptions};
use domain::lease::EnvironmentState;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Stacks that come up, one that does not, and one that takes its time.
const STACKS: &str = r#"
[[stacks]]
name = "two"
compose = '''
services:
  web: { image: "${BUILD_WEB}", read_only: true, tmpfs: [/tmp], ports: ["80"] }
  side: { image: "@REGISTRY@/demo/worker:dev", read_only: true, depends_on: [web] }
'''

[[stacks]]
name = "ends"
compose = "services: { web: { image: '${BUILD_WEB}', command: [sh, -c, 'exit 3'] } }"

[[stacks]]
name = "slow"
compose = '''
services:
  web:
    image: ${BUILD_WEB}
    tmpfs: [/tmp]
    healthcheck: { test: [CMD-SHELL, "test -e /tmp/up || { touch /tmp/up; false; }"], interval: 300ms, timeout: 1s, retries: 5 }
  side: { image: "@REGISTRY@/demo/worker:dev", read_only: true, depends_on: { web: { condition: service_healthy } } }
'''
"#;
const NAMES: [&str; 4] = ["two", "two", "ends", "slow"];
/// Alive at once.
const MOST: usize = 6;

/// The same chances for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        (!list.is_empty()).then(|| &list[usize::try_from(self.below(list.len() as u64)).expect("small")])
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn alive(bench: &Bench) -> Vec<EnvironmentRow> {
    let paging = Paging { limit: Some(200), cursor: None };
    server::usecases::environments::environments(&bench.app.ctx, &bench.tess, false, paging).await.expect("a page").items
}

/// Containers of this installation by environment.
async fn on_engine(bench: &Bench) -> BTreeMap<String, usize> {
    let label = format!("slipway.instance={}", bench.app.ctx.instance());
    let filters = [("label".to_owned(), vec![label])].into();
    let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
    let mut found = BTreeMap::new();
    for container in bench.docker.list_containers(Some(options)).await.expect("a list") {
        let labels = container.labels.expect("labels");
        *found.entry(labels["slipway.environment"].clone()).or_default() += 1;
    }
    found
}

async fn volumes(bench: &Bench) -> BTreeSet<String> {
    let listed = bench.docker.list_volumes(None::<ListVolumesOptions>).await.expect("a list");
    listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect()
}

#[tokio::test]
async fn chaos_leaves_nothing_on_the_engine_that_is_not_accounted_for() {
    let Some(bench) = Bench::set_up(STACKS).await else { return };
    let (launches, seed) = (number("SLIPWAY_CHAOS", 12), number("SLIPWAY_CHAOS_SEED", 7));
    let mut chance = Chance(seed);
    let token = bench.app.token(&bench.tess).await;
    let build = bench.listed("web", "dev").await;
    let (port, before, began) = (free_port(), volumes(&bench).await, Instant::now());
    let mut served = Served::start(&bench, port);
    served.ready().await;
    let (mut launched, mut kills) = (0, 0);
    while launched < launches {
        let here = alive(&bench).await;
        let asked = if here.len() < MOST && chance.below(3) > 0 {
            launched += 1;
            let stack = *chance.one_of(&NAMES).expect("one");
            ("/api/v1/environments".to_owned(), json!({ "build": build, "stack": stack }))
        } else if let Some(row) = chance.one_of(&here) {
            (format!("/api/v1/environments/{}/stop", row.id), Value::Object(Default::default()))
        } else {
            continue;
        };
        let pause = Duration::from_millis(chance.below(300));
        if chance.below(3) > 0 {
            served.rest(&token, &asked.0, Some(asked.1)).await;
            tokio::time::sleep(pause).await;
            continue;
        }
        // Killed somewhere in the request, or somewhere in the work that follows.
        let request = served.rest(&token, &asked.0, Some(asked.1));
        tokio::time::timeout(pause, request).await.ok();
        if chance.below(2) == 0 {
            tokio::time::sleep(Duration::from_millis(chance.below(800))).await;
        }
        served.kill();
        kills += 1;
        served = Served::start(&bench, port);
        served.ready().await;
    }
    println!("{launched} launches, {kills} kills, seed {seed}: {:?}", began.elapsed());

    let settled = || async {
        let here = alive(&bench).await;
        let calm = |row: &EnvironmentRow| matches!(row.state, EnvironmentState::Running | EnvironmentState::Failed);
        here.iter().all(calm).then_some(here)
    };
    let here = eventually("all came up, failed or are gone", settled).await;
    let known: BTreeSet<&str> = here.iter().map(|row| row.id.as_str()).collect();
    let only_known = || async { on_engine(&bench).await.keys().all(|id| known.contains(id.as_str())).then_some(()) };
    eventually("what is there belongs to what is alive", only_known).await;
    let found = on_engine(&bench).await;
    for row in here.iter().filter(|row| row.state == EnvironmentState::Running) {
        assert_eq!(found.get(row.id.as_str()), Some(&2), "seed {seed}, {}: each service once", row.stack);
    }
    for row in &here {
        served.rest(&token, &format!("/api/v1/environments/{}/stop", row.id), Some(json!({}))).await;
    }
    eventually("all are stopped", || async { alive(&bench).await.is_empty().then_some(()) }).await;
    eventually("nothing is left", || async { (bench.on_engine().await == (0, 0)).then_some(()) }).await;
    assert_eq!(volumes(&bench).await, before, "seed {seed}: no volume was left, and none of others taken");
    println!("accounted for after {:?}", began.elapsed());
}
