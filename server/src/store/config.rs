//! Versions of the configuration.

use crate::clock::from_micros;
use crate::ctx::Applied;
use crate::store::{Store, Tx, internal};
use domain::config::Config;
use domain::{Problem, Time};
use sqlx::Row;

/// A version of the configuration, and who applied it when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: i64,
    pub config: Config,
    pub at: Time,
    pub by: String,
}

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
    /// The newest `most` versions of the configuration, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn newest_versions(&self, most: i64) -> Result<Vec<Version>, Problem> {
        let rows = sqlx::query("SELECT version, body, applied_at, applied_by FROM configurations ORDER BY version DESC LIMIT $1")
            .bind(most)
            .fetch_all(self.read())
            .await
            .map_err(internal)?;
        let version = |row: &sqlx::any::AnyRow| {
            let body: String = row.try_get("body").map_err(internal)?;
            Ok(Version {
                number: row.try_get("version").map_err(internal)?,
                // A text of a time whose keys are no longer known says nothing that could be compared.
                config: serde_json::from_str(&body).unwrap_or_default(),
                at: from_micros(row.try_get("applied_at").map_err(internal)?),
                by: row.try_get("applied_by").map_err(internal)?,
            })
        };
        rows.iter().map(version).collect()
    }

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
