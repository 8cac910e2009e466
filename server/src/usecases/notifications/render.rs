//! From news to a message in the target's language. The same news give the same message in every try.

use super::fan::{short, subject};
use super::news::{Acted, News, What};
use super::zone;
use crate::ctx::Ctx;
use crate::notify::{Message, Tone};
use crate::store::notifications::Claimed;
use app::text::{Text, problem_text};
use chrono_tz::Tz;
use domain::notify::{EventKind, TargetConfig};
use domain::verdict::VerdictKind;
use domain::{Problem, Time};
use serde_json::json;

/// Commits that are listed; more are counted.
const MOST_COMMITS: usize = 10;
/// What joined a message is named so often.
const MOST_OTHERS: usize = 10;
const MOST_NOTE: usize = 2000;

/// The words of one target: its language and its clock.
struct Words {
    t: Text,
    zone: Tz,
}

/// The message that these news make, the oldest first; none without news.
pub fn render(ctx: &Ctx, target: &TargetConfig, claimed: &Claimed, news: &[News]) -> Option<Message> {
    let newest = news.last()?;
    let zone = zone(target.quiet.as_ref().and_then(|quiet| quiet.time_zone.as_deref()));
    let words = Words { t: Text::of_message(target.lang), zone };
    let t = words.t;
    let more = claimed.pieces - 1;
    let title = words.title(newest);
    let mut facts = words.facts(newest);
    let others: Vec<String> = news.iter().rev().skip(1).map(subject).filter(|text| !text.is_empty()).take(MOST_OTHERS).collect();
    if !others.is_empty() {
        facts.push((t.msg_also().to_owned(), others.join(", ")));
    }
    let note = newest.note.clone().or_else(|| words.why(newest));
    let (path, link) = words.link(newest);
    Some(Message {
        id: format!("msg_{}", claimed.id),
        event: newest.event,
        lang: target.lang,
        at: newest.at,
        tone: tone(newest),
        title: if more > 0 { t.msg_and_more(&title, more) } else { title },
        facts,
        note: note.map(|note| note.chars().take(MOST_NOTE).collect()),
        commits: newest.commits.iter().take(MOST_COMMITS).cloned().collect(),
        commits_total: newest.commits_total.max(newest.commits.len()),
        ask: words.ask(newest),
        mention: serde_json::from_str(&claimed.mention).unwrap_or_default(),
        link: Some((link.to_owned(), format!("{}{path}", ctx.settings.public_url))),
        data: json!({ "event": newest.event, "pieces": claimed.pieces, "news": news }),
    })
}

fn tone(news: &News) -> Tone {
    match (news.event, &news.what) {
        (
            _,
            What::Verdict { acted: Acted::Withdrawn | Acted::Overruled, .. }
            | What::SignOff { acted: Acted::Withdrawn | Acted::SentBack },
        ) => Tone::Warn,
        (_, What::Verdict { verdict, .. }) => match verdict {
            VerdictKind::Pass => Tone::Good,
            VerdictKind::Fail => Tone::Bad,
            VerdictKind::Blocked => Tone::Warn,
        },
        (EventKind::BuildFailed | EventKind::EnvironmentFailed | EventKind::RolloutFailed | EventKind::GlassBroken, _) => {
            Tone::Bad
        }
        (EventKind::BuildReady | EventKind::EnvironmentReady | EventKind::SignOff | EventKind::RolloutVerified, _) => Tone::Good,
        (
            EventKind::TagMoved
            | EventKind::EnvironmentExpiring
            | EventKind::Rollback
            | EventKind::PromotionPaused
            | EventKind::PromotionAborted
            | EventKind::CanaryReturned
            | EventKind::HookSilent,
            _,
        ) => Tone::Warn,
        _ => Tone::Neutral,
    }
}

impl Words {
    fn time(&self, at: Time) -> String {
        at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// The app and what people call its build: `web release-v5.12.05.02`.
    fn build(news: &News) -> String {
        let app = news.app.as_deref().unwrap_or_default();
        let name = news.tag.clone().or_else(|| news.digest.as_deref().map(short)).unwrap_or_default();
        format!("{app} {name}").trim().to_owned()
    }

    fn by(&self, news: &News) -> String {
        news.by.clone().unwrap_or_else(|| "Slipway".to_owned())
    }

    fn title(&self, news: &News) -> String {
        let (t, build, by) = (self.t, Self::build(news), self.by(news));
        match &news.what {
            What::Build => t.msg_build_ready(&build),
            What::Run { name, .. } => t.msg_build_failed(news.app.as_deref().unwrap_or_default(), name),
            What::TagMove { .. } => t.msg_tag_moved(&build),
            What::Environment { number, holder, .. } => match news.event {
                EventKind::EnvironmentFailed => t.msg_env_failed(*number, &build),
                EventKind::EnvironmentExpiring => t.msg_env_expiring(*number, &build),
                EventKind::EnvironmentHandedOver => t.msg_env_handed(*number, holder, &by),
                _ => t.msg_env_ready(*number, &build),
            },
            What::Verdict { verdict, acted } => match acted {
                Acted::Recorded => t.msg_verdict(t.verdict(*verdict), &build, &by),
                Acted::Withdrawn => t.msg_verdict_withdrawn(t.verdict(*verdict), &build, &by),
                Acted::Overruled | Acted::SentBack => t.msg_verdict_overruled(&build, &by),
            },
            What::SignOff { acted: Acted::Withdrawn } => t.msg_sign_off_withdrawn(&build, &by),
            What::SignOff { acted: Acted::SentBack } => t.msg_sent_back(&build, &by),
            What::SignOff { .. } => t.msg_signed(&build, &by),
            What::Promotion { number, regions, .. } => self.promotion(news.event, *number, &build, &regions.join(", ")),
            What::Hook { name, .. } => t.msg_silent(name),
            What::Test => t.msg_test().to_owned(),
        }
    }

    fn promotion(&self, event: EventKind, number: i64, build: &str, regions: &str) -> String {
        let t = self.t;
        match event {
            EventKind::ApprovalWanted => t.msg_approval(number, build, regions),
            EventKind::RolloutVerified => t.msg_verified(number, build, regions),
            EventKind::RolloutFailed => t.msg_failed(number, build, regions),
            EventKind::Rollback => t.msg_rollback(number, build, regions),
            EventKind::PromotionPaused => t.msg_paused(number, build),
            EventKind::PromotionResumed => t.msg_resumed(number, build),
            EventKind::PromotionAborted => t.msg_aborted(number, build),
            EventKind::CanaryReturned => t.msg_canary_returned(number, build, regions),
            EventKind::GlassBroken => t.msg_glass(number, build, regions),
            _ => t.msg_started(number, build, regions),
        }
    }

    fn facts(&self, news: &News) -> Vec<(String, String)> {
        let t = self.t;
        let mut facts: Vec<(&str, Option<String>)> = vec![(t.msg_time(), Some(self.time(news.at)))];
        facts.push((t.msg_app(), news.app.clone()));
        let version = || news.tag.clone().unwrap_or_else(|| t.msg_not_said().to_owned());
        facts.push((t.msg_version(), news.app.as_ref().map(|_| version())));
        if let Some(image) = &news.image {
            facts.push((t.msg_namespace(), Some(namespace(image))));
            facts.push((t.msg_image(), Some(full_name(image, news))));
        }
        facts.push((t.msg_digest(), news.digest.as_deref().map(short)));
        facts.push((t.msg_commit(), news.revision.as_deref().map(|commit| commit.chars().take(12).collect())));
        match &news.what {
            What::Run { name, url, branch } => {
                facts.push((t.msg_branch(), branch.clone()));
                facts.push((t.msg_run(), Some(url.clone().unwrap_or_else(|| name.clone()))));
            }
            What::TagMove { from } => facts.push((t.msg_before(), Some(short(from)))),
            What::Environment { stack, holder, lease_ends_at, .. } => {
                facts.push((t.msg_stack(), Some(stack.clone())));
                facts.push((t.msg_holder(), Some(holder.clone())));
                facts.push((t.msg_until(), Some(self.time(*lease_ends_at))));
            }
            What::Promotion { regions, .. } => facts.push((t.msg_regions(), Some(regions.join(" → ")))),
            What::Hook { name, last_at } => {
                facts.push((t.msg_hook(), Some(name.clone())));
                facts.push((t.msg_last(), Some(self.time(*last_at))));
            }
            What::Build | What::Verdict { .. } | What::SignOff { .. } | What::Test => {}
        }
        let by = if matches!(news.what, What::Run { .. }) { t.msg_author() } else { t.msg_by() };
        facts.push((by, news.by.clone()));
        if news.note.is_some() {
            facts.push((t.msg_why(), self.why(news)));
        }
        facts.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?))).collect()
    }

    /// What failed, in words for a reader.
    fn why(&self, news: &News) -> Option<String> {
        let failure: &Problem = match &news.what {
            What::Environment { failure, .. } | What::Promotion { failure, .. } => failure.as_ref()?,
            _ => return None,
        };
        Some(problem_text(self.t, failure).happened)
    }

    fn ask(&self, news: &News) -> Option<String> {
        let t = self.t;
        let ask = match &news.what {
            What::Build => t.ask_test().to_owned(),
            What::Run { .. } => t.ask_build().to_owned(),
            What::TagMove { .. } => t.ask_tag().to_owned(),
            What::Environment { holder, .. } => match news.event {
                EventKind::EnvironmentFailed => t.ask_env_failed(holder),
                EventKind::EnvironmentExpiring => t.ask_env_ends(holder),
                EventKind::EnvironmentHandedOver => t.ask_env_handed(holder),
                _ => t.ask_env(holder),
            },
            What::Verdict { verdict, acted: Acted::Recorded } => t.ask_after(*verdict).to_owned(),
            What::Verdict { .. } | What::SignOff { acted: Acted::Withdrawn } => t.ask_look_again().to_owned(),
            What::SignOff { acted: Acted::SentBack } => t.ask_sent_back().to_owned(),
            What::SignOff { .. } => t.ask_promote().to_owned(),
            What::Promotion { .. } => match news.event {
                EventKind::ApprovalWanted => t.ask_approve(&self.by(news)),
                EventKind::RolloutFailed => t.ask_failed().to_owned(),
                EventKind::Rollback => t.ask_watch().to_owned(),
                EventKind::PromotionPaused => t.ask_resume().to_owned(),
                EventKind::PromotionAborted => t.ask_aborted().to_owned(),
                EventKind::CanaryReturned => t.ask_canary().to_owned(),
                EventKind::GlassBroken => t.ask_review(&self.by(news)),
                _ => return None,
            },
            What::Hook { .. } => t.ask_hook().to_owned(),
            What::Test => t.ask_nothing().to_owned(),
        };
        Some(ask)
    }

    /// Where more is to be seen: the path, and what the link is called.
    fn link(&self, news: &News) -> (String, &'static str) {
        let t = self.t;
        match (&news.what, &news.build) {
            (What::Environment { id, .. }, _) => (format!("/environments/{id}"), t.link_environment()),
            (What::Promotion { id, .. }, _) => (format!("/promotions/{id}"), t.link_promotion()),
            (What::Hook { .. }, _) => ("/settings#hooks".to_owned(), t.link_hooks()),
            (What::Test, _) => ("/settings/notifications".to_owned(), t.link_notifications()),
            (_, Some(build)) => (format!("/builds/{build}"), t.link_build()),
            (_, None) => (app::parts::path_with("/builds", &[("app", news.app.as_deref())]), t.link_builds()),
        }
    }
}

/// `team/shop` of `registry.test/team/shop/web`; the host where there is nothing between.
fn namespace(image: &str) -> String {
    let (host, repository) = image.split_once('/').unwrap_or(("", image));
    repository.rsplit_once('/').map_or(host, |(namespace, _)| namespace).to_owned()
}

fn full_name(image: &str, news: &News) -> String {
    match (&news.tag, &news.digest) {
        (Some(tag), _) => format!("{image}:{tag}"),
        (None, Some(digest)) => format!("{image}@{digest}"),
        (None, None) => image.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_what_stands_between_the_host_and_the_name() {
        for (image, wanted) in [("r.test:5000/team/web", "team"), ("r.test/team/shop/web", "team/shop"), ("r.test/web", "r.test")]
        {
            assert_eq!(namespace(image), wanted);
        }
    }
}
