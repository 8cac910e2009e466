//! Every gate, closed in turn: what the start says, who can clear it, and what opens it again.

use super::stage::{Built, REGIONS, Stage, closed, refusal, typed};
use crate::common::on_each_database;
use crate::decided::{id_of, listed, tamper};
use crate::outside::Mood;
use app::view::PromotionView;
use domain::config::Config;
use domain::gate::{Gate, GateKind, GateState};
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use domain::{Actor, Problem, Role};
use server::usecases::people::{change_role, set_disabled};
use server::usecases::promotions::{approve_promotion, promotion, start_promotion};
use server::usecases::settings::apply;
use server::usecases::verdicts::{overrule_verdict, withdraw_sign_off, withdraw_verdict};
use std::time::{Duration, Instant};

/// The page as it is drawn when the last look is too old to be kept.
async fn page(stage: &Stage, id: &PromotionId) -> PromotionView {
    stage.app.clock.advance(Duration::from_secs(6));
    promotion(&stage.app.ctx, &stage.people.vera, id).await.expect("shown")
}

/// The start is refused for exactly these reasons, and the page says the same.
async fn shut(stage: &Stage, id: &PromotionId, reasons: &[&str]) {
    assert_eq!(closed(&page(stage, id).await.gates), reasons, "on the page");
    assert_eq!(refusal(stage.start(id).await), reasons, "at the start");
    assert_eq!(stage.state(id).await, PromotionState::Open);
    assert!(stage.rollouts(id).await.iter().all(|rollout| rollout.intent.is_none()));
}

/// The gate of this kind on the page.
async fn gate(stage: &Stage, id: &PromotionId, kind: GateKind) -> Gate {
    page(stage, id).await.gates.into_iter().find(|gate| gate.kind == kind).expect("a gate")
}

const APPROVAL: &str = "Approved { role: Lead, count: 1 } Waiting Some(Lead)";

#[tokio::test]
async fn a_build_that_nobody_judged_waits_for_everybody() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.built(1).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        let (tested, signed) = ("Tested Waiting Some(Tester)", "SignedOff Waiting Some(Product)");
        shut(&stage, &id, &[tested, signed, APPROVAL]).await;
        stage.judge(&build, VerdictKind::Blocked).await;
        shut(&stage, &id, &[tested, signed, APPROVAL]).await;
        let pass = stage.judge(&build, VerdictKind::Pass).await;
        shut(&stage, &id, &[signed, APPROVAL]).await;
        let sign_off = stage.accept(&build).await;
        shut(&stage, &id, &[APPROVAL]).await;
        approve_promotion(&stage.app.ctx, &stage.people.leo, &id).await.expect("approved");
        let seen = page(&stage, &id).await;
        let told = |kind: &GateKind| seen.gates.iter().find(|gate| gate.kind == *kind).and_then(|gate| gate.detail.clone());
        assert_eq!(told(&GateKind::Tested).as_deref(), Some("1"));
        assert_eq!(told(&GateKind::SignedOff).as_deref(), Some("pia"));
        assert_eq!(told(&GateKind::Approved { role: Role::Lead, count: 1 }).as_deref(), Some("leo"));

        withdraw_verdict(&stage.app.ctx, &stage.people.tess, &pass).await.expect("withdrawn");
        shut(&stage, &id, &[tested]).await;
        stage.judge(&build, VerdictKind::Pass).await;
        withdraw_sign_off(&stage.app.ctx, &stage.people.pia, &sign_off).await.expect("withdrawn");
        shut(&stage, &id, &[signed]).await;
        stage.accept(&build).await;
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn a_fail_after_everything_else_stops_the_start() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let fail = stage.judge(&build, VerdictKind::Fail).await;
        shut(&stage, &id, &["Tested Red Some(Lead)"]).await;
        overrule_verdict(&stage.app.ctx, &stage.people.leo, &fail, "known".to_owned()).await.expect("overruled");
        // The same image listed under another app is the same digest.
        let copy = Built { id: listed(&stage.app, "worker", &build.digest).await, ..build.clone() };
        let elsewhere = stage.judge(&copy, VerdictKind::Fail).await;
        shut(&stage, &id, &["Tested Red Some(Lead)"]).await;
        withdraw_verdict(&stage.app.ctx, &stage.people.tess, &elsewhere).await.expect("withdrawn");
        shut(&stage, &id, &["Tested Waiting Some(Tester)"]).await;
        // Her pass had given way to her fail, and does not come back by itself.
        stage.judge(&build, VerdictKind::Pass).await;
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn a_sign_off_of_the_same_digest_under_another_app_does_not_count() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.built(1).await;
        stage.judge(&build, VerdictKind::Pass).await;
        let copy = Built { id: listed(&stage.app, "worker", &build.digest).await, ..build.clone() };
        stage.accept(&copy).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        shut(&stage, &id, &["SignedOff Waiting Some(Product)"]).await;
    })
    .await;
}

#[tokio::test]
async fn an_approval_ends_with_the_approvers_role() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, adam) = (&stage.app.ctx, &stage.people.adam);
        let leo = stage.people.leo.person().expect("a person").id.clone();
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Lead) {
            change_role(ctx, adam, &leo, role).await.expect("changed");
            shut(&stage, &id, &[APPROVAL]).await;
        }
        change_role(ctx, adam, &leo, Role::Lead).await.expect("changed");
        set_disabled(ctx, adam, &leo, true).await.expect("disabled");
        shut(&stage, &id, &[APPROVAL]).await;
        let seen = page(&stage, &id).await;
        assert_eq!(seen.approvals.iter().map(|a| (a.by_name.as_str(), a.counts)).collect::<Vec<_>>(), [("leo", false)]);
        set_disabled(ctx, adam, &leo, false).await.expect("enabled");
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn an_approval_is_for_one_digest_and_one_list_of_regions() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (build, other) = (stage.accepted(1).await, stage.accepted(2).await);
        let id = stage.approved(&build, &["hangzhou", "us-west"]).await;
        let kept = "[\"hangzhou\",\"us-west\"]";
        for regions in ["[\"hangzhou\"]", "[\"us-west\",\"hangzhou\"]", "", "hangzhou,us-west"] {
            tamper(&stage.app, "UPDATE approvals SET regions = $1", &[regions]).await;
            shut(&stage, &id, &[APPROVAL]).await;
        }
        tamper(&stage.app, "UPDATE approvals SET regions = $1", &[kept]).await;
        tamper(&stage.app, "UPDATE approvals SET digest = $1", &[other.digest.as_str()]).await;
        shut(&stage, &id, &[APPROVAL]).await;
        // Whoever approved something else may approve what it is now.
        approve_promotion(&stage.app.ctx, &stage.people.leo, &id).await.expect("approved anew");
        assert!(closed(&page(&stage, &id).await.gates).is_empty());
        // The requester's own row counts for nothing, however it came there.
        tamper(&stage.app, "UPDATE approvals SET user_id = $1, user_name = 'ada'", &[id_of(&stage.people.ada)]).await;
        shut(&stage, &id, &[APPROVAL]).await;
        tamper(&stage.app, "UPDATE approvals SET user_id = 'nobody'", &[]).await;
        shut(&stage, &id, &[APPROVAL]).await;
    })
    .await;
}

#[tokio::test]
async fn rollouts_that_are_not_what_was_requested_never_start() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (build, other) = (stage.accepted(1).await, stage.built(2).await);
        let id = stage.approved(&build, &["hangzhou"]).await;
        // A region that was slipped in voids the approval; another digest is refused outright.
        tamper(&stage.app, "UPDATE rollouts SET region = 'us-west'", &[]).await;
        shut(&stage, &id, &[APPROVAL]).await;
        tamper(&stage.app, "UPDATE rollouts SET region = 'hangzhou', digest = $1", &[other.digest.as_str()]).await;
        assert!(matches!(stage.start(&id).await, Err(Problem::Internal { .. })));
        tamper(&stage.app, "UPDATE promotions SET digest = $1, build_id = $2", &[other.digest.as_str(), other.id.as_str()]).await;
        let reasons = ["Tested Waiting Some(Tester)", "SignedOff Waiting Some(Product)", APPROVAL];
        assert_eq!(refusal(stage.start(&id).await), reasons);
        tamper(&stage.app, "UPDATE promotions SET digest = $1", &[build.digest.as_str()]).await;
        assert!(matches!(stage.start(&id).await, Err(Problem::Internal { .. })), "a build of another digest");
        tamper(&stage.app, "DELETE FROM rollouts", &[]).await;
        assert!(matches!(stage.start(&id).await, Err(Problem::Internal { .. })));
        assert_eq!(stage.state(&id).await, PromotionState::Open);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_the_registry_lost_or_mangled_does_not_start() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        stage.registry.lose(&build.digest);
        shut(&stage, &id, &["ImagePresent Red None"]).await;
        let lost = gate(&stage, &id, GateKind::ImagePresent).await;
        assert_eq!(lost.detail, Some(format!("{}/team/web@{}", stage.registry.host, build.digest)));
        assert!(lost.checked_at.is_some());
        for mood in [Mood::Broken, Mood::Well] {
            stage.registry.forge(&build.digest);
            stage.registry.be(mood);
            shut(&stage, &id, &["ImagePresent Waiting None"]).await;
        }
        stage.registry.push(1);
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn a_region_that_does_not_answer_keeps_all_of_them_from_starting() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &REGIONS).await;
        let away = ["RegionReachable { region: \"us-west\" } Red None", "EnoughRoom { region: \"us-west\" } Waiting None"];
        for mood in [Mood::Broken, Mood::Single] {
            stage.regions[1].be(mood);
            shut(&stage, &id, &away).await;
        }
        stage.regions[1].be(Mood::Silent);
        let began = Instant::now();
        assert_eq!(closed(&page(&stage, &id).await.gates), away);
        assert!(began.elapsed() < Duration::from_secs(5), "a page waits two seconds, not for ever");
        stage.regions[1].be(Mood::Well);
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn another_rollout_of_the_app_in_the_region_is_waited_for() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (first, second) = (stage.accepted(1).await, stage.accepted(2).await);
        let running = stage.approved(&first, &["hangzhou", "us-west"]).await;
        let waiting = stage.approved(&second, &["us-west", "hong-kong"]).await;
        let elsewhere = stage.approved(&second, &["hong-kong"]).await;
        stage.start(&running).await.expect("started");
        // Its turn in us-west has not come, and yet nobody else may go first.
        shut(&stage, &waiting, &["NoOtherRollout { region: \"us-west\" } Waiting None"]).await;
        let busy = gate(&stage, &waiting, GateKind::NoOtherRollout { region: "us-west".to_owned() }).await;
        assert_eq!(busy.detail.as_deref(), Some("P-1"));
        stage.start(&elsewhere).await.expect("no region in common");
        stage.work(&elsewhere, &[]).await;
        stage.work(&running, &["hangzhou"]).await;
        stage.start(&waiting).await.expect("the other has ended");
    })
    .await;
}

#[tokio::test]
async fn a_region_that_was_taken_out_of_the_configuration_is_not_reached() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou", "us-west"]).await;
        let config: Config = stage.app.ctx.config().config.clone();
        let less = Config { regions: config.regions.iter().filter(|r| r.name != "us-west").cloned().collect(), ..config };
        let text = toml::to_string_pretty(&less).expect("toml");
        apply(&stage.app.ctx, &Actor::Slipway, &text, true).await.expect("applied");
        let away = ["RegionReachable { region: \"us-west\" } Red None", "EnoughRoom { region: \"us-west\" } Waiting None"];
        shut(&stage, &id, &away).await;
        let seen = page(&stage, &id).await;
        assert_eq!((seen.rollouts[1].region.title_en.as_str(), seen.rollouts[1].replicas), ("us-west", 0));
        let none = Config { apps: vec![], ..less };
        let text = toml::to_string_pretty(&none).expect("toml");
        apply(&stage.app.ctx, &Actor::Slipway, &text, true).await.expect("applied");
        assert!(stage.start(&id).await.is_err());
        stage.app.apply(&stage.configuration()).await;
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn a_configuration_that_changes_while_the_world_is_asked_is_looked_at_anew() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        stage.regions[0].be(Mood::Silent);
        let change = async {
            crate::common::eventually("the region is asked", || async { (stage.regions[0].asked() > 0).then_some(()) }).await;
            stage.app.apply(&stage.region(0, "replicas = 3")).await;
            stage.regions[0].be(Mood::Well);
        };
        let (done, ()) = tokio::join!(stage.start(&id), change);
        assert_eq!(done, Err(Problem::Stale));
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        stage.start(&id).await.expect("started");
        assert_eq!(stage.rollouts(&id).await[0].intent.as_ref().expect("fixed").replicas, 3);
        // What comes later does not change what was started.
        stage.app.apply(&stage.region(0, "replicas = 5")).await;
        assert_eq!(page(&stage, &id).await.rollouts[0].replicas, 3);
    })
    .await;
}

#[tokio::test]
async fn what_was_seen_too_long_ago_counts_for_nothing() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou", "us-west"]).await;
        // The registry answers at once; one region so slowly that the answers grow old meanwhile.
        stage.regions[0].be(Mood::Silent);
        let wait = async {
            crate::common::eventually("the region is asked", || async { (stage.regions[0].asked() > 0).then_some(()) }).await;
            stage.app.clock.advance(Duration::from_secs(31));
            stage.regions[0].be(Mood::Well);
        };
        let (done, ()) = tokio::join!(stage.start(&id), wait);
        assert_eq!(
            refusal(done),
            [
                "ImagePresent Waiting None",
                "RegionReachable { region: \"hangzhou\" } Waiting None",
                "EnoughRoom { region: \"hangzhou\" } Waiting None",
                "RegionReachable { region: \"us-west\" } Waiting None",
                "EnoughRoom { region: \"us-west\" } Waiting None",
            ]
        );
        stage.regions[0].be(Mood::Well);
        stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn a_page_asks_the_world_once_in_five_seconds_and_a_start_asks_anew() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
        let asked = || (stage.registry.asked(), stage.regions[0].asked());
        let all = (0..20).map(|_| promotion(ctx, vera, &id));
        futures::future::try_join_all(all).await.expect("shown");
        assert_eq!(asked(), (1, 1), "twenty readers are one question");
        stage.app.clock.advance(Duration::from_secs(4));
        promotion(ctx, vera, &id).await.expect("shown");
        assert_eq!(asked(), (1, 1));
        // The page still says green, and the start finds out that it no longer is.
        stage.registry.lose(&build.digest);
        let seen = promotion(ctx, vera, &id).await.expect("shown");
        assert!(seen.gates.iter().all(|gate| gate.state == GateState::Green));
        assert_eq!(refusal(start_promotion(ctx, &stage.people.ada, &id, typed("web")).await), ["ImagePresent Red None"]);
        assert_eq!(asked(), (2, 2));
        let seen = promotion(ctx, vera, &id).await.expect("shown");
        assert_eq!(closed(&seen.gates), ["ImagePresent Red None"], "and the page knows at once");
    })
    .await;
}
