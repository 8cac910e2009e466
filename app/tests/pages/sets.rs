//! Promotion sets: what each promotion waits for, what stopped a set, and who is offered what.

use crate::fake::{self, Ask, get};
use crate::html::{tags, text};
use crate::{form_about, refused};
use app::{Lang, Text};
use domain::gate::{Gate, GateKind, GateState};
use domain::problem::{Fault, Refused};
use domain::promotion::set::SetNumber;
use domain::{Problem, Role};

#[tokio::test]
async fn a_set_that_is_not_ready_names_each_gate_and_its_button_is_closed() {
    for lang in Lang::ALL {
        let t = Text(lang);
        let (status, html) = get(&Ask { lang, ..Ask::by(Role::Lead) }, "/promotions/sets/S-1").await;
        assert_eq!(status, 200);
        let words = text(&html);
        for needed in ["worker", t.gate_signed(), &t.set_gates(13, 3, 4), &t.set_closed(3)] {
            assert!(words.contains(needed), "{lang:?}: {needed} is not in {words}");
        }
        let start = form_about(&html, "/do/sets/start", ("set", "S-1"));
        assert!(tags(&start.html).iter().any(|tag| tag.name == "button" && tag.has("disabled")));
    }
    let (_, html) = get(&Ask::by(Role::Lead), "/promotions/sets/S-2").await;
    let form = form_about(&html, "/do/sets/start", ("set", "S-2"));
    assert!(form.html.contains("data-guard=\"S-2\"") && form.html.contains("type=\"password\""), "{}", form.html);
}

#[tokio::test]
async fn a_booked_set_names_its_time_in_each_region_and_why_it_waits() {
    for lang in Lang::ALL {
        let t = Text(lang);
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Lead) }, "/promotions/sets/S-2").await;
        let words = text(&html);
        let times = ["2026-12-24 02:30 (Asia/Shanghai)", "2026-12-23 10:30 (America/Los_Angeles)"];
        let times =
            times.map(|time| if lang == Lang::En { time.to_owned() } else { time.replace(" (", "（").replace(')', "）") });
        for needed in times.iter().map(String::as_str).chain([t.set_booked("lead-1").as_str(), t.booking_waits(), "worker P-209"])
        {
            assert!(words.contains(needed), "{lang:?}: {needed} is not in {words}");
        }
        form_about(&html, "/do/sets/unbook", ("set", "S-2"));
        assert!(!html.contains("/do/sets/book\""), "it is booked");
        // What waits is booked with its number typed; a viewer reads the booking and presses nothing.
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Lead) }, "/promotions/sets/S-1").await;
        let form = form_about(&html, "/do/sets/book", ("set", "S-1"));
        assert!(form.html.contains("data-guard=\"S-1\"") && form.html.contains("datetime-local"), "{}", form.html);
        assert!(text(&form.html).contains("Asia/Shanghai"));
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Viewer) }, "/promotions/sets/S-2").await;
        assert!(text(&html).contains(&t.set_booked("lead-1")) && !html.contains("/do/sets/"));
    }
}

#[tokio::test]
async fn a_set_that_stopped_names_what_was_done_and_what_was_not_begun() {
    let (_, html) = get(&Ask::by(Role::Viewer), "/promotions/sets/S-3").await;
    let (t, words) = (Text(Lang::En), text(&html));
    for needed in [t.set_stopped("worker P-209"), t.set_done("web P-209"), t.set_not_done("jobs P-209")] {
        assert!(words.contains(&needed), "{needed} is not in {words}");
    }
    assert!(!html.contains("/do/sets/"), "a viewer is offered nothing");
}

#[tokio::test]
async fn a_refused_start_names_each_promotion_and_its_gates() {
    let gate = Gate {
        kind: GateKind::SignedOff,
        state: GateState::Waiting,
        cleared_by: None,
        detail: None,
        checked_at: None,
        since: None,
        until: None,
        note: None,
    };
    let why = Problem::GatesClosed { gates: vec![gate] };
    let members = vec![Refused { app: "worker".to_owned(), number: 7, why }];
    let flash = refused("/do/sets/start", Problem::SetClosed { members }, &[("set", "S-2"), ("app", "S-2")]);
    let (_, html) = get(&Ask { flash, ..Ask::by(Role::Lead) }, "/promotions/sets/S-2").await;
    let words = text(&html);
    assert!(words.contains("worker P-7") && words.contains(Text(Lang::En).gate_signed()), "{words}");
}

#[tokio::test]
async fn one_of_a_set_leads_to_its_set_and_has_no_start_of_its_own() {
    let (_, html) = get(&Ask::by(Role::Lead), "/promotions/member").await;
    let t = Text(Lang::En);
    let words = text(&html);
    assert!(words.contains(&t.part_of_set("S-1", 2, 3)) && words.contains(&t.set_starts_it("S-1")), "{words}");
    assert!(tags(&html).iter().any(|tag| tag.get("href") == "/promotions/sets/S-1"));
    for door in ["/do/promotions/start", "/do/promotions/book", "/do/promotions/break-glass"] {
        assert!(!html.contains(door), "{door}");
    }
    let (_, list) = get(&Ask::by(Role::Lead), "/promotions").await;
    assert!(text(&list).contains(&t.part_of_set("S-1", 2, 3)));
}

#[tokio::test]
async fn the_form_keeps_what_was_chosen_and_says_what_was_wrong() {
    let sent = [("builds[web]", "passed"), ("order[web]", "2"), ("builds[worker]", ""), ("reason", "tonight")];
    let problem = Problem::invalid("builds", Fault::OutOfRange { least: 2, most: 20 });
    let ask = Ask { flash: refused("/do/sets/request", problem, &sent), ..Ask::by(Role::Lead) };
    let (_, html) = get(&ask, "/promotions/sets/new").await;
    assert!(html.contains("class=\"fault\"") && text(&html).contains("tonight"));
    let chosen = tags(&html).into_iter().find(|tag| tag.name == "option" && tag.has("selected") && tag.get("value") == "passed");
    assert!(chosen.is_some());
    let (status, _) = get(&Ask::by(Role::Lead), "/promotions/sets/S-99").await;
    let (nonsense, _) = get(&Ask::by(Role::Lead), "/promotions/sets/nothing").await;
    assert_eq!((status, nonsense), (404, 404));
    assert_eq!("S-99".parse(), Ok(SetNumber(99)));
    // Whoever did not request it is offered to approve it.
    let other = Ask { actor: Some(fake::named("lead-2", Role::Lead)), ..Ask::by(Role::Lead) };
    let (_, html) = get(&other, "/promotions/sets/S-1").await;
    assert!(html.contains("/do/sets/approve") && html.contains("/do/sets/reject"));
}
