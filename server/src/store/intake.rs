//! Deliveries: kept, processed, forgotten. Reading them for people is in `inbox`.

use crate::clock::{from_micros, micros};
use crate::intake::Headers;
use crate::store::hooks::{HOOK, HookRow, hook};
use crate::store::{Store, Tx, internal, places};
use domain::delivery::Reason;
use domain::id::{BuildId, DeliveryId, HookId, RunId};
use domain::{Problem, Time};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::{BTreeSet, HashSet};

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

/// A delivery as it came in, ready to be written.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub id: DeliveryId,
    pub hook: HookId,
    pub at: Time,
    pub content_type: String,
    /// As JSON.
    pub headers: String,
    pub body: Vec<u8>,
    /// How long the whole body was.
    pub length: usize,
    pub outcome: Outcome,
    /// As JSON.
    pub reasons: String,
    /// What its events are known by; none for what is only noted.
    pub keys: BTreeSet<String>,
}

/// Rows in one statement: both databases take some ten thousand values at once.
const MOST_ROWS: usize = 256;

/// `($1, $2), ($3, $4) …`: the places of `count` rows of `width` values.
fn rows_of(count: usize, width: usize) -> String {
    let rows: Vec<String> = (0..count).map(|row| format!("({})", places(row * width + 1, width))).collect();
    rows.join(", ")
}

/// Keeps deliveries.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert_deliveries(tx: &mut Tx, deliveries: &[Incoming]) -> Result<(), Problem> {
    for some in deliveries.chunks(MOST_ROWS) {
        let sql = format!(
            "INSERT INTO deliveries (id, hook_id, received_at, content_type, body, state, reasons, next_at, headers, length)
             VALUES {}",
            rows_of(some.len(), 10)
        );
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(sql));
        for one in some {
            insert = insert
                .bind(one.id.as_str())
                .bind(one.hook.as_str())
                .bind(micros(one.at))
                .bind(one.content_type.as_str())
                .bind(one.body.as_slice())
                .bind(one.outcome.as_str())
                .bind(one.reasons.as_str())
                .bind(micros(one.at))
                .bind(one.headers.as_str())
                .bind(i64::try_from(one.length).unwrap_or(i64::MAX));
        }
        insert.execute(&mut **tx).await.map_err(internal)?;
    }
    Ok(())
}

/// Claims the events of deliveries, in their order. Gives those that brought a new one; what an
/// earlier delivery of the hook brought stays with that.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn claim_events(tx: &mut Tx, deliveries: &[Incoming]) -> Result<HashSet<String>, Problem> {
    let events = deliveries.iter().flat_map(|one| one.keys.iter().map(move |key| (one, key)));
    let events: Vec<(&Incoming, &String)> = events.collect();
    let mut new = HashSet::new();
    for some in events.chunks(MOST_ROWS) {
        let sql = format!(
            "INSERT INTO delivery_events (hook_id, event, delivery_id) VALUES {}
             ON CONFLICT (hook_id, event) DO NOTHING RETURNING delivery_id",
            rows_of(some.len(), 3)
        );
        let mut claim = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        for (one, key) in some {
            claim = claim.bind(one.hook.as_str()).bind(key.as_str()).bind(one.id.as_str());
        }
        let claimed: Vec<String> = claim.fetch_all(&mut **tx).await.map_err(internal)?;
        new.extend(claimed);
    }
    Ok(new)
}

/// Makes a delivery that brought nothing new a note of that, beside what it repeats, without its body.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note_repetition(tx: &mut Tx, repetition: &Incoming) -> Result<(), Problem> {
    // None where what it repeats was forgotten: only what it was known by is kept for ever.
    let first = sqlx::query_scalar("SELECT delivery_id FROM delivery_events WHERE hook_id = $1 AND event = $2");
    let first = first.bind(repetition.hook.as_str()).bind(repetition.keys.first().map(String::as_str));
    let first: Option<Option<String>> = first.fetch_optional(&mut **tx).await.map_err(internal)?;
    sqlx::query("UPDATE deliveries SET state = $1, body = $2, reasons = '[]', repeats = $3 WHERE id = $4")
        .bind(Outcome::Duplicate.as_str())
        .bind(&[] as &[u8])
        .bind(first.flatten())
        .bind(repetition.id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
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

/// Forgets deliveries without effect from before a time, a bounded number at once. What their events
/// are known by stays: a repetition is one for ever.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn forget_ignored(tx: &mut Tx, before: Time, most: i64) -> Result<u64, Problem> {
    // One that had an effect once, and none when it was replayed, is history.
    let old = sqlx::query_scalar(
        "SELECT d.id FROM deliveries d WHERE d.state IN ('ignored', 'duplicate', 'refused') AND d.received_at < $1
         AND NOT EXISTS (SELECT 1 FROM tag_moves m WHERE m.delivery_id = d.id)
         AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.delivery_id = d.id)
         ORDER BY d.received_at LIMIT $2",
    );
    let old: Vec<String> = old.bind(micros(before)).bind(most).fetch_all(&mut **tx).await.map_err(internal)?;
    for some in old.chunks(MOST_ROWS) {
        for statement in ["UPDATE delivery_events SET delivery_id = NULL WHERE delivery_id", "DELETE FROM deliveries WHERE id"] {
            let sql = sqlx::AssertSqlSafe(format!("{statement} IN ({})", places(1, some.len())));
            let forget = some.iter().fold(sqlx::query(sql), |query, id| query.bind(id));
            forget.execute(&mut **tx).await.map_err(internal)?;
        }
    }
    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
}
