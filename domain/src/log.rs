//! What containers write, made readable: colours become looks, everything else that a terminal
//! would obey is taken out or shown as a sign. A line read here can do nothing but be read.

use crate::Time;
use crate::promotion::state_text;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Pieces of one line that can have a look of their own; what follows is plain.
const MOST_PIECES: usize = 500;

/// How far back a log is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSince {
    Minutes5,
    Hour,
    /// Since the environment was launched.
    Launch,
    #[default]
    All,
}

state_text! {
    LogSince { Minutes5 = "minutes5", Hour = "hour", Launch = "launch", All = "all" }
}

impl LogSince {
    pub const ALL: [LogSince; 4] = [LogSince::Minutes5, LogSince::Hour, LogSince::Launch, LogSince::All];

    /// The moment before which nothing is read.
    pub fn cutoff(self, now: Time, launched: Time) -> Option<Time> {
        match self {
            LogSince::Minutes5 => Some(now - chrono::Duration::minutes(5)),
            LogSince::Hour => Some(now - chrono::Duration::hours(1)),
            LogSince::Launch => Some(launched),
            LogSince::All => None,
        }
    }
}

/// How a piece of a line is set off. Colours are the sixteen of a terminal; finer ones become the
/// nearest of them, so that each has its pair in light and in dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    pub ink: Option<u8>,
    pub ground: Option<u8>,
    pub bold: bool,
    pub dim: bool,
    pub italic: bool,
    pub underline: bool,
    pub struck: bool,
}

impl Look {
    /// The words of the style sheet: `ink-1 bold`. Empty for a plain one.
    pub fn words(self) -> String {
        let mut words = String::new();
        if let Some(colour) = self.ink {
            let _ = write!(words, "ink-{colour} ");
        }
        if let Some(colour) = self.ground {
            let _ = write!(words, "ground-{colour} ");
        }
        let flags = [
            (self.bold, "bold "),
            (self.dim, "dim "),
            (self.italic, "italic "),
            (self.underline, "under "),
            (self.struck, "struck "),
        ];
        flags.into_iter().filter(|(on, _)| *on).for_each(|(_, word)| words.push_str(word));
        words.truncate(words.trim_end().len());
        words
    }

    /// Takes in one command `ESC [ … m`.
    fn obey(&mut self, command: &str) {
        let mut codes = command.split([';', ':']).map(|code| if code.is_empty() { Some(0) } else { code.parse::<u16>().ok() });
        while let Some(code) = codes.next() {
            let Some(code) = code else { continue };
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                // Inverse has no look of its own: it must stay readable on every ground.
                7 => self.bold = true,
                9 => self.struck = true,
                21 | 22 | 27 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                29 => self.struck = false,
                30..=37 => self.ink = u8::try_from(code - 30).ok(),
                38 => self.ink = colour(&mut codes),
                39 => self.ink = None,
                40..=47 => self.ground = u8::try_from(code - 40).ok(),
                48 => self.ground = colour(&mut codes),
                49 => self.ground = None,
                90..=97 => self.ink = u8::try_from(code - 90 + 8).ok(),
                100..=107 => self.ground = u8::try_from(code - 100 + 8).ok(),
                _ => {}
            }
        }
    }
}

/// What follows 38 or 48: `5;n` of 256 colours, or `2;r;g;b`.
fn colour(codes: &mut impl Iterator<Item = Option<u16>>) -> Option<u8> {
    let mut next = || codes.next().flatten().and_then(|code| u8::try_from(code).ok());
    match next()? {
        5 => match next()? {
            plain @ 0..=15 => Some(plain),
            cube @ 16..=231 => {
                let cube = cube - 16;
                let level = |part: u8| if part == 0 { 0 } else { 55 + part * 40 };
                Some(nearest(level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
            }
            grey => {
                let level = 8 + (grey - 232) * 10;
                Some(nearest(level, level, level))
            }
        },
        2 => {
            let (red, green, blue) = (next()?, next()?, next()?);
            Some(nearest(red, green, blue))
        }
        _ => None,
    }
}

/// The terminal colour that is nearest to one of millions.
fn nearest(red: u8, green: u8, blue: u8) -> u8 {
    let most = red.max(green).max(blue);
    let least = red.min(green).min(blue);
    if most - least < 32 {
        return match most {
            0..=48 => 0,
            49..=128 => 8,
            129..=208 => 7,
            _ => 15,
        };
    }
    let half = least + (most - least) / 2;
    let bit = |part: u8, bit: u8| if part > half { bit } else { 0 };
    let hue = bit(red, 1) | bit(green, 2) | bit(blue, 4);
    if most > 200 { hue + 8 } else { hue }
}

/// One line as it can be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// How many characters have which look, in order; together they are the whole text. Empty
    /// when all of it is plain.
    pub pieces: Vec<(u32, Look)>,
}

impl Line {
    fn push(&mut self, c: char, look: Look) {
        if self.pieces.is_empty() {
            if look == Look::default() {
                self.text.push(c);
                return;
            }
            let before = u32::try_from(self.text.chars().count()).unwrap_or(u32::MAX);
            if before > 0 {
                self.pieces.push((before, Look::default()));
            }
        }
        self.text.push(c);
        let full = self.pieces.len() >= MOST_PIECES;
        let look = if full { Look::default() } else { look };
        match self.pieces.last_mut() {
            Some((count, last)) if *last == look => *count = count.saturating_add(1),
            _ => self.pieces.push((1, look)),
        }
    }
}

/// Reads one line: bytes that are no text become `�`, colours become looks, other terminal commands
/// are dropped, and control characters, also those that turn the reading direction, are shown as
/// signs. Each line begins plain.
pub fn read(line: &[u8]) -> Line {
    if line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Line { text: String::from_utf8_lossy(line).into_owned(), pieces: Vec::new() };
    }
    let text = String::from_utf8_lossy(line);
    let mut read = Line { text: String::with_capacity(text.len()), pieces: Vec::new() };
    let mut look = Look::default();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let shown = match c {
            '\x1b' => {
                skip_command(&mut rest, &mut look);
                continue;
            }
            '\u{9b}' => {
                command(&mut rest, &mut look);
                continue;
            }
            '\t' => c,
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\x7f' => '␡',
            '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' => '\u{fffd}',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{61c}' => '\u{fffd}',
            _ => c,
        };
        read.push(shown, look);
    }
    read
}

/// After an escape: `[…letter`, `]…end`, or one sign.
fn skip_command(rest: &mut std::str::Chars<'_>, look: &mut Look) {
    match rest.next() {
        Some('[') => command(rest, look),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next() {
                match c {
                    '\x07' | '\u{9c}' => break,
                    '\x1b' => {
                        rest.next();
                        break;
                    }
                    _ => {}
                }
            }
        }
        Some(' '..='/') => {
            rest.next();
        }
        _ => {}
    }
}

/// Digits and signs up to the letter that says what they are for. What cannot be in a command ends
/// it and is text again.
fn command(rest: &mut std::str::Chars<'_>, look: &mut Look) {
    let whole = rest.as_str();
    let length = whole.find(|c: char| !matches!(c, ' '..='?')).unwrap_or(whole.len());
    let (told, after) = whole.split_at_checked(length).unwrap_or((whole, ""));
    let mut after = after.chars();
    match after.clone().next() {
        Some('m') => {
            look.obey(told);
            after.next();
        }
        Some('@'..='~') => {
            after.next();
        }
        _ => {}
    }
    *rest = after;
}

/// Where `wanted` stands in `text`, as ranges of bytes, without regard to case; at most 100.
pub fn hits(text: &str, wanted: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let wanted: Vec<char> = wanted.chars().flat_map(char::to_lowercase).collect();
    if wanted.is_empty() {
        return found;
    }
    let mut from = 0;
    while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty() && found.len() < 100) {
        if let Some(length) = begins(rest, &wanted) {
            found.push(from..from + length);
            from += length;
        } else {
            from += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    found
}

/// Whether `wanted` stands in `text`, without regard to case.
pub fn holds(text: &str, wanted: &str) -> bool {
    let lower: Vec<char> = wanted.chars().flat_map(char::to_lowercase).collect();
    lower.is_empty() || text.char_indices().any(|(at, _)| text.get(at..).is_some_and(|rest| begins(rest, &lower).is_some()))
}

/// How many bytes of `text` are `wanted`, if it begins with it.
fn begins(text: &str, wanted: &[char]) -> Option<usize> {
    let mut left = wanted.iter();
    for (at, c) in text.char_indices() {
        for lower in c.to_lowercase() {
            if left.next().is_none_or(|next| *next != lower) {
                return None;
            }
        }
        if left.as_slice().is_empty() {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn looks(line: &[u8]) -> Vec<(String, String)> {
        let line = read(line);
        let mut text = line.text.chars();
        let piece = |(count, look): &(u32, Look)| (text.by_ref().take(*count as usize).collect(), look.words());
        line.pieces.iter().map(piece).collect()
    }

    #[test]
    fn what_could_deceive_is_made_visible_and_commands_go() {
        for (given, wanted) in [
            (&b"\x1b[1;31mred\x1b[0m plain"[..], "red plain"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]8;;http://x\x1b\\link", "link"),
            (b"\x1b(Bascii", "ascii"),
            (b"a\x08b\x00c\td", "a\u{2408}b\u{2400}c\td"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            ("a\u{202e}b\u{2066}".as_bytes(), "a\u{fffd}b\u{fffd}"),
            ("构建 ✓".as_bytes(), "构建 ✓"),
            (b"cut \x1b[3", "cut "),
            ("\x1b[2构建".as_bytes(), "构建"),
            (b"\x1b[2J\x1b[10;20Hgone", "gone"),
        ] {
            assert_eq!(read(given).text, wanted);
        }
    }

    #[test]
    fn colours_become_looks() {
        let pair = |text: &str, look: &str| (text.to_owned(), look.to_owned());
        assert_eq!(looks(b"a\x1b[1;31mb\x1b[0mc"), [pair("a", ""), pair("b", "ink-1 bold"), pair("c", "")]);
        assert_eq!(looks(b"\x1b[38;5;196mx\x1b[39my"), [pair("x", "ink-9"), pair("y", "")]);
        assert_eq!(looks(b"\x1b[38;2;0;120;0mx"), [pair("x", "ink-2")]);
        assert_eq!(looks(b"\x1b[4;97;44mx\x1b[mrest"), [pair("x", "ink-15 ground-4 under"), pair("rest", "")]);
        assert_eq!(looks(b"\x1b[31m\x1b[32mx\x1b[32my"), [pair("xy", "ink-2")]);
        assert!(looks(b"plain").is_empty() && looks(b"\x1b[0mplain").is_empty());
        assert!(looks(b"\x1b[38;5mx\x1b[38mx\x1b[999mx\x1b[99999999mx").is_empty(), "half a colour is none");
    }

    #[test]
    fn a_word_is_found_without_regard_to_case() {
        assert_eq!(hits("An ERROR, an error", "error"), [3..8, 13..18]);
        assert_eq!(hits("aaaa", "aa"), [0..2, 2..4]);
        assert_eq!(hits("构建 ✓ 构建", "构建"), [0..6, 11..17]);
        assert_eq!(hits("İstanbul", "i̇s").as_slice(), std::slice::from_ref(&(0..3)));
        assert!(hits("anything", "").is_empty() && hits("", "x").is_empty());
        assert!(holds("Ready", "rEaDy") && !holds("Read", "ready") && holds("x", ""));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_line_that_does_more_than_being_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let line = read(&bytes);
            prop_assert!(line.text.chars().all(|c| c == '\t' || !c.is_control()));
            let turned = line.text.contains(['\u{202e}', '\u{2066}', '\u{2028}']);
            prop_assert!(!turned);
            let pieces: usize = line.pieces.iter().map(|(count, _)| *count as usize).sum();
            prop_assert!(line.pieces.is_empty() || pieces == line.text.chars().count());
            prop_assert!(line.pieces.len() <= MOST_PIECES + 1);
            let harmless = |word: char| word.is_ascii_lowercase() || word.is_ascii_digit() || matches!(word, '-' | ' ');
            prop_assert!(line.pieces.iter().all(|(_, look)| look.words().chars().all(harmless)));
        }

        #[test]
        fn whatever_colours_stand_in_it_the_text_is_the_same(
            parts in proptest::collection::vec(("[a-z ]{0,5}", "[0-9;]{0,8}"), 0..20)
        ) {
            let coloured: String = parts.iter().map(|(text, codes)| format!("{text}\x1b[{codes}m")).collect();
            let plain: String = parts.iter().map(|(text, _)| text.as_str()).collect();
            prop_assert_eq!(read(coloured.as_bytes()).text, plain);
        }

        #[test]
        fn what_is_found_is_what_was_sought(text in "[aA b构İ]{0,30}", wanted in "[aA b构]{1,3}") {
            let found = hits(&text, &wanted);
            prop_assert_eq!(holds(&text, &wanted), !found.is_empty());
            for range in found {
                prop_assert_eq!(text.get(range).map(str::to_lowercase), Some(wanted.to_lowercase()));
            }
        }
    }
}
