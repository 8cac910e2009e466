//! Approvals of promotions, as they were given.

use crate::clock::{from_micros, micros};
use crate::store::{Tx, internal};
use domain::gate::{Approval, ApprovalFor};
use domain::id::{PromotionId, UserId};
use domain::{Person, Problem, Role, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Every approval of a promotion, oldest first, whether it counts or not, each with whether its author
/// is active in the same role by now.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn approvals(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Vec<Approval>, Problem> {
    let rows = sqlx::query(
        "SELECT a.user_id, a.user_name, a.at, a.digest, a.regions, a.role, a.policy, u.role AS role_now, u.disabled
         FROM approvals a LEFT JOIN users u ON u.id = a.user_id
         WHERE a.promotion_id = $1 ORDER BY a.at, a.user_id LIMIT 500",
    );
    let rows = rows.bind(promotion.as_str()).fetch_all(connection).await.map_err(internal)?;
    rows.iter().map(approval).collect()
}

fn approval(row: &AnyRow) -> Result<Approval, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let now: Option<String> = row.try_get("role_now").map_err(internal)?;
    let disabled: Option<i64> = row.try_get("disabled").map_err(internal)?;
    let role: Role = text("role")?.parse()?;
    Ok(Approval {
        by: UserId(text("user_id")?),
        name: text("user_name")?,
        at: from_micros(row.try_get("at").map_err(internal)?),
        role,
        still: disabled == Some(0) && now.as_deref() == Some(role.as_str()),
        given_for: ApprovalFor {
            digest: text("digest")?,
            // What cannot be read is for no regions at all, and so does not count.
            regions: serde_json::from_str(&text("regions")?).unwrap_or_default(),
            policy: text("policy")?,
        },
    })
}

/// Adds an approval; one that its author gave for something else is replaced.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn approve(
    tx: &mut Tx,
    promotion: &PromotionId,
    by: &Person,
    given_for: &ApprovalFor,
    now: Time,
) -> Result<(), Problem> {
    let regions = serde_json::to_string(&given_for.regions).map_err(internal)?;
    sqlx::query(
        "INSERT INTO approvals (promotion_id, user_id, user_name, digest, regions, at, role, policy)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (promotion_id, user_id) DO UPDATE
         SET user_name = $3, digest = $4, regions = $5, at = $6, role = $7, policy = $8",
    )
    .bind(promotion.as_str())
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(given_for.digest.as_str())
    .bind(regions)
    .bind(micros(now))
    .bind(by.role.as_str())
    .bind(given_for.policy.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}
