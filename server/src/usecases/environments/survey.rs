//! Comparing an engine with what is written: what should run and does not, and what is there
//! and should not be. Events only say when to compare.

use super::clear::remove;
use super::happenings;
use super::outcome::fail;
use super::plan::Plan;
use super::raise::{Failure, ended, last_lines};
use super::steps::Board;
use super::tell;
use crate::ctx::Ctx;
use crate::engine::containers::{Found, Host};
use crate::store::environments::EnvironmentRecord;
use crate::store::internal;
use domain::Problem;
use domain::id::EnvironmentId;
use futures::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// More than can be alive.
const MOST: i64 = 500;
/// Leftovers that one survey removes.
const BITE: usize = 50;

/// An engine tells of an end a moment before its own lists show it: so long after the last event
/// it is compared again.
const SETTLES: Duration = Duration::from_secs(1);

/// The engines on which something happened, and when, until they were compared afterwards.
#[derive(Clone, Default)]
pub(super) struct Stale(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Stale {
    pub fn mark(&self, engine: &str) {
        self.held().insert(engine.to_owned(), Instant::now());
    }

    /// Whether the engine is to be compared now.
    pub fn take(&self, engine: &str) -> bool {
        let mut held = self.held();
        let Some(marked) = held.get(engine) else { return false };
        if marked.elapsed() >= SETTLES {
            held.remove(engine);
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        self.held().is_empty()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares one engine with the database. What is read first decides: an environment that is
/// written as running had its containers before the engine was asked, and one whose containers
/// the engine lists was written before they were made.
pub(super) async fn survey(ctx: &Ctx, engine: &str) -> Result<(), Problem> {
    let running = ctx.store.environments_running(engine, MOST).await?;
    let host = ctx.host(engine).await?;
    let found = host.containers(None).await?;
    let ground = [host.networks(None).await?, host.volumes(None).await?].concat();
    for environment in &running {
        check(ctx, &host, environment, &found).await?;
    }
    let present = found.iter().map(|container| &container.environment).chain(ground.iter().map(|(_, environment)| environment));
    let present: BTreeSet<&String> = present.filter(|id| running.iter().all(|known| known.id.as_str() != **id)).collect();
    for id in present.into_iter().take(BITE) {
        let record = ctx.store.environment_record(&EnvironmentId(id.clone())).await?;
        // Nothing alive is touched, whatever engine it is written for.
        if record.is_none_or(|record| record.ended_at.is_some()) {
            tracing::warn!(engine, environment = %id, "removing what an ended environment left");
            remove(&host, id).await?;
        }
    }
    Ok(())
}

/// A running environment of which a service is gone or has failed is a failed one.
async fn check(ctx: &Ctx, host: &Host, environment: &EnvironmentRecord, found: &[Found]) -> Result<(), Problem> {
    let plan: Plan = serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)?;
    let mut gone = Vec::new();
    let mut failure = None;
    for planned in plan.lasting() {
        let name = &planned.service.name;
        let is_it = |container: &&Found| container.environment == environment.id.as_str() && container.service == *name;
        let Some(container) = found.iter().find(is_it) else {
            gone.push(name.as_str());
            continue;
        };
        if container.running {
            continue;
        }
        match host.look(&container.id).await? {
            None => gone.push(name),
            Some(look) => {
                if let Some(problem) = ended(planned, &look) {
                    let detail = last_lines(host, &container.id).await;
                    failure = Some(Failure { kind: "start", subject: name.clone(), problem, detail });
                    break;
                }
            }
        }
    }
    if !gone.is_empty() && failure.is_none() {
        let problem = Problem::ServicesGone { services: gone.join(", ") };
        let subject = gone.first().map(|name| (*name).to_owned()).unwrap_or_default();
        failure = Some(Failure { kind: "start", subject, problem, detail: None });
    }
    let Some(failure) = failure else { return Ok(()) };
    let board = Board::read(ctx, &environment.id).await?;
    fail(ctx, environment, &board, failure).await
}

/// Listens to an engine's events until the instance stops: who waits for a health check or
/// looks at a page hears of it at once.
pub(super) async fn listen(ctx: Ctx, engine: String, stale: Stale, events: broadcast::Sender<String>) {
    let mut pause = Duration::from_secs(1);
    let mut seen = ctx.engines_seen.changes();
    while !ctx.work.stop.is_cancelled() {
        if let Ok(host) = ctx.host(&engine).await {
            let since = happenings::since(&ctx, &engine).await;
            let mut happened = std::pin::pin!(host.events(since).ready_chunks(64));
            // What happened while nobody listened is found by comparing.
            wake(&ctx, &engine, &stale);
            ctx.work.tasks.spawn(happenings::catch_up(ctx.clone(), host.clone()));
            while let Some(Some(told)) = ctx.work.stop.run_until_cancelled(happened.next()).await {
                let all = told.len();
                let told: Vec<_> = told.into_iter().map_while(Result::ok).collect();
                if !told.is_empty() {
                    pause = Duration::from_secs(1);
                }
                for event in &told {
                    tell(&ctx, &EnvironmentId(event.environment.clone()));
                    // Nobody waits: not an error.
                    let _ = events.send(event.environment.clone());
                }
                if told.iter().any(|event| event.is_end) {
                    wake(&ctx, &engine, &stale);
                }
                happenings::keep(&ctx, &told).await;
                if told.len() < all {
                    break;
                }
            }
        }
        // The stream ended: somebody looks at once whether the engine is still there.
        ctx.work.engines.notify_waiters();
        tokio::select! {
            () = ctx.work.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_secs(30)),
            // It went, or it came back.
            _ = seen.changed() => pause = Duration::from_secs(1),
        }
    }
}

fn wake(ctx: &Ctx, engine: &str, stale: &Stale) {
    stale.mark(engine);
    ctx.work.environments.notify_one();
}
