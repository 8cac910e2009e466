//! Promotions that were drafted by themselves: the newest release of each channel that was seen to.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::{BuildId, PromotionId};
use domain::{Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// A release tag as it points now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub tag: String,
    /// Its place in the order of releases.
    pub key: String,
    pub build: BuildId,
    pub moved_at: Time,
}

/// The release of a channel that was seen to last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTo {
    pub tag: String,
    pub key: String,
    /// The build that the tag pointed at.
    pub build: BuildId,
    /// What was drafted for it.
    pub promotion: Option<PromotionId>,
    /// Why nothing was drafted yet.
    pub problem: Option<Problem>,
}

impl Store {
    /// The newest release of a channel, in the order of releases.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn newest_release(&self, app: &str, channel: &str) -> Result<Option<Release>, Problem> {
        let row = sqlx::query(
            "SELECT name, release_key, build_id, moved_at FROM tags
             WHERE app = $1 AND channel = $2 AND release_key IS NOT NULL ORDER BY release_key DESC, name LIMIT 1",
        )
        .bind(app)
        .bind(channel)
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        let release = |row: AnyRow| {
            Ok::<_, sqlx::Error>(Release {
                tag: row.try_get("name")?,
                key: row.try_get("release_key")?,
                build: BuildId(row.try_get("build_id")?),
                moved_at: from_micros(row.try_get("moved_at")?),
            })
        };
        row.map(release).transpose().map_err(internal)
    }

    /// When the configuration that is in force was applied.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn applied_at(&self, version: i64) -> Result<Option<Time>, Problem> {
        let at: Option<i64> = sqlx::query_scalar("SELECT applied_at FROM configurations WHERE version = $1")
            .bind(version)
            .fetch_optional(self.read())
            .await
            .map_err(internal)?;
        Ok(at.map(from_micros))
    }
}

/// The release of a channel that was seen to last.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn seen_to(connection: &mut AnyConnection, app: &str, channel: &str) -> Result<Option<SeenTo>, Problem> {
    let row = sqlx::query(
        "SELECT tag, release_key, build_id, promotion_id, problem FROM automatic_drafts WHERE app = $1 AND channel = $2",
    )
    .bind(app)
    .bind(channel)
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    let problem: Option<String> = row.try_get("problem").map_err(internal)?;
    let promotion: Option<String> = row.try_get("promotion_id").map_err(internal)?;
    Ok(Some(SeenTo {
        tag: row.try_get("tag").map_err(internal)?,
        key: row.try_get("release_key").map_err(internal)?,
        build: BuildId(row.try_get("build_id").map_err(internal)?),
        promotion: promotion.map(PromotionId),
        problem: problem.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()?,
    }))
}

/// Notes what was seen to, in the transaction that does it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note(tx: &mut Tx, (app, channel): (&str, &str), seen: &SeenTo, now: Time) -> Result<(), Problem> {
    let problem = seen.problem.as_ref().map(serde_json::to_string).transpose().map_err(internal)?;
    sqlx::query(
        "INSERT INTO automatic_drafts (app, channel, tag, release_key, build_id, at, promotion_id, problem)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (app, channel) DO UPDATE
         SET tag = $3, release_key = $4, build_id = $5, at = $6, promotion_id = $7, problem = $8",
    )
    .bind(app)
    .bind(channel)
    .bind(seen.tag.as_str())
    .bind(seen.key.as_str())
    .bind(seen.build.as_str())
    .bind(micros(now))
    .bind(seen.promotion.as_ref().map(|id| id.0.clone()))
    .bind(problem)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// The channel whose newest release this promotion was drafted for.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn channel_of(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<String>, Problem> {
    sqlx::query_scalar("SELECT channel FROM automatic_drafts WHERE promotion_id = $1")
        .bind(promotion.as_str())
        .fetch_optional(connection)
        .await
        .map_err(internal)
}
