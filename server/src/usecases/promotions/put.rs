//! Putting into one region a service that was thought out elsewhere: a correction of what somebody
//! changed by hand, a contingency plan, the return from one. Only digests that were verified there
//! before can be put, through the gates of a rollback, and the worker carries it out as any other.

use super::launch::{confirm, launch_as, launched};
use super::request::{known_app, record_act};
use super::rollback::{AtOnce, open, plainly};
use super::world::{How, Subject, World, pulled_from};
use crate::ctx::Ctx;
use crate::store::promotions::PromotionRecord;
use crate::store::regions::{Put as Last, last_put};
use crate::store::{Tx, missing};
use crate::usecases::deciding::{self, words};
use app::view::Confirmation;
use domain::id::PromotionId;
use domain::problem::Noun;
use domain::promotion::PromotionKind;
use domain::service::ServiceIntent;
use domain::{Action, Actor, Person, Problem};

/// What is to be put where, and why.
#[derive(Clone, Debug)]
pub struct Put<'a> {
    pub kind: PromotionKind,
    pub action: Action,
    pub app: &'a str,
    pub region: &'a str,
    pub reason: &'a str,
    pub confirmation: &'a Confirmation,
    /// What the record calls it: `drift.corrected`.
    pub record: &'a str,
}

/// A put that has its turn and is started, but not committed.
pub struct Putting<'a> {
    ctx: &'a Ctx,
    put: Put<'a>,
    pub tx: Tx,
    pub promotion: PromotionRecord,
    pub person: Person,
    /// What was to run there before.
    pub before: ServiceIntent,
}

impl Putting<'_> {
    /// Writes the record with these words, commits, and wakes the worker.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn finish(mut self, actor: &Actor, detail: &str) -> Result<PromotionId, Problem> {
        let words = format!("{}: {detail} {}", self.put.region, self.promotion.reason);
        record_act(self.ctx, &mut self.tx, actor, self.put.record, &self.promotion, &words).await?;
        deciding::finish(self.ctx, self.tx, Some(self.promotion.id.0.clone())).await?;
        launched(self.ctx);
        Ok(self.promotion.id)
    }
}

/// Starts to put into a region what `wanted` makes of what was last verified there. The world is
/// looked at first; then one transaction takes its turn, reads everything again and decides. What
/// the caller adds, it adds to that transaction, before [`Putting::finish`].
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::Invalid`] without a reason; [`Problem::NotFound`]; those of the
/// confirmation; [`Problem::NothingToRollBackTo`] where nothing was ever verified; [`Problem::Stale`]
/// when something was put there meanwhile; the problem of a closed gate.
pub async fn put<'a>(
    ctx: &'a Ctx,
    actor: &Actor,
    put: Put<'a>,
    wanted: impl FnOnce(&Last) -> Result<ServiceIntent, Problem>,
) -> Result<Putting<'a>, Problem> {
    actor.require(put.action)?;
    let reason = words("reason", put.reason, true)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let app = known_app(&applied.config, put.app)?;
    applied.config.region(put.region).ok_or_else(|| missing(Noun::Region, put.region))?;
    confirm(ctx, actor, &app.name, put.confirmation).await?;
    let last = ctx.store.last_put(put.app, put.region).await?.ok_or_else(|| nothing(&put))?;
    let intent = wanted(&last)?;
    let digest = intent.digest.clone();
    let known = ctx.store.known_as(put.app, &digest).await?.ok_or_else(|| nothing(&put))?;
    let regions = [(put.region.to_owned(), None)];
    let subject = Subject { app: &app.name, image: &app.image, digest: &digest, regions: &regions };
    let world = World::look(ctx, applied.clone(), subject, How::Anew).await;

    let (mut tx, person) = deciding::begin(ctx, actor, put.action, put.app, &digest).await?;
    if last_put(&mut tx, put.app, put.region).await?.as_ref() != Some(&last) {
        return Err(Problem::Stale);
    }
    let wanted = AtOnce { kind: put.kind, app: put.app, region: put.region, reason };
    let promotion = open(ctx, &mut tx, &person, wanted, known, &digest).await?;
    let done = launch_as(ctx, &mut tx, &promotion, &person, world, Some(&intent)).await;
    let there = pulled_from(&applied.config, put.region, &app.image).unwrap_or_else(|| app.image.clone());
    done.map_err(|problem| plainly(problem, (put.app, put.region), (&app.image, &there), &digest))?;
    Ok(Putting { ctx, put, tx, promotion, person, before: last.intent })
}

fn nothing(put: &Put<'_>) -> Problem {
    Problem::NothingToRollBackTo { app: put.app.to_owned(), region: put.region.to_owned() }
}
