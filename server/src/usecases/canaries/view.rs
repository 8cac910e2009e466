//! Canaries as pages and REST show them.

use crate::ctx::Ctx;
use crate::engine::swarm::essence;
use crate::store::canaries::CanaryRow;
use crate::store::follows::follower_of;
use crate::store::internal;
use app::view::{CanaryAskedView, CanaryView, PromotionLink};
use domain::Problem;
use domain::canary::MOST_HOURS;
use domain::config::RegionConfig;
use domain::id::PromotionId;

/// What a promotion of a canary asks for; none of every other promotion.
///
/// # Errors
/// [`Problem::Internal`].
pub(crate) async fn asked_view(ctx: &Ctx, promotion: &PromotionId) -> Result<Option<CanaryAskedView>, Problem> {
    let Some(terms) = ctx.store.canary_terms(promotion).await? else { return Ok(None) };
    let begun = ctx.store.canary(promotion).await?;
    Ok(Some(CanaryAskedView {
        terms,
        state: begun.as_ref().map(|canary| canary.state),
        ends_at: begun.as_ref().map(|canary| canary.ends_at),
        cause: begun.and_then(|canary| canary.cause),
    }))
}

/// A canary beside what was last seen of it.
///
/// # Errors
/// [`Problem::Internal`].
pub(crate) async fn canary_view(
    ctx: &Ctx,
    canary: &CanaryRow,
    region: &RegionConfig,
    quarantined: bool,
) -> Result<CanaryView, Problem> {
    let rollout = ctx.store.rollouts_of(&canary.promotion).await?.into_iter().next();
    let intent = rollout.and_then(|rollout| rollout.intent);
    let seen = ctx.seen.region(&region.name);
    let service = seen.as_ref().and_then(|seen| seen.canaries.get(&canary.app));
    let port = intent.as_ref().and_then(|intent| intent.port).map(|port| port.published);
    let url = region.address.as_ref().zip(port).map(|(address, port)| format!("http://{address}:{port}"));
    let drifted = service.zip(intent.as_ref()).is_some_and(|(service, intent)| service.essence != essence(intent));
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let followed_by = follower_of(&mut connection, &canary.promotion).await?;
    let latest = canary.started_at + chrono::TimeDelta::hours(i64::from(MOST_HOURS));
    Ok(CanaryView {
        promotion: canary.promotion.clone(),
        number: canary.number,
        build: canary.build.clone(),
        digest: canary.digest.clone(),
        tag: canary.tag.clone(),
        terms: canary.terms.clone(),
        port,
        state: canary.state,
        owner: canary.owner.clone(),
        started_at: canary.started_at,
        ends_at: canary.ends_at,
        more_hours: u32::try_from((latest - canary.ends_at).num_hours()).unwrap_or(0),
        running: service.map_or(0, |service| service.running),
        desired: service.map_or(canary.terms.replicas, |service| service.desired),
        healthy: service.is_some_and(|service| service.healthy),
        quarantined,
        drifted,
        url: url.filter(|_| service.is_some()),
        cause: canary.cause,
        withdrawn_by: canary.withdrawn_by.clone(),
        reason: canary.reason.clone(),
        followed_by: followed_by.map(|(id, number)| PromotionLink { id, number }),
    })
}
