//! What stands beside a verdict, what is said loudly, and what waits for whom.

use crate::fake::{Ask, get};
use crate::form_about;
use crate::html::{tags, text};
use app::{Lang, Text};
use domain::Role;

#[tokio::test]
async fn a_note_is_drawn_as_it_was_meant_and_its_links_tell_nobody_who_reads() {
    let (_, html) = get(&Ask::by(Role::Viewer), "/builds/passed").await;
    // Marks of the renderer between pieces.
    let html = html.replace("<!>", "");
    assert!(html.contains("<strong>12 of 12</strong>") && html.contains("<li>no errors in the log</li>"), "{html}");
    for href in ["https://issues.example.com/browse/ABC-12", "https://traces.example.com/7"] {
        let link = tags(&html).into_iter().find(|tag| tag.name == "a" && tag.get("href") == href).expect(href);
        assert_eq!(link.get("rel"), "noopener noreferrer nofollow");
    }
}

#[tokio::test]
async fn a_verdict_shows_its_checklist_its_evidence_its_builds_and_what_took_its_place() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Viewer), "/builds/passed").await;
    let words = text(&html);
    for told in [&t.plan_counts(2, 2), &t.seen_in(42, 2), "Share a tour from a phone", "console.log", t.superseded()] {
        assert!(words.contains(told), "{told}");
    }
    let all = tags(&html);
    let shot = all.iter().find(|tag| tag.name == "img").expect("a screenshot");
    assert_eq!((shot.get("src"), shot.get("alt")), ("/evidence/v3a", t.screenshot("share page.png").as_str()));
    let later = all.iter().find(|tag| tag.get("href") == "#v-v3").expect("a link to the later one");
    assert!(all.iter().any(|tag| tag.get("id") == later.get("href").trim_start_matches('#')));
}

#[tokio::test]
async fn the_form_asks_for_each_item_states_the_rule_and_takes_files() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Tester), "/builds/untested").await;
    let form = form_about(&html, "/do/verdicts/record", ("build", "untested"));
    assert_eq!(form.tag.get("enctype"), "multipart/form-data");
    let names: Vec<&str> = form.fields.iter().map(|field| field.get("name")).collect();
    for name in ["items[login]", "items[share]", "plan", "files"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert!(form.text.contains(t.checklist_rule()));
}

#[tokio::test]
async fn product_sees_what_changed_and_answers_on_one_page() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Product), "/waiting").await;
    let words = text(&html);
    for told in [t.waiting_sign(), t.what_changed(), "web: TILE_CACHE", &t.newest_in("release-v*, test")] {
        assert!(words.contains(told), "{told}");
    }
    for action in ["/do/sign-offs/give", "/do/builds/send-back"] {
        form_about(&html, action, ("build", "passed"));
    }
    assert!(!words.contains(t.waiting_test()) && !words.contains(t.waiting_approve()), "only what is theirs");
    for (role, title) in [(Role::Tester, t.waiting_test()), (Role::Lead, t.waiting_approve()), (Role::Lead, t.waiting_review())] {
        let (_, html) = get(&Ask::by(role), "/waiting").await;
        assert!(text(&html).contains(title) && !text(&html).contains(t.waiting_sign()), "{role}");
    }
    let (_, html) = get(&Ask::by(Role::Viewer), "/waiting").await;
    assert!(text(&html).contains(t.waiting_none()));
}

#[tokio::test]
async fn a_region_that_runs_a_quarantined_digest_says_so_first() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Viewer), "/regions").await;
    assert!(text(&html).contains(t.quarantined_running()));
}

#[tokio::test]
async fn a_build_that_was_sent_back_says_by_whom_and_why() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Viewer), "/builds/passed").await;
    let words = text(&html);
    assert!(words.contains(&t.sent_back_by("product-1")) && words.contains("The button is still called"), "{words}");
    let (_, html) = get(&Ask::by(Role::Viewer), "/builds/signed").await;
    assert!(text(&html).contains(t.signed_after()) && !text(&html).contains(&t.sent_back_by("product-1")));
}

#[tokio::test]
async fn what_waits_for_an_approval_says_which_build_goes_where_and_who_asks() {
    let (_, html) = get(&Ask::by(Role::Lead), "/waiting").await;
    let words = text(&html);
    for word in ["web", "release-v5.12.05.02", "Hangzhou → Hong Kong → US West", "lead-1", "P-209"] {
        assert!(words.contains(word), "{word} is not in {words}");
    }
}
