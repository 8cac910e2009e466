//! Canaries: what was asked for, what is there, and until when.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::canary::{CanaryState, ReturnCause, Shape, Terms};
use domain::gate::CanaryThere;
use domain::id::{BuildId, PromotionId};
use domain::service::ServiceIntent;
use domain::{Digest, Person, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// No installation has more of them at once: one for each app and region.
const MOST: i64 = 1000;

/// A canary whose promotion has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryRow {
    pub promotion: PromotionId,
    /// The number of the promotion.
    pub number: i64,
    pub app: String,
    pub region: String,
    pub build: BuildId,
    pub digest: Digest,
    pub tag: Option<String>,
    pub terms: Terms,
    pub state: CanaryState,
    /// The name of whoever started it.
    pub owner: String,
    pub started_at: Time,
    pub ends_at: Time,
    /// What the main service was to run at its start.
    pub before: ServiceIntent,
    /// The promotion that had put it there; the service carries it in a label.
    pub put_by: PromotionId,
    pub cause: Option<ReturnCause>,
    pub withdrawn_by: Option<String>,
    pub reason: String,
    pub returning_at: Option<Time>,
}

impl CanaryRow {
    /// Whether the main service runs as before beside it.
    pub fn is_beside(&self) -> bool {
        self.terms.shape == Shape::Beside
    }

    /// What the main service is to run while the canary is there.
    pub fn reduced(&self) -> ServiceIntent {
        ServiceIntent { replicas: self.terms.main_replicas(self.before.replicas), ..self.before.clone() }
    }
}

const CANARY: &str =
    "SELECT k.promotion_id, p.number, k.app, k.region, p.build_id, p.digest, p.tag, k.terms, k.state, k.owner_name,
        k.started_at, k.ends_at, k.spec_before, k.promotion_before, k.cause, k.withdrawn_by, k.reason, k.returning_at
     FROM canaries k JOIN promotions p ON p.id = k.promotion_id";
/// It may still be in the region.
const THERE: &str = "k.state IN ('starting', 'running', 'returning')";

fn canary(row: &AnyRow) -> Result<CanaryRow, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<i64, _>(name).map(from_micros).map_err(internal);
    let returning: Option<i64> = row.try_get("returning_at").map_err(internal)?;
    Ok(CanaryRow {
        promotion: PromotionId(text("promotion_id")?),
        number: row.try_get("number").map_err(internal)?,
        app: text("app")?,
        region: text("region")?,
        build: BuildId(text("build_id")?),
        digest: text("digest")?.parse().map_err(internal)?,
        tag: maybe("tag")?,
        terms: serde_json::from_str(&text("terms")?).map_err(internal)?,
        state: text("state")?.parse().map_err(internal)?,
        owner: text("owner_name")?,
        started_at: time("started_at")?,
        ends_at: time("ends_at")?,
        before: serde_json::from_str(&text("spec_before")?).map_err(internal)?,
        put_by: PromotionId(text("promotion_before")?),
        cause: maybe("cause")?.map(|cause| cause.parse()).transpose().map_err(internal)?,
        withdrawn_by: maybe("withdrawn_by")?,
        reason: maybe("reason")?.unwrap_or_default(),
        returning_at: returning.map(from_micros),
    })
}

impl Store {
    /// Every canary that may still be in a region, the oldest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn canaries(&self) -> Result<Vec<CanaryRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{CANARY} WHERE {THERE} ORDER BY k.started_at, k.promotion_id LIMIT $1"));
        let rows = sqlx::query(sql).bind(MOST).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(canary).collect()
    }

    /// The canary of a promotion, once that has started; also one that has returned.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn canary(&self, promotion: &PromotionId) -> Result<Option<CanaryRow>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        canary_in(&mut connection, promotion).await
    }

    /// The canary of an app that may be in a region.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn canary_there(&self, app: &str, region: &str) -> Result<Option<CanaryRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{CANARY} WHERE k.app = $1 AND k.region = $2 AND {THERE} LIMIT 1"));
        let row = sqlx::query(sql).bind(app).bind(region).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(canary).transpose()
    }

    /// What was asked for; none of a promotion that is no canary.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn canary_terms(&self, promotion: &PromotionId) -> Result<Option<Terms>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        terms(&mut connection, promotion).await
    }
}

/// The canary of a promotion, once that has started, inside a unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn canary_in(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<CanaryRow>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{CANARY} WHERE k.promotion_id = $1 AND k.state IS NOT NULL"));
    let row = sqlx::query(sql).bind(promotion.as_str()).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(canary).transpose()
}

/// The terms of a promotion; none of one that is no canary.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn terms(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<Terms>, Problem> {
    let found: Option<String> = sqlx::query_scalar("SELECT terms FROM canaries WHERE promotion_id = $1")
        .bind(promotion.as_str())
        .fetch_optional(connection)
        .await
        .map_err(internal)?;
    found.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()
}

/// The canary of another promotion that may be in a region.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn there(
    connection: &mut AnyConnection,
    app: &str,
    region: &str,
    except: &PromotionId,
) -> Result<Option<CanaryThere>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT p.number, k.state FROM canaries k JOIN promotions p ON p.id = k.promotion_id
         WHERE k.app = $1 AND k.region = $2 AND k.promotion_id <> $3 AND {THERE} LIMIT 1"
    ));
    let row = sqlx::query(sql).bind(app).bind(region).bind(except.as_str()).fetch_optional(connection).await.map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    let state: String = row.try_get("state").map_err(internal)?;
    let returning = state.parse() == Ok(CanaryState::Returning);
    Ok(Some(CanaryThere { number: row.try_get("number").map_err(internal)?, returning }))
}

/// Notes that a promotion that was just added is a canary.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn ask(tx: &mut Tx, promotion: &PromotionId, app: &str, region: &str, terms: &Terms) -> Result<(), Problem> {
    sqlx::query("INSERT INTO canaries (promotion_id, app, region, terms) VALUES ($1, $2, $3, $4)")
        .bind(promotion.as_str())
        .bind(app)
        .bind(region)
        .bind(serde_json::to_string(terms).map_err(internal)?)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Begins a canary whose promotion starts: from here on it has an owner and an end, and what the
/// main service is to run afterwards is fixed.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn begin(
    tx: &mut Tx,
    promotion: &PromotionId,
    owner: &Person,
    (before, put_by): (&ServiceIntent, &PromotionId),
    (now, ends_at): (Time, Time),
) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE canaries SET state = 'starting', owner_id = $2, owner_name = $3, spec_before = $4, promotion_before = $5,
                started_at = $6, ends_at = $7 WHERE promotion_id = $1 AND state IS NULL",
    )
    .bind(promotion.as_str())
    .bind(owner.id.as_str())
    .bind(owner.name.as_str())
    .bind(serde_json::to_string(before).map_err(internal)?)
    .bind(put_by.as_str())
    .bind(micros(now))
    .bind(micros(ends_at))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the tasks of a canary were verified; false when it no longer starts.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_running(tx: &mut Tx, promotion: &PromotionId) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE canaries SET state = 'running' WHERE promotion_id = $1 AND state = 'starting'")
        .bind(promotion.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Sends a canary back; false when it is on its way already, or was never begun.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_returning(
    tx: &mut Tx,
    promotion: &PromotionId,
    cause: ReturnCause,
    (by, reason): (Option<&str>, &str),
    now: Time,
) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE canaries SET state = 'returning', cause = $2, withdrawn_by = $3, reason = $4, returning_at = $5
         WHERE promotion_id = $1 AND state IN ('starting', 'running')",
    )
    .bind(promotion.as_str())
    .bind(cause.as_str())
    .bind(by.map(str::to_owned))
    .bind(reason)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Notes that nothing of a canary is left; false when that was noted before.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_returned(tx: &mut Tx, promotion: &PromotionId, now: Time) -> Result<bool, Problem> {
    let done =
        sqlx::query("UPDATE canaries SET state = 'returned', returned_at = $2 WHERE promotion_id = $1 AND state = 'returning'")
            .bind(promotion.as_str())
            .bind(micros(now))
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Moves the end of a canary that runs; false when it does not.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_end(tx: &mut Tx, promotion: &PromotionId, ends_at: Time) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE canaries SET ends_at = $2 WHERE promotion_id = $1 AND state = 'running'")
        .bind(promotion.as_str())
        .bind(micros(ends_at))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}
