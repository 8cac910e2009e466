//! What a service may use, and how often it is started: each bound has two spellings, of which
//! one may be used.

use super::field::Field;
use super::service::{checked, one_of};
use super::{DEFAULT_CPU_MILLIS, DEFAULT_MEMORY_MIB, DEFAULT_PIDS, StackService, Ulimit, refusals, values};
use crate::Problem;
use crate::problem::Fault;

const MOST_RESTARTS: u32 = 10;
/// What stands for "always": a service that fails again and again is shown as failed.
const SOME_RESTARTS: u32 = 5;
const MOST_PIDS: u32 = 4096;
const MOST_FILES: u32 = 65_536;

/// What was said of a service's bounds so far.
#[derive(Default)]
pub(super) struct Bounds {
    memory: Option<u32>,
    cpus: Option<u32>,
    pids: Option<u32>,
    shm: Option<u32>,
    ulimits: Vec<Ulimit>,
    restarts: Option<u32>,
    count: Option<u32>,
}

impl Bounds {
    pub fn settle(self, service: &mut StackService) {
        service.memory_mib = self.memory.unwrap_or(DEFAULT_MEMORY_MIB);
        service.cpu_millis = self.cpus.unwrap_or(DEFAULT_CPU_MILLIS);
        service.pids = self.pids.unwrap_or(DEFAULT_PIDS);
        service.shm_mib = self.shm;
        service.ulimits = self.ulimits;
        service.restarts = self.restarts.unwrap_or_default();
    }
}

/// Reads a key of a service that is about bounds; whether it was one.
pub(super) fn take(field: &Field<'_>, bounds: &mut Bounds) -> Result<bool, Problem> {
    match field.name {
        "mem_limit" => memory(field, bounds)?,
        "cpus" => cpus(field, bounds)?,
        "pids_limit" => once(field, &mut bounds.pids, field.number(1, MOST_PIDS)?)?,
        "shm_size" => bounds.shm = Some(checked(field, |text| values::mebibytes(text, 1, 1024))?),
        "ulimits" => bounds.ulimits = ulimits(field)?,
        "restart" => once(field, &mut bounds.restarts, restarts(field)?)?,
        "scale" => count(field, bounds)?,
        "deploy" => deploy(field, bounds)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn once(field: &Field<'_>, bound: &mut Option<u32>, value: u32) -> Result<(), Problem> {
    if bound.replace(value).is_some() { Err(field.fault(Fault::Twice)) } else { Ok(()) }
}

fn memory(field: &Field<'_>, bounds: &mut Bounds) -> Result<(), Problem> {
    once(field, &mut bounds.memory, checked(field, |text| values::mebibytes(text, 6, 65_536))?)
}

fn cpus(field: &Field<'_>, bounds: &mut Bounds) -> Result<(), Problem> {
    once(field, &mut bounds.cpus, checked(field, values::processors)?)
}

/// Once is how often every service runs.
fn count(field: &Field<'_>, bounds: &mut Bounds) -> Result<(), Problem> {
    if field.scalar()?.0 != "1" {
        return Err(field.refused("each service runs once, on the test engine"));
    }
    once(field, &mut bounds.count, 1)
}

fn deploy(field: &Field<'_>, bounds: &mut Bounds) -> Result<(), Problem> {
    for entry in field.keys()? {
        match entry.name {
            "mode" => one_of(&entry, &["replicated"], "each service runs once, on the test engine")?,
            "replicas" => count(&entry, bounds)?,
            "resources" => resources(&entry, bounds)?,
            "restart_policy" => once(&entry, &mut bounds.restarts, policy(&entry)?)?,
            name => return Err(entry.fault(refusals::of_deploy(name))),
        }
    }
    Ok(())
}

fn resources(field: &Field<'_>, bounds: &mut Bounds) -> Result<(), Problem> {
    for entry in field.keys()? {
        if entry.name != "limits" {
            return Err(entry.fault(refusals::of_deploy(entry.name)));
        }
        for limit in entry.keys()? {
            match limit.name {
                "memory" => memory(&limit, bounds)?,
                "cpus" => cpus(&limit, bounds)?,
                "pids" => once(&limit, &mut bounds.pids, limit.number(1, MOST_PIDS)?)?,
                _ => return Err(limit.fault(Fault::UnknownKey)),
            }
        }
    }
    Ok(())
}

fn restarts(field: &Field<'_>) -> Result<u32, Problem> {
    let text = field.scalar()?.0;
    match text.split_once(':').unwrap_or((text, "")) {
        // Unquoted, older YAML calls it false; compose takes both.
        ("no" | "false", "") => Ok(0),
        ("always" | "unless-stopped" | "on-failure", "") => Ok(SOME_RESTARTS),
        ("on-failure", times) => {
            let times = times.parse().ok().filter(|times| *times <= MOST_RESTARTS);
            times.ok_or_else(|| field.refused(format!("write a number of restarts up to {MOST_RESTARTS}")))
        }
        _ => Err(field.fault(Fault::NotOneOf { choices: "no, on-failure, on-failure:3, unless-stopped, always".to_owned() })),
    }
}

fn policy(field: &Field<'_>) -> Result<u32, Problem> {
    let (mut condition, mut attempts) = (SOME_RESTARTS, None);
    for entry in field.keys()? {
        match entry.name {
            "condition" => match entry.scalar()?.0 {
                "none" => condition = 0,
                "on-failure" | "any" => {}
                _ => return Err(entry.fault(Fault::NotOneOf { choices: "none, on-failure, any".to_owned() })),
            },
            "max_attempts" => attempts = Some(entry.number(0, MOST_RESTARTS)?),
            name => return Err(entry.fault(refusals::of_deploy(name))),
        }
    }
    Ok(if condition == 0 { 0 } else { attempts.unwrap_or(condition) })
}

fn ulimits(field: &Field<'_>) -> Result<Vec<Ulimit>, Problem> {
    let mut all = Vec::new();
    for entry in field.keys()? {
        let most = match entry.name {
            "nofile" => MOST_FILES,
            "nproc" => MOST_PIDS,
            _ => return Err(entry.refused("only nofile and nproc can be set")),
        };
        let (soft, hard) = if entry.is_map() { both(&entry, most)? } else { (entry.number(1, most)?, entry.number(1, most)?) };
        if soft > hard {
            return Err(entry.refused("soft is more than hard"));
        }
        all.push(Ulimit { name: entry.name.to_owned(), soft, hard });
    }
    Ok(all)
}

fn both(field: &Field<'_>, most: u32) -> Result<(u32, u32), Problem> {
    let (mut soft, mut hard) = (None, None);
    for entry in field.keys()? {
        match entry.name {
            "soft" => soft = Some(entry.number(1, most)?),
            "hard" => hard = Some(entry.number(1, most)?),
            _ => return Err(entry.fault(Fault::UnknownKey)),
        }
    }
    soft.zip(hard).ok_or_else(|| field.write("both soft and hard"))
}
