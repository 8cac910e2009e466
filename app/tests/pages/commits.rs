//! The commits on a build's page.

use super::*;

#[tokio::test]
async fn a_build_says_what_it_brings_and_in_plain_words_why_it_cannot() {
    let t = Text(Lang::En);
    let (_, html) = get(&hostile(Role::Tester), "/builds/passed").await;
    let words = text(&html);
    for wanted in [t.commits_new(250), t.commits_more(90), t.commits_cut(100, 250), t.range_same().to_owned()] {
        assert!(words.contains(&wanted), "{wanted}");
    }
    assert!(words.contains(&format!(": sell boats 7{HOSTILE}")), "the subject is told as it was written");
    let linked = |to: &str| tags(&html).iter().any(|tag| tag.get("href").starts_with(to) && tag.get("rel").contains("noopener"));
    assert!(linked("https://issues.example.com/browse/SHOP-12") && linked("https://git.example.com/team/web/commit/"));
    assert_harmless("/builds/passed", &html);
    for (page, told) in [
        ("reading", vec![t.range_waiting_why()]),
        ("untested", vec![t.commits_first()]),
        ("blocked", vec![t.range_no_commit_why(), t.range_no_repository_why()]),
        ("quarantined", vec![t.trouble_refused(), t.range_base_missing_why(), t.range_both_missing_why()]),
        ("signed", vec![t.range_diverged_why(), t.range_unrelated_why(), t.range_behind_why()]),
    ] {
        let (_, html) = get(&Ask::by(Role::Viewer), &format!("/builds/{page}")).await;
        let words = text(&html);
        for told in told {
            assert!(words.contains(told), "{page}: {told}");
        }
    }
}
