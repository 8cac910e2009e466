//! Release tags: `release-v{version}.{month}.{date}.{order}`, for example `release-v5.12.05.02`.

use crate::problem::Fault;
use std::fmt;
use std::str::FromStr;

/// A parsed release tag. The order of the fields is the order of releases.
///
/// `{version}` may itself have dots (`release-v3.02.11.30.01` is version 3.02): the last
/// three parts are month, date and order, two digits each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseTag {
    version: Vec<u32>,
    month: u8,
    date: u8,
    order: u8,
    text: String,
}

impl ReleaseTag {
    /// What people call it: `v5.12.05.02`.
    pub fn version_text(&self) -> &str {
        self.text.strip_prefix("release-").unwrap_or(&self.text)
    }

    /// A text whose order is the order of releases, for the database. It is all digits and of
    /// one length, so that every collation sorts it alike: four parts of the version, each
    /// one more than it says and zero where there is none, then month, date and order.
    pub fn sort_key(&self) -> String {
        let part = |at: usize| self.version.get(at).map_or(0, |part| part + 1);
        let version: String = (0..MOST_PARTS).map(|at| format!("{:010}", part(at))).collect();
        format!("{version}{:02}{:02}{:02}", self.month, self.date, self.order)
    }
}

/// Parts that a version can have.
const MOST_PARTS: usize = 4;

impl FromStr for ReleaseTag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let body = text.strip_prefix("release-v").ok_or(Fault::BadReleaseTag)?;
        let parts: Vec<&str> = body.split('.').collect();
        let (version, [month, date, order]) = parts.split_last_chunk::<3>().ok_or(Fault::BadReleaseTag)?;
        let version = version.iter().map(|part| number(part, 1, 9)).collect::<Result<Vec<u32>, Fault>>()?;
        if version.is_empty() || version.len() > MOST_PARTS {
            return Err(Fault::BadReleaseTag);
        }
        let (month, date, order) = (two_digits(month)?, two_digits(date)?, two_digits(order)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&date) {
            return Err(Fault::BadReleaseTag);
        }
        Ok(Self { version, month, date, order, text: text.to_owned() })
    }
}

fn two_digits(part: &str) -> Result<u8, Fault> {
    number(part, 2, 2).and_then(|n| u8::try_from(n).map_err(|_| Fault::BadReleaseTag))
}

fn number(part: &str, least: usize, most: usize) -> Result<u32, Fault> {
    let good = (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if good { part.parse().map_err(|_| Fault::BadReleaseTag) } else { Err(Fault::BadReleaseTag) }
}

impl fmt::Display for ReleaseTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tag(text: &str) -> ReleaseTag {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn a_release_tag_says_version_month_date_and_order() {
        let release = tag("release-v5.12.05.02");
        assert_eq!((release.version.as_slice(), release.month, release.date, release.order), (&[5][..], 12, 5, 2));
        assert_eq!((release.version_text(), release.to_string().as_str()), ("v5.12.05.02", "release-v5.12.05.02"));
        let dotted = tag("release-v3.02.11.30.01");
        assert_eq!((dotted.version.as_slice(), dotted.month, dotted.date, dotted.order), (&[3, 2][..], 11, 30, 1));
    }

    #[test]
    fn what_only_looks_like_a_release_tag_is_refused() {
        for bad in [
            "",
            "release",
            "release-v",
            "release-v5",
            "release-v12.05.02",
            "release-v5.13.40.99",
            "release-v5.00.05.02",
            "release-v5.12.00.02",
            "release-v5.12.32.02",
            "release-v5.12.5.02",
            "release-v5.12.05.2",
            "release-v5.12.05.002",
            "release-v.12.05.02",
            "release-v5..12.05.02",
            "release-v-5.12.05.02",
            "release-v+5.12.05.02",
            "release-5.12.05.02",
            "Release-v5.12.05.02",
            "release-v5.12.05.02 ",
            " release-v5.12.05.02",
            "release-v5.12.05.02-rc1",
            "release-v5.12.05.02.",
            "release-vx.12.05.02",
            "release-v1.2.3.4.5.12.05.02",
            "release-v9999999999.12.05.02",
            "release-v٥.12.05.02",
        ] {
            assert_eq!(bad.parse::<ReleaseTag>(), Err(Fault::BadReleaseTag), "{bad:?}");
        }
    }

    #[test]
    fn releases_stand_in_the_order_in_which_people_count_them() {
        let ordered = [
            "release-v3.12.30.01",
            "release-v3.0.01.01.01",
            "release-v3.02.11.30.01",
            "release-v3.10.01.01.01",
            "release-v5.02.28.09",
            "release-v5.02.28.10",
            "release-v5.11.30.01",
            "release-v5.12.05.01",
            "release-v5.12.05.02",
            "release-v10.01.01.01",
            "release-v999999999.01.01.01",
        ];
        let mut keys: Vec<String> = ordered.iter().map(|text| tag(text).sort_key()).collect();
        let before = keys.clone();
        keys.sort();
        assert_eq!(keys, before);
    }

    prop_compose! {
        fn some_release()(
            version in prop::collection::vec(0_u32..=999_999_999, 1..=4),
            (month, date, order) in (1_u8..=12, 1_u8..=31, 0_u8..=99),
        ) -> ReleaseTag {
            let version: Vec<String> = version.iter().map(u32::to_string).collect();
            tag(&format!("release-v{}.{month:02}.{date:02}.{order:02}", version.join(".")))
        }
    }

    proptest! {
        #[test]
        fn the_key_sorts_as_the_releases_do(one in some_release(), other in some_release()) {
            prop_assert_eq!(one.cmp(&other), one.sort_key().cmp(&other.sort_key()));
        }

        #[test]
        fn every_key_is_of_one_length_and_all_digits(release in some_release()) {
            let key = release.sort_key();
            prop_assert!(key.len() == 46 && key.bytes().all(|b| b.is_ascii_digit()), "{}", key);
        }

        #[test]
        fn no_text_makes_it_stumble(text in "(release-v)?[0-9.a-z-]{0,30}") {
            if let Ok(release) = text.parse::<ReleaseTag>() {
                prop_assert_eq!(release.to_string(), text);
            }
        }
    }
}
