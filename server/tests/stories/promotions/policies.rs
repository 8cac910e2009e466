//! Policies and freezes: what they ask for, what they void, and what a lead may except.

use super::stage::{Built, Stage, closed, refusal, typed};
use crate::common::on_each_database;
use crate::decided::{recorded, tamper};
use app::view::PromotionView;
use domain::gate::{Gate, GateKind, GateState, Note, Void};
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem, Role};
use server::usecases::people::change_role;
use server::usecases::promotions::{approve_promotion, exempt_from_freeze, promotion, reject_promotion, start_promotion};
use server::usecases::settings::export;
use std::time::Duration;

async fn page(stage: &Stage, id: &PromotionId) -> PromotionView {
    promotion(&stage.app.ctx, &stage.people.vera, id).await.expect("shown")
}

async fn gate(stage: &Stage, id: &PromotionId, wanted: impl Fn(&GateKind) -> bool) -> Gate {
    page(stage, id).await.gates.into_iter().find(|gate| wanted(&gate.kind)).expect("a gate")
}

/// ada starts it, signed in a moment ago.
async fn start(stage: &Stage, id: &PromotionId) -> Result<(), Problem> {
    let person = stage.people.ada.person().expect("a person").clone();
    let ada = Actor::User { person, signed_in_at: stage.app.ctx.now() };
    start_promotion(&stage.app.ctx, &ada, id, typed("web")).await
}

async fn approve(stage: &Stage, by: &Actor, id: &PromotionId) -> Result<(), Problem> {
    stage.tick();
    approve_promotion(&stage.app.ctx, by, id).await
}

/// A passed build, requested by ada.
async fn passed(stage: &Stage) -> (Built, PromotionId) {
    let build = stage.built(1).await;
    stage.judge(&build, VerdictKind::Pass).await;
    let id = stage.requested(&build, &["hangzhou"]).await;
    (build, id)
}

const ASKS_BOTH: &str = "[[policies]]\nname = \"both\"\napps = [\"web\"]\nsign_off = false\nsoak_in_test_minutes = 60
    approvals = [{ role = \"product\", count = 1 }, { role = \"lead\", count = 1 }]\n";

#[tokio::test]
async fn a_policy_asks_product_and_a_lead_and_some_time_in_test() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(ASKS_BOTH).await;
        let (_, id) = passed(&stage).await;
        let both = [
            "Approved { role: Product, count: 1 } Waiting Some(Product)",
            "Approved { role: Lead, count: 1 } Waiting Some(Lead)",
        ];
        let soak = "SoakedInTest Waiting None";
        assert_eq!(closed(&page(&stage, &id).await.gates), [soak, both[0], both[1]]);
        let forbidden = Err(Problem::Forbidden { action: Action::ApprovePromotion });
        assert_eq!(approve(&stage, &stage.people.tess, &id).await, forbidden, "nobody asked her");
        approve(&stage, &stage.people.pia, &id).await.expect("product");
        assert_eq!(approve(&stage, &stage.people.pia, &id).await, Err(Problem::ApprovedAlready));
        assert_eq!(refusal(start(&stage, &id).await), [soak, both[1]]);
        approve(&stage, &stage.people.leo, &id).await.expect("a lead");
        let waits = gate(&stage, &id, |kind| *kind == GateKind::SoakedInTest).await;
        assert!(waits.until.is_some_and(|until| until > stage.app.ctx.now()));
        stage.app.clock.advance(Duration::from_secs(3600));
        let soaked = gate(&stage, &id, |kind| *kind == GateKind::SoakedInTest).await;
        assert_eq!((soaked.state, soaked.since), (GateState::Green, waits.until));
        let seen = page(&stage, &id).await;
        assert_eq!(seen.policy.as_ref().map(|policy| policy.named.clone()), Some(vec!["both".to_owned()]));
        assert_eq!(
            seen.approvals.iter().map(|a| (a.by_name.as_str(), a.role)).collect::<Vec<_>>(),
            [("pia", Role::Product), ("leo", Role::Lead)]
        );
        start(&stage, &id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn another_policy_voids_what_was_approved_until_it_is_approved_again() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        stage.app.apply("[[policies]]\nname = \"elsewhere\"\nregions = [\"us-west\"]\napprovals_expire_hours = 1\n").await;
        assert!(page(&stage, &id).await.approvals[0].counts, "it is about another region");
        stage.app.apply("[[policies]]\nname = \"short\"\napprovals_expire_hours = 8\n").await;
        let approval = page(&stage, &id).await.approvals.remove(0);
        assert_eq!((approval.counts, approval.void), (false, Some(Void::PolicyChanged)));
        assert_eq!(refusal(start(&stage, &id).await), ["Approved { role: Lead, count: 1 } Waiting Some(Lead)"]);
        approve(&stage, &stage.people.leo, &id).await.expect("approved again");
        stage.app.clock.advance(Duration::from_secs(8 * 3600));
        assert_eq!(page(&stage, &id).await.approvals[0].void, Some(Void::Expired));
        assert_eq!(refusal(start(&stage, &id).await).len(), 1);
        approve(&stage, &stage.people.leo, &id).await.expect("and again");
        start(&stage, &id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn an_approval_was_given_in_a_role_and_counts_only_in_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(ASKS_BOTH).await;
        let (_, id) = passed(&stage).await;
        approve(&stage, &stage.people.leo, &id).await.expect("a lead");
        approve(&stage, &stage.people.pia, &id).await.expect("product");
        let leo = stage.people.leo.person().expect("a person").id.clone();
        change_role(&stage.app.ctx, &stage.people.adam, &leo, Role::Product).await.expect("changed");
        let voids: Vec<Option<Void>> = page(&stage, &id).await.approvals.iter().map(|a| a.void).collect();
        assert_eq!(voids, [Some(Void::RoleLost), None]);
    })
    .await;
}

#[tokio::test]
async fn whoever_wrote_every_commit_neither_passes_nor_approves_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage
            .app
            .apply(&stage.configuration().replacen("port_label = 80", "port_label = 80\ngit = \"https://git.test/team/web\"", 1))
            .await;
        let (before, build) = (stage.built(1).await, stage.built(2).await);
        written(&stage, &before, &build, &["Leo"]).await;
        stage.judge(&build, VerdictKind::Pass).await;
        stage.accept(&build).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        assert_eq!(approve(&stage, &stage.people.leo, &id).await, Err(Problem::OwnWork));
        written(&stage, &before, &build, &["tess", "TESS"]).await;
        approve(&stage, &stage.people.leo, &id).await.expect("it is not his");
        let tested = gate(&stage, &id, |kind| *kind == GateKind::Tested).await;
        assert_eq!((tested.state, tested.note), (GateState::Waiting, Some(Note::OwnWork { name: "tess".to_owned() })));
        written(&stage, &before, &build, &["tess", "leo"]).await;
        assert!(gate(&stage, &id, |kind| *kind == GateKind::Tested).await.note.is_none());
        tamper(&stage.app, "DELETE FROM commit_ranges", &[]).await;
        assert_eq!(gate(&stage, &id, |kind| *kind == GateKind::Tested).await.note, Some(Note::AuthorsUnknown));
        start(&stage, &id).await.expect("nobody is left out on a guess");
    })
    .await;
}

/// The commits between two builds are known, each by one of `authors`.
async fn written(stage: &Stage, before: &Built, build: &Built, authors: &[&str]) {
    let commits: Vec<String> = (0_u8..)
        .zip(authors)
        .map(|(n, author)| {
            format!(
                r#"{{"hash":"{}","author":"{author}","at":"2026-01-01T00:00:00Z","subject":"s"}}"#,
                format!("{n:02x}").repeat(20)
            )
        })
        .collect();
    let range = format!(
        r#"{{"relation":{{"kind":"ahead"}},"ahead":[{}],"ahead_total":{},"behind_total":0}}"#,
        commits.join(","),
        authors.len()
    );
    let (base, head) = ("a".repeat(40), "b".repeat(40));
    let git = server::usecases::commits::host::mark("https://git.test/team/web");
    let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
    for (sql, values) in [
        ("UPDATE builds SET revision = $1 WHERE id = $2", vec![base.as_str(), before.id.as_str()]),
        ("UPDATE builds SET revision = $1 WHERE id = $2", vec![&head, build.id.as_str()]),
        ("DELETE FROM tag_moves WHERE $1 <> ''", vec!["x"]),
        ("DELETE FROM commit_ranges WHERE $1 <> ''", vec!["x"]),
        (
            "INSERT INTO commit_ranges (app, base, head, git, state, result) VALUES ('web', $1, $2, $3, 'done', $4)",
            vec![&base, &head, &git, &range],
        ),
    ] {
        values
            .into_iter()
            .fold(sqlx::query(sql), |query, value| query.bind(value.to_owned()))
            .execute(&mut *tx)
            .await
            .expect(sql);
    }
    for (at, build) in [(1_i64, before), (2, build)] {
        sqlx::query("INSERT INTO tag_moves (id, app, tag, build_id, channel, moved_at) VALUES ($1, 'web', 'dev', $2, 'dev', $3)")
            .bind(format!("m{at}"))
            .bind(build.id.as_str())
            .bind(at)
            .execute(&mut *tx)
            .await
            .expect("a move");
    }
    tx.commit().await.expect("kept");
}

#[tokio::test]
async fn a_frozen_region_waits_until_the_window_ends_or_another_lead_makes_an_exception() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let now = ctx.now();
        let day = |days: i64| (now + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
        stage
            .app
            .apply(&format!(
                "[[freezes]]\nname = \"sale\"\nregions = [\"hangzhou\"]\nreason = \"the sale\"\ntime_zone = \"UTC\"
                 once = {{ from = \"{}\", to = \"{}\" }}\n",
                day(-1),
                day(2)
            ))
            .await;
        let build = stage.accepted(1).await;
        let (id, other) = (stage.approved(&build, &["hangzhou"]).await, stage.approved(&build, &["us-west"]).await);
        let frozen = "NotFrozen { region: \"hangzhou\" } Waiting Some(Lead)";
        assert_eq!(refusal(start(&stage, &id).await), [frozen]);
        start(&stage, &other).await.expect("another region is open");
        let told = gate(&stage, &id, |kind| matches!(kind, GateKind::NotFrozen { .. })).await;
        assert_eq!(told.until.map(|until| until.format("%Y-%m-%d %H:%M").to_string()), Some(format!("{} 00:00", day(2))));
        assert_eq!(told.note, Some(Note::Window { name: "sale".to_owned(), reason: "the sale".to_owned() }));

        let except = |by, reason: &'static str| exempt_from_freeze(ctx, by, &id, reason.to_owned());
        assert_eq!(except(&stage.people.ada, "mine").await, Err(Problem::OwnRequest));
        let forbidden = Err(Problem::Forbidden { action: Action::LiftFreeze });
        assert_eq!(except(&stage.people.pia, "please").await, forbidden);
        assert!(except(&stage.people.leo, "  ").await.is_err(), "a reason is needed");
        except(&stage.people.leo, "it mends the sale").await.expect("excepted");
        assert!(page(&stage, &id).await.exemption.is_some_and(|act| act.by_name == "leo"));
        let leo = stage.people.leo.person().expect("a person").id.clone();
        change_role(ctx, &stage.people.adam, &leo, Role::Tester).await.expect("changed");
        assert!(refusal(start(&stage, &id).await).contains(&frozen.to_owned()), "a role that is gone excepts nothing");
        change_role(ctx, &stage.people.adam, &leo, Role::Lead).await.expect("changed");
        start(&stage, &id).await.expect("started");
        assert!(recorded(&stage.app).await.contains(&"freeze.lifted".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_promotion_is_sent_back_with_a_reason_by_whoever_could_approve_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let reject = |by, reason: &'static str| reject_promotion(ctx, by, &id, reason.to_owned());
        assert_eq!(reject(&stage.people.ada, "mine").await, Err(Problem::OwnRequest));
        let forbidden = Err(Problem::Forbidden { action: Action::ApprovePromotion });
        for nobody in [&stage.people.vera, &stage.people.tess, &stage.people.pia, &stage.people.adam] {
            assert_eq!(reject(nobody, "no").await, forbidden);
        }
        assert!(reject(&stage.people.leo, "").await.is_err(), "a reason is needed");
        assert_eq!(stage.state(&id).await, PromotionState::Open);
        reject(&stage.people.leo, "the share page is slow").await.expect("sent back");
        assert_eq!(stage.state(&id).await, PromotionState::Rejected);
        let seen = page(&stage, &id).await;
        assert_eq!(
            seen.rejection.map(|act| (act.by_name, act.reason)),
            Some(("leo".to_owned(), "the share page is slow".to_owned()))
        );
        let finished = Err(Problem::Finished { state: "rejected".to_owned() });
        assert_eq!(start(&stage, &id).await, finished);
        assert_eq!(approve(&stage, &stage.people.leo, &id).await, finished);
        assert_eq!(reject(&stage.people.leo, "again").await, finished);
    })
    .await;
}

#[tokio::test]
async fn policies_and_freezes_come_out_of_the_export_as_they_went_in() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(ASKS_BOTH).await;
        stage.app.apply("[[freezes]]\nname = \"nights\"\nreason = \"sleep\"\nkind = \"allow\"\nweekly = { days = [\"mon\", \"fri\"], from = \"22:00\", to = \"06:00\" }\n").await;
        let before = stage.app.ctx.config();
        let text = export(&stage.app.ctx, &Actor::Slipway).await.expect("exported");
        let again = server::usecases::settings::apply(&stage.app.ctx, &Actor::Slipway, &text, true).await.expect("applied");
        assert_eq!(again.version, before.version, "nothing changed:\n{text}");
        assert_eq!((before.config.policies.len(), before.config.freezes.len()), (1, 1));
    })
    .await;
}
