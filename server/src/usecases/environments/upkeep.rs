//! The worker's part of freezing, thawing and restarting. Whatever was done before a crash is
//! seen on the engine and not done again.

use super::freeze::Task;
use super::outcome::fail;
use super::plan::{Plan, PlannedService};
use super::raise::{Failure, ended, health_bound, last_lines};
use super::read::Published;
use super::steps::Board;
use super::tell_state;
use crate::ctx::Ctx;
use crate::engine::containers::{Found, Health, Host};
use crate::store::environments::EnvironmentRecord;
use crate::store::{internal, leases as rows};
use domain::Problem;
use domain::lease::EnvironmentState as State;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a service that comes up is looked at when no event comes.
const LOOK: Duration = Duration::from_millis(500);

/// What is to be done with an environment that is there.
pub(super) struct Upkeep {
    pub ctx: Ctx,
    pub environment: EnvironmentRecord,
    /// The ids of environments in which something happened.
    pub events: broadcast::Sender<String>,
    /// The environment is to stop, or Slipway is.
    pub cancel: CancellationToken,
}

enum Stop {
    /// Asked to stop; what is left is done after the next start, or not at all.
    Halted,
    /// The engine is away: it is tried again.
    Again(Problem),
    Failed(Box<Failure>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Stop::Again(problem)
    }
}

/// Does what the environment's task says. An error means that it is to be tried again.
pub(super) async fn keep_up(job: &Upkeep) -> Result<(), Problem> {
    let Upkeep { ctx, environment, .. } = job;
    let Some(task) = Task::of(environment)? else { return Err(internal("there is nothing to be done with it")) };
    let plan: Plan = serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)?;
    let board = Board::read(ctx, &environment.id).await?;
    let over = CancellationToken::new();
    let going = async {
        let outcome = match ctx.host(&environment.engine).await {
            Ok(host) => Work { job, plan: &plan, board: &board, host }.run(&task).await,
            Err(problem) => Err(Stop::Again(problem)),
        };
        over.cancel();
        outcome
    };
    let (outcome, ()) = tokio::join!(going, board.keep(ctx, &over));
    match outcome {
        Ok(after) => settle(job, &board, after).await,
        Err(Stop::Failed(failure)) => fail(ctx, environment, &board, *failure).await,
        Err(Stop::Again(problem)) => Err(problem),
        Err(Stop::Halted) => Ok(()),
    }
}

/// What it is afterwards.
enum After {
    Frozen,
    Running(Vec<Published>),
}

async fn settle(job: &Upkeep, board: &Board, after: After) -> Result<(), Problem> {
    let Upkeep { ctx, environment, .. } = job;
    let mut tx = ctx.store.begin().await?;
    board.write(&mut tx).await?;
    match after {
        After::Frozen => rows::set_frozen(&mut tx, &environment.id).await?,
        After::Running(published) => {
            let links = serde_json::to_string(&published).map_err(internal)?;
            rows::set_up_again(&mut tx, &environment.id, &links).await?
        }
    };
    tx.commit().await.map_err(internal)?;
    tell_state(ctx, &environment.id);
    Ok(())
}

struct Work<'a> {
    job: &'a Upkeep,
    plan: &'a Plan,
    board: &'a Board,
    host: Host,
}

impl Work<'_> {
    async fn run(&self, task: &Task) -> Result<After, Stop> {
        let found = self.host.containers(Some(self.job.environment.id.as_str())).await?;
        match task {
            Task::Freeze { services } => {
                self.freeze(services, &found).await?;
                Ok(After::Frozen)
            }
            Task::Thaw { services } => {
                self.thaw(services, &found).await?;
                Ok(After::Running(self.look_at_all(&found).await?))
            }
            Task::Restart { service, began } => {
                self.restart(service, began.as_deref(), &found).await?;
                Ok(After::Running(self.look_at_all(&found).await?))
            }
        }
    }

    /// Who depends on others goes first; what does not depend on each other goes together.
    async fn freeze(&self, services: &[String], found: &[Found]) -> Result<(), Stop> {
        for wave in self.plan.waves().into_iter().rev() {
            let wave =
                wave.into_iter().map(|planned| planned.service.name.as_str()).filter(|name| services.iter().any(|s| s == name));
            let stops = wave.map(|name| async move {
                self.board.begin("freeze", name, self.job.ctx.now());
                if let Some(container) = found.iter().find(|container| container.service == name) {
                    self.unless_halted(self.host.stop(&container.id)).await??;
                }
                self.board.done("freeze", name, self.job.ctx.now());
                Ok::<_, Stop>(())
            });
            futures::future::try_join_all(stops).await?;
        }
        Ok(())
    }

    async fn thaw(&self, services: &[String], found: &[Found]) -> Result<(), Stop> {
        for wave in self.plan.waves() {
            let wave = wave.into_iter().filter(|planned| services.contains(&planned.service.name));
            let starts = wave.map(|planned| async move {
                let name = planned.service.name.as_str();
                if self.board.is_done("thaw", name) {
                    return Ok::<_, Stop>(());
                }
                self.board.begin("thaw", name, self.job.ctx.now());
                let container = container(found, "thaw", name)?;
                let started = self.unless_halted(self.host.start(&container.id)).await?;
                started.map_err(|problem| self.refused("thaw", name, problem))?;
                self.until_up("thaw", planned, &container.id).await?;
                self.board.done("thaw", name, self.job.ctx.now());
                Ok(())
            });
            futures::future::try_join_all(starts).await?;
        }
        Ok(())
    }

    async fn restart(&self, service: &str, began: Option<&str>, found: &[Found]) -> Result<(), Stop> {
        let Some(planned) = self.plan.service(service) else { return Err(gone("restart", service)) };
        self.board.begin("restart", service, self.job.ctx.now());
        let container = container(found, "restart", service)?;
        let look = self.host.look(&container.id).await?.ok_or_else(|| gone("restart", service))?;
        if look.began.as_deref() == began {
            let restarted = self.unless_halted(self.host.restart(&container.id)).await?;
            restarted.map_err(|problem| self.refused("restart", service, problem))?;
        }
        self.until_up("restart", planned, &container.id).await?;
        self.board.done("restart", service, self.job.ctx.now());
        Ok(())
    }

    /// Until it is healthy, where somebody looks at its health, or has ended well.
    async fn until_up(&self, step: &'static str, planned: &PlannedService, container: &str) -> Result<(), Stop> {
        let name = planned.service.name.as_str();
        let waits = planned.is_checked() || self.plan.is_awaited(name);
        let bound = health_bound(planned);
        let end = Instant::now() + bound;
        let mut events = self.job.events.subscribe();
        loop {
            let look = self.host.look(container).await?.ok_or_else(|| gone(step, name))?;
            if let Some(problem) = ended(planned, &look) {
                return Err(self.failed(step, name, problem, container).await);
            }
            let coming = matches!(look.health, Some(Health::Starting)) && Instant::now() < end;
            match look.health {
                Some(Health::Starting | Health::Unhealthy) if waits && !coming => {
                    let problem = Problem::ServiceUnhealthy { service: name.to_owned(), seconds: bound.as_secs() };
                    return Err(self.failed(step, name, problem, container).await);
                }
                Some(Health::Starting) if waits => {}
                _ => return Ok(()),
            }
            let me = self.job.environment.id.as_str();
            let something = async { while events.recv().await.is_ok_and(|id| id != me) {} };
            self.unless_halted(tokio::time::timeout(LOOK, something)).await?.ok();
        }
    }

    /// Every service once more: whether it runs or has ended well, and which ports it has now.
    async fn look_at_all(&self, found: &[Found]) -> Result<Vec<Published>, Stop> {
        let mut published = Vec::new();
        for planned in self.plan.lasting() {
            let name = planned.service.name.as_str();
            let container = container(found, "start", name)?;
            let look = self.host.look(&container.id).await?.ok_or_else(|| gone("start", name))?;
            if let Some(problem) = ended(planned, &look) {
                return Err(self.failed("start", name, problem, &container.id).await);
            }
            let wanted = look.ports.into_iter().filter(|(port, _)| planned.service.ports.contains(port));
            let link = |(container_port, host_port)| Published { service: name.to_owned(), container_port, host_port };
            published.extend(wanted.map(link));
        }
        Ok(published)
    }

    /// An engine that is away is waited for; one that refuses has refused.
    fn refused(&self, step: &'static str, name: &str, problem: Problem) -> Stop {
        match problem {
            Problem::EngineRefused { .. } => {
                Stop::Failed(Box::new(Failure { kind: step, subject: name.to_owned(), problem, detail: None }))
            }
            away => Stop::Again(away),
        }
    }

    async fn failed(&self, step: &'static str, name: &str, problem: Problem, container: &str) -> Stop {
        let detail = last_lines(&self.host, container).await;
        Stop::Failed(Box::new(Failure { kind: step, subject: name.to_owned(), problem, detail }))
    }

    async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Result<T, Stop> {
        self.job.cancel.run_until_cancelled(future).await.ok_or(Stop::Halted)
    }
}

fn container<'a>(found: &'a [Found], step: &'static str, name: &str) -> Result<&'a Found, Stop> {
    found.iter().find(|container| container.service == name).ok_or_else(|| gone(step, name))
}

fn gone(step: &'static str, name: &str) -> Stop {
    let problem = Problem::ServicesGone { services: name.to_owned() };
    Stop::Failed(Box::new(Failure { kind: step, subject: name.to_owned(), problem, detail: None }))
}

/// Whether an environment in this state has upkeep to be done.
pub(super) const fn is_due(state: State) -> bool {
    matches!(state, State::Freezing | State::Thawing | State::Restarting)
}
