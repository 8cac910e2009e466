//! Addresses of repositories, as the configuration names them.

use super::GitError;
use domain::commits::Trouble;

const MOST: usize = 1024;

/// How a repository is reached. No other transport is ever allowed to git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Https,
    /// Inside one's own network; credentials are never sent over it, but on this machine.
    Http,
    Ssh,
    File,
}

impl Scheme {
    /// Git's own word for it.
    pub fn word(self) -> &'static str {
        match self {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Ssh => "ssh",
            Scheme::File => "file",
        }
    }
}

/// An address that git may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    scheme: Scheme,
    address: String,
    host: String,
    path: String,
}

impl Remote {
    /// Reads `https://host/path`, `ssh://user@host/path`, `user@host:path`, `file:///path`, and
    /// `http://host/path` for one's own network.
    ///
    /// # Errors
    /// [`Trouble::Address`] for everything else, also for what git itself would understand.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        let refused = |why: &str| GitError::new(Trouble::Address, why);
        let text = text.trim();
        if text.is_empty() || text.len() > MOST || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(refused("not an address"));
        }
        if text.starts_with('-') || text.contains("::") && !text.contains('[') {
            return Err(refused("neither an option nor a helper"));
        }
        let (scheme, authority, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = match scheme {
                    "https" => Scheme::Https,
                    "http" => Scheme::Http,
                    "ssh" => Scheme::Ssh,
                    "file" => Scheme::File,
                    _ => return Err(refused("https, ssh or file")),
                };
                let (authority, path) = rest.split_once('/').ok_or_else(|| refused("no path"))?;
                (scheme, authority, path)
            }
            None => {
                let short = text.split_once(':').filter(|(authority, _)| !authority.contains('/'));
                let (authority, path) = short.ok_or_else(|| refused("https, ssh or file"))?;
                (Scheme::Ssh, authority, path)
            }
        };
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        check(scheme, user, host, path).map_err(refused)?;
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).to_owned();
        Ok(Self { scheme, address: text.to_owned(), host: host.to_ascii_lowercase(), path })
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As git is given it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The host with its port, if it names one; empty for a file.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without a port.
    pub fn bare_host(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.host,
        }
    }

    /// Host and port that are spoken to; none for a file.
    pub fn place(&self) -> Option<(&str, u16)> {
        let usual = match self.scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
            Scheme::Ssh => 22,
            Scheme::File => return None,
        };
        let host = self.bare_host();
        let port = self.host.get(host.len()..).and_then(|rest| rest.strip_prefix(':')).and_then(|port| port.parse().ok());
        Some((host.trim_start_matches('[').trim_end_matches(']'), port.unwrap_or(usual)))
    }

    /// `owner/name`, without `.git`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a password may be sent there.
    pub fn keeps_secrets(&self) -> bool {
        match self.scheme {
            Scheme::Https | Scheme::Ssh => true,
            Scheme::Http => matches!(self.bare_host(), "127.0.0.1" | "localhost" | "[::1]"),
            Scheme::File => false,
        }
    }
}

fn check(scheme: Scheme, user: Option<&str>, host: &str, path: &str) -> Result<(), &'static str> {
    let safe = |text: &str, more: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_' || more.contains(c))
    };
    if scheme == Scheme::File {
        let inside = !path.is_empty() && !path.split('/').any(|part| part == "..");
        return if host.is_empty() && user.is_none() && inside { Ok(()) } else { Err("file:///an/absolute/path") };
    }
    if !safe(host, ":[]") || host.starts_with('-') {
        return Err("not a host");
    }
    match (scheme, user) {
        (Scheme::Ssh, Some(user)) if !safe(user, "") || user.starts_with('-') => return Err("not a user"),
        (Scheme::Https | Scheme::Http, Some(_)) => return Err("credentials belong into a secret, not into the address"),
        _ => {}
    }
    let plain = !path.trim_matches('/').is_empty()
        && !path.starts_with('-')
        && path.split('/').all(|part| part != "..")
        && path.chars().all(|c| c.is_alphanumeric() || "-._~/+%@".contains(c));
    if plain { Ok(()) } else { Err("not a path") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_addresses_that_people_clone_from_are_read() {
        for (text, scheme, host, path) in [
            ("https://github.com/Acme/web.git", Scheme::Https, "github.com", "Acme/web"),
            ("https://git.example.com:8443/team/sub/web", Scheme::Https, "git.example.com:8443", "team/sub/web"),
            ("git@github.com:Acme/web.git", Scheme::Ssh, "github.com", "Acme/web"),
            ("ssh://git@git.example.com:2222/team/web.git", Scheme::Ssh, "git.example.com:2222", "team/web"),
            ("ssh://git@git.example.com/~git/web.git", Scheme::Ssh, "git.example.com", "~git/web"),
            ("file:///srv/git/web.git", Scheme::File, "", "srv/git/web"),
            ("http://127.0.0.1:3001/team/web", Scheme::Http, "127.0.0.1:3001", "team/web"),
        ] {
            let remote = Remote::parse(text).expect(text);
            assert_eq!((remote.scheme(), remote.host(), remote.path()), (scheme, host, path), "{text}");
            assert_eq!(remote.address(), text);
        }
        assert_eq!(Remote::parse("ssh://git@git.example.com:2222/a/b").expect("read").bare_host(), "git.example.com");
        let place = |text: &str| Remote::parse(text).expect("read").place().map(|(host, port)| (host.to_owned(), port));
        assert_eq!(place("ssh://git@git.example.com:2222/a/b"), Some(("git.example.com".to_owned(), 2222)));
        assert_eq!(place("git@git.example.com:a/b"), Some(("git.example.com".to_owned(), 22)));
        assert_eq!(place("https://[fd00::7]/a/b"), Some(("fd00::7".to_owned(), 443)));
        assert_eq!(place("http://[::1]:3001/a/b"), Some(("::1".to_owned(), 3001)));
        assert_eq!(place("file:///a/b"), None);
        assert!(Remote::parse("http://127.0.0.1:3001/a/b").expect("read").keeps_secrets());
        assert!(!Remote::parse("http://git.lan/a/b").expect("read").keeps_secrets());
    }

    #[test]
    fn what_could_start_something_or_say_a_secret_is_refused() {
        for text in [
            "",
            "-u",
            "--upload-pack=touch /tmp/x",
            "--upload-pack=touch:x",
            "ext::sh -c id",
            "ext::sh",
            "fd::3",
            "git://example.com/web",
            "ftp://example.com/web",
            "https://user:token@example.com/web",
            "https://token@example.com/web",
            "ssh://-oProxyCommand=id/web",
            "ssh://-oProxyCommand=id@host/web",
            "-oProxyCommand=id:web",
            "git@-oProxyCommand=id:web",
            "host:-option",
            "host:a;id",
            "host:a`id`",
            "host:$(id)",
            "host:../web",
            "https://example.com",
            "https://example.com/",
            "https://exa mple.com/web",
            "https://example.com/a\nb",
            "file://host/srv/git",
            "file:///srv/../etc",
            "file://",
            "/srv/git/web",
            "./web",
            "acme/web",
        ] {
            assert!(Remote::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_address_can_be_an_option_or_a_helper(text in "(https://|ssh://|file:///|git@|-|ext::)?[ -~]{0,40}") {
            if let Ok(remote) = Remote::parse(&text) {
                prop_assert!(!remote.address().starts_with('-'));
                prop_assert!(!remote.host().starts_with('-'));
                prop_assert!(!remote.address().split('/').next().unwrap_or_default().contains("::"));
                prop_assert!(!remote.address().contains(char::is_whitespace));
            }
        }
    }
}
