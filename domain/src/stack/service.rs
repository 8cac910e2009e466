//! One service, key by key: what is not named here is refused.

use super::bounds::{self, Bounds};
use super::field::Field;
use super::health::health_check;
use super::networks::Place;
use super::{Dependency, StackImage, StackService, mounts, networks, refusals, values};
use crate::Problem;
use crate::config::{valid_name, valid_variable};
use crate::problem::{Fault, Noun};
use std::collections::BTreeMap;

pub(super) const MOST_WORDS: usize = 64;
const MOST_LABEL: usize = 200;

type Known<'a> = &'a dyn Fn(&str) -> bool;

/// A service with the places of what it names.
pub(super) struct Read {
    pub service: StackService,
    pub waits: Vec<(Dependency, Problem)>,
    /// Volumes, with the problem of one that is not there.
    pub volumes: Vec<(String, Problem)>,
    pub places: Vec<Place>,
    /// The problem of ports that nobody could reach.
    pub closed: Option<Problem>,
}

impl Read {
    /// That every volume is one of the file's.
    pub fn check_volumes(&self, known: &[String]) -> Result<(), Problem> {
        let missing = self.volumes.iter().find(|(name, _)| !known.contains(name));
        missing.map_or(Ok(()), |(_, problem)| Err(problem.clone()))
    }
}

pub(super) fn read_service(field: &Field<'_>, known: Known<'_>) -> Result<Read, Problem> {
    if !valid_name(field.name) {
        return Err(field.fault(Fault::BadName));
    }
    let service = StackService { name: field.name.to_owned(), ..StackService::default() };
    let mut read = Read { service, waits: Vec::new(), volumes: Vec::new(), places: Vec::new(), closed: None };
    let (mut image, mut bounds, mut dropped) = (None, Bounds::default(), Vec::new());
    for field in field.keys()? {
        match field.name {
            "image" => image = Some(read_image(&field, known)?),
            "depends_on" => read.waits = depends_on(&field)?,
            "networks" => read.places = networks::of_service(&field)?,
            "volumes" => read.volumes = mounts::of_service(&field, &mut read.service)?,
            "ports" => {
                read.service.ports = several(&field, port)?;
                let reason = "its networks have no way out, so nobody could reach it: put it on one that is not internal";
                read.closed = Some(field.refused(reason));
            }
            "cap_drop" => {
                dropped = several(&field, |item| checked(item, values::dropped).map(|name| (name, item.refused(TAKEN))))?
            }
            _ if bounds::take(&field, &mut bounds)? => {}
            _ => plain(&field, &mut read.service)?,
        }
    }
    if let Some((_, problem)) = dropped.iter().find(|(name, _)| read.service.cap_add.contains(name)) {
        return Err(problem.clone());
    }
    let missing = || Problem::Stack { line: field.line, key: format!("{}.image", field.path), why: Fault::Missing };
    read.service.image = image.ok_or_else(missing)?;
    bounds.settle(&mut read.service);
    read.service.depends_on = read.waits.iter().map(|(wanted, _): &(Dependency, Problem)| wanted.clone()).collect();
    Ok(read)
}

const TAKEN: &str = "it is added and dropped: remove one of them";

/// The keys that say something by themselves.
fn plain(field: &Field<'_>, service: &mut StackService) -> Result<(), Problem> {
    match field.name {
        "command" => service.command = command(field)?,
        "entrypoint" => service.entrypoint = command(field)?,
        "environment" => service.environment = environment(field)?,
        "expose" => service.expose = several(field, |item| checked(item, values::exposed))?,
        "healthcheck" => service.health = health_check(field)?,
        "read_only" => service.read_only = field.flag()?,
        "init" => service.init = field.flag()?,
        "tmpfs" => mounts::tmpfs(field, service)?,
        "cap_add" => service.cap_add = several(field, |item| checked(item, values::capability))?,
        "security_opt" => security(field)?,
        "user" => service.user = Some(checked(field, values::user)?),
        "working_dir" => service.working_dir = Some(working_dir(field)?),
        "hostname" => service.hostname = Some(checked(field, values::host_name)?),
        "stop_signal" => service.stop_signal = Some(checked(field, values::signal)?),
        "stop_grace_period" => service.stop_seconds = Some(grace(field)?),
        "labels" => service.labels = labels(field)?,
        "pull_policy" => one_of(field, &["always", "missing", "if_not_present"], "images are pulled by digest")?,
        name => return Err(field.fault(refusals::of_service(name))),
    }
    Ok(())
}

pub(super) fn checked<T>(field: &Field<'_>, read: impl Fn(&str) -> Result<T, Fault>) -> Result<T, Problem> {
    read(&field.text()?).map_err(|why| field.fault(why))
}

/// A list of values, none of which stands twice.
pub(super) fn several<T: PartialEq>(
    field: &Field<'_>,
    read: impl Fn(&Field<'_>) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let mut all = Vec::new();
    for item in field.items()? {
        let value = read(&item)?;
        if all.contains(&value) {
            return Err(item.fault(Fault::Twice));
        }
        all.push(value);
    }
    Ok(all)
}

/// A word that changes nothing, because it is so anyhow.
pub(super) fn one_of(field: &Field<'_>, words: &[&str], reason: &str) -> Result<(), Problem> {
    if words.contains(&field.scalar()?.0) {
        Ok(())
    } else {
        Err(field.refused(format!("{reason}: {} or nothing", words.join(", "))))
    }
}

fn read_image(field: &Field<'_>, known: Known<'_>) -> Result<StackImage, Problem> {
    let (text, is_build) = field.image()?;
    let image = values::image(text, is_build).map_err(|why| field.fault(why))?;
    match &image {
        StackImage::Build { app } if !known(app) => Err(field.fault(Fault::Unknown { what: Noun::App, name: app.clone() })),
        _ => Ok(image),
    }
}

/// A text is split into words; a list is taken as it is.
fn command(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    let words = if field.is_list() {
        field.items()?.iter().map(Field::free).collect::<Result<Vec<String>, Problem>>()?
    } else {
        values::words(&field.free()?).map_err(|why| field.fault(why))?
    };
    match words.first() {
        None => Err(field.fault(Fault::Missing)),
        Some(program) if program.is_empty() => Err(field.fault(Fault::Missing)),
        Some(_) if words.len() > MOST_WORDS => Err(field.refused(format!("more than {MOST_WORDS} words"))),
        Some(_) => Ok(words),
    }
}

/// Names and values, as a map or as a list of `NAME=value`.
fn pairs(field: &Field<'_>, mut add: impl FnMut(&Field<'_>, &str, Option<String>) -> Result<(), Problem>) -> Result<(), Problem> {
    if field.is_list() {
        for item in field.items()? {
            let text = item.free()?;
            match text.split_once('=') {
                Some((name, value)) => add(&item, name, Some(value.to_owned()))?,
                None => add(&item, &text, None)?,
            }
        }
        return Ok(());
    }
    for entry in field.fields()? {
        let value = if entry.is_null() { None } else { Some(entry.free()?) };
        add(&entry, entry.name, value)?;
    }
    Ok(())
}

fn environment(field: &Field<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let mut all = BTreeMap::new();
    pairs(field, |field, name, value| {
        if !valid_variable(name) {
            return Err(field.write("a name of letters, digits, _ . and -, not beginning with a digit"));
        }
        let reason = format!(
            "a variable without a value: nothing is taken from the server's own; write ${{{name}}} for what a launch gives"
        );
        let value = value.ok_or_else(|| field.refused(reason))?;
        if all.insert(name.to_owned(), value).is_some() { Err(field.fault(Fault::Twice)) } else { Ok(()) }
    })?;
    Ok(all)
}

fn labels(field: &Field<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let mut all = BTreeMap::new();
    pairs(field, |field, name, value| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/');
        if name.is_empty() || name.len() > MOST_LABEL || !name.bytes().all(inside) {
            return Err(field.write("a label of letters, digits, . - _ and /"));
        }
        if name.starts_with("slipway.") {
            return Err(field.refused("labels that begin with slipway. say what belongs to Slipway, which sets them itself"));
        }
        let again = all.insert(name.to_owned(), value.unwrap_or_default()).is_some();
        if again { Err(field.fault(Fault::Twice)) } else { Ok(()) }
    })?;
    Ok(all)
}

/// What is on anyhow may be said.
fn security(field: &Field<'_>) -> Result<(), Problem> {
    for item in field.items()? {
        one_of(&item, &["no-new-privileges", "no-new-privileges:true"], "the restrictions are always on and cannot be changed")?;
    }
    Ok(())
}

fn working_dir(field: &Field<'_>) -> Result<String, Problem> {
    if field.scalar()?.0 == "/" { Ok("/".to_owned()) } else { checked(field, values::path) }
}

fn grace(field: &Field<'_>) -> Result<u32, Problem> {
    let time = checked(field, values::duration)?;
    let seconds = u32::try_from(time.div_ceil(1000)).ok().filter(|seconds| *seconds <= 60);
    seconds.ok_or_else(|| field.refused("write a time between 0 and 60s"))
}

/// `80`, `80/tcp`, or the long form with `target`.
fn port(field: &Field<'_>) -> Result<u16, Problem> {
    if !field.is_map() {
        return checked(field, values::port);
    }
    let mut target = None;
    for entry in field.keys()? {
        match entry.name {
            "target" => target = Some(checked(&entry, values::port)?),
            "protocol" if entry.text()? == "tcp" => {}
            "protocol" => return Err(entry.refused("only tcp ports are published")),
            // For readers of the file.
            "name" | "app_protocol" => drop(entry.text()?),
            name => return Err(entry.fault(refusals::of_port(name))),
        }
    }
    target.ok_or_else(|| field.fault(Fault::Missing))
}

/// A list of names, or a map of names to conditions. Each comes with the problem it has when
/// there is no such service.
fn depends_on(field: &Field<'_>) -> Result<Vec<(Dependency, Problem)>, Problem> {
    let mut all: Vec<(Dependency, Problem)> = Vec::new();
    let mut add = |field: &Field<'_>, wanted: Dependency| {
        if all.iter().any(|(other, _)| other.service == wanted.service) {
            return Err(field.fault(Fault::Twice));
        }
        let problem = field.fault(Fault::Unknown { what: Noun::Service, name: wanted.service.clone() });
        all.push((wanted, problem));
        Ok(())
    };
    if field.is_list() {
        for item in field.items()? {
            add(&item, Dependency { service: item.text()?, healthy: false, completed: false })?;
        }
    } else {
        for entry in field.fields()? {
            add(&entry, condition(&entry)?)?;
        }
    }
    Ok(all)
}

/// How far the other must be.
fn condition(field: &Field<'_>) -> Result<Dependency, Problem> {
    let mut found = None;
    for entry in field.keys()? {
        let choices = || {
            entry
                .fault(Fault::NotOneOf { choices: "service_started, service_healthy, service_completed_successfully".to_owned() })
        };
        match (entry.name, entry.text()?.as_str()) {
            ("condition", "service_started") => found = Some((false, false)),
            ("condition", "service_healthy") => found = Some((true, false)),
            ("condition", "service_completed_successfully") => found = Some((false, true)),
            ("condition", _) => return Err(choices()),
            ("required", "true") | ("restart", "false") => {}
            ("required", _) => return Err(entry.refused("every service of the file runs")),
            (name, _) => return Err(entry.fault(refusals::of_dependency(name))),
        }
    }
    let (healthy, completed) = found.ok_or_else(|| field.fault(Fault::Missing))?;
    Ok(Dependency { service: field.name.to_owned(), healthy, completed })
}
