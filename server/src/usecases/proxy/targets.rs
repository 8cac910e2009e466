//! Where the apps are now. The address comes from the configuration and from the engine's word about a
//! container of ours, never from a request; a hundred requests share one look.

use super::Opening;
use crate::ctx::Ctx;
use crate::usecases::environments::published_at;
use app::proxied::Shut;
use domain::Problem;
use domain::id::EnvironmentId;
use domain::proxied::Door;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More than can be open; when it is full, all is forgotten and looked at again.
const MOST: usize = 2000;
/// So long a look serves others: a container that is started again has another number.
const FRESH: Duration = Duration::from_secs(2);
/// So long what was seen is still believed while the engine does not answer.
const BELIEVED: Duration = Duration::from_secs(30);

/// A host and a port of an engine's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: u16,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A slot for each door of each environment.
type Slots = HashMap<(EnvironmentId, Door), Arc<Slot>>;

/// What was last seen of each door. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Targets(Arc<Mutex<Slots>>);

/// Who looks holds the lock; the others wait for what is found.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<Option<Seen>>);

struct Seen {
    at: Instant,
    target: Option<Target>,
}

impl Targets {
    /// Where the app behind `opening` is.
    ///
    /// # Errors
    /// [`Shut::Silent`] while its container does not run, [`Shut::Away`] when the engine does not answer.
    pub async fn find(&self, ctx: &Ctx, opening: &Opening) -> Result<Target, Shut> {
        let Opening { environment, door } = opening;
        let slot = self.slot(environment.id.clone(), door.clone());
        let mut seen = slot.0.lock().await;
        let silent = || Shut::Silent { id: environment.id.clone(), service: door.service.clone() };
        if let Some(seen) = seen.as_ref().filter(|seen| seen.at.elapsed() < FRESH) {
            return seen.target.clone().ok_or_else(silent);
        }
        match look(ctx, opening).await {
            Ok(target) => {
                *seen = Some(Seen { at: Instant::now(), target: target.clone() });
                target.ok_or_else(silent)
            }
            Err(Problem::Internal { reference }) => Err(Shut::Broken { reference }),
            Err(_) => {
                let kept = seen.as_ref().filter(|seen| seen.at.elapsed() < BELIEVED).and_then(|seen| seen.target.clone());
                kept.ok_or_else(|| Shut::Away { id: environment.id.clone(), engine: environment.engine.clone() })
            }
        }
    }

    /// What was seen does not hold any more: the next request looks anew.
    pub fn forget(&self, opening: &Opening) {
        self.held().remove(&(opening.environment.id.clone(), opening.door.clone()));
    }

    fn slot(&self, id: EnvironmentId, door: Door) -> Arc<Slot> {
        let mut slots = self.held();
        if slots.len() >= MOST && !slots.contains_key(&(id.clone(), door.clone())) {
            slots.clear();
        }
        slots.entry((id, door)).or_default().clone()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<(EnvironmentId, Door), Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(ctx: &Ctx, opening: &Opening) -> Result<Option<Target>, Problem> {
    let Opening { environment, door } = opening;
    let published = published_at(ctx, environment, door).await?;
    let applied = ctx.config();
    let engine = applied.config.engine(&environment.engine);
    let host = engine.map(|engine| engine.reached_at().trim_start_matches('[').trim_end_matches(']').to_owned());
    Ok(host.zip(published).map(|(host, port)| Target { host, port }))
}
