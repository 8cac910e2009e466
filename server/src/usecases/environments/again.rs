//! Launching again what ran before, with everything as it was.

use super::form::asked;
use super::launch::{self, New};
use super::plan::Plan;
use super::queue::{self, Wants};
use super::read::find;
use crate::ctx::Ctx;
use crate::store::internal;
use domain::id::EnvironmentId;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};

/// Launches a new environment with the same builds, variables and services as another one, and
/// gives its id. The stack is the one of then, whatever its file says now.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], or [`Problem::Unreachable`] for the engine.
pub async fn relaunch_environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentId, Problem> {
    actor.require(Action::LaunchEnvironment)?;
    let Some(holder) = actor.person() else { return Err(Problem::Forbidden { action: Action::LaunchEnvironment }) };
    let record = find(ctx, id).await?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    if !record.engine.is_empty() && applied.config.engine(&record.engine).is_none() {
        return Err(Problem::not_found(Noun::Engine, record.engine));
    }
    let mut plan: Plan = serde_json::from_str(&ctx.store.environment_spec(id).await?).map_err(internal)?;
    // The ports were another environment's.
    plan.services.iter_mut().for_each(|planned| planned.published.clear());
    let asked = asked(ctx, id, &record.stack, &record.engine).await?;
    let hours = launch::lease_hours(asked.lease_hours)?;
    let builds = ctx.store.environment_builds(&[id]).await?.remove(id).unwrap_or_default();
    let wants = Wants::new(&applied.config, &record.stack, asked.engine.as_deref());
    let away = queue::greet(ctx, &applied.config, &wants.clone().need(plan.memory_mib())).await?;
    let new = launch::record(ctx, holder, &record.stack, hours);
    launch::write(ctx, actor, New { record: new, holder, plan: &plan, builds, asked: &asked, kept: None, wants, away }).await
}
