//! What a launch can choose, and how it is kept: release sets, variables, the same again.

use super::stage::{Stage, input};
use crate::common::{TestApp, on_each_database};
use app::view::{LaunchAsk, LaunchInput, ServiceVariables};
use domain::Problem;
use domain::id::BuildId;
use domain::lease::EnvironmentState;
use domain::problem::{Fault, Noun};
use domain::release_set::{BuildChoice, Chosen};
use domain::variables::{Given, Origin};
use serde_json::{Value, json};
use server::usecases::environments::{launch_environment, launch_form, relaunch_environment, stop_environment};
use std::collections::BTreeMap;

fn builds(choices: &[(&str, BuildChoice)]) -> BTreeMap<String, BuildChoice> {
    choices.iter().map(|(app, choice)| ((*app).to_owned(), choice.clone())).collect()
}

#[tokio::test]
async fn a_launch_takes_the_builds_that_were_chosen_and_says_how() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
        let old = stage.tagged("worker", 1, "dev").await;
        let new = stage.tagged("worker", 2, "dev").await;
        let web = stage.tagged("web", 3, "dev").await;
        let with = |choice: BuildChoice| LaunchInput { builds: builds(&[("worker", choice)]), ..input(&web) };

        let exact = launch_environment(ctx, tess, with(BuildChoice::Build(old.clone()))).await.expect("launched");
        let view = stage.look(&exact).await;
        assert_eq!((&view.row.builds[0].chosen, &view.row.builds[1].chosen), (&Chosen::UnderTest, &Chosen::Exact));
        assert_eq!(view.row.builds[1].build, old);
        let [set] = view.sets.as_slice() else { panic!("one set: {:?}", view.sets) };
        assert_eq!((set.generation, set.by_name.as_str(), &set.builds), (1, "tess", &view.row.builds));

        let newest = launch_environment(ctx, tess, with(BuildChoice::Channel("dev".to_owned()))).await.expect("launched");
        let view = stage.look(&newest).await;
        assert_eq!((&view.row.builds[1].build, &view.row.builds[1].chosen), (&new, &Chosen::NewestOf("dev".to_owned())));

        let refused = |why| Err(Problem::invalid("builds", why));
        let unknown = |what, name: &str| Fault::Unknown { what, name: name.to_owned() };
        let silent = with(BuildChoice::Channel("test".to_owned()));
        assert_eq!(launch_environment(ctx, tess, silent).await, refused(unknown(Noun::Build, "worker test")));
        let foreign = launch_environment(ctx, tess, with(BuildChoice::Build(web.clone()))).await;
        let reason = "a build of web cannot stand for worker".to_owned();
        assert_eq!(foreign, refused(Fault::Refused { reason }));
        let other = LaunchInput { builds: builds(&[("mailer", BuildChoice::Build(old.clone()))]), ..input(&web) };
        assert_eq!(launch_environment(ctx, tess, other).await, refused(unknown(Noun::App, "mailer")));
        let twice = LaunchInput { builds: builds(&[("web", BuildChoice::Build(web.clone()))]), ..input(&web) };
        assert!(launch_environment(ctx, tess, twice).await.is_err());
        let lost = with(BuildChoice::Build(BuildId("nothing".to_owned())));
        assert_eq!(launch_environment(ctx, tess, lost).await, Err(Problem::not_found(Noun::Build, "nothing")));
        let elsewhere = LaunchInput { engine: Some("big".to_owned()), ..input(&web) };
        assert_eq!(launch_environment(ctx, tess, elsewhere).await, Err(Problem::not_found(Noun::Engine, "big")));
        assert_eq!(stage.app.count("environments").await, 2);
    })
    .await;
}

const VARIABLES: &str = r#"
[[apps]]
name = "web"
image = "registry.test:5000/team/web"
port_label = 80
stack = "vars"
channels = [{ name = "dev", kind = "branch", tags = "dev" }]
service = { port = 80, env = { LOG = "info", REGION = "everywhere" } }

[[regions]]
name = "hangzhou"
url = "tcp://127.0.0.1:1"
env = { REGION = "hangzhou", TILE_HOST = "tiles.hangzhou.test" }

[[stacks]]
name = "vars"
compose = '''
services:
  web:
    image: ${BUILD_WEB}
    environment: { REGION: test, DATABASE_PASSWORD: hunter2, MODE: try }
  side:
    image: ${BUILD_WEB}
    environment: { MODE: side }
'''
"#;

fn given(service: Option<&str>, name: &str, value: &str) -> Given {
    Given { service: service.map(str::to_owned), name: name.to_owned(), value: value.to_owned() }
}

fn told(service: &ServiceVariables) -> Vec<(&str, Option<&str>, Origin)> {
    service.variables.iter().map(|one| (one.name.as_str(), one.value.as_deref(), one.origin)).collect()
}

#[tokio::test]
async fn variables_come_from_image_stack_region_and_launch_and_hidden_ones_stay_hidden() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.app.apply(VARIABLES).await;
    stage.begin_work();
    let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
    let web = stage.tagged("web", 1, "dev").await;
    let variables = vec![given(None, "MODE", "all"), given(Some("side"), "MODE", "own"), given(None, "API_TOKEN", "s3cr3t")];
    let asked = LaunchInput { preset: Some("hangzhou".to_owned()), variables, ..input(&web) };
    let id = launch_environment(ctx, tess, asked.clone()).await.expect("launched");
    let view = stage.until(&id, EnvironmentState::Running).await;

    let env = |service: &str| -> Value {
        let held = stage.engine.held();
        let found = held.containers.values().find(|container| container.body["Labels"]["slipway.service"] == service);
        found.expect("made").body["Env"].clone()
    };
    let wanted = [
        "API_TOKEN=s3cr3t",
        "DATABASE_PASSWORD=hunter2",
        "LOG=info",
        "MODE=all",
        "REGION=hangzhou",
        "TILE_HOST=tiles.hangzhou.test",
    ];
    assert_eq!(env("web"), json!(wanted));
    assert_eq!(env("side")[2], "MODE=own", "what is for one service wins: {}", env("side"));

    let web_vars = view.variables.iter().find(|service| service.service == "web").expect("shown");
    assert!(web_vars.image_known, "the engine said what the image has");
    let wanted = [
        ("API_TOKEN", None, Origin::Launch),
        ("DATABASE_PASSWORD", None, Origin::Stack),
        ("LOG", None, Origin::App),
        ("MODE", Some("all"), Origin::Launch),
        ("PATH", Some("/bin"), Origin::Image),
        ("REGION", None, Origin::Region),
        ("TILE_HOST", None, Origin::Region),
    ];
    assert_eq!(told(web_vars), wanted);
    let region = &web_vars.variables[5];
    let overrode: Vec<_> = region.overrode.iter().map(|below| (below.origin, below.value.as_deref())).collect();
    assert_eq!(overrode, [(Origin::App, None), (Origin::Stack, Some("test")), (Origin::Image, Some("nowhere"))]);
    let shown = serde_json::to_string(&view).expect("json");
    for secret in ["s3cr3t", "hunter2", "tiles.hangzhou.test"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }

    // A clone offers everything but what is hidden, and takes that over all the same.
    let ask = LaunchAsk { stack: None, preset: None, from: Some(id.clone()) };
    let form = launch_form(ctx, &stage.people.vera, &web, ask).await.expect("a form");
    let from = form.from.as_ref().expect("from the environment");
    assert_eq!((from.number, from.hidden.as_slice()), (1, ["API_TOKEN".to_owned()].as_slice()));
    assert_eq!((form.given.as_str(), form.preset.as_deref()), ("MODE=all\nside: MODE=own", Some("hangzhou")));
    assert!(!serde_json::to_string(&form).expect("json").contains("s3cr3t"));
    let cloned = LaunchInput { variables: Vec::new(), hidden_from: Some(id.clone()), ..input(&web) };
    launch_environment(ctx, tess, cloned).await.expect("launched");
    let spec: String =
        sqlx::query_scalar("SELECT spec FROM environments WHERE number = 2").fetch_one(ctx.store.read()).await.expect("a row");
    assert!(spec.contains("s3cr3t") && !spec.contains("hangzhou"), "{spec}");
}

#[tokio::test]
async fn what_cannot_be_a_variable_is_refused_and_nothing_is_written() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.app.apply(VARIABLES).await;
    let web = stage.tagged("web", 1, "dev").await;
    let launch = |input: LaunchInput| launch_environment(&stage.app.ctx, &stage.people.tess, input);
    for bad in [given(None, "1A", "x"), given(None, "A B", "x"), given(None, "A", "x\0y"), given(Some("db"), "A", "x")] {
        let refused = launch(LaunchInput { variables: vec![bad.clone()], ..input(&web) }).await;
        assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "variables"), "{bad:?}: {refused:?}");
    }
    let many = vec![given(None, "A", "x"); 201];
    assert!(launch(LaunchInput { variables: many, ..input(&web) }).await.is_err());
    let nowhere = LaunchInput { preset: Some("paris".to_owned()), ..input(&web) };
    assert_eq!(launch(nowhere).await, Err(Problem::not_found(Noun::Region, "paris")));
    assert_eq!(stage.app.count("environments").await, 0);
}

#[tokio::test]
async fn an_ended_environment_is_launched_again_as_it_was() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
    let worker = stage.tagged("worker", 1, "dev").await;
    let web = stage.tagged("web", 2, "dev").await;
    let asked = LaunchInput { lease_hours: Some(3), variables: vec![given(None, "MODE", "try")], ..input(&web) };
    let first = launch_environment(ctx, tess, asked).await.expect("launched");
    stage.until(&first, EnvironmentState::Running).await;
    stop_environment(ctx, tess, &first).await.expect("stopped");
    stage.until(&first, EnvironmentState::Stopped).await;
    stage.tagged("worker", 3, "dev").await;
    // The stack is another by now; what ran is what runs again.
    stage.app.apply("[[stacks]]\nname = \"shop\"\ncompose = \"services: { web: { image: '${BUILD_WEB}' } }\"\n").await;
    assert!(relaunch_environment(ctx, &stage.people.vera, &first).await.is_err(), "a viewer may not");
    let again = relaunch_environment(ctx, tess, &first).await.expect("launched");
    let view = stage.until(&again, EnvironmentState::Running).await;
    assert_eq!((view.row.number, view.row.stack.as_str()), (2, "shop"));
    assert_eq!(view.row.builds[1].build, worker, "not the newer one");
    assert_eq!(view.row.lease_ends_at - view.row.created_at, chrono::Duration::hours(3));
    let services: Vec<&str> = view.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(services, ["web", "worker"]);
    let web = view.variables.iter().find(|service| service.service == "web").expect("shown");
    assert!(told(web).contains(&("MODE", Some("try"), Origin::Launch)), "{web:?}");
}
