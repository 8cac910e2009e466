//! Secrets on their way to a Swarm: made once whatever breaks off, never taken for another's, kept for
//! the way back, and taken away when nothing wants them any more.

use super::swarm::Fate;
use super::{Stage, VERIFIED};
use crate::common::{TestApp, on_each_database};
use crate::decided::tamper;
use domain::promotion::PromotionState;
use domain::{Actor, Problem, Role};
use server::store::region_secrets::Key;
use server::usecases::regions::{remove_secret, set_secret};

const DB: Key<'static> = Key { region: "here", app: "web", name: "db-password" };

/// An app that needs these secrets, and who sets them.
async fn needing(app: TestApp, names: &[&str]) -> (Stage, Actor) {
    let stage = Stage::set(app).await;
    name(&stage, names).await;
    let leo = stage.app.person("leo", Role::Lead).await;
    (stage, leo)
}

async fn name(stage: &Stage, names: &[&str]) {
    let app = "[[apps]]\nname = \"web\"\nimage = \"registry.test:5000/team/web\"\nport_label = 80\n
        channels = [{ name = \"dev\", kind = \"branch\", tags = \"dev\" }]\n[apps.service]\nport = 80\nsoak_seconds = 0\ndeadline_seconds = 60\n";
    stage.app.apply(&format!("{app}secrets = {names:?}\n")).await;
}

async fn verified(stage: &Stage, n: u64) {
    let id = stage.promote(n, &["here"]).await;
    assert_eq!(stage.ended(&id).await, PromotionState::Verified, "{:?}", stage.outcomes(&id).await);
}

fn held(file: &str, value: &str) -> (String, String) {
    (file.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_value_comes_with_the_next_promotion_and_goes_with_the_way_back() {
    on_each_database(|app| async move {
        let (stage, leo) = needing(app, &["token", "db-password"]).await;
        let ctx = &stage.app.ctx;
        let worker = stage.begin(ctx);
        for (name, value) in [("db-password", "first"), ("token", "t0ken")] {
            set_secret(ctx, &leo, Key { name, ..DB }, value).await.expect("set");
        }
        verified(&stage, 1).await;
        assert_eq!(stage.here.given(), [held("db-password", "first"), held("token", "t0ken")]);
        let before = stage.here.service();

        set_secret(ctx, &leo, DB, "second").await.expect("set");
        assert_eq!(stage.here.service(), before, "what runs keeps what it was given");
        verified(&stage, 2).await;
        assert_eq!(stage.here.given(), [held("db-password", "second"), held("token", "t0ken")]);
        assert_eq!(stage.here.secrets(), ["slw-web.db-password.1", "slw-web.token.1", "slw-web.db-password.2"]);

        // An intent of before names the version of before, which the Swarm still has.
        let old = ctx.store.last_intents("web", "here", 2).await.expect("intents").pop().expect("the first");
        worker.abort();
        let _ = worker.await;
        let id = stage.promote(1, &["here"]).await;
        let spec = serde_json::to_string(&old).expect("json");
        tamper(&stage.app, "UPDATE rollouts SET spec = $2 WHERE promotion_id = $1", &[id.as_str(), &spec]).await;
        remove_secret(ctx, &leo, DB).await.expect("removed");
        let _worker = stage.begin(ctx);
        assert_eq!(stage.ended(&id).await, PromotionState::Verified);
        assert_eq!(stage.here.given(), [held("db-password", "first"), held("token", "t0ken")]);
    })
    .await;
}

/// The worker is stopped dead at each single call, once before and once after it is done.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_call_each_secret_is_made_once_and_the_region_changed_once() {
    let (stage, leo) = needing(TestApp::sqlite().await, &["db-password", "token"]).await;
    set_secret(&stage.app.ctx, &leo, Key { name: "token", ..DB }, "t0ken").await.expect("set");
    let mut ctx = stage.app.restarted().await;
    let mut changed = 0;
    for call in 1.. {
        let mut come = true;
        for done in [false, true] {
            set_secret(&stage.app.ctx, &leo, DB, &format!("{call} {done}")).await.expect("set");
            stage.here.stop_at(call, done);
            let id = stage.promote(u64::from(changed % 2) + 1, &["here"]).await;
            let worker = stage.begin(&ctx);
            tokio::select! {
                () = stage.here.stopped.notified() => {}
                state = stage.ended(&id) => assert_eq!(state, PromotionState::Verified),
            }
            worker.abort();
            let _ = worker.await;
            come = stage.here.has_stopped();
            ctx = stage.app.restarted().await;
            let worker = stage.begin(&ctx);
            assert_eq!(stage.ended(&id).await, PromotionState::Verified, "stopped at call {call}, done {done}");
            worker.abort();
            let _ = worker.await;
            changed += 1;
            assert_eq!(stage.here.changed(), changed, "stopped at call {call}, done {done}");
            assert_eq!(stage.here.given()[0], held("db-password", &format!("{call} {done}")));
            let objects = stage.here.secrets();
            let distinct: std::collections::BTreeSet<&String> = objects.iter().collect();
            assert_eq!(distinct.len(), objects.len(), "{objects:?}");
        }
        if !come || call > 40 {
            assert!(call > 10, "it makes more calls than {call}");
            break;
        }
    }
}

#[tokio::test]
async fn a_secret_of_its_name_that_somebody_else_made_is_not_touched_and_nothing_changes() {
    let (stage, leo) = needing(TestApp::sqlite().await, &["db-password"]).await;
    let _worker = stage.begin(&stage.app.ctx);
    set_secret(&stage.app.ctx, &leo, DB, "ours").await.expect("set");
    stage.here.found_secret("slw-web.db-password.1");
    let id = stage.promote(1, &["here"]).await;
    let wanted = Problem::ForeignSecret { secret: "slw-web.db-password.1".to_owned(), region: "here".to_owned() };
    assert_eq!(stage.failure(&id).await, Some(wanted));
    assert_eq!((stage.here.changed(), stage.here.secrets().len()), (0, 1));
}

#[tokio::test]
async fn a_version_that_is_kept_no_more_fails_the_region_and_leaves_what_runs() {
    on_each_database(|app| async move {
        let (stage, leo) = needing(app, &["db-password"]).await;
        let ctx = &stage.app.ctx;
        set_secret(ctx, &leo, DB, "first").await.expect("set");
        let overtaken = stage.promote(1, &["here"]).await;
        set_secret(ctx, &leo, DB, "second").await.expect("set");
        let worker = stage.begin(ctx);
        let gone = |version| {
            let (app, region, secret) = ("web".to_owned(), "here".to_owned(), "db-password".to_owned());
            Some(Problem::SecretGone { app, region, secret, version })
        };
        assert_eq!(stage.failure(&overtaken).await, gone(1));
        assert_eq!((stage.here.changed(), stage.here.secrets().len()), (0, 0));
        verified(&stage, 1).await;

        // A backup is restored: the same version stands for another value than the one that the Swarm has.
        worker.abort();
        tamper(&stage.app, "UPDATE region_secrets SET version = 1 WHERE name = $1", &["db-password"]).await;
        set_secret(ctx, &leo, DB, "after the restoration").await.expect("set");
        let _worker = stage.begin(ctx);
        let confused = stage.promote(2, &["here"]).await;
        assert_eq!(stage.failure(&confused).await, gone(2));
        assert_eq!(stage.here.given(), [held("db-password", "second")]);
        set_secret(ctx, &leo, DB, "once more").await.expect("set");
        verified(&stage, 2).await;
        assert_eq!(stage.here.given(), [held("db-password", "once more")]);
    })
    .await;
}

#[tokio::test]
async fn secrets_go_when_none_of_the_last_intents_names_them_and_stay_while_they_are_given() {
    let (stage, leo) = needing(TestApp::sqlite().await, &["db-password"]).await;
    let ctx = &stage.app.ctx;
    let _worker = stage.begin(ctx);
    for n in 1..=7 {
        set_secret(ctx, &leo, DB, &format!("value {n}")).await.expect("set");
        verified(&stage, n).await;
    }
    let objects = stage.here.secrets();
    assert_eq!((objects.len(), objects[0].as_str()), (6, "slw-web.db-password.2"), "this one and those of five before it");
    // The app needs none any more; one that cannot be removed now goes another time.
    name(&stage, &[]).await;
    for n in 1..=5 {
        verified(&stage, n).await;
    }
    stage.here.changes_fare(&[Fate::Well, Fate::Status(400)]);
    let id = stage.promote(6, &["here"]).await;
    assert_eq!(stage.ended(&id).await, PromotionState::Verified);
    assert_eq!((stage.outcomes(&id).await, stage.here.secrets().len()), (vec![VERIFIED], 1));
    verified(&stage, 7).await;
    assert_eq!(stage.here.secrets(), [""; 0]);
}
