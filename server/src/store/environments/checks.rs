//! Checks: one for each release set that asked for it.

use super::{get, time, word};
use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use app::view::CheckView;
use domain::check::{CheckState, Report};
use domain::id::{BuildId, EnvironmentId};
use domain::{Problem, Time};
use sqlx::any::AnyRow;

/// A check that is still to be carried out.
#[derive(Clone, Debug)]
pub struct CheckRecord {
    pub id: String,
    pub environment: EnvironmentId,
    pub generation: i64,
    pub app: String,
    pub build: BuildId,
    pub service: String,
    pub stop_after: bool,
    pub started_at: Option<Time>,
}

/// What a check ended with.
pub struct Ended<'a> {
    pub state: CheckState,
    pub exit_code: Option<i64>,
    pub report: Option<&'a Report>,
    pub problem: Option<&'a Problem>,
    pub at: Time,
}

fn check(row: &AnyRow) -> Result<CheckRecord, Problem> {
    Ok(CheckRecord {
        id: get(row, "id")?,
        environment: EnvironmentId(get(row, "environment_id")?),
        generation: get(row, "generation")?,
        app: get(row, "app")?,
        build: BuildId(get(row, "build_id")?),
        service: get(row, "service")?,
        stop_after: get::<i64>(row, "stop_after")? != 0,
        started_at: time(row, "started_at")?,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Result<Option<T>, Problem> {
    let text: Option<String> = get(row, column)?;
    text.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()
}

fn view(row: &AnyRow) -> Result<CheckView, Problem> {
    Ok(CheckView {
        environment: EnvironmentId(get(row, "environment_id")?),
        environment_number: get(row, "number")?,
        generation: get(row, "generation")?,
        service: get(row, "service")?,
        state: word(row, "state")?,
        exit_code: get(row, "exit_code")?,
        report: json(row, "report")?,
        problem: json(row, "problem")?,
        created_at: from_micros(get(row, "created_at")?),
        started_at: time(row, "started_at")?,
        ended_at: time(row, "ended_at")?,
    })
}

const VIEW: &str = "SELECT c.environment_id, e.number, c.generation, c.service, c.state, c.exit_code, c.report, c.problem,
        c.created_at, c.started_at, c.ended_at
     FROM checks c JOIN environments e ON e.id = c.environment_id";

impl Store {
    /// Checks that have not ended, oldest first.
    pub async fn open_checks(&self, limit: i64) -> Result<Vec<CheckRecord>, Problem> {
        let rows = sqlx::query(
            "SELECT id, environment_id, generation, app, build_id, service, stop_after, started_at FROM checks
             WHERE ended_at IS NULL ORDER BY created_at, id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(check).collect()
    }

    /// The checks of a build, the newest first, at most `limit`.
    pub async fn checks_of_build(&self, build: &BuildId, limit: i64) -> Result<Vec<CheckView>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} WHERE c.build_id = $1 ORDER BY c.created_at DESC, c.id DESC LIMIT $2"));
        let rows = sqlx::query(sql).bind(build.as_str()).bind(limit).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(view).collect()
    }

    /// The checks in an environment, the newest first, at most `limit`.
    pub async fn checks_in(&self, environment: &EnvironmentId, limit: i64) -> Result<Vec<CheckView>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} WHERE c.environment_id = $1 ORDER BY c.generation DESC LIMIT $2"));
        let rows = sqlx::query(sql).bind(environment.as_str()).bind(limit).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(view).collect()
    }
}

/// Writes a check that is to be carried out once its release set runs.
pub async fn insert_check(tx: &mut Tx, new: &CheckRecord, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO checks (id, environment_id, generation, app, build_id, service, state, stop_after, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8)",
    )
    .bind(new.id.as_str())
    .bind(new.environment.as_str())
    .bind(new.generation)
    .bind(new.app.as_str())
    .bind(new.build.as_str())
    .bind(new.service.as_str())
    .bind(i64::from(new.stop_after))
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// `waiting` → `running`; the time of the first beginning stays.
pub async fn begin_check(tx: &mut Tx, id: &str, now: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE checks SET state = 'running', started_at = COALESCE(started_at, $1) WHERE id = $2 AND ended_at IS NULL")
        .bind(micros(now))
        .bind(id)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Ends a check; false when it has ended already.
pub async fn end_check(tx: &mut Tx, id: &str, ended: Ended<'_>) -> Result<bool, Problem> {
    let report = ended.report.map(serde_json::to_string).transpose().map_err(internal)?;
    let problem = ended.problem.map(serde_json::to_string).transpose().map_err(internal)?;
    let done = sqlx::query(
        "UPDATE checks SET state = $1, exit_code = $2, report = $3, problem = $4, ended_at = $5
         WHERE id = $6 AND ended_at IS NULL",
    )
    .bind(ended.state.as_str())
    .bind(ended.exit_code)
    .bind(report)
    .bind(problem)
    .bind(micros(ended.at))
    .bind(id)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}
