//! What others decide about an open promotion: approve it, send it back, except it from a freeze.

use super::facts::facts;
use super::follow::require_forward;
use super::request::{record_act, require_open};
use super::world::World;
use crate::ctx::Ctx;
use crate::store::exceptions::{self, Kind};
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::{Tx, approvals};
use crate::usecases::commits;
use crate::usecases::deciding::{self, words};
use domain::gate::{GateFacts, may_approve, may_exempt, may_reject};
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use domain::{Action, Actor, Person, Problem};

/// Approves an open promotion for its digest, its regions and the policy as it is now. The requester's
/// own approval would not count and is refused, as is that of the only author.
///
/// # Errors
/// [`Problem::Forbidden`] also when the policy asks nobody of the actor's role; [`Problem::NotFound`],
/// [`Problem::Finished`], [`Problem::OwnRequest`], [`Problem::OwnWork`], [`Problem::ApprovedAlready`],
/// [`Problem::FollowsCanary`], [`Problem::Stale`].
pub async fn approve_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
    actor.require(Action::ApprovePromotion)?;
    let mut turn = Turn::take(ctx, actor, Action::ApprovePromotion, id).await?;
    may_approve(&turn.actor, turn.promotion.state, &turn.facts)?;
    require_forward(&turn.promotion)?;
    approvals::approve(&mut turn.tx, id, &turn.person, &turn.facts.subject, ctx.now()).await?;
    let regions = turn.facts.subject.regions.join(", ");
    record_act(ctx, &mut turn.tx, actor, "promotion.approved", &turn.promotion, &regions).await?;
    deciding::finish(ctx, turn.tx, Some(id.0.clone())).await
}

/// Sends an open promotion back, with a reason that stands on its page. Whoever could approve it may.
///
/// # Errors
/// [`Problem::Invalid`] without a reason; those of [`may_reject`]; [`Problem::NotFound`], [`Problem::Stale`].
pub async fn reject_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
    actor.require(Action::ApprovePromotion)?;
    let reason = words("reason", &reason, true)?;
    let mut turn = Turn::take(ctx, actor, Action::ApprovePromotion, id).await?;
    may_reject(&turn.actor, &turn.promotion.requested_by, turn.promotion.state, &turn.facts.policy)?;
    if !rows::end_open(&mut turn.tx, id, PromotionState::Rejected, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    exceptions::insert(&mut turn.tx, Kind::Rejection, id, &turn.person, &reason, ctx.now()).await?;
    record_act(ctx, &mut turn.tx, actor, "promotion.rejected", &turn.promotion, &reason).await?;
    deciding::finish(ctx, turn.tx, Some(id.0.clone())).await
}

/// Lets one promotion pass freeze windows, with a reason; never one's own.
///
/// # Errors
/// [`Problem::Invalid`] without a reason; those of [`may_exempt`]; [`Problem::NotFound`].
pub async fn exempt_from_freeze(ctx: &Ctx, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
    actor.require(Action::LiftFreeze)?;
    let reason = words("reason", &reason, true)?;
    let known = ctx.store.promotion(id).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::LiftFreeze, &known.app, &known.digest).await?;
    let promotion = rows::promotion_in(&mut tx, id).await?;
    may_exempt(actor, &promotion.requested_by, promotion.state)?;
    exceptions::insert(&mut tx, Kind::Exemption, id, &person, &reason, ctx.now()).await?;
    record_act(ctx, &mut tx, actor, "freeze.lifted", &promotion, &reason).await?;
    deciding::finish(ctx, tx, Some(id.0.clone())).await
}

/// Marks an open promotion as expired, if it has: its approvals do not count any more, or it is too old.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn expire(ctx: &Ctx, id: &PromotionId) -> Result<bool, Problem> {
    let known = ctx.store.promotion(id).await?;
    let mut tx = ctx.store.begin().await?;
    deciding::take_turn(&mut tx, &known.app, &known.digest).await?;
    let promotion = rows::promotion_in(&mut tx, id).await?;
    let facts = stands(ctx, &mut tx, &promotion, World::unseen(ctx, ctx.config())).await?;
    let lapsed = domain::gate::has_expired(promotion.requested_at, &facts.approvals, &facts.policy, ctx.now());
    if require_open(&promotion).is_err() || !lapsed || !rows::end_open(&mut tx, id, PromotionState::Expired, ctx.now()).await? {
        return Ok(false);
    }
    record_act(ctx, &mut tx, &Actor::Slipway, "promotion.expired", &promotion, "").await?;
    deciding::finish(ctx, tx, Some(id.0.clone())).await?;
    Ok(true)
}

/// The turn of a decision about a promotion, with what stands then.
struct Turn {
    tx: Tx,
    /// Who decides, as they are by then.
    actor: Actor,
    person: Person,
    promotion: PromotionRecord,
    facts: GateFacts,
}

impl Turn {
    async fn take(ctx: &Ctx, actor: &Actor, action: Action, id: &PromotionId) -> Result<Self, Problem> {
        let known = ctx.store.promotion(id).await?;
        ctx.reload_config().await?;
        let applied = ctx.config();
        let subject = ctx.store.existing_build(&known.build).await?;
        let authors = commits::authors(ctx, &applied.config, &subject).await?;
        let version = applied.version;
        let world = World::unseen(ctx, applied).by(authors);
        let (mut tx, person) = deciding::begin(ctx, actor, action, &known.app, &known.digest).await?;
        if rows::config_version(&mut tx).await? != version {
            return Err(Problem::Stale);
        }
        let promotion = rows::promotion_in(&mut tx, id).await?;
        let facts = stands(ctx, &mut tx, &promotion, world).await?;
        Ok(Self { tx, actor: deciding::as_now(actor, &person), person, promotion, facts })
    }
}

async fn stands(ctx: &Ctx, tx: &mut Tx, promotion: &PromotionRecord, world: World) -> Result<GateFacts, Problem> {
    let regions: Vec<String> = rows::parts(tx, &promotion.id).await?.into_iter().map(|part| part.region).collect();
    facts(tx, promotion, &regions, &world, ctx.now()).await
}
