//! Settings → Notifications, drawn from samples.

use crate::fake::{Ask, get};
use crate::form_about;
use crate::html::{tags, text};
use app::{Lang, Text};
use domain::Role;

#[tokio::test]
async fn dead_messages_are_found_by_the_address_and_can_be_replayed() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Admin), "/settings/notifications?target=ops&state=dead").await;
    let form = form_about(&html, "/do/notifications/replay", ("id", "m2"));
    assert!(form.text.contains(t.replay_message()));
    let words = text(&html);
    assert!(words.contains("It refused the key.") && words.contains(t.ev_rollout_failed()));
}

#[tokio::test]
async fn targets_are_listed_with_their_last_problem_and_a_test_button() {
    let t = Text(Lang::Zh);
    let (_, html) = get(&Ask { lang: Lang::Zh, ..Ask::by(Role::Admin) }, "/settings/notifications").await;
    let words = text(&html);
    for word in [
        "DingTalk",
        "22:00–08:00 Asia/Shanghai",
        "It answered 503.",
        &t.waiting_messages(2),
        &t.dead_messages(1),
        t.every_event(),
    ] {
        assert!(words.contains(word), "{word}");
    }
    assert_eq!(form_about(&html, "/do/notifications/test", ("target", "ops")).text.trim(), t.send_test());
    let next = tags(&html).into_iter().find(|tag| tag.get("rel") == "next").expect("a next page");
    assert_eq!(next.get("href"), "/settings/notifications?cursor=next-page");
}
