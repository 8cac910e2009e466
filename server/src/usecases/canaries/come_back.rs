//! The worker that sends canaries back in time and takes away what is left of them. It looks
//! before each act, so that starting is also resuming.

use crate::ctx::{Ctx, Entry};
use crate::engine::credentials_of;
use crate::engine::swarm::{Look, Observed, Swarm, Trouble, Which};
use crate::hub::Topic;
use crate::store::canaries::{self as rows, CanaryRow};
use crate::store::follows::follower_of;
use crate::store::{Tx, decisions, internal};
use crate::usecases::deciding::take_turn;
use crate::usecases::notifications;
use domain::canary::{CanaryState, Main, ReturnStep, must_return, return_step};
use domain::{Actor, Problem};
use futures::StreamExt as _;
use std::time::Duration;

/// How often canaries are looked after that nobody woke the worker for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Regions in which something is taken back at the same time; one that is away keeps no other waiting.
const AT_ONCE: usize = 8;
/// A return takes three calls that change something; more in one go means that somebody else
/// changes the region too, and it is looked at again later.
const MOST_STEPS: usize = 8;

/// Looks after canaries until the instance stops.
pub async fn work(ctx: Ctx) {
    loop {
        // When the database does not answer, the cause is in the log already.
        let canaries = ctx.store.canaries().await.unwrap_or_default();
        let tended = futures::stream::iter(canaries).for_each_concurrent(AT_ONCE, |canary| look_after(ctx.clone(), canary));
        if ctx.work.stop.run_until_cancelled(tended).await.is_none() {
            break;
        }
        tokio::select! {
            () = ctx.work.stop.cancelled() => break,
            () = ctx.work.canaries.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

async fn look_after(ctx: Ctx, canary: CanaryRow) {
    if let Err(problem) = tend(&ctx, canary).await {
        tracing::debug!(%problem, "a canary is looked after again");
    }
}

async fn tend(ctx: &Ctx, canary: CanaryRow) -> Result<(), Problem> {
    match canary.state {
        // Its rollout looks after it.
        CanaryState::Starting | CanaryState::Returned => Ok(()),
        CanaryState::Running => match send_back(ctx, &canary).await? {
            Some(canary) => take_back(ctx, &canary).await,
            None => Ok(()),
        },
        CanaryState::Returning => take_back(ctx, &canary).await,
    }
}

/// Sends a canary back whose time is over or whose digest is quarantined: decided in one
/// transaction that has its turn, and written down before anything is done.
async fn send_back(ctx: &Ctx, known: &CanaryRow) -> Result<Option<CanaryRow>, Problem> {
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let quarantined = decisions::standing(&mut connection, &known.digest).await?.quarantined();
    drop(connection);
    if must_return(known.state, known.ends_at, quarantined, ctx.now()).is_none() {
        return Ok(None);
    }
    let mut tx = ctx.store.begin().await?;
    take_turn(&mut tx, &known.app, &known.digest).await?;
    let Some(canary) = rows::canary_in(&mut tx, &known.promotion).await? else { return Ok(None) };
    let quarantined = decisions::standing(&mut tx, &canary.digest).await?.quarantined();
    let Some(cause) = must_return(canary.state, canary.ends_at, quarantined, ctx.now()) else { return Ok(None) };
    if !rows::set_returning(&mut tx, &canary.promotion, cause, (None, ""), ctx.now()).await? {
        return Ok(None);
    }
    record(ctx, &mut tx, &canary, "canary.returning", cause.as_str()).await?;
    let canary = rows::canary_in(&mut tx, &canary.promotion).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx, known);
    Ok(canary)
}

/// Takes away what a look finds of a canary and gives the main service its replicas back. What a
/// region does not answer now is asked again later.
async fn take_back(ctx: &Ctx, canary: &CanaryRow) -> Result<(), Problem> {
    let applied = ctx.config();
    let Some(region) = applied.config.region(&canary.region) else { return Ok(()) };
    // Whatever the main service does then, it goes back; nobody waits for its tasks.
    let followed = is_followed(ctx, canary).await?;
    let taken = async {
        let account = credentials_of(&ctx.registry(), &canary.before.image).await;
        let account = account.map_err(|problem| Trouble::Away(problem.to_string()))?;
        let swarm = Swarm::reach(&ctx.engines, region, ctx.instance()).await?.pulling_as(account);
        for _ in 0..MOST_STEPS {
            if let Some(end) = step(ctx, &swarm, canary, followed).await? {
                return Ok::<_, Trouble>(end);
            }
        }
        Ok(End::Later)
    };
    match taken.await {
        Ok(End::Later) => Ok(()),
        Ok(End::Done { main }) => finish(ctx, canary, &main, None).await,
        Ok(End::LeftAlone) => {
            let (app, region) = (canary.app.clone(), canary.region.clone());
            let by_hand = Problem::ServiceDiffers { app, region, part: "replicas".to_owned() };
            finish(ctx, canary, "main was changed by hand and left alone", Some(by_hand)).await
        }
        Err(trouble) => {
            tracing::warn!(app = %canary.app, region = %canary.region, ?trouble, "a canary cannot be taken back now");
            Ok(())
        }
    }
}

/// Whether a rollback of its region waits for it to be gone.
async fn is_followed(ctx: &Ctx, canary: &CanaryRow) -> Result<bool, Problem> {
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    Ok(follower_of(&mut connection, &canary.promotion).await?.is_some())
}

enum End {
    Done {
        main: String,
    },
    LeftAlone,
    /// Its tasks are still coming.
    Later,
}

/// One look and at most one act; none while there is more to do at once.
async fn step(ctx: &Ctx, swarm: &Swarm, canary: &CanaryRow, followed: bool) -> Result<Option<End>, Trouble> {
    // What is not ours under its name is nobody's canary.
    let there = match swarm.look(&canary.app, Which::Canary).await? {
        Look::Ours(seen) => Some(seen),
        Look::Absent | Look::Foreign => None,
    };
    if let Some(there) = &there {
        swarm.remove(there).await?;
        return Ok(None);
    }
    let seen = match swarm.look(&canary.app, Which::Main).await? {
        Look::Ours(seen) => Some(seen),
        Look::Absent | Look::Foreign => None,
    };
    let main = seen.as_deref().map_or(Main::Other, |seen| judge(seen, canary));
    let waited = i64::from(canary.before.deadline_seconds);
    let late = followed || canary.returning_at.is_none_or(|at| (ctx.now() - at).num_seconds() >= waited);
    match (return_step(false, canary.terms.shape, main, late), &seen) {
        (ReturnStep::Refill, Some(seen)) => match swarm.update(seen, &canary.before, canary.put_by.as_str()).await {
            Ok(()) | Err(Trouble::Stale) => Ok(None),
            Err(trouble) => Err(trouble),
        },
        (ReturnStep::Wait, _) => Ok(Some(End::Later)),
        (ReturnStep::Done, seen) => {
            let counted = seen.as_deref().map(Observed::seen);
            let main = counted.map_or_else(|| "-".to_owned(), |seen| format!("{}/{}", seen.running, seen.desired));
            Ok(Some(End::Done { main: format!("main {main}") }))
        }
        (ReturnStep::LeftAlone | ReturnStep::Refill | ReturnStep::RemoveCanary, _) => Ok(Some(End::LeftAlone)),
    }
}

/// The main service beside what it was before the canary and what the canary left it.
fn judge(seen: &Observed, canary: &CanaryRow) -> Main {
    let ours = seen.promotion.as_deref() == Some(canary.put_by.as_str());
    if ours && seen.difference(&canary.before).is_none() {
        let counted = seen.seen();
        return Main::Whole { running: counted.running, wanted: canary.before.replicas };
    }
    let reduced = canary.reduced();
    if ours && seen.difference(&reduced).is_none() { Main::Reduced } else { Main::Other }
}

/// Writes down, once, that nothing of a canary is left.
async fn finish(ctx: &Ctx, canary: &CanaryRow, main: &str, failure: Option<Problem>) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    take_turn(&mut tx, &canary.app, &canary.digest).await?;
    if !rows::set_returned(&mut tx, &canary.promotion, ctx.now()).await? {
        return Ok(());
    }
    let cause = canary.cause.map_or("", domain::canary::ReturnCause::as_str);
    record(ctx, &mut tx, canary, "canary.returned", &format!("{cause}; {main}")).await?;
    notifications::canary_returned(ctx, &mut tx, canary, failure).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx, canary);
    ctx.work.regions.notify_waiters();
    // What waited for it may start now.
    ctx.work.bookings.notify_one();
    Ok(())
}

async fn record(ctx: &Ctx, tx: &mut Tx, canary: &CanaryRow, action: &str, detail: &str) -> Result<(), Problem> {
    let detail = format!("P-{} {} {}: {detail}", canary.number, canary.digest.short(), canary.region);
    let entry = Entry { action, subject_kind: "promotion", subject: canary.promotion.as_str(), app: Some(&canary.app), detail };
    ctx.audit(tx, &Actor::Slipway, entry).await
}

/// After a commit that changed how a canary stands.
fn tell(ctx: &Ctx, canary: &CanaryRow) {
    ctx.hub.tell(Topic::Promotions, canary.promotion.as_str().to_owned());
    ctx.hub.tell(Topic::Regions, None);
    ctx.hub.tell(Topic::Activity, None);
}
