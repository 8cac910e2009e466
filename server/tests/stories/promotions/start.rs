//! The journey to the start: who may do what, what is asked, and what is written down.

use super::stage::{REGIONS, Stage, typed};
use crate::common::{a_hook, on_each_database};
use crate::decided::{id_of, listed, recorded, tamper};
use app::view::{Paging, PromotionInput};
use domain::gate::GateState;
use domain::id::{BuildId, PromotionId};
use domain::problem::{Fault, Noun};
use domain::promotion::{PromotionState, RolloutState};
use domain::service::ServicePort;
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem, Role};
use server::hub::Topic;
use server::usecases::people::{add_user, sign_in};
use server::usecases::promotions::{
    approve_promotion, cancel_promotion, of_build, promotion, promotions, request_promotion, start_promotion,
};
use server::usecases::tokens::{actor_of_secret, add_token};
use std::time::Duration;

#[tokio::test]
async fn the_whole_way_from_a_push_to_running_rollouts() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.built(1).await;
        stage.judge(&build, VerdictKind::Pass).await;
        stage.accept(&build).await;
        let id = stage.requested(&build, &["us-west", "hangzhou"]).await;
        stage.tick();
        approve_promotion(ctx, &stage.people.leo, &id).await.expect("approved");
        let open = promotion(ctx, &stage.people.vera, &id).await.expect("shown");
        assert!(open.gates.iter().all(|gate| gate.state == GateState::Green), "{:?}", open.gates);
        assert_eq!((open.row.gates_green, open.row.gates_total), (16, 16));
        assert_eq!(open.rollouts.iter().map(|r| r.region.title_en.as_str()).collect::<Vec<_>>(), ["In us-west", "In hangzhou"]);
        assert_eq!((open.rollouts[0].port, open.rollouts[0].capacity_dip, open.rollouts[0].replicas), (Some(8080), true, 1));

        stage.tick();
        let mut hints = ctx.hub.listen();
        start_promotion(ctx, &stage.people.leo, &id, typed("web")).await.expect("started");
        tokio::time::timeout(Duration::from_secs(5), ctx.work.rollouts.notified()).await.expect("the worker is woken");
        let mut told = Vec::new();
        while let Ok(hint) = hints.try_recv() {
            told.push(hint.topic);
        }
        assert!([Topic::Promotions, Topic::Regions, Topic::Activity].iter().all(|topic| told.contains(topic)), "{told:?}");

        assert_eq!(stage.state(&id).await, PromotionState::Running);
        let rollouts = stage.rollouts(&id).await;
        assert_eq!(
            rollouts.iter().map(|r| (r.region.as_str(), r.state)).collect::<Vec<_>>(),
            [("us-west", RolloutState::Waiting), ("hangzhou", RolloutState::Waiting),]
        );
        let intent = rollouts[0].intent.as_ref().expect("fixed");
        assert_eq!(intent.image, format!("{}/team/web@{}", stage.registry.host, build.digest));
        assert_eq!(intent.port, Some(ServicePort { container: 80, published: 8080 }));
        assert_eq!(
            recorded(&stage.app).await[1..],
            ["verdict.recorded", "sign_off.given", "promotion.requested", "promotion.approved", "promotion.started"]
        );
        let running = promotion(ctx, &stage.people.vera, &id).await.expect("shown");
        assert_eq!(running.started_by_name.as_deref(), Some("leo"));
        assert!(running.gates.is_empty(), "the gates are behind it");
    })
    .await;
}

#[tokio::test]
async fn each_role_does_only_what_is_its_own() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let id = stage.requested(&build, &REGIONS).await;
        let hook = a_hook();
        let others = [&stage.people.vera, &stage.people.tess, &stage.people.pia, &stage.people.adam, &hook, &Actor::Slipway];
        for actor in others {
            let forbidden = |action| Some(Problem::Forbidden { action });
            assert_eq!(stage.try_request(actor, &build, &REGIONS).await.err(), forbidden(Action::RequestPromotion));
            assert_eq!(approve_promotion(ctx, actor, &id).await.err(), forbidden(Action::ApprovePromotion));
            assert_eq!(start_promotion(ctx, actor, &id, typed("web")).await.err(), forbidden(Action::StartPromotion));
            assert_eq!(cancel_promotion(ctx, actor, &id, "no".to_owned()).await.err(), forbidden(Action::CancelPromotion));
            let back = super::stage::going_back("hangzhou", None);
            let rolled = server::usecases::promotions::roll_back(ctx, actor, back).await;
            assert_eq!(rolled.err(), forbidden(Action::RollBack));
            assert_eq!(promotion(ctx, actor, &id).await.is_ok(), *actor != hook);
            assert_eq!(promotions(ctx, actor, None, Paging::default()).await.is_ok(), *actor != hook);
        }
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        assert_eq!(stage.app.count("promotions").await, 1);
        assert_eq!(stage.app.count("approvals").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_is_refused_where_it_does_not_fit() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.built(1).await;
        let request = |regions: &'static [&'static str]| stage.try_request(&stage.people.ada, &build, regions);
        let invalid = |why| Err(Problem::invalid("regions", why));
        assert_eq!(request(&[]).await, invalid(Fault::Missing));
        assert_eq!(request(&["hangzhou", "us-west", "hangzhou"]).await, invalid(Fault::Twice));
        let unknown = |name: &str| invalid(Fault::Unknown { what: Noun::Region, name: name.to_owned() });
        assert_eq!(request(&["hangzhou", "mars"]).await, unknown("mars"));
        assert_eq!(request(&["<script>"]).await, unknown("<script>"));
        for id in ["nothing", "\0", ""] {
            let input = PromotionInput {
                build: BuildId(id.to_owned()),
                regions: vec!["hangzhou".to_owned()],
                reason: String::new(),
                waves: vec![],
                booking: None,
                canary: None,
            };
            let refused = request_promotion(&stage.app.ctx, &stage.people.ada, input).await;
            assert_eq!(refused, Err(Problem::not_found(Noun::Build, id)));
        }
        let long = PromotionInput {
            build: build.id.clone(),
            regions: vec!["hangzhou".to_owned()],
            reason: "x".repeat(2001),
            waves: vec![],
            booking: None,
            canary: None,
        };
        let refused = request_promotion(&stage.app.ctx, &stage.people.ada, long).await;
        assert_eq!(refused, Err(Problem::invalid("reason", Fault::TooLong { most: 2000 })));

        let fail = stage.judge(&build, VerdictKind::Fail).await;
        assert_eq!(request(&["hangzhou"]).await, Err(Problem::Quarantined));
        server::usecases::verdicts::withdraw_verdict(&stage.app.ctx, &stage.people.tess, &fail).await.expect("withdrawn");
        tamper(&stage.app, "UPDATE builds SET described = 0 WHERE id = $1", &[build.id.as_str()]).await;
        let away = Problem::Unreachable { what: Noun::Registry, name: "registry.test:5000".to_owned() };
        assert_eq!(request(&["hangzhou"]).await, Err(away));
        assert_eq!((stage.app.count("promotions").await, stage.app.count("rollouts").await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn an_app_that_is_not_configured_any_more_is_not_promoted() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let digest = stage.registry.push(1);
        let build = super::stage::Built { id: listed(&stage.app, "gone", &digest).await, digest };
        let refused = stage.try_request(&stage.people.ada, &build, &["hangzhou"]).await;
        assert_eq!(refused, Err(Problem::not_found(Noun::App, "gone")));
        let host = &stage.registry.host;
        stage.app.apply(&format!("[[apps]]\nname = \"quiet\"\nimage = \"{host}/team/quiet\"\n")).await;
        let quiet = super::stage::Built { id: listed(&stage.app, "quiet", &build.digest).await, ..build };
        let refused = stage.try_request(&stage.people.ada, &quiet, &["hangzhou"]).await;
        assert_eq!(refused, Err(Problem::Config { place: "apps.quiet.channels".to_owned(), why: Fault::Missing }));
    })
    .await;
}

#[tokio::test]
async fn the_requester_cannot_approve_not_even_through_a_token() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        assert_eq!(approve_promotion(ctx, &stage.people.ada, &id).await, Err(Problem::OwnRequest));
        let made = add_token(ctx, &stage.people.adam, "ci".to_owned(), "ada".to_owned(), Role::Lead).await.expect("a token");
        let token = actor_of_secret(ctx, &made.secret).await.expect("an actor");
        assert_eq!(approve_promotion(ctx, &token, &id).await, Err(Problem::OwnRequest));
        approve_promotion(ctx, &stage.people.leo, &id).await.expect("approved");
        assert_eq!(approve_promotion(ctx, &stage.people.leo, &id).await, Err(Problem::ApprovedAlready));
        assert_eq!(stage.app.count("approvals").await, 1);
        let seen = promotion(ctx, &stage.people.leo, &id).await.expect("shown");
        assert!(!seen.may_approve && seen.approvals[0].counts);
        // What a token may do, it may start as well: typing the app's name is still asked of it.
        let mismatch = Problem::ConfirmationMismatch { expected: "web".to_owned() };
        assert_eq!(start_promotion(ctx, &token, &id, typed("")).await, Err(mismatch));
        start_promotion(ctx, &token, &id, typed("web")).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn the_name_is_typed_exactly_or_nothing_starts() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let asked = stage.registry.asked();
        for wrong in ["", "Web", "web ", " web", "worker", "we", "web\0", "<script>"] {
            let done = start_promotion(&stage.app.ctx, &stage.people.ada, &id, typed(wrong)).await;
            assert_eq!(done, Err(Problem::ConfirmationMismatch { expected: "web".to_owned() }), "{wrong}");
        }
        assert_eq!(stage.registry.asked(), asked, "nobody was asked anything");
        assert_eq!(stage.state(&id).await, PromotionState::Open);
    })
    .await;
}

#[tokio::test]
async fn an_old_session_gives_the_password_again() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let password = "a quiet harbour at dawn".to_owned();
        add_user(ctx, &stage.people.adam, "lin".to_owned(), Role::Lead, password.clone()).await.expect("added");
        let person = sign_in(ctx, "lin", &password, "here").await.expect("signed in");
        let lin = Actor::User { person, signed_in_at: ctx.now() };
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        assert!(!promotion(ctx, &lin, &id).await.expect("shown").password_needed);
        stage.app.clock.advance(Duration::from_secs(15 * 60 + 1));
        assert!(promotion(ctx, &lin, &id).await.expect("shown").password_needed);
        let with = |password: Option<&str>| app::view::Confirmation { password: password.map(str::to_owned), ..typed("web") };
        assert_eq!(start_promotion(ctx, &lin, &id, with(None)).await, Err(Problem::PasswordNeeded));
        assert_eq!(start_promotion(ctx, &lin, &id, with(Some("wrong"))).await, Err(Problem::WrongCredentials));
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        start_promotion(ctx, &lin, &id, with(Some(&password))).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn what_was_cancelled_or_started_is_decided() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let cancelled = stage.approved(&build, &["hangzhou", "us-west"]).await;
        let refused = cancel_promotion(ctx, &stage.people.leo, &cancelled, "  ".to_owned()).await;
        assert_eq!(refused, Err(Problem::invalid("reason", Fault::Missing)));
        cancel_promotion(ctx, &stage.people.leo, &cancelled, "not this week".to_owned()).await.expect("cancelled");
        let started = stage.approved(&build, &["hangzhou"]).await;
        stage.start(&started).await.expect("started");
        for (id, state) in [(&cancelled, "cancelled"), (&started, "running")] {
            let finished = Err(Problem::Finished { state: state.to_owned() });
            assert_eq!(stage.start(id).await, finished);
            assert_eq!(approve_promotion(ctx, &stage.people.leo, id).await, finished);
            assert_eq!(cancel_promotion(ctx, &stage.people.ada, id, "no".to_owned()).await, finished);
        }
        let states: Vec<RolloutState> = stage.rollouts(&cancelled).await.into_iter().map(|r| r.state).collect();
        assert_eq!(states, [RolloutState::Skipped, RolloutState::Skipped]);
        let said: String = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'promotion.cancelled'")
            .fetch_one(ctx.store.read())
            .await
            .expect("a row");
        assert_eq!(said, format!("P-1 {} not this week", build.digest.short()));
    })
    .await;
}

#[tokio::test]
async fn an_unknown_promotion_is_said_to_be_unknown() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, ada) = (&stage.app.ctx, &stage.people.ada);
        for id in ["", "nothing", "<script>", "\0", &"9".repeat(5000)] {
            let id = PromotionId(id.to_owned());
            let unknown = |done: Option<Problem>| matches!(done, Some(Problem::NotFound { what: Noun::Promotion, .. }));
            assert!(unknown(promotion(ctx, ada, &id).await.err()));
            assert!(unknown(approve_promotion(ctx, ada, &id).await.err()));
            assert!(unknown(start_promotion(ctx, ada, &id, typed("web")).await.err()));
            assert!(unknown(cancel_promotion(ctx, ada, &id, "no".to_owned()).await.err()));
        }
    })
    .await;
}

#[tokio::test]
async fn the_list_is_paged_filtered_and_counts_gates_without_asking_anybody() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, vera) = (&stage.app.ctx, &stage.people.vera);
        let build = stage.accepted(1).await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            stage.app.clock.advance(Duration::from_secs(1));
            ids.insert(0, stage.requested(&build, &["hangzhou"]).await);
        }
        cancel_promotion(ctx, &stage.people.ada, &ids[0], "no".to_owned()).await.expect("cancelled");
        let asked = (stage.registry.asked(), stage.regions[0].asked());
        let page = |state, cursor: Option<String>| promotions(ctx, vera, state, Paging { cursor, limit: Some(2) });
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let Ok(next) = page(None, cursor).await else { panic!("a page") };
            found.extend(next.items.into_iter().map(|row| row.id));
            cursor = next.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, ids);
        let open = page(Some(PromotionState::Open), None).await.expect("a page");
        assert_eq!(open.items.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), ids[1..3]);
        assert_eq!((open.items[0].gates_green, open.items[0].gates_total), (6, 10), "nobody has looked yet");
        assert_eq!((stage.registry.asked(), stage.regions[0].asked()), asked);
        let cancelled = page(Some(PromotionState::Cancelled), None).await.expect("a page");
        assert_eq!((cancelled.items.len(), cancelled.items[0].gates_total, cancelled.next), (1, 0, None));

        promotion(ctx, vera, &ids[1]).await.expect("looked");
        let of = of_build(ctx, vera, &build.id).await.expect("a list");
        assert_eq!(of.iter().map(|row| row.number).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
        assert_eq!((of[1].gates_green, of[1].gates_total), (9, 10), "what was seen on a page counts");
        // A region that the watcher saw a moment ago needs no question either.
        let (checked_at, services) = (ctx.now(), Default::default());
        ctx.seen
            .put("hangzhou", server::seen::RegionSeen { checked_at, reachable: false, services, canaries: Default::default() });
        let of = of_build(ctx, vera, &build.id).await.expect("a list");
        assert_eq!((of[1].gates_green, of[1].gates_total), (7, 10));
        for bad in ["x", "1-<script>", "-", "99999999999999999999-a"] {
            assert!(matches!(page(None, Some(bad.to_owned())).await, Err(Problem::Invalid { .. })), "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_promotion_is_known_by_its_release_tag_first() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        for (name, channel, key) in [
            ("latest", Some("latest"), None),
            ("release-v5.12.05.01", Some("release-v*"), Some("0000000005/120501")),
            ("release-v5.12.05.02", Some("release-v*"), Some("0000000005/120502")),
            ("zzz", None, None),
        ] {
            let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
            sqlx::query(
                "INSERT INTO tags (app, name, build_id, channel, release_key, moved_at) VALUES ('web', $1, $2, $3, $4, 1)",
            )
            .bind(name)
            .bind(build.id.as_str())
            .bind(channel)
            .bind(key)
            .execute(&mut *tx)
            .await
            .expect("a tag");
            tx.commit().await.expect("kept");
        }
        let id = stage.requested(&build, &["hangzhou"]).await;
        let store = &stage.app.ctx.store;
        let tag = |id: PromotionId| async move { store.promotion(&id).await.expect("there").tag };
        assert_eq!(tag(id).await.as_deref(), Some("release-v5.12.05.02"));
        tamper(&stage.app, "DELETE FROM tags WHERE release_key IS NOT NULL", &[]).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        assert_eq!(tag(id).await.as_deref(), Some("latest"));
        tamper(&stage.app, "DELETE FROM tags", &[]).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        assert_eq!(tag(id).await, None);
    })
    .await;
}

#[tokio::test]
async fn whoever_lost_the_right_while_the_world_was_asked_starts_nothing() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        // The actor below was let in as a lead; the row says otherwise by now.
        tamper(&stage.app, "UPDATE users SET role = 'tester' WHERE id = $1", &[id_of(&stage.people.ada)]).await;
        assert_eq!(stage.start(&id).await, Err(Problem::Forbidden { action: Action::StartPromotion }));
        tamper(&stage.app, "UPDATE users SET role = 'lead', disabled = 1 WHERE id = $1", &[id_of(&stage.people.ada)]).await;
        assert_eq!(stage.start(&id).await, Err(Problem::SignedOut));
        assert_eq!(stage.state(&id).await, PromotionState::Open);
    })
    .await;
}
