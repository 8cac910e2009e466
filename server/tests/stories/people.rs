//! Users and tokens: who may make them, what they are called, and what the record says.

use crate::browser::{Browser, PASSWORD, user};
use crate::common::{TestApp, a_hook, on_each_database};
use domain::id::{TokenId, UserId};
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem, Role};
use http::StatusCode;
use server::usecases::people::{UserChange, add_user, change_role, change_user, list_users, set_disabled};
use server::usecases::tokens::{add_token, list_tokens, revoke_token};

fn id(actor: &Actor) -> &UserId {
    &actor.person().expect("a person").id
}

async fn record(app: &TestApp) -> Vec<(String, String, String, String)> {
    sqlx::query_as("SELECT actor, action, subject, detail FROM audit ORDER BY at, id")
        .fetch_all(app.ctx.store.read())
        .await
        .expect("rows")
}

#[tokio::test]
async fn every_change_of_people_and_tokens_is_on_record() {
    on_each_database(|app| async move {
        let ada = user(&app, "ada", Role::Admin).await;
        let tess = add_user(&app.ctx, &ada, "tess".to_owned(), Role::Tester, PASSWORD.to_owned()).await.expect("a user");
        let change = UserChange { role: Some(Role::Lead), disabled: Some(true), password: Some("eight grey herons".to_owned()) };
        change_user(&app.ctx, &ada, &tess, change).await.expect("changed");
        let token = add_token(&app.ctx, &ada, "ci".to_owned(), "tess".to_owned(), Role::Lead).await.expect("a token");
        revoke_token(&app.ctx, &ada, &TokenId(token.id.clone())).await.expect("revoked");
        // The clock stands still, so the rows have no order among themselves.
        let mut rows: Vec<String> =
            record(&app).await.into_iter().map(|(who, what, whom, detail)| format!("{who} {what} {whom} {detail}")).collect();
        rows.sort();
        let revoked = format!("ada token.revoked {} ", token.id);
        assert_eq!(
            rows,
            [
                "Slipway user.added ada role admin",
                "ada token.added ci for tess, role lead",
                &revoked,
                "ada user.added tess role tester",
                "ada user.disabled tess ",
                "ada user.password_reset tess ",
                "ada user.role_changed tess tester → lead",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_in_part_is_refused_whole() {
    on_each_database(|app| async move {
        let ada = user(&app, "ada", Role::Admin).await;
        let tess = user(&app, "tess", Role::Tester).await;
        let before = record(&app).await;
        let browser = Browser::new(&app).bearer(&app.token(&ada).await);
        let reply =
            browser.json("POST", &format!("/api/v1/users/{}", id(&tess)), "{\"role\":\"lead\",\"password\":\"short\"}").await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
        let users = list_users(&app.ctx, &ada).await.expect("users");
        let found = users.iter().find(|user| user.name == "tess").expect("tess");
        assert_eq!((found.role, found.disabled), (Role::Tester, false));
        assert_eq!(record(&app).await.len(), before.len() + 1, "the token alone");
    })
    .await;
}

#[tokio::test]
async fn the_last_admin_stays_and_others_come_and_go() {
    on_each_database(|app| async move {
        let ada = user(&app, "ada", Role::Admin).await;
        assert_eq!(change_role(&app.ctx, &ada, id(&ada), Role::Viewer).await, Err(Problem::LastAdmin));
        assert_eq!(set_disabled(&app.ctx, &ada, id(&ada), true).await, Err(Problem::LastAdmin));
        let abe = user(&app, "abe", Role::Admin).await;
        assert_eq!(set_disabled(&app.ctx, &ada, id(&abe), true).await, Ok(()));
        assert_eq!(change_role(&app.ctx, &ada, id(&ada), Role::Viewer).await, Err(Problem::LastAdmin), "a disabled one is none");
        assert_eq!(set_disabled(&app.ctx, &ada, id(&abe), false).await, Ok(()));
        assert_eq!(change_role(&app.ctx, &abe, id(&ada), Role::Viewer).await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn an_installation_without_an_admin_can_still_be_put_right_from_its_machine() {
    let app = TestApp::sqlite().await;
    let vera = user(&app, "vera", Role::Viewer).await;
    assert_eq!(change_role(&app.ctx, &Actor::Slipway, id(&vera), Role::Tester).await, Ok(()));
    assert_eq!(change_role(&app.ctx, &Actor::Slipway, id(&vera), Role::Admin).await, Ok(()));
}

#[tokio::test]
async fn names_are_plain_and_each_stands_for_one() {
    on_each_database(|app| async move {
        let add = async |name: &str| {
            add_user(&app.ctx, &Actor::Slipway, name.to_owned(), Role::Viewer, PASSWORD.to_owned()).await.map(|_| ())
        };
        for good in ["a", "li.wei", "ada-2", "x_y", &"a".repeat(40)] {
            assert_eq!(add(good).await, Ok(()), "{good}");
        }
        for bad in ["", "Ada", "2ada", "a b", "<script>", "a\n", "ада", "admin'--", "a/b", &"a".repeat(41)] {
            assert_eq!(add(bad).await, Err(Problem::invalid("name", Fault::BadName)), "{bad:?}");
        }
        assert_eq!(add("a").await, Err(Problem::Exists { what: Noun::User, name: "a".to_owned() }));
        let token = async |name: &str| {
            add_token(&app.ctx, &Actor::Slipway, name.to_owned(), "a".to_owned(), Role::Viewer).await.map(|_| ())
        };
        assert_eq!(token("ci").await, Ok(()));
        assert_eq!(token("ci").await, Err(Problem::Exists { what: Noun::Token, name: "ci".to_owned() }));
        assert_eq!(token("C I").await, Err(Problem::invalid("name", Fault::BadName)));
    })
    .await;
}

#[tokio::test]
async fn a_token_has_its_owners_role_or_only_reads() {
    let app = TestApp::sqlite().await;
    user(&app, "lea", Role::Lead).await;
    let make = async |owner: &str, role| {
        add_token(&app.ctx, &Actor::Slipway, format!("t-{role}"), owner.to_owned(), role).await.map(|_| ())
    };
    assert_eq!(make("lea", Role::Viewer).await, Ok(()));
    assert_eq!(make("lea", Role::Lead).await, Ok(()));
    for role in [Role::Tester, Role::Product, Role::Admin] {
        let choices = "viewer, lead".to_owned();
        assert_eq!(make("lea", role).await, Err(Problem::invalid("role", Fault::NotOneOf { choices })));
    }
    assert_eq!(make("nobody", Role::Viewer).await, Err(Problem::not_found(Noun::User, "nobody")));
    let listed = serde_json::to_string(&list_tokens(&app.ctx, &Actor::Slipway).await.expect("tokens")).expect("json");
    assert!(!listed.contains("slw_") && !listed.contains("hash"), "{listed}");
}

#[tokio::test]
async fn only_an_admin_changes_who_there_is() {
    let app = TestApp::sqlite().await;
    let ada = user(&app, "ada", Role::Admin).await;
    let mut others = vec![a_hook()];
    for role in [Role::Viewer, Role::Tester, Role::Product, Role::Lead] {
        others.push(app.person(role.as_str(), role).await);
    }
    for other in others {
        let refused = |action| Some(Problem::Forbidden { action });
        let (people, tokens) = (refused(Action::ManagePeople), refused(Action::ManageTokens));
        assert_eq!(list_users(&app.ctx, &other).await.err(), people);
        assert_eq!(change_user(&app.ctx, &other, id(&ada), UserChange::default()).await.err(), people);
        let added = add_user(&app.ctx, &other, "eve".to_owned(), Role::Admin, PASSWORD.to_owned()).await;
        assert_eq!(added.err(), people);
        assert_eq!(add_token(&app.ctx, &other, "ci".to_owned(), "ada".to_owned(), Role::Admin).await.err(), tokens);
        assert_eq!(list_tokens(&app.ctx, &other).await.err(), tokens);
        assert_eq!(revoke_token(&app.ctx, &other, &TokenId("x".to_owned())).await.err(), tokens);
    }
    assert_eq!((app.count("users").await, app.count("tokens").await), (5, 0));
}
