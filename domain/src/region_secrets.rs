//! The secrets of an app in a region: which of them a service is given, what is missing, and how what
//! is kept stands to what runs. Values are nowhere here: a secret is its name and its version.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of one value. A Swarm takes 500 000; a key with its certificates is far shorter.
pub const MOST_VALUE: usize = 64 * 1024;

/// A secret that a service is given, in the version that was fixed with its intent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceSecret {
    pub name: String,
    /// Counts up each time that the region's value is set.
    pub version: i64,
}

/// The version of each secret of an app that is set in a region, by name.
pub type Kept = BTreeMap<String, i64>;

/// How a secret that is kept stands to what the service runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// The region has no value.
    Missing,
    /// It has one, and nothing was verified there with any.
    Unused,
    /// What was last verified there has another value than the one that is kept.
    Newer,
    /// What was last verified there has the value that is kept.
    Given,
}

impl SecretState {
    /// The state of a secret by the version that is set, if one is, and the one that was given last.
    pub fn of(kept: Option<i64>, runs: Option<i64>) -> Self {
        match (kept, runs) {
            (None, _) => SecretState::Missing,
            (Some(_), None) => SecretState::Unused,
            (Some(kept), Some(runs)) if kept == runs => SecretState::Given,
            (Some(_), Some(_)) => SecretState::Newer,
        }
    }
}

/// What a service is given of the secrets that its app names, in the order of the alphabet. One that is
/// not set is left out; a gate says so before it comes to that.
pub fn given(named: &[String], kept: &Kept) -> Vec<ServiceSecret> {
    let named: BTreeSet<&String> = named.iter().collect();
    let one = |name: &String| kept.get(name).map(|version| ServiceSecret { name: name.clone(), version: *version });
    named.into_iter().filter_map(one).collect()
}

/// The secrets that an app names and that are not set, in the app's order.
pub fn missing(named: &[String], kept: &Kept) -> Vec<String> {
    named.iter().filter(|name| !kept.contains_key(*name)).cloned().collect()
}

/// The names of the secrets in which two services differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretChanges {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// There is another value under the same name.
    pub changed: Vec<String>,
}

/// What must happen to the secrets of one service to become those of another.
pub fn changes(old: &[ServiceSecret], new: &[ServiceSecret]) -> SecretChanges {
    let in_other = |other: &[ServiceSecret], name: &str| other.iter().find(|one| one.name == name).map(|one| one.version);
    let names = |of: &[ServiceSecret], take: &dyn Fn(&ServiceSecret) -> bool| {
        of.iter().filter(|one| take(one)).map(|one| one.name.clone()).collect()
    };
    SecretChanges {
        added: names(new, &|one| in_other(old, &one.name).is_none()),
        removed: names(old, &|one| in_other(new, &one.name).is_none()),
        changed: names(new, &|one| in_other(old, &one.name).is_some_and(|version| version != one.version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn kept(pairs: &[(&str, i64)]) -> Kept {
        pairs.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect()
    }

    #[test]
    fn a_service_is_given_what_its_app_names_and_nothing_else() {
        let (named, kept) = (words(&["token", "db"]), kept(&[("db", 3), ("other", 1)]));
        assert_eq!(given(&named, &kept), [ServiceSecret { name: "db".to_owned(), version: 3 }]);
        assert_eq!(missing(&named, &kept), ["token"]);
    }

    #[test]
    fn changes_are_told_by_name() {
        let of = |pairs: &[(&str, i64)]| given(&words(&["a", "b", "c"]), &kept(pairs));
        let told = changes(&of(&[("a", 1), ("b", 1)]), &of(&[("b", 2), ("c", 1)]));
        assert_eq!((told.added, told.removed, told.changed), (words(&["c"]), words(&["a"]), words(&["b"])));
    }

    #[test]
    fn a_value_waits_until_what_runs_was_given_it() {
        use SecretState::{Given, Missing, Newer, Unused};
        let cases = [(None, None), (None, Some(1)), (Some(1), None), (Some(2), Some(1)), (Some(1), Some(2)), (Some(2), Some(2))];
        assert_eq!(cases.map(|(kept, runs)| SecretState::of(kept, runs)), [Missing, Missing, Unused, Newer, Newer, Given]);
    }

    proptest! {
        #[test]
        fn each_named_secret_is_given_or_missing(
            named in prop::collection::vec("[a-d]", 0..5),
            kept in prop::collection::btree_map("[a-e]", 1_i64..4, 0..5),
        ) {
            let (given, missing) = (given(&named, &kept), missing(&named, &kept));
            for name in &named {
                let version = given.iter().find(|one| one.name == *name).map(|one| one.version);
                prop_assert_eq!(version, kept.get(name).copied());
                prop_assert_eq!(version.is_none(), missing.contains(name));
            }
            prop_assert!(given.iter().all(|one| named.contains(&one.name)));
        }

        #[test]
        fn nothing_changes_exactly_when_both_are_given_the_same(
            old in prop::collection::btree_map("[a-c]", 1_i64..3, 0..4),
            new in prop::collection::btree_map("[a-c]", 1_i64..3, 0..4),
        ) {
            let named = words(&["a", "b", "c"]);
            let told = changes(&given(&named, &old), &given(&named, &new));
            prop_assert_eq!(told == SecretChanges::default(), old == new);
        }
    }
}
