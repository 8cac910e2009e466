//! Labels and sizes of new builds, read from their registry.

use super::{backoff, runs};
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::registry::Description;
use crate::store::builds::record::{self as rows, Undescribed};
use crate::store::internal;
use crate::usecases::notifications;
use domain::{Actor, Problem, Time};
use futures::StreamExt as _;

/// Questions to registries at once.
const AT_ONCE: usize = 8;
/// A registry that is away is asked for about a day and a half.
const MOST_ATTEMPTS: i64 = 40;
/// A registry that answers and does not have the image: a moment later it may, as replicas do.
const MOST_WHEN_GONE: i64 = 5;

/// Reads the labels of every build that is due, a few at once, and says when the next one is.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn describe_waiting(ctx: &Ctx) -> Result<Option<Time>, Problem> {
    loop {
        // New ones before those that failed: a registry that is away holds up no other.
        let due = ctx.store.undescribed(ctx.now(), AT_ONCE).await?;
        if due.is_empty() || ctx.work.stop.is_cancelled() {
            return ctx.store.next_description_at().await;
        }
        let mut described = futures::stream::iter(due).map(|build| describe(ctx, build)).buffer_unordered(AT_ONCE);
        while let Some(done) = described.next().await {
            done?;
        }
    }
}

async fn describe(ctx: &Ctx, build: Undescribed) -> Result<(), Problem> {
    let asked = ctx.registry();
    let answer = ctx.work.stop.run_until_cancelled(asked.describe(&build.image, &build.digest)).await;
    match answer {
        // Stopping: it is still due at the next start.
        None => return Ok(()),
        Some(Ok(description)) => take_in(ctx, &build, &description).await?,
        Some(Err(problem)) => {
            let given_up = try_later(ctx, &build, &problem).await?;
            if !given_up && build.problem.as_ref() == Some(&problem) {
                // The page says so already.
                return Ok(());
            }
        }
    }
    ctx.hub.tell(Topic::Builds, build.id.0);
    Ok(())
}

async fn take_in(ctx: &Ctx, build: &Undescribed, description: &Description) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    if !rows::describe(&mut tx, &build.id, description).await? {
        return Ok(());
    }
    let applied = ctx.config();
    let run = runs::join_image(&mut tx, &applied.config, &build.app, &build.id).await?;
    let revision = description.provenance.revision.as_deref();
    let detail = revision.map_or_else(|| "no commit is named".to_owned(), |revision| format!("commit {revision}"));
    let entry =
        Entry { action: "build.described", subject_kind: "build", subject: build.id.as_str(), app: Some(&build.app), detail };
    ctx.audit(&mut tx, &Actor::Slipway, entry).await?;
    notifications::build_ready(ctx, &mut tx, &build.id).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Activity, None);
    if let Some(run) = run {
        ctx.hub.tell(Topic::Builds, run.0);
    }
    Ok(())
}

/// The build stays listed; the page says what is wrong with its registry.
/// True when it is not tried again.
async fn try_later(ctx: &Ctx, build: &Undescribed, problem: &Problem) -> Result<bool, Problem> {
    let most = if matches!(problem, Problem::ImageGone { .. }) { MOST_WHEN_GONE } else { MOST_ATTEMPTS };
    let again = (build.attempts + 1 < most).then(|| ctx.now() + backoff(build.attempts));
    tracing::warn!(build = %build.id, app = %build.app, %problem, ?again, "labels could not be read");
    let mut tx = ctx.store.begin().await?;
    rows::postpone_description(&mut tx, &build.id, problem, again).await?;
    if again.is_none() {
        runs::join_image(&mut tx, &ctx.config().config, &build.app, &build.id).await?;
        notifications::build_ready(ctx, &mut tx, &build.id).await?;
    }
    tx.commit().await.map_err(internal)?;
    Ok(again.is_none())
}
