//! Who hears of what: events, targets and routes.

mod retry;

pub use retry::{MOST_TRIES, retry_after};

use crate::problem::Fault;
use chrono::{DateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    BuildReady,
    BuildFailed,
    /// A release tag was moved to another digest.
    TagMoved,
    EnvironmentReady,
    EnvironmentFailed,
    EnvironmentExpiring,
    EnvironmentHandedOver,
    Verdict,
    SignOff,
    ApprovalWanted,
    RolloutStarted,
    RolloutVerified,
    RolloutFailed,
    Rollback,
    /// Somebody paused a promotion, let it go on, or ended it.
    PromotionPaused,
    PromotionResumed,
    PromotionAborted,
    /// A canary is gone, and its region as it was before.
    CanaryReturned,
    /// A lead started without people's decisions.
    GlassBroken,
    /// A hook was silent for longer than usual.
    HookSilent,
    /// Somebody pressed "send a test message".
    Test,
}

impl EventKind {
    pub const ALL: [EventKind; 21] = [
        EventKind::BuildReady,
        EventKind::BuildFailed,
        EventKind::TagMoved,
        EventKind::EnvironmentReady,
        EventKind::EnvironmentFailed,
        EventKind::EnvironmentExpiring,
        EventKind::EnvironmentHandedOver,
        EventKind::Verdict,
        EventKind::SignOff,
        EventKind::ApprovalWanted,
        EventKind::RolloutStarted,
        EventKind::RolloutVerified,
        EventKind::RolloutFailed,
        EventKind::Rollback,
        EventKind::PromotionPaused,
        EventKind::PromotionResumed,
        EventKind::PromotionAborted,
        EventKind::CanaryReturned,
        EventKind::GlassBroken,
        EventKind::HookSilent,
        EventKind::Test,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::BuildReady => "build_ready",
            EventKind::BuildFailed => "build_failed",
            EventKind::TagMoved => "tag_moved",
            EventKind::EnvironmentReady => "environment_ready",
            EventKind::EnvironmentFailed => "environment_failed",
            EventKind::EnvironmentExpiring => "environment_expiring",
            EventKind::EnvironmentHandedOver => "environment_handed_over",
            EventKind::Verdict => "verdict",
            EventKind::SignOff => "sign_off",
            EventKind::ApprovalWanted => "approval_wanted",
            EventKind::RolloutStarted => "rollout_started",
            EventKind::RolloutVerified => "rollout_verified",
            EventKind::RolloutFailed => "rollout_failed",
            EventKind::Rollback => "rollback",
            EventKind::PromotionPaused => "promotion_paused",
            EventKind::PromotionResumed => "promotion_resumed",
            EventKind::PromotionAborted => "promotion_aborted",
            EventKind::CanaryReturned => "canary_returned",
            EventKind::GlassBroken => "glass_broken",
            EventKind::HookSilent => "hook_silent",
            EventKind::Test => "test",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What is told at any hour: somebody may have to act on it now.
    pub const fn is_urgent(self) -> bool {
        use EventKind as E;
        matches!(
            self,
            E::TagMoved
                | E::RolloutFailed
                | E::Rollback
                | E::PromotionPaused
                | E::PromotionAborted
                | E::CanaryReturned
                | E::GlassBroken
                | E::Test
        )
    }
}

/// How a message to a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// For its turn, for the end of quiet hours, or for the next try.
    Waiting,
    Delivered,
    /// Given up.
    Dead,
}

impl MessageState {
    pub const ALL: [MessageState; 3] = [MessageState::Waiting, MessageState::Delivered, MessageState::Dead];

    pub const fn as_str(self) -> &'static str {
        match self {
            MessageState::Waiting => "waiting",
            MessageState::Delivered => "delivered",
            MessageState::Dead => "dead",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A kind of chat or mail service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    BearyChat,
    DingTalk,
    Feishu,
    WeCom,
    Slack,
    Discord,
    Mattermost,
    Teams,
    Email,
    /// Standard Webhooks 1.0.
    Webhook,
}

impl TargetKind {
    /// The service's own name.
    pub const fn name(self) -> &'static str {
        match self {
            TargetKind::BearyChat => "BearyChat",
            TargetKind::DingTalk => "DingTalk",
            TargetKind::Feishu => "Feishu",
            TargetKind::WeCom => "WeCom",
            TargetKind::Slack => "Slack",
            TargetKind::Discord => "Discord",
            TargetKind::Mattermost => "Mattermost",
            TargetKind::Teams => "Teams",
            TargetKind::Email => "Email",
            TargetKind::Webhook => "Webhook",
        }
    }
}

/// The language of a target's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageLang {
    #[default]
    En,
    Zh,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    pub name: String,
    pub kind: TargetKind,
    /// The address that is posted to, where it holds no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The name of the secret that holds the address, where the address is one: most chat robots' are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_secret: Option<String>,
    /// The name of the secret that messages are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_secret: Option<String>,
    #[serde(default)]
    pub lang: MessageLang,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailConfig>,
    /// The service's own ids of Slipway's users, for mentions: `ada = "13800000000"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mentions: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// Messages of one kind about one app that come within so many seconds become one. Default 10; 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_seconds: Option<u32>,
}

/// How mail is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    pub host: String,
    /// Default 465 with `tls = "implicit"`, 587 with `"starttls"`, 25 with `"none"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: MailTls,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<String>,
    pub from: String,
    pub to: Vec<String>,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    #[default]
    Starttls,
    Implicit,
    /// In the clear, for a server inside one's own network.
    None,
}

/// Hours in which only what is urgent is told; the rest waits until they end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// `22:00`.
    pub from: String,
    /// `08:00`; earlier than `from` means the next morning.
    pub until: String,
    /// IANA name; default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// Which events of which apps and channels go where. Every route that fits counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Events; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventKind>,
    /// Apps, each a name or a beginning followed by `*`; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
    /// Channels, as apps. What has no channel fits only when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    pub targets: Vec<String>,
    /// Users who are mentioned in these messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mention: Vec<String>,
}

impl RouteConfig {
    /// Whether an event goes this way.
    pub fn takes(&self, event: EventKind, app: Option<&str>, channel: Option<&str>) -> bool {
        let event_fits = self.events.is_empty() || self.events.contains(&event);
        event_fits && fits(&self.apps, app) && fits(&self.channels, channel)
    }
}

fn fits(patterns: &[String], name: Option<&str>) -> bool {
    let one = |pattern: &String, name: &str| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    };
    patterns.is_empty() || name.is_some_and(|name| patterns.iter().any(|pattern| one(pattern, name)))
}

impl QuietHours {
    /// Both ends as times of day.
    ///
    /// # Errors
    /// [`Fault`] when one is not `HH:MM`.
    pub fn ends(&self) -> Result<(NaiveTime, NaiveTime), Fault> {
        let read = |text: &str| NaiveTime::parse_from_str(text, "%H:%M");
        let bad = |_| Fault::Unreadable { detail: "a time like 22:00".to_owned() };
        Ok((read(&self.from).map_err(bad)?, read(&self.until).map_err(bad)?))
    }

    /// When a message that is due at `at` may go: `at` itself outside quiet hours, else their end.
    /// `offset` is the zone's seconds east of UTC at that time.
    pub fn not_before(&self, at: DateTime<Utc>, offset: i32) -> DateTime<Utc> {
        let Ok((from, until)) = self.ends() else { return at };
        let offset = chrono::TimeDelta::seconds(i64::from(offset));
        let local = (at + offset).naive_utc();
        let time = local.time();
        let quiet = if from <= until { time >= from && time < until } else { time >= from || time < until };
        if !quiet || from == until {
            return at;
        }
        let day = if time < until { local.date() } else { local.date() + chrono::TimeDelta::days(1) };
        day.and_time(until).and_utc() - offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn route(events: &[EventKind], apps: &[&str], channels: &[&str]) -> RouteConfig {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        RouteConfig { events: events.to_vec(), apps: owned(apps), channels: owned(channels), targets: vec![], mention: vec![] }
    }

    #[test]
    fn a_route_takes_what_fits_in_every_part() {
        let all = route(&[], &[], &[]);
        assert!(all.takes(EventKind::Verdict, None, None) && all.takes(EventKind::BuildReady, Some("web"), Some("dev")));
        let some = route(&[EventKind::BuildReady], &["web", "pay-*"], &["release-v*"]);
        assert!(some.takes(EventKind::BuildReady, Some("pay-core"), Some("release-v*")));
        assert!(!some.takes(EventKind::BuildReady, Some("pay"), Some("release-v*")));
        assert!(!some.takes(EventKind::BuildReady, Some("web"), Some("dev")));
        assert!(!some.takes(EventKind::BuildReady, Some("web"), None));
        assert!(!some.takes(EventKind::Verdict, Some("web"), Some("release-v*")));
    }

    #[test]
    fn the_night_ends_in_the_morning_of_the_targets_own_zone() {
        let night = QuietHours { from: "22:00".into(), until: "08:00".into(), time_zone: Some("Asia/Shanghai".into()) };
        let shanghai = 8 * 3600;
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        assert_eq!(night.not_before(at("2026-11-26T13:59:00Z"), shanghai), at("2026-11-26T13:59:00Z"), "21:59 there");
        assert_eq!(night.not_before(at("2026-11-26T14:00:00Z"), shanghai), at("2026-11-27T00:00:00Z"), "22:00 there");
        assert_eq!(night.not_before(at("2026-11-26T23:59:59Z"), shanghai), at("2026-11-27T00:00:00Z"), "07:59 there");
        assert_eq!(night.not_before(at("2026-11-27T00:00:00Z"), shanghai), at("2026-11-27T00:00:00Z"), "08:00 there");
    }

    proptest! {
        #[test]
        fn quiet_hours_put_off_by_less_than_a_day_and_never_forward_twice(seconds in 0i64..4_000_000_000, from in 0u32..1440, until in 0u32..1440, offset in -43_200i32..50_400) {
            let text = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
            let quiet = QuietHours { from: text(from), until: text(until), time_zone: None };
            let at = DateTime::<Utc>::from_timestamp(seconds, 0).expect("a time");
            let then = quiet.not_before(at, offset);
            prop_assert!(then >= at && then - at < chrono::TimeDelta::days(1));
            prop_assert_eq!(quiet.not_before(then, offset), then);
        }
    }
}
