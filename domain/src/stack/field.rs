//! A value of the file together with its place, so that every refusal can name it.

use super::yaml::{Kind, Node, Value, place, shown};
use crate::Problem;
use crate::problem::Fault;

/// One text is no longer than this.
const MOST_TEXT: usize = 32 * 1024;
/// Entries in one list or map.
const MOST_ENTRIES: usize = 500;

/// One value and where it stands.
#[derive(Clone)]
pub(super) struct Field<'a> {
    /// `services.web.image`
    pub path: String,
    /// The last word of the path.
    pub name: &'a str,
    pub line: u64,
    node: &'a Node,
}

impl<'a> Field<'a> {
    pub fn root(node: &'a Node) -> Self {
        Self { path: String::new(), name: "", line: node.line, node }
    }

    pub fn fault(&self, why: Fault) -> Problem {
        Problem::Stack { line: self.line, key: place(&self.path), why }
    }

    pub fn refused(&self, reason: impl Into<String>) -> Problem {
        self.fault(Fault::Refused { reason: reason.into() })
    }

    /// The problem of a value in the wrong form.
    pub fn write(&self, expected: &str) -> Problem {
        self.fault(Fault::Unreadable { detail: format!("write {expected}") })
    }

    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Nothing after the colon, or one of the words for it.
    pub fn is_null(&self) -> bool {
        match &self.node.value {
            Value::Text { text, plain, .. } => *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    /// The keys of a map.
    pub fn fields(&self) -> Result<Vec<Field<'a>>, Problem> {
        let Value::Map(entries) = &self.node.value else { return Err(self.other("keys and values")) };
        self.few(entries.len())?;
        let dot = if self.path.is_empty() { "" } else { "." };
        let field = |entry: &'a super::yaml::Entry| Field {
            path: format!("{}{dot}{}", self.path, entry.key),
            name: &entry.key,
            line: entry.line,
            node: &entry.value,
        };
        Ok(entries.iter().map(field).collect())
    }

    /// The keys of a map that has a form; what begins with `x-` is for no one.
    pub fn keys(&self) -> Result<Vec<Field<'a>>, Problem> {
        let mut fields = self.fields()?;
        fields.retain(|field| !field.name.starts_with("x-"));
        Ok(fields)
    }

    /// The entries of a list; each keeps the list's name.
    pub fn items(&self) -> Result<Vec<Field<'a>>, Problem> {
        let Value::List(items) = &self.node.value else { return Err(self.other("a list")) };
        self.few(items.len())?;
        Ok(items.iter().map(|node| Field { path: self.path.clone(), name: self.name, line: node.line, node }).collect())
    }

    /// A scalar that is filled in whatever is launched, and whether it is without quotes. What is checked when
    /// the file is written must not depend on what a launch says.
    pub fn scalar(&self) -> Result<(&'a str, bool), Problem> {
        match self.any()? {
            (_, _, Kind::Open) => Err(self.refused(
                "a variable without a default: write ${NAME:-default} here, so that the file can be checked before a launch",
            )),
            (text, plain, _) => Ok((text, plain)),
        }
    }

    /// A scalar's text.
    pub fn text(&self) -> Result<String, Problem> {
        self.scalar().map(|(text, _)| text.to_owned())
    }

    /// A text that may hold variables which only a launch fills in.
    pub fn free(&self) -> Result<String, Problem> {
        self.any().map(|(text, _, _)| text.to_owned())
    }

    /// An image, or the placeholder of a build.
    pub fn image(&self) -> Result<(&'a str, bool), Problem> {
        match &self.node.value {
            Value::Text { text, kind: Kind::Build, .. } => Ok((text, true)),
            _ => self.scalar().map(|(text, _)| (text, false)),
        }
    }

    fn any(&self) -> Result<(&'a str, bool, Kind), Problem> {
        match &self.node.value {
            _ if self.is_null() => Err(self.fault(Fault::Missing)),
            Value::Text { text, .. } if text.len() > MOST_TEXT => Err(self.fault(Fault::TooBig { most: MOST_TEXT as u64 })),
            Value::Text { text, .. } if text.contains('\0') => Err(self.refused("a zero byte")),
            Value::Text { text, kind: Kind::Build, .. } => {
                Err(self.refused(format!("the placeholder {}: a build stands for an image alone", shown(text))))
            }
            Value::Text { text, plain, kind } => Ok((text, *plain, *kind)),
            _ => Err(self.other("a text")),
        }
    }

    /// `true` or `false`.
    pub fn flag(&self) -> Result<bool, Problem> {
        match self.scalar()? {
            ("true", true) => Ok(true),
            ("false", true) => Ok(false),
            _ => Err(self.fault(Fault::NotOneOf { choices: "true, false".to_owned() })),
        }
    }

    pub fn number(&self, least: u32, most: u32) -> Result<u32, Problem> {
        let number = self.scalar()?.0.parse::<u32>().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.fault(Fault::OutOfRange { least: least.into(), most: most.into() }))
    }

    fn few(&self, count: usize) -> Result<(), Problem> {
        if count <= MOST_ENTRIES { Ok(()) } else { Err(self.refused(format!("more than {MOST_ENTRIES} entries"))) }
    }

    fn other(&self, expected: &str) -> Problem {
        if self.is_null() { self.fault(Fault::Missing) } else { self.write(expected) }
    }
}
