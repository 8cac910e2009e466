//! DingTalk's custom robots (钉钉自定义机器人).

use super::answer::{by_status, json, later, never, words_of};
use super::layout::{self, Dialect, fit, parts, widened};
use super::{Access, Message, Outgoing, Sent, Target, hmac_base64, json_bytes, posted};
use domain::Time;
use domain::notify::TargetKind;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::time::Duration;

/// Bytes of a whole message; 20000 is what clients report as the service's own bound.
const MOST_BYTES: usize = 19_500;
const MOST_COMMITS: usize = 20;
/// A robot that was too fast is silenced for ten minutes.
const SILENCED: u64 = 600;

const DIALECT: Dialect = Dialect {
    escape: widened,
    bold: |text| format!("**{text}**"),
    link: |label, address| format!("[{label}]({address})"),
    links: true,
    line: "\n",
    // Without the list the service runs the lines together.
    fact: "- ",
    quote: "> ",
    item: "- ",
};

pub struct DingTalk;

impl Target for DingTalk {
    fn kind(&self) -> TargetKind {
        TargetKind::DingTalk
    }

    fn request(&self, message: &Message, access: &Access<'_>, now: Time) -> Result<Outgoing, String> {
        let people = layout::people(message, access.config, layout::plain_id_or_phone);
        let (phones, users): (Vec<&str>, Vec<&str>) =
            people.iter().filter_map(|person| person.id.as_deref()).partition(|id| is_phone(id));
        // Only who stands in the text as well is told.
        let written = layout::mentions(&people, &DIALECT, |id| format!("@{id}"));
        let body = fit(message, MOST_COMMITS, |shown| {
            let title = shown.marked_title();
            let mut text = vec![format!("### {}", (DIALECT.escape)(&title))];
            text.extend(parts(shown, &DIALECT, &written).each());
            let body = json!({
                "msgtype": "markdown",
                "markdown": { "title": title, "text": text.join("\n\n") },
                "at": { "atMobiles": phones, "atUserIds": users, "isAtAll": false },
            });
            (json_bytes(&body).len() <= MOST_BYTES).then_some(body)
        })?;
        Ok(posted(signed(access, now)?, &body))
    }

    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        let told = json(body);
        let wait = told.get("wait").and_then(Value::as_u64).filter(|wait| (1..=86_400).contains(wait));
        let words = words_of(told.get("errmsg").and_then(Value::as_str).unwrap_or_default());
        match told.get("errcode").and_then(Value::as_i64) {
            _ if !(200..300).contains(&status) => by_status(status, retry_after, body),
            Some(0) => Sent::Delivered,
            Some(code @ (130_101 | 410_100)) => {
                later(wait.unwrap_or(SILENCED), format!("DingTalk silences the robot: it was too fast ({code})."))
            }
            Some(-1) => later(30, "DingTalk was busy (-1).".to_owned()),
            Some(310_000) => never(format!(
                "DingTalk refused the message (310000: {words}). Compare the robot's security settings: keyword, signing secret, addresses."
            )),
            Some(code) => never(format!("DingTalk refused the message ({code}: {words}).")),
            // The throttle in front of the service has a form of its own, without a code.
            None if told.get("punish").is_some() || wait.is_some() => {
                later(wait.unwrap_or(SILENCED), "DingTalk silences the robot: it was too fast.".to_owned())
            }
            None => Sent::Later { after: None, why: "DingTalk's answer has no errcode, so it is not believed.".to_owned() },
        }
    }

    /// Twenty a minute, a little under.
    fn rate(&self) -> (u32, Duration) {
        (18, Duration::from_secs(60))
    }
}

fn is_phone(id: &str) -> bool {
    let digits = id.trim_start_matches('+').trim_start_matches("86-");
    digits.len() == 11 && digits.starts_with('1') && digits.bytes().all(|b| b.is_ascii_digit()) || id.starts_with('+')
}

/// The address with the time and the signature over it, where the robot has a signing secret.
fn signed(access: &Access<'_>, now: Time) -> Result<String, String> {
    let Some(secret) = access.sign else { return Ok(access.url.to_owned()) };
    let at = now.timestamp_millis();
    let secret = secret.expose_secret();
    let sign =
        hmac_base64(secret.as_bytes(), format!("{at}\n{secret}").as_bytes()).ok_or("The signing secret cannot be used.")?;
    let sign: String = form_urlencoded::byte_serialize(sign.as_bytes()).collect();
    let joint = if access.url.contains('?') { '&' } else { '?' };
    Ok(format!("{}{joint}timestamp={at}&sign={sign}", access.url))
}
