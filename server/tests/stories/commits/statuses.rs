//! What is said beside a commit at its host: once, in order, and again while the host is away.

use super::hosts::{FakeHost, TOKEN, plain};
use super::{keep_secret, with_git};
use crate::common::on_each_database;
use crate::intake::{Intake, NOON};
use app::view::VerdictInput;
use domain::id::BuildId;
use domain::verdict::VerdictKind;
use domain::{Actor, Digest, Role};
use server::usecases::commits::{post_waiting, region_verified};
use server::usecases::verdicts::{overrule_verdict, record_verdict, withdraw_verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

struct Stage {
    story: Intake,
    tess: Actor,
    leo: Actor,
    host: FakeHost,
    /// What the host answers.
    answer: Arc<AtomicU16>,
    build: BuildId,
    digest: Digest,
}

impl Stage {
    async fn set(story: Intake, secret: bool) -> Self {
        let answer = Arc::new(AtomicU16::new(201));
        let answers = answer.clone();
        let host = FakeHost::start(move |_| plain(answers.load(Ordering::SeqCst))).await;
        let token = if secret { "token_secret = \"git\"\n" } else { "" };
        let hosts =
            format!("[[git_hosts]]\nhost = \"{0}\"\nprovider = \"gitea\"\napi = \"http://{0}/api/v1\"\n{token}", host.address);
        with_git(&story, &format!("http://{}/team/web.git", host.address), &hosts).await;
        keep_secret(&story, "git", TOKEN).await;
        let digest = story.push("1", NOON, "team/web", "dev", &"b".repeat(40)).await;
        story.work().await;
        let build = story.app.ctx.store.build_of_digest("web", &digest).await.expect("a look").expect("a build");
        let (tess, leo) = (story.app.person("tess", Role::Tester).await, story.app.person("leo", Role::Lead).await);
        Self { story, tess, leo, host, answer, build, digest }
    }

    fn input(&self, kind: VerdictKind) -> VerdictInput {
        VerdictInput { build: self.build.clone(), kind, note: "a secret thought".to_owned(), environment: None }
    }

    async fn post(&self) {
        post_waiting(&self.story.app.ctx).await.expect("posted");
    }

    /// State and context of what arrived.
    fn said(&self) -> Vec<(String, String)> {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let asked = self.host.asked.lock().expect("noted");
        asked.iter().map(|asked| (word(&asked.body["state"]), word(&asked.body["context"]))).collect()
    }

    fn states(&self) -> Vec<String> {
        self.said().into_iter().map(|(state, _)| state).collect()
    }
}

#[tokio::test]
async fn verdicts_and_regions_stand_beside_the_commit() {
    on_each_database(|app| async move {
        let stage = Stage::set(Intake::begin(app).await, true).await;
        let ctx = &stage.story.app.ctx;
        let pass = record_verdict(ctx, &stage.tess, stage.input(VerdictKind::Pass)).await.expect("recorded");
        stage.post().await;
        let tom = stage.story.app.person("tom", domain::Role::Tester).await;
        let fail = record_verdict(ctx, &tom, stage.input(VerdictKind::Fail)).await.expect("recorded");
        stage.post().await;
        overrule_verdict(ctx, &stage.leo, &fail, "known".to_owned()).await.expect("overruled");
        stage.post().await;
        withdraw_verdict(ctx, &stage.tess, &pass).await.expect("withdrawn");
        record_verdict(ctx, &stage.tess, stage.input(VerdictKind::Blocked)).await.expect("recorded");
        stage.post().await;
        let mut tx = ctx.store.begin().await.expect("a transaction");
        region_verified(ctx, &mut tx, "web", &stage.digest, "hangzhou").await.expect("noted");
        tx.commit().await.expect("kept");
        stage.post().await;
        assert_eq!(stage.states(), ["success", "failure", "success", "pending", "success"]);
        let contexts: Vec<String> = stage.said().into_iter().map(|(_, context)| context).collect();
        assert_eq!(contexts[3..], ["slipway/web/verdict", "slipway/web/hangzhou"]);
        let asked = stage.host.asked.lock().expect("noted").clone();
        for one in &asked {
            assert_eq!(one.line, format!("POST /api/v1/repos/team/web/statuses/{}", "b".repeat(40)));
            assert_eq!(one.token, format!("token {TOKEN}"));
            assert_eq!(one.body["target_url"], format!("http://127.0.0.1:3000/builds/{}", stage.build));
            assert!(!one.body.to_string().contains("secret thought"), "a note stays here");
        }
        stage.post().await;
        assert_eq!(stage.host.lines().len(), 5, "nothing is said twice");
    })
    .await;
}

#[tokio::test]
async fn while_a_host_is_away_only_the_newest_word_is_kept_and_not_for_ever() {
    on_each_database(|app| async move {
        let stage = Stage::set(Intake::begin(app).await, true).await;
        let (ctx, clock) = (&stage.story.app.ctx, &stage.story.app.clock);
        stage.answer.store(500, Ordering::SeqCst);
        let pass = record_verdict(ctx, &stage.tess, stage.input(VerdictKind::Pass)).await.expect("recorded");
        stage.post().await;
        stage.post().await;
        assert_eq!(stage.states(), ["success"], "not again at once");
        withdraw_verdict(ctx, &stage.tess, &pass).await.expect("withdrawn");
        record_verdict(ctx, &stage.tess, stage.input(VerdictKind::Fail)).await.expect("recorded");
        stage.answer.store(429, Ordering::SeqCst);
        stage.post().await;
        stage.answer.store(201, Ordering::SeqCst);
        clock.advance(Duration::from_secs(60));
        stage.post().await;
        assert_eq!(stage.states(), ["success", "failure", "failure"], "the older word is never said after the newer");
        // A host that refuses for a day is left alone; the verdict stands here all the same.
        stage.answer.store(403, Ordering::SeqCst);
        record_verdict(ctx, &stage.tess, stage.input(VerdictKind::Blocked)).await.expect("recorded");
        for _ in 0..40 {
            stage.post().await;
            clock.advance(Duration::from_secs(3600));
        }
        let tries = stage.host.lines().len();
        assert!((10..25).contains(&tries), "{tries}");
        let kept = sqlx::query_scalar("SELECT state || ': ' || answer FROM commit_statuses");
        let kept: String = kept.fetch_one(ctx.store.read()).await.expect("a row");
        assert_eq!(kept, "given_up: the host refuses the token (status 403)");
        assert_eq!(post_waiting(ctx).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn without_a_token_nothing_is_said() {
    on_each_database(|app| async move {
        let stage = Stage::set(Intake::begin(app).await, false).await;
        record_verdict(&stage.story.app.ctx, &stage.tess, stage.input(VerdictKind::Pass)).await.expect("recorded");
        assert_eq!(stage.story.app.count("commit_statuses").await, 0);
        stage.post().await;
        assert!(stage.host.lines().is_empty());
    })
    .await;
}
