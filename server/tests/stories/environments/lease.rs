//! Leases: longer, somebody else's, and warned of once.

use super::stage::Stage;
use crate::common::{TestApp, on_each_database};
use crate::decided::announced;
use domain::lease::EnvironmentState;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem, Role};
use serde_json::{Value, json};
use server::usecases::environments::{extend_environment, hand_over_environment, stop_environment};
use server::usecases::notifications::watch_leases;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_holder_and_leads_extend_a_lease_within_its_bounds_and_others_do_not() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let other = stage.app.person("tom", Role::Tester).await;
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        let first = stage.look(&id).await.row.lease_ends_at;
        extend_environment(ctx, &people.tess, &id, 4).await.expect("its holder may");
        extend_environment(ctx, &people.leo, &id, 24).await.expect("a lead may");
        assert_eq!(stage.look(&id).await.row.lease_ends_at - first, chrono::Duration::hours(28));
        let not_hers = Err(Problem::NotTheHolder { holder: "tess".to_owned() });
        assert_eq!(extend_environment(ctx, &other, &id, 1).await, not_hers);
        for nobody in [&people.vera, &people.pia, &Actor::Slipway] {
            let refused = Err(Problem::Forbidden { action: Action::KeepEnvironment });
            assert_eq!(extend_environment(ctx, nobody, &id, 1).await, refused);
        }
        for hours in [0, 25] {
            let out = Err(Problem::invalid("hours", Fault::OutOfRange { least: 1, most: 24 }));
            assert_eq!(extend_environment(ctx, &people.tess, &id, hours).await, out);
        }
        for _ in 0..5 {
            extend_environment(ctx, &people.tess, &id, 24).await.expect("up to a week in all");
        }
        let rest = Err(Problem::invalid("hours", Fault::OutOfRange { least: 1, most: 12 }));
        assert_eq!(extend_environment(ctx, &people.tess, &id, 13).await, rest, "168 hours are the most");
        extend_environment(ctx, &people.tess, &id, 12).await.expect("the last ones");
        assert!(extend_environment(ctx, &people.leo, &id, 1).await.is_err());
        assert_eq!(stage.look(&id).await.lease_room, 0);
        assert_eq!(stage.app.count("audit WHERE action = 'environment.extended'").await, 8);

        stop_environment(ctx, &people.tess, &id).await.expect("stopped");
        let over = Err(Problem::Finished { state: "stopping".to_owned() });
        assert_eq!(extend_environment(ctx, &people.tess, &id, 1).await, over);
        assert_eq!(hand_over_environment(ctx, &people.tess, &id, "leo").await, over);
    })
    .await;
}

#[tokio::test]
async fn an_environment_is_handed_over_to_one_who_may_launch_and_both_are_told() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, people) = (&stage.app.ctx, &stage.people);
        let tom = stage.app.person("tom", Role::Tester).await;
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        let unknown = |name: &str| Err(Problem::invalid("to", Fault::Unknown { what: Noun::User, name: name.to_owned() }));
        for name in ["nobody", "vera", "pia", ""] {
            assert_eq!(hand_over_environment(ctx, &people.tess, &id, name).await, unknown(name));
        }
        let hers = hand_over_environment(ctx, &people.tess, &id, "tess").await;
        assert!(matches!(hers, Err(Problem::Invalid { why: Fault::Refused { .. }, .. })), "{hers:?}");
        assert!(hand_over_environment(ctx, &tom, &id, "tom").await.is_err(), "it is not there to be taken");
        let offered = server::usecases::environments::environment(ctx, &people.tess, &id).await.expect("seen").hand_to;
        assert_eq!(offered, ["ada", "leo", "tom"].map(str::to_owned));

        hand_over_environment(ctx, &people.tess, &id, "tom").await.expect("handed over");
        let view = stage.look(&id).await;
        assert_eq!((view.row.holder_name.as_str(), view.hand_to.len()), ("tom", 0));
        assert_eq!(announced(&stage.app).await, ["environment_handed_over"]);
        let body: String = sqlx::query_scalar("SELECT body FROM news").fetch_one(ctx.store.read()).await.expect("news");
        let news: Value = serde_json::from_str(&body).expect("json");
        assert_eq!((&news["by"], &news["mention"], &news["what"]["holder"]), (&json!("tess"), &json!(["tom"]), &json!("tom")));
        assert!(extend_environment(ctx, &people.tess, &id, 1).await.is_err(), "it is no longer hers");
        extend_environment(ctx, &tom, &id, 1).await.expect("it is his");
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_warned_of_once_for_each_end_also_after_a_restart() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply("[environments]\nwarn_minutes = 60\n").await;
        let ctx = &stage.app.ctx;
        stage.begin_work();
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        stage.until(&id, EnvironmentState::Running).await;
        let told = || async { announced(&stage.app).await.iter().filter(|event| *event == "environment_expiring").count() };
        stage.app.clock.advance(HOUR * 6);
        watch_leases(ctx).await.expect("looked");
        assert_eq!((told().await, stage.look(&id).await.row.ends_soon), (0, false));
        stage.app.clock.advance(HOUR);
        watch_leases(ctx).await.expect("looked");
        watch_leases(&stage.app.restarted().await).await.expect("looked");
        assert_eq!((told().await, stage.look(&id).await.row.ends_soon), (1, true));

        extend_environment(ctx, &stage.people.tess, &id, 2).await.expect("extended");
        watch_leases(ctx).await.expect("looked");
        assert_eq!((told().await, stage.look(&id).await.row.ends_soon), (1, false));
        stage.app.clock.advance(HOUR * 2);
        watch_leases(ctx).await.expect("looked");
        assert_eq!(told().await, 2, "the new end is warned of too");
        stage.app.clock.advance(HOUR);
        ctx.work.environments.notify_one();
        stage.until(&id, EnvironmentState::Stopped).await;
    })
    .await;
}

#[tokio::test]
async fn rest_extends_and_hands_over() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    let (tess, vera) = (stage.app.token(&stage.people.tess).await, stage.app.token(&stage.people.vera).await);
    let path = |what: &str| format!("/api/v1/environments/{id}/{what}");
    assert_eq!(stage.app.rest(&vera, "POST", &path("extend"), json!({ "hours": 1 })).await.0, 403);
    assert_eq!(stage.app.rest(&tess, "POST", &path("extend"), json!({ "hours": 1 })).await.0, 204);
    assert_eq!(stage.app.rest(&tess, "POST", &path("extend"), json!({ "hours": 99 })).await.0, 422);
    assert_eq!(stage.app.rest(&tess, "POST", &path("hand-over"), json!({ "to": "leo" })).await.0, 204);
    let (status, problem) = stage.app.rest(&tess, "POST", &path("hand-over"), json!({ "to": "tess" })).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("not_the_holder")), "{problem}");
}
