//! Versions of the configuration.

use crate::ctx::Applied;
use crate::store::{Store, Tx, internal};
use domain::Problem;
use domain::config::Config;
use sqlx::Row;

/// The newest version, read so that nobody else adds one until the transaction ends.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn newest_to_change(tx: &mut Tx) -> Result<Applied, Problem> {
    // No app can have this name.
    crate::store::lock_app(tx, "*configuration").await?;
    let row = sqlx::query("SELECT version, body FROM configurations ORDER BY version DESC LIMIT 1")
        .fetch_optional(&mut **tx)
        .await
        .map_err(internal)?;
    let Some(row) = row else { return Ok(Applied::default()) };
    let body: String = row.try_get("body").map_err(internal)?;
    Ok(Applied { version: row.try_get("version").map_err(internal)?, config: serde_json::from_str(&body).map_err(internal)? })
}

/// Adds a version; `at` in microseconds.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn add_version(tx: &mut Tx, version: i64, config: &Config, at: i64, by: &str) -> Result<(), Problem> {
    sqlx::query("INSERT INTO configurations (version, body, applied_at, applied_by) VALUES ($1, $2, $3, $4)")
        .bind(version)
        .bind(serde_json::to_string(config).map_err(internal)?)
        .bind(at)
        .bind(by)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

impl Store {
    /// What stands behind the store, for `slipway check`: `SQLite 3.51.3`, `PostgreSQL 15.14`.
    ///
    /// # Errors
    /// [`Problem::Internal`] when it does not answer.
    pub async fn describe(&self) -> Result<String, Problem> {
        let (name, question) = match self.backend() {
            crate::store::Backend::Sqlite => ("SQLite", "SELECT sqlite_version()"),
            crate::store::Backend::Postgres => ("PostgreSQL", "SELECT current_setting('server_version')"),
        };
        let version: String = sqlx::query_scalar(question).fetch_one(self.read()).await.map_err(internal)?;
        Ok(format!("{name} {version}"))
    }
}
