//! Microsoft Teams, through a workflow that posts an adaptive card.

use super::answer::{by_status, never, words_of};
use super::layout::{self, Dialect, backslashed, by_tone, fit, parts};
use super::{Access, Message, Outgoing, Sent, Target, json_bytes, posted};
use domain::Time;
use domain::notify::TargetKind;
use serde_json::{Value, json};
use std::time::Duration;

/// 28 KB for the whole request, a little under.
const MOST_BYTES: usize = 27_000;
const MOST_COMMITS: usize = 20;

const DIALECT: Dialect = Dialect {
    escape,
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n\n",
    fact: "",
    quote: "",
    item: "",
};

/// A bare `<at>` would be taken for a mention.
fn escape(text: &str) -> String {
    backslashed(text, "\\*_`[]#~").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub struct Teams;

impl Target for Teams {
    fn kind(&self) -> TargetKind {
        TargetKind::Teams
    }

    fn request(&self, message: &Message, access: &Access<'_>, _now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, is_user);
        let called = |name: &str| format!("<at>{}</at>", escape(name));
        let written: Vec<String> =
            people.iter().map(|person| if person.id.is_some() { called(&person.name) } else { escape(&person.name) }).collect();
        let entity = |person: &layout::Person| {
            let id = person.id.as_deref()?;
            Some(json!({ "type": "mention", "text": called(&person.name), "mentioned": { "id": id, "name": person.name } }))
        };
        let entities: Vec<Value> = people.iter().filter_map(entity).collect();
        let body = fit(message, MOST_COMMITS, |shown| {
            let content = card(message, shown, &written, &entities);
            let body = json!({
                "type": "message",
                "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content }],
            });
            (json_bytes(&body).len() <= MOST_BYTES).then_some(body)
        })?;
        Ok(posted(access.url.to_owned(), &body))
    }

    /// 202 is the usual "yes". The connectors that came before workflows said "no" inside a 200.
    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        let text = String::from_utf8_lossy(body.get(..400).unwrap_or(body)).to_ascii_lowercase();
        let failed = status == 200 && (text.contains("delivery failed") || text.contains("http error"));
        match failed {
            true if text.contains("429") => {
                Sent::Later { after: Some(Duration::from_secs(30)), why: "Teams takes no more for a while (429).".to_owned() }
            }
            true => never(format!("Teams did not take the message: {}.", words_of(&text))),
            false => by_status(status, retry_after, body),
        }
    }

    /// More than four a second are throttled.
    fn rate(&self) -> (u32, Duration) {
        (3, Duration::from_secs(1))
    }
}

fn card(message: &Message, shown: &layout::Shown<'_>, people: &[String], entities: &[Value]) -> Value {
    let block = |text: &str| json!({ "type": "TextBlock", "text": text, "wrap": true });
    let texts = parts(shown, &DIALECT, people);
    let mut body = vec![json!({
        "type": "TextBlock",
        "text": escape(&shown.marked_title()),
        "wrap": true,
        "size": "Medium",
        "weight": "Bolder",
        "color": by_tone(message.tone, "Good", "Attention", "Warning", "Default"),
    })];
    let facts: Vec<Value> =
        shown.facts().iter().map(|(label, value)| json!({ "title": escape(label), "value": escape(value) })).collect();
    if !facts.is_empty() {
        body.push(json!({ "type": "FactSet", "facts": facts }));
    }
    body.extend(
        [texts.note, texts.commits, texts.ask, texts.link].iter().filter(|text| !text.is_empty()).map(|text| block(text)),
    );
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": { "width": "Full", "entities": entities },
    })
}

/// A sign-in name (`ada@example.com`) or an object id.
fn is_user(id: &str) -> bool {
    let mut halves = id.splitn(2, '@');
    halves.all(layout::plain_id)
}
