//! One region closely: its nodes and tasks as the Swarm says them now, and what was done there.

use super::board::{Board, column};
use super::plans;
use crate::ctx::Ctx;
use crate::engine::swarm::{Inside, Swarm, Which};
use crate::store::regions::PastRollout;
use crate::store::{Cursor, missing, page_of, page_size};
use crate::usecases::people::password_needed;
use app::view::{Page, Paging, RegionPast, RegionService, RegionView, TaskView};
use domain::config::RegionConfig;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};

/// Everything about one region. It is looked at now; where it does not answer, what was last seen
/// of its services stands there, and why.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn region(ctx: &Ctx, actor: &Actor, name: &str) -> Result<RegionView, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    let region = config.region(name).ok_or_else(|| missing(Noun::Region, name))?;
    let (inside, problem) = match look(ctx, region).await {
        Ok(inside) => (inside, None),
        Err(problem) => (Inside::default(), Some(problem)),
    };
    let Inside { nodes, mut tasks } = inside;
    let mut board = Board::of(ctx).await?;
    let mut services = Vec::with_capacity(config.apps.len());
    for app in &config.apps {
        let own = tasks.remove(&(app.name.clone(), Which::Main)).unwrap_or_default();
        let canary = tasks.remove(&(app.name.clone(), Which::Canary)).unwrap_or_default();
        services.push(RegionService {
            app: app.name.clone(),
            port: app.production_port().ok().flatten(),
            cell: board.cell(app, region).await?,
            restarts: restarts(&own),
            tasks: own,
            canary_restarts: restarts(&canary),
            canary_tasks: canary,
        });
    }
    let plans = plans::plans(ctx, actor).await?;
    Ok(RegionView {
        column: column(ctx, config, region),
        address: region.address.clone(),
        problem,
        nodes,
        services,
        plans: plans.into_iter().filter(|plan| plan.regions.iter().any(|region| region.name == name)).collect(),
        password_needed: password_needed(ctx, actor),
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
    })
}

fn restarts(tasks: &[TaskView]) -> u32 {
    u32::try_from(tasks.iter().filter(|task| failed(task)).count()).unwrap_or(u32::MAX)
}

/// Whether it ended otherwise than because it was asked to.
fn failed(task: &TaskView) -> bool {
    matches!(task.state.as_str(), "failed" | "rejected" | "complete")
}

async fn look(ctx: &Ctx, region: &RegionConfig) -> Result<Inside, Problem> {
    let looked = async { Swarm::reach(&ctx.engines, region, ctx.instance()).await?.inside().await };
    looked.await.map_err(|trouble| {
        tracing::debug!(region = %region.name, ?trouble, "a region cannot be looked at");
        Problem::Unreachable { what: Noun::Region, name: region.name.clone() }
    })
}

/// The rollouts that began in a region, newest first.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for a region that is not configured;
/// [`Problem::Invalid`] for a cursor that was not given out.
pub async fn history(ctx: &Ctx, actor: &Actor, region: &str, paging: Paging) -> Result<Page<RegionPast>, Problem> {
    actor.require(Action::Read)?;
    ctx.config().config.region(region).ok_or_else(|| missing(Noun::Region, region))?;
    let after = Cursor::parse(paging.cursor.as_deref())?;
    let size = page_size(paging.limit);
    let rows = ctx.store.history(region, &after, size).await?;
    let page = page_of(rows, size, |row| Cursor::text(row.started_at, row.id.as_str()));
    Ok(Page { items: page.items.into_iter().map(past).collect(), next: page.next })
}

fn past(row: PastRollout) -> RegionPast {
    RegionPast {
        promotion: row.promotion,
        number: row.number,
        kind: row.kind,
        app: row.app,
        digest: row.digest,
        tag: row.tag,
        state: row.state,
        requested_by: row.requested_by,
        started_by: row.started_by,
        reason: row.reason,
        started_at: row.started_at,
        ended_at: row.ended_at,
        failure: row.failure,
    }
}
