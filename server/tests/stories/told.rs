//! The whole way: a push at a registry, the commits inside, and a message that the right chat takes.

use crate::commits::{origin::Origin, with_git};
use crate::common::on_each_database;
use crate::intake::{Intake, NOON, ONE};
use crate::notify_fakes::Fake;
use domain::Actor;
use server::git::{Git, Tools};
use server::usecases::{commits, intake, notifications, secrets};
use std::time::Duration;

const SIGN: &str = "SEC-the-robots-own-secret";

#[tokio::test]
async fn a_pushed_build_is_told_to_the_right_group_with_the_commits_inside() {
    on_each_database(|app| async move {
        let origin = Origin::new();
        let hashes = origin.commit("main", None, &["begin", "Cache tiles by etag", "Bound the <retry> queue"]);
        let (robot, other) = (Fake::dingtalk(SIGN).await, Fake::slack().await);
        let mut story = Intake::begin(app).await;
        story.app.ctx.git = Git::new(&origin.clones(), Tools::here());
        let ctx = &story.app.ctx;
        robot.set_now(ctx.now());
        let targets = format!(
            "[outgoing]\nallow = [\"127.0.0.1/32\"]\n
             [[targets]]\nname = \"qa\"\nkind = \"dingtalk\"\nurl_secret = \"qa-url\"\nsign_secret = \"qa-sign\"\nlang = \"zh\"\ngroup_seconds = 0\n
             [[targets]]\nname = \"others\"\nkind = \"slack\"\nurl = \"{}\"\n
             [[routes]]\nevents = [\"build_ready\"]\napps = [\"web\"]\nchannels = [\"dev\"]\ntargets = [\"qa\"]\n
             [[routes]]\napps = [\"worker\"]\ntargets = [\"others\"]\n",
            other.url()
        );
        with_git(&story, &origin.url(), &targets).await;
        secrets::set(ctx, &Actor::Slipway, "qa-url", &robot.url()).await.expect("set");
        secrets::set(ctx, &Actor::Slipway, "qa-sign", SIGN).await.expect("set");
        story.push("1", NOON, "team/web", "dev", &hashes[0]).await;
        story.work().await;
        notifications::fan_out_waiting(ctx).await.expect("made");
        notifications::send_waiting(ctx).await.expect("sent");
        story.app.clock.advance(Duration::from_secs(5));
        robot.set_now(ctx.now());
        story.push("2", ONE, "team/web", "dev", &hashes[2]).await;
        intake::process_waiting(ctx).await.expect("processed");
        intake::describe_waiting(ctx).await.expect("described");
        notifications::fan_out_waiting(ctx).await.expect("made");
        // The message asks for the commits; the worker reads them while it waits.
        let reading = async {
            loop {
                commits::read_waiting(ctx).await.expect("read");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            sent = notifications::send_waiting(ctx) => sent.expect("sent"),
            () = reading => {}
        }
        let messages = robot.received();
        assert_eq!(messages.len(), 2, "one for each build");
        let text = messages[1].pointer("/markdown/text").and_then(serde_json::Value::as_str).unwrap_or_default();
        for part in ["web", "dev", "Cache tiles by etag", "Bound the", "/team/web", &hashes[2][..12], "/builds/"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("<retry>") && !text.contains("begin"), "{text}");
        assert!(other.received().is_empty(), "the others hear nothing of it");
    })
    .await;
}
