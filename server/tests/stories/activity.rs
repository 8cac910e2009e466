//! The record: who did what, in words that everyone reads.

use crate::common::{TestApp, a_hook, on_each_database};
use crate::intake::Intake;
use crate::registry::digest;
use app::text::{ACTION_WORDS, SUBJECT_WORDS};
use app::view::{DeliveryFilter, Paging};
use domain::{Action, Actor, Problem, Role};
use serde_json::Value;
use server::usecases::{activity::activity, intake, settings};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Every string literal of a source text, roughly: enough to find words.
fn literals(source: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = source;
    std::iter::from_fn(move || {
        let (before, after) = rest.split_once('"')?;
        let (literal, after) = after.split_once('"')?;
        rest = after;
        Some((before, literal))
    })
}

fn sources(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, each);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            each(&path, &std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn every_word_of_the_record_is_in_the_catalogue() {
    let known = |words: &[(&str, &str, &str)], word: &str| words.iter().any(|(known, ..)| *known == word);
    let begins: Vec<String> =
        ACTION_WORDS.iter().filter_map(|(word, ..)| Some(format!("{}.", word.split_once('.')?.0))).collect();
    let is_action = |word: &str| {
        let plain = word.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_'));
        plain && !word.ends_with('.') && begins.iter().any(|begin| word.starts_with(begin))
    };
    let (mut actions, mut subjects) = (0, 0);
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, source| {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (before, literal) in literals(source) {
            if before.ends_with("subject_kind: ") {
                assert!(known(SUBJECT_WORDS, literal), "{}: the catalogue lacks the subject {literal}", path.display());
                subjects += 1;
            } else if before.ends_with("action: ") || is_action(literal) {
                assert!(known(ACTION_WORDS, literal), "{}: the catalogue lacks the action {literal}", path.display());
                actions += 1;
            }
        }
    });
    assert!(actions > 5 && subjects > 3, "looked in the wrong place: {actions} actions, {subjects} subjects");
}

#[tokio::test]
async fn the_record_is_read_in_pages_that_cover_it_once_while_it_grows() {
    on_each_database(|app| async move {
        let vera = app.person("vera", Role::Viewer).await;
        let apply = |n: usize| {
            let text = format!("[[apps]]\nname = \"app{n}\"\nimage = \"registry.test:5000/app{n}\"\n");
            let ctx = app.ctx.clone();
            async move { settings::apply(&ctx, &Actor::Slipway, &text, false).await.expect("applied") }
        };
        for n in 0..25 {
            apply(n).await;
            // Some in the same instant: the id decides.
            app.clock.advance(Duration::from_secs(u64::from(n % 3 == 0)));
        }
        let page = |cursor| {
            let (ctx, vera) = (&app.ctx, &vera);
            async move { activity(ctx, vera, None, Paging { cursor, limit: Some(4) }).await.expect("a page") }
        };
        let (mut seen, mut cursor) = (Vec::new(), None);
        for n in 25.. {
            let rows = page(cursor).await;
            seen.extend(rows.items.into_iter().map(|row| row.subject));
            app.clock.advance(Duration::from_secs(1));
            apply(n).await;
            cursor = rows.next;
            if cursor.is_none() {
                break;
            }
        }
        let wanted: BTreeSet<String> = (1..=25).map(|version| version.to_string()).collect();
        assert_eq!((seen.len(), seen.iter().cloned().collect::<BTreeSet<_>>()), (25, wanted));
        assert_eq!(seen.last().map(String::as_str), Some("1"));
    })
    .await;
}

#[tokio::test]
async fn the_record_of_one_app_holds_nothing_else() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        for (n, app) in ["team/web", "team/worker"].into_iter().enumerate() {
            let event = story.registry.event(&format!("e{n}"), "2026-11-23T12:00:00Z", app, "dev", &digest(app.as_bytes()));
            story.deliver(&[event]).await;
        }
        intake::process_waiting(&story.app.ctx).await.expect("processed");
        let of = |app: &str| activity(&story.app.ctx, &story.viewer, Some(app.to_owned()), Paging::default());
        let mut words: Vec<String> = of("web").await.expect("rows").items.into_iter().map(|row| row.action).collect();
        words.sort_unstable();
        assert_eq!(words, ["build.recorded", "tag.moved"]);
        for nothing in ["gone", "<script>", "\0"] {
            assert_eq!(of(nothing).await.expect("rows").items, [], "{nothing}");
        }
        assert!(of(" ").await.expect("rows").items.len() > 4, "blank means all");
    })
    .await;
}

#[tokio::test]
async fn everyone_reads_the_record_and_only_an_admin_the_deliveries() {
    let app = TestApp::sqlite().await;
    for role in Role::ALL {
        let someone = app.person(role.as_str(), role).await;
        assert!(activity(&app.ctx, &someone, None, Paging::default()).await.is_ok(), "{role}");
        let deliveries = intake::deliveries(&app.ctx, &someone, DeliveryFilter::default(), Paging::default())
            .await
            .map(|page| page.items.len());
        let wanted = if role == Role::Admin { Ok(0) } else { Err(Problem::Forbidden { action: Action::SeeDeliveries }) };
        assert_eq!(deliveries, wanted, "{role}");
    }
    assert!(activity(&app.ctx, &a_hook(), None, Paging::default()).await.is_err());
}

#[tokio::test]
async fn deliveries_are_read_in_pages() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        for n in 0..9 {
            story.deliver(&[story.registry.event(&format!("e{n}"), "", "team/other", "dev", &digest(b"x"))]).await;
            story.app.clock.advance(Duration::from_millis(u64::from(n % 2 == 0)));
        }
        let token = story.app.token(&story.admin).await;
        let (mut seen, mut path) = (BTreeSet::new(), "/api/v1/deliveries?limit=4".to_owned());
        let mut pages = 0;
        loop {
            let (status, page) = story.app.rest(&token, "GET", &path, Value::Null).await;
            assert_eq!(status.as_u16(), 200);
            let rows = page["items"].as_array().expect("rows");
            assert!(rows.iter().all(|row| seen.insert(row["id"].to_string())), "none twice");
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/api/v1/deliveries?limit=4&cursor={next}");
        }
        assert_eq!((seen.len(), pages), (9, 3));
    })
    .await;
}

#[tokio::test]
async fn ignored_deliveries_are_forgotten_in_time_and_nothing_else_is() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.deliver(&[story.registry.event("e1", "", "team/web", "dev", &digest(b"x"))]).await;
        let mut pull = story.registry.event("e2", "", "team/web", "dev", &digest(b"x"));
        pull["action"] = "pull".into();
        story.deliver(&[pull]).await;
        intake::process_waiting(&story.app.ctx).await.expect("processed");
        let forget = || async {
            let mut tx = story.app.ctx.store.begin().await.expect("a transaction");
            let before = story.app.ctx.now() - Duration::from_secs(60);
            let gone = server::store::intake::forget_ignored(&mut tx, before, 10).await.expect("forgotten");
            tx.commit().await.expect("kept");
            gone
        };
        assert_eq!(forget().await, 0);
        story.app.clock.advance(Duration::from_secs(61));
        assert_eq!(forget().await, 1);
        // What they are known by stays.
        assert_eq!((story.app.count("deliveries").await, story.app.count("delivery_events").await), (1, 2));
    })
    .await;
}
