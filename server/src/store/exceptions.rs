//! What went another way than the usual one: rejections, exceptions from freezes, broken glass.

use crate::clock::{from_micros, micros};
use crate::store::{Tx, internal};
use domain::gate::Exemption;
use domain::id::{PromotionId, UserId};
use domain::{Action, Person, Problem, Role, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Who did something about a promotion, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub by: UserId,
    pub by_name: String,
    pub reason: String,
    pub at: Time,
}

/// Glass that was broken, and its review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenGlass {
    pub act: Act,
    /// Who closed the review, with which note, and when.
    pub reviewed: Option<(String, String, Time)>,
}

/// The tables that hold one act for each promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Exemption,
    Rejection,
    BrokenGlass,
}

impl Kind {
    const fn table(self) -> &'static str {
        match self {
            Kind::Exemption => "exemptions",
            Kind::Rejection => "rejections",
            Kind::BrokenGlass => "broken_glass",
        }
    }
}

fn act(row: &AnyRow) -> Result<Act, sqlx::Error> {
    Ok(Act {
        by: UserId(row.try_get("by_id")?),
        by_name: row.try_get("by_name")?,
        reason: row.try_get("reason")?,
        at: from_micros(row.try_get("at")?),
    })
}

/// Writes an act down; another one of the kind for the same promotion is replaced.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(
    tx: &mut Tx,
    kind: Kind,
    promotion: &PromotionId,
    by: &Person,
    reason: &str,
    now: Time,
) -> Result<(), Problem> {
    let sql = sqlx::AssertSqlSafe(format!(
        "INSERT INTO {} (promotion_id, by_id, by_name, reason, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (promotion_id) DO UPDATE SET by_id = $2, by_name = $3, reason = $4, at = $5",
        kind.table()
    ));
    sqlx::query(sql)
        .bind(promotion.as_str())
        .bind(by.id.as_str())
        .bind(by.name.as_str())
        .bind(reason)
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// The act of a kind about a promotion, if there is one.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn act_of(connection: &mut AnyConnection, kind: Kind, promotion: &PromotionId) -> Result<Option<Act>, Problem> {
    let sql = format!("SELECT by_id, by_name, reason, at FROM {} WHERE promotion_id = $1", kind.table());
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(promotion.as_str()).fetch_optional(connection);
    row.await.map_err(internal)?.as_ref().map(act).transpose().map_err(internal)
}

/// The exception from freezes of a promotion, with whether its author still may make one.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn exemption(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<Exemption>, Problem> {
    let Some(act) = act_of(connection, Kind::Exemption, promotion).await? else { return Ok(None) };
    let role: Option<String> = sqlx::query_scalar("SELECT role FROM users WHERE id = $1 AND disabled = 0")
        .bind(act.by.as_str())
        .fetch_optional(connection)
        .await
        .map_err(internal)?;
    let role: Option<Role> = role.map(|role| role.parse()).transpose()?;
    let still = role.is_some_and(|role| role.allows(Action::LiftFreeze));
    Ok(Some(Exemption { by: act.by, name: act.by_name, reason: act.reason, still }))
}

/// The glass that was broken for a promotion.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn broken_glass(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Option<BrokenGlass>, Problem> {
    let row = sqlx::query(
        "SELECT by_id, by_name, reason, at, reviewed_by_name, review_note, reviewed_at FROM broken_glass WHERE promotion_id = $1",
    );
    let row = row.bind(promotion.as_str()).fetch_optional(connection).await.map_err(internal)?;
    let read = |row: AnyRow| -> Result<BrokenGlass, sqlx::Error> {
        let by: Option<String> = row.try_get("reviewed_by_name")?;
        let note: Option<String> = row.try_get("review_note")?;
        let at = row.try_get::<Option<i64>, _>("reviewed_at")?.map(from_micros);
        let reviewed = at.map(|at| (by.unwrap_or_default(), note.unwrap_or_default(), at));
        Ok(BrokenGlass { act: act(&row)?, reviewed })
    };
    row.map(read).transpose().map_err(internal)
}

/// Closes the review of broken glass; false when it was closed already.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn review(tx: &mut Tx, promotion: &PromotionId, by: &Person, note: &str, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE broken_glass SET reviewed_by_id = $2, reviewed_by_name = $3, review_note = $4, reviewed_at = $5
         WHERE promotion_id = $1 AND reviewed_at IS NULL",
    )
    .bind(promotion.as_str())
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(note)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}
