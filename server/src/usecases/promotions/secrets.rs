//! Which versions of a region's secrets a promotion gives its service.

use crate::store::promotions::PromotionRecord;
use crate::store::region_secrets;
use crate::store::regions::last_put;
use domain::Problem;
use domain::region_secrets::Kept;
use sqlx::AnyConnection;

/// What a region is to be given now. A way back must not wait for anybody: what is no longer set stays
/// as it was last given there, because the Swarm still has it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn kept_for(connection: &mut AnyConnection, promotion: &PromotionRecord, region: &str) -> Result<Kept, Problem> {
    let kept = region_secrets::kept(connection, region, &promotion.app).await?;
    if !promotion.kind.goes_back() {
        return Ok(kept);
    }
    let last = last_put(connection, &promotion.app, region).await?;
    let given = last.into_iter().flat_map(|last| last.intent.secrets).map(|secret| (secret.name, secret.version));
    Ok(given.chain(kept).collect())
}
