//! Test environments as far as they go without a real engine: who may, what is refused, what is
//! planned, and what an engine is asked to do.

mod automatic;
mod choose;
mod freeze;
mod inside;
mod lease;
mod logs;
mod queue;
mod replace;
mod snapshots;
mod stacks;
pub mod stage;
mod work;

use crate::common::{TWO_APPS, TestApp, a_hook, on_each_database};
use crate::decided::{People, digest, listed};
use app::view::{EnvironmentView, LaunchInput, Paging};
use domain::id::{BuildId, EnvironmentId};
use domain::lease::EnvironmentState;
use domain::problem::{Fault, Noun};
use domain::promotion::StepState;
use domain::{Action, Actor, Problem};
use serde_json::{Value, json};
use server::ctx::Ctx;
use server::usecases::environments::{environment, environments, launch_environment, log_tail, of_build, stop_environment};
use stage::{Stage, input, steps};
use std::time::Duration;

#[tokio::test]
async fn an_installation_keeps_its_name() {
    on_each_database(|app| async move {
        let settings = (*app.ctx.settings).clone();
        let again = Ctx::new(settings, app.ctx.store.clone()).await.expect("a second context");
        assert_eq!(app.ctx.instance().len(), 32);
        assert_eq!(again.instance(), app.ctx.instance());
        assert_eq!(app.count("instance").await, 1);
    })
    .await;
}

#[tokio::test]
async fn testers_and_leads_launch_and_stop_and_nobody_else_does() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let build = stage.tagged("web", 1, "dev").await;
        stage.tagged("worker", 2, "dev").await;
        let id = launch_environment(ctx, &people.tess, input(&build)).await.expect("a tester may");
        launch_environment(ctx, &people.leo, input(&build)).await.expect("a lead may");
        for other in [&people.vera, &people.pia, &Actor::Slipway, &a_hook()] {
            let refused = launch_environment(ctx, other, input(&build)).await;
            assert_eq!(refused, Err(Problem::Forbidden { action: Action::LaunchEnvironment }), "{}", other.label());
        }
        for other in [&people.vera, &people.pia, &a_hook()] {
            let refused = stop_environment(ctx, other, &id).await;
            assert_eq!(refused, Err(Problem::Forbidden { action: Action::StopEnvironment }));
        }
        let read = Err(Problem::Forbidden { action: Action::Read });
        assert_eq!(environment(ctx, &a_hook(), &id).await.map(|_| ()), read);
        assert_eq!(environments(ctx, &a_hook(), true, Paging::default()).await.map(|_| ()), read);
        assert_eq!(of_build(ctx, &a_hook(), &build).await.map(|_| ()), read);
        assert_eq!(log_tail(ctx, &a_hook(), &id, "web", 5).await.map(|_| ()), read);
        assert_eq!(stage.app.count("environments").await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_another_process_applied_a_moment_ago_can_be_launched() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.tagged("web", 1, "dev").await;
        let serving = stage.app.restarted().await;
        let text = "[[stacks]]\nname = \"fresh\"\ncompose = \"services: { web: { image: '${BUILD_WEB}' } }\"";
        stage.app.apply(text).await;
        let input = LaunchInput { stack: Some("fresh".to_owned()), ..input(&build) };
        launch_environment(&serving, &stage.people.tess, input).await.expect("it is known");
    })
    .await;
}

#[tokio::test]
async fn everything_is_fixed_by_digest_and_written_before_the_engine_hears_of_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let old = stage.tagged("worker", 1, "dev").await;
        stage.tagged("worker", 2, "test").await;
        let web = stage.tagged("web", 3, "dev").await;
        let id = stage.launch(&web, None).await.expect("launched");
        assert!(stage.engine.held().changes.is_empty(), "the worker does not run yet");

        let view = stage.look(&id).await;
        assert_eq!((view.row.number, view.row.stack.as_str(), view.row.engine.as_str()), (1, "shop", "test"));
        assert_eq!(view.row.state, EnvironmentState::Launching);
        assert_eq!(view.row.lease_ends_at - view.row.created_at, chrono::Duration::hours(8));
        let builds: Vec<_> = view.row.builds.iter().map(|build| (build.app.as_str(), &build.build, build.under_test)).collect();
        assert_eq!(builds, [("web", &web, true), ("worker", &old, false)], "the worker of the same channel, not the newer one");
        assert_eq!(view.row.builds[0].tag.as_deref(), Some("dev"));
        let network = format!("network slw-{}-e1", &stage.app.ctx.instance()[..8]);
        let planned = [
            "pull registry.test:5000/team/web@000000000000",
            "pull registry.test:5000/team/worker@000000000000",
            network.as_str(),
            "create web",
            "start web",
            "create worker",
            "start worker",
        ];
        assert_eq!(steps(&view), planned.map(|step| (step.to_owned(), StepState::Waiting)));
        assert_eq!(of_build(&stage.app.ctx, &stage.people.vera, &old).await.expect("listed")[0].id, id);
        let detail: String = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'environment.launched' AND app = 'web'")
            .fetch_one(stage.app.ctx.store.read())
            .await
            .expect("a record");
        assert_eq!(detail, "E-1: shop with web dev 000000000000, worker dev 000000000000");
    })
    .await;
}

#[tokio::test]
async fn companions_are_the_newest_that_no_fail_stands_against() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let web = stage.tagged("web", 1, "dev").await;
        let nothing = Problem::invalid("stack", Fault::Unknown { what: Noun::Build, name: "worker".to_owned() });
        assert_eq!(stage.launch(&web, None).await, Err(nothing));
        let companion = |view: EnvironmentView| view.row.builds[1].build.clone();

        let other = stage.tagged("worker", 2, "test").await;
        let id = stage.launch(&web, None).await.expect("launched");
        assert_eq!(companion(stage.look(&id).await), other, "of another channel rather than none");

        let good = stage.tagged("worker", 3, "dev").await;
        let bad = stage.tagged("worker", 4, "dev").await;
        let verdict = |build: &BuildId| app::view::VerdictInput {
            build: build.clone(),
            kind: domain::verdict::VerdictKind::Fail,
            note: "loses jobs".to_owned(),
            environment: None,
        };
        let record = server::usecases::verdicts::record_verdict;
        record(&stage.app.ctx, &stage.people.tess, verdict(&bad)).await.expect("recorded");
        let id = stage.launch(&web, None).await.expect("launched");
        assert_eq!(companion(stage.look(&id).await), good, "the one before the quarantined one");

        record(&stage.app.ctx, &stage.people.tess, verdict(&web)).await.expect("recorded");
        stage.launch(&web, None).await.expect("a quarantined build can be looked at again");
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_written() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let web = stage.tagged("web", 1, "dev").await;
        let worker = stage.tagged("worker", 2, "dev").await;
        let lease = Problem::invalid("lease_hours", Fault::OutOfRange { least: 1, most: 72 });
        for hours in [0, 73, u32::MAX] {
            let asked = LaunchInput { lease_hours: Some(hours), ..input(&web) };
            assert_eq!(launch_environment(ctx, tess, asked).await, Err(lease.clone()));
        }
        let missing = Problem::not_found(Noun::Build, "nothing");
        assert_eq!(stage.launch(&BuildId("nothing".to_owned()), None).await, Err(missing));
        assert_eq!(stage.launch(&web, Some("nothing")).await, Err(Problem::not_found(Noun::Stack, "nothing")));
        let fits = Fault::NotOneOf { choices: "alone, shop".to_owned() };
        assert_eq!(stage.launch(&web, Some("back")).await, Err(Problem::invalid("stack", fits)));
        assert_eq!(stage.launch(&worker, None).await, Err(Problem::invalid("stack", Fault::Missing)), "no default");
        let nobody = Err(Problem::not_found(Noun::Environment, "x"));
        let x = EnvironmentId("x".to_owned());
        assert_eq!(environment(ctx, tess, &x).await.map(|_| ()), nobody);
        assert_eq!(stop_environment(ctx, tess, &x).await, nobody);
        assert_eq!(log_tail(ctx, tess, &x, "web", 5).await.map(|_| ()), nobody);
        for table in ["environments", "environment_builds", "environment_steps"] {
            assert_eq!(stage.app.count(table).await, 0);
        }
        let hours = LaunchInput { lease_hours: Some(72), stack: Some("alone".to_owned()), ..input(&web) };
        launch_environment(ctx, tess, hours).await.expect("72 hours are in bounds");
    })
    .await;
}

#[tokio::test]
async fn an_engine_or_a_registry_that_is_away_is_named_and_nothing_is_written() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let web = stage.tagged("web", 1, "dev").await;
    let silent = "[[stacks]]\nname = \"fixed\"\ncompose = \"services: { web: { image: '${BUILD_WEB}' }, \
                  db: { image: '127.0.0.1:1/db:1' } }\"\n[[registries]]\nhost = \"127.0.0.1:1\"\ninsecure = true\n";
    stage.app.apply(silent).await;
    let away = |what, name: &str| Err(Problem::Unreachable { what, name: name.to_owned() });
    assert_eq!(stage.launch(&web, Some("fixed")).await, away(Noun::Registry, "127.0.0.1:1"));
    stage.app.apply("[[engines]]\nname = \"test\"\nurl = \"tcp://127.0.0.1:1\"\naddress = \"x\"\n").await;
    assert_eq!(stage.launch(&web, Some("alone")).await, away(Noun::Engine, "test"));
    stage.app.apply("[[engines]]\nname = \"test\"\nurl = \"unix:///nowhere/docker.sock\"\naddress = \"x\"\n").await;
    assert_eq!(stage.launch(&web, Some("alone")).await, away(Noun::Engine, "test"));
    assert_eq!(stage.app.count("environments").await, 0);
    let bare = TestApp::sqlite().await;
    let alone = "[[stacks]]\nname = \"alone\"\ncompose = \"services: { web: { image: '${BUILD_WEB}' } }\"\n";
    bare.apply(&format!("{}{alone}", TWO_APPS.replace("port_label = 80", "port_label = 80\nstack = \"alone\""))).await;
    let tess = People::of(&bare).await.tess;
    let build = listed(&bare, "web", &digest(1)).await;
    let none = Problem::Config { place: "engines".to_owned(), why: Fault::Missing };
    assert_eq!(launch_environment(&bare.ctx, &tess, input(&build)).await, Err(none));
}

#[tokio::test]
async fn lists_are_paged_by_key_and_show_the_ended_only_when_asked() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let web = stage.tagged("web", 1, "dev").await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            stage.app.clock.advance(Duration::from_secs(1));
            ids.push(stage.launch(&web, Some("alone")).await.expect("launched"));
        }
        let ended = ids.remove(1);
        let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
        sqlx::query("UPDATE environments SET state = 'stopped', ended_at = 1 WHERE id = $1")
            .bind(ended.as_str())
            .execute(&mut *tx)
            .await
            .expect("ended");
        tx.commit().await.expect("kept");
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let paging = Paging { cursor, limit: Some(2) };
            let page = environments(&stage.app.ctx, &stage.people.vera, false, paging).await.expect("a page");
            found.extend(page.items.into_iter().map(|row| row.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        ids.reverse();
        assert_eq!(found, ids, "newest first, none twice, none left out");
        let all = environments(&stage.app.ctx, &stage.people.vera, true, Paging::default()).await.expect("a page");
        assert_eq!((all.items.len(), all.next), (5, None));
        let bad = Paging { cursor: Some("nonsense".to_owned()), limit: None };
        assert!(environments(&stage.app.ctx, &stage.people.vera, true, bad).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn rest_launches_looks_lists_and_stops() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    stage.engine.held().log = "hello\n".to_owned();
    let web = stage.tagged("web", 1, "dev").await;
    let (tess, vera) = (stage.app.token(&stage.people.tess).await, stage.app.token(&stage.people.vera).await);
    let rest = |token: &str, method: &'static str, path: String, body: Value| {
        let token = token.to_owned();
        let app = &stage.app;
        async move { app.rest(&token, method, &format!("/api/v1/environments{path}"), body).await }
    };
    let asked = json!({ "build": web, "stack": "alone", "lease_hours": 2 });
    assert_eq!(rest(&vera, "POST", String::new(), asked.clone()).await.0, 403);
    let (status, made) = rest(&tess, "POST", String::new(), asked).await;
    assert_eq!(status, 201, "{made}");
    let id = EnvironmentId(made["id"].as_str().expect("an id").to_owned());
    stage.until(&id, EnvironmentState::Running).await;
    let (status, view) = rest(&vera, "GET", format!("/{id}"), Value::Null).await;
    assert_eq!((status.as_u16(), &view["row"]["state"]), (200, &json!("running")));
    let (_, page) = rest(&vera, "GET", "?all=true&limit=1".to_owned(), Value::Null).await;
    assert_eq!(page["items"][0]["id"], id.as_str());
    let (_, lines) = rest(&vera, "GET", format!("/{id}/logs/web?lines=10"), Value::Null).await;
    assert_eq!(lines, json!(["hello"]));
    for (path, wanted) in [("/logs/web?lines=0", 422), ("/logs/web?lines=1001", 422), ("/logs/nothing", 404)] {
        assert_eq!(rest(&vera, "GET", format!("/{id}{path}"), Value::Null).await.0, wanted, "{path}");
    }
    assert_eq!(rest(&vera, "POST", format!("/{id}/stop"), Value::Null).await.0, 403);
    assert_eq!(rest(&tess, "POST", format!("/{id}/stop"), Value::Null).await.0, 204);
    stage.until(&id, EnvironmentState::Stopped).await;
    assert_eq!(rest(&tess, "POST", format!("/{id}/stop"), Value::Null).await.0, 409);
    assert_eq!(rest(&vera, "GET", format!("/{id}/logs/web"), Value::Null).await.0, 404);
}
