//! Builds that product sent back.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::{BuildId, SendBackId, UserId};
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Send-backs shown on a build's page.
const MOST_SHOWN: i64 = 50;

/// One time that product did not accept a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendBackRow {
    pub id: SendBackId,
    pub build: BuildId,
    pub author: UserId,
    pub author_name: String,
    pub reason: String,
    pub at: Time,
}

fn send_back(row: &AnyRow) -> Result<SendBackRow, sqlx::Error> {
    Ok(SendBackRow {
        id: SendBackId(row.try_get("id")?),
        build: BuildId(row.try_get("build_id")?),
        author: UserId(row.try_get("author_id")?),
        author_name: row.try_get("author_name")?,
        reason: row.try_get("reason")?,
        at: from_micros(row.try_get("at")?),
    })
}

impl Store {
    /// The newest 50 send-backs of a build.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn send_backs_of(&self, build: &BuildId) -> Result<Vec<SendBackRow>, Problem> {
        let rows = sqlx::query(
            "SELECT id, build_id, author_id, author_name, reason, at FROM send_backs WHERE build_id = $1
             ORDER BY at DESC, id DESC LIMIT $2",
        );
        let rows = rows.bind(build.as_str()).bind(MOST_SHOWN).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(send_back).collect::<Result<_, _>>().map_err(internal)
    }
}

/// Writes a send-back, and withdraws the sign-offs that stand on the build: says how many.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(tx: &mut Tx, row: &SendBackRow) -> Result<u64, Problem> {
    sqlx::query("INSERT INTO send_backs (id, build_id, author_id, author_name, reason, at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(row.id.as_str())
        .bind(row.build.as_str())
        .bind(row.author.as_str())
        .bind(row.author_name.as_str())
        .bind(row.reason.as_str())
        .bind(micros(row.at))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    let ended = sqlx::query("UPDATE sign_offs SET withdrawn_at = $1 WHERE build_id = $2 AND withdrawn_at IS NULL")
        .bind(micros(row.at))
        .bind(row.build.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(ended.rows_affected())
}
