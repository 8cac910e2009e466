//! Before the start: request and cancel.

use super::book::{self, book};
use crate::ctx::{Ctx, Entry};
use crate::store::builds::BuildRecord;
use crate::store::decisions::standing;
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::{Tx, canaries, holds, missing, next_number};
use crate::usecases::deciding::{self, words};
use crate::usecases::notifications;
use app::view::PromotionInput;
use domain::canary::Terms;
use domain::config::{AppConfig, Config};
use domain::id::{BuildId, PromotionId, RolloutId, UserId};
use domain::problem::{Fault, Noun};
use domain::promotion::{PromotionKind, PromotionState};
use domain::rollout::waves::{Place, WaveStart, places};
use domain::service::ServiceIntent;
use domain::{Action, Actor, Person, Problem};

/// Requests that a build runs in these regions, one after another, in waves where it says so. What is wrong with the
/// configuration is told now, not at the start. With a booking it starts by itself when every gate is green.
///
/// # Errors
/// Those of [`super::book_promotion`] for a booking.
/// [`Problem::NotFound`] for the build, [`Problem::Invalid`] for the regions, the waves or the reason,
/// [`Problem::Config`], [`Problem::Quarantined`], and [`Problem::Unreachable`] while the
/// build's labels could not be read from the registry.
pub async fn request_promotion(ctx: &Ctx, actor: &Actor, input: PromotionInput) -> Result<PromotionId, Problem> {
    actor.require(Action::RequestPromotion)?;
    let mut draft = Draft::read(ctx, &input.build, &input.regions, &input.waves, &input.reason).await?;
    check_canary(&ctx.config().config, &draft.subject.app, &input)?;
    draft.canary = input.canary.clone();
    let booked = match &input.booking {
        Some(booking) => {
            let about = (draft.subject.app.as_str(), input.regions.as_slice());
            Some(book::read(ctx, actor, &ctx.config().config, about, booking).await?)
        }
        None => None,
    };
    let subject = &draft.subject;
    let (mut tx, person) = deciding::begin(ctx, actor, Action::RequestPromotion, &subject.app, &subject.digest).await?;
    let record = draft.write(ctx, &mut tx, actor, &Requester::from(&person)).await?;
    if let Some(not_before) = booked {
        book(ctx, &mut tx, actor, &person, &record, not_before).await?;
    }
    deciding::finish(ctx, tx, Some(record.id.0.clone())).await?;
    ctx.work.bookings.notify_one();
    Ok(record.id)
}

/// Whose request it is: its own approval does not count.
pub(super) struct Requester {
    pub id: UserId,
    pub name: String,
}

impl From<&Person> for Requester {
    fn from(person: &Person) -> Self {
        Self { id: person.id.clone(), name: person.name.clone() }
    }
}

/// A promotion as it is asked for, found good as far as the configuration goes.
pub(super) struct Draft {
    pub subject: BuildRecord,
    regions: Vec<String>,
    places: Vec<Place>,
    reason: String,
    /// On which terms it is a part of its one region only.
    canary: Option<Terms>,
}

impl Draft {
    /// Reads what is asked for, under the newest configuration.
    ///
    /// # Errors
    /// As [`request_promotion`], but for the booking and the quarantine.
    pub async fn read(
        ctx: &Ctx,
        build: &BuildId,
        regions: &[String],
        waves: &[WaveStart],
        reason: &str,
    ) -> Result<Self, Problem> {
        let reason = words("reason", reason, false)?;
        let subject = ctx.store.existing_build(build).await?;
        if !subject.described {
            return Err(Problem::Unreachable { what: Noun::Registry, name: subject.image.host().to_owned() });
        }
        ctx.reload_config().await?;
        check_regions(&ctx.config().config, &subject, regions)?;
        let places = places(regions, waves).map_err(|why| Problem::invalid("waves", why))?;
        Ok(Self { subject, regions: regions.to_vec(), places, reason, canary: None })
    }

    /// Writes it down in the caller's transaction, which has taken the turn of its app and its digest.
    ///
    /// # Errors
    /// [`Problem::Quarantined`], [`Problem::Internal`].
    pub async fn write(self, ctx: &Ctx, tx: &mut Tx, actor: &Actor, by: &Requester) -> Result<PromotionRecord, Problem> {
        if standing(tx, &self.subject.digest).await?.quarantined() {
            return Err(Problem::Quarantined);
        }
        let record = PromotionRecord {
            id: ctx.new_id(),
            number: next_number(tx, "promotion").await?,
            kind: if self.canary.is_some() { PromotionKind::Canary } else { PromotionKind::Promotion },
            app: self.subject.app,
            tag: rows::best_tag(tx, &self.subject.id).await?,
            build: self.subject.id,
            digest: self.subject.digest,
            state: PromotionState::Open,
            reason: self.reason,
            requested_by: by.id.clone(),
            requested_by_name: by.name.clone(),
            requested_at: ctx.now(),
            started_by_name: None,
            started_at: None,
            ended_at: None,
        };
        let regions: Vec<(RolloutId, &str)> = self.regions.iter().map(|region| (ctx.new_id(), region.as_str())).collect();
        rows::insert(tx, &record, &regions).await?;
        for ((rollout, _), place) in regions.iter().zip(&self.places) {
            holds::set_place(tx, rollout, place).await?;
        }
        if let (Some(terms), Some(region)) = (&self.canary, self.regions.first()) {
            canaries::ask(tx, &record.id, &record.app, region, terms).await?;
        }
        notifications::approval_wanted(ctx, tx, &record, &self.regions).await?;
        record_act(ctx, tx, actor, "promotion.requested", &record, &self.regions.join(", ")).await?;
        Ok(record)
    }
}

/// The regions are known, distinct, and each can be told what to run.
fn check_regions(config: &Config, subject: &BuildRecord, regions: &[String]) -> Result<(), Problem> {
    let app = known_app(config, &subject.app)?;
    if app.channels.is_empty() {
        return Err(Problem::Config { place: format!("apps.{}.channels", app.name), why: Fault::Missing });
    }
    if regions.is_empty() {
        return Err(Problem::invalid("regions", Fault::Missing));
    }
    for (place, name) in regions.iter().enumerate() {
        let region = config.region(name).ok_or_else(|| {
            let name = name.chars().take(64).collect();
            Problem::invalid("regions", Fault::Unknown { what: Noun::Region, name })
        })?;
        if regions.iter().take(place).any(|other| other == name) {
            return Err(Problem::invalid("regions", Fault::Twice));
        }
        ServiceIntent::plan(app, region, &subject.digest)?;
    }
    Ok(())
}

/// A canary is for one region, and on terms that can be kept.
fn check_canary(config: &Config, app: &str, input: &PromotionInput) -> Result<(), Problem> {
    let Some(terms) = &input.canary else { return Ok(()) };
    if input.regions.len() != 1 {
        let reason = "a canary is for one region".to_owned();
        return Err(Problem::invalid("regions", Fault::Refused { reason }));
    }
    terms.check(known_app(config, app)?, config).map_err(|(field, why)| Problem::invalid(field, why))
}

/// The app as it is configured; one that no longer is cannot be promoted.
///
/// # Errors
/// [`Problem::NotFound`].
pub fn known_app<'a>(config: &'a Config, name: &str) -> Result<&'a AppConfig, Problem> {
    config.app(name).ok_or_else(|| missing(Noun::App, name))
}

/// Takes an open promotion out of the way, with a reason that stays in the record.
///
/// # Errors
/// [`Problem::Invalid`] without a reason, [`Problem::NotFound`], [`Problem::Finished`] when it
/// is no longer open.
pub async fn cancel_promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
    actor.require(Action::CancelPromotion)?;
    let reason = words("reason", &reason, true)?;
    let known = ctx.store.promotion(id).await?;
    let (mut tx, _) = deciding::begin(ctx, actor, Action::CancelPromotion, &known.app, &known.digest).await?;
    let promotion = rows::promotion_in(&mut tx, id).await?;
    require_open(&promotion)?;
    if !rows::end_open(&mut tx, id, PromotionState::Cancelled, ctx.now()).await? {
        return Err(Problem::Stale);
    }
    record_act(ctx, &mut tx, actor, "promotion.cancelled", &promotion, &reason).await?;
    deciding::finish(ctx, tx, Some(promotion.id.0.clone())).await
}

/// # Errors
/// [`Problem::Finished`] with the state that it has instead.
pub fn require_open(promotion: &PromotionRecord) -> Result<(), Problem> {
    if promotion.state == PromotionState::Open {
        return Ok(());
    }
    Err(Problem::Finished { state: promotion.state.as_str().to_owned() })
}

/// The record names the promotion; the detail begins with its number and its digest.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn record_act(
    ctx: &Ctx,
    tx: &mut Tx,
    actor: &Actor,
    action: &str,
    promotion: &PromotionRecord,
    detail: &str,
) -> Result<(), Problem> {
    let entry = Entry {
        action,
        subject_kind: "promotion",
        subject: promotion.id.as_str(),
        app: Some(&promotion.app),
        detail: format!("P-{} {} {detail}", promotion.number, promotion.digest.short()).trim_end().to_owned(),
    };
    ctx.audit(tx, actor, entry).await
}
