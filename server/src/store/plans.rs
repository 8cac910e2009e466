//! Contingency plans: who has read them, and where they run.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::{PromotionId, UserId};
use domain::promotion::PromotionState;
use domain::service::ServiceIntent;
use domain::{Person, Problem, Role, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// So many leads have read a plan at most; so many uses of plans are under way.
const MOST: i64 = 200;

/// That somebody has read a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRow {
    pub plan: String,
    pub by: UserId,
    pub name: String,
    /// The plan as it was read.
    pub body: String,
    pub at: Time,
    /// The reader's role now; none when disabled or gone.
    pub role: Option<Role>,
}

/// A use of a plan that nobody returned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    pub promotion: PromotionId,
    pub number: i64,
    pub plan: String,
    pub app: String,
    pub region: String,
    pub state: PromotionState,
    pub by: String,
    pub at: Time,
    pub reason: String,
    pub before: ServiceIntent,
}

/// A return that failed or was ended leaves the plan in use; so does a correction, which puts the plan's service
/// back. A promotion or a rollback that began there afterwards has taken the plan's place.
const RUNS: &str =
    "SELECT u.promotion_id, p.number, u.plan, u.app, u.region, p.state, p.requested_by_name, p.requested_at, p.reason,
        u.spec_before
     FROM plan_runs u JOIN promotions p ON p.id = u.promotion_id LEFT JOIN promotions b ON b.id = u.return_id
     WHERE (u.return_id IS NULL OR b.state IN ('failed', 'aborted'))
       AND NOT EXISTS (
           SELECT 1 FROM rollouts n JOIN promotions q ON q.id = n.promotion_id
           WHERE n.app = u.app AND n.region = u.region AND q.kind IN ('promotion', 'rollback') AND n.started_at > p.started_at
       )";

impl Store {
    /// Every review, the oldest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn plan_reviews(&self) -> Result<Vec<ReviewRow>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        reviews(&mut connection, None).await
    }

    /// The uses of plans that nobody returned from.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn plan_runs(&self) -> Result<Vec<RunRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{RUNS} ORDER BY p.started_at, p.id LIMIT $1"));
        let rows = sqlx::query(sql).bind(MOST).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(run).collect()
    }
}

/// The reviews of one plan, or of all, the oldest first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn reviews(connection: &mut AnyConnection, plan: Option<&str>) -> Result<Vec<ReviewRow>, Problem> {
    let rows = sqlx::query(
        "SELECT v.plan, v.user_id, v.user_name, v.body, v.at, u.role, u.disabled
         FROM plan_reviews v LEFT JOIN users u ON u.id = v.user_id
         WHERE v.plan = $1 OR $1 = '' ORDER BY v.at, v.user_id LIMIT $2",
    )
    .bind(plan.unwrap_or_default())
    .bind(MOST)
    .fetch_all(connection)
    .await
    .map_err(internal)?;
    rows.iter().map(review).collect()
}

fn review(row: &AnyRow) -> Result<ReviewRow, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let role: Option<String> = row.try_get("role").map_err(internal)?;
    let disabled: Option<i64> = row.try_get("disabled").map_err(internal)?;
    Ok(ReviewRow {
        plan: text("plan")?,
        by: UserId(text("user_id")?),
        name: text("user_name")?,
        body: text("body")?,
        at: from_micros(row.try_get("at").map_err(internal)?),
        role: role.filter(|_| disabled == Some(0)).map(|role| role.parse()).transpose()?,
    })
}

/// Notes that somebody has read a plan; what they had read before is replaced.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn add_review(tx: &mut Tx, plan: &str, body: &str, by: &Person, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO plan_reviews (plan, user_id, user_name, body, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (plan, user_id) DO UPDATE SET user_name = $3, body = $4, at = $5",
    )
    .bind(plan)
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(body)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// The use of a plan of this app in this region that nobody returned from, inside a unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn run_there(connection: &mut AnyConnection, app: &str, region: &str) -> Result<Option<RunRow>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{RUNS} AND u.app = $1 AND u.region = $2 ORDER BY p.started_at DESC LIMIT 1"));
    let row = sqlx::query(sql).bind(app).bind(region).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(run).transpose()
}

fn run(row: &AnyRow) -> Result<RunRow, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    Ok(RunRow {
        promotion: PromotionId(text("promotion_id")?),
        number: row.try_get("number").map_err(internal)?,
        plan: text("plan")?,
        app: text("app")?,
        region: text("region")?,
        state: text("state")?.parse().map_err(internal)?,
        by: text("requested_by_name")?,
        at: from_micros(row.try_get("requested_at").map_err(internal)?),
        reason: text("reason")?,
        before: serde_json::from_str(&text("spec_before")?).map_err(internal)?,
    })
}

/// Notes that a promotion is a use of a plan.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn add_run(tx: &mut Tx, promotion: &PromotionId, plan: &str, before: &ServiceIntent) -> Result<(), Problem> {
    sqlx::query("INSERT INTO plan_runs (promotion_id, plan, app, region, spec_before) VALUES ($1, $2, $3, $4, $5)")
        .bind(promotion.as_str())
        .bind(plan)
        .bind(before.app.as_str())
        .bind(before.region.as_str())
        .bind(serde_json::to_string(before).map_err(internal)?)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Notes the promotion that returns from a use of a plan.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_return(tx: &mut Tx, run: &PromotionId, by: &PromotionId) -> Result<(), Problem> {
    sqlx::query("UPDATE plan_runs SET return_id = $2 WHERE promotion_id = $1")
        .bind(run.as_str())
        .bind(by.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
