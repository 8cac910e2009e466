//! What services answer, as far as they answer alike.

use super::Sent;
use super::layout::{clean, cut};
use serde_json::Value;
use std::time::Duration;

/// Of what a service said, as much as somebody needs to mend a target.
const MOST_SAID: usize = 160;
/// A run of so many letters and digits may be a key: services repeat addresses in their errors.
const KEY_LIKE: usize = 20;

/// What the status says, for services that mean what it says.
pub fn by_status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
    let said = said(body);
    match status {
        200..=299 => Sent::Delivered,
        300..=399 => never(format!("It answered {status}, a redirect, which is not followed. Set the address that it leads to.")),
        401 | 403 => never(format!("It refused the key in the address ({status}{said}).")),
        404 | 410 => never(format!("It does not know the address any more ({status}{said}). Make a new one there.")),
        408 | 425 | 429 => Sent::Later { after: retry_after, why: format!("It asked to wait ({status}{said}).") },
        400..=499 => never(format!("It refused the message ({status}{said}).")),
        _ => Sent::Later { after: retry_after, why: format!("It answered {status}{said}.") },
    }
}

/// The answer as JSON; null when it is none.
pub fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

pub fn never(why: String) -> Sent {
    Sent::Never { why }
}

pub fn later(after: u64, why: String) -> Sent {
    Sent::Later { after: Some(Duration::from_secs(after)), why }
}

/// The service's own words after a colon, if it used any: the message of an error, or a short text.
fn said(body: &[u8]) -> String {
    let json = json(body);
    let field = ["errmsg", "msg", "message", "error"].iter().find_map(|name| json.get(name)?.as_str());
    let text = String::from_utf8_lossy(body.get(..400).unwrap_or(body));
    match field {
        Some(words) => format!(": {}", words_of(words)),
        // Of a page of HTML or an unknown structure nothing is worth a line.
        None if text.trim().is_empty() || text.trim_start().starts_with(['<', '{', '[']) => String::new(),
        None => format!(": {}", words_of(&text)),
    }
}

/// Somebody else's words, on one line, short, and without what may be a key.
pub fn words_of(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        out.push_str(if run.len() >= KEY_LIKE && run.bytes().any(|b| b.is_ascii_digit()) { "…" } else { run });
        run.clear();
    };
    for c in clean(text).chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '=' | '%') {
            run.push(c);
        } else {
            flush(&mut run, &mut out);
            out.push(c);
        }
    }
    flush(&mut run, &mut out);
    cut(&out, MOST_SAID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_service_s_words_is_left_out() {
        let said = words_of("no hook /services/T0000/B0000/XXXXYYYYZZZZ00001111abcd here, access_token=0123456789abcdef0123");
        assert_eq!(said, "no hook /services/T0000/B0000/… here, …");
        assert_eq!(words_of("channel_is_archived\n"), "channel_is_archived");
        assert_eq!(words_of("action_prohibited_by_administrators"), "action_prohibited_by_administrators");
    }

    #[test]
    fn a_status_is_taken_at_its_word() {
        assert_eq!(by_status(204, None, b""), Sent::Delivered);
        assert!(matches!(by_status(302, None, b""), Sent::Never { .. }));
        assert_eq!(
            by_status(410, None, b"<html>"),
            never("It does not know the address any more (410). Make a new one there.".into())
        );
        assert!(
            matches!(by_status(503, Some(Duration::from_secs(7)), b""), Sent::Later { after: Some(wait), .. } if wait.as_secs() == 7)
        );
        assert_eq!(by_status(400, None, b"invalid_payload"), never("It refused the message (400: invalid_payload).".into()));
    }
}
