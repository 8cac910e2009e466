//! The variables of an environment's services: several layers, one over the other, and of each
//! variable where it came from and what it overrode.

use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a variable came from. Later ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The image's own.
    Image,
    /// The stack's file.
    Stack,
    /// What the app runs with in every region: part of a region's preset.
    App,
    /// The region's own: part of its preset.
    Region,
    /// Given at this launch.
    Launch,
}

/// Values of one origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub origin: Origin,
    pub values: BTreeMap<String, String>,
}

/// One variable as it ends up, and what it overrode, the last first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub value: String,
    pub origin: Origin,
    pub overrode: Vec<(Origin, String)>,
}

/// Puts the layers one over the other, the later over the earlier, and gives the variables by name.
pub fn merge(layers: &[Layer]) -> Vec<Variable> {
    let mut merged: BTreeMap<&str, Variable> = BTreeMap::new();
    for Layer { origin, values } in layers {
        for (name, value) in values {
            let mut variable = Variable { name: name.clone(), value: value.clone(), origin: *origin, overrode: Vec::new() };
            if let Some(below) = merged.remove(name.as_str()) {
                variable.overrode.push((below.origin, below.value));
                variable.overrode.extend(below.overrode);
            }
            merged.insert(name, variable);
        }
    }
    merged.into_values().collect()
}

/// What is another in a set of values than in the one before, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

/// Compares values by name, in the order of the names. No value leaves it.
pub fn difference(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Difference {
    let lacks = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
    };
    let is_other = |(name, value): &(&String, &String)| before.get(*name).is_some_and(|old| old != *value);
    Difference {
        added: lacks(now, before),
        removed: lacks(before, now),
        changed: now.iter().filter(is_other).map(|(name, _)| name.clone()).collect(),
    }
}

/// The values alone.
pub fn values(layers: &[Layer]) -> BTreeMap<String, String> {
    merge(layers).into_iter().map(|variable| (variable.name, variable.value)).collect()
}

/// Parts of names that hold what should not be read over a shoulder.
const SECRET_PARTS: [&str; 10] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "APIKEY", "API_KEY", "ACCESS_KEY"];

/// Whether a value is shown on pages as dots: its name says that it is a secret, or it is an
/// address with a password in it.
pub fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    let by_name = SECRET_PARTS.iter().any(|part| name.contains(part))
        || name.split('_').any(|word| matches!(word, "KEY" | "PASS" | "PWD" | "DSN" | "AUTH"));
    by_name || has_password(value)
}

/// `scheme://user:password@host`, anywhere in the value.
fn has_password(value: &str) -> bool {
    value.match_indices("://").any(|(at, mark)| {
        let rest = value.get(at + mark.len()..).unwrap_or_default();
        let host = rest.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap_or_default();
        host.rsplit_once('@').is_some_and(|(account, _)| account.contains(':'))
    })
}

/// A variable that is given at a launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Which service it is for; every service that runs a build when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    pub name: String,
    pub value: String,
}

/// So many can be given at one launch, and a value is no longer.
pub const MOST_GIVEN: usize = 200;
pub const MOST_VALUE: usize = 8 * 1024;

impl Given {
    /// Whether it can be given to a container at all.
    ///
    /// # Errors
    /// [`Fault`] for a name that is none, or a value that is too long.
    pub fn check(&self) -> Result<(), Fault> {
        if !crate::config::valid_variable(&self.name) {
            let detail = format!("{}: letters, digits, _ . and -, not beginning with a digit", short(&self.name));
            return Err(Fault::Unreadable { detail });
        }
        if self.value.len() > MOST_VALUE || self.value.contains('\0') {
            return Err(Fault::TooLong { most: MOST_VALUE as u64 });
        }
        Ok(())
    }
}

/// Reads what somebody typed: `NAME=value` a line, for one service `service: NAME=value`. Empty
/// lines and lines that begin with `#` are none.
///
/// # Errors
/// [`Fault`] for the first line that is neither, or too many of them.
pub fn read_given(text: &str) -> Result<Vec<Given>, Fault> {
    let mut given = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let unreadable = || Fault::Unreadable { detail: format!("{}: write NAME=value", short(line)) };
        let (name, value) = line.split_once('=').ok_or_else(unreadable)?;
        let (service, name) = match name.split_once(':') {
            Some((service, name)) => (Some(service.trim().to_owned()), name),
            None => (None, name),
        };
        let one = Given { service, name: name.trim().to_owned(), value: value.trim().to_owned() };
        one.check()?;
        given.push(one);
        if given.len() > MOST_GIVEN {
            return Err(Fault::Refused { reason: format!("more than {MOST_GIVEN} variables") });
        }
    }
    Ok(given)
}

/// The lines that [`read_given`] reads. A value with a line break cannot be written in one.
pub fn write_given(given: &[Given]) -> String {
    let line = |one: &Given| match &one.service {
        Some(service) => format!("{service}: {}={}", one.name, one.value),
        None => format!("{}={}", one.name, one.value),
    };
    given.iter().filter(|one| !one.value.contains(['\n', '\r'])).map(line).collect::<Vec<_>>().join("\n")
}

/// The beginning of what somebody typed, never a value.
fn short(text: &str) -> String {
    let name = text.split('=').next().unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn layer(origin: Origin, pairs: &[(&str, &str)]) -> Layer {
        Layer { origin, values: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    #[test]
    fn the_later_layer_wins_and_says_what_it_overrode() {
        let merged = merge(&[
            layer(Origin::Image, &[("PATH", "/bin"), ("REGION", "none")]),
            layer(Origin::Stack, &[("REGION", "test")]),
            layer(Origin::Region, &[("REGION", "hangzhou"), ("TZ", "Asia/Shanghai")]),
            layer(Origin::Launch, &[("TZ", "UTC")]),
        ]);
        let told: Vec<_> = merged.iter().map(|one| (one.name.as_str(), one.value.as_str(), one.origin)).collect();
        let wanted = [("PATH", "/bin", Origin::Image), ("REGION", "hangzhou", Origin::Region), ("TZ", "UTC", Origin::Launch)];
        assert_eq!(told, wanted);
        let overrode = [(Origin::Stack, "test".to_owned()), (Origin::Image, "none".to_owned())];
        assert_eq!(merged[1].overrode, overrode);
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_nothing_else() {
        for name in ["DB_PASSWORD", "stripe-api-key", "GITHUB_TOKEN", "SSH_KEY", "client.secret", "SENTRY_DSN", "PGPASSWORD"] {
            assert!(looks_secret(name, "x"), "{name}");
        }
        for name in ["PATH", "KEYBOARD", "MONKEY", "TZ", "AUTHOR", "COMPASS", "BYPASS_CACHE"] {
            assert!(!looks_secret(name, "x"), "{name}");
        }
        assert!(looks_secret("DATABASE_URL", "postgres://shop:hunter2@db:5432/shop"));
        assert!(looks_secret("URLS", "http://a https://u:p@b/"));
        assert!(!looks_secret("DATABASE_URL", "postgres://shop@db:5432/shop"));
        assert!(!looks_secret("HOME_URL", "https://a.test/x:y@z"));
    }

    #[test]
    fn lines_are_read_and_what_is_none_is_named_without_its_value() {
        let given = read_given("# for the test\nA=1\n\n worker: QUEUE = big = bigger \nEMPTY=\n").expect("lines");
        let told: Vec<_> = given.iter().map(|one| (one.service.as_deref(), one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(told, [(None, "A", "1"), (Some("worker"), "QUEUE", "big = bigger"), (None, "EMPTY", "")]);
        let refused = read_given("1A=hunter2").expect_err("no name");
        assert!(!refused.to_string().contains("hunter2") && refused.to_string().contains("1A"), "{refused}");
        assert!(read_given("nothing").is_err());
        assert!(read_given(&"A=1\n".repeat(MOST_GIVEN + 1)).is_err());
        assert!(read_given(&format!("A={}", "x".repeat(MOST_VALUE + 1))).is_err());
    }

    fn layers() -> impl Strategy<Value = Vec<Layer>> {
        let origins = prop::sample::select(vec![Origin::Image, Origin::Stack, Origin::App, Origin::Region, Origin::Launch]);
        let values = prop::collection::btree_map("[A-D]", "[a-z]{0,3}", 0..4);
        prop::collection::vec((origins, values).prop_map(|(origin, values)| Layer { origin, values }), 0..6)
    }

    proptest! {
        #[test]
        fn a_difference_names_each_other_variable_once_and_nothing_else(
            before in prop::collection::btree_map("[A-C]", "[xy]", 0..4),
            now in prop::collection::btree_map("[A-C]", "[xy]", 0..4),
        ) {
            let told = difference(&before, &now);
            for name in ["A", "B", "C"] {
                let count = |names: &Vec<String>| names.iter().filter(|one| *one == name).count();
                let found = (count(&told.added), count(&told.removed), count(&told.changed));
                let wanted = match (before.get(name), now.get(name)) {
                    (None, Some(_)) => (1, 0, 0),
                    (Some(_), None) => (0, 1, 0),
                    (Some(old), Some(new)) if old != new => (0, 0, 1),
                    _ => (0, 0, 0),
                };
                prop_assert_eq!(found, wanted);
            }
        }

        #[test]
        fn every_variable_is_there_once_with_the_last_word_and_all_the_words_before(layers in layers()) {
            let merged = merge(&layers);
            let names: Vec<&str> = merged.iter().map(|one| one.name.as_str()).collect();
            let wanted: BTreeSet<&str> = layers.iter().flat_map(|layer| layer.values.keys().map(String::as_str)).collect();
            prop_assert_eq!(names, wanted.into_iter().collect::<Vec<_>>());
            for one in &merged {
                let mut said: Vec<(Origin, String)> = layers
                    .iter()
                    .filter_map(|layer| Some((layer.origin, layer.values.get(&one.name)?.clone())))
                    .collect();
                said.reverse();
                prop_assert_eq!(&said[0], &(one.origin, one.value.clone()));
                prop_assert_eq!(&said[1..], &one.overrode[..]);
            }
        }

        #[test]
        fn a_layer_more_changes_only_what_it_names(layers in layers(), last in prop::collection::btree_map("[A-D]", "[a-z]{0,3}", 0..4)) {
            let before = values(&layers);
            let over = [layers, vec![Layer { origin: Origin::Launch, values: last.clone() }]].concat();
            let mut wanted = before;
            wanted.extend(last);
            prop_assert_eq!(values(&over), wanted);
        }

        #[test]
        fn what_was_given_is_written_and_read_again(
            given in prop::collection::vec((prop::option::of("[a-z]{1,5}"), "[A-Z_]{1,5}", "[ -~]{0,10}"), 0..5)
        ) {
            let given: Vec<Given> = given
                .into_iter()
                .map(|(service, name, value)| Given { service, name, value: value.trim().to_owned() })
                .collect();
            prop_assert_eq!(read_given(&write_given(&given)), Ok(given));
        }
    }
}
