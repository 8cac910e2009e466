//! The secrets of a region: set by those who may, told by name, and given to services without a word
//! of what they hold.

use super::stage::{Stage, typed};
use crate::common::{TestApp, on_each_database};
use crate::decided::recorded;
use app::view::{CorrectInput, RegionSecret};
use domain::drift::Part;
use domain::problem::{Fault, Noun};
use domain::promotion::PromotionState;
use domain::region_secrets::{MOST_VALUE, SecretState};
use domain::{Action, Actor, Problem};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use server::store::region_secrets::Key;
use server::usecases::regions::{correct_drift, remove_secret, secrets, set_secret};

const DB: Key<'static> = Key { region: "here", app: "web", name: "db-password" };

impl Stage {
    /// From now on web needs these secrets.
    async fn name_secrets(&self, names: &[&str]) {
        let host = &self.registry.host;
        let app = format!(
            "[[apps]]\nname = \"web\"\nimage = \"{host}/team/web\"\nport_label = 80
             channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n
             [apps.service]\nport = 80\nsoak_seconds = 0\ndeadline_seconds = 60\nsecrets = {names:?}\n"
        );
        self.app.apply(&app).await;
    }

    async fn secret(&self, name: &str) -> RegionSecret {
        let all = secrets(&self.app.ctx, &self.people.vera, "here").await.expect("secrets");
        let own = all.apps.into_iter().find(|app| app.app == "web").expect("web");
        own.secrets.into_iter().find(|secret| secret.name == name).expect("the secret")
    }
}

#[tokio::test]
async fn a_secret_is_told_by_its_name_its_version_and_how_it_stands_to_what_runs() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, leo) = (&stage.app.ctx, &stage.people.leo);
        assert_eq!(secrets(ctx, leo, "here").await.expect("secrets").apps, [], "no app names any");
        stage.name_secrets(&["db-password"]).await;
        let unset = stage.secret("db-password").await;
        assert_eq!((unset.state, unset.version, unset.changed_at, unset.named), (SecretState::Missing, None, None, true));

        set_secret(ctx, leo, DB, "first-value").await.expect("set");
        let set = stage.secret("db-password").await;
        assert_eq!((set.state, set.version, set.changed_by.as_deref()), (SecretState::Unused, Some(1), Some("leo")));
        stage.verified(1, "here").await;
        assert_eq!(stage.secret("db-password").await.state, SecretState::Given);
        set_secret(ctx, leo, DB, "second-value").await.expect("set");
        let newer = stage.secret("db-password").await;
        assert_eq!((newer.state, newer.version, newer.runs), (SecretState::Newer, Some(2), Some(1)));

        // Another region has a value of its own, or none.
        let there = secrets(ctx, leo, "there").await.expect("secrets").apps.remove(0).secrets.remove(0);
        assert_eq!((there.state, there.version), (SecretState::Missing, None));

        stage.name_secrets(&[]).await;
        let left = stage.secret("db-password").await;
        assert!(!left.named && left.version == Some(2), "what is kept is said until it is removed");
        remove_secret(ctx, leo, DB).await.expect("removed");
        assert_eq!(secrets(ctx, leo, "here").await.expect("secrets").apps, []);
        stage.name_secrets(&["db-password"]).await;
        set_secret(ctx, leo, DB, "third-value").await.expect("set");
        assert_eq!(stage.secret("db-password").await.version, Some(3), "a version never comes twice");
        assert_eq!(recorded(&stage.app).await.iter().filter(|act| act.starts_with("region_secret.")).count(), 4);
    })
    .await;
}

#[tokio::test]
async fn leads_and_admins_set_what_the_app_names_and_nothing_else_is_taken() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.name_secrets(&["db-password"]).await;
    let (ctx, people) = (&stage.app.ctx, &stage.people);
    let refused = Problem::Forbidden { action: Action::SetRegionSecrets };
    for nobody in [&people.vera, &people.tess, &people.pia, &Actor::Slipway] {
        assert_eq!(set_secret(ctx, nobody, DB, "v").await, Err(refused.clone()));
        assert_eq!(remove_secret(ctx, nobody, DB).await, Err(refused.clone()));
    }
    for somebody in [&people.leo, &people.adam] {
        set_secret(ctx, somebody, DB, "v").await.expect("set");
    }
    let leo = &people.leo;
    assert_eq!(set_secret(ctx, leo, DB, "").await, Err(Problem::invalid("value", Fault::Missing)));
    let big = "x".repeat(MOST_VALUE + 1);
    let too_big = Fault::TooBig { most: MOST_VALUE as u64 };
    assert_eq!(set_secret(ctx, leo, DB, &big).await, Err(Problem::invalid("value", too_big)));
    set_secret(ctx, leo, DB, &big[1..]).await.expect("set");
    let unknown = Fault::Unknown { what: Noun::Secret, name: "token".to_owned() };
    assert_eq!(set_secret(ctx, leo, Key { name: "token", ..DB }, "v").await, Err(Problem::invalid("name", unknown)));
    let nowhere = set_secret(ctx, leo, Key { region: "nowhere", ..DB }, "v").await;
    assert_eq!(nowhere, Err(Problem::not_found(Noun::Region, "nowhere")));
    let nothing = set_secret(ctx, leo, Key { app: "nothing", ..DB }, "v").await;
    assert_eq!(nothing, Err(Problem::not_found(Noun::App, "nothing")));
    let there = remove_secret(ctx, leo, Key { region: "there", ..DB }).await;
    assert_eq!(there, Err(Problem::not_found(Noun::Secret, "db-password")), "it is not set there");
}

#[tokio::test]
async fn a_value_is_sealed_for_its_own_place_and_comes_back_over_no_route() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.name_secrets(&["db-password"]).await;
        let ctx = &stage.app.ctx;
        let token = stage.app.token(&stage.people.leo).await;
        let path = "/api/v1/regions/here/secrets";
        let body = json!({ "app": "web", "name": "db-password", "value": "hush-value" });
        let (status, _) = stage.app.rest(&token, "POST", path, body).await;
        assert_eq!(status.as_u16(), 204);
        let kept = ctx.store.sealed_in_region(DB).await.expect("asked").expect("kept");
        assert!(!String::from_utf8_lossy(&kept.sealed).contains("hush"));
        assert_eq!(ctx.keeper.unseal("here/web/db-password", &kept.sealed).expect("opened").expose_secret(), "hush-value");
        assert!(ctx.keeper.unseal("there/web/db-password", &kept.sealed).is_err(), "nor in another region");

        stage.verified(1, "here").await;
        assert_eq!(stage.here.given(), [("db-password".to_owned(), "hush-value".to_owned())]);
        let (status, listed) = stage.app.rest(&token, "GET", path, Value::Null).await;
        let told = &listed["apps"][0]["secrets"][0];
        assert_eq!((status.as_u16(), &told["state"], &told["version"]), (200, &json!("given"), &json!(1)));
        for path in [path, "/api/v1/regions/here", "/api/v1/activity", "/api/v1/regions/here/history"] {
            let (_, told) = stage.app.rest(&token, "GET", path, Value::Null).await;
            assert!(!told.to_string().contains("hush"), "{told}");
        }
        let (status, _) = stage.app.rest(&token, "POST", &format!("{path}/web/db-password/remove"), Value::Null).await;
        assert_eq!(status.as_u16(), 204);
        assert_eq!(ctx.store.sealed_in_region(DB).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_was_exchanged_by_hand_is_shown_by_its_name_and_put_back() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.name_secrets(&["db-password"]).await;
    let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
    set_secret(ctx, ada, DB, "first").await.expect("set");
    stage.verified(1, "here").await;
    stage.cell(|cell| !cell.drifted && cell.running == 2).await;
    stage.here.found_secret("theirs");
    stage.here.change_by_hand(|spec| {
        let given = &mut spec["TaskTemplate"]["ContainerSpec"]["Secrets"][0];
        (given["SecretID"], given["SecretName"]) = (json!("foreign1"), json!("theirs"));
    });
    let cell = stage.cell(|cell| cell.drifted).await;
    let parts: Vec<(Part, Option<&str>)> = cell.drift.iter().map(|one| (one.part, one.seen.as_deref())).collect();
    assert_eq!(parts, [(Part::Secrets, Some("db-password"))]);
    let input = CorrectInput { reason: "nobody asked for this".to_owned(), confirmation: typed() };
    let id = correct_drift(ctx, ada, "here", "web", input).await.expect("started");
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
    assert_eq!(stage.here.given(), [("db-password".to_owned(), "first".to_owned())]);
    assert_eq!(stage.here.secrets(), ["slw-web.db-password.1", "theirs"], "what is not ours is left alone");
}
