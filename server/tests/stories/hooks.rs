//! Hooks: made and put out of use by those who may; their keys are nowhere but with the sender.

use crate::common::{TestApp, on_each_database};
use crate::intake::Intake;
use app::view::NewHook;
use domain::id::HookId;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem, Role};
use serde_json::{Value, json};
use server::usecases::hooks::{add_hook, list_hooks, revoke_hook};
use server::usecases::settings::settings;
use std::time::Duration;

fn new(name: &str, source: &str) -> NewHook {
    NewHook { name: name.to_owned(), source: source.to_owned(), ..NewHook::default() }
}

#[tokio::test]
async fn a_new_hook_s_key_is_told_once_and_kept_as_a_hash() {
    on_each_database(|app| async move {
        let ada = app.person("ada", Role::Admin).await;
        let made = add_hook(&app.ctx, &ada, new("registry", "distribution")).await.expect("a hook");
        let key = made.key.clone().expect("a key");
        assert_eq!((made.name.as_str(), key.len(), made.secret), ("registry", 43, None));
        let hooks = list_hooks(&app.ctx, &ada).await.expect("hooks");
        assert_eq!(
            (hooks[0].id.as_str(), hooks[0].source.as_str(), hooks[0].revoked_at),
            (made.id.as_str(), "distribution", None)
        );
        let hash: String =
            sqlx::query_scalar("SELECT key_hash FROM hooks").fetch_one(app.ctx.store.read()).await.expect("a hash");
        assert_eq!(hash, server::ctx::secret_hash(&key));
        let page = serde_json::to_string(&settings(&app.ctx, &ada).await.expect("settings")).expect("json");
        let details: Vec<String> =
            sqlx::query_scalar("SELECT detail FROM audit").fetch_all(app.ctx.store.read()).await.expect("details");
        assert_eq!(details, ["source distribution"]);
        assert!(page.contains("registry") && !page.contains(&key) && !page.contains(&hash));
    })
    .await;
}

#[tokio::test]
async fn a_revoked_hook_stays_listed_and_cannot_be_revoked_again() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let (ctx, ada) = (&story.app.ctx, &story.admin);
        add_hook(ctx, ada, new("another", "distribution")).await.expect("a hook");
        story.deliver(&[]).await;
        story.app.clock.advance(Duration::from_secs(60));
        let hooks = list_hooks(ctx, ada).await.expect("hooks");
        let registry = hooks.iter().find(|hook| hook.name == "registry").expect("listed");
        assert_eq!(registry.last_delivery_at, Some(ctx.now() - Duration::from_secs(60)));
        revoke_hook(ctx, ada, &registry.id).await.expect("revoked");
        let hooks = list_hooks(ctx, ada).await.expect("hooks");
        let names: Vec<&str> = hooks.iter().map(|hook| hook.name.as_str()).collect();
        assert_eq!((names, hooks[1].revoked_at), (vec!["another", "registry"], Some(ctx.now())));
        for id in [registry.id.clone(), HookId("gone".into())] {
            let refused = Err(Problem::NotFound { what: Noun::Hook, id: id.0.clone() });
            assert_eq!(revoke_hook(ctx, ada, &id).await, refused);
        }
        let last: String = sqlx::query_scalar("SELECT subject FROM audit WHERE action = 'hook.revoked'")
            .fetch_one(ctx.store.read())
            .await
            .expect("one row");
        assert_eq!(last, "registry");
    })
    .await;
}

#[tokio::test]
async fn bad_names_unknown_sources_and_names_in_use_are_refused() {
    on_each_database(|app| async move {
        let add = |name: &str, source: &str| add_hook(&app.ctx, &Actor::Slipway, new(name, source));
        add("registry", "distribution").await.expect("a hook");
        let exists = Problem::Exists { what: Noun::Hook, name: "registry".into() };
        assert_eq!(add("registry", "distribution").await, Err(exists));
        for name in ["", "<script>", "a b", "-", "Ä"] {
            assert_eq!(add(name, "distribution").await, Err(Problem::invalid("name", Fault::BadName)), "{name}");
        }
        let choices = Fault::NotOneOf { choices: "distribution".into() };
        assert_eq!(add("other", "carrier-pigeon").await, Err(Problem::invalid("source", choices)));
        assert_eq!(app.count("hooks").await, 1);
        assert_eq!(app.count("audit").await, 1);
    })
    .await;
}

#[tokio::test]
async fn only_an_admin_sees_and_changes_hooks() {
    let app = TestApp::sqlite().await;
    let refused = Problem::Forbidden { action: Action::ManageHooks };
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let someone = app.person(role.as_str(), role).await;
        let added = add_hook(&app.ctx, &someone, new("x", "distribution")).await;
        assert_eq!(added, Err(refused.clone()), "{role}");
        assert_eq!(list_hooks(&app.ctx, &someone).await, Err(refused.clone()), "{role}");
        assert_eq!(revoke_hook(&app.ctx, &someone, &HookId("x".into())).await, Err(refused.clone()), "{role}");
        let seen = settings(&app.ctx, &someone).await.expect("settings");
        assert_eq!((seen.hooks.len(), seen.users.len(), seen.tokens.len()), (0, 0, 0), "{role}");
    }
}

#[tokio::test]
async fn settings_show_people_tokens_and_hooks_to_those_who_manage_them() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let token = story.app.token(&story.viewer).await;
        let seen = settings(&story.app.ctx, &story.admin).await.expect("settings");
        let names: Vec<&str> = seen.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["ada", "vera"]);
        assert_eq!((seen.tokens[0].owner_name.as_str(), seen.hooks[0].name.as_str()), ("vera", "registry"));
        assert!(!serde_json::to_string(&seen).expect("json").contains(&token));
    })
    .await;
}

#[tokio::test]
async fn rest_makes_lists_and_revokes_hooks() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let (admin, viewer) = (story.app.token(&story.admin).await, story.app.token(&story.viewer).await);
        let app = &story.app;
        let (status, made) = app.rest(&admin, "POST", "/api/v1/hooks", json!({ "name": "ci", "source": "distribution" })).await;
        assert_eq!(status.as_u16(), 201);
        let path = format!("/hooks/distribution/{}", made["secret"].as_str().expect("a key"));
        assert_eq!(story.post_to(&path, r#"{"events":[]}"#).await.0.as_u16(), 202);
        let (_, hooks) = app.rest(&admin, "GET", "/api/v1/hooks", Value::Null).await;
        assert_eq!((hooks.as_array().map(Vec::len), &hooks[0]["name"]), (Some(2), &"ci".into()));
        assert!(!hooks.to_string().contains(made["secret"].as_str().expect("a key")));
        let revoke = format!("/api/v1/hooks/{}/revoke", made["id"].as_str().expect("an id"));
        assert_eq!(app.rest(&viewer, "POST", &revoke, Value::Null).await.0.as_u16(), 403);
        assert_eq!(app.rest(&admin, "POST", &revoke, Value::Null).await.0.as_u16(), 204);
        assert_eq!(app.rest(&admin, "POST", &revoke, Value::Null).await.0.as_u16(), 404);
        assert_eq!(story.post_to(&path, r#"{"events":[]}"#).await.0.as_u16(), 404);
        for body in [json!({}), json!({ "name": 3, "source": "distribution" }), json!({ "name": "x", "source": "y" })] {
            let (status, problem) = app.rest(&admin, "POST", "/api/v1/hooks", body.clone()).await;
            assert_eq!((status.as_u16(), &problem["code"]), (422, &"invalid".into()), "{body}");
        }
        for (method, path) in
            [("GET", "/api/v1/hooks"), ("GET", "/api/v1/deliveries"), ("GET", "/api/v1/configuration"), ("GET", "/api/v1/check")]
        {
            assert_eq!(app.rest(&viewer, method, path, Value::Null).await.0.as_u16(), 403, "{path}");
        }
    })
    .await;
}
