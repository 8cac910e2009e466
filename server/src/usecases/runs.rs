//! CI runs: listing and looking.

use super::builds::parts;
use crate::ctx::Ctx;
use crate::store::runs::{ListedRun, Which};
use crate::store::{Cursor, missing, page_of, page_size, plausible};
use app::view::{BuildFilter, Page, Paging, RunRow};
use domain::id::{BuildId, RunId};
use domain::problem::Noun;
use domain::run::{RunStatus, made_nothing};
use domain::{Action, Actor, Problem};

/// Runs shown beside one page of builds.
const MOST_BESIDE: i64 = 50;

/// Every run, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the cursor.
pub async fn runs(ctx: &Ctx, actor: &Actor, filter: &BuildFilter, paging: Paging) -> Result<Page<RunRow>, Problem> {
    actor.require(Action::Read)?;
    let (before, size) = (Cursor::parse(paging.cursor.as_deref())?, page_size(paging.limit));
    let Some(which) = which(filter) else { return Ok(Page { items: Vec::new(), next: None }) };
    let rows = ctx.store.runs(&which, &before, size + 1).await?;
    let rows = rows.into_iter().map(|run| view(ctx, run)).collect();
    Ok(page_of(rows, size, |run: &RunRow| Cursor::text(run.seen_at, run.id.as_str())))
}

/// Runs without an image, beside one page of builds: under way, failed, or without result. They
/// are those between the cursor of the page and the cursor of the next.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for a cursor.
pub async fn beside(
    ctx: &Ctx,
    actor: &Actor,
    filter: &BuildFilter,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Vec<RunRow>, Problem> {
    actor.require(Action::Read)?;
    let before = Cursor::parse(from)?;
    let after = to.map(|to| Cursor::parse(Some(to))).transpose()?.map(|cursor| cursor.at);
    let Some(which) = which(filter) else { return Ok(Vec::new()) };
    let rows = ctx.store.runs(&Which { loose: true, after, ..which }, &before, MOST_BESIDE).await?;
    Ok(rows.into_iter().map(|run| view(ctx, run)).collect())
}

/// One run.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn run(ctx: &Ctx, actor: &Actor, id: &RunId) -> Result<RunRow, Problem> {
    actor.require(Action::Read)?;
    let found = if plausible(id.as_str()) { ctx.store.run(id).await? } else { None };
    found.map(|run| view(ctx, run)).ok_or_else(|| missing(Noun::Run, id.as_str()))
}

/// The runs that made a build, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<Vec<RunRow>, Problem> {
    actor.require(Action::Read)?;
    Ok(ctx.store.runs_of_build(build).await?.into_iter().map(|run| view(ctx, run)).collect())
}

fn view(ctx: &Ctx, run: ListedRun) -> RunRow {
    let over_at = run.row.ended_at.unwrap_or(run.known_at);
    let without = run.row.build.is_none() && run.row.status == RunStatus::Success;
    RunRow { made_nothing: without && made_nothing(over_at, ctx.now()), ..run.row }
}

/// The filter without its empty parts; none when a part is something that no run has.
fn which(filter: &BuildFilter) -> Option<Which<'_>> {
    parts(filter).map(|[app, channel, tag, q]| Which { app, channel, tag, q, loose: false, after: None })
}
