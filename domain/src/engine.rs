//! Where an engine is and what opens it: the addresses that a configuration may name, and the
//! keys by which a server is known over ssh.

use crate::config::{EngineConfig, RegionConfig};
use serde::{Deserialize, Serialize};

/// Whether an engine is there, as it was last heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EngineState {
    /// Not heard of since the start.
    #[default]
    Unknown,
    Here,
    Away,
}

/// Where an engine listens behind ssh when the address names no path.
const USUAL_SOCKET: &str = "/var/run/docker.sock";
const SSH_PORT: u16 = 22;

/// An engine's address, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineUrl<'a> {
    /// `unix:///path`
    Unix { path: &'a str },
    /// `tcp://host:port`; an IPv6 address stands in brackets.
    Tcp { host: &'a str, port: u16 },
    /// `ssh://user@host[:port][/path/of/the/socket]`
    Ssh { user: &'a str, host: &'a str, port: u16, socket: &'a str },
}

impl<'a> EngineUrl<'a> {
    /// Reads an address; none for everything else.
    pub fn parse(url: &'a str) -> Option<Self> {
        if url.len() > 1024 || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            "unix" => (rest.starts_with('/') && rest.len() > 1).then_some(EngineUrl::Unix { path: rest }),
            "tcp" => {
                let (host, port) = rest.rsplit_once(':')?;
                let port = port.parse().ok().filter(|port| *port > 0)?;
                valid_host(host).then_some(EngineUrl::Tcp { host, port })
            }
            "ssh" => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let (user, host) = authority.split_once('@')?;
                let (host, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
                    Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)?),
                    None => (host, SSH_PORT),
                };
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                let good = !user.is_empty() && !user.starts_with('-') && user.chars().all(plain) && valid_host(host);
                let socket = if path.len() > 1 { path } else { USUAL_SOCKET };
                good.then_some(EngineUrl::Ssh { user, host, port, socket })
            }
            _ => None,
        }
    }
}

/// What an engine or a region's Swarm is reached with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineAccess<'a> {
    pub url: &'a str,
    /// PEM of whom the engine's certificate is believed by.
    pub ca: Option<&'a str>,
    /// PEM of the certificate that Slipway shows.
    pub cert: Option<&'a str>,
    /// The name of the secret with the certificate's private key.
    pub key_secret: Option<&'a str>,
    /// The name of the secret with the private key for ssh.
    pub ssh_key_secret: Option<&'a str>,
    /// The server's own keys, as in a `known_hosts` file.
    pub ssh_known_hosts: Option<&'a str>,
}

impl EngineAccess<'_> {
    /// Whether everyone on the way can read and change what is said: TCP without TLS.
    pub fn in_the_clear(&self) -> bool {
        self.ca.is_none() && matches!(EngineUrl::parse(self.url), Some(EngineUrl::Tcp { .. }))
    }

    /// The secret that opens it, if one does.
    pub fn secret(&self) -> Option<&str> {
        self.key_secret.or(self.ssh_key_secret)
    }
}

impl EngineConfig {
    /// What the engine is reached with.
    pub fn access(&self) -> EngineAccess<'_> {
        EngineAccess {
            url: &self.url,
            ca: self.ca.as_deref(),
            cert: self.cert.as_deref(),
            key_secret: self.key_secret.as_deref(),
            ssh_key_secret: self.ssh_key_secret.as_deref(),
            ssh_known_hosts: self.ssh_known_hosts.as_deref(),
        }
    }
}

impl RegionConfig {
    /// What the region's Swarm is reached with.
    pub fn access(&self) -> EngineAccess<'_> {
        EngineAccess {
            url: &self.url,
            ca: self.ca.as_deref(),
            cert: self.cert.as_deref(),
            key_secret: self.key_secret.as_deref(),
            ssh_key_secret: self.ssh_key_secret.as_deref(),
            ssh_known_hosts: self.ssh_known_hosts.as_deref(),
        }
    }
}

/// The keys that a `known_hosts` text names for a server, each as `type base64`. Names are
/// compared whole: patterns, hashed names and marked lines know nobody.
pub fn known_keys(text: &str, host: &str, port: u16) -> Vec<String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = if port == SSH_PORT { bare.to_ascii_lowercase() } else { format!("[{}]:{port}", bare.to_ascii_lowercase()) };
    let known = |line: &str| {
        let mut words = line.split_whitespace();
        let (names, kind, key) = (words.next()?, words.next()?, words.next()?);
        let named = !names.starts_with(['#', '@', '|']) && names.split(',').any(|one| one.eq_ignore_ascii_case(&name));
        named.then(|| format!("{kind} {key}"))
    };
    text.lines().filter_map(known).collect()
}

/// How many certificates a PEM text holds; none when it holds anything else, a private key above all.
pub fn certificates(text: &str) -> Option<usize> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let (mut count, mut inside, mut length) = (0, false, 0);
    for line in text.lines().map(str::trim) {
        match (inside, line) {
            (false, BEGIN) => (inside, length) = (true, 0),
            (true, END) if length > 0 => (inside, count) = (false, count + 1),
            (false, line) if line.starts_with("-----") => return None,
            // What openssl writes above a certificate in words is nobody's business.
            (false, _) => {}
            (true, line) if line.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) => {
                length += line.len();
            }
            (true, _) => return None,
        }
    }
    (!inside && count > 0).then_some(count)
}

/// A host name or an IP address; an IPv6 address stands in brackets, as in a URL.
pub fn valid_host(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(inside) = inside {
        return inside.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let ssh = |user, host, port, socket| Some(EngineUrl::Ssh { user, host, port, socket });
        for (url, wanted) in [
            ("unix:///run/docker.sock", Some(EngineUrl::Unix { path: "/run/docker.sock" })),
            ("tcp://10.0.0.5:2376", Some(EngineUrl::Tcp { host: "10.0.0.5", port: 2376 })),
            ("tcp://[::1]:2376", Some(EngineUrl::Tcp { host: "[::1]", port: 2376 })),
            ("ssh://ops@engine.example.com", ssh("ops", "engine.example.com", 22, USUAL_SOCKET)),
            ("ssh://ops@engine.example.com/", ssh("ops", "engine.example.com", 22, USUAL_SOCKET)),
            ("ssh://ops@[fd00::5]:2222/run/d.sock", ssh("ops", "[fd00::5]", 2222, "/run/d.sock")),
            ("ssh://ops@[fd00::5]", ssh("ops", "[fd00::5]", 22, USUAL_SOCKET)),
        ] {
            assert_eq!(EngineUrl::parse(url), wanted, "{url}");
        }
        for url in [
            "",
            "unix://",
            "unix:///",
            "unix://run",
            "tcp://host",
            "tcp://host:0",
            "tcp://host:99999",
            "tcp://u@host:1",
            "tcp://host:1/x",
            "ssh://host",
            "ssh://@host",
            "ssh://u:p@host",
            "ssh://-o@host",
            "ssh://u@-host",
            "ssh://u@host:0",
            "ssh://u@host:x",
            "http://host:1",
            "ssh://u@ho st",
        ] {
            assert_eq!(EngineUrl::parse(url), None, "{url}");
        }
    }

    #[test]
    fn a_server_is_known_by_its_whole_name_and_port() {
        let text = "# a comment\nengine.lan,10.0.0.5 ssh-ed25519 AAAA one\n[engine.lan]:2222 ssh-ed25519 BBBB\n\
            engine.lan ecdsa-sha2-nistp256 CCCC\n|1|salt=|hash= ssh-ed25519 DDDD\n@revoked engine.lan ssh-ed25519 EEEE\n* ssh-ed25519 FFFF\nengine.lan\n";
        assert_eq!(known_keys(text, "engine.lan", 22), ["ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 CCCC"]);
        assert_eq!(known_keys(text, "ENGINE.lan", 2222), ["ssh-ed25519 BBBB"]);
        assert_eq!(known_keys(text, "10.0.0.5", 22), ["ssh-ed25519 AAAA"]);
        assert_eq!(known_keys("fd00::5 ssh-ed25519 G", "[fd00::5]", 22), ["ssh-ed25519 G"]);
        assert!(known_keys(text, "other.lan", 22).is_empty());
    }

    #[test]
    fn a_text_of_certificates_holds_nothing_else() {
        let one = "-----BEGIN CERTIFICATE-----\nMIIB\nAQ==\n-----END CERTIFICATE-----\n";
        assert_eq!(certificates(one), Some(1));
        assert_eq!(certificates(&format!("subject=CN\n{one}\n{one}")), Some(2));
        let key = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
        for bad in [
            "",
            "MIIB",
            key,
            &format!("{one}{key}"),
            &one.replace("AQ==", "A Q"),
            "-----BEGIN CERTIFICATE-----\nMIIB",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(certificates(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_address_that_is_read_can_be_an_option_or_hold_a_password(url in "(ssh|tcp|unix)://[ -~]{0,30}") {
            match EngineUrl::parse(&url) {
                Some(EngineUrl::Ssh { user, host, port, socket }) => {
                    prop_assert!(!user.starts_with('-') && !user.contains(':') && !host.starts_with('-'));
                    prop_assert!(port > 0 && socket.starts_with('/'));
                }
                Some(EngineUrl::Tcp { host, port }) => prop_assert!(!host.contains('@') && !host.starts_with('-') && port > 0),
                Some(EngineUrl::Unix { path }) => prop_assert!(path.starts_with('/')),
                None => {}
            }
        }

        #[test]
        fn only_the_server_that_was_asked_for_is_known(host in "[a-z]{1,8}", other in "[a-z]{1,8}", port in 1u16.., key in "[A-Za-z0-9]{4,20}") {
            prop_assume!(host != other);
            let name = if port == 22 { host.clone() } else { format!("[{host}]:{port}") };
            let text = format!("{name} ssh-ed25519 {key}");
            prop_assert_eq!(known_keys(&text, &host, port), vec![format!("ssh-ed25519 {key}")]);
            prop_assert!(known_keys(&text, &other, port).is_empty());
            prop_assert!(known_keys(&text, &host, port.wrapping_add(1).max(1)).is_empty() || port == u16::MAX);
        }
    }
}
