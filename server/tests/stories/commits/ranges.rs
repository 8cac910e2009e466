//! From two pushed images to the commits between them: asked for by the page, read by the worker.

use super::hosts::{FakeHost, TOKEN, json_answer, plain};
use super::origin::Origin;
use super::{keep_secret, with_git};
use crate::common::on_each_database;
use crate::intake::{Intake, NOON, ONE, TWO};
use app::view::{BuildCommits, RangeState};
use axum::http::StatusCode;
use domain::commits::{Segment, Trouble};
use domain::id::BuildId;
use domain::{Actor, Digest, Problem};
use serde_json::{Value, json};
use server::git::{Git, Tools};
use server::seen::{RegionSeen, ServiceSeen};
use server::usecases::commits::{ranges_of_build, read_waiting};
use std::collections::HashMap;
use std::time::Duration;

/// The story, with a repository behind the app `web` and its clones in a folder of the story.
async fn stage(mut story: Intake, origin: &Origin, git: &str) -> Intake {
    story.app.ctx.git = Git::new(&origin.clones(), Tools::here());
    with_git(&story, git, "").await;
    story
}

async fn build_of(story: &Intake, digest: &Digest) -> BuildId {
    story.app.ctx.store.build_of_digest("web", digest).await.expect("a look").expect("a build")
}

async fn news(story: &Intake, digest: &Digest) -> BuildCommits {
    let build = build_of(story, digest).await;
    ranges_of_build(&story.app.ctx, &story.viewer, &build).await.expect("commits")
}

/// How the build stands to the one before it.
async fn state(story: &Intake, digest: &Digest) -> RangeState {
    news(story, digest).await.since_previous.expect("one before it").state
}

async fn read(story: &Intake) {
    read_waiting(&story.app.ctx).await.expect("read");
}

#[tokio::test]
async fn a_build_says_what_it_brings_since_the_one_before_it_in_its_channel() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let hashes = origin.commit("main", None, &["one", "two", "three <script>", "four"]);
        let story = stage(Intake::begin(app).await, &origin, &origin.url()).await;
        let first = story.push("1", NOON, "team/web", "dev", &hashes[0]).await;
        let second = story.push("2", ONE, "team/web", "dev", &hashes[3]).await;
        story.work().await;
        let alone = news(&story, &first).await;
        assert!(alone.since_previous.is_none() && alone.channel.is_none() && alone.since_regions.is_empty());
        let build = build_of(&story, &second).await;
        assert_eq!(state(&story, &second).await, RangeState::Waiting);
        let mut hints = story.app.ctx.hub.listen();
        read(&story).await;
        assert_eq!(hints.recv().await.expect("a hint").id.as_deref(), Some(build.as_str()));
        let told = news(&story, &second).await;
        assert_eq!(told.channel.as_deref(), Some("dev"));
        let range = told.since_previous.expect("one before it");
        assert_eq!((range.state, range.ahead_total, range.behind_total), (RangeState::Ahead, 3, 0));
        assert_eq!(range.ahead[1].subject, [Segment::Text("three <script>".to_owned())]);
        assert_eq!(
            (range.ahead[0].hash.as_str(), range.ahead[0].url.as_deref()),
            (hashes[3].as_str(), Some(link(&hashes[3]).as_str()))
        );
        let since = range.since.expect("a build");
        assert_eq!((since.name.as_str(), since.id), ("dev", build_of(&story, &first).await));
        // It is read once: nothing is due any more, not even after the repository is gone.
        assert_eq!(read_waiting(&story.app.ctx).await, Ok(None));
        drop(origin);
        assert_eq!(state(&story, &second).await, RangeState::Ahead);
    })
    .await;
}

/// The image's label says where the source is read on the web.
fn link(hash: &str) -> String {
    format!("https://git.example/team/web/commit/{hash}")
}

#[tokio::test]
async fn a_release_is_compared_with_the_release_below_it() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let hashes = origin.commit("main", None, &["one", "two", "three"]);
        let story = stage(Intake::begin(app).await, &origin, &origin.url()).await;
        story.push("1", NOON, "team/web", "release-v5.12.05.01", &hashes[0]).await;
        let newest = story.push("2", ONE, "team/web", "release-v5.12.06.01", &hashes[2]).await;
        // A mended release comes later and stands between them.
        let between = story.push("3", TWO, "team/web", "release-v5.12.05.02", &hashes[1]).await;
        story.work().await;
        for (digest, below, total) in [(&newest, "release-v5.12.05.02", 1), (&between, "release-v5.12.05.01", 1)] {
            state(&story, digest).await;
            read(&story).await;
            let told = news(&story, digest).await;
            let range = told.since_previous.expect("one below it");
            assert_eq!((range.since.expect("a build").name.as_str(), range.ahead_total), (below, total));
            assert_eq!(told.channel.as_deref(), Some("release-v*"));
        }
    })
    .await;
}

#[tokio::test]
async fn each_region_is_compared_with_what_it_was_last_seen_to_run() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let hashes = origin.commit("main", None, &["one", "two", "three"]);
        let side = origin.commit("side", Some(&hashes[0]), &["aside"]);
        let story = stage(Intake::begin(app).await, &origin, &origin.url()).await;
        let old = story.push("1", NOON, "team/web", "dev", &side[0]).await;
        let new = story.push("2", ONE, "team/web", "dev", &hashes[2]).await;
        story.work().await;
        let seen = |digest: &Digest, running| {
            let service =
                ServiceSeen { digest: Some(digest.clone()), running, desired: 1, healthy: true, ..ServiceSeen::default() };
            let services = HashMap::from([("web".to_owned(), service)]);
            RegionSeen { checked_at: story.app.ctx.now(), reachable: true, services, canaries: Default::default() }
        };
        let stranger = crate::registry::digest(b"nobody knows");
        for (region, digest, running) in
            [("hangzhou", &old, 1), ("us-west", &new, 1), ("hong-kong", &stranger, 1), ("asleep", &old, 0)]
        {
            story.app.ctx.seen.put(region, seen(digest, running));
        }
        news(&story, &new).await;
        read(&story).await;
        let told = news(&story, &new).await.since_regions;
        let names: Vec<(&str, RangeState)> = told.iter().map(|one| (one.region.name.as_str(), one.range.state)).collect();
        let wanted = [("hangzhou", RangeState::Diverged), ("us-west", RangeState::Same), ("hong-kong", RangeState::NoCommit)];
        assert_eq!(names, wanted);
        assert_eq!((told[0].range.ahead_total, told[0].range.behind_total), (2, 1));
        assert!(told[2].range.since.is_none());
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_or_away_is_said_and_tried_again() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let hashes = origin.commit("main", None, &["one"]);
        let story = stage(Intake::begin(app).await, &origin, "file:///nowhere/at/all").await;
        let later = "c".repeat(40);
        story.push("1", NOON, "team/web", "dev", &hashes[0]).await;
        let unsaid = story.push("2", ONE, "team/web", "dev", "not-a-commit").await;
        story.push("3", NOON, "team/web", "test", &hashes[0]).await;
        let new = story.push("4", ONE, "team/web", "test", &later).await;
        story.work().await;
        assert_eq!(state(&story, &unsaid).await, RangeState::NoCommit);
        assert_eq!(state(&story, &new).await, RangeState::Waiting);
        let due = read_waiting(&story.app.ctx).await.expect("read").expect("again");
        let range = news(&story, &new).await.since_previous.expect("one before it");
        assert_eq!((range.state, range.trouble), (RangeState::Failed, Some(Trouble::Refused)));
        assert!(due > story.app.ctx.now(), "not at once");
        // The right address is another repository: what was said of the wrong one is forgotten.
        with_git(&story, &origin.url(), "").await;
        assert_eq!(state(&story, &new).await, RangeState::Waiting);
        read(&story).await;
        assert_eq!(state(&story, &new).await, RangeState::HeadMissing);
        read(&story).await;
        assert_eq!(state(&story, &new).await, RangeState::HeadMissing, "not yet due");
        // The branch is pushed after its image. A commit's name follows from what is in it.
        let pushed = origin.commit("main", None, &["two"]);
        let revise = sqlx::query("UPDATE commit_ranges SET head = $1").bind(&pushed[0]);
        let mut tx = story.app.ctx.store.begin().await.expect("a transaction");
        revise.execute(&mut *tx).await.expect("the name");
        let revise = sqlx::query("UPDATE builds SET revision = $1 WHERE revision = $2").bind(&pushed[0]).bind(&later);
        revise.execute(&mut *tx).await.expect("the name");
        tx.commit().await.expect("kept");
        story.app.clock.advance(Duration::from_secs(60));
        read(&story).await;
        assert_eq!(state(&story, &new).await, RangeState::Ahead);
        // Without an address nothing is asked.
        with_git(&story, "", "").await;
        assert_eq!(state(&story, &new).await, RangeState::NoRepository);
    })
    .await;
}

#[tokio::test]
async fn a_host_with_an_api_is_asked_first_and_git_when_it_fails() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let (base, head) = ("a".repeat(40), "b".repeat(40));
        let (told, broken) = (head.clone(), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true)));
        let is_broken = broken.clone();
        let host = FakeHost::start(move |line| {
            if line.contains("/compare/") && !is_broken.load(std::sync::atomic::Ordering::SeqCst) {
                return json_answer(&json!({ "status": "ahead", "ahead_by": 1, "behind_by": 0, "commits": [{
                    "sha": told,
                    "commit": { "message": "ABC-12 boats", "committer": { "date": "2026-11-21T08:00:00Z" } },
                }] }));
            }
            plain(if line.contains("/compare/") { 500 } else { 401 })
        })
        .await;
        let hosts = format!(
            "[[git_hosts]]\nhost = \"{0}\"\nprovider = \"github\"\napi = \"http://{0}/api\"\ntoken_secret = \"git\"\n\
             issues = \"https://issues.example.com/browse/{{key}}\"\n",
            host.address
        );
        let story = stage(Intake::begin(app).await, &origin, &origin.url()).await;
        with_git(&story, &format!("http://{}/team/web", host.address), &hosts).await;
        story.push("1", NOON, "team/web", "dev", &base).await;
        let new = story.push("2", ONE, "team/web", "dev", &head).await;
        story.work().await;
        assert_eq!(state(&story, &new).await, RangeState::Waiting);
        read(&story).await;
        let range = news(&story, &new).await.since_previous.expect("one before it");
        assert_eq!((range.state, range.trouble), (RangeState::Failed, Some(Trouble::Secret)), "no secret of that name yet");
        assert!(host.lines().is_empty(), "nobody is asked without it");
        keep_secret(&story, "git", TOKEN).await;
        story.app.clock.advance(Duration::from_secs(3600));
        read(&story).await;
        let range = news(&story, &new).await.since_previous.expect("one before it");
        assert_eq!((range.state, range.trouble), (RangeState::Failed, Some(Trouble::Refused)));
        let lines = host.lines();
        assert!(lines[0].contains("/api/repos/team/web/compare/") && lines[1].contains("/team/web/info/refs"), "{lines:?}");
        broken.store(false, std::sync::atomic::Ordering::SeqCst);
        story.app.clock.advance(Duration::from_secs(3600));
        read(&story).await;
        let range = news(&story, &new).await.since_previous.expect("one before it");
        assert_eq!((range.state, range.ahead_total), (RangeState::Ahead, 1));
        let url = "https://issues.example.com/browse/ABC-12".to_owned();
        let wanted = [Segment::Link { text: "ABC-12".to_owned(), url }, Segment::Text(" boats".to_owned())];
        assert_eq!(range.ahead[0].subject, wanted);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_read_reads_it_over_rest_and_nobody_else() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let hashes = origin.commit("main", None, &["one", "two"]);
        let story = stage(Intake::begin(app).await, &origin, &origin.url()).await;
        story.push("1", NOON, "team/web", "dev", &hashes[0]).await;
        let new = story.push("2", ONE, "team/web", "dev", &hashes[1]).await;
        story.work().await;
        let id = build_of(&story, &new).await;
        let path = format!("/api/v1/builds/{id}/commits");
        let token = story.app.token(&story.viewer).await;
        let (status, body) = story.app.rest(&token, "GET", &path, Value::Null).await;
        assert_eq!((status, &body["since_previous"]["state"]), (StatusCode::OK, &json!("waiting")));
        read(&story).await;
        let (_, body) = story.app.rest(&token, "GET", &path, Value::Null).await;
        assert_eq!(body["since_previous"]["ahead"][0]["hash"], json!(hashes[1]));
        assert_eq!(story.app.rest("nothing", "GET", &path, Value::Null).await.0, StatusCode::UNAUTHORIZED);
        let (status, _) = story.app.rest(&token, "GET", "/api/v1/builds/nothing/commits", Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let refused = ranges_of_build(&story.app.ctx, &crate::common::a_hook(), &id).await;
        assert!(matches!(refused, Err(Problem::Forbidden { .. })));
        ranges_of_build(&story.app.ctx, &Actor::Slipway, &id).await.expect("Slipway itself reads it for its messages");
    })
    .await;
}
