//! One region closely: nodes, tasks, history, variables and logs.

use super::stage::Stage;
use crate::common::{TestApp, on_each_database};
use crate::rollouts::swarm::Fate;
use app::view::Paging;
use domain::Problem;
use domain::problem::{Fault, Noun};
use domain::promotion::{PromotionKind, RolloutState};
use domain::region_variables::{Beside, RegionOrigin};
use serde_json::Value;
use server::engine::swarm::Which;
use server::usecases::regions::{history, region, service_log, variables};

#[tokio::test]
async fn a_region_shows_its_nodes_and_the_tasks_of_its_services() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
    let digest = stage.verified(1, "here").await;
    stage.cell(|cell| cell.running == 2).await;
    let page = region(ctx, vera, "here").await.expect("a page");
    let nodes: Vec<(&str, &str, bool, bool)> =
        page.nodes.iter().map(|node| (node.name.as_str(), node.state.as_str(), node.manager, node.leader)).collect();
    assert_eq!(nodes, [("first", "ready", true, true), ("second", "down", false, false)], "managers first");
    let service = &page.services[0];
    assert_eq!((service.app.as_str(), service.port, service.tasks.len(), service.restarts), ("web", Some(8080), 2, 0));
    let task = &service.tasks[0];
    assert_eq!((task.node.as_deref(), task.state.as_str(), task.digest.as_ref()), (Some("first"), "running", Some(&digest)));
    assert_eq!((service.cell.by.as_deref(), page.problem, page.plans.len()), (Some("leo"), None, 1));
    assert_eq!(region(ctx, vera, "nowhere").await, Err(Problem::not_found(Noun::Region, "nowhere")));

    // It does not answer: what was last seen stays, and the page says why there is no more.
    stage.here.looks_fare(&[Fate::Lost; 1000]);
    let page = region(ctx, vera, "here").await.expect("a page");
    assert_eq!(page.problem, Some(Problem::Unreachable { what: Noun::Region, name: "here".to_owned() }));
    assert_eq!((page.nodes.len(), page.services[0].cell.digest.as_ref()), (0, Some(&digest)));
}

#[tokio::test]
async fn the_history_of_a_region_is_paged_by_key_and_says_who_and_why() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
        for n in 1..=3 {
            stage.verified(n, "here").await;
        }
        stage.verified(4, "there").await;
        let first = history(ctx, vera, "here", Paging { cursor: None, limit: Some(2) }).await.expect("a page");
        assert_eq!(first.items.iter().map(|past| past.number).collect::<Vec<_>>(), [3, 2]);
        let next = history(ctx, vera, "here", Paging { cursor: first.next, limit: Some(2) }).await.expect("a page");
        let past = &next.items[0];
        assert_eq!((next.items.len(), next.next.as_ref(), past.number, past.kind), (1, None, 1, PromotionKind::Promotion));
        assert_eq!(
            (past.state, past.requested_by.as_str(), past.started_by.as_deref()),
            (RolloutState::Verified, "ada", Some("leo"))
        );
        assert_eq!((past.reason.as_str(), past.failure.as_ref(), past.ended_at.is_some()), ("it is time", None, true));
    })
    .await;
}

#[tokio::test]
async fn variables_are_named_with_their_origin_and_their_versions_and_never_with_their_values() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
        let version = ctx.config().version;
        let host = &stage.there.host;
        stage
            .app
            .apply(&format!("[[regions]]\nname = \"there\"\nurl = \"tcp://{host}\"\nenv = {{ TOKEN_URL = \"new-value\" }}\n"))
            .await;
        let all = variables(ctx, vera, "there").await.expect("variables");
        assert_eq!((all.others.len(), all.apps[0].app.as_str()), (1, "web"));
        let (mode, url) = (&all.apps[0].variables[0], &all.apps[0].variables[1]);
        assert_eq!((mode.name.as_str(), mode.origin, &mode.beside), ("MODE", Some(RegionOrigin::App), &vec![Some(Beside::Same)]));
        assert_eq!((url.name.as_str(), url.origin), ("TOKEN_URL", Some(RegionOrigin::Region)));
        assert_eq!(url.beside, [Some(Beside::Different)]);
        let changed = |row: &app::view::VariableRow| row.changed.iter().map(|at| (at.version, at.by.clone())).collect::<Vec<_>>();
        assert_eq!(changed(url), [(version + 1, "Slipway".to_owned())]);
        assert_eq!(changed(mode), changed(url), "the region's own value went away");
        let told =
            serde_json::to_string(&all).expect("json") + &serde_json::to_string(&region(ctx, vera, "there").await).expect("json");
        assert!(!told.contains("-value"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn the_log_of_a_service_is_read_through_the_manager_in_the_order_of_time() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
    assert_eq!(
        service_log(ctx, vera, ("here", "web", Which::Main), None).await,
        Err(Problem::not_found(Noun::Service, "web")),
        "there is none yet"
    );
    stage.verified(1, "here").await;
    let lines = |count| async move {
        let log = service_log(ctx, vera, ("here", "web", Which::Main), Some(count)).await.expect("a log");
        log.lines.into_iter().map(|line| (line.text, line.err)).collect::<Vec<_>>()
    };
    assert_eq!(lines(10).await, [("first".to_owned(), true), ("second".to_owned(), false)]);
    assert_eq!(lines(1).await, [("second".to_owned(), false)], "the newest");
    let many = Problem::invalid("lines", Fault::OutOfRange { least: 1, most: 1000 });
    assert_eq!(service_log(ctx, vera, ("here", "web", Which::Main), Some(1001)).await, Err(many));
    // What is of another installation is not read.
    stage.here.change_by_hand(|spec| spec["Labels"]["slipway.instance"] = Value::from("another"));
    assert_eq!(service_log(ctx, vera, ("here", "web", Which::Main), None).await, Err(Problem::not_found(Noun::Service, "web")));
}

#[tokio::test]
async fn the_log_of_a_service_is_followed_until_its_end() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.verified(1, "here").await;
    let token = stage.app.token(&stage.people.vera).await;
    let (status, events) = stage.app.rest(&token, "GET", "/regions/here/web/logs", Value::Null).await;
    let events = events.as_str().expect("events");
    assert_eq!(status, 200, "{events}");
    assert!(events.contains(r#""t":"second""#) && events.contains(r#""t":"first""#), "{events}");
    assert!(events.ends_with("event: end\ndata: {}\n\n"), "{events}");
    let (status, _) = stage.app.rest(&token, "GET", "/regions/there/web/logs", Value::Null).await;
    assert_eq!((status.as_u16(), stage.app.ctx.logs.followed()), (404, 0), "nothing runs there");
}
