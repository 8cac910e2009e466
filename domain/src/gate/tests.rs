//! Every gate closed in turn, and what "all green" means said the other way round.

use super::*;
use crate::freeze::Frozen;
use crate::policy::{ApprovalRule, Policy};
use crate::promotion::PromotionState;
use crate::verdict::VerdictKind;
use crate::{Action, Actor, Person, Problem, Time};
use chrono::TimeDelta;
use proptest::prelude::*;

fn at() -> Time {
    DateTime::from_timestamp(1_764_000_000, 0).expect("a time")
}

fn ago(hours: i64) -> Time {
    at() - TimeDelta::hours(hours)
}

fn id(name: &str) -> UserId {
    UserId(name.to_owned())
}

fn subject(policy: &Policy) -> ApprovalFor {
    let regions = vec!["hangzhou".to_owned(), "us-west".to_owned()];
    ApprovalFor { digest: "sha256:1".to_owned(), regions, policy: policy.fingerprint() }
}

fn approval(by: &str, role: Role) -> Approval {
    let given_for = subject(&Policy::default());
    Approval { by: id(by), name: by.to_owned(), at: ago(2), role, still: true, given_for }
}

fn region(name: &str) -> RegionFacts {
    RegionFacts {
        region: name.to_owned(),
        reachable: Seen::Yes { at: at() },
        other_rollout: None,
        ran_before: true,
        freeze: Freeze::Unwatched,
        world: super::world::tests::clear(),
        canary: None,
        asked: None,
    }
}

/// A promotion of ada's to two regions, with everything as it should be.
fn clear(rollback: bool) -> GateFacts {
    let policy = Policy::default();
    GateFacts {
        now: at(),
        rollback,
        glass: false,
        requested_by: id("ada"),
        subject: subject(&policy),
        policy,
        authors: Authors::Known(vec!["Dev".to_owned(), "ann".to_owned()]),
        image: Seen::Yes { at: at() },
        standing: Standing::of([VerdictKind::Pass]),
        passes: vec![Pass { name: "tess".to_owned(), at: ago(3) }],
        signed_off: Some(SignedOff { name: "pia".to_owned(), at: ago(3) }),
        approvals: vec![approval("leo", Role::Lead)],
        exemption: None,
        regions: vec![region("hangzhou"), region("us-west")],
    }
}

/// The same under another policy, under which the approvals were given too.
fn under(policy: Policy) -> GateFacts {
    let mut facts = GateFacts { subject: subject(&policy), policy, ..clear(false) };
    for approval in &mut facts.approvals {
        approval.given_for = facts.subject.clone();
    }
    facts
}

/// The words of every gate that is not green.
fn closed(facts: &GateFacts) -> Vec<String> {
    let closed = gates(facts).into_iter().filter(|gate| gate.state != GateState::Green);
    closed.map(|gate| format!("{:?} {:?} {:?}", gate.kind, gate.state, gate.cleared_by)).collect()
}

fn one(facts: &GateFacts, wanted: &GateKind) -> Gate {
    gates(facts).into_iter().find(|gate| gate.kind == *wanted).expect("the gate is there")
}

const APPROVAL: &str = "Approved { role: Lead, count: 1 } Waiting Some(Lead)";

#[test]
fn the_gates_of_a_promotion_stand_in_their_order() {
    let kinds: Vec<String> = gates(&clear(false)).iter().map(|gate| format!("{:?}", gate.kind)).collect();
    assert_eq!(
        kinds,
        [
            "ImagePresent",
            "Tested",
            "SignedOff",
            "Approved { role: Lead, count: 1 }",
            "RegionReachable { region: \"hangzhou\" }",
            "NoOtherRollout { region: \"hangzhou\" }",
            "ImageInRegion { region: \"hangzhou\" }",
            "EnoughRoom { region: \"hangzhou\" }",
            "VariablesThere { region: \"hangzhou\" }",
            "NotOlder { region: \"hangzhou\" }",
            "WayBackKept { region: \"hangzhou\" }",
            "RegionReachable { region: \"us-west\" }",
            "NoOtherRollout { region: \"us-west\" }",
            "ImageInRegion { region: \"us-west\" }",
            "EnoughRoom { region: \"us-west\" }",
            "VariablesThere { region: \"us-west\" }",
            "NotOlder { region: \"us-west\" }",
            "WayBackKept { region: \"us-west\" }",
        ]
    );
    assert!(all_green(&gates(&clear(false))));
}

#[test]
fn a_rollback_asks_for_nobodys_approval_but_for_the_past() {
    let nobody = GateFacts { signed_off: None, approvals: vec![], passes: vec![], standing: Standing::default(), ..clear(true) };
    let kinds: Vec<String> = gates(&nobody).iter().take(5).map(|gate| format!("{:?}", gate.kind)).collect();
    assert_eq!(
        kinds,
        [
            "ImagePresent",
            "NotQuarantined",
            "RanBefore { region: \"hangzhou\" }",
            "RegionReachable { region: \"hangzhou\" }",
            "NoOtherRollout { region: \"hangzhou\" }",
        ]
    );
    assert!(all_green(&gates(&nobody)));
    let mut never = nobody.clone();
    never.regions[1].ran_before = false;
    assert_eq!(closed(&never), ["RanBefore { region: \"us-west\" } Red None"]);
    let failed = GateFacts { standing: Standing::of([VerdictKind::Fail]), ..nobody };
    assert_eq!(closed(&failed), ["NotQuarantined Red Some(Lead)"]);
}

#[test]
fn a_broken_glass_skips_what_people_decide_and_nothing_else() {
    let nobody = || GateFacts { glass: true, signed_off: None, approvals: vec![], passes: vec![], ..clear(false) };
    let mut frozen = GateFacts { standing: Standing::default(), ..nobody() };
    frozen.regions[0].freeze = Freeze::Closed(Frozen { name: "x".to_owned(), reason: "y".to_owned(), until: None });
    assert!(all_green(&gates(&frozen)));
    let failed = GateFacts { standing: Standing::of([VerdictKind::Fail]), ..nobody() };
    assert_eq!(closed(&failed), ["NotQuarantined Red Some(Lead)"]);
    let gone = GateFacts { image: Seen::No { at: at() }, ..nobody() };
    assert_eq!(closed(&gone), ["ImagePresent Red None"]);
    let mut busy = nobody();
    busy.regions[0].other_rollout = Some(3);
    busy.regions[1].reachable = Seen::Unknown { at: at() };
    assert_eq!(
        closed(&busy),
        ["NoOtherRollout { region: \"hangzhou\" } Waiting None", "RegionReachable { region: \"us-west\" } Waiting None"]
    );
}

#[test]
fn each_gate_says_who_can_clear_it() {
    let nobody_did_anything =
        GateFacts { standing: Standing::default(), passes: vec![], signed_off: None, approvals: vec![], ..clear(false) };
    assert_eq!(closed(&nobody_did_anything), ["Tested Waiting Some(Tester)", "SignedOff Waiting Some(Product)", APPROVAL]);
    let failed = GateFacts { standing: Standing::of([VerdictKind::Pass, VerdictKind::Fail]), ..clear(false) };
    assert_eq!(closed(&failed), ["Tested Red Some(Lead)"]);
    let mut busy = clear(false);
    busy.regions[0].other_rollout = Some(218);
    assert_eq!(closed(&busy), ["NoOtherRollout { region: \"hangzhou\" } Waiting None"]);
    assert_eq!(gates(&busy)[5].detail.as_deref(), Some("P-218"));
}

#[test]
fn what_could_not_be_asked_is_never_green() {
    for (seen, state) in [(Seen::Unknown { at: at() }, GateState::Waiting), (Seen::No { at: at() }, GateState::Red)] {
        for rollback in [false, true] {
            let no_registry = gates(&GateFacts { image: seen.clone(), ..clear(rollback) });
            assert_eq!((no_registry[0].state, no_registry[0].checked_at), (state, Some(at())));
            let mut cut_off = clear(rollback);
            cut_off.regions[1].reachable = seen.clone();
            assert_eq!(closed(&cut_off), [format!("RegionReachable {{ region: \"us-west\" }} {state:?} None")]);
        }
    }
}

#[test]
fn an_approval_counts_only_as_it_was_given_and_only_from_somebody_else() {
    let facts = clear(false);
    let void = |change: &dyn Fn(&mut Approval)| {
        let mut given = approval("leo", Role::Lead);
        change(&mut given);
        let facts = GateFacts { approvals: vec![given.clone()], ..facts.clone() };
        assert_eq!(closed(&facts).is_empty(), given.void(&facts).is_none());
        given.void(&facts)
    };
    assert_eq!(void(&|_| ()), None);
    assert_eq!(void(&|a| a.by = id("ada")), Some(Void::Requester));
    assert_eq!(void(&|a| a.still = false), Some(Void::RoleLost));
    assert_eq!(void(&|a| a.given_for.digest = "sha256:2".to_owned()), Some(Void::SubjectChanged));
    assert_eq!(void(&|a| a.given_for.regions.reverse()), Some(Void::SubjectChanged));
    assert_eq!(void(&|a| a.given_for.policy.clear()), Some(Void::PolicyChanged));
    assert_eq!(void(&|a| a.role = Role::Tester), Some(Void::NotAsked));
    assert_eq!(void(&|a| a.at = ago(72)), Some(Void::Expired));
    assert_eq!(void(&|a| a.at = ago(72) + TimeDelta::seconds(1)), None);
}

#[test]
fn whoever_made_the_build_alone_neither_tests_nor_approves_it() {
    let alone = |name: &str| Authors::Known(vec![name.to_owned(), name.to_uppercase()]);
    let by_leo = GateFacts { authors: alone("leo"), ..clear(false) };
    assert_eq!(closed(&by_leo), [APPROVAL]);
    assert_eq!(by_leo.approvals[0].void(&by_leo), Some(Void::OnlyAuthor));
    let by_tess = GateFacts { authors: alone("tess"), ..clear(false) };
    assert_eq!(closed(&by_tess), ["Tested Waiting Some(Tester)"]);
    assert_eq!(one(&by_tess, &GateKind::Tested).note, Some(Note::OwnWork { name: "tess".to_owned() }));
    let together = GateFacts { authors: Authors::Known(vec!["tess".to_owned(), "leo".to_owned()]), ..clear(false) };
    assert!(closed(&together).is_empty());
    let unknown = GateFacts { authors: Authors::Unknown, ..clear(false) };
    assert!(closed(&unknown).is_empty(), "nobody is left out on a guess");
    assert_eq!(one(&unknown, &GateKind::Tested).note, Some(Note::AuthorsUnknown));
}

#[test]
fn so_many_of_each_role_approve_and_they_are_different_people() {
    let rule = |role, count| ApprovalRule { role, count };
    let mut facts = under(Policy { approvals: vec![rule(Role::Product, 1), rule(Role::Lead, 2)], ..Policy::default() });
    facts.approvals.push(facts.approvals[0].clone());
    let lead = GateKind::Approved { role: Role::Lead, count: 2 };
    assert_eq!(one(&facts, &lead).note, Some(Note::Counted { have: 1, need: 2 }), "one person twice is one");
    let first = facts.approvals[0].clone();
    let more = |name: &str, role, hours| Approval { by: id(name), name: name.to_owned(), role, at: ago(hours), ..first.clone() };
    facts.approvals = vec![more("leo", Role::Lead, 9), more("lin", Role::Lead, 4), more("pia", Role::Product, 1)];
    assert!(closed(&facts).is_empty());
    let gate = one(&facts, &lead);
    assert_eq!((gate.since, gate.until), (Some(ago(4)), Some(ago(9) + TimeDelta::hours(72))));
    assert_eq!(gate.detail.as_deref(), Some("leo, lin"));
    facts.approvals.push(more("lea", Role::Lead, 2));
    assert_eq!(one(&facts, &lead).until, Some(ago(4) + TimeDelta::hours(72)), "one more than is needed");
}

#[test]
fn a_build_soaks_in_test_since_the_first_pass_that_counts() {
    let mut facts = under(Policy { soak_in_test_minutes: 240, ..Policy::default() });
    let gate = one(&facts, &GateKind::SoakedInTest);
    assert_eq!((gate.state, gate.until), (GateState::Waiting, Some(ago(-1))));
    facts.now = ago(-1);
    assert!(closed(&facts).is_empty());
    facts.passes.clear();
    assert_eq!(one(&facts, &GateKind::SoakedInTest).until, None, "nothing to count from");
}

#[test]
fn a_sign_off_is_asked_for_only_by_a_policy_that_says_so() {
    let facts = GateFacts { signed_off: None, ..under(Policy { sign_off: false, ..Policy::default() }) };
    assert!(closed(&facts).is_empty());
}

#[test]
fn a_freeze_holds_until_its_end_or_until_somebody_else_makes_an_exception() {
    let mut facts = clear(false);
    let until = Some(ago(-5));
    facts.regions[1].freeze = Freeze::Closed(Frozen { name: "sales".to_owned(), reason: "the sale".to_owned(), until });
    assert_eq!(closed(&facts), ["NotFrozen { region: \"us-west\" } Waiting Some(Lead)"]);
    let kind = GateKind::NotFrozen { region: "us-west".to_owned() };
    assert_eq!(one(&facts, &kind).until, until);
    let exempt = |by: &str, still| Some(Exemption { by: id(by), name: by.to_owned(), reason: "it mends it".to_owned(), still });
    for (exemption, opens) in [(exempt("ada", true), false), (exempt("leo", false), false), (exempt("leo", true), true)] {
        facts.exemption = exemption;
        assert_eq!(closed(&facts).is_empty(), opens);
    }
    facts.rollback = true;
    facts.exemption = None;
    assert!(closed(&facts).is_empty(), "the way back is never frozen");
}

#[test]
fn an_empty_list_of_gates_lets_nothing_pass() {
    assert!(!all_green(&[]));
}

fn user(name: &str, role: Role) -> Actor {
    Actor::User { person: Person { id: id(name), name: name.to_owned(), role }, signed_in_at: at() }
}

#[test]
fn only_somebody_else_whom_the_policy_asks_approves_and_only_once_and_only_while_it_is_open() {
    let facts = GateFacts { approvals: vec![approval("lin", Role::Lead)], ..clear(false) };
    let ask = |actor: &Actor, state| may_approve(actor, state, &facts);
    let open = PromotionState::Open;
    assert_eq!(ask(&user("leo", Role::Lead), open), Ok(()));
    assert_eq!(ask(&user("ada", Role::Lead), open), Err(Problem::OwnRequest));
    assert_eq!(ask(&user("lin", Role::Lead), open), Err(Problem::ApprovedAlready));
    let later = GateFacts { now: ago(-100), ..facts.clone() };
    assert_eq!(may_approve(&user("lin", Role::Lead), open, &later), Ok(()), "what has expired is given again");
    let alone = GateFacts { authors: Authors::Known(vec!["Leo".to_owned()]), ..facts.clone() };
    assert_eq!(may_approve(&user("leo", Role::Lead), open, &alone), Err(Problem::OwnWork));
    let ended = Err(Problem::Finished { state: "cancelled".to_owned() });
    assert_eq!(ask(&user("leo", Role::Lead), PromotionState::Cancelled), ended);
    let person = Person { id: id("ada"), name: "ada".to_owned(), role: Role::Lead };
    let own_token = Actor::Token { id: "t".to_owned().into(), name: "ci".to_owned(), role: Role::Lead, person };
    assert_eq!(ask(&own_token, open), Err(Problem::OwnRequest), "a token is no second identity");
    let forbidden = Err(Problem::Forbidden { action: Action::ApprovePromotion });
    for role in [Role::Viewer, Role::Tester, Role::Product, Role::Admin] {
        assert_eq!(ask(&user("leo", role), open), forbidden);
        assert_eq!(may_reject(&user("leo", role), &id("ada"), open, &facts.policy), forbidden);
    }
    assert_eq!(ask(&Actor::Slipway, open), forbidden);
    let policy = Policy { approvals: vec![ApprovalRule { role: Role::Product, count: 1 }], ..Policy::default() };
    let asked = under(policy);
    assert_eq!(may_approve(&user("pia", Role::Product), open, &asked), Ok(()));
    assert_eq!(may_approve(&user("leo", Role::Lead), open, &asked), forbidden);
}

#[test]
fn one_s_own_promotion_is_neither_rejected_nor_exempted_nor_reviewed_by_oneself() {
    let (ada, leo) = (user("ada", Role::Lead), user("leo", Role::Lead));
    let open = PromotionState::Open;
    let policy = Policy::default();
    assert_eq!(may_reject(&leo, &id("ada"), open, &policy), Ok(()));
    assert_eq!(may_reject(&ada, &id("ada"), open, &policy), Err(Problem::OwnRequest));
    assert_eq!(may_exempt(&leo, &id("ada"), open), Ok(()));
    assert_eq!(may_exempt(&ada, &id("ada"), open), Err(Problem::OwnRequest));
    assert_eq!(may_review(&leo, &id("ada")), Ok(()));
    assert_eq!(may_review(&ada, &id("ada")), Err(Problem::OwnReview));
    for role in [Role::Viewer, Role::Tester, Role::Product, Role::Admin] {
        assert!(may_exempt(&user("leo", role), &id("ada"), open).is_err());
        assert!(may_review(&user("leo", role), &id("ada")).is_err());
    }
    let ended = PromotionState::Rejected;
    assert!(may_exempt(&leo, &id("ada"), ended).is_err() && may_reject(&leo, &id("ada"), ended, &policy).is_err());
}

#[test]
fn a_promotion_lapses_with_its_last_approval_or_after_two_weeks() {
    let policy = Policy::default();
    let given = |hours| Approval { at: ago(hours), ..approval("leo", Role::Lead) };
    assert!(!has_expired(ago(24 * 13), &[], &policy, at()), "it may still be approved");
    assert!(has_expired(ago(24 * 14), &[], &policy, at()));
    assert!(has_expired(ago(24 * 14), &[given(1)], &policy, at()));
    assert!(has_expired(ago(80), &[given(72), given(75)], &policy, at()));
    assert!(!has_expired(ago(80), &[given(75), given(71)], &policy, at()), "one still counts");
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![Just(Seen::Yes { at: at() }), Just(Seen::No { at: at() }), Just(Seen::Unknown { at: at() })]
}

fn freeze() -> impl Strategy<Value = Freeze> {
    let closed = Freeze::Closed(Frozen { name: "x".to_owned(), reason: "y".to_owned(), until: None });
    prop_oneof![4 => Just(Freeze::Unwatched), 3 => Just(Freeze::Open), 1 => Just(closed)]
}

#[test]
fn a_canary_that_is_there_keeps_everything_else_out_and_says_who_clears_it() {
    let with = |canary| GateFacts { regions: vec![RegionFacts { canary, ..region("hangzhou") }], ..clear(true) };
    let gate = |returning| {
        let gates = gates(&with(Some(CanaryThere { number: 7, returning })));
        gates.into_iter().find(|gate| matches!(gate.kind, GateKind::NoCanary { .. })).expect("a gate")
    };
    assert_eq!((gate(false).state, gate(false).cleared_by), (GateState::Red, Some(Role::Lead)), "also a rollback waits");
    assert_eq!((gate(true).state, gate(true).cleared_by), (GateState::Waiting, None), "it goes by itself");
    assert_eq!(gate(false).detail.as_deref(), Some("P-7"));
    assert!(gates(&with(None)).iter().all(|gate| !matches!(gate.kind, GateKind::NoCanary { .. })));
}

#[test]
fn a_canary_leaves_the_main_service_something_and_needs_one() {
    use crate::canary::{Shape, Terms};
    let fits = |shape, replicas, main| {
        let terms = Terms { shape, replicas, port_label: None, hours: 1 };
        let asked = Some(CanaryAsked { terms, main });
        let facts = GateFacts { regions: vec![RegionFacts { asked, ..region("hangzhou") }], ..clear(false) };
        gates(&facts).into_iter().find(|gate| matches!(gate.kind, GateKind::CanaryFits { .. })).expect("a gate")
    };
    assert_eq!(fits(Shape::Share, 1, Some(2)).state, GateState::Green);
    let all = fits(Shape::Share, 2, Some(2));
    assert_eq!((all.state, all.detail.as_deref()), (GateState::Red, Some("2 / 2")));
    assert_eq!(fits(Shape::Beside, 2, Some(2)).state, GateState::Green);
    assert_eq!(fits(Shape::Beside, 1, None).state, GateState::Red, "a canary of nothing");
}

prop_compose! {
    fn some_region()(reachable in seen(), other_rollout in prop::option::of(1_i64..9), ran_before: bool, freeze in freeze()) -> RegionFacts {
        let world = super::world::tests::clear();
        RegionFacts { reachable, other_rollout, ran_before, freeze, world, ..region("hangzhou") }
    }
}

prop_compose! {
    fn some_approval()(by in "ada|leo|lin", lead: bool, still in prop::bool::weighted(0.8), hours in 0_i64..100, bound in prop::bool::weighted(0.8)) -> Approval {
        let mut given = Approval { at: ago(hours), still, ..approval(&by, if lead { Role::Lead } else { Role::Product }) };
        if !bound {
            given.given_for.policy.push('x');
        }
        given
    }
}

prop_compose! {
    fn some_facts()(
        (rollback, glass) in (prop::bool::weighted(0.3), prop::bool::weighted(0.2)),
        image in seen(),
        fails in prop_oneof![4 => Just(0_u32), 1 => Just(1)],
        testers in prop::collection::vec("tess|tom", 0..3),
        signed_off: bool,
        authors in prop_oneof![Just(Authors::Unknown), Just(Authors::Known(vec!["leo".to_owned()])), Just(Authors::Known(vec!["tess".to_owned()]))],
        approvals in prop::collection::vec(some_approval(), 0..4),
        exemption in prop::option::of(("ada|leo", any::<bool>())),
        regions in prop::collection::vec(some_region(), 0..3),
    ) -> GateFacts {
        let passes: Vec<Pass> = testers.into_iter().map(|name| Pass { name, at: ago(1) }).collect();
        let standing = Standing { passes: u32::try_from(passes.len()).expect("few"), fails, blocked: 0 };
        let exemption = exemption.map(|(by, still)| Exemption { by: id(&by), name: by, reason: String::new(), still });
        let signed_off = signed_off.then(|| SignedOff { name: "pia".to_owned(), at: ago(1) });
        GateFacts { rollback, glass, image, standing, passes, signed_off, authors, approvals, exemption, regions, ..clear(false) }
    }
}

proptest! {
    /// The same said the other way round: green means exactly this and nothing less.
    #[test]
    fn all_green_means_that_every_condition_holds(facts in some_facts()) {
        let yes = |seen: &Seen| matches!(seen, Seen::Yes { .. });
        let alone = |name: &str| facts.authors == Authors::Known(vec![name.to_owned()]);
        let other_lead = facts.approvals.iter().any(|a| {
            a.still && a.role == Role::Lead && a.by.as_str() != "ada" && !alone(&a.name) && a.given_for == facts.subject && a.at > ago(72)
        });
        let tested = facts.passes.iter().any(|pass| !alone(&pass.name));
        let decided = tested && facts.signed_off.is_some() && other_lead;
        let exempt = facts.exemption.as_ref().is_some_and(|exemption| exemption.still && exemption.by.as_str() != "ada");
        let by_hand = facts.rollback || facts.glass;
        let regions = facts.regions.iter().all(|r| {
            let open = by_hand || exempt || !matches!(r.freeze, Freeze::Closed(_));
            yes(&r.reachable) && r.other_rollout.is_none() && (r.ran_before || !facts.rollback) && open
        });
        let holds = yes(&facts.image) && facts.standing.fails == 0 && regions && (by_hand || decided);
        prop_assert_eq!(all_green(&gates(&facts)), holds);
    }

    #[test]
    fn a_green_gate_needs_nobody_and_every_look_has_its_time(facts in some_facts()) {
        for gate in gates(&facts) {
            prop_assert!(gate.state != GateState::Green || gate.cleared_by.is_none());
            let looked = matches!(
                gate.kind,
                GateKind::ImagePresent
                    | GateKind::RegionReachable { .. }
                    | GateKind::ImageInRegion { .. }
                    | GateKind::EnoughRoom { .. }
                    | GateKind::WayBackKept { .. }
            );
            prop_assert_eq!(gate.checked_at.is_some(), looked);
        }
    }
}
