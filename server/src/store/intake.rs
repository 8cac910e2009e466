//! Deliveries: kept, processed, forgotten. Reading them for people is in `inbox`.

use crate::clock::{from_micros, micros};
use crate::intake::Headers;
use crate::store::hooks::{HOOK, HookRow, hook};
use crate::store::{Store, Tx, internal};
use domain::delivery::Reason;
use domain::id::{BuildId, DeliveryId, HookId, RunId};
use domain::{Problem, Time};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashSet;

/// A stored delivery that waits to be processed.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: DeliveryId,
    pub hook: HookRow,
    pub received_at: Time,
    pub headers: Headers,
    pub body: Vec<u8>,
    /// Attempts that failed.
    pub attempts: i64,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    Done,
    Ignored,
    Failed,
    /// The same as one before.
    Duplicate,
    /// Not believed, or not understood.
    Refused,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Stored => "stored",
            Outcome::Done => "done",
            Outcome::Ignored => "ignored",
            Outcome::Failed => "failed",
            Outcome::Duplicate => "duplicate",
            Outcome::Refused => "refused",
        }
    }
}

impl Store {
    /// Stored deliveries that are due, the oldest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn waiting_deliveries(&self, now: Time, most: i64) -> Result<Vec<Waiting>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT d.id, d.received_at, d.headers, d.body, d.attempts, {HOOK}
             FROM deliveries d JOIN hooks h ON h.id = d.hook_id
             WHERE d.state = 'stored' AND d.next_at <= $1 ORDER BY d.next_at, d.id LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(micros(now)).bind(most).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(waiting).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// When the next stored delivery is due.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn next_delivery_at(&self) -> Result<Option<Time>, Problem> {
        let at = sqlx::query_scalar("SELECT next_at FROM deliveries WHERE state = 'stored' ORDER BY next_at LIMIT 1");
        let at: Option<i64> = at.fetch_optional(self.read()).await.map_err(internal)?;
        Ok(at.map(from_micros))
    }
}

fn waiting(row: &AnyRow) -> Result<Waiting, sqlx::Error> {
    Ok(Waiting {
        id: row.try_get::<String, _>("id")?.into(),
        hook: hook(row)?,
        received_at: from_micros(row.try_get("received_at")?),
        headers: Headers::from_json(row.try_get("headers")?),
        body: row.try_get("body")?,
        attempts: row.try_get("attempts")?,
    })
}

/// A delivery as it came in.
pub struct Incoming<'a> {
    pub id: &'a DeliveryId,
    pub hook: &'a HookId,
    pub at: Time,
    pub headers: &'a Headers,
    pub body: &'a [u8],
    /// How long the whole body was.
    pub length: usize,
    pub outcome: Outcome,
    pub reasons: &'a [Reason],
    /// Of a duplicate, the delivery that it repeats.
    pub repeats: Option<&'a DeliveryId>,
}

/// Keeps a delivery.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert_delivery(tx: &mut Tx, delivery: &Incoming<'_>) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO deliveries (id, hook_id, received_at, content_type, body, state, reasons, next_at, headers, length, repeats)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $3, $8, $9, $10)",
    )
    .bind(delivery.id.as_str())
    .bind(delivery.hook.as_str())
    .bind(micros(delivery.at))
    .bind(delivery.headers.get("content-type").unwrap_or_default())
    .bind(delivery.body)
    .bind(delivery.outcome.as_str())
    .bind(serde_json::to_string(delivery.reasons).map_err(internal)?)
    .bind(delivery.headers.to_json())
    .bind(i64::try_from(delivery.length).unwrap_or(i64::MAX))
    .bind(delivery.repeats.map(DeliveryId::as_str))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Claims an event for a delivery; false when an earlier delivery of the hook brought it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn claim_event(tx: &mut Tx, hook: &HookId, event: &str, delivery: &DeliveryId) -> Result<bool, Problem> {
    let done = sqlx::query(
        "INSERT INTO delivery_events (hook_id, event, delivery_id) VALUES ($1, $2, $3) ON CONFLICT (hook_id, event) DO NOTHING",
    )
    .bind(hook.as_str())
    .bind(event)
    .bind(delivery.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// The delivery that brought an event of a hook before.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn brought_by(tx: &mut Tx, hook: &HookId, event: &str) -> Result<Option<DeliveryId>, Problem> {
    let found = sqlx::query_scalar("SELECT delivery_id FROM delivery_events WHERE hook_id = $1 AND event = $2");
    let found: Option<String> = found.bind(hook.as_str()).bind(event).fetch_optional(&mut **tx).await.map_err(internal)?;
    Ok(found.map(DeliveryId))
}

/// Takes a stored delivery in hand until the transaction ends; false when it was processed
/// meanwhile. Of those it brings, gives the events that no earlier delivery brought.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn take_delivery(tx: &mut Tx, id: &DeliveryId) -> Result<Option<HashSet<String>>, Problem> {
    let taken = sqlx::query("UPDATE deliveries SET attempts = attempts + 1 WHERE id = $1 AND state = 'stored'")
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    if taken.rows_affected() == 0 {
        return Ok(None);
    }
    let events = sqlx::query_scalar("SELECT event FROM delivery_events WHERE delivery_id = $1").bind(id.as_str());
    let events: Vec<String> = events.fetch_all(&mut **tx).await.map_err(internal)?;
    Ok(Some(events.into_iter().collect()))
}

/// What a delivery led to.
#[derive(Clone, Debug, Default)]
pub struct Produced<'a> {
    pub reasons: &'a [Reason],
    pub things: Vec<Thing>,
}

/// One thing that a delivery made or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    Build(BuildId),
    Run(RunId),
}

/// Has a delivery processed once more; false when it cannot be.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn replay_delivery(tx: &mut Tx, id: &DeliveryId, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE deliveries SET state = 'stored', attempts = 0, next_at = $1
         WHERE id = $2 AND state IN ('done', 'ignored', 'failed')",
    );
    let done = done.bind(micros(now)).bind(id.as_str()).execute(&mut **tx).await.map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// Writes what became of a delivery.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn finish_delivery(tx: &mut Tx, id: &DeliveryId, outcome: Outcome, result: &Produced<'_>) -> Result<(), Problem> {
    sqlx::query("UPDATE deliveries SET state = $1, reasons = $2, produced = $3 WHERE id = $4")
        .bind(outcome.as_str())
        .bind(serde_json::to_string(result.reasons).map_err(internal)?)
        .bind(serde_json::to_string(&result.things).map_err(internal)?)
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Puts a delivery off after an attempt that failed.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn postpone_delivery(tx: &mut Tx, id: &DeliveryId, until: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE deliveries SET attempts = attempts + 1, next_at = $1 WHERE id = $2 AND state = 'stored'")
        .bind(micros(until))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Forgets deliveries without effect from before a time, a bounded number at once; their events too,
/// which would be ignored again.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn forget_ignored(tx: &mut Tx, before: Time, most: i64) -> Result<u64, Problem> {
    const OLD: &str = "SELECT id FROM deliveries WHERE state IN ('ignored', 'duplicate', 'refused') AND received_at < $1
         ORDER BY received_at LIMIT $2";
    let events = sqlx::AssertSqlSafe(format!("DELETE FROM delivery_events WHERE delivery_id IN ({OLD})"));
    sqlx::query(events).bind(micros(before)).bind(most).execute(&mut **tx).await.map_err(internal)?;
    let deliveries = sqlx::AssertSqlSafe(format!("DELETE FROM deliveries WHERE id IN ({OLD})"));
    let gone = sqlx::query(deliveries).bind(micros(before)).bind(most).execute(&mut **tx).await.map_err(internal)?;
    Ok(gone.rows_affected())
}
