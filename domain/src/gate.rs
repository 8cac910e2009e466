//! Gates: the conditions of a promotion, each with its state and who can clear it.

use crate::id::UserId;
use crate::promotion::PromotionState;
use crate::verdict::Standing;
use crate::{Action, Actor, Problem, Role};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a gate asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "gate", rename_all = "snake_case")]
pub enum GateKind {
    /// The registry has the image under exactly this digest.
    ImagePresent,
    /// A standing pass and no standing fail.
    Tested,
    /// A product manager accepted it.
    SignedOff,
    /// An approval by a lead who is not the requester.
    Approved,
    /// For a rollback: the digest was verified in this region before.
    RanBefore { region: String },
    /// For a rollback: no standing fail.
    NotQuarantined,
    /// The region's Swarm answers.
    RegionReachable { region: String },
    /// No other rollout of the app runs there.
    NoOtherRollout { region: String },
}

/// Green lets pass; waiting needs somebody's act; red needs something mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    Green,
    Waiting,
    Red,
}

/// One condition as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    #[serde(flatten)]
    pub kind: GateKind,
    pub state: GateState,
    /// Who can clear it, when it is not green. `None` means that it clears itself or needs an operator.
    pub cleared_by: Option<Role>,
    /// A person's name, a time or a count that explains the state; data, not prose.
    pub detail: Option<String>,
    /// When the world was last looked at for this gate, if it was.
    pub checked_at: Option<DateTime<Utc>>,
}

/// Something looked up in the world: when, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    Yes {
        at: DateTime<Utc>,
    },
    No {
        at: DateTime<Utc>,
    },
    /// It could not be asked.
    Unknown {
        at: DateTime<Utc>,
    },
}

/// An approval that is bound to this digest and this set of regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: UserId,
    pub name: String,
    /// Whether the approver is an active lead at this moment.
    pub still_lead: bool,
}

/// What is known about one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionFacts {
    pub region: String,
    pub reachable: Seen,
    /// The number of the promotion whose rollout of this app runs there now, this one excepted.
    pub other_rollout: Option<i64>,
    /// Whether this digest was verified there before.
    pub ran_before: bool,
}

/// Everything the gates are computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFacts {
    pub rollback: bool,
    pub requested_by: UserId,
    pub image: Seen,
    pub standing: Standing,
    /// The name of whoever signed off, if it stands.
    pub signed_off_by: Option<String>,
    pub approvals: Vec<Approval>,
    pub regions: Vec<RegionFacts>,
}

/// Every gate as it stands, in the order in which pages show them. Whatever could not be
/// asked is not green.
pub fn gates(facts: &GateFacts) -> Vec<Gate> {
    let mut gates = vec![image_present(&facts.image)];
    if facts.rollback {
        gates.push(not_quarantined(facts.standing));
    } else {
        gates.extend([tested(facts.standing), signed_off(facts), approved(facts)]);
    }
    for region in &facts.regions {
        if facts.rollback {
            gates.push(ran_before(region));
        }
        gates.extend([region_reachable(region), no_other_rollout(region)]);
    }
    gates
}

/// Whether nothing stands in the way. An empty list is not an answer.
pub fn all_green(gates: &[Gate]) -> bool {
    !gates.is_empty() && gates.iter().all(|gate| gate.state == GateState::Green)
}

impl Approval {
    /// Whether it counts now: by an active lead who is not the requester.
    pub fn counts(&self, requested_by: &UserId) -> bool {
        self.still_lead && self.by != *requested_by
    }
}

/// Whether `actor` may approve now. `approved_by` are those who approved this digest for
/// these regions already.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Finished`] when it is no longer open,
/// [`Problem::OwnRequest`], [`Problem::ApprovedAlready`].
pub fn may_approve(actor: &Actor, requested_by: &UserId, state: PromotionState, approved_by: &[UserId]) -> Result<(), Problem> {
    let action = Action::ApprovePromotion;
    actor.require(action)?;
    let person = actor.person().ok_or(Problem::Forbidden { action })?;
    if state != PromotionState::Open {
        return Err(Problem::Finished { state: state.as_str().to_owned() });
    }
    if person.id == *requested_by {
        return Err(Problem::OwnRequest);
    }
    if approved_by.contains(&person.id) { Err(Problem::ApprovedAlready) } else { Ok(()) }
}

impl Gate {
    fn green(kind: GateKind) -> Self {
        Self { kind, state: GateState::Green, cleared_by: None, detail: None, checked_at: None }
    }

    fn waiting(kind: GateKind, cleared_by: Option<Role>) -> Self {
        Self { state: GateState::Waiting, cleared_by, ..Self::green(kind) }
    }

    fn red(kind: GateKind, cleared_by: Option<Role>) -> Self {
        Self { state: GateState::Red, cleared_by, ..Self::green(kind) }
    }

    /// What could not be asked is asked again, so it waits.
    fn looked_up(kind: GateKind, seen: &Seen) -> Self {
        let (gate, at) = match seen {
            Seen::Yes { at } => (Self::green(kind), at),
            Seen::No { at } => (Self::red(kind, None), at),
            Seen::Unknown { at } => (Self::waiting(kind, None), at),
        };
        Self { checked_at: Some(*at), ..gate }
    }

    fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

fn image_present(image: &Seen) -> Gate {
    Gate::looked_up(GateKind::ImagePresent, image)
}

fn tested(standing: Standing) -> Gate {
    if standing.quarantined() {
        return Gate::red(GateKind::Tested, Some(Role::Lead)).because(standing.fails.to_string());
    }
    if standing.passed() {
        return Gate::green(GateKind::Tested).because(standing.passes.to_string());
    }
    Gate::waiting(GateKind::Tested, Some(Role::Tester))
}

fn signed_off(facts: &GateFacts) -> Gate {
    match &facts.signed_off_by {
        Some(name) => Gate::green(GateKind::SignedOff).because(name.as_str()),
        None => Gate::waiting(GateKind::SignedOff, Some(Role::Product)),
    }
}

fn approved(facts: &GateFacts) -> Gate {
    let counting = facts.approvals.iter().filter(|approval| approval.counts(&facts.requested_by));
    let names: Vec<&str> = counting.map(|approval| approval.name.as_str()).collect();
    if names.is_empty() {
        return Gate::waiting(GateKind::Approved, Some(Role::Lead));
    }
    Gate::green(GateKind::Approved).because(names.join(", "))
}

fn not_quarantined(standing: Standing) -> Gate {
    if standing.quarantined() {
        return Gate::red(GateKind::NotQuarantined, Some(Role::Lead)).because(standing.fails.to_string());
    }
    Gate::green(GateKind::NotQuarantined)
}

fn ran_before(facts: &RegionFacts) -> Gate {
    let kind = GateKind::RanBefore { region: facts.region.clone() };
    if facts.ran_before { Gate::green(kind) } else { Gate::red(kind, None) }
}

fn region_reachable(facts: &RegionFacts) -> Gate {
    Gate::looked_up(GateKind::RegionReachable { region: facts.region.clone() }, &facts.reachable)
}

fn no_other_rollout(facts: &RegionFacts) -> Gate {
    let kind = GateKind::NoOtherRollout { region: facts.region.clone() };
    match facts.other_rollout {
        Some(number) => Gate::waiting(kind, None).because(format!("P-{number}")),
        None => Gate::green(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::VerdictKind;
    use crate::{Person, Time};
    use proptest::prelude::*;

    fn at() -> Time {
        DateTime::from_timestamp(1_764_000_000, 0).expect("a time")
    }

    fn id(name: &str) -> UserId {
        UserId(name.to_owned())
    }

    fn approval(by: &str, still_lead: bool) -> Approval {
        Approval { by: id(by), name: by.to_owned(), still_lead }
    }

    /// A promotion of ada's to two regions, with everything as it should be.
    fn clear(rollback: bool) -> GateFacts {
        let region = |name: &str| RegionFacts {
            region: name.to_owned(),
            reachable: Seen::Yes { at: at() },
            other_rollout: None,
            ran_before: true,
        };
        GateFacts {
            rollback,
            requested_by: id("ada"),
            image: Seen::Yes { at: at() },
            standing: Standing::of([VerdictKind::Pass]),
            signed_off_by: Some("pia".to_owned()),
            approvals: vec![approval("leo", true)],
            regions: vec![region("hangzhou"), region("us-west")],
        }
    }

    /// The words of every gate that is not green.
    fn closed(facts: &GateFacts) -> Vec<String> {
        let closed = gates(facts).into_iter().filter(|gate| gate.state != GateState::Green);
        closed.map(|gate| format!("{:?} {:?} {:?}", gate.kind, gate.state, gate.cleared_by)).collect()
    }

    #[test]
    fn the_gates_of_a_promotion_stand_in_their_order() {
        let kinds: Vec<String> = gates(&clear(false)).iter().map(|gate| format!("{:?}", gate.kind)).collect();
        assert_eq!(
            kinds,
            [
                "ImagePresent",
                "Tested",
                "SignedOff",
                "Approved",
                "RegionReachable { region: \"hangzhou\" }",
                "NoOtherRollout { region: \"hangzhou\" }",
                "RegionReachable { region: \"us-west\" }",
                "NoOtherRollout { region: \"us-west\" }",
            ]
        );
        assert!(all_green(&gates(&clear(false))));
    }

    #[test]
    fn a_rollback_asks_for_nobodys_approval_but_for_the_past() {
        let facts = GateFacts { signed_off_by: None, approvals: vec![], standing: Standing::default(), ..clear(true) };
        let kinds: Vec<String> = gates(&facts).iter().take(5).map(|gate| format!("{:?}", gate.kind)).collect();
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
        assert!(all_green(&gates(&facts)));
        let mut never = facts.clone();
        never.regions[1].ran_before = false;
        assert_eq!(closed(&never), ["RanBefore { region: \"us-west\" } Red None"]);
        let failed = GateFacts { standing: Standing::of([VerdictKind::Fail]), ..facts };
        assert_eq!(closed(&failed), ["NotQuarantined Red Some(Lead)"]);
    }

    #[test]
    fn each_gate_says_who_can_clear_it() {
        let nobody_did_anything =
            GateFacts { standing: Standing::default(), signed_off_by: None, approvals: vec![], ..clear(false) };
        assert_eq!(
            closed(&nobody_did_anything),
            ["Tested Waiting Some(Tester)", "SignedOff Waiting Some(Product)", "Approved Waiting Some(Lead)"]
        );
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
    fn the_requester_and_former_leads_do_not_count() {
        let asked = |approvals: Vec<Approval>| closed(&GateFacts { approvals, ..clear(false) });
        let waiting = ["Approved Waiting Some(Lead)"];
        assert_eq!(asked(vec![approval("ada", true)]), waiting);
        assert_eq!(asked(vec![approval("leo", false)]), waiting);
        assert_eq!(asked(vec![approval("ada", true), approval("leo", false)]), waiting);
        assert!(asked(vec![approval("ada", true), approval("leo", true)]).is_empty());
    }

    #[test]
    fn an_empty_list_of_gates_lets_nothing_pass() {
        assert!(!all_green(&[]));
    }

    #[test]
    fn only_another_lead_approves_and_only_once_and_only_while_it_is_open() {
        let person = |name: &str, role| Person { id: id(name), name: name.to_owned(), role };
        let user = |name: &str, role| Actor::User { person: person(name, role), signed_in_at: at() };
        let ask = |actor: &Actor, state| may_approve(actor, &id("ada"), state, &[id("lin")]);
        let open = PromotionState::Open;
        assert_eq!(ask(&user("leo", Role::Lead), open), Ok(()));
        assert_eq!(ask(&user("ada", Role::Lead), open), Err(Problem::OwnRequest));
        assert_eq!(ask(&user("lin", Role::Lead), open), Err(Problem::ApprovedAlready));
        let ended = Err(Problem::Finished { state: "cancelled".to_owned() });
        assert_eq!(ask(&user("leo", Role::Lead), PromotionState::Cancelled), ended);
        let own_token = Actor::Token {
            id: "t".to_owned().into(),
            name: "ci".to_owned(),
            role: Role::Lead,
            person: person("ada", Role::Lead),
        };
        assert_eq!(ask(&own_token, open), Err(Problem::OwnRequest), "a token is no second identity");
        let forbidden = Err(Problem::Forbidden { action: Action::ApprovePromotion });
        for role in [Role::Viewer, Role::Tester, Role::Product, Role::Admin] {
            assert_eq!(ask(&user("leo", role), open), forbidden);
        }
        assert_eq!(ask(&Actor::Slipway, open), forbidden);
    }

    fn seen() -> impl Strategy<Value = Seen> {
        prop_oneof![Just(Seen::Yes { at: at() }), Just(Seen::No { at: at() }), Just(Seen::Unknown { at: at() })]
    }

    prop_compose! {
        fn some_region()(reachable in seen(), other_rollout in prop::option::of(1_i64..9), ran_before: bool) -> RegionFacts {
            RegionFacts { region: "hangzhou".to_owned(), reachable, other_rollout, ran_before }
        }
    }

    prop_compose! {
        fn some_facts()(
            rollback: bool,
            image in seen(),
            (passes, fails, blocked) in (0_u32..3, 0_u32..3, 0_u32..3),
            signed_off in prop::option::of(Just("pia".to_owned())),
            approvals in prop::collection::vec(("ada|leo|lin", any::<bool>()), 0..3),
            regions in prop::collection::vec(some_region(), 0..3),
        ) -> GateFacts {
            let approvals = approvals.iter().map(|(by, still_lead)| approval(by, *still_lead)).collect();
            let standing = Standing { passes, fails, blocked };
            GateFacts { rollback, requested_by: id("ada"), image, standing, signed_off_by: signed_off, approvals, regions }
        }
    }

    proptest! {
        /// The same said the other way round: green means exactly this and nothing less.
        #[test]
        fn all_green_means_that_every_condition_holds(facts in some_facts()) {
            let yes = |seen: &Seen| matches!(seen, Seen::Yes { .. });
            let other_lead = facts.approvals.iter().any(|a| a.still_lead && a.by != facts.requested_by);
            let decided = facts.standing.passes > 0 && facts.signed_off_by.is_some() && other_lead;
            let regions = facts.regions.iter().all(|r| {
                yes(&r.reachable) && r.other_rollout.is_none() && (r.ran_before || !facts.rollback)
            });
            let holds = yes(&facts.image) && facts.standing.fails == 0 && regions && (facts.rollback || decided);
            prop_assert_eq!(all_green(&gates(&facts)), holds);
        }

        #[test]
        fn a_green_gate_needs_nobody_and_every_look_has_its_time(facts in some_facts()) {
            for gate in gates(&facts) {
                prop_assert!(gate.state != GateState::Green || gate.cleared_by.is_none());
                let looked = matches!(gate.kind, GateKind::ImagePresent | GateKind::RegionReachable { .. });
                prop_assert_eq!(gate.checked_at.is_some(), looked);
            }
        }
    }
}
