//! The engines for test environments: which there are, and watching whether they are there.

use crate::ctx::Ctx;
use crate::hub::Topic;
use app::view::EngineView;
use domain::config::EngineConfig;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often each engine is asked, and how long it may take. One that is silent is asked once
/// more, so that an engine that went away is known to be away within five seconds.
const EVERY: Duration = Duration::from_millis(1500);
const ANSWER: Duration = Duration::from_millis(1500);
/// How soon a changed configuration changes what is watched.
const RECONFIGURE: Duration = Duration::from_secs(1);

/// Every engine of the configuration, as it was last heard of.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn engines(ctx: &Ctx, actor: &Actor) -> Result<Vec<EngineView>, Problem> {
    actor.require(Action::Read)?;
    let alive = ctx.store.environments_alive_by_engine().await?;
    let applied = ctx.config();
    let view = |engine: &EngineConfig| {
        let seen = ctx.engines_seen.engine(&engine.name);
        EngineView {
            name: engine.name.clone(),
            address: engine.address.clone(),
            state: seen.as_ref().map(|seen| seen.state).unwrap_or_default(),
            since: seen.as_ref().map(|seen| seen.since),
            version: seen.as_ref().and_then(|seen| seen.version.clone()),
            problem: seen.and_then(|seen| seen.problem),
            environments: alive.get(&engine.name).copied().unwrap_or_default(),
            in_the_clear: engine.access().in_the_clear(),
        }
    };
    Ok(applied.config.engines.iter().map(view).collect())
}

/// Asks every engine again and again whether it is there, until the instance stops.
pub async fn watch(ctx: Ctx) {
    let mut watched: HashMap<String, (EngineConfig, AbortHandle)> = HashMap::new();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let applied = ctx.config();
        let wanted = &applied.config.engines;
        watched.retain(|_, (engine, task)| {
            let stays = wanted.contains(engine) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        ctx.engines_seen.keep_only(&wanted.iter().map(|engine| engine.name.as_str()).collect());
        for engine in wanted {
            if !watched.contains_key(&engine.name) {
                let task = tasks.spawn(watch_engine(ctx.clone(), engine.clone()));
                watched.insert(engine.name.clone(), (engine.clone(), task));
            }
        }
        if ctx.work.stop.run_until_cancelled(tokio::time::sleep(RECONFIGURE)).await.is_none() {
            break;
        }
        while tasks.try_join_next().is_some() {}
    }
    tasks.shutdown().await;
}

async fn watch_engine(ctx: Ctx, engine: EngineConfig) {
    loop {
        let woken = ctx.work.engines.notified();
        let mut woken = std::pin::pin!(woken);
        // From here on no wake is lost, also not one during the look.
        woken.as_mut().enable();
        look(&ctx, &engine).await;
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Asks an engine once, twice when it is silent, and keeps what came of it.
async fn look(ctx: &Ctx, engine: &EngineConfig) {
    let silent = || Problem::Unreachable { what: Noun::Engine, name: engine.name.clone() };
    let mut answered = None;
    for _ in 0..2 {
        answered = tokio::time::timeout(ANSWER, ask(ctx, engine)).await.ok();
        if answered.is_some() {
            break;
        }
        // What was spoken to may be gone without a word.
        ctx.engines.forget(Noun::Engine, &engine.name).await;
    }
    let news = match answered.unwrap_or_else(|| Err(silent())) {
        Ok(version) => ctx.engines_seen.here(&engine.name, version, ctx.now()),
        Err(problem) => {
            // The next look greets the engine anew; it may be another version by then.
            ctx.engines.forget(Noun::Engine, &engine.name).await;
            ctx.engines_seen.away(&engine.name, problem, ctx.now())
        }
    };
    if news {
        tracing::info!(engine = %engine.name, seen = ?ctx.engines_seen.engine(&engine.name), "an engine went or came");
        ctx.work.environments.notify_one();
        ctx.hub.tell(Topic::Engines, None);
        ctx.hub.tell(Topic::Environments, None);
    }
}

/// Its version, which is asked for when it comes.
async fn ask(ctx: &Ctx, engine: &EngineConfig) -> Result<Option<String>, Problem> {
    let host = ctx.host(&engine.name).await?;
    host.greet().await?;
    let seen = ctx.engines_seen.engine(&engine.name);
    match seen.filter(|seen| seen.problem.is_none()) {
        Some(seen) => Ok(seen.version),
        None => host.version().await,
    }
}
