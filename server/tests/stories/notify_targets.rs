//! Stories about messages to chat services: what each takes, what each refuses, and what is made of it.

mod forms;

use crate::notify_fakes::{Fake, Reply};
use domain::Time;
use domain::address::OutgoingConfig;
use domain::notify::{EventKind, MessageLang, TargetConfig, TargetKind};
use secrecy::SecretString;
use serde_json::json;
use server::notify::guard::Guard;
use server::notify::{Access, CommitLine, Message, Outgoing, Sent, Tone, target};
use std::time::Duration;

const DINGTALK: &str = "SEC7a1f0c5e9b2d4c6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071";
const FEISHU: &str = "Qe7Rk2vJw9sLm4Xb";
const WEBHOOK: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const KINDS: [TargetKind; 9] = [
    TargetKind::BearyChat,
    TargetKind::DingTalk,
    TargetKind::Feishu,
    TargetKind::WeCom,
    TargetKind::Slack,
    TargetKind::Discord,
    TargetKind::Mattermost,
    TargetKind::Teams,
    TargetKind::Webhook,
];

fn now() -> Time {
    "2026-11-26T08:00:00Z".parse().expect("a time")
}

fn secret(kind: TargetKind) -> Option<&'static str> {
    match kind {
        TargetKind::DingTalk => Some(DINGTALK),
        TargetKind::Feishu => Some(FEISHU),
        TargetKind::Webhook => Some(WEBHOOK),
        _ => None,
    }
}

fn config(kind: TargetKind) -> TargetConfig {
    serde_json::from_value(json!({ "name": "team", "kind": kind })).expect("a target")
}

fn commit(number: usize) -> CommitLine {
    CommitLine {
        hash: format!("{number:012x}"),
        subject: format!("Change number {number}: <b>[not](https://bad.test)</b> & *more* @channel <!here> 修复了一个问题"),
        author: "Ada Lovelace".to_owned(),
        url: Some(format!("https://git.test/team/web/commit/{number}")),
    }
}

fn message() -> Message {
    Message {
        id: "msg_0000000001".to_owned(),
        event: EventKind::BuildReady,
        lang: MessageLang::En,
        at: now(),
        tone: Tone::Good,
        title: "web release-v5.12.05.02 is ready".to_owned(),
        facts: vec![("App".to_owned(), "web".to_owned()), ("Image".to_owned(), "registry.test/team/web_app:dev".to_owned())],
        note: Some("Looks good.\nSecond line".to_owned()),
        commits: vec![commit(1), commit(2)],
        commits_total: 2,
        ask: Some("Please test it".to_owned()),
        mention: vec!["ada".to_owned()],
        link: Some(("Open the build".to_owned(), "https://slipway.test/builds/7".to_owned())),
        data: json!({ "app": "web", "commits": [] }),
    }
}

/// More than any service takes.
fn big() -> Message {
    let commits: Vec<CommitLine> = (0..400).map(commit).collect();
    let data = json!({ "app": "web", "news": [{ "number": 7, "commits": commits }] });
    Message {
        note: Some("很长的说明。".repeat(2000)), commits, commits_total: 412, lang: MessageLang::Zh, data, ..message()
    }
}

fn guard() -> Guard {
    Guard::new(&OutgoingConfig { allow: vec!["127.0.0.1/32".to_owned()], ..OutgoingConfig::default() })
}

fn request_as(kind: TargetKind, message: &Message, url: &str, secret: Option<&str>) -> Outgoing {
    let sign = secret.map(SecretString::from);
    let access = Access { config: &config(kind), url, sign: sign.as_ref() };
    target(kind).expect("a service over HTTP").request(message, &access, now()).expect("it can be written")
}

async fn send(fake: &Fake, kind: TargetKind, message: &Message) -> Sent {
    let sign = secret(kind).map(SecretString::from);
    let access = Access { config: &config(kind), url: &fake.url(), sign: sign.as_ref() };
    server::notify::send(&guard(), &access, None, message, now()).await
}

async fn fake(kind: TargetKind) -> Fake {
    let fake = Fake::start(kind, secret(kind)).await;
    fake.set_now(now());
    fake
}

#[tokio::test]
async fn every_service_takes_a_message_with_its_title_and_its_link() {
    for kind in KINDS {
        let fake = fake(kind).await;
        assert_eq!(send(&fake, kind, &message()).await, Sent::Delivered, "{kind:?}: {:?}", fake.refused());
        let [taken] = fake.received().try_into().expect("one");
        let text = taken.to_string();
        if kind != TargetKind::Webhook {
            for part in
                ["web release", "https://slipway.test/builds/7", "Please test it", "ada", "Second line", "Change number 2"]
            {
                assert!(text.contains(part), "{kind:?} has {part}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_too_big_is_cut_to_fit_and_says_how_much_is_missing() {
    for kind in KINDS {
        let fake = fake(kind).await;
        assert_eq!(send(&fake, kind, &big()).await, Sent::Delivered, "{kind:?}: {:?}", fake.refused());
        let text = fake.received().first().expect("one").to_string();
        match kind {
            TargetKind::Webhook => assert!(text.contains("\"commits_cut\":true") && text.len() <= 20_000),
            _ => {
                assert!(text.contains("…… 另有 ") && text.contains("提交（412）"), "{kind:?}: {text}");
                assert!(text.contains("web release") && text.contains("https://slipway.test/builds/7"), "{kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_longest_list_that_fits_is_shown() {
    let fake = fake(TargetKind::Slack).await;
    let few = Message { commits: (0..8).map(commit).collect(), commits_total: 20, ..message() };
    assert_eq!(send(&fake, TargetKind::Slack, &few).await, Sent::Delivered);
    let text = fake.received()[0].to_string();
    assert!(text.contains("Change number 7") && text.contains("… and 12 more"), "{text}");
}

#[tokio::test]
async fn a_title_that_is_longer_than_the_service_takes_is_a_fault_of_nobody_else() {
    let long = Message { title: "t".repeat(30_000), ..message() };
    for kind in KINDS.into_iter().filter(|kind| *kind != TargetKind::Webhook) {
        let sign = secret(kind).map(SecretString::from);
        let access = Access { config: &config(kind), url: "https://chat.test/hook", sign: sign.as_ref() };
        assert!(target(kind).expect("a service").request(&long, &access, now()).is_err(), "{kind:?}");
    }
    let fake = fake(TargetKind::Discord).await;
    let longer = Message { title: "t".repeat(300), ..message() };
    assert_eq!(send(&fake, TargetKind::Discord, &longer).await, Sent::Delivered, "a title of 300 stands in the text");
    assert!(fake.received()[0].to_string().contains(&"t".repeat(300)));
}

#[tokio::test]
async fn a_wrong_signature_is_refused_for_good() {
    for (kind, wrong) in [
        (TargetKind::DingTalk, "SECwrong"),
        (TargetKind::Feishu, "wrong"),
        (TargetKind::Webhook, "whsec_HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ] {
        let fake = fake(kind).await;
        for given in [Some(wrong), if kind == TargetKind::Webhook { Some(wrong) } else { None }] {
            let outgoing = request_as(kind, &message(), &fake.url(), given);
            let sent = guard().deliver(target(kind).expect("a service"), &outgoing, now()).await;
            assert!(matches!(&sent, Sent::Never { why } if !why.contains(wrong)), "{kind:?}: {sent:?}");
        }
        assert!(fake.received().is_empty());
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_refused_for_good() {
    for kind in [TargetKind::DingTalk, TargetKind::Feishu, TargetKind::Webhook] {
        let fake = fake(kind).await;
        fake.set_now(now() + chrono::TimeDelta::seconds(3601));
        assert!(matches!(send(&fake, kind, &message()).await, Sent::Never { .. }), "{kind:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_gone_is_refused_for_good_and_its_key_is_not_told() {
    for kind in KINDS {
        let fake = fake(kind).await;
        let url = fake.url().replace("0123456789abcdef", "fedcba9876543210");
        let outgoing = request_as(kind, &message(), &url, secret(kind));
        let sent = guard().deliver(target(kind).expect("a service"), &outgoing, now()).await;
        assert!(matches!(&sent, Sent::Never { why } if !why.contains("fedcba98")), "{kind:?}: {sent:?}");
    }
}

#[tokio::test]
async fn who_was_too_fast_waits_as_long_as_the_service_says() {
    for (kind, wait) in [
        (TargetKind::BearyChat, 7.0),
        (TargetKind::DingTalk, 600.0),
        (TargetKind::Feishu, 60.0),
        (TargetKind::WeCom, 60.0),
        (TargetKind::Slack, 30.0),
        (TargetKind::Discord, 0.65),
        (TargetKind::Mattermost, 7.0),
        (TargetKind::Teams, 7.0),
        (TargetKind::Webhook, 7.0),
    ] {
        let fake = fake(kind).await;
        fake.throttle(1);
        let Sent::Later { after, .. } = send(&fake, kind, &message()).await else { panic!("{kind:?} is told later") };
        assert_eq!(after, Some(Duration::from_secs_f64(wait)), "{kind:?}");
        assert_eq!(send(&fake, kind, &message()).await, Sent::Delivered, "{kind:?} takes it the second time");
    }
    let fake = fake(TargetKind::DingTalk).await;
    fake.answer(1, Reply::new(200, r#"{"status":1111,"wait":5,"source":"x5","punish":"deny"}"#));
    let Sent::Later { after, .. } = send(&fake, TargetKind::DingTalk, &message()).await else { panic!("later") };
    assert_eq!(after, Some(Duration::from_secs(5)), "the gate in front of DingTalk says how long");
}

#[tokio::test]
async fn one_robot_is_silenced_at_its_twenty_first_message_and_our_rate_stays_below() {
    let fake = fake(TargetKind::DingTalk).await;
    fake.count_rate();
    let (rate, within) = target(TargetKind::DingTalk).expect("a service").rate();
    assert!(rate < 20 && within == Duration::from_secs(60));
    for _ in 0..20 {
        assert_eq!(send(&fake, TargetKind::DingTalk, &message()).await, Sent::Delivered);
    }
    assert!(matches!(send(&fake, TargetKind::DingTalk, &message()).await, Sent::Later { .. }));
    for (kind, most_a_minute) in [
        (TargetKind::Feishu, 100.0),
        (TargetKind::WeCom, 20.0),
        (TargetKind::Slack, 60.0),
        (TargetKind::Discord, 30.0),
        (TargetKind::Teams, 240.0),
    ] {
        let (count, within) = target(kind).expect("a service").rate();
        assert!(f64::from(count) * 60.0 / within.as_secs_f64() < most_a_minute, "{kind:?}");
    }
}

#[tokio::test]
async fn a_no_inside_a_200_is_a_no() {
    let never = |kind, body: &'static str| (kind, body, true);
    let later = |kind, body: &'static str| (kind, body, false);
    for (kind, body, for_good) in [
        never(TargetKind::BearyChat, r#"{"code":1,"error":"text is required"}"#),
        never(TargetKind::DingTalk, r#"{"errcode":310000,"errmsg":"keywords not in content"}"#),
        never(TargetKind::DingTalk, r#"{"errcode":400106,"errmsg":"robot is stopped"}"#),
        later(TargetKind::DingTalk, r#"{"errcode":410100,"errmsg":"throttled"}"#),
        later(TargetKind::DingTalk, r#"{"errcode":-1,"errmsg":"busy"}"#),
        later(TargetKind::DingTalk, r#"{"errmsg":"ok"}"#),
        later(TargetKind::DingTalk, "<html>a login page</html>"),
        never(TargetKind::Feishu, r#"{"code":19024,"msg":"Key Words Not Found","StatusCode":0,"StatusMessage":"success"}"#),
        never(TargetKind::Feishu, r#"{"StatusCode":19022,"StatusMessage":"Ip Not Allowed"}"#),
        never(TargetKind::Feishu, r#"{"code":9499,"msg":"Bad Request","data":{}}"#),
        later(TargetKind::Feishu, "{}"),
        never(TargetKind::WeCom, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#),
        never(TargetKind::WeCom, r#"{"errcode":40058,"errmsg":"exceed max length"}"#),
        later(TargetKind::WeCom, r#"{"errcode":-1,"errmsg":"system busy"}"#),
        later(TargetKind::WeCom, "[]"),
        never(TargetKind::Slack, "<html>not Slack at all</html>"),
        never(TargetKind::Mattermost, "{}"),
        never(TargetKind::Teams, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413"),
        later(TargetKind::Teams, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"),
    ] {
        let fake = fake(kind).await;
        fake.answer(1, Reply::new(200, body));
        let sent = send(&fake, kind, &message()).await;
        let as_told = if for_good { matches!(sent, Sent::Never { .. }) } else { matches!(sent, Sent::Later { .. }) };
        assert!(as_told, "{kind:?} {body}: {sent:?}");
    }
    let old = fake(TargetKind::Feishu).await;
    old.answer(1, Reply::new(200, r#"{"StatusCode":0,"StatusMessage":"success"}"#));
    assert_eq!(send(&old, TargetKind::Feishu, &message()).await, Sent::Delivered, "an older answer has only this");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for kind in KINDS {
        let fake = fake(kind).await;
        for (status, later) in [
            (500, true),
            (502, true),
            (503, true),
            (429, true),
            (408, true),
            (302, false),
            (400, false),
            (401, false),
            (404, false),
            (410, false),
        ] {
            fake.answer(1, Reply::new(status, ""));
            let sent = send(&fake, kind, &message()).await;
            assert_eq!(matches!(sent, Sent::Later { .. }), later, "{kind:?} {status}: {sent:?}");
            assert_ne!(sent, Sent::Delivered);
        }
    }
    let nobody = "http://127.0.0.1:1/hook";
    let outgoing = request_as(TargetKind::Slack, &message(), nobody, None);
    let sent = guard().deliver(target(TargetKind::Slack).expect("a service"), &outgoing, now()).await;
    assert!(matches!(sent, Sent::Later { .. }), "{sent:?}");
}
