//! Issue keys in what people write: `ABC-123` and `#12` lead to the tracker.

use serde::{Deserialize, Serialize};

/// Links made in one text; what comes after them stays text.
const MOST_LINKS: usize = 20;
/// Letters and digits of a project's key, and digits of a number.
const MOST_PROJECT: usize = 10;
const MOST_DIGITS: usize = 9;
/// Names that look like a project's and are none.
const NO_PROJECTS: [&str; 6] = ["UTF", "SHA", "ISO", "RFC", "MD", "TLS"];

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    Text(String),
    Link { text: String, url: String },
}

impl Segment {
    /// What is read of it.
    pub fn text(&self) -> &str {
        match self {
            Segment::Text(text) | Segment::Link { text, .. } => text,
        }
    }
}

/// Cuts a text into pieces, its issue keys being links by `pattern`, in which `{key}` stands for
/// the key (`#12` gives `12`). Without a usable pattern it is one piece. Put together, the pieces
/// are the text again; nothing inside an address becomes a link.
pub fn segments(text: &str, pattern: Option<&str>) -> Vec<Segment> {
    let Some((head, tail)) = pattern.and_then(usable) else { return whole(text) };
    let mut pieces = Vec::new();
    let mut links = 0;
    let mut plain = String::new();
    let mut before = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let token = if links < MOST_LINKS && opens(before) { key(rest) } else { None };
        if let Some((length, key)) = token {
            let (link, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            if !plain.is_empty() {
                pieces.push(Segment::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Segment::Link { text: link.to_owned(), url: format!("{head}{key}{tail}") });
            links += 1;
            before = link.chars().last();
            rest = after;
            continue;
        }
        // An address is passed over as a whole.
        let step = if opens(before) || before == Some('/') { address(rest) } else { 0 };
        let (taken, after) = rest.split_at_checked(step.max(first.len_utf8())).unwrap_or((rest, ""));
        plain.push_str(taken);
        before = taken.chars().last();
        rest = after;
    }
    if !plain.is_empty() {
        pieces.push(Segment::Text(plain));
    }
    pieces
}

fn whole(text: &str) -> Vec<Segment> {
    if text.is_empty() { Vec::new() } else { vec![Segment::Text(text.to_owned())] }
}

/// The pattern around its key, when it is a web address that is safe to stand in a link.
fn usable(pattern: &str) -> Option<(&str, &str)> {
    let safe = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
    let web = pattern.strip_prefix("https://").or_else(|| pattern.strip_prefix("http://"))?;
    let host_ends = web.find(['/', '?', '#'])?;
    let (head, tail) = pattern.split_once("{key}")?;
    let in_path = head.len() > pattern.len() - web.len() + host_ends;
    (host_ends > 0 && in_path && pattern.len() <= 500 && pattern.chars().all(safe)).then_some((head, tail))
}

/// Whether a key may begin after this character.
fn opens(before: Option<char>) -> bool {
    before
        .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '{' | ',' | ';' | ':' | '"' | '\'' | '<' | '>' | '|' | '!'))
}

/// Whether a key ends before what comes.
fn closes(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '#' | '@' | '=')))
}

/// A key at the beginning: its length in the text, and what goes into the address.
fn key(rest: &str) -> Option<(usize, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let fits = |count: usize| (1..=MOST_DIGITS).contains(&count);
    if let Some(number) = rest.strip_prefix('#') {
        let count = digits(number);
        let (key, after) = number.split_at_checked(count)?;
        return (fits(count) && closes(after)).then_some((count + 1, key));
    }
    let project = rest.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    let (name, after) = rest.split_at_checked(project)?;
    let good = (2..=MOST_PROJECT).contains(&project) && name.as_bytes().first().is_some_and(u8::is_ascii_uppercase);
    let number = after.strip_prefix('-').filter(|_| good && !NO_PROJECTS.contains(&name))?;
    let count = digits(number);
    let end = project + 1 + count;
    let (key, after) = rest.split_at_checked(end)?;
    (fits(count) && closes(after)).then_some((end, key))
}

/// The length of an address at the beginning; zero when there is none.
fn address(rest: &str) -> usize {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or(rest);
    if word.contains("://") || word.starts_with("www.") { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACKER: &str = "https://issues.example.com/browse/{key}";

    fn links(text: &str) -> Vec<(String, String)> {
        let link = |piece| match piece {
            Segment::Link { text, url } => Some((text, url)),
            Segment::Text(_) => None,
        };
        segments(text, Some(TRACKER)).into_iter().filter_map(link).collect()
    }

    fn together(pieces: &[Segment]) -> String {
        let text = |piece: &Segment| match piece {
            Segment::Text(text) | Segment::Link { text, .. } => text.clone(),
        };
        pieces.iter().map(text).collect()
    }

    #[test]
    fn keys_become_links_and_the_text_stays_the_text() {
        let text = "ABC-123: sell boats (#12), see XY9-4.";
        let found = links(text);
        let wanted = [("ABC-123", "ABC-123"), ("#12", "12"), ("XY9-4", "XY9-4")];
        assert_eq!(found.len(), wanted.len());
        for ((shown, url), (text, key)) in found.iter().zip(wanted) {
            assert_eq!((shown.as_str(), url.clone()), (text, TRACKER.replace("{key}", key)));
        }
        assert_eq!(together(&segments(text, Some(TRACKER))), text);
    }

    #[test]
    fn what_only_looks_like_a_key_is_none() {
        for text in [
            "abc-123",
            "A-1",
            "ABC-",
            "ABC123",
            "ABC-12x",
            "xABC-12",
            "1ABC-12",
            "ABC-1-2",
            "#",
            "#x",
            "a#12",
            "#12a",
            "##12",
            "UTF-8",
            "SHA-256",
            "CVE-2024-1234",
            "#1234567890",
            "TOOLONGPROJECT-1",
            "é-ABC-1",
            "foo/ABC-1",
            "ABC-1/foo",
        ] {
            assert_eq!(links(text), [], "{text}");
        }
    }

    #[test]
    fn nothing_inside_an_address_is_a_link() {
        for text in [
            "https://git.example.com/a/ABC-12",
            "see (https://x.example/#12) now",
            "www.example.com/ABC-1",
            "https://x.example/?q=ABC-1,ABC-2",
            "ssh://git@x:ABC-12",
        ] {
            assert_eq!(links(text), [], "{text}");
            assert_eq!(together(&segments(text, Some(TRACKER))), text);
        }
        assert_eq!(links("https://x.example/ABC-1 ABC-2").len(), 1);
    }

    #[test]
    fn a_pattern_that_is_no_web_address_makes_no_link() {
        for pattern in [
            "javascript:alert('{key}')",
            "https://{key}.example.com/",
            "https://x.example/browse",
            "https:///{key}",
            "https://x.example\"/{key}",
            "//x.example/{key}",
            "",
        ] {
            assert_eq!(segments("ABC-1", Some(pattern)), whole("ABC-1"), "{pattern}");
        }
        assert_eq!(segments("ABC-1", None), whole("ABC-1"));
        assert_eq!(segments("", Some(TRACKER)), []);
    }

    #[test]
    fn there_is_an_end_to_links() {
        let text = "#1 ".repeat(500);
        assert_eq!(links(&text).len(), MOST_LINKS);
        assert_eq!(together(&segments(&text, Some(TRACKER))), text);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text_again(text in any::<String>()) {
            prop_assert_eq!(together(&segments(&text, Some(TRACKER))), text);
        }

        #[test]
        fn every_link_is_the_pattern_with_a_key(text in "[A-Z0-9#:/ .,()a-c-]{0,60}") {
            for (shown, url) in links(&text) {
                prop_assert!(url.starts_with("https://issues.example.com/browse/"));
                let key = url.trim_start_matches("https://issues.example.com/browse/");
                prop_assert_eq!(shown.trim_start_matches('#'), key);
                prop_assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            }
        }
    }
}
