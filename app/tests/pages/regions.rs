//! Regions closely: what was changed by hand, variables without values, and contingency plans.

use super::fake::{Ask, get};
use super::html::{self, by_id, forms, tags, text};
use crate::form_about;
use app::{Lang, Text};
use domain::Role;
use domain::gate::GateKind;

fn has_form(html: &str, action: &str) -> bool {
    forms(html).iter().any(|form| form.action() == action)
}

#[tokio::test]
async fn the_board_says_who_and_leads_to_what_drifted_and_to_the_plan_that_runs() {
    let (_, html) = get(&Ask::by(Role::Viewer), "/regions").await;
    let leads = |to: &str| tags(&html).iter().any(|tag| tag.name == "a" && tag.get("href") == to);
    assert!(leads("/regions/hangzhou") && leads("/regions/hangzhou/share-api/drift") && leads("/plans/flood"));
    let words = text(&html);
    assert!(words.contains("ada") && words.contains("Ten times the traffic"), "{words}");
}

#[tokio::test]
async fn only_what_a_configuration_can_say_is_offered_for_adoption() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/hangzhou/web/drift").await;
    let adopt = forms(&html).into_iter().find(|form| form.action() == "/do/regions/adopt").expect("the form");
    assert!(adopt.fields.iter().any(|field| field.get("name") == "replicas" && field.get("value") == "9"));
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/hangzhou/worker/drift").await;
    assert!(!has_form(&html, "/do/regions/adopt") && has_form(&html, "/do/regions/correct"));
    assert!(text(&html).contains(&t.not_adoptable(t.drift_environment())));
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/hangzhou/share-api/drift").await;
    assert!(text(&html).contains(t.no_drift()) && !has_form(&html, "/do/regions/correct"));
}

#[tokio::test]
async fn a_plan_that_nobody_has_read_cannot_be_pressed_and_says_who_can_clear_it() {
    let (_, html) = get(&Ask::by(Role::Lead), "/plans/quiet").await;
    assert!(!has_form(&html, "/do/plans/run") && has_form(&html, "/do/plans/review"));
    assert!(text(by_id(&html, "why-closed").expect("why")).contains(Text(Lang::En).plan_needs_reader()));
    let (_, html) = get(&Ask::by(Role::Lead), "/plans/flood").await;
    assert!(has_form(&html, "/do/plans/run") && has_form(&html, "/do/plans/return"));
    let (_, html) = get(&Ask::by(Role::Tester), "/plans/flood").await;
    assert!(forms(&html).iter().all(|form| !form.action().starts_with("/do/plans/")));
}

#[tokio::test]
async fn where_a_canary_is_the_button_withdraws_it_and_then_rolls_back() {
    for lang in Lang::ALL {
        let t = Text(lang);
        let lead = Ask { lang, ..Ask::by(Role::Lead) };
        let (_, html) = get(&lead, "/regions/hong-kong/share-api/rollback").await;
        let form = form_about(&html, "/do/regions/roll-back", ("withdraw_canary", "true"));
        let button = tags(&form.html).into_iter().find(|tag| tag.name == "button").expect("the button");
        assert!(!button.has("disabled") && form.html.contains("data-guard=\"share-api\""), "{}", form.html);
        let words = text(&form.html);
        for needed in [t.rollback_after_canary(), &t.rollback_canary_help("P-62")] {
            assert!(words.contains(needed), "{lang:?}: {needed} is not in {words}");
        }
        assert!(text(&html).contains(t.help_no_canary()), "the gate stands beside it");
        // Where none is, nothing of it is said.
        let (_, html) = get(&lead, "/regions/hangzhou/web/rollback").await;
        form_about(&html, "/do/regions/roll-back", ("withdraw_canary", "false"));
        assert!(!text(&html).contains(t.rollback_after_canary()));
        let (_, html) = get(&lead, "/regions/hangzhou/share-api/canary").await;
        let leads = |tag: &html::Tag| tag.name == "a" && tag.get("href") == "/regions/hangzhou/share-api/rollback";
        assert!(tags(&html).iter().any(leads) && text(&html).contains(t.rollback_after_canary()));
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Tester) }, "/regions/hong-kong/share-api/rollback").await;
        assert!(!has_form(&html, "/do/regions/roll-back"));
    }
}

#[tokio::test]
async fn a_rollback_that_follows_a_canary_says_so_and_why_it_was_given_up() {
    for lang in Lang::ALL {
        let t = Text(lang);
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Lead) }, "/promotions/following").await;
        let words = text(&html);
        assert!(words.contains(&t.follows("lead-1")) && words.contains("P-62"), "{words}");
        for door in ["/do/promotions/start", "/do/promotions/book", "/do/promotions/approve", "/do/promotions/reject"] {
            assert!(!has_form(&html, door), "{door}");
        }
        assert!(has_form(&html, "/do/promotions/cancel"), "it can be taken out of the way");
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Viewer) }, "/promotions/given-up").await;
        let (words, hangzhou) = (text(&html), if lang == Lang::En { "Hangzhou" } else { "杭州" });
        let gate = t.gate(&GateKind::RegionReachable { region: String::new() }, hangzhou);
        assert!(words.contains(t.follows_given_up()) && words.contains(&gate), "{gate} is not in {words}");
    }
}

#[tokio::test]
async fn a_canary_stands_beside_the_main_service_with_its_end_and_what_a_lead_can_do() {
    let t = Text(Lang::En);
    let (_, board) = get(&Ask::by(Role::Viewer), "/regions/hangzhou").await;
    let leads = |html: &str, to: &str| tags(html).iter().any(|tag| tag.name == "a" && tag.get("href") == to);
    assert!(leads(&board, "/regions/hangzhou/share-api/canary") && text(&board).contains(t.canary_runs()));
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/hangzhou/share-api/canary").await;
    let words = text(&html);
    for word in [t.canary_main(), t.canary_owner(), "leo", "release-v5.12.06.01", &t.canary_took(1, 3), &t.restarts(1), "UTC"] {
        assert!(words.contains(word), "{word} is not in {words}");
    }
    assert!(leads(&html, "/regions/hangzhou/share-api/log") && leads(&html, "/regions/hangzhou/share-api/log?of=canary"));
    assert!(leads(&html, "/builds/signed?region=hangzhou#promote"), "the way to the main path");
    assert!(has_form(&html, "/do/canaries/withdraw") && has_form(&html, "/do/canaries/extend"));
    let (_, html) = get(&Ask::by(Role::Tester), "/regions/hangzhou/share-api/canary").await;
    assert!(forms(&html).iter().all(|form| !form.action().starts_with("/do/canaries/")));
    let (_, html) = get(&Ask::by(Role::Lead), "/regions/hangzhou/web/canary").await;
    assert!(text(&html).contains(t.no_canary()) && !has_form(&html, "/do/canaries/withdraw"));
}

#[tokio::test]
async fn the_form_for_a_promotion_has_a_part_for_a_canary_and_keeps_the_region_of_the_link() {
    let (_, html) = get(&Ask::by(Role::Lead), "/builds/signed?region=us-west").await;
    let form = forms(&html).into_iter().find(|form| form.action() == "/do/promotions/request").expect("the form");
    let chosen: Vec<&str> = form
        .fields
        .iter()
        .filter(|field| field.get("name") == "regions[]" && field.has("checked"))
        .map(|field| field.get("value"))
        .collect();
    assert_eq!(chosen, ["us-west"]);
    for name in ["canary", "shape", "replicas", "hours", "port_label"] {
        assert!(form.fields.iter().any(|field| field.get("name") == name), "{name}");
    }
}

#[tokio::test]
async fn the_rules_of_a_region_say_what_is_closed_now_and_what_people_decide() {
    let t = Text(Lang::En);
    let (_, html) = get(&Ask::by(Role::Viewer), "/regions/hangzhou?tab=rules").await;
    let words = text(&html);
    let night = "Fri, Sat, 18:00 to 08:00 on the next day";
    for word in [t.closed_now(), "weekends", night, t.freeze_forbids(), t.freeze_outside(), "web, worker", t.policy_glass()] {
        assert!(words.contains(word), "{word} is not in {words}");
    }
    assert!(words.contains(&t.rules_version(7)) && words.contains(&t.policy_named("payments")));
}

#[tokio::test]
async fn the_secrets_of_a_region_say_how_each_stands_and_only_who_may_sets_them() {
    for lang in Lang::ALL {
        let t = Text(lang);
        let (_, html) = get(&Ask { lang, ..Ask::by(Role::Viewer) }, "/regions/hangzhou?tab=secrets").await;
        let words = text(&html);
        for word in [
            t.secret_not_set(),
            t.secret_given(),
            t.secret_unused_yet(),
            t.secret_newer_waits(),
            t.about_secret_newer(),
            t.secret_not_named(),
            &t.secret_version(3),
            &t.secret_runs_with(2),
            "leo",
        ] {
            assert!(words.contains(word), "{word} is not in {words}");
        }
        assert!(forms(&html).iter().all(|form| !form.action().starts_with("/do/region-secrets/")));
    }
    for role in [Role::Lead, Role::Admin] {
        let (_, html) = get(&Ask::by(role), "/regions/hangzhou?tab=secrets").await;
        let set = forms(&html).into_iter().find(|form| form.action() == "/do/region-secrets/set").expect("the form");
        let value = set.fields.iter().find(|field| field.get("name") == "value").expect("a value");
        assert_eq!((value.get("type"), value.get("autocomplete"), value.get("value")), ("password", "off", ""));
        assert!(!set.html.contains("old-key"), "what the app names no more is not set");
        let removals = forms(&html).into_iter().filter(|form| form.action() == "/do/region-secrets/remove");
        assert_eq!(removals.count(), 4, "what is not set cannot be removed");
    }
}
