//! The facts behind the gates: what was seen of the world, and what the database says now.

use super::world::World;
use crate::store::decisions::{signed_off_by, standing};
use crate::store::promotions::{self as rows, ApprovalRecord, PromotionRecord};
use domain::gate::{Approval, GateFacts, RegionFacts};
use domain::promotion::PromotionKind;
use domain::{Action, Problem};
use sqlx::AnyConnection;

/// The regions of a promotion as an approval remembers them.
///
/// # Errors
/// [`Problem::Internal`].
pub fn region_list(regions: &[String]) -> Result<String, Problem> {
    serde_json::to_string(regions).map_err(crate::store::internal)
}

/// Whether an approval was given for exactly this digest in exactly these regions, in this
/// order. A change of either voids it.
pub fn is_bound(approval: &ApprovalRecord, promotion: &PromotionRecord, regions: &str) -> bool {
    approval.digest == promotion.digest.as_str() && approval.regions == regions
}

/// An approval with what its author may do by now.
pub fn approval(row: &ApprovalRecord) -> Approval {
    let still_lead = row.role.is_some_and(|role| role.allows(Action::ApprovePromotion));
    Approval { by: row.by.clone(), name: row.name.clone(), still_lead }
}

/// Everything that the gates of a promotion are computed from; `regions` are all of its own. In
/// the transaction of a start it is read after the turn has come, so nothing can slip between.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn facts(
    connection: &mut AnyConnection,
    promotion: &PromotionRecord,
    regions: &[String],
    world: &World,
) -> Result<GateFacts, Problem> {
    let approved_for = region_list(regions)?;
    let approvals = rows::approvals(connection, &promotion.id).await?;
    let bound = approvals.iter().filter(|row| is_bound(row, promotion, &approved_for));
    let mut region_facts = Vec::with_capacity(regions.len());
    for region in regions {
        region_facts.push(RegionFacts {
            region: region.clone(),
            reachable: world.region(region),
            other_rollout: rows::other_rollout(connection, &promotion.app, region, &promotion.id).await?,
            ran_before: rows::ran_before(connection, &promotion.app, region, &promotion.digest).await?,
        });
    }
    Ok(GateFacts {
        rollback: promotion.kind == PromotionKind::Rollback,
        requested_by: promotion.requested_by.clone(),
        image: world.image.clone(),
        standing: standing(connection, &promotion.digest).await?,
        signed_off_by: signed_off_by(connection, &promotion.build).await?,
        approvals: bound.map(approval).collect(),
        regions: region_facts,
    })
}
