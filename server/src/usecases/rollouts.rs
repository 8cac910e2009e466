//! Rollouts: the worker that carries promotions out.
//!
//! The database says what is intended and how far it is; the Swarm says what is. The worker
//! looks at the Swarm before every act, so that starting is also resuming, and a region that
//! was changed already is not changed again. What it decides:
//!
//! - A region starts only if, in the transaction that starts it, the digest has no standing
//!   fail, no other rollout of the app runs there, and no promotion touched the region after
//!   this one had started. Otherwise its rollout fails and the region stays as it is. The
//!   standing is asked once more in the transaction before the Swarm is first changed.
//! - A region that fails ends its promotion; the regions after it are skipped. Where the app says
//!   so, a region that failed after it was changed goes back by itself (`back`).
//! - The regions of a later wave wait for the wave before to have stood, and for somebody to have
//!   looked. What people say while it runs is in `hold`.
//! - A canary (`drive/room`) takes its replicas from the main service first. Whatever ends its
//!   rollout without success sends it back; `usecases/canaries` carries that out.
//! - A lead who is no lead any more does not stop what was started.

mod away;
mod back;
mod drive;
mod hold;
mod steps;

pub use hold::{abort_promotion, pause_promotion, resume_promotion, waits};

use crate::ctx::{Ctx, Entry};
use crate::engine::swarm::Which;
use crate::hub::Topic;
use crate::store::rollouts::{self as rows, RolloutRow};
use crate::store::{Tx, canaries, decisions, holds, internal, lock_app};
use crate::usecases::commits;
use crate::usecases::deciding::lock_digest;
use crate::usecases::notifications;
use domain::canary::ReturnCause;
use domain::gate::no_canary;
use domain::id::{PromotionId, RolloutId};
use domain::notify::EventKind;
use domain::problem::Noun;
use domain::promotion::{Next, PromotionKind, PromotionState, RolloutState, next};
use domain::rollout::waves::{Course, Turn, course};
use domain::{Actor, Problem};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{Id, JoinSet};

/// How often the worker looks for promotions that it was not woken for.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often a promotion that waits for its time or for somebody is looked at, if nobody wakes it.
const HELD: Duration = Duration::from_millis(250);
/// The pause after trouble of our own, such as a database that does not answer.
const TROUBLE: Duration = Duration::from_secs(1);

/// Carries started promotions out, region by region, until the instance stops. It looks at
/// the Swarm first, so that starting is also resuming.
pub async fn work(ctx: Ctx) {
    let mut tasks = JoinSet::new();
    let mut going: HashMap<Id, PromotionId> = HashMap::new();
    loop {
        // When the database does not answer, the cause is in the log already.
        for promotion in ctx.store.running_promotions().await.unwrap_or_default() {
            if !going.values().any(|known| *known == promotion) {
                let task = tasks.spawn(keep_at_it(ctx.clone(), promotion.clone()));
                going.insert(task.id(), promotion);
            }
        }
        tokio::select! {
            () = ctx.work.stop.cancelled() => break,
            () = ctx.work.rollouts.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            Some(ended) = tasks.join_next_with_id() => {
                let id = match &ended {
                    Ok((id, ())) => *id,
                    Err(lost) => lost.id(),
                };
                going.remove(&id);
            }
        }
    }
    // What is under way is taken up at the next start, exactly as after a crash.
    tasks.shutdown().await;
}

async fn keep_at_it(ctx: Ctx, promotion: PromotionId) {
    if carry_out(&ctx, &promotion).await.is_err() {
        // It still runs, so the worker begins it again.
        tokio::time::sleep(TROUBLE).await;
    }
}

/// Does what the promotion needs next until it has ended.
async fn carry_out(ctx: &Ctx, promotion: &PromotionId) -> Result<(), Problem> {
    loop {
        let rollouts = ctx.store.rollouts_of(promotion).await?;
        let turns: Vec<Turn> = rollouts.iter().map(RolloutRow::turn).collect();
        let hold = ctx.store.said(promotion).await?.hold();
        let now = course(&turns, hold, ctx.now());
        let rollout = match now {
            Course::Start(at) | Course::Watch(at) => rollouts.get(at),
            _ => None,
        };
        match (now, rollout) {
            (Course::Start(_), Some(rollout)) => start(ctx, rollout).await?,
            // A pause holds before the region is changed. What may have been is watched to its end.
            (Course::Watch(_), Some(rollout)) if hold.paused && !ctx.store.touched(&rollout.id).await? => rest(ctx).await,
            (Course::Watch(_), Some(rollout)) => {
                if !drive::drive(ctx, rollout).await? {
                    rest(ctx).await;
                }
            }
            (Course::Paused | Course::Soak { .. } | Course::Look { .. }, _) => rest(ctx).await,
            _ => return conclude(ctx, promotion, rollouts.first()).await,
        }
    }
}

/// Waits a little, or until somebody says something.
async fn rest(ctx: &Ctx) {
    tokio::select! {
        () = ctx.work.held.notified() => {}
        () = tokio::time::sleep(HELD) => {}
    }
}

/// Starts the rollout whose turn has come, or fails it when it must not start any more.
async fn start(ctx: &Ctx, rollout: &RolloutRow) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    lock_app(&mut tx, &rollout.app).await?;
    lock_digest(&mut tx, &rollout.digest).await?;
    let Some(rollout) = rows::rollout_to_change(&mut tx, &rollout.id).await? else { return Ok(()) };
    // Somebody may have paused or ended it since.
    if !is_its_turn(ctx, &mut tx, &rollout).await? {
        return Ok(());
    }
    if let Some(problem) = obstacle(ctx, &mut tx, &rollout).await? {
        return end(ctx, tx, &rollout, Err(problem)).await;
    }
    let which = rollout.intent.as_ref().map_or(Which::Main, Which::of);
    let service = which.name(&rollout.app);
    if !rows::set_running(&mut tx, &rollout, &service, ctx.now()).await? {
        return Ok(());
    }
    let detail = format!("P-{} {} {}", rollout.number, rollout.region, rollout.digest.short());
    record(ctx, &mut tx, &rollout, "rollout.started", detail).await?;
    notifications::rollout(ctx, &mut tx, EventKind::RolloutStarted, &rollout, None).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx, &rollout.promotion);
    Ok(())
}

async fn is_its_turn(ctx: &Ctx, tx: &mut Tx, rollout: &RolloutRow) -> Result<bool, Problem> {
    let said = holds::said(tx, &rollout.promotion).await?;
    let (ids, turns): (Vec<RolloutId>, Vec<Turn>) = holds::turns(tx, &rollout.promotion).await?.into_iter().unzip();
    match course(&turns, said.hold(), ctx.now()) {
        Course::Start(at) => Ok(ids.get(at) == Some(&rollout.id)),
        _ => Ok(false),
    }
}

/// Why a rollout that waited must not start now.
async fn obstacle(ctx: &Ctx, tx: &mut Tx, rollout: &RolloutRow) -> Result<Option<Problem>, Problem> {
    let region = rollout.region.clone();
    if decisions::standing(tx, &rollout.digest).await?.quarantined() {
        return Ok(Some(Problem::Quarantined));
    }
    if rows::other_running(tx, rollout).await?.is_some() {
        return Ok(Some(Problem::RolloutRunning { app: rollout.app.clone(), region }));
    }
    if let Some(there) = canaries::there(tx, &rollout.app, &region, &rollout.promotion).await? {
        return Ok(Some(Problem::GatesClosed { gates: vec![no_canary(&region, there)] }));
    }
    if let Some(number) = rows::overtaken_by(tx, rollout).await? {
        return Ok(Some(Problem::Overtaken { region, number }));
    }
    if ctx.config().config.region(&region).is_none() {
        return Ok(Some(Problem::not_found(Noun::Region, region)));
    }
    Ok(None)
}

/// Ends a rollout and, when nothing more is to come, its promotion, in one transaction.
async fn end(ctx: &Ctx, mut tx: Tx, rollout: &RolloutRow, outcome: Result<String, Problem>) -> Result<(), Problem> {
    let now = ctx.now();
    let (state, failure) = match &outcome {
        Ok(_) => (RolloutState::Verified, None),
        Err(problem) => (RolloutState::Failed, Some(problem)),
    };
    if !rows::end_rollout(&mut tx, &rollout.id, state, failure, now).await? {
        return Ok(());
    }
    let place = format!("P-{} {}", rollout.number, rollout.region);
    match &outcome {
        Ok(seen) => {
            record(ctx, &mut tx, rollout, "rollout.verified", format!("{place}: {seen}")).await?;
            if rollout.kind != PromotionKind::Canary {
                commits::region_verified(ctx, &mut tx, &rollout.app, &rollout.digest, &rollout.region).await?;
            }
        }
        Err(problem) => {
            rows::break_steps(&mut tx, &rollout.id, now).await?;
            record(ctx, &mut tx, rollout, "rollout.failed", format!("{place}: {problem}")).await?;
        }
    }
    let event = if failure.is_some() { EventKind::RolloutFailed } else { EventKind::RolloutVerified };
    notifications::rollout(ctx, &mut tx, event, rollout, failure).await?;
    finish_promotion(ctx, &mut tx, rollout).await?;
    settle_canary(ctx, &mut tx, rollout, failure).await?;
    if let Some(problem) = failure {
        back::begin(ctx, &mut tx, rollout, problem).await?;
    }
    tx.commit().await.map_err(internal)?;
    tell(ctx, &rollout.promotion);
    ctx.work.statuses.notify_one();
    // It may have to go back by itself.
    ctx.work.rollouts.notify_one();
    ctx.work.canaries.notify_one();
    // What runs there now is kept, and so is the way back.
    ctx.work.images.notify_one();
    // The next promotion of its set may be due.
    ctx.work.bookings.notify_one();
    ctx.work.regions.notify_waiters();
    Ok(())
}

/// A canary runs once its rollout is verified; one that failed returns by itself.
async fn settle_canary(ctx: &Ctx, tx: &mut Tx, rollout: &RolloutRow, failure: Option<&Problem>) -> Result<(), Problem> {
    match failure {
        _ if rollout.kind != PromotionKind::Canary => {}
        None => {
            canaries::set_running(tx, &rollout.promotion).await?;
        }
        Some(problem) => {
            let quarantined = matches!(problem, Problem::Quarantined);
            let cause = if quarantined { ReturnCause::Quarantined } else { ReturnCause::Failed };
            canaries::set_returning(tx, &rollout.promotion, cause, (None, ""), ctx.now()).await?;
        }
    }
    Ok(())
}

/// Ends the promotion when its rollouts say so: the one place where that happens.
async fn finish_promotion(ctx: &Ctx, tx: &mut Tx, rollout: &RolloutRow) -> Result<(), Problem> {
    let (state, action) = match next(&rows::states(tx, &rollout.promotion).await?) {
        Next::Start(_) | Next::Watch(_) => return Ok(()),
        Next::Verified => (PromotionState::Verified, "promotion.verified"),
        Next::Failed => (PromotionState::Failed, "promotion.failed"),
    };
    let skipped = rows::skip_waiting(tx, &rollout.promotion, ctx.now()).await?;
    if !rows::end_promotion(tx, &rollout.promotion, state, ctx.now()).await? {
        return Ok(());
    }
    let detail = match skipped.as_slice() {
        [] => format!("P-{} {}", rollout.number, rollout.digest.short()),
        skipped => format!("P-{}: {} failed; not touched: {}", rollout.number, rollout.region, skipped.join(", ")),
    };
    let subject = rollout.promotion.as_str();
    let entry = Entry { action, subject_kind: "promotion", subject, app: Some(&rollout.app), detail };
    ctx.audit(tx, &Actor::Slipway, entry).await
}

/// Ends a promotion whose rollouts have all ended; a crash cannot leave one behind, but a
/// restored or hand-made database can.
async fn conclude(ctx: &Ctx, promotion: &PromotionId, any: Option<&RolloutRow>) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    match any {
        Some(rollout) => {
            lock_app(&mut tx, &rollout.app).await?;
            finish_promotion(ctx, &mut tx, rollout).await?;
        }
        None => {
            rows::end_promotion(&mut tx, promotion, PromotionState::Failed, ctx.now()).await?;
        }
    }
    tx.commit().await.map_err(internal)?;
    tell(ctx, promotion);
    Ok(())
}

async fn record(ctx: &Ctx, tx: &mut Tx, rollout: &RolloutRow, action: &str, detail: String) -> Result<(), Problem> {
    let subject = rollout.promotion.as_str();
    let entry = Entry { action, subject_kind: "rollout", subject, app: Some(&rollout.app), detail };
    ctx.audit(tx, &Actor::Slipway, entry).await
}

/// After a commit that changed how a rollout or a promotion stands.
fn tell(ctx: &Ctx, promotion: &PromotionId) {
    ctx.hub.tell(Topic::Promotions, promotion.as_str().to_owned());
    ctx.hub.tell(Topic::Regions, None);
    ctx.hub.tell(Topic::Activity, None);
}
