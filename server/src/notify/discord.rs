//! Discord's webhooks.

use super::answer::{by_status, json};
use super::layout::{self, Dialect, backslashed, by_tone, fit, parts};
use super::{Access, Message, Outgoing, Sent, Target, posted};
use domain::Time;
use domain::notify::TargetKind;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Characters of an embed's title and description, of the text beside it, and of all together.
const MOST_TITLE: usize = 256;
const MOST_DESCRIPTION: usize = 4096;
const MOST_CONTENT: usize = 2000;
const MOST_COMMITS: usize = 20;
const MOST_WAIT: f64 = 86_400.0;

const DIALECT: Dialect = Dialect {
    escape: |text| backslashed(text, "\\*_~`|<>[]#@:-"),
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n",
    fact: "",
    quote: "> ",
    item: "- ",
};

pub struct Discord;

impl Target for Discord {
    fn kind(&self) -> TargetKind {
        TargetKind::Discord
    }

    fn request(&self, message: &Message, access: &Access<'_>, _now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, is_snowflake);
        let written = layout::mentions(&people, &DIALECT, |id| format!("<@{id}>"));
        let ids: Vec<&str> = people.iter().filter_map(|person| person.id.as_deref()).collect();
        // What stands in an embed calls nobody: who is called stands beside it.
        let content: String = ids.iter().map(|id| format!("<@{id}>")).collect::<Vec<String>>().join(" ");
        let embed = fit(message, MOST_COMMITS, |shown| {
            let title = shown.marked_title();
            let mut texts = parts(shown, &DIALECT, &written).each();
            // A title that is too long for its place stands in the text, whole.
            let short = title.chars().count() <= MOST_TITLE;
            if !short {
                texts.insert(0, (DIALECT.bold)(&(DIALECT.escape)(&title)));
            }
            let text = texts.join("\n\n");
            (text.chars().count() <= MOST_DESCRIPTION).then(|| {
                let fields = [
                    ("title", short.then(|| title.into())),
                    ("url", shown.link().map(|(_, address)| address.into())),
                    ("description", Some(text.into())),
                    ("timestamp", Some(message.at.to_rfc3339().into())),
                    ("color", Some(color(message).into())),
                ];
                fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<String, Value>>()
            })
        })?;
        let content = if content.len() <= MOST_CONTENT { content } else { String::new() };
        let body = json!({ "content": content, "embeds": [embed], "allowed_mentions": { "parse": [], "users": ids } });
        Ok(posted(access.url.to_owned(), &body))
    }

    /// A webhook that is gone must not be tried again: too many such tries shut the whole address out.
    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        let told = json(body).get("retry_after").and_then(Value::as_f64).filter(|wait| (0.0..=MOST_WAIT).contains(wait));
        let wait = told.map(Duration::from_secs_f64).or(retry_after);
        by_status(status, wait, body)
    }

    /// The documented bounds are in the answers; thirty a minute is what a webhook is known to get.
    fn rate(&self) -> (u32, Duration) {
        (25, Duration::from_secs(60))
    }
}

fn color(message: &Message) -> u32 {
    by_tone(message.tone, 0x2f_9e_44, 0xe0_31_31, 0xf0_8c_00, 0x86_8e_96)
}

fn is_snowflake(id: &str) -> bool {
    (15..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}
