//! Named secrets, sealed.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use app::view::SecretView;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

impl Store {
    /// At most 500 secrets by name, never what they hold.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn secrets(&self) -> Result<Vec<SecretView>, Problem> {
        let rows = sqlx::query("SELECT name, changed_at, changed_by FROM secrets ORDER BY name LIMIT 500");
        let rows = rows.fetch_all(self.read()).await.map_err(internal)?;
        let view = |row: &AnyRow| {
            Ok(SecretView {
                name: row.try_get("name")?,
                changed_at: from_micros(row.try_get("changed_at")?),
                changed_by: row.try_get("changed_by")?,
                used_by: Vec::new(),
            })
        };
        rows.iter().map(view).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// What is sealed under a name.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        let sealed = sqlx::query_scalar("SELECT sealed FROM secrets WHERE name = $1").bind(name);
        sealed.fetch_optional(self.read()).await.map_err(internal)
    }
}

/// Sets a secret, or puts it in another's place.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn put(tx: &mut Tx, name: &str, sealed: &[u8], now: Time, by: &str) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO secrets (name, sealed, changed_at, changed_by) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET sealed = $2, changed_at = $3, changed_by = $4",
    )
    .bind(name)
    .bind(sealed)
    .bind(micros(now))
    .bind(by)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Forgets a secret; false when there is none.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn remove(tx: &mut Tx, name: &str) -> Result<bool, Problem> {
    let done = sqlx::query("DELETE FROM secrets WHERE name = $1").bind(name).execute(&mut **tx).await.map_err(internal)?;
    Ok(done.rows_affected() > 0)
}
