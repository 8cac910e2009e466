//! What waits for whom, what is sent back, and what is said loudly of a region.

use super::{SECOND, said};
use crate::common::{TWO_APPS, TestApp, on_each_database};
use crate::decided::{People, announced, digest, listed, ran, recorded, tamper};
use app::view::{PromotionInput, VerdictInput, WaitingView};
use domain::drift::Essence;
use domain::id::{BuildId, EnvironmentId};
use domain::problem::Fault;
use domain::stack::Stack;
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem, Role};
use serde_json::json;
use server::clock::micros;
use server::seen::{RegionSeen, ServiceSeen};
use server::store::decisions::signed_off;
use server::usecases::promotions::{approve_promotion, request_promotion};
use server::usecases::verdicts::{of_build, record_verdict, send_back, send_backs_of, sign_off};
use server::usecases::{regions, waiting};
use std::time::Duration;

/// A listed build that a tag of a channel points at.
async fn tagged(app: &TestApp, name: &str, n: u64, channel: &str) -> BuildId {
    app.clock.advance(SECOND);
    let build = listed(app, name, &digest(n)).await;
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    for sql in [
        "INSERT INTO tags (app, name, build_id, channel, moved_at) VALUES ($1, $2, $3, $2, $4)
         ON CONFLICT (app, name) DO UPDATE SET build_id = $3, moved_at = $4",
        "INSERT INTO tag_moves (id, app, tag, channel, build_id, moved_at) VALUES ($5, $1, $2, $2, $3, $4)",
    ] {
        let query = sqlx::query(sql).bind(name).bind(channel).bind(build.as_str()).bind(micros(app.ctx.now()));
        let query = if sql.contains("$5") { query.bind(app.ctx.new_id::<String>()) } else { query };
        query.execute(&mut *tx).await.expect("a tag");
    }
    tx.commit().await.expect("kept");
    build
}

async fn judge(app: &TestApp, actor: &Actor, build: &BuildId, kind: VerdictKind) {
    app.clock.advance(SECOND);
    record_verdict(&app.ctx, actor, said(build, kind, "so it is")).await.expect("recorded");
}

async fn waits(app: &TestApp, actor: &Actor) -> WaitingView {
    let view = waiting::waiting(&app.ctx, actor).await.expect("shown");
    let count = regions::counts(&app.ctx, actor).await.expect("counted").waiting as usize;
    let shown = view.to_sign.len() + view.to_test.len() + view.to_approve.len() + view.to_review.len();
    assert_eq!(count, shown, "the rail says the same");
    view
}

async fn to_sign(app: &TestApp, actor: &Actor) -> Vec<BuildId> {
    waits(app, actor).await.to_sign.into_iter().map(|one| one.row.id).collect()
}

#[tokio::test]
async fn product_is_asked_about_what_passed_the_newest_of_each_channel_first() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(TWO_APPS).await;
        let gone = tagged(&app, "web", 1, "dev").await;
        let dev = tagged(&app, "web", 2, "dev").await;
        let worker = tagged(&app, "worker", 3, "dev").await;
        let failed = tagged(&app, "web", 4, "test").await;
        for build in [&worker, &dev, &gone, &failed] {
            judge(&app, &people.tess, build, VerdictKind::Pass).await;
        }
        let tom = app.person("tom", Role::Tester).await;
        judge(&app, &tom, &failed, VerdictKind::Fail).await;
        assert_eq!(to_sign(&app, &people.pia).await, [dev.clone(), worker.clone()], "no tag points at the first any more");
        let told = waits(&app, &people.pia).await.to_sign.remove(0);
        assert_eq!((told.newest_in, told.verdicts.len(), told.commits.is_some()), (vec!["dev".to_owned()], 1, true));
        sign_off(&app.ctx, &people.pia, &dev, String::new()).await.expect("signed off");
        assert_eq!(to_sign(&app, &people.pia).await, [worker]);
        app.clock.advance(Duration::from_secs(91 * 86_400));
        assert!(to_sign(&app, &people.pia).await.is_empty(), "what nobody accepted for so long waits no more");
    })
    .await;
}

#[tokio::test]
async fn a_build_that_was_sent_back_is_not_signed_off_until_somebody_signs_it_off_anew() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(TWO_APPS).await;
        let build = tagged(&app, "web", 1, "dev").await;
        judge(&app, &people.tess, &build, VerdictKind::Pass).await;
        let pete = app.person("pete", Role::Product).await;
        sign_off(&app.ctx, &pete, &build, String::new()).await.expect("signed off");
        app.clock.advance(SECOND);
        let missing = send_back(&app.ctx, &people.pia, &build, " ".to_owned()).await;
        assert_eq!(missing, Err(Problem::invalid("reason", Fault::Missing)));
        send_back(&app.ctx, &people.pia, &build, "the button has no name".to_owned()).await.expect("sent back");
        let signed = async || {
            let mut connection = app.ctx.store.read().acquire().await.expect("a connection");
            signed_off(&mut connection, &build).await.expect("looked up").map(|given| given.name)
        };
        assert_eq!(signed().await, None, "whoever had signed it off");
        let (_, sign_offs) = of_build(&app.ctx, &people.vera, &build).await.expect("shown");
        assert!(sign_offs[0].withdrawn_at.is_some());
        let shown = async || send_backs_of(&app.ctx, &people.vera, &build).await.expect("shown").remove(0);
        assert_eq!((shown().await.reason.as_str(), shown().await.stands), ("the button has no name", true));
        assert!(to_sign(&app, &people.pia).await.is_empty(), "it waits for a new test");
        judge(&app, &people.tess, &build, VerdictKind::Pass).await;
        assert_eq!(to_sign(&app, &people.pia).await, std::slice::from_ref(&build));
        app.clock.advance(SECOND);
        sign_off(&app.ctx, &people.pia, &build, String::new()).await.expect("after all");
        assert_eq!((signed().await.as_deref(), shown().await.stands), (Some("pia"), false));
        assert!(recorded(&app).await.contains(&"build.sent_back".to_owned()));
        assert_eq!(announced(&app).await.iter().filter(|event| *event == "sign_off").count(), 3, "each is told");
    })
    .await;
}

#[tokio::test]
async fn only_product_sends_back() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        for actor in people.all() {
            let sent = send_back(&app.ctx, actor, &build, "no".to_owned()).await;
            let product = actor.person().expect("a person").role == Role::Product;
            assert!(sent.is_ok() == product, "{actor:?}: {sent:?}");
            assert!(product || sent == Err(Problem::Forbidden { action: Action::SignOff }));
        }
        let token = app.token(&people.pia).await;
        let path = format!("/api/v1/builds/{build}/send-backs");
        let (status, made) = app.rest(&token, "POST", &path, json!({ "reason": "not yet" })).await;
        assert_eq!(status.as_u16(), 201, "{made}");
        let (_, view) = app.rest(&token, "GET", "/api/v1/waiting", json!(null)).await;
        assert_eq!(view["to_sign"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn testers_are_asked_about_the_newest_and_leads_about_what_others_requested() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(&format!("{TWO_APPS}\n[[regions]]\nname = \"hangzhou\"\nurl = \"tcp://10.0.0.1:2375\"\n")).await;
        tagged(&app, "web", 1, "dev").await;
        let dev = tagged(&app, "web", 2, "dev").await;
        let test = tagged(&app, "web", 3, "test").await;
        let ids = async || waits(&app, &people.tess).await.to_test.into_iter().map(|row| row.id).collect::<Vec<_>>();
        let (mut found, mut wanted) = (ids().await, vec![dev.clone(), test.clone()]);
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
        judge(&app, &people.tess, &dev, VerdictKind::Blocked).await;
        assert_eq!(ids().await, [test]);
        let input = PromotionInput {
            build: dev,
            regions: vec!["hangzhou".to_owned()],
            reason: "now".to_owned(),
            waves: vec![],
            booking: None,
            canary: None,
        };
        let promotion = request_promotion(&app.ctx, &people.ada, input).await.expect("requested");
        let of = async |actor: &Actor| waits(&app, actor).await.to_approve.into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert!(of(&people.ada).await.is_empty(), "not one's own");
        assert_eq!(of(&people.leo).await, std::slice::from_ref(&promotion));
        approve_promotion(&app.ctx, &people.leo, &promotion).await.expect("approved");
        assert!(of(&people.leo).await.is_empty());
        let nothing = waits(&app, &people.vera).await;
        assert!(nothing.to_sign.is_empty() && nothing.to_test.is_empty() && nothing.to_approve.is_empty());
    })
    .await;
}

/// A plan with one service and these variables.
async fn with_variables(app: &TestApp, environment: &EnvironmentId, variables: &str) {
    let compose = format!("services:\n  web:\n    image: ${{BUILD_WEB}}\n    environment: {{ {variables} }}\n");
    let stack = Stack::parse(&compose).expect("a stack");
    let service = json!({ "service": stack.services[0], "image": "registry.test:5000/team/web", "digest": digest(1) });
    let spec = json!({ "services": [service] }).to_string();
    tamper(app, "UPDATE environments SET spec = $1 WHERE id = $2", &[spec.as_str(), environment.as_str()]).await;
}

#[tokio::test]
async fn variables_that_differ_from_where_the_release_before_was_tested_are_named_without_values() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(TWO_APPS).await;
        let tested = async |n: u64, channel: &str, variables: &str| {
            let build = tagged(&app, "web", n, channel).await;
            let environment = ran(&app, &build).await;
            with_variables(&app, &environment, variables).await;
            app.clock.advance(SECOND);
            let input = VerdictInput { environment: Some(environment), ..said(&build, VerdictKind::Pass, "") };
            record_verdict(&app.ctx, &people.tess, input).await.expect("recorded");
            build
        };
        let before = tested(1, "test", "MODE: old-value, GONE: yes-please, SAME: same-value").await;
        sign_off(&app.ctx, &people.pia, &before, String::new()).await.expect("signed off");
        tested(2, "dev", "MODE: new-value, NEW: yes-please, SAME: same-value").await;
        let waiting = waits(&app, &people.pia).await;
        let told = waiting.to_sign[0].environment.as_ref().expect("compared");
        assert_eq!((told.before.as_str(), told.tested_number, told.before_number), ("test", 2, 1));
        let names = |names: &[String]| names.join(" ");
        assert_eq!((names(&told.added), names(&told.removed)), ("web: NEW".to_owned(), "web: GONE".to_owned()));
        assert_eq!(names(&told.changed), "web: MODE");
        assert!(!format!("{waiting:?}").contains("-value"), "no value is on a page");
    })
    .await;
}

#[tokio::test]
async fn a_region_that_runs_what_just_failed_is_flagged_at_once() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(&format!("{TWO_APPS}\n[[regions]]\nname = \"hangzhou\"\nurl = \"tcp://10.0.0.1:2375\"\n")).await;
        let build = tagged(&app, "web", 1, "dev").await;
        let service = ServiceSeen {
            digest: Some(digest(1)),
            running: 1,
            desired: 1,
            healthy: true,
            promotion: None,
            essence: Essence::default(),
            updated_at: None,
        };
        let services = [("web".to_owned(), service)].into();
        app.ctx
            .seen
            .put("hangzhou", RegionSeen { checked_at: app.ctx.now(), reachable: true, services, canaries: Default::default() });
        let flagged = async || {
            let board = regions::regions(&app.ctx, &people.vera).await.expect("a board");
            board.rows[0].cells[0].quarantined
        };
        assert!(!flagged().await);
        judge(&app, &people.tess, &build, VerdictKind::Fail).await;
        assert!(flagged().await);
        judge(&app, &people.tess, &build, VerdictKind::Pass).await;
        assert!(!flagged().await, "its own tester took it back");
    })
    .await;
}
