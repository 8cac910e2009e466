//! Files beside a verdict: what they may be, told by their bytes and never by their names.

use crate::problem::Fault;
use serde::{Deserialize, Serialize};

/// Bytes of one file, files of one verdict, and bytes of all that come with one request.
pub const MOST_FILE: usize = 10 * 1024 * 1024;
pub const MOST_FILES: usize = 10;
pub const MOST_TOGETHER: usize = 32 * 1024 * 1024;
/// Bytes that an installation keeps of all verdicts together.
pub const MOST_KEPT: u64 = 4 << 30;
/// Characters of a file's name.
const MOST_NAME: usize = 100;

/// What a file is. What a browser could run (pages, drawings with scripts, archives of either)
/// is not on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    Png,
    Jpeg,
    Webp,
    Gif,
    Pdf,
    /// Plain text in UTF-8: a log, a trace.
    Text,
}

impl EvidenceKind {
    pub const ALL: [EvidenceKind; 6] =
        [EvidenceKind::Png, EvidenceKind::Jpeg, EvidenceKind::Webp, EvidenceKind::Gif, EvidenceKind::Pdf, EvidenceKind::Text];

    pub const fn as_str(self) -> &'static str {
        match self {
            EvidenceKind::Png => "png",
            EvidenceKind::Jpeg => "jpeg",
            EvidenceKind::Webp => "webp",
            EvidenceKind::Gif => "gif",
            EvidenceKind::Pdf => "pdf",
            EvidenceKind::Text => "text",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The media type under which it is given out.
    pub const fn media_type(self) -> &'static str {
        match self {
            EvidenceKind::Png => "image/png",
            EvidenceKind::Jpeg => "image/jpeg",
            EvidenceKind::Webp => "image/webp",
            EvidenceKind::Gif => "image/gif",
            EvidenceKind::Pdf => "application/pdf",
            EvidenceKind::Text => "text/plain; charset=utf-8",
        }
    }

    /// Whether pages show it; everything else is only handed out.
    pub const fn is_picture(self) -> bool {
        matches!(self, EvidenceKind::Png | EvidenceKind::Jpeg | EvidenceKind::Webp | EvidenceKind::Gif)
    }

    /// What the bytes are.
    ///
    /// # Errors
    /// [`Fault`] when they are nothing on the list, too many, or none.
    pub fn of(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.is_empty() {
            return Err(Fault::Missing);
        }
        if bytes.len() > MOST_FILE {
            return Err(Fault::TooBig { most: MOST_FILE as u64 });
        }
        let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(EvidenceKind::Png),
            [0xff, 0xd8, 0xff, ..] => Ok(EvidenceKind::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(EvidenceKind::Gif),
            [b'%', b'P', b'D', b'F', b'-', ..] => Ok(EvidenceKind::Pdf),
            _ if webp => Ok(EvidenceKind::Webp),
            _ if is_plain_text(bytes) => Ok(EvidenceKind::Text),
            _ => Err(Fault::NotOneOf { choices: "png, jpeg, webp, gif, pdf, plain text".to_owned() }),
        }
    }
}

/// UTF-8 without bytes that only binary files have, which does not begin as a page or a drawing
/// does: a browser that guesses would guess by that.
fn is_plain_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    // Colours of a log stay.
    let binary = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}' | '\u{8}');
    let opens = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?' | '/'));
    let begin = text.trim_start_matches('\u{feff}').trim_start();
    !text.contains(binary) && !begin.strip_prefix('<').is_some_and(opens)
}

/// A file's name as it is shown: no folders, nothing invisible, not long. A file without one has
/// its kind's.
pub fn shown_name(given: &str, kind: EvidenceKind) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    // What turns the direction of writing makes one ending look like another.
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).take(MOST_NAME).collect();
    let name = name.trim().trim_start_matches('.').trim();
    if name.is_empty() { format!("evidence.{}", kind.as_str()) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_is_what_its_bytes_say() {
        let png = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', 0, 0];
        let told: [(&[u8], EvidenceKind); 8] = [
            (&png, EvidenceKind::Png),
            (&[0xff, 0xd8, 0xff, 0xe0, 0], EvidenceKind::Jpeg),
            (b"RIFF\x10\0\0\0WEBPVP8 ", EvidenceKind::Webp),
            (b"GIF89a\x01\0", EvidenceKind::Gif),
            (b"%PDF-1.7\n", EvidenceKind::Pdf),
            (b"12:00 \x1b[31mERROR\x1b[0m a < b\n", EvidenceKind::Text),
            ("日志 <1 ms".as_bytes(), EvidenceKind::Text),
            (b"< not a tag", EvidenceKind::Text),
        ];
        for (bytes, kind) in told {
            assert_eq!(EvidenceKind::of(bytes), Ok(kind));
            assert_eq!(EvidenceKind::from_word(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn what_a_browser_could_run_is_refused_whatever_it_is_called() {
        let svg = b"\xef\xbb\xbf \n<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
        let others: [&[u8]; 9] = [
            svg,
            b"<!DOCTYPE html><script>alert(1)</script>",
            b"  <HTML>",
            b"<?xml version=\"1.0\"?><svg/>",
            b"<script>alert(1)</script>",
            b"PK\x03\x04\x14\0",
            b"\x7fELF\x02",
            b"MZ\x90\0",
            b"\x1f\x8b\x08\0",
        ];
        for bytes in others {
            assert!(matches!(EvidenceKind::of(bytes), Err(Fault::NotOneOf { .. })), "{bytes:?}");
        }
        assert_eq!(EvidenceKind::of(b""), Err(Fault::Missing));
        assert!(matches!(EvidenceKind::of(&vec![b'a'; MOST_FILE + 1]), Err(Fault::TooBig { .. })));
    }

    #[test]
    fn a_name_is_only_a_name() {
        for (given, shown) in [
            ("shot 1.png", "shot 1.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\shots\\a.png", "a.png"),
            ("..", "evidence.png"),
            ("\u{202e}gnp.exe\r\nSet-Cookie: x", "gnp.exeSet-Cookie: x"),
            ("", "evidence.png"),
        ] {
            assert_eq!(shown_name(given, EvidenceKind::Png), shown);
        }
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_a_folder_or_breaks_a_line(given in any::<String>()) {
            let name = shown_name(&given, EvidenceKind::Text);
            prop_assert!(!name.is_empty() && name.chars().count() <= MOST_NAME);
            prop_assert!(!name.contains(['/', '\\']) && !name.starts_with('.') && !name.chars().any(char::is_control));
        }

        #[test]
        fn what_begins_with_a_tag_is_never_text(blanks in "[ \n\t]{0,3}", tag in "[a-zA-Z!?/]", rest in "[ -~]{0,20}") {
            let page = format!("{blanks}<{tag}{rest}");
            prop_assert!(EvidenceKind::of(page.as_bytes()).is_err());
        }
    }
}
