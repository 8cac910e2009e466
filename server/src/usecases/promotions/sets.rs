//! Promotion sets: promotions of several apps, requested together, that run one after another.
//!
//! A set has no power of its own. Each of its promotions keeps its gates and its approvals and is
//! started by the same transaction as any other. The start of the set starts the first and books the
//! others as whoever started it; a booking waits until those before it are verified, and then every
//! gate is checked again. Alone, a promotion of a set is neither started nor booked.

mod book;
mod read;

pub use book::{book_set, start_booked_set, unbook_set};
pub use read::{promotion_set, set_form};

use super::approve::approve_promotion;
use super::book::book as book_promotion;
use super::launch::{confirm, launch, launched, why_not};
use super::request::{Draft, Requester, record_act};
use super::start::look;
use crate::ctx::{Ctx, Entry};
use crate::store::exceptions::{self, Kind};
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::set_bookings::SetBooking;
use crate::store::sets::{self, SetRecord};
use crate::store::{Tx, internal, next_number};
use crate::usecases::deciding::{self, words};
use app::view::{Confirmation, PromotionLink, SetApproval, SetInput};
use domain::gate::may_reject;
use domain::id::PromotionId;
use domain::policy::Policy;
use domain::problem::{Fault, Refused};
use domain::promotion::PromotionState;
use domain::promotion::set::{LEAST_MEMBERS, MOST_MEMBERS, SetCourse, SetNumber, course, state};
use domain::{Action, Actor, Problem};
use sqlx::AnyConnection;
use std::collections::BTreeSet;

/// Requests promotions of several builds, each of another app, to the same regions: all of them or none.
///
/// # Errors
/// [`Problem::Invalid`] for the number of builds, two of one app, or without a reason; else as
/// [`super::request_promotion`] for the first build that cannot be promoted.
pub async fn request_set(ctx: &Ctx, actor: &Actor, input: SetInput) -> Result<SetNumber, Problem> {
    actor.require(Action::RequestPromotion)?;
    let reason = words("reason", &input.reason, true)?;
    if !(LEAST_MEMBERS..=MOST_MEMBERS).contains(&input.builds.len()) {
        let bound = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
        let why = Fault::OutOfRange { least: bound(LEAST_MEMBERS), most: bound(MOST_MEMBERS) };
        return Err(Problem::invalid("builds", why));
    }
    let mut drafts = Vec::with_capacity(input.builds.len());
    for build in &input.builds {
        drafts.push(Draft::read(ctx, build, &input.regions, &input.waves, &reason).await?);
    }
    let apps: BTreeSet<&str> = drafts.iter().map(|draft| draft.subject.app.as_str()).collect();
    if apps.len() < drafts.len() {
        return Err(Problem::invalid("builds", Fault::Twice));
    }
    let about = drafts.iter().map(|draft| (draft.subject.app.as_str(), &draft.subject.digest));
    let (mut tx, person) = deciding::begin_all(ctx, actor, Action::RequestPromotion, about).await?;
    let by = Requester::from(&person);
    let mut members = Vec::with_capacity(drafts.len());
    for draft in drafts {
        members.push(draft.write(ctx, &mut tx, actor, &by).await?);
    }
    let record = SetRecord {
        number: SetNumber(next_number(&mut tx, "promotion_set").await?),
        reason,
        requested_by: by.id,
        requested_by_name: by.name,
        requested_at: ctx.now(),
        started_by_name: None,
        started_at: None,
    };
    let ids: Vec<PromotionId> = members.iter().map(|member| member.id.clone()).collect();
    sets::insert(&mut tx, &record, &ids).await?;
    record_set(ctx, &mut tx, actor, "set.requested", record.number, &list(&members)).await?;
    deciding::finish(ctx, tx, None).await?;
    Ok(record.number)
}

/// Approves every open promotion of a set that the actor may approve, each as by itself. What could not
/// be approved is named with its reason; the rest stays approved.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn approve_set(ctx: &Ctx, actor: &Actor, number: SetNumber) -> Result<SetApproval, Problem> {
    actor.require(Action::ApprovePromotion)?;
    let (_, members) = ctx.store.set(number).await?;
    let mut done = SetApproval { approved: Vec::new(), refused: Vec::new() };
    for member in members.into_iter().filter(|member| member.state == PromotionState::Open) {
        match approve_promotion(ctx, actor, &member.id).await {
            Ok(()) => done.approved.push(PromotionLink { id: member.id, number: member.number }),
            Err(Problem::ApprovedAlready) => {}
            Err(why) => done.refused.push(Refused { app: member.app, number: member.number, why }),
        }
    }
    Ok(done)
}

/// Starts a set: its number typed, and every gate of every promotion green at this moment. The first
/// runs from here on, the others follow in their turn.
///
/// # Errors
/// [`Problem::ConfirmationMismatch`], [`Problem::PasswordNeeded`] and its kin; [`Problem::SetClosed`] names
/// each promotion that cannot start, and why; [`Problem::Finished`] when it was started, [`Problem::Stale`].
pub async fn start_set(ctx: &Ctx, actor: &Actor, number: SetNumber, confirmation: Confirmation) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    let (record, known) = ctx.store.set(number).await?;
    require_not_started(&record, &known)?;
    confirm(ctx, actor, &number.to_string(), &confirmation).await?;
    start_all(ctx, actor, number, &known, None).await
}

/// Starts a set that was confirmed, now or when it was booked; a booking must still be there.
///
/// # Errors
/// As [`start_set`].
async fn start_all(
    ctx: &Ctx,
    actor: &Actor,
    number: SetNumber,
    known: &[PromotionRecord],
    booked: Option<&SetBooking>,
) -> Result<(), Problem> {
    let worlds = futures::future::try_join_all(known.iter().map(|member| look(ctx, member))).await?;
    let (mut tx, person) = deciding::begin_all(ctx, actor, Action::StartPromotion, about(known)).await?;
    let members = rows::of_set(&mut tx, number).await?;
    require_not_started(&sets::set_in(&mut tx, number).await?, &members)?;
    if let Some(booking) = booked {
        book::require_booked(&mut tx, booking).await?;
    }
    let mut refused = Vec::new();
    for (member, world) in members.iter().zip(&worlds) {
        if let Some(why) = why_not(ctx, &mut tx, member, world).await? {
            refused.push(Refused { app: member.app.clone(), number: member.number, why });
        }
    }
    if !refused.is_empty() {
        return Err(Problem::SetClosed { members: refused });
    }
    let (Some((first, others)), Some(world)) = (members.split_first(), worlds.into_iter().next()) else {
        return Err(internal(format!("{number} has no promotions")));
    };
    let regions = launch(ctx, &mut tx, first, &person, world).await?;
    record_act(ctx, &mut tx, actor, "promotion.started", first, &format!("{} ({number})", regions.join(", "))).await?;
    for member in others {
        book_promotion(ctx, &mut tx, actor, &person, member, None).await?;
    }
    if !sets::start(&mut tx, number, &person, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    let how = if booked.is_some() { " (booked)" } else { "" };
    record_set(ctx, &mut tx, actor, "set.started", number, &format!("{}{how}", list(&members))).await?;
    deciding::finish(ctx, tx, None).await?;
    launched(ctx);
    Ok(())
}

/// Withdraws what is still open of a set, with a reason. What runs goes on, and what ran stays.
///
/// # Errors
/// [`Problem::Invalid`] without a reason, [`Problem::NotFound`], [`Problem::Finished`] when nothing of it is open.
pub async fn cancel_set(ctx: &Ctx, actor: &Actor, number: SetNumber, reason: String) -> Result<(), Problem> {
    actor.require(Action::CancelPromotion)?;
    let reason = words("reason", &reason, true)?;
    let (_, known) = ctx.store.set(number).await?;
    let (mut tx, _) = deciding::begin_all(ctx, actor, Action::CancelPromotion, about(&known)).await?;
    let open = still_open(&mut tx, number).await?;
    for member in &open {
        rows::end_open(&mut tx, &member.id, PromotionState::Cancelled, ctx.now()).await?;
        record_act(ctx, &mut tx, actor, "promotion.cancelled", member, &reason).await?;
    }
    record_set(ctx, &mut tx, actor, "set.cancelled", number, &format!("{}; {reason}", list(&open))).await?;
    deciding::finish(ctx, tx, None).await
}

/// Sends back what is still open of a set, with a reason: whoever could approve each of them may.
///
/// # Errors
/// [`Problem::Invalid`] without a reason; those of [`may_reject`]; [`Problem::NotFound`], [`Problem::Finished`].
pub async fn reject_set(ctx: &Ctx, actor: &Actor, number: SetNumber, reason: String) -> Result<(), Problem> {
    actor.require(Action::ApprovePromotion)?;
    let reason = words("reason", &reason, true)?;
    let (_, known) = ctx.store.set(number).await?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let (mut tx, person) = deciding::begin_all(ctx, actor, Action::ApprovePromotion, about(&known)).await?;
    if rows::config_version(&mut tx).await? != applied.version {
        return Err(Problem::Stale);
    }
    let actor = deciding::as_now(actor, &person);
    let open = still_open(&mut tx, number).await?;
    for member in &open {
        let regions: Vec<String> = rows::parts(&mut tx, &member.id).await?.into_iter().map(|part| part.region).collect();
        let policy = Policy::of(&applied.config.policies, &member.app, &regions);
        may_reject(&actor, &member.requested_by, member.state, &policy)?;
        rows::end_open(&mut tx, &member.id, PromotionState::Rejected, ctx.now()).await?;
        exceptions::insert(&mut tx, Kind::Rejection, &member.id, &person, &reason, ctx.now()).await?;
        record_act(ctx, &mut tx, &actor, "promotion.rejected", member, &reason).await?;
    }
    record_set(ctx, &mut tx, &actor, "set.rejected", number, &format!("{}; {reason}", list(&open))).await?;
    deciding::finish(ctx, tx, None).await
}

/// A promotion of a set is started by its set. It never leaves it, so this needs no transaction.
///
/// # Errors
/// [`Problem::InSet`].
pub(super) async fn require_alone(ctx: &Ctx, promotion: &PromotionId) -> Result<(), Problem> {
    match ctx.store.place_in_set(promotion).await? {
        Some(place) => Err(Problem::InSet { set: place.set }),
        None => Ok(()),
    }
}

/// The same question as [`require_turn`], before the world is asked anything.
///
/// # Errors
/// [`Problem::InSet`].
pub(super) async fn require_its_turn(ctx: &Ctx, promotion: &PromotionId) -> Result<(), Problem> {
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    require_turn(&mut connection, promotion).await
}

/// Whether the turn of a promotion has come, if it is in a set: the set was started and everything
/// before it is verified. What was verified stays so, and what runs has the turn's lock, so two of a
/// set never start beside each other.
///
/// # Errors
/// [`Problem::InSet`].
pub(super) async fn require_turn(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<(), Problem> {
    let Some(place) = sets::place_in_set(connection, promotion).await? else { return Ok(()) };
    let started = sets::set_in(connection, place.set).await?.started_at.is_some();
    let states: Vec<PromotionState> = rows::of_set(connection, place.set).await?.into_iter().map(|member| member.state).collect();
    match course(&states, started) {
        SetCourse::Start(at) if i64::try_from(at) == Ok(place.place) => Ok(()),
        _ => Err(Problem::InSet { set: place.set }),
    }
}

fn about(members: &[PromotionRecord]) -> impl Iterator<Item = (&str, &domain::Digest)> {
    members.iter().map(|member| (member.app.as_str(), &member.digest))
}

fn states(members: &[PromotionRecord]) -> Vec<PromotionState> {
    members.iter().map(|member| member.state).collect()
}

fn require_not_started(record: &SetRecord, members: &[PromotionRecord]) -> Result<(), Problem> {
    if record.started_at.is_none() {
        return Ok(());
    }
    Err(Problem::Finished { state: state(&states(members), true).as_str().to_owned() })
}

/// The promotions of a set that are open, at least one.
async fn still_open(tx: &mut Tx, number: SetNumber) -> Result<Vec<PromotionRecord>, Problem> {
    let started = sets::set_in(tx, number).await?.started_at.is_some();
    let mut members = rows::of_set(tx, number).await?;
    let state = state(&states(&members), started);
    members.retain(|member| member.state == PromotionState::Open);
    if members.is_empty() {
        return Err(Problem::Finished { state: state.as_str().to_owned() });
    }
    Ok(members)
}

/// `web P-3, worker P-4`
fn list(members: &[PromotionRecord]) -> String {
    members.iter().map(|member| format!("{} P-{}", member.app, member.number)).collect::<Vec<_>>().join(", ")
}

async fn record_set(ctx: &Ctx, tx: &mut Tx, actor: &Actor, action: &str, number: SetNumber, detail: &str) -> Result<(), Problem> {
    let subject = number.to_string();
    let detail = if detail.is_empty() { subject.clone() } else { format!("{number}: {detail}") };
    let entry = Entry { action, subject_kind: "promotion_set", subject: &subject, app: None, detail };
    ctx.audit(tx, actor, entry).await
}
