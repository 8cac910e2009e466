//! How a message is written for each service: signatures, mentions, and marks that are none.

use super::{DINGTALK, FEISHU, KINDS, WEBHOOK, commit, fake, message, now, request_as, secret};
use domain::notify::{TargetConfig, TargetKind};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use server::notify::{Access, Message, Outgoing, target};

fn body(outgoing: &Outgoing) -> Value {
    serde_json::from_slice(&outgoing.body).expect("JSON")
}

/// Computed with `openssl dgst -sha256 -hmac` over the time and the secret.
#[test]
fn dingtalk_s_signature_is_the_one_that_openssl_makes() {
    let outgoing = request_as(TargetKind::DingTalk, &message(), "https://oapi.test/robot/send?access_token=T", Some(DINGTALK));
    let query = "timestamp=1795680000000&sign=eQhPRsA5ZKnnkNxW4E6aHi2trA0rKQ15RIbgCQUyOGs%3D";
    assert_eq!(outgoing.url, format!("https://oapi.test/robot/send?access_token=T&{query}"));
}

/// Computed with `openssl dgst -sha256 -mac HMAC` over nothing, with time and secret as the key.
#[test]
fn feishu_s_signature_is_the_one_that_openssl_makes() {
    let body = body(&request_as(TargetKind::Feishu, &message(), "https://open.test/hook", Some(FEISHU)));
    assert_eq!(body["timestamp"], "1795680000");
    assert_eq!(body["sign"], "bR5XEL2lpytMVV8vEuIo8Bz+E3CyO5RhTVYDM3e6Vw0=");
}

/// Computed with `openssl dgst -sha256 -mac HMAC` over id, time and body.
#[test]
fn a_webhook_s_signature_is_the_one_that_openssl_makes_and_its_id_stays() {
    let small = Message { data: json!({ "app": "web" }), ..message() };
    let outgoing = request_as(TargetKind::Webhook, &small, "https://in.test/", Some(WEBHOOK));
    let text = r#"{"data":{"app":"web"},"timestamp":"2026-11-26T08:00:00+00:00","type":"build_ready"}"#;
    assert_eq!(String::from_utf8_lossy(&outgoing.body), text);
    let header = |name: &str| outgoing.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
    assert_eq!(header("webhook-id"), Some("msg_0000000001"));
    assert_eq!(header("webhook-timestamp"), Some("1795680000"));
    assert_eq!(header("webhook-signature"), Some("v1,y4MqARTvpg7sZFL3GyGqlOor/vKQWiPmXhNeF5P/eW4="));
}

#[test]
fn a_webhook_without_a_secret_or_with_a_short_one_is_not_sent() {
    let config: TargetConfig = serde_json::from_value(json!({ "name": "team", "kind": "webhook" })).expect("a target");
    for sign in [None, Some(SecretString::from("short"))] {
        let access = Access { config: &config, url: "https://in.test/", sign: sign.as_ref() };
        assert!(target(TargetKind::Webhook).expect("a service").request(&message(), &access, now()).is_err());
    }
}

fn calling(kind: TargetKind, id: &str) -> Outgoing {
    let config = json!({ "name": "team", "kind": kind, "mentions": { "ada": id } });
    let config: TargetConfig = serde_json::from_value(config).expect("a target");
    let sign = secret(kind).map(SecretString::from);
    let access = Access { config: &config, url: "https://chat.test/hook", sign: sign.as_ref() };
    let message = Message { mention: vec!["ada".to_owned(), "bob".to_owned(), "ada".to_owned()], ..message() };
    target(kind).expect("a service").request(&message, &access, now()).expect("written")
}

#[test]
fn who_has_an_id_in_the_service_is_called_and_who_has_none_is_named() {
    for (kind, id, called) in [
        (TargetKind::BearyChat, "=bwABC".trim_start_matches('='), "@<=bwABC=>"),
        (TargetKind::DingTalk, "13800000000", "@13800000000"),
        (TargetKind::DingTalk, "manager123", "@manager123"),
        (TargetKind::Feishu, "ou_123", "<at id=ou_123></at>"),
        (TargetKind::WeCom, "ada.l", "<@ada.l>"),
        (TargetKind::Slack, "U123", "<@U123>"),
        (TargetKind::Slack, "S9", "<!subteam^S9>"),
        (TargetKind::Discord, "100000000000000007", "<@100000000000000007>"),
        (TargetKind::Mattermost, "ada.l", "@ada.l"),
        (TargetKind::Teams, "ada@example.com", "<at>ada</at>"),
    ] {
        let body = body(&calling(kind, id)).to_string();
        assert!(body.contains(&format!("Please test it: {called}, bob")), "{kind:?}: {body}");
    }
    let body = body(&calling(TargetKind::DingTalk, "13800000000"));
    assert_eq!(body["at"], json!({ "atMobiles": ["13800000000"], "atUserIds": [], "isAtAll": false }));
}

#[test]
fn an_id_that_could_be_more_than_an_id_is_none() {
    for kind in KINDS.into_iter().filter(|kind| *kind != TargetKind::Webhook) {
        for id in ["x> <@U2", "all\"></at><at id=all", "a b", "", "@everyone"] {
            let body = body(&calling(kind, id)).to_string();
            assert!(body.contains("Please test it: ada, bob"), "{kind:?}: {body}");
        }
    }
    for (kind, all) in [(TargetKind::WeCom, "all"), (TargetKind::Mattermost, "channel"), (TargetKind::Discord, "everyone")] {
        assert!(body(&calling(kind, all)).to_string().contains("Please test it: ada, bob"), "{kind:?}");
    }
}

#[test]
fn discord_calls_only_who_is_meant() {
    let body = body(&calling(TargetKind::Discord, "100000000000000007"));
    assert_eq!(body["allowed_mentions"], json!({ "parse": [], "users": ["100000000000000007"] }));
    assert_eq!(body["content"], "<@100000000000000007>");
}

#[test]
fn what_a_person_wrote_is_no_mark() {
    let bad = r"[click](https://bad.test) <https://bad.test|x> <at id=all></at> <@all> @channel @everyone <!channel> **b**";
    for (kind, shown) in [
        (TargetKind::BearyChat, r"\[click\]"),
        (TargetKind::DingTalk, "［click］(https://bad.test) ＜https://bad.test|x＞ ＜at id=all＞＜/at＞ ＜@all＞"),
        (TargetKind::Feishu, "&#91;click&#93;(https://bad.test) &#60;https://bad.test|x&#62; &#60;at id=all&#62;"),
        (TargetKind::WeCom, "［click］(https://bad.test) ＜https://bad.test|x＞ ＜at id=all＞＜/at＞ ＜@all＞"),
        (
            TargetKind::Slack,
            "&lt;https://bad.test|x&gt; &lt;at id=all&gt;&lt;/at&gt; &lt;@all&gt; @channel @everyone &lt;!channel&gt;",
        ),
        (TargetKind::Discord, r"\[click\](https\://bad.test) \<https"),
        (TargetKind::Mattermost, "@\u{200b}channel @\u{200b}everyone"),
        (TargetKind::Teams, "&lt;at id=all&gt;&lt;/at&gt;"),
    ] {
        let message = Message { note: Some(bad.to_owned()), mention: vec![], commits: vec![], ..message() };
        let body = body(&request_as(kind, &message, "https://chat.test/hook", secret(kind)));
        let texts = texts(&body);
        assert!(texts.iter().any(|text| text.contains(shown)), "{kind:?}: {texts:?}");
    }
}

/// Every text in a body.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => vec![],
    }
}

#[test]
fn a_link_that_is_not_of_the_web_is_left_out() {
    let message = Message { link: Some(("Open".to_owned(), "javascript:alert(1)".to_owned())), ..message() };
    for kind in KINDS.into_iter().filter(|kind| *kind != TargetKind::Webhook) {
        let body = body(&request_as(kind, &message, "https://chat.test/hook", secret(kind))).to_string();
        assert!(!body.contains("javascript"), "{kind:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_people_write_each_service_takes_it(
        title in "\\PC{1,120}", note in proptest::option::of("(?s).{0,600}"), fact in "(?s).{0,400}", subject in "(?s).{0,300}",
        times in 1usize..60, commits in 0usize..60,
    ) {
        prop_assume!(title.chars().any(char::is_alphanumeric));
        let commits = (0..commits).map(|number| server::notify::CommitLine { subject: subject.clone(), ..commit(number) }).collect();
        let note = note.map(|note| note.repeat(times));
        let message = Message { title, note, facts: vec![("Fact".to_owned(), fact)], commits, commits_total: 60, ..message() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            for kind in KINDS {
                let fake = fake(kind).await;
                let reply = fake.look(&request_as(kind, &message, &fake.url(), secret(kind)));
                prop_assert_eq!(fake.received().len(), 1, "{:?}: {:?}", kind, reply);
            }
            Ok(())
        })?;
    }
}
