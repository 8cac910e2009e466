//! From an engine's frames to lines that a page can show.

use bollard::container::LogOutput;
use std::borrow::Cow;

/// A longer line is cut into several.
const MOST_LINE: usize = 16 << 10;

/// Which of its two streams a container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// Puts frames together to lines, one stream beside the other.
#[derive(Default)]
pub struct Assembler {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Assembler {
    /// Takes in a frame; `line` hears each line that it completes.
    pub fn take(&mut self, output: LogOutput, mut line: impl FnMut(Stream, &[u8])) {
        let (stream, message) = match output {
            LogOutput::StdErr { message } => (Stream::Err, message),
            LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                (Stream::Out, message)
            }
        };
        let begun = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        for piece in message.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(MOST_LINE) {
                begun.extend_from_slice(part);
                if begun.last() == Some(&b'\n') || begun.len() >= MOST_LINE {
                    line(stream, without_end(begun));
                    begun.clear();
                }
            }
        }
    }

    /// What was begun and never ended.
    pub fn finish(&mut self, mut line: impl FnMut(Stream, &[u8])) {
        for (stream, begun) in [(Stream::Out, &mut self.out), (Stream::Err, &mut self.err)] {
            if !begun.is_empty() {
                line(stream, without_end(begun));
                begun.clear();
            }
        }
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `{"s":"out","t":"the line"}`
pub fn encoded(stream: Stream, line: &[u8]) -> Box<str> {
    let mut json = String::with_capacity(line.len() + 24);
    json.push_str(match stream {
        Stream::Out => r#"{"s":"out","t":"#,
        Stream::Err => r#"{"s":"err","t":"#,
    });
    // A string can always be written.
    json.push_str(&serde_json::to_string(&safe(line)).unwrap_or_default());
    json.push('}');
    json.into_boxed_str()
}

/// A line that can do nothing but be read: bytes that are no text become `�`, colours and other
/// terminal commands are dropped, and control characters, also those that turn the reading
/// direction, are shown as signs.
pub fn safe(line: &[u8]) -> Cow<'_, str> {
    if line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return String::from_utf8_lossy(line);
    }
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => skip_command(&mut rest),
            '\u{9b}' => skip_until_final(&mut rest),
            '\t' => out.push(c),
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('␡'),
            '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' => out.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// After an escape: `[…letter`, `]…end`, or one sign.
fn skip_command(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => skip_until_final(rest),
        Some(']' | 'P' | '^' | '_') => {
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
        _ => {}
    }
}

fn skip_until_final(rest: &mut std::str::Chars<'_>) {
    for c in rest.by_ref() {
        if matches!(c, '@'..='~') {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn lines(frames: &[(Stream, &[u8])]) -> Vec<(Stream, String)> {
        let mut found = Vec::new();
        let mut assembler = Assembler::default();
        let mut keep = |stream, line: &[u8]| found.push((stream, safe(line).into_owned()));
        for (stream, bytes) in frames {
            let message = Bytes::copy_from_slice(bytes);
            let output = match stream {
                Stream::Out => LogOutput::StdOut { message },
                Stream::Err => LogOutput::StdErr { message },
            };
            assembler.take(output, &mut keep);
        }
        assembler.finish(&mut keep);
        found
    }

    #[test]
    fn lines_of_both_streams_come_whole_though_frames_cut_them() {
        let frames: [(Stream, &[u8]); 4] =
            [(Stream::Out, b"one\r\ntw"), (Stream::Err, b"bad"), (Stream::Out, b"o\n\nend"), (Stream::Err, b"ly\n")];
        let found = lines(&frames);
        let wanted =
            [(Stream::Out, "one"), (Stream::Out, "two"), (Stream::Out, ""), (Stream::Err, "badly"), (Stream::Out, "end")];
        assert_eq!(found, wanted.map(|(stream, line)| (stream, line.to_owned())));
    }

    #[test]
    fn an_endless_line_is_cut() {
        let long = vec![b'x'; MOST_LINE * 2 + 5];
        let found = lines(&[(Stream::Out, &long)]);
        assert_eq!(found.iter().map(|(_, line)| line.len()).collect::<Vec<_>>(), [MOST_LINE, MOST_LINE, 5]);
    }

    #[test]
    fn what_could_deceive_is_made_visible_and_colours_go() {
        for (given, wanted) in [
            (&b"\x1b[1;31mred\x1b[0m plain"[..], "red plain"),
            (b"\x1b]0;title\x07after", "after"),
            (b"\x1b]8;;http://x\x1b\\link", "link"),
            (b"a\x08b\x00c\td", "a\u{2408}b\u{2400}c\td"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            ("a\u{202e}b\u{2066}".as_bytes(), "a\u{fffd}b\u{fffd}"),
            ("构建 ✓".as_bytes(), "构建 ✓"),
            (b"cut \x1b[3", "cut "),
        ] {
            assert_eq!(safe(given), wanted);
        }
    }

    #[test]
    fn a_line_is_one_json_object() {
        assert_eq!(&*encoded(Stream::Err, b"say \"hi\" </script>"), r#"{"s":"err","t":"say \"hi\" </script>"}"#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_an_unsafe_or_unreadable_line(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let line = safe(&bytes);
            prop_assert!(line.chars().all(|c| c == '\t' || !c.is_control()));
            let json: serde_json::Value = serde_json::from_str(&encoded(Stream::Out, &bytes)).expect("json");
            prop_assert_eq!(&json["t"], &*line);
        }
    }
}
