//! Processing: what a delivery becomes.

use super::{Intake, NOON, ONE, TWO};
use crate::common::{TestApp, eventually, on_each_database};
use crate::registry::{Mood, digest};
use app::view::BuildFilter;
use domain::delivery::Reason;
use domain::{ChannelKind, Problem};
use http::StatusCode;
use server::usecases::{builds, intake};
use std::time::Duration;

#[tokio::test]
async fn a_pushed_image_becomes_a_build_with_its_labels() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let revision = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
        let pushed = story.push("e1", NOON, "team/web", "dev", revision).await;
        story.work().await;
        let row = story.builds().await.remove(0);
        assert_eq!((row.app.as_str(), &row.digest), ("web", &pushed));
        assert_eq!(row.image.to_string(), format!("{}/team/web", story.registry.host()));
        assert_eq!((row.described, row.undescribed), (true, None));
        assert_eq!(row.revision.as_deref(), Some(revision));
        assert_eq!(row.commit_url, Some(format!("https://git.example/team/web/commit/{revision}")));
        assert!(row.size.is_some_and(|size| size > 1_000_000));
        assert_eq!(row.built_at, Some("2026-11-24T01:00:00Z".parse().expect("a time")));
        assert_eq!(row.seen_at, story.app.ctx.now());
        let tag = &row.tags[0];
        assert_eq!((tag.name.as_str(), tag.channel.as_deref(), tag.current), ("dev", Some("dev"), true));
        assert_eq!((tag.kind, tag.moved_at), (Some(ChannelKind::Branch), NOON.parse().expect("a time")));
        let words = ["build.described", "build.recorded", "configuration.applied", "hook.added", "tag.moved"];
        assert_eq!(story.actions().await, words);
        let actors = sqlx::query_scalar("SELECT actor FROM audit WHERE action IN ('build.recorded', 'tag.moved')");
        let actors: Vec<String> = actors.fetch_all(story.app.ctx.store.read()).await.expect("names");
        assert_eq!(actors, ["hook registry", "hook registry"]);
        assert_eq!(story.deliveries().await[0].reasons, []);
    })
    .await;
}

#[tokio::test]
async fn an_open_page_hears_of_a_push_after_it_can_be_read() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let mut hints = story.app.ctx.hub.listen();
    story.app.ctx.work.tasks.spawn(intake::work(story.app.ctx.clone()));
    story.push("e1", NOON, "team/web", "dev", "0a1b2c3d").await;
    let heard = async {
        loop {
            let hint = hints.recv().await.expect("a hint");
            if hint.topic == server::hub::Topic::Builds {
                return (hint.id, story.builds().await);
            }
        }
    };
    let (id, rows) = tokio::time::timeout(Duration::from_secs(20), heard).await.expect("heard");
    assert_eq!(id.as_deref(), Some(rows[0].id.as_str()));
}

#[tokio::test]
async fn several_tags_on_one_digest_are_one_build() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let pushed = story.registry.push("team/web", "dev", serde_json::json!({}));
        for (n, tag) in ["dev", "latest", "release-v5.12.05.02", "release-v5.12.05.01"].into_iter().enumerate() {
            let event = story.registry.event(&format!("e{n}"), NOON, "team/web", tag, &pushed);
            assert_eq!(story.deliver(&[event]).await, StatusCode::ACCEPTED);
        }
        story.work().await;
        let rows = story.builds().await;
        assert_eq!(rows.len(), 1);
        let names: Vec<&str> = rows[0].tags.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["release-v5.12.05.02", "release-v5.12.05.01", "dev", "latest"]);
        assert_eq!(story.registry.asked(), 1, "the labels are read once");
    })
    .await;
}

#[tokio::test]
async fn releases_sort_by_version_month_date_and_order() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let pushed = digest(b"web");
    let tags = ["release-v5.2.01.01.01", "release-v5.10.01.01.01", "release-v5.10.01.01.02", "release-v5.9.12.31.99"];
    let events: Vec<_> = tags.iter().map(|tag| story.registry.event(tag, NOON, "team/web", tag, &pushed)).collect();
    story.deliver(&events).await;
    story.work().await;
    let names: Vec<String> = story.builds().await[0].tags.iter().map(|tag| tag.name.clone()).collect();
    assert_eq!(names, ["release-v5.10.01.01.02", "release-v5.10.01.01.01", "release-v5.9.12.31.99", "release-v5.2.01.01.01"]);
}

#[tokio::test]
async fn a_tag_that_moves_leaves_its_build_and_its_way_can_be_read() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let one = story.push("e1", NOON, "team/web", "dev", "aaaaaaa").await;
        story.work().await;
        story.app.clock.advance(Duration::from_secs(1));
        let two = story.push("e2", ONE, "team/web", "dev", "bbbbbbb").await;
        story.work().await;
        let rows = story.builds().await;
        assert_eq!((&rows[0].digest, &rows[1].digest), (&two, &one));
        assert_eq!((rows[0].tags[0].current, rows[1].tags[0].current), (true, false));
        let view = builds::build(&story.app.ctx, &story.viewer, &rows[0].id).await.expect("a build");
        assert_eq!(view.tag_moves.len(), 1);
        assert_eq!((view.tag_moves[0].tag.as_str(), &view.tag_moves[0].previous), ("dev", &Some(one)));
        let detail: String =
            sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'tag.moved' ORDER BY at DESC, id DESC LIMIT 1")
                .fetch_one(story.app.ctx.store.read())
                .await
                .expect("a row");
        assert_eq!(detail, format!("from {} to {}", rows[1].digest.short(), two.short()));
    })
    .await;
}

#[tokio::test]
async fn an_older_event_that_comes_late_does_not_move_the_tag_back() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let [first, second, third] = [b"1", b"2", b"3"].map(|bytes| digest(bytes));
        let deliver = |id: &'static str, at, digest| {
            let event = story.registry.event(id, at, "team/web", "dev", digest);
            let story = &story;
            async move {
                story.deliver(&[event]).await;
                story.app.clock.advance(Duration::from_secs(1));
                story.work().await;
            }
        };
        deliver("e1", NOON, &first).await;
        deliver("e3", TWO, &third).await;
        deliver("e2", ONE, &second).await;
        let current = |rows: &[app::view::BuildRow]| {
            rows.iter().filter(|row| row.tags[0].current).map(|row| row.digest.clone()).collect::<Vec<_>>()
        };
        let rows = story.builds().await;
        assert_eq!((rows.len(), current(&rows)), (3, vec![third.clone()]));
        let late = &story.deliveries().await[0];
        assert_eq!((late.state.as_str(), &late.reasons), ("done", &vec![Reason::MovedOn { tag: "dev".into() }]));
        // Its step stands where it belongs by its time: between the first and the third.
        let row = rows.iter().find(|row| row.digest == second).expect("listed");
        let view = builds::build(&story.app.ctx, &story.viewer, &row.id).await.expect("a build");
        assert_eq!(view.tag_moves[0].previous.as_ref(), Some(&first));
        // The third again, by a push that changed nothing, and a fourth from before that push.
        deliver("e5", "2026-11-23T16:00:00Z", &third).await;
        deliver("e4", "2026-11-23T15:00:00Z", &digest(b"4")).await;
        assert_eq!(current(&story.builds().await), [third]);
    })
    .await;
}

#[tokio::test]
async fn a_sender_whose_clock_is_ahead_does_not_hold_the_tag_for_ever() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    story.deliver(&[story.registry.event("e1", "2099-01-01T00:00:00Z", "team/web", "dev", &digest(b"1"))]).await;
    story.app.clock.advance(Duration::from_secs(1));
    let now = story.app.ctx.now().to_rfc3339();
    story.deliver(&[story.registry.event("e2", &now, "team/web", "dev", &digest(b"2"))]).await;
    story.work().await;
    let current: Vec<_> = story.builds().await.into_iter().filter(|row| row.tags[0].current).map(|row| row.digest).collect();
    assert_eq!(current, [digest(b"2")]);
}

#[tokio::test]
async fn a_tag_of_no_channel_and_a_release_that_does_not_parse_are_listed_with_the_reason() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let deliver = |tag: &'static str| {
            let event = story.registry.event(tag, NOON, "team/web", tag, &digest(tag.as_bytes()));
            let story = &story;
            async move {
                story.deliver(&[event]).await;
                story.app.clock.advance(Duration::from_secs(1));
                story.work().await;
                (story.builds().await.remove(0), story.deliveries().await.remove(0))
            }
        };
        let (row, delivery) = deliver("feature-x").await;
        assert_eq!((row.tags[0].name.as_str(), &row.tags[0].channel), ("feature-x", &None));
        assert_eq!((delivery.state.as_str(), delivery.reasons), ("done", vec![Reason::NoChannel { tag: "feature-x".into() }]));
        let (row, delivery) = deliver("release-v5.next").await;
        assert_eq!(row.tags[0].channel.as_deref(), Some("release-v*"));
        let reason = Reason::NotARelease { tag: "release-v5.next".into() };
        assert_eq!((delivery.state.as_str(), delivery.reasons), ("done", vec![reason]));
        // What keeps an image at its registry says nothing about a build.
        let ours = domain::keep::tag("0123456789abcdef", "web", "hangzhou", domain::keep::Kept::Runs);
        story.deliver(&[story.registry.event("own", NOON, "team/web", &ours, &digest(b"own"))]).await;
        story.work().await;
        let delivery = story.deliveries().await.remove(0);
        assert_eq!((delivery.state.as_str(), delivery.reasons), ("ignored", vec![Reason::OwnTag { tag: ours }]));
        assert_eq!(story.builds().await.len(), 2);
        let keys = sqlx::query_scalar("SELECT release_key FROM tags WHERE name = 'release-v5.next'");
        let key: Option<String> = keys.fetch_one(story.app.ctx.store.read()).await.expect("a tag");
        assert_eq!(key, None);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_the_registry_lost_is_listed_and_said_so() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let pushed = story.push("e1", NOON, "team/web", "dev", "0a1b2c3d").await;
        story.registry.lose("team/web", &pushed);
        for _ in 0..20 {
            story.work().await;
            story.app.clock.advance(Duration::from_secs(3600));
        }
        let row = story.builds().await.remove(0);
        let gone = Problem::ImageGone { image: format!("{}/team/web@{pushed}", story.registry.host()) };
        assert_eq!((row.described, row.undescribed), (false, Some(gone)));
        assert_eq!(story.registry.asked(), 5, "it is asked a bounded number of times");
        assert_eq!(intake::describe_waiting(&story.app.ctx).await, Ok(None));
        // Pushed again: it is there, and read.
        story.push("e2", ONE, "team/web", "dev", "0a1b2c3d").await;
        story.work().await;
        let row = story.builds().await.remove(0);
        assert_eq!((row.digest, row.described, row.undescribed), (pushed, true, None));
    })
    .await;
}

#[tokio::test]
async fn whatever_a_registry_answers_the_build_is_listed_and_its_labels_come_later() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let moods = [Mood::Says(401), Mood::Says(403), Mood::Says(429), Mood::Says(500), Mood::Half];
        for (n, mood) in moods.into_iter().enumerate() {
            story.registry.in_mood(Some(mood));
            let pushed = story.push(&format!("e{n}"), NOON, "team/web", "dev", &format!("0a1b2c3{n}")).await;
            let row = || async { story.builds().await.into_iter().find(|row| row.digest == pushed).expect("listed") };
            story.work().await;
            let before = row().await;
            assert!(!before.described && before.undescribed.is_some(), "{mood:?}: {before:?}");
            story.registry.in_mood(None);
            story.app.clock.advance(Duration::from_secs(3600));
            story.work().await;
            let after = row().await;
            assert!(after.described && after.undescribed.is_none() && after.revision.is_some(), "{mood:?}: {after:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_is_away_is_asked_again_ever_more_rarely_until_it_answers() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.registry.away(true);
        story.push("e1", NOON, "team/web", "dev", "0a1b2c3d").await;
        let mut pauses = Vec::new();
        intake::process_waiting(&story.app.ctx).await.expect("processed");
        for _ in 0..4 {
            let next = intake::describe_waiting(&story.app.ctx).await.expect("asked").expect("asked again later");
            let row = story.builds().await.remove(0);
            assert!(!row.described && matches!(row.undescribed, Some(Problem::RegistryAnswer { .. })), "{row:?}");
            let pause = (next - story.app.ctx.now()).to_std().expect("later");
            pauses.push(pause.as_secs());
            story.app.clock.advance(pause);
        }
        assert_eq!(pauses, [1, 2, 4, 8]);
        story.registry.away(false);
        story.work().await;
        let row = story.builds().await.remove(0);
        assert_eq!((row.described, row.undescribed, row.revision.as_deref()), (true, None, Some("0a1b2c3d")));
    })
    .await;
}

#[tokio::test]
async fn a_stop_while_the_registry_is_away_loses_nothing() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.registry.away(true);
        story.push("e1", NOON, "team/web", "dev", "0a1b2c3d").await;
        story.work().await;
        story.registry.away(false);
        story.app.clock.advance(Duration::from_secs(2));
        let next = story.app.restarted().await;
        next.work.tasks.spawn(intake::work(next.clone()));
        eventually("described after the restart", || async { story.builds().await.pop().filter(|row| row.described) }).await;
        next.work.stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn twenty_pushes_at_once_are_twenty_builds_and_the_newest_holds_the_tag() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        story.app.ctx.work.tasks.spawn(intake::work(story.app.ctx.clone()));
        // A second process over the same database works beside the first.
        let other = story.app.restarted().await;
        other.work.tasks.spawn(intake::work(other.clone()));
        let pushes = (0..20).map(|n| {
            let story = &story;
            async move {
                let at = format!("2026-11-23T12:{n:02}:00Z");
                let app = if n % 2 == 0 { "team/web" } else { "team/worker" };
                story.push(&format!("e{n}"), &at, app, "dev", &format!("{n:07}")).await;
            }
        });
        futures::future::join_all(pushes).await;
        let rows = eventually("all are described", || async {
            other.work.deliveries.notify_one();
            let rows = story.builds().await;
            (rows.len() == 20 && rows.iter().all(|row| row.described)).then_some(rows)
        });
        let rows = rows.await;
        other.work.stop.cancel();
        let mut current: Vec<&str> =
            rows.iter().filter(|row| row.tags[0].current).filter_map(|row| row.revision.as_deref()).collect();
        current.sort_unstable();
        assert_eq!(current, ["0000018", "0000019"]);
        assert_eq!(story.app.count("builds").await, 20);
        assert!(story.deliveries().await.iter().all(|row| row.state == "done"));
        let recorded = story.actions().await.iter().filter(|word| *word == "build.recorded").count();
        assert_eq!(recorded, 20);
    })
    .await;
}

#[tokio::test]
async fn a_configuration_that_another_process_applied_a_moment_ago_is_in_force() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let other = story.app.restarted().await;
    let image = format!("{}/team/new", story.registry.host());
    let text = format!("[[apps]]\nname = \"new\"\nimage = \"{image}\"\n");
    server::usecases::settings::apply(&other, &domain::Actor::Slipway, &text, false).await.expect("applied");
    story.push("e1", NOON, "team/new", "dev", "0a1b2c3d").await;
    story.work().await;
    assert_eq!(story.builds().await[0].app, "new");
}

#[tokio::test]
async fn a_delivery_that_cannot_be_processed_holds_up_none_and_is_shown_as_failed_in_the_end() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    story.push("e1", NOON, "team/web", "dev", "0a1b2c3d").await;
    // As if a later version had stored it: this one cannot read it.
    let mut tx = story.app.ctx.store.begin().await.expect("a transaction");
    sqlx::query("UPDATE deliveries SET body = $1").bind(b"?".as_slice()).execute(&mut *tx).await.expect("changed");
    tx.commit().await.expect("kept");
    story.app.clock.advance(Duration::from_millis(1));
    story.push("e2", ONE, "team/worker", "dev", "0a1b2c3d").await;
    story.work().await;
    assert_eq!(story.builds().await[0].app, "worker");
    let states = |rows: Vec<app::view::DeliveryRow>| rows.into_iter().map(|row| row.state).collect::<Vec<_>>();
    assert_eq!(states(story.deliveries().await), ["done", "stored"]);
    for _ in 0..12 {
        story.app.clock.advance(Duration::from_secs(3600));
        story.work().await;
    }
    let rows = story.deliveries().await;
    assert!(matches!(rows[1].reasons[0], Reason::GivenUp { .. }));
    assert_eq!(states(rows), ["done", "failed"]);
    assert_eq!(intake::process_waiting(&story.app.ctx).await, Ok(None));
}

#[tokio::test]
async fn a_script_in_a_label_stays_text() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let labels = serde_json::json!({
        "org.opencontainers.image.revision": "<script>alert(1)</script>",
        "org.opencontainers.image.source": "javascript:alert(1)",
    });
    let pushed = story.registry.push("team/web", "dev", labels);
    story.deliver(&[story.registry.event("e1", NOON, "team/web", "dev", &pushed)]).await;
    story.work().await;
    let row = story.builds().await.remove(0);
    assert_eq!((row.revision.as_deref(), row.commit_url), (Some("<script>alert(1)</script>"), None));
    let found = builds::builds(
        &story.app.ctx,
        &story.viewer,
        BuildFilter { q: Some("<script>".into()), ..BuildFilter::default() },
        Default::default(),
    );
    assert_eq!(found.await.expect("found").items.len(), 1);
}
