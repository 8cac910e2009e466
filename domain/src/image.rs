//! Image names, tags and digests, after the OCI distribution specification.

use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A content address: `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 hexadecimal digits, as people read them.
    pub fn short(&self) -> &str {
        self.0.get(7..19).unwrap_or(&self.0)
    }
}

impl FromStr for Digest {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let hex = text.strip_prefix("sha256:").ok_or(Fault::BadDigest)?;
        let good = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if good { Ok(Self(text.to_owned())) } else { Err(Fault::BadDigest) }
    }
}

/// A mutable name in a registry: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut bytes = text.bytes();
        let head = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if head && rest && text.len() <= 128 { Ok(Self(text.to_owned())) } else { Err(Fault::BadTag) }
    }
}

/// A repository at a registry: `registry.example.com:5000/team/web`. The host is always written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ImageName {
    host: String,
    repository: String,
}

impl ImageName {
    /// # Errors
    /// [`Fault::BadImage`] when either part does not follow the grammar.
    pub fn new(host: &str, repository: &str) -> Result<Self, Fault> {
        if valid_host(host) && valid_repository(repository) && host.len() + repository.len() < 255 {
            Ok(Self { host: host.to_owned(), repository: repository.to_owned() })
        } else {
            Err(Fault::BadImage)
        }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// `host/repository@digest`: the only form in which Slipway runs anything.
    pub fn at(&self, digest: &Digest) -> String {
        format!("{self}@{digest}")
    }
}

/// `host` or `host:port`, as Docker tells it from the first part of a repository.
pub(crate) fn valid_host(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let name_ok = !name.is_empty()
        && name.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
    // Without a dot, a port or "localhost", Docker would read it as part of the repository.
    name_ok && port_ok && (name.contains('.') || port.is_some() || name == "localhost")
}

fn valid_repository(repository: &str) -> bool {
    !repository.is_empty() && repository.split('/').all(valid_path_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn valid_path_component(component: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().copied().is_some_and(alnum) && bytes.last().copied().is_some_and(alnum);
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).filter(|s| !s.is_empty());
    ends && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

impl FromStr for ImageName {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (host, repository) = text.split_once('/').ok_or(Fault::BadImage)?;
        Self::new(host, repository)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> String {
        name.to_string()
    }
}

macro_rules! text_conversions {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
    )+};
}
text_conversions!(Digest, Tag);

macro_rules! try_from_string {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = Fault;
            fn try_from(text: String) -> Result<Self, Fault> {
                text.parse()
            }
        }
    )+};
}
try_from_string!(Digest, Tag, ImageName);
