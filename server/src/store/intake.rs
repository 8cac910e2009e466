//! Hooks and deliveries.

use crate::clock::{from_micros, micros};
use crate::intake::Headers;
use crate::store::{Cursor, Store, Tx, internal, is_taken};
use app::view::{DeliveryRow, HookView};
use domain::delivery::Reason;
use domain::id::{DeliveryId, HookId};
use domain::problem::Noun;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashSet;

/// A hook in use, as found by its key.
#[derive(Clone, Debug)]
pub struct HookRow {
    pub id: HookId,
    pub name: String,
    pub source: String,
    /// The registry that its sender means, where the sender does not say it.
    pub registry: Option<String>,
}

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
    /// Every hook, the revoked ones last, with the time of its last delivery.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hooks(&self) -> Result<Vec<HookView>, Problem> {
        let rows = sqlx::query(
            "SELECT h.id, h.name, h.source, h.created_at, h.revoked_at,
                    (SELECT MAX(d.received_at) FROM deliveries d WHERE d.hook_id = h.id) AS last_at
             FROM hooks h ORDER BY CASE WHEN h.revoked_at IS NULL THEN 0 ELSE 1 END, h.name LIMIT 500",
        )
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(hook_view).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// The hook whose key has this hash, if it was not put out of use.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hook_by_key(&self, hash: &str) -> Result<Option<HookRow>, Problem> {
        let row = sqlx::query(
            "SELECT id AS hook_id, name AS hook_name, source, registry FROM hooks WHERE key_hash = $1 AND revoked_at IS NULL",
        )
        .bind(hash)
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        row.as_ref().map(hook).transpose().map_err(internal)
    }

    /// Stored deliveries that are due, the oldest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn waiting_deliveries(&self, now: Time, most: i64) -> Result<Vec<Waiting>, Problem> {
        let rows = sqlx::query(
            "SELECT d.id, d.received_at, d.headers, d.body, d.attempts, h.id AS hook_id, h.name AS hook_name, h.source, h.registry
             FROM deliveries d JOIN hooks h ON h.id = d.hook_id
             WHERE d.state = 'stored' AND d.next_at <= $1 ORDER BY d.next_at, d.id LIMIT $2",
        )
        .bind(micros(now))
        .bind(most)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
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

    /// Deliveries before a place in the list, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn deliveries(&self, before: &Cursor, most: i64) -> Result<Vec<DeliveryRow>, Problem> {
        let rows = sqlx::query(
            "SELECT d.id, d.received_at, d.state, d.reasons, h.name AS hook_name
             FROM deliveries d JOIN hooks h ON h.id = d.hook_id
             WHERE (d.received_at, d.id) < ($1, $2) ORDER BY d.received_at DESC, d.id DESC LIMIT $3",
        )
        .bind(micros(before.at))
        .bind(before.id.as_str())
        .bind(most)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(delivery_row).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }
}

fn hook_view(row: &AnyRow) -> Result<HookView, sqlx::Error> {
    Ok(HookView {
        id: row.try_get::<String, _>("id")?.into(),
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        created_at: from_micros(row.try_get("created_at")?),
        last_delivery_at: row.try_get::<Option<i64>, _>("last_at")?.map(from_micros),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(from_micros),
    })
}

fn hook(row: &AnyRow) -> Result<HookRow, sqlx::Error> {
    Ok(HookRow {
        id: row.try_get::<String, _>("hook_id")?.into(),
        name: row.try_get("hook_name")?,
        source: row.try_get("source")?,
        registry: row.try_get("registry")?,
    })
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

fn delivery_row(row: &AnyRow) -> Result<DeliveryRow, sqlx::Error> {
    let reasons: String = row.try_get("reasons")?;
    Ok(DeliveryRow {
        id: row.try_get::<String, _>("id")?.into(),
        hook_name: row.try_get("hook_name")?,
        received_at: from_micros(row.try_get("received_at")?),
        state: row.try_get("state")?,
        reasons: serde_json::from_str(&reasons).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
    })
}

/// Adds a hook.
///
/// # Errors
/// [`Problem::Exists`] when the name is taken.
pub async fn insert_hook(tx: &mut Tx, hook: &HookRow, key_hash: &str, now: Time) -> Result<(), Problem> {
    let added =
        sqlx::query("INSERT INTO hooks (id, name, source, key_hash, created_at, registry) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(hook.id.as_str())
            .bind(hook.name.as_str())
            .bind(hook.source.as_str())
            .bind(key_hash)
            .bind(micros(now))
            .bind(hook.registry.as_deref())
            .execute(&mut **tx)
            .await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(Problem::Exists { what: Noun::Hook, name: hook.name.clone() }),
        Err(error) => Err(internal(error)),
    }
}

/// Puts a hook out of use and gives back its name; none when there is none in use.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn revoke_hook(tx: &mut Tx, id: &HookId, now: Time) -> Result<Option<String>, Problem> {
    sqlx::query_scalar("UPDATE hooks SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL RETURNING name")
        .bind(micros(now))
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(internal)
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

/// The sealed secrets of a hook that are in force, the newest first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn hook_secrets(store: &Store, hook: &HookId, now: Time) -> Result<Vec<(String, Vec<u8>)>, Problem> {
    let rows = sqlx::query(
        "SELECT id, sealed FROM hook_secrets WHERE hook_id = $1 AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY created_at DESC, id DESC LIMIT 2",
    );
    let rows = rows.bind(hook.as_str()).bind(micros(now)).fetch_all(store.read()).await.map_err(internal)?;
    let one = |row: &AnyRow| Ok((row.try_get("id")?, row.try_get("sealed")?));
    rows.iter().map(one).collect::<Result<_, sqlx::Error>>().map_err(internal)
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

/// Writes what became of a delivery.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn finish_delivery(tx: &mut Tx, id: &DeliveryId, outcome: Outcome, reasons: &[Reason]) -> Result<(), Problem> {
    sqlx::query("UPDATE deliveries SET state = $1, reasons = $2 WHERE id = $3")
        .bind(outcome.as_str())
        .bind(serde_json::to_string(reasons).map_err(internal)?)
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
