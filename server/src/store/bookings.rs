//! Promotions that start by themselves, and open ones that may have lapsed.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::{PromotionId, UserId};
use domain::{Person, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Promotions that one look takes up.
const MOST_DUE: i64 = 100;

/// That a promotion starts by itself when every gate is green.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub promotion: PromotionId,
    /// Whoever booked it: it starts as theirs.
    pub by: UserId,
    pub by_name: String,
    pub at: Time,
    pub not_before: Option<Time>,
    /// Why it did not start when it was tried last.
    pub waits: Option<Problem>,
    pub tried_at: Option<Time>,
}

const BOOKING: &str = "SELECT b.promotion_id, b.by_id, b.by_name, b.at, b.not_before, b.waits, b.tried_at FROM bookings b";

fn booking(row: &AnyRow) -> Result<Booking, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros)).map_err(internal);
    let waits: Option<String> = row.try_get("waits").map_err(internal)?;
    Ok(Booking {
        promotion: PromotionId(text("promotion_id")?),
        by: UserId(text("by_id")?),
        by_name: text("by_name")?,
        at: from_micros(row.try_get("at").map_err(internal)?),
        not_before: time("not_before")?,
        waits: waits.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()?,
        tried_at: time("tried_at")?,
    })
}

impl Store {
    /// Bookings of open promotions whose time has come, those that were tried longest ago first. Those of a
    /// set are left out while one before them is not verified.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn due_bookings(&self, now: Time) -> Result<Vec<Booking>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{BOOKING} JOIN promotions p ON p.id = b.promotion_id
             WHERE p.state = 'open' AND (b.not_before IS NULL OR b.not_before <= $1)
               AND NOT EXISTS (SELECT 1 FROM promotions o WHERE o.set_number = p.set_number
                   AND o.set_place < p.set_place AND o.state <> 'verified')
             ORDER BY COALESCE(b.tried_at, 0), b.promotion_id LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(micros(now)).bind(MOST_DUE).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(booking).collect()
    }

    /// Open promotions that were requested before `requested`, or have approvals and none after `approved`.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn perhaps_lapsed(&self, requested: Time, approved: Time) -> Result<Vec<PromotionId>, Problem> {
        let ids = sqlx::query_scalar(
            "SELECT p.id FROM promotions p WHERE p.state = 'open' AND (p.requested_at <= $1
                OR (SELECT MAX(a.at) FROM approvals a WHERE a.promotion_id = p.id) <= $2)
             ORDER BY p.requested_at, p.id LIMIT $3",
        );
        let ids = ids.bind(micros(requested)).bind(micros(approved)).bind(MOST_DUE);
        let ids: Vec<String> = ids.fetch_all(self.read()).await.map_err(internal)?;
        Ok(ids.into_iter().map(PromotionId).collect())
    }
}

/// The booking of a promotion, if it has one.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn booking_of(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<Booking>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{BOOKING} WHERE b.promotion_id = $1"));
    let row = sqlx::query(sql).bind(promotion.as_str()).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(booking).transpose()
}

/// Books a promotion; an earlier booking of it is replaced.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn book(tx: &mut Tx, promotion: &PromotionId, by: &Person, not_before: Option<Time>, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO bookings (promotion_id, by_id, by_name, at, not_before) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (promotion_id) DO UPDATE
         SET by_id = $2, by_name = $3, at = $4, not_before = $5, waits = NULL, tried_at = NULL",
    )
    .bind(promotion.as_str())
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(micros(now))
    .bind(not_before.map(micros))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Takes a booking away; false when there was none.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn unbook(tx: &mut Tx, promotion: &PromotionId) -> Result<bool, Problem> {
    let gone = sqlx::query("DELETE FROM bookings WHERE promotion_id = $1").bind(promotion.as_str());
    Ok(gone.execute(&mut **tx).await.map_err(internal)?.rows_affected() == 1)
}

/// Notes why a booked promotion did not start.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note_waits(tx: &mut Tx, promotion: &PromotionId, waits: &Problem, now: Time) -> Result<(), Problem> {
    let text = serde_json::to_string(waits).map_err(internal)?;
    sqlx::query("UPDATE bookings SET waits = $2, tried_at = $3 WHERE promotion_id = $1")
        .bind(promotion.as_str())
        .bind(text)
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
