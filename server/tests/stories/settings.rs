//! The configuration: what is applied is in force, and comes back as it was.

use crate::common::{TWO_APPS, TestApp, a_hook, on_each_database};
use domain::problem::Fault;
use domain::{Action, Actor, Problem, Role};
use server::usecases::settings::{apply, check, export, settings};

const SLIPWAY: Actor = Actor::Slipway;

#[tokio::test]
async fn what_is_applied_is_in_force_and_recorded() {
    on_each_database(|app| async move {
        let ada = app.person("ada", Role::Admin).await;
        let done = apply(&app.ctx, &ada, TWO_APPS, false).await.expect("applied");
        assert_eq!(done.version, 1);
        assert_eq!(done.changes.added, ["registry registry.test:5000", "app web", "app worker"]);
        assert_eq!(app.ctx.config().config.apps.len(), 2);
        let detail: String = sqlx::query_scalar("SELECT detail FROM audit WHERE actor = 'ada'")
            .fetch_one(app.ctx.store.read())
            .await
            .expect("a row");
        assert_eq!(detail, "added registry registry.test:5000, app web, app worker");
    })
    .await;
}

#[tokio::test]
async fn applying_again_what_was_exported_changes_nothing() {
    on_each_database(|app| async move {
        app.apply(TWO_APPS).await;
        app.apply(
            "[[stacks]]\nname = \"shop\"\ncompose = '''\nservices:\n  web:\n    image: ${BUILD_WEB}\n'''\n
             [[engines]]\nname = \"test\"\nurl = \"unix:///run/docker.sock\"\naddress = \"localhost\"\n
             [[regions]]\nname = \"hangzhou\"\nurl = \"tcp://10.0.0.1:2375\"\ntitle_zh = \"杭州\"\nenv = { A = \"1\", B = \"x\\ny\" }\n",
        )
        .await;
        let before = app.ctx.config();
        let text = export(&app.ctx, &SLIPWAY).await.expect("exported");
        for prune in [false, true] {
            let done = apply(&app.ctx, &SLIPWAY, &text, prune).await.expect("applied");
            assert_eq!((done.version, done.changes), (2, Default::default()), "{text}");
        }
        assert_eq!(app.ctx.config().config, before.config);
        assert_eq!(app.count("configurations").await, 2);
        assert_eq!(app.count("audit").await, 2);
    })
    .await;
}

#[tokio::test]
async fn one_app_can_be_changed_without_naming_the_others() {
    on_each_database(|app| async move {
        app.apply(TWO_APPS).await;
        let one = "[[apps]]\nname = \"worker\"\nimage = \"registry.test:5000/team/worker2\"\n";
        let done = apply(&app.ctx, &SLIPWAY, one, false).await.expect("applied");
        assert_eq!(done.changes.changed, ["app worker"]);
        assert!(app.ctx.config().config.app("web").is_some());
        let done = apply(&app.ctx, &SLIPWAY, one, true).await.expect("pruned");
        assert_eq!(done.changes.removed, ["registry registry.test:5000", "app web"]);
        assert_eq!(done.changes.to_string(), "removed registry registry.test:5000, app web");
    })
    .await;
}

#[tokio::test]
async fn two_who_apply_at_once_lose_nothing() {
    on_each_database(|app| async move {
        let text = |n: usize| format!("[[apps]]\nname = \"app{n}\"\nimage = \"registry.test:5000/app{n}\"\n");
        let texts: Vec<String> = (0..8).map(text).collect();
        let all = texts.iter().map(|text| apply(&app.ctx, &SLIPWAY, text, false));
        futures::future::try_join_all(all).await.expect("all applied");
        app.ctx.reload_config().await.expect("read");
        assert_eq!((app.ctx.config().version, app.ctx.config().config.apps.len()), (8, 8));
    })
    .await;
}

#[tokio::test]
async fn a_bad_file_is_refused_at_its_place_and_changes_nothing() {
    let app = TestApp::sqlite().await;
    app.apply(TWO_APPS).await;
    for (text, place) in [
        ("apps = 3", "line 1"),
        ("[[apps]]\nname = \"x\"\n", "line 1"),
        ("[[apps]]\nname = \"x\"\nimage = \"nohost\"\n", "line 3"),
        ("[[engines]]\nname = \"x\"\nurl = \"unix:///a\"\naddress = \"a\"\nprivileged = true\n", "line 5"),
        ("[[apps]]\nname = \"<script>\"\nimage = \"a.b/c\"\n", "apps.<script>"),
        ("[[apps]]\nname = \"x\"\nimage = \"registry.test:5000/team/web\"\n", "apps.x.image"),
        ("[[apps]]\nname = \"x\"\nimage = \"a.b/c\"\nport_label = 80\nservice = { port = 80 }\n", "apps.x.port_label"),
        ("[[engines]]\nname = \"x\"\nurl = \"ssh://a\"\naddress = \"a\"\n", "engines.x.url"),
        ("[[regions]]\nname = \"x\"\nurl = \"tcp://a:1\"\ntime_zone = \"Mars; DROP\"\n", "regions.x.time_zone"),
    ] {
        let Err(Problem::Config { place: found, why }) = apply(&app.ctx, &SLIPWAY, text, false).await else {
            panic!("accepted: {text}")
        };
        assert_eq!(found, place, "{text}: {why}");
        assert_ne!(why, Fault::Missing);
    }
    assert_eq!(app.ctx.config().version, 1);
    assert_eq!(app.count("audit").await, 1);
}

#[tokio::test]
async fn only_an_admin_configures() {
    let app = TestApp::sqlite().await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let someone = app.person(role.as_str(), role).await;
        let refused = Err(Problem::Forbidden { action: Action::Configure });
        assert_eq!(apply(&app.ctx, &someone, TWO_APPS, false).await.map(|_| ()), refused);
        assert_eq!(export(&app.ctx, &someone).await.map(|_| ()), refused);
    }
    assert!(apply(&app.ctx, &a_hook(), TWO_APPS, false).await.is_err());
}

#[tokio::test]
async fn a_viewer_sees_what_there_is_but_no_addresses_and_no_environment() {
    let app = TestApp::sqlite().await;
    app.apply("[[regions]]\nname = \"hk\"\nurl = \"tcp://10.0.0.1:2375\"\nenv = { TOKEN = \"canary\" }\n").await;
    let viewer = app.person("vera", Role::Viewer).await;
    let seen = settings(&app.ctx, &viewer).await.expect("seen");
    assert_eq!(seen.regions[0].name, "hk");
    let page = serde_json::to_string(&seen).expect("json");
    assert!(!page.contains("canary") && !page.contains("10.0.0.1"), "{page}");
    let admin = app.person("ada", Role::Admin).await;
    assert_eq!(settings(&app.ctx, &admin).await.expect("seen").regions[0].env["TOKEN"], "canary");
}

#[tokio::test]
async fn a_look_at_everything_says_what_is_wrong_where() {
    let app = TestApp::sqlite().await;
    app.apply(
        "[[engines]]\nname = \"gone\"\nurl = \"unix:///nonexistent/docker.sock\"\naddress = \"localhost\"\n
         [[registries]]\nhost = \"127.0.0.1:1\"\ninsecure = true\n",
    )
    .await;
    let lines = check(&app.ctx, &SLIPWAY).await.expect("looked");
    let found: Vec<(&str, bool)> = lines.iter().map(|line| (line.subject.as_str(), line.found.is_ok())).collect();
    let wanted = [("database", true), ("configuration", true), ("engine gone", false), ("registry 127.0.0.1:1", false)];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn the_demo_is_a_configuration_that_is_taken() {
    let app = TestApp::sqlite().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/demo");
    let mut names: Vec<_> = std::fs::read_dir(folder).expect("the demo").map(|entry| entry.expect("a file").path()).collect();
    names.sort();
    let files: Vec<String> = names
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| std::fs::read_to_string(path).expect("a text"))
        .map(|text| text.replace("@REGISTRY@", "10.0.0.1:5000").replace("@URL@", "unix:///run/docker.sock"))
        .map(|text| text.replace("@ADDRESS@", "10.0.0.11").replace("@GIT@", "/srv/git"))
        .collect();
    assert!(files.len() >= 5);
    for text in files {
        apply(&app.ctx, &SLIPWAY, &text, false).await.unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    }
    assert!(!app.ctx.config().config.stacks.is_empty());
}

#[tokio::test]
async fn a_stack_that_would_harm_the_engine_is_refused_by_name_and_line() {
    let app = TestApp::sqlite().await;
    app.apply(TWO_APPS).await;
    let bad =
        "[[stacks]]\nname = \"shop\"\ncompose = '''\nservices:\n  web:\n    image: ${BUILD_WEB}\n    privileged: true\n'''\n";
    let Err(problem) = apply(&app.ctx, &SLIPWAY, bad, false).await else { panic!("taken") };
    let Problem::Stack { line, key, .. } = &problem else { panic!("{problem}") };
    assert_eq!((*line, key.as_str()), (4, "stacks.shop.services.web.privileged"));
    assert!(problem.to_string().contains("line 4, stacks.shop.services.web.privileged: refused:"), "{problem}");
    assert_eq!(app.ctx.config().version, 1);
}

#[tokio::test]
async fn rest_takes_in_and_gives_out_the_configuration_as_toml() {
    on_each_database(|app| async move {
        let (ada, vera) = (app.person("ada", Role::Admin).await, app.person("vera", Role::Viewer).await);
        let (admin, viewer) = (app.token(&ada).await, app.token(&vera).await);
        let put = |token: &str, query: &str, body: axum::body::Body| {
            let request = http::Request::put(format!("/api/v1/configuration{query}"));
            let request = request.header("authorization", format!("Bearer {token}"));
            app.send(request.body(body).expect("a request"))
        };
        let (status, done) = put(&admin, "", TWO_APPS.into()).await;
        assert_eq!((status.as_u16(), &done["version"], done["added"].as_array().map(Vec::len)), (200, &1.into(), Some(3)));
        let (status, text) = app.rest(&admin, "GET", "/api/v1/configuration", serde_json::Value::Null).await;
        assert_eq!((status.as_u16(), text.as_str()), (200, export(&app.ctx, &ada).await.ok().as_deref()));
        let (_, done) = put(&admin, "?prune=true", "[[apps]]\nname = \"x\"\nimage = \"a.b/c\"\n".into()).await;
        assert_eq!(done["removed"].as_array().map(Vec::len), Some(3));
        let (status, problem) = put(&admin, "", "apps = 3".into()).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &"config".into()));
        assert_eq!(put(&admin, "", vec![0xff].into()).await.0.as_u16(), 422);
        assert_eq!(put(&admin, "?prune=true", " \n".into()).await.0.as_u16(), 422);
        assert_eq!(put(&admin, "?prune=perhaps", "".into()).await.0.as_u16(), 422);
        assert_eq!(put(&admin, "", vec![b'#'; 2 << 20].into()).await.0.as_u16(), 413);
        assert_eq!(put(&viewer, "", TWO_APPS.into()).await.0.as_u16(), 403);
        assert_eq!(app.ctx.config().version, 2);
        let (status, looks) = app.rest(&admin, "GET", "/api/v1/check", serde_json::Value::Null).await;
        assert_eq!((status.as_u16(), &looks[0]["subject"], &looks[0]["ok"]), (200, &"database".into(), &true.into()));
        let (status, seen) = app.rest(&viewer, "GET", "/api/v1/settings", serde_json::Value::Null).await;
        assert_eq!((status.as_u16(), &seen["config_version"]), (200, &2.into()));
    })
    .await;
}
