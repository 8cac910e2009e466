//! Ending: by hand or by the lease. The state says so first; the worker then removes.

use super::queue;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::{self as rows, EnvironmentRecord};
use crate::store::{internal, queue as line};
use domain::id::EnvironmentId;
use domain::lease::EndReason;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};

/// Leases that one round ends.
const BITE: i64 = 100;

/// Stops an environment: its containers and its network go, its record stays. Stopping one
/// that is stopping already changes nothing.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], or [`Problem::Finished`].
pub async fn stop_environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem> {
    actor.require(Action::StopEnvironment)?;
    let found = ctx.store.environment_record(id).await?;
    let environment = found.ok_or_else(|| Problem::not_found(Noun::Environment, id.as_str()))?;
    if environment.ended_at.is_some() {
        return Err(Problem::Finished { state: environment.state.as_str().to_owned() });
    }
    end(ctx, actor, &environment, EndReason::StoppedByHand).await
}

/// Ends what is overdue, also what came due while Slipway was away.
pub(super) async fn reap(ctx: &Ctx) -> Result<(), Problem> {
    for environment in ctx.store.environments_overdue(ctx.now(), BITE).await? {
        end(ctx, &Actor::Slipway, &environment, EndReason::LeaseEnded).await?;
    }
    Ok(())
}

pub(super) async fn end(ctx: &Ctx, actor: &Actor, environment: &EnvironmentRecord, reason: EndReason) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    let cancelled = queue::waits(environment) && line::cancel(&mut tx, &environment.id, ctx.now()).await?;
    if !cancelled && !rows::set_stopping(&mut tx, &environment.id, reason).await? {
        return Ok(());
    }
    let action = match reason {
        EndReason::StoppedByHand | EndReason::CheckEnded => "environment.stopped",
        EndReason::LeaseEnded => "environment.ended",
    };
    let detail = format!("E-{}: {}, held by {}", environment.number, environment.stack, environment.holder_name);
    let subject = environment.id.as_str();
    ctx.audit(&mut tx, actor, Entry { action, subject_kind: "environment", subject, app: None, detail }).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.environments.notify_one();
    super::tell_state(ctx, &environment.id);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}
