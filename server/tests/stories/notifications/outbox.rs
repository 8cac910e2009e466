//! Written where it happens, and made into messages by the routes in force.

use super::{ALL_TO_OPS, ALL_TO_QA, Stage};
use crate::common::on_each_database;
use domain::notify::{EventKind, MessageState};
use std::time::Duration;

#[tokio::test]
async fn what_is_announced_goes_with_its_transaction() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let build = stage.build(1, "dev", Some("dev")).await;
        let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
        server::usecases::notifications::build_ready(&stage.app.ctx, &mut tx, &build).await.expect("announced");
        drop(tx);
        stage.work().await;
        assert_eq!((stage.app.count("news").await, stage.chat.titles("ops")), (0, vec![]), "undone with what happened");
        stage.ready(&build).await;
        stage.work().await;
        assert_eq!(stage.chat.titles("ops"), ["web dev is ready to be tested"]);
    })
    .await;
}

#[tokio::test]
async fn each_target_hears_once_however_many_routes_fit_and_everyone_is_mentioned() {
    on_each_database(|app| async move {
        let routes = "[[routes]]\nevents = [\"build_ready\"]\napps = [\"web\"]\nchannels = [\"release-v*\"]\ntargets = [\"ops\"]\nmention = [\"ada\"]\n\
                      [[routes]]\napps = [\"w*\"]\ntargets = [\"ops\"]\nmention = [\"leo\", \"ada\"]\n\
                      [[routes]]\nevents = [\"verdict\"]\ntargets = [\"qa\"]\n";
        let stage = Stage::set(app, routes).await;
        stage.happens(EventKind::BuildReady, Some("web"), &["dev", "release-v*"]).await;
        stage.happens(EventKind::BuildReady, Some("web"), &["dev"]).await;
        stage.happens(EventKind::BuildReady, Some("tour"), &[]).await;
        stage.happens(EventKind::HookSilent, None, &[]).await;
        stage.work().await;
        let told = stage.chat.to("ops");
        let mentions: Vec<&[String]> = told.iter().map(|message| message.mention.as_slice()).collect();
        assert_eq!(mentions, [vec!["ada".to_owned(), "leo".to_owned()], vec!["ada".to_owned(), "leo".to_owned()]]);
        assert_eq!((told[0].mention.len(), stage.listed().await.len()), (2, 2), "nobody else heard of anything");
        assert_eq!(stage.app.count("news").await, 2, "what nobody hears of is not kept");
    })
    .await;
}

#[tokio::test]
async fn without_a_route_nothing_is_told_and_a_new_route_tells_from_then_on() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, "").await;
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.work().await;
        assert_eq!((stage.app.count("news").await, stage.app.count("messages").await), (0, 0));
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.app.apply(ALL_TO_OPS).await;
        stage.work().await;
        assert_eq!(stage.chat.to("ops").len(), 1, "the routes in force when it is fanned out");
    })
    .await;
}

#[tokio::test]
async fn in_quiet_hours_only_what_is_urgent_is_told_and_the_rest_in_the_morning() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_QA).await;
        // 10:00 in Shanghai; thirteen hours later it is 23:00.
        stage.pass(13 * 3600);
        stage.happens(EventKind::BuildReady, Some("web"), &["dev"]).await;
        stage.happens(EventKind::RolloutFailed, Some("web"), &["dev"]).await;
        stage.work().await;
        stage.pass(3600);
        stage.work().await;
        assert_eq!(stage.chat.to("qa").iter().map(|message| message.event).collect::<Vec<_>>(), [EventKind::RolloutFailed]);
        let waiting = stage.listed().await.into_iter().find(|row| row.state == MessageState::Waiting).expect("one waits");
        assert_eq!(waiting.due_at, Some("2026-11-25T00:00:00Z".parse().expect("eight in the morning there")));
        stage.pass(8 * 3600 - 1);
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 1, "a second too early");
        stage.pass(1);
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 2);

        // 21:59:50 there: it fails, and is not tried again before the morning.
        stage.pass(14 * 3600 - 10 - 10);
        stage.happens(EventKind::BuildReady, Some("web"), &["dev"]).await;
        stage.chat.answer("qa", [super::later("It answered 503."), super::later("It answered 503.")]);
        stage.work().await;
        stage.pass(10);
        stage.work().await;
        stage.pass(8);
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 4, "once more before ten");
        stage.pass(10 * 3600 - 60);
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 4, "nothing at night");
        stage.pass(62);
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 5);
    })
    .await;
}

#[tokio::test]
async fn what_comes_together_is_told_together_and_counted() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_QA).await;
        for (n, tag) in [(1, "dev"), (2, "test"), (3, "latest")] {
            let build = stage.build(n, tag, Some(tag)).await;
            stage.ready(&build).await;
            stage.pass(2);
            stage.work().await;
        }
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.happens(EventKind::BuildReady, Some("worker"), &[]).await;
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 0, "they wait for each other");
        stage.pass(6);
        stage.work().await;
        assert_eq!(stage.chat.titles("qa"), ["web latest 可以测试了（另有 2 条）"]);
        let also = stage.chat.to("qa")[0].facts.iter().find(|(label, _)| label == "另有").expect("the others").1.clone();
        assert_eq!(also, "test, dev");
        stage.pass(10);
        let build = stage.build(4, "dev", Some("dev")).await;
        stage.ready(&build).await;
        stage.work().await;
        assert_eq!(stage.chat.to("qa").len(), 3, "another app and another event stand for themselves");
        stage.pass(10);
        stage.work().await;
        assert_eq!(
            stage.chat.titles("qa").last().map(String::as_str),
            Some("web dev 可以测试了"),
            "what was sent is joined no more"
        );
        let pieces: Vec<u32> = stage.listed().await.iter().map(|row| row.pieces).collect();
        assert_eq!((pieces.len(), pieces.iter().sum::<u32>()), (4, 6));
    })
    .await;
}

#[tokio::test]
async fn old_messages_are_forgotten_and_the_rest_is_kept() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.chat.answer("ops", [super::never("It does not know the address.")]);
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.happens(EventKind::SignOff, Some("web"), &[]).await;
        stage.work().await;
        let kept = || async {
            (stage.app.count("messages").await, stage.app.count("news").await, stage.app.count("message_tries").await)
        };
        server::usecases::notifications::forget_old(&stage.app.ctx).await.expect("forgotten");
        assert_eq!(kept().await, (2, 2, 2));
        stage.app.clock.advance(Duration::from_secs(31 * 86_400));
        server::usecases::notifications::forget_old(&stage.app.ctx).await.expect("forgotten");
        assert_eq!(kept().await, (1, 1, 0), "the dead one can still be replayed");
        stage.app.clock.advance(Duration::from_secs(60 * 86_400));
        server::usecases::notifications::forget_old(&stage.app.ctx).await.expect("forgotten");
        assert_eq!(kept().await, (0, 0, 0));
    })
    .await;
}
