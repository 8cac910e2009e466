//! On which of an engine's ports a container's port is published.

use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Ports from the first to the last, both included: `30000-30999`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    pub const fn has(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// How many ports there are.
    pub const fn size(self) -> u32 {
        self.last as u32 - self.first as u32 + 1
    }
}

impl FromStr for PortRange {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let unreadable = || Fault::Unreadable { detail: "write two ports like 30000-30999".to_owned() };
        let (first, last) = text.split_once('-').ok_or_else(unreadable)?;
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(unreadable);
        let (first, last) = (port(first)?, port(last)?);
        if first > last { Err(unreadable()) } else { Ok(Self { first, last }) }
    }
}

impl TryFrom<String> for PortRange {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// The port for a container's port: `label * 100 + container port` when that is in the range and
/// free, else the next free one behind it in the range, beginning anew at its end. Without a
/// label, or when the number is not in the range, the first free one. None when all are taken.
pub fn choose_port(range: PortRange, label: Option<u16>, container_port: u16, taken: &BTreeSet<u16>) -> Option<u16> {
    let wanted = label.and_then(|label| u16::try_from(u32::from(label) * 100 + u32::from(container_port)).ok());
    let start = wanted.filter(|port| range.has(*port)).unwrap_or(range.first);
    (start..=range.last).chain(range.first..start).find(|port| !taken.contains(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(text: &str) -> PortRange {
        text.parse().expect("a range")
    }

    #[test]
    fn the_label_rule_holds_inside_the_range() {
        let all = range("8000-8199");
        let none = BTreeSet::new();
        assert_eq!(choose_port(all, Some(80), 80, &none), Some(8080));
        assert_eq!(choose_port(all, Some(81), 80, &none), Some(8180));
        assert_eq!(choose_port(all, Some(80), 80, &BTreeSet::from([8080, 8081])), Some(8082));
        assert_eq!(choose_port(all, Some(90), 80, &none), Some(8000), "9080 is outside");
        assert_eq!(choose_port(all, None, 80, &BTreeSet::from([8000])), Some(8001));
        assert_eq!(choose_port(all, Some(655), 443, &none), Some(8000), "no such port at all");
        assert_eq!(choose_port(range("8079-8080"), Some(80), 80, &BTreeSet::from([8080])), Some(8079), "it begins anew");
        assert_eq!(choose_port(range("8080-8080"), Some(80), 80, &BTreeSet::from([8080])), None);
    }

    #[test]
    fn a_range_is_two_ports_in_order() {
        for bad in ["", "1", "2-1", "0-5", "1-65536", "a-b", "-5", "1-2-3"] {
            assert!(bad.parse::<PortRange>().is_err(), "{bad}");
        }
        assert_eq!(range("1-65535").size(), 65535);
    }

    proptest! {
        #[test]
        fn a_port_is_in_the_range_free_and_found_whenever_there_is_one(
            first in 1u16..300, size in 0u16..40, label in prop::option::of(0u16..4), port in 1u16..400,
            taken in prop::collection::btree_set(1u16..350, 0..60),
        ) {
            let range = PortRange { first, last: first + size };
            let chosen = choose_port(range, label, port, &taken);
            let free = (range.first..=range.last).any(|port| !taken.contains(&port));
            prop_assert_eq!(chosen.is_some(), free);
            if let Some(chosen) = chosen {
                prop_assert!(range.has(chosen) && !taken.contains(&chosen));
                let wanted = label.map(|label| label * 100 + port).filter(|wanted| range.has(*wanted) && !taken.contains(wanted));
                prop_assert!(wanted.is_none_or(|wanted| wanted == chosen));
            }
        }

        #[test]
        fn a_range_is_written_as_it_is_read(first in 1u16.., size in 0u16..1000) {
            let range = PortRange { first, last: first.saturating_add(size) };
            prop_assert_eq!(range.to_string().parse::<PortRange>(), Ok(range));
        }
    }
}
