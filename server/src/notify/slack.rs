//! Slack's incoming webhooks.

use super::answer::{by_status, json, never};
use super::layout::{self, Dialect, fit, parts};
use super::{Access, Message, Outgoing, Sent, Target, posted};
use domain::Time;
use domain::notify::TargetKind;
use serde_json::{Value, json};
use std::time::Duration;

/// Characters of one section.
const MOST_SECTION: usize = 3000;
/// Characters of all sections: Slack has refused 13 200.
const MOST_TEXT: usize = 12_000;
const MOST_COMMITS: usize = 20;

const DIALECT: Dialect = Dialect {
    escape,
    bold: |text| format!("*{text}*"),
    link: |label, address| format!("<{address}|{}>", label.replace('|', "¦")),
    links: true,
    line: "\n",
    fact: "",
    quote: "> ",
    item: "• ",
};

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub struct Slack;

impl Target for Slack {
    fn kind(&self) -> TargetKind {
        TargetKind::Slack
    }

    fn request(&self, message: &Message, access: &Access<'_>, _now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, layout::plain_id);
        let group = |id: &str| if id.starts_with('S') { format!("<!subteam^{id}>") } else { format!("<@{id}>") };
        let people = layout::mentions(&people, &DIALECT, group);
        let body = fit(message, MOST_COMMITS, |shown| {
            let title = escape(&shown.marked_title());
            let mut texts = vec![(DIALECT.bold)(&title)];
            texts.extend(parts(shown, &DIALECT, &people).each());
            let sizes = texts.iter().map(|text| text.chars().count());
            let fits = sizes.clone().all(|size| size <= MOST_SECTION) && sizes.sum::<usize>() <= MOST_TEXT;
            let section = |text: &String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
            // `text` is what a notification shows.
            fits.then(|| json!({ "text": title, "blocks": texts.iter().map(section).collect::<Vec<Value>>() }))
        })?;
        Ok(posted(access.url.to_owned(), &body))
    }

    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        ok_or_status("Slack", status, retry_after, body)
    }

    /// One a second, a little under.
    fn rate(&self) -> (u32, Duration) {
        (1, Duration::from_millis(1100))
    }
}

/// `ok` is the whole answer to a message that was taken; another 200 comes from something else.
pub fn ok_or_status(service: &str, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
    let ok = body.trim_ascii() == b"ok" || json(body).get("ok").and_then(Value::as_bool) == Some(true);
    if status == 200 && !ok {
        return never(format!("What answered is not {service}: it did not say ok. Compare the address."));
    }
    by_status(status, retry_after, body)
}
