//! The line of launches that wait for room, and what engines hold.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, lock};
use chrono::TimeDelta;
use domain::capacity::Alive;
use domain::id::{EnvironmentId, UserId};
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeMap;

/// More than the configuration allows to wait, or to be alive.
const MOST: i64 = 500;
/// Ended environments by which it is judged how long one lasts.
const SAMPLE: i64 = 51;

/// What the environments on an engine take together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub environments: u32,
    pub memory_mib: u64,
}

/// A launch that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: EnvironmentId,
    pub number: i64,
    pub stack: String,
    pub holder_name: String,
    pub since: Time,
    /// How long its lease will be.
    pub lease: TimeDelta,
    pub memory_mib: u32,
    /// As JSON.
    pub wants: Option<String>,
}

/// Everything alive that is on an engine, or goes there.
const USED: &str = "SELECT engine, COUNT(*) AS environments, CAST(SUM(memory_mib) AS BIGINT) AS memory_mib FROM environments
    WHERE ended_at IS NULL AND state <> 'queued' GROUP BY engine";

/// First come, first served.
const QUEUED: &str = "SELECT id, number, stack, holder_name, created_at, lease_ends_at, memory_mib, wants FROM environments
    WHERE state = 'queued' ORDER BY created_at, number LIMIT $1";

fn used(rows: &[AnyRow]) -> Result<BTreeMap<String, Used>, Problem> {
    let read = |row: &AnyRow| {
        let environments = u32::try_from(row.try_get::<i64, _>("environments").map_err(internal)?).map_err(internal)?;
        let memory_mib = u64::try_from(row.try_get::<i64, _>("memory_mib").map_err(internal)?).map_err(internal)?;
        Ok((row.try_get("engine").map_err(internal)?, Used { environments, memory_mib }))
    };
    rows.iter().map(read).collect()
}

fn queued(rows: &[AnyRow]) -> Result<Vec<Waiting>, Problem> {
    let read = |row: &AnyRow| {
        let since = from_micros(row.try_get("created_at").map_err(internal)?);
        Ok(Waiting {
            id: EnvironmentId(row.try_get("id").map_err(internal)?),
            number: row.try_get("number").map_err(internal)?,
            stack: row.try_get("stack").map_err(internal)?,
            holder_name: row.try_get("holder_name").map_err(internal)?,
            since,
            lease: from_micros(row.try_get("lease_ends_at").map_err(internal)?) - since,
            memory_mib: u32::try_from(row.try_get::<i64, _>("memory_mib").map_err(internal)?).map_err(internal)?,
            wants: row.try_get("wants").map_err(internal)?,
        })
    };
    rows.iter().map(read).collect()
}

impl Store {
    /// What each engine holds.
    pub async fn engines_used(&self) -> Result<BTreeMap<String, Used>, Problem> {
        used(&sqlx::query(USED).fetch_all(self.read()).await.map_err(internal)?)
    }

    /// Who waits, in turn.
    pub async fn queued(&self) -> Result<Vec<Waiting>, Problem> {
        queued(&sqlx::query(QUEUED).bind(MOST).fetch_all(self.read()).await.map_err(internal)?)
    }

    /// What takes room, and until when.
    pub async fn alive_on_engines(&self) -> Result<Vec<Alive>, Problem> {
        let rows = sqlx::query(
            "SELECT engine, memory_mib, COALESCE(begun_at, created_at) AS begun, lease_ends_at FROM environments
             WHERE ended_at IS NULL AND state <> 'queued' ORDER BY lease_ends_at LIMIT $1",
        );
        let rows = rows.bind(MOST).fetch_all(self.read()).await.map_err(internal)?;
        let read = |row: &AnyRow| {
            Ok(Alive {
                engine: row.try_get("engine").map_err(internal)?,
                memory_mib: u64::try_from(row.try_get::<i64, _>("memory_mib").map_err(internal)?).map_err(internal)?,
                begun: from_micros(row.try_get("begun").map_err(internal)?),
                lease_ends: from_micros(row.try_get("lease_ends_at").map_err(internal)?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// How long environments last: half of the last fifty ended earlier. None before any ended.
    pub async fn typical_life(&self) -> Result<Option<TimeDelta>, Problem> {
        let lives: Vec<i64> = sqlx::query_scalar(
            "SELECT ended_at - COALESCE(begun_at, created_at) FROM environments WHERE ended_at IS NOT NULL AND engine <> ''
             ORDER BY ended_at DESC LIMIT $1",
        )
        .bind(SAMPLE)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let mut lives = lives;
        lives.sort_unstable();
        Ok(lives.get(lives.len() / 2).map(|micros| TimeDelta::microseconds(*micros)))
    }
}

/// Makes launches wait for each other until the transaction ends.
pub async fn take_turn(tx: &mut Tx) -> Result<(), Problem> {
    lock(tx, "*environments").await
}

pub async fn used_in(tx: &mut Tx) -> Result<BTreeMap<String, Used>, Problem> {
    used(&sqlx::query(USED).fetch_all(&mut **tx).await.map_err(internal)?)
}

pub async fn queued_in(tx: &mut Tx) -> Result<Vec<Waiting>, Problem> {
    queued(&sqlx::query(QUEUED).bind(MOST).fetch_all(&mut **tx).await.map_err(internal)?)
}

/// Numbers of what somebody holds, the oldest first.
pub async fn alive_of_person(tx: &mut Tx, holder: &UserId) -> Result<Vec<i64>, Problem> {
    sqlx::query_scalar("SELECT number FROM environments WHERE ended_at IS NULL AND holder_id = $1 ORDER BY number LIMIT $2")
        .bind(holder.as_str())
        .bind(MOST)
        .fetch_all(&mut **tx)
        .await
        .map_err(internal)
}

/// Numbers of what tests an app, the oldest first.
pub async fn alive_of_app(tx: &mut Tx, app: &str) -> Result<Vec<i64>, Problem> {
    sqlx::query_scalar(
        "SELECT e.number FROM environments e JOIN environment_builds b ON b.environment_id = e.id
         WHERE e.ended_at IS NULL AND b.app = $1 AND b.under_test = 1 ORDER BY e.number LIMIT $2",
    )
    .bind(app)
    .bind(MOST)
    .fetch_all(&mut **tx)
    .await
    .map_err(internal)
}

/// Keeps what a new launch takes and asks for; without an engine it waits.
pub async fn set_place(
    tx: &mut Tx,
    id: &EnvironmentId,
    engine: Option<&str>,
    memory_mib: u32,
    wants: Option<&str>,
) -> Result<(), Problem> {
    let state = if engine.is_some() { "launching" } else { "queued" };
    sqlx::query("UPDATE environments SET state = $1, engine = $2, memory_mib = $3, wants = $4 WHERE id = $5")
        .bind(state)
        .bind(engine.unwrap_or_default())
        .bind(i64::from(memory_mib))
        .bind(wants)
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// `queued` → `launching` on an engine, with a lease that begins now; false when it waits no more.
pub async fn begin(tx: &mut Tx, id: &EnvironmentId, engine: &str, now: Time, ends: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE environments SET state = 'launching', engine = $1, begun_at = $2, lease_ends_at = $3
         WHERE id = $4 AND state = 'queued'",
    )
    .bind(engine)
    .bind(micros(now))
    .bind(micros(ends))
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// `queued` → `stopped`: there is nothing of it anywhere. False when it waits no more.
pub async fn cancel(tx: &mut Tx, id: &EnvironmentId, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE environments SET state = 'stopped', end_reason = 'stopped_by_hand', ended_at = $1
         WHERE id = $2 AND state = 'queued'",
    )
    .bind(micros(now))
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}
