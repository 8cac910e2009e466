//! Promotion sets: what was requested together, and which promotion stands where in which set.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, missing, promotions};
use domain::id::{PromotionId, UserId};
use domain::problem::Noun;
use domain::promotion::set::SetNumber;
use domain::{Person, Problem, Time};
use sqlx::{AnyConnection, Row};

/// A set as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRecord {
    pub number: SetNumber,
    pub reason: String,
    pub requested_by: UserId,
    pub requested_by_name: String,
    pub requested_at: Time,
    pub started_by_name: Option<String>,
    pub started_at: Option<Time>,
}

/// Where a promotion stands in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceInSet {
    pub set: SetNumber,
    /// From 0.
    pub place: i64,
    /// How many there are.
    pub of: i64,
}

impl Store {
    /// A set with its promotions in their order.
    ///
    /// # Errors
    /// [`Problem::NotFound`].
    pub async fn set(&self, number: SetNumber) -> Result<(SetRecord, Vec<promotions::PromotionRecord>), Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        let record = set_in(&mut connection, number).await?;
        Ok((record, promotions::of_set(&mut connection, number).await?))
    }

    /// The set of a promotion, if it is in one, and where it stands there.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn place_in_set(&self, promotion: &PromotionId) -> Result<Option<PlaceInSet>, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        place_in_set(&mut connection, promotion).await
    }
}

/// A set, read inside a unit of work.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn set_in(connection: &mut AnyConnection, number: SetNumber) -> Result<SetRecord, Problem> {
    let row = sqlx::query(
        "SELECT reason, requested_by_id, requested_by_name, requested_at, started_by_name, started_at
         FROM promotion_sets WHERE number = $1",
    )
    .bind(number.0)
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let row = row.ok_or_else(|| missing(Noun::PromotionSet, &number.to_string()))?;
    let started: Option<i64> = row.try_get("started_at").map_err(internal)?;
    Ok(SetRecord {
        number,
        reason: row.try_get("reason").map_err(internal)?,
        requested_by: UserId(row.try_get("requested_by_id").map_err(internal)?),
        requested_by_name: row.try_get("requested_by_name").map_err(internal)?,
        requested_at: from_micros(row.try_get("requested_at").map_err(internal)?),
        started_by_name: row.try_get("started_by_name").map_err(internal)?,
        started_at: started.map(from_micros),
    })
}

/// The set of a promotion, if it is in one, read inside a unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn place_in_set(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<PlaceInSet>, Problem> {
    let row = sqlx::query(
        "SELECT p.set_number, p.set_place, (SELECT COUNT(*) FROM promotions o WHERE o.set_number = p.set_number) AS of_set
         FROM promotions p WHERE p.id = $1 AND p.set_number IS NOT NULL",
    )
    .bind(promotion.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let place = |row: sqlx::any::AnyRow| {
        Ok::<_, sqlx::Error>(PlaceInSet {
            set: SetNumber(row.try_get("set_number")?),
            place: row.try_get("set_place")?,
            of: row.try_get("of_set")?,
        })
    };
    row.map(place).transpose().map_err(internal)
}

/// Adds a set of these promotions, which are there already.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(tx: &mut Tx, record: &SetRecord, members: &[PromotionId]) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO promotion_sets (number, reason, requested_by_id, requested_by_name, requested_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(record.number.0)
    .bind(record.reason.as_str())
    .bind(record.requested_by.as_str())
    .bind(record.requested_by_name.as_str())
    .bind(micros(record.requested_at))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    for (place, member) in (0_i64..).zip(members) {
        sqlx::query("UPDATE promotions SET set_number = $2, set_place = $3 WHERE id = $1")
            .bind(member.as_str())
            .bind(record.number.0)
            .bind(place)
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    }
    Ok(())
}

/// Notes that a set was started; false when it had been before.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn start(tx: &mut Tx, number: SetNumber, by: &Person, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE promotion_sets SET started_by_id = $2, started_by_name = $3, started_at = $4
         WHERE number = $1 AND started_at IS NULL",
    )
    .bind(number.0)
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}
