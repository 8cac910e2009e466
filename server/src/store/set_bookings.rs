//! Promotion sets that start by themselves.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::UserId;
use domain::promotion::set::SetNumber;
use domain::{Person, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Sets that one look takes up.
const MOST_DUE: i64 = 100;

/// That a set starts by itself when every gate of each of its promotions is green.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBooking {
    pub set: SetNumber,
    /// Whoever booked it: it starts as theirs.
    pub by: UserId,
    pub by_name: String,
    pub at: Time,
    pub not_before: Option<Time>,
    /// Why it did not start when it was tried last.
    pub waits: Option<Problem>,
    pub tried_at: Option<Time>,
}

const BOOKING: &str = "SELECT b.set_number, b.by_id, b.by_name, b.at, b.not_before, b.waits, b.tried_at FROM set_bookings b";

fn booking(row: &AnyRow) -> Result<SetBooking, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros)).map_err(internal);
    let waits: Option<String> = row.try_get("waits").map_err(internal)?;
    Ok(SetBooking {
        set: SetNumber(row.try_get("set_number").map_err(internal)?),
        by: UserId(text("by_id")?),
        by_name: text("by_name")?,
        at: from_micros(row.try_get("at").map_err(internal)?),
        not_before: time("not_before")?,
        waits: waits.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()?,
        tried_at: time("tried_at")?,
    })
}

impl Store {
    /// Bookings of sets that nobody has started and whose time has come, those that were tried longest ago
    /// first. A set of which something has ended cannot start whole any more and is left out.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn due_set_bookings(&self, now: Time) -> Result<Vec<SetBooking>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{BOOKING} JOIN promotion_sets s ON s.number = b.set_number
             WHERE s.started_at IS NULL AND (b.not_before IS NULL OR b.not_before <= $1)
               AND NOT EXISTS (SELECT 1 FROM promotions p WHERE p.set_number = b.set_number AND p.state <> 'open')
             ORDER BY COALESCE(b.tried_at, 0), b.set_number LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(micros(now)).bind(MOST_DUE).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(booking).collect()
    }
}

/// The booking of a set, if it has one.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn booking_of_set(connection: &mut AnyConnection, set: SetNumber) -> Result<Option<SetBooking>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{BOOKING} WHERE b.set_number = $1"));
    let row = sqlx::query(sql).bind(set.0).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(booking).transpose()
}

/// Books a set; an earlier booking of it is replaced.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn book(tx: &mut Tx, set: SetNumber, by: &Person, not_before: Option<Time>, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO set_bookings (set_number, by_id, by_name, at, not_before) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (set_number) DO UPDATE
         SET by_id = $2, by_name = $3, at = $4, not_before = $5, waits = NULL, tried_at = NULL",
    )
    .bind(set.0)
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
pub async fn unbook(tx: &mut Tx, set: SetNumber) -> Result<bool, Problem> {
    let gone = sqlx::query("DELETE FROM set_bookings WHERE set_number = $1").bind(set.0);
    Ok(gone.execute(&mut **tx).await.map_err(internal)?.rows_affected() == 1)
}

/// Notes why a booked set did not start.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note_waits(tx: &mut Tx, set: SetNumber, waits: &Problem, now: Time) -> Result<(), Problem> {
    let text = serde_json::to_string(waits).map_err(internal)?;
    sqlx::query("UPDATE set_bookings SET waits = $2, tried_at = $3 WHERE set_number = $1")
        .bind(set.0)
        .bind(text)
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
