//! Every page, drawn from samples: for each role, in both languages, in each state.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expected"
)]

#[path = "pages/commits.rs"]
mod commits;
mod fake;
mod html;
mod notified;
#[path = "pages/places.rs"]
mod places;
#[path = "pages/refusals.rs"]
mod refusals;
#[path = "pages/regions.rs"]
mod regions;
#[path = "pages/sets.rs"]
mod sets;
#[path = "pages/verdicts.rs"]
mod verdicts;

use app::context::{Done, Flash, Notice};
use app::view::NewSecret;
use app::{Lang, Text};
use axum::body::Body;
use axum::extract::Request;
use domain::{Action, Problem, Role};
use fake::{Ask, Fake, HOSTILE, get};
use html::{Form, by_id, forms, tags, text};
use places::{ADMIN_PAGES, OPEN_PAGES, PAGES};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tower::ServiceExt as _;

fn hostile(role: Role) -> Ask {
    Ask { port: Arc::new(Fake { hostile: true, ..Fake::default() }), ..Ask::by(role) }
}

/// Nothing of [`HOSTILE`] became a tag or an attribute of the page.
fn assert_harmless(page: &str, html: &str) {
    assert!(!html.contains("<script>alert"), "{page} runs what somebody wrote");
    for tag in tags(html) {
        // The only pictures are evidence, from our own route.
        let ours = tag.name != "img" || tag.get("src").starts_with("/evidence/v");
        assert!(ours && !tag.has("onerror"), "{page}: {tag:?}");
        for name in ["href", "action", "src"] {
            assert!(!tag.get(name).trim_start().to_lowercase().starts_with("javascript:"), "{page}: {tag:?}");
        }
    }
}

fn assert_whole(page: &str, html: &str, lang: Lang) {
    let all = tags(html);
    let count = |name: &str| all.iter().filter(|tag| tag.name == name).count();
    // Drawings have titles of their own.
    let head = html.find("</head>").unwrap_or_default();
    let titles = all.iter().filter(|tag| tag.name == "title" && tag.end < head).count();
    assert_eq!((count("h1"), count("main"), titles), (1, 1, 1), "{page}");
    let h1 = all.iter().find(|tag| tag.name == "h1").and_then(|tag| html[tag.end..].split("</h1>").next()).map(text);
    assert!(!h1.unwrap_or_default().trim().is_empty(), "{page} has an empty title");
    assert!(all.iter().any(|tag| tag.name == "html" && tag.get("lang") == lang.as_str()), "{page}");
    let ids: Vec<&str> = all.iter().map(|tag| tag.get("id")).filter(|id| !id.is_empty()).collect();
    let once: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), once.len(), "{page} gives an id twice: {ids:?}");
    let live: Vec<&str> = all.iter().map(|tag| tag.get("data-live")).filter(|name| !name.is_empty()).collect();
    assert_eq!(live.len(), live.iter().collect::<BTreeSet<_>>().len(), "{page} gives a live name twice: {live:?}");
}

/// Each field has words that say what it is, and each button too.
fn assert_named(page: &str, html: &str) {
    let all = tags(html);
    let labelled: BTreeSet<&str> = all.iter().filter(|tag| tag.name == "label").map(|tag| tag.get("for")).collect();
    for tag in &all {
        let choice = matches!(tag.get("type"), "hidden" | "radio" | "checkbox");
        if matches!(tag.name.as_str(), "input" | "select" | "textarea") && !choice {
            assert!(tag.has("aria-label") || labelled.contains(tag.get("id")), "{page}: nothing names {tag:?}");
        }
        if matches!(tag.name.as_str(), "button" | "a") && !tag.has("aria-label") {
            let end = html[tag.end..].find(&format!("</{}>", tag.name)).expect("it ends");
            let inside = &html[tag.end..tag.end + end];
            let pictured = tags(inside).iter().any(|tag| tag.name == "img" && !tag.get("alt").is_empty());
            assert!(pictured || !text(inside).trim().is_empty(), "{page}: no words in {tag:?}");
        }
    }
}

#[tokio::test]
async fn every_page_is_whole_for_each_role_in_both_languages_and_shows_hostile_text_as_text() {
    for role in Role::ALL {
        for lang in Lang::ALL {
            let ask = Ask { lang, ..hostile(role) };
            let admin = ADMIN_PAGES.into_iter().filter(|_| role == Role::Admin);
            for page in PAGES.into_iter().chain(admin) {
                let (status, html) = get(&ask, page).await;
                let admins = page.starts_with("/settings/") && !page.starts_with("/settings/stacks");
                assert_eq!(status, if admins && role != Role::Admin { 403 } else { 200 }, "{page} as {role}");
                assert_whole(page, &html, lang);
                assert_harmless(page, &html);
                assert_named(page, &html);
                // Text of the samples is English; what is not theirs is in the reader's language.
                let nav = Text(lang).nav_regions();
                assert!(text(&html).contains(nav), "{page} does not speak {lang:?}");
            }
        }
    }
}

#[tokio::test]
async fn pages_before_the_gate_are_whole_and_lead_nobody_away() {
    for lang in Lang::ALL {
        let ask = Ask { actor: None, lang, ..Ask::by(Role::Viewer) };
        for page in OPEN_PAGES {
            let (status, html) = get(&ask, page).await;
            assert_eq!(status, 200, "{page}");
            assert_whole(page, &html, lang);
            assert_named(page, &html);
        }
        let (status, html) = get(&ask, "/builds/passed").await;
        assert_eq!(status, 303, "who is not signed in reads nothing");
        assert!(!html.contains("9c41d2aa07be"));
    }
}

#[tokio::test]
async fn empty_lists_say_what_to_do_next() {
    let t = Text(Lang::En);
    let empty = |role| Ask { port: Arc::new(Fake { empty: true, ..Fake::default() }), ..Ask::by(role) };
    let told = [
        ("/waiting", t.waiting_none_help()),
        ("/builds", t.no_apps()),
        ("/environments", t.no_environments_help()),
        ("/promotions", t.no_promotions_help()),
        ("/regions", t.no_board_help()),
        ("/activity", t.no_activity_help()),
        ("/settings", t.no_hooks()),
        ("/settings/deliveries", t.no_deliveries_help()),
        ("/settings/stacks", t.no_stacks_help()),
        ("/settings/notifications", t.no_targets_help()),
        ("/settings/notifications", t.no_routes()),
        ("/settings/notifications", t.no_messages_help()),
        ("/settings/notifications?state=dead", t.no_such_messages_help()),
    ];
    for (page, what) in told {
        let (status, html) = get(&empty(Role::Admin), page).await;
        assert_eq!(status, 200, "{page}");
        assert!(text(&html).contains(what), "{page} does not say: {what}");
    }
    let (_, html) = get(&Ask::by(Role::Tester), "/builds?q=nothing").await;
    assert!(text(&html).contains(t.no_match()));
    assert!(tags(&html).iter().any(|tag| tag.name == "a" && tag.get("href") == "/builds" && tag.get("class") == "btn"));
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_becomes_a_page_with_a_way_back() {
    for (page, role, status) in [
        ("/builds/nothing", Role::Lead, 404),
        ("/regions/nowhere/web/rollback", Role::Lead, 404),
        ("/regions/nowhere", Role::Lead, 404),
        ("/regions/nowhere?tab=history", Role::Lead, 404),
        ("/plans/nothing", Role::Lead, 404),
        ("/settings/deliveries", Role::Lead, 403),
        ("/settings/notifications", Role::Lead, 403),
        ("/settings/stacks/nothing", Role::Lead, 404),
        ("/settings/stacks/new", Role::Viewer, 403),
    ] {
        let (given, html) = get(&Ask::by(role), page).await;
        assert_eq!(given, status, "{page}");
        assert_whole(page, &html, Lang::En);
        assert!(tags(&html).iter().any(|tag| tag.get("class") == "btn primary" && tag.get("href") == "/builds"), "{page}");
    }
}

/// What each form asks permission for.
fn needed(form: &str) -> Option<Action> {
    Some(match form {
        "/do/environments/launch" | "/do/environments/relaunch" | "/do/environments/replace" => Action::LaunchEnvironment,
        "/do/environments/stop" => Action::StopEnvironment,
        "/do/environments/extend"
        | "/do/environments/hand-over"
        | "/do/environments/freeze"
        | "/do/environments/thaw"
        | "/do/environments/restart" => Action::KeepEnvironment,
        "/do/verdicts/record" => Action::RecordVerdict,
        "/do/verdicts/withdraw" => Action::WithdrawVerdict,
        "/do/verdicts/overrule" => Action::OverruleVerdict,
        "/do/sign-offs/give" | "/do/sign-offs/withdraw" | "/do/builds/send-back" => Action::SignOff,
        "/do/promotions/request" | "/do/sets/request" => Action::RequestPromotion,
        "/do/promotions/approve" | "/do/promotions/reject" | "/do/sets/approve" | "/do/sets/reject" => Action::ApprovePromotion,
        "/do/sets/start" | "/do/sets/book" | "/do/sets/unbook" => Action::StartPromotion,
        "/do/sets/cancel" => Action::CancelPromotion,
        "/do/promotions/start" | "/do/promotions/book" | "/do/promotions/unbook" => Action::StartPromotion,
        "/do/promotions/exempt" => Action::LiftFreeze,
        "/do/promotions/break-glass" | "/do/promotions/review" => Action::BreakGlass,
        "/do/promotions/cancel" => Action::CancelPromotion,
        "/do/promotions/pause" | "/do/promotions/resume" => Action::PausePromotion,
        "/do/promotions/abort" => Action::AbortPromotion,
        "/do/regions/roll-back" => Action::RollBack,
        "/do/regions/correct" | "/do/regions/adopt" => Action::CorrectRegion,
        "/do/region-secrets/set" | "/do/region-secrets/remove" => Action::SetRegionSecrets,
        "/do/plans/review" => Action::ReviewPlan,
        "/do/plans/run" | "/do/plans/return" => Action::RunPlan,
        "/do/canaries/withdraw" | "/do/canaries/extend" => Action::TendCanary,
        "/do/people/add" | "/do/people/role" | "/do/people/disable" | "/do/people/password" => Action::ManagePeople,
        "/do/tokens/add" | "/do/tokens/revoke" => Action::ManageTokens,
        "/do/hooks/add" | "/do/hooks/revoke" | "/do/hooks/rotate" | "/do/hooks/reveal" | "/do/deliveries/replay" => {
            Action::ManageHooks
        }
        "/do/secrets/set" | "/do/secrets/remove" => Action::ManageSecrets,
        "/do/apps/sweep" => Action::Configure,
        "/do/stacks/save" | "/do/stacks/restore" => Action::EditStacks,
        "/do/notifications/test" | "/do/notifications/replay" => Action::ManageNotifications,
        "/do/account/password" => Action::KeepOwnAccount,
        _ => return None,
    })
}

/// Every form that a person sees anywhere, once for each set of fields.
async fn all_forms(ask: &Ask) -> Vec<Form> {
    let mut found = BTreeMap::new();
    for page in PAGES.into_iter().chain(ADMIN_PAGES) {
        let (_, html) = get(ask, page).await;
        for form in forms(&html) {
            let names: Vec<&str> = form.fields.iter().map(|field| field.get("name")).collect();
            found.entry((form.action().to_owned(), names.join(" "))).or_insert(form);
        }
    }
    found.into_values().filter(|form| form.action().starts_with("/do/")).collect()
}

#[tokio::test]
async fn who_may_not_sees_no_form_and_who_may_sees_it() {
    // A lead who is not the requester approves; the requester starts and cancels.
    let approver = |ask: Ask| Ask { actor: Some(fake::named("lead-2", Role::Lead)), ..ask };
    for role in Role::ALL {
        let ask = Ask::by(role);
        let mut seen: BTreeSet<String> = all_forms(&ask).await.iter().map(|form| form.action().to_owned()).collect();
        if role == Role::Lead {
            seen.extend(all_forms(&approver(Ask::by(role))).await.iter().map(|form| form.action().to_owned()));
        }
        let functions = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned());
        let allowed: BTreeSet<String> =
            functions.filter(|path| needed(path).unwrap_or_else(|| panic!("{path} has no form rule")).may(role)).collect();
        assert_eq!(seen, allowed, "{role}");
    }
}

trait May {
    fn may(self, role: Role) -> bool;
}

impl May for Action {
    fn may(self, role: Role) -> bool {
        role.allows(self)
    }
}

/// Fills a form as a person would: what is given stays, what is open gets a word of its own.
fn filled(form: &Form) -> (Vec<(String, String)>, Vec<String>) {
    let mut sent: Vec<(String, String)> = Vec::new();
    let mut marks = Vec::new();
    for field in &form.fields {
        let name = field.get("name").to_owned();
        let kind = field.get("type");
        let value = match (field.name.as_str(), kind) {
            ("button", _) => continue,
            ("select", _) => html::choice(&form.html, &name),
            // Files come beside the fields.
            ("input", "file") => continue,
            ("input", "radio") if sent.iter().any(|(key, _)| *key == name) => continue,
            ("input", "hidden" | "radio" | "checkbox") => field.get("value").to_owned(),
            ("input", "number") => "11".to_owned(),
            ("textarea", _) if name == "variables" => "MARK=mark-of-variables".to_owned(),
            _ => format!("mark-of-{name}"),
        };
        let shown = if kind == "number" { "11" } else { value.as_str() };
        // A role or a verdict is a word of a type, written in another case where it is told.
        if !matches!(name.as_str(), "role" | "kind" | "disabled" | "by_itself" | "canary" | "shape")
            && !name.starts_with("items[")
        {
            // Lines and choices arrive as what they mean.
            let shown = if name == "variables" { "mark-of-variables" } else { shown };
            marks.push(shown.split_once(':').filter(|_| name.starts_with("builds[")).map_or(shown, |(_, rest)| rest).to_owned());
        }
        sent.push((name, value));
    }
    (sent, marks)
}

async fn post(ask: &Ask, path: &str, fields: &[(String, String)]) -> (u16, String) {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", app::parts::encode(name), app::parts::encode(value))).collect();
    let asked = ask.clone();
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html")
        .header("referer", "http://localhost/here")
        .body(Body::from(pairs.join("&")))
        .unwrap();
    let response = fake::router(move |_| asked.clone()).oneshot(request).await.unwrap();
    let place = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    (response.status().as_u16(), place)
}

#[tokio::test]
async fn each_form_posts_exactly_the_arguments_of_its_server_function() {
    let mut people: Vec<Ask> = Role::ALL.into_iter().map(Ask::by).collect();
    people.push(Ask { actor: Some(fake::named("lead-2", Role::Lead)), ..Ask::by(Role::Lead) });
    let mut posted = BTreeSet::new();
    for ask in people {
        for form in all_forms(&ask).await {
            let ask = Ask { port: Arc::default(), ..ask.clone() };
            let (fields, marks) = filled(&form);
            let (status, place) = post(&ask, form.action(), &fields).await;
            assert!(status == 302 || status == 303, "{}: {status}", form.action());
            assert!(!place.contains("__err"), "{} with {fields:?} was refused: {place}", form.action());
            let calls = ask.port.calls.lock().unwrap().join("\n");
            for mark in marks {
                assert!(calls.contains(&mark), "{}: {mark} did not arrive in {calls}", form.action());
            }
            posted.insert(form.action().to_owned());
        }
    }
    let functions: BTreeSet<String> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(posted, functions, "a server function without a form, or a form without a server function");
}

fn refused(form: &str, problem: Problem, fields: &[(&str, &str)]) -> Option<Flash> {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Some(Flash::new(form, problem, fields))
}

/// The one form of a page that goes there, about this subject.
fn form_about(html: &str, action: &str, subject: (&str, &str)) -> Form {
    let about = |form: &Form| form.fields.iter().any(|field| field.get("name") == subject.0 && field.get("value") == subject.1);
    forms(html).into_iter().find(|form| form.action() == action && about(form)).expect("the form")
}

#[tokio::test]
async fn a_closed_start_is_never_only_grey() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Lead), "/promotions/open").await;
    let form = form_about(&html, "/do/promotions/start", ("id", "open"));
    let button = tags(&form.html).into_iter().find(|tag| tag.name == "button").expect("the button");
    assert!(button.has("disabled"));
    let why = by_id(&html, button.get("aria-describedby")).expect("the reasons beside it");
    assert!(text(why).contains(&t.gates_open(7)), "{why}");
    let words = text(&html);
    for (gate, who) in [
        (t.gate_signed().to_owned(), t.can_clear(t.a_product())),
        (t.gate_approvals(Role::Lead, 2), t.can_clear(t.a_lead())),
        (t.gate_reachable("US West"), t.for_operator().to_owned()),
        (t.gate_variables("Hong Kong"), t.can_clear(t.somebody(Role::Admin))),
        (t.gate_secrets("Hong Kong"), t.can_clear(t.somebody(Role::Lead))),
    ] {
        assert!(words.contains(&gate) && words.contains(&who), "{gate}: {who}");
    }
    for place in ["/builds/passed#sign-off", "/regions/hong-kong?tab=secrets"] {
        assert!(tags(&html).iter().any(|tag| tag.get("href") == place), "a link to where it is cleared: {place}");
    }
}

#[tokio::test]
async fn a_page_says_beforehand_what_changes_in_each_region() {
    for lang in Lang::ALL {
        let t = Text(lang);
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Viewer) }, "/promotions/open").await;
        let words = text(&html);
        for wanted in [
            t.preflight_expected(&t.span(140), 7),
            format!("{}: NEW_FLAG", t.adds_variables()),
            format!("{}: db-password", t.adds_secrets()),
            format!("{}: api-token", t.changes_secrets()),
            t.at_a_time(2),
            t.stop_first().to_owned(),
            t.wave(2),
            t.wave_after_look().to_owned(),
            t.note_nothing_back().to_owned(),
        ] {
            assert!(words.contains(&wanted), "{wanted}");
        }
    }
}

#[tokio::test]
async fn what_a_running_promotion_waits_for_stands_beside_its_buttons() {
    let t = Text(Lang::En);
    let acts = |html: &str| {
        let all = ["pause", "resume", "abort"].map(|act| format!("/do/promotions/{act}"));
        all.into_iter().filter(|act| forms(html).iter().any(|form| form.action() == act)).count()
    };
    for (page, told, buttons) in [
        ("running", t.wave_wants_look(2), 3),
        ("held", t.paused_by("lead-2"), 2),
        ("aborted", t.aborted_by("lead-2"), 0),
        ("failed", t.went_back().to_owned(), 0),
        ("rollback", t.because_of().to_owned(), 0),
    ] {
        let (_, html) = get(&Ask::by(Role::Lead), &format!("/promotions/{page}")).await;
        assert!(text(&html).contains(&told), "{page}: {told}");
        assert_eq!(acts(&html), buttons, "{page}");
        let (_, html) = get(&Ask::by(Role::Tester), &format!("/promotions/{page}")).await;
        assert!(text(&html).contains(&told) && acts(&html) == 0, "{page}: a tester reads it and presses nothing");
    }
}

#[tokio::test]
async fn an_open_start_asks_for_the_name_and_the_password() {
    let (_, html) = get(&Ask::by(Role::Lead), "/promotions/ready").await;
    let form = form_about(&html, "/do/promotions/start", ("id", "ready"));
    let guard = form.fields.iter().find(|field| field.has("data-guard")).expect("the guard");
    assert_eq!((guard.get("name"), guard.get("data-guard")), ("app", "web"));
    assert!(form.fields.iter().any(|field| field.get("name") == "password" && field.get("type") == "password"));
    let button = tags(&form.html).into_iter().find(|tag| tag.has("data-guarded")).expect("the button");
    assert!(!button.has("disabled"), "without scripts it is open and the server looks");
}

#[tokio::test]
async fn a_rollback_asks_for_the_name_and_says_where_it_leads() {
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/hangzhou/web/rollback").await;
    let form = form_about(&html, "/do/regions/roll-back", ("region", "hangzhou"));
    let guard = form.fields.iter().find(|field| field.has("data-guard")).expect("the guard");
    assert_eq!((guard.get("name"), guard.get("data-guard")), ("typed", "web"));
    assert!(form.fields.iter().any(|field| field.get("name") == "to" && field.get("value").starts_with("sha256:77aa31f0c2b6")));
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/us-west/worker/rollback").await;
    assert!(text(&html).contains(Text(Lang::En).no_rollback()));
    assert!(forms(&html).iter().all(|form| form.action() != "/do/regions/roll-back"));
}

#[tokio::test]
async fn filters_stay_in_the_address_and_the_next_page_keeps_them() {
    let (_, html) = get(&Ask::by(Role::Tester), "/builds?app=web&channel=release-v*&q=9c%2641").await;
    let next = tags(&html).into_iter().find(|tag| tag.get("rel") == "next").expect("a next page");
    assert_eq!(next.get("href"), "/builds?app=web&channel=release-v%2A&q=9c%2641&cursor=next-page");
    let search = forms(&html).into_iter().find(|form| form.action() == "/builds").expect("the filter");
    assert!(search.fields.iter().any(|field| field.get("name") == "q" && field.get("value") == "9c&41"));
    assert!(search.fields.iter().any(|field| field.get("name") == "channel" && field.get("value") == "release-v*"));
    assert_eq!(html::choice(&search.html, "app"), "web");
}

#[tokio::test]
async fn the_log_is_read_without_scripts_and_says_where_to_follow_it() {
    let (_, html) = get(&hostile(Role::Tester), "/environments/running?tab=logs&service=db").await;
    let log = tags(&html).into_iter().find(|tag| tag.get("role") == "log").expect("the log");
    assert!(log.get("data-log").contains("/environments/running/"), "{log:?}");
    let lines = &html[log.end..log.end + html[log.end..].find("</pre>").expect("it ends")];
    assert_eq!(text(lines).matches("GET /tour/").count(), 40);
    assert!(text(lines).contains(HOSTILE));
    assert_harmless("the log", &html);
    let (_, html) = get(&Ask::by(Role::Viewer), "/environments/running?tab=logs&q=TOUR%2F1&times=on").await;
    assert!(!html.contains("<mark"), "the samples are found as they are written");
    let (_, html) = get(&Ask::by(Role::Viewer), "/environments/running?tab=logs&q=tour%2F1&times=on").await;
    let marks = tags(&html).into_iter().filter(|tag| tag.name == "mark").count();
    assert_eq!(marks, 11, "each hit is marked");
    assert!(text(&html).contains("11 of 40 lines") && html.contains("02:03:33.000"), "counted, with times");
    let log = tags(&html).into_iter().find(|tag| tag.get("role") == "log").expect("the log");
    assert!(log.get("data-log").ends_with("/logs?tail=0"), "what is found stays, and only new lines come: {log:?}");
    let (_, html) = get(&Ask::by(Role::Tester), "/environments/stopped?tab=logs").await;
    assert!(tags(&html).iter().all(|tag| tag.get("role") != "log"), "nothing to follow where nothing runs");
}

#[tokio::test]
async fn a_new_secret_is_shown_whole_and_a_done_thing_in_a_word() {
    let secret = NewSecret { id: "t".to_owned(), name: "ci".to_owned(), secret: "the-whole-secret".to_owned() };
    let (_, html) = get(&Ask { notice: Some(Notice::Token(secret)), ..Ask::by(Role::Admin) }, "/settings").await;
    assert!(tags(&html).iter().any(|tag| tag.get("data-copy") == "the-whole-secret"));
    let made = Fake::default().hook_made("drone");
    let (_, html) = get(&Ask { notice: Some(Notice::Hook(made)), ..Ask::by(Role::Admin) }, "/settings").await;
    for whole in ["https://slipway.example.com/hooks/distribution/key", "signing-secret"] {
        assert!(tags(&html).iter().any(|tag| tag.get("data-copy") == whole), "{whole}");
    }
    let (_, html) = get(&Ask { notice: Some(Notice::Done(Done::Started)), ..Ask::by(Role::Lead) }, "/promotions/running").await;
    assert!(text(&html).contains(Text(Lang::En).done_started()));
}

#[tokio::test]
async fn values_of_a_region_s_variables_are_not_on_the_page() {
    let (_, html) = get(&Ask::by(Role::Admin), "/settings").await;
    assert!(html.contains("TILE_CDN") && !html.contains("not shown"));
}
