//! A rollback that follows a canary: it is withdrawn, and as soon as it is gone the region goes back.
//!
//! One confirmation and one transaction: the canary is sent on its way, and the rollback is written down,
//! open. From there on nothing is remembered anywhere else: whoever looks after canaries takes this one
//! back as every other, and each look at what is due finds the open rollbacks whose canary has returned.
//! Such a one starts as whoever asked for it, past every gate of a rollback; until then its page says why
//! it waits. When its time is over, or something else was put there meanwhile, it is given up and told of.

use super::book::{booked_by, told};
use super::launch::{launch, launched, why_not};
use super::request::{record_act, require_open};
use super::rollback::{AtOnce, Back, choose, open, plainly};
use super::start::{look, turn};
use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::canaries::{self, CanaryRow};
use crate::store::follows::{self, Follow, follower_of};
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::regions::last_put;
use crate::store::{Tx, internal};
use crate::usecases::{deciding, notifications};
use chrono::TimeDelta;
use domain::canary::{CanaryState, ReturnCause};
use domain::gate::{CanaryThere, GateKind, no_canary};
use domain::id::PromotionId;
use domain::promotion::{PromotionKind, PromotionState};
use domain::{Action, Actor, Person, Problem};

/// So long a rollback waits at most, beside the time that the main service has to come up.
const WAITS: TimeDelta = TimeDelta::minutes(15);

/// An open rollback starts by itself and in no other way: it is neither started nor booked nor approved.
///
/// # Errors
/// [`Problem::FollowsCanary`].
pub(super) fn require_forward(promotion: &PromotionRecord) -> Result<(), Problem> {
    if promotion.kind.goes_back() { Err(Problem::FollowsCanary { number: promotion.number }) } else { Ok(()) }
}

/// Withdraws a canary, if it is not on its way back yet, and writes down the rollback that follows.
///
/// # Errors
/// As [`super::roll_back`]; [`Problem::RolloutRunning`] while the canary starts, [`Problem::FollowsCanary`]
/// when another rollback follows it already, [`Problem::Stale`] when it is gone by now.
pub(super) async fn withdraw_then(ctx: &Ctx, actor: &Actor, back: Back<'_>, known: &CanaryRow) -> Result<PromotionId, Problem> {
    let (app, region) = (back.input.app.as_str(), back.input.region.as_str());
    let about = [(app, &back.digest), (app, &known.digest)];
    let (mut tx, person) = deciding::begin_all(ctx, actor, Action::RollBack, about).await?;
    deciding::require_still(&mut tx, actor, Action::TendCanary).await?;
    let (past, ended) = rows::past_in(&mut tx, app, region).await?;
    if choose(ctx, back.input, &past, ended)? != back.digest {
        return Err(Problem::Stale);
    }
    if let Some((_, number)) = follower_of(&mut tx, &known.promotion).await? {
        return Err(Problem::FollowsCanary { number });
    }
    withdraw(ctx, &mut tx, actor, &person, (known, &back.reason)).await?;
    let wanted = AtOnce { kind: PromotionKind::Rollback, app, region, reason: back.reason };
    let promotion = open(ctx, &mut tx, &person, wanted, back.known, &back.digest).await?;
    // What stands in the way beside the canary is told now, while somebody looks.
    let why = why_not(ctx, &mut tx, &promotion, &back.world).await?.and_then(beside_the_canary);
    if let Some(why) = why {
        return Err(plainly(why, (app, region), (back.image, &back.there), &back.digest));
    }
    let now = ctx.now();
    let until = now + TimeDelta::seconds(i64::from(known.before.deadline_seconds)) + WAITS;
    follows::insert(&mut tx, (&promotion.id, &known.promotion), &person, (now, until)).await?;
    let detail = format!("{region}: when the canary P-{} is gone: {}", known.number, promotion.reason);
    record_act(ctx, &mut tx, actor, "rollback.follows", &promotion, &detail).await?;
    deciding::finish(ctx, tx, Some(promotion.id.0.clone())).await?;
    ctx.hub.tell(Topic::Regions, None);
    ctx.work.canaries.notify_one();
    ctx.work.bookings.notify_one();
    Ok(promotion.id)
}

/// Sends the canary back as it is now; one that is on its way already needs nothing.
async fn withdraw(
    ctx: &Ctx,
    tx: &mut Tx,
    actor: &Actor,
    person: &Person,
    (known, reason): (&CanaryRow, &str),
) -> Result<(), Problem> {
    let canary = canaries::canary_in(tx, &known.promotion).await?.ok_or(Problem::Stale)?;
    match canary.state {
        CanaryState::Returning => return Ok(()),
        CanaryState::Returned => return Err(Problem::Stale),
        CanaryState::Starting => return Err(Problem::RolloutRunning { app: canary.app, region: canary.region }),
        CanaryState::Running => {}
    }
    let said = (Some(person.name.as_str()), reason);
    if !canaries::set_returning(tx, &canary.promotion, ReturnCause::Withdrawn, said, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    let promotion = rows::promotion_in(tx, &canary.promotion).await?;
    record_act(ctx, tx, actor, "canary.withdrawn", &promotion, reason).await
}

/// What is closed beside the canary's own gate.
fn beside_the_canary(problem: Problem) -> Option<Problem> {
    let Problem::GatesClosed { mut gates } = problem else { return Some(problem) };
    gates.retain(|gate| !matches!(gate.kind, GateKind::NoCanary { .. }));
    (!gates.is_empty()).then_some(Problem::GatesClosed { gates })
}

/// Looks after every rollback whose canary has returned or whose time is over.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn start_followers(ctx: &Ctx) -> Result<(), Problem> {
    for follow in ctx.store.due_follows(ctx.now()).await? {
        start_follower(ctx, &follow).await?;
    }
    Ok(())
}

/// Tries to start a rollback whose canary has returned, as whoever asked for it. Says whether it runs now;
/// when not, why is written down, and it is given up when its time is over.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn start_follower(ctx: &Ctx, follow: &Follow) -> Result<bool, Problem> {
    if ctx.now() >= follow.until {
        give_up(ctx, follow, follow.waits.clone()).await?;
        return Ok(false);
    }
    let waits = match attempt(ctx, follow).await {
        Ok(()) => return Ok(true),
        // Somebody else started or ended it, or changed the configuration: it is looked at again.
        Err(Problem::Finished { .. } | Problem::Stale) => return Ok(false),
        Err(over @ Problem::Overtaken { .. }) => {
            give_up(ctx, follow, Some(over)).await?;
            return Ok(false);
        }
        Err(waits) => told(waits),
    };
    if follow.waits.as_ref() != Some(&waits) {
        let mut tx = ctx.store.begin().await?;
        follows::note_waits(&mut tx, &follow.promotion, &waits, ctx.now()).await?;
        tx.commit().await.map_err(internal)?;
        ctx.hub.tell(Topic::Promotions, follow.promotion.0.clone());
    }
    Ok(false)
}

async fn attempt(ctx: &Ctx, follow: &Follow) -> Result<(), Problem> {
    let actor = booked_by(ctx, (&follow.by, follow.at), Action::RollBack).await?;
    let known = ctx.store.promotion(&follow.promotion).await?;
    require_open(&known)?;
    let world = look(ctx, &known).await?;
    let (mut tx, person, promotion) = turn(ctx, &actor, Action::RollBack, &known).await?;
    let region = require_as_it_was(&mut tx, follow).await?;
    launch(ctx, &mut tx, &promotion, &person, world).await?;
    notifications::rollback(ctx, &mut tx, &promotion, &region).await?;
    let detail = format!("{region}: {}", promotion.reason);
    record_act(ctx, &mut tx, &actor, "rollback.started", &promotion, &detail).await?;
    deciding::finish(ctx, tx, Some(promotion.id.0.clone())).await?;
    launched(ctx);
    Ok(())
}

/// The canary is gone, and its region was promoted to nothing else since it came. Says which region.
async fn require_as_it_was(tx: &mut Tx, follow: &Follow) -> Result<String, Problem> {
    let canary = canaries::canary_in(tx, &follow.canary).await?.filter(|canary| canary.state == CanaryState::Returned);
    let canary = canary.ok_or(Problem::Stale)?;
    let last = last_put(tx, &canary.app, &canary.region).await?.ok_or(Problem::Stale)?;
    if last.promotion == canary.put_by {
        return Ok(canary.region);
    }
    let number = rows::promotion_in(tx, &last.promotion).await?.number;
    Err(Problem::Overtaken { region: canary.region, number })
}

/// Ends a rollback that did not start, once, and says why where everybody hears of it. Without a reason it
/// is the canary, which is still there.
async fn give_up(ctx: &Ctx, follow: &Follow, why: Option<Problem>) -> Result<(), Problem> {
    let known = ctx.store.promotion(&follow.promotion).await?;
    let mut tx = ctx.store.begin().await?;
    deciding::take_turn(&mut tx, &known.app, &known.digest).await?;
    if !rows::end_open(&mut tx, &known.id, PromotionState::Expired, ctx.now()).await? {
        return Ok(());
    }
    let parts = rows::parts(&mut tx, &known.id).await?;
    let region = parts.into_iter().next().map(|part| part.region).unwrap_or_default();
    let there = CanaryThere { number: follow.canary_number, returning: true };
    let why = why.unwrap_or_else(|| Problem::GatesClosed { gates: vec![no_canary(&region, there)] });
    follows::note_waits(&mut tx, &known.id, &why, ctx.now()).await?;
    record_act(ctx, &mut tx, &Actor::Slipway, "rollback.given_up", &known, &format!("{region}: {why}")).await?;
    notifications::rollback_given_up(ctx, &mut tx, &known, &region, why).await?;
    deciding::finish(ctx, tx, Some(known.id.0.clone())).await?;
    ctx.hub.tell(Topic::Regions, None);
    Ok(())
}
