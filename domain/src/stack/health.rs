//! Health checks.

use super::field::Field;
use super::service::{MOST_WORDS, checked};
use super::{HealthCheck, values};
use crate::Problem;
use crate::problem::Fault;

const HOUR_MS: u64 = 3_600_000;

/// None when the image's own is to be used.
pub(super) fn health_check(field: &Field<'_>) -> Result<Option<HealthCheck>, Problem> {
    let mut check = HealthCheck::default();
    let mut disabled = false;
    for entry in field.keys()? {
        match entry.name {
            "test" => check.test = health_test(&entry)?,
            "interval" => check.interval_ms = wait(&entry, 100)?,
            "timeout" => check.timeout_ms = wait(&entry, 100)?,
            "start_period" => check.start_period_ms = wait(&entry, 0)?,
            "start_interval" => check.start_interval_ms = Some(wait(&entry, 100)?),
            "retries" => check.retries = entry.number(1, 100)?,
            "disable" => disabled = entry.flag()?,
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
        return match field.free()? {
            text if text.trim().is_empty() => Err(field.fault(Fault::Missing)),
            text => Ok(vec!["CMD-SHELL".to_owned(), text]),
        };
    }
    let words = field.items()?.iter().map(Field::free).collect::<Result<Vec<String>, Problem>>()?;
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
