//! Environments that are launched by themselves: one for each channel that asks for it, always with
//! the newest build that came into the channel.
//!
//! What is looked at is the channel, not the event that a build came: after a crash, or when several
//! builds came at once, the newest one is put in place.

use super::launch::launch;
use super::replace::replace;
use super::{choose, stop};
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::{self as rows, EnvironmentRecord, Kept, KeptFor, PutOff};
use crate::store::internal;
use app::view::{LaunchInput, ReplaceInput};
use chrono::TimeDelta;
use domain::channel::{Channel, ChannelLaunch};
use domain::config::{AppConfig, Config};
use domain::id::{BuildId, UserId};
use domain::lease::{EndReason, EnvironmentState};
use domain::problem::Kind;
use domain::{Actor, Person, Problem, Role};
use std::collections::BTreeMap;
use std::time::Duration;

/// A look at the channels comes at least so often.
const ROUND: Duration = Duration::from_secs(10);
/// What cannot be done now is tried again after 15 s, 30 s … and so often at most.
const FIRST_PAUSE: i64 = 15;
const MOST_ATTEMPTS: i64 = 8;

/// Looks after the channels until the instance stops.
pub async fn keep_channels(ctx: Ctx) {
    while !ctx.work.stop.is_cancelled() {
        if launch_waiting(&ctx).await.is_err() {
            // The cause is in the log already; the next round may succeed.
            tracing::warn!("a round over the channels did not get through");
        }
        tokio::select! {
            () = ctx.work.stop.cancelled() => {}
            () = ctx.work.launches.notified() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Puts the newest build of each channel that asks for it in place.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn launch_waiting(ctx: &Ctx) -> Result<(), Problem> {
    ctx.reload_config().await?;
    let applied = ctx.config();
    for app in &applied.config.apps {
        for channel in &app.channels {
            if let Some(wanted) = &channel.launch {
                see_to(ctx, &applied.config, app, channel, wanted).await?;
            }
        }
    }
    Ok(())
}

async fn see_to(ctx: &Ctx, config: &Config, app: &AppConfig, channel: &Channel, wanted: &ChannelLaunch) -> Result<(), Problem> {
    let Some(build) = ctx.store.newest_in_channel(&app.name, &channel.name).await? else { return Ok(()) };
    let kept = ctx.store.kept_for(&app.name, &channel.name).await?;
    let is_done = |kept: &Kept| kept.build == build && kept.next_at.is_none_or(|at| at > ctx.now());
    if kept.as_ref().is_some_and(is_done) || !is_fit(ctx, &build).await? {
        return Ok(());
    }
    let present = match kept.as_ref().and_then(|kept| kept.environment.as_ref()) {
        Some(id) => ctx.store.environment_record(id).await?,
        None => None,
    };
    let now = KeptFor { app: &app.name, channel: &channel.name, build: &build };
    let done = match present {
        // It is still at the one before: the newest is put in place when it is up.
        Some(environment) if environment.state.can_stop() && !is_up(environment.state) => return Ok(()),
        Some(environment) if is_same(config, app, &environment, wanted) => again(ctx, environment, now, wanted).await,
        Some(environment) => {
            if environment.ended_at.is_none() && environment.state != EnvironmentState::Stopping {
                stop::end(ctx, &Actor::Slipway, &environment, EndReason::StoppedByHand).await?;
            }
            anew(ctx, now, wanted).await
        }
        None => anew(ctx, now, wanted).await,
    };
    match done {
        Ok(()) => Ok(()),
        Err(problem @ Problem::Internal { .. }) => Err(problem),
        Err(problem) => put_off(ctx, now, kept.filter(|kept| kept.build == build), problem).await,
    }
}

/// Whether another build can be put in its place now. What somebody froze is left to them.
const fn is_up(state: EnvironmentState) -> bool {
    matches!(state, EnvironmentState::Running | EnvironmentState::Failed)
}

/// Neither quarantined nor lost.
async fn is_fit(ctx: &Ctx, build: &BuildId) -> Result<bool, Problem> {
    let ids = std::slice::from_ref(build);
    let quarantined = ctx.store.standings(ids).await?.get(build).is_some_and(|standing| standing.quarantined());
    let record = ctx.store.build_by_id(build).await?;
    let lost = record.is_none_or(|record| matches!(record.undescribed, Some(Problem::ImageGone { .. })));
    Ok(!quarantined && !lost)
}

/// Whether what is there is what the channel wants but for the build.
fn is_same(config: &Config, app: &AppConfig, environment: &EnvironmentRecord, wanted: &ChannelLaunch) -> bool {
    let alive = matches!(environment.state, EnvironmentState::Running | EnvironmentState::Failed);
    let stack = choose::stack_name(config, &app.name, wanted.stack.as_deref()).is_ok_and(|name| name == environment.stack);
    // A stack that comes with the commit may be another one at each.
    let stack = stack && app.stack_file.as_deref() != Some(environment.stack.as_str());
    alive && stack && wanted.engine.as_ref().is_none_or(|name| *name == environment.engine)
}

/// The build in the place of the one before, and the lease from the beginning.
async fn again(ctx: &Ctx, environment: EnvironmentRecord, kept: KeptFor<'_>, wanted: &ChannelLaunch) -> Result<(), Problem> {
    let input = ReplaceInput { build: kept.build.clone(), builds: BTreeMap::new(), keep_volumes: false };
    let until = ctx.now() + TimeDelta::hours(i64::from(wanted.lease_hours()));
    replace(ctx, &Actor::Slipway, &environment, input, Some((kept, until))).await
}

async fn anew(ctx: &Ctx, kept: KeptFor<'_>, wanted: &ChannelLaunch) -> Result<(), Problem> {
    let input = LaunchInput {
        stack: wanted.stack.clone(),
        lease_hours: Some(wanted.lease_hours()),
        preset: wanted.preset.clone(),
        engine: wanted.engine.clone(),
        check: wanted.check.clone(),
        stop_after: wanted.stop,
        ..LaunchInput::of(kept.build.clone())
    };
    let holder = Person { id: UserId("slipway".to_owned()), name: Actor::Slipway.label(), role: Role::Viewer };
    launch(ctx, &Actor::Slipway, &holder, input, Some(kept)).await.map(drop)
}

/// What may pass is tried again, ever more rarely; what will not is given up until the next build.
async fn put_off(ctx: &Ctx, kept: KeptFor<'_>, before: Option<Kept>, problem: Problem) -> Result<(), Problem> {
    let attempts = before.map_or(0, |before| before.attempts) + 1;
    let passes = matches!(problem.kind(), Kind::Unavailable | Kind::Conflict | Kind::TooMany) && attempts < MOST_ATTEMPTS;
    let pause = TimeDelta::seconds(FIRST_PAUSE << (attempts - 1).clamp(0, MOST_ATTEMPTS));
    let next_at = passes.then(|| ctx.now() + pause);
    tracing::warn!(app = kept.app, channel = kept.channel, %problem, attempts, "a build was not launched by itself");
    let mut tx = ctx.store.begin().await?;
    rows::put_off(&mut tx, kept, PutOff { problem: &problem, attempts, next_at }, ctx.now()).await?;
    if next_at.is_none() {
        let entry = Entry {
            action: "environment.not_launched",
            subject_kind: "build",
            subject: kept.build.as_str(),
            app: Some(kept.app),
            detail: format!("{}: {problem}", kept.channel),
        };
        ctx.audit(&mut tx, &Actor::Slipway, entry).await?;
    }
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}
