//! Promotions and their rollouts up to the start; and what past rollouts left.

use crate::clock::{from_micros, micros};
use crate::store::{Cursor, Store, Tx, internal, missing, plausible};
use domain::id::{BuildId, PromotionId, RolloutId, UserId};
use domain::problem::Noun;
use domain::promotion::set::SetNumber;
use domain::promotion::{PromotionKind, PromotionState, RolloutState};
use domain::rollback::Past;
use domain::service::ServiceIntent;
use domain::{Digest, Person, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// How far into the past a way back is looked for.
const MOST_PAST: i64 = 500;
/// A list of promotions on a build's page ends here.
const MOST_OF_BUILD: i64 = 50;
/// The configuration has no more regions than this.
const MOST_REGIONS: i64 = 500;

/// A promotion as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionRecord {
    pub id: PromotionId,
    pub number: i64,
    pub kind: PromotionKind,
    pub app: String,
    pub build: BuildId,
    pub digest: Digest,
    /// The tag it was known by when it was requested.
    pub tag: Option<String>,
    pub state: PromotionState,
    pub reason: String,
    pub requested_by: UserId,
    pub requested_by_name: String,
    pub requested_at: Time,
    pub started_by_name: Option<String>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
}

/// One region's part of a promotion, as the decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub id: RolloutId,
    pub region: String,
    pub digest: Digest,
    pub state: RolloutState,
}

const PROMOTION: &str = "SELECT id, number, kind, app, build_id, digest, tag, state, reason, requested_by_id,
        requested_by_name, requested_at, started_by_name, started_at, ended_at
     FROM promotions";

fn promotion(row: &AnyRow) -> Result<PromotionRecord, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros)).map_err(internal);
    Ok(PromotionRecord {
        id: PromotionId(text("id")?),
        number: row.try_get("number").map_err(internal)?,
        kind: text("kind")?.parse().map_err(internal)?,
        app: text("app")?,
        build: BuildId(text("build_id")?),
        digest: text("digest")?.parse().map_err(internal)?,
        tag: maybe("tag")?,
        state: text("state")?.parse().map_err(internal)?,
        reason: text("reason")?,
        requested_by: UserId(text("requested_by_id")?),
        requested_by_name: text("requested_by_name")?,
        requested_at: from_micros(row.try_get("requested_at").map_err(internal)?),
        started_by_name: maybe("started_by_name")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
    })
}

impl Store {
    /// A page of promotions, newest first, and one more than `limit` when there are more.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn promotions(
        &self,
        state: Option<PromotionState>,
        after: &Cursor,
        limit: i64,
    ) -> Result<Vec<PromotionRecord>, Problem> {
        let of_state = if state.is_some() { "state = $4 AND" } else { "" };
        let sql = sqlx::AssertSqlSafe(format!(
            "{PROMOTION} WHERE {of_state} (requested_at, id) < ($1, $2) ORDER BY requested_at DESC, id DESC LIMIT $3"
        ));
        let query = sqlx::query(sql).bind(micros(after.at)).bind(after.id.as_str()).bind(limit + 1);
        let query = match state {
            Some(state) => query.bind(state.as_str()),
            None => query,
        };
        query.fetch_all(self.read()).await.map_err(internal)?.iter().map(promotion).collect()
    }

    /// The newest 50 promotions of a build.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn promotions_of(&self, build: &BuildId) -> Result<Vec<PromotionRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{PROMOTION} WHERE build_id = $1 ORDER BY requested_at DESC, id DESC LIMIT $2"));
        let rows = sqlx::query(sql).bind(build.as_str()).bind(MOST_OF_BUILD).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(promotion).collect()
    }

    /// A promotion.
    ///
    /// # Errors
    /// [`Problem::NotFound`].
    pub async fn promotion(&self, id: &PromotionId) -> Result<PromotionRecord, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        promotion_in(&mut connection, id).await
    }

    /// The regions of a promotion, in their order.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn regions_of(&self, id: &PromotionId) -> Result<Vec<String>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        Ok(parts(&mut connection, id).await?.into_iter().map(|part| part.region).collect())
    }

    /// How the rollouts of an app ended in a region, oldest first, and when the last of them did.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn past(&self, app: &str, region: &str) -> Result<(Vec<Past>, Option<Time>), Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        past_in(&mut connection, app, region).await
    }

    /// Whether no rollout of the app in the region was begun or is wanted after this one.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn is_last_there(&self, rollout: &RolloutId, app: &str, region: &str) -> Result<bool, Problem> {
        let newer = sqlx::query(
            "SELECT 1 AS one FROM rollouts r JOIN promotions p ON p.id = r.promotion_id
             WHERE r.app = $1 AND r.region = $2 AND r.id <> $3 AND p.kind <> 'canary'
               AND ((r.state = 'waiting' AND p.state = 'running')
                    OR r.started_at > (SELECT own.started_at FROM rollouts own WHERE own.id = $3)) LIMIT 1",
        )
        .bind(app)
        .bind(region)
        .bind(rollout.as_str())
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        Ok(newer.is_none())
    }

    /// The build of `app` with this digest and the tag that people know it by now.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn known_as(&self, app: &str, digest: &Digest) -> Result<Option<(BuildId, Option<String>)>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        let id: Option<String> = sqlx::query_scalar("SELECT id FROM builds WHERE app = $1 AND digest = $2")
            .bind(app)
            .bind(digest.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(internal)?;
        let Some(build) = id.map(BuildId) else { return Ok(None) };
        let tag = best_tag(&mut connection, &build).await?;
        Ok(Some((build, tag)))
    }
}

/// A promotion, read inside a unit of work.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn promotion_in(connection: &mut AnyConnection, id: &PromotionId) -> Result<PromotionRecord, Problem> {
    if !plausible(id.as_str()) {
        return Err(missing(Noun::Promotion, id.as_str()));
    }
    let sql = sqlx::AssertSqlSafe(format!("{PROMOTION} WHERE id = $1"));
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(promotion).transpose()?.ok_or_else(|| missing(Noun::Promotion, id.as_str()))
}

/// The promotions of a set, in their order.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_set(connection: &mut AnyConnection, set: SetNumber) -> Result<Vec<PromotionRecord>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{PROMOTION} WHERE set_number = $1 ORDER BY set_place"));
    let rows = sqlx::query(sql).bind(set.0).fetch_all(connection).await.map_err(internal)?;
    rows.iter().map(promotion).collect()
}

/// The regions of a promotion with their rollouts, in their order.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn parts(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Vec<Part>, Problem> {
    let rows = sqlx::query("SELECT id, region, digest, state FROM rollouts WHERE promotion_id = $1 ORDER BY position LIMIT $2")
        .bind(promotion.as_str())
        .bind(MOST_REGIONS)
        .fetch_all(connection)
        .await
        .map_err(internal)?;
    let part = |row: &AnyRow| {
        let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
        Ok(Part {
            id: RolloutId(text("id")?),
            region: text("region")?,
            digest: text("digest")?.parse().map_err(internal)?,
            state: text("state")?.parse().map_err(internal)?,
        })
    };
    rows.iter().map(part).collect()
}

/// The best name for a build: its newest release tag, else a tag of a channel, else any tag.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn best_tag(connection: &mut AnyConnection, build: &BuildId) -> Result<Option<String>, Problem> {
    sqlx::query_scalar(
        "SELECT name FROM tags WHERE build_id = $1
         ORDER BY CASE WHEN release_key IS NOT NULL THEN 0 WHEN channel IS NOT NULL THEN 1 ELSE 2 END,
                  release_key DESC, moved_at DESC, name LIMIT 1",
    )
    .bind(build.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)
}

/// The number of another running promotion of the app that has not yet ended in the region.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn other_rollout(
    connection: &mut AnyConnection,
    app: &str,
    region: &str,
    except: &PromotionId,
) -> Result<Option<i64>, Problem> {
    sqlx::query_scalar(
        "SELECT p.number FROM rollouts r JOIN promotions p ON p.id = r.promotion_id
         WHERE r.app = $1 AND r.region = $2 AND r.promotion_id <> $3
           AND (r.state = 'running' OR (r.state = 'waiting' AND p.state = 'running'))
         ORDER BY p.number LIMIT 1",
    )
    .bind(app)
    .bind(region)
    .bind(except.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)
}

/// Whether this digest of the app was verified in the region before, not only as a canary.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn ran_before(connection: &mut AnyConnection, app: &str, region: &str, digest: &Digest) -> Result<bool, Problem> {
    let found = sqlx::query(
        "SELECT 1 AS one FROM rollouts WHERE app = $1 AND region = $2 AND digest = $3 AND state = 'verified'
           AND promotion_id NOT IN (SELECT promotion_id FROM canaries) LIMIT 1",
    )
    .bind(app)
    .bind(region)
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    Ok(found.is_some())
}

/// How the rollouts of an app ended in a region, oldest first, and when the last of them did.
/// What never began says nothing about the region and is left out. What began and failed
/// counts, even if it failed before it changed anything: whoever presses "roll back" then means
/// the promotion that failed, and not the digest that still runs. Corrections and plans change
/// nothing about which digest was promoted, and are left out too.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn past_in(connection: &mut AnyConnection, app: &str, region: &str) -> Result<(Vec<Past>, Option<Time>), Problem> {
    let rows = sqlx::query(
        "SELECT p.kind, r.digest, r.state, r.ended_at FROM rollouts r JOIN promotions p ON p.id = r.promotion_id
         WHERE r.app = $1 AND r.region = $2 AND r.state IN ('verified', 'failed') AND r.started_at IS NOT NULL
           AND p.kind IN ('promotion', 'rollback')
         ORDER BY r.ended_at DESC, r.started_at DESC, p.number DESC LIMIT $3",
    )
    .bind(app)
    .bind(region)
    .bind(MOST_PAST)
    .fetch_all(connection)
    .await
    .map_err(internal)?;
    let text = |row: &AnyRow, name: &str| row.try_get::<String, _>(name).map_err(internal);
    let past = |row: &AnyRow| {
        Ok(Past {
            kind: text(row, "kind")?.parse().map_err(internal)?,
            digest: text(row, "digest")?.parse().map_err(internal)?,
            verified: text(row, "state")?.parse::<RolloutState>().map_err(internal)? == RolloutState::Verified,
        })
    };
    let ended: Option<i64> = match rows.first() {
        Some(row) => row.try_get("ended_at").map_err(internal)?,
        None => None,
    };
    let past: Vec<Past> = rows.iter().rev().map(past).collect::<Result<_, Problem>>()?;
    Ok((past, ended.map(from_micros)))
}

/// The newest version of the configuration, 0 when there is none.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn config_version(connection: &mut AnyConnection) -> Result<i64, Problem> {
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT MAX(version) FROM configurations").fetch_one(connection).await.map_err(internal)?;
    Ok(newest.unwrap_or(0))
}

/// Adds a promotion with one waiting rollout for each region, in their order.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(tx: &mut Tx, record: &PromotionRecord, regions: &[(RolloutId, &str)]) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO promotions (id, number, kind, app, build_id, digest, tag, state, reason, requested_by_id,
             requested_by_name, requested_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(record.id.as_str())
    .bind(record.number)
    .bind(record.kind.as_str())
    .bind(record.app.as_str())
    .bind(record.build.as_str())
    .bind(record.digest.as_str())
    .bind(record.tag.clone())
    .bind(record.state.as_str())
    .bind(record.reason.as_str())
    .bind(record.requested_by.as_str())
    .bind(record.requested_by_name.as_str())
    .bind(micros(record.requested_at))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    for (position, (id, region)) in (0_i64..).zip(regions) {
        sqlx::query(
            "INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.as_str())
        .bind(record.id.as_str())
        .bind(position)
        .bind(record.app.as_str())
        .bind(*region)
        .bind(record.digest.as_str())
        .bind(RolloutState::Waiting.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    }
    Ok(())
}

/// Ends an open promotion before it started, and leaves its regions untouched; false when it is
/// not open.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn end_open(tx: &mut Tx, id: &PromotionId, to: PromotionState, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE promotions SET state = $3, ended_at = $2 WHERE id = $1 AND state = 'open'")
        .bind(id.as_str())
        .bind(micros(now))
        .bind(to.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE rollouts SET state = 'skipped', ended_at = $2 WHERE promotion_id = $1 AND state = 'waiting'")
        .bind(id.as_str())
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(true)
}

/// Sets an open promotion running and fixes what each of its regions is to run; false when
/// it is not open. The worker takes it from here.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn start(
    tx: &mut Tx,
    id: &PromotionId,
    by: &Person,
    intents: &[(RolloutId, ServiceIntent)],
    now: Time,
) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE promotions SET state = 'running', started_by_id = $2, started_by_name = $3, started_at = $4
         WHERE id = $1 AND state = 'open'",
    )
    .bind(id.as_str())
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    for (rollout, intent) in intents {
        let spec = serde_json::to_string(intent).map_err(internal)?;
        sqlx::query("UPDATE rollouts SET spec = $2 WHERE id = $1 AND state = 'waiting'")
            .bind(rollout.as_str())
            .bind(spec)
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    }
    Ok(done.rows_affected() == 1)
}
