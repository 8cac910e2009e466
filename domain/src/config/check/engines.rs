//! Whether an engine can be reached with what is said of it.

use super::{Checked, MOST_VALUE, demand, not, pem, refused, secret_name};
use crate::engine::{EngineAccess, EngineUrl, known_keys};
use crate::problem::Fault;

/// An address, and with it what opens it: nothing is missing, and nothing stands there in vain.
pub(super) fn check(access: &EngineAccess<'_>, place: &dyn Fn(&str) -> String) -> Checked {
    let url = EngineUrl::parse(access.url);
    let form = || not("unix:///path, tcp://host:port or ssh://user@host[:port][/path]");
    let Some(url) = url else { return demand(false, || place("url"), form) };
    let tls = [("ca", access.ca.is_some()), ("cert", access.cert.is_some()), ("key_secret", access.key_secret.is_some())];
    let ssh = [("ssh_key_secret", access.ssh_key_secret.is_some()), ("ssh_known_hosts", access.ssh_known_hosts.is_some())];
    let in_vain = |fields: &[(&str, bool)], why: &str| {
        let given = fields.iter().find(|(_, given)| *given);
        given.map_or(Ok(()), |(field, _)| demand(false, || place(field), || refused(why)))
    };
    if !matches!(url, EngineUrl::Tcp { .. }) {
        in_vain(&tls, "it is for engines at tcp://")?;
    }
    if !matches!(url, EngineUrl::Ssh { .. }) {
        in_vain(&ssh, "it is for engines at ssh://")?;
    }
    match url {
        EngineUrl::Unix { .. } => Ok(()),
        EngineUrl::Tcp { .. } => check_tls(access, place),
        EngineUrl::Ssh { host, port, .. } => {
            demand(access.ssh_key_secret.is_some(), || place("ssh_key_secret"), || Fault::Missing)?;
            secret_name(access.ssh_key_secret, || place("ssh_key_secret"))?;
            let known = access.ssh_known_hosts.unwrap_or_default();
            demand(!known.is_empty(), || place("ssh_known_hosts"), || Fault::Missing)?;
            demand(known.len() <= MOST_VALUE, || place("ssh_known_hosts"), || Fault::TooLong { most: MOST_VALUE as u64 })?;
            let nobody = || Fault::Refused { reason: format!("no line names {host}, port {port}: see ssh-keyscan without -H") };
            demand(!known_keys(known, host, port).is_empty(), || place("ssh_known_hosts"), nobody)
        }
    }
}

fn check_tls(access: &EngineAccess<'_>, place: &dyn Fn(&str) -> String) -> Checked {
    for (field, text) in [("ca", access.ca), ("cert", access.cert)] {
        text.map_or(Ok(()), |text| pem(text, || place(field)))?;
    }
    secret_name(access.key_secret, || place("key_secret"))?;
    demand(access.cert.is_some() || access.key_secret.is_none(), || place("cert"), || Fault::Missing)?;
    demand(access.key_secret.is_some() || access.cert.is_none(), || place("key_secret"), || Fault::Missing)?;
    demand(access.ca.is_some() || access.cert.is_none(), || place("ca"), || Fault::Missing)
}
