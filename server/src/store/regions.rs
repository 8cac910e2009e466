//! What the board of regions asks of the past: what was put where, and what is newer.

use crate::clock::{from_micros, micros};
use crate::store::{Cursor, Store, internal};
use domain::id::{BuildId, PromotionId, RolloutId};
use domain::promotion::{PromotionKind, RolloutState};
use domain::service::ServiceIntent;
use domain::{Digest, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

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

/// What was last verified in a region: what is to run there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    pub rollout: RolloutId,
    pub promotion: PromotionId,
    pub intent: ServiceIntent,
}

/// One rollout in a region's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRollout {
    pub id: RolloutId,
    pub promotion: PromotionId,
    pub number: i64,
    pub kind: PromotionKind,
    pub app: String,
    pub digest: Digest,
    pub tag: Option<String>,
    pub state: RolloutState,
    pub requested_by: String,
    pub started_by: Option<String>,
    pub reason: String,
    pub started_at: Time,
    pub ended_at: Option<Time>,
    pub failure: Option<Problem>,
}

/// What was last verified of an app in a region, canaries apart, read inside a unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn last_put(connection: &mut AnyConnection, app: &str, region: &str) -> Result<Option<Put>, Problem> {
    let row = sqlx::query(
        "SELECT id, promotion_id, spec FROM rollouts
         WHERE app = $1 AND region = $2 AND state = 'verified' AND spec IS NOT NULL
           AND promotion_id NOT IN (SELECT promotion_id FROM canaries)
         ORDER BY ended_at DESC, id DESC LIMIT 1",
    )
    .bind(app)
    .bind(region)
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    let spec: String = row.try_get("spec").map_err(internal)?;
    let rollout = RolloutId(row.try_get("id").map_err(internal)?);
    let promotion = PromotionId(row.try_get("promotion_id").map_err(internal)?);
    Ok(Some(Put { rollout, promotion, intent: serde_json::from_str(&spec).map_err(internal)? }))
}

impl Store {
    /// What was last verified of an app in a region.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn last_put(&self, app: &str, region: &str) -> Result<Option<Put>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        last_put(&mut connection, app, region).await
    }

    /// The name of whoever started a promotion.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn started_by(&self, promotion: &PromotionId) -> Result<Option<String>, Problem> {
        let name = sqlx::query_scalar("SELECT started_by_name FROM promotions WHERE id = $1").bind(promotion.as_str());
        Ok(name.fetch_optional(self.read()).await.map_err(internal)?.flatten())
    }

    /// A page of the rollouts that began in a region, newest first, and one more than `limit` when
    /// there are more.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn history(&self, region: &str, after: &Cursor, limit: i64) -> Result<Vec<PastRollout>, Problem> {
        let rows = sqlx::query(
            "SELECT r.id, r.promotion_id, p.number, p.kind, r.app, r.digest, p.tag, r.state, p.requested_by_name, p.started_by_name,
                    p.reason, r.started_at, r.ended_at, r.failure
             FROM rollouts r JOIN promotions p ON p.id = r.promotion_id
             WHERE r.region = $1 AND r.started_at IS NOT NULL AND (r.started_at, r.id) < ($2, $3)
             ORDER BY r.started_at DESC, r.id DESC LIMIT $4",
        )
        .bind(region)
        .bind(micros(after.at))
        .bind(after.id.as_str())
        .bind(limit + 1)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(past).collect()
    }

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

    /// The digest that a tag of an app points at.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn tagged(&self, app: &str, tag: &str) -> Result<Option<Digest>, Problem> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT b.digest FROM tags t JOIN builds b ON b.id = t.build_id WHERE t.app = $1 AND t.name = $2")
                .bind(app)
                .bind(tag)
                .fetch_optional(self.read())
                .await
                .map_err(internal)?;
        found.map(|digest| digest.parse().map_err(internal)).transpose()
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

fn past(row: &AnyRow) -> Result<PastRollout, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let ended: Option<i64> = row.try_get("ended_at").map_err(internal)?;
    Ok(PastRollout {
        id: RolloutId(text("id")?),
        promotion: PromotionId(text("promotion_id")?),
        number: row.try_get("number").map_err(internal)?,
        kind: text("kind")?.parse().map_err(internal)?,
        app: text("app")?,
        digest: text("digest")?.parse().map_err(internal)?,
        tag: maybe("tag")?,
        state: text("state")?.parse().map_err(internal)?,
        requested_by: text("requested_by_name")?,
        started_by: maybe("started_by_name")?,
        reason: text("reason")?,
        started_at: from_micros(row.try_get("started_at").map_err(internal)?),
        ended_at: ended.map(from_micros),
        failure: maybe("failure")?.map(|text| serde_json::from_str(&text)).transpose().map_err(internal)?,
    })
}
