//! Feishu's and Lark's custom robots (飞书自定义机器人).

use super::answer::{by_status, json, later, never, words_of};
use super::layout::{self, Dialect, by_tone, fit, parts};
use super::{Access, Message, Outgoing, Sent, Target, hmac_base64, json_bytes, posted};
use domain::Time;
use domain::notify::TargetKind;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::time::Duration;

/// 20 KB for the whole request, a little under.
const MOST_BYTES: usize = 20_000;
const MOST_COMMITS: usize = 20;

const DIALECT: Dialect = Dialect {
    escape,
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n",
    fact: "",
    quote: "",
    item: "- ",
};

/// The service's own way: marks as HTML entities.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '[' | ']' | '*' | '`' | '~' | '\\' => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

pub struct Feishu;

impl Target for Feishu {
    fn kind(&self) -> TargetKind {
        TargetKind::Feishu
    }

    fn request(&self, message: &Message, access: &Access<'_>, now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, layout::plain_id);
        let people = layout::mentions(&people, &DIALECT, |id| format!("<at id={id}></at>"));
        let proof = proof(access, now)?;
        let body = fit(message, MOST_COMMITS, |shown| {
            let texts = parts(shown, &DIALECT, &people).each().into_iter();
            let elements: Vec<Value> =
                texts.map(|text| json!({ "tag": "div", "text": { "tag": "lark_md", "content": text } })).collect();
            let mut body = json!({
                "msg_type": "interactive",
                "card": {
                    "config": { "wide_screen_mode": true },
                    "header": {
                        "title": { "tag": "plain_text", "content": shown.marked_title() },
                        "template": by_tone(message.tone, "green", "red", "orange", "blue"),
                    },
                    "elements": elements,
                },
            });
            if let (Some(body), Some((at, sign))) = (body.as_object_mut(), &proof) {
                body.insert("timestamp".to_owned(), at.clone().into());
                body.insert("sign".to_owned(), sign.clone().into());
            }
            (json_bytes(&body).len() <= MOST_BYTES).then_some(body)
        })?;
        Ok(posted(access.url.to_owned(), &body))
    }

    /// `code` first: it can be an error while the older `StatusCode` beside it is 0.
    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        let told = json(body);
        let number = |name: &str| told.get(name).and_then(Value::as_i64);
        let words = told.get("msg").or_else(|| told.get("StatusMessage")).and_then(Value::as_str).unwrap_or_default();
        let words = words_of(words);
        match number("code").or_else(|| number("StatusCode")) {
            Some(0) if (200..300).contains(&status) => Sent::Delivered,
            Some(11_232 | 99_991_400) => later(60, format!("Feishu takes no more for a while ({words}).")),
            Some(9499) if words.to_ascii_lowercase().contains("too many") => {
                later(60, format!("Feishu takes no more for a while ({words})."))
            }
            Some(19_021) => never(format!(
                "Feishu refused the signature (19021: {words}). Compare the signing secret, and whether this machine's clock is right."
            )),
            Some(code) if code != 0 && status < 429 => never(format!("Feishu refused the message ({code}: {words}).")),
            None if (200..300).contains(&status) => {
                Sent::Later { after: None, why: "Feishu's answer has no code, so it is not believed.".to_owned() }
            }
            _ => by_status(status, retry_after, body),
        }
    }

    /// A hundred a minute and five a second, a little under both.
    fn rate(&self) -> (u32, Duration) {
        (4, Duration::from_secs(3))
    }
}

/// Time and signature, where the robot has a signing secret: the text is the key, and nothing is signed with it.
fn proof(access: &Access<'_>, now: Time) -> Result<Option<(String, String)>, String> {
    let Some(secret) = access.sign else { return Ok(None) };
    let at = now.timestamp();
    let key = format!("{at}\n{}", secret.expose_secret());
    let sign = hmac_base64(key.as_bytes(), b"").ok_or("The signing secret cannot be used.")?;
    Ok(Some((at.to_string(), sign)))
}
