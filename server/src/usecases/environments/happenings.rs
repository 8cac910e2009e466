//! The timeline of an environment: what its engine told of its containers, and what was seen of those
//! that nobody listened to. Events are hints; what they say is written, and never acted upon.

use super::read::find;
use crate::ctx::Ctx;
use crate::engine::containers::{Happened, Host};
use crate::hub::Topic;
use crate::store::{happenings as rows, internal};
use app::view::HappeningView;
use domain::id::EnvironmentId;
use domain::{Action, Actor, Problem, Time};
use std::collections::BTreeSet;

/// Rows on a page.
const MOST_SHOWN: i64 = 200;
/// The engine is asked for a little of what was heard already, so that nothing falls between.
const OVERLAP: chrono::Duration = chrono::Duration::seconds(30);
/// Containers that are looked at after nobody listened.
const MOST_SEEN: usize = 500;

/// What happened, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`] or [`Problem::NotFound`].
pub async fn happenings(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<Vec<HappeningView>, Problem> {
    actor.require(Action::Read)?;
    find(ctx, id).await?;
    ctx.store.happenings(id, MOST_SHOWN).await
}

/// Where to begin to listen to an engine: a little before what was heard last, or with all that it
/// still knows.
pub(super) async fn since(ctx: &Ctx, engine: &str) -> Time {
    let last = ctx.store.last_happening(engine).await.ok().flatten();
    last.map_or(Time::UNIX_EPOCH, |last| last - OVERLAP)
}

/// Looks at every container, for what happened while nobody listened.
pub(super) async fn catch_up(ctx: Ctx, host: Host) {
    let look = async {
        let mut seen = Vec::new();
        for container in host.containers(None).await?.into_iter().take(MOST_SEEN) {
            seen.extend(host.last_happened(&container.id).await?);
        }
        Ok::<_, Problem>(seen)
    };
    match ctx.work.stop.run_until_cancelled(look).await {
        Some(Ok(seen)) => keep(&ctx, &seen).await,
        Some(Err(problem)) => tracing::warn!(engine = host.name(), %problem, "what happened before cannot be seen"),
        None => {}
    }
}

/// Writes what happened and tells open timelines. What cannot be written is only missing there.
pub(super) async fn keep(ctx: &Ctx, happened: &[Happened]) {
    match write(ctx, happened).await {
        Ok(grown) => grown.into_iter().for_each(|id| ctx.hub.tell(Topic::Environments, id)),
        Err(problem) => tracing::warn!(%problem, "what happened is not in the timeline"),
    }
}

/// Writes what happened, in one transaction; gives back whose timelines grew.
async fn write(ctx: &Ctx, happened: &[Happened]) -> Result<BTreeSet<String>, Problem> {
    if !happened.iter().any(|one| one.what.is_some()) {
        return Ok(BTreeSet::new());
    }
    let mut tx = ctx.store.begin().await?;
    let mut grown = BTreeSet::new();
    for one in happened {
        if rows::insert(&mut tx, one).await? {
            grown.insert(one.environment.clone());
        }
    }
    for environment in &grown {
        rows::trim(&mut tx, environment).await?;
    }
    tx.commit().await.map_err(internal)?;
    Ok(grown)
}
