//! Reading tags from the registries: what no hook told is found after a start and then at a set
//! interval, and all of a new app's when somebody asks.

use super::record::{Changes, Origin, Recorder};
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::intake::{Event, Fact, Push};
use crate::registry::Description;
use crate::store::builds::record as build_rows;
use crate::store::sweeps::{self as rows, Progress};
use crate::store::{internal, missing};
use chrono::TimeDelta;
use domain::channel::channel_of;
use domain::config::AppConfig;
use domain::problem::Noun;
use domain::{Action, Actor, ChannelKind, Digest, Problem, Tag, Time};
use futures::StreamExt as _;
use std::collections::HashMap;
use std::time::Duration;

/// How often each registry is read when the configuration does not say.
const EVERY: TimeDelta = TimeDelta::minutes(10);
/// How soon a changed interval or a sweep that was asked for is noticed.
const LOOK: Duration = Duration::from_secs(2);
/// Release tags seldom move: of those known already, so many are asked about in one sweep, those
/// first that were heard of longest ago.
const OLD_RELEASES: usize = 20;
/// Questions to one registry at once.
const AT_ONCE: usize = 4;
/// Known tags of one app.
const MOST_KNOWN: i64 = 50_000;
/// A sweep waits so long and so often for a registry that is asked too often.
const MOST_WAITS: u32 = 10;
/// Progress is written every so many tags.
const STRIDE: i64 = 10;

/// Asks for all tags of an app to be read, as for a new app.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`]; [`Problem::Stale`] when one goes on already.
pub async fn ask_sweep(ctx: &Ctx, actor: &Actor, app: &str) -> Result<(), Problem> {
    actor.require(Action::Configure)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let app = applied.config.app(app).ok_or_else(|| missing(Noun::App, app))?;
    let mut tx = ctx.store.begin().await?;
    if !rows::ask(&mut tx, &app.name, &actor.label()).await? {
        return Err(Problem::Stale);
    }
    let entry =
        Entry { action: "sweep.asked", subject_kind: "app", subject: &app.name, app: Some(&app.name), ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.sweeps.notify_one();
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

/// Sweeps until the instance stops: what was asked for or broken off first, and every app in its turn.
pub async fn keep_sweeping(ctx: &Ctx) {
    let mut swept: HashMap<String, Time> = HashMap::new();
    while !ctx.work.stop.is_cancelled() {
        if round(ctx, &mut swept).await.is_err() {
            tracing::warn!("a round of sweeps did not get through");
        }
        tokio::select! {
            () = ctx.work.stop.cancelled() => {}
            () = ctx.work.sweeps.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn round(ctx: &Ctx, swept: &mut HashMap<String, Time>) -> Result<(), Problem> {
    let asked = ctx.store.sweeps().await?;
    let applied = ctx.config();
    let every = applied.config.intake.sweep_minutes.map_or(EVERY, |minutes| TimeDelta::minutes(i64::from(minutes)));
    for app in &applied.config.apps {
        let row = asked.iter().find(|row| row.app == app.name);
        let going = row.filter(|row| matches!(row.state.as_str(), "waiting" | "running"));
        let whole = going.is_some_and(|row| row.whole);
        let due = every > TimeDelta::zero() && swept.get(&app.name).is_none_or(|at| ctx.now() - *at >= every);
        if !(whole || due) {
            continue;
        }
        let by = going.map_or_else(|| Actor::Slipway.label(), |row| row.asked_by.clone());
        let ended = ctx.work.stop.run_until_cancelled(sweep(ctx, app, whole, &by)).await;
        let Some(ended) = ended else { return Ok(()) };
        swept.insert(app.name.clone(), ctx.now());
        let mut tx = ctx.store.begin().await?;
        rows::finish(&mut tx, &app.name, ended.as_ref().err(), ctx.now()).await?;
        tx.commit().await.map_err(internal)?;
        ctx.hub.tell(Topic::Settings, None);
        if let Err(problem) = ended {
            tracing::warn!(app = %app.name, %problem, "a registry was not read to the end");
        }
    }
    Ok(())
}

/// Reads an app's tags once. What is new or has moved is recorded as if a hook had told it.
///
/// # Errors
/// Those of the registry and of the database; what was recorded until then stays.
pub async fn sweep(ctx: &Ctx, app: &AppConfig, whole: bool, by: &str) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    rows::begin(&mut tx, &app.name, whole, by, ctx.now()).await?;
    tx.commit().await.map_err(internal)?;
    let tags = patiently(ctx, || async { ctx.registry().tags(&app.image).await }).await?;
    let known: HashMap<String, Time> = ctx.store.known_tags(&app.name, MOST_KNOWN).await?.into_iter().collect();
    let wanted = wanted(app, tags, &known, whole);
    let mut progress = Progress { tags_total: i64::try_from(wanted.len()).unwrap_or(i64::MAX), ..Progress::default() };
    let mut found: Vec<(Tag, Digest, Option<Description>)> = Vec::new();
    let mut asked = futures::stream::iter(wanted).map(|tag| ask(ctx, app, tag, whole)).buffer_unordered(AT_ONCE);
    while let Some(answer) = asked.next().await {
        progress.tags_done += 1;
        match answer? {
            // Of a whole history, the oldest is recorded first.
            Some(one) if whole => found.push(one),
            Some(one) => progress.builds_found += i64::from(record(ctx, app, one).await?),
            None => {}
        }
        if whole && progress.tags_done % STRIDE == 0 {
            tell_progress(ctx, app, progress).await?;
        }
    }
    found.sort_by_key(|(tag, _, described)| (described.as_ref().and_then(|one| one.provenance.built_at), tag.to_string()));
    for one in found {
        progress.builds_found += i64::from(record(ctx, app, one).await?);
    }
    tell_progress(ctx, app, progress).await
}

async fn tell_progress(ctx: &Ctx, app: &AppConfig, progress: Progress) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    rows::advance(&mut tx, &app.name, progress).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Settings, None);
    Ok(())
}

/// The tags that are asked about: those of channels, all of them at first, later those that are
/// new or move, and a few old releases in turn.
fn wanted(app: &AppConfig, tags: Vec<Tag>, known: &HashMap<String, Time>, whole: bool) -> Vec<Tag> {
    let (mut wanted, mut old) = (Vec::new(), Vec::new());
    for tag in tags {
        let Some(channel) = channel_of(&app.channels, &tag) else { continue };
        match known.get(tag.as_str()) {
            Some(at) if channel.kind == ChannelKind::Release && !whole => old.push((*at, tag)),
            _ => wanted.push(tag),
        }
    }
    old.sort();
    wanted.extend(old.into_iter().take(OLD_RELEASES).map(|(_, tag)| tag));
    wanted
}

/// Where a tag points now; none when it is gone since it was listed.
async fn ask(ctx: &Ctx, app: &AppConfig, tag: Tag, whole: bool) -> Result<Option<(Tag, Digest, Option<Description>)>, Problem> {
    let resolved = patiently(ctx, || async { ctx.registry().resolve(&app.image, &tag).await }).await;
    let digest = match resolved {
        Ok(digest) => digest,
        Err(Problem::ImageGone { .. }) => return Ok(None),
        Err(problem) => return Err(problem),
    };
    if !whole {
        return Ok(Some((tag, digest, None)));
    }
    // Its place in history is when it was made. Without that it counts as new.
    let described = patiently(ctx, || async { ctx.registry().describe(&app.image, &digest).await }).await.ok();
    Ok(Some((tag, digest, described)))
}

/// Asks again where a registry says that it is asked too often.
async fn patiently<T, F: Future<Output = Result<T, Problem>>>(ctx: &Ctx, mut question: impl FnMut() -> F) -> Result<T, Problem> {
    for _ in 0..MOST_WAITS {
        match question().await {
            Err(Problem::RegistryBusy { seconds, .. }) => {
                let pause = tokio::time::sleep(Duration::from_secs(seconds));
                if ctx.work.stop.run_until_cancelled(pause).await.is_none() {
                    return Err(Problem::Busy);
                }
            }
            other => return other,
        }
    }
    question().await
}

/// Records one tag; true when it was new or had moved.
async fn record(
    ctx: &Ctx,
    app: &AppConfig,
    (tag, digest, described): (Tag, Digest, Option<Description>),
) -> Result<bool, Problem> {
    let now = ctx.now();
    let built_at = described.as_ref().and_then(|one| one.provenance.built_at).filter(|at| *at <= now);
    let at = built_at.unwrap_or(now);
    let applied = ctx.config();
    let origin = Origin { source: "registry", delivery: None, received_at: at };
    let push = Push { images: vec![app.image.clone()], tag, digest: Some(digest) };
    let event = Event { key: String::new(), at: Some(at), fact: Ok(Fact::Push(push)) };
    let mut tx = ctx.store.begin().await?;
    let mut recorder = Recorder::new(ctx, &Actor::Slipway, &applied.config, origin);
    recorder.lock(&mut tx, std::slice::from_ref(&event)).await?;
    recorder.event(&mut tx, event).await?;
    let moved = recorder.moved();
    let (_, changes) = recorder.finish();
    if let Some(described) = &described {
        for build in &changes.builds {
            build_rows::describe(&mut tx, build, described).await?;
        }
    }
    tx.commit().await.map_err(internal)?;
    if moved {
        tell(ctx, &changes);
    }
    Ok(moved)
}

fn tell(ctx: &Ctx, changes: &Changes) {
    for build in &changes.builds {
        ctx.hub.tell(Topic::Builds, build.0.clone());
    }
    ctx.work.described.notify_one();
    ctx.work.launches.notify_one();
    ctx.work.bookings.notify_one();
    ctx.hub.tell(Topic::Activity, None);
}
