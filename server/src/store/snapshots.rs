//! Logs that are kept with builds, and those that are still to be read.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use app::view::BuildLog;
use domain::id::{BuildId, EnvironmentId, VerdictId};
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Logs that a build's page lists.
const MOST_LISTED: i64 = 200;

/// Logs that are to be kept because a verdict fell.
#[derive(Clone, Debug)]
pub struct Job {
    pub verdict: VerdictId,
    pub build: BuildId,
    pub environment: EnvironmentId,
    pub tries: i64,
}

/// A log as it is kept, without its text.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub id: String,
    pub service: String,
    pub taken_at: Time,
    pub lines: i64,
    /// Of the text.
    pub bytes: i64,
}

const LOG: &str = "SELECT l.id, l.service, l.taken_at, l.lines, l.bytes, l.verdict_id, l.environment_id, e.number
    FROM build_logs l JOIN environments e ON e.id = l.environment_id";

fn log(row: &AnyRow) -> Result<BuildLog, Problem> {
    Ok(BuildLog {
        id: row.try_get("id").map_err(internal)?,
        service: row.try_get("service").map_err(internal)?,
        taken_at: from_micros(row.try_get("taken_at").map_err(internal)?),
        lines: row.try_get("lines").map_err(internal)?,
        bytes: row.try_get("bytes").map_err(internal)?,
        verdict: VerdictId(row.try_get("verdict_id").map_err(internal)?),
        environment: EnvironmentId(row.try_get("environment_id").map_err(internal)?),
        environment_number: row.try_get("number").map_err(internal)?,
    })
}

impl Store {
    /// Jobs that wait, the oldest first; of one environment or of all.
    pub async fn log_jobs(&self, environment: Option<&EnvironmentId>, limit: i64) -> Result<Vec<Job>, Problem> {
        let which = if environment.is_some() { "WHERE environment_id = $2" } else { "" };
        let sql = format!("SELECT verdict_id, build_id, environment_id, tries FROM log_jobs {which} ORDER BY asked_at LIMIT $1");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(limit);
        if let Some(environment) = environment {
            query = query.bind(environment.as_str());
        }
        let read = |row: &AnyRow| {
            Ok(Job {
                verdict: VerdictId(row.try_get("verdict_id").map_err(internal)?),
                build: BuildId(row.try_get("build_id").map_err(internal)?),
                environment: EnvironmentId(row.try_get("environment_id").map_err(internal)?),
                tries: row.try_get("tries").map_err(internal)?,
            })
        };
        query.fetch_all(self.read()).await.map_err(internal)?.iter().map(read).collect()
    }

    /// Whether logs of a build are still being read.
    pub async fn log_jobs_of_build(&self, build: &BuildId) -> Result<bool, Problem> {
        let found = sqlx::query("SELECT 1 AS one FROM log_jobs WHERE build_id = $1 LIMIT 1").bind(build.as_str());
        found.fetch_optional(self.read()).await.map(|row| row.is_some()).map_err(internal)
    }

    /// The logs that are kept with a build, the newest first, at most 200.
    pub async fn logs_of_build(&self, build: &BuildId) -> Result<Vec<BuildLog>, Problem> {
        let sql = format!("{LOG} WHERE l.build_id = $1 ORDER BY l.taken_at DESC, l.verdict_id, l.service LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(build.as_str()).bind(MOST_LISTED).fetch_all(self.read()).await;
        rows.map_err(internal)?.iter().map(log).collect()
    }

    /// One log of a build with its packed text.
    pub async fn log_of_build(&self, build: &BuildId, id: &str) -> Result<Option<(BuildLog, Vec<u8>)>, Problem> {
        let sql = format!("{} WHERE l.build_id = $1 AND l.id = $2", LOG.replace("l.id, ", "l.id, l.body, "));
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(build.as_str()).bind(id).fetch_optional(self.read()).await;
        let row = row.map_err(internal)?;
        row.map(|row| Ok((log(&row)?, row.try_get("body").map_err(internal)?))).transpose()
    }
}

/// Asks for the logs of an environment to be kept.
pub async fn ask(
    tx: &mut Tx,
    verdict: &VerdictId,
    build: &BuildId,
    environment: &EnvironmentId,
    now: Time,
) -> Result<(), Problem> {
    sqlx::query("INSERT INTO log_jobs (verdict_id, build_id, environment_id, asked_at) VALUES ($1, $2, $3, $4)")
        .bind(verdict.as_str())
        .bind(build.as_str())
        .bind(environment.as_str())
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Keeps a log; one that is kept already stays as it is.
pub async fn put(tx: &mut Tx, job: &Job, new: &Snapshot, body: &[u8]) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO build_logs (id, build_id, verdict_id, environment_id, service, taken_at, lines, bytes, kept, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (verdict_id, service) DO NOTHING",
    )
    .bind(new.id.as_str())
    .bind(job.build.as_str())
    .bind(job.verdict.as_str())
    .bind(job.environment.as_str())
    .bind(new.service.as_str())
    .bind(micros(new.taken_at))
    .bind(new.lines)
    .bind(new.bytes)
    .bind(i64::try_from(body.len()).map_err(internal)?)
    .bind(body)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// The job is over.
pub async fn done(tx: &mut Tx, verdict: &VerdictId) -> Result<(), Problem> {
    let query = sqlx::query("DELETE FROM log_jobs WHERE verdict_id = $1").bind(verdict.as_str());
    query.execute(&mut **tx).await.map(|_| ()).map_err(internal)
}

/// The job could not be done this time.
pub async fn tried(tx: &mut Tx, verdict: &VerdictId) -> Result<(), Problem> {
    let query = sqlx::query("UPDATE log_jobs SET tries = tries + 1 WHERE verdict_id = $1").bind(verdict.as_str());
    query.execute(&mut **tx).await.map(|_| ()).map_err(internal)
}

/// Forgets the oldest until no more than `most` bytes are kept of all.
pub async fn forget(tx: &mut Tx, most: i64) -> Result<(), Problem> {
    loop {
        let kept: Option<i64> = sqlx::query_scalar("SELECT CAST(SUM(kept) AS BIGINT) FROM build_logs")
            .fetch_one(&mut **tx)
            .await
            .map_err(internal)?;
        if kept.unwrap_or_default() <= most {
            return Ok(());
        }
        sqlx::query("DELETE FROM build_logs WHERE id IN (SELECT id FROM build_logs ORDER BY taken_at, id LIMIT 20)")
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    }
}
