//! Test plans, what takes the place of what, and where it was seen.

use super::{SECOND, said, stands};
use crate::common::{TestApp, on_each_database};
use crate::decided::{People, digest, listed, ran, recorded};
use app::view::{Findings, VerdictInput, VerdictView};
use domain::checklist::ItemResult;
use domain::id::{BuildId, VerdictId};
use domain::problem::Fault;
use domain::verdict::VerdictKind;
use domain::{Actor, Problem, Role};
use serde_json::json;
use server::usecases::verdicts::{of_build, overrule_verdict, record_verdict, record_verdict_with, withdraw_verdict};

const WITH_A_PLAN: &str = r#"
[[apps]]
name = "web"
image = "registry.test:5000/team/web"
checklist = [{ id = "login", text = "Sign in and out" }, { id = "share", text = "Share a tour" }]
"#;

fn found(of: &[(&str, ItemResult)]) -> Findings {
    let items = of.iter().map(|(id, result)| ((*id).to_owned(), *result)).collect();
    Findings { items, ..Findings::default() }
}

async fn shown(app: &TestApp, actor: &Actor, build: &BuildId) -> Vec<VerdictView> {
    of_build(&app.ctx, actor, build).await.expect("shown").0
}

#[tokio::test]
async fn a_verdict_keeps_the_checklist_as_it_was() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(WITH_A_PLAN).await;
        let build = listed(&app, "web", &digest(1)).await;
        let all = found(&[("login", ItemResult::Pass), ("share", ItemResult::Pass)]);
        record_verdict_with(&app.ctx, &people.tess, said(&build, VerdictKind::Pass, ""), all).await.expect("recorded");
        app.apply(&WITH_A_PLAN.replace("Share a tour", "Share it from a phone")).await;
        let verdicts = shown(&app, &people.vera, &build).await;
        let plan = verdicts[0].plan.as_ref().expect("the plan");
        let kept: Vec<_> = plan.items.iter().map(|item| (item.text.as_str(), item.result)).collect();
        assert_eq!(kept, [("Sign in and out", ItemResult::Pass), ("Share a tour", ItemResult::Pass)]);
        // Whoever saw the old list is told, and judges nothing by it.
        let old = Findings { plan: Some(plan.version.clone()), ..Findings::default() };
        let refused = record_verdict_with(&app.ctx, &people.tess, said(&build, VerdictKind::Pass, "fine"), old).await;
        assert_eq!(refused, Err(Problem::Stale));
    })
    .await;
}

#[tokio::test]
async fn no_pass_is_given_over_a_failed_item_and_none_silently_over_what_was_not_done() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(WITH_A_PLAN).await;
        let build = listed(&app, "web", &digest(1)).await;
        let judge = |kind, note, findings| record_verdict_with(&app.ctx, &people.tess, said(&build, kind, note), findings);
        let failed = || found(&[("login", ItemResult::Pass), ("share", ItemResult::Fail)]);
        for kind in [VerdictKind::Pass, VerdictKind::Blocked] {
            let refused = judge(kind, "all the same", failed()).await;
            assert!(matches!(&refused, Err(Problem::Invalid { field, .. }) if field == "kind"), "{refused:?}");
        }
        let undone = || found(&[("login", ItemResult::Pass)]);
        assert_eq!(judge(VerdictKind::Pass, "", undone()).await, Err(Problem::invalid("note", Fault::Missing)));
        assert_eq!(judge(VerdictKind::Pass, "", Findings::default()).await, Err(Problem::invalid("note", Fault::Missing)));
        let unknown = judge(VerdictKind::Fail, "no", found(&[("logout", ItemResult::Fail)])).await;
        assert!(matches!(&unknown, Err(Problem::Invalid { field, .. }) if field == "items"), "{unknown:?}");
        assert_eq!(app.count("verdicts").await, 0);
        judge(VerdictKind::Pass, "no phone today", undone()).await.expect("said why");
        judge(VerdictKind::Fail, "sharing is broken", failed()).await.expect("a fail");
    })
    .await;
}

#[tokio::test]
async fn a_new_verdict_takes_the_place_of_the_same_tester_s_and_of_nobody_else_s() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let tom = app.person("tom", Role::Tester).await;
        let build = listed(&app, "web", &digest(1)).await;
        let copy = listed(&app, "worker", &digest(1)).await;
        let other = listed(&app, "web", &digest(2)).await;
        let judge = async |actor: &Actor, build: &BuildId, kind| -> VerdictId {
            app.clock.advance(SECOND);
            record_verdict(&app.ctx, actor, said(build, kind, "so it is")).await.expect("recorded")
        };
        judge(&tom, &build, VerdictKind::Pass).await;
        judge(&people.tess, &other, VerdictKind::Pass).await;
        let first = judge(&people.tess, &build, VerdictKind::Fail).await;
        judge(&people.tess, &build, VerdictKind::Blocked).await;
        assert_eq!(stands(&app, &digest(1)).await, (1, 1, 1), "whoever could not judge has taken no fail back");
        let later = judge(&people.tess, &copy, VerdictKind::Pass).await;
        assert_eq!(stands(&app, &digest(1)).await, (2, 0, 0), "under whichever app");
        assert_eq!(stands(&app, &digest(2)).await, (1, 0, 0), "another digest is another matter");
        let verdicts = shown(&app, &people.tess, &build).await;
        assert_eq!(verdicts.len(), 4, "the history stays");
        let ended = verdicts.iter().find(|verdict| verdict.id == first).expect("it is still there");
        assert_eq!((ended.stands, ended.mine, ended.superseded_by.as_ref()), (false, false, Some(&later)));
        let state = Err(Problem::Finished { state: "superseded".to_owned() });
        assert_eq!(withdraw_verdict(&app.ctx, &people.tess, &first).await, state);
        assert_eq!(overrule_verdict(&app.ctx, &people.ada, &first, "late".to_owned()).await, state);
        let detail: String = sqlx::query_scalar("SELECT detail FROM audit ORDER BY at DESC LIMIT 1")
            .fetch_one(app.ctx.store.read())
            .await
            .expect("the record");
        assert!(detail.contains("pass in place of") && detail.contains("fail"), "{detail}");
        assert!(recorded(&app).await.iter().all(|action| action == "verdict.recorded"));
    })
    .await;
}

#[tokio::test]
async fn a_verdict_says_which_builds_ran_where_it_was_seen() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let environment = ran(&app, &build).await;
        let input = VerdictInput { environment: Some(environment), ..said(&build, VerdictKind::Pass, "") };
        record_verdict(&app.ctx, &people.tess, input).await.expect("recorded");
        app.clock.advance(SECOND);
        let tom = app.person("tom", Role::Tester).await;
        record_verdict(&app.ctx, &tom, said(&build, VerdictKind::Pass, "")).await.expect("recorded");
        let verdicts = shown(&app, &people.vera, &build).await;
        assert_eq!((verdicts[0].environment_number, verdicts[0].set.len()), (None, 0));
        assert_eq!((verdicts[1].environment_number, verdicts[1].generation), (Some(1), Some(1)));
        let set: Vec<_> = verdicts[1].set.iter().map(|one| (one.app.as_str(), &one.build, &one.digest)).collect();
        assert_eq!(set, [("web", &build, &digest(1))]);
    })
    .await;
}

#[tokio::test]
async fn rest_records_what_was_found_and_refuses_what_the_form_refuses() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        app.apply(WITH_A_PLAN).await;
        let build = listed(&app, "web", &digest(1)).await;
        let token = app.token(&people.tess).await;
        let path = format!("/api/v1/builds/{build}/verdicts");
        let body = |share: &str| json!({ "kind": "pass", "items": { "login": "pass", "share": share } });
        let (status, refused) = app.rest(&token, "POST", &path, body("fail")).await;
        assert_eq!((status.as_u16(), &refused["problem"]["field"]), (422, &json!("kind")), "{refused}");
        let (status, made) = app.rest(&token, "POST", &path, body("pass")).await;
        assert_eq!(status.as_u16(), 201, "{made}");
        let (_, view) = app.rest(&token, "GET", &format!("/api/v1/builds/{build}"), json!(null)).await;
        assert_eq!(view["verdicts"][0]["plan"]["items"][1]["result"], "pass");
        assert_eq!(view["checklist"][0]["id"], "login");
    })
    .await;
}
