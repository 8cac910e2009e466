//! The board of regions: what runs where, what is newer, what drifted, and who answers.

mod canaries;
mod closely;
mod drift;
mod follow;
mod plans;
mod rules;
mod secrets;
mod stage;

use crate::common::{TestApp, on_each_database};
use crate::decided::{digest, listed};
use crate::rollouts::swarm::Swarm;
use app::view::RegionCell;
use domain::id::{BuildId, PromotionId, RolloutId};
use domain::service::ServiceIntent;
use domain::{Actor, ReleaseTag, Role, Time};
use serde_json::Value;
use server::clock::micros;
use server::engine::swarm::essence;
use server::hub::Topic;
use server::seen::{RegionSeen, ServiceSeen};
use server::usecases::regions::{regions, watch};
use std::time::Duration;

const CONFIG: &str = "
[[apps]]
name = \"web\"
image = \"registry.test:5000/team/web\"
port_label = 80
channels = [{ name = \"release-v*\", kind = \"release\", tags = \"release-v*\" }]
service = { port = 80 }
[[regions]]
name = \"here\"
title_zh = \"这里\"
url = \"tcp://127.0.0.1:1\"
address = \"web.here.test\"
[[regions]]
name = \"there\"
url = \"tcp://127.0.0.1:1\"
";

async fn board(app: &TestApp) -> Vec<RegionCell> {
    let board = regions(&app.ctx, &Actor::Slipway).await.expect("a board");
    board.rows.into_iter().next().expect("a row").cells
}

async fn cell(app: &TestApp) -> RegionCell {
    board(app).await.remove(0)
}

/// Points a release tag at a build.
async fn tagged(app: &TestApp, build: &BuildId, tag: &str) {
    let release: ReleaseTag = tag.parse().expect("a release tag");
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    sqlx::query(
        "INSERT INTO tags (app, name, build_id, channel, release_key, moved_at) VALUES ('web', $1, $2, 'release-v*', $3, $4)",
    )
    .bind(tag)
    .bind(build.as_str())
    .bind(release.sort_key())
    .bind(micros(app.ctx.now()))
    .execute(&mut *tx)
    .await
    .expect("a tag");
    tx.commit().await.expect("kept");
}

async fn decide(app: &TestApp, sql: &'static str, build: &BuildId) {
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    sqlx::query(sql).bind(app.ctx.new_id::<String>()).bind(build.as_str()).execute(&mut *tx).await.expect("decided");
    tx.commit().await.expect("kept");
}

const FAIL: &str =
    "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at) VALUES ($1, $2, 'fail', '', 't', 'tess', 1)";
const ACCEPT: &str = "INSERT INTO sign_offs (id, build_id, author_id, author_name, note, at) VALUES ($1, $2, 'p', 'pia', '', 1)";

fn intent(app: &TestApp, n: u64) -> ServiceIntent {
    let applied = app.ctx.config();
    let config = &applied.config;
    ServiceIntent::plan(config.app("web").expect("web"), config.region("here").expect("here"), &digest(n)).expect("a plan")
}

/// A rollout of build `n` in "here" that ended like this; it had changed the region.
async fn rolled(app: &TestApp, n: u64, state: &str) -> PromotionId {
    app.clock.advance(Duration::from_secs(60));
    let id: PromotionId = app.ctx.new_id();
    let build = app.ctx.store.build_known("web", &digest(n)).await.expect("a look").expect("a build").id;
    let ended = (state != "running").then(|| micros(app.ctx.now()) + 1_000_000);
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    let number = server::store::next_number(&mut tx, "promotion").await.expect("a number");
    sqlx::query(
        "INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id, requested_by_name,
             requested_at, started_by_name, started_at, ended_at)
         VALUES ($1, $2, 'promotion', 'web', $3, $4, $5, '', 'u', 'ada', $6, 'leo', $6, $7)",
    )
    .bind(id.as_str())
    .bind(number)
    .bind(build.as_str())
    .bind(digest(n).as_str())
    .bind(state)
    .bind(micros(app.ctx.now()))
    .bind(ended)
    .execute(&mut *tx)
    .await
    .expect("a promotion");
    let rollout: RolloutId = app.ctx.new_id();
    sqlx::query(
        "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec, started_at, ended_at)
         VALUES ($1, $2, 0, 'web', 'here', $3, $4, $5, $6, $7)",
    )
    .bind(rollout.as_str())
    .bind(id.as_str())
    .bind(digest(n).as_str())
    .bind(state)
    .bind(serde_json::to_string(&intent(app, n)).expect("json"))
    .bind(micros(app.ctx.now()))
    .bind(ended)
    .execute(&mut *tx)
    .await
    .expect("a rollout");
    sqlx::query(
        "INSERT INTO rollout_steps (rollout_id, position, kind, subject, state, started_at) VALUES ($1, 2, 'update', '', 'done', $2)",
    )
    .bind(rollout.as_str())
    .bind(micros(app.ctx.now()))
    .execute(&mut *tx)
    .await
    .expect("a step");
    tx.commit().await.expect("kept");
    app.clock.advance(Duration::from_secs(60));
    id
}

/// What a look at "here" sees: build `n`, of this promotion.
fn see(app: &TestApp, n: u64, promotion: &PromotionId, change: impl Fn(&mut ServiceSeen)) {
    let mut service = ServiceSeen {
        digest: Some(digest(n)),
        running: 1,
        desired: 1,
        healthy: true,
        promotion: Some(promotion.to_string()),
        essence: essence(&intent(app, n)),
        updated_at: Some(app.ctx.now()),
    };
    change(&mut service);
    look(app, true, Some(service));
}

fn look(app: &TestApp, reachable: bool, service: Option<ServiceSeen>) {
    let services = service.into_iter().map(|service| ("web".to_owned(), service)).collect();
    app.ctx.seen.put("here", RegionSeen { checked_at: app.ctx.now(), reachable, services, canaries: Default::default() });
}

#[tokio::test]
async fn the_board_says_what_runs_where_since_when_and_what_is_newer() {
    on_each_database(|app| async move {
        app.apply(CONFIG).await;
        assert_eq!(cell(&app).await.digest, None);
        let mut builds = Vec::new();
        for n in 1..=6 {
            app.clock.advance(Duration::from_secs(60));
            builds.push(listed(&app, "web", &digest(n)).await);
        }
        tagged(&app, &builds[0], "release-v5.12.05.01").await;
        tagged(&app, &builds[1], "release-v5.12.05.02").await;
        tagged(&app, &builds[2], "release-v5.12.05.10").await;
        tagged(&app, &builds[3], "release-v6.01.01.01").await;
        decide(&app, FAIL, &builds[3]).await;
        decide(&app, ACCEPT, &builds[2]).await;
        decide(&app, ACCEPT, &builds[4]).await;
        let promotion = rolled(&app, 1, "verified").await;
        see(&app, 1, &promotion, |_| {});
        let cells = board(&app).await;
        let here = &cells[0];
        assert_eq!((here.build.as_ref(), here.tag.as_deref()), (Some(&builds[0]), Some("release-v5.12.05.01")));
        // Two releases that nobody failed, and one that was accepted and is no release.
        assert_eq!((here.newer, here.newest_tag.as_deref()), (3, Some("release-v5.12.05.10")));
        assert_eq!((here.running, here.desired, here.healthy, here.drifted), (1, 1, true, false));
        assert_eq!(here.url.as_deref(), Some("http://web.here.test:8080"));
        let verified: Option<Time> = here.since;
        assert!(verified.is_some_and(|since| since < app.ctx.now()));
        assert_eq!((here.by.as_deref(), here.drift_since), (Some("leo"), None));
        assert_eq!((here.back_to.as_ref(), cells[1].digest.as_ref()), (None, None));

        let next = rolled(&app, 3, "verified").await;
        see(&app, 3, &next, |_| {});
        let here = cell(&app).await;
        assert_eq!((here.newer, here.newest_tag), (1, None));
        assert_eq!((here.back_to, here.back_to_tag.as_deref()), (Some(digest(1)), Some("release-v5.12.05.01")));

        // A build that is no release: newer is what was seen later.
        let odd = rolled(&app, 6, "verified").await;
        see(&app, 6, &odd, |_| {});
        let here = cell(&app).await;
        assert_eq!((here.newer, here.tag, here.build), (0, None, Some(builds[5].clone())));
    })
    .await;
}

#[tokio::test]
async fn drift_is_what_slipway_did_not_put_there() {
    on_each_database(|app| async move {
        app.apply(CONFIG).await;
        for n in 1..=3 {
            listed(&app, "web", &digest(n)).await;
        }
        let first = rolled(&app, 1, "verified").await;
        let drifted = async || cell(&app).await.drifted;
        assert!(!drifted().await, "nobody has looked yet");
        look(&app, true, None);
        assert!(drifted().await, "it was removed");
        look(&app, false, None);
        assert!(!drifted().await, "silence says nothing");
        see(&app, 1, &first, |_| {});
        assert!(!drifted().await);
        see(&app, 1, &first, |service| service.digest = Some(digest(2)));
        assert!(drifted().await, "another digest");
        assert_eq!(cell(&app).await.since, None);
        see(&app, 1, &first, |service| service.essence.replicas = 5);
        assert!(drifted().await, "the same digest, changed by hand");
        see(&app, 1, &first, |service| service.promotion = Some("nobodys".to_owned()));
        assert!(drifted().await, "of no promotion that is known");

        let second = rolled(&app, 2, "failed").await;
        see(&app, 2, &second, |service| (service.running, service.healthy) = (0, false));
        assert!(!drifted().await, "a failed rollout left it like this");
        see(&app, 1, &first, |_| {});
        assert!(!drifted().await, "a failed rollout that changed nothing left the last verified");
        let third = rolled(&app, 3, "running").await;
        see(&app, 3, &third, |service| service.digest = Some(digest(1)));
        let here = cell(&app).await;
        assert_eq!((here.drifted, here.rollout), (false, Some(third)), "it is on its way");
    })
    .await;
}

#[tokio::test]
async fn a_region_is_known_to_be_away_and_to_be_back() {
    let app = TestApp::sqlite().await;
    let swarm = Swarm::open().await;
    app.apply(CONFIG).await;
    let mut hints = app.ctx.hub.listen();
    tokio::spawn(watch(app.ctx.clone()));
    let reachable = async |wanted: bool| {
        let seen = async || app.ctx.seen.region("here").is_some_and(|seen| seen.reachable == wanted);
        while !seen().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let five = Duration::from_secs(5);
    tokio::time::timeout(five, reachable(false)).await.expect("away, within five seconds");
    let board = regions(&app.ctx, &Actor::Slipway).await.expect("a board");
    assert_eq!((board.columns[0].reachable, board.columns[0].region.title_zh.as_str()), (false, "这里"));
    assert_eq!((board.columns[0].region.title_en.as_str(), board.columns[0].checked_at.is_some()), ("here", true));
    let told = async { while hints.recv().await.is_ok_and(|hint| hint.topic != Topic::Regions) {} };
    tokio::time::timeout(five, told).await.expect("open pages hear of it");
    // The region gets another address: what looks at it follows the configuration.
    app.apply(&format!("[[regions]]\nname = \"here\"\nurl = \"tcp://{}\"\n", swarm.host)).await;
    tokio::time::timeout(five, reachable(true)).await.expect("back, within five seconds");
}

#[tokio::test]
async fn rest_shows_the_board_to_whoever_may_read() {
    let app = TestApp::sqlite().await;
    app.apply(CONFIG).await;
    let vera = app.person("vera", Role::Viewer).await;
    let token = app.token(&vera).await;
    let (status, body) = app.rest(&token, "GET", "/api/v1/regions", Value::Null).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["rows"][0]["cells"][1]["region"], "there");
    assert_eq!(app.rest("wrong", "GET", "/api/v1/regions", Value::Null).await.0, 401);
}
