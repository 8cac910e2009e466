//! DingTalk, Feishu, WeCom and BearyChat: each says "no" inside an HTTP 200.

use super::{KEY, Posted, Reply, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Time;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

fn hmac(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Whether seconds since 1970 are within an hour of the fake's clock.
fn within_an_hour(at: Option<i64>, now: Option<Time>) -> bool {
    at.is_some_and(|at| now.is_none_or(|now| (now.timestamp() - at).abs() <= 3600))
}

fn said(name: &str, code: i64, words: &str) -> Reply {
    let text = if name == "code" { "msg" } else { "errmsg" };
    Reply::new(200, json!({ name: code, text: words }))
}

pub fn dingtalk(posted: &Posted, secret: Option<&str>) -> Verdict {
    let no = |code, words: &str| Err(said("errcode", code, words));
    if posted.uri.path() != "/robot/send" || posted.query("access_token").as_deref() != Some(KEY) {
        return no(300_005, "token is not exist");
    }
    if !posted.is_json() {
        return no(43_004, "invalid content type");
    }
    if let Some(secret) = secret {
        let at = posted.query("timestamp").unwrap_or_default();
        let fresh = at.len() == 13 && within_an_hour(at.parse::<i64>().ok().map(|at| at / 1000), posted.now);
        if !fresh || posted.query("sign") != Some(hmac(secret, &format!("{at}\n{secret}"))) {
            return no(310_000, "sign not match, more: [https://ding-doc.dingtalk.com/doc]");
        }
    }
    let (title, text) = (posted.text("/markdown/title"), posted.text("/markdown/text"));
    let at = |list: &str| posted.json.pointer(list).and_then(Value::as_array).cloned();
    let (Some(mobiles), Some(users)) = (at("/at/atMobiles"), at("/at/atUserIds")) else { return no(40_035, "bad at") };
    let called = mobiles.iter().chain(&users).all(|id| id.as_str().is_some_and(|id| text.contains(&format!("@{id}"))));
    if posted.text("/msgtype") != "markdown" || title.is_empty() || text.is_empty() || !called {
        return no(40_035, "bad markdown");
    }
    if posted.body.len() > 20_000 || posted.json.pointer("/at/isAtAll") != Some(&false.into()) {
        return no(40_035, "message too long");
    }
    Ok(said("errcode", 0, "ok"))
}

pub fn feishu(posted: &Posted, secret: Option<&str>) -> Verdict {
    let no = |code, words: &str| Err(said("code", code, words));
    if posted.uri.path() != format!("/open-apis/bot/v2/hook/{KEY}") {
        return no(19_001, "param invalid: incoming webhook access token invalid");
    }
    if let Some(secret) = secret {
        let at = posted.text("/timestamp");
        let fresh = at.len() == 10 && within_an_hour(at.parse().ok(), posted.now);
        if !fresh || posted.text("/sign") != hmac(&format!("{at}\n{secret}"), "") {
            return no(19_021, "sign match fail or timestamp is not within one hour from current time");
        }
    }
    if posted.body.len() > 20 * 1024 {
        return no(19_036, "request body too large");
    }
    let templates =
        ["blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey"];
    let title = posted.text("/card/header/title/tag") == "plain_text" && !posted.text("/card/header/title/content").is_empty();
    let empty = Vec::new();
    let elements = posted.json.pointer("/card/elements").and_then(Value::as_array).unwrap_or(&empty);
    let text = |element: &Value| {
        let text = &element["text"];
        element["tag"] == "div" && text["tag"] == "lark_md" && text["content"].as_str().is_some_and(|text| !text.is_empty())
    };
    let good = posted.is_json()
        && posted.text("/msg_type") == "interactive"
        && title
        && templates.contains(&posted.text("/card/header/template"))
        && elements.iter().all(text);
    if !good {
        return no(9499, "Bad Request");
    }
    Ok(Reply::new(200, json!({ "StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success" })))
}

pub fn wecom(posted: &Posted) -> Verdict {
    let no = |code, words: &str| Err(said("errcode", code, words));
    if posted.uri.path() != "/cgi-bin/webhook/send" || posted.query("key").as_deref() != Some(KEY) {
        return no(93_000, "invalid webhook url, hint: [1], from ip: 127.0.0.1");
    }
    if posted.text("/msgtype") != "markdown" || !posted.is_json() {
        return no(40_008, "invalid message type");
    }
    let text = posted.text("/markdown/content");
    if text.is_empty() || text.len() > 4096 {
        return no(40_058, "markdown.content exceed max length 4096. invalid Request Parameter, hint: [1]");
    }
    Ok(said("errcode", 0, "ok"))
}

pub fn bearychat(posted: &Posted) -> Verdict {
    let no = |error: &str| Err(Reply::new(200, json!({ "code": 1, "error": error })));
    if posted.uri.path() != format!("/=bw52O/incoming/{KEY}") {
        return no("incoming not found");
    }
    let attachments = posted.json.pointer("/attachments").and_then(Value::as_array);
    let written = |one: &Value| one["text"].as_str().or(one["title"].as_str()).is_some_and(|text| !text.is_empty());
    if posted.text("/text").is_empty() || !attachments.is_none_or(|all| all.iter().all(written)) {
        return no("text is required");
    }
    Ok(Reply::new(200, json!({ "code": 0, "result": null })))
}
