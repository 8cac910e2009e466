//! The list of builds and the page of one: what is found, in which order, and all of it.

use crate::common::{TestApp, on_each_database};
use crate::intake::Intake;
use crate::registry::digest;
use app::view::{BuildFilter, BuildRow, Paging};
use domain::id::BuildId;
use domain::{Action, Digest, Problem, Role};
use serde_json::Value;
use server::seen::{RegionSeen, ServiceSeen};
use server::usecases::{builds, intake, regions};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// Delivers one push an entry, a second apart, and processes them.
async fn pushed(story: &Intake, pushes: &[(&str, &str, &str)]) {
    let mut n = story.app.count("delivery_events").await;
    for (app, tag, content) in pushes {
        n += 1;
        let at = story.app.ctx.now().to_rfc3339();
        let event = story.registry.event(&format!("p{n}"), &at, &format!("team/{app}"), tag, &digest(content.as_bytes()));
        assert!(story.deliver(&[event]).await.is_success());
        story.app.clock.advance(Duration::from_secs(1));
    }
    intake::process_waiting(&story.app.ctx).await.expect("processed");
}

async fn page(story: &Intake, filter: &BuildFilter, cursor: Option<String>, limit: u32) -> (Vec<BuildRow>, Option<String>) {
    let paging = Paging { cursor, limit: Some(limit) };
    let page = builds::builds(&story.app.ctx, &story.viewer, filter.clone(), paging).await.expect("a page");
    (page.items, page.next)
}

fn by(app: &str, channel: &str, tag: &str, q: &str) -> BuildFilter {
    let part = |text: &str| Some(text.to_owned());
    BuildFilter { app: part(app), channel: part(channel), tag: part(tag), q: part(q) }
}

/// Digests of what a filter finds, by the content they were made from.
async fn found(story: &Intake, filter: BuildFilter, known: &HashMap<Digest, String>) -> Vec<String> {
    let (rows, _) = page(story, &filter, None, 200).await;
    rows.iter().map(|row| known[&row.digest].clone()).collect()
}

#[tokio::test]
async fn pages_cover_every_build_once_while_new_ones_arrive() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let mut events = Vec::new();
        for n in 0..60 {
            let (app, tag) = (["team/web", "team/worker"][n % 2], if n % 3 == 0 { "test" } else { "dev" });
            let at = format!("2026-11-22T10:{n:02}:00Z");
            events.push(story.registry.event(&format!("e{n}"), &at, app, tag, &digest(format!("old {n}").as_bytes())));
        }
        assert!(story.deliver(&events).await.is_success());
        intake::process_waiting(&story.app.ctx).await.expect("processed");
        for (n, filter) in [
            by("", "", "", ""),
            by("web", "", "", ""),
            by("", "dev", "", ""),
            by("", "", "test", ""),
            by("", "", "", "w"),
            by("", "", "", "d"),
        ]
        .into_iter()
        .enumerate()
        {
            let wanted: BTreeSet<BuildId> = page(&story, &filter, None, 200).await.0.into_iter().map(|row| row.id).collect();
            assert!(wanted.len() >= 20, "{filter:?}: {}", wanted.len());
            let (mut seen, mut cursor, mut new) = (Vec::new(), None, 0);
            loop {
                let (rows, next) = page(&story, &filter, cursor, 7).await;
                assert!(next.is_none() || rows.len() == 7);
                seen.extend(rows.into_iter().map(|row| row.id));
                story.app.clock.advance(Duration::from_secs(1));
                new += 1;
                pushed(&story, &[("web", "dev", &format!("new {n} {new}")), ("web", "test", &format!("newer {n} {new}"))]).await;
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            let once: BTreeSet<BuildId> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "{filter:?}: none twice");
            assert_eq!(once, wanted, "{filter:?}: all that were there, in one walk");
        }
    })
    .await;
}

#[tokio::test]
async fn each_filter_finds_what_it_says_and_they_narrow_each_other() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let pushes = [
            ("web", "dev", "a"),
            ("web", "dev", "b"),
            ("web", "test", "a"),
            ("web", "release-v5.12.05.01", "b"),
            ("worker", "dev", "c"),
            ("web", "feature", "d"),
            ("web", "dev", "a"),
        ];
        pushed(&story, &pushes).await;
        let known: HashMap<Digest, String> = ["a", "b", "c", "d"].map(|text| (digest(text.as_bytes()), text.to_owned())).into();
        let mut tx = story.app.ctx.store.begin().await.expect("a transaction");
        let revision = sqlx::query("UPDATE builds SET revision = 'Abc1234' WHERE digest = $1").bind(digest(b"b").to_string());
        revision.execute(&mut *tx).await.expect("a commit");
        tx.commit().await.expect("kept");
        let (whole, half) = (digest(b"c").to_string(), digest(b"c").short().to_owned());
        let cases: Vec<(BuildFilter, &[&str])> = vec![
            (by("", "", "", ""), &["d", "c", "b", "a"]),
            (by("worker", "", "", ""), &["c"]),
            (by("gone", "", "", ""), &[]),
            // By channel or tag: the newest move there first, each build once.
            (by("", "dev", "", ""), &["a", "c", "b"]),
            (by("web", "dev", "", ""), &["a", "b"]),
            (by("", "", "dev", ""), &["a", "c", "b"]),
            (by("", "", "feature", ""), &["d"]),
            (by("", "test", "dev", ""), &[]),
            (by("web", "release-v*", "", ""), &["b"]),
            (by("", "release-v*", "release-v5.12.05.01", ""), &["b"]),
            // By the beginning of something.
            (by("", "", "", "we"), &["d", "b", "a"]),
            (by("", "", "", "w"), &["d", "c", "b", "a"]),
            (by("", "", "", "release-v5.12"), &["b"]),
            (by("", "", "", "Abc"), &["b"]),
            (by("", "", "", "abc"), &[]),
            (by("", "", "", "bc1"), &[]),
            (by("", "", "", whole.as_str()), &["c"]),
            (by("", "", "", half.as_str()), &["c"]),
            (by("web", "", "", half.as_str()), &[]),
            (by("web", "", "", "w"), &["d", "b", "a"]),
            (by("", "test", "", "web"), &["a"]),
            (by("", "", "feature", "web"), &["d"]),
            (by("", "", "", "dev"), &["c", "b", "a"]),
            (by("worker", "", "", "dev"), &["c"]),
            (by(" web ", "", "", " dev "), &["b", "a"]),
            // What no build has.
            (by("", "", "", "%"), &[]),
            (by("", "", "", "_"), &[]),
            (by("", "", "", "'; DROP TABLE builds; --"), &[]),
            (by("", "", "", "\0"), &[]),
            (by("\0", "", "", ""), &[]),
            (by("", "", "", &"x".repeat(5000)), &[]),
        ];
        for (filter, wanted) in cases {
            assert_eq!(found(&story, filter.clone(), &known).await, wanted, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_many_apps_and_many_tags_by_their_beginning() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let host = story.registry.host();
        let apps: String = (0..25).map(|n| format!("[[apps]]\nname = \"svc{n}\"\nimage = \"{host}/team/svc{n}\"\n")).collect();
        story.app.apply(&apps).await;
        let names: Vec<String> = (0..25).map(|n| format!("svc{n}")).collect();
        let tags: Vec<String> = (0..25).map(|n| format!("pr-{n}")).collect();
        let pushes: Vec<(&str, &str, &str)> =
            names.iter().zip(&tags).map(|(name, tag)| (name.as_str(), tag.as_str(), name.as_str())).collect();
        pushed(&story, &pushes).await;
        for q in ["svc", "pr-", "svc2", "pr-2"] {
            let (rows, next) = page(&story, &by("", "", "", q), None, 4).await;
            let newest: Vec<&str> = rows.iter().map(|row| row.app.as_str()).collect();
            assert_eq!((newest, next.is_some()), (vec!["svc24", "svc23", "svc22", "svc21"], true), "{q}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_says_what_was_decided_and_where_the_build_runs() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.app.apply("[[regions]]\nname = \"hangzhou\"\nurl = \"tcp://10.0.0.1:2375\"\ntitle_zh = \"杭州\"\n").await;
        pushed(&story, &[("web", "dev", "a"), ("web", "dev", "b")]).await;
        let (rows, _) = page(&story, &by("", "", "", ""), None, 50).await;
        let id = rows[1].id.clone();
        let mut tx = story.app.ctx.store.begin().await.expect("a transaction");
        for sql in [
            "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at) VALUES ('v1', $1, 'pass', '', 'u', 'tess', 1)",
            "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at) VALUES ('v2', $1, 'fail', '', 'u', 'tess', 2)",
            "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at, withdrawn_at) VALUES ('v3', $1, 'fail', '', 'u', 'tess', 3, 4)",
            "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at, overruled_at) VALUES ('v4', $1, 'fail', '', 'u', 'tess', 3, 4)",
            "INSERT INTO sign_offs (id, build_id, author_id, author_name, note, at) VALUES ('s1', $1, 'u', 'mai', '', 1)",
            "INSERT INTO environments (id, number, stack, engine, state, spec, holder_id, holder_name, created_at, lease_ends_at)
             VALUES ('n1', 1, 'shop', 'test', 'running', '{}', 'u', 'tess', 1, 2), ('n2', 2, 'shop', 'test', 'stopped', '{}', 'u', 'tess', 1, 2)",
            "INSERT INTO environment_builds (environment_id, app, build_id, under_test) VALUES ('n1', 'web', $1, 1), ('n2', 'web', $1, 1)",
        ] {
            let query = sqlx::query(sql);
            let query = if sql.contains("$1") { query.bind(id.as_str()) } else { query };
            query.execute(&mut *tx).await.expect(sql);
        }
        tx.commit().await.expect("kept");
        let service = ServiceSeen {
            digest: Some(digest(b"a")),
            running: 1,
            desired: 1,
            healthy: true,
            ..ServiceSeen::default()
        };
        let seen = RegionSeen { checked_at: story.app.ctx.now(), reachable: true, services: [("web".to_owned(), service)].into(), canaries: Default::default() };
        story.app.ctx.seen.put("hangzhou", seen);
        let (rows, _) = page(&story, &by("", "", "", ""), None, 50).await;
        let (new, old) = (&rows[0], &rows[1]);
        assert_eq!((old.standing.passes, old.standing.fails, old.signed_off, old.environments), (1, 1, true, 1));
        let region = &old.runs_in[0];
        assert_eq!((region.title_en.as_str(), region.title_zh.as_str()), ("hangzhou", "杭州"));
        assert_eq!((new.standing, new.signed_off, new.environments, new.runs_in.len()), (Default::default(), false, 0, 0));
        let counts = regions::counts(&story.app.ctx, &story.viewer).await.expect("counts");
        assert_eq!((counts.promotions, counts.environments), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn the_page_of_a_build_names_its_stacks_and_what_its_reader_may_do() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let host = story.registry.host();
    story
        .app
        .apply(&format!(
            "[[stacks]]\nname = \"shop\"\ncompose = \"services: {{ web: {{ image: \\\"${{BUILD_WEB}}\\\" }} }}\"\n
             [[stacks]]\nname = \"jobs\"\ncompose = \"services: {{ worker: {{ image: \\\"${{BUILD_WORKER}}\\\" }} }}\"\n
             [[apps]]\nname = \"web\"\nimage = \"{host}/team/web\"\nstack = \"shop\"\n"
        ))
        .await;
    pushed(&story, &[("web", "dev", "a")]).await;
    let id = page(&story, &by("", "", "", ""), None, 1).await.0.remove(0).id;
    let view = builds::build(&story.app.ctx, &story.viewer, &id).await.expect("a build");
    assert_eq!(view.reference, format!("{host}/team/web@{}", digest(b"a")));
    assert_eq!((view.default_stack.as_deref(), view.stacks), (Some("shop"), vec!["shop".to_owned()]));
    assert_eq!(view.may, []);
    let may = |role| {
        let (app, id) = (&story.app, &id);
        async move { builds::build(&app.ctx, &app.person(&format!("a-{role}"), role).await, id).await.expect("a build").may }
    };
    assert_eq!(may(Role::Tester).await, [Action::LaunchEnvironment, Action::RecordVerdict, Action::WithdrawVerdict]);
    assert_eq!(may(Role::Product).await, [Action::SignOff]);
    assert_eq!(may(Role::Lead).await, [Action::LaunchEnvironment, Action::OverruleVerdict, Action::RequestPromotion]);
    assert_eq!(may(Role::Admin).await, []);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_a_cursor_of_ones_own_is_refused() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        for id in ["gone", "", "\0", "<script>", "' OR 1=1"] {
            let answer = builds::build(&story.app.ctx, &story.viewer, &BuildId(id.to_owned())).await;
            assert!(matches!(answer, Err(Problem::NotFound { .. })), "{id:?}");
        }
        for cursor in ["x", "1-<script>", "1-\0", "--", "99999999999999999999-a"] {
            let paging = Paging { cursor: Some(cursor.to_owned()), limit: None };
            let answer = builds::builds(&story.app.ctx, &story.viewer, BuildFilter::default(), paging).await;
            assert!(matches!(answer, Err(Problem::Invalid { .. })), "{cursor:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn rest_answers_what_the_pages_show() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        pushed(&story, &[("web", "dev", "a"), ("web", "test", "b"), ("worker", "dev", "c")]).await;
        let token = story.app.token(&story.viewer).await;
        let get = |path: String| {
            let (app, token) = (&story.app, &token);
            async move { app.rest(token, "GET", &path, Value::Null).await }
        };
        let (status, apps) = get("/api/v1/apps".into()).await;
        assert_eq!((status.as_u16(), &apps[0]["name"], &apps[0]["channels"][0]["name"]), (200, &"web".into(), &"dev".into()));
        let (status, first) = get("/api/v1/builds?limit=2".into()).await;
        assert_eq!(
            (status.as_u16(), &first["items"][0]["app"], &first["items"][1]["tags"][0]["name"]),
            (200, &"worker".into(), &"test".into())
        );
        let (_, second) = get(format!("/api/v1/builds?limit=2&cursor={}", first["next"].as_str().expect("a cursor"))).await;
        assert_eq!((second["items"].as_array().map(Vec::len), &second["next"]), (Some(1), &Value::Null));
        let (_, narrowed) = get("/api/v1/builds?app=web&channel=dev&q=web".into()).await;
        assert_eq!(narrowed["items"].as_array().map(Vec::len), Some(1));
        let id = first["items"][0]["id"].as_str().expect("an id");
        let (status, one) = get(format!("/api/v1/builds/{id}")).await;
        assert_eq!((status.as_u16(), &one["row"]["app"], &one["tag_moves"][0]["tag"]), (200, &"worker".into(), &"dev".into()));
        assert_eq!(get("/api/v1/builds/gone".into()).await.0.as_u16(), 404);
        for bad in ["cursor=x", "limit=many", "colour=red"] {
            let (status, problem) = get(format!("/api/v1/builds?{bad}")).await;
            assert_eq!((status.as_u16(), &problem["code"]), (422, &"invalid".into()), "{bad}: {problem}");
        }
        let (status, _) = story.app.rest("slw_nobody", "GET", "/api/v1/builds", Value::Null).await;
        assert_eq!(status.as_u16(), 401);
    })
    .await;
}
