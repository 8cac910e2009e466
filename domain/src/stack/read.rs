//! From the tree to the typed stack: an allow-list, key by key.

use super::field::Field;
use super::networks::{self, Named};
use super::service::{Read, read_service};
use super::variables::Filler;
use super::{Stack, StackService, mounts, refusals, yaml};
use crate::Problem;
use crate::problem::Fault;
use std::collections::BTreeMap;

const MOST_SERVICES: usize = 50;

type Known<'a> = &'a dyn Fn(&str) -> bool;

/// Reads a whole file. `known` tells which apps there are, `values` what a launch gives.
pub(super) fn stack(text: &str, known: Known<'_>, values: Option<&BTreeMap<String, String>>) -> Result<Stack, Problem> {
    let mut tree = yaml::read(text)?;
    let mut filler = Filler::new(values);
    filler.fill(&mut tree, "")?;
    let root = Field::root(&tree);
    let (mut services, mut named, mut volumes, mut egress) = (None, Named::default(), Vec::new(), true);
    for field in root.fields()? {
        match field.name {
            "services" => services = Some(field),
            "networks" => named = networks::of_file(&field)?,
            "volumes" => volumes = mounts::of_file(&field)?,
            "x-slipway" => egress = own(&field)?,
            // Neither changes what runs: Slipway names what it makes, and the version is obsolete.
            "name" | "version" => drop(field.text()?),
            // By definition not for anyone: a place for anchors.
            name if name.starts_with("x-") => {}
            name => return Err(field.fault(refusals::of_file(name))),
        }
    }
    let missing = || Problem::Stack { line: 1, key: "services".to_owned(), why: Fault::Missing };
    let mut services = read_services(&services.ok_or_else(missing)?, known)?;
    for read in &services {
        read.check_volumes(&volumes)?;
    }
    let networks = networks::settle(&named, &mut services, egress)?;
    Ok(Stack { services: in_order(services)?, networks, volumes, variables: filler.found() })
}

/// `x-slipway`: what compose has no word for.
fn own(field: &Field<'_>) -> Result<bool, Problem> {
    let mut egress = true;
    for entry in field.fields()? {
        match entry.name {
            "egress" => egress = entry.flag()?,
            _ => return Err(entry.fault(Fault::UnknownKey)),
        }
    }
    Ok(egress)
}

fn read_services(field: &Field<'_>, known: Known<'_>) -> Result<Vec<Read>, Problem> {
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
    Ok(services)
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
