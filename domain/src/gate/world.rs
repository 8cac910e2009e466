//! Gates about the world: what a region must have, and must be able to bear, before it is changed.

use super::{Gate, GateKind, GateState, Note, Seen};
use crate::{Digest, Problem, Role, Time};
use serde::{Deserialize, Serialize};

/// Names in one line; the rest is counted.
const MOST_NAMES: usize = 10;

/// What is known of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldFacts {
    /// Whether the region's own registry has the image; none where the region pulls from the app's.
    pub image: Option<Seen>,
    /// What Slipway does about an image that is not there.
    pub copy: Errand,
    pub way_back: WayBack,
    pub variables: Variables,
    pub secrets: Secrets,
    pub room: Room,
    pub age: Age,
}

/// Where a rollback would lead once this promotion is through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WayBack {
    /// Nothing was verified there before.
    Nothing,
    /// To this digest, if the registry that the region pulls from still has it. `pinned` says whether a tag
    /// of Slipway's own keeps it from being cleaned up.
    To { digest: Digest, kept: Seen, pinned: bool, pin: Errand },
}

/// What Slipway itself does at a registry: copies an image to it, or puts a tag on one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// The configuration does not let it write there.
    NotAllowed,
    /// It will be done in a moment.
    Due,
    /// It is being done: so many bytes are there, of so many.
    UnderWay { done: u64, all: u64 },
    /// It did not work, and is tried again.
    Failed { why: Problem },
}

/// The names of the variables that the build was tested with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Variables {
    /// No standing pass names an environment.
    Unknown,
    Used {
        many: u32,
        missing: Vec<String>,
    },
}

/// The secrets that the app names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    pub many: u32,
    /// Those that are not set in the region.
    pub missing: Vec<String>,
}

/// A node of the region's Swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// It is up and takes tasks.
    pub takes: bool,
    pub memory_mib: u64,
}

/// What an update asks of a region's nodes at its fullest moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    pub replicas: u32,
    /// New tasks that run beside those which they replace.
    pub beside: u32,
    /// The limit of one task.
    pub memory_mib: u32,
    /// A port of the node itself: one task a node.
    pub published: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Room {
    /// The nodes could not be asked.
    Unknown {
        at: Time,
    },
    Seen {
        at: Time,
        nodes: Vec<Node>,
        need: Need,
    },
}

/// How the build stands to the one that runs there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Age {
    /// Nothing of the app was verified there.
    First,
    /// What runs there is no build that Slipway knows.
    Unknown,
    NotOlder,
    /// Older than this build.
    Older {
        than: String,
    },
}

/// When a build came to be, and its place among releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    pub release_key: Option<String>,
    /// When its image says that it was built.
    pub built_at: Option<Time>,
    pub seen_at: Time,
}

impl Dated {
    /// Whether it is older than `other`: by the order of releases where both are one, else by
    /// the time of building, and where an image does not say that, of its first being seen.
    pub fn is_older_than(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (&self.release_key, &other.release_key) {
            return mine < theirs;
        }
        match (self.built_at, other.built_at) {
            (Some(mine), Some(theirs)) => mine < theirs,
            _ => self.seen_at < other.seen_at,
        }
    }
}

/// How many tasks of this kind the nodes can hold, if each has its whole limit of memory.
pub fn fitting(nodes: &[Node], need: Need) -> u64 {
    let on = |node: &Node| {
        let fit = node.memory_mib / u64::from(need.memory_mib.max(1));
        if need.published { fit.min(1) } else { fit }
    };
    nodes.iter().filter(|node| node.takes).map(on).sum()
}

/// The gates of one region. A rollback asks only whether the image can be had: at two in the
/// morning a region with a node less must still be able to go back.
pub(super) fn gates(region: &str, facts: &WorldFacts, rollback: bool) -> Vec<Gate> {
    let mut gates: Vec<Gate> = facts.image.iter().map(|seen| image(region, seen, &facts.copy)).collect();
    if !rollback {
        gates.extend([room(region, &facts.room), variables(region, &facts.variables)]);
        gates.extend(secrets(region, &facts.secrets));
        gates.extend([not_older(region, &facts.age), way_back(region, &facts.way_back)]);
    }
    gates
}

/// What is not there is waited for only while it is on its way.
fn image(region: &str, seen: &Seen, copy: &Errand) -> Gate {
    let gate = Gate::looked_up(GateKind::ImageInRegion { region: region.to_owned() }, seen);
    if !matches!(seen, Seen::No { .. }) {
        return gate;
    }
    let state = if matches!(copy, Errand::Due | Errand::UnderWay { .. }) { GateState::Waiting } else { gate.state };
    Gate { state, ..gate }.noting(Some(copy.note(Note::MayNotCopy)))
}

fn room(region: &str, room: &Room) -> Gate {
    let kind = GateKind::EnoughRoom { region: region.to_owned() };
    match room {
        Room::Unknown { at } => Gate::looked_up(kind, &Seen::Unknown { at: *at }),
        Room::Seen { at, nodes, need } => {
            let (wanted, fit) = (u64::from(need.replicas) + u64::from(need.beside), fitting(nodes, *need));
            let seen = if fit >= wanted { Seen::Yes { at: *at } } else { Seen::No { at: *at } };
            Gate::looked_up(kind, &seen).because(format!("{wanted} / {fit}"))
        }
    }
}

fn variables(region: &str, variables: &Variables) -> Gate {
    let kind = GateKind::VariablesThere { region: region.to_owned() };
    match variables {
        Variables::Unknown => Gate::green(kind),
        Variables::Used { many, missing } if missing.is_empty() => Gate::green(kind).because(many.to_string()),
        Variables::Used { missing, .. } => Gate::red(kind, Some(Role::Admin)).because(names(missing)),
    }
}

/// Whoever leads can set them; an app that names none is asked for none.
fn secrets(region: &str, secrets: &Secrets) -> Option<Gate> {
    let kind = GateKind::SecretsThere { region: region.to_owned() };
    match secrets.missing.as_slice() {
        [] if secrets.many == 0 => None,
        [] => Some(Gate::green(kind).because(secrets.many.to_string())),
        missing => Some(Gate::red(kind, Some(Role::Lead)).because(names(missing))),
    }
}

fn names(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST_NAMES);
    if more == 0 { shown } else { format!("{shown} +{more}") }
}

fn not_older(region: &str, age: &Age) -> Gate {
    let kind = GateKind::NotOlder { region: region.to_owned() };
    match age {
        Age::First | Age::NotOlder => Gate::green(kind),
        Age::Unknown => Gate::green(kind).because("?"),
        Age::Older { than } => Gate::red(kind, Some(Role::Lead)).because(than.as_str()),
    }
}

fn way_back(region: &str, way_back: &WayBack) -> Gate {
    let kind = GateKind::WayBackKept { region: region.to_owned() };
    match way_back {
        WayBack::Nothing => Gate::green(kind),
        WayBack::To { digest, kept, pinned, pin } => {
            let gate = Gate::looked_up(kind, kept).because(digest.short());
            if gate.state != GateState::Green {
                return gate;
            }
            match pin {
                _ if *pinned => gate.noting(Some(Note::Pinned)),
                Errand::NotAllowed => gate.noting(Some(Note::MayNotPin)),
                pin => Gate { state: GateState::Waiting, ..gate }.noting(Some(pin.note(Note::MayNotPin))),
            }
        }
    }
}

impl Errand {
    fn note(&self, not_allowed: Note) -> Note {
        match self {
            Errand::NotAllowed => not_allowed,
            Errand::Due => Note::Due,
            Errand::UnderWay { done, all } => Note::UnderWay { done: *done, all: *all },
            Errand::Failed { why } => Note::Failed { why: why.clone() },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn at() -> Time {
        DateTime::from_timestamp(1_764_000_000, 0).expect("a time")
    }

    fn digest() -> Digest {
        format!("sha256:{}", "a".repeat(64)).parse().expect("a digest")
    }

    fn need() -> Need {
        Need { replicas: 2, beside: 0, memory_mib: 512, published: true }
    }

    fn back(kept: Seen) -> WayBack {
        WayBack::To { digest: digest(), kept, pinned: true, pin: Errand::Due }
    }

    /// A region that has everything.
    pub fn clear() -> WorldFacts {
        let node = Node { takes: true, memory_mib: 2048 };
        WorldFacts {
            image: Some(Seen::Yes { at: at() }),
            copy: Errand::NotAllowed,
            way_back: back(Seen::Yes { at: at() }),
            variables: Variables::Used { many: 3, missing: vec![] },
            secrets: Secrets::default(),
            room: Room::Seen { at: at(), nodes: vec![node; 2], need: need() },
            age: Age::NotOlder,
        }
    }

    fn closed(facts: &WorldFacts) -> Vec<String> {
        let shut = gates("hangzhou", facts, false).into_iter().filter(|gate| gate.state != GateState::Green);
        shut.map(|gate| format!("{:?} {}", gate.state, gate.detail.unwrap_or_default())).collect()
    }

    #[test]
    fn a_first_rollout_has_nothing_to_go_back_to_and_may_begin() {
        let first =
            WorldFacts { image: None, way_back: WayBack::Nothing, variables: Variables::Unknown, age: Age::First, ..clear() };
        assert_eq!(closed(&first), [""; 0]);
        assert_eq!(gates("hangzhou", &first, false).len(), 4);
    }

    #[test]
    fn what_could_not_be_asked_is_not_green() {
        let unknown = Seen::Unknown { at: at() };
        let facts =
            WorldFacts { image: Some(unknown.clone()), way_back: back(unknown), room: Room::Unknown { at: at() }, ..clear() };
        assert_eq!(closed(&facts), ["Waiting ", "Waiting ", &format!("Waiting {}", digest().short())]);
    }

    fn gate(facts: &WorldFacts, kind: fn(String) -> GateKind) -> (GateState, Option<Note>) {
        let found = gates("hangzhou", facts, false).into_iter().find(|gate| gate.kind == kind("hangzhou".to_owned()));
        found.map(|gate| (gate.state, gate.note)).expect("the gate")
    }

    #[test]
    fn an_image_that_is_not_there_is_waited_for_only_while_it_is_on_its_way() {
        let with = |image: Seen, copy: Errand| {
            let facts = WorldFacts { image: Some(image), copy, ..clear() };
            gate(&facts, |region| GateKind::ImageInRegion { region })
        };
        let (no, why) = (|| Seen::No { at: at() }, Problem::Busy);
        assert_eq!(with(no(), Errand::NotAllowed), (GateState::Red, Some(Note::MayNotCopy)));
        assert_eq!(with(no(), Errand::Due), (GateState::Waiting, Some(Note::Due)));
        let part = Note::UnderWay { done: 1, all: 2 };
        assert_eq!(with(no(), Errand::UnderWay { done: 1, all: 2 }), (GateState::Waiting, Some(part)));
        assert_eq!(with(no(), Errand::Failed { why: why.clone() }), (GateState::Red, Some(Note::Failed { why })));
        assert_eq!(with(Seen::Yes { at: at() }, Errand::Due), (GateState::Green, None));
    }

    #[test]
    fn a_way_back_that_can_be_pinned_is_open_once_it_is() {
        let with = |pinned: bool, pin: Errand| {
            let way_back = WayBack::To { digest: digest(), kept: Seen::Yes { at: at() }, pinned, pin };
            gate(&WorldFacts { way_back, ..clear() }, |region| GateKind::WayBackKept { region })
        };
        assert_eq!(with(true, Errand::NotAllowed), (GateState::Green, Some(Note::Pinned)));
        assert_eq!(with(false, Errand::NotAllowed), (GateState::Green, Some(Note::MayNotPin)));
        assert_eq!(with(false, Errand::Due), (GateState::Waiting, Some(Note::Due)));
        let why = Problem::Busy;
        assert_eq!(with(false, Errand::Failed { why: why.clone() }), (GateState::Waiting, Some(Note::Failed { why })));
    }

    #[test]
    fn missing_variables_are_named_and_an_older_build_is_told_what_runs() {
        let missing = (0..12).map(|n| format!("V{n}")).collect();
        let variables = Variables::Used { many: 20, missing };
        let facts = WorldFacts { variables, age: Age::Older { than: "release-v5.12.05.02".to_owned() }, ..clear() };
        assert_eq!(closed(&facts), ["Red V0, V1, V2, V3, V4, V5, V6, V7, V8, V9 +2", "Red release-v5.12.05.02"]);
    }

    #[test]
    fn secrets_are_asked_for_where_an_app_names_any_and_missing_ones_are_named() {
        let with = |many, missing: &[&str]| {
            let missing = missing.iter().map(|name| (*name).to_owned()).collect();
            WorldFacts { secrets: Secrets { many, missing }, ..clear() }
        };
        let gate = |facts: &WorldFacts| {
            let kind = GateKind::SecretsThere { region: "hangzhou".to_owned() };
            gates("hangzhou", facts, false).into_iter().find(|gate| gate.kind == kind)
        };
        assert_eq!(gate(&with(0, &[])), None);
        assert_eq!(gate(&with(2, &[])).and_then(|gate| gate.detail).as_deref(), Some("2"));
        assert_eq!(closed(&with(2, &["db-password"])), ["Red db-password"]);
        assert_eq!(gate(&with(2, &["db-password"])).and_then(|gate| gate.cleared_by), Some(Role::Lead));
    }

    #[test]
    fn a_port_of_the_node_takes_a_node_for_each_replica() {
        let node = |takes, memory_mib| Node { takes, memory_mib };
        assert_eq!(fitting(&[node(true, 8192), node(true, 511), node(false, 8192)], need()), 1);
        let worker = Need { published: false, beside: 1, ..need() };
        assert_eq!(fitting(&[node(true, 8192), node(true, 511), node(false, 8192)], worker), 16);
        let full = Room::Seen { at: at(), nodes: vec![node(true, 1024)], need: worker };
        assert_eq!(closed(&WorldFacts { room: full, ..clear() }), ["Red 3 / 2"]);
    }

    #[test]
    fn a_rollback_needs_the_image_and_nothing_else_of_the_world() {
        let kinds: Vec<GateKind> = gates("hangzhou", &clear(), true).into_iter().map(|gate| gate.kind).collect();
        assert_eq!(kinds, [GateKind::ImageInRegion { region: "hangzhou".to_owned() }]);
    }

    #[test]
    fn releases_are_ordered_as_releases_and_others_by_the_time_of_building() {
        let dated = |key: Option<&str>, built: Option<i64>, seen: i64| Dated {
            release_key: key.map(str::to_owned),
            built_at: built.and_then(|second| DateTime::from_timestamp(second, 0)),
            seen_at: DateTime::from_timestamp(seen, 0).expect("a time"),
        };
        let (first, second) = (dated(Some("1"), Some(9), 9), dated(Some("2"), Some(1), 1));
        assert!(first.is_older_than(&second) && !second.is_older_than(&first), "a hot fix is built later");
        let (early, late) = (dated(None, Some(1), 9), dated(Some("1"), Some(2), 1));
        assert!(early.is_older_than(&late) && !late.is_older_than(&early));
        assert!(dated(None, None, 1).is_older_than(&dated(None, Some(0), 2)));
    }

    proptest! {
        /// The same said the other way round.
        #[test]
        fn room_is_green_only_if_every_task_has_a_place(
            memories in prop::collection::vec((any::<bool>(), 0_u64..4000), 0..5),
            (replicas, beside, memory_mib, published) in (1_u32..5, 0_u32..3, 6_u32..2000, any::<bool>()),
        ) {
            let nodes: Vec<Node> = memories.iter().map(|(takes, memory_mib)| Node { takes: *takes, memory_mib: *memory_mib }).collect();
            let need = Need { replicas, beside, memory_mib, published };
            let mut free: Vec<u64> = nodes.iter().filter(|node| node.takes).map(|node| node.memory_mib).collect();
            let placed = (0..replicas + beside).all(|_| {
                let place = free.iter().position(|left| *left >= u64::from(memory_mib));
                place.inspect(|at| free[*at] = if published { 0 } else { free[*at] - u64::from(memory_mib) }).is_some()
            });
            let green = room("r", &Room::Seen { at: at(), nodes, need }).state == GateState::Green;
            prop_assert_eq!(green, placed);
        }
    }
}
