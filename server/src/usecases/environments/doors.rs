//! What an environment publishes: as it was planned, and where the engine has it now.

use super::read::{container, plan};
use crate::ctx::Ctx;
use crate::store::environments::EnvironmentRecord;
use domain::Problem;
use domain::problem::Noun;
use domain::proxied::Door;
use std::time::Duration;

/// Nobody who opens a page waits longer for an engine.
const ASKED: Duration = Duration::from_secs(5);

/// The ports that its services publish, as they were planned at launch.
///
/// # Errors
/// [`Problem::Internal`].
pub(crate) async fn doors(ctx: &Ctx, environment: &EnvironmentRecord) -> Result<Vec<Door>, Problem> {
    let plan = plan(ctx, environment).await?;
    let doors = plan.services.iter().flat_map(|planned| {
        let service = &planned.service;
        service.ports.iter().map(|port| Door { service: service.name.clone(), port: *port })
    });
    Ok(doors.collect())
}

/// The number on the engine's machine that leads to a door, read off the environment's own container;
/// nothing while the container does not run.
///
/// # Errors
/// [`Problem::Unreachable`] when the engine does not answer.
pub(crate) async fn published_at(ctx: &Ctx, environment: &EnvironmentRecord, door: &Door) -> Result<Option<u16>, Problem> {
    let asked = tokio::time::timeout(ASKED, async {
        let (host, found) = match container(ctx, environment, &door.service).await {
            Err(Problem::NotFound { what: Noun::Service, .. }) => return Ok(None),
            other => other?,
        };
        let look = host.look(&found.id).await?.filter(|look| look.running);
        Ok(look.and_then(|look| look.ports.into_iter().find(|(inside, _)| *inside == door.port)).map(|(_, outside)| outside))
    });
    asked.await.unwrap_or_else(|_| Err(Problem::Unreachable { what: Noun::Engine, name: environment.engine.clone() }))
}
