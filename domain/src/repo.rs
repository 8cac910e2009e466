//! Names of git repositories, however they are written.

use serde::{Deserialize, Serialize};
use std::fmt;

const MOST: usize = 255;

/// A repository as people mean it: a host where one is named, and a path without `.git`.
/// `https://github.com/Acme/web.git`, `git@github.com:Acme/web` and `ssh://git@github.com/acme/web/`
/// are the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RepoName {
    pub host: Option<String>,
    pub path: String,
}

impl RepoName {
    /// Reads a clone address, a web address or a bare `owner/name`; none for what is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > MOST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        let (host, path) = match text.split_once("://") {
            Some((_, rest)) => {
                let (authority, path) = rest.split_once('/')?;
                (Some(authority), path)
            }
            None => match text.split_once(':') {
                // The short form of ssh; a colon after a slash belongs to a path.
                Some((authority, path)) if !authority.contains('/') => (Some(authority), path),
                _ => (None, text),
            },
        };
        let host = host.map(|host| host.rsplit('@').next().unwrap_or(host)).filter(|host| !host.is_empty());
        let host = host.map(|host| without_usual_port(&host.to_ascii_lowercase()).to_owned());
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).to_lowercase();
        (!path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "..")).then_some(Self { host, path })
    }

    /// Whether both mean one repository. A name without a host fits any host.
    pub fn is(&self, other: &Self) -> bool {
        let hosts = self.host.as_ref().zip(other.host.as_ref());
        self.path == other.path && hosts.is_none_or(|(one, other)| one == other)
    }
}

fn without_usual_port(host: &str) -> &str {
    [":443", ":80", ":22"].iter().find_map(|port| host.strip_suffix(port)).unwrap_or(host)
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}/{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_repository_has_many_spellings() {
        let wanted = RepoName { host: Some("github.com".into()), path: "acme/web".into() };
        for text in [
            "https://github.com/Acme/web.git",
            "https://github.com/acme/web/",
            "https://user:token@github.com:443/acme/web",
            "git@github.com:Acme/web.git",
            "ssh://git@github.com:22/acme/web",
            "git://GitHub.com/acme/web.git",
            "https://github.com/acme/web?tab=readme",
        ] {
            assert_eq!(RepoName::parse(text), Some(wanted.clone()), "{text}");
        }
        let bare = RepoName::parse("acme/web").expect("a path");
        assert!(bare.host.is_none() && bare.is(&wanted) && wanted.is(&bare));
        assert!(!RepoName::parse("https://gitlab.com/acme/web").expect("a name").is(&wanted));
        assert!(!RepoName::parse("acme/web2").expect("a path").is(&wanted));
    }

    #[test]
    fn what_is_no_repository_is_none() {
        for text in [
            "",
            " ",
            "https://",
            "https://github.com",
            "https://github.com/",
            "a b",
            "a/../b",
            "git@github.com:",
            "a\u{0}b",
            &"x".repeat(300),
        ] {
            assert_eq!(RepoName::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            if let Some(name) = RepoName::parse(&text) {
                prop_assert!(name.is(&name));
            }
        }
    }
}
