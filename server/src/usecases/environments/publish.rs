//! Which of an engine's ports services are published on, where the engine has a range. A number is
//! kept with the environment until it ends, so that a link stays the same through restarts.

use super::plan::{Plan, PlannedService};
use crate::ctx::Ctx;
use crate::store::environments::EnvironmentRecord;
use crate::store::{internal, ports as rows};
use domain::Problem;
use domain::capacity::{PortRange, choose_port};
use domain::config::Config;
use domain::problem::Fault;
use domain::stack::StackImage;
use std::collections::{BTreeMap, BTreeSet};

/// The engine's port for each of a service's container ports; the engine chooses where there is none.
pub(super) type Ports = BTreeMap<u16, u16>;

/// The ports of every service, chosen now where they were not before. Nothing without a range.
///
/// # Errors
/// [`Problem::EngineRefused`] when the range has none left.
pub(super) async fn reserve(ctx: &Ctx, environment: &EnvironmentRecord, plan: &Plan) -> Result<BTreeMap<String, Ports>, Problem> {
    let applied = ctx.config();
    let mut all: BTreeMap<String, Ports> = BTreeMap::new();
    let Some(range) = range(&applied.config, environment) else { return Ok(all) };
    let mut tx = ctx.store.begin().await?;
    rows::take_turn(&mut tx, &environment.engine).await?;
    let mut taken = rows::taken(&mut tx, &environment.engine).await?;
    let mine = rows::of(&mut tx, &environment.id).await?;
    for planned in &plan.services {
        let service = planned.service.name.as_str();
        let label = label(&applied.config, planned);
        for port in &planned.service.ports {
            let kept = mine.iter().find(|kept| kept.service == service && kept.container_port == *port);
            let number = match kept.filter(|kept| range.has(kept.port)) {
                Some(kept) => kept.port,
                None => {
                    let number = choose_port(range, label, *port, &taken).ok_or_else(none_left)?;
                    rows::put(&mut tx, environment, service, *port, number).await?;
                    number
                }
            };
            taken.insert(number);
            all.entry(service.to_owned()).or_default().insert(*port, number);
        }
    }
    tx.commit().await.map_err(internal)?;
    Ok(all)
}

/// Other ports for a service, in the place of those that something else on the machine has.
///
/// # Errors
/// As [`reserve`].
pub(super) async fn move_on(
    ctx: &Ctx,
    environment: &EnvironmentRecord,
    planned: &PlannedService,
    ports: &Ports,
    foreign: &BTreeSet<u16>,
) -> Result<Ports, Problem> {
    let applied = ctx.config();
    let range = range(&applied.config, environment).ok_or_else(none_left)?;
    let label = label(&applied.config, planned);
    let mut tx = ctx.store.begin().await?;
    rows::take_turn(&mut tx, &environment.engine).await?;
    let mut taken = rows::taken(&mut tx, &environment.engine).await?;
    taken.extend(foreign);
    let mut moved = ports.clone();
    for (port, number) in &mut moved {
        if foreign.contains(number) {
            *number = choose_port(range, label, *port, &taken).ok_or_else(none_left)?;
            taken.insert(*number);
            rows::put(&mut tx, environment, &planned.service.name, *port, *number).await?;
        }
    }
    tx.commit().await.map_err(internal)?;
    Ok(moved)
}

fn range(config: &Config, environment: &EnvironmentRecord) -> Option<PortRange> {
    config.engine(&environment.engine)?.ports
}

/// The port label of the app whose build a service runs.
fn label(config: &Config, planned: &PlannedService) -> Option<u16> {
    match &planned.service.image {
        StackImage::Build { app } => config.app(app)?.port_label,
        StackImage::Fixed { .. } => None,
    }
}

fn none_left() -> Problem {
    Problem::EngineRefused { why: Fault::Refused { reason: "no port of its range is free".to_owned() } }
}
