//! Statuses beside commits: noted in the transaction that decides, posted by a worker.

use super::host::{self, Host};
use super::read::backoff;
use crate::ctx::Ctx;
use crate::git::provider::{ApiError, State, Status};
use crate::store::builds::BuildRecord;
use crate::store::commits::{self as rows, NewStatus, Waiting};
use crate::store::{Tx, decisions, internal};
use chrono::TimeDelta;
use domain::commits::is_whole;
use domain::config::Config;
use domain::{Digest, Problem, Time};

const BATCH: i64 = 16;
/// What could not be posted for a day is news no more.
const KEEP_TRYING_HOURS: i64 = 24;

/// Notes what the verdicts on a build amount to now. Call it in the transaction that changed them.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn verdict_fell(ctx: &Ctx, tx: &mut Tx, subject: &BuildRecord) -> Result<(), Problem> {
    let standing = decisions::standing(tx, &subject.digest).await?;
    let (state, words) = if standing.fails > 0 {
        (State::Failure, "Failed in testing")
    } else if standing.passes > 0 {
        (State::Success, "Passed in testing")
    } else if standing.blocked > 0 {
        (State::Pending, "Testing is blocked")
    } else {
        (State::Pending, "Not tested")
    };
    let context = format!("slipway/{}/verdict", subject.app);
    note(ctx, tx, subject, &context, state, words).await
}

/// Notes that a region runs a digest, verified. Call it in the transaction that says so.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn region_verified(ctx: &Ctx, tx: &mut Tx, app: &str, digest: &Digest, region: &str) -> Result<(), Problem> {
    let Some(id) = ctx.store.build_of_digest(app, digest).await? else { return Ok(()) };
    let Some(build) = ctx.store.build_by_id(&id).await? else { return Ok(()) };
    note(ctx, tx, &build, &format!("slipway/{app}/{region}"), State::Success, &format!("Runs in {region}")).await
}

async fn note(ctx: &Ctx, tx: &mut Tx, build: &BuildRecord, context: &str, state: State, words: &str) -> Result<(), Problem> {
    let revision = build.revision.as_deref().filter(|revision| is_whole(revision));
    let Some(revision) = revision.filter(|_| is_posted(&ctx.config().config, &build.app)) else { return Ok(()) };
    let new = NewStatus {
        app: &build.app,
        revision,
        context,
        status: state.as_str(),
        description: words,
        build: &build.id,
        at: ctx.now(),
    };
    rows::put_status(tx, &new).await
}

/// Whether the app's host takes statuses: it has an API, and there is a token.
fn is_posted(config: &Config, app: &str) -> bool {
    let git = config.app(app).and_then(|app| app.git.as_deref());
    git.and_then(|git| host::of(config, git)).is_some_and(|host| host.provider.is_some() && host.token_secret.is_some())
}

/// Posts every status that is due, and says when the next one is.
///
/// # Errors
/// [`Problem::Internal`] when the database does not answer.
pub async fn post_waiting(ctx: &Ctx) -> Result<Option<Time>, Problem> {
    loop {
        let due = ctx.store.due_statuses(ctx.now(), BATCH).await?;
        if due.is_empty() || ctx.work.stop.is_cancelled() {
            return ctx.store.next_status_at().await;
        }
        ctx.reload_config().await?;
        for waiting in due {
            // Stopping: it is still due at the next start.
            let Some(posted) = ctx.work.stop.run_until_cancelled(post(ctx, &waiting)).await else { return Ok(None) };
            write(ctx, &waiting, posted).await?;
        }
    }
}

/// Why a status was not posted: in words for the database, and when to come again.
struct NotPosted {
    why: String,
    after: Option<TimeDelta>,
    for_good: bool,
}

impl From<ApiError> for NotPosted {
    fn from(problem: ApiError) -> Self {
        let after = match &problem {
            ApiError::Later { after, .. } => after.and_then(|after| TimeDelta::from_std(after).ok()),
            _ => None,
        };
        Self { why: problem.to_string(), after, for_good: false }
    }
}

async fn post(ctx: &Ctx, waiting: &Waiting) -> Result<(), NotPosted> {
    let over = |why: &str| NotPosted { why: why.to_owned(), after: None, for_good: true };
    let git = ctx.config().config.app(&waiting.app).and_then(|app| app.git.clone());
    let git = git.ok_or_else(|| over("the app names no repository any more"))?;
    let host = Host::of(ctx, &git).await;
    let host = host.map_err(|problem| NotPosted { why: problem.to_string(), after: None, for_good: false })?;
    let api = host.api()?.ok_or_else(|| over("the host takes no statuses any more"))?;
    let state = State::from_word(&waiting.status).ok_or_else(|| over("not a status"))?;
    let status = Status {
        commit: waiting.revision.clone(),
        state,
        context: waiting.context.clone(),
        description: waiting.description.clone(),
        url: format!("{}/builds/{}", ctx.settings.public_url, waiting.build),
    };
    Ok(api.post_status(&status).await?)
}

async fn write(ctx: &Ctx, waiting: &Waiting, posted: Result<(), NotPosted>) -> Result<(), Problem> {
    let now = ctx.now();
    let mut tx = ctx.store.begin().await?;
    match posted {
        Ok(()) => rows::status_tried(&mut tx, waiting, "posted", None, None).await?,
        Err(not) => {
            let wait = backoff(waiting.attempts).max(not.after.unwrap_or_default());
            let late = now + wait > waiting.at + TimeDelta::hours(KEEP_TRYING_HOURS);
            let again = (!not.for_good && !late).then(|| now + wait);
            let state = if again.is_some() { "waiting" } else { "given_up" };
            tracing::warn!(app = %waiting.app, commit = %waiting.revision, why = %not.why, state, "a status was not posted");
            rows::status_tried(&mut tx, waiting, state, Some(&not.why), again).await?;
        }
    }
    tx.commit().await.map_err(internal)
}
