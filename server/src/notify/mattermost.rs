//! Mattermost's incoming webhooks.

use super::layout::{self, Dialect, backslashed, fit, parts};
use super::slack::ok_or_status;
use super::{Access, Message, Outgoing, Sent, Target, posted};
use domain::Time;
use domain::notify::TargetKind;
use serde_json::json;
use std::time::Duration;

/// Characters that every server takes; newer ones take four times as many.
const MOST_TEXT: usize = 4000;
const MOST_COMMITS: usize = 20;

const DIALECT: Dialect = Dialect {
    escape,
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n",
    fact: "- ",
    quote: "> ",
    item: "- ",
};

/// An at sign in somebody's text must not call anybody, least of all `@channel`.
fn escape(text: &str) -> String {
    backslashed(text, "\\*_~`[]<>#|!").replace('@', "@\u{200b}")
}

/// A user's name, not one of the words that call everybody.
fn usable(id: &str) -> bool {
    layout::plain_id(id) && !matches!(id, "all" | "channel" | "here")
}

pub struct Mattermost;

impl Target for Mattermost {
    fn kind(&self) -> TargetKind {
        TargetKind::Mattermost
    }

    fn request(&self, message: &Message, access: &Access<'_>, _now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, usable);
        let people = layout::mentions(&people, &DIALECT, |id| format!("@{id}"));
        let text = fit(message, MOST_COMMITS, |shown| {
            let mut text = vec![format!("#### {}", escape(&shown.marked_title()))];
            text.extend(parts(shown, &DIALECT, &people).each());
            let text = text.join("\n\n");
            (text.chars().count() <= MOST_TEXT).then_some(text)
        })?;
        Ok(posted(access.url.to_owned(), &json!({ "text": text })))
    }

    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        ok_or_status("Mattermost", status, retry_after, body)
    }

    /// A server's default is ten a second.
    fn rate(&self) -> (u32, Duration) {
        (8, Duration::from_secs(1))
    }
}
