//! Notifications: from what happened to a message in a chat.
//!
//! What is to be told is written by [`announce`] in the transaction in which it happens, so that
//! nothing is told that was not kept, and nothing that was kept goes untold. The worker makes one
//! message a target of it, by the routes that are in force then, and sends each at least once:
//! after a crash between sending and noting it down, the same message goes out again under the
//! same id, by which a receiver can tell.

mod fan;
mod inside;
mod news;
mod read;
mod render;
mod send;
mod watch;

pub use fan::fan_out_waiting;
pub use news::{
    Acted, News, What, announce, approval_wanted, build_failed, build_ready, canary_returned, environment_expiring,
    environment_failed, environment_handed_over, environment_ready, glass_broken, held, rollback, rollback_given_up, rollout,
    sign_off, tag_moved, verdict,
};
pub use read::{messages, replay_message, send_test_message, targets};
pub use render::render;
pub use send::send_waiting;
pub use watch::{watch_hooks, watch_leases};

use crate::ctx::Ctx;
use crate::store::{internal, notifications as rows};
use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::config::Config;
use domain::problem::Fault;
use domain::{Problem, Time};
use std::time::Duration;

/// How often the worker looks for what it was not woken for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Leases end on the minute; hooks are silent for days.
const WATCH_EVERY: Duration = Duration::from_secs(30);
/// What was delivered is kept so long, and what was given up somewhat longer.
const KEEP_DELIVERED: TimeDelta = TimeDelta::days(30);
const KEEP_DEAD: TimeDelta = TimeDelta::days(90);
/// No rate counts over more than an hour.
const KEEP_TRIES: TimeDelta = TimeDelta::hours(1);
const BITE: i64 = 500;

/// Tells until the instance stops. What was left when it stopped is due at once.
pub async fn work(ctx: Ctx) {
    tokio::join!(fan::work(&ctx), send::work(&ctx), watching(&ctx), pruning(&ctx));
}

async fn watching(ctx: &Ctx) {
    loop {
        // The causes are in the log already; the next look may succeed.
        let _ = watch_leases(ctx).await;
        let _ = watch_hooks(ctx).await;
        if ctx.work.stop.run_until_cancelled(tokio::time::sleep(WATCH_EVERY)).await.is_none() {
            return;
        }
    }
}

async fn pruning(ctx: &Ctx) {
    loop {
        let more = forget_old(ctx).await.unwrap_or(false);
        let pause = Duration::from_secs(if more { 1 } else { 3600 });
        if ctx.work.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Forgets messages that ended long ago; says whether there are more.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn forget_old(ctx: &Ctx) -> Result<bool, Problem> {
    let mut tx = ctx.store.begin().await?;
    let now = ctx.now();
    let more = rows::forget(&mut tx, now - KEEP_DELIVERED, now - KEEP_DEAD, now - KEEP_TRIES, BITE).await?;
    tx.commit().await.map_err(internal)?;
    Ok(more)
}

/// Whether every time zone of a configuration is one.
///
/// # Errors
/// [`Problem::Config`] at the first that is not.
pub fn check_zones(config: &Config) -> Result<(), Problem> {
    for target in &config.targets {
        let named = target.quiet.as_ref().and_then(|quiet| quiet.time_zone.as_deref());
        if let Some(name) = named.filter(|name| name.parse::<Tz>().is_err()) {
            let why = Fault::Unreadable { detail: format!("there is no time zone {name}") };
            return Err(Problem::Config { place: format!("targets.{}.quiet.time_zone", target.name), why });
        }
    }
    Ok(())
}

/// The zone of this name; UTC without one.
fn zone(name: Option<&str>) -> Tz {
    name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

/// Seconds east of UTC in a zone at a time.
fn offset(zone: Tz, at: Time) -> i32 {
    use chrono::Offset as _;
    at.with_timezone(&zone).offset().fix().local_minus_utc()
}
