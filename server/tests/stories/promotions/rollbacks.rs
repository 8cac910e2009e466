//! The way back of a region: where it leads, what it asks, and what it refuses.

use super::stage::{Built, REGIONS, Stage, going_back, typed};
use crate::common::on_each_database;
use crate::decided::{announced, digest, listed, recorded, tamper};
use crate::outside::Mood;
use app::view::{Confirmation, RollbackInput};
use domain::Problem;
use domain::gate::{GateKind, GateState};
use domain::id::PromotionId;
use domain::problem::{Fault, Noun};
use domain::promotion::{PromotionKind, PromotionState, RolloutState};
use domain::verdict::VerdictKind;
use server::seen::{RegionSeen, ServiceSeen};
use server::usecases::promotions::{back_to, promotion, roll_back};
use server::usecases::verdicts::withdraw_verdict;
use std::time::Duration;

async fn offered(stage: &Stage, region: &str) -> Option<domain::Digest> {
    back_to(&stage.app.ctx, "web", region).await.expect("looked up")
}

/// What a look at the region finds now.
fn found(stage: &Stage, region: &str, digest: &domain::Digest, reachable: bool) {
    let service = ServiceSeen { digest: Some(digest.clone()), running: 1, desired: 1, healthy: true, ..ServiceSeen::default() };
    let services = [("web".to_owned(), service)].into();
    stage
        .app
        .ctx
        .seen
        .put(region, RegionSeen { checked_at: stage.app.ctx.now(), reachable, services, canaries: Default::default() });
}

async fn goes_to(stage: &Stage, id: &PromotionId) -> domain::Digest {
    stage.app.ctx.store.promotion(id).await.expect("a promotion").digest
}

#[tokio::test]
async fn a_region_goes_back_to_what_was_verified_before() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &["hangzhou", "us-west"]).await;
        let second = stage.promoted(2, &["hangzhou"]).await;
        assert_eq!(offered(&stage, "hangzhou").await, Some(first.digest.clone()));
        assert_eq!(offered(&stage, "us-west").await, None);
        let id = stage.back("hangzhou", None).await.expect("started");
        let record = stage.app.ctx.store.promotion(&id).await.expect("there");
        assert_eq!((record.kind, record.state, record.number), (PromotionKind::Rollback, PromotionState::Running, 3));
        assert_eq!((&record.digest, record.reason.as_str()), (&first.digest, "it is broken"));
        assert_eq!(record.started_by_name.as_deref(), Some("ada"));
        let rollouts = stage.rollouts(&id).await;
        assert_eq!((rollouts.len(), rollouts[0].region.as_str(), rollouts[0].state), (1, "hangzhou", RolloutState::Waiting));
        let intent = rollouts[0].intent.as_ref().expect("fixed");
        assert_eq!(intent.image, format!("{}/team/web@{}", stage.registry.host, first.digest));
        assert_eq!(recorded(&stage.app).await.last().map(String::as_str), Some("rollback.started"));
        assert_eq!(announced(&stage.app).await.iter().filter(|event| *event == "rollback").count(), 1);
        tokio::time::timeout(Duration::from_secs(5), stage.app.ctx.work.rollouts.notified()).await.expect("woken");
        stage.work(&id, &[]).await;
        assert_eq!(offered(&stage, "hangzhou").await, None, "not forward to {}", second.digest);
        let again = stage.back("hangzhou", None).await;
        assert_eq!(again, Err(Problem::NothingToRollBackTo { app: "web".to_owned(), region: "hangzhou".to_owned() }));
    })
    .await;
}

#[tokio::test]
async fn pressing_again_goes_further_back() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &["hangzhou"]).await;
        let second = stage.promoted(2, &["hangzhou"]).await;
        stage.promoted(3, &["hangzhou"]).await;
        for build in [second, first] {
            let id = stage.back("hangzhou", None).await.expect("started");
            assert_eq!(goes_to(&stage, &id).await, build.digest);
            stage.work(&id, &[]).await;
        }
        assert_eq!(offered(&stage, "hangzhou").await, None);
    })
    .await;
}

#[tokio::test]
async fn after_a_failed_promotion_the_last_verified_digest_is_rolled_out_again() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &REGIONS).await;
        let second = stage.accepted(2).await;
        let id = stage.approved(&second, &REGIONS).await;
        stage.start(&id).await.expect("started");
        stage.work(&id, &["us-west"]).await;
        assert_eq!(stage.state(&id).await, PromotionState::Failed);
        let seen = promotion(&stage.app.ctx, &stage.people.ada, &id).await.expect("shown");
        let offers: Vec<(RolloutState, bool)> = seen.rollouts.iter().map(|r| (r.state, r.can_roll_back)).collect();
        let wanted = [(RolloutState::Verified, true), (RolloutState::Failed, true), (RolloutState::Skipped, false)];
        assert_eq!(offers, wanted);
        // Whether the Swarm was seen on the old digest, on the new one or not at all: whole again.
        for seen in [&first.digest, &second.digest] {
            found(&stage, "us-west", seen, true);
            assert_eq!(offered(&stage, "us-west").await, Some(first.digest.clone()));
        }
        let id = stage.back("us-west", None).await.expect("started");
        assert_eq!(goes_to(&stage, &id).await, first.digest);
        stage.work(&id, &["us-west"]).await;
        // The rollback failed too: the button does the same again.
        let id = stage.back("us-west", None).await.expect("started");
        assert_eq!(goes_to(&stage, &id).await, first.digest);
        stage.work(&id, &[]).await;
        assert_eq!(offered(&stage, "us-west").await, None);
        assert_eq!(offered(&stage, "hangzhou").await, Some(first.digest), "each region has its own past");
    })
    .await;
}

#[tokio::test]
async fn a_promotion_that_failed_before_it_changed_the_region_takes_nobody_further_back() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.promoted(1, &["hangzhou"]).await;
        let second = stage.promoted(2, &["hangzhou"]).await;
        let third = stage.accepted(3).await;
        let id = stage.approved(&third, &["hangzhou"]).await;
        stage.start(&id).await.expect("started");
        stage.work(&id, &["hangzhou"]).await;
        // The image could not be pulled, so the second build still runs: it stays.
        let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
        sqlx::query("UPDATE rollout_steps SET started_at = NULL WHERE kind IN ('update', 'tasks', 'soak', 'verify')")
            .execute(&mut *tx)
            .await
            .expect("steps");
        tx.commit().await.expect("kept");
        assert_eq!(offered(&stage, "hangzhou").await, Some(second.digest));
    })
    .await;
}

#[tokio::test]
async fn a_first_rollout_that_failed_leaves_no_way_back() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let nothing = Problem::NothingToRollBackTo { app: "web".to_owned(), region: "hangzhou".to_owned() };
        assert_eq!(stage.back("hangzhou", None).await, Err(nothing.clone()));
        let id = stage.approved(&build, &["hangzhou"]).await;
        stage.start(&id).await.expect("started");
        assert_eq!(stage.back("hangzhou", None).await, Err(nothing.clone()));
        stage.work(&id, &["hangzhou"]).await;
        assert_eq!(stage.back("hangzhou", None).await, Err(nothing.clone()));
        assert_eq!(stage.back("hangzhou", Some(&build.digest)).await, Err(nothing));
        let seen = promotion(&stage.app.ctx, &stage.people.ada, &id).await.expect("shown");
        assert!(!seen.rollouts[0].can_roll_back);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_changed_by_hand_goes_back_to_the_record() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &["hangzhou"]).await;
        let second = stage.promoted(2, &["hangzhou"]).await;
        found(&stage, "hangzhou", &digest(99), true);
        assert_eq!(offered(&stage, "hangzhou").await, Some(second.digest.clone()));
        found(&stage, "hangzhou", &digest(99), false);
        assert_eq!(offered(&stage, "hangzhou").await, Some(first.digest.clone()), "an old look is no look");
        found(&stage, "hangzhou", &second.digest, true);
        assert_eq!(offered(&stage, "hangzhou").await, Some(first.digest.clone()));
        // A look from before the last rollout ended says nothing about what runs now.
        found(&stage, "hangzhou", &second.digest, true);
        stage.tick();
        let third = stage.promoted(3, &["hangzhou"]).await;
        assert_eq!(offered(&stage, "hangzhou").await, Some(second.digest));
        found(&stage, "hangzhou", &third.digest, true);
        let id = stage.back("hangzhou", None).await.expect("started");
        assert_ne!(goes_to(&stage, &id).await, third.digest);
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_out_of_date_leads_nowhere_else() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &["hangzhou"]).await;
        let second = stage.promoted(2, &["hangzhou"]).await;
        stage.promoted(3, &["hangzhou"]).await;
        // Two leads see the offer of `second`; leo presses first, and it is done before ada presses.
        let id = stage.back("hangzhou", Some(&second.digest)).await.expect("started");
        stage.work(&id, &[]).await;
        let late = stage.back("hangzhou", Some(&second.digest)).await.expect("what she saw is what she gets");
        assert_eq!(goes_to(&stage, &late).await, second.digest, "and not one further back");
        stage.work(&late, &[]).await;
        let id = stage.back("hangzhou", None).await.expect("started");
        assert_eq!(goes_to(&stage, &id).await, first.digest);
        stage.work(&id, &[]).await;
        // `second` was rolled back from: it comes back by a promotion only.
        for wrong in [&second.digest, &digest(99)] {
            let nothing = Problem::NothingToRollBackTo { app: "web".to_owned(), region: "hangzhou".to_owned() };
            assert_eq!(stage.back("hangzhou", Some(wrong)).await, Err(nothing));
        }
        let fourth = stage.promoted(4, &["hangzhou"]).await;
        for wrong in [&second.digest, &digest(99)] {
            assert_eq!(stage.back("hangzhou", Some(wrong)).await, Err(Problem::Stale));
        }
        assert_eq!(offered(&stage, "hangzhou").await, Some(first.digest));
        assert_eq!(
            stage.back("us-west", Some(&fourth.digest)).await.err().map(|p| p.kind()),
            Some(domain::problem::Kind::Conflict)
        );
    })
    .await;
}

#[tokio::test]
async fn one_closed_gate_is_told_as_what_it_is() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &["hangzhou"]).await;
        stage.promoted(2, &["hangzhou"]).await;
        let before = stage.app.count("promotions").await;
        let back = || stage.back("hangzhou", None);

        let fail = stage.judge(&first, VerdictKind::Fail).await;
        assert_eq!(back().await, Err(Problem::Quarantined));
        stage.registry.lose(&first.digest);
        let Err(Problem::GatesClosed { gates }) = back().await else { panic!("two gates are closed") };
        let shut: Vec<_> = gates.into_iter().filter(|gate| gate.state != GateState::Green).map(|gate| gate.kind).collect();
        assert_eq!(shut, [GateKind::ImagePresent, GateKind::NotQuarantined]);
        withdraw_verdict(&stage.app.ctx, &stage.people.tess, &fail).await.expect("withdrawn");
        let image = format!("{}/team/web@{}", stage.registry.host, first.digest);
        assert_eq!(back().await, Err(Problem::ImageGone { image }));
        stage.registry.push(1);
        stage.registry.be(Mood::Broken);
        let registry = Problem::Unreachable { what: Noun::Registry, name: stage.registry.host.clone() };
        assert_eq!(back().await, Err(registry));
        stage.registry.be(Mood::Well);
        for mood in [Mood::Broken, Mood::Single] {
            stage.regions[0].be(mood);
            let region = Problem::Unreachable { what: Noun::Region, name: "hangzhou".to_owned() };
            assert_eq!(back().await, Err(region));
        }
        stage.regions[0].be(Mood::Well);
        assert_eq!(stage.app.count("promotions").await, before, "nothing is left of what was refused");

        let third = stage.accepted(3).await;
        let id = stage.approved(&third, &["us-west", "hangzhou"]).await;
        stage.start(&id).await.expect("started");
        let running = Problem::RolloutRunning { app: "web".to_owned(), region: "hangzhou".to_owned() };
        assert_eq!(back().await, Err(running));
        stage.work(&id, &["us-west"]).await;
        back().await.expect("the way is free, and nobody has to approve it");
    })
    .await;
}

#[tokio::test]
async fn a_rollback_is_asked_for_with_a_reason_and_the_typed_name() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.promoted(1, &["hangzhou"]).await;
        stage.promoted(2, &["hangzhou"]).await;
        let ask = |input: RollbackInput| roll_back(&stage.app.ctx, &stage.people.ada, input);
        let input = going_back("hangzhou", None);
        let silent = RollbackInput { reason: " \t".to_owned(), ..input.clone() };
        assert_eq!(ask(silent).await, Err(Problem::invalid("reason", Fault::Missing)));
        let long = RollbackInput { reason: "回".repeat(2001), ..input.clone() };
        assert_eq!(ask(long).await, Err(Problem::invalid("reason", Fault::TooLong { most: 2000 })));
        for wrong in ["", "Web", "hangzhou", "<script>"] {
            let wrong = RollbackInput { confirmation: typed(wrong), ..input.clone() };
            assert_eq!(ask(wrong).await, Err(Problem::ConfirmationMismatch { expected: "web".to_owned() }));
        }
        for (app, region, problem) in [
            ("gone", "hangzhou", Problem::not_found(Noun::App, "gone")),
            ("web", "mars", Problem::not_found(Noun::Region, "mars")),
            ("web\0", "hangzhou", Problem::not_found(Noun::App, "web\0")),
        ] {
            let wrong = RollbackInput { app: app.to_owned(), region: region.to_owned(), ..input.clone() };
            assert_eq!(ask(wrong).await, Err(problem));
        }
        stage.app.clock.advance(Duration::from_secs(16 * 60));
        assert_eq!(ask(input.clone()).await, Err(Problem::PasswordNeeded));
        let wrong = Confirmation { password: Some("no".to_owned()), ..typed("web") };
        let refused = ask(RollbackInput { confirmation: wrong, ..input }).await;
        assert!(refused.is_err(), "{refused:?}");
        assert_eq!(stage.app.count("promotions").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_digest_of_another_app_is_no_way_back() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let first = stage.promoted(1, &["hangzhou"]).await;
        let second = stage.promoted(2, &["hangzhou"]).await;
        let copy = Built { id: listed(&stage.app, "worker", &first.digest).await, ..first.clone() };
        assert_ne!(copy.id, first.id);
        let worker = RollbackInput {
            app: "worker".to_owned(),
            confirmation: typed("worker"),
            ..going_back("hangzhou", Some(&first.digest))
        };
        let refused = roll_back(&stage.app.ctx, &stage.people.ada, worker).await;
        assert_eq!(refused, Err(Problem::NothingToRollBackTo { app: "worker".to_owned(), region: "hangzhou".to_owned() }));
        // A history that was tampered with is not enough either: the gate asks the rows themselves.
        tamper(&stage.app, "UPDATE rollouts SET state = 'failed' WHERE digest = $1", &[first.digest.as_str()]).await;
        assert_eq!(offered(&stage, "hangzhou").await, None);
        assert!(stage.back("hangzhou", Some(&first.digest)).await.is_err());
        assert!(stage.back("hangzhou", None).await.is_err());
        assert_eq!(stage.app.ctx.store.past("web", "hangzhou").await.expect("read").0.last().expect("one").digest, second.digest);
    })
    .await;
}
