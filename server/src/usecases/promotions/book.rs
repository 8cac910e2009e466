//! Approve, then it runs: promotions that start by themselves when every gate is green.
//!
//! Whoever books confirms as for a start. The worker then starts it as theirs, through the same
//! transaction as the button, so that every gate is checked and a role that was taken away counts.
//! Until then it tries again and again, and the page says why it waits.

use super::approve::expire;
use super::automatic::{self, draft_releases};
use super::facts::facts;
use super::follow::{require_forward, start_followers};
use super::launch::confirm;
use super::request::{record_act, require_open};
use super::sets;
use super::start::start;
use super::world::World;
use crate::ctx::Ctx;
use crate::store::bookings::{self as rows, Booking};
use crate::store::promotions::{PromotionRecord, promotion_in};
use crate::store::{Tx, internal};
use crate::usecases::{commits, deciding};
use app::view::BookingInput;
use chrono::TimeDelta;
use domain::config::Config;
use domain::gate::{Gate, GateKind, GateState, gates};
use domain::id::{PromotionId, UserId};
use domain::policy::MOST_OPEN_DAYS;
use domain::problem::{Fault, Refused};
use domain::{Action, Actor, Person, Problem, Time, zone};
use std::time::Duration;

/// How often the worker looks at what is booked, and at what has lapsed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// No approval expires sooner.
const LEAST_EXPIRY: TimeDelta = TimeDelta::hours(1);

/// Books an open promotion: it starts by itself when every gate is green, and not before a time if one
/// is given. An earlier booking is replaced.
///
/// # Errors
/// [`Problem::ConfirmationMismatch`], [`Problem::PasswordNeeded`] and its kin, [`Problem::Invalid`] for the
/// time, [`Problem::InSet`], [`Problem::FollowsCanary`], [`Problem::Finished`], [`Problem::NotFound`].
pub async fn book_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId, input: BookingInput) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let known = ctx.store.promotion(id).await?;
    require_open(&known)?;
    require_forward(&known)?;
    sets::require_alone(ctx, id).await?;
    ctx.reload_config().await?;
    let regions = ctx.store.regions_of(id).await?;
    let not_before = read(ctx, actor, &ctx.config().config, (known.app.as_str(), regions.as_slice()), &input).await?;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::StartPromotion, &known.app, &known.digest).await?;
    let promotion = promotion_in(&mut tx, id).await?;
    require_open(&promotion)?;
    book(ctx, &mut tx, actor, &person, &promotion, not_before).await?;
    deciding::finish(ctx, tx, Some(id.0.clone())).await?;
    ctx.work.bookings.notify_one();
    Ok(())
}

/// Takes the booking of an open promotion away: it starts by hand again.
///
/// # Errors
/// [`Problem::Finished`] when it is not open or not booked, [`Problem::InSet`], [`Problem::NotFound`].
pub async fn unbook_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let known = ctx.store.promotion(id).await?;
    sets::require_alone(ctx, id).await?;
    let (mut tx, _) = deciding::begin(ctx, actor, Action::StartPromotion, &known.app, &known.digest).await?;
    let promotion = promotion_in(&mut tx, id).await?;
    require_open(&promotion)?;
    if !rows::unbook(&mut tx, id).await? {
        return Err(Problem::Stale);
    }
    record_act(ctx, &mut tx, actor, "promotion.unbooked", &promotion, "").await?;
    deciding::finish(ctx, tx, Some(id.0.clone())).await
}

/// Checks a booking: the confirmation of a start, and a time in the zone of the first region.
///
/// # Errors
/// As [`book_promotion`].
pub(super) async fn read(
    ctx: &Ctx,
    actor: &Actor,
    config: &Config,
    (app, regions): (&str, &[String]),
    input: &BookingInput,
) -> Result<Option<Time>, Problem> {
    actor.require(Action::StartPromotion)?;
    confirm(ctx, actor, app, &input.confirmation).await?;
    let Some(text) = input.not_before.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = |why| Problem::invalid("not_before", why);
    let region = regions.first().and_then(|region| config.region(region));
    let zone = zone::zone(region.map_or("UTC", |region| region.time_zone.as_str())).map_err(invalid)?;
    let local = zone::local(text).map_err(invalid)?;
    // When clocks show the time twice, not before the second.
    let at = zone::latest(zone, local).ok_or_else(|| invalid(Fault::Unreadable { detail: text.to_owned() }))?;
    let latest = ctx.now() + TimeDelta::days(MOST_OPEN_DAYS);
    if at >= latest {
        return Err(invalid(Fault::Refused { reason: format!("a promotion is open for {MOST_OPEN_DAYS} days at most") }));
    }
    Ok(Some(at))
}

/// Writes a booking down, in the caller's transaction.
///
/// # Errors
/// [`Problem::Internal`].
pub(super) async fn book(
    ctx: &Ctx,
    tx: &mut Tx,
    actor: &Actor,
    person: &Person,
    promotion: &PromotionRecord,
    not_before: Option<Time>,
) -> Result<(), Problem> {
    rows::book(tx, &promotion.id, person, not_before, ctx.now()).await?;
    record_act(ctx, tx, actor, "promotion.booked", promotion, &when(not_before)).await
}

/// When something that is booked begins, for the record.
pub(super) fn when(not_before: Option<Time>) -> String {
    not_before.map(|at| format!("not before {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default()
}

/// Starts what is booked, marks what has lapsed and drafts what channels ask for, until the instance stops.
pub async fn work(ctx: Ctx) {
    loop {
        // The causes are in the log already; the next look may succeed.
        let _ = look_after(&ctx).await;
        tokio::select! {
            () = ctx.work.stop.cancelled() => return,
            () = ctx.work.bookings.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

async fn look_after(ctx: &Ctx) -> Result<(), Problem> {
    let now = ctx.now();
    ctx.reload_config().await?;
    for id in ctx.store.perhaps_lapsed(now - TimeDelta::days(MOST_OPEN_DAYS), now - LEAST_EXPIRY).await? {
        expire(ctx, &id).await?;
    }
    draft_releases(ctx).await?;
    for booking in ctx.store.due_bookings(now).await? {
        start_booked(ctx, &booking).await?;
    }
    start_followers(ctx).await?;
    for booking in ctx.store.due_set_bookings(now).await? {
        sets::start_booked_set(ctx, &booking).await?;
    }
    Ok(())
}

/// Tries to start a booked promotion as whoever booked it. Says whether it runs now; when not, why is
/// written beside the booking.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn start_booked(ctx: &Ctx, booking: &Booking) -> Result<bool, Problem> {
    let tried = attempt(ctx, booking).await;
    let waits = match tried {
        Ok(()) => return Ok(true),
        // Somebody else ended or started it meanwhile.
        Err(Problem::Finished { .. }) => return Ok(false),
        Err(waits) => told(waits),
    };
    if booking.waits.as_ref() != Some(&waits) {
        let mut tx = ctx.store.begin().await?;
        rows::note_waits(&mut tx, &booking.promotion, &waits, ctx.now()).await?;
        tx.commit().await.map_err(internal)?;
        ctx.hub.tell(crate::hub::Topic::Promotions, booking.promotion.0.clone());
    }
    Ok(false)
}

async fn attempt(ctx: &Ctx, booking: &Booking) -> Result<(), Problem> {
    let actor = if automatic::is_own(&booking.by) {
        Actor::Slipway
    } else {
        booked_by(ctx, (&booking.by, booking.at), Action::StartPromotion).await?
    };
    let known = ctx.store.promotion(&booking.promotion).await?;
    require_open(&known)?;
    sets::require_its_turn(ctx, &known.id).await?;
    let closed = closed_by_people(ctx, &known).await?;
    if !closed.is_empty() {
        return Err(Problem::GatesClosed { gates: closed });
    }
    start(ctx, &actor, &known, " (booked)").await
}

/// Whoever booked it, as they are now. They confirmed when they booked; their role is asked for again when
/// the turn has come.
///
/// # Errors
/// [`Problem::Forbidden`].
pub(super) async fn booked_by(ctx: &Ctx, (by, at): (&UserId, Time), action: Action) -> Result<Actor, Problem> {
    let user = ctx.store.user_by_id(by).await?.filter(|user| !user.disabled).ok_or(Problem::Forbidden { action })?;
    let actor = Actor::User { person: user.person, signed_in_at: at };
    actor.require(action)?;
    Ok(actor)
}

/// The closed gates that nobody in the world need be asked for, so that a promotion that waits for people
/// does not keep registries and regions busy.
///
/// # Errors
/// [`Problem::Internal`].
pub(super) async fn closed_by_people(ctx: &Ctx, known: &PromotionRecord) -> Result<Vec<Gate>, Problem> {
    let regions = ctx.store.regions_of(&known.id).await?;
    let applied = ctx.config();
    let subject = ctx.store.existing_build(&known.build).await?;
    let authors = commits::authors(ctx, &applied.config, &subject).await?;
    let world = World::unseen(ctx, applied).by(authors);
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let facts = facts(&mut connection, known, &regions, &world, ctx.now()).await?;
    let of_people = |gate: &Gate| {
        use GateKind as G;
        let people = matches!(
            gate.kind,
            G::Tested | G::SoakedInTest | G::SignedOff | G::Approved { .. } | G::NotFrozen { .. } | G::NotQuarantined
        );
        people && gate.state != GateState::Green
    };
    Ok(gates(&facts).into_iter().filter(of_people).collect())
}

/// The reason without the gates that are green and without the times of looks, so that the same reason is
/// the same text.
pub(super) fn told(problem: Problem) -> Problem {
    match problem {
        Problem::GatesClosed { gates } => {
            let closed = gates.into_iter().filter(|gate| gate.state != GateState::Green);
            Problem::GatesClosed { gates: closed.map(|gate| Gate { checked_at: None, ..gate }).collect() }
        }
        Problem::SetClosed { members } => {
            let each = members.into_iter().map(|refused| Refused { why: told(refused.why), ..refused });
            Problem::SetClosed { members: each.collect() }
        }
        other => other,
    }
}
