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
/// How deep in the data lists are looked for.
const MOST_DEPTH: usize = 6;
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

/// The event as data. Lists in it are shortened to fit, and say so beside them: commits first, and
/// news only when nothing could be sent otherwise.
fn fitting(message: &Message) -> Result<Vec<u8>, String> {
    let write =
        |data: &Value| json_bytes(&json!({ "type": message.event.as_str(), "timestamp": message.at.to_rfc3339(), "data": data }));
    let mut data = message.data.clone();
    let mut body = write(&data);
    for (list, most) in [("commits", MOST_BYTES), ("news", MOST_EVER)] {
        while body.len() > most && halve(&mut data, list, MOST_DEPTH) {
            body = write(&data);
        }
    }
    if body.len() > MOST_EVER { Err(format!("The event is {} bytes, more than a webhook takes.", body.len())) } else { Ok(body) }
}

/// Leaves the first half of each list of this name, at any depth; whether there was one to shorten.
fn halve(value: &mut Value, name: &str, depth: usize) -> bool {
    let mut shortened = false;
    match value {
        _ if depth == 0 => {}
        Value::Array(items) => items.iter_mut().for_each(|item| shortened |= halve(item, name, depth - 1)),
        Value::Object(fields) => {
            let list = fields.get_mut(name).and_then(Value::as_array_mut).filter(|list| !list.is_empty());
            if let Some(list) = list {
                list.truncate(list.len() / 2);
                fields.insert(format!("{name}_cut"), true.into());
                shortened = true;
            }
            fields.values_mut().for_each(|field| shortened |= halve(field, name, depth - 1));
        }
        _ => {}
    }
    shortened
}
