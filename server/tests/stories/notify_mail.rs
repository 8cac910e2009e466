//! Stories about mail.

use crate::notify_fakes::MailFake;
use domain::Time;
use domain::address::OutgoingConfig;
use domain::notify::{EventKind, MessageLang, TargetConfig};
use secrecy::SecretString;
use serde_json::{Value, json};
use server::notify::guard::Guard;
use server::notify::{Access, CommitLine, Message, Sent, Tone, email};

fn now() -> Time {
    "2026-11-26T08:00:00Z".parse().expect("a time")
}

fn guard() -> Guard {
    Guard::new(&OutgoingConfig { allow: vec!["127.0.0.1/32".to_owned()], ..OutgoingConfig::default() })
}

pub fn message() -> Message {
    Message {
        id: "msg_0000000001".to_owned(),
        event: EventKind::RolloutFailed,
        lang: MessageLang::Zh,
        at: now(),
        tone: Tone::Bad,
        title: "web 在杭州上线失败\r\nBcc: everyone@bad.test".to_owned(),
        facts: vec![("应用".to_owned(), "web <script>".to_owned())],
        note: Some("The tasks failed.\n.\nQUIT".to_owned()),
        commits: vec![CommitLine {
            hash: "0123456789ab".to_owned(),
            subject: "Fix & go".to_owned(),
            author: "Ada".to_owned(),
            url: None,
        }],
        commits_total: 3,
        ask: Some("请回滚".to_owned()),
        mention: vec!["ada".to_owned()],
        link: Some(("打开".to_owned(), "https://slipway.test/promotions/7?a=1&b=2".to_owned())),
        data: Value::Null,
    }
}

fn config(host: &str, port: u16, more: Value) -> TargetConfig {
    let mut mail = json!({ "host": host, "port": port, "tls": "none", "from": "Slipway <slipway@ship.test>", "to": ["team@ship.test", "Ada <ada@ship.test>"] });
    mail.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    serde_json::from_value(json!({ "name": "mail", "kind": "email", "mail": mail })).expect("a target")
}

/// Sends the message to a server without an account.
pub async fn send_to(guard: &Guard, host: &str, port: u16) -> Sent {
    let access = Access { config: &config(host, port, json!({})), url: "", sign: None };
    server::notify::send(guard, &access, None, &message(), now()).await
}

#[tokio::test]
async fn a_letter_has_text_and_html_and_says_all() {
    let fake = MailFake::start(None).await;
    assert_eq!(send_to(&guard(), "127.0.0.1", fake.port()).await, Sent::Delivered);
    let [letter] = fake.received().try_into().expect("one letter");
    assert_eq!(
        (letter.from.as_str(), letter.to),
        ("slipway@ship.test", vec!["team@ship.test".to_owned(), "ada@ship.test".to_owned()])
    );
    let head = letter.raw.split("\r\n\r\n").next().expect("a head").to_owned();
    for line in [
        "Message-ID: <msg_0000000001@ship.test>",
        "Date: Thu, 26 Nov 2026 08:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "Subject: web =?utf-8?b?",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert!(!head.contains("\r\nBcc"), "a title is one line: {head}");
    let text = fake.received()[0].readable();
    for part in [
        "❌ web 在杭州上线失败",
        "应用：web <script>",
        "> The tasks failed.",
        "- 0123456789ab Fix & go（Ada）",
        "…… 另有 2 条",
        "请回滚：ada",
        "打开: https://slipway.test/promotions/7?a=1&b=2",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for part in ["web &lt;script&gt;", "Fix &amp; go", "<a href=\"https://slipway.test/promotions/7?a=1&amp;b=2\">打开</a>"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_wants_an_account_gets_it_and_a_wrong_one_is_told_once() {
    let fake = MailFake::start(Some(("slipway", "right"))).await;
    let config = config("127.0.0.1", fake.port(), json!({ "user": "slipway" }));
    let send = async |password: Option<&str>| {
        let password = password.map(SecretString::from);
        email::send(&guard(), &config, password.as_ref(), &message(), now()).await
    };
    assert_eq!(send(Some("right")).await, Sent::Delivered);
    assert!(matches!(send(Some("wrong")).await, Sent::Never { why } if why.contains("535") && !why.contains("wrong")));
    assert!(matches!(send(None).await, Sent::Never { why } if why.contains("password_secret")));
    assert_eq!(fake.received().len(), 1);
}

#[tokio::test]
async fn what_the_server_puts_off_comes_later_and_what_it_refuses_does_not() {
    let fake = MailFake::start(None).await;
    fake.answer("451 4.7.1 Try again later");
    assert!(matches!(send_to(&guard(), "127.0.0.1", fake.port()).await, Sent::Later { why, .. } if why.contains("451")));
    assert_eq!(send_to(&guard(), "127.0.0.1", fake.port()).await, Sent::Delivered);
    let unknown = config("127.0.0.1", fake.port(), json!({ "to": ["nobody@ship.test"] }));
    assert!(matches!(email::send(&guard(), &unknown, None, &message(), now()).await, Sent::Never { why } if why.contains("550")));
    let away = send_to(&guard(), "127.0.0.1", 1).await;
    assert!(matches!(away, Sent::Later { .. }), "{away:?}");
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_when_tls_is_wanted() {
    let fake = MailFake::start(None).await;
    for tls in ["starttls", "implicit"] {
        let config = config("127.0.0.1", fake.port(), json!({ "tls": tls }));
        let sent = email::send(&guard(), &config, None, &message(), now()).await;
        assert!(!matches!(sent, Sent::Delivered), "{tls}: {sent:?}");
    }
    assert_eq!((fake.connections(), fake.received().len()), (2, 0));
}

#[tokio::test]
async fn an_address_that_is_none_is_told_before_anything_is_sent() {
    let fake = MailFake::start(None).await;
    for bad in [
        json!({ "to": [] }),
        json!({ "to": ["not an address"] }),
        json!({ "from": "x\r\nBcc: y@z.test" }),
        json!({ "to": vec!["a@b.test"; 51] }),
    ] {
        let sent = email::send(&guard(), &config("127.0.0.1", fake.port(), bad.clone()), None, &message(), now()).await;
        assert!(matches!(sent, Sent::Never { .. }), "{bad}: {sent:?}");
    }
    assert_eq!(fake.connections(), 0);
}
