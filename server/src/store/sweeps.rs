//! Sweeps: reading an app's tags from its registry.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use app::view::SweepView;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// How far a sweep is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub tags_total: i64,
    pub tags_done: i64,
    pub builds_found: i64,
}

impl Store {
    /// The last or present sweep of each app.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn sweeps(&self) -> Result<Vec<SweepView>, Problem> {
        let rows = sqlx::query(
            "SELECT app, state, whole, asked_by, started_at, ended_at, tags_total, tags_done, builds_found, problem
             FROM sweeps ORDER BY app LIMIT 500",
        );
        let rows = rows.fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(sweep).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// Where a tag points and when that was last heard of, of every tag of an app.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn known_tags(&self, app: &str, most: i64) -> Result<Vec<(String, Time)>, Problem> {
        let rows = sqlx::query("SELECT name, known_at FROM tags WHERE app = $1 ORDER BY name LIMIT $2");
        let rows = rows.bind(app).bind(most).fetch_all(self.read()).await.map_err(internal)?;
        let one = |row: &AnyRow| Ok((row.try_get("name")?, from_micros(row.try_get("known_at")?)));
        rows.iter().map(one).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }
}

fn sweep(row: &AnyRow) -> Result<SweepView, sqlx::Error> {
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros));
    let problem: Option<String> = row.try_get("problem")?;
    let problem = problem.map(|text| serde_json::from_str(&text)).transpose();
    Ok(SweepView {
        app: row.try_get("app")?,
        state: row.try_get("state")?,
        whole: row.try_get::<i64, _>("whole")? != 0,
        asked_by: row.try_get("asked_by")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
        tags_total: row.try_get("tags_total")?,
        tags_done: row.try_get("tags_done")?,
        builds_found: row.try_get("builds_found")?,
        problem: problem.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
    })
}

/// Asks for a sweep of all tags; one that waits or runs is not asked for twice, and then the answer is false.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn ask(tx: &mut Tx, app: &str, by: &str) -> Result<bool, Problem> {
    let done = sqlx::query(
        "INSERT INTO sweeps (app, state, whole, asked_by) VALUES ($1, 'waiting', 1, $2)
         ON CONFLICT (app) DO UPDATE SET state = 'waiting', whole = 1, asked_by = $2, started_at = NULL, ended_at = NULL,
             tags_total = 0, tags_done = 0, builds_found = 0, problem = NULL
         WHERE sweeps.state IN ('done', 'failed')",
    );
    let done = done.bind(app).bind(by).execute(&mut **tx).await.map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// Writes that a sweep begins.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn begin(tx: &mut Tx, app: &str, whole: bool, by: &str, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO sweeps (app, state, whole, asked_by, started_at) VALUES ($1, 'running', $2, $3, $4)
         ON CONFLICT (app) DO UPDATE SET state = 'running', whole = $2, asked_by = $3, started_at = $4, ended_at = NULL,
             tags_total = 0, tags_done = 0, builds_found = 0, problem = NULL",
    )
    .bind(app)
    .bind(i64::from(whole))
    .bind(by)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Writes how far a sweep is.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn advance(tx: &mut Tx, app: &str, progress: Progress) -> Result<(), Problem> {
    sqlx::query("UPDATE sweeps SET tags_total = $1, tags_done = $2, builds_found = $3 WHERE app = $4")
        .bind(progress.tags_total)
        .bind(progress.tags_done)
        .bind(progress.builds_found)
        .bind(app)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Writes how a sweep ended.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn finish(tx: &mut Tx, app: &str, problem: Option<&Problem>, now: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE sweeps SET state = $1, problem = $2, ended_at = $3 WHERE app = $4")
        .bind(if problem.is_none() { "done" } else { "failed" })
        .bind(problem.map(serde_json::to_string).transpose().map_err(internal)?)
        .bind(micros(now))
        .bind(app)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
