//! What people say to a promotion that runs: pause, go on, begin the wave that waits, end.
//!
//! Each is decided in one transaction that has taken its turn among the decisions about the app,
//! as the worker has when it starts a region and when it changes one. A pause holds before the
//! next region, and before a region that runs is changed; what was changed is watched to its end.

use super::{record, tell};
use crate::ctx::Ctx;
use crate::store::rollouts::{self as rows, RolloutRow};
use crate::store::{Tx, canaries, holds, promotions};
use crate::usecases::deciding::{self, words};
use crate::usecases::notifications;
use crate::usecases::promotions::record_act;
use domain::canary::ReturnCause;
use domain::id::PromotionId;
use domain::notify::EventKind;
use domain::promotion::{PromotionState, RolloutState};
use domain::rollout::waves::{Course, Turn, course};
use domain::{Action, Actor, Problem};

/// Pauses a running promotion.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::Finished`] when it does not run, [`Problem::PausedAlready`].
pub async fn pause_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
    actor.require(Action::PausePromotion)?;
    let (mut tx, promotion, by) = begin(ctx, actor, Action::PausePromotion, id).await?;
    if !holds::pause(&mut tx, id, &by, ctx.now()).await? {
        return Err(Problem::PausedAlready);
    }
    notifications::held(ctx, &mut tx, EventKind::PromotionPaused, (&promotion, &by), "").await?;
    record_act(ctx, &mut tx, actor, "promotion.paused", &promotion, "").await?;
    finish(ctx, tx, id).await
}

/// Lets a paused promotion go on, or a wave begin that waits for a look: whatever it waits for.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::Finished`] when it does not run, [`Problem::NotPaused`].
pub async fn resume_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
    actor.require(Action::PausePromotion)?;
    let (mut tx, promotion, by) = begin(ctx, actor, Action::PausePromotion, id).await?;
    let said = holds::said(&mut tx, id).await?;
    let (action, detail) = if said.paused.is_some() {
        holds::resume(&mut tx, id, ctx.now()).await?;
        ("promotion.resumed", String::new())
    } else {
        let wave = waiting_wave(&turns(&mut tx, id).await?, said.let_go).ok_or(Problem::NotPaused)?;
        holds::let_go(&mut tx, id, wave).await?;
        ("promotion.wave_begun", (wave + 1).to_string())
    };
    notifications::held(ctx, &mut tx, EventKind::PromotionResumed, (&promotion, &by), "").await?;
    record_act(ctx, &mut tx, actor, action, &promotion, &detail).await?;
    finish(ctx, tx, id).await
}

/// The wave that begins once somebody has looked: the one before it is through.
fn waiting_wave(turns: &[Turn], let_go: u32) -> Option<u32> {
    let next = turns.iter().find(|turn| turn.state == RolloutState::Waiting)?.place;
    let before = turns.iter().filter(|turn| turn.place.wave < next.wave);
    let through = before.clone().next().is_some() && before.clone().all(|turn| turn.state == RolloutState::Verified);
    let first = turns.iter().filter(|turn| turn.place.wave == next.wave).all(|turn| turn.state == RolloutState::Waiting);
    (through && first && next.look && let_go < next.wave).then_some(next.wave)
}

/// Ends a running promotion. Its regions stay as they are at this moment; the record names what
/// was done in each and what was not.
///
/// # Errors
/// [`Problem::Invalid`] without a reason, [`Problem::NotFound`], [`Problem::Finished`] when it
/// does not run.
pub async fn abort_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
    actor.require(Action::AbortPromotion)?;
    let reason = words("reason", &reason, true)?;
    let (mut tx, promotion, by) = begin(ctx, actor, Action::AbortPromotion, id).await?;
    let mut pieces = Vec::new();
    for rollout in rows::rollouts_in(&mut tx, id).await? {
        match rollout.state {
            RolloutState::Running => pieces.push(stop(ctx, &mut tx, &rollout, &by).await?),
            RolloutState::Verified => pieces.push(format!("{}: verified", rollout.region)),
            _ => {}
        }
    }
    let skipped = rows::skip_waiting(&mut tx, id, ctx.now()).await?;
    if !skipped.is_empty() {
        pieces.push(format!("not touched: {}", skipped.join(", ")));
    }
    // Only of a canary something is undone: what it took it gives back.
    canaries::set_returning(&mut tx, id, ReturnCause::Withdrawn, (Some(&by), &reason), ctx.now()).await?;
    holds::note_abort(&mut tx, id, &by, &reason).await?;
    if !rows::end_promotion(&mut tx, id, PromotionState::Aborted, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    notifications::held(ctx, &mut tx, EventKind::PromotionAborted, (&promotion, &by), &reason).await?;
    let detail = format!("{}; {reason}", pieces.join("; "));
    record_act(ctx, &mut tx, actor, "promotion.aborted", &promotion, &detail).await?;
    finish(ctx, tx, id).await
}

/// Ends the rollout of a region that runs, and says what was done there.
async fn stop(ctx: &Ctx, tx: &mut Tx, rollout: &RolloutRow, by: &str) -> Result<String, Problem> {
    let problem = Problem::Aborted { region: rollout.region.clone(), by: by.to_owned() };
    let (done, runs) = holds::steps_done(tx, &rollout.id).await?;
    rows::end_rollout(tx, &rollout.id, RolloutState::Failed, Some(&problem), ctx.now()).await?;
    rows::break_steps(tx, &rollout.id, ctx.now()).await?;
    record(ctx, tx, rollout, "rollout.failed", format!("P-{} {}: {problem}", rollout.number, rollout.region)).await?;
    let done = if done.is_empty() { "nothing".to_owned() } else { done.join(", ") };
    let under_way = runs.map(|step| format!(", {step} was under way")).unwrap_or_default();
    Ok(format!("{}: done {done}{under_way}", rollout.region))
}

async fn begin(
    ctx: &Ctx,
    actor: &Actor,
    action: Action,
    id: &PromotionId,
) -> Result<(Tx, promotions::PromotionRecord, String), Problem> {
    let known = ctx.store.promotion(id).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, action, &known.app, &known.digest).await?;
    let promotion = promotions::promotion_in(&mut tx, id).await?;
    if promotion.state != PromotionState::Running {
        return Err(Problem::Finished { state: promotion.state.as_str().to_owned() });
    }
    Ok((tx, promotion, person.name))
}

async fn turns(tx: &mut Tx, id: &PromotionId) -> Result<Vec<Turn>, Problem> {
    Ok(holds::turns(tx, id).await?.into_iter().map(|(_, turn)| turn).collect())
}

async fn finish(ctx: &Ctx, tx: Tx, id: &PromotionId) -> Result<(), Problem> {
    deciding::finish(ctx, tx, Some(id.0.clone())).await?;
    tell(ctx, id);
    ctx.work.rollouts.notify_one();
    ctx.work.held.notify_waiters();
    ctx.work.canaries.notify_one();
    ctx.work.regions.notify_waiters();
    Ok(())
}

/// What a running promotion waits for, if it does.
pub fn waits(rollouts: &[RolloutRow], said: &holds::Said, now: domain::Time) -> Option<Course> {
    match course(&rollouts.iter().map(RolloutRow::turn).collect::<Vec<_>>(), said.hold(), now) {
        waits @ (Course::Soak { .. } | Course::Look { .. }) => Some(waits),
        _ => None,
    }
}
