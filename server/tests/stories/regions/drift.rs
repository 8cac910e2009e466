//! What somebody changed on a Swarm by hand is shown without secrets, and put back or taken over.

use super::stage::{Stage, typed};
use crate::common::on_each_database;
use crate::decided::recorded;
use app::view::{AdoptInput, Confirmation, CorrectInput};
use domain::drift::Part;
use domain::problem::Fault;
use domain::promotion::{PromotionKind, PromotionState};
use domain::{Action, Actor, Problem};
use serde_json::json;
use server::usecases::promotions::back_to;
use server::usecases::regions::{adopt_drift, correct_drift, region};
use server::usecases::settings::export;
use std::time::Duration;

fn correct() -> CorrectInput {
    CorrectInput { reason: "nobody asked for this".to_owned(), confirmation: typed() }
}

fn adopt(replicas: u32) -> AdoptInput {
    AdoptInput { replicas, reason: "it is what we need".to_owned(), confirmation: typed() }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_shown_by_its_parts_and_put_back() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
        let first = stage.verified(1, "here").await;
        stage.verified(2, "here").await;
        stage.cell(|cell| !cell.drifted && cell.running == 2).await;
        let before = stage.here.service().expect("a service")["Spec"]["TaskTemplate"].clone();
        stage.here.change_by_hand(|spec| {
            spec["Mode"]["Replicated"]["Replicas"] = json!(5);
            let env = spec["TaskTemplate"]["ContainerSpec"]["Env"].as_array_mut().expect("variables");
            env.push(json!("DEBUG=hush"));
        });
        let cell = stage.cell(|cell| cell.drifted).await;
        let parts: Vec<(Part, Option<&str>)> = cell.drift.iter().map(|one| (one.part, one.seen.as_deref())).collect();
        assert_eq!(parts, [(Part::Environment, Some("DEBUG")), (Part::Replicas, Some("5"))]);
        assert!(cell.drift_since.is_some(), "the Swarm knows since when");
        let page = region(ctx, ada, "here").await.expect("a page");
        let told = serde_json::to_string(&page).expect("json");
        assert!(!told.contains("hush") && told.contains("DEBUG"), "{told}");

        let refused = adopt_drift(ctx, ada, "here", "web", adopt(5)).await;
        assert_eq!(refused, Err(Problem::NotAdoptable { region: "here".to_owned(), parts: "environment".to_owned() }));
        for (actor, input, problem) in [
            (&stage.people.tess, correct(), Problem::Forbidden { action: Action::CorrectRegion }),
            (&stage.people.adam, correct(), Problem::Forbidden { action: Action::CorrectRegion }),
            (ada, CorrectInput { reason: " ".to_owned(), ..correct() }, Problem::invalid("reason", Fault::Missing)),
            (
                ada,
                CorrectInput { confirmation: Confirmation { app: "wen".to_owned(), password: None }, ..correct() },
                Problem::ConfirmationMismatch { expected: "web".to_owned() },
            ),
        ] {
            assert_eq!(correct_drift(ctx, actor, "here", "web", input).await, Err(problem));
        }
        assert_eq!(stage.replicas(), 5, "a refusal changes nothing");

        let id = correct_drift(ctx, ada, "here", "web", correct()).await.expect("started");
        assert_eq!(ctx.store.promotion(&id).await.expect("it").kind, PromotionKind::Correction);
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert_eq!((stage.replicas(), &stage.here.service().expect("it")["Spec"]["TaskTemplate"]), (2, &before));
        stage.cell(|cell| !cell.drifted).await;
        assert!(recorded(&stage.app).await.contains(&"drift.corrected".to_owned()));
        assert_eq!(back_to(ctx, "web", "here").await, Ok(Some(first)), "a correction is no step on the way back");
    })
    .await;
}

#[tokio::test]
async fn replicas_that_somebody_set_by_hand_are_adopted_into_the_configuration() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, leo) = (&stage.app.ctx, &stage.people.leo);
        stage.verified(1, "here").await;
        stage.here.change_by_hand(|spec| spec["Mode"]["Replicated"]["Replicas"] = json!(3));
        stage.cell(|cell| cell.drifted && cell.desired == 3).await;
        let version = ctx.config().version;
        assert_eq!(adopt_drift(ctx, leo, "here", "web", adopt(4)).await, Err(Problem::Stale), "only what was seen");
        assert_eq!(ctx.config().version, version);
        let id = adopt_drift(ctx, leo, "here", "web", adopt(3)).await.expect("started");
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        stage.cell(|cell| !cell.drifted && cell.desired == 3).await;
        let applied = ctx.config();
        let config = &applied.config;
        let replicas = |region: &str| config.region(region).expect("a region").replicas("web");
        assert_eq!((applied.version, replicas("here"), replicas("there")), (version + 1, 3, 1));
        assert_eq!(config.region("here").expect("here").replicas("another"), 2, "other apps keep theirs");
        assert!(export(ctx, &Actor::Slipway).await.expect("exported").contains("[regions.replicas_of]\nweb = 3"));
        let record = recorded(&stage.app).await;
        assert!(record.contains(&"drift.adopted".to_owned()) && record.contains(&"configuration.applied".to_owned()));
        let again = adopt_drift(ctx, leo, "here", "web", adopt(3)).await;
        assert_eq!(again, Err(Problem::Stale), "nothing differs any more");
    })
    .await;
}

#[tokio::test]
async fn a_service_that_somebody_removed_is_made_again() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
        stage.verified(1, "here").await;
        stage.here.remove_by_hand();
        let cell = stage.cell(|cell| cell.drifted).await;
        assert_eq!((cell.drift, cell.digest), (vec![], None));
        let id = correct_drift(ctx, ada, "here", "web", correct()).await.expect("started");
        assert_eq!((stage.ended(&id).await, stage.replicas()), (PromotionState::Verified, 2));
        let never = correct_drift(ctx, ada, "there", "web", correct()).await;
        assert_eq!(never, Err(Problem::NothingToRollBackTo { app: "web".to_owned(), region: "there".to_owned() }));
        stage.app.clock.advance(Duration::from_secs(16 * 60));
        assert_eq!(correct_drift(ctx, ada, "here", "web", correct()).await, Err(Problem::PasswordNeeded));
    })
    .await;
}
