//! Which addresses Slipway may speak to when a name or an address comes from a configuration.
//!
//! Only addresses of the public internet, unless the configuration allows a range: whoever may
//! write a target must not reach the machine's own services, a cloud's metadata or the network
//! behind Slipway.

use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The widest range that may be allowed: one of the private ones at most.
const LEAST_PREFIX_V4: u8 = 8;
const LEAST_PREFIX_V6: u8 = 7;

/// What Slipway may reach beside the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OutgoingConfig {
    /// Ranges, as `10.1.0.0/16` or `fd00::/8`; a single address is `127.0.0.1/32`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// PEM of authorities that are believed beside those of the web: one's own, for targets, mail,
    /// registries and git servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl OutgoingConfig {
    /// The ranges, without what cannot be read: [`crate::config::Config::check`] refuses that.
    pub fn ranges(&self) -> Vec<Range> {
        self.allow.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A network and the addresses in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    prefix: u8,
}

impl Range {
    /// Whether the address is of this network. An IPv4 address inside an IPv6 one is another address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => v4_in(address, first, self.prefix),
            (IpAddr::V6(first), IpAddr::V6(address)) => v6_in(address, first, self.prefix),
            _ => false,
        }
    }
}

impl FromStr for Range {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let form = || Fault::Unreadable { detail: "write a range like 10.0.0.0/8 or fd00::/8".to_owned() };
        let (first, prefix) = text.split_once('/').ok_or_else(form)?;
        let first: IpAddr = first.parse().map_err(|_| form())?;
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(form());
        }
        let prefix: u8 = prefix.parse().map_err(|_| form())?;
        let (least, most) = if first.is_ipv4() { (LEAST_PREFIX_V4, 32) } else { (LEAST_PREFIX_V6, 128) };
        if !(least..=most).contains(&prefix) {
            return Err(Fault::OutOfRange { least: least.into(), most: most.into() });
        }
        let range = Range { first: network(first, prefix), prefix };
        if range.first == first {
            Ok(range)
        } else {
            Err(Fault::Refused { reason: format!("{text} has digits after its prefix: write {range}") })
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

fn network(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & mask_v4(prefix)).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & mask_v6(prefix)).into()),
    }
}

fn mask_v4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

fn mask_v6(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}

fn v4_in(address: Ipv4Addr, first: Ipv4Addr, prefix: u8) -> bool {
    u32::from(address) & mask_v4(prefix) == u32::from(first)
}

fn v6_in(address: Ipv6Addr, first: Ipv6Addr, prefix: u8) -> bool {
    u128::from(address) & mask_v6(prefix) == u128::from(first)
}

/// What an address is that is not one of the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Unspecified,
    Private,
    Carrier,
    Loopback,
    LinkLocal,
    /// Where a cloud tells a machine its secrets.
    Metadata,
    Reserved,
    Examples,
    Measurements,
    Multicast,
    /// It holds an IPv4 address: who translates it, and to where, is not known here.
    Inside,
}

impl Special {
    const fn as_str(self) -> &'static str {
        match self {
            Special::Unspecified => "an unspecified address",
            Special::Private => "a private address",
            Special::Carrier => "a shared address of a carrier",
            Special::Loopback => "a loopback address",
            Special::LinkLocal => "a link-local address",
            Special::Metadata => "a cloud's metadata",
            Special::Reserved => "a reserved address",
            Special::Examples => "an address for examples",
            Special::Measurements => "an address for measurements",
            Special::Multicast => "a multicast address",
            Special::Inside => "an IPv4 address inside an IPv6 one",
        }
    }
}

fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// Whether Slipway may speak to an address that somebody named.
///
/// # Errors
/// What the address is, when it is none of the public internet and of no allowed range.
pub fn reachable(address: IpAddr, allow: &[Range]) -> Result<(), &'static str> {
    match special(address) {
        Some(what) if !allow.iter().any(|range| range.contains(address)) => Err(what.as_str()),
        _ => Ok(()),
    }
}

/// Whether Slipway may speak to an address at which an admin says that a registry or a git server
/// is: also in one's own network, where these usually are. No list opens more than that, for a
/// registry leads on to addresses of its own choice.
///
/// # Errors
/// What the address is, when it is neither of the public internet nor of a network of one's own.
pub fn reachable_by_admin(address: IpAddr) -> Result<(), &'static str> {
    match special(address) {
        None | Some(Special::Private | Special::Loopback | Special::Carrier | Special::Measurements) => Ok(()),
        Some(what) => Err(what.as_str()),
    }
}

/// What an IPv4 address is, when it is not one of the public internet (IANA's list of special purposes,
/// and what clouds have put elsewhere).
fn special_v4(address: Ipv4Addr) -> Option<Special> {
    const SPECIAL: [([u8; 4], u8, Special); 17] = [
        ([100, 100, 100, 200], 32, Special::Metadata),
        ([168, 63, 129, 16], 32, Special::Metadata),
        ([0, 0, 0, 0], 8, Special::Unspecified),
        ([10, 0, 0, 0], 8, Special::Private),
        ([100, 64, 0, 0], 10, Special::Carrier),
        ([127, 0, 0, 0], 8, Special::Loopback),
        ([169, 254, 0, 0], 16, Special::LinkLocal),
        ([172, 16, 0, 0], 12, Special::Private),
        ([192, 0, 0, 0], 24, Special::Reserved),
        ([192, 0, 2, 0], 24, Special::Examples),
        ([192, 88, 99, 0], 24, Special::Reserved),
        ([192, 168, 0, 0], 16, Special::Private),
        ([198, 18, 0, 0], 15, Special::Measurements),
        ([198, 51, 100, 0], 24, Special::Examples),
        ([203, 0, 113, 0], 24, Special::Examples),
        ([224, 0, 0, 0], 4, Special::Multicast),
        ([240, 0, 0, 0], 4, Special::Reserved),
    ];
    SPECIAL.iter().find(|(first, prefix, _)| v4_in(address, (*first).into(), *prefix)).map(|(_, _, what)| *what)
}

/// What an IPv6 address is, when it is not one of the public internet: that is `2000::/3`, without what
/// in it leads elsewhere. Addresses that hold an IPv4 address are refused whatever that is.
fn special_v6(address: Ipv6Addr) -> Option<Special> {
    const KNOWN: [([u16; 8], u8, Special); 16] = [
        ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, Special::Metadata),
        ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, Special::Metadata),
        ([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128, Special::Metadata),
        ([0, 0, 0, 0, 0, 0, 0, 0], 128, Special::Unspecified),
        ([0, 0, 0, 0, 0, 0, 0, 1], 128, Special::Loopback),
        ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, Special::Inside),
        ([0, 0, 0, 0, 0, 0, 0, 0], 96, Special::Inside),
        ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 32, Special::Inside),
        ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, Special::Inside),
        ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Special::Reserved),
        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Special::Examples),
        ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Special::Examples),
        ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Special::Private),
        ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Special::LinkLocal),
        ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Special::Private),
        ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Special::Multicast),
    ];
    let known = KNOWN.iter().find(|(first, prefix, _)| v6_in(address, (*first).into(), *prefix));
    let public = v6_in(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    known.map(|(_, _, what)| *what).or((!public).then_some(Special::Reserved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_not_of_the_public_internet_is_refused() {
        let refused = [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
            "4000::1",
        ];
        for text in refused {
            assert!(reachable(ip(text), &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_of_the_public_internet_is_reached() {
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "223.255.255.255",
            "2606:4700::1",
            "2001:4860:4860::8888",
            "2400:3200::1",
        ] {
            assert_eq!(reachable(ip(text), &[]), Ok(()), "{text}");
        }
    }

    #[test]
    fn an_admin_names_what_is_in_one_s_own_network_and_never_a_machine_s_secrets() {
        for text in
            ["8.8.8.8", "127.0.0.1", "10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::7", "2606:4700::1"]
        {
            assert_eq!(reachable_by_admin(ip(text)), Ok(()), "{text}");
        }
        for text in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            assert!(reachable_by_admin(ip(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_allowed_range_opens_itself_and_nothing_else() {
        let allow: Vec<Range> =
            ["10.1.0.0/16", "127.0.0.1/32", "fd00::/8"].iter().map(|text| text.parse().expect("a range")).collect();
        for text in ["10.1.0.0", "10.1.255.255", "127.0.0.1", "fd12::1"] {
            assert_eq!(reachable(ip(text), &allow), Ok(()), "{text}");
        }
        for text in ["10.2.0.0", "127.0.0.2", "169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.1.0.1", "fc00::1", "::1"] {
            assert!(reachable(ip(text), &allow).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_is_written_in_one_way_and_is_not_everything() {
        for text in ["10.0.0.0/8", "127.0.0.1/32", "fc00::/7", "::1/128"] {
            assert_eq!(text.parse::<Range>().map(|range| range.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "10.0.0.0",
            "10.0.0.1/8",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0/8",
            "fd00::/129",
            "localhost/32",
            "",
        ] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_range_holds_exactly_what_has_its_first_bits_v4(bits: u32, other: u32, prefix in 8u8..=32) {
            let range: Range = network(IpAddr::V4(bits.into()), prefix).to_string().parse::<IpAddr>()
                .map(|first| Range { first, prefix }).expect("an address");
            prop_assert_eq!(range.to_string().parse::<Range>(), Ok(range));
            prop_assert!(range.contains(IpAddr::V4(bits.into())));
            let same = (bits ^ other).leading_zeros() >= u32::from(prefix);
            prop_assert_eq!(range.contains(IpAddr::V4(other.into())), same);
            prop_assert!(!range.contains(IpAddr::V6(Ipv4Addr::from(bits).to_ipv6_mapped())));
        }

        #[test]
        fn a_range_holds_exactly_what_has_its_first_bits_v6(bits: u128, flip in 0u32..128, prefix in 7u8..=128) {
            let range = Range { first: network(IpAddr::V6(bits.into()), prefix), prefix };
            prop_assert_eq!(range.to_string().parse::<Range>(), Ok(range));
            prop_assert!(range.contains(IpAddr::V6(bits.into())));
            let other = bits ^ (1u128 << (127 - flip));
            prop_assert_eq!(range.contains(IpAddr::V6(other.into())), flip >= u32::from(prefix));
        }

        #[test]
        fn no_ipv6_address_leads_to_an_ipv4_one(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            for hidden in [v4.to_ipv6_mapped(), v4.to_ipv6_compatible(), Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b), Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1)] {
                prop_assert!(reachable(IpAddr::V6(hidden), &[]).is_err());
                prop_assert!(reachable_by_admin(IpAddr::V6(hidden)).is_err());
            }
        }

        #[test]
        fn the_standard_library_agrees_where_it_has_a_word(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!known || reachable(IpAddr::V4(v4), &[]).is_err());
        }
    }
}
