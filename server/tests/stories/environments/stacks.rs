//! What a launch fills into a stack, a text that is tried out, and ground that is not as asked.

use super::stage::{Stage, input};
use crate::commits::origin::Origin;
use crate::common::TestApp;
use crate::decided::tamper;
use app::view::LaunchInput;
use domain::Problem;
use domain::lease::EnvironmentState;
use domain::problem::Fault;
use domain::variables::Given;
use serde_json::{Value, json};
use server::usecases::environments::{launch_environment, launch_form, stop_environment};
use server::usecases::stacks::try_stack;

const ASKING: &str = r#"
[[stacks]]
name = "asking"
compose = '''
services:
  web:
    image: ${BUILD_WEB}
    environment: { GREETING: "${WORD:?say something} ${MODE:-plain}" }
'''

[[stacks]]
name = "keeping"
compose = '''
services:
  web:
    image: ${BUILD_WEB}
    volumes: ['data:/data']
    networks: [front, back]
networks: { front: , back: { internal: true } }
volumes: { data: }
'''
"#;

fn given(name: &str, value: &str) -> Given {
    Given { service: None, name: name.to_owned(), value: value.to_owned() }
}

fn env(stage: &Stage) -> Value {
    let held = stage.engine.held();
    held.containers.values().next().expect("a container").body["Env"].clone()
}

#[tokio::test]
async fn a_launch_fills_in_what_the_stack_asks_for_and_nothing_else() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.app.apply(ASKING).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
    let asked = || LaunchInput { stack: Some("asking".to_owned()), ..input(&web) };
    let why = Fault::Refused { reason: "WORD is needed: say something".to_owned() };
    assert_eq!(launch_environment(ctx, tess, asked()).await, Err(Problem::invalid("variables", why)));
    let ask = serde_json::from_value(json!({ "stack": "asking" })).expect("a question");
    let form = launch_form(ctx, tess, &web, ask).await.expect("a form");
    assert_eq!(form.given, "WORD=", "the form has a line for it");
    let variables = vec![given("WORD", "hello"), given("OTHER", "x")];
    let id = launch_environment(ctx, tess, LaunchInput { variables, ..asked() }).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    assert_eq!(env(&stage), json!(["GREETING=hello plain", "OTHER=x"]), "what fills in the file is no variable of the service");
}

#[tokio::test]
async fn a_text_is_tried_out_before_it_is_saved() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let (ctx, tess) = (&stage.app.ctx, &stage.people.tess);
    let draft = "services:\r\n  web:\r\n    image: ${BUILD_WEB}\r\n    environment: { TRIED: 'yes' }\r\n";
    let nothing = try_stack(ctx, tess, "drafted", draft).await;
    assert!(matches!(&nothing, Err(Problem::Invalid { field, .. }) if field == "compose"), "no build yet: {nothing:?}");
    stage.tagged("web", 1, "dev").await;
    let bad = try_stack(ctx, tess, "drafted", &draft.replace("image", "pid: host\r\n    image")).await;
    assert!(matches!(bad, Err(Problem::Stack { line: 3, .. })), "{bad:?}");
    assert!(try_stack(ctx, &stage.people.vera, "drafted", draft).await.is_err(), "a viewer may not");
    let id = try_stack(ctx, tess, "drafted", draft).await.expect("launched");
    let view = stage.until(&id, EnvironmentState::Running).await;
    assert_eq!(view.row.stack, "drafted");
    assert_eq!(env(&stage), json!(["TRIED=yes"]));
    assert!(ctx.config().config.stack("drafted").is_none(), "nothing was saved");
}

#[tokio::test]
async fn volumes_and_networks_come_and_go_with_the_environment() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.app.apply(ASKING).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("keeping")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    let named = |name: &str| format!("slw-{}-e1-{name}", &stage.app.ctx.instance()[..8]);
    {
        let held = stage.engine.held();
        let networks: Vec<_> =
            held.networks.values().map(|network| (network["Name"].clone(), network["Internal"].clone())).collect();
        assert_eq!(networks, [(json!(named("front")), json!(false)), (json!(named("back")), json!(true))]);
        assert_eq!(held.volumes.keys().collect::<Vec<_>>(), [&named("data")]);
        let body = &held.containers.values().next().expect("a container").body;
        let on: Vec<&String> = body["NetworkingConfig"]["EndpointsConfig"].as_object().expect("networks").keys().collect();
        assert_eq!(on, [&named("back"), &named("front")]);
    }
    stop_environment(&stage.app.ctx, &stage.people.tess, &id).await.expect("stopped");
    stage.until(&id, EnvironmentState::Stopped).await;
    let held = stage.engine.held();
    assert!(held.networks.is_empty() && held.volumes.is_empty(), "{:?}", held.volumes);
}

#[tokio::test]
async fn a_volume_that_is_somebody_s_or_leads_out_is_never_mounted() {
    let foreign = json!({ "Labels": {}, "Options": null });
    let leading = |stage: &Stage| {
        let mine = json!({ "slipway.instance": stage.app.ctx.instance(), "slipway.environment": "?" });
        json!({ "Labels": mine, "Options": { "type": "none", "o": "bind", "device": "/etc" } })
    };
    for leads_out in [false, true] {
        let stage = Stage::set(TestApp::sqlite().await).await;
        stage.app.apply(ASKING).await;
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("keeping")).await.expect("launched");
        let name = format!("slw-{}-e1-data", &stage.app.ctx.instance()[..8]);
        let mut there = if leads_out { leading(&stage) } else { foreign.clone() };
        there["Name"] = json!(name);
        there["Driver"] = json!("local");
        there["Mountpoint"] = json!("/there");
        there["Scope"] = json!("local");
        if leads_out {
            there["Labels"]["slipway.environment"] = json!(id.as_str());
        }
        stage.engine.held().volumes.insert(name.clone(), there);
        stage.begin_work();
        let view = stage.until(&id, EnvironmentState::Failed).await;
        match (&view.failure, leads_out) {
            (Some(Problem::Uncontained { service, .. }), true) => assert_eq!(service, "data"),
            (Some(Problem::EngineRefused { .. }), false) => {
                assert!(stage.engine.held().volumes.contains_key(&name), "what is not ours is not touched");
            }
            other => panic!("{other:?}"),
        }
        let started = stage.engine.held().changes.iter().any(|change| change.ends_with("/start"));
        assert!(!started, "nothing ran on it");
    }
}

#[tokio::test]
async fn a_stack_that_is_kept_with_the_code_is_that_of_the_build_s_own_commit() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let origin = Origin::new();
    origin.git(&["config", "uploadpack.allowAnySHA1InWant", "true"], b"");
    let text = |word: &str| format!("services: {{ web: {{ image: '${{BUILD_WEB}}', environment: {{ KEPT: {word} }} }} }}\n");
    let nothing = origin.commit_files(&[("100644", "other", "x")]);
    let old = origin.commit_files(&[("100644", "slipway.yaml", &text("then"))]);
    let new = origin.commit_files(&[("100644", "slipway.yaml", &text("now"))]);
    let bad = origin.commit_files(&[("100644", "slipway.yaml", "services: { web: { image: '${BUILD_WEB}', pid: host } }\n")]);
    let app = format!(
        "[[apps]]\nname = \"web\"\nimage = \"registry.test:5000/team/web\"\ngit = \"{}\"\nstack = \"alone\"\nstack_file = \"slipway.yaml\"\n",
        origin.url()
    );
    stage.app.apply(&app).await;
    stage.begin_work();
    for (n, commit) in [(1, None), (2, Some(&nothing)), (3, Some(&bad))] {
        let build = stage.tagged("web", n, "dev").await;
        if let Some(commit) = commit {
            tamper(&stage.app, "UPDATE builds SET revision = $1 WHERE id = $2", &[commit.as_str(), build.as_str()]).await;
        }
        let refused = stage.launch(&build, None).await;
        match n {
            3 => assert!(matches!(refused, Err(Problem::Stack { line: 1, .. })), "{refused:?}"),
            _ => assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "stack"), "{n}: {refused:?}"),
        }
    }
    for (n, commit, word) in [(4, &new, "now"), (5, &old, "then")] {
        let build = stage.tagged("web", n, "dev").await;
        tamper(&stage.app, "UPDATE builds SET revision = $1 WHERE id = $2", &[commit.as_str(), build.as_str()]).await;
        let id = stage.launch(&build, None).await.expect("launched");
        let view = stage.until(&id, EnvironmentState::Running).await;
        assert_eq!(view.row.stack, "slipway.yaml");
        assert_eq!(env(&stage), json!([format!("KEPT={word}")]));
        stop_environment(&stage.app.ctx, &stage.people.tess, &id).await.expect("stopped");
        stage.until(&id, EnvironmentState::Stopped).await;
        let named = stage.launch(&build, Some("alone")).await.expect("the configuration's stacks are there all the same");
        stop_environment(&stage.app.ctx, &stage.people.tess, &named).await.expect("stopped");
        stage.until(&named, EnvironmentState::Stopped).await;
    }
}
