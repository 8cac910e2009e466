//! Gates: the conditions of a promotion, each with its state and who can clear it.

mod policy;
pub mod world;

pub use policy::{
    Approval, ApprovalFor, Authors, Exemption, Pass, SignedOff, Void, has_expired, may_approve, may_exempt, may_reject,
    may_review,
};

use crate::canary::Terms;
use crate::freeze::Freeze;
use crate::id::UserId;
use crate::policy::Policy;
use crate::verdict::Standing;
use crate::{Problem, Role};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a gate asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "gate", rename_all = "snake_case")]
pub enum GateKind {
    /// The registry has the image under exactly this digest.
    ImagePresent,
    /// A standing pass by somebody who did not make the build alone, and no standing fail.
    Tested,
    /// So long has passed since the first pass that counts, as the policy asks for.
    SoakedInTest,
    /// A product manager accepted it.
    SignedOff,
    /// Approvals by so many people of a role: none the requester, none the only author.
    Approved { role: Role, count: u32 },
    /// No freeze window closes the region, or somebody else made an exception.
    NotFrozen { region: String },
    /// For a rollback: the digest was verified in this region before.
    RanBefore { region: String },
    /// For a rollback: no standing fail.
    NotQuarantined,
    /// The region's Swarm answers.
    RegionReachable { region: String },
    /// No other rollout of the app runs there.
    NoOtherRollout { region: String },
    /// The registry that the region pulls from has the image too.
    ImageInRegion { region: String },
    /// The region's nodes can hold the tasks, also while they are replaced.
    EnoughRoom { region: String },
    /// The variables that the build was tested with are set there.
    VariablesThere { region: String },
    /// The secrets that the app names are set there. Where it names none, nothing is asked.
    SecretsThere { region: String },
    /// What runs there is not newer.
    NotOlder { region: String },
    /// What a rollback would go back to can still be had.
    WayBackKept { region: String },
    /// No canary of the app is there: it returns before anything else is put there.
    NoCanary { region: String },
    /// For a canary: it leaves the main service something, or is no larger than it.
    CanaryFits { region: String },
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
    /// Since when it is green, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When the state changes by itself: a green gate closes, another one opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What else a person has to know of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// What a person has to know beside a gate's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The commits of the build are not known, so nobody could be left out for having made it alone.
    AuthorsUnknown,
    /// The only one who decided made the build alone.
    OwnWork { name: String },
    /// Fewer have decided than are asked for.
    Counted { have: u32, need: u32 },
    /// The window that closes the region, and why.
    Window { name: String, reason: String },
    /// Who made an exception, and why.
    Exempt { name: String, reason: String },
    /// The image is not at the region's registry, and Slipway may not copy it there.
    MayNotCopy,
    /// A tag keeps the image at the registry.
    Pinned,
    /// Only the registry's own rules keep it: Slipway may not put a tag there.
    MayNotPin,
    /// Slipway does it in a moment.
    Due,
    /// Bytes of the image that were copied, of all.
    UnderWay { done: u64, all: u64 },
    /// Slipway tried and will try again.
    Failed {
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        why: Problem,
    },
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

/// What is known about one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionFacts {
    pub region: String,
    pub reachable: Seen,
    /// The number of the promotion whose rollout of this app runs there now, this one excepted.
    pub other_rollout: Option<i64>,
    /// Whether this digest was verified there before.
    pub ran_before: bool,
    pub world: world::WorldFacts,
    pub freeze: Freeze,
    /// The canary of the app that is there.
    pub canary: Option<CanaryThere>,
    /// For a canary: what is asked for.
    pub asked: Option<CanaryAsked>,
}

/// A canary that is in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryThere {
    /// The number of its promotion.
    pub number: i64,
    /// Whether it is on its way out.
    pub returning: bool,
}

/// A canary as it is asked for, and the replicas that the region is to run; none when nothing was
/// verified there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryAsked {
    pub terms: Terms,
    pub main: Option<u32>,
}

/// Everything the gates are computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFacts {
    pub now: DateTime<Utc>,
    pub rollback: bool,
    /// Whether somebody broke the glass: then nobody's decision is asked for.
    pub glass: bool,
    pub requested_by: UserId,
    pub policy: Policy,
    /// What approvals have to be for.
    pub subject: ApprovalFor,
    pub authors: Authors,
    pub image: Seen,
    pub standing: Standing,
    /// The passes that stand.
    pub passes: Vec<Pass>,
    /// The sign-off that stands.
    pub signed_off: Option<SignedOff>,
    pub approvals: Vec<Approval>,
    /// The exception from freeze windows, if there is one.
    pub exemption: Option<Exemption>,
    pub regions: Vec<RegionFacts>,
}

/// Every gate as it stands, in the order in which pages show them. Whatever could not be
/// asked is not green.
pub fn gates(facts: &GateFacts) -> Vec<Gate> {
    let mut gates = vec![image_present(&facts.image)];
    gates.extend(policy::people(facts));
    for region in &facts.regions {
        if facts.rollback {
            gates.push(ran_before(region));
        }
        gates.extend(policy::not_frozen(facts, region));
        gates.extend([region_reachable(region), no_other_rollout(region)]);
        gates.extend(region.canary.map(|there| no_canary(&region.region, there)));
        gates.extend(canary_fits(region));
        gates.extend(world::gates(&region.region, &region.world, facts.rollback));
    }
    gates
}

/// Whether nothing stands in the way. An empty list is not an answer.
pub fn all_green(gates: &[Gate]) -> bool {
    !gates.is_empty() && gates.iter().all(|gate| gate.state == GateState::Green)
}

impl Gate {
    fn green(kind: GateKind) -> Self {
        Self {
            kind,
            state: GateState::Green,
            cleared_by: None,
            detail: None,
            checked_at: None,
            since: None,
            until: None,
            note: None,
        }
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

    fn since(self, since: Option<DateTime<Utc>>) -> Self {
        Self { since, ..self }
    }

    fn until(self, until: Option<DateTime<Utc>>) -> Self {
        Self { until, ..self }
    }

    fn noting(self, note: Option<Note>) -> Self {
        Self { note, ..self }
    }
}

fn image_present(image: &Seen) -> Gate {
    Gate::looked_up(GateKind::ImagePresent, image)
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

/// The gate of a region in which a canary is: whoever leads withdraws it, or waits for its end.
/// Where there is none, there is nothing to say.
pub fn no_canary(region: &str, there: CanaryThere) -> Gate {
    let kind = GateKind::NoCanary { region: region.to_owned() };
    let gate = if there.returning { Gate::waiting(kind, None) } else { Gate::red(kind, Some(Role::Lead)) };
    gate.because(format!("P-{}", there.number))
}

fn canary_fits(facts: &RegionFacts) -> Option<Gate> {
    let asked = facts.asked.as_ref()?;
    let kind = GateKind::CanaryFits { region: facts.region.clone() };
    let main = asked.main.unwrap_or(0);
    let gate = if asked.terms.fits(main) { Gate::green(kind) } else { Gate::red(kind, Some(Role::Lead)) };
    Some(gate.because(format!("{} / {main}", asked.terms.replicas)))
}

#[cfg(test)]
mod tests;
