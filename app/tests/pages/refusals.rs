//! What a form shows when what it sent was refused.

use crate::fake::{Ask, HOSTILE, get};
use crate::html::{by_id, forms, tags, text};
use crate::{assert_harmless, form_about, refused};
use app::{Lang, Text};
use domain::problem::Fault;
use domain::{Problem, Role};

#[tokio::test]
async fn a_refused_verdict_is_refilled_with_the_fault_beside_its_field() {
    let sent = [("build", "passed"), ("kind", "fail"), ("note", HOSTILE)];
    let flash = refused("/do/verdicts/record", Problem::invalid("note", Fault::TooLong { most: 2000 }), &sent);
    let (_, html) = get(&Ask { flash, ..Ask::by(Role::Tester) }, "/builds/passed").await;
    let form = form_about(&html, "/do/verdicts/record", ("build", "passed"));
    let field = |name: &str, value: &str| {
        form.fields.iter().find(|field| field.get("name") == name && (value.is_empty() || field.get("value") == value))
    };
    assert!(field("kind", "fail").is_some_and(|radio| radio.has("checked")));
    assert!(!field("kind", "pass").is_some_and(|radio| radio.has("checked")));
    let note = field("note", "").expect("the note");
    assert!(form.html.contains(&HOSTILE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")), "{}", form.html);
    let hint = by_id(&html, note.get("aria-describedby")).expect("the words beside it");
    assert_eq!(text(hint), Text(Lang::En).f_too_long(2000));
    assert_harmless("/builds/passed", &html);
    let alerts = tags(&html).into_iter().filter(|tag| tag.get("role") == "alert").count();
    assert_eq!(alerts, 1, "the form tells it, the page does not tell it again");
}

#[tokio::test]
async fn a_refused_request_keeps_the_chosen_regions() {
    let sent = [("build", "passed"), ("regions[]", "hangzhou"), ("regions[]", "us-west"), ("reason", "")];
    let flash = refused("/do/promotions/request", Problem::invalid("reason", Fault::Missing), &sent);
    let (_, html) = get(&Ask { flash, ..Ask::by(Role::Lead) }, "/builds/passed").await;
    let form = form_about(&html, "/do/promotions/request", ("build", "passed"));
    let checked: Vec<&str> = form.fields.iter().filter(|field| field.has("checked")).map(|field| field.get("value")).collect();
    assert_eq!(checked, ["hangzhou", "us-west"]);
    assert!(form.text.contains(Text(Lang::En).f_missing()));
}

#[tokio::test]
async fn a_refused_start_says_which_name_and_which_password() {
    let t = Text(Lang::En);
    let mismatch = Problem::ConfirmationMismatch { expected: "web".to_owned() };
    for (problem, words) in [(mismatch, t.d_confirm("web")), (Problem::PasswordNeeded, t.password_again_why().to_owned())] {
        let flash = refused("/do/promotions/start", problem, &[("id", "ready"), ("app", "wbe"), ("password", "never shown")]);
        let (_, html) = get(&Ask { flash, ..Ask::by(Role::Lead) }, "/promotions/ready").await;
        let form = form_about(&html, "/do/promotions/start", ("id", "ready"));
        assert!(form.text.contains(&words), "{}", form.text);
        assert!(form.fields.iter().any(|field| field.get("name") == "app" && field.get("value") == "wbe"));
        assert!(!html.contains("never shown"), "a password is never given back");
    }
}

#[tokio::test]
async fn only_the_form_that_was_refused_says_so() {
    let flash = refused("/do/people/role", Problem::LastAdmin, &[("id", "admin-1"), ("role", "viewer")]);
    let (_, html) = get(&Ask { flash, ..Ask::by(Role::Admin) }, "/settings").await;
    let told: Vec<String> = forms(&html)
        .into_iter()
        .filter(|form| form.action() == "/do/people/role" && form.text.contains(Text(Lang::En).p_last_admin()))
        .map(|form| form.fields.iter().find(|field| field.get("name") == "id").expect("an id").get("value").to_owned())
        .collect();
    assert_eq!(told, ["admin-1"]);
}

#[tokio::test]
async fn a_problem_that_no_form_knows_stands_on_top() {
    let flash = refused("/do/environments/stop", Problem::Stale, &[]);
    let (_, html) = get(&Ask { flash, ..Ask::by(Role::Viewer) }, "/environments/running").await;
    assert!(text(&html).contains(Text(Lang::En).p_stale()));
}
