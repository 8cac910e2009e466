//! What waits for somebody's decision.

use crate::clock::micros;
use crate::store::{Store, internal};
use domain::id::{BuildId, EnvironmentId, PromotionId, UserId};
use domain::{Problem, Time};
use sqlx::Row;

/// Builds and promotions that are listed; nobody looks at more.
const MOST: i64 = 100;

/// The environment in which a build was last seen to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestedIn {
    pub build: BuildId,
    pub environment: EnvironmentId,
    pub number: i64,
}

/// An open promotion that waits for approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToApprove {
    pub id: PromotionId,
    pub app: String,
    /// In their order.
    pub regions: Vec<String>,
}

impl Store {
    /// Builds that passed since `since` and that nobody has signed off: a tag points at them, no
    /// fail stands, and they were not sent back after the pass. Those that passed last come first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn builds_to_sign(&self, since: Time) -> Result<Vec<BuildId>, Problem> {
        // The condition of the partial index stands here word for word, so that it serves.
        let rows = sqlx::query(
            "SELECT b.id, MAX(v.at) AS passed_at
             FROM verdicts v JOIN builds j ON j.id = v.build_id JOIN builds b ON b.digest = j.digest
             WHERE v.kind = 'pass' AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL AND v.at > $1
               AND EXISTS (SELECT 1 FROM tags t WHERE t.build_id = b.id)
               AND NOT EXISTS (SELECT 1 FROM sign_offs s WHERE s.build_id = b.id AND s.withdrawn_at IS NULL)
               AND NOT EXISTS (SELECT 1 FROM send_backs r WHERE r.build_id = b.id AND r.at >= v.at)
               AND NOT EXISTS (SELECT 1 FROM builds q JOIN verdicts f ON f.build_id = q.id
                               WHERE q.digest = b.digest AND f.kind = 'fail'
                                 AND f.withdrawn_at IS NULL AND f.overruled_at IS NULL)
             GROUP BY b.id ORDER BY 2 DESC, 1 DESC LIMIT $2",
        );
        let rows = rows.bind(micros(since)).bind(MOST).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(|row| row.try_get("id").map(BuildId).map_err(internal)).collect()
    }

    /// The newest build of each of these channels, each given as app and channel; a channel that has
    /// none is left out.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn newest_builds(&self, channels: &[(&str, &str)]) -> Result<Vec<(BuildId, String)>, Problem> {
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        let one = |place: usize| {
            let (app, channel) = (2 * place + 1, 2 * place + 2);
            format!(
                "SELECT (SELECT m.build_id FROM tag_moves m WHERE m.app = ${app} AND m.channel = ${channel}
                         ORDER BY m.moved_at DESC, m.id DESC LIMIT 1) AS build_id, CAST(${channel} AS TEXT) AS channel"
            )
        };
        let sql: Vec<String> = (0..channels.len()).map(one).collect();
        let query = sqlx::query(sqlx::AssertSqlSafe(sql.join(" UNION ALL ")));
        let query = channels.iter().fold(query, |query, (app, channel)| query.bind(*app).bind(*channel));
        let rows = query.fetch_all(self.read()).await.map_err(internal)?;
        let mut newest = Vec::new();
        for row in &rows {
            let build: Option<String> = row.try_get("build_id").map_err(internal)?;
            if let Some(build) = build {
                newest.push((BuildId(build), row.try_get("channel").map_err(internal)?));
            }
        }
        Ok(newest)
    }

    /// Open promotions that this person did not request and has not approved.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn promotions_to_approve(&self, person: &UserId) -> Result<Vec<ToApprove>, Problem> {
        let rows = sqlx::query(
            "SELECT p.id, p.app, r.region FROM rollouts r JOIN (
                 SELECT id, app, requested_at FROM promotions WHERE state IN ('open', 'running') AND state = 'open'
                   AND kind IN ('promotion', 'canary')
                   AND requested_by_id <> $1
                   AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.promotion_id = promotions.id AND a.user_id = $1)
                 ORDER BY requested_at DESC, id DESC LIMIT $2
             ) p ON p.id = r.promotion_id
             ORDER BY p.requested_at DESC, p.id DESC, r.position",
        )
        .bind(person.as_str())
        .bind(MOST)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let mut open: Vec<ToApprove> = Vec::new();
        for row in rows {
            let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
            let (id, region) = (PromotionId(text("id")?), text("region")?);
            match open.last_mut().filter(|last| last.id == id) {
                Some(last) => last.regions.push(region),
                None => open.push(ToApprove { id, app: text("app")?, regions: vec![region] }),
            }
        }
        Ok(open)
    }

    /// Promotions whose glass somebody else broke, and nobody has reviewed yet.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn promotions_to_review(&self, person: &UserId) -> Result<Vec<PromotionId>, Problem> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT promotion_id FROM broken_glass WHERE reviewed_at IS NULL AND by_id <> $1 ORDER BY at DESC, promotion_id LIMIT $2",
        )
        .bind(person.as_str())
        .bind(MOST)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        Ok(ids.into_iter().map(PromotionId).collect())
    }

    /// Where the build of an app that was signed off last, other than this one, was tested.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn accepted_before(&self, app: &str, build: &BuildId) -> Result<Option<TestedIn>, Problem> {
        let row = sqlx::query(
            "SELECT b.id, e.id AS environment_id, e.number
             FROM sign_offs s JOIN builds b ON b.id = s.build_id JOIN verdicts v ON v.build_id = b.id
                  JOIN environments e ON e.id = v.environment_id
             WHERE b.app = $1 AND b.id <> $2 AND s.withdrawn_at IS NULL AND v.kind = 'pass'
             ORDER BY s.at DESC, v.at DESC, v.id DESC LIMIT 1",
        )
        .bind(app)
        .bind(build.as_str())
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        let read = |row: sqlx::any::AnyRow| {
            Ok::<_, sqlx::Error>(TestedIn {
                build: BuildId(row.try_get("id")?),
                environment: EnvironmentId(row.try_get("environment_id")?),
                number: row.try_get("number")?,
            })
        };
        row.map(read).transpose().map_err(internal)
    }
}
