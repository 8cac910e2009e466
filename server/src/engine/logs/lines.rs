//! From an engine's frames to lines that a page can show.

use bollard::container::LogOutput;
use chrono::DateTime;
use domain::log;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// A longer line is cut into several.
const MOST_LINE: usize = 16 << 10;
/// A moment, as engines write it, is no longer than this.
const MOST_MOMENT: usize = 40;

/// Which of its two streams a container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// One line as the container wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    pub stream: Stream,
    /// When it began, in microseconds since 1970, where the engine said.
    pub at: Option<i64>,
    pub bytes: &'a [u8],
}

/// Puts frames together to lines, one stream beside the other.
#[derive(Default)]
pub struct Assembler {
    out: Begun,
    err: Begun,
    /// Frames begin with the moment at which they were written.
    timed: bool,
}

#[derive(Default)]
struct Begun {
    at: Option<i64>,
    bytes: Vec<u8>,
}

impl Assembler {
    /// For frames that were asked for with their moments.
    pub fn timed() -> Self {
        Self { timed: true, ..Self::default() }
    }

    /// Takes in a frame; `line` hears each line that it completes.
    pub fn take(&mut self, output: LogOutput, mut line: impl FnMut(Raw<'_>)) {
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
        let (at, message) = if self.timed { moment(&message) } else { (None, &*message) };
        for piece in message.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(MOST_LINE) {
                if begun.bytes.is_empty() {
                    begun.at = at;
                }
                begun.bytes.extend_from_slice(part);
                if begun.bytes.last() == Some(&b'\n') || begun.bytes.len() >= MOST_LINE {
                    line(Raw { stream, at: begun.at, bytes: without_end(&begun.bytes) });
                    begun.bytes.clear();
                }
            }
        }
    }

    /// What was begun and never ended.
    pub fn finish(&mut self, mut line: impl FnMut(Raw<'_>)) {
        for (stream, begun) in [(Stream::Out, &mut self.out), (Stream::Err, &mut self.err)] {
            if !begun.bytes.is_empty() {
                line(Raw { stream, at: begun.at, bytes: without_end(&begun.bytes) });
                begun.bytes.clear();
            }
        }
    }
}

/// The moment before a message, and the message.
fn moment(frame: &[u8]) -> (Option<i64>, &[u8]) {
    let end = frame.iter().take(MOST_MOMENT).position(|byte| *byte == b' ');
    let parts = end.and_then(|end| Some((frame.get(..end)?, frame.get(end + 1..)?)));
    let read = parts.and_then(|(moment, rest)| {
        let at = DateTime::parse_from_rfc3339(std::str::from_utf8(moment).ok()?).ok()?;
        Some((Some(at.timestamp_micros()), rest))
    });
    read.unwrap_or((None, frame))
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `{"s":"out","t":"the line","c":[[3,"ink-1"]],"at":1764900252000}`: the stream, the text, how many
/// characters look how, and when, in milliseconds.
pub fn encoded(raw: Raw<'_>) -> Arc<str> {
    let line = log::read(raw.bytes);
    let mut json = String::with_capacity(line.text.len() + 64);
    json.push_str(match raw.stream {
        Stream::Out => r#"{"s":"out","t":"#,
        Stream::Err => r#"{"s":"err","t":"#,
    });
    // A string can always be written.
    json.push_str(&serde_json::to_string(&line.text).unwrap_or_default());
    if !line.pieces.is_empty() {
        json.push_str(r#","c":["#);
        for (number, (count, look)) in line.pieces.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            // Words of our own: nothing in them needs to be escaped.
            let _ = write!(json, r#"{comma}[{count},"{}"]"#, look.words());
        }
        json.push(']');
    }
    if let Some(at) = raw.at {
        let _ = write!(json, r#","at":{}"#, at.div_euclid(1000));
    }
    json.push('}');
    json.into()
}

/// A line that can do nothing but be read, without its colours.
pub fn safe(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(plain) if line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) => Cow::Borrowed(plain),
        _ => Cow::Owned(log::read(line).text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn lines(mut assembler: Assembler, frames: &[(Stream, &[u8])]) -> Vec<(Stream, Option<i64>, String)> {
        let mut found = Vec::new();
        let mut keep = |raw: Raw<'_>| found.push((raw.stream, raw.at, safe(raw.bytes).into_owned()));
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
        let found = lines(Assembler::default(), &frames);
        let wanted =
            [(Stream::Out, "one"), (Stream::Out, "two"), (Stream::Out, ""), (Stream::Err, "badly"), (Stream::Out, "end")];
        assert_eq!(found, wanted.map(|(stream, line)| (stream, None, line.to_owned())));
    }

    #[test]
    fn a_line_has_the_moment_of_the_frame_that_began_it() {
        let frames: [(Stream, &[u8]); 4] = [
            (Stream::Out, b"2026-12-05T02:04:12.000000000Z one\n"),
            (Stream::Out, b"2026-12-05T02:04:12.500000000Z beg"),
            (Stream::Out, b"2026-12-05T02:04:13.000000000Z un\n"),
            (Stream::Out, b"no moment at all\n"),
        ];
        let second = 1_796_436_252_000_000;
        let wanted = [(Some(second), "one"), (Some(second + 500_000), "begun"), (None, "no moment at all")];
        let found = lines(Assembler::timed(), &frames);
        assert_eq!(found, wanted.map(|(at, line)| (Stream::Out, at, line.to_owned())));
    }

    #[test]
    fn an_endless_line_is_cut() {
        let long = vec![b'x'; MOST_LINE * 2 + 5];
        let found = lines(Assembler::default(), &[(Stream::Out, &long)]);
        assert_eq!(found.iter().map(|(_, _, line)| line.len()).collect::<Vec<_>>(), [MOST_LINE, MOST_LINE, 5]);
    }

    #[test]
    fn a_line_is_one_json_object() {
        let raw = |at, bytes| Raw { stream: Stream::Err, at, bytes };
        assert_eq!(&*encoded(raw(None, b"say \"hi\" </script>")), r#"{"s":"err","t":"say \"hi\" </script>"}"#);
        let coloured = encoded(raw(Some(1_500_999), b"a \x1b[31mred\x1b[0m"));
        assert_eq!(&*coloured, r#"{"s":"err","t":"a red","c":[[2,""],[3,"ink-1"]],"at":1500}"#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_an_unsafe_or_unreadable_line(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), at in proptest::option::of(any::<i64>())
        ) {
            let line = safe(&bytes);
            prop_assert!(line.chars().all(|c| c == '\t' || !c.is_control()));
            let json: serde_json::Value = serde_json::from_str(&encoded(Raw { stream: Stream::Out, at, bytes: &bytes })).expect("json");
            prop_assert_eq!(&json["t"], &*line);
        }

        #[test]
        fn no_frame_makes_the_assembler_lose_a_byte(frames in proptest::collection::vec("[a-z \n]{0,40}", 0..10)) {
            let given: Vec<(Stream, &[u8])> = frames.iter().map(|frame| (Stream::Out, frame.as_bytes())).collect();
            let found = lines(Assembler::timed(), &given);
            let text: String = frames.concat();
            let wanted: Vec<&str> = text.split_terminator('\n').collect();
            prop_assert_eq!(found.iter().map(|(_, _, line)| line.as_str()).collect::<Vec<_>>(), wanted);
        }
    }
}
