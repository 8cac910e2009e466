//! Webhook deliveries: store, then process.
//!
//! [`accept`] keeps the raw request before it is answered. [`process_waiting`] turns what was
//! kept into builds and tags, each delivery in one transaction. [`describe_waiting`] then reads
//! the labels of new builds from their registry, and tries again where it could not. All three
//! can be stopped anywhere: what is in the database says where to go on.

mod describe;
mod record;

use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::intake::{Event, Source};
use crate::store::intake::{self as rows, Incoming, Outcome, Waiting};
use crate::store::{Cursor, internal, page_of, page_size};
use app::view::{DeliveryRow, Page, Paging};
use chrono::TimeDelta;
use domain::delivery::Reason;
use domain::id::DeliveryId;
use domain::{Action, Actor, Problem, Time};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Notify;

pub use describe::describe_waiting;

/// Bodies held in memory while a worker goes through them: at most this many MiB.
const BATCH: i64 = 8;
/// After this many failed attempts a delivery is given up and shown as failed.
const MOST_ATTEMPTS: i64 = 10;
/// Ignored deliveries are kept this long, for whoever asks why nothing happened.
const KEEP_IGNORED_DAYS: i64 = 30;
/// The longest a worker waits without a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
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
/// # Errors
/// [`Problem::Forbidden`] for anyone but a hook; [`Problem::Invalid`] when the body is not of
/// the source's form: then nothing is kept.
pub async fn accept(ctx: &Ctx, actor: &Actor, source: Source, content_type: &str, body: &[u8]) -> Result<Accepted, Problem> {
    actor.require(Action::Deliver)?;
    let Actor::Hook { id: hook, .. } = actor else { return Err(Problem::Forbidden { action: Action::Deliver }) };
    let events = source.read(body).map_err(|why| Problem::invalid("body", why))?;
    let (outcome, reasons) = at_first_sight(&events);
    let id: DeliveryId = ctx.new_id();
    let content_type: String = content_type.chars().take(200).collect();
    let mut tx = ctx.store.begin().await?;
    let incoming = Incoming { id: &id, hook, at: ctx.now(), content_type: &content_type, body, outcome, reasons: &reasons };
    rows::insert_delivery(&mut tx, &incoming).await?;
    let mut new = 0;
    for key in keys(&events, body) {
        new += u32::from(rows::claim_event(&mut tx, hook, &key, &id).await?);
    }
    if new == 0 {
        return Ok(Accepted::Duplicate);
    }
    tx.commit().await.map_err(internal)?;
    if outcome == Outcome::Stored {
        ctx.work.deliveries.notify_one();
    }
    Ok(Accepted::Stored(id))
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

/// What was delivered, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the cursor.
pub async fn deliveries(ctx: &Ctx, actor: &Actor, paging: Paging) -> Result<Page<DeliveryRow>, Problem> {
    actor.require(Action::SeeDeliveries)?;
    let (before, size) = (Cursor::parse(paging.cursor.as_deref())?, page_size(paging.limit));
    let rows = ctx.store.deliveries(&before, size + 1).await?;
    Ok(page_of(rows, size, |row| Cursor::text(row.received_at, row.id.as_str())))
}

// ---- The worker ----------------------------------------------------------------------------

/// Processes stored deliveries and describes builds until the instance stops. What was left
/// when it stopped the last time is due at once.
pub async fn work(ctx: Ctx) {
    let described = Notify::new();
    let processing = async {
        loop {
            let next = process_waiting(&ctx).await;
            described.notify_one();
            if !pause(&ctx, next, &ctx.work.deliveries).await {
                return;
            }
        }
    };
    let describing = async {
        loop {
            let next = describe_waiting(&ctx).await;
            if !pause(&ctx, next, &described).await {
                return;
            }
        }
    };
    tokio::join!(processing, describing, forget(&ctx));
}

/// Waits for a call or for the time that something is due; false when the instance stops.
async fn pause(ctx: &Ctx, next: Result<Option<Time>, Problem>, call: &Notify) -> bool {
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

/// Forgets old ignored deliveries, every hour and in bounded bites.
async fn forget(ctx: &Ctx) {
    loop {
        let forgotten = async {
            let mut tx = ctx.store.begin().await?;
            let before = ctx.now() - TimeDelta::days(KEEP_IGNORED_DAYS);
            let gone = rows::forget_ignored(&mut tx, before, 1000).await?;
            tx.commit().await.map_err(internal)?;
            Ok::<_, Problem>(gone)
        };
        let more = forgotten.await.is_ok_and(|gone| gone >= 1000);
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
            match process(ctx, delivery).await {
                Ok(changes) => tell(ctx, &changes),
                Err(problem) => put_off(ctx, delivery, problem).await?,
            }
        }
    }
}

/// One delivery, in one transaction: builds, tags, moves, record, and that it is done.
async fn process(ctx: &Ctx, delivery: &Waiting) -> Result<record::Changes, Problem> {
    let actor = Actor::Hook { id: delivery.hook.id.clone(), name: delivery.hook.name.clone() };
    let source: Source = delivery.hook.source.parse().map_err(internal)?;
    let mut events = source.read(&delivery.body).map_err(|why| Problem::invalid("body", why))?;
    events.sort_by_key(|event| event.at.unwrap_or(delivery.received_at));
    let mut tx = ctx.store.begin().await?;
    let Some(mut new) = rows::take_delivery(&mut tx, &delivery.id).await? else { return Ok(record::Changes::default()) };
    events.retain(|event| new.remove(&event.key));
    let applied = ctx.config();
    let mut recorder = record::Recorder::new(ctx, &actor, &applied.config, delivery);
    recorder.lock(&mut tx, &events).await?;
    for event in events {
        recorder.event(&mut tx, event).await?;
    }
    let (outcome, changes) = recorder.finish();
    rows::finish_delivery(&mut tx, &delivery.id, outcome, &changes.reasons).await?;
    tx.commit().await.map_err(internal)?;
    metrics::counter!("slipway_deliveries_processed_total", "state" => outcome.as_str()).increment(1);
    Ok(changes)
}

/// After the commit, never before.
fn tell(ctx: &Ctx, changes: &record::Changes) {
    for build in &changes.builds {
        ctx.hub.tell(Topic::Builds, build.0.clone());
    }
    if !changes.builds.is_empty() {
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
        rows::finish_delivery(&mut tx, &delivery.id, Outcome::Failed, &[Reason::GivenUp { problem }]).await?;
    }
    tx.commit().await.map_err(internal)
}

/// 1 s, 2 s, 4 s … up to an hour.
fn backoff(attempts: i64) -> TimeDelta {
    let doubled = u32::try_from(attempts.clamp(0, 12)).unwrap_or_default();
    TimeDelta::seconds(2_i64.pow(doubled).min(3600))
}
