//! Registries and git servers: how others are spoken to.

use super::{Checked, MOST_ENTRIES, at_most, demand, not, plain, refused, secret_name, web};
use crate::config::{Config, GitHostConfig};
use crate::image::valid_host;
use crate::problem::Fault;
use std::collections::BTreeSet;

const MOST_KEYS: usize = 16 * 1024;

impl Config {
    pub(super) fn check_registries(&self) -> Checked {
        let mut hosts = BTreeSet::new();
        for registry in &self.registries {
            let place = |field: &str| format!("registries.{}{field}", registry.host);
            demand(valid_host(&registry.host), || place(""), || not("host or host:port"))?;
            demand(hosts.insert(&registry.host), || place(""), || Fault::Twice)?;
            let both = registry.user.is_some() == registry.password_secret.is_some();
            demand(both, || place(".password_secret"), || refused("a user and a password belong together"))?;
            secret_name(registry.password_secret.as_deref(), || place(".password_secret"))?;
            let user = registry.user.as_deref().is_none_or(|user| word(user) && !user.contains(':'));
            demand(user, || place(".user"), || not("a user without a colon"))?;
        }
        at_most(self.registries.len(), MOST_ENTRIES, || "registries".to_owned())
    }

    pub(super) fn check_git_hosts(&self) -> Checked {
        let mut hosts = BTreeSet::new();
        for git in &self.git_hosts {
            let place = |field: &str| format!("git_hosts.{}{field}", git.host);
            demand(valid_host(&git.host), || place(""), || not("host or host:port"))?;
            demand(hosts.insert(&git.host), || place(""), || Fault::Twice)?;
            check_git_host(git)?;
        }
        at_most(self.git_hosts.len(), MOST_ENTRIES, || "git_hosts".to_owned())
    }
}

fn check_git_host(git: &GitHostConfig) -> Checked {
    let place = |field: &str| format!("git_hosts.{}.{field}", git.host);
    secret_name(git.token_secret.as_deref(), || place("token_secret"))?;
    secret_name(git.ssh_key_secret.as_deref(), || place("ssh_key_secret"))?;
    demand(
        git.user.as_deref().is_none_or(|user| word(user) && !user.contains(':')),
        || place("user"),
        || not("a user without a colon"),
    )?;
    demand(git.api.as_deref().is_none_or(ascii_web), || place("api"), || not("an http or https address"))?;
    let issues = git.issues.as_deref().is_none_or(|pattern| ascii_web(pattern) && pattern.contains("{key}"));
    demand(issues, || place("issues"), || not("an address with {key} in it"))?;
    let known = git.ssh_known_hosts.as_deref();
    demand(
        known.is_none_or(|keys| keys.len() <= MOST_KEYS),
        || place("ssh_known_hosts"),
        || Fault::TooBig { most: MOST_KEYS as u64 },
    )?;
    let complete = git.ssh_key_secret.is_none() || known.is_some_and(|keys| !keys.trim().is_empty());
    demand(complete, || place("ssh_known_hosts"), || refused("ssh needs the server's own keys, as in a known_hosts file"))
}

/// One word as it stands in a header or in an address of git.
fn word(text: &str) -> bool {
    text.is_ascii() && plain(text, 200)
}

fn ascii_web(url: &str) -> bool {
    url.is_ascii() && web(url)
}
