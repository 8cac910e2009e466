//! The worker that reads ranges.

use super::host::{Host, mark};
use crate::ctx::Ctx;
use crate::git::GitError;
use crate::hub::Topic;
use crate::store::commits::{self as rows, Due, Outcome};
use crate::store::internal;
use chrono::TimeDelta;
use domain::commits::{Relation, Trouble};
use domain::{Problem, Time};
use futures::StreamExt as _;
use std::collections::BTreeMap;

/// Ranges taken up at once, and repositories worked on at once.
const BATCH: i64 = 32;
const AT_ONCE: usize = 4;
/// A commit that is not there is looked for about three days, a repository that cannot be read
/// about two weeks.
const MOST_MISSING: i64 = 20;
const MOST_FAILED: i64 = 64;

/// Reads every range that is due, and says when the next one is.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn read_waiting(ctx: &Ctx) -> Result<Option<Time>, Problem> {
    loop {
        let due = ctx.store.due_ranges(ctx.now(), BATCH).await?;
        if due.is_empty() || ctx.work.stop.is_cancelled() {
            return ctx.store.next_range_at().await;
        }
        // Another process may have applied a configuration a moment ago (`slipway apply`).
        ctx.reload_config().await?;
        let mut by_app: BTreeMap<String, Vec<Due>> = BTreeMap::new();
        for range in due {
            by_app.entry(range.app.clone()).or_default().push(range);
        }
        let mut read = futures::stream::iter(by_app).map(|(app, due)| read_app(ctx, app, due)).buffer_unordered(AT_ONCE);
        while let Some(done) = read.next().await {
            done?;
        }
    }
}

/// The due ranges of one app. When its repository fails, the rest of them wait with it.
async fn read_app(ctx: &Ctx, app: String, due: Vec<Due>) -> Result<(), Problem> {
    let git = ctx.config().config.app(&app).and_then(|app| app.git.clone()).unwrap_or_default();
    let host = Host::of(ctx, &git).await;
    for range in due {
        let found = match &host {
            Ok(host) => ctx.work.stop.run_until_cancelled(host.range(&range.base, &range.head)).await,
            Err(problem) => Some(Err(problem.clone())),
        };
        // Stopping: it is still due at the next start.
        let Some(found) = found else { return Ok(()) };
        if !write(ctx, &mark(&git), &range, found).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes what came of it; false when the app's others need not be tried now.
async fn write(ctx: &Ctx, mark: &str, due: &Due, found: Result<domain::commits::Range, GitError>) -> Result<bool, Problem> {
    let now = ctx.now();
    let (outcome, most) = match found {
        Ok(range) if matches!(range.relation, Relation::Missing { .. }) => (Outcome::Missing(range), MOST_MISSING),
        Ok(range) => (Outcome::Done(range), 0),
        Err(problem) => {
            tracing::warn!(app = %due.app, base = %due.base, head = %due.head, %problem, "commits could not be read");
            (Outcome::Failed(problem.trouble), MOST_FAILED)
        }
    };
    let again = (due.attempts + 1 < most).then(|| now + backoff(due.attempts));
    let mut tx = ctx.store.begin().await?;
    rows::tried(&mut tx, due, mark, &outcome, again).await?;
    let failed = match &outcome {
        Outcome::Failed(trouble) => Some(*trouble),
        Outcome::Done(_) | Outcome::Missing(_) => None,
    };
    if let Some(trouble) = failed {
        rows::put_off(&mut tx, &due.app, trouble, now, now + backoff(due.attempts)).await?;
    }
    tx.commit().await.map_err(internal)?;
    tell(ctx, due, failed).await?;
    Ok(failed.is_none())
}

async fn tell(ctx: &Ctx, due: &Due, failed: Option<Trouble>) -> Result<(), Problem> {
    if failed.is_some() {
        // Other builds of the app wait with it.
        ctx.hub.tell(Topic::Builds, None);
        return Ok(());
    }
    for build in ctx.store.builds_of_commit(&due.app, &due.head).await? {
        ctx.hub.tell(Topic::Builds, build.0);
    }
    Ok(())
}

/// 30 s, 1 min, 2 min … up to six hours.
pub fn backoff(attempts: i64) -> TimeDelta {
    let doubled = u32::try_from(attempts.clamp(0, 12)).unwrap_or_default();
    TimeDelta::seconds((30 * 2_i64.pow(doubled)).min(6 * 3600))
}
