//! At least once, never the same try twice, ever more rarely, and nobody for somebody else.

use super::{ALL_TO_OPS, Chat, Stage, later, never};
use crate::common::{eventually, on_each_database};
use domain::Actor;
use domain::notify::{EventKind, MOST_TRIES, MessageState};
use domain::problem::{Fault, Noun};
use domain::{Problem, Role};
use server::notify::Sent;
use server::usecases::notifications::{replay_message, send_test_message, send_waiting, work};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn what_fails_is_tried_again_ever_more_rarely_under_one_id() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.chat.answer("ops", [later("It answered 503."), later("It answered 503.")]);
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.work().await;
        for (early, late, tries) in [(4, 3, 2), (14, 5, 3)] {
            stage.pass(early);
            stage.work().await;
            assert_eq!(stage.chat.to("ops").len(), tries - 1, "not before its time");
            stage.pass(late);
            stage.work().await;
            assert_eq!(stage.chat.to("ops").len(), tries);
        }
        let row = stage.one().await;
        assert_eq!((row.state, row.tries, row.why.as_deref()), (MessageState::Delivered, 3, Some("It answered 503.")));
        let ids: BTreeSet<String> = stage.chat.to("ops").into_iter().map(|message| message.id).collect();
        assert_eq!(ids, BTreeSet::from([format!("msg_{}", row.id)]));
        assert!(!row.id.as_str().contains('.'));
    })
    .await;
}

#[tokio::test]
async fn a_service_that_asks_for_patience_gets_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let after = Some(Duration::from_secs(600));
        stage.chat.answer("ops", [Sent::Later { after, why: "Too many messages.".to_owned() }]);
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.work().await;
        stage.pass(599);
        stage.work().await;
        assert_eq!(stage.chat.to("ops").len(), 1);
        stage.pass(152);
        stage.work().await;
        assert_eq!(stage.chat.to("ops").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_given_up_after_the_last_try_and_a_replay_keeps_its_id() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let ada = stage.app.person("ada", Role::Admin).await;
        stage.chat.answer("ops", (0..MOST_TRIES).map(|_| later("It answered 503.")));
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        for _ in 0..MOST_TRIES {
            stage.work().await;
            stage.pass(86_400 * 5 / 4);
        }
        let dead = stage.one().await;
        assert_eq!((dead.state, dead.tries, dead.why.as_deref()), (MessageState::Dead, MOST_TRIES, Some("It answered 503.")));
        stage.work().await;
        assert_eq!(stage.chat.to("ops").len(), MOST_TRIES as usize, "nobody tries it any more");

        let tess = stage.app.person("tess", Role::Lead).await;
        assert!(matches!(replay_message(&stage.app.ctx, &tess, &dead.id).await, Err(Problem::Forbidden { .. })));
        replay_message(&stage.app.ctx, &ada, &dead.id).await.expect("replayed");
        stage.work().await;
        let row = stage.one().await;
        assert_eq!((row.id.clone(), row.state, row.tries), (dead.id.clone(), MessageState::Delivered, 1));
        let ids: BTreeSet<String> = stage.chat.to("ops").into_iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), 1, "a receiver can tell that it is the same");
        let again = replay_message(&stage.app.ctx, &ada, &dead.id).await;
        assert_eq!(again, Err(Problem::Finished { state: "delivered".to_owned() }));
        let recorded = crate::decided::recorded(&stage.app).await;
        assert_eq!(recorded.iter().filter(|action| *action == "notification.replayed").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_can_never_arrive_is_given_up_at_once_and_the_next_message_goes_out() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.chat.answer("ops", [never("It does not know the address.")]);
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.happens(EventKind::SignOff, Some("web"), &[]).await;
        stage.work().await;
        let mut states: Vec<&str> = Vec::new();
        let rows = stage.listed().await;
        states.extend(rows.iter().map(|row| row.state.as_str()));
        states.sort_unstable();
        assert_eq!(states, ["dead", "delivered"]);
    })
    .await;
}

#[tokio::test]
async fn a_target_that_is_configured_no_more_gets_nothing_and_its_messages_stay() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.chat.answer("ops", [later("It answered 503.")]);
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        stage.work().await;
        let apply = server::usecases::settings::apply(&stage.app.ctx, &Actor::Slipway, crate::common::TWO_APPS, true);
        apply.await.expect("applied");
        stage.pass(10);
        stage.work().await;
        assert_eq!((stage.one().await.state, stage.chat.to("ops").len()), (MessageState::Dead, 1));
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_sending_and_noting_it_sends_the_same_message_again() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.chat.stall("ops", true);
        stage.happens(EventKind::Verdict, Some("web"), &[]).await;
        let cut = tokio::time::timeout(Duration::from_millis(500), stage.work()).await;
        assert!(cut.is_err() && stage.chat.to("ops").len() == 1, "it was sent, and nobody noted it");
        let mut next = stage.app.restarted().await;
        next.post = stage.chat.clone();
        stage.chat.stall("ops", false);
        send_waiting(&next).await.expect("looked");
        assert_eq!(stage.chat.to("ops").len(), 1, "it may still be under way");
        stage.pass(121);
        send_waiting(&next).await.expect("sent");
        let sent = stage.chat.to("ops");
        assert_eq!((sent.len(), &sent[0]), (2, &sent[1]), "the same in every part");
        assert_eq!(stage.one().await.state, MessageState::Delivered);
        stage.pass(1000);
        send_waiting(&next).await.expect("looked");
        assert_eq!(stage.chat.to("ops").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn two_workers_never_send_one_try_twice() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        for n in 0..30 {
            stage.happens(EventKind::Verdict, Some(&format!("app{n}")), &[]).await;
        }
        let mut other = stage.app.restarted().await;
        other.post = stage.chat.clone();
        let both = [stage.app.ctx.clone(), other].map(|ctx| async move {
            server::usecases::notifications::fan_out_waiting(&ctx).await.expect("fanned out");
            send_waiting(&ctx).await.expect("sent");
        });
        futures::future::join_all(both).await;
        stage.work().await;
        let ids: Vec<String> = stage.chat.to("ops").into_iter().map(|message| message.id).collect();
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (30, 30));
        assert!(stage.listed().await.iter().all(|row| row.tries == 1));
    })
    .await;
}

#[tokio::test]
async fn a_target_that_never_answers_holds_up_no_other() {
    on_each_database(|app| async move {
        let routes = "[[routes]]\ntargets = [\"ops\", \"qa\"]\n[[targets]]\nname = \"qa\"\nkind = \"slack\"\nurl = \"https://qa.test\"\ngroup_seconds = 0\n";
        let targets = super::TARGETS.split("[[targets]]\nname = \"qa\"").next().expect("ops");
        let mut app = app;
        let chat = Arc::new(Chat::default());
        app.ctx.post = chat.clone();
        app.apply(&format!("{}{targets}{routes}", crate::common::TWO_APPS)).await;
        let stage = Stage { app, chat };
        stage.chat.stall("ops", true);
        let worker = tokio::spawn(work(stage.app.ctx.clone()));
        for n in 0..5 {
            stage.happens(EventKind::Verdict, Some(&format!("app{n}")), &[]).await;
        }
        eventually("all five at the other target", || async { (stage.chat.to("qa").len() == 5).then_some(()) }).await;
        assert_eq!(stage.chat.to("ops").len(), 1, "one at a time, and the others wait");
        stage.app.ctx.work.stop.cancel();
        worker.abort();
    })
    .await;
}

#[tokio::test]
async fn a_target_is_sent_no_more_than_it_bears_by_all_workers_together() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.chat.bear(2, Duration::from_secs(60));
        for n in 0..5 {
            stage.happens(EventKind::Verdict, Some(&format!("app{n}")), &[]).await;
        }
        let mut other = stage.app.restarted().await;
        other.post = stage.chat.clone();
        stage.work().await;
        send_waiting(&other).await.expect("looked");
        assert_eq!(stage.chat.to("ops").len(), 2);
        stage.pass(59);
        stage.work().await;
        assert_eq!(stage.chat.to("ops").len(), 2);
        stage.pass(2);
        send_waiting(&other).await.expect("sent");
        assert_eq!(stage.chat.to("ops").len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_test_message_goes_to_its_target_alone_at_any_hour_and_is_recorded() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        stage.pass(13 * 3600);
        let ada = stage.app.person("ada", Role::Admin).await;
        for _ in 0..2 {
            send_test_message(&stage.app.ctx, &ada, "qa").await.expect("announced");
        }
        stage.work().await;
        assert_eq!((stage.chat.titles("qa"), stage.chat.titles("ops").len()), (vec!["来自 Slipway 的测试消息".to_owned(); 2], 0));
        let unknown = send_test_message(&stage.app.ctx, &ada, "nobody").await;
        assert_eq!(unknown, Err(Problem::NotFound { what: Noun::Target, id: "nobody".to_owned() }));
        let vera = stage.app.person("vera", Role::Viewer).await;
        assert!(matches!(send_test_message(&stage.app.ctx, &vera, "qa").await, Err(Problem::Forbidden { .. })));
        let recorded = crate::decided::recorded(&stage.app).await;
        assert_eq!(recorded.iter().filter(|action| *action == "notification.tested").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_time_zone_that_is_none_is_refused_when_it_is_applied() {
    let app = crate::common::TestApp::sqlite().await;
    let text = super::TARGETS.replace("Asia/Shanghai", "Asia/Nowhere");
    let refused = server::usecases::settings::apply(&app.ctx, &Actor::Slipway, &text, false).await;
    let why = Fault::Unreadable { detail: "there is no time zone Asia/Nowhere".to_owned() };
    assert_eq!(refused, Err(Problem::Config { place: "targets.qa.quiet.time_zone".to_owned(), why }));
}
