//! BearyChat's incoming robots. The service is gone from the internet; the form is kept for those
//! who run something that speaks it.

use super::answer::{by_status, json, never, words_of};
use super::layout::{self, Dialect, backslashed, by_tone, fit, parts};
use super::{Access, Message, Outgoing, Sent, Target, posted};
use domain::Time;
use domain::notify::TargetKind;
use serde_json::json;
use std::time::Duration;

/// No bound is documented; this is a message that people still read.
const MOST_TEXT: usize = 4000;
const MOST_COMMITS: usize = 20;

const DIALECT: Dialect = Dialect {
    escape: |text| backslashed(text, "\\*_~`[]<>#|"),
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n",
    fact: "",
    quote: "> ",
    item: "- ",
};

pub struct BearyChat;

impl Target for BearyChat {
    fn kind(&self) -> TargetKind {
        TargetKind::BearyChat
    }

    fn request(&self, message: &Message, access: &Access<'_>, _now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, layout::plain_id);
        let people = layout::mentions(&people, &DIALECT, |id| format!("@<={id}=>"));
        let body = fit(message, MOST_COMMITS, |shown| {
            let title = shown.marked_title();
            let text = parts(shown, &DIALECT, &people).each().join("\n\n");
            let color = by_tone(message.tone, "#2f9e44", "#e03131", "#f08c00", "#868e96");
            let bold = (DIALECT.bold)(&(DIALECT.escape)(&title));
            (bold.chars().count() + text.chars().count() <= MOST_TEXT).then(|| {
                json!({ "text": bold, "notification": title, "markdown": true, "attachments": [{ "text": text, "color": color }] })
            })
        })?;
        Ok(posted(access.url.to_owned(), &body))
    }

    /// `code` 0 in the body is "yes"; where there is none, the status stands.
    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        let told = json(body);
        match told.get("code").and_then(serde_json::Value::as_i64) {
            Some(code) if code != 0 && (200..300).contains(&status) => {
                let why = words_of(told.get("error").and_then(serde_json::Value::as_str).unwrap_or_default());
                never(format!("BearyChat refused the message (code {code}: {why})."))
            }
            _ => by_status(status, retry_after, body),
        }
    }

    fn rate(&self) -> (u32, Duration) {
        (1, Duration::from_secs(1))
    }
}
