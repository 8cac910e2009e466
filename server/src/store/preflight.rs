//! What is known before a rollout: when builds came to be, what they were tested with, how long
//! such a rollout takes.

use crate::clock::from_micros;
use crate::store::{Store, internal};
use domain::gate::world::Dated;
use domain::{Digest, Problem};
use sqlx::{AnyConnection, Row};

/// Past rollouts that an expected duration is made of.
const MOST_DURATIONS: i64 = 10;

/// A build's age, and the name that people know it by.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn dated(connection: &mut AnyConnection, app: &str, digest: &Digest) -> Result<Option<(Dated, String)>, Problem> {
    let row = sqlx::query(
        "SELECT b.built_at, b.seen_at,
             (SELECT MAX(t.release_key) FROM tags t WHERE t.build_id = b.id) AS now_key,
             (SELECT MAX(m.release_key) FROM tag_moves m WHERE m.build_id = b.id) AS past_key,
             (SELECT t.name FROM tags t WHERE t.build_id = b.id
              ORDER BY CASE WHEN t.release_key IS NOT NULL THEN 0 ELSE 1 END, t.release_key DESC, t.moved_at DESC, t.name
              LIMIT 1) AS name
         FROM builds b WHERE b.app = $1 AND b.digest = $2",
    )
    .bind(app)
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    let text = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let built: Option<i64> = row.try_get("built_at").map_err(internal)?;
    let dated = Dated {
        release_key: text("now_key")?.max(text("past_key")?),
        built_at: built.map(from_micros),
        seen_at: from_micros(row.try_get("seen_at").map_err(internal)?),
    };
    Ok(Some((dated, text("name")?.unwrap_or_else(|| digest.short().to_owned()))))
}

/// The plan, as it is kept, of the environment that the newest standing pass on a digest names.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn tested_in(connection: &mut AnyConnection, digest: &Digest) -> Result<Option<String>, Problem> {
    sqlx::query_scalar(
        "SELECT e.spec FROM builds b JOIN verdicts v ON v.build_id = b.id JOIN environments e ON e.id = v.environment_id
         WHERE b.digest = $1 AND v.kind = 'pass' AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL
         ORDER BY v.at DESC, v.id DESC LIMIT 1",
    )
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)
}

impl Store {
    /// How many seconds the last rollouts of an app in a region took that were verified, the
    /// newest first, at most ten.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn durations(&self, app: &str, region: &str) -> Result<Vec<u32>, Problem> {
        let rows = sqlx::query(
            "SELECT ended_at - started_at AS took FROM rollouts
             WHERE app = $1 AND region = $2 AND state = 'verified' AND started_at IS NOT NULL
               AND promotion_id NOT IN (SELECT promotion_id FROM canaries)
             ORDER BY ended_at DESC LIMIT $3",
        )
        .bind(app)
        .bind(region)
        .bind(MOST_DURATIONS)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let seconds = |micros: i64| u32::try_from(micros / 1_000_000).unwrap_or(0);
        rows.iter().map(|row| row.try_get("took").map(seconds).map_err(internal)).collect()
    }
}
