//! Verdicts and sign-offs: who may decide what about a digest, and what stands afterwards.

mod evidence;
mod findings;
mod waiting;

use crate::common::{TestApp, a_hook, on_each_database};
use crate::decided::{People, digest, id_of, listed, ran, recorded, tamper};
use app::view::VerdictInput;
use domain::id::{BuildId, EnvironmentId, SignOffId, VerdictId};
use domain::problem::{Fault, Noun};
use domain::verdict::{Standing, VerdictKind};
use domain::{Action, Actor, Digest, Problem, Role};
use server::store::decisions::standing;
use server::usecases::builds;
use server::usecases::people::{change_role, set_disabled};
use server::usecases::tokens::{actor_of_secret, add_token, revoke_token};
use server::usecases::verdicts::{of_build, overrule_verdict, record_verdict, sign_off, withdraw_sign_off, withdraw_verdict};
use std::time::Duration;

/// The clock stands still by itself, and lists are in order of time.
const SECOND: Duration = Duration::from_secs(1);

fn said(build: &BuildId, kind: VerdictKind, note: &str) -> VerdictInput {
    VerdictInput { build: build.clone(), kind, note: note.to_owned(), environment: None }
}

async fn stands(app: &TestApp, digest: &Digest) -> (u32, u32, u32) {
    let mut connection = app.ctx.store.read().acquire().await.expect("a connection");
    let Standing { passes, fails, blocked } = standing(&mut connection, digest).await.expect("counted");
    (passes, fails, blocked)
}

#[tokio::test]
async fn verdicts_add_up_until_they_are_withdrawn_or_overruled() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let ctx = &app.ctx;
        let tom = app.person("tom", Role::Tester).await;
        let pass = record_verdict(ctx, &tom, said(&build, VerdictKind::Pass, "")).await.expect("recorded");
        app.clock.advance(SECOND);
        let fail = record_verdict(ctx, &people.tess, said(&build, VerdictKind::Fail, "login breaks")).await.expect("recorded");
        app.clock.advance(SECOND);
        record_verdict(ctx, &people.tess, said(&build, VerdictKind::Blocked, "no network")).await.expect("recorded");
        assert_eq!(stands(&app, &digest(1)).await, (1, 1, 1));
        app.clock.advance(SECOND);
        withdraw_verdict(ctx, &tom, &pass).await.expect("withdrawn");
        app.clock.advance(SECOND);
        overrule_verdict(ctx, &people.ada, &fail, "known, behind a flag".to_owned()).await.expect("overruled");
        assert_eq!(stands(&app, &digest(1)).await, (0, 0, 1));

        let (verdicts, _) = of_build(ctx, &people.tess, &build).await.expect("shown");
        assert_eq!(
            verdicts.iter().map(|v| (v.kind, v.stands, v.mine)).collect::<Vec<_>>(),
            [(VerdictKind::Blocked, true, true), (VerdictKind::Fail, false, false), (VerdictKind::Pass, false, false),]
        );
        let overruled = verdicts[1].overruled.as_ref().expect("overruled");
        assert_eq!((overruled.by_name.as_str(), overruled.reason.as_str()), ("ada", "known, behind a flag"));
        assert_eq!(verdicts[1].note, "login breaks", "the verdict itself is not edited");
        let (verdicts, _) = of_build(ctx, &people.leo, &build).await.expect("shown");
        assert!(verdicts.iter().all(|verdict| !verdict.mine));
        assert_eq!(
            recorded(&app).await,
            ["verdict.recorded", "verdict.recorded", "verdict.recorded", "verdict.withdrawn", "verdict.overruled",]
        );
    })
    .await;
}

#[tokio::test]
async fn a_fail_under_one_app_quarantines_the_same_digest_under_another() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let web = listed(&app, "web", &digest(7)).await;
        let copy = listed(&app, "worker", &digest(7)).await;
        let other = listed(&app, "worker", &digest(8)).await;
        let fail = record_verdict(&app.ctx, &people.tess, said(&web, VerdictKind::Fail, "broken")).await.expect("recorded");
        let refused = sign_off(&app.ctx, &people.pia, &copy, String::new()).await;
        assert_eq!(refused, Err(Problem::Quarantined));
        sign_off(&app.ctx, &people.pia, &other, String::new()).await.expect("another digest is free");
        let (seen, _) = of_build(&app.ctx, &people.vera, &copy).await.expect("shown");
        assert_eq!(seen[0].id, fail, "the page of the copy says why");
        let shown = async |id| builds::build(&app.ctx, &people.vera, id).await.expect("shown").row.standing;
        assert!(shown(&copy).await.quarantined() && shown(&web).await.quarantined(), "pages and gates say the same");
        assert!(!shown(&other).await.quarantined());
        overrule_verdict(&app.ctx, &people.leo, &fail, "not our doing".to_owned()).await.expect("overruled");
        assert!(!shown(&copy).await.quarantined());
        sign_off(&app.ctx, &people.pia, &copy, String::new()).await.expect("free again");
        let (_, of_web) = of_build(&app.ctx, &people.vera, &web).await.expect("shown");
        assert!(of_web.is_empty(), "a sign-off holds for the build it was given on");
    })
    .await;
}

#[tokio::test]
async fn only_the_author_takes_a_verdict_back_and_only_once() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let tom = app.person("tom", Role::Tester).await;
        let build = listed(&app, "web", &digest(1)).await;
        let fail = record_verdict(&app.ctx, &people.tess, said(&build, VerdictKind::Fail, "broken")).await.expect("recorded");
        assert_eq!(withdraw_verdict(&app.ctx, &tom, &fail).await, Err(Problem::NotTheAuthor));
        assert_eq!(stands(&app, &digest(1)).await, (0, 1, 0));
        withdraw_verdict(&app.ctx, &people.tess, &fail).await.expect("withdrawn");
        let ended = Err(Problem::Finished { state: "withdrawn".to_owned() });
        assert_eq!(withdraw_verdict(&app.ctx, &people.tess, &fail).await, ended);
        assert_eq!(overrule_verdict(&app.ctx, &people.ada, &fail, "late".to_owned()).await, ended);
        assert_eq!(app.count("audit").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_lead_overrules_a_standing_fail_and_nothing_else() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        for kind in [VerdictKind::Pass, VerdictKind::Blocked] {
            let id = record_verdict(&app.ctx, &people.tess, said(&build, kind, "so it is")).await.expect("recorded");
            let refused = overrule_verdict(&app.ctx, &people.ada, &id, "because".to_owned()).await;
            assert!(matches!(refused, Err(Problem::Invalid { why: Fault::NotOneOf { .. }, .. })), "{refused:?}");
        }
        let fail = record_verdict(&app.ctx, &people.tess, said(&build, VerdictKind::Fail, "broken")).await.expect("recorded");
        let refused = overrule_verdict(&app.ctx, &people.ada, &fail, " \n\u{7}".to_owned()).await;
        assert_eq!(refused, Err(Problem::invalid("reason", Fault::Missing)));
        overrule_verdict(&app.ctx, &people.ada, &fail, "known".to_owned()).await.expect("overruled");
        let again = overrule_verdict(&app.ctx, &people.leo, &fail, "known".to_owned()).await;
        assert_eq!(again, Err(Problem::Finished { state: "overruled".to_owned() }));
        assert_eq!(withdraw_verdict(&app.ctx, &people.tess, &fail).await, again);
    })
    .await;
}

#[tokio::test]
async fn evidence_is_an_environment_that_ran_this_build() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let other = listed(&app, "web", &digest(2)).await;
        let environment = ran(&app, &build).await;
        let with = |build: &BuildId, environment: &str| VerdictInput {
            environment: Some(EnvironmentId(environment.to_owned())),
            ..said(build, VerdictKind::Pass, "")
        };
        record_verdict(&app.ctx, &people.tess, with(&build, environment.as_str())).await.expect("recorded");
        let refused = record_verdict(&app.ctx, &people.tess, with(&other, environment.as_str())).await;
        assert!(matches!(refused, Err(Problem::Invalid { why: Fault::Refused { .. }, .. })), "{refused:?}");
        for unknown in ["nowhere", "", "<script>", "\0"] {
            let refused = record_verdict(&app.ctx, &people.tess, with(&build, unknown)).await;
            assert!(matches!(refused, Err(Problem::Invalid { why: Fault::Unknown { .. }, .. })), "{refused:?}");
        }
        let (verdicts, _) = of_build(&app.ctx, &people.vera, &build).await.expect("shown");
        assert_eq!(verdicts.iter().map(|v| v.environment.clone()).collect::<Vec<_>>(), [Some(environment)]);
    })
    .await;
}

#[tokio::test]
async fn notes_are_needed_bounded_and_kept_as_they_were_written() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let record = |kind, note: String| {
            let (ctx, tess, build) = (app.ctx.clone(), people.tess.clone(), build.clone());
            async move { record_verdict(&ctx, &tess, VerdictInput { build, kind, note, environment: None }).await }
        };
        for kind in [VerdictKind::Fail, VerdictKind::Blocked] {
            assert_eq!(record(kind, "  \n".to_owned()).await, Err(Problem::invalid("note", Fault::Missing)));
        }
        let long = "试".repeat(2000);
        let too_long = Err(Problem::invalid("note", Fault::TooLong { most: 2000 }));
        assert_eq!(record(VerdictKind::Pass, format!("{long}!")).await, too_long);
        record(VerdictKind::Pass, long.clone()).await.expect("2000 characters fit");
        let script = "<script>alert('x')</script>\nsecond line";
        app.clock.advance(SECOND);
        record(VerdictKind::Fail, format!(" {script}\0\u{1b} ")).await.expect("kept");
        let (verdicts, _) = of_build(&app.ctx, &people.vera, &build).await.expect("shown");
        assert_eq!(verdicts.iter().map(|v| v.note.as_str()).collect::<Vec<_>>(), [script, &long]);
        let signed = sign_off(&app.ctx, &people.pia, &build, format!("{long}!")).await;
        assert_eq!(signed, Err(Problem::invalid("note", Fault::TooLong { most: 2000 })));
    })
    .await;
}

#[tokio::test]
async fn a_product_manager_signs_a_build_off_once_and_can_take_it_back() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let pete = app.person("pete", Role::Product).await;
        let build = listed(&app, "web", &digest(1)).await;
        let first = sign_off(&app.ctx, &people.pia, &build, "nice".to_owned()).await.expect("signed");
        let again = sign_off(&app.ctx, &people.pia, &build, String::new()).await;
        assert_eq!(again, Err(Problem::Exists { what: Noun::SignOff, name: "pia".to_owned() }));
        app.clock.advance(SECOND);
        sign_off(&app.ctx, &pete, &build, String::new()).await.expect("another person's");
        assert_eq!(withdraw_sign_off(&app.ctx, &pete, &first).await, Err(Problem::NotTheAuthor));
        withdraw_sign_off(&app.ctx, &people.pia, &first).await.expect("withdrawn");
        let ended = Err(Problem::Finished { state: "withdrawn".to_owned() });
        assert_eq!(withdraw_sign_off(&app.ctx, &people.pia, &first).await, ended);
        app.clock.advance(SECOND);
        sign_off(&app.ctx, &people.pia, &build, String::new()).await.expect("signed again");
        let (_, sign_offs) = of_build(&app.ctx, &people.pia, &build).await.expect("shown");
        assert_eq!(
            sign_offs.iter().map(|s| (s.author_name.as_str(), s.withdrawn_at.is_some(), s.mine)).collect::<Vec<_>>(),
            [("pia", false, true), ("pete", false, false), ("pia", true, false),]
        );
    })
    .await;
}

#[tokio::test]
async fn each_role_decides_only_what_is_its_own() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let ctx = &app.ctx;
        let build = listed(&app, "web", &digest(1)).await;
        let nothing = VerdictId("nothing".to_owned());
        let hook = a_hook();
        for actor in people.all().into_iter().chain([&hook, &Actor::Slipway]) {
            let forbidden = |action| Err(Problem::Forbidden { action });
            let missing = |what, id: &str| Err(Problem::NotFound { what, id: id.to_owned() });
            let role = actor.person().map(|person| person.role);
            let tests = role == Some(Role::Tester);

            let recorded = record_verdict(ctx, actor, said(&build, VerdictKind::Pass, "")).await;
            assert_eq!(recorded.is_ok(), tests, "{role:?}");
            assert!(tests || recorded == forbidden(Action::RecordVerdict), "{recorded:?}");
            let expected = if tests { missing(Noun::Verdict, "nothing") } else { forbidden(Action::WithdrawVerdict) };
            assert_eq!(withdraw_verdict(ctx, actor, &nothing).await.map(|()| nothing.clone()), expected);
            let leads = role == Some(Role::Lead);
            let expected = if leads { missing(Noun::Verdict, "nothing") } else { forbidden(Action::OverruleVerdict) };
            assert_eq!(overrule_verdict(ctx, actor, &nothing, "r".to_owned()).await.map(|()| nothing.clone()), expected);
            let product = role == Some(Role::Product);
            let signed = sign_off(ctx, actor, &build, String::new()).await;
            assert_eq!(signed.is_ok(), product, "{role:?}");
            let expected = if product { missing(Noun::SignOff, "x") } else { forbidden(Action::SignOff) };
            assert_eq!(withdraw_sign_off(ctx, actor, &SignOffId("x".to_owned())).await.map(|()| nothing.clone()), expected);
            let reads = role.is_some() || *actor == Actor::Slipway;
            assert_eq!(of_build(ctx, actor, &build).await.is_ok(), reads);
        }
        assert_eq!(app.count("audit").await, 2);
    })
    .await;
}

#[tokio::test]
async fn an_unknown_build_is_said_to_be_unknown() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        for id in ["", "nothing", "<script>", "\0", "'; DROP TABLE builds", &"x".repeat(5000)] {
            let build = BuildId(id.to_owned());
            let recorded = record_verdict(&app.ctx, &people.tess, said(&build, VerdictKind::Pass, "")).await;
            let Err(Problem::NotFound { what: Noun::Build, id: echoed }) = recorded else { panic!("{recorded:?}") };
            assert!(id.starts_with(&echoed) && echoed.len() <= 64);
            assert!(matches!(of_build(&app.ctx, &people.vera, &build).await, Err(Problem::NotFound { .. })));
            assert!(matches!(sign_off(&app.ctx, &people.pia, &build, String::new()).await, Err(Problem::NotFound { .. })));
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_lost_the_right_a_moment_ago_decides_nothing() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let record = |actor: Actor| {
            let (ctx, build) = (app.ctx.clone(), build.clone());
            async move { record_verdict(&ctx, &actor, said(&build, VerdictKind::Pass, "")).await }
        };
        // Each actor below was let in before the change and acts after it.
        let made = add_token(&app.ctx, &people.adam, "ci".to_owned(), "tess".to_owned(), Role::Tester).await.expect("a token");
        let token = actor_of_secret(&app.ctx, &made.secret).await.expect("an actor");
        record(token.clone()).await.expect("the token acts for tess");
        revoke_token(&app.ctx, &people.adam, &made.id.into()).await.expect("revoked");
        assert_eq!(record(token).await, Err(Problem::SignedOut));

        let tess = people.tess.person().expect("a person").id.clone();
        change_role(&app.ctx, &people.adam, &tess, Role::Viewer).await.expect("changed");
        let refused = record(people.tess.clone()).await;
        assert_eq!(refused, Err(Problem::Forbidden { action: Action::RecordVerdict }));
        change_role(&app.ctx, &people.adam, &tess, Role::Tester).await.expect("changed");
        set_disabled(&app.ctx, &people.adam, &tess, true).await.expect("disabled");
        assert_eq!(record(people.tess.clone()).await, Err(Problem::SignedOut));
        tamper(&app, "DELETE FROM tokens WHERE user_id = $1", &[id_of(&people.tess)]).await;
        tamper(&app, "DELETE FROM users WHERE id = $1", &[id_of(&people.tess)]).await;
        assert_eq!(record(people.tess.clone()).await, Err(Problem::SignedOut));
        assert_eq!(app.count("verdicts").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_the_author_is_the_author() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let made = add_token(&app.ctx, &people.adam, "ci".to_owned(), "tess".to_owned(), Role::Tester).await.expect("a token");
        let token = actor_of_secret(&app.ctx, &made.secret).await.expect("an actor");
        let fail = record_verdict(&app.ctx, &token, said(&build, VerdictKind::Fail, "broken")).await.expect("recorded");
        withdraw_verdict(&app.ctx, &people.tess, &fail).await.expect("her own");
    })
    .await;
}

#[tokio::test]
async fn twenty_who_sign_off_and_withdraw_at_once_leave_one_each() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let all = (0..20).map(|_| sign_off(&app.ctx, &people.pia, &build, String::new()));
        let done = futures::future::join_all(all).await;
        assert_eq!(done.iter().filter(|signed| signed.is_ok()).count(), 1);
        assert!(done.iter().flat_map(|signed| signed.as_ref().err()).all(|p| matches!(p, Problem::Exists { .. })), "{done:?}");
        let signed = done.into_iter().flatten().next().expect("one");
        app.clock.advance(SECOND);
        let all = (0..20).map(|_| withdraw_sign_off(&app.ctx, &people.pia, &signed));
        let done = futures::future::join_all(all).await;
        assert_eq!(done.iter().filter(|withdrawn| withdrawn.is_ok()).count(), 1);
        assert_eq!(recorded(&app).await, ["sign_off.given", "sign_off.withdrawn"]);
    })
    .await;
}
