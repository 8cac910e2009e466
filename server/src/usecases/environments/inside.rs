//! Looking inside: what the containers use, what runs in them, and what the engine says about them.

use super::read::{container, find, plan};
use crate::ctx::Ctx;
use crate::engine::containers::Found;
use crate::engine::containers::Host;
use crate::engine::stats::{Measures, Reader};
use crate::store::environments::EnvironmentRecord;
use crate::store::internal;
use app::view::{InspectView, ServiceProcesses, ServiceUsage, UsageView};
use domain::id::EnvironmentId;
use domain::problem::Noun;
use domain::variables::{Layer, Origin, looks_secret};
use domain::{Action, Actor, Problem};
use std::time::Duration;

/// A page does not wait longer for an engine.
const LIVE: Duration = Duration::from_secs(5);
/// Nor longer for a first sample: memory is known by then, the rest comes with the next.
const FIRST: Duration = Duration::from_millis(400);

/// The services of an environment that are measured, in the order of its stack. Nothing is measured
/// once it is dropped.
pub struct Watched(Vec<(String, Option<Reader>)>);

impl Watched {
    /// What is known now.
    pub fn now(&self) -> Vec<ServiceUsage> {
        self.0.iter().map(|(service, reader)| usage_of(service, reader.as_ref().map(Reader::now))).collect()
    }

    /// Waits for one more sample of any of them; for ever when none is measured.
    pub async fn grown(&mut self) {
        let readers: Vec<_> = self.0.iter_mut().filter_map(|(_, reader)| Some(Box::pin(reader.as_mut()?.grown()))).collect();
        if readers.is_empty() {
            return std::future::pending().await;
        }
        futures::future::select_all(readers).await;
    }

    /// Whether nothing more comes: no container runs.
    pub fn ended(&self) -> bool {
        self.0.iter().all(|(_, reader)| reader.as_ref().is_none_or(|reader| reader.now().ended))
    }
}

fn usage_of(service: &str, measures: Option<Measures>) -> ServiceUsage {
    let measured = measures.as_ref().is_some_and(|measures| !measures.ended);
    let Measures { samples, memory, .. } = measures.unwrap_or_default();
    let (memory, memory_limit) = memory.unwrap_or_default();
    ServiceUsage { service: service.to_owned(), measured, memory, memory_limit, samples }
}

/// Begins to measure the running services of an environment.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] also when it has ended; [`Problem::Unreachable`] when the
/// engine does not answer; [`Problem::Busy`] when too much is measured.
pub async fn watch_usage(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<Watched, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let containers = containers(ctx, &record).await?;
    let watched = containers.into_iter().map(|(service, found)| {
        let reader = match found.filter(|(_, found)| found.running) {
            Some((host, found)) => Some(ctx.stats.watch(&host, &found.id)?),
            None => None,
        };
        Ok((service, reader))
    });
    Ok(Watched(watched.collect::<Result<_, Problem>>()?))
}

/// What the services used lately, and use now.
///
/// # Errors
/// As [`watch_usage`], but an engine that does not answer is said in the answer.
pub async fn usage(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<UsageView, Problem> {
    actor.require(Action::Read)?;
    let mut watched = match watch_usage(ctx, actor, id).await {
        Ok(watched) => watched,
        Err(Problem::Unreachable { .. }) => return Ok(UsageView { services: Vec::new(), engine_reachable: false }),
        Err(problem) => return Err(problem),
    };
    let measured = |watched: &Watched| watched.now().iter().all(|usage| !usage.measured || usage.memory > 0);
    let _ = tokio::time::timeout(FIRST, async {
        while !measured(&watched) {
            watched.grown().await;
        }
    })
    .await;
    Ok(UsageView { services: watched.now(), engine_reachable: true })
}

/// What runs in each container of an environment.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] also when it has ended; [`Problem::Unreachable`] when the
/// engine does not answer.
pub async fn processes(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<Vec<ServiceProcesses>, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let containers = containers(ctx, &record).await?;
    let listed = containers.into_iter().map(async |(service, found)| {
        let told = match found.filter(|(_, found)| found.running) {
            Some((host, found)) => host.processes(&found.id).await?,
            None => crate::engine::containers::Processes::default(),
        };
        Ok(ServiceProcesses { service, titles: told.titles, rows: told.rows })
    });
    let all = tokio::time::timeout(LIVE, futures::future::try_join_all(listed)).await;
    all.unwrap_or_else(|_| Err(away(&record)))
}

/// What the engine says about a service's container, as far as it may be shown. Values of variables are
/// shown where they stand in the open: in the stack, at the launch, or in the image.
///
/// # Errors
/// As [`processes`].
pub async fn inspect(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<InspectView, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let plan = plan(ctx, &record).await?;
    let layers = plan.service(service).map(|planned| planned.layers()).unwrap_or_default();
    // Those of apps and regions are for whoever configures them.
    let is_open = |layer: &&Layer| matches!(layer.origin, Origin::Stack | Origin::Launch);
    let open = |name: &str, value: &str| {
        let known = layers.iter().filter(is_open).any(|layer| layer.values.get(name).is_some_and(|known| known == value));
        known && !looks_secret(name, value)
    };
    let asked = tokio::time::timeout(LIVE, async {
        let (host, found) = container(ctx, &record, service).await?;
        Ok((host.shown(&found.id, open).await?, found.service))
    });
    let (shown, service) = asked.await.unwrap_or_else(|_| Err(away(&record)))?;
    let shown = shown.ok_or_else(|| Problem::not_found(Noun::Service, service.clone()))?;
    let json = serde_json::to_string_pretty(&shown).map_err(internal)?;
    Ok(InspectView { service, json })
}

/// The services in the order of the stack, with the containers that are there.
async fn containers(ctx: &Ctx, record: &EnvironmentRecord) -> Result<Vec<(String, Option<(Host, Found)>)>, Problem> {
    if record.ended_at.is_some() {
        return Err(Problem::not_found(Noun::Service, "all"));
    }
    let plan = plan(ctx, record).await?;
    let asked = tokio::time::timeout(LIVE, async {
        let host = ctx.host(&record.engine).await?;
        let found = host.containers(Some(record.id.as_str())).await?;
        Ok((host, found))
    });
    let (host, found) = asked.await.unwrap_or_else(|_| Err(away(record)))?;
    let of = |name: &str| found.iter().find(|container| container.service == name).cloned();
    let pair = |name: String| {
        let found = of(&name).map(|found| (host.clone(), found));
        (name, found)
    };
    Ok(plan.services.into_iter().map(|planned| pair(planned.service.name)).collect())
}

fn away(record: &EnvironmentRecord) -> Problem {
    Problem::Unreachable { what: Noun::Engine, name: record.engine.clone() }
}
