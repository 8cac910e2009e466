//! Any program that speaks Standard Webhooks 1.0. The id is the message's own, so that a receiver
//! recognises a second try.

use super::answer::by_status;
use super::{Access, Message, Outgoing, Sent, Target, hmac_base64, json_bytes};
use crate::intake::proof::standard_key;
use domain::Time;
use domain::notify::TargetKind;
use serde_json::{Value, json};
use std::time::Duration;

/// Receivers are advised to take 20 KB; what can be left out to keep to it is left out.
const MOST_BYTES: usize = 20_000;
/// Beyond this nothing is sent.
const MOST_EVER: usize = 64 * 1024;
/// Bytes of a key.
const LEAST_KEY: usize = 24;

pub struct Webhook;

impl Target for Webhook {
    fn kind(&self) -> TargetKind {
        TargetKind::Webhook
    }

    fn request(&self, message: &Message, access: &Access<'_>, now: Time) -> Result<Outgoing, String> {
        let secret = access.sign.ok_or("A webhook is signed: name its secret as sign_secret.")?;
        let key = standard_key(secret);
        if key.len() < LEAST_KEY {
            return Err("The signing secret is too short: write whsec_ and the base64 of 24 to 64 random bytes.".to_owned());
        }
        let body = fitting(message)?;
        let at = now.timestamp().to_string();
        let signed = [message.id.as_bytes(), b".", at.as_bytes(), b".", &body].concat();
        let sign = hmac_base64(&key, &signed).ok_or("The signing secret cannot be used.")?;
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", message.id.clone()),
            ("webhook-timestamp", at),
            ("webhook-signature", format!("v1,{sign}")),
        ];
        Ok(Outgoing { url: access.url.to_owned(), headers, body })
    }

    fn outcome(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Sent {
        by_status(status, retry_after, body)
    }

    fn rate(&self) -> (u32, Duration) {
        (10, Duration::from_secs(1))
    }
}

/// The event as data; a list of commits in it is shortened to fit, and says so.
fn fitting(message: &Message) -> Result<Vec<u8>, String> {
    let write =
        |data: &Value| json_bytes(&json!({ "type": message.event.as_str(), "timestamp": message.at.to_rfc3339(), "data": data }));
    let mut data = message.data.clone();
    let mut body = write(&data);
    while body.len() > MOST_BYTES {
        let Some(commits) = data.get_mut("commits").and_then(Value::as_array_mut).filter(|list| !list.is_empty()) else { break };
        let kept = commits.len() / 2;
        commits.truncate(kept);
        if let Some(fields) = data.as_object_mut() {
            fields.insert("commits_cut".to_owned(), true.into());
        }
        body = write(&data);
    }
    if body.len() > MOST_EVER { Err(format!("The event is {} bytes, more than a webhook takes.", body.len())) } else { Ok(body) }
}
