//! Taking an environment off its engine.

use super::{snapshots, tell_state};
use crate::ctx::Ctx;
use crate::engine::containers::Host;
use crate::store::environments::{self as rows, EnvironmentRecord};
use crate::store::{internal, ports};
use domain::Problem;
use domain::problem::Fault;

/// The engine frees a network a moment after its last container is gone.
const TRIES: u32 = 5;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// `stopping` → `stopped`, once the engine says that nothing is left.
pub(super) async fn clear(ctx: &Ctx, environment: &EnvironmentRecord) -> Result<(), Problem> {
    let host = ctx.host(&environment.engine).await?;
    // What a verdict wants kept is read before it goes; what cannot be read keeps nobody waiting.
    snapshots::keep_of(ctx, &environment.id).await?;
    remove(&host, environment.id.as_str()).await?;
    let mut tx = ctx.store.begin().await?;
    rows::set_stopped(&mut tx, &environment.id, ctx.now()).await?;
    ports::give_back(&mut tx, &environment.id).await?;
    tx.commit().await.map_err(internal)?;
    ctx.looks.forget(&environment.id);
    tell_state(ctx, &environment.id);
    Ok(())
}

/// Removes everything on the engine that carries this environment's labels, and looks again.
pub(super) async fn remove(host: &Host, environment: &str) -> Result<(), Problem> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        let containers = host.containers(Some(environment)).await?;
        let networks = host.networks(Some(environment)).await?;
        let volumes = host.volumes(Some(environment)).await?;
        if containers.is_empty() && networks.is_empty() && volumes.is_empty() {
            return Ok(());
        }
        let gone = containers.iter().map(|container| host.remove_container(&container.id));
        last = futures::future::join_all(gone).await.into_iter().collect::<Result<(), Problem>>();
        for (id, _) in &networks {
            last = last.and(host.remove_network(id).await);
        }
        for (name, _) in &volumes {
            last = last.and(host.remove_volume(name).await);
        }
        if last.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    last.and(Err(Problem::EngineRefused { why: Fault::Refused { reason: "something of it cannot be removed".to_owned() } }))
}
