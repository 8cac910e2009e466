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

    /// A text whose byte order is the order of releases, for the database.
    pub fn sort_key(&self) -> String {
        let version: Vec<String> = self.version.iter().map(|part| format!("{part:010}")).collect();
        format!("{}/{:02}{:02}{:02}", version.join("."), self.month, self.date, self.order)
    }
}

impl FromStr for ReleaseTag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let body = text.strip_prefix("release-v").ok_or(Fault::BadReleaseTag)?;
        let parts: Vec<&str> = body.split('.').collect();
        let (version, [month, date, order]) = parts.split_last_chunk::<3>().ok_or(Fault::BadReleaseTag)?;
        let version = version.iter().map(|part| number(part, 1, 9)).collect::<Result<Vec<u32>, Fault>>()?;
        if version.is_empty() || version.len() > 4 {
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
