//! WeCom's group robots (企业微信群机器人).

use super::answer::{by_status, json, later, never, words_of};
use super::layout::{self, Dialect, fit, parts, widened};
use super::{Access, Message, Outgoing, Sent, Target, posted};
use domain::Time;
use domain::notify::TargetKind;
use serde_json::{Value, json};
use std::time::Duration;

/// Bytes of the text, in UTF-8.
const MOST_BYTES: usize = 4096;
const MOST_COMMITS: usize = 20;

const DIALECT: Dialect = Dialect {
    escape: widened,
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n",
    fact: "> ",
    quote: "> ",
    item: "- ",
};

pub struct WeCom;

impl Target for WeCom {
    fn kind(&self) -> TargetKind {
        TargetKind::WeCom
    }

    fn request(&self, message: &Message, access: &Access<'_>, _now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, |id| layout::plain_id(id) && id != "all");
        let people = layout::mentions(&people, &DIALECT, |id| format!("<@{id}>"));
        let text = fit(message, MOST_COMMITS, |shown| {
            let mut text = vec![format!("### {}", (DIALECT.escape)(&shown.marked_title()))];
            text.extend(parts(shown, &DIALECT, &people).each());
            let text = text.join("\n\n");
            (text.len() <= MOST_BYTES).then_some(text)
        })?;
        Ok(posted(access.url.to_owned(), &json!({ "msgtype": "markdown", "markdown": { "content": text } })))
    }

    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        let told = json(body);
        let words = words_of(told.get("errmsg").and_then(Value::as_str).unwrap_or_default());
        match told.get("errcode").and_then(Value::as_i64) {
            _ if !(200..300).contains(&status) => by_status(status, retry_after, body),
            Some(0) => Sent::Delivered,
            Some(code @ (45_009 | 45_033)) => later(60, format!("WeCom takes no more for a minute ({code}).")),
            Some(-1) => later(30, "WeCom was busy (-1).".to_owned()),
            Some(93_000) => {
                never("WeCom does not know the robot's key (93000). Make a new robot and set its address.".to_owned())
            }
            Some(code) => never(format!("WeCom refused the message ({code}: {words}).")),
            None => Sent::Later { after: None, why: "WeCom's answer has no errcode, so it is not believed.".to_owned() },
        }
    }

    /// Twenty a minute, a little under; refused ones count.
    fn rate(&self) -> (u32, Duration) {
        (18, Duration::from_secs(60))
    }
}
