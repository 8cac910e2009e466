//! The way back by itself: an app may say that a region which failed after it was changed goes
//! back to what was verified there before. It is a rollback like any other, begun by Slipway in
//! the transaction in which the region failed, and carried out and verified by the same worker.

use super::record;
use crate::ctx::{Ctx, Entry};
use crate::store::notifications::build_with;
use crate::store::promotions::{PromotionRecord, best_tag, past_in};
use crate::store::rollouts::{self as rows, RolloutRow};
use crate::store::{Tx, decisions, holds, next_number};
use crate::usecases::deciding::lock_digest;
use crate::usecases::notifications;
use domain::id::{PromotionId, UserId};
use domain::promotion::{PromotionKind, PromotionState};
use domain::rollback::way_back;
use domain::{Actor, Digest, Problem};

/// The name that stands where a person's would.
const SLIPWAY: &str = "Slipway";

/// Begins the way back of a region that has just failed, where the app asks for it and there is
/// one. The failure is written already, in this transaction, which has locked the app.
pub async fn begin(ctx: &Ctx, tx: &mut Tx, failed: &RolloutRow, why: &Problem) -> Result<(), Problem> {
    let asked = failed.intent.as_ref().is_some_and(domain::service::ServiceIntent::goes_back);
    if !asked || !holds::touched(tx, &failed.id).await? {
        return Ok(());
    }
    let (past, _) = past_in(tx, &failed.app, &failed.region).await?;
    // A rollback that failed is for people to look at.
    if past.last().is_none_or(|last| last.kind == PromotionKind::Rollback) {
        return Ok(());
    }
    let Some(digest) = way_back(&past, None).cloned() else { return Ok(()) };
    lock_digest(tx, &digest).await?;
    if decisions::standing(tx, &digest).await?.quarantined() {
        let detail = format!("P-{} {}: {} is quarantined", failed.number, failed.region, digest.short());
        return record(ctx, tx, failed, "rollback.withheld", detail).await;
    }
    let Some(intent) = holds::verified_intent(tx, &failed.app, &failed.region, &digest).await? else { return Ok(()) };
    if rows::other_running(tx, failed).await?.is_some() {
        return Ok(());
    }
    let Some(promotion) = open(ctx, tx, failed, &digest, why).await? else { return Ok(()) };
    let rollout = ctx.new_id();
    holds::begin_way_back(tx, &promotion, (&rollout, &failed.region, &intent), &failed.promotion).await?;
    notifications::rollback(ctx, tx, &promotion, &failed.region).await?;
    let detail = format!("P-{} {} {}: {}", promotion.number, digest.short(), failed.region, promotion.reason);
    let subject = promotion.id.as_str();
    let entry = Entry { action: "rollback.started", subject_kind: "promotion", subject, app: Some(&failed.app), detail };
    ctx.audit(tx, &Actor::Slipway, entry).await
}

async fn open(
    ctx: &Ctx,
    tx: &mut Tx,
    failed: &RolloutRow,
    digest: &Digest,
    why: &Problem,
) -> Result<Option<PromotionRecord>, Problem> {
    let Some(build) = build_with(tx, &failed.app, digest).await? else { return Ok(None) };
    let now = ctx.now();
    Ok(Some(PromotionRecord {
        id: ctx.new_id::<PromotionId>(),
        number: next_number(tx, "promotion").await?,
        kind: PromotionKind::Rollback,
        app: failed.app.clone(),
        tag: best_tag(tx, &build).await?,
        build,
        digest: digest.clone(),
        state: PromotionState::Running,
        reason: format!("P-{}: {why}", failed.number),
        requested_by: UserId(SLIPWAY.to_lowercase()),
        requested_by_name: SLIPWAY.to_owned(),
        requested_at: now,
        started_by_name: Some(SLIPWAY.to_owned()),
        started_at: Some(now),
        ended_at: None,
    }))
}
