//! Another build in the place of one that runs.

use super::stage::{Stage, steps};
use crate::common::{TestApp, on_each_database};
use crate::decided::digest;
use app::view::{ReplaceInput, VerdictInput};
use domain::Problem;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::EnvironmentState;
use domain::problem::Noun;
use domain::promotion::StepState;
use domain::release_set::Chosen;
use domain::verdict::VerdictKind;
use serde_json::{Value, json};
use server::usecases::environments::{replace_build, stop_environment};
use server::usecases::verdicts::record_verdict;
use std::collections::BTreeMap;

fn with(build: &BuildId) -> ReplaceInput {
    ReplaceInput { build: build.clone(), builds: BTreeMap::new(), keep_volumes: false }
}

/// The engine's id, the image and the wanted port of a service's container.
fn container(stage: &Stage, service: &str) -> (String, Value, Value) {
    let held = stage.engine.held();
    let found = held.containers.iter().find(|(_, container)| container.body["Labels"]["slipway.service"] == service);
    let (id, container) = found.expect("made");
    let port = container.body["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"].clone();
    (id.clone(), container.body["Image"].clone(), port)
}

async fn replaced(stage: &Stage, id: &EnvironmentId, build: &BuildId) -> app::view::EnvironmentView {
    replace_build(&stage.app.ctx, &stage.people.tess, id, with(build)).await.expect("replaced");
    stage.until(id, EnvironmentState::Running).await
}

#[tokio::test]
async fn a_replaced_build_keeps_number_lease_and_ports_and_leaves_other_services_alone() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.begin_work();
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let old = stage.tagged("web", 1, "dev").await;
        stage.tagged("worker", 2, "dev").await;
        let id = stage.launch(&old, None).await.expect("launched");
        let before = stage.until(&id, EnvironmentState::Running).await;
        let (worker, web) = (container(&stage, "worker"), container(&stage, "web"));
        let new = stage.tagged("web", 3, "dev").await;

        let after = replaced(&stage, &id, &new).await;
        assert_eq!((after.row.number, after.row.generation), (1, 2));
        assert_eq!((after.row.lease_ends_at, &after.row.links), (before.row.lease_ends_at, &before.row.links));
        assert_eq!(container(&stage, "worker"), worker, "not touched");
        let (now, image, port) = container(&stage, "web");
        assert_ne!(now, web.0);
        assert_eq!(image, json!(format!("registry.test:5000/team/web@{}", digest(3))));
        assert_eq!((web.2, port), (json!(""), json!("32768")), "the port that it had is asked for");
        let done = ["pull registry.test:5000/team/web@000000000000", "create web", "start web"];
        assert_eq!(steps(&after), done.map(|step| (step.to_owned(), StepState::Done)));
        let sets: Vec<_> = after.sets.iter().map(|set| (set.generation, &set.builds[0].build)).collect();
        assert_eq!(sets, [(2, &new), (1, &old)]);
        assert!(after.row.builds[0].under_test && after.row.builds[0].build == new);
        let told: String = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'environment.replaced'")
            .fetch_one(ctx.store.read())
            .await
            .expect("a record");
        assert_eq!(told, "E-1: shop with web dev 000000000000, worker dev 000000000000");

        // A verdict says which set ran; one on the build before is about the set before.
        for (build, generation) in [(&new, 2), (&old, 1)] {
            let (kind, environment) = (VerdictKind::Pass, Some(id.clone()));
            let input = VerdictInput { build: build.clone(), kind, note: String::new(), environment };
            record_verdict(ctx, tess, input).await.expect("it ran here");
            let view = server::usecases::builds::build(ctx, tess, build).await.expect("a build");
            assert_eq!(view.verdicts[0].generation, Some(generation));
        }
        let of_old = server::usecases::environments::of_build(ctx, tess, &old).await.expect("a list");
        assert_eq!(of_old[0].id, id, "where a build ran stays known");
    })
    .await;
}

#[tokio::test]
async fn the_build_of_another_app_becomes_the_one_under_test() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    stage.tagged("worker", 2, "dev").await;
    let id = stage.launch(&web, None).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    let untouched = container(&stage, "web");
    let worker = stage.tagged("worker", 3, "dev").await;
    let view = replaced(&stage, &id, &worker).await;
    let told: Vec<_> = view.row.builds.iter().map(|one| (one.app.as_str(), one.under_test, &one.chosen)).collect();
    assert_eq!(told, [("worker", true, &Chosen::UnderTest), ("web", false, &Chosen::Exact)]);
    assert_eq!(container(&stage, "web"), untouched);
}

#[tokio::test]
async fn a_port_that_somebody_took_meanwhile_is_given_up() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let old = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&old, Some("alone")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    stage.engine.held().taken.push(32768);
    let new = stage.tagged("web", 2, "dev").await;
    replaced(&stage, &id, &new).await;
    let (_, image, port) = container(&stage, "web");
    assert_eq!((image, port), (json!(format!("registry.test:5000/team/web@{}", digest(2))), json!("")));
    assert_eq!(stage.engine.held().containers.len(), 1, "the first try is gone");
}

#[tokio::test]
async fn what_failed_is_started_again_by_a_replacement() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    stage.engine.held().ends.insert("web".to_owned(), 3);
    let bad = stage.tagged("web", 1, "dev").await;
    stage.tagged("worker", 2, "dev").await;
    let id = stage.launch(&bad, None).await.expect("launched");
    stage.until(&id, EnvironmentState::Failed).await;
    stage.engine.held().ends.clear();
    let good = stage.tagged("web", 3, "dev").await;
    let view = replaced(&stage, &id, &good).await;
    assert_eq!((view.failure, view.services.len()), (None, 2));
}

#[tokio::test]
async fn only_a_running_environment_of_the_app_takes_another_build() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let web = stage.tagged("web", 1, "dev").await;
        let worker = stage.tagged("worker", 2, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        assert!(matches!(replace_build(ctx, &stage.people.vera, &id, with(&web)).await, Err(Problem::Forbidden { .. })));
        assert_eq!(replace_build(ctx, tess, &id, with(&web)).await, Err(Problem::Stale), "it still comes up");
        stage.begin_work();
        stage.until(&id, EnvironmentState::Running).await;
        let foreign = replace_build(ctx, tess, &id, with(&worker)).await;
        assert!(matches!(&foreign, Err(Problem::Invalid { field, .. }) if field == "build"), "{foreign:?}");
        let lost = replace_build(ctx, tess, &id, with(&BuildId("nothing".to_owned()))).await;
        assert_eq!(lost, Err(Problem::not_found(Noun::Build, "nothing")));
        stop_environment(ctx, tess, &id).await.expect("stopped");
        stage.until(&id, EnvironmentState::Stopped).await;
        let ended = Err(Problem::Finished { state: "stopped".to_owned() });
        assert_eq!(replace_build(ctx, tess, &id, with(&web)).await, ended);
        assert_eq!((stage.app.count("environment_sets").await, stage.app.count("environments").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn rest_replaces_relaunches_and_shows_what_can_be_chosen() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let worker = stage.tagged("worker", 2, "dev").await;
    let token = stage.app.token(&stage.people.tess).await;
    let asked =
        json!({ "build": web, "builds": { "worker": { "build": worker } }, "variables": [{ "name": "A", "value": "1" }] });
    let (status, made) = stage.app.rest(&token, "POST", "/api/v1/environments", asked).await;
    assert_eq!(status, 201, "{made}");
    let id = EnvironmentId(made["id"].as_str().expect("an id").to_owned());
    let view = stage.until(&id, EnvironmentState::Running).await;
    assert_eq!(view.row.builds[1].chosen, Chosen::Exact);
    let new = stage.tagged("web", 3, "dev").await;
    let path = format!("/api/v1/environments/{id}/replace");
    let (status, body) = stage.app.rest(&token, "POST", &path, json!({ "build": new })).await;
    assert_eq!(status, 204, "{body}");
    stage.until(&id, EnvironmentState::Running).await;
    let (status, form) = stage.app.rest(&token, "GET", &format!("/api/v1/builds/{web}/launch?from={id}"), Value::Null).await;
    assert_eq!((status.as_u16(), &form["given"], &form["apps"][0]["app"]), (200, &json!("A=1"), &json!("worker")), "{form}");
    let (status, made) = stage.app.rest(&token, "POST", &format!("/api/v1/environments/{id}/relaunch"), json!({})).await;
    assert_eq!(status, 201, "{made}");
}
