//! Decisions at the same moment: one of them comes first, and the other knows it.

use super::stage::{Stage, going_back, refusal, typed};
use crate::common::{TestApp, on_each_database};
use crate::decided::listed;
use app::view::VerdictInput;
use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use domain::{Problem, Role};
use futures::future::{join, join_all};
use server::usecases::people::change_role;
use server::usecases::promotions::{approve_promotion, cancel_promotion, roll_back, start_promotion};
use server::usecases::verdicts::{record_verdict, withdraw_sign_off};
use std::time::Duration;

/// How often a race is run: who wins is chance.
const ROUNDS: u64 = 12;

/// The newest two of these actions in the record, the older first.
async fn order(app: &TestApp, one: &str, other: &str) -> Vec<String> {
    let rows = sqlx::query_scalar("SELECT action FROM audit WHERE action IN ($1, $2) ORDER BY at DESC, id DESC LIMIT 2")
        .bind(one.to_owned())
        .bind(other.to_owned())
        .fetch_all(app.ctx.store.read());
    let mut rows: Vec<String> = rows.await.expect("the record");
    rows.reverse();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_start_at_once_one_starts() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou", "us-west"]).await;
        let actors = [&stage.people.ada, &stage.people.leo];
        let all = (0..20).map(|n| start_promotion(&stage.app.ctx, actors[n % 2], &id, typed("web")));
        let done = join_all(all).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
        let late = Problem::Finished { state: "running".to_owned() };
        assert!(done.iter().filter_map(|done| done.as_ref().err()).all(|problem| *problem == late), "{done:?}");
        assert_eq!(stage.app.count("audit WHERE action = 'promotion.started'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_promotions_with_a_region_in_common_never_run_together() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        for round in 0..ROUNDS {
            let build = stage.accepted(round).await;
            let one = stage.approved(&build, &["hangzhou", "us-west"]).await;
            let other = stage.approved(&build, &["us-west", "hong-kong"]).await;
            let (a, b) = join(stage.start(&one), stage.start(&other)).await;
            let (winner, refused) = match (a, b) {
                (Ok(()), refused) => (&one, refused),
                (refused, Ok(())) => (&other, refused),
                both => panic!("none started: {both:?}"),
            };
            assert_eq!(refusal(refused), ["NoOtherRollout { region: \"us-west\" } Waiting None"]);
            stage.work(winner, &[]).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_starts_after_a_fail_whichever_app_it_was_recorded_under() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.clock.run();
        let (mut started, mut stopped) = (0, 0);
        for round in 0..ROUNDS {
            let build = stage.accepted(round).await;
            let id = stage.approved(&build, &["hangzhou"]).await;
            let under = if round % 2 == 0 { build.id.clone() } else { listed(&stage.app, "worker", &build.digest).await };
            stage.tick();
            let fail = async {
                // Now and then the fail comes a little later than the first look at the world.
                tokio::time::sleep(Duration::from_millis(round * 2)).await;
                let input = VerdictInput { build: under, kind: VerdictKind::Fail, note: "broken".to_owned(), environment: None };
                record_verdict(&stage.app.ctx, &stage.people.tess, input).await
            };
            let (start, fail) = join(stage.start(&id), fail).await;
            fail.expect("a fail is always recorded");
            match start {
                Ok(()) => {
                    started += 1;
                    let in_order = ["promotion.started", "verdict.recorded"];
                    assert_eq!(order(&stage.app, in_order[0], in_order[1]).await, in_order, "it started after the fail");
                    stage.work(&id, &[]).await;
                }
                refused => {
                    stopped += 1;
                    assert_eq!(refusal(refused), ["Tested Red Some(Lead)"]);
                }
            }
            assert!(stage.start(&id).await.is_err());
        }
        println!("started before the fail: {started}, stopped by it: {stopped}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancelled_promotion_is_not_started_and_a_started_one_not_cancelled() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        for round in 0..ROUNDS {
            let build = stage.accepted(round).await;
            let id = stage.approved(&build, &["hangzhou"]).await;
            let cancel = cancel_promotion(&stage.app.ctx, &stage.people.leo, &id, "no".to_owned());
            let (start, cancel) = join(stage.start(&id), cancel).await;
            assert_ne!(start.is_ok(), cancel.is_ok(), "{start:?} {cancel:?}");
            let state = stage.state(&id).await;
            assert_eq!(state, if start.is_ok() { PromotionState::Running } else { PromotionState::Cancelled });
            if start.is_ok() {
                stage.work(&id, &[]).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_withdrawn_sign_off_or_a_lost_role_before_the_start_stops_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let leo = stage.people.leo.person().expect("a person").id.clone();
        for round in 0..ROUNDS {
            let build = stage.built(round).await;
            stage.judge(&build, VerdictKind::Pass).await;
            let sign_off = stage.accept(&build).await;
            let id = stage.approved(&build, &["hangzhou"]).await;
            stage.tick();
            let by_whom = round % 2 == 0;
            let away = async {
                if by_whom {
                    withdraw_sign_off(&stage.app.ctx, &stage.people.pia, &sign_off).await
                } else {
                    change_role(&stage.app.ctx, &stage.people.adam, &leo, Role::Viewer).await
                }
            };
            let (start, away) = join(stage.start(&id), away).await;
            away.expect("taken away");
            match start {
                Ok(()) => stage.work(&id, &[]).await,
                refused if by_whom => assert_eq!(refusal(refused), ["SignedOff Waiting Some(Product)"]),
                refused => assert_eq!(refusal(refused), ["Approved { role: Lead, count: 1 } Waiting Some(Lead)"]),
            }
            // Afterwards nothing of it counts any more, whoever was first.
            assert!(stage.start(&id).await.is_err());
            change_role(&stage.app.ctx, &stage.people.adam, &leo, Role::Lead).await.expect("changed back");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_approvals_of_one_person_are_one() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        let all = (0..20).map(|_| approve_promotion(&stage.app.ctx, &stage.people.leo, &id));
        let done = join_all(all).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
        assert!(done.iter().filter_map(|done| done.as_ref().err()).all(|problem| *problem == Problem::ApprovedAlready));
        assert_eq!(stage.app.count("approvals").await, 1);
        assert_eq!(stage.app.count("audit WHERE action = 'promotion.approved'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_roll_back_at_once_one_does() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.promoted(1, &["hangzhou"]).await;
        stage.promoted(2, &["hangzhou"]).await;
        let all = (0..20).map(|_| roll_back(&stage.app.ctx, &stage.people.ada, going_back("hangzhou", None)));
        let done = join_all(all).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
        let busy = Problem::RolloutRunning { app: "web".to_owned(), region: "hangzhou".to_owned() };
        assert!(done.iter().filter_map(|done| done.as_ref().err()).all(|problem| *problem == busy), "{done:?}");
        assert_eq!(stage.app.count("promotions").await, 3, "nothing is left of the others");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_promotion_and_a_rollback_of_the_same_region_never_run_together() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.promoted(1, &["hangzhou"]).await;
        stage.promoted(2, &["hangzhou"]).await;
        let build = stage.accepted(3).await;
        let id = stage.approved(&build, &["us-west", "hangzhou"]).await;
        let (start, back) = join(stage.start(&id), stage.back("hangzhou", None)).await;
        assert_ne!(start.is_ok(), back.is_ok(), "{start:?} {back:?}");
        assert_eq!(stage.app.count("promotions WHERE state = 'running'").await, 1);
    })
    .await;
}
