//! The gates that people clear, as the policy asks for them: tests, sign-off, approvals, freezes.

use super::{Gate, GateFacts, GateKind, Note, RegionFacts};
use crate::commits::{Range, Relation};
use crate::freeze::Freeze;
use crate::id::UserId;
use crate::policy::{ApprovalRule, MOST_OPEN_DAYS, Policy};
use crate::promotion::PromotionState;
use crate::{Action, Actor, Person, Problem, Role, Time};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Who wrote the commits that a build brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authors {
    /// Not all of its commits are known.
    #[default]
    Unknown,
    Known(Vec<String>),
}

impl Authors {
    /// Those of the commits of a range. A merge writes nothing, so whoever merged alone is no author.
    pub fn of(range: &Range) -> Self {
        let whole = u32::try_from(range.ahead.len()) == Ok(range.ahead_total);
        match range.relation {
            Relation::Ahead | Relation::Diverged if whole => {
                let written = range.ahead.iter().filter(|commit| commit.parents.len() < 2);
                Authors::Known(written.map(|commit| commit.author.clone()).collect())
            }
            Relation::Same | Relation::Behind => Authors::Known(Vec::new()),
            _ => Authors::Unknown,
        }
    }

    /// Whether this user wrote all of it alone. Commits name people as they please: an author is a user
    /// when the names are the same, capitals aside.
    pub fn is_only(&self, user: &str) -> bool {
        let same = |author: &String| author.trim().eq_ignore_ascii_case(user);
        matches!(self, Authors::Known(names) if !names.is_empty() && names.iter().all(same))
    }

    fn note(&self) -> Option<Note> {
        matches!(self, Authors::Unknown).then_some(Note::AuthorsUnknown)
    }
}

/// A pass that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub name: String,
    pub at: Time,
}

/// A sign-off that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOff {
    pub name: String,
    pub at: Time,
}

/// What an approval is for: a change of any of it voids the approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalFor {
    pub digest: String,
    /// In the order of the rollout.
    pub regions: Vec<String>,
    /// The fingerprint of the policy.
    pub policy: String,
}

/// An approval as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: UserId,
    pub name: String,
    pub at: Time,
    /// The role in which it was given.
    pub role: Role,
    /// Whether its author is active in that role at this moment.
    pub still: bool,
    pub given_for: ApprovalFor,
}

/// Why an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Void {
    /// By whoever requested the promotion.
    Requester,
    /// By the only author of the commits.
    OnlyAuthor,
    /// Its author lost the role, or is disabled.
    RoleLost,
    /// For another digest or other regions.
    SubjectChanged,
    PolicyChanged,
    /// The policy asks nobody of this role.
    NotAsked,
    Expired,
}

impl Approval {
    /// Why it does not count now; none when it does.
    pub fn void(&self, facts: &GateFacts) -> Option<Void> {
        let given = &self.given_for;
        let same = (&given.digest, &given.regions) == (&facts.subject.digest, &facts.subject.regions);
        if self.by == facts.requested_by {
            Some(Void::Requester)
        } else if facts.authors.is_only(&self.name) {
            Some(Void::OnlyAuthor)
        } else if !self.still {
            Some(Void::RoleLost)
        } else if !same {
            Some(Void::SubjectChanged)
        } else if given.policy != facts.subject.policy {
            Some(Void::PolicyChanged)
        } else if !facts.policy.asks(self.role) {
            Some(Void::NotAsked)
        } else {
            self.is_over(&facts.policy, facts.now).then_some(Void::Expired)
        }
    }

    fn is_over(&self, policy: &Policy, now: Time) -> bool {
        now - self.at >= policy.approvals_last()
    }
}

/// An exception from freeze windows, for one promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    pub by: UserId,
    pub name: String,
    pub reason: String,
    /// Whether its author still may make exceptions.
    pub still: bool,
}

/// Whether `actor` may approve now. `approved_by` are those whose approvals count already.
///
/// # Errors
/// [`Problem::Forbidden`], also when the policy asks nobody of the actor's role;
/// [`Problem::Finished`] when it is no longer open, [`Problem::OwnRequest`], [`Problem::OwnWork`],
/// [`Problem::ApprovedAlready`].
pub fn may_approve(actor: &Actor, state: PromotionState, facts: &GateFacts) -> Result<(), Problem> {
    let person = asked(actor, &facts.policy)?;
    require_open(state)?;
    if person.id == facts.requested_by {
        return Err(Problem::OwnRequest);
    }
    if facts.authors.is_only(&person.name) {
        return Err(Problem::OwnWork);
    }
    let mine = |approval: &&Approval| approval.by == person.id;
    match facts.approvals.iter().find(mine) {
        Some(approval) if approval.void(facts).is_none() => Err(Problem::ApprovedAlready),
        _ => Ok(()),
    }
}

/// Whether `actor` may send an open promotion back: whoever could approve. One's own is cancelled instead.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Finished`], [`Problem::OwnRequest`].
pub fn may_reject(actor: &Actor, requested_by: &UserId, state: PromotionState, policy: &Policy) -> Result<(), Problem> {
    let person = asked(actor, policy)?;
    require_open(state)?;
    if person.id == *requested_by { Err(Problem::OwnRequest) } else { Ok(()) }
}

/// The person behind `actor`, when the policy asks for approvals of their role.
fn asked<'a>(actor: &'a Actor, policy: &Policy) -> Result<&'a Person, Problem> {
    let action = Action::ApprovePromotion;
    actor.require(action)?;
    actor.person().filter(|person| policy.asks(person.role)).ok_or(Problem::Forbidden { action })
}

/// Whether `actor` may make an exception from freeze windows for this promotion: never for one's own.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Finished`], [`Problem::OwnRequest`].
pub fn may_exempt(actor: &Actor, requested_by: &UserId, state: PromotionState) -> Result<(), Problem> {
    let action = Action::LiftFreeze;
    actor.require(action)?;
    let person = actor.person().ok_or(Problem::Forbidden { action })?;
    require_open(state)?;
    if person.id == *requested_by { Err(Problem::OwnRequest) } else { Ok(()) }
}

/// Whether `actor` may close the review of a glass that `broken_by` broke.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::OwnReview`].
pub fn may_review(actor: &Actor, broken_by: &UserId) -> Result<(), Problem> {
    let action = Action::BreakGlass;
    actor.require(action)?;
    let person = actor.person().ok_or(Problem::Forbidden { action })?;
    if person.id == *broken_by { Err(Problem::OwnReview) } else { Ok(()) }
}

fn require_open(state: PromotionState) -> Result<(), Problem> {
    if state == PromotionState::Open { Ok(()) } else { Err(Problem::Finished { state: state.as_str().to_owned() }) }
}

/// Whether an open promotion has lapsed: every approval that it had is too old, or it is itself.
pub fn has_expired(requested_at: Time, approvals: &[Approval], policy: &Policy, now: Time) -> bool {
    let old = now - requested_at >= TimeDelta::days(MOST_OPEN_DAYS);
    old || (!approvals.is_empty() && approvals.iter().all(|approval| approval.is_over(policy, now)))
}

/// What people decide. A rollback and a broken glass ask for nobody's decision; a standing fail stops both.
pub(super) fn people(facts: &GateFacts) -> Vec<Gate> {
    if facts.rollback || facts.glass {
        return vec![not_quarantined(facts)];
    }
    let mut gates = vec![tested(facts)];
    if facts.policy.soak_in_test_minutes > 0 {
        gates.push(soaked(facts));
    }
    if facts.policy.sign_off {
        gates.push(signed_off(facts));
    }
    gates.extend(facts.policy.approvals.iter().map(|rule| approved(facts, *rule)));
    gates
}

/// The passes of those who did not make the build alone.
fn counting(facts: &GateFacts) -> impl Iterator<Item = &Pass> {
    facts.passes.iter().filter(|pass| !facts.authors.is_only(&pass.name))
}

fn tested(facts: &GateFacts) -> Gate {
    if facts.standing.quarantined() {
        return Gate::red(GateKind::Tested, Some(Role::Lead)).because(facts.standing.fails.to_string());
    }
    let since = counting(facts).map(|pass| pass.at).min();
    if since.is_some() && facts.standing.passed() {
        let count = counting(facts).count().to_string();
        return Gate::green(GateKind::Tested).because(count).since(since).noting(facts.authors.note());
    }
    let own = facts.passes.first().map(|pass| Note::OwnWork { name: pass.name.clone() });
    Gate::waiting(GateKind::Tested, Some(Role::Tester)).noting(own)
}

fn soaked(facts: &GateFacts) -> Gate {
    let kind = GateKind::SoakedInTest;
    match counting(facts).map(|pass| pass.at).min().and_then(|at| at.checked_add_signed(facts.policy.soak())) {
        Some(over) if over <= facts.now => Gate::green(kind).since(Some(over)),
        over => Gate::waiting(kind, None).until(over),
    }
}

fn signed_off(facts: &GateFacts) -> Gate {
    match &facts.signed_off {
        Some(given) => Gate::green(GateKind::SignedOff).because(given.name.as_str()).since(Some(given.at)),
        None => Gate::waiting(GateKind::SignedOff, Some(Role::Product)),
    }
}

fn approved(facts: &GateFacts, rule: ApprovalRule) -> Gate {
    let kind = GateKind::Approved { role: rule.role, count: rule.count };
    let mut given: Vec<&Approval> = Vec::new();
    for approval in facts.approvals.iter().filter(|approval| approval.role == rule.role && approval.void(facts).is_none()) {
        // One person is one approval, however many rows there are.
        if !given.iter().any(|other| other.by == approval.by) {
            given.push(approval);
        }
    }
    given.sort_by_key(|approval| approval.at);
    let names: Vec<&str> = given.iter().map(|approval| approval.name.as_str()).collect();
    let need = usize::try_from(rule.count).unwrap_or(usize::MAX);
    let short = given.len() < need || given.is_empty();
    if short {
        let have = u32::try_from(given.len()).unwrap_or(u32::MAX);
        let note = (rule.count > 1).then_some(Note::Counted { have, need: rule.count });
        let gate = Gate::waiting(kind, Some(rule.role)).noting(note);
        return if names.is_empty() { gate } else { gate.because(names.join(", ")) };
    }
    let since = given.get(need.saturating_sub(1)).map(|approval| approval.at);
    // It closes when so many have expired that too few are left.
    let until = given.get(given.len().saturating_sub(need)).and_then(|a| a.at.checked_add_signed(facts.policy.approvals_last()));
    Gate::green(kind).because(names.join(", ")).since(since).until(until).noting(facts.authors.note())
}

fn not_quarantined(facts: &GateFacts) -> Gate {
    if facts.standing.quarantined() {
        return Gate::red(GateKind::NotQuarantined, Some(Role::Lead)).because(facts.standing.fails.to_string());
    }
    Gate::green(GateKind::NotQuarantined)
}

/// Only where there are windows. The way back is always open.
pub(super) fn not_frozen(facts: &GateFacts, region: &RegionFacts) -> Option<Gate> {
    if facts.rollback || facts.glass {
        return None;
    }
    let kind = GateKind::NotFrozen { region: region.region.clone() };
    let frozen = match &region.freeze {
        Freeze::Unwatched => return None,
        Freeze::Open => return Some(Gate::green(kind)),
        Freeze::Closed(frozen) => frozen,
    };
    let exemption = facts.exemption.as_ref().filter(|exemption| exemption.still && exemption.by != facts.requested_by);
    Some(match exemption {
        Some(Exemption { name, reason, .. }) => {
            Gate::green(kind).noting(Some(Note::Exempt { name: name.clone(), reason: reason.clone() }))
        }
        None => {
            let note = Note::Window { name: frozen.name.clone(), reason: frozen.reason.clone() };
            Gate::waiting(kind, Some(Role::Lead)).until(frozen.until).noting(Some(note))
        }
    })
}
