//! The variables of an app in a region: where each comes from, and how regions differ in them.
//! Values are compared here and said nowhere.

use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What gave a variable its value in a region. The region wins over the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegionOrigin {
    App,
    Region,
}

/// A variable in another region, beside the one that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Beside {
    Same,
    Different,
    Missing,
}

/// The value of a variable of an app in a region, and what gave it.
fn value<'a>(config: &'a Config, app: &str, region: &str, name: &str) -> Option<(&'a str, RegionOrigin)> {
    let of_region = config.region(region).and_then(|region| region.env.get(name));
    let of_app = || config.app(app).and_then(|app| app.service.env.get(name));
    match of_region {
        Some(value) => Some((value, RegionOrigin::Region)),
        None => of_app().map(|value| (value.as_str(), RegionOrigin::App)),
    }
}

/// The names of the variables that an app has in any region, in the order of the alphabet.
pub fn names(config: &Config, app: &str) -> Vec<String> {
    let of_app = config.app(app).into_iter().flat_map(|app| app.service.env.keys());
    let names: BTreeSet<&String> = of_app.chain(config.regions.iter().flat_map(|region| region.env.keys())).collect();
    names.into_iter().cloned().collect()
}

/// What gives the variable its value in the region; none when it is not there.
pub fn origin(config: &Config, app: &str, region: &str, name: &str) -> Option<RegionOrigin> {
    config.region(region)?;
    value(config, app, region, name).map(|(_, origin)| origin)
}

/// How the variable in region `other` stands to the one in `region`; none when neither has it.
pub fn beside(config: &Config, app: &str, name: &str, region: &str, other: &str) -> Option<Beside> {
    let value = |region: &str| value(config, app, region, name).map(|(value, _)| value);
    match (value(region), value(other)) {
        (None, None) => None,
        (own, other) if own == other => Some(Beside::Same),
        (_, None) => Some(Beside::Missing),
        _ => Some(Beside::Different),
    }
}

/// The versions, of those given oldest first, in which the variable became another than in the one
/// before: it was added, changed or removed. The oldest has nothing before it and is none of them.
pub fn changed_in(versions: &[(i64, Config)], app: &str, region: &str, name: &str) -> Vec<i64> {
    let pairs = versions.iter().zip(versions.iter().skip(1));
    let changed = pairs.filter(|((_, old), (_, new))| {
        value(old, app, region, name).map(|(value, _)| value) != value(new, app, region, name).map(|(value, _)| value)
    });
    changed.map(|(_, (version, _))| *version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn config(app: &Value, regions: &[(&str, Value)]) -> Config {
        let regions: Vec<Value> =
            regions.iter().map(|(name, env)| json!({ "name": name, "url": "tcp://10.0.0.1:2375", "env": env })).collect();
        serde_json::from_value(json!({
            "apps": [{ "name": "web", "image": "registry.test/web", "service": { "env": app } }],
            "regions": regions,
        }))
        .expect("a configuration")
    }

    #[test]
    fn each_variable_says_where_it_comes_from_and_how_the_others_differ() {
        let config = config(
            &json!({ "MODE": "live" }),
            &[("east", json!({ "LANG": "zh", "MODE": "quiet" })), ("west", json!({ "LANG": "zh" })), ("north", json!({}))],
        );
        assert_eq!(names(&config, "web"), ["LANG", "MODE"]);
        assert_eq!(origin(&config, "web", "east", "MODE"), Some(RegionOrigin::Region));
        assert_eq!(origin(&config, "web", "west", "MODE"), Some(RegionOrigin::App));
        assert_eq!(origin(&config, "web", "north", "LANG"), None);
        assert_eq!(origin(&config, "web", "nowhere", "MODE"), None);
        assert_eq!(beside(&config, "web", "LANG", "east", "west"), Some(Beside::Same));
        assert_eq!(beside(&config, "web", "LANG", "east", "north"), Some(Beside::Missing));
        assert_eq!(beside(&config, "web", "MODE", "east", "west"), Some(Beside::Different));
        assert_eq!(beside(&config, "web", "NONE", "east", "west"), None);
    }

    #[test]
    fn the_versions_in_which_a_variable_changed_are_named() {
        let version = |value: Value| config(&json!({ "MODE": "live" }), &[("east", value)]);
        let versions = [
            (1, version(json!({}))),
            (2, version(json!({ "MODE": "quiet" }))),
            (4, version(json!({ "MODE": "quiet", "LANG": "zh" }))),
            (5, version(json!({}))),
        ];
        assert_eq!(changed_in(&versions, "web", "east", "MODE"), [2, 5]);
        assert_eq!(changed_in(&versions, "web", "east", "LANG"), [4, 5]);
        assert_eq!(changed_in(&versions, "web", "west", "LANG"), [] as [i64; 0]);
    }

    proptest! {
        #[test]
        fn same_and_different_go_both_ways(
            of_app in prop::collection::btree_map("[A-C]", "[a-b]", 0..3),
            east in prop::collection::btree_map("[A-C]", "[a-b]", 0..3),
            west in prop::collection::btree_map("[A-C]", "[a-b]", 0..3),
        ) {
            let config = config(&json!(of_app), &[("east", json!(east)), ("west", json!(west))]);
            for name in ["A", "B", "C"] {
                let there = beside(&config, "web", name, "east", "west");
                let back = beside(&config, "web", name, "west", "east");
                prop_assert_eq!(there.is_none(), back.is_none());
                prop_assert_eq!(there == Some(Beside::Same), back == Some(Beside::Same));
            }
        }
    }
}
