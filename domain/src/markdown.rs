//! What people write in Markdown, read into a tree of the few things that a page shows.
//!
//! No HTML is ever made of it: raw HTML stays text, pictures become links, and a link leads to
//! the web or is none. Whoever draws the tree writes every text as text.

use crate::commits::{Segment, segments};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// How deep lists and quotes are drawn within each other; what is deeper stands at this depth.
const MOST_DEPTH: usize = 8;
const MOST_ADDRESS: usize = 2000;

/// A piece of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Code(String),
    /// A block of code, as it stands.
    Block(String),
    Break,
    Rule,
    /// A link to the web: nothing else is one.
    Link {
        url: String,
        inside: Vec<Piece>,
    },
    Within(Shape, Vec<Piece>),
}

/// What pieces stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Paragraph,
    Heading,
    Quote,
    List,
    /// A list with numbers, and the first of them.
    Numbered(u64),
    Item,
    Strong,
    Emphasis,
    Struck,
}

/// What is open while events come.
enum Open {
    Shape(Shape),
    Link(String),
    /// Its text is kept as it stands.
    Block,
    /// Passed over: what is inside stands where it would have stood.
    Nothing,
}

/// Reads a note; issue keys become links by the pattern, as they do in commits.
pub fn read(note: &str, issues: Option<&str>) -> Vec<Piece> {
    let mut reading = Reading { issues, open: Vec::new(), done: Vec::new(), text: String::new() };
    for event in Parser::new_ext(note, Options::ENABLE_STRIKETHROUGH) {
        reading.take(event);
    }
    while !reading.open.is_empty() {
        reading.close();
    }
    reading.flush();
    reading.done
}

struct Reading<'a> {
    issues: Option<&'a str>,
    /// What is open, each with what it has gathered.
    open: Vec<(Open, Vec<Piece>)>,
    done: Vec<Piece>,
    /// Text comes in bits; it is looked at as a whole.
    text: String,
}

impl Reading<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => {
                self.flush();
                let open = self.opening(&tag);
                self.open.push((open, Vec::new()));
            }
            Event::End(TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell) => {}
            Event::End(_) => self.close(),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text.push_str(&text),
            Event::Code(code) => self.put(Piece::Code(code.into_string())),
            // People break lines where they want them broken.
            Event::SoftBreak | Event::HardBreak => self.put(Piece::Break),
            Event::Rule => self.put(Piece::Rule),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => self.text.push_str(&text),
            Event::TaskListMarker(done) => self.text.push_str(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn opening(&self, tag: &Tag<'_>) -> Open {
        if self.open.len() >= MOST_DEPTH && !matches!(tag, Tag::CodeBlock(_)) {
            return Open::Nothing;
        }
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => Open::Shape(Shape::Paragraph),
            Tag::Heading { .. } => Open::Shape(Shape::Heading),
            Tag::BlockQuote(_) => Open::Shape(Shape::Quote),
            Tag::List(None) => Open::Shape(Shape::List),
            Tag::List(Some(first)) => Open::Shape(Shape::Numbered(*first)),
            Tag::Item => Open::Shape(Shape::Item),
            Tag::Strong => Open::Shape(Shape::Strong),
            Tag::Emphasis => Open::Shape(Shape::Emphasis),
            Tag::Strikethrough => Open::Shape(Shape::Struck),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => Open::Block,
            // A picture from elsewhere would tell its owner who reads: it is a link.
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } if !self.in_link() => {
                web_address(dest_url).map_or(Open::Nothing, Open::Link)
            }
            _ => Open::Nothing,
        }
    }

    fn in_link(&self) -> bool {
        self.open.iter().any(|(open, _)| matches!(open, Open::Link(_)))
    }

    fn close(&mut self) {
        if let Some((Open::Block, _)) = self.open.last() {
            let text = std::mem::take(&mut self.text);
            self.open.pop();
            self.put(Piece::Block(text));
            return;
        }
        self.flush();
        let Some((open, inside)) = self.open.pop() else { return };
        match open {
            Open::Shape(shape) => self.put(Piece::Within(shape, inside)),
            Open::Link(url) if inside.is_empty() => self.put(Piece::Link { inside: vec![Piece::Text(url.clone())], url }),
            Open::Link(url) => self.put(Piece::Link { url, inside }),
            Open::Block => {}
            Open::Nothing => self.gather().extend(inside),
        }
    }

    fn put(&mut self, piece: Piece) {
        self.flush();
        self.gather().push(piece);
    }

    fn gather(&mut self) -> &mut Vec<Piece> {
        self.open.last_mut().map_or(&mut self.done, |(_, inside)| inside)
    }

    /// The text that has come, in pieces: addresses and issue keys are links, but within a link.
    fn flush(&mut self) {
        if self.text.is_empty() || matches!(self.open.last(), Some((Open::Block, _))) {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let pieces = if self.in_link() { vec![Piece::Text(text)] } else { linked(&text, self.issues) };
        self.gather().extend(pieces);
    }
}

fn linked(text: &str, issues: Option<&str>) -> Vec<Piece> {
    let piece = |segment| match segment {
        Segment::Link { text, url } => vec![Piece::Link { url, inside: vec![Piece::Text(text)] }],
        Segment::Text(text) => with_addresses(&text),
    };
    segments(text, issues).into_iter().flat_map(piece).collect()
}

/// Makes links of addresses that stand in a text as they are.
fn with_addresses(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        // A sentence may end with an address.
        let address = bare.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '。', '，', '；', '！', '？', '）']);
        match web_address(address) {
            Some(url) => {
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Link { inside: vec![Piece::Text(url.clone())], url });
                plain.push_str(word.get(address.len()..).unwrap_or_default());
            }
            None => plain.push_str(word),
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// The address, when a browser opens it as a web page and as nothing else.
fn web_address(address: &str) -> Option<String> {
    let starts = |scheme: &str| address.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    let host = |scheme: &str| starts(scheme) && address.get(scheme.len()..).is_some_and(|rest| !rest.is_empty());
    let safe = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | '\'' | '`' | '\\');
    let good = (host("https://") || host("http://")) && address.len() <= MOST_ADDRESS && address.chars().all(safe);
    good.then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACKER: &str = "https://issues.example.com/browse/{key}";

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn paragraph(inside: Vec<Piece>) -> Piece {
        Piece::Within(Shape::Paragraph, inside)
    }

    fn links(pieces: &[Piece]) -> Vec<String> {
        let of = |piece: &Piece| match piece {
            Piece::Link { url, inside } => [vec![url.clone()], links(inside)].concat(),
            Piece::Within(_, inside) => links(inside),
            _ => Vec::new(),
        };
        pieces.iter().flat_map(of).collect()
    }

    fn depth(pieces: &[Piece]) -> usize {
        let of = |piece: &Piece| match piece {
            Piece::Link { inside, .. } | Piece::Within(_, inside) => 1 + depth(inside),
            _ => 1,
        };
        pieces.iter().map(of).max().unwrap_or(0)
    }

    fn words(pieces: &[Piece]) -> String {
        let of = |piece: &Piece| match piece {
            Piece::Text(text) | Piece::Code(text) | Piece::Block(text) => text.clone(),
            Piece::Break | Piece::Rule => "\n".to_owned(),
            Piece::Link { inside, .. } | Piece::Within(_, inside) => words(inside),
        };
        pieces.iter().map(of).collect()
    }

    #[test]
    fn a_note_is_read_as_it_is_meant() {
        let note = "**Bad**: see `tour.js`\nABC-12 and https://x.example/a_b.\n\n1. open\n2. share\n\n```\n<b>\n```\n";
        let link = |url: &str, words: &str| Piece::Link { url: url.to_owned(), inside: vec![text(words)] };
        let item = |words: &str| Piece::Within(Shape::Item, vec![text(words)]);
        let wanted = [
            paragraph(vec![
                Piece::Within(Shape::Strong, vec![text("Bad")]),
                text(": see "),
                Piece::Code("tour.js".to_owned()),
                Piece::Break,
                link("https://issues.example.com/browse/ABC-12", "ABC-12"),
                text(" and "),
                link("https://x.example/a_b", "https://x.example/a_b"),
                text("."),
            ]),
            Piece::Within(Shape::Numbered(1), vec![item("open"), item("share")]),
            Piece::Block("<b>\n".to_owned()),
        ];
        assert_eq!(read(note, Some(TRACKER)), wanted);
    }

    #[test]
    fn raw_html_stays_text_and_pictures_are_links() {
        let note = "<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b ![shot](https://x.example/a.png) ![](data:x)";
        let read = read(note, None);
        assert_eq!(words(&read), "<script>alert(1)</script>\na <img src=x onerror=alert(1)> b shot ");
        assert_eq!(links(&read), ["https://x.example/a.png"]);
    }

    #[test]
    fn what_does_not_lead_to_the_web_is_no_link() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:x",
            "data:text/html,x",
            "//x.example",
            "/builds",
            "vbscript:x",
            "mailto:a@b",
            "https://",
        ] {
            let note = format!("[here]({address}) <{address}> [too]\n\n[too]: {address}");
            assert_eq!(links(&read(&note, None)), [] as [String; 0], "{address}");
        }
        assert_eq!(links(&read("[a [b](https://b.example)](https://a.example)", None)).len(), 1, "no link within a link");
        assert_eq!(links(&read("[ABC-1](https://a.example)", Some(TRACKER))), ["https://a.example"]);
    }

    #[test]
    fn there_is_an_end_to_depth() {
        for deep in ["> ".repeat(900), "- ".repeat(900), "*a ".repeat(600), "[".repeat(900)] {
            assert!(depth(&read(&format!("{deep}x"), None)) <= MOST_DEPTH + 2);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_every_link_leads_to_the_web(
            note in r#"([a-z ]|\n|[*_~`>#!<>\[\]()&:;/"'-]|javascript:|data:|https?://x\.example|<a href=|onerror=|\]\(|ABC-1|&#106;|&colon;|\\){0,60}"#
        ) {
            let read = read(&note, Some(TRACKER));
            prop_assert!(depth(&read) <= MOST_DEPTH + 2);
            for link in links(&read) {
                let lower = link.to_lowercase();
                prop_assert!(lower.starts_with("https://") || lower.starts_with("http://"), "{}", link);
                prop_assert!(!link.contains(['"', '\'', '<', '>', ' ', '\n']), "{}", link);
            }
        }

        #[test]
        fn any_text_can_be_read(note in any::<String>()) {
            prop_assert!(depth(&read(&note, None)) <= MOST_DEPTH + 2);
        }
    }
}
