//! The secrets of regions, sealed: by region, app and name, each with the version of its value.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::region_secrets::Kept;
use domain::service::ServiceIntent;
use domain::{Problem, Time};
use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Rows that one page of a region shows.
const MOST: i64 = 2000;

/// Which secret of which app in which region.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub region: &'a str,
    pub app: &'a str,
    pub name: &'a str,
}

impl Key<'_> {
    /// The name under which the value is sealed. No other secret can have it: names have no slashes.
    pub fn sealed_as(&self) -> String {
        format!("{}/{}/{}", self.region, self.app, self.name)
    }
}

/// What is known of a secret beside its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    pub app: String,
    pub name: String,
    pub version: i64,
    /// Whether there is a value; none after it was removed.
    pub set: bool,
    pub changed_at: Time,
    pub changed_by: String,
}

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub version: i64,
    pub sealed: Vec<u8>,
}

impl Sealed {
    /// Tells two values apart that have one version, as after a backup was restored. It says nothing of
    /// the value: each sealing has a nonce of its own.
    pub fn mark(&self) -> String {
        hex::encode(Sha256::digest(&self.sealed))
    }
}

/// The versions of an app's secrets that are set in a region, read inside a unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn kept(connection: &mut AnyConnection, region: &str, app: &str) -> Result<Kept, Problem> {
    let rows = sqlx::query("SELECT name, version FROM region_secrets WHERE region = $1 AND app = $2 AND sealed IS NOT NULL")
        .bind(region)
        .bind(app)
        .fetch_all(connection)
        .await
        .map_err(internal)?;
    let one = |row: &AnyRow| Ok((row.try_get("name")?, row.try_get("version")?));
    rows.iter().map(one).collect::<Result<_, sqlx::Error>>().map_err(internal)
}

/// Sets a secret, or puts another value in its place, and gives back its version.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn put(tx: &mut Tx, key: Key<'_>, sealed: &[u8], now: Time, by: &str) -> Result<i64, Problem> {
    sqlx::query_scalar(
        "INSERT INTO region_secrets (region, app, name, version, sealed, changed_at, changed_by) VALUES ($1, $2, $3, 1, $4, $5, $6)
         ON CONFLICT (region, app, name)
         DO UPDATE SET version = region_secrets.version + 1, sealed = $4, changed_at = $5, changed_by = $6
         RETURNING version",
    )
    .bind(key.region)
    .bind(key.app)
    .bind(key.name)
    .bind(sealed)
    .bind(micros(now))
    .bind(by)
    .fetch_one(&mut **tx)
    .await
    .map_err(internal)
}

/// Forgets a value, and remembers its version; false when none is set.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn clear(tx: &mut Tx, key: Key<'_>, now: Time, by: &str) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE region_secrets SET sealed = NULL, changed_at = $4, changed_by = $5
         WHERE region = $1 AND app = $2 AND name = $3 AND sealed IS NOT NULL",
    )
    .bind(key.region)
    .bind(key.app)
    .bind(key.name)
    .bind(micros(now))
    .bind(by)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// The secrets of a region by app and name, removed ones too, never what they hold.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn region_secrets(&self, region: &str) -> Result<Vec<SecretRow>, Problem> {
        let rows = sqlx::query(
            "SELECT app, name, version, CAST(CASE WHEN sealed IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_set, changed_at, changed_by
             FROM region_secrets WHERE region = $1 ORDER BY app, name LIMIT $2",
        )
        .bind(region)
        .bind(MOST)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(secret).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// What is sealed of a secret; none when it is not set.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn sealed_in_region(&self, key: Key<'_>) -> Result<Option<Sealed>, Problem> {
        let row = sqlx::query(
            "SELECT version, sealed FROM region_secrets WHERE region = $1 AND app = $2 AND name = $3 AND sealed IS NOT NULL",
        )
        .bind(key.region)
        .bind(key.app)
        .bind(key.name)
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        row.as_ref().map(value).transpose().map_err(internal)
    }

    /// The versions of an app's secrets that are set in a region.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn kept_secrets(&self, region: &str, app: &str) -> Result<Kept, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        kept(&mut connection, region, app).await
    }

    /// The last `count` intents of an app that were verified in a region, canaries apart, newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn last_intents(&self, app: &str, region: &str, count: i64) -> Result<Vec<ServiceIntent>, Problem> {
        let specs: Vec<String> = sqlx::query_scalar(
            "SELECT spec FROM rollouts
             WHERE app = $1 AND region = $2 AND state = 'verified' AND spec IS NOT NULL
               AND promotion_id NOT IN (SELECT promotion_id FROM canaries)
             ORDER BY ended_at DESC, id DESC LIMIT $3",
        )
        .bind(app)
        .bind(region)
        .bind(count)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        specs.iter().map(|spec| serde_json::from_str(spec).map_err(internal)).collect()
    }
}

fn value(row: &AnyRow) -> Result<Sealed, sqlx::Error> {
    Ok(Sealed { version: row.try_get("version")?, sealed: row.try_get("sealed")? })
}

fn secret(row: &AnyRow) -> Result<SecretRow, sqlx::Error> {
    let set: i64 = row.try_get("is_set")?;
    Ok(SecretRow {
        app: row.try_get("app")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        set: set != 0,
        changed_at: from_micros(row.try_get("changed_at")?),
        changed_by: row.try_get("changed_by")?,
    })
}
