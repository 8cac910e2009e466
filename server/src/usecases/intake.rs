//! Webhook deliveries: store, then process.
//!
//! [`accept`] keeps the raw request before it is answered, with others in one commit. [`process_waiting`] turns what was
//! kept into builds and tags, each delivery in one transaction. [`describe_waiting`] then reads
//! the labels of new builds from their registry, and tries again where it could not. All three
//! can be stopped anywhere: what is in the database says where to go on.

mod describe;
mod inbox;
mod record;
mod runs;
mod sweep;
mod together;

use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::intake::{self as sources, Event, Fact, Headers, Source, Told};
use crate::store::hooks::HookRow;
use crate::store::intake::{self as rows, Incoming, Outcome, Produced, Waiting};
use crate::store::internal;
use chrono::TimeDelta;
use domain::config::Config;
use domain::delivery::Reason;
use domain::id::DeliveryId;
use domain::{Action, Actor, Problem, Time};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Notify;

pub use describe::describe_waiting;
pub use inbox::{deliveries, delivery, replay};
pub use sweep::{ask_sweep, sweep};
pub use together::Queue;

/// Bodies held in memory while a worker goes through them: at most this many MiB.
const BATCH: i64 = 8;
/// After this many failed attempts a delivery is given up and shown as failed.
const MOST_ATTEMPTS: i64 = 10;
/// Ignored deliveries are kept this long, for whoever asks why nothing happened.
const KEEP_IGNORED_DAYS: i64 = 30;
/// The longest a worker waits without a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Of a body that was refused, so many bytes are kept.
const MOST_REFUSED: usize = 16 << 10;
/// Reasons shown with one delivery.
const MOST_REASONS: usize = 10;

/// How a request was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    Stored(DeliveryId),
    /// Every event of it is known: nothing was changed.
    Duplicate,
}

/// Keeps a webhook request. When this returns, it is on disk.
///
/// The sender is checked over the raw bytes before anything is parsed. What is not believed or not
/// of the source's form is refused, and noted for whoever looks for it; nothing else comes of it.
///
/// # Errors
/// [`Problem::Forbidden`] for anyone but a hook; [`Problem::Unproven`]; [`Problem::Invalid`] when
/// the body is not of the source's form; [`Problem::Busy`] when it could not be written in time.
pub async fn accept(ctx: &Ctx, actor: &Actor, hook: &HookRow, headers: &Headers, body: &[u8]) -> Result<Accepted, Problem> {
    actor.require(Action::Deliver)?;
    let source = sources::source(&hook.source).map_err(internal)?;
    let told = Told { headers, body, registry: hook.registry.as_deref(), received_at: ctx.now() };
    let secrets = super::hooks::secrets_in_force(ctx, hook).await?;
    if let Err(why) = source.verify(&told, &secrets, told.received_at) {
        note_refused(ctx, hook, &told, Reason::Refused { why: why.clone() }).await?;
        return Err(Problem::Unproven { why });
    }
    let events = match source.read(&told) {
        Ok(events) => events,
        Err(why) => {
            note_refused(ctx, hook, &told, Reason::NotRead { why: why.clone() }).await?;
            return Err(Problem::invalid("body", why));
        }
    };
    let (outcome, reasons) = at_first_sight(&events);
    let incoming = Incoming { keys: keys(&events, body), ..incoming(ctx, hook, &told, outcome, &reasons)? };
    ctx.intake.store(ctx, incoming).await
}

fn incoming(ctx: &Ctx, hook: &HookRow, told: &Told<'_>, outcome: Outcome, reasons: &[Reason]) -> Result<Incoming, Problem> {
    let headers = told.headers.to_keep();
    let most = if outcome == Outcome::Refused { MOST_REFUSED } else { usize::MAX };
    Ok(Incoming {
        id: ctx.new_id(),
        hook: hook.id.clone(),
        at: told.received_at,
        content_type: headers.get("content-type").unwrap_or_default().to_owned(),
        headers: headers.to_json(),
        body: told.body.get(..most).unwrap_or(told.body).to_vec(),
        length: told.body.len(),
        outcome,
        reasons: serde_json::to_string(reasons).map_err(internal)?,
        keys: BTreeSet::new(),
    })
}

/// What was refused is noted with the beginning of its body, so that whoever sets a builder up sees why.
async fn note_refused(ctx: &Ctx, hook: &HookRow, told: &Told<'_>, reason: Reason) -> Result<(), Problem> {
    tracing::warn!(hook = %hook.name, ?reason, "a delivery was refused");
    let noted = incoming(ctx, hook, told, Outcome::Refused, &[reason])?;
    ctx.intake.store(ctx, noted).await.map(|_| ())
}

/// Pulls and layers are most of what a registry tells: they need no worker.
fn at_first_sight(events: &[Event]) -> (Outcome, Vec<Reason>) {
    if events.iter().any(|event| event.fact.is_ok()) {
        return (Outcome::Stored, Vec::new());
    }
    let mut reasons = Vec::new();
    events.iter().filter_map(|event| event.fact.as_ref().err()).for_each(|reason| note(&mut reasons, reason.clone()));
    if events.is_empty() {
        reasons.push(Reason::NoEvents);
    }
    (Outcome::Ignored, reasons)
}

fn note(reasons: &mut Vec<Reason>, reason: Reason) {
    if reasons.len() < MOST_REASONS && !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

/// In one order, so that two requests with the same events wait for each other instead of
/// blocking each other. A body without events repeats when its bytes do.
fn keys(events: &[Event], body: &[u8]) -> BTreeSet<String> {
    if events.is_empty() {
        return BTreeSet::from([format!("body:{}", hex::encode(sha2::Sha256::digest(body)))]);
    }
    events.iter().map(|event| event.key.clone()).collect()
}

// ---- The worker ----------------------------------------------------------------------------

/// Processes stored deliveries and describes builds until the instance stops. What was left
/// when it stopped the last time is due at once.
pub async fn work(ctx: Ctx) {
    let processing = async {
        loop {
            let next = process_waiting(&ctx).await;
            ctx.work.described.notify_one();
            if !pause(&ctx, next, &ctx.work.deliveries).await {
                return;
            }
        }
    };
    let describing = async {
        loop {
            let next = describe_waiting(&ctx).await;
            if !pause(&ctx, next, &ctx.work.described).await {
                return;
            }
        }
    };
    tokio::join!(processing, describing, forget(&ctx), sweep::keep_sweeping(&ctx));
}

/// Waits for a call or for the time that something is due; false when the instance stops.
pub(super) async fn pause(ctx: &Ctx, next: Result<Option<Time>, Problem>, call: &Notify) -> bool {
    let pause = match next {
        Ok(None) => LONGEST_PAUSE,
        Ok(Some(at)) => (at - ctx.now()).to_std().unwrap_or_default().clamp(Duration::from_millis(50), LONGEST_PAUSE),
        // The cause is in the log already; the database may be back soon.
        Err(_) => Duration::from_secs(1),
    };
    tokio::select! {
        () = ctx.work.stop.cancelled() => false,
        () = call.notified() => true,
        () = tokio::time::sleep(pause) => true,
    }
}

/// Forgets deliveries that had no effect a month ago, a bounded number at once; what they are known by
/// stays, so that a repetition is one for ever. True when there may be more of them.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn forget_ignored(ctx: &Ctx) -> Result<bool, Problem> {
    let mut tx = ctx.store.begin().await?;
    let before = ctx.now() - TimeDelta::days(KEEP_IGNORED_DAYS);
    let gone = rows::forget_ignored(&mut tx, before, 1000).await?;
    tx.commit().await.map_err(internal)?;
    Ok(gone >= 1000)
}

/// Forgets what is old enough, every hour and in bounded bites.
async fn forget(ctx: &Ctx) {
    loop {
        let more = forget_ignored(ctx).await.unwrap_or_default();
        let pause = Duration::from_secs(if more { 1 } else { 3600 });
        if ctx.work.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Processes every delivery that is due, the oldest first, and says when the next one is.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn process_waiting(ctx: &Ctx) -> Result<Option<Time>, Problem> {
    loop {
        let waiting = ctx.store.waiting_deliveries(ctx.now(), BATCH).await?;
        if waiting.is_empty() || ctx.work.stop.is_cancelled() {
            return ctx.store.next_delivery_at().await;
        }
        // Another process may have applied a configuration a moment ago (`slipway apply`).
        ctx.reload_config().await?;
        for delivery in &waiting {
            ctx.intake.give_way().await;
            match process(ctx, delivery).await {
                Ok(changes) => tell(ctx, &changes),
                Err(problem) => put_off(ctx, delivery, problem).await?,
            }
        }
    }
}

/// One delivery, in one transaction: builds, tags, moves, record, and that it is done. The delivery itself is on
/// disk, so all of it can be done again.
async fn process(ctx: &Ctx, delivery: &Waiting) -> Result<record::Changes, Problem> {
    let actor = Actor::Hook { id: delivery.hook.id.clone(), name: delivery.hook.name.clone() };
    let source: &dyn Source = sources::source(&delivery.hook.source).map_err(internal)?;
    let told = Told {
        headers: &delivery.headers,
        body: &delivery.body,
        registry: delivery.hook.registry.as_deref(),
        received_at: delivery.received_at,
    };
    let mut events = source.read(&told).map_err(|why| Problem::invalid("body", why))?;
    events.sort_by_key(|event| event.at.unwrap_or(delivery.received_at));
    let applied = ctx.config();
    find_digests(ctx, &applied.config, &mut events).await?;
    let mut tx = ctx.store.begin_repeatable().await?;
    let Some(mut new) = rows::take_delivery(&mut tx, &delivery.id).await? else { return Ok(record::Changes::default()) };
    events.retain(|event| new.remove(&event.key));
    let origin =
        record::Origin { source: &delivery.hook.source, delivery: Some(&delivery.id), received_at: delivery.received_at };
    let mut recorder = record::Recorder::new(ctx, &actor, &applied.config, origin);
    recorder.lock(&mut tx, &events).await?;
    for event in events {
        recorder.event(&mut tx, event).await?;
    }
    let (outcome, changes) = recorder.finish();
    let result = Produced { reasons: &changes.reasons, things: changes.things() };
    rows::finish_delivery(&mut tx, &delivery.id, outcome, &result).await?;
    tx.commit().await.map_err(internal)?;
    metrics::counter!("slipway_deliveries_processed_total", "state" => outcome.as_str()).increment(1);
    Ok(changes)
}

/// Asks the registry for the digests that the sender did not say. What it no longer has stays
/// without one; when it cannot be asked, the delivery waits.
async fn find_digests(ctx: &Ctx, config: &Config, events: &mut [Event]) -> Result<(), Problem> {
    for event in events {
        let Ok(Fact::Push(push)) = &mut event.fact else { continue };
        if push.digest.is_some() {
            continue;
        }
        let Some((_, image)) = record::app_of(config, push) else { continue };
        push.digest = match ctx.registry().resolve(image, &push.tag).await {
            Ok(digest) => Some(digest),
            Err(Problem::ImageGone { .. }) => None,
            Err(problem) => return Err(problem),
        };
    }
    Ok(())
}

/// After the commit, never before.
fn tell(ctx: &Ctx, changes: &record::Changes) {
    for build in &changes.builds {
        ctx.hub.tell(Topic::Builds, build.0.clone());
    }
    for run in &changes.runs {
        ctx.hub.tell(Topic::Builds, run.0.clone());
    }
    ctx.hub.tell(Topic::Deliveries, None);
    if !changes.builds.is_empty() {
        ctx.work.launches.notify_one();
        ctx.work.bookings.notify_one();
        ctx.hub.tell(Topic::Activity, None);
    }
}

/// A delivery that could not be processed is tried again, ever more rarely, and at last shown
/// as failed. It holds up nothing behind it.
async fn put_off(ctx: &Ctx, delivery: &Waiting, problem: Problem) -> Result<(), Problem> {
    tracing::warn!(delivery = %delivery.id, %problem, attempts = delivery.attempts + 1, "a delivery was not processed");
    let mut tx = ctx.store.begin().await?;
    if delivery.attempts + 1 < MOST_ATTEMPTS {
        rows::postpone_delivery(&mut tx, &delivery.id, ctx.now() + backoff(delivery.attempts)).await?;
    } else {
        let reasons = [Reason::GivenUp { problem }];
        let result = Produced { reasons: &reasons, things: Vec::new() };
        rows::finish_delivery(&mut tx, &delivery.id, Outcome::Failed, &result).await?;
    }
    tx.commit().await.map_err(internal)
}

/// 1 s, 2 s, 4 s … up to an hour.
fn backoff(attempts: i64) -> TimeDelta {
    let doubled = u32::try_from(attempts.clamp(0, 12)).unwrap_or_default();
    TimeDelta::seconds(2_i64.pow(doubled).min(3600))
}
