//! What happened to containers: a bounded timeline of each environment.

use crate::clock::{from_micros, micros};
use crate::engine::containers::Happened;
use crate::store::{Store, Tx, internal};
use app::view::HappeningView;
use domain::id::EnvironmentId;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Rows that are kept of one environment: the newest.
pub const MOST_KEPT: i64 = 500;
/// What is seen of a container counts as heard when the engine told the same so close to it,
/// in microseconds.
const SAME: i64 = 2_000_000;

impl Store {
    /// The newest happenings of an environment, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn happenings(&self, id: &EnvironmentId, limit: i64) -> Result<Vec<HappeningView>, Problem> {
        let rows = sqlx::query(
            "SELECT at, service, what, exit_code FROM happenings WHERE environment_id = $1 ORDER BY at DESC, key DESC LIMIT $2",
        )
        .bind(id.as_str())
        .bind(limit)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(happening).collect()
    }

    /// When something last happened on an engine, as far as it is written.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn last_happening(&self, engine: &str) -> Result<Option<Time>, Problem> {
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT MAX(h.at) FROM happenings h JOIN environments e ON e.id = h.environment_id WHERE e.engine = $1 AND e.ended_at IS NULL",
        )
        .bind(engine)
        .fetch_one(self.read())
        .await
        .map_err(internal)?;
        Ok(last.map(from_micros))
    }
}

fn happening(row: &AnyRow) -> Result<HappeningView, Problem> {
    let what: String = row.try_get("what").map_err(internal)?;
    Ok(HappeningView {
        at: from_micros(row.try_get("at").map_err(internal)?),
        service: row.try_get("service").map_err(internal)?,
        what: what.parse().map_err(internal)?,
        exit_code: row.try_get("exit_code").map_err(internal)?,
    })
}

/// Writes what an engine told, once, and keeps the timeline bounded. What is of no environment of ours
/// is left out. What was only seen before it was told makes room for it.
pub async fn insert(tx: &mut Tx, happened: &Happened) -> Result<bool, Problem> {
    let Some(what) = happened.what else { return Ok(false) };
    let seen = happened.key.starts_with("seen ");
    let at = micros(happened.at);
    let near = "FROM happenings WHERE environment_id = $1 AND service = $2 AND what = $3 AND at BETWEEN $4 AND $5";
    if seen {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) {near}"));
        let heard: i64 = sqlx::query_scalar(sql)
            .bind(happened.environment.as_str())
            .bind(happened.service.as_str())
            .bind(what.as_str())
            .bind(at - SAME)
            .bind(at + SAME)
            .fetch_one(&mut **tx)
            .await
            .map_err(internal)?;
        if heard > 0 {
            return Ok(false);
        }
    } else {
        let sql = sqlx::AssertSqlSafe(format!("DELETE {near} AND key LIKE 'seen %'"));
        sqlx::query(sql)
            .bind(happened.environment.as_str())
            .bind(happened.service.as_str())
            .bind(what.as_str())
            .bind(at - SAME)
            .bind(at + SAME)
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    }
    let written = sqlx::query(
        "INSERT INTO happenings (environment_id, key, at, service, what, exit_code)
         SELECT id, $2, $3, $4, $5, $6 FROM environments WHERE id = $1 ON CONFLICT (environment_id, key) DO NOTHING",
    )
    .bind(happened.environment.as_str())
    .bind(happened.key.as_str())
    .bind(at)
    .bind(happened.service.as_str())
    .bind(what.as_str())
    .bind(happened.exit_code)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(written.rows_affected() > 0)
}

/// Forgets all but the newest of an environment.
pub async fn trim(tx: &mut Tx, environment: &str) -> Result<(), Problem> {
    sqlx::query(
        "DELETE FROM happenings WHERE environment_id = $1 AND at < (SELECT MIN(at) FROM (
             SELECT at FROM happenings WHERE environment_id = $1 ORDER BY at DESC LIMIT $2) newest)",
    )
    .bind(environment)
    .bind(MOST_KEPT)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}
