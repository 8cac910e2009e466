//! What people say to a canary that runs: back now, or some hours more.

use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::canaries::{self as rows, CanaryRow};
use crate::store::promotions::{PromotionRecord, promotion_in};
use crate::store::{Tx, missing};
use crate::usecases::deciding::{self, words};
use crate::usecases::promotions::{confirm, record_act};
use app::view::{ExtendInput, WithdrawInput};
use domain::canary::{CanaryState, ReturnCause, extended};
use domain::id::PromotionId;
use domain::problem::Noun;
use domain::{Action, Actor, Person, Problem};

/// Sends a canary back before its end.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::Invalid`] without a reason; [`Problem::NotFound`] for a promotion
/// that is no canary or has not started; those of the confirmation; [`Problem::RolloutRunning`] while it
/// starts, when its promotion is ended instead; [`Problem::Finished`] when it is on its way back already.
pub async fn withdraw_canary(ctx: &Ctx, actor: &Actor, id: &PromotionId, input: WithdrawInput) -> Result<(), Problem> {
    actor.require(Action::TendCanary)?;
    let reason = words("reason", &input.reason, true)?;
    let known = ctx.store.promotion(id).await?;
    confirm(ctx, actor, &known.app, &input.confirmation).await?;
    let (mut tx, person, promotion, _) = begin(ctx, actor, &known).await?;
    let said = (Some(person.name.as_str()), reason.as_str());
    if !rows::set_returning(&mut tx, id, ReturnCause::Withdrawn, said, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    record_act(ctx, &mut tx, actor, "canary.withdrawn", &promotion, &reason).await?;
    finish(ctx, tx, id).await
}

/// Moves the end of a canary, within the bound on its whole life.
///
/// # Errors
/// As [`withdraw_canary`], without a confirmation; [`Problem::Invalid`] for the hours.
pub async fn extend_canary(ctx: &Ctx, actor: &Actor, id: &PromotionId, input: ExtendInput) -> Result<(), Problem> {
    actor.require(Action::TendCanary)?;
    let reason = words("reason", &input.reason, false)?;
    let known = ctx.store.promotion(id).await?;
    let (mut tx, _, promotion, canary) = begin(ctx, actor, &known).await?;
    let ends_at = extended(canary.started_at, canary.ends_at, input.hours).map_err(|why| Problem::invalid("hours", why))?;
    if !rows::set_end(&mut tx, id, ends_at).await? {
        return Err(Problem::Stale);
    }
    let detail = format!("+{} h, until {}: {reason}", input.hours, ends_at.format("%Y-%m-%d %H:%M UTC"));
    record_act(ctx, &mut tx, actor, "canary.extended", &promotion, &detail).await?;
    finish(ctx, tx, id).await
}

/// Waits for the turn to decide about a canary that runs.
async fn begin(ctx: &Ctx, actor: &Actor, known: &PromotionRecord) -> Result<(Tx, Person, PromotionRecord, CanaryRow), Problem> {
    let (mut tx, person) = deciding::begin(ctx, actor, Action::TendCanary, &known.app, &known.digest).await?;
    let promotion = promotion_in(&mut tx, &known.id).await?;
    let canary = rows::canary_in(&mut tx, &known.id).await?;
    let canary = canary.ok_or_else(|| missing(Noun::Promotion, known.id.as_str()))?;
    match canary.state {
        CanaryState::Running => Ok((tx, person, promotion, canary)),
        CanaryState::Starting => Err(Problem::RolloutRunning { app: canary.app, region: canary.region }),
        over @ (CanaryState::Returning | CanaryState::Returned) => Err(Problem::Finished { state: over.as_str().to_owned() }),
    }
}

async fn finish(ctx: &Ctx, tx: Tx, id: &PromotionId) -> Result<(), Problem> {
    deciding::finish(ctx, tx, Some(id.0.clone())).await?;
    ctx.hub.tell(Topic::Regions, None);
    ctx.work.canaries.notify_one();
    Ok(())
}
