//! Whether a configuration fits together. Everything that can be told without asking the
//! world is told here, at the place where it stands.

mod engines;
mod notify;
mod outside;
mod plans;
mod promotions;

use super::{
    AppConfig, Config, EngineConfig, EnvironmentsConfig, ProxyConfig, RegionConfig, ServiceConfig, UpdateOrder, valid_file,
    valid_name, valid_variable,
};
use crate::Problem;
use crate::address::Range;
use crate::engine::{certificates, valid_host as address};
use crate::image::{Tag, valid_host};
use crate::lease::MOST_LEASE_HOURS;
use crate::problem::{Fault, Noun};
use crate::service::{DEFAULT_DEADLINE_SECONDS, DEFAULT_SOAK_SECONDS};
use crate::stack::{Stack, StackService, placeholder_of};
use std::collections::{BTreeMap, BTreeSet};

/// Entries in one list. Far more than anyone runs; it bounds what a page has to show.
const MOST_ENTRIES: usize = 500;
const MOST_TEXT: usize = 1024;
const MOST_LABELS: usize = 20;
const MOST_ARGUMENTS: usize = 64;
/// Secrets of one app.
const MOST_SECRETS: usize = 50;
const MOST_VALUE: usize = 32 * 1024;
const MOST_CERTIFICATES: usize = 256 * 1024;
/// A host name is at most 253 characters long, of which one label is an environment's.
const MOST_DOMAIN: usize = 253 - 64;

type Checked = Result<(), Problem>;

impl Config {
    /// Whether the parts fit together.
    ///
    /// # Errors
    /// [`Problem::Config`] or [`Problem::Stack`] at the first place that does not fit.
    pub fn check(&self) -> Checked {
        self.check_registries()?;
        self.check_outgoing()?;
        self.check_git_hosts()?;
        range(self.intake.sweep_minutes, 0, 7 * 24 * 60, || "intake.sweep_minutes".to_owned())?;
        check_environments(&self.environments)?;
        names("apps", self.apps.iter().map(|app| app.name.as_str()))?;
        names("stacks", self.stacks.iter().map(|stack| stack.name.as_str()))?;
        names("engines", self.engines.iter().map(|engine| engine.name.as_str()))?;
        names("regions", self.regions.iter().map(|region| region.name.as_str()))?;
        self.check_apps()?;
        self.check_stacks()?;
        self.apps.iter().try_for_each(|app| self.check_launches(app))?;
        self.apps.iter().try_for_each(|app| self.check_drafts(app))?;
        self.engines.iter().try_for_each(check_engine)?;
        check_proxy(&self.proxy)?;
        self.regions.iter().try_for_each(check_region)?;
        self.check_replicas()?;
        self.check_plans()?;
        self.check_promotions()?;
        self.check_notifications()
    }

    /// What a channel launches by itself could be launched by a person too.
    fn check_launches(&self, app: &AppConfig) -> Checked {
        for channel in &app.channels {
            let Some(launch) = &channel.launch else { continue };
            let place = |field: &str| format!("apps.{}.channels.{}.launch.{field}", app.name, channel.name);
            range(launch.lease_hours, 1, MOST_LEASE_HOURS, || place("lease_hours"))?;
            let unknown = |what, name: &str| Fault::Unknown { what, name: name.to_owned() };
            if let Some(name) = launch.preset.as_deref().filter(|name| self.region(name).is_none()) {
                return Err(at(place("preset"), unknown(Noun::Region, name)));
            }
            if let Some(name) = launch.engine.as_deref().filter(|name| self.engine(name).is_none()) {
                return Err(at(place("engine"), unknown(Noun::Engine, name)));
            }
            demand(launch.check.is_some() || !launch.stop, || place("stop"), || refused("there is no check to stop after"))?;
            let name = launch.stack.as_deref().or(app.stack.as_deref());
            let name = name.ok_or_else(|| at(place("stack"), Fault::Missing))?;
            let found = self.stack(name).ok_or_else(|| at(place("stack"), unknown(Noun::Stack, name)))?;
            // That it can be read was looked at before.
            let stack = Stack::parse(&found.compose)?;
            let holds = stack.apps().contains(&app.name.as_str());
            demand(holds, || place("stack"), || refused(&format!("the stack {name} has no {}", placeholder_of(&app.name))))?;
            if let Some(check) = &launch.check {
                let known = stack.services.iter().any(|service| service.name == *check);
                demand(known, || place("check"), || unknown(Noun::Service, check))?;
                let waits = |service: &StackService| service.depends_on.iter().any(|on| on.service == *check);
                let alone = !stack.services.iter().any(waits);
                demand(alone, || place("check"), || refused("another service waits for it"))?;
            }
        }
        Ok(())
    }

    fn check_outgoing(&self) -> Checked {
        let place = || "outgoing.allow".to_owned();
        at_most(self.outgoing.allow.len(), MOST_ENTRIES, place)?;
        let read = |text: &String| text.parse::<Range>().map(drop).map_err(|why| at(format!("outgoing.allow.{text}"), why));
        self.outgoing.allow.iter().try_for_each(read)?;
        self.outgoing.ca.as_deref().map_or(Ok(()), |text| pem(text, || "outgoing.ca".to_owned()))
    }

    fn check_apps(&self) -> Checked {
        let (mut images, mut ports) = (BTreeSet::new(), BTreeMap::new());
        for app in &self.apps {
            let place = |field: &str| format!("apps.{}.{field}", app.name);
            demand(images.insert(&app.image), || place("image"), || Fault::Twice)?;
            if let Some(file) = &app.stack_file {
                demand(valid_file(file), || place("stack_file"), || not("a path like slipway.yaml"))?;
                demand(app.git.is_some(), || place("git"), || Fault::Missing)?;
            }
            if let Some(stack) = app.stack.as_deref().filter(|name| self.stack(name).is_none()) {
                return Err(at(place("stack"), Fault::Unknown { what: Noun::Stack, name: stack.to_owned() }));
            }
            if let Some(port) = app.production_port().map_err(|why| at(place("port_label"), why))? {
                // Two apps on one number cannot both be published on a node in host mode.
                if let Some(other) = ports.insert(port, &app.name) {
                    let reason = format!("{other} has production port {port} too");
                    return Err(at(place("port_label"), Fault::Refused { reason }));
                }
            }
            check_app(app)?;
        }
        Ok(())
    }

    /// Every stack can be read and names apps that are there, and the stack that an app is
    /// launched in has a place for its build.
    fn check_stacks(&self) -> Checked {
        for config in &self.stacks {
            labels(&config.engine_labels, |field: &str| format!("stacks.{}.engine_{field}", config.name))?;
            let stack = Stack::parse_for(&config.compose, |app| self.app(app).is_some());
            let stack = stack.map_err(|problem| in_stack(&config.name, problem))?;
            let launched = |app: &&AppConfig| app.stack.as_deref() == Some(config.name.as_str());
            if let Some(app) = self.apps.iter().filter(launched).find(|app| !stack.apps().contains(&app.name.as_str())) {
                let reason = format!("the stack {} has no {}", config.name, placeholder_of(&app.name));
                return Err(at(format!("apps.{}.stack", app.name), Fault::Refused { reason }));
            }
        }
        Ok(())
    }
}

/// A file's problem with the name of the file.
fn in_stack(name: &str, problem: Problem) -> Problem {
    match problem {
        Problem::Stack { line, key, why } => Problem::Stack { line, key: format!("stacks.{name}.{key}"), why },
        other => other,
    }
}

fn check_app(app: &AppConfig) -> Checked {
    let place = |field: &str| format!("apps.{}.{field}", app.name);
    if let Some(git) = &app.git {
        demand(plain(git, MOST_TEXT), || place("git"), || not("an address without blanks"))?;
    }
    let mut seen = BTreeSet::new();
    at_most(app.channels.len(), MOST_ENTRIES, || place("channels"))?;
    for channel in &app.channels {
        let here = || place(&format!("channels.{}", channel.name));
        let good = plain(&channel.name, 128) && !channel.name.contains(['/', '?', '&', '#', '%']);
        demand(good, here, || not("a name without blanks, at most 128 characters"))?;
        demand(seen.insert(&channel.name), here, || Fault::Twice)?;
        demand(tag_rule(&channel.tags), || format!("{}.tags", here()), || Fault::BadTag)?;
    }
    let in_plan = |(item, why): (String, Fault)| {
        let item = if item.is_empty() { String::new() } else { format!(".{item}") };
        at(place(&format!("checklist{item}")), why)
    };
    crate::checklist::check(&app.checklist).map_err(in_plan)?;
    check_service(&app.service, &|field: &str| place(&format!("service.{field}")))
}

fn check_service(service: &ServiceConfig, place: &dyn Fn(&str) -> String) -> Checked {
    range(service.port.map(u32::from), 1, 65535, || place("port"))?;
    range(service.memory_mib, 6, 1 << 20, || place("memory_mib"))?;
    range(service.soak_seconds, 0, 3600, || place("soak_seconds"))?;
    range(service.deadline_seconds, 10, 86_400, || place("deadline_seconds"))?;
    let soak = service.soak_seconds.unwrap_or(DEFAULT_SOAK_SECONDS);
    let deadline = service.deadline_seconds.unwrap_or(DEFAULT_DEADLINE_SECONDS);
    let least = || Fault::OutOfRange { least: i64::from(soak) + 1, most: 86_400 };
    demand(deadline > soak, || place("deadline_seconds"), least)?;
    let update = &service.update;
    range(update.parallelism, 1, 100, || place("update.parallelism"))?;
    range(update.delay_seconds, 0, 3600, || place("update.delay_seconds"))?;
    range(update.monitor_seconds, 1, 3600, || place("update.monitor_seconds"))?;
    let one_port = service.port.is_some() && update.order == Some(UpdateOrder::StartFirst);
    demand(!one_port, || place("update.order"), || refused("two tasks cannot hold one port of a node: write stop-first"))?;
    arguments(&service.health, || place("health"))?;
    arguments(&service.command, || place("command"))?;
    at_most(service.secrets.len(), MOST_SECRETS, || place("secrets"))?;
    names(&place("secrets"), service.secrets.iter().map(String::as_str))?;
    environment(&service.env, || place("env"))
}

fn check_environments(kept: &EnvironmentsConfig) -> Checked {
    let place = |field: &str| format!("environments.{field}");
    range(kept.warn_minutes, 1, 24 * 60, || place("warn_minutes"))?;
    range(kept.most_hours, MOST_LEASE_HOURS, 24 * 365, || place("most_hours"))?;
    range(kept.per_person, 1, 200, || place("per_person"))?;
    range(kept.per_app, 1, 200, || place("per_app"))?;
    range(kept.queue, 0, 200, || place("queue"))
}

fn check_engine(engine: &EngineConfig) -> Checked {
    let place = |field: &str| format!("engines.{}.{field}", engine.name);
    engines::check(&engine.access(), &place)?;
    labels(&engine.labels, place)?;
    range(engine.capacity.memory_mib, 64, 1 << 26, || place("capacity.memory_mib"))?;
    range(engine.capacity.environments, 1, 1000, || place("capacity.environments"))?;
    demand(address(&engine.address), || place("address"), || not("a host name or an address, without a port"))
}

/// A name of an environment stands before the domain, and the whole is a host name.
fn check_proxy(proxy: &ProxyConfig) -> Checked {
    let place = |field: &str| format!("proxy.{field}");
    let Some(domain) = &proxy.domain else {
        let alone = proxy.scheme.is_none() && proxy.port.is_none();
        return demand(alone, || place("domain"), || Fault::Missing);
    };
    let lower = !domain.bytes().any(|b| b.is_ascii_uppercase());
    let named = domain.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()));
    let good = lower && named && domain.len() <= MOST_DOMAIN && !domain.starts_with('[') && address(domain);
    demand(good, || place("domain"), || not("a domain in lower case, without * and without a port"))?;
    let scheme = proxy.scheme.as_deref().is_none_or(|scheme| matches!(scheme, "http" | "https"));
    demand(scheme, || place("scheme"), || not("http or https"))?;
    range(proxy.port.map(u32::from), 1, 65535, || place("port"))
}

fn labels(labels: &[String], place: impl Fn(&str) -> String) -> Checked {
    demand(labels.len() <= MOST_LABELS, || place("labels"), || refused("more labels than anybody can tell apart"))?;
    labels.iter().try_for_each(|label| demand(valid_name(label), || place(&format!("labels.{label}")), || Fault::BadName))
}

fn check_region(region: &RegionConfig) -> Checked {
    let place = |field: &str| format!("regions.{}.{field}", region.name);
    engines::check(&region.access(), &place)?;
    demand(time_zone(&region.time_zone), || place("time_zone"), || not("an IANA name like Asia/Shanghai"))?;
    for (field, title) in [("title_en", &region.title_en), ("title_zh", &region.title_zh)] {
        let good = title.as_deref().is_none_or(|title| printable(title, 60));
        demand(good, || place(field), || Fault::TooLong { most: 60 })?;
    }
    if let Some(host) = &region.address {
        demand(address(host), || place("address"), || not("a host name or an address, without a port"))?;
    }
    if let Some(host) = &region.registry {
        demand(valid_host(host), || place("registry"), || not("host or host:port"))?;
    }
    range(region.replicas, 1, 100, || place("replicas"))?;
    environment(&region.env, || place("env"))
}

fn at(place: String, why: Fault) -> Problem {
    Problem::Config { place, why }
}

fn not(expected: &str) -> Fault {
    Fault::Unreadable { detail: format!("write {expected}") }
}

fn refused(reason: &str) -> Fault {
    Fault::Refused { reason: reason.to_owned() }
}

/// A secret can have no other name than this.
fn secret_name(name: Option<&str>, place: impl FnOnce() -> String) -> Checked {
    demand(name.is_none_or(valid_name), place, || not("the name of a secret"))
}

/// Certificates may stand in a configuration, private keys may not.
fn pem(text: &str, place: impl Fn() -> String) -> Checked {
    demand(text.len() <= MOST_CERTIFICATES, &place, || Fault::TooBig { most: MOST_CERTIFICATES as u64 })?;
    let good = certificates(text).is_some();
    demand(good, place, || not("certificates as PEM, -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, and nothing else"))
}

fn web(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && plain(url, MOST_TEXT)
}

fn demand(good: bool, place: impl FnOnce() -> String, why: impl FnOnce() -> Fault) -> Checked {
    if good { Ok(()) } else { Err(at(place(), why())) }
}

fn at_most(count: usize, most: usize, place: impl FnOnce() -> String) -> Checked {
    demand(count <= most, place, || Fault::Refused { reason: format!("more than {most} entries") })
}

fn range(value: Option<u32>, least: u32, most: u32, place: impl FnOnce() -> String) -> Checked {
    let good = value.is_none_or(|value| (least..=most).contains(&value));
    demand(good, place, || Fault::OutOfRange { least: least.into(), most: most.into() })
}

fn names<'a>(list: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Checked {
    at_most(names.len(), MOST_ENTRIES, || list.to_owned())?;
    let mut seen = BTreeSet::new();
    for name in names {
        demand(valid_name(name), || format!("{list}.{name}"), || Fault::BadName)?;
        demand(seen.insert(name), || format!("{list}.{name}"), || Fault::Twice)?;
    }
    Ok(())
}

fn arguments(list: &[String], place: impl FnOnce() -> String) -> Checked {
    let starts = list.first().is_none_or(|program| !program.is_empty());
    let good = list.len() <= MOST_ARGUMENTS && list.iter().all(|part| part.len() <= MOST_VALUE && !part.contains('\0'));
    demand(starts && good, place, || not("a program and its arguments, at most 64"))
}

fn environment(env: &BTreeMap<String, String>, place: impl Fn() -> String) -> Checked {
    at_most(env.len(), MOST_ENTRIES, &place)?;
    for (name, value) in env {
        let here = || format!("{}.{name}", place());
        demand(valid_variable(name), here, || not("letters, digits, _ . and -, not beginning with a digit"))?;
        let good = value.len() <= MOST_VALUE && !value.contains('\0');
        demand(good, here, || Fault::TooLong { most: MOST_VALUE as u64 })?;
    }
    Ok(())
}

/// The shape of an IANA name. Whether it exists is for the reader's browser to know, which
/// has the newer list.
fn time_zone(name: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'));
    name.len() <= 64 && name.split('/').count() <= 3 && name.split('/').all(part)
}

/// A tag, or the beginning of tags followed by one `*`.
fn tag_rule(rule: &str) -> bool {
    match rule.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => prefix.parse::<Tag>().is_ok(),
        None => rule.parse::<Tag>().is_ok(),
    }
}

fn plain(text: &str, most: usize) -> bool {
    printable(text, most) && !text.chars().any(char::is_whitespace)
}

fn printable(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}
