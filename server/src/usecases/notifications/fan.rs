//! From news to messages: by the routes in force, one for each target.

use super::news::News;
use super::{LOOK_AGAIN, offset, zone};
use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::notifications::{self as rows, NewMessage, NewsRow};
use crate::store::{Tx, internal};
use chrono::TimeDelta;
use domain::config::Config;
use domain::notify::{EventKind, TargetConfig};
use domain::{Problem, Time};
use std::collections::{BTreeMap, BTreeSet};

/// News that one transaction takes.
const BITE: i64 = 100;
/// People mentioned in one message, and words of its subject.
const MOST_MENTIONED: usize = 50;
const MOST_SUBJECT: usize = 200;
const GROUP_SECONDS: u32 = 10;

pub(super) async fn work(ctx: &Ctx) {
    loop {
        // The cause is in the log already; the next look may succeed.
        let _ = fan_out_waiting(ctx).await;
        tokio::select! {
            () = ctx.work.stop.cancelled() => return,
            () = ctx.work.notifications.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Makes messages of all news that wait.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn fan_out_waiting(ctx: &Ctx) -> Result<(), Problem> {
    while !ctx.work.stop.is_cancelled() && ctx.store.news_wait().await? {
        // Another process may have applied a configuration a moment ago (`slipway apply`).
        ctx.reload_config().await?;
        let applied = ctx.config();
        let mut tx = ctx.store.begin().await?;
        for news in rows::take_news(&mut tx, BITE).await? {
            fan_out(ctx, &mut tx, &applied.config, &news).await?;
        }
        tx.commit().await.map_err(internal)?;
        ctx.work.messages.notify_one();
        ctx.hub.tell(Topic::Notifications, None);
    }
    Ok(())
}

async fn fan_out(ctx: &Ctx, tx: &mut Tx, config: &Config, row: &NewsRow) -> Result<(), Problem> {
    // What an older or a newer version wrote and this one cannot read keeps nothing else waiting.
    let Ok(news) = serde_json::from_str::<News>(&row.body) else {
        tracing::error!(news = row.id, "news that cannot be read were put aside");
        return rows::finish_news(tx, &row.id, true, ctx.now()).await;
    };
    let hearers = hearers(config, &news);
    let heard = !hearers.is_empty();
    for (target, mention) in hearers {
        if let Some(target) = config.target(target) {
            add(ctx, tx, target, &news, &row.id, mention).await?;
        }
    }
    rows::finish_news(tx, &row.id, heard, ctx.now()).await
}

/// Each target that hears of it, once however many routes fit, and whom its message mentions.
fn hearers<'a>(config: &'a Config, news: &'a News) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut hearers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let own = || news.mention.iter().cloned();
    if let Some(to) = &news.to {
        if config.target(to).is_some() {
            hearers.entry(to).or_default().extend(own());
        }
        return hearers;
    }
    let app = news.app.as_deref();
    for route in &config.routes {
        let takes = |channel: Option<&str>| route.takes(news.event, app, channel);
        let fits = news.channels.iter().any(|channel| takes(Some(channel))) || (news.channels.is_empty() && takes(None));
        for target in route.targets.iter().filter(|_| fits) {
            hearers.entry(target).or_default().extend(own().chain(route.mention.iter().cloned()));
        }
    }
    hearers
}

async fn add(
    ctx: &Ctx,
    tx: &mut Tx,
    target: &TargetConfig,
    news: &News,
    id: &str,
    mut mention: BTreeSet<String>,
) -> Result<(), Problem> {
    let app = news.app.as_deref();
    let subject = subject(news);
    let group = if news.event == EventKind::Test { 0 } else { target.group_seconds.unwrap_or(GROUP_SECONDS) };
    if group > 0
        && let Some((message, before)) = rows::joinable(tx, &target.name, news.event, app).await?
    {
        mention.extend(serde_json::from_str::<BTreeSet<String>>(&before).unwrap_or_default());
        if rows::join(tx, &message, id, &subject, &names(mention.clone())?).await? {
            return Ok(());
        }
    }
    let now = ctx.now();
    let message = NewMessage {
        id: ctx.new_id(),
        target: &target.name,
        event: news.event,
        app,
        subject: &subject,
        mention: &names(mention)?,
        joinable: group > 0,
        now,
        due: due(target, news.event, now, group),
    };
    rows::insert_message(tx, &message, id).await
}

fn names(mention: BTreeSet<String>) -> Result<String, Problem> {
    let names: Vec<String> = mention.into_iter().take(MOST_MENTIONED).collect();
    serde_json::to_string(&names).map_err(internal)
}

/// When a message goes out: what is urgent at once, the rest when no more can join it and the
/// target's quiet hours are over.
fn due(target: &TargetConfig, event: EventKind, now: Time, group: u32) -> Time {
    if event.is_urgent() { now } else { after_quiet(target, event, now + TimeDelta::seconds(i64::from(group))) }
}

/// When what is due at a time may be told: then, or when the target's quiet hours are over.
pub(super) fn after_quiet(target: &TargetConfig, event: EventKind, due: Time) -> Time {
    let Some(quiet) = target.quiet.as_ref().filter(|_| !event.is_urgent()) else { return due };
    let zone = zone(quiet.time_zone.as_deref());
    let here = offset(zone, due);
    let then = quiet.not_before(due, here);
    // The clocks may have been changed in that night.
    if then == due { due } else { then + TimeDelta::seconds(i64::from(here - offset(zone, then))) }
}

/// What it is about, in a few words that are the same in every language.
pub(super) fn subject(news: &News) -> String {
    use super::news::What;
    let build = || news.tag.clone().or_else(|| news.digest.as_deref().map(short)).unwrap_or_default();
    let subject = match &news.what {
        What::Environment { number, .. } => format!("E-{number} {}", build()),
        What::Promotion { number, regions, .. } => format!("P-{number} {} → {}", build(), regions.join(", ")),
        What::Run { name, .. } => name.clone(),
        What::Hook { name, .. } => name.clone(),
        What::Build | What::TagMove { .. } | What::Verdict { .. } | What::SignOff { .. } | What::Test => build(),
    };
    subject.trim().chars().filter(|c| !c.is_control()).take(MOST_SUBJECT).collect()
}

/// Twelve digits of a digest.
pub(super) fn short(digest: &str) -> String {
    digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(quiet: serde_json::Value) -> TargetConfig {
        let target = serde_json::json!({ "name": "ops", "kind": "slack", "url": "https://chat.test/", "quiet": quiet });
        serde_json::from_value(target).expect("a target")
    }

    #[test]
    fn a_quiet_night_ends_on_the_wall_clock_even_when_the_clocks_are_changed_in_it() {
        let at = |text: &str| text.parse::<Time>().expect("a time");
        let berlin = target(serde_json::json!({ "from": "22:00", "until": "08:00", "time_zone": "Europe/Berlin" }));
        let due = |now: &str, event| due(&berlin, event, at(now), 10);
        assert_eq!(due("2026-10-24T21:00:00Z", EventKind::BuildReady), at("2026-10-25T07:00:00Z"), "summer time ended");
        assert_eq!(due("2026-03-28T22:00:00Z", EventKind::BuildReady), at("2026-03-29T06:00:00Z"), "summer time began");
        assert_eq!(due("2026-11-24T12:00:00Z", EventKind::BuildReady), at("2026-11-24T12:00:10Z"), "by day");
        assert_eq!(due("2026-11-24T23:00:00Z", EventKind::RolloutFailed), at("2026-11-24T23:00:00Z"), "urgent");
    }
}
