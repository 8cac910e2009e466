//! The guarded button.

use super::automatic;
use super::follow::require_forward;
use super::launch::{confirm, launch, launched};
use super::request::{record_act, require_open};
use super::sets;
use super::world::{How, Subject, World, with_ways_back};
use crate::ctx::Ctx;
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::{Tx, internal};
use crate::usecases::{commits, deciding};
use app::view::Confirmation;
use domain::config::Config;
use domain::id::PromotionId;
use domain::{Action, Actor, ImageName, Person, Problem};

/// Starts a promotion: whoever may, the requester too, because somebody else has approved it.
/// The world is looked at first; then one transaction reads everything else again and decides.
///
/// # Errors
/// [`Problem::ConfirmationMismatch`], [`Problem::PasswordNeeded`] and its kin, [`Problem::InSet`], [`Problem::FollowsCanary`],
/// [`Problem::GatesClosed`], [`Problem::Finished`], [`Problem::NotFound`], [`Problem::Stale`].
pub async fn start_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId, confirmation: Confirmation) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let known = ctx.store.promotion(id).await?;
    require_open(&known)?;
    require_forward(&known)?;
    sets::require_alone(ctx, id).await?;
    confirm(ctx, actor, &known.app, &confirmation).await?;
    start(ctx, actor, &known, "").await
}

/// Starts a promotion that was confirmed, now or when it was booked.
///
/// # Errors
/// As [`start_promotion`].
pub(super) async fn start(ctx: &Ctx, actor: &Actor, known: &PromotionRecord, how: &str) -> Result<(), Problem> {
    let world = look(ctx, known).await?;
    let (mut tx, person, promotion) = match actor {
        Actor::Slipway => automatic::turn(ctx, known, &world.applied.config).await?,
        _ => turn(ctx, actor, Action::StartPromotion, known).await?,
    };
    sets::require_turn(&mut tx, &promotion.id).await?;
    let regions = launch(ctx, &mut tx, &promotion, &person, world).await?;
    record_act(ctx, &mut tx, actor, "promotion.started", &promotion, &format!("{}{how}", regions.join(", "))).await?;
    deciding::finish(ctx, tx, Some(promotion.id.0.clone())).await?;
    launched(ctx);
    Ok(())
}

/// Looks at the world as it is for a promotion at this moment, under the newest configuration.
///
/// # Errors
/// [`Problem::Internal`].
pub(super) async fn look(ctx: &Ctx, known: &PromotionRecord) -> Result<World, Problem> {
    ctx.reload_config().await?;
    let subject = ctx.store.existing_build(&known.build).await?;
    if (&subject.app, &subject.digest) != (&known.app, &known.digest) {
        return Err(internal(format!("promotion {} names a build of another digest", known.id)));
    }
    let applied = ctx.config();
    let authors = commits::authors(ctx, &applied.config, &subject).await?;
    let image = image_of(&applied.config, &known.app, subject.image);
    let regions = with_ways_back(ctx, known, ctx.store.regions_of(&known.id).await?).await?;
    let subject = Subject { app: &known.app, image: &image, digest: &known.digest, regions: &regions };
    Ok(World::look(ctx, applied, subject, How::Anew).await.by(authors))
}

/// Waits for the turn to decide about an open promotion, and reads it again.
///
/// # Errors
/// [`Problem::Finished`] when it is not open any more, [`Problem::Stale`] when it is about something else.
pub(super) async fn turn(
    ctx: &Ctx,
    actor: &Actor,
    action: Action,
    known: &PromotionRecord,
) -> Result<(Tx, Person, PromotionRecord), Problem> {
    let (mut tx, person) = deciding::begin(ctx, actor, action, &known.app, &known.digest).await?;
    let promotion = rows::promotion_in(&mut tx, &known.id).await?;
    require_open(&promotion)?;
    if (&promotion.app, &promotion.digest, &promotion.build) != (&known.app, &known.digest, &known.build) {
        return Err(Problem::Stale);
    }
    Ok((tx, person, promotion))
}

/// Where the image is asked for: the repository that the app has now, from which the regions
/// pull; that of the build while the app is not configured.
pub fn image_of(config: &Config, app: &str, of_build: ImageName) -> ImageName {
    config.app(app).map_or(of_build, |app| app.image.clone())
}
