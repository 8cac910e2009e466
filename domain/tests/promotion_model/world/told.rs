//! The rules of the crate told a second time, in other words, and what holds at every moment.

use super::super::tries::REGIONS;
use super::{AUTHORS, Given, Promotion, Verdict, World};
use domain::Role;
use domain::promotion::{PromotionState, RolloutState};
use domain::verdict::VerdictKind;
use std::collections::BTreeSet;

impl World {
    /// The rules once more, in other words.
    pub(super) fn holds(&self, promotion: usize) -> bool {
        let p = &self.promotions[promotion];
        let mine = |v: &&Verdict| v.stands && v.digest == p.digest;
        let failed = self.verdicts.iter().filter(mine).any(|v| v.kind == VerdictKind::Fail);
        let free = |region: &usize| {
            self.regions[*region].up
                && self.promotions.iter().enumerate().all(|(at, other)| {
                    let going = |place: usize| other.regions[place] == *region && !other.rollouts[place].ended();
                    at == promotion || other.state != PromotionState::Running || !(0..other.rollouts.len()).any(going)
                })
        };
        if failed || !self.there[p.digest] || !p.regions.iter().all(free) {
            return false;
        }
        if p.rollback {
            return p.regions.iter().all(|region| self.regions[*region].verified.contains(&p.digest));
        }
        p.glass || self.decided(p)
    }

    /// What people have to have decided, told policy by policy.
    fn decided(&self, p: &Promotion) -> bool {
        let author = AUTHORS[p.digest];
        let passes = self.verdicts.iter().filter(|v| v.stands && v.digest == p.digest && v.kind == VerdictKind::Pass);
        let first = passes.filter(|v| v.by != author).map(|v| v.at).min();
        let (expire, soak) = if self.policy == 2 { (24, 2) } else { (72, 0) };
        let people = |role: Role| {
            let counts = |given: &&Given| {
                given.role == role
                    && self.roles[given.by] == role
                    && given.by != p.by
                    && given.by != author
                    && (given.digest, &given.regions, given.policy) == (p.digest, &p.regions, self.policy)
                    && self.hours < given.at + expire
            };
            p.approvals.iter().filter(counts).map(|given| given.by).collect::<BTreeSet<_>>().len()
        };
        let approved = match self.policy {
            0 => people(Role::Lead) >= 1,
            1 => people(Role::Lead) >= 2,
            _ => people(Role::Lead) >= 1 && people(Role::Product) >= 1,
        };
        let exempt = p.exempt.is_some_and(|by| by != p.by && self.roles[by] == Role::Lead);
        let open = exempt || !p.regions.iter().any(|region| self.regions[*region].frozen);
        let signed = self.policy == 2 || self.signed_off[p.digest].is_some();
        first.is_some_and(|at| self.hours >= at + soak) && approved && open && signed
    }

    /// What holds at every moment, whatever was tried.
    pub fn check(&self) {
        for region in 0..REGIONS {
            let running = |p: &&Promotion| {
                p.regions.iter().zip(&p.rollouts).any(|(r, state)| *r == region && *state == RolloutState::Running)
            };
            assert!(self.promotions.iter().filter(running).count() <= 1, "two rollouts in one region");
        }
        for (at, p) in self.promotions.iter().enumerate() {
            let touched = p.rollouts.iter().any(|state| *state != RolloutState::Waiting);
            let began = matches!(p.state, PromotionState::Running | PromotionState::Verified | PromotionState::Failed);
            assert!(!touched || began, "a promotion that never started touched a region");
            assert!(!began || self.held.contains(&at), "a promotion started past its gates");
            assert!(p.state != PromotionState::Verified || p.rollouts.iter().all(|state| *state == RolloutState::Verified));
        }
    }
}
