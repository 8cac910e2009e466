//! From the tree to the typed stack: an allow-list, key by key.

use super::field::Field;
use super::{DEFAULT_MEMORY_MIB, Dependency, HealthCheck, Stack, StackImage, StackService, refusals, values, yaml};
use crate::Problem;
use crate::config::{valid_name, valid_variable};
use crate::problem::{Fault, Noun};
use std::collections::BTreeMap;

const MOST_SERVICES: usize = 50;
const MOST_WORDS: usize = 64;
const HOUR_MS: u64 = 3_600_000;

type Known<'a> = &'a dyn Fn(&str) -> bool;

/// A service with the lines of what it waits for.
struct Read {
    service: StackService,
    waits: Vec<(Dependency, Problem)>,
}

/// Reads a whole file. `known` tells which apps there are.
pub(super) fn stack(text: &str, known: Known<'_>) -> Result<Stack, Problem> {
    let tree = yaml::read(text)?;
    let root = Field::root(&tree);
    let mut services = None;
    for field in root.fields()? {
        match field.name {
            "services" => services = Some(read_services(&field, known)?),
            // Neither changes what runs: Slipway names what it makes, and the version is obsolete.
            "name" | "version" => drop(field.text()?),
            // By definition not for anyone: a place for anchors.
            name if name.starts_with("x-") => {}
            name => return Err(field.fault(refusals::of_file(name))),
        }
    }
    let missing = || Problem::Stack { line: 1, key: "services".to_owned(), why: Fault::Missing };
    Ok(Stack { services: services.ok_or_else(missing)? })
}

fn read_services(field: &Field<'_>, known: Known<'_>) -> Result<Vec<StackService>, Problem> {
    let fields = field.fields()?;
    if fields.is_empty() {
        return Err(field.fault(Fault::Missing));
    }
    if fields.len() > MOST_SERVICES {
        return Err(field.refused(format!("more than {MOST_SERVICES} services")));
    }
    let services = fields.iter().map(|field| read_service(field, known)).collect::<Result<Vec<Read>, Problem>>()?;
    for read in &services {
        for (wanted, problem) in &read.waits {
            let other = services.iter().find(|other| other.service.name == wanted.service);
            match other {
                None => return Err(problem.clone()),
                Some(other) if wanted.healthy && never_healthy(&other.service) => {
                    let reason = format!("{} has no health check that could pass", wanted.service);
                    return Err(because(problem, Fault::Refused { reason }));
                }
                Some(_) => {}
            }
        }
    }
    in_order(services)
}

/// The same place with another reason.
fn because(problem: &Problem, why: Fault) -> Problem {
    match problem {
        Problem::Stack { line, key, .. } => Problem::Stack { line: *line, key: key.clone(), why },
        other => other.clone(),
    }
}

fn never_healthy(service: &StackService) -> bool {
    service.health.as_ref().is_some_and(|health| health.test.first().is_some_and(|word| word == "NONE"))
}

/// Puts each service after what it waits for, else in the order of the file.
fn in_order(mut left: Vec<Read>) -> Result<Vec<StackService>, Problem> {
    let mut ordered: Vec<StackService> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready =
            |read: &Read| read.waits.iter().all(|(wanted, _)| ordered.iter().any(|service| service.name == wanted.service));
        let Some(next) = left.iter().position(ready) else { return Err(circle(&left)) };
        ordered.push(left.remove(next).service);
    }
    Ok(ordered)
}

/// Everybody who is left waits for somebody who is left: following them leads around.
fn circle(left: &[Read]) -> Problem {
    let waits_in = |read: &Read| {
        read.waits.iter().find_map(|(wanted, problem)| {
            let other = left.iter().position(|other| other.service.name == wanted.service)?;
            Some((other, problem.clone()))
        })
    };
    let (mut way, mut at) = (Vec::new(), 0);
    loop {
        let Some((next, problem)) = left.get(at).and_then(waits_in) else {
            return Problem::Stack { line: 1, key: "services".to_owned(), why: Fault::Missing };
        };
        way.push(at);
        if let Some(start) = way.iter().position(|been| *been == next) {
            let names = way.iter().skip(start).chain([&next]).filter_map(|place| left.get(*place));
            let names: Vec<&str> = names.map(|read| read.service.name.as_str()).collect();
            return because(&problem, Fault::Refused { reason: format!("services wait in a circle: {}", names.join(", ")) });
        }
        at = next;
    }
}

fn read_service(field: &Field<'_>, known: Known<'_>) -> Result<Read, Problem> {
    if !valid_name(field.name) {
        return Err(field.fault(Fault::BadName));
    }
    let mut image = None;
    let mut memory = None;
    let mut waits = Vec::new();
    let mut service = StackService::named(field.name);
    for field in field.fields()? {
        match field.name {
            "image" => image = Some(read_image(&field, known)?),
            "command" => service.command = command(&field)?,
            "entrypoint" => service.entrypoint = command(&field)?,
            "environment" => service.environment = environment(&field)?,
            "ports" => service.ports = several(&field, port)?,
            "depends_on" => waits = depends_on(&field)?,
            "healthcheck" => service.health = health_check(&field)?,
            "read_only" => service.read_only = field.flag()?,
            "tmpfs" => service.tmpfs = tmpfs(&field)?,
            "cap_add" => service.cap_add = several(&field, |item| checked(item, values::capability))?,
            "mem_limit" => bound(&field, &mut memory)?,
            "deploy" => deploy(&field, &mut memory)?,
            "restart" => restart(&field)?,
            name => return Err(field.fault(refusals::of_service(name))),
        }
    }
    let missing = || Problem::Stack { line: field.line, key: format!("{}.image", field.path), why: Fault::Missing };
    service.image = image.ok_or_else(missing)?;
    service.memory_mib = memory.unwrap_or(DEFAULT_MEMORY_MIB);
    service.depends_on = waits.iter().map(|(wanted, _): &(Dependency, Problem)| wanted.clone()).collect();
    Ok(Read { service, waits })
}

fn checked<T>(field: &Field<'_>, read: impl Fn(&str) -> Result<T, Fault>) -> Result<T, Problem> {
    read(&field.text()?).map_err(|why| field.fault(why))
}

/// A list of values, none of which stands twice.
fn several<T: PartialEq>(field: &Field<'_>, read: impl Fn(&Field<'_>) -> Result<T, Problem>) -> Result<Vec<T>, Problem> {
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

fn read_image(field: &Field<'_>, known: Known<'_>) -> Result<StackImage, Problem> {
    let image = values::image(field.scalar()?.0).map_err(|why| field.fault(why))?;
    match &image {
        StackImage::Build { app } if !known(app) => Err(field.fault(Fault::Unknown { what: Noun::App, name: app.clone() })),
        _ => Ok(image),
    }
}

/// A text is split into words; a list is taken as it is.
fn command(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    let words = if field.is_list() {
        field.items()?.iter().map(Field::text).collect::<Result<Vec<String>, Problem>>()?
    } else {
        checked(field, values::words)?
    };
    match words.first() {
        None => Err(field.fault(Fault::Missing)),
        Some(program) if program.is_empty() => Err(field.fault(Fault::Missing)),
        Some(_) if words.len() > MOST_WORDS => Err(field.refused(format!("more than {MOST_WORDS} words"))),
        Some(_) => Ok(words),
    }
}

/// A map, or a list of `NAME=value`.
fn environment(field: &Field<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let mut all = BTreeMap::new();
    let mut add = |field: &Field<'_>, name: &str, value: Option<String>| {
        if !valid_variable(name) {
            return Err(field.write("a name of letters, digits, _ . and -, not beginning with a digit"));
        }
        let value = value.ok_or_else(|| field.refused("a variable without a value: nothing is taken from the server's own"))?;
        if all.insert(name.to_owned(), value).is_some() { Err(field.fault(Fault::Twice)) } else { Ok(()) }
    };
    if field.is_list() {
        for item in field.items()? {
            let text = item.text()?;
            match text.split_once('=') {
                Some((name, value)) => add(&item, name, Some(value.to_owned()))?,
                None => add(&item, &text, None)?,
            }
        }
    } else {
        for entry in field.fields()? {
            let value = if entry.is_null() { None } else { Some(entry.text()?) };
            add(&entry, entry.name, value)?;
        }
    }
    Ok(all)
}

/// `80`, `80/tcp`, or the long form with `target` alone.
fn port(field: &Field<'_>) -> Result<u16, Problem> {
    if !field.is_map() {
        return checked(field, values::port);
    }
    let mut target = None;
    for entry in field.fields()? {
        match entry.name {
            "target" => target = Some(checked(&entry, values::port)?),
            "protocol" if entry.text()? == "tcp" => {}
            "protocol" => return Err(entry.refused("only tcp ports are published")),
            "published" | "host_ip" | "mode" => {
                return Err(entry.refused("the engine chooses a free port of the host; write target alone"));
            }
            _ => return Err(entry.fault(Fault::UnknownKey)),
        }
    }
    target.ok_or_else(|| field.fault(Fault::Missing))
}

/// A list of names, or a map of names to conditions. Each comes with the problem it has when
/// there is no such service.
fn depends_on(field: &Field<'_>) -> Result<Vec<(Dependency, Problem)>, Problem> {
    let mut all: Vec<(Dependency, Problem)> = Vec::new();
    let mut add = |field: &Field<'_>, service: String, healthy: bool| {
        if all.iter().any(|(wanted, _)| wanted.service == service) {
            return Err(field.fault(Fault::Twice));
        }
        let problem = field.fault(Fault::Unknown { what: Noun::Service, name: service.clone() });
        all.push((Dependency { service, healthy }, problem));
        Ok(())
    };
    if field.is_list() {
        for item in field.items()? {
            add(&item, item.text()?, false)?;
        }
    } else {
        for entry in field.fields()? {
            add(&entry, entry.name.to_owned(), condition(&entry)?)?;
        }
    }
    Ok(all)
}

/// Whether to wait until the other is healthy.
fn condition(field: &Field<'_>) -> Result<bool, Problem> {
    let mut healthy = None;
    for entry in field.fields()? {
        match (entry.name, entry.text()?.as_str()) {
            ("condition", "service_started") => healthy = Some(false),
            ("condition", "service_healthy") => healthy = Some(true),
            ("condition", _) => {
                return Err(entry.fault(Fault::NotOneOf { choices: "service_started, service_healthy".to_owned() }));
            }
            _ => return Err(entry.fault(Fault::UnknownKey)),
        }
    }
    healthy.ok_or_else(|| field.fault(Fault::Missing))
}

/// None when the image's own is to be used.
fn health_check(field: &Field<'_>) -> Result<Option<HealthCheck>, Problem> {
    let mut check = HealthCheck::default();
    let mut disabled = false;
    for entry in field.fields()? {
        match entry.name {
            "test" => check.test = health_test(&entry)?,
            "interval" => check.interval_ms = wait(&entry, 100)?,
            "timeout" => check.timeout_ms = wait(&entry, 100)?,
            "start_period" => check.start_period_ms = wait(&entry, 0)?,
            "retries" => check.retries = entry.number(1, 100)?,
            "disable" => disabled = entry.flag()?,
            "start_interval" => return Err(entry.refused("older engines do not know it")),
            _ => return Err(entry.fault(Fault::UnknownKey)),
        }
    }
    match (disabled, check.test.is_empty()) {
        (true, true) => Ok(Some(HealthCheck { test: vec!["NONE".to_owned()], ..check })),
        (true, false) => Err(field.refused("a test that is disabled: remove one of them")),
        (false, true) => Err(Problem::Stack { line: field.line, key: format!("{}.test", field.path), why: Fault::Missing }),
        (false, false) => Ok(Some(check)),
    }
}

/// A text runs in the container's shell; a list begins with `CMD`, `CMD-SHELL` or `NONE`.
fn health_test(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    if !field.is_list() {
        return match field.text()? {
            text if text.trim().is_empty() => Err(field.fault(Fault::Missing)),
            text => Ok(vec!["CMD-SHELL".to_owned(), text]),
        };
    }
    let words = field.items()?.iter().map(Field::text).collect::<Result<Vec<String>, Problem>>()?;
    let good = match words.first().map(String::as_str) {
        Some("NONE") => words.len() == 1,
        Some("CMD") => (2..=MOST_WORDS).contains(&words.len()),
        Some("CMD-SHELL") => words.len() == 2,
        _ => false,
    };
    if good { Ok(words) } else { Err(field.write("CMD and a command, CMD-SHELL and one text, or NONE alone")) }
}

fn wait(field: &Field<'_>, least: u64) -> Result<u64, Problem> {
    let time = checked(field, values::duration)?;
    if (least..=HOUR_MS).contains(&time) {
        return Ok(time);
    }
    Err(field.refused(format!("write a time between {least}ms and 1h")))
}

fn tmpfs(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    let folder = |item: &Field<'_>| checked(item, values::folder);
    let folders = if field.is_list() { several(field, folder)? } else { vec![folder(field)?] };
    if folders.len() <= 16 { Ok(folders) } else { Err(field.refused("more than 16 folders")) }
}

fn bound(field: &Field<'_>, memory: &mut Option<u32>) -> Result<(), Problem> {
    let size = checked(field, values::mebibytes)?;
    if memory.replace(size).is_some() { Err(field.fault(Fault::Twice)) } else { Ok(()) }
}

/// `deploy.resources.limits.memory` and nothing else.
fn deploy(field: &Field<'_>, memory: &mut Option<u32>) -> Result<(), Problem> {
    let mut inside = field.clone();
    for wanted in ["resources", "limits", "memory"] {
        for entry in inside.fields()? {
            if entry.name != wanted {
                return Err(entry.fault(refusals::of_deploy()));
            }
            inside = entry;
        }
        if inside.name != wanted {
            return Err(inside.fault(Fault::Missing));
        }
    }
    bound(&inside, memory)
}

fn restart(field: &Field<'_>) -> Result<(), Problem> {
    match field.scalar()?.0 {
        "no" => Ok(()),
        _ => Err(field.refused("nothing is restarted, so that testers see what failed; write \"no\" or leave it out")),
    }
}
