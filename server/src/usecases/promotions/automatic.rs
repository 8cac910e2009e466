//! Promotions that are drafted by themselves when a release comes into a channel that asks for it.
//!
//! What is looked at is the channel's newest release, not the event that it came: after a crash, or
//! when one delivery comes twice, there is one draft for each release. Nobody is its requester, so
//! whoever the policy asks may approve, but for the only author of its commits. It starts by itself
//! only where the channel says so at that moment, through the same transaction as every start.

use super::book::book;
use super::request::{Draft, Requester, record_act, require_open};
use crate::ctx::{Applied, Ctx, Entry};
use crate::store::bookings::booking_of;
use crate::store::drafts::{self, Release, SeenTo};
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::{Tx, internal};
use crate::usecases::deciding;
use domain::channel::ChannelDraft;
use domain::config::{AppConfig, Config};
use domain::id::{PromotionId, UserId};
use domain::promotion::PromotionState;
use domain::{Action, Actor, Person, Problem, Role};

/// Slipway, where a person's name stands. It has no rights: what it does by itself is decided here.
fn slipway() -> Person {
    Person { id: UserId("slipway".to_owned()), name: Actor::Slipway.label(), role: Role::Viewer }
}

/// Whether a booking is Slipway's own.
pub(super) fn is_own(by: &UserId) -> bool {
    *by == slipway().id
}

/// Drafts a promotion for the newest release of each channel that asks for it, once.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn draft_releases(ctx: &Ctx) -> Result<(), Problem> {
    ctx.reload_config().await?;
    let applied = ctx.config();
    for app in &applied.config.apps {
        for channel in &app.channels {
            if let Some(draft) = &channel.draft {
                see_to(ctx, &applied, (app, channel.name.as_str()), draft).await?;
            }
        }
    }
    Ok(())
}

async fn see_to(ctx: &Ctx, applied: &Applied, place: (&AppConfig, &str), wanted: &ChannelDraft) -> Result<(), Problem> {
    let (app, channel) = (place.0.name.as_str(), place.1);
    let Some(release) = ctx.store.newest_release(app, channel).await? else { return Ok(()) };
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let seen = drafts::seen_to(&mut connection, app, channel).await?;
    drop(connection);
    match &seen {
        Some(seen) if seen.key > release.key => return Ok(()),
        Some(seen) if seen.tag == release.tag && seen.problem.is_none() => {
            return if seen.build == release.build { Ok(()) } else { tag_moved(ctx, (app, channel), seen, &release).await };
        }
        None if was_there_before(ctx, applied, &release).await? => {
            let mut tx = ctx.store.begin().await?;
            drafts::note(&mut tx, (app, channel), &of(&release), ctx.now()).await?;
            return tx.commit().await.map_err(internal);
        }
        _ => {}
    }
    match draft(ctx, (app, channel), &release, wanted).await {
        Err(problem @ Problem::Internal { .. }) => Err(problem),
        Err(problem) => put_off(ctx, (app, channel), seen, &release, problem).await,
        Ok(()) => Ok(()),
    }
}

fn of(release: &Release) -> SeenTo {
    let Release { tag, key, build, .. } = release.clone();
    SeenTo { tag, key, build, promotion: None, problem: None }
}

/// A release that was there before the channel drafted anything is nobody's news.
async fn was_there_before(ctx: &Ctx, applied: &Applied, release: &Release) -> Result<bool, Problem> {
    Ok(ctx.store.applied_at(applied.version).await?.is_some_and(|at| release.moved_at < at))
}

/// Drafts it, and withdraws what was drafted for the release before if it is still open.
async fn draft(ctx: &Ctx, (app, channel): (&str, &str), release: &Release, wanted: &ChannelDraft) -> Result<(), Problem> {
    let reason = format!("{} came into {channel}", release.tag);
    let draft = Draft::read(ctx, &release.build, &wanted.to, &wanted.waves, &reason).await?;
    let mut tx = ctx.store.begin().await?;
    deciding::take_turn(&mut tx, app, &draft.subject.digest).await?;
    let before = drafts::seen_to(&mut tx, app, channel).await?;
    // Another look may have been faster.
    if before.as_ref().is_some_and(|before| before.tag == release.tag && before.problem.is_none()) {
        return Ok(());
    }
    let by = Requester::from(&slipway());
    let record = draft.write(ctx, &mut tx, &Actor::Slipway, &by).await?;
    if let Some(older) = before.and_then(|before| before.promotion) {
        supersede(ctx, &mut tx, &older, &record, &release.tag).await?;
    }
    if wanted.start {
        book(ctx, &mut tx, &Actor::Slipway, &slipway(), &record, None).await?;
    }
    let seen = SeenTo { promotion: Some(record.id.clone()), ..of(release) };
    drafts::note(&mut tx, (app, channel), &seen, ctx.now()).await?;
    deciding::finish(ctx, tx, Some(record.id.0)).await
}

/// Withdraws an open draft for the sake of a newer one, by name. The app's turn is taken.
async fn supersede(ctx: &Ctx, tx: &mut Tx, older: &PromotionId, newer: &PromotionRecord, tag: &str) -> Result<(), Problem> {
    let older = rows::promotion_in(tx, older).await?;
    if older.state != PromotionState::Open {
        return Ok(());
    }
    rows::end_open(tx, &older.id, PromotionState::Cancelled, ctx.now()).await?;
    let reason = format!("superseded by P-{} ({tag})", newer.number);
    record_act(ctx, tx, &Actor::Slipway, "promotion.superseded", &older, &reason).await
}

/// A release tag that was moved changes nothing by itself: what was drafted stays for the digest that
/// people saw, and the record says so, once for each move.
async fn tag_moved(ctx: &Ctx, (app, channel): (&str, &str), seen: &SeenTo, release: &Release) -> Result<(), Problem> {
    let build = ctx.store.existing_build(&release.build).await?;
    let mut tx = ctx.store.begin().await?;
    deciding::take_turn(&mut tx, app, &build.digest).await?;
    if drafts::seen_to(&mut tx, app, channel).await?.as_ref() != Some(seen) {
        return Ok(());
    }
    if let Some(id) = &seen.promotion {
        let promotion = rows::promotion_in(&mut tx, id).await?;
        let detail = format!("{} was moved to {}; the draft stays as it is", release.tag, build.digest.short());
        record_act(ctx, &mut tx, &Actor::Slipway, "promotion.tag_moved", &promotion, &detail).await?;
    }
    drafts::note(&mut tx, (app, channel), &SeenTo { build: release.build.clone(), ..seen.clone() }, ctx.now()).await?;
    deciding::finish(ctx, tx, seen.promotion.as_ref().map(|id| id.0.clone())).await
}

/// What cannot be drafted now is tried again at every look; the record says why, once for each reason.
async fn put_off(
    ctx: &Ctx,
    (app, channel): (&str, &str),
    seen: Option<SeenTo>,
    release: &Release,
    problem: Problem,
) -> Result<(), Problem> {
    if seen.as_ref().is_some_and(|seen| seen.tag == release.tag && seen.problem.as_ref() == Some(&problem)) {
        return Ok(());
    }
    let mut tx = ctx.store.begin().await?;
    let detail = format!("{channel} {}: {problem}", release.tag);
    let subject = release.build.as_str();
    let entry = Entry { action: "promotion.not_drafted", subject_kind: "build", subject, app: Some(app), detail };
    ctx.audit(&mut tx, &Actor::Slipway, entry).await?;
    // What was drafted for the release before stays until this one takes its place.
    let promotion = seen.and_then(|seen| seen.promotion);
    drafts::note(&mut tx, (app, channel), &SeenTo { promotion, problem: Some(problem), ..of(release) }, ctx.now()).await?;
    deciding::finish(ctx, tx, None).await
}

/// Waits for the turn to start a draft of its own: the channel says so under this configuration, it
/// was drafted for the channel's newest release, and nobody took the booking away.
///
/// # Errors
/// [`Problem::Forbidden`] otherwise; [`Problem::Finished`], [`Problem::Stale`].
pub(super) async fn turn(ctx: &Ctx, known: &PromotionRecord, config: &Config) -> Result<(Tx, Person, PromotionRecord), Problem> {
    let mut tx = ctx.store.begin().await?;
    deciding::take_turn(&mut tx, &known.app, &known.digest).await?;
    let promotion = rows::promotion_in(&mut tx, &known.id).await?;
    require_open(&promotion)?;
    if (&promotion.app, &promotion.digest, &promotion.build) != (&known.app, &known.digest, &known.build) {
        return Err(Problem::Stale);
    }
    let forbidden = || Problem::Forbidden { action: Action::StartPromotion };
    let booked = booking_of(&mut tx, &promotion.id).await?.is_some_and(|booking| is_own(&booking.by));
    let channel = drafts::channel_of(&mut tx, &promotion.id).await?.ok_or_else(forbidden)?;
    let app = config.app(&promotion.app).ok_or_else(forbidden)?;
    let draft = app.channels.iter().find(|one| one.name == channel).and_then(|channel| channel.draft.as_ref());
    if !booked || !draft.is_some_and(|draft| draft.start) {
        return Err(forbidden());
    }
    Ok((tx, slipway(), promotion))
}
