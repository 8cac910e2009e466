//! Anybody tries anything in any order, and the whole server is compared with a few sets that
//! know nothing of gates, rows or transactions: a promotion runs only when the sets say so.

mod tries;

use super::stage::{REGIONS, Stage, going_back, typed};
use crate::common::TestApp;
use crate::decided::listed;
use crate::outside::Mood;
use app::view::{PromotionInput, VerdictInput};
use domain::id::{BuildId, PromotionId, SignOffId, VerdictId};
use domain::promotion::{PromotionState, RolloutState};
use domain::verdict::VerdictKind;
use domain::{Actor, Digest, Problem, Role};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use server::usecases::people::{change_role, set_disabled};
use server::usecases::promotions::{approve_promotion, back_to, cancel_promotion, request_promotion, roll_back, start_promotion};
use server::usecases::verdicts::{overrule_verdict, record_verdict, sign_off, withdraw_sign_off, withdraw_verdict};
use std::collections::{BTreeMap, BTreeSet};
use tries::{BUILDS, ROLES, Try, any_try};

/// A verdict as the sets know it.
struct Verdict {
    id: VerdictId,
    by: usize,
    digest: usize,
    kind: VerdictKind,
    stands: bool,
}

struct SignOff {
    id: SignOffId,
    by: usize,
    build: usize,
    stands: bool,
}

struct Promotion {
    id: PromotionId,
    by: usize,
    build: usize,
    rollback: bool,
    regions: Vec<usize>,
    approved: BTreeSet<usize>,
    state: PromotionState,
}

/// What is known without asking the server.
struct Known {
    roles: [Role; ROLES.len()],
    off: [bool; ROLES.len()],
    verdicts: Vec<Verdict>,
    sign_offs: Vec<SignOff>,
    promotions: Vec<Promotion>,
    moods: [Mood; 3],
    there: [bool; 2],
    /// What was verified in a region of an app.
    verified: BTreeMap<(usize, usize), BTreeSet<usize>>,
    /// What was verified there and not rolled back from, the newest last.
    pile: BTreeMap<(usize, usize), Vec<usize>>,
    started: u32,
    refused: u32,
    back: u32,
}

/// The digest and the app of a build, by place.
fn of(build: usize) -> (usize, usize) {
    [(0, 0), (1, 0), (0, 1)][build]
}

const APPS: [&str; 2] = ["web", "worker"];

impl Known {
    fn new() -> Self {
        Self {
            roles: ROLES,
            off: [false; ROLES.len()],
            verdicts: vec![],
            sign_offs: vec![],
            promotions: vec![],
            moods: [Mood::Well; 3],
            there: [true; 2],
            verified: BTreeMap::new(),
            pile: BTreeMap::new(),
            started: 0,
            refused: 0,
            back: 0,
        }
    }

    /// Let in with this role when the story began, and still of it.
    fn is(&self, at: usize, role: Role) -> bool {
        ROLES[at] == role && self.roles[at] == role && !self.off[at]
    }

    fn says(&self, digest: usize, kind: VerdictKind) -> bool {
        self.verdicts.iter().any(|v| v.stands && v.digest == digest && v.kind == kind)
    }

    /// Whether nothing stands in the way of `build` in `regions` now.
    fn free(&self, build: usize, regions: &[usize]) -> bool {
        let (digest, app) = of(build);
        let busy = |region: &usize| {
            self.promotions
                .iter()
                .any(|p| p.state == PromotionState::Running && of(p.build).1 == app && p.regions.contains(region))
        };
        let well = regions.iter().all(|region| self.moods[*region] == Mood::Well && !busy(region));
        self.there[digest] && well && !self.says(digest, VerdictKind::Fail)
    }

    /// Whether what `build` would be rolled back to is still there.
    fn way_back_kept(&self, build: usize, region: usize) -> bool {
        let (digest, app) = of(build);
        let back = self.pile.get(&(app, region)).and_then(|pile| pile.iter().rev().find(|other| **other != digest));
        back.is_none_or(|back| self.there[*back])
    }

    /// Whether the promotion may start now, said from the beginning and without gates.
    fn may_start(&self, by: usize, at: usize) -> bool {
        let p = &self.promotions[at];
        let signed = self.sign_offs.iter().any(|s| s.stands && s.build == p.build);
        let approved = p.approved.iter().any(|who| *who != p.by && self.is(*who, Role::Lead));
        self.is(by, Role::Lead)
            && p.state == PromotionState::Open
            && self.free(p.build, &p.regions)
            && p.regions.iter().all(|region| self.way_back_kept(p.build, *region))
            && self.says(of(p.build).0, VerdictKind::Pass)
            && signed
            && approved
    }
}

/// The server under test, beside what is known.
struct Both {
    stage: Stage,
    people: Vec<Actor>,
    builds: Vec<BuildId>,
    digests: [Digest; 2],
    known: Known,
}

impl Both {
    async fn begin() -> Self {
        let stage = Stage::set(TestApp::sqlite().await).await;
        let digests = [stage.registry.push(0), stage.registry.push(1)];
        let mut builds = Vec::new();
        for build in 0..BUILDS {
            let (digest, app) = of(build);
            builds.push(listed(&stage.app, APPS[app], &digests[digest]).await);
        }
        let mut people = Vec::new();
        for (at, role) in ROLES.into_iter().enumerate() {
            people.push(stage.app.person(&format!("p{at}"), role).await);
        }
        Self { stage, people, builds, digests, known: Known::new() }
    }

    /// The actor as somebody who signed in when the story began: what changed since is for the
    /// use case to find out.
    fn actor(&self, at: usize) -> Actor {
        self.people[at].clone()
    }

    /// A use case did it exactly when it should have.
    fn agree<T>(&self, attempt: &Try, done: &Result<T, Problem>, should: bool) {
        let problem = done.as_ref().err();
        assert_eq!(done.is_ok(), should, "{attempt:?} ended as {problem:?}");
        assert!(!matches!(problem, Some(Problem::Internal { .. } | Problem::Busy)), "{attempt:?}: {problem:?}");
    }

    async fn attempt(&mut self, attempt: Try) {
        self.stage.tick();
        let Some(attempt) = self.chosen(attempt) else { return };
        match &attempt {
            Try::Judge { .. } | Try::Withdraw { .. } | Try::Overrule { .. } => self.judge(attempt).await,
            Try::SignOff { .. } | Try::WithdrawSignOff { .. } => self.accept(attempt).await,
            Try::Request { .. } | Try::Approve { .. } | Try::Cancel { .. } => self.prepare(attempt).await,
            Try::Start { .. } | Try::RollBack { .. } => self.launch(attempt).await,
            Try::Work { promotion, failing } => self.work(*promotion, *failing).await,
            Try::Help { promotion, through } => self.help(*promotion, *through).await,
            Try::Role { .. } | Try::Disable { .. } | Try::Region { .. } | Try::Image { .. } => self.change(attempt).await,
        }
    }

    /// The numbers of an attempt, brought down to what there is; none when there is nothing.
    fn chosen(&self, mut attempt: Try) -> Option<Try> {
        let (number, of) = match &mut attempt {
            Try::Withdraw { verdict, .. } | Try::Overrule { verdict, .. } => (verdict, self.known.verdicts.len()),
            Try::WithdrawSignOff { sign_off, .. } => (sign_off, self.known.sign_offs.len()),
            Try::Approve { promotion, .. }
            | Try::Cancel { promotion, .. }
            | Try::Start { promotion, .. }
            | Try::Work { promotion, .. }
            | Try::Help { promotion, .. } => (promotion, self.known.promotions.len()),
            _ => return Some(attempt),
        };
        *number = number.checked_rem(of)?;
        Some(attempt)
    }

    async fn help(&mut self, promotion: usize, through: bool) {
        let known = &self.known.promotions[promotion];
        let (requester, build, digest) = (known.by, known.build, of(known.build).0);
        for of in 4..7 {
            self.change(Try::Role { of, to: Role::Lead }).await;
            self.change(Try::Disable { of, off: false }).await;
        }
        for region in 0..3 {
            self.change(Try::Region { region, mood: Mood::Well }).await;
        }
        self.change(Try::Image { digest, there: true }).await;
        for verdict in 0..self.known.verdicts.len() {
            if self.known.verdicts[verdict].digest == digest {
                self.judge(Try::Overrule { by: 4, verdict }).await;
            }
        }
        self.judge(Try::Judge { by: 0, build, kind: VerdictKind::Pass }).await;
        self.accept(Try::SignOff { by: 2, build }).await;
        self.prepare(Try::Approve { by: if requester == 5 { 6 } else { 5 }, promotion }).await;
        if through {
            self.launch(Try::Start { by: 4, promotion, typed: true }).await;
            self.work(promotion, None).await;
        }
    }

    async fn judge(&mut self, attempt: Try) {
        let ctx = self.stage.app.ctx.clone();
        match attempt {
            Try::Judge { by, build, kind } => {
                let input = VerdictInput { build: self.builds[build].clone(), kind, note: "so".to_owned(), environment: None };
                let done = record_verdict(&ctx, &self.actor(by), input).await;
                self.agree(&attempt, &done, self.known.is(by, Role::Tester));
                if let Ok(id) = done {
                    let mine = |v: &&mut Verdict| v.by == by && v.digest == of(build).0 && kind.supersedes(v.kind);
                    self.known.verdicts.iter_mut().filter(mine).for_each(|v| v.stands = false);
                    self.known.verdicts.push(Verdict { id, by, digest: of(build).0, kind, stands: true });
                }
            }
            Try::Withdraw { by, verdict } => {
                let known = &self.known.verdicts[verdict];
                let should = self.known.is(by, Role::Tester) && known.by == by && known.stands;
                let done = withdraw_verdict(&ctx, &self.actor(by), &known.id).await;
                self.agree(&attempt, &done, should);
                self.known.verdicts[verdict].stands &= done.is_err();
            }
            Try::Overrule { by, verdict } => {
                let known = &self.known.verdicts[verdict];
                let should = self.known.is(by, Role::Lead) && known.kind == VerdictKind::Fail && known.stands;
                let done = overrule_verdict(&ctx, &self.actor(by), &known.id, "so".to_owned()).await;
                self.agree(&attempt, &done, should);
                self.known.verdicts[verdict].stands &= done.is_err();
            }
            _ => {}
        }
    }

    async fn accept(&mut self, attempt: Try) {
        let ctx = self.stage.app.ctx.clone();
        match attempt {
            Try::SignOff { by, build } => {
                let again = self.known.sign_offs.iter().any(|s| s.stands && s.by == by && s.build == build);
                let should = self.known.is(by, Role::Product) && !again && !self.known.says(of(build).0, VerdictKind::Fail);
                let done = sign_off(&ctx, &self.actor(by), &self.builds[build], String::new()).await;
                self.agree(&attempt, &done, should);
                if let Ok(id) = done {
                    self.known.sign_offs.push(SignOff { id, by, build, stands: true });
                }
            }
            Try::WithdrawSignOff { by, sign_off } => {
                let known = &self.known.sign_offs[sign_off];
                let should = self.known.is(by, Role::Product) && known.by == by && known.stands;
                let done = withdraw_sign_off(&ctx, &self.actor(by), &known.id).await;
                self.agree(&attempt, &done, should);
                self.known.sign_offs[sign_off].stands &= done.is_err();
            }
            _ => {}
        }
    }

    async fn prepare(&mut self, attempt: Try) {
        let ctx = self.stage.app.ctx.clone();
        match &attempt {
            Try::Request { by, build, regions } if self.known.promotions.len() < 16 => {
                let should = self.known.is(*by, Role::Lead) && !self.known.says(of(*build).0, VerdictKind::Fail);
                let names = regions.iter().map(|region| REGIONS[*region].to_owned()).collect();
                let input = PromotionInput {
                    build: self.builds[*build].clone(),
                    regions: names,
                    reason: String::new(),
                    waves: vec![],
                    booking: None,
                    canary: None,
                };
                let done = request_promotion(&ctx, &self.actor(*by), input).await;
                self.agree(&attempt, &done, should);
                if let Ok(id) = done {
                    self.known.promotions.push(Promotion {
                        id,
                        by: *by,
                        build: *build,
                        rollback: false,
                        regions: regions.clone(),
                        approved: BTreeSet::new(),
                        state: PromotionState::Open,
                    });
                }
            }
            Try::Approve { by, promotion } => {
                let known = &self.known.promotions[*promotion];
                let open = known.state == PromotionState::Open;
                let should = self.known.is(*by, Role::Lead) && open && known.by != *by && !known.approved.contains(by);
                let done = approve_promotion(&ctx, &self.actor(*by), &known.id).await;
                self.agree(&attempt, &done, should);
                if done.is_ok() {
                    self.known.promotions[*promotion].approved.insert(*by);
                }
            }
            Try::Cancel { by, promotion } => {
                let known = &self.known.promotions[*promotion];
                let should = self.known.is(*by, Role::Lead) && known.state == PromotionState::Open;
                let done = cancel_promotion(&ctx, &self.actor(*by), &known.id, "so".to_owned()).await;
                self.agree(&attempt, &done, should);
                if done.is_ok() {
                    self.known.promotions[*promotion].state = PromotionState::Cancelled;
                }
            }
            _ => {}
        }
    }

    async fn launch(&mut self, attempt: Try) {
        let ctx = self.stage.app.ctx.clone();
        match attempt {
            Try::Start { by, promotion, typed: right } => {
                let should = right && self.known.may_start(by, promotion);
                let known = &self.known.promotions[promotion];
                let name = if right { APPS[of(known.build).1] } else { "wed" };
                let done = start_promotion(&ctx, &self.actor(by), &known.id, typed(name)).await;
                self.agree(&attempt, &done, should);
                match done {
                    Ok(()) => {
                        self.known.promotions[promotion].state = PromotionState::Running;
                        self.known.started += 1;
                    }
                    Err(Problem::GatesClosed { .. }) => self.known.refused += 1,
                    Err(_) => {}
                }
            }
            Try::RollBack { by, region } => {
                let offered = back_to(&ctx, "web", REGIONS[region]).await.expect("looked up");
                let digest = offered.and_then(|offered| self.digests.iter().position(|digest| *digest == offered));
                let verified = self.known.verified.get(&(0, region));
                // Where it leads is told elsewhere; wherever it leads was verified there.
                assert!(digest.is_none_or(|digest| verified.is_some_and(|had| had.contains(&digest))));
                let free = digest.is_some_and(|digest| self.known.free(digest, &[region]));
                let done = roll_back(&ctx, &self.actor(by), going_back(REGIONS[region], None)).await;
                self.agree(&attempt, &done, self.known.is(by, Role::Lead) && free);
                if let (Ok(id), Some(build)) = (done, digest) {
                    self.known.back += 1;
                    self.known.promotions.push(Promotion {
                        id,
                        by,
                        build,
                        rollback: true,
                        regions: vec![region],
                        approved: BTreeSet::new(),
                        state: PromotionState::Running,
                    });
                }
            }
            _ => {}
        }
    }

    /// The worker carries a running promotion out.
    async fn work(&mut self, at: usize, failing: Option<usize>) {
        let known = &self.known.promotions[at];
        if known.state != PromotionState::Running {
            return;
        }
        let failing = failing.filter(|region| known.regions.contains(region));
        let names: Vec<&str> = failing.iter().map(|region| REGIONS[*region]).collect();
        self.stage.work(&known.id, &names).await;
        let (digest, app) = of(known.build);
        let (regions, rollback) = (known.regions.clone(), known.rollback);
        for region in regions.iter().take_while(|region| Some(**region) != failing) {
            self.known.verified.entry((app, *region)).or_default().insert(digest);
            let pile = self.known.pile.entry((app, *region)).or_default();
            match pile.iter().rposition(|other| *other == digest).filter(|_| rollback) {
                Some(place) => pile.truncate(place + 1),
                None if pile.last() == Some(&digest) => {}
                None => pile.push(digest),
            }
        }
        let state = if failing.is_some() { PromotionState::Failed } else { PromotionState::Verified };
        self.known.promotions[at].state = state;
    }

    async fn change(&mut self, attempt: Try) {
        let ctx = &self.stage.app.ctx;
        let person = |at: usize| self.people[at].person().expect("a person").id.clone();
        match attempt {
            Try::Role { of, to } => {
                change_role(ctx, &self.stage.people.adam, &person(of), to).await.expect("changed");
                self.known.roles[of] = to;
            }
            Try::Disable { of, off } => {
                set_disabled(ctx, &self.stage.people.adam, &person(of), off).await.expect("changed");
                self.known.off[of] = off;
            }
            Try::Region { region, mood } => {
                self.stage.regions[region].be(mood);
                self.known.moods[region] = mood;
            }
            Try::Image { digest, there } => {
                match there {
                    true => assert_eq!(self.stage.registry.push(digest as u64), self.digests[digest]),
                    false => self.stage.registry.lose(&self.digests[digest]),
                }
                self.known.there[digest] = there;
            }
            _ => {}
        }
    }

    /// The database says of every promotion what is known, and only what has started has
    /// something to run.
    async fn check(&self) {
        assert_eq!(self.stage.app.count("promotions").await, self.known.promotions.len() as i64);
        for known in &self.known.promotions {
            assert_eq!(self.stage.state(&known.id).await, known.state);
            for rollout in self.stage.rollouts(&known.id).await {
                let started = !matches!(known.state, PromotionState::Open | PromotionState::Cancelled);
                assert_eq!(rollout.intent.is_some(), started);
                assert!(started || matches!(rollout.state, RolloutState::Waiting | RolloutState::Skipped));
                assert_eq!(rollout.digest, self.digests[of(known.build).0]);
            }
            assert!(!known.rollback || known.state != PromotionState::Open);
        }
    }
}

#[tokio::test]
async fn whatever_anybody_tries_nothing_runs_that_the_sets_do_not_allow() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(24_u64);
    let again = std::env::var("SLIPWAY_TEST_SEED").ok().and_then(|seed| hex::decode(seed).ok()?.try_into().ok());
    let (mut started, mut refused, mut back) = (0, 0, 0);
    for case in 0..if again.is_some() { 1 } else { cases } {
        let seed = again.unwrap_or_else(|| {
            let mut seed = [0; 32];
            server::clock::Entropy::fill(&server::clock::SystemEntropy, &mut seed);
            seed
        });
        println!("case {case}: SLIPWAY_TEST_SEED={}", hex::encode(seed));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let tries = prop::collection::vec(any_try(), 80..200).new_tree(&mut runner).expect("a story").current();
        let mut both = Both::begin().await;
        for attempt in tries {
            both.attempt(attempt).await;
        }
        both.check().await;
        started += both.known.started;
        refused += both.known.refused;
        back += both.known.back;
    }
    println!("started {started}, refused {refused}, rolled back {back}");
    // A world in which nothing ever starts would prove nothing.
    if again.is_some() {
        return;
    }
    let few = u32::try_from(cases / 4).expect("few");
    assert!(started > few && refused > few && back > 0, "started {started}, refused {refused}, rolled back {back}");
}
