//! Slack, Discord, Mattermost, Teams, and a receiver of Standard Webhooks.

use super::{KEY, Posted, Reply, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

fn list<'a>(posted: &'a Posted, pointer: &str) -> &'a [Value] {
    posted.json.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn characters(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

pub fn slack(posted: &Posted) -> Verdict {
    let no = |status, words: &str| Err(Reply::new(status, words));
    if posted.uri.path() != format!("/services/T0TEST/B0TEST/{KEY}") {
        return no(404, "no_service");
    }
    if !posted.is_json() {
        return no(400, "invalid_payload");
    }
    let blocks = list(posted, "/blocks");
    if posted.text("/text").is_empty() {
        return no(400, "no_text");
    }
    // What stands between angle brackets is a link or a mention; anything else was not escaped.
    let marks = |text: &str| {
        text.split('<').skip(1).all(|rest| ["http://", "https://", "@U", "!subteam^"].iter().any(|m| rest.starts_with(m)))
    };
    let section = |block: &Value| {
        let text = &block["text"];
        let size = characters(&text["text"]);
        block["type"] == "section"
            && text["type"] == "mrkdwn"
            && (1..=3000).contains(&size)
            && marks(text["text"].as_str().unwrap())
    };
    if blocks.is_empty() || blocks.len() > 50 || !blocks.iter().all(section) {
        return no(400, "invalid_blocks");
    }
    if blocks.iter().map(|block| characters(&block["text"]["text"])).sum::<usize>() > 13_000 {
        return no(400, "msg_blocks_too_long");
    }
    Ok(Reply::new(200, "ok"))
}

pub fn discord(posted: &Posted) -> Verdict {
    if posted.uri.path() != format!("/api/webhooks/100000000000000001/{KEY}") {
        return Err(Reply::new(404, json!({ "message": "Unknown Webhook", "code": 10_015 })));
    }
    let bad = || Err(Reply::new(400, json!({ "message": "Invalid Form Body", "code": 50_035, "errors": {} })));
    let embeds = list(posted, "/embeds");
    let embed = |embed: &Value| {
        let text = |name: &str, most| embed.get(name).is_none_or(|text| text.is_string() && characters(text) <= most);
        let time = embed["timestamp"].as_str().is_some_and(|at| chrono::DateTime::parse_from_rfc3339(at).is_ok());
        let url = embed.get("url").is_none_or(|url| url.as_str().is_some_and(|url| url.starts_with("http")));
        text("title", 256)
            && text("description", 4096)
            && time
            && url
            && embed["color"].as_u64().is_some_and(|color| color < 1 << 24)
    };
    let total: usize = embeds.iter().map(|embed| characters(&embed["title"]) + characters(&embed["description"])).sum();
    let content = posted.json.get("content").is_some_and(|content| content.is_string() && characters(content) <= 2000);
    if !posted.is_json() || !content || embeds.is_empty() || embeds.len() > 10 || !embeds.iter().all(embed) || total > 6000 {
        return bad();
    }
    // A message without this could call everybody.
    let users = list(posted, "/allowed_mentions/users");
    if posted.json.pointer("/allowed_mentions/parse") != Some(&json!([])) || users.len() > 100 {
        return bad();
    }
    Ok(Reply::new(204, ""))
}

pub fn mattermost(posted: &Posted) -> Verdict {
    let no = |status, id: &str, words: &str| {
        Err(Reply::new(status, json!({ "id": id, "message": words, "request_id": "", "status_code": status })))
    };
    if posted.uri.path() != format!("/hooks/{KEY}") {
        return no(404, "web.incoming_webhook.invalid.app_error", "Invalid webhook.");
    }
    let size = characters(&posted.json["text"]);
    if !posted.is_json() || size == 0 {
        return no(400, "web.incoming_webhook.text.app_error", "No text specified.");
    }
    if size > 4000 {
        return no(413, "web.incoming_webhook.text.length.app_error", "Maximum text length is 4000 characters.");
    }
    Ok(Reply::new(200, "ok"))
}

pub fn teams(posted: &Posted) -> Verdict {
    let no = |status, words: &str| {
        Err(Reply::new(status, json!({ "error": { "code": "TriggerInputSchemaMismatch", "message": words } })))
    };
    if posted.query("sig").as_deref() != Some(KEY) {
        return Err(Reply::new(401, json!({ "error": { "code": "DirectApiAuthorizationRequired", "message": "no sig" } })));
    }
    if posted.body.len() > 28 * 1024 {
        return no(413, "too large");
    }
    let one = posted.json.pointer("/attachments/0").unwrap_or(&Value::Null);
    let content = &one["content"];
    let version = content["version"].as_str().is_some_and(|version| ["1.2", "1.3", "1.4"].contains(&version));
    let good = posted.is_json()
        && posted.text("/type") == "message"
        && one["contentType"] == "application/vnd.microsoft.card.adaptive"
        && content["type"] == "AdaptiveCard"
        && version;
    let element = |element: &Value| match element["type"].as_str() {
        Some("TextBlock") => characters(&element["text"]) > 0,
        Some("FactSet") => {
            let facts = element["facts"].as_array().expect("facts");
            facts.iter().all(|fact| fact["title"].is_string() && fact["value"].is_string())
        }
        _ => false,
    };
    let body = content["body"].as_array().map_or(&[][..], Vec::as_slice);
    let text = serde_json::to_string(body).expect("JSON");
    let called = list(posted, "/attachments/0/content/msteams/entities");
    let called = called.iter().all(|entity| {
        entity["type"] == "mention"
            && text.contains(entity["text"].as_str().expect("a text"))
            && entity["mentioned"]["id"].is_string()
    });
    // A mention without its entity makes the card fail.
    let marks = text.matches("<at>").count() <= list(posted, "/attachments/0/content/msteams/entities").len();
    if !good || body.is_empty() || !body.iter().all(element) || !called || !marks {
        return no(400, "the card does not fit");
    }
    Ok(Reply::new(202, ""))
}

pub fn webhook(posted: &Posted, secret: Option<&str>) -> Verdict {
    if posted.uri.path() != format!("/in/{KEY}") {
        return Err(Reply::new(404, ""));
    }
    let (id, at) = (posted.header("webhook-id"), posted.header("webhook-timestamp"));
    let key = STANDARD.decode(secret.and_then(|secret| secret.strip_prefix("whsec_")).expect("whsec_")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&posted.body);
    let sign = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let fresh = at.parse::<i64>().is_ok_and(|at| posted.now.is_none_or(|now| (now.timestamp() - at).abs() <= 300));
    if id.is_empty() || id.contains('.') || !fresh || !posted.header("webhook-signature").split(' ').any(|one| one == sign) {
        return Err(Reply::new(401, "No matching signature found"));
    }
    let time = chrono::DateTime::parse_from_rfc3339(posted.text("/timestamp")).is_ok();
    if !posted.is_json() || posted.text("/type").is_empty() || !time || posted.json.get("data").is_none() {
        return Err(Reply::new(400, "bad body"));
    }
    Ok(Reply::new(204, ""))
}
