//! Sets that start by themselves: booked as one promotion is, and started whole or not at all.
//!
//! Whoever books types the set's number, as for a start. When its time has come the worker starts it as
//! theirs, through the same transaction as the button: every gate of each is checked there, and until
//! then the set's page says why it waits. Once one of it has ended it cannot start whole any more, and
//! the booking is over.

use super::super::book::{booked_by, closed_by_people, read, told, when};
use super::{about, record_set, require_not_started, start_all, states};
use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::set_bookings::{self, SetBooking, booking_of_set};
use crate::store::sets::{SetRecord, set_in};
use crate::store::{Tx, internal};
use crate::usecases::deciding;
use app::view::BookingInput;
use domain::problem::Refused;
use domain::promotion::set::{SetCourse, SetNumber, course, state};
use domain::{Action, Actor, Problem};

/// Books a set that nobody has started: it starts by itself when every gate of each of its promotions is
/// green, and not before a time if one is given. An earlier booking is replaced.
///
/// # Errors
/// [`Problem::ConfirmationMismatch`], [`Problem::PasswordNeeded`] and its kin, [`Problem::Invalid`] for the
/// time, [`Problem::Finished`] when it was started or one of it has ended, [`Problem::NotFound`].
pub async fn book_set(ctx: &Ctx, actor: &Actor, number: SetNumber, input: BookingInput) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let (record, known) = ctx.store.set(number).await?;
    require_whole(&record, &known)?;
    let first = known.first().ok_or_else(|| internal(format!("{number} has no promotions")))?;
    let regions = ctx.store.regions_of(&first.id).await?;
    ctx.reload_config().await?;
    let typed = number.to_string();
    let not_before = read(ctx, actor, &ctx.config().config, (&typed, &regions), &input).await?;
    let (mut tx, person) = deciding::begin_all(ctx, actor, Action::StartPromotion, about(&known)).await?;
    let members = rows::of_set(&mut tx, number).await?;
    require_whole(&set_in(&mut tx, number).await?, &members)?;
    set_bookings::book(&mut tx, number, &person, not_before, ctx.now()).await?;
    record_set(ctx, &mut tx, actor, "set.booked", number, &when(not_before)).await?;
    deciding::finish(ctx, tx, None).await?;
    ctx.work.bookings.notify_one();
    Ok(())
}

/// Takes the booking of a set away: it starts by hand again.
///
/// # Errors
/// [`Problem::Finished`] when it was started, [`Problem::Stale`] when it is not booked, [`Problem::NotFound`].
pub async fn unbook_set(ctx: &Ctx, actor: &Actor, number: SetNumber) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let (_, known) = ctx.store.set(number).await?;
    let (mut tx, _) = deciding::begin_all(ctx, actor, Action::StartPromotion, about(&known)).await?;
    let members = rows::of_set(&mut tx, number).await?;
    require_not_started(&set_in(&mut tx, number).await?, &members)?;
    if !set_bookings::unbook(&mut tx, number).await? {
        return Err(Problem::Stale);
    }
    record_set(ctx, &mut tx, actor, "set.unbooked", number, "").await?;
    deciding::finish(ctx, tx, None).await
}

/// Nobody has started it, and all of it is open.
fn require_whole(record: &SetRecord, members: &[PromotionRecord]) -> Result<(), Problem> {
    let (states, started) = (states(members), record.started_at.is_some());
    if course(&states, started) == SetCourse::Waits {
        return Ok(());
    }
    Err(Problem::Finished { state: state(&states, started).as_str().to_owned() })
}

/// Tries to start a booked set as whoever booked it. Says whether it runs now; when not, why is written
/// beside the booking.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn start_booked_set(ctx: &Ctx, booking: &SetBooking) -> Result<bool, Problem> {
    let waits = match attempt(ctx, booking).await {
        Ok(()) => return Ok(true),
        // Somebody else ended, started or booked it anew meanwhile; it is looked at again.
        Err(Problem::Finished { .. } | Problem::Stale) => return Ok(false),
        Err(waits) => told(waits),
    };
    if booking.waits.as_ref() != Some(&waits) {
        let mut tx = ctx.store.begin().await?;
        set_bookings::note_waits(&mut tx, booking.set, &waits, ctx.now()).await?;
        tx.commit().await.map_err(internal)?;
        ctx.hub.tell(Topic::Promotions, None);
    }
    Ok(false)
}

async fn attempt(ctx: &Ctx, booking: &SetBooking) -> Result<(), Problem> {
    let actor = booked_by(ctx, (&booking.by, booking.at), Action::StartPromotion).await?;
    let (record, known) = ctx.store.set(booking.set).await?;
    require_whole(&record, &known)?;
    ctx.reload_config().await?;
    let mut refused = Vec::new();
    for member in &known {
        let gates = closed_by_people(ctx, member).await?;
        if !gates.is_empty() {
            refused.push(Refused { app: member.app.clone(), number: member.number, why: Problem::GatesClosed { gates } });
        }
    }
    if !refused.is_empty() {
        return Err(Problem::SetClosed { members: refused });
    }
    start_all(ctx, &actor, booking.set, &known, Some(booking)).await
}

/// Whether a booking is still the one that was due: inside the transaction of the start.
///
/// # Errors
/// [`Problem::Stale`].
pub(super) async fn require_booked(tx: &mut Tx, due: &SetBooking) -> Result<(), Problem> {
    let now = booking_of_set(tx, due.set).await?;
    let same = now.is_some_and(|now| (now.by, now.at, now.not_before) == (due.by.clone(), due.at, due.not_before));
    if same { Ok(()) } else { Err(Problem::Stale) }
}
