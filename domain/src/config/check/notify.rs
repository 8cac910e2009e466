//! Whether targets and routes of notifications fit together.

use super::{
    Checked, MOST_ENTRIES, address, at_most, demand, not, plain, printable, range, refused, secret_name, time_zone, web,
};
use crate::config::Config;
use crate::notify::{MailConfig, RouteConfig, TargetConfig, TargetKind};
use crate::problem::{Fault, Noun};
use std::collections::BTreeSet;

/// Receivers of one mail, and people mentioned in one message.
const MOST_PEOPLE: usize = 50;

impl Config {
    pub(super) fn check_notifications(&self) -> Checked {
        super::names("targets", self.targets.iter().map(|target| target.name.as_str()))?;
        self.targets.iter().try_for_each(check_target)?;
        at_most(self.routes.len(), MOST_ENTRIES, || "routes".to_owned())?;
        // Routes have no names: they are told apart by their number in the file.
        (1..).zip(&self.routes).try_for_each(|(number, route)| self.check_route(number, route))
    }

    fn check_route(&self, number: usize, route: &RouteConfig) -> Checked {
        let place = |field: &str| format!("routes.{number}.{field}");
        demand(!route.targets.is_empty(), || place("targets"), || Fault::Missing)?;
        at_most(route.targets.len(), MOST_ENTRIES, || place("targets"))?;
        let mut seen = BTreeSet::new();
        for target in &route.targets {
            let unknown = || Fault::Unknown { what: Noun::Target, name: target.clone() };
            demand(self.target(target).is_some(), || place("targets"), unknown)?;
            demand(seen.insert(target), || place("targets"), || Fault::Twice)?;
        }
        for (field, patterns) in [("apps", &route.apps), ("channels", &route.channels)] {
            at_most(patterns.len(), MOST_ENTRIES, || place(field))?;
            demand(
                patterns.iter().all(|text| pattern(text)),
                || place(field),
                || not("a name, or the beginning of names and *"),
            )?;
        }
        at_most(route.mention.len(), MOST_PEOPLE, || place("mention"))?;
        demand(route.mention.iter().all(|name| plain(name, 64)), || place("mention"), || not("names of users"))
    }
}

fn check_target(target: &TargetConfig) -> Checked {
    let place = |field: &str| format!("targets.{}.{field}", target.name);
    if target.kind == TargetKind::Email {
        let mail = target.mail.as_ref();
        demand(mail.is_some(), || place("mail"), || Fault::Missing)?;
        mail.map_or(Ok(()), |mail| check_mail(mail, &place))?;
        for (field, given) in [("url", target.url.is_some()), ("url_secret", target.url_secret.is_some())] {
            demand(!given, || place(field), || refused("mail has no address to post to"))?;
        }
    } else {
        demand(target.mail.is_none(), || place("mail"), || refused("it is for targets of the kind email"))?;
        match (&target.url, &target.url_secret) {
            (None, None) => demand(false, || place("url_secret"), || Fault::Missing)?,
            (Some(_), Some(_)) => demand(false, || place("url_secret"), || refused("there is a url already"))?,
            (Some(url), None) => demand(web(url), || place("url"), || not("an address that begins with https:// or http://"))?,
            (None, Some(_)) => {}
        }
    }
    let signs = target.kind != TargetKind::Webhook || target.sign_secret.is_some();
    // Without a signature a receiver of such a webhook believes anybody.
    demand(signs, || place("sign_secret"), || Fault::Missing)?;
    for (field, secret) in [("url_secret", &target.url_secret), ("sign_secret", &target.sign_secret)] {
        secret_name(secret.as_deref(), || place(field))?;
    }
    at_most(target.mentions.len(), MOST_ENTRIES, || place("mentions"))?;
    let named = target.mentions.iter().all(|(user, id)| plain(user, 64) && printable(id, 128));
    demand(named, || place("mentions"), || not("a user's name and the service's own id of them"))?;
    range(target.group_seconds, 0, 3600, || place("group_seconds"))?;
    let Some(quiet) = &target.quiet else { return Ok(()) };
    quiet.ends().map_err(|why| super::at(place("quiet"), why))?;
    let zone = quiet.time_zone.as_deref().is_none_or(time_zone);
    demand(zone, || place("quiet.time_zone"), || not("an IANA name like Asia/Shanghai"))
}

fn check_mail(mail: &MailConfig, place: &dyn Fn(&str) -> String) -> Checked {
    demand(address(&mail.host), || place("mail.host"), || not("a host name or an address, without a port"))?;
    range(mail.port.map(u32::from), 1, 65535, || place("mail.port"))?;
    demand(mailbox(&mail.from), || place("mail.from"), || not("a mail address"))?;
    demand(!mail.to.is_empty(), || place("mail.to"), || Fault::Missing)?;
    at_most(mail.to.len(), MOST_PEOPLE, || place("mail.to"))?;
    demand(mail.to.iter().all(|to| mailbox(to)), || place("mail.to"), || not("mail addresses"))?;
    demand(mail.user.as_deref().is_none_or(|user| printable(user, 128)), || place("mail.user"), || not("a user's name"))?;
    let both = mail.user.is_some() == mail.password_secret.is_some();
    demand(both, || place("mail.password_secret"), || refused("a user and a password belong together"))?;
    secret_name(mail.password_secret.as_deref(), || place("mail.password_secret"))
}

/// `someone@example.com`, or `Slipway <someone@example.com>`.
fn mailbox(text: &str) -> bool {
    let bare = text.rsplit_once('<').map_or(Some(text), |(_, rest)| rest.strip_suffix('>'));
    let whole = |bare: &str| bare.split_once('@').is_some_and(|(user, host)| plain(user, 64) && address(host));
    printable(text, 256) && bare.is_some_and(whole)
}

/// A name, or the beginning of names followed by one `*`.
fn pattern(text: &str) -> bool {
    let beginning = text.strip_suffix('*').unwrap_or(text);
    plain(text, 128) && !beginning.contains('*')
}
