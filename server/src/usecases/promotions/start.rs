//! The guarded button.

use super::launch::{confirm, launch, launched};
use super::request::{record_act, require_open};
use super::world::{How, World};
use crate::ctx::Ctx;
use crate::store::internal;
use crate::store::promotions as rows;
use crate::usecases::deciding;
use app::view::Confirmation;
use domain::config::Config;
use domain::id::PromotionId;
use domain::{Action, Actor, ImageName, Problem};

/// Starts a promotion: whoever may, the requester too, because somebody else has approved it.
/// The world is looked at first; then one transaction reads everything else again and decides.
///
/// # Errors
/// [`Problem::ConfirmationMismatch`], [`Problem::PasswordNeeded`] and its kin,
/// [`Problem::GatesClosed`], [`Problem::Finished`], [`Problem::NotFound`], [`Problem::Stale`].
pub async fn start_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId, confirmation: Confirmation) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let known = ctx.store.promotion(id).await?;
    require_open(&known)?;
    confirm(ctx, actor, &known.app, &confirmation).await?;
    ctx.reload_config().await?;
    let subject = ctx.store.existing_build(&known.build).await?;
    if (&subject.app, &subject.digest) != (&known.app, &known.digest) {
        return Err(internal(format!("promotion {id} names a build of another digest")));
    }
    let applied = ctx.config();
    let image = image_of(&applied.config, &known.app, subject.image);
    let regions = ctx.store.regions_of(id).await?;
    let world = World::look(ctx, applied, &image, &known.digest, &regions, How::Anew).await;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::StartPromotion, &known.app, &known.digest).await?;
    let promotion = rows::promotion_in(&mut tx, id).await?;
    require_open(&promotion)?;
    if (&promotion.app, &promotion.digest, &promotion.build) != (&known.app, &known.digest, &known.build) {
        return Err(Problem::Stale);
    }
    let regions = launch(ctx, &mut tx, &promotion, &person, world).await?;
    record_act(ctx, &mut tx, actor, "promotion.started", &promotion, &regions.join(", ")).await?;
    deciding::finish(ctx, tx, Some(promotion.id.0.clone())).await?;
    launched(ctx);
    Ok(())
}

/// Where the image is asked for: the repository that the app has now, from which the regions
/// pull; that of the build while the app is not configured.
pub fn image_of(config: &Config, app: &str, of_build: ImageName) -> ImageName {
    config.app(app).map_or(of_build, |app| app.image.clone())
}
