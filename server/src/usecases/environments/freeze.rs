//! Freezing, thawing, and restarting a service: what is wanted is written down with its steps,
//! and the worker does it.

use super::lease::{begin, finish};
use super::plan::Plan;
use crate::ctx::Ctx;
use crate::engine::containers::Found;
use crate::store::environments::{EnvironmentRecord, StepRecord};
use crate::store::{internal, leases as rows};
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState as State;
use domain::problem::Noun;
use domain::promotion::StepState;
use domain::{Action, Actor, Problem};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The engine is looked at first; this long it may take.
const LOOK: Duration = Duration::from_secs(5);

/// What is being done with an environment beside its launch and its end, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Task {
    /// The services that ran when it was frozen; the same are started again.
    Freeze {
        services: Vec<String>,
    },
    Thaw {
        services: Vec<String>,
    },
    /// `began` is when the engine last started it: one that began at another time was restarted already.
    Restart {
        service: String,
        began: Option<String>,
    },
}

impl Task {
    /// What is being done with this environment.
    pub fn of(environment: &EnvironmentRecord) -> Result<Option<Self>, Problem> {
        environment.task.as_deref().map(serde_json::from_str).transpose().map_err(internal)
    }
}

/// Stops all services of an environment and keeps them for a look later: the lease goes on, logs
/// stay readable, ports answer no more. One that is frozen, or is being frozen, stays as it is.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], [`Problem::NotTheHolder`], [`Problem::Finished`];
/// [`Problem::NotNow`] while something else is being done with it; [`Problem::Unreachable`].
pub async fn freeze_environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem> {
    actor.require(Action::KeepEnvironment)?;
    let seen = find(ctx, id).await?;
    // Nothing is asked of the engine for what will be refused, or is so already.
    let running = if matches!(seen.state, State::Running | State::Failed) { running(ctx, &seen).await? } else { Vec::new() };
    let (mut tx, environment, _) = begin(ctx, actor, id).await?;
    if matches!(environment.state, State::Freezing | State::Frozen) {
        return Ok(());
    }
    require(&environment, &[State::Running, State::Failed])?;
    let plan = plan(ctx, &environment).await?;
    let services: Vec<String> = plan.waves().into_iter().rev().flatten().map(|planned| planned.service.name.clone()).collect();
    let services: Vec<String> = services.into_iter().filter(|name| running.contains(name)).collect();
    let steps: Vec<StepRecord> = services.iter().map(|name| waiting("freeze", name)).collect();
    let task = Task::Freeze { services };
    rows::set_task(&mut tx, id, State::Freezing, &serde_json::to_string(&task).map_err(internal)?, &steps).await?;
    finish(ctx, tx, actor, &environment, "environment.frozen", words(&environment)).await
}

/// Starts the services of a frozen environment again, in the order of their dependencies.
///
/// # Errors
/// As [`freeze_environment`].
pub async fn thaw_environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem> {
    actor.require(Action::KeepEnvironment)?;
    let (mut tx, environment, _) = begin(ctx, actor, id).await?;
    if environment.state == State::Thawing {
        return Ok(());
    }
    require(&environment, &[State::Frozen])?;
    let Some(Task::Freeze { services }) = Task::of(&environment)? else {
        return Err(internal("a frozen environment does not say what ran in it"));
    };
    let services: Vec<String> = services.into_iter().rev().collect();
    let steps: Vec<StepRecord> = services.iter().map(|name| waiting("thaw", name)).collect();
    let task = serde_json::to_string(&Task::Thaw { services }).map_err(internal)?;
    rows::set_task(&mut tx, id, State::Thawing, &task, &steps).await?;
    finish(ctx, tx, actor, &environment, "environment.thawed", words(&environment)).await
}

/// Restarts one service: the same container, the same volumes. It also brings back a service that
/// ended, and with it a failed environment.
///
/// # Errors
/// As [`freeze_environment`]; [`Problem::NotFound`] for a service that has no container.
pub async fn restart_service(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<(), Problem> {
    actor.require(Action::KeepEnvironment)?;
    let seen = find(ctx, id).await?;
    let began = if matches!(seen.state, State::Running | State::Failed) { began(ctx, &seen, service).await? } else { None };
    let (mut tx, environment, _) = begin(ctx, actor, id).await?;
    require(&environment, &[State::Running, State::Failed])?;
    let task = serde_json::to_string(&Task::Restart { service: service.to_owned(), began }).map_err(internal)?;
    rows::set_task(&mut tx, id, State::Restarting, &task, &[waiting("restart", service)]).await?;
    let detail = format!("E-{}: {service}", environment.number);
    finish(ctx, tx, actor, &environment, "environment.service_restarted", detail).await
}

async fn find(ctx: &Ctx, id: &EnvironmentId) -> Result<EnvironmentRecord, Problem> {
    let found = ctx.store.environment_record(id).await?;
    found.ok_or_else(|| Problem::not_found(Noun::Environment, id.as_str()))
}

async fn plan(ctx: &Ctx, environment: &EnvironmentRecord) -> Result<Plan, Problem> {
    serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)
}

fn require(environment: &EnvironmentRecord, states: &[State]) -> Result<(), Problem> {
    if states.contains(&environment.state) { Ok(()) } else { Err(Problem::NotNow { state: environment.state }) }
}

/// The containers of an environment, within the time that a person waits.
async fn containers(ctx: &Ctx, environment: &EnvironmentRecord) -> Result<Vec<Found>, Problem> {
    let asked = async { ctx.host(&environment.engine).await?.containers(Some(environment.id.as_str())).await };
    let away = || Problem::Unreachable { what: Noun::Engine, name: environment.engine.clone() };
    tokio::time::timeout(LOOK, asked).await.unwrap_or_else(|_| Err(away()))
}

async fn running(ctx: &Ctx, environment: &EnvironmentRecord) -> Result<Vec<String>, Problem> {
    let found = containers(ctx, environment).await?;
    Ok(found.into_iter().filter(|container| container.running).map(|container| container.service).collect())
}

/// When the engine last started a service.
async fn began(ctx: &Ctx, environment: &EnvironmentRecord, service: &str) -> Result<Option<String>, Problem> {
    let gone = || Problem::not_found(Noun::Service, service.chars().take(64).collect::<String>());
    let found = containers(ctx, environment).await?;
    let container = found.into_iter().find(|container| container.service == service).ok_or_else(gone)?;
    let look = ctx.host(&environment.engine).await?.look(&container.id).await?.ok_or_else(gone)?;
    Ok(look.began)
}

fn waiting(kind: &str, subject: &str) -> StepRecord {
    let subject = subject.to_owned();
    StepRecord { kind: kind.to_owned(), subject, state: StepState::Waiting, started_at: None, ended_at: None, detail: None }
}

fn words(environment: &EnvironmentRecord) -> String {
    format!("E-{}: {}, held by {}", environment.number, environment.stack, environment.holder_name)
}
