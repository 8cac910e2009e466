//! The way back: one region, to a digest that was verified there before.
//!
//! Where it leads is [`domain::rollback`]'s rule. At two in the morning, with a region failed
//! or half done, the button leads to the last digest that was verified there, even when the
//! record says that this is what runs: what the record says is what was meant, and only a
//! rollout that verifies its tasks makes it so again.

use super::follow;
use super::launch::{confirm, launch, launched};
use super::request::{known_app, record_act};
use super::world::{How, Subject, World, pulled_from};
use crate::ctx::Ctx;
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::{Tx, missing, next_number};
use crate::usecases::deciding::{self, words};
use crate::usecases::notifications;
use app::view::RollbackInput;
use domain::gate::{Gate, GateKind, GateState};
use domain::id::{BuildId, PromotionId};
use domain::problem::Noun;
use domain::promotion::{PromotionKind, PromotionState};
use domain::rollback::{Past, may_go_back_to, way_back};
use domain::{Action, Actor, Digest, ImageName, Person, Problem, Time};

/// The digest that "roll back" offers for an app in a region now.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn back_to(ctx: &Ctx, app: &str, region: &str) -> Result<Option<Digest>, Problem> {
    let (past, ended) = ctx.store.past(app, region).await?;
    Ok(way_back(&past, runs(ctx, app, region, ended).as_ref()).cloned())
}

/// What the region was seen to run since its last rollout ended. An older look says nothing.
fn runs(ctx: &Ctx, app: &str, region: &str, ended: Option<Time>) -> Option<Digest> {
    let seen = ctx.seen.region(region).filter(|seen| seen.reachable && ended.is_none_or(|ended| seen.checked_at > ended))?;
    seen.services.get(app)?.digest.clone()
}

/// A rollback that was asked for, confirmed and looked into.
pub(super) struct Back<'a> {
    pub input: &'a RollbackInput,
    pub reason: String,
    pub digest: Digest,
    /// The build with that digest, and its tag.
    pub known: (BuildId, Option<String>),
    pub world: World,
    /// Where the app's image is, and from where the region pulls it.
    pub image: &'a ImageName,
    pub there: ImageName,
}

/// Requests and starts a rollback of one region in one go. Where it says so and a canary of the app is
/// there, that is withdrawn first, and the rollback starts by itself as soon as it is gone.
///
/// # Errors
/// [`Problem::Invalid`] without a reason, [`Problem::NotFound`], [`Problem::ConfirmationMismatch`],
/// [`Problem::PasswordNeeded`] and its kin; [`Problem::NothingToRollBackTo`]; [`Problem::Stale`]
/// when the digest that the page offered is no longer a way back; when one gate is closed its
/// own problem, else [`Problem::GatesClosed`]; with a canary to withdraw [`Problem::FollowsCanary`] when
/// a rollback follows it already.
pub async fn roll_back(ctx: &Ctx, actor: &Actor, input: RollbackInput) -> Result<PromotionId, Problem> {
    actor.require(Action::RollBack)?;
    if input.withdraw_canary {
        actor.require(Action::TendCanary)?;
    }
    let reason = words("reason", &input.reason, true)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let app = known_app(&applied.config, &input.app)?;
    applied.config.region(&input.region).ok_or_else(|| missing(Noun::Region, &input.region))?;
    confirm(ctx, actor, &app.name, &input.confirmation).await?;
    let (past, ended) = ctx.store.past(&app.name, &input.region).await?;
    let digest = choose(ctx, &input, &past, ended)?;
    let known = ctx.store.known_as(&app.name, &digest).await?.ok_or_else(|| no_way_back(&input))?;
    let regions = [(input.region.clone(), None)];
    let subject = Subject { app: &app.name, image: &app.image, digest: &digest, regions: &regions };
    let world = World::look(ctx, applied.clone(), subject, How::Anew).await;
    let there = pulled_from(&applied.config, &input.region, &app.image).unwrap_or_else(|| app.image.clone());
    let back = Back { input: &input, reason, digest, known, world, image: &app.image, there };
    let canary = if input.withdraw_canary { ctx.store.canary_there(&input.app, &input.region).await? } else { None };
    match canary {
        Some(canary) => follow::withdraw_then(ctx, actor, back, &canary).await,
        None => at_once(ctx, actor, back).await,
    }
}

async fn at_once(ctx: &Ctx, actor: &Actor, back: Back<'_>) -> Result<PromotionId, Problem> {
    let (app, region) = (back.input.app.as_str(), back.input.region.as_str());
    let (mut tx, person) = deciding::begin(ctx, actor, Action::RollBack, app, &back.digest).await?;
    let (past, ended) = rows::past_in(&mut tx, app, region).await?;
    if choose(ctx, back.input, &past, ended)? != back.digest {
        return Err(Problem::Stale);
    }
    let wanted = AtOnce { kind: PromotionKind::Rollback, app, region, reason: back.reason };
    let promotion = open(ctx, &mut tx, &person, wanted, back.known, &back.digest).await?;
    let done = launch(ctx, &mut tx, &promotion, &person, back.world).await;
    done.map_err(|problem| plainly(problem, (app, region), (back.image, &back.there), &back.digest))?;
    let detail = format!("{region}: {}", promotion.reason);
    notifications::rollback(ctx, &mut tx, &promotion, region).await?;
    record_act(ctx, &mut tx, actor, "rollback.started", &promotion, &detail).await?;
    deciding::finish(ctx, tx, Some(promotion.id.0.clone())).await?;
    launched(ctx);
    Ok(promotion.id)
}

/// The digest that the page offered, if it still is a way back; without one, the offer of now.
///
/// # Errors
/// [`Problem::NothingToRollBackTo`], [`Problem::Stale`].
pub(super) fn choose(ctx: &Ctx, input: &RollbackInput, past: &[Past], ended: Option<Time>) -> Result<Digest, Problem> {
    let runs = runs(ctx, &input.app, &input.region, ended);
    let offered = way_back(past, runs.as_ref()).ok_or_else(|| no_way_back(input));
    match &input.to {
        Some(to) if may_go_back_to(past, runs.as_ref(), to) => Ok(to.clone()),
        Some(_) => offered.and(Err(Problem::Stale)),
        None => offered.cloned(),
    }
}

fn no_way_back(input: &RollbackInput) -> Problem {
    Problem::NothingToRollBackTo { app: input.app.clone(), region: input.region.clone() }
}

/// A promotion of one region that somebody asked for with one button.
pub(super) struct AtOnce<'a> {
    pub kind: PromotionKind,
    pub app: &'a str,
    pub region: &'a str,
    pub reason: String,
}

pub(super) async fn open(
    ctx: &Ctx,
    tx: &mut Tx,
    person: &Person,
    wanted: AtOnce<'_>,
    (build, tag): (BuildId, Option<String>),
    digest: &Digest,
) -> Result<PromotionRecord, Problem> {
    let record = PromotionRecord {
        id: ctx.new_id(),
        number: next_number(tx, "promotion").await?,
        kind: wanted.kind,
        app: wanted.app.to_owned(),
        build,
        digest: digest.clone(),
        tag,
        state: PromotionState::Open,
        reason: wanted.reason,
        requested_by: person.id.clone(),
        requested_by_name: person.name.clone(),
        requested_at: ctx.now(),
        started_by_name: None,
        started_at: None,
        ended_at: None,
    };
    rows::insert(tx, &record, &[(ctx.new_id(), wanted.region)]).await?;
    Ok(record)
}

/// A rollback has no page on which its gates stood beforehand, so a single closed one is told
/// as the problem that it is.
pub(super) fn plainly(
    problem: Problem,
    (app, region): (&str, &str),
    (image, there): (&ImageName, &ImageName),
    digest: &Digest,
) -> Problem {
    let Problem::GatesClosed { gates } = &problem else { return problem };
    let closed: Vec<&Gate> = gates.iter().filter(|gate| gate.state != GateState::Green).collect();
    let [gate] = closed.as_slice() else { return problem };
    let lacks = |image: &ImageName| match gate.state {
        GateState::Red => Problem::ImageGone { image: image.at(digest) },
        _ => Problem::Unreachable { what: Noun::Registry, name: image.host().to_owned() },
    };
    match &gate.kind {
        GateKind::ImagePresent => lacks(image),
        // Nobody copies it: no promotion stays open that wants it.
        GateKind::ImageInRegion { .. } if gate.note.is_some() => Problem::ImageGone { image: there.at(digest) },
        GateKind::ImageInRegion { .. } => lacks(there),
        GateKind::NotQuarantined => Problem::Quarantined,
        GateKind::RegionReachable { region } => Problem::Unreachable { what: Noun::Region, name: region.clone() },
        GateKind::NoOtherRollout { region } => Problem::RolloutRunning { app: app.to_owned(), region: region.clone() },
        GateKind::RanBefore { .. } => Problem::NothingToRollBackTo { app: app.to_owned(), region: region.to_owned() },
        _ => problem,
    }
}
