//! Targets, routes and messages.

use super::{Fake, ago};
use app::view::*;
use domain::id::MessageId;
use domain::notify::{EventKind, MessageLang, MessageState, QuietHours, RouteConfig, TargetKind};

impl Fake {
    pub(super) fn sample_targets(&self) -> NotificationsView {
        if self.empty {
            return NotificationsView { targets: Vec::new(), routes: Vec::new() };
        }
        let target = |name: &str, kind, lang, quiet, why: Option<&str>, waiting, dead| TargetView {
            name: self.say(name),
            kind,
            lang,
            quiet,
            sent_at: Some(ago(3)),
            failed_at: why.map(|_| ago(90)),
            why: why.map(|why| self.say(why)),
            waiting,
            dead,
        };
        let night =
            QuietHours { from: "22:00".to_owned(), until: "08:00".to_owned(), time_zone: Some("Asia/Shanghai".to_owned()) };
        let route = |events: &[EventKind], apps: &[&str], targets: &[&str]| RouteConfig {
            events: events.to_vec(),
            apps: apps.iter().map(|app| self.say(app)).collect(),
            channels: Vec::new(),
            targets: targets.iter().map(|target| self.say(target)).collect(),
            mention: vec![self.say("lead-1")],
        };
        NotificationsView {
            targets: vec![
                target("ops", TargetKind::DingTalk, MessageLang::Zh, Some(night), Some("It answered 503."), 2, 1),
                target("mail", TargetKind::Email, MessageLang::En, None, None, 0, 0),
            ],
            routes: vec![
                route(&[EventKind::BuildReady, EventKind::RolloutFailed], &["web", "pay-*"], &["ops"]),
                route(&[], &[], &["mail"]),
            ],
        }
    }

    pub(super) fn sample_messages(&self, filter: &MessageFilter) -> Vec<MessageRow> {
        let row = |id: &str, event, subject: &str, state, pieces, why: Option<&str>| MessageRow {
            id: MessageId(id.to_owned()),
            target: self.say("ops"),
            event,
            app: Some(self.say("web")),
            subject: self.say(subject),
            pieces,
            state,
            created_at: ago(30),
            due_at: (state == MessageState::Waiting).then(|| ago(-5)),
            ended_at: (state != MessageState::Waiting).then(|| ago(20)),
            tries: 2,
            why: why.map(|why| self.say(why)),
        };
        let mut rows = vec![
            row("m3", EventKind::BuildReady, "dev", MessageState::Waiting, 3, Some("It answered 503.")),
            row(
                "m2",
                EventKind::RolloutFailed,
                "P-12 release-v5.12.05.02 → hangzhou",
                MessageState::Dead,
                1,
                Some("It refused the key."),
            ),
            row("m1", EventKind::Verdict, "test", MessageState::Delivered, 1, None),
        ];
        rows.retain(|row| filter.state.is_none_or(|state| row.state == state));
        rows
    }
}
