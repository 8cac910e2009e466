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
pub fn valid_host(host: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_digest_is_sha256_in_lower_case_and_nothing_else() {
        let hex = "0123456789abcdef".repeat(4);
        let digest: Digest = format!("sha256:{hex}").parse().expect("a digest");
        assert_eq!((digest.short(), digest.to_string()), ("0123456789ab", format!("sha256:{hex}")));
        for bad in [
            hex.clone(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha512:{hex}"),
            format!("sha256:{}g", &hex[1..]),
            format!(" sha256:{hex}"),
            format!("sha256:{hex}\n"),
            String::new(),
        ] {
            assert_eq!(bad.parse::<Digest>(), Err(Fault::BadDigest), "{bad:?}");
            assert!(serde_json::from_value::<Digest>(bad.clone().into()).is_err(), "{bad:?} came in through JSON");
        }
    }

    #[test]
    fn a_tag_follows_the_specification() {
        for good in ["dev", "release-v5.12.05.02", "_x", "1", &"a".repeat(128)] {
            assert_eq!(good.parse::<Tag>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", ".x", "-x", "a b", "a/b", "a:b", "a@b", "<script>", "ü", "a\n", &"a".repeat(129)] {
            assert_eq!(bad.parse::<Tag>(), Err(Fault::BadTag), "{bad:?}");
        }
    }

    #[test]
    fn an_image_name_always_has_its_registry() {
        for good in [
            "registry.example.com/web",
            "registry.example.com:5000/team/web",
            "localhost/web",
            "registry:5000/web",
            "10.77.0.1:5000/demo/web",
            "a.b/x__y/z-w.v/1",
        ] {
            let name: ImageName = good.parse().unwrap_or_else(|why| panic!("{good}: {why}"));
            assert_eq!(name.to_string(), good);
        }
        for bad in [
            "",
            "web",
            "web:dev",
            "library/web",
            "registry/web",
            "a.b/",
            "/web",
            "a.b//web",
            "a.b/Web",
            "a.b/web/",
            "a.b/-web",
            "a.b/web-",
            "a.b/we..b",
            "a.b/we___b",
            "a.b/we._b",
            "a.b:0/web",
            "a.b:99999/web",
            "a.b:/web",
            "-a.b/web",
            "a-.b/web",
            "a..b/web",
            "a.b/../etc",
            "http://a.b/web",
            "a.b/web:dev",
            "a.b/web@sha256:x",
            "a.b/we b",
            "u:p@a.b/web",
            "a.b/<script>",
            "[::1]:5000/web",
        ] {
            assert_eq!(bad.parse::<ImageName>(), Err(Fault::BadImage), "{bad:?}");
        }
        let long = format!("a.b/{}", "x".repeat(300));
        assert_eq!(long.parse::<ImageName>(), Err(Fault::BadImage));
    }

    proptest! {
        #[test]
        fn names_are_read_back_as_they_were_written(host in "[a-z]{1,8}\\.[a-z]{2,3}(:[1-9][0-9]{1,3})?", repository in "[a-z0-9]{1,6}([._-][a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,5}){0,2}") {
            let name = ImageName::new(&host, &repository).expect("it follows the grammar");
            prop_assert_eq!((name.host(), name.repository()), (host.as_str(), repository.as_str()));
            let json = serde_json::to_string(&name).expect("json");
            prop_assert_eq!(serde_json::from_str::<ImageName>(&json).expect("the same"), name);
        }

        #[test]
        fn what_is_taken_can_stand_in_a_url(text in "[ -~é]{0,40}") {
            let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%' | b'<' | b'"'));
            if let Ok(name) = text.parse::<ImageName>() {
                prop_assert!(plain(&name.to_string()) && !name.repository().contains(".."));
            }
            if let Ok(tag) = text.parse::<Tag>() {
                prop_assert!(plain(tag.as_str()) && !tag.as_str().contains('/'));
            }
        }
    }
}
