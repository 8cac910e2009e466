//! Variables in values: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`. They are filled in when a
//! stack is launched, after the file was read as YAML: what is filled in is text and never keys.

use super::yaml::{self, Kind, Node, Value};
use crate::Problem;
use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Different names in one file.
const MOST_VARIABLES: usize = 100;
/// Bytes that filling in may make of a file.
const MOST_FILLED: usize = 4 << 20;

/// Something that a launch fills in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Variable {
    pub name: String,
    /// What stands in for it where the file says so first.
    pub default: Option<String>,
    /// It stands somewhere without a default.
    pub required: bool,
    /// What the file says to whoever leaves it out.
    pub message: Option<String>,
    /// Where it stands, each line once.
    pub lines: Vec<u64>,
}

/// Fills in a whole tree.
pub(super) struct Filler<'a> {
    /// What a launch gives; without, the file is only looked at.
    values: Option<&'a BTreeMap<String, String>>,
    found: Vec<Variable>,
    left: usize,
}

impl<'a> Filler<'a> {
    pub fn new(values: Option<&'a BTreeMap<String, String>>) -> Self {
        Self { values, found: Vec::new(), left: MOST_FILLED }
    }

    /// The variables that were found, in the order of the file.
    pub fn found(self) -> Vec<Variable> {
        self.found
    }

    /// Fills in what is below `path`.
    ///
    /// # Errors
    /// [`Problem::Stack`] for a `$` that stands for nothing, [`Problem::Invalid`] for a value that
    /// the launch did not give.
    pub fn fill(&mut self, node: &mut Node, path: &str) -> Result<(), Problem> {
        let line = node.line;
        match &mut node.value {
            Value::Text { text, kind, plain } => {
                let place = |why| Problem::Stack { line, key: yaml::place(path), why };
                if !text.contains('$') {
                    return Ok(());
                }
                if is_build(text) {
                    *kind = Kind::Build;
                    return Ok(());
                }
                let (filled, open) = self.text(text, line, &place)?;
                self.left = self.left.checked_sub(filled.len()).ok_or_else(|| place(refused("too much is filled in")))?;
                // Nothing at all was said by a value, not left out by the file.
                *plain &= !matches!(filled.as_str(), "" | "~" | "null" | "Null" | "NULL");
                *text = filled;
                if open {
                    *kind = Kind::Open;
                }
            }
            Value::List(items) => {
                for item in items {
                    self.fill(item, path)?;
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    // At the top and in a service it is for no one.
                    let in_service = path.strip_prefix("services.").is_some_and(|name| !name.contains('.'));
                    if (path.is_empty() || in_service) && entry.key.starts_with("x-") && entry.key != "x-slipway" {
                        continue;
                    }
                    let dot = if path.is_empty() { "" } else { "." };
                    self.fill(&mut entry.value, &format!("{path}{dot}{}", entry.key))?;
                }
            }
        }
        Ok(())
    }

    /// One text, and whether something of it is still open.
    fn text(&mut self, text: &str, line: u64, place: &dyn Fn(Fault) -> Problem) -> Result<(String, bool), Problem> {
        let (mut out, mut rest, mut open) = (String::with_capacity(text.len()), text, false);
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(tail) = after.strip_prefix('$') {
                out.push('$');
                rest = tail;
                continue;
            }
            let Some((inside, tail)) = after.strip_prefix('{').and_then(|inside| inside.split_once('}')) else {
                return Err(place(refused(format!(
                    "the placeholder {}: write ${{NAME}} for a variable of the launch, or $$ for a $",
                    begun(after)
                ))));
            };
            let Some(use_of) = Use::read(inside) else { return Err(place(not_a_variable(inside))) };
            self.note(&use_of, line).map_err(place)?;
            match self.value(&use_of)? {
                Some(value) => out.push_str(&value),
                None => {
                    out.push_str(&format!("${{{}}}", use_of.name));
                    open = true;
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        Ok((out, open))
    }

    /// What stands in; nothing while the file is only looked at and there is no default.
    fn value(&self, wanted: &Use<'_>) -> Result<Option<String>, Problem> {
        let given = self.values.and_then(|values| values.get(wanted.name));
        let given = given.filter(|value| !(wanted.unless_empty && value.is_empty()));
        if let Some(value) = given {
            return Ok(Some(value.clone()));
        }
        if let Some(default) = &wanted.default {
            return Ok(Some(default.clone()));
        }
        if self.values.is_none() {
            return Ok(None);
        }
        let message = wanted.message.map(|message| format!(": {message}")).unwrap_or_default();
        Err(Problem::invalid("variables", refused(format!("{} is needed{message}", wanted.name))))
    }

    fn note(&mut self, wanted: &Use<'_>, line: u64) -> Result<(), Fault> {
        let required = wanted.default.is_none();
        if let Some(known) = self.found.iter_mut().find(|known| known.name == wanted.name) {
            known.required |= required;
            known.default = known.default.take().or_else(|| wanted.default.clone());
            known.message = known.message.take().or_else(|| wanted.message.map(str::to_owned));
            if known.lines.last() != Some(&line) {
                known.lines.push(line);
            }
            return Ok(());
        }
        if self.found.len() >= MOST_VARIABLES {
            return Err(refused(format!("more than {MOST_VARIABLES} variables")));
        }
        self.found.push(Variable {
            name: wanted.name.to_owned(),
            default: wanted.default.clone(),
            required,
            message: wanted.message.map(str::to_owned),
            lines: vec![line],
        });
        Ok(())
    }
}

/// What stands between `${` and `}`.
struct Use<'a> {
    name: &'a str,
    default: Option<String>,
    message: Option<&'a str>,
    /// A colon: an empty value counts as none.
    unless_empty: bool,
}

impl<'a> Use<'a> {
    fn read(inside: &'a str) -> Option<Self> {
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let (name, rest) = inside.split_at(end);
        let head = name.bytes().next()?;
        if head.is_ascii_digit() || name.len() > 128 || name.starts_with("BUILD_") {
            return None;
        }
        let (unless_empty, rest) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
        let plain = |default: &str| (!default.replace("$$", "").contains('$')).then(|| default.replace("$$", "$"));
        match (rest.as_bytes().first(), rest.get(1..)) {
            (None, _) if !unless_empty => Some(Self { name, default: None, message: None, unless_empty }),
            (Some(b'-'), Some(default)) => Some(Self { name, default: Some(plain(default)?), message: None, unless_empty }),
            (Some(b'?'), Some(message)) => {
                let message = Some(message).filter(|message| !message.trim().is_empty());
                Some(Self { name, default: None, message, unless_empty })
            }
            _ => None,
        }
    }
}

/// `${BUILD_WEB}` and nothing else.
fn is_build(text: &str) -> bool {
    let name = text.strip_prefix("${BUILD_").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'))
}

fn not_a_variable(inside: &str) -> Fault {
    let name: String = inside.chars().filter(|c| !c.is_control()).take(80).collect();
    if inside.starts_with("BUILD_") {
        return refused(format!("the placeholder ${{{name}}}: a build stands for an image, by ${{BUILD_<APP>}} alone"));
    }
    refused(format!("the placeholder ${{{name}}}: only ${{NAME}}, ${{NAME:-default}} and ${{NAME:?message}} are filled in"))
}

/// The placeholder that begins after a `$`, short enough to be shown.
fn begun(after: &str) -> String {
    let name: String = match after.strip_prefix('{') {
        Some(inside) => format!("{{{inside}"),
        None => after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect(),
    };
    format!("${name}").chars().filter(|c| !c.is_control()).take(80).collect()
}

fn refused(reason: impl Into<String>) -> Fault {
    Fault::Refused { reason: reason.into() }
}
