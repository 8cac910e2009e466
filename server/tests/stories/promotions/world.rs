//! The gates about the world, each closed in turn, and what a page says before a start.

use super::stage::{Built, Stage, closed, refusal};
use crate::common::on_each_database;
use crate::decided::{ran, tamper};
use crate::outside::{Mood, Registry};
use app::view::{PromotionInput, PromotionView, VerdictInput};
use domain::gate::{Gate, GateKind};
use domain::id::PromotionId;
use domain::problem::Fault;
use domain::rollout::waves::WaveStart;
use domain::stack::Stack;
use domain::verdict::VerdictKind;
use domain::{Digest, Problem};
use server::usecases::promotions::{approve_promotion, promotion, request_promotion};
use server::usecases::verdicts::record_verdict;
use std::time::Duration;

async fn page(stage: &Stage, id: &PromotionId) -> PromotionView {
    stage.app.clock.advance(Duration::from_secs(6));
    promotion(&stage.app.ctx, &stage.people.vera, id).await.expect("shown")
}

/// The page and the start say the same.
async fn shut(stage: &Stage, id: &PromotionId, reasons: &[&str]) {
    assert_eq!(closed(&page(stage, id).await.gates), reasons, "on the page");
    assert_eq!(refusal(stage.start(id).await), reasons, "at the start");
}

fn gate(view: &PromotionView, kind: &GateKind) -> Gate {
    view.gates.iter().find(|gate| gate.kind == *kind).cloned().expect("a gate")
}

fn here(kind: fn(String) -> GateKind) -> GateKind {
    kind("hangzhou".to_owned())
}

#[tokio::test]
async fn the_registry_that_a_region_pulls_from_must_have_the_image_itself() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let mirror = Registry::open().await;
        let registry = format!("[[registries]]\nhost = \"{}\"\ninsecure = true\n", mirror.host);
        stage.app.apply(&format!("{registry}{}", stage.region(0, &format!("registry = \"{}\"", mirror.host)))).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        shut(&stage, &id, &["ImageInRegion { region: \"hangzhou\" } Red None"]).await;
        let lacks = gate(&page(&stage, &id).await, &here(|region| GateKind::ImageInRegion { region }));
        assert_eq!(lacks.detail, Some(format!("{}/team/web@{}", mirror.host, build.digest)));
        mirror.push(1);
        mirror.be(Mood::Broken);
        shut(&stage, &id, &["ImageInRegion { region: \"hangzhou\" } Waiting None"]).await;
        mirror.be(Mood::Well);
        stage.start(&id).await.expect("started");
        stage.work(&id, &[]).await;
        // The way back is asked for where the region would pull it.
        let next = stage.accepted(2).await;
        mirror.push(2);
        mirror.lose(&build.digest);
        let second = stage.approved(&next, &["hangzhou"]).await;
        shut(&stage, &second, &["WayBackKept { region: \"hangzhou\" } Red None"]).await;
        mirror.push(1);
        stage.start(&second).await.expect("started");
        stage.work(&second, &[]).await;
        mirror.lose(&build.digest);
        let gone = Problem::ImageGone { image: format!("{}/team/web@{}", mirror.host, build.digest) };
        assert_eq!(stage.back("hangzhou", None).await, Err(gone));
    })
    .await;
}

#[tokio::test]
async fn what_a_rollback_would_go_to_must_be_kept() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.accepted(1).await;
        let id = stage.approved(&first, &["hangzhou"]).await;
        let kept = here(|region| GateKind::WayBackKept { region });
        assert_eq!(gate(&page(&stage, &id).await, &kept).detail, None, "nothing to go back to, and green");
        stage.start(&id).await.expect("started");
        stage.work(&id, &[]).await;
        let second = stage.accepted(2).await;
        let id = stage.approved(&second, &["hangzhou", "us-west"]).await;
        stage.registry.lose(&first.digest);
        shut(&stage, &id, &["WayBackKept { region: \"hangzhou\" } Red None"]).await;
        assert_eq!(gate(&page(&stage, &id).await, &kept).detail.as_deref(), Some(first.digest.short()));
        stage.registry.push(1);
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn a_region_needs_room_for_its_tasks() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(&stage.region(0, "replicas = 2")).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let room = here(|region| GateKind::EnoughRoom { region });
        assert_eq!(gate(&page(&stage, &id).await, &room).detail.as_deref(), Some("2 / 3"), "a port takes a node");
        stage.regions[0].lose_nodes(2);
        shut(&stage, &id, &["EnoughRoom { region: \"hangzhou\" } Red None"]).await;
        assert_eq!(gate(&page(&stage, &id).await, &room).detail.as_deref(), Some("2 / 1"));
        stage.regions[0].lose_nodes(1);
        stage.start(&id).await.expect("started");
    })
    .await;
}

/// Runs web in an environment with these variables, and passes it there.
async fn tested_with(stage: &Stage, build: &Built, variables: &[&str]) {
    let environment = ran(&stage.app, &build.id).await;
    let stack = Stack::parse("services: { web: { image: \"${BUILD_WEB}\" } }").expect("a stack");
    let values: serde_json::Map<String, serde_json::Value> =
        variables.iter().map(|name| ((*name).to_owned(), serde_json::json!("secret-value"))).collect();
    let plan = serde_json::json!({ "services": [{
        "service": stack.services[0], "image": format!("{}/team/web", stage.registry.host), "digest": build.digest,
        "layers": [{ "origin": "image", "values": { "PATH": "/bin" } }, { "origin": "stack", "values": values }],
    }] });
    tamper(&stage.app, "UPDATE environments SET spec = $2 WHERE id = $1", &[environment.as_str(), &plan.to_string()]).await;
    stage.tick();
    let (build, note) = (build.id.clone(), "well".to_owned());
    let input = VerdictInput { build, kind: VerdictKind::Pass, note, environment: Some(environment) };
    record_verdict(&stage.app.ctx, &stage.people.tess, input).await.expect("recorded");
}

#[tokio::test]
async fn the_variables_that_a_build_was_tested_with_must_be_set_in_the_region() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let set = here(|region| GateKind::VariablesThere { region });
        assert_eq!(gate(&page(&stage, &id).await, &set).detail, None, "no environment is known");
        tested_with(&stage, &build, &["MODE", "DATABASE_URL", "QUEUE"]).await;
        shut(&stage, &id, &["VariablesThere { region: \"hangzhou\" } Red Some(Admin)"]).await;
        assert_eq!(gate(&page(&stage, &id).await, &set).detail.as_deref(), Some("DATABASE_URL, QUEUE"));
        stage.app.apply(&stage.region(0, "env = { DATABASE_URL = \"postgres://db\", QUEUE = \"q\" }")).await;
        assert_eq!(gate(&page(&stage, &id).await, &set).detail.as_deref(), Some("3"), "the image brings its own");
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn an_older_build_goes_nowhere_by_promotion() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let older = stage.accepted(1).await;
        let newer = stage.promoted(2, &["hangzhou"]).await;
        let id = stage.approved(&older, &["hangzhou", "us-west"]).await;
        shut(&stage, &id, &["NotOlder { region: \"hangzhou\" } Red Some(Lead)"]).await;
        let view = page(&stage, &id).await;
        let said = gate(&view, &here(|region| GateKind::NotOlder { region })).detail;
        assert_eq!(said.as_deref(), Some(newer.digest.short()));
        let elsewhere = stage.approved(&older, &["us-west"]).await;
        stage.start(&elsewhere).await.expect("started");
        // The way back is a rollback, and asks nobody how old the build is.
        stage.work(&elsewhere, &[]).await;
        stage.promoted(3, &["hangzhou"]).await;
        stage.back("hangzhou", Some(&newer.digest)).await.expect("rolled back");
    })
    .await;
}

#[tokio::test]
async fn a_page_says_beforehand_what_changes_and_how_long_that_takes() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(&stage.region(0, "env = { OLD = \"1\", SAME = \"s\", LEVEL = \"low-value\" }")).await;
        stage.promoted(1, &["hangzhou"]).await;
        stage.app.apply(&stage.region(0, "env = { NEW = \"1\", SAME = \"s\", LEVEL = \"high-value\" }")).await;
        let build = stage.accepted(2).await;
        tamper(&stage.app, "UPDATE builds SET size = 48200000 WHERE id = $1", &[build.id.as_str()]).await;
        let id = stage.requested(&build, &["hangzhou", "us-west"]).await;
        let view = page(&stage, &id).await;
        let known = view.rollouts[0].preflight.clone().expect("a pre-flight");
        let names = (known.variables_added, known.variables_changed, known.variables_removed);
        assert_eq!(names, (vec!["NEW".to_owned()], vec!["LEVEL".to_owned()], vec!["OLD".to_owned()]));
        assert_eq!((known.expected_seconds, known.of_rollouts, known.image_size), (Some(1), 1, Some(48_200_000)));
        assert_eq!((known.stop_first, known.at_a_time), (true, 1));
        let first = view.rollouts[1].preflight.clone().expect("a pre-flight");
        assert_eq!((first.expected_seconds, first.of_rollouts), (None, 0));
        let told = serde_json::to_string(&view).expect("json");
        assert!(!told.contains("-value"), "values are never told: {told}");
        approve_promotion(&stage.app.ctx, &stage.people.leo, &id).await.expect("approved");
        stage.start(&id).await.expect("started");
        assert!(page(&stage, &id).await.rollouts[0].preflight.is_none());
    })
    .await;
}

#[tokio::test]
async fn waves_are_asked_for_by_the_region_that_begins_them() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let ask = async |waves: &[(&str, u32)]| {
            stage.tick();
            let wave = |(from, soak_minutes): &(&str, u32)| WaveStart {
                from: (*from).to_owned(),
                soak_minutes: *soak_minutes,
                look: true,
            };
            let regions = ["hangzhou", "us-west", "hong-kong"].map(str::to_owned).into();
            let waves = waves.iter().map(wave).collect();
            let input =
                PromotionInput { build: build.id.clone(), regions, reason: String::new(), waves, booking: None, canary: None };
            request_promotion(&stage.app.ctx, &stage.people.ada, input).await
        };
        for wrong in [("hangzhou", 0), ("nowhere", 0), ("us-west", 10_081)] {
            let refused = ask(&[wrong]).await;
            assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "waves"), "{wrong:?}: {refused:?}");
        }
        assert_eq!(ask(&[("us-west", 0), ("us-west", 0)]).await, Err(Problem::invalid("waves", Fault::Twice)));
        let id = ask(&[("us-west", 30)]).await.expect("requested");
        let waves: Vec<_> = page(&stage, &id).await.rollouts.iter().map(|r| (r.wave, r.wave_soak_minutes, r.wave_look)).collect();
        assert_eq!(waves, [(1, 0, false), (2, 30, true), (2, 30, true)]);
    })
    .await;
}

/// Ten thousand builds and a thousand promotions are nothing to a page: it reads by key.
#[tokio::test]
async fn a_long_past_changes_nothing_about_the_page() {
    let stage = Stage::set(crate::common::TestApp::sqlite().await).await;
    let build = stage.accepted(1).await;
    let ctx = &stage.app.ctx;
    let mut tx = ctx.store.begin().await.expect("a transaction");
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ";
    for sql in [
        format!("{rows} 10000) INSERT INTO builds (id, app, image, digest, seen_at, described)
            SELECT 'b' || i, 'web', 'r.test/team/web', 'sha256:' || substr('{0}' || i, -64), i, 1 FROM n", "0".repeat(64)),
        format!("{rows} 1000) INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id,
                requested_by_name, requested_at, started_at, ended_at)
            SELECT 'p' || i, 1000 + i, 'promotion', 'web', 'b' || i, 'sha256:' || substr('{0}' || i, -64), 'verified', '', 'u', 'ada',
                i, i, i + 1 FROM n", "0".repeat(64)),
        format!("{rows} 1000) INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, started_at, ended_at)
            SELECT 'r' || i, 'p' || i, 0, 'web', 'hangzhou', 'sha256:' || substr('{0}' || i, -64), 'verified', i * 1000000,
                i * 1000000 + 7000000 FROM n", "0".repeat(64)),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.expect("a past");
    }
    tx.commit().await.expect("kept");
    let id = stage.requested(&build, &["hangzhou"]).await;
    page(&stage, &id).await;
    let began = std::time::Instant::now();
    let view = page(&stage, &id).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(view.rollouts[0].preflight.as_ref().and_then(|known| known.expected_seconds), Some(7));
    let older: Digest = format!("sha256:{:064}", 1000).parse().expect("a digest");
    let back = gate(&view, &here(|region| GateKind::WayBackKept { region }));
    assert_eq!(back.detail.as_deref(), Some(older.short()));
}
