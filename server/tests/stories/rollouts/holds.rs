//! What people say while a promotion runs, the waves that it goes in, and the way back by itself:
//! at any moment, also when Slipway dies, nothing is done that was not to be done.

use super::swarm::Tasks;
use super::{SKIPPED, Stage, VERIFIED, image};
use crate::common::{TestApp, on_each_database};
use crate::decided::{announced, digest, recorded, tamper};
use domain::id::PromotionId;
use domain::problem::Noun;
use domain::promotion::{PromotionState, RolloutState};
use domain::{Actor, Problem, Role};
use server::usecases::rollouts::{abort_promotion, pause_promotion, resume_promotion};
use std::time::Duration;

/// Long enough for a worker that does what it should not.
async fn a_while(stage: &Stage) {
    for _ in 0..10 {
        stage.app.clock.advance(Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn lead(stage: &Stage) -> Actor {
    stage.app.person("leo", Role::Lead).await
}

async fn verified(stage: &Stage, id: &PromotionId, at: usize) -> bool {
    stage.outcomes(id).await[at] == VERIFIED
}

#[tokio::test]
async fn a_pause_holds_before_the_next_region_and_what_was_changed_is_watched_to_its_end() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, leo) = (&stage.app.ctx, lead(&stage).await);
        let id = stage.promote(1, &["here", "there"]).await;
        pause_promotion(ctx, &leo, &id).await.expect("paused");
        assert_eq!(pause_promotion(ctx, &leo, &id).await, Err(Problem::PausedAlready));
        let _worker = stage.begin(ctx);
        a_while(&stage).await;
        assert_eq!((stage.here.changed(), stage.outcomes(&id).await[0].0), (0, RolloutState::Waiting));
        resume_promotion(ctx, &leo, &id).await.expect("goes on");
        assert_eq!(resume_promotion(ctx, &leo, &id).await, Err(Problem::NotPaused));
        stage.until(async || stage.here.changed() == 1).await;
        pause_promotion(ctx, &leo, &id).await.expect("paused");
        stage.until(async || verified(&stage, &id, 0).await).await;
        a_while(&stage).await;
        assert_eq!((stage.there.changed(), stage.state(&id).await), (0, PromotionState::Running));
        resume_promotion(ctx, &leo, &id).await.expect("goes on");
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert_eq!((stage.here.changed(), stage.there.changed()), (1, 1));
        assert_eq!(pause_promotion(ctx, &leo, &id).await, Err(Problem::Finished { state: "verified".to_owned() }));
        let said = announced(&stage.app).await;
        assert_eq!(said[..4], ["promotion_paused", "promotion_paused", "promotion_resumed", "promotion_resumed"]);
    })
    .await;
}

#[tokio::test]
async fn a_pause_before_the_change_holds_it_and_takes_none_of_its_time() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, leo) = (&stage.app.ctx, lead(&stage).await);
        let _worker = stage.begin(ctx);
        stage.here.lose_images(true);
        let id = stage.promote(1, &["here"]).await;
        stage.until(async || stage.outcomes(&id).await[0].0 == RolloutState::Running).await;
        pause_promotion(ctx, &leo, &id).await.expect("paused");
        stage.here.lose_images(false);
        stage.app.clock.advance(Duration::from_secs(3600));
        a_while(&stage).await;
        assert_eq!(stage.here.changed(), 0);
        resume_promotion(ctx, &leo, &id).await.expect("goes on");
        assert_eq!(stage.ended(&id).await, PromotionState::Verified, "an hour of pause is not an hour of its minute");
        assert_eq!(stage.here.changed(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_pause_that_came_and_went_between_two_looks_takes_none_of_its_time_either() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, leo) = (&stage.app.ctx, lead(&stage).await);
        let _worker = stage.begin(ctx);
        let silent = stage.here.images.clone().write_owned().await;
        let id = stage.promote(1, &["here"]).await;
        stage.until(async || stage.outcomes(&id).await[0].0 == RolloutState::Running).await;
        pause_promotion(ctx, &leo, &id).await.expect("paused");
        stage.app.clock.advance(Duration::from_secs(3600));
        resume_promotion(ctx, &leo, &id).await.expect("goes on");
        drop(silent);
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
    })
    .await;
}

/// The proof by all cases: it is ended at each single call that the worker makes.
#[tokio::test(flavor = "multi_thread")]
async fn ended_at_any_call_the_region_stays_as_it_is_and_everything_is_named() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let (ctx, leo) = (&stage.app.ctx, lead(&stage).await);
    let _worker = stage.begin(ctx);
    for call in 1..40 {
        let before = stage.here.changed();
        let n = u64::from(before % 2) + 1;
        stage.here.stop_at(call, call % 2 == 0);
        let id = stage.promote(n, &["here", "there"]).await;
        let come = tokio::select! {
            () = async { stage.here.stopped.notified().await } => true,
            state = stage.ended(&id) => {
                assert_eq!(state, PromotionState::Verified);
                false
            }
        };
        if !come {
            assert!(call > 8, "it makes more calls than {call}");
            break;
        }
        abort_promotion(ctx, &leo, &id, "the wrong build".to_owned()).await.expect("ended");
        // From here on nothing more is begun.
        let begun = ctx.store.touched(&ctx.store.rollouts_of(&id).await.expect("rollouts")[0].id).await.expect("a look");
        let outcomes = stage.outcomes(&id).await;
        assert_eq!((stage.state(&id).await, outcomes[1].clone()), (PromotionState::Aborted, SKIPPED), "call {call}");
        let problem = Problem::Aborted { region: "here".to_owned(), by: "leo".to_owned() };
        assert_eq!(outcomes[0], (RolloutState::Failed, Some(problem)), "call {call}");
        a_while(&stage).await;
        let changed = stage.here.changed() - before;
        assert!(changed <= u32::from(begun), "call {call}: changed {changed}, begun {begun}");
        assert_eq!((stage.there.changed(), stage.state(&id).await), (0, PromotionState::Aborted));
    }
    let detail: Vec<String> = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'promotion.aborted' ORDER BY at, id")
        .fetch_all(ctx.store.read())
        .await
        .expect("the record");
    assert!(detail[0].contains("here: done nothing") && detail[0].contains("not touched: there"), "{detail:?}");
    assert!(detail.iter().any(|detail| detail.contains("done inspect, pull, update, tasks")), "{detail:?}");
    stage.here.stop_at(1000, false);
    let id = stage.promote(9, &["here"]).await;
    assert_eq!(stage.ended(&id).await, PromotionState::Verified, "and the next goes through");
}

#[tokio::test]
async fn a_later_wave_waits_for_its_time_also_over_a_restart() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let id = stage.promote(1, &["here", "there"]).await;
        tamper(
            &stage.app,
            "UPDATE rollouts SET wave = 1, wave_soak = 10 WHERE promotion_id = $1 AND region = 'there'",
            &[id.as_str()],
        )
        .await;
        let worker = stage.begin(&stage.app.ctx);
        stage.until(async || verified(&stage, &id, 0).await).await;
        stage.app.clock.advance(Duration::from_secs(9 * 60));
        a_while(&stage).await;
        worker.abort();
        let _ = worker.await;
        let _worker = stage.begin(&stage.app.restarted().await);
        a_while(&stage).await;
        assert_eq!((stage.there.changed(), stage.outcomes(&id).await[1].0), (0, RolloutState::Waiting));
        stage.app.clock.advance(Duration::from_secs(60));
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert_eq!((stage.here.changed(), stage.there.changed()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_wave_that_wants_a_look_begins_when_a_lead_says_so() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, leo) = (&stage.app.ctx, lead(&stage).await);
        let id = stage.promote(1, &["here", "there"]).await;
        tamper(
            &stage.app,
            "UPDATE rollouts SET wave = 1, wave_look = 1 WHERE promotion_id = $1 AND region = 'there'",
            &[id.as_str()],
        )
        .await;
        assert_eq!(resume_promotion(ctx, &leo, &id).await, Err(Problem::NotPaused), "nobody looks before there is something");
        let _worker = stage.begin(ctx);
        stage.until(async || verified(&stage, &id, 0).await).await;
        stage.app.clock.advance(Duration::from_secs(86_400));
        a_while(&stage).await;
        assert_eq!(stage.there.changed(), 0);
        let tess = stage.app.person("tess", Role::Tester).await;
        assert!(matches!(resume_promotion(ctx, &tess, &id).await, Err(Problem::Forbidden { .. })));
        resume_promotion(ctx, &leo, &id).await.expect("looked");
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert!(recorded(&stage.app).await.contains(&"promotion.wave_begun".to_owned()));
    })
    .await;
}

/// An app that says that a region goes back by itself.
async fn goes_back(app: TestApp) -> Stage {
    let stage = Stage::set(app).await;
    let config = stage.app.ctx.config().config.clone();
    let text = toml::to_string(&config).expect("toml");
    let text = text.replace("[apps.service]", "[apps.service]\nupdate = { on_failure = \"rollback\" }");
    let text = text.replace("soak_seconds = 5", "soak_seconds = 1");
    assert_ne!(text, toml::to_string(&config).expect("toml"));
    stage.app.apply(&text).await;
    stage
}

async fn way_back(stage: &Stage, id: &PromotionId) -> Option<PromotionId> {
    stage.app.ctx.store.ways_back(id).await.expect("a look").first().map(|(id, ..)| id.clone())
}

#[tokio::test]
async fn a_region_that_failed_after_it_was_changed_goes_back_by_itself_once() {
    on_each_database(|app| async move {
        let stage = goes_back(app).await;
        let _worker = stage.begin(&stage.app.ctx);
        let first = stage.promote(1, &["here"]).await;
        assert_eq!(stage.ended(&first).await, PromotionState::Verified);
        stage.here.spoil(&image(&digest(2)));
        let id = stage.promote(2, &["here", "there"]).await;
        assert_eq!(stage.ended(&id).await, PromotionState::Failed);
        assert_eq!(stage.outcomes(&id).await[1], SKIPPED);
        let back = way_back(&stage, &id).await.expect("a way back");
        assert_eq!(stage.ended(&back).await, PromotionState::Verified);
        assert!(stage.runs(1));
        assert_eq!((stage.here.changed(), stage.there.changed()), (3, 0));
        let record = stage.app.ctx.store.promotion(&back).await.expect("the rollback");
        assert_eq!((record.requested_by_name.as_str(), record.digest), ("Slipway", digest(1)));
        assert!(record.reason.starts_with("P-2: "), "{}", record.reason);
        assert!(announced(&stage.app).await.contains(&"rollback".to_owned()));
        // A rollback that fails is for people to look at.
        stage.here.spoil(&image(&digest(1)));
        let third = stage.promote(3, &["here"]).await;
        assert_eq!(stage.ended(&third).await, PromotionState::Verified);
        stage.here.behave(Tasks::Fail);
        let fourth = stage.promote(4, &["here"]).await;
        assert_eq!(stage.ended(&fourth).await, PromotionState::Failed);
        let back = way_back(&stage, &fourth).await.expect("a way back");
        assert_eq!(stage.ended(&back).await, PromotionState::Failed);
        a_while(&stage).await;
        assert_eq!(way_back(&stage, &back).await, None);
    })
    .await;
}

#[tokio::test]
async fn nothing_goes_back_that_was_not_changed_or_to_what_is_quarantined() {
    on_each_database(|app| async move {
        let stage = goes_back(app).await;
        let _worker = stage.begin(&stage.app.ctx);
        let first = stage.promote(1, &["here"]).await;
        assert_eq!(stage.ended(&first).await, PromotionState::Verified);
        stage.here.speak("1.40");
        stage.app.ctx.engines.forget(Noun::Region, "here").await;
        let untouched = stage.promote(2, &["here"]).await;
        let old = Problem::EngineTooOld { region: "here".to_owned(), found: "API 1.40".to_owned() };
        assert_eq!(stage.failure(&untouched).await, Some(old));
        stage.here.speak("1.41");
        stage.here.spoil(&image(&digest(2)));
        stage.fail(1).await;
        let id = stage.promote(2, &["here"]).await;
        assert_eq!(stage.ended(&id).await, PromotionState::Failed);
        a_while(&stage).await;
        assert_eq!((way_back(&stage, &untouched).await, way_back(&stage, &id).await), (None, None));
        assert_eq!(stage.here.changed(), 2);
        assert!(recorded(&stage.app).await.contains(&"rollback.withheld".to_owned()));
    })
    .await;
}

/// Killed at each single call of the failure and of the way back, it still goes back once.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_call_of_a_failure_it_goes_back_exactly_once() {
    let stage = goes_back(TestApp::sqlite().await).await;
    let mut ctx = stage.app.restarted().await;
    let worker = stage.begin(&ctx);
    let first = stage.promote(1, &["here"]).await;
    assert_eq!(stage.ended(&first).await, PromotionState::Verified);
    worker.abort();
    let _ = worker.await;
    stage.here.spoil(&image(&digest(2)));
    let mut changed = 1;
    for call in 1.. {
        stage.here.stop_at(call, call % 2 == 0);
        let id = stage.promote(2, &["here"]).await;
        let worker = stage.begin(&ctx);
        let ended = async {
            stage.ended(&id).await;
            let back = way_back(&stage, &id).await.expect("a way back");
            stage.ended(&back).await;
        };
        tokio::select! {
            () = async { stage.here.stopped.notified().await } => {}
            () = ended => {}
        }
        worker.abort();
        let _ = worker.await;
        let come = stage.here.has_stopped();
        ctx = stage.app.restarted().await;
        let worker = stage.begin(&ctx);
        assert_eq!(stage.ended(&id).await, PromotionState::Failed, "stopped at call {call}");
        let back = way_back(&stage, &id).await.expect("a way back");
        assert_eq!(stage.ended(&back).await, PromotionState::Verified, "stopped at call {call}");
        worker.abort();
        let _ = worker.await;
        changed += 2;
        assert_eq!((stage.here.changed(), stage.runs(1)), (changed, true), "stopped at call {call}");
        if !come || call > 40 {
            assert!(call > 12, "it makes more calls than {call}");
            break;
        }
    }
}
