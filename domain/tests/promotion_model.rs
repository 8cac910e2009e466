//! A small world in which anybody tries anything at any time, and in which the rules of the
//! crate decide. Whatever happens, no region runs a digest whose gates were not green when its
//! rollout started; and what "green" means is said here a second time, without the gates.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says what it expected")]

use chrono::DateTime;
use domain::gate::{Approval, GateFacts, RegionFacts, Seen, all_green, gates, may_approve};
use domain::id::UserId;
use domain::promotion::{Next, PromotionKind, PromotionState, RolloutState, next};
use domain::verdict::{Standing, VerdictKind};
use domain::{Action, Actor, Person, Role, Time};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::collections::BTreeSet;

const REGIONS: usize = 3;
const DIGESTS: usize = 2;
/// Two of each role, and a third lead.
const PEOPLE: [Role; 11] = [
    Role::Viewer,
    Role::Viewer,
    Role::Tester,
    Role::Tester,
    Role::Product,
    Role::Product,
    Role::Lead,
    Role::Lead,
    Role::Lead,
    Role::Admin,
    Role::Admin,
];

/// What somebody tries. The numbers choose among what there is.
#[derive(Clone, Debug)]
enum Try {
    Request {
        by: usize,
        digest: usize,
        regions: Vec<usize>,
    },
    RollBack {
        by: usize,
        digest: usize,
        region: usize,
    },
    Approve {
        by: usize,
        promotion: usize,
    },
    /// A row that got into the table past every check.
    ForgeApproval {
        by: usize,
        promotion: usize,
    },
    Start {
        by: usize,
        promotion: usize,
    },
    Cancel {
        by: usize,
        promotion: usize,
    },
    Judge {
        by: usize,
        digest: usize,
        kind: VerdictKind,
    },
    Withdraw {
        by: usize,
        verdict: usize,
    },
    Overrule {
        by: usize,
        verdict: usize,
    },
    SignOff {
        by: usize,
        digest: usize,
    },
    WithdrawSignOff {
        by: usize,
        digest: usize,
    },
    ChangeRole {
        of: usize,
        to: Role,
    },
    RegionGoes {
        region: usize,
        up: bool,
    },
    ImageGoes {
        digest: usize,
        there: bool,
    },
    /// The worker does the next small thing for a promotion.
    Step {
        promotion: usize,
    },
    /// The engine does not get it done.
    Fail {
        promotion: usize,
    },
    /// Everything that was only in memory is gone.
    Crash,
}

/// Mostly somebody of the right role; now and then anybody.
fn by(role: Role) -> impl Strategy<Value = usize> {
    let right: Vec<usize> = (0..PEOPLE.len()).filter(|at| PEOPLE[*at] == role).collect();
    prop_oneof![6 => prop::sample::select(right), 1 => 0..PEOPLE.len()]
}

fn any_try() -> impl Strategy<Value = Try> {
    let (lead, tester, product) = (|| by(Role::Lead), || by(Role::Tester), || by(Role::Product));
    let (digest, region, promotion) = (|| 0..DIGESTS, || 0..REGIONS, || 0_usize..12);
    let regions = prop::sample::subsequence(vec![0, 1, 2], 1..=2).prop_shuffle();
    let kind = prop_oneof![9 => Just(VerdictKind::Pass), 2 => Just(VerdictKind::Fail), 1 => Just(VerdictKind::Blocked)];
    prop_oneof![
        6 => (lead(), digest(), regions).prop_map(|(by, digest, regions)| Try::Request { by, digest, regions }),
        5 => (lead(), digest(), region()).prop_map(|(by, digest, region)| Try::RollBack { by, digest, region }),
        8 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Approve { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::ForgeApproval { by, promotion }),
        14 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Start { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Cancel { by, promotion }),
        8 => (tester(), digest(), kind).prop_map(|(by, digest, kind)| Try::Judge { by, digest, kind }),
        3 => (tester(), 0_usize..9).prop_map(|(by, verdict)| Try::Withdraw { by, verdict }),
        2 => (lead(), 0_usize..9).prop_map(|(by, verdict)| Try::Overrule { by, verdict }),
        6 => (product(), digest()).prop_map(|(by, digest)| Try::SignOff { by, digest }),
        1 => (product(), digest()).prop_map(|(by, digest)| Try::WithdrawSignOff { by, digest }),
        1 => (0..PEOPLE.len(), prop::sample::select(Role::ALL.to_vec())).prop_map(|(of, to)| Try::ChangeRole { of, to }),
        2 => (region(), prop::bool::weighted(0.85)).prop_map(|(region, up)| Try::RegionGoes { region, up }),
        1 => (digest(), prop::bool::weighted(0.85)).prop_map(|(digest, there)| Try::ImageGoes { digest, there }),
        40 => promotion().prop_map(|promotion| Try::Step { promotion }),
        1 => promotion().prop_map(|promotion| Try::Fail { promotion }),
        2 => Just(Try::Crash),
    ]
}

struct Verdict {
    by: usize,
    digest: usize,
    kind: VerdictKind,
    stands: bool,
}

struct Promotion {
    kind: PromotionKind,
    by: usize,
    digest: usize,
    regions: Vec<usize>,
    approvals: Vec<usize>,
    state: PromotionState,
    rollouts: Vec<RolloutState>,
}

#[derive(Default)]
struct Region {
    up: bool,
    /// What the Swarm runs, whatever the database says.
    runs: Option<usize>,
    verified: BTreeSet<usize>,
}

struct World {
    roles: Vec<Role>,
    verdicts: Vec<Verdict>,
    signed_off: [Option<usize>; DIGESTS],
    there: [bool; DIGESTS],
    regions: [Region; REGIONS],
    promotions: Vec<Promotion>,
    /// What the worker has looked at and is about to do: memory only.
    hand: Option<(usize, usize)>,
    /// Rollouts whose conditions held at their start, as told without the gates.
    held: BTreeSet<(usize, usize)>,
}

fn now() -> Time {
    DateTime::from_timestamp(1_764_000_000, 0).expect("a time")
}

fn seen(yes: bool) -> Seen {
    if yes { Seen::Yes { at: now() } } else { Seen::Unknown { at: now() } }
}

fn user(at: usize) -> UserId {
    UserId(format!("u{at}"))
}

impl World {
    fn new() -> Self {
        let region = || Region { up: true, ..Region::default() };
        Self {
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
        Actor::User { person, signed_in_at: now() }
    }

    fn may(&self, by: usize, action: Action) -> bool {
        self.actor(by).require(action).is_ok()
    }

    fn standing(&self, digest: usize) -> Standing {
        Standing::of(self.verdicts.iter().filter(|v| v.stands && v.digest == digest).map(|v| v.kind))
    }

    /// Who else has a rollout running in a region.
    fn other(&self, promotion: usize, region: usize) -> Option<i64> {
        let runs = |p: &Promotion| p.regions.iter().zip(&p.rollouts).any(|(r, s)| *r == region && *s == RolloutState::Running);
        let at = (0..self.promotions.len()).find(|at| *at != promotion && runs(&self.promotions[*at]))?;
        i64::try_from(at).ok()
    }

    fn facts(&self, promotion: usize, regions: &[usize]) -> GateFacts {
        let p = &self.promotions[promotion];
        let region = |region: &usize| RegionFacts {
            region: region.to_string(),
            reachable: seen(self.regions[*region].up),
            other_rollout: self.other(promotion, *region),
            ran_before: self.regions[*region].verified.contains(&p.digest),
        };
        let approval = |by: &usize| Approval { by: user(*by), name: String::new(), still_lead: self.roles[*by] == Role::Lead };
        GateFacts {
            rollback: p.kind == PromotionKind::Rollback,
            requested_by: user(p.by),
            image: seen(self.there[p.digest]),
            standing: self.standing(p.digest),
            signed_off_by: self.signed_off[p.digest].map(|by| by.to_string()),
            approvals: p.approvals.iter().map(approval).collect(),
            regions: regions.iter().map(region).collect(),
        }
    }

    /// The rules once more, in other words.
    fn holds(&self, promotion: usize, region: usize) -> bool {
        let p = &self.promotions[promotion];
        let stands = |kind: VerdictKind| self.verdicts.iter().any(|v| v.stands && v.digest == p.digest && v.kind == kind);
        let nobody_else = self.promotions.iter().enumerate().all(|(at, other)| {
            let running = |place: usize| other.rollouts[place] == RolloutState::Running && other.regions[place] == region;
            at == promotion || !(0..other.rollouts.len()).any(running)
        });
        let world = self.there[p.digest] && self.regions[region].up && nobody_else && !stands(VerdictKind::Fail);
        let decided = stands(VerdictKind::Pass)
            && self.signed_off[p.digest].is_some()
            && p.approvals.iter().any(|by| *by != p.by && self.roles[*by] == Role::Lead);
        let past = self.regions[region].verified.contains(&p.digest);
        world && if p.kind == PromotionKind::Rollback { past } else { decided }
    }

    fn add(&mut self, kind: PromotionKind, by: usize, digest: usize, regions: Vec<usize>) -> usize {
        let rollouts = vec![RolloutState::Waiting; regions.len()];
        let state = PromotionState::Open;
        self.promotions.push(Promotion { kind, by, digest, regions, approvals: vec![], state, rollouts });
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

    fn start(&mut self, promotion: usize) {
        let regions = self.promotions[promotion].regions.clone();
        let open = self.promotions[promotion].state == PromotionState::Open;
        if open && all_green(&gates(&self.facts(promotion, &regions))) {
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
                let region = self.promotions[promotion].regions[place];
                if all_green(&gates(&self.facts(promotion, &[region]))) {
                    if self.holds(promotion, region) {
                        self.held.insert((promotion, place));
                    }
                    self.go_rollout(promotion, place, RolloutState::Running);
                } else {
                    self.go_rollout(promotion, place, RolloutState::Failed);
                }
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
        assert!(self.held.contains(&(promotion, place)), "a digest reached a region past its gates");
        let (region, digest) = (p.regions[place], p.digest);
        if self.regions[region].up {
            self.regions[region].runs = Some(digest);
        }
    }

    fn attempt(&mut self, attempt: Try) {
        let there = |at: usize, of: usize| at.checked_rem(of);
        match attempt {
            Try::Request { by, digest, regions } if self.may(by, Action::RequestPromotion) => {
                if !self.standing(digest).quarantined() && self.promotions.len() < 4 {
                    self.add(PromotionKind::Promotion, by, digest, regions);
                }
            }
            Try::RollBack { by, digest, region } if self.may(by, Action::RollBack) && self.promotions.len() < 8 => {
                if !self.regions[region].verified.contains(&digest) && self.promotions.len() > 4 {
                    return;
                }
                let promotion = self.add(PromotionKind::Rollback, by, digest, vec![region]);
                self.start(promotion);
            }
            Try::Approve { by, promotion } => {
                let Some(at) = there(promotion, self.promotions.len()) else { return };
                let p = &self.promotions[at];
                let already: Vec<UserId> = p.approvals.iter().copied().map(user).collect();
                let allowed = may_approve(&self.actor(by), &user(p.by), p.state, &already).is_ok();
                assert!(!(allowed && by == p.by), "one's own request was approved");
                if allowed {
                    self.promotions[at].approvals.push(by);
                }
            }
            Try::ForgeApproval { by, promotion } => {
                if let Some(at) = there(promotion, self.promotions.len()) {
                    self.promotions[at].approvals.push(by);
                }
            }
            Try::Start { by, promotion } if self.may(by, Action::StartPromotion) => {
                there(promotion, self.promotions.len()).into_iter().for_each(|at| self.start(at));
            }
            Try::Cancel { by, promotion } if self.may(by, Action::CancelPromotion) => {
                if let Some(at) = there(promotion, self.promotions.len())
                    && self.promotions[at].state.may_become(PromotionState::Cancelled)
                {
                    self.go(at, PromotionState::Cancelled);
                }
            }
            Try::Step { promotion } => there(promotion, self.promotions.len()).into_iter().for_each(|at| self.step(at)),
            Try::Fail { promotion } => {
                if let Some(at) = there(promotion, self.promotions.len())
                    && let Next::Watch(place) = next(&self.promotions[at].rollouts)
                {
                    self.go_rollout(at, place, RolloutState::Failed);
                }
            }
            Try::Crash => self.hand = None,
            Try::ChangeRole { of, to } => self.roles[of] = to,
            Try::RegionGoes { region, up } => self.regions[region].up = up,
            Try::ImageGoes { digest, there } => self.there[digest] = there,
            other => self.judge(other),
        }
    }

    fn judge(&mut self, attempt: Try) {
        match attempt {
            Try::Judge { by, digest, kind } if self.may(by, Action::RecordVerdict) => {
                self.verdicts.push(Verdict { by, digest, kind, stands: true });
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

    /// What holds at every moment, whatever was tried.
    fn check(&self) {
        for region in 0..REGIONS {
            let running = |p: &&Promotion| {
                p.regions.iter().zip(&p.rollouts).any(|(r, state)| *r == region && *state == RolloutState::Running)
            };
            assert!(self.promotions.iter().filter(running).count() <= 1, "two rollouts in one region");
        }
        for (at, p) in self.promotions.iter().enumerate() {
            let touched = p.rollouts.iter().any(|state| *state != RolloutState::Waiting);
            assert!(!touched || p.state != PromotionState::Open, "a rollout went before its promotion");
            assert!(!touched || p.state != PromotionState::Cancelled, "a cancelled promotion touched a region");
            for (place, state) in p.rollouts.iter().enumerate() {
                let ran = matches!(state, RolloutState::Running | RolloutState::Verified);
                assert!(!ran || self.held.contains(&(at, place)), "a rollout began past its gates");
                assert!(p.state != PromotionState::Verified || *state == RolloutState::Verified);
            }
        }
    }
}

/// A hand-made walk through the whole of it, so that the model is known to reach the end.
#[test]
fn in_the_small_world_a_build_reaches_a_region_and_goes_back() {
    let mut world = World::new();
    for digest in 0..DIGESTS {
        let regions = vec![1, 0];
        world.attempt(Try::Judge { by: 2, digest, kind: VerdictKind::Pass });
        world.attempt(Try::SignOff { by: 4, digest });
        world.attempt(Try::Request { by: 6, digest, regions });
        world.attempt(Try::Approve { by: 6, promotion: digest });
        world.attempt(Try::Start { by: 6, promotion: digest });
        assert_eq!(world.promotions[digest].state, PromotionState::Open, "nobody else has approved");
        world.attempt(Try::Approve { by: 7, promotion: digest });
        world.attempt(Try::Start { by: 6, promotion: digest });
        (0..12).for_each(|_| world.attempt(Try::Step { promotion: digest }));
        assert_eq!(world.promotions[digest].state, PromotionState::Verified);
        assert_eq!((world.regions[0].runs, world.regions[2].runs), (Some(digest), None));
        world.check();
    }
    world.attempt(Try::RollBack { by: 7, digest: 0, region: 0 });
    (0..12).for_each(|_| world.attempt(Try::Step { promotion: 2 }));
    assert_eq!((world.regions[0].runs, world.regions[1].runs), (Some(0), Some(1)));
    world.check();
}

#[test]
fn whatever_anybody_tries_no_digest_reaches_a_region_past_its_gates() {
    let (placed, finished, failed) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |of: &Cell<u32>, yes: bool| of.set(of.get() + u32::from(yes));
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(256);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let tried = runner.run(&prop::collection::vec(any_try(), 1..400), |tries| {
        let mut world = World::new();
        for attempt in tries {
            world.attempt(attempt);
            world.check();
        }
        let ended = |state| world.promotions.iter().any(|p| p.state == state);
        count(&placed, world.regions.iter().any(|region| region.runs.is_some()));
        count(&finished, ended(PromotionState::Verified));
        count(&failed, ended(PromotionState::Failed));
        Ok(())
    });
    tried.expect("the rules hold");
    // A world in which nothing ever happens would prove nothing.
    let often = cases / 20;
    assert!(placed.get() > often && finished.get() > often && failed.get() > often / 4, "{placed:?} {finished:?} {failed:?}");
}
