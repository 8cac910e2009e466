//! Taking in: what is answered, and what is on disk by then.

use super::{Intake, NOON, ONE, TWO};
use crate::common::{TestApp, a_hook, on_each_database};
use crate::registry::{digest, event};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::{Action, Actor, Problem, Role};
use http::StatusCode;
use serde_json::json;
use server::intake::Source;
use server::usecases::{hooks, intake};

#[tokio::test]
async fn an_answered_delivery_survives_a_stop_before_it_was_processed() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let pushed = story.push("e1", NOON, "team/web", "dev", "0a1b2c3d").await;
        assert_eq!((story.builds().await.len(), story.deliveries().await[0].state.as_str()), (0, "stored"));
        // Nothing but the database is left; whoever comes next goes on by itself.
        let next = story.app.restarted().await;
        next.work.tasks.spawn(intake::work(next.clone()));
        let row = crate::common::eventually("the build is listed and described", || async {
            story.builds().await.pop().filter(|row| row.described)
        });
        assert_eq!(row.await.digest, pushed);
        next.work.stop.cancel();
        next.work.tasks.close();
        next.work.tasks.wait().await;
        assert_eq!(story.deliveries().await[0].state, "done");
    })
    .await;
}

#[tokio::test]
async fn the_same_delivery_again_changes_nothing() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let pushed = digest(b"web");
        let envelope = json!({ "events": [story.registry.event("e1", NOON, "team/web", "dev", &pushed)] }).to_string();
        assert_eq!(story.post(envelope.clone()).await.0, StatusCode::ACCEPTED);
        assert_eq!(story.post(envelope.clone()).await.0, StatusCode::OK);
        story.work().await;
        let before = story.actions().await;
        assert_eq!(story.post(envelope).await.0, StatusCode::OK);
        story.work().await;
        assert_eq!(story.actions().await, before);
        assert_eq!((story.app.count("deliveries").await, story.app.count("tag_moves").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn twenty_at_once_with_the_same_events_are_one() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        // Each envelope has the two events in another order than the one before.
        let mut events = [
            story.registry.event("e1", NOON, "team/web", "dev", &digest(b"a")),
            story.registry.event("e2", ONE, "team/web", "test", &digest(b"b")),
        ];
        let mut bodies = Vec::new();
        for _ in 0..20 {
            events.reverse();
            bodies.push(json!({ "events": events }).to_string());
        }
        let answers = futures::future::join_all(bodies.into_iter().map(|body| story.post(body))).await;
        let count = |status| answers.iter().filter(|(found, _)| *found == status).count();
        assert_eq!((count(StatusCode::ACCEPTED), count(StatusCode::OK)), (1, 19), "{answers:?}");
        story.work().await;
        assert_eq!((story.app.count("builds").await, story.app.count("tag_moves").await), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_retry_that_groups_its_events_differently_brings_only_what_is_new() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let one = story.registry.event("e1", NOON, "team/web", "dev", &digest(b"one"));
        let two = story.registry.event("e2", ONE, "team/web", "dev", &digest(b"two"));
        let three = story.registry.event("e3", TWO, "team/web", "dev", &digest(b"three"));
        assert_eq!(story.deliver(&[one.clone(), two.clone()]).await, StatusCode::ACCEPTED);
        assert_eq!(story.deliver(std::slice::from_ref(&one)).await, StatusCode::OK);
        assert_eq!(story.deliver(&[two.clone(), three.clone()]).await, StatusCode::ACCEPTED);
        assert_eq!(story.deliver(&[three, one, two]).await, StatusCode::OK);
        story.work().await;
        assert_eq!((story.app.count("deliveries").await, story.app.count("tag_moves").await), (2, 3));
        let current: Vec<bool> = story.builds().await.iter().map(|row| row.tags[0].current).collect();
        assert_eq!(current.iter().filter(|current| **current).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_events_of_one_hook_are_not_those_of_another() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let event = story.registry.event("e1", NOON, "team/web", "dev", &digest(b"web"));
    assert_eq!(story.deliver(std::slice::from_ref(&event)).await, StatusCode::ACCEPTED);
    let other = story.app.hook("mirror", "distribution").await;
    let path = format!("/hooks/distribution/{}", other.key.clone().expect("a key"));
    let (status, _) = story.post_to(&path, json!({ "events": [event] }).to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    story.work().await;
    // Two hooks told of one push: it is one all the same.
    assert_eq!((story.app.count("builds").await, story.app.count("tag_moves").await), (1, 1));
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_refused_and_nothing_is_kept() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let long = |bytes: usize| format!(r#"{{"events":[],"padding":"{}"}}"#, "x".repeat(bytes - 26));
    assert_eq!(long(1 << 20).len(), 1 << 20);
    assert_eq!(story.post(long(1 << 20)).await.0, StatusCode::ACCEPTED);
    for bytes in [(1 << 20) + 1, 2 << 20, 9 << 20] {
        let (status, problem) = story.post(long(bytes)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(problem["detail"], "body: at most 1048576 bytes");
    }
    assert_eq!(story.app.count("deliveries").await, 1);
}

#[tokio::test]
async fn a_sender_that_listens_hears_why_its_two_mebibytes_were_refused() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    let here = story.app.listen("127.0.0.1").await;
    let url = format!("http://{here}/hooks/distribution/{}", story.key);
    let answer = reqwest::Client::new().post(url).body(vec![b'x'; 2 << 20]).send().await.expect("an answer, not a reset");
    assert_eq!(answer.status().as_u16(), 413);
}

#[tokio::test]
async fn an_unknown_key_a_revoked_one_and_another_source_are_all_not_found() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let body = json!({ "events": [] }).to_string();
        let mut paths = vec![
            format!("/hooks/distribution/{}x", story.key),
            "/hooks/distribution/%00".to_owned(),
            format!("/hooks/drone/{}", story.key),
            format!("/hooks/%3Cscript%3E/{}", story.key),
        ];
        let id = hooks::list_hooks(&story.app.ctx, &story.admin).await.expect("hooks")[0].id.clone();
        assert_eq!(story.post(body.clone()).await.0, StatusCode::ACCEPTED);
        hooks::revoke_hook(&story.app.ctx, &story.admin, &id).await.expect("revoked");
        paths.push(format!("/hooks/distribution/{}", story.key));
        for path in paths {
            let (status, problem) = story.post_to(&path, body.clone()).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(problem["detail"], "There is no hook with this key.");
            assert!(!problem.to_string().contains(&story.key));
        }
        assert_eq!(story.app.count("deliveries").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_envelope_is_refused_with_what_was_expected_and_is_not_kept() {
    let story = Intake::begin(TestApp::sqlite().await).await;
    for body in ["", "{", "[1,2]", "{}", r#"{"events":{}}"#, r#"{"events":["x"]}"#, r#"{"events":[{"id":1}]}"#, "\u{0}\u{1}"] {
        let (status, problem) = story.post(body).await;
        assert_eq!((status, &problem["status"]), (StatusCode::BAD_REQUEST, &json!(400)), "{body}");
        let detail = problem["detail"].as_str().expect("words");
        assert!(detail.contains("expected {\"events\"") && !detail.contains("serde"), "{detail}");
    }
    assert_eq!(story.app.count("deliveries").await, 0);
    assert_eq!(story.app.count("delivery_events").await, 0);
}

#[tokio::test]
async fn what_is_readable_and_irrelevant_is_kept_and_shown_as_ignored_with_the_reason() {
    on_each_database(|app| async move {
        let story = Intake::begin(app).await;
        let host = story.registry.host();
        let good = digest(b"x");
        let mut told: Vec<(serde_json::Value, Reason)> = Vec::new();
        let mut tell = |change: &dyn Fn(&mut serde_json::Value), reason: Reason| {
            let mut event = event(&host, &format!("e{}", told.len()), NOON, "team/web", "dev", good.as_str());
            change(&mut event);
            told.push((event, reason));
        };
        let unusable = |field: &str, given: &str, why| Reason::Unusable { field: field.into(), given: given.into(), why };
        tell(&|e| e["action"] = "pull".into(), Reason::NotAPush { action: "pull".into() });
        tell(&|e| e["action"] = "delete".into(), Reason::NotAPush { action: "delete".into() });
        tell(&|e| e["action"] = "mount".into(), Reason::NotAPush { action: "mount".into() });
        let layer = "application/octet-stream";
        tell(&|e| e["target"]["mediaType"] = layer.into(), Reason::NotAnImage { media_type: layer.into() });
        tell(&|e| e["target"]["tag"] = json!(null), Reason::NoTag { image: format!("{host}/team/web") });
        tell(&|e| e["target"]["repository"] = "team/other".into(), Reason::UnknownApp { image: format!("{host}/team/other") });
        tell(
            &|e| e["target"]["tag"] = "<script>alert(1)</script>".into(),
            unusable("tag", "<script>alert(1)</script>", Fault::BadTag),
        );
        tell(&|e| e["target"]["repository"] = "<script>".into(), unusable("image", &format!("{host}/<script>"), Fault::BadImage));
        tell(&|e| e["target"]["digest"] = "sha256:0123".into(), unusable("digest", "sha256:0123", Fault::BadDigest));
        tell(&|e| e["target"]["digest"] = "".into(), unusable("digest", "", Fault::BadDigest));
        for (event, reason) in told {
            assert_eq!(story.deliver(std::slice::from_ref(&event)).await, StatusCode::ACCEPTED, "{event}");
            story.app.clock.advance(std::time::Duration::from_millis(1));
            story.work().await;
            let row = story.deliveries().await.remove(0);
            assert_eq!((row.state.as_str(), row.reasons), ("ignored", vec![reason]), "{event}");
        }
        assert_eq!(story.deliver(&[]).await, StatusCode::ACCEPTED);
        assert_eq!(story.deliver(&[]).await, StatusCode::OK);
        assert_eq!((story.app.count("builds").await, story.app.count("tags").await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn recorded_deliveries_of_real_registries_can_be_read() {
    let Ok(folder) = std::env::var("SLIPWAY_TEST_PAYLOADS") else {
        println!("not told: SLIPWAY_TEST_PAYLOADS names no folder");
        return;
    };
    let story = Intake::begin(TestApp::sqlite().await).await;
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("distribution-") {
            let body = std::fs::read(&path).expect("a file");
            let status = story.post(body).await.0;
            // Samples share ids with each other; a shared one alone is a duplicate.
            assert!(matches!(status, StatusCode::ACCEPTED | StatusCode::OK), "{name}: {status}");
            read += 1;
        }
    }
    story.work().await;
    assert!(read > 0);
    assert!(story.deliveries().await.iter().all(|row| row.state == "ignored"));
}

#[tokio::test]
async fn only_a_hook_delivers_and_a_hook_does_nothing_else() {
    let app = TestApp::sqlite().await;
    let key = app.hook("registry", "distribution").await.key.expect("a key");
    let (_, hook) = hooks::actor_of_key(&app.ctx, "distribution", &key).await.expect("known");
    for role in Role::ALL {
        let someone = app.person(role.as_str(), role).await;
        let refused = Err(Problem::Forbidden { action: Action::Deliver });
        assert_eq!(intake::accept(&app.ctx, &someone, &hook, &Headers::default(), b"{}").await, refused);
    }
    assert!(intake::accept(&app.ctx, &Actor::Slipway, &hook, &Headers::default(), b"{}").await.is_err());
    let may: Vec<Action> = Action::ALL.into_iter().filter(|action| a_hook().may(*action)).collect();
    assert_eq!(may, [Action::Deliver]);
}
