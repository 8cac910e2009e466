//! Bringing an environment up: images, networks, volumes and containers, as much at once as their
//! dependencies allow. Whatever is there already is taken as done.

mod observe;

pub(super) use observe::{ended, health_bound, last_lines};

use super::outcome::{came_up, fail};
use super::plan::{Plan, PlannedService};
use super::publish::{self, Ports};
use super::read::Published;
use super::steps::Board;
use crate::ctx::Ctx;
use crate::engine::PORT_TAKEN;
use crate::engine::containers::{ContainerSpec, Host, Made, Place, Started};
use crate::store::environments::EnvironmentRecord;
use crate::store::internal;
use domain::Problem;
use domain::problem::{Fault, Noun};
use domain::stack::Dependency;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// So long an engine may fail to answer during a launch without being away: one that is away is
/// waited for as long as the lease lasts.
const PATIENCE: Duration = Duration::from_secs(120);
const RETRY: Duration = Duration::from_secs(2);
/// Ports of a service that are tried at most, when others have them.
const MOST_MOVES: usize = 32;

/// One launch, and what it shares with others.
pub(super) struct Raise {
    pub ctx: Ctx,
    pub environment: EnvironmentRecord,
    /// The ids of environments in which something happened.
    pub events: broadcast::Sender<String>,
    /// Calls to engines that cost them work, bounded over all launches.
    pub turns: Arc<Semaphore>,
    /// The environment is to stop, or Slipway is.
    pub cancel: CancellationToken,
}

/// Why a launch did not come up: at which step, and what to show with it.
pub(super) struct Failure {
    pub kind: &'static str,
    pub subject: String,
    pub problem: Problem,
    pub detail: Option<String>,
}

enum Stop {
    /// Asked to stop, or another part of the launch failed.
    Halted,
    Failed(Box<Failure>),
}

/// How far a service is. Others wait for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Waiting,
    Started,
    Healthy,
    /// It was a job, and has ended well.
    Done,
}

/// Brings the environment up and writes how it went. An error means that this could not be
/// written: the launch is then tried again.
pub(super) async fn raise(job: &Raise) -> Result<(), Problem> {
    let Raise { ctx, environment, .. } = job;
    let plan: Plan = serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)?;
    let board = Board::read(ctx, &environment.id).await?;
    let over = CancellationToken::new();
    let going = async {
        let outcome = patiently(job, &plan, &board).await;
        over.cancel();
        outcome
    };
    let (outcome, ()) = tokio::join!(going, board.keep(ctx, &over));
    match outcome {
        Ok(published) => came_up(job, &board, &published).await,
        Err(Stop::Failed(failure)) => fail(ctx, environment, &board, *failure).await,
        Err(Stop::Halted) => Ok(()),
    }
}

/// Tries again while the engine is away.
async fn patiently(job: &Raise, plan: &Plan, board: &Board) -> Result<Vec<Published>, Stop> {
    let mut end = Instant::now() + PATIENCE;
    let mut again = false;
    loop {
        match once(job, plan, board, again).await {
            Err(Stop::Failed(failure)) if is_away(&failure.problem) && (Instant::now() < end || engine_is_away(job)) => {
                again = true;
                if engine_is_away(job) {
                    end = Instant::now() + PATIENCE;
                }
                job.cancel.run_until_cancelled(tokio::time::sleep(RETRY)).await.ok_or(Stop::Halted)?;
            }
            other => return other,
        }
    }
}

fn engine_is_away(job: &Raise) -> bool {
    job.ctx.engines_seen.away_since(&job.environment.engine).is_some()
}

fn is_away(problem: &Problem) -> bool {
    matches!(problem, Problem::Unreachable { what: Noun::Engine, .. })
}

async fn once(job: &Raise, plan: &Plan, board: &Board, again: bool) -> Result<Vec<Published>, Stop> {
    let place = plan.place(job.ctx.instance(), &job.environment);
    let host = job.ctx.host(&job.environment.engine).await.map_err(|problem| failed("network", &place.name(), problem))?;
    let ports = publish::reserve(&job.ctx, &job.environment, plan).await;
    let ports = ports.map_err(|problem| failed("network", &place.name(), problem))?;
    let channel = |service: &PlannedService| (service.service.name.clone(), watch::channel(Stage::Waiting).0);
    let image = |service: &&PlannedService| (service.reference(), watch::channel(None).0);
    let launch = Launch {
        job,
        plan,
        board,
        again,
        host,
        place,
        ports,
        halt: job.cancel.child_token(),
        ground: watch::channel(false).0,
        images: plan.images().iter().map(image).collect(),
        stages: plan.services.iter().map(channel).collect(),
    };
    launch.run().await
}

/// What the parts of one try share.
struct Launch<'a> {
    job: &'a Raise,
    plan: &'a Plan,
    board: &'a Board,
    /// The engine was away meanwhile: what ended then did so with it, and is started again.
    again: bool,
    host: Host,
    place: Place,
    /// The engine's ports by service, where it has a range.
    ports: BTreeMap<String, Ports>,
    /// Cancelled by the first failure: the others end what they are at, and begin nothing new.
    halt: CancellationToken,
    /// Whether networks and volumes are there.
    ground: watch::Sender<bool>,
    /// By reference, the engine's id of the image once it is there.
    images: HashMap<String, watch::Sender<Option<String>>>,
    stages: HashMap<String, watch::Sender<Stage>>,
}

impl Launch<'_> {
    async fn run(&self) -> Result<Vec<Published>, Stop> {
        let mut parts: Vec<BoxFuture<'_, Result<(), Stop>>> = vec![Box::pin(self.make_ground())];
        for image in self.plan.images() {
            parts.push(Box::pin(self.pull(image)));
        }
        for service in self.plan.lasting() {
            parts.push(Box::pin(self.bring_up(service)));
        }
        let halting = parts.into_iter().map(|part| async {
            let done = part.await;
            if done.is_err() {
                self.halt.cancel();
            }
            done
        });
        let mut halted = false;
        for done in futures::future::join_all(halting).await {
            match done {
                Err(Stop::Failed(failure)) => return Err(Stop::Failed(failure)),
                Err(Stop::Halted) => halted = true,
                Ok(()) => {}
            }
        }
        if halted {
            return Err(Stop::Halted);
        }
        let published = self.look_at_all().await?;
        self.drop_old_volumes().await;
        Ok(published)
    }

    async fn pull(&self, image: &PlannedService) -> Result<(), Stop> {
        let words = image.image_words();
        self.board.begin("pull", &words, self.job.ctx.now());
        let (registry, say) = (self.job.ctx.registry(), |detail| self.board.say("pull", &words, detail));
        let pulled = self.unless_halted(self.host.ensure_image(&registry, &image.image, &image.digest, say)).await?;
        let found = pulled.map_err(|problem| failed("pull", &words, problem))?;
        self.job.ctx.registries.learn(&image.digest, found.variables);
        self.board.done("pull", &words, self.job.ctx.now());
        if let Some(ready) = self.images.get(&image.reference()) {
            ready.send_replace(Some(found.id));
        }
        Ok(())
    }

    /// Networks and volumes.
    async fn make_ground(&self) -> Result<(), Stop> {
        let now = || self.job.ctx.now();
        for network in self.plan.networks() {
            let name = self.place.network(&network.name);
            self.board.begin("network", &name, now());
            let made = self.host.ensure_network(&self.place, &network).await;
            made.map_err(|problem| failed("network", &name, problem))?;
            self.board.done("network", &name, now());
        }
        for volume in &self.plan.volumes {
            let name = self.place.volume(volume);
            self.board.begin("volume", &name, now());
            self.host.ensure_volume(&self.place, volume).await.map_err(|problem| failed("volume", &name, problem))?;
            self.board.done("volume", &name, now());
        }
        self.ground.send_replace(true);
        Ok(())
    }

    /// Removes the volumes of earlier release sets. One that does not go now goes with the environment.
    async fn drop_old_volumes(&self) {
        if self.place.volumes_of > 0 {
            let kept: Vec<String> = self.plan.volumes.iter().map(|volume| self.place.volume(volume)).collect();
            if let Err(problem) = self.host.remove_volumes_but(&self.place.environment, &kept).await {
                tracing::info!(environment = %self.place.environment, %problem, "an old volume stays until the environment ends");
            }
        }
    }

    async fn bring_up(&self, planned: &PlannedService) -> Result<(), Stop> {
        let (name, ctx) = (planned.service.name.as_str(), &self.job.ctx);
        let image = self.images.get(&planned.reference()).ok_or(Stop::Halted)?;
        let image_id = self.wait(image, Option::is_some).await?.unwrap_or_default();
        let mut ports = planned.published.clone();
        ports.extend(self.ports.get(name).into_iter().flatten());
        let container = self.create(planned, &image_id, &ports).await?;
        self.wait(&self.ground, |made| *made).await?;
        for dependency in &planned.service.depends_on {
            let wanted = match dependency {
                Dependency { completed: true, .. } => Stage::Done,
                Dependency { healthy: true, .. } => Stage::Healthy,
                _ => Stage::Started,
            };
            let stage = self.stages.get(&dependency.service).ok_or(Stop::Halted)?;
            self.wait(stage, |stage| *stage >= wanted).await?;
        }
        self.board.begin("start", name, ctx.now());
        let container = self.start(planned, container, &image_id, ports).await?;
        self.reach(name, Stage::Started);
        if planned.is_checked() || self.plan.is_awaited(name) {
            self.board.begin("health", name, ctx.now());
            self.until_healthy(planned, &container).await?;
            self.board.done("health", name, ctx.now());
        }
        self.reach(name, Stage::Healthy);
        if self.plan.is_job(name) {
            self.board.begin("finish", name, ctx.now());
            self.until_done(planned, &container).await?;
            self.board.done("finish", name, ctx.now());
            self.reach(name, Stage::Done);
        }
        Ok(())
    }

    /// Makes the container while the network is still being made, which engines allow: it is
    /// needed for the start. An engine that does not allow it is asked again afterwards.
    async fn create(&self, planned: &PlannedService, image_id: &str, ports: &Ports) -> Result<Made, Stop> {
        let (name, now) = (planned.service.name.as_str(), || self.job.ctx.now());
        let spec = ContainerSpec { published: ports.clone(), ..planned.container(&self.place) };
        // A volume that is not there the engine would make by itself, and nobody's.
        if !spec.mounts.is_empty() {
            self.wait(&self.ground, |made| *made).await?;
        }
        let turn = self.turn().await?;
        self.board.begin("create", name, now());
        if self.replaces() {
            self.host.retire(&spec).await.map_err(|problem| failed("create", name, problem))?;
        }
        let mut made = self.host.ensure_container(&spec, image_id).await;
        drop(turn);
        if made.is_err() && !*self.ground.borrow() {
            self.wait(&self.ground, |made| *made).await?;
            made = self.host.ensure_container(&spec, image_id).await;
        }
        let made = made.map_err(|problem| failed("create", name, problem))?;
        self.board.done("create", name, now());
        Ok(made)
    }

    /// Whether this is not the first release set, so that containers of another may be there.
    fn replaces(&self) -> bool {
        self.job.environment.generation > 1
    }

    /// Starts what was not started yet, and what had failed after a replacement or while the engine
    /// was away; gives the container that runs then. Ports that somebody else on the machine has are
    /// given up for others.
    async fn start(&self, planned: &PlannedService, container: Made, image_id: &str, ports: Ports) -> Result<String, Stop> {
        let name = planned.service.name.as_str();
        let as_failed = |problem| failed("start", name, problem);
        let (mut container, mut ports, mut foreign) = (container, ports, BTreeSet::new());
        let mut is_due = container.is_new;
        if !is_due && (self.replaces() || self.again) {
            let look = self.host.look(&container.id).await.map_err(as_failed)?;
            is_due = look.is_some_and(|look| ended(planned, &look).is_some());
        }
        if is_due {
            while let Started::PortTaken(which) = self.start_in_turn(&container.id).await?.map_err(as_failed)? {
                ports = self.other_ports(planned, &ports, which, &mut foreign).await?;
                self.board.say("start", name, moved_words(&foreign, &ports));
                // It was never started: another one takes its place, under the same name.
                self.host.remove_container(&container.id).await.map_err(as_failed)?;
                container = self.create(planned, image_id, &ports).await?;
            }
        }
        if foreign.is_empty() {
            self.board.done("start", name, self.job.ctx.now());
        } else {
            self.board.done_saying("start", name, moved_words(&foreign, &ports), self.job.ctx.now());
        }
        Ok(container.id)
    }

    async fn start_in_turn(&self, container: &str) -> Result<Result<Started, Problem>, Stop> {
        let _turn = self.turn().await?;
        Ok(self.host.start_published(container).await)
    }

    /// The ports of a service without those that something else has, which are then among `foreign`.
    async fn other_ports(
        &self,
        planned: &PlannedService,
        ports: &Ports,
        which: Option<u16>,
        foreign: &mut BTreeSet<u16>,
    ) -> Result<Ports, Stop> {
        let name = planned.service.name.as_str();
        let before = foreign.len();
        match which.filter(|port| ports.values().any(|number| number == port)) {
            Some(port) => foreign.extend([port]),
            None => foreign.extend(ports.values()),
        }
        // Nothing left to move to, or the engine chose the port itself.
        if foreign.len() == before || foreign.len() > MOST_MOVES {
            let why = Fault::Refused { reason: PORT_TAKEN.to_owned() };
            return Err(failed("start", name, Problem::EngineRefused { why }));
        }
        if !self.ports.contains_key(name) {
            // It has no range: the engine chooses.
            return Ok(Ports::new());
        }
        let moved = publish::move_on(&self.job.ctx, &self.job.environment, planned, ports, foreign).await;
        moved.map_err(|problem| failed("start", name, problem))
    }

    fn reach(&self, name: &str, stage: Stage) {
        if let Some(sender) = self.stages.get(name) {
            sender.send_replace(stage);
        }
    }

    async fn wait<T: Clone>(&self, what: &watch::Sender<T>, ready: impl FnMut(&T) -> bool) -> Result<T, Stop> {
        let mut changes = what.subscribe();
        let waited = self.unless_halted(changes.wait_for(ready)).await?;
        waited.map(|value| value.clone()).map_err(|_| Stop::Halted)
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Stop> {
        self.unless_halted(self.job.turns.acquire()).await?.map_err(|_| Stop::Halted)
    }

    async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Result<T, Stop> {
        self.halt.run_until_cancelled(future).await.ok_or(Stop::Halted)
    }
}

fn moved_words(foreign: &BTreeSet<u16>, ports: &Ports) -> String {
    let list = |ports: &mut dyn Iterator<Item = &u16>| ports.map(u16::to_string).collect::<Vec<_>>().join(", ");
    let now = if ports.is_empty() { "another that the engine chooses".to_owned() } else { list(&mut ports.values()) };
    format!("{} taken by something else on the machine; published on {now}", list(&mut foreign.iter()))
}

fn failed(kind: &'static str, subject: &str, problem: Problem) -> Stop {
    failed_with(kind, subject, problem, None)
}

fn failed_with(kind: &'static str, subject: &str, problem: Problem, detail: Option<String>) -> Stop {
    Stop::Failed(Box::new(Failure { kind, subject: subject.to_owned(), problem, detail }))
}
