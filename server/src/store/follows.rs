//! Rollbacks that start by themselves when a canary has returned.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::{PromotionId, UserId};
use domain::{Person, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Rollbacks that one look takes up.
const MOST_DUE: i64 = 100;

/// That an open rollback starts when a canary has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The rollback.
    pub promotion: PromotionId,
    /// The promotion of the canary, and its number.
    pub canary: PromotionId,
    pub canary_number: i64,
    /// Whoever asked for it: it starts as theirs.
    pub by: UserId,
    pub by_name: String,
    pub at: Time,
    /// Then it is given up.
    pub until: Time,
    /// Why it did not start when it was tried last.
    pub waits: Option<Problem>,
    pub tried_at: Option<Time>,
}

const FOLLOW: &str =
    "SELECT f.promotion_id, f.canary_id, c.number AS canary_number, f.by_id, f.by_name, f.at, f.until, f.waits, f.tried_at
     FROM follows f JOIN promotions c ON c.id = f.canary_id JOIN promotions p ON p.id = f.promotion_id";

fn follow(row: &AnyRow) -> Result<Follow, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<i64, _>(name).map(from_micros).map_err(internal);
    let waits: Option<String> = row.try_get("waits").map_err(internal)?;
    let tried_at: Option<i64> = row.try_get("tried_at").map_err(internal)?;
    Ok(Follow {
        promotion: PromotionId(text("promotion_id")?),
        canary: PromotionId(text("canary_id")?),
        canary_number: row.try_get("canary_number").map_err(internal)?,
        by: UserId(text("by_id")?),
        by_name: text("by_name")?,
        at: time("at")?,
        until: time("until")?,
        waits: waits.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()?,
        tried_at: tried_at.map(from_micros),
    })
}

impl Store {
    /// Open rollbacks whose canary has returned or whose time is over, those that were tried longest ago first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn due_follows(&self, now: Time) -> Result<Vec<Follow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{FOLLOW} JOIN canaries k ON k.promotion_id = f.canary_id
             WHERE p.state = 'open' AND (k.state = 'returned' OR f.until <= $1)
             ORDER BY COALESCE(f.tried_at, 0), f.promotion_id LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(micros(now)).bind(MOST_DUE).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(follow).collect()
    }
}

/// What a rollback follows, if it follows a canary.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn follow_of(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<Follow>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{FOLLOW} WHERE f.promotion_id = $1"));
    let row = sqlx::query(sql).bind(promotion.as_str()).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(follow).transpose()
}

/// The open rollback that follows a canary, and its number.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn follower_of(connection: &mut AnyConnection, canary: &PromotionId) -> Result<Option<(PromotionId, i64)>, Problem> {
    let row = sqlx::query(
        "SELECT p.id, p.number FROM follows f JOIN promotions p ON p.id = f.promotion_id
         WHERE f.canary_id = $1 AND p.state = 'open' ORDER BY p.number LIMIT 1",
    )
    .bind(canary.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let link = |row: AnyRow| Ok::<_, sqlx::Error>((PromotionId(row.try_get("id")?), row.try_get("number")?));
    row.map(link).transpose().map_err(internal)
}

/// Notes that a rollback that was just added follows a canary.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(
    tx: &mut Tx,
    (promotion, canary): (&PromotionId, &PromotionId),
    by: &Person,
    (now, until): (Time, Time),
) -> Result<(), Problem> {
    sqlx::query("INSERT INTO follows (promotion_id, canary_id, by_id, by_name, at, until) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(promotion.as_str())
        .bind(canary.as_str())
        .bind(by.id.as_str())
        .bind(by.name.as_str())
        .bind(micros(now))
        .bind(micros(until))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Notes why a rollback did not start.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note_waits(tx: &mut Tx, promotion: &PromotionId, waits: &Problem, now: Time) -> Result<(), Problem> {
    let text = serde_json::to_string(waits).map_err(internal)?;
    sqlx::query("UPDATE follows SET waits = $2, tried_at = $3 WHERE promotion_id = $1")
        .bind(promotion.as_str())
        .bind(text)
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
