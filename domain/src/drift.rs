//! Drift: in which parts a service is not what was put there, and what of it can be adopted.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What must hold of a service, read off a specification. Two that are equal run the same
/// thing under the same limits. (The engine's answer does not carry the health check in a
/// form that can be read back, and what an old engine cannot do is not asked of it here.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Essence {
    pub image: String,
    /// `NAME=value`.
    pub env: BTreeSet<String>,
    pub command: Vec<String>,
    pub replicas: i64,
    /// Inside, outside, and how: `tcp host`.
    pub ports: BTreeSet<(i64, i64, String)>,
    pub capabilities: BTreeSet<String>,
    pub read_only: bool,
    pub mounts: BTreeSet<String>,
    /// Each with the name of its file, the object that it is, and who may read it: `db slw-web.db.3 0:0 444`.
    pub secrets: BTreeSet<String>,
    pub limits: BTreeMap<&'static str, i64>,
    /// What Slipway never asks for, by name.
    pub unasked: BTreeSet<&'static str>,
}

/// A part of a service that can be another than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Image,
    Environment,
    Command,
    Replicas,
    Ports,
    Capabilities,
    ReadOnlyRoot,
    Mounts,
    Secrets,
    Limits,
    /// More than was asked: a user, configs, networks, constraints …
    Unasked,
}

impl Part {
    /// Its name in English, for the log and for REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Part::Image => "image",
            Part::Environment => "environment",
            Part::Command => "command",
            Part::Replicas => "replicas",
            Part::Ports => "ports",
            Part::Capabilities => "capabilities",
            Part::ReadOnlyRoot => "read-only root",
            Part::Mounts => "mounts",
            Part::Secrets => "secrets",
            Part::Limits => "limits",
            Part::Unasked => "more than was asked",
        }
    }
}

/// One part that is another than it should be. The words are data without values of variables
/// and without arguments, which may hold secrets: of variables only the names are said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    pub part: Part,
    pub wanted: Option<String>,
    pub seen: Option<String>,
}

impl Essence {
    /// Every part in which a service differs from what was wanted, in the order of [`Part`].
    pub fn differences(&self, wanted: &Self) -> Vec<Difference> {
        let parts = [
            (Part::Image, self.image != wanted.image),
            (Part::Environment, self.env != wanted.env),
            (Part::Command, self.command != wanted.command),
            (Part::Replicas, self.replicas != wanted.replicas),
            (Part::Ports, self.ports != wanted.ports),
            (Part::Capabilities, self.capabilities != wanted.capabilities),
            (Part::ReadOnlyRoot, self.read_only != wanted.read_only),
            (Part::Mounts, self.mounts != wanted.mounts),
            (Part::Secrets, self.secrets != wanted.secrets),
            (Part::Limits, self.limits != wanted.limits),
            (Part::Unasked, self.unasked != wanted.unasked),
        ];
        let differs = parts.into_iter().filter_map(|(part, differs)| differs.then_some(part));
        differs.map(|part| Difference { part, wanted: wanted.said(part, self), seen: self.said(part, wanted) }).collect()
    }

    /// What one side says of a part in which it is not as the other; none when it has nothing to say.
    fn said(&self, part: Part, other: &Self) -> Option<String> {
        let words: Vec<String> = match part {
            Part::Image => vec![self.image.clone()],
            Part::Environment => names(&self.env, &other.env, '='),
            Part::Secrets => names(&self.secrets, &other.secrets, ' '),
            Part::Command => Vec::new(),
            Part::Replicas => vec![self.replicas.to_string()],
            Part::Ports => self.ports.iter().map(|(inside, outside, way)| format!("{outside}→{inside} {way}")).collect(),
            Part::Capabilities => self.capabilities.difference(&other.capabilities).cloned().collect(),
            Part::ReadOnlyRoot => vec![self.read_only.to_string()],
            Part::Mounts => self.mounts.difference(&other.mounts).cloned().collect(),
            Part::Limits => {
                let own = self.limits.iter().filter(|(name, limit)| other.limits.get(*name) != Some(limit));
                own.map(|(name, limit)| format!("{name} {limit}")).collect()
            }
            Part::Unasked => self.unasked.difference(&other.unasked).map(|&word| word.to_owned()).collect(),
        };
        let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// What stands before `joint` in the entries that only one side has, each once.
fn names(own: &BTreeSet<String>, others: &BTreeSet<String>, joint: char) -> Vec<String> {
    let names = own.difference(others).map(|pair| pair.split_once(joint).map_or(pair.as_str(), |(name, _)| name));
    names.collect::<BTreeSet<_>>().into_iter().map(ToOwned::to_owned).collect()
}

/// A region has at least one and at most so many replicas of an app.
pub const MOST_REPLICAS: u32 = 100;

/// The replicas that a region's configuration says after what was changed by hand is adopted.
///
/// # Errors
/// The parts that no configuration of one region can express; none of them when nothing differs,
/// or the number is none that a region can have.
pub fn adoption(differences: &[Difference], seen: &Essence) -> Result<u32, Vec<Part>> {
    let beyond: Vec<Part> = differences.iter().map(|one| one.part).filter(|part| *part != Part::Replicas).collect();
    if !beyond.is_empty() || differences.is_empty() {
        return Err(beyond);
    }
    u32::try_from(seen.replicas).ok().filter(|replicas| (1..=MOST_REPLICAS).contains(replicas)).ok_or_else(Vec::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn essence() -> Essence {
        Essence {
            image: "registry.test/web@sha256:a".to_owned(),
            env: ["MODE=live".to_owned(), "TOKEN=hush".to_owned()].into(),
            replicas: 2,
            ports: [(80, 8080, "tcp host".to_owned())].into(),
            limits: BTreeMap::from([("memory", 64)]),
            ..Essence::default()
        }
    }

    fn said(change: impl FnOnce(&mut Essence)) -> Vec<(Part, Option<String>, Option<String>)> {
        let mut seen = essence();
        change(&mut seen);
        seen.differences(&essence()).into_iter().map(|one| (one.part, one.wanted, one.seen)).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_part_is_named_with_both_sides() {
        assert_eq!(said(|_| {}), []);
        assert_eq!(said(|seen| seen.replicas = 5), [(Part::Replicas, some("2"), some("5"))]);
        let ports = said(|seen| seen.ports.clear());
        assert_eq!(ports, [(Part::Ports, some("8080→80 tcp host"), None)]);
        let user = said(|seen| seen.unasked = ["user"].into());
        assert_eq!(user, [(Part::Unasked, None, some("user"))]);
    }

    #[test]
    fn of_variables_and_arguments_no_value_is_said() {
        let changed = said(|seen| {
            seen.env = ["MODE=live".to_owned(), "TOKEN=other".to_owned(), "DEBUG=1".to_owned()].into();
            seen.command = vec!["--password=hush".to_owned()];
        });
        assert_eq!(changed, [(Part::Environment, some("TOKEN"), some("DEBUG, TOKEN")), (Part::Command, None, None)]);
    }

    #[test]
    fn a_secret_of_another_version_or_for_other_readers_is_named() {
        let with = |secret: &str| Essence {
            secrets: [secret.to_owned(), "token slw-web.token.1 0:0 444".to_owned()].into(),
            ..essence()
        };
        let wanted = with("db slw-web.db.2 0:0 444");
        let both = Difference { part: Part::Secrets, wanted: some("db"), seen: some("db") };
        for other in ["db slw-web.db.1 0:0 444", "db slw-web.db.2 0:0 400"] {
            assert_eq!(with(other).differences(&wanted), std::slice::from_ref(&both), "{other}");
        }
        let gone = essence().differences(&wanted);
        assert_eq!(gone, [Difference { part: Part::Secrets, wanted: some("db, token"), seen: None }]);
    }

    #[test]
    fn only_replicas_can_be_adopted() {
        let adopted = |change: &dyn Fn(&mut Essence)| {
            let mut seen = essence();
            change(&mut seen);
            adoption(&seen.differences(&essence()), &seen)
        };
        assert_eq!(adopted(&|seen| seen.replicas = 5), Ok(5));
        assert_eq!(adopted(&|seen| (seen.replicas, seen.read_only) = (5, true)), Err(vec![Part::ReadOnlyRoot]));
        assert_eq!(adopted(&|_| {}), Err(vec![]));
        for none in [0, 101, -1] {
            assert_eq!(adopted(&|seen| seen.replicas = none), Err(vec![]), "{none}");
        }
    }

    fn any_essence() -> impl Strategy<Value = Essence> {
        let set = || prop::collection::btree_set("[A-C]=[a-c]", 0..3);
        (set(), 0_i64..4, any::<bool>(), "[a-b]", prop::collection::vec("[a-b]", 0..2)).prop_map(
            |(env, replicas, read_only, image, command)| Essence {
                env,
                replicas,
                read_only,
                image,
                command,
                ..Essence::default()
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_differs_exactly_when_both_are_equal(a in any_essence(), b in any_essence()) {
            prop_assert_eq!(a.differences(&b).is_empty(), a == b);
            let parts = |of: &[Difference]| of.iter().map(|one| one.part).collect::<Vec<_>>();
            prop_assert_eq!(parts(&a.differences(&b)), parts(&b.differences(&a)));
        }

        #[test]
        fn what_is_adopted_is_what_runs_and_nothing_else_differs(a in any_essence(), b in any_essence()) {
            if let Ok(replicas) = adoption(&a.differences(&b), &a) {
                let wanted = Essence { replicas: i64::from(replicas), ..b };
                prop_assert_eq!(a.differences(&wanted), vec![]);
            }
        }
    }
}
