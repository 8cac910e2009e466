//! Stacks, edited one by one: versions, lost updates, and one configuration whoever writes it.

use crate::browser::{Browser, user};
use crate::common::{TWO_APPS, TestApp, on_each_database};
use app::view::StackInput;
use axum::body::Body;
use domain::diff::DiffLine;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem, Role};
use http::{Request, StatusCode};
use server::usecases::settings::{apply, export};
use server::usecases::stacks::{check_stack, restore_stack, save_stack, stack, stack_change, stacks};

fn request(path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let request = headers.iter().fold(Request::post(path), |request, (name, value)| request.header(*name, *value));
    request.body(Body::from(body.to_owned())).expect("a request")
}

const SLIPWAY: Actor = Actor::Slipway;
const ONE: &str = "services:\n  web:\n    image: ${BUILD_WEB}\n";
const TWO: &str = "services:\n  web:\n    image: ${BUILD_WEB}\n    ports: [80]\n";

fn input(name: &str, compose: &str, version: i64) -> StackInput {
    StackInput { name: name.to_owned(), compose: compose.to_owned(), version }
}

#[tokio::test]
async fn a_tester_saves_a_stack_and_apply_and_export_see_the_same() {
    on_each_database(|app| async move {
        app.apply(TWO_APPS).await;
        let tess = app.person("tess", Role::Tester).await;
        assert_eq!(save_stack(&app.ctx, &tess, input("shop", &TWO.replace('\n', "\r\n"), 0)).await, Ok(1));
        assert_eq!(app.ctx.config().config.stack("shop").map(|stack| stack.compose.as_str()), Some(TWO), "in force");
        let text = export(&app.ctx, &SLIPWAY).await.expect("exported");
        assert!(text.contains("ports: [80]"), "{text}");
        let applied = text.replace("    ports: [80]\n", "");
        apply(&app.ctx, &SLIPWAY, &applied, false).await.expect("applied");
        let seen = stack(&app.ctx, &tess, "shop").await.expect("a stack");
        assert_eq!((seen.version, seen.compose.as_str()), (2, ONE));
        let by: Vec<&str> = seen.versions.iter().map(|version| version.by.as_str()).collect();
        assert_eq!(by, ["Slipway", "tess"], "newest first");
        let change = stack_change(&app.ctx, &tess, "shop", 2).await.expect("a version");
        assert!(change.lines.contains(&DiffLine::Gone("    ports: [80]".to_owned())), "{:?}", change.lines);
        assert_eq!(restore_stack(&app.ctx, &tess, "shop", 2, 1).await, Ok(3));
        assert_eq!(app.ctx.config().config.stack("shop").map(|stack| stack.compose.as_str()), Some(TWO));
        assert_eq!(save_stack(&app.ctx, &tess, input("shop", TWO, 3)).await, Ok(3), "the same again is no version");
        let listed = stacks(&app.ctx, &tess).await.expect("a list");
        assert_eq!((listed.len(), listed[0].apps.as_slice(), listed[0].version), (1, ["web".to_owned()].as_slice(), 3));
    })
    .await;
}

#[tokio::test]
async fn of_two_who_save_at_once_one_is_told_to_look_again() {
    on_each_database(|app| async move {
        app.apply(TWO_APPS).await;
        let tess = app.person("tess", Role::Tester).await;
        save_stack(&app.ctx, &tess, input("shop", ONE, 0)).await.expect("saved");
        let other = format!("{ONE}    read_only: true\n");
        let both = [input("shop", TWO, 1), input("shop", &other, 1)].map(|input| save_stack(&app.ctx, &tess, input));
        let mut done = futures::future::join_all(both).await;
        done.sort_by_key(Result::is_err);
        assert_eq!(done, [Ok(2), Err(Problem::Stale)]);
        let exists = Problem::Exists { what: Noun::Stack, name: "shop".to_owned() };
        assert_eq!(save_stack(&app.ctx, &tess, input("shop", ONE, 0)).await, Err(exists));
        assert_eq!(save_stack(&app.ctx, &tess, input("gone", ONE, 4)).await, Err(Problem::Stale));
    })
    .await;
}

#[tokio::test]
async fn a_text_from_before_versions_were_kept_is_the_first_one() {
    let app = TestApp::sqlite().await;
    app.apply(TWO_APPS).await;
    app.apply(&format!("[[stacks]]\nname = \"shop\"\ncompose = '''\n{ONE}'''\n")).await;
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    sqlx::query("DELETE FROM stack_versions").execute(&mut *tx).await.expect("forgotten");
    tx.commit().await.expect("kept");
    let tess = app.person("tess", Role::Tester).await;
    assert_eq!(stack(&app.ctx, &tess, "shop").await.expect("a stack").version, 0);
    assert_eq!(save_stack(&app.ctx, &tess, input("shop", TWO, 0)).await, Ok(2));
    let first = stack_change(&app.ctx, &tess, "shop", 1).await.expect("the text that was there");
    assert_eq!(first.compose.as_deref(), Some(ONE));
}

#[tokio::test]
async fn a_bad_stack_is_refused_with_its_line_and_changes_nothing() {
    let app = TestApp::sqlite().await;
    app.apply(
        &TWO_APPS
            .replacen("image = \"registry.test:5000/team/web\"", "image = \"registry.test:5000/team/web\"\nstack = \"shop\"", 1)
            .replacen("[[apps]]", &format!("[[stacks]]\nname = \"shop\"\ncompose = '''\n{ONE}'''\n\n[[apps]]"), 1),
    )
    .await;
    let tess = app.person("tess", Role::Tester).await;
    let before = app.count("configurations").await;
    let bad = format!("{ONE}    privileged: true\n");
    let refused = save_stack(&app.ctx, &tess, input("shop", &bad, 1)).await;
    assert!(matches!(&refused, Err(Problem::Stack { line: 4, key, .. }) if key == "services.web.privileged"), "{refused:?}");
    let check = check_stack(&app.ctx, &tess, &bad).await.expect("checked");
    assert_eq!((check.line(), check.services.len()), (Some(4), 0));
    let nowhere = save_stack(&app.ctx, &tess, input("shop", &ONE.replace("WEB", "WORKER"), 1)).await;
    assert!(matches!(nowhere, Err(Problem::Config { .. })), "the app web is launched in it: {nowhere:?}");
    let name = save_stack(&app.ctx, &tess, input("Shop!", ONE, 0)).await;
    assert_eq!(name, Err(Problem::invalid("name", Fault::BadName)));
    assert_eq!(app.count("configurations").await, before);
    for role in [Role::Viewer, Role::Product] {
        let someone = app.person(role.as_str(), role).await;
        let forbidden = Problem::Forbidden { action: Action::EditStacks };
        assert_eq!(save_stack(&app.ctx, &someone, input("shop", TWO, 1)).await, Err(forbidden.clone()));
        assert_eq!(check_stack(&app.ctx, &someone, TWO).await.err(), Some(forbidden.clone()));
        assert_eq!(restore_stack(&app.ctx, &someone, "shop", 1, 1).await, Err(forbidden));
        assert!(stack(&app.ctx, &someone, "shop").await.is_ok(), "everyone reads");
    }
}

#[tokio::test]
async fn what_was_typed_stays_when_it_is_refused_and_a_check_answers_with_a_part_of_the_page() {
    let app = TestApp::sqlite().await;
    app.apply(TWO_APPS).await;
    let tess = user(&app, "tess", Role::Tester).await;
    let browser = Browser::new(&app).with("referer", "http://localhost/settings/stacks/new").signed_in(&app, &tess).await;
    let bad = format!("{ONE}    pid: host # <mine>\n");
    let fields = [("name", "shop"), ("version", "0"), ("compose", bad.as_str())];
    let refused = browser.post("/do/stacks/save", &fields).await;
    let page = browser.get(refused.location()).await;
    assert!(page.body.contains("pid: host # &lt;mine&gt;"), "{}", page.body);
    assert!(page.body.contains("<mark>4"), "its line is marked");
    let good = [("name", "shop"), ("version", "0"), ("compose", TWO)];
    let saved = browser.post("/do/stacks/save", &good).await;
    assert!(saved.location().starts_with("/settings/stacks/shop"), "{}", saved.location());
    let headers = [("content-type", "text/plain")];
    let part = browser.send(request("/settings/stacks/check", &headers, &bad)).await;
    assert!(part.body.contains("data-line=\"4\"") && !part.body.contains("<html"), "{}", part.body);
    let long = format!("{TWO}# {}\n", "字".repeat(60_000));
    let fields = [("name", "shop"), ("version", "1"), ("compose", long.as_str())];
    let saved = browser.post("/do/stacks/save", &fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "a long one too: {}", saved.body);
    assert_eq!(stack(&app.ctx, &tess, "shop").await.expect("a stack").version, 2);
}
