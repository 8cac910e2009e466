//! Break-glass: a start past what people decide, loud and reviewed afterwards.
//!
//! It skips tests, sign-off, approvals, soak and freezes, where every policy that fits allows it. A
//! standing fail, a missing image and a region that is away or busy stop it as they stop everything.

use super::follow::require_forward;
use super::launch::{launch, launched};
use super::request::{record_act, require_open};
use super::sets;
use super::start::{look, turn};
use crate::ctx::Ctx;
use crate::store::exceptions::{self, Kind};
use crate::usecases::deciding::{self, words};
use crate::usecases::{notifications, people};
use app::view::GlassInput;
use domain::gate::may_review;
use domain::id::PromotionId;
use domain::policy::Policy;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};

/// Starts an open promotion without people's decisions. The reason, the app's name and the password are
/// always asked for.
///
/// # Errors
/// [`Problem::Invalid`] without a reason; [`Problem::GlassNotAllowed`] where a policy does not allow it;
/// else as [`super::start_promotion`].
pub async fn break_glass(ctx: &Ctx, actor: &Actor, id: &PromotionId, input: GlassInput) -> Result<(), Problem> {
    actor.require(Action::BreakGlass)?;
    let reason = words("reason", &input.reason, true)?;
    let known = ctx.store.promotion(id).await?;
    require_open(&known)?;
    require_forward(&known)?;
    sets::require_alone(ctx, id).await?;
    if input.confirmation.app != known.app {
        return Err(Problem::ConfirmationMismatch { expected: known.app });
    }
    people::require_again(ctx, actor, input.confirmation.password.as_deref()).await?;
    let world = look(ctx, &known).await?;
    let regions = ctx.store.regions_of(id).await?;
    // The launch refuses when the configuration is another one by then.
    Policy::of(&world.applied.config.policies, &known.app, &regions).require_glass()?;
    let (mut tx, person, promotion) = turn(ctx, actor, Action::BreakGlass, &known).await?;
    exceptions::insert(&mut tx, Kind::BrokenGlass, id, &person, &reason, ctx.now()).await?;
    let regions = launch(ctx, &mut tx, &promotion, &person, world).await?;
    notifications::glass_broken(ctx, &mut tx, &promotion, &regions, (person.name.as_str(), reason.as_str())).await?;
    record_act(ctx, &mut tx, actor, "glass.broken", &promotion, &format!("{}: {reason}", regions.join(", "))).await?;
    deciding::finish(ctx, tx, Some(id.0.clone())).await?;
    launched(ctx);
    Ok(())
}

/// Closes the review of broken glass with a note; never one's own.
///
/// # Errors
/// [`Problem::Invalid`] without a note, [`Problem::OwnReview`], [`Problem::NotFound`],
/// [`Problem::Finished`] when it was closed already.
pub async fn review_glass(ctx: &Ctx, actor: &Actor, id: &PromotionId, note: String) -> Result<(), Problem> {
    actor.require(Action::BreakGlass)?;
    let note = words("note", &note, true)?;
    let known = ctx.store.promotion(id).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::BreakGlass, &known.app, &known.digest).await?;
    let glass = exceptions::broken_glass(&mut tx, id).await?;
    let glass = glass.ok_or_else(|| Problem::not_found(Noun::Promotion, id.as_str()))?;
    may_review(actor, &glass.act.by)?;
    if !exceptions::review(&mut tx, id, &person, &note, ctx.now()).await? {
        return Err(Problem::Finished { state: "reviewed".to_owned() });
    }
    record_act(ctx, &mut tx, actor, "glass.reviewed", &known, &note).await?;
    deciding::finish(ctx, tx, Some(id.0.clone())).await
}
