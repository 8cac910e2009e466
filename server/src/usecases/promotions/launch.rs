//! What a start and a rollback share: the confirmation, and the last look before the regions
//! belong to the worker.

use super::facts::facts;
use super::request::{known_app, require_open};
use super::secrets::kept_for;
use super::world::World;
use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::regions::last_put;
use crate::store::{Tx, canaries, internal};
use crate::usecases::people;
use app::view::Confirmation;
use chrono::TimeDelta;
use domain::canary::Terms;
use domain::config::Config;
use domain::gate::{GateState, all_green, gates};
use domain::id::RolloutId;
use domain::problem::{Fault, Noun};
use domain::promotion::RolloutState;
use domain::region_secrets::Kept;
use domain::service::ServiceIntent;
use domain::{Actor, Person, Problem};

/// The app's name, typed exactly, and a password that was given not long ago.
///
/// # Errors
/// [`Problem::ConfirmationMismatch`] and those of [`people::require_fresh`].
pub async fn confirm(ctx: &Ctx, actor: &Actor, app: &str, given: &Confirmation) -> Result<(), Problem> {
    if given.app != app {
        return Err(Problem::ConfirmationMismatch { expected: app.to_owned() });
    }
    people::require_fresh(ctx, actor, given.password.as_deref()).await
}

/// Sets a promotion running, if every gate is green at this moment, and fixes what each of its
/// regions is to run as the configuration says it. The caller has taken the turn and commits.
///
/// # Errors
/// [`Problem::GatesClosed`]; [`Problem::Stale`] when the configuration changed since the world
/// was looked at; [`Problem::Finished`] when it is not open.
pub async fn launch(
    ctx: &Ctx,
    tx: &mut Tx,
    promotion: &PromotionRecord,
    by: &Person,
    world: World,
) -> Result<Vec<String>, Problem> {
    launch_as(ctx, tx, promotion, by, world, None).await
}

/// The same with `fixed` as what its one region is to run, whatever the configuration says.
///
/// # Errors
/// As [`launch`].
pub async fn launch_as(
    ctx: &Ctx,
    tx: &mut Tx,
    promotion: &PromotionRecord,
    by: &Person,
    world: World,
    fixed: Option<&ServiceIntent>,
) -> Result<Vec<String>, Problem> {
    if rows::config_version(tx).await? != world.applied.version {
        return Err(Problem::Stale);
    }
    let parts = rows::parts(tx, &promotion.id).await?;
    let whole = parts.iter().all(|part| part.digest == promotion.digest && part.state == RolloutState::Waiting);
    if parts.is_empty() || !whole {
        return Err(internal(format!("the rollouts of promotion {} are not what was requested", promotion.id)));
    }
    let regions: Vec<String> = parts.iter().map(|part| part.region.clone()).collect();
    let world = world.fresh_at(ctx.now());
    let gates = gates(&facts(tx, promotion, &regions, &world, ctx.now()).await?);
    if !all_green(&gates) {
        return Err(Problem::GatesClosed { gates });
    }
    let terms = canaries::terms(tx, &promotion.id).await?;
    let mut intents = Vec::with_capacity(parts.len());
    for part in parts {
        let wanted = match fixed {
            Some(fixed) => fixed.clone(),
            None => {
                let kept = kept_for(tx, promotion, &part.region).await?;
                intent(&world.applied.config, promotion, &part.region, terms.as_ref(), &kept)?
            }
        };
        if (&wanted.region, &wanted.digest) != (&part.region, &promotion.digest) {
            return Err(internal(format!("what promotion {} is to run is of another region or digest", promotion.id)));
        }
        intents.push((part.id, wanted));
    }
    start(ctx, tx, promotion, by, &intents).await?;
    if let (Some(terms), Some(region)) = (&terms, regions.first()) {
        begin_canary(ctx, tx, promotion, by, (region, terms)).await?;
    }
    Ok(regions)
}

/// Why an open promotion could not be set running at this moment, if it could not: the same questions
/// as [`launch`] asks, without starting it.
///
/// # Errors
/// [`Problem::Stale`] when the configuration changed since the world was looked at.
pub async fn why_not(ctx: &Ctx, tx: &mut Tx, promotion: &PromotionRecord, world: &World) -> Result<Option<Problem>, Problem> {
    if rows::config_version(tx).await? != world.applied.version {
        return Err(Problem::Stale);
    }
    if let Err(ended) = require_open(promotion) {
        return Ok(Some(ended));
    }
    let regions: Vec<String> = rows::parts(tx, &promotion.id).await?.into_iter().map(|part| part.region).collect();
    let world = world.clone().fresh_at(ctx.now());
    let mut closed = gates(&facts(tx, promotion, &regions, &world, ctx.now()).await?);
    closed.retain(|gate| gate.state != GateState::Green);
    if !closed.is_empty() {
        return Ok(Some(Problem::GatesClosed { gates: closed }));
    }
    let terms = canaries::terms(tx, &promotion.id).await?;
    // Of the secrets, their gate was asked.
    let plan = |region: &String| intent(&world.applied.config, promotion, region, terms.as_ref(), &Kept::new());
    Ok(regions.iter().find_map(|region| plan(region).err()))
}

async fn start(
    ctx: &Ctx,
    tx: &mut Tx,
    promotion: &PromotionRecord,
    by: &Person,
    intents: &[(RolloutId, ServiceIntent)],
) -> Result<(), Problem> {
    if rows::start(tx, &promotion.id, by, intents, ctx.now()).await? {
        return Ok(());
    }
    let state = rows::promotion_in(tx, &promotion.id).await?.state;
    Err(Problem::Finished { state: state.as_str().to_owned() })
}

/// A canary gets its owner and its end, and what the main service is to run afterwards.
async fn begin_canary(
    ctx: &Ctx,
    tx: &mut Tx,
    promotion: &PromotionRecord,
    owner: &Person,
    (region, terms): (&str, &Terms),
) -> Result<(), Problem> {
    // The gates asked for it a moment ago, in this transaction.
    let last = last_put(tx, &promotion.app, region).await?.ok_or_else(|| internal("a canary beside nothing"))?;
    let now = ctx.now();
    let ends_at = now + TimeDelta::hours(i64::from(terms.hours));
    if canaries::begin(tx, &promotion.id, owner, (&last.intent, &last.promotion), (now, ends_at)).await? {
        return Ok(());
    }
    Err(Problem::Stale)
}

/// What one region is to run, of a canary its part, with the secrets that are kept for it.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::Invalid`] or [`Problem::Config`] when the configuration
/// no longer has the app or the region, or they no longer fit.
pub fn intent(
    config: &Config,
    promotion: &PromotionRecord,
    region: &str,
    terms: Option<&Terms>,
    kept: &Kept,
) -> Result<ServiceIntent, Problem> {
    let app = known_app(config, &promotion.app)?;
    let unknown = || Problem::invalid("regions", Fault::Unknown { what: Noun::Region, name: region.to_owned() });
    let whole = ServiceIntent::plan(app, config.region(region).ok_or_else(unknown)?, &promotion.digest)?;
    let whole = whole.with_secrets(app, kept);
    match terms {
        Some(terms) => terms.intent(whole, app).map_err(|why| Problem::invalid("port_label", why)),
        None => Ok(whole),
    }
}

/// Wakes the worker and tells open pages, after the commit.
pub fn launched(ctx: &Ctx) {
    ctx.work.rollouts.notify_one();
    ctx.hub.tell(Topic::Regions, None);
}
