//! The worker: looks at what is wanted, gives each environment at most one job at a time, and
//! compares the engines with what is written. A round changes nothing that is as it should be,
//! so it can run as often as something happens.

use super::checks;
use super::clear::clear;
use super::queue::advance;
use super::raise::{Raise, raise};
use super::stop::reap;
use super::survey::{Stale, listen, survey};
use super::upkeep::{self, Upkeep, keep_up};
use crate::ctx::Ctx;
use crate::store::environments::EnvironmentRecord;
use domain::Problem;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A round comes at least so often.
const ROUND: Duration = Duration::from_secs(2);
/// An engine is compared at least so often, and at most so often.
const COMPARE: Duration = Duration::from_secs(15);
const COMPARE_AT_MOST: Duration = Duration::from_millis(500);
/// After a job that did not get through.
const REST: Duration = Duration::from_secs(5);
/// Environments that are brought up at once, and that are taken down at once.
const MOST_JOBS: usize = 16;
/// What one round looks at.
const BITE: i64 = 400;
/// Calls to engines at once that cost them work. More would only wait inside the engine.
const TURNS: usize = 8;

/// Launches, stops and reaps until the instance stops.
pub async fn work(ctx: Ctx) {
    let mut worker = Worker {
        turns: Arc::new(Semaphore::new(TURNS)),
        events: broadcast::channel(256).0,
        stale: Stale::default(),
        jobs: JoinSet::new(),
        names: HashMap::new(),
        going: HashMap::new(),
        rests: HashMap::new(),
        compared: HashMap::new(),
        ears: HashMap::new(),
        ctx,
    };
    while !worker.ctx.work.stop.is_cancelled() {
        if worker.round().await.is_err() {
            // The cause is in the log already; the next round may succeed.
            tracing::warn!("a round over the environments did not get through");
        }
        worker.pause().await;
    }
    worker.ears.values().for_each(|(_, ear)| ear.abort());
    // Jobs hear the same token and end at their next step; what is left is done after the start.
    while worker.jobs.join_next().await.is_some() {}
}

/// What a task of the worker is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Job {
    Raise(EnvironmentId),
    Keep(EnvironmentId),
    Clear(EnvironmentId),
    /// Of one release set of an environment.
    Check(EnvironmentId, i64),
    Compare(String),
    /// Let in who waits.
    Advance,
}

struct Worker {
    ctx: Ctx,
    turns: Arc<Semaphore>,
    events: broadcast::Sender<String>,
    stale: Stale,
    jobs: JoinSet<Result<(), Problem>>,
    names: HashMap<Id, Job>,
    /// With what ends each job early.
    going: HashMap<Job, CancellationToken>,
    rests: HashMap<Job, Instant>,
    compared: HashMap<String, Instant>,
    /// Who listens to each engine, and at which address.
    ears: HashMap<String, (String, AbortHandle)>,
}

impl Worker {
    async fn round(&mut self) -> Result<(), Problem> {
        self.listen();
        reap(&self.ctx).await?;
        let now = Instant::now();
        self.rests.retain(|_, until| *until > now);
        for environment in self.ctx.store.environments_in_work(BITE).await? {
            self.see_to(environment);
        }
        for (check, environment) in checks::due(&self.ctx).await? {
            let (ctx, cancel) = (self.ctx.clone(), self.ctx.work.stop.child_token());
            let (job, until) = (Job::Check(environment.id.clone(), check.generation), cancel.clone());
            let checking =
                async move { until.run_until_cancelled(checks::run(&ctx, &check, &environment)).await.unwrap_or(Ok(())) };
            self.spawn(job, cancel, checking);
        }
        self.compare(now);
        self.advance().await
    }

    /// Lets in who waits, when somebody does and it is not being done.
    async fn advance(&mut self) -> Result<(), Problem> {
        if self.ctx.store.queued().await?.is_empty() {
            return Ok(());
        }
        let ctx = self.ctx.clone();
        let cancel = self.ctx.work.stop.child_token();
        let until = cancel.clone();
        let advancing = async move { until.run_until_cancelled(advance(&ctx)).await.unwrap_or(Ok(())) };
        self.spawn(Job::Advance, cancel, advancing);
        Ok(())
    }

    /// Until something happens.
    async fn pause(&mut self) {
        let pause = if self.stale.is_empty() { ROUND } else { COMPARE_AT_MOST };
        tokio::select! {
            () = self.ctx.work.stop.cancelled() => {}
            () = self.ctx.work.environments.notified() => {}
            () = tokio::time::sleep(pause) => {}
            Some(ended) = self.jobs.join_next_with_id() => {
                let (id, done) = match ended {
                    Ok((id, done)) => (id, done.is_ok()),
                    Err(panicked) => {
                        tracing::error!(%panicked, "a job of an environment broke off");
                        (panicked.id(), false)
                    }
                };
                if let Some(job) = self.names.remove(&id) {
                    self.going.remove(&job);
                    if !done {
                        self.rests.insert(job, Instant::now() + REST);
                    }
                }
            }
        }
    }

    fn see_to(&mut self, environment: EnvironmentRecord) {
        let id = environment.id.clone();
        if environment.state == EnvironmentState::Launching {
            let cancel = self.ctx.work.stop.child_token();
            let job = Raise {
                ctx: self.ctx.clone(),
                environment,
                events: self.events.clone(),
                turns: self.turns.clone(),
                cancel: cancel.clone(),
            };
            self.spawn(Job::Raise(id), cancel, async move { raise(&job).await });
            return;
        }
        if upkeep::is_due(environment.state) {
            let cancel = self.ctx.work.stop.child_token();
            let (ctx, events) = (self.ctx.clone(), self.events.clone());
            let job = Upkeep { ctx, environment, events, cancel: cancel.clone() };
            self.spawn(Job::Keep(id), cancel, async move { keep_up(&job).await });
            return;
        }
        let before = [Job::Raise(id.clone()), Job::Keep(id.clone())];
        if let Some(going) = before.iter().find_map(|job| self.going.get(job)) {
            // It ends the call it is at, so that nothing is made behind the back of the removal.
            going.cancel();
            return;
        }
        let ctx = self.ctx.clone();
        let cancel = self.ctx.work.stop.child_token();
        let until = cancel.clone();
        let clearing = async move { until.run_until_cancelled(clear(&ctx, &environment)).await.unwrap_or(Ok(())) };
        self.spawn(Job::Clear(id), cancel, clearing);
    }

    /// Compares each engine when something happened on it, or when it is time.
    fn compare(&mut self, now: Instant) {
        let applied = self.ctx.config();
        for engine in &applied.config.engines {
            let last = self.compared.get(&engine.name).copied();
            let over = |pause: Duration| last.is_none_or(|last| now.duration_since(last) >= pause);
            let job = Job::Compare(engine.name.clone());
            if self.going.contains_key(&job) || self.rests.contains_key(&job) || !over(COMPARE_AT_MOST) {
                continue;
            }
            if self.stale.take(&engine.name) || over(COMPARE) {
                self.compared.insert(engine.name.clone(), now);
                let (ctx, name) = (self.ctx.clone(), engine.name.clone());
                let cancel = self.ctx.work.stop.child_token();
                let until = cancel.clone();
                let comparing = async move { until.run_until_cancelled(survey(&ctx, &name)).await.unwrap_or(Ok(())) };
                self.spawn(job, cancel, comparing);
            }
        }
    }

    fn spawn(&mut self, job: Job, cancel: CancellationToken, work: impl Future<Output = Result<(), Problem>> + Send + 'static) {
        let same = |other: &&Job| std::mem::discriminant(*other) == std::mem::discriminant(&job);
        let full = self.going.keys().filter(same).count() >= MOST_JOBS;
        if full || self.going.contains_key(&job) || self.rests.contains_key(&job) {
            return;
        }
        let id = self.jobs.spawn(work).id();
        self.names.insert(id, job.clone());
        self.going.insert(job, cancel);
    }

    /// One listener for each engine of the configuration as it is now.
    fn listen(&mut self) {
        let applied = self.ctx.config();
        let engines = &applied.config.engines;
        self.ears.retain(|name, (url, ear)| {
            let stays = engines.iter().any(|engine| engine.name == *name && engine.url == *url);
            if !stays {
                ear.abort();
            }
            stays && !ear.is_finished()
        });
        for engine in engines {
            if !self.ears.contains_key(&engine.name) {
                let ear = listen(self.ctx.clone(), engine.name.clone(), self.stale.clone(), self.events.clone());
                let ear = tokio::spawn(ear).abort_handle();
                self.ears.insert(engine.name.clone(), (engine.url.clone(), ear));
            }
        }
    }
}
