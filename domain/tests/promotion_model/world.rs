//! A small world in which the rules of the crate decide, and the same rules told a second time.

mod told;

use super::tries::{DIGESTS, PEOPLE, REGIONS, Try};
use chrono::{DateTime, TimeDelta};
use domain::freeze::{Freeze, Frozen};
use domain::gate::world::{Age, Errand, Need, Room, Secrets, Variables, WayBack, WorldFacts};
use domain::gate::{
    Approval, ApprovalFor, Authors, Exemption, GateFacts, Pass, RegionFacts, Seen, SignedOff, all_green, gates, has_expired,
    may_approve, may_exempt, may_reject,
};
use domain::id::UserId;
use domain::policy::{ApprovalRule, Policy};
use domain::promotion::{Next, PromotionState, RolloutState, next};
use domain::verdict::{Standing, VerdictKind};
use domain::{Action, Actor, Person, Role, Time};
use std::collections::BTreeSet;

/// A region of which the gates about the world ask nothing: they have tests of their own.
fn nothing_to_ask() -> WorldFacts {
    let need = Need { replicas: 0, beside: 0, memory_mib: 1, published: false };
    WorldFacts {
        image: None,
        copy: Errand::NotAllowed,
        way_back: WayBack::Nothing,
        variables: Variables::Unknown,
        secrets: Secrets::default(),
        room: Room::Seen { at: time(0), nodes: vec![], need },
        age: Age::First,
    }
}

/// Who alone wrote each digest.
pub const AUTHORS: [usize; DIGESTS] = [7, 3];

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    pub by: usize,
    pub digest: usize,
    pub kind: VerdictKind,
    pub at: u32,
    pub stands: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Given {
    pub by: usize,
    pub role: Role,
    pub at: u32,
    pub digest: usize,
    pub regions: Vec<usize>,
    pub policy: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Promotion {
    pub rollback: bool,
    pub by: usize,
    pub at: u32,
    pub digest: usize,
    pub regions: Vec<usize>,
    pub approvals: Vec<Given>,
    pub booked: Option<usize>,
    pub exempt: Option<usize>,
    pub glass: bool,
    pub state: PromotionState,
    pub rollouts: Vec<RolloutState>,
}

#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Region {
    pub up: bool,
    pub frozen: bool,
    /// What the Swarm runs, whatever the database says.
    pub runs: Option<usize>,
    pub verified: BTreeSet<usize>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub hours: u32,
    pub policy: usize,
    pub roles: Vec<Role>,
    pub verdicts: Vec<Verdict>,
    pub signed_off: [Option<usize>; DIGESTS],
    pub there: [bool; DIGESTS],
    pub regions: [Region; REGIONS],
    pub promotions: Vec<Promotion>,
    /// What the worker has looked at and is about to do: memory only.
    pub hand: Option<(usize, usize)>,
    /// Promotions whose conditions held at their start, as told without the gates.
    pub held: BTreeSet<usize>,
}

/// Three configurations: the default, a strict one with glass to break, and one that asks product too.
pub fn policy(which: usize) -> Policy {
    let rule = |role, count| ApprovalRule { role, count };
    match which {
        0 => Policy::default(),
        1 => Policy { approvals: vec![rule(Role::Lead, 2)], break_glass: true, ..Policy::default() },
        _ => Policy {
            approvals: vec![rule(Role::Product, 1), rule(Role::Lead, 1)],
            sign_off: false,
            soak_in_test_minutes: 120,
            approvals_expire_hours: 24,
            ..Policy::default()
        },
    }
}

fn time(hours: u32) -> Time {
    DateTime::from_timestamp(1_764_000_000, 0).expect("a time") + TimeDelta::hours(hours.into())
}

fn user(at: usize) -> UserId {
    UserId(format!("u{at}"))
}

impl World {
    pub fn new() -> Self {
        let region = || Region { up: true, ..Region::default() };
        Self {
            hours: 0,
            policy: 0,
            roles: PEOPLE.to_vec(),
            verdicts: vec![],
            signed_off: [None; DIGESTS],
            there: [true; DIGESTS],
            regions: [region(), region(), region()],
            promotions: vec![],
            hand: None,
            held: BTreeSet::new(),
        }
    }

    fn actor(&self, at: usize) -> Actor {
        let person = Person { id: user(at), name: format!("u{at}"), role: self.roles[at] };
        Actor::User { person, signed_in_at: time(self.hours) }
    }

    fn may(&self, by: usize, action: Action) -> bool {
        self.roles[by].allows(action)
    }

    fn standing(&self, digest: usize) -> Standing {
        Standing::of(self.verdicts.iter().filter(|v| v.stands && v.digest == digest).map(|v| v.kind))
    }

    /// Who else has a rollout running in a region, or one that waits for its turn there.
    fn other(&self, promotion: usize, region: usize) -> Option<i64> {
        let busy = |p: &Promotion| {
            let going = |state: &RolloutState| *state == RolloutState::Running || *state == RolloutState::Waiting;
            p.state == PromotionState::Running && p.regions.iter().zip(&p.rollouts).any(|(r, s)| *r == region && going(s))
        };
        let at = (0..self.promotions.len()).find(|at| *at != promotion && busy(&self.promotions[*at]))?;
        i64::try_from(at).ok()
    }

    fn given_for(digest: usize, regions: &[usize], policy: &str) -> ApprovalFor {
        let regions = regions.iter().map(ToString::to_string).collect();
        ApprovalFor { digest: digest.to_string(), regions, policy: policy.to_owned() }
    }

    fn facts(&self, promotion: usize) -> GateFacts {
        let p = &self.promotions[promotion];
        let seen = |yes: bool| if yes { Seen::Yes { at: time(0) } } else { Seen::Unknown { at: time(0) } };
        let closed = || Freeze::Closed(Frozen { name: String::new(), reason: String::new(), until: None });
        let region = |region: &usize| RegionFacts {
            region: region.to_string(),
            reachable: seen(self.regions[*region].up),
            other_rollout: self.other(promotion, *region),
            ran_before: self.regions[*region].verified.contains(&p.digest),
            freeze: if self.regions[*region].frozen { closed() } else { Freeze::Open },
            world: nothing_to_ask(),
            canary: None,
            asked: None,
        };
        let approval = |given: &Given| Approval {
            by: user(given.by),
            name: format!("u{}", given.by),
            at: time(given.at),
            role: given.role,
            still: self.roles[given.by] == given.role,
            given_for: Self::given_for(given.digest, &given.regions, &policy(given.policy).fingerprint()),
        };
        let exemption = |by: usize| {
            let still = self.may(by, Action::LiftFreeze);
            Exemption { by: user(by), name: String::new(), reason: String::new(), still }
        };
        let passes = self.verdicts.iter().filter(|v| v.stands && v.digest == p.digest && v.kind == VerdictKind::Pass);
        let policy = policy(self.policy);
        GateFacts {
            now: time(self.hours),
            rollback: p.rollback,
            glass: p.glass,
            requested_by: user(p.by),
            subject: Self::given_for(p.digest, &p.regions, &policy.fingerprint()),
            policy,
            authors: Authors::Known(vec![format!("U{}", AUTHORS[p.digest])]),
            image: seen(self.there[p.digest]),
            standing: self.standing(p.digest),
            passes: passes.map(|v| Pass { name: format!("u{}", v.by), at: time(v.at) }).collect(),
            signed_off: self.signed_off[p.digest].map(|by| SignedOff { name: format!("u{by}"), at: time(0) }),
            approvals: p.approvals.iter().map(approval).collect(),
            exemption: p.exempt.map(exemption),
            regions: p.regions.iter().map(region).collect(),
        }
    }

    fn add(&mut self, rollback: bool, by: usize, digest: usize, regions: Vec<usize>) -> usize {
        self.promotions.push(Promotion {
            rollback,
            by,
            at: self.hours,
            digest,
            rollouts: vec![RolloutState::Waiting; regions.len()],
            regions,
            approvals: vec![],
            booked: None,
            exempt: None,
            glass: false,
            state: PromotionState::Open,
        });
        self.promotions.len() - 1
    }

    fn go(&mut self, promotion: usize, to: PromotionState) {
        let state = &mut self.promotions[promotion].state;
        assert!(state.may_become(to), "{state:?} to {to:?}");
        *state = to;
    }

    fn go_rollout(&mut self, promotion: usize, place: usize, to: RolloutState) {
        let state = &mut self.promotions[promotion].rollouts[place];
        assert!(state.may_become(to), "{state:?} to {to:?}");
        *state = to;
    }

    /// The one start, whoever asks for it.
    fn start(&mut self, promotion: usize) {
        if self.promotions[promotion].state == PromotionState::Open && all_green(&gates(&self.facts(promotion))) {
            if self.holds(promotion) {
                self.held.insert(promotion);
            }
            self.go(promotion, PromotionState::Running);
        }
    }

    /// One small thing that the worker does. What comes next follows from the database alone.
    fn step(&mut self, promotion: usize) {
        if let Some((promotion, place)) = self.hand.take() {
            self.place(promotion, place);
            return;
        }
        if self.promotions[promotion].state != PromotionState::Running {
            return;
        }
        match next(&self.promotions[promotion].rollouts) {
            Next::Start(place) => {
                let (region, digest) = (self.promotions[promotion].regions[place], self.promotions[promotion].digest);
                let stopped = self.standing(digest).quarantined() || self.other(promotion, region).is_some();
                self.go_rollout(promotion, place, if stopped { RolloutState::Failed } else { RolloutState::Running });
            }
            Next::Watch(place) => {
                let (region, digest) = (self.promotions[promotion].regions[place], self.promotions[promotion].digest);
                if self.regions[region].up && self.regions[region].runs == Some(digest) {
                    self.go_rollout(promotion, place, RolloutState::Verified);
                    self.regions[region].verified.insert(digest);
                } else if self.regions[region].up {
                    self.hand = Some((promotion, place));
                }
            }
            Next::Verified => self.go(promotion, PromotionState::Verified),
            Next::Failed => {
                let waiting = |state: &RolloutState| *state == RolloutState::Waiting;
                while let Some(place) = self.promotions[promotion].rollouts.iter().position(waiting) {
                    self.go_rollout(promotion, place, RolloutState::Skipped);
                }
                self.go(promotion, PromotionState::Failed);
            }
        }
    }

    /// The Swarm is told to run a digest: the moment that everything is about.
    fn place(&mut self, promotion: usize, place: usize) {
        let p = &self.promotions[promotion];
        if p.rollouts[place] != RolloutState::Running {
            return;
        }
        assert!(self.held.contains(&promotion), "a digest reached a region past its gates");
        let (region, digest) = (p.regions[place], p.digest);
        if self.regions[region].up {
            self.regions[region].runs = Some(digest);
        }
    }

    pub fn attempt(&mut self, attempt: &Try) {
        let of = self.promotions.len();
        let there = |at: usize| at.checked_rem(of);
        match *attempt {
            Try::Request { by, digest, ref regions } if self.may(by, Action::RequestPromotion) => {
                if !self.standing(digest).quarantined() && of < 4 {
                    self.add(false, by, digest, regions.clone());
                }
            }
            Try::RollBack { by, digest, region } if self.may(by, Action::RollBack) && of < 8 => {
                if !self.regions[region].verified.contains(&digest) && of > 4 {
                    return;
                }
                let promotion = self.add(true, by, digest, vec![region]);
                self.start(promotion);
            }
            Try::Approve { promotion, .. }
            | Try::Reject { promotion, .. }
            | Try::ForgeApproval { promotion, .. }
            | Try::Change { promotion, .. }
            | Try::Book { promotion, .. }
            | Try::Exempt { promotion, .. }
            | Try::Cancel { promotion, .. } => there(promotion).into_iter().for_each(|at| self.decide(attempt, at)),
            Try::Start { by, promotion } if self.may(by, Action::StartPromotion) => {
                there(promotion).into_iter().for_each(|at| self.start(at));
            }
            Try::BreakGlass { by, promotion } if self.may(by, Action::BreakGlass) => {
                there(promotion).into_iter().for_each(|at| self.break_glass(at));
            }
            Try::LookAfter { promotion } => there(promotion).into_iter().for_each(|at| self.look_after(at)),
            Try::Step { promotion } => there(promotion).into_iter().for_each(|at| self.step(at)),
            Try::Abort { by, promotion } if self.may(by, Action::CancelPromotion) => {
                there(promotion).into_iter().for_each(|at| self.fail(at));
            }
            Try::Fail { promotion } => there(promotion).into_iter().for_each(|at| self.fail(at)),
            Try::Crash => self.hand = None,
            Try::ChangeRole { of, to } => self.roles[of] = to,
            Try::Policy { which } => self.policy = which,
            Try::Freeze { region, on } => self.regions[region].frozen = on,
            Try::RegionGoes { region, up } => self.regions[region].up = up,
            Try::ImageGoes { digest, there } => self.there[digest] = there,
            Try::Wait { hours } => self.hours += hours,
            ref other => self.judge(other),
        }
    }

    /// What people, or an accident, do about a promotion that is there.
    fn decide(&mut self, attempt: &Try, at: usize) {
        let p = &self.promotions[at];
        let (state, requested_by) = (p.state, user(p.by));
        match *attempt {
            Try::Approve { by, .. } => {
                let allowed = may_approve(&self.actor(by), state, &self.facts(at)).is_ok();
                assert!(!(allowed && (by == p.by || by == AUTHORS[p.digest])), "one's own was approved");
                if allowed {
                    self.give(by, at);
                }
            }
            Try::ForgeApproval { by, .. } => self.give(by, at),
            Try::Reject { by, .. } if may_reject(&self.actor(by), &requested_by, state, &policy(self.policy)).is_ok() => {
                self.go(at, PromotionState::Rejected);
            }
            Try::Exempt { by, .. } if may_exempt(&self.actor(by), &requested_by, state).is_ok() => {
                self.promotions[at].exempt = Some(by);
            }
            Try::Book { by, .. } if self.may(by, Action::StartPromotion) && state == PromotionState::Open => {
                self.promotions[at].booked = Some(by);
            }
            Try::Cancel { by, .. } if self.may(by, Action::CancelPromotion) && state == PromotionState::Open => {
                self.go(at, PromotionState::Cancelled);
            }
            Try::Change { digest, .. } if state == PromotionState::Open => {
                let p = &mut self.promotions[at];
                if digest { p.digest = (p.digest + 1) % DIGESTS } else { p.regions.reverse() }
            }
            _ => {}
        }
    }

    fn give(&mut self, by: usize, at: usize) {
        let (role, hours, policy) = (self.roles[by], self.hours, self.policy);
        let p = &mut self.promotions[at];
        let given = Given { by, role, at: hours, digest: p.digest, regions: p.regions.clone(), policy };
        match p.approvals.iter_mut().find(|old| old.by == by) {
            Some(old) => *old = given,
            None => p.approvals.push(given),
        }
    }

    /// Broken and started in one transaction, or not at all.
    fn break_glass(&mut self, at: usize) {
        if self.promotions[at].state != PromotionState::Open || policy(self.policy).require_glass().is_err() {
            return;
        }
        assert_eq!(self.policy, 1, "only one policy has glass to break");
        self.promotions[at].glass = true;
        self.start(at);
        if self.promotions[at].state == PromotionState::Open {
            self.promotions[at].glass = false;
        }
    }

    fn look_after(&mut self, at: usize) {
        let facts = self.facts(at);
        let p = &self.promotions[at];
        if p.state != PromotionState::Open {
            return;
        }
        if has_expired(time(p.at), &facts.approvals, &facts.policy, facts.now) {
            self.go(at, PromotionState::Expired);
        } else if p.booked.is_some_and(|by| self.may(by, Action::StartPromotion)) {
            self.start(at);
        }
    }

    fn fail(&mut self, at: usize) {
        if self.promotions[at].state == PromotionState::Running
            && let Next::Watch(place) = next(&self.promotions[at].rollouts)
        {
            self.go_rollout(at, place, RolloutState::Failed);
        }
    }

    fn judge(&mut self, attempt: &Try) {
        match *attempt {
            Try::Judge { by, digest, kind } if self.may(by, Action::RecordVerdict) => {
                self.verdicts.push(Verdict { by, digest, kind, at: self.hours, stands: true });
            }
            Try::Withdraw { by, verdict } if self.may(by, Action::WithdrawVerdict) => {
                self.verdicts.iter_mut().skip(verdict).take(1).filter(|v| v.by == by).for_each(|v| v.stands = false);
            }
            Try::Overrule { by, verdict } if self.may(by, Action::OverruleVerdict) => {
                let fail = |v: &&mut Verdict| v.kind == VerdictKind::Fail;
                self.verdicts.iter_mut().skip(verdict).take(1).filter(fail).for_each(|v| v.stands = false);
            }
            Try::SignOff { by, digest } if self.may(by, Action::SignOff) => self.signed_off[digest] = Some(by),
            Try::WithdrawSignOff { by, digest } if self.may(by, Action::SignOff) => self.signed_off[digest] = None,
            _ => {}
        }
    }
}
