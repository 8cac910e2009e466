//! YAML as a tree that remembers lines and how each value was written. The parser gives
//! events; anchors, aliases and merge keys are resolved here, within bounds.

use crate::Problem;
use crate::problem::Fault;
use granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::HashMap;

/// Values in one file, those copied by aliases included. A stack of 50 services has a few
/// thousand; an alias bomb has billions.
const MOST_NODES: usize = 20_000;
/// Levels of nesting. A compose file needs seven.
const MOST_DEPTH: usize = 24;

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub line: u64,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A scalar as it was written; `plain` when without quotes.
    Text {
        text: String,
        plain: bool,
        kind: Kind,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All that is to be filled in is.
    Whole,
    /// It holds a variable that only a launch fills in.
    Open,
    /// It stands for the build of an app.
    Build,
}

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub line: u64,
    pub value: Node,
}

impl Node {
    /// Values in here, itself included, and levels below it.
    fn extent(&self) -> (usize, usize) {
        let below: Vec<(usize, usize)> = match &self.value {
            Value::Text { .. } => Vec::new(),
            Value::List(items) => items.iter().map(Node::extent).collect(),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.extent()).collect(),
        };
        let nodes = below.iter().map(|(nodes, _)| nodes).sum::<usize>();
        let depth = below.iter().map(|(_, depth)| depth + 1).max();
        (nodes + 1, depth.unwrap_or(0))
    }
}

/// Reads one document.
///
/// # Errors
/// [`Problem::Stack`] with line and key: what is no YAML, a key that stands twice, a tag, a
/// second document, and what goes beyond the bounds.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    let mut builder = Builder::default();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| {
            let detail = error.kind().to_string();
            builder.fault(line(error.marker().line()), Fault::Unreadable { detail })
        })?;
        builder.take(event, line(span.start.line()))?;
    }
    builder.root.ok_or_else(|| stack(1, "services", Fault::Missing))
}

fn line(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX).max(1)
}

fn stack(line: u64, key: &str, why: Fault) -> Problem {
    Problem::Stack { line, key: key.to_owned(), why }
}

/// A list or map that is still open.
struct Open {
    line: u64,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The key whose value comes next.
        key: Option<(String, u64)>,
        /// What `<<` names, to be taken in at the end.
        merged: Vec<Entry>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u64) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let forced = self.tag(tag.as_deref(), line)?;
                let plain = style == ScalarStyle::Plain && !forced;
                let node = Node { line, value: Value::Text { text: text.into_owned(), plain, kind: Kind::Whole } };
                self.count(1, line)?;
                self.put(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), line)?;
                self.start(Open { line, anchor, inside: Inside::List(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), line)?;
                let inside = Inside::Map { entries: Vec::new(), key: None, merged: Vec::new() };
                self.start(Open { line, anchor, inside })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => {
                // An anchor is known once its value has ended, so none can hold itself.
                let Some(node) = self.anchors.get(&id) else {
                    return Err(self.fault(line, refused("an alias inside of what it names")));
                };
                let (nodes, depth) = node.extent();
                self.count(nodes, line)?;
                self.deep(depth, line)?;
                let node = self.anchors.get(&id).cloned();
                node.map_or(Ok(()), |node| self.put(Node { line, ..node }, 0))
            }
            Event::DocumentStart(..) if self.root.is_some() => Err(self.fault(line, refused("a second document"))),
            _ => Ok(()),
        }
    }

    /// Whether a tag makes text of what would be something else.
    fn tag(&self, tag: Option<&Tag>, line: u64) -> Result<bool, Problem> {
        match tag {
            None => Ok(false),
            Some(tag) if tag.is_yaml_core_schema() => Ok(tag.is_yaml_core_schema_tag("str")),
            Some(tag) => Err(self.fault(line, Fault::Refused { reason: format!("the tag {}", tag.original()) })),
        }
    }

    fn count(&mut self, nodes: usize, line: u64) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES { Ok(()) } else { Err(self.fault(line, refused("more than 20000 values"))) }
    }

    fn deep(&self, more: usize, line: u64) -> Result<(), Problem> {
        if self.open.len() + more <= MOST_DEPTH { Ok(()) } else { Err(self.fault(line, refused("nested too deeply"))) }
    }

    fn start(&mut self, open: Open) -> Result<(), Problem> {
        self.count(1, open.line)?;
        self.deep(1, open.line)?;
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(Open { line, anchor, inside }) = self.open.pop() else { return Ok(()) };
        let value = match inside {
            Inside::List(items) => Value::List(items),
            Inside::Map { entries, merged, .. } => Value::Map(with_merged(entries, merged)),
        };
        self.put(Node { line, value }, anchor)
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if anchor != 0 {
            let (nodes, _) = node.extent();
            self.count(nodes, node.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        let line = node.line;
        let fault = match self.open.last_mut().map(|open| &mut open.inside) {
            None => {
                self.root = Some(node);
                return Ok(());
            }
            Some(Inside::List(items)) => {
                items.push(node);
                return Ok(());
            }
            Some(Inside::Map { entries, key, merged }) => match (key.take(), node.value) {
                (Some((name, _)), value) if name == "<<" => return self.merge(Node { line, value }),
                (Some((name, at)), value) => {
                    entries.push(Entry { key: name, line: at, value: Node { line, value } });
                    return Ok(());
                }
                (None, Value::Text { text, .. }) => {
                    let again = entries.iter().any(|entry| entry.key == text) || (text == "<<" && !merged.is_empty());
                    *key = Some((text, line));
                    if !again {
                        return Ok(());
                    }
                    Fault::Twice
                }
                (None, _) => refused("a key that is not a word"),
            },
        };
        Err(self.fault(line, fault))
    }

    fn merge(&mut self, node: Node) -> Result<(), Problem> {
        let line = node.line;
        let sources = match node.value {
            Value::List(items) => items,
            value => vec![Node { line, value }],
        };
        for source in sources {
            let (Value::Map(more), Some(Open { inside: Inside::Map { merged, .. }, .. })) = (source.value, self.open.last_mut())
            else {
                return Err(stack(line, "<<", refused("only maps can be merged")));
            };
            *merged = with_merged(std::mem::take(merged), more);
        }
        Ok(())
    }

    /// A problem at the key that is being read.
    fn fault(&self, line: u64, why: Fault) -> Problem {
        let words: Vec<&str> = self
            .open
            .iter()
            .filter_map(|open| match &open.inside {
                Inside::Map { key: Some((name, _)), .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        Problem::Stack { line, key: place(&words.join(".")), why }
    }
}

/// What is written wins over what is merged, and an earlier source over a later one.
fn with_merged(mut entries: Vec<Entry>, merged: Vec<Entry>) -> Vec<Entry> {
    for entry in merged {
        if entries.iter().all(|have| have.key != entry.key) {
            entries.push(entry);
        }
    }
    entries
}

fn refused(reason: &str) -> Fault {
    Fault::Refused { reason: reason.to_owned() }
}

/// The key of a problem about what is at this path.
pub(super) fn place(path: &str) -> String {
    if path.is_empty() { "the file".to_owned() } else { shown(path) }
}

/// A key as a message can show it: short and on one line.
pub(super) fn shown(key: &str) -> String {
    key.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(200).collect()
}
