//! Contingency plans: read by another lead, used with one button, returned from with one.

use super::stage::{PLANS, Stage, typed};
use crate::common::on_each_database;
use crate::decided::{id_of, recorded, tamper};
use app::view::{PlanInput, PlanView};
use domain::problem::{Fault, Noun};
use domain::promotion::{PromotionKind, PromotionState};
use domain::{Action, Problem};
use server::usecases::promotions::back_to;
use server::usecases::regions::{plan, return_from_plan, review_plan, run_plan};
use std::time::Duration;

fn input(region: &str) -> PlanInput {
    PlanInput { region: region.to_owned(), reason: "more people than ever".to_owned(), confirmation: typed() }
}

async fn flood(stage: &Stage) -> PlanView {
    plan(&stage.app.ctx, &stage.people.leo, "flood").await.expect("a plan")
}

fn unread() -> Problem {
    Problem::PlanUnread { plan: "flood".to_owned() }
}

#[tokio::test]
async fn a_plan_that_another_lead_has_read_is_used_and_returned_from() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, ada, leo) = (&stage.app.ctx, &stage.people.ada, &stage.people.leo);
        let first = stage.verified(1, "here").await;
        stage.verified(2, "here").await;
        assert_eq!(run_plan(ctx, leo, "flood", input("here")).await, Err(unread()));
        review_plan(ctx, leo, "flood").await.expect("read");
        assert_eq!(run_plan(ctx, leo, "flood", input("here")).await, Err(unread()), "by nobody else");
        assert_eq!((stage.replicas(), flood(&stage).await.ready), (2, false));
        review_plan(ctx, ada, "flood").await.expect("read");
        assert!(flood(&stage).await.ready);
        let elsewhere = Problem::invalid("region", Fault::Unknown { what: Noun::Region, name: "there".to_owned() });
        assert_eq!(run_plan(ctx, leo, "flood", input("there")).await, Err(elsewhere));
        for nobody in [&stage.people.tess, &stage.people.pia, &stage.people.adam] {
            let refused = run_plan(ctx, nobody, "flood", input("here")).await;
            assert_eq!(refused, Err(Problem::Forbidden { action: Action::RunPlan }));
            assert_eq!(review_plan(ctx, nobody, "flood").await, Err(Problem::Forbidden { action: Action::ReviewPlan }));
        }

        let used = run_plan(ctx, leo, "flood", input("here")).await.expect("started");
        assert_eq!(stage.ended(&used).await, PromotionState::Verified);
        let cell = stage.cell(|cell| cell.desired == 4 && !cell.drifted).await;
        let runs = cell.plan.expect("it is shown");
        assert_eq!((runs.title.as_str(), runs.by.as_str(), &runs.promotion), ("Ten times the traffic", "leo", &used));
        assert_eq!(back_to(ctx, "web", "here").await, Ok(Some(first)), "a plan is no step on the way back");
        let twice = Problem::PlanRuns { plan: "flood".to_owned(), region: "here".to_owned() };
        assert_eq!(run_plan(ctx, leo, "flood", input("here")).await, Err(twice));

        let back = return_from_plan(ctx, ada, "flood", input("here")).await.expect("started");
        assert_eq!(stage.ended(&back).await, PromotionState::Verified);
        assert_eq!(ctx.store.promotion(&back).await.expect("it").kind, PromotionKind::Plan);
        let cell = stage.cell(|cell| cell.desired == 2 && !cell.drifted).await;
        assert_eq!((cell.plan, stage.replicas()), (None, 2));
        let over = Problem::PlanOver { plan: "flood".to_owned(), region: "here".to_owned() };
        assert_eq!(return_from_plan(ctx, ada, "flood", input("here")).await, Err(over));
        let record = recorded(&stage.app).await;
        for word in ["plan.reviewed", "plan.started", "plan.returned"] {
            assert!(record.iter().any(|action| action == word), "{word} is not in {record:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_changed_plan_is_unread_and_so_is_one_whose_reader_no_longer_leads() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
        stage.verified(1, "here").await;
        review_plan(ctx, ada, "flood").await.expect("read");
        stage.app.apply(&PLANS.replace("scale = 4", "scale = 40")).await;
        let changed = flood(&stage).await;
        assert_eq!((changed.ready, changed.reviews[0].counts), (false, false));
        assert_eq!(run_plan(ctx, &stage.people.leo, "flood", input("here")).await, Err(unread()));
        review_plan(ctx, ada, "flood").await.expect("read again");
        assert!(flood(&stage).await.ready);
        tamper(&stage.app, "UPDATE users SET role = 'viewer' WHERE id = $1", &[id_of(ada)]).await;
        assert_eq!(run_plan(ctx, &stage.people.leo, "flood", input("here")).await, Err(unread()));
        assert_eq!(stage.replicas(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_plan_switches_only_to_what_was_verified_there_and_a_promotion_ends_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, ada, leo) = (&stage.app.ctx, &stage.people.ada, &stage.people.leo);
        let old = stage.verified(1, "here").await;
        let new = stage.verified(2, "here").await;
        let elsewhere = stage.verified(3, "there").await;
        let text = |to: &str| PLANS.replace("scale = 4", &format!("switch = \"{to}\""));
        stage.app.apply(&text(elsewhere.as_str())).await;
        review_plan(ctx, ada, "flood").await.expect("read");
        let never = Problem::NothingToRollBackTo { app: "web".to_owned(), region: "here".to_owned() };
        assert_eq!(run_plan(ctx, leo, "flood", input("here")).await, Err(never));

        stage.app.apply(&text(old.as_str())).await;
        review_plan(ctx, ada, "flood").await.expect("read");
        let used = run_plan(ctx, leo, "flood", input("here")).await.expect("started");
        assert_eq!(stage.ended(&used).await, PromotionState::Verified);
        stage.cell(|cell| cell.digest.as_ref() == Some(&old) && cell.plan.is_some()).await;
        assert_eq!(back_to(ctx, "web", "here").await, Ok(Some(new)), "back is what was promoted");
        stage.app.clock.advance(Duration::from_secs(1));
        stage.verified(4, "here").await;
        stage.cell(|cell| cell.plan.is_none()).await;
        let over = Problem::PlanOver { plan: "flood".to_owned(), region: "here".to_owned() };
        assert_eq!(return_from_plan(ctx, ada, "flood", input("here")).await, Err(over));
    })
    .await;
}

#[tokio::test]
async fn a_plan_to_a_quarantined_build_is_not_used() {
    let stage = Stage::set(crate::common::TestApp::sqlite().await).await;
    let old = stage.verified(1, "here").await;
    stage.verified(2, "here").await;
    stage.app.apply(&PLANS.replace("scale = 4", &format!("switch = \"{old}\""))).await;
    review_plan(&stage.app.ctx, &stage.people.ada, "flood").await.expect("read");
    let build = stage.app.ctx.store.build_known("web", &old).await.expect("a look").expect("a build").id;
    tamper(
        &stage.app,
        "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, at) VALUES ($1, $2, 'fail', '', 't', 'tess', 1)",
        &["v", build.as_str()],
    )
    .await;
    assert_eq!(run_plan(&stage.app.ctx, &stage.people.leo, "flood", input("here")).await, Err(Problem::Quarantined));
}
