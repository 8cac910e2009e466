//! What the board of regions asks of the past: what was put where, and what is newer.

use crate::clock::{from_micros, micros};
use crate::store::{Store, internal};
use domain::id::BuildId;
use domain::{Digest, Problem, Time};
use sqlx::Row;

/// Newer builds are counted this far; nobody reads the number beyond it.
const MOST_NEWER: i64 = 99;

/// A build as the board names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBuild {
    pub id: BuildId,
    pub seen_at: Time,
    /// The tag that people know it by, also when the tag has moved on since.
    pub tag: Option<String>,
    /// Its place in the order of releases, if it is one.
    pub release_key: Option<String>,
}

impl Store {
    /// The build of an app with this digest.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn build_known(&self, app: &str, digest: &Digest) -> Result<Option<KnownBuild>, Problem> {
        let row = sqlx::query("SELECT id, seen_at FROM builds WHERE app = $1 AND digest = $2")
            .bind(app)
            .bind(digest.as_str())
            .fetch_optional(self.read())
            .await
            .map_err(internal)?;
        let Some(row) = row else { return Ok(None) };
        let id: String = row.try_get("id").map_err(internal)?;
        let names = sqlx::query(
            "SELECT name, release_key FROM (
                 SELECT name, release_key, channel, moved_at, 1 AS points FROM tags WHERE build_id = $1
                 UNION ALL
                 SELECT tag, release_key, channel, moved_at, 0 FROM tag_moves WHERE build_id = $1
             ) AS names
             ORDER BY CASE WHEN release_key IS NOT NULL THEN 0 ELSE 1 END, points DESC,
                      CASE WHEN channel IS NOT NULL THEN 0 ELSE 1 END, release_key DESC, moved_at DESC, name LIMIT 1",
        )
        .bind(id.as_str())
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        let name = |column: &str| match &names {
            Some(row) => row.try_get::<Option<String>, _>(column).map_err(internal),
            None => Ok(None),
        };
        Ok(Some(KnownBuild {
            seen_at: from_micros(row.try_get("seen_at").map_err(internal)?),
            tag: name("name")?,
            release_key: name("release_key")?,
            id: BuildId(id),
        }))
    }

    /// How many builds of an app are newer than `build`, and the tag of the newest release of
    /// them: releases after it in their order, or after it in time when it is no release, and
    /// builds that were seen later and are signed off. What has a standing fail does not count.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn newer_than(&self, app: &str, build: &KnownBuild) -> Result<(u32, Option<String>), Problem> {
        let rows = sqlx::query(
            "SELECT n.id, MAX(n.release_key) AS release_key FROM (
                 SELECT b.id, b.digest, t.release_key FROM tags t JOIN builds b ON b.id = t.build_id
                 WHERE t.app = $1 AND t.release_key > $2 AND b.id <> $3 AND ($2 <> '' OR b.seen_at > $4)
                 UNION ALL
                 SELECT b.id, b.digest, NULL FROM sign_offs s JOIN builds b ON b.id = s.build_id
                 WHERE b.app = $1 AND b.seen_at > $4 AND b.id <> $3 AND s.withdrawn_at IS NULL
             ) AS n
             WHERE NOT EXISTS (
                 SELECT 1 FROM verdicts v JOIN builds q ON q.id = v.build_id
                 WHERE q.digest = n.digest AND v.kind = 'fail' AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL
             )
             GROUP BY n.id ORDER BY 2 DESC LIMIT $5",
        )
        .bind(app)
        .bind(build.release_key.clone().unwrap_or_default())
        .bind(build.id.as_str())
        .bind(micros(build.seen_at))
        .bind(MOST_NEWER)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let keys = rows.iter().map(|row| row.try_get::<Option<String>, _>("release_key"));
        let newest = keys.collect::<Result<Vec<_>, _>>().map_err(internal)?.into_iter().flatten().max();
        let tag = match newest {
            Some(key) => self.release_tag(app, &key).await?,
            None => None,
        };
        Ok((u32::try_from(rows.len()).unwrap_or(u32::MAX), tag))
    }

    async fn release_tag(&self, app: &str, key: &str) -> Result<Option<String>, Problem> {
        sqlx::query_scalar("SELECT name FROM tags WHERE app = $1 AND release_key = $2 ORDER BY name LIMIT 1")
            .bind(app)
            .bind(key)
            .fetch_optional(self.read())
            .await
            .map_err(internal)
    }
}
