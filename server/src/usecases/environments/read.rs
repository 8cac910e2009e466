//! Looking at environments: what is kept of them, and what the engine says now.

use super::checks::checks_in;
use super::lease::may_keep;
use super::plan::{Plan, PlannedService};
use super::queue;
use super::variables;
use crate::ctx::Ctx;
use crate::engine::containers::{Found, Host, Look};
use crate::store::environments::{EnvironmentRecord, StepRecord};
use crate::store::{Cursor, internal, page_size};
use crate::usecases::proxy;
use app::view::{EnvironmentBuild, EnvironmentRow, EnvironmentView, Page, Paging, PortLink, ServiceStatus, StepView};
use domain::checklist::ChecklistItem;
use domain::config::Config;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::{self, EnvironmentState};
use domain::problem::Noun;
use domain::proxied::Door;
use domain::{Action, Actor, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A page does not wait longer for an engine.
const LIVE: Duration = Duration::from_secs(2);
/// Release sets that are shown of one environment.
const MOST_SETS: i64 = 50;

/// A port as it is kept with the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Published {
    pub service: String,
    pub container_port: u16,
    /// On the engine's machine.
    pub host_port: u16,
}

/// One page of environments, newest first; with `all` also those that have ended.
///
/// # Errors
/// [`Problem::Forbidden`], or [`Problem::Invalid`] for a cursor that was not given out.
pub async fn environments(ctx: &Ctx, actor: &Actor, all: bool, paging: Paging) -> Result<Page<EnvironmentRow>, Problem> {
    actor.require(Action::Read)?;
    let limit = page_size(paging.limit);
    let after = Cursor::parse(paging.cursor.as_deref())?;
    let mut records = ctx.store.environment_page(all, &after, limit + 1).await?;
    let more = i64::try_from(records.len()).is_ok_and(|found| found > limit);
    if more {
        records.pop();
    }
    let next = records.last().filter(|_| more).map(|last| Cursor::text(last.created_at, last.id.as_str()));
    Ok(Page { items: rows(ctx, records).await?, next })
}

/// The number of an environment and the builds that it runs now, that under test first.
///
/// # Errors
/// [`Problem::NotFound`].
pub(crate) async fn runs_now(ctx: &Ctx, id: &EnvironmentId) -> Result<(i64, Vec<EnvironmentBuild>), Problem> {
    let record = find(ctx, id).await?;
    let builds = ctx.store.environment_builds(&[&record.id]).await?.remove(&record.id);
    Ok((record.number, builds.unwrap_or_default()))
}

/// Environments that were launched with a build, newest first, at most 50.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<Vec<EnvironmentRow>, Problem> {
    actor.require(Action::Read)?;
    let records = ctx.store.environments_of_build(build, 50).await?;
    rows(ctx, records).await
}

/// Running environments in which a build of `app` could be replaced by this one, newest first, at most 20.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn replaceable(ctx: &Ctx, actor: &Actor, app: &str, build: &BuildId) -> Result<Vec<EnvironmentRow>, Problem> {
    actor.require(Action::Read)?;
    let records = ctx.store.environments_with_other(app, build, 20).await?;
    rows(ctx, records).await
}

/// Everything about one environment, with its services as the engine sees them now.
///
/// # Errors
/// [`Problem::Forbidden`] or [`Problem::NotFound`].
pub async fn environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentView, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let steps = ctx.store.environment_steps(id).await?;
    let variables = variables::shown(ctx, &plan(ctx, &record).await?.services);
    let (services, engine_reachable) = services(ctx, &record).await?;
    let failure = record.failure.as_deref().map(serde_json::from_str).transpose().map_err(internal)?;
    let holder = record.holder.clone();
    let may = may(actor, &record);
    let keeps = may.contains(&Action::KeepEnvironment);
    let total = ctx.config().config.environments.most_hours();
    let lease_room = if record.ended_at.is_none() { lease::room(record.begun_at, record.lease_ends_at, total) } else { 0 };
    let mut hand_to = if keeps { ctx.store.launchers().await? } else { Vec::new() };
    hand_to.retain(|name| *name != record.holder_name);
    let row = rows(ctx, vec![record]).await?.pop().ok_or_else(|| Problem::not_found(Noun::Environment, id.as_str()))?;
    let checklist = checklist(&ctx.config().config, &row);
    Ok(EnvironmentView {
        row,
        holder,
        steps: steps.into_iter().map(step).collect(),
        services,
        engine_reachable,
        failure,
        variables,
        sets: ctx.store.environment_sets(id, MOST_SETS).await?,
        checks: checks_in(ctx, id).await?,
        checklist,
        lease_room,
        hand_to,
        may,
    })
}

/// The test plan of the app that the environment was launched for.
fn checklist(config: &Config, row: &EnvironmentRow) -> Vec<ChecklistItem> {
    let app = row.builds.iter().find(|build| build.under_test).and_then(|build| config.app(&build.app));
    app.map(|app| app.checklist.clone()).unwrap_or_default()
}

fn may(actor: &Actor, record: &EnvironmentRecord) -> Vec<Action> {
    let all =
        [Action::LaunchEnvironment, Action::OpenShell, Action::RecordVerdict, Action::StopEnvironment, Action::KeepEnvironment];
    let here = |action: &Action| match action {
        Action::StopEnvironment => actor.may(*action) && record.state.can_stop(),
        Action::OpenShell => actor.may(*action) && record.ended_at.is_none(),
        Action::KeepEnvironment => may_keep(actor, record),
        _ => actor.may(*action),
    };
    all.into_iter().filter(here).collect()
}

pub(super) async fn find(ctx: &Ctx, id: &EnvironmentId) -> Result<EnvironmentRecord, Problem> {
    let found = ctx.store.environment_record(id).await?;
    found.ok_or_else(|| Problem::not_found(Noun::Environment, id.as_str()))
}

pub(super) async fn plan(ctx: &Ctx, record: &EnvironmentRecord) -> Result<Plan, Problem> {
    serde_json::from_str(&ctx.store.environment_spec(&record.id).await?).map_err(internal)
}

pub(super) async fn planned(ctx: &Ctx, record: &EnvironmentRecord, service: &str) -> Result<bool, Problem> {
    Ok(plan(ctx, record).await?.service(service).is_some())
}

/// A service's container, found by its labels, never by what the reader wrote.
pub(super) async fn container(ctx: &Ctx, record: &EnvironmentRecord, service: &str) -> Result<(Host, Found), Problem> {
    let gone = || Problem::not_found(Noun::Service, service.chars().take(64).collect::<String>());
    if record.ended_at.is_some() {
        return Err(gone());
    }
    let host = ctx.host(&record.engine).await?;
    let found = host.containers(Some(record.id.as_str())).await?;
    let found = found.into_iter().find(|container| container.service == service).ok_or_else(gone)?;
    Ok((host, found))
}

/// The services as the engine sees them, or as last known; and whether it answered.
async fn services(ctx: &Ctx, record: &EnvironmentRecord) -> Result<(Vec<ServiceStatus>, bool), Problem> {
    if record.ended_at.is_some() {
        return Ok((Vec::new(), true));
    }
    let plan = plan(ctx, record).await?;
    let seen = tokio::time::timeout(LIVE, ctx.looks.share(&record.id, look_at(ctx, record, &plan))).await;
    if let Ok(Ok(services)) = seen {
        return Ok((services, true));
    }
    let unknown = || plan.services.iter().map(|planned| status(planned, None, "unknown")).collect();
    Ok((ctx.looks.last(&record.id).unwrap_or_else(unknown), false))
}

async fn look_at(ctx: &Ctx, record: &EnvironmentRecord, plan: &Plan) -> Result<Vec<ServiceStatus>, Problem> {
    let host = ctx.host(&record.engine).await?;
    let found = host.containers(Some(record.id.as_str())).await?;
    let looks = plan.services.iter().map(|planned| {
        let container = found.iter().find(|container| container.service == planned.service.name);
        let host = &host;
        async move {
            match container {
                Some(container) => host.look(&container.id).await,
                None => Ok(None),
            }
        }
    });
    let looks = futures::future::try_join_all(looks).await?;
    // Before and after its life a container is not missing, it is just not there.
    let may_be_absent =
        matches!(record.state, EnvironmentState::Queued | EnvironmentState::Launching | EnvironmentState::Stopping);
    let absent_is_fine = |planned: &PlannedService| may_be_absent || plan.is_check(&planned.service.name);
    let present = plan.services.iter().zip(looks).filter(|(planned, look)| look.is_some() || !absent_is_fine(planned));
    Ok(present.map(|(planned, look)| status(planned, look, "missing")).collect())
}

fn status(planned: &PlannedService, look: Option<Look>, otherwise: &str) -> ServiceStatus {
    let state = look.as_ref().map(|look| match look.exit_code {
        Some(code) => format!("{} ({code})", look.state),
        None => look.state.clone(),
    });
    ServiceStatus {
        name: planned.service.name.clone(),
        image: planned.image_words(),
        state: state.unwrap_or_else(|| otherwise.to_owned()),
        health: look.as_ref().and_then(|look| look.health).map(|health| health.as_str().to_owned()),
        restarts: look.map_or(0, |look| look.restarts),
    }
}

pub(super) async fn rows(ctx: &Ctx, records: Vec<EnvironmentRecord>) -> Result<Vec<EnvironmentRow>, Problem> {
    let ids: Vec<&EnvironmentId> = records.iter().map(|record| &record.id).collect();
    let mut builds = ctx.store.environment_builds(&ids).await?;
    let waits = records.iter().any(|record| record.state == EnvironmentState::Queued);
    let mut line = if waits { queue::line(ctx).await? } else { BTreeMap::new() };
    let row = |record: EnvironmentRecord| {
        let builds = builds.remove(&record.id).unwrap_or_default();
        let away = ctx.engines_seen.away_since(&record.engine).filter(|_| record.ended_at.is_none());
        let place = line.remove(&record.id);
        Ok(EnvironmentRow { engine_away_since: away, queue: place, ..row(ctx, record, builds)? })
    };
    records.into_iter().map(row).collect()
}

fn ends_soon(ctx: &Ctx, record: &EnvironmentRecord) -> bool {
    let warn = ctx.config().config.environments.warn_minutes();
    let counts = record.ended_at.is_none() && record.state != EnvironmentState::Queued;
    counts && lease::ends_soon(record.lease_ends_at, ctx.now(), warn)
}

fn row(ctx: &Ctx, record: EnvironmentRecord, builds: Vec<EnvironmentBuild>) -> Result<EnvironmentRow, Problem> {
    let published: Vec<Published> = serde_json::from_str(&record.links).map_err(internal)?;
    // What has ended has no links.
    let links = if record.ended_at.is_none() { links(ctx, &record, published) } else { Vec::new() };
    Ok(EnvironmentRow {
        links,
        queue: None,
        ends_soon: ends_soon(ctx, &record),
        id: record.id,
        number: record.number,
        generation: record.generation,
        stack: record.stack,
        engine: record.engine,
        state: record.state,
        builds,
        holder_name: record.holder_name,
        created_at: record.created_at,
        lease_ends_at: record.lease_ends_at,
        ended_at: record.ended_at,
        end_reason: record.end_reason,
        engine_away_since: None,
    })
}

/// Through the proxy where there is one, and at the engine where browsers reach it; what is reached
/// neither way has no link.
fn links(ctx: &Ctx, record: &EnvironmentRecord, published: Vec<Published>) -> Vec<PortLink> {
    let applied = ctx.config();
    let engine = applied.config.engine(&record.engine).filter(|engine| !engine.private);
    let address = engine.map(|engine| engine.address.as_str());
    let door = |port: &Published| Door { service: port.service.clone(), port: port.container_port };
    let doors: Vec<Door> = published.iter().map(door).collect();
    let link = |port: Published| {
        let direct = address.map(|address| url(address, port.host_port));
        let proxied = proxy::link(ctx, record.number, &door(&port), &doors);
        let at_engine = direct.clone().filter(|_| proxied.is_some());
        Some(PortLink { url: proxied.or(direct)?, direct: at_engine, service: port.service, container_port: port.container_port })
    };
    published.into_iter().filter_map(link).collect()
}

fn url(address: &str, port: u16) -> String {
    if address.contains(':') && !address.starts_with('[') {
        return format!("http://[{address}]:{port}");
    }
    format!("http://{address}:{port}")
}

fn step(record: StepRecord) -> StepView {
    StepView {
        kind: record.kind,
        subject: record.subject,
        state: record.state,
        started_at: record.started_at,
        ended_at: record.ended_at,
        detail: record.detail,
    }
}
