//! Secrets by name: set by those who may, used by Slipway, read back by nobody.

use crate::common::{TestApp, on_each_database};
use domain::problem::{Fault, Noun};
use domain::{Action, Problem, Role};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use server::usecases::secrets;

#[tokio::test]
async fn a_secret_is_kept_sealed_named_and_replaced() {
    on_each_database(|app| async move {
        let ada = app.person("ada", Role::Admin).await;
        let token = app.token(&ada).await;
        app.apply("[[registries]]\nhost = \"registry.test\"\nuser = \"u\"\npassword_secret = \"shelf\"\n").await;
        for value in ["first-value", "second-value"] {
            let (status, _) = app.rest(&token, "POST", "/api/v1/secrets", json!({ "name": "shelf", "value": value })).await;
            assert_eq!(status.as_u16(), 204);
            assert_eq!(secrets::open(&app.ctx, "shelf").await.expect("kept").expose_secret(), value);
        }
        let (_, listed) = app.rest(&token, "GET", "/api/v1/secrets", Value::Null).await;
        assert_eq!((&listed[0]["name"], &listed[0]["used_by"][0]), (&json!("shelf"), &json!("registry registry.test")));
        assert!(!listed.to_string().contains("value"), "{listed}");
        let sealed = app.ctx.store.sealed("shelf").await.expect("asked").expect("there");
        assert!(!String::from_utf8_lossy(&sealed).contains("second-value"));
        let (status, _) = app.rest(&token, "POST", "/api/v1/secrets/shelf/remove", Value::Null).await;
        assert_eq!(status.as_u16(), 204);
        assert_eq!(secrets::open(&app.ctx, "shelf").await.map(|_| ()), Err(Problem::SecretMissing { name: "shelf".into() }));
        let gone = secrets::remove(&app.ctx, &ada, "shelf").await;
        assert_eq!(gone, Err(Problem::NotFound { what: Noun::Secret, id: "shelf".into() }));
    })
    .await;
}

#[tokio::test]
async fn only_an_admin_sets_names_and_removes_secrets() {
    let app = TestApp::sqlite().await;
    let refused = Problem::Forbidden { action: Action::ManageSecrets };
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let someone = app.person(role.as_str(), role).await;
        assert_eq!(secrets::set(&app.ctx, &someone, "a", "b").await, Err(refused.clone()));
        assert_eq!(secrets::list(&app.ctx, &someone).await, Err(refused.clone()));
        assert_eq!(secrets::remove(&app.ctx, &someone, "a").await, Err(refused.clone()));
    }
}

#[tokio::test]
async fn a_name_or_value_that_cannot_be_is_refused() {
    let app = TestApp::sqlite().await;
    let ada = app.person("ada", Role::Admin).await;
    for name in ["", "A", "a b", "../x", "a\0"] {
        assert_eq!(secrets::set(&app.ctx, &ada, name, "v").await, Err(Problem::invalid("name", Fault::BadName)), "{name:?}");
    }
    assert_eq!(secrets::set(&app.ctx, &ada, "a", "").await, Err(Problem::invalid("value", Fault::Missing)));
    let big = "x".repeat(64 * 1024 + 1);
    assert!(matches!(secrets::set(&app.ctx, &ada, "a", &big).await, Err(Problem::Invalid { why: Fault::TooBig { .. }, .. })));
}
