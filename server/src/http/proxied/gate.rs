//! Who may look at an app, asked again and again while they look: a session that ends, a role that is
//! taken away and an environment that ends close what is open within seconds.

use crate::ctx::{Ctx, secret_hash};
use crate::http::session;
use crate::usecases::proxy::{self, Opening};
use crate::usecases::tokens;
use app::proxied::Shut;
use domain::Problem;
use domain::proxied::DoorName;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// So often it is asked again, while somebody looks and for a while after.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Times that it is asked again without a request in between, before the answer is forgotten.
const IDLE_ROUNDS: u32 = 5;
/// People at doors at once.
const MOST: usize = 5000;
/// Requests and streams that are open at once, of everyone, and of one person at one door.
const MOST_OPEN: usize = 2000;
const MOST_OPEN_EACH: usize = 100;

/// What a request shows: a secret either way.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Visitor {
    /// The cookie of a proxied host.
    Pass(String),
    /// An API token.
    Token(String),
}

/// Everybody who is in, each at a door.
type Inside = HashMap<(Visitor, DoorName), Arc<Admitted>>;

/// Who is in now. Cloning is cheap.
#[derive(Clone)]
pub struct Gate {
    inside: Arc<Mutex<Inside>>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { inside: Arc::default(), open: Arc::new(Semaphore::new(MOST_OPEN)) }
    }
}

/// Somebody who may look, until `over`.
#[derive(Debug)]
pub struct Admitted {
    pub opening: Opening,
    pub over: CancellationToken,
    open: Arc<Semaphore>,
    used: AtomicBool,
}

/// A place among what is open, given back on drop.
pub struct Seat {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Gate {
    /// Lets in who may look at what stands under `name`.
    ///
    /// # Errors
    /// [`Shut`] says why not.
    pub async fn admit(&self, ctx: &Ctx, visitor: &Visitor, name: &DoorName) -> Result<Arc<Admitted>, Shut> {
        let key = (visitor.clone(), name.clone());
        if let Some(admitted) = self.held().get(&key).filter(|admitted| !admitted.over.is_cancelled()) {
            admitted.used.store(true, Ordering::Relaxed);
            return Ok(admitted.clone());
        }
        let opening = ask(ctx, visitor, name, true).await?;
        let admitted = Arc::new(Admitted {
            opening,
            over: ctx.work.stop.child_token(),
            open: Arc::new(Semaphore::new(MOST_OPEN_EACH)),
            used: AtomicBool::new(true),
        });
        {
            let mut inside = self.held();
            if inside.len() >= MOST {
                return Err(Shut::Busy);
            }
            // Another request may have been quicker: the one that was there is watched until it is replaced.
            if let Some(other) = inside.get(&key).filter(|other| !other.over.is_cancelled()) {
                return Ok(other.clone());
            }
            inside.insert(key.clone(), admitted.clone());
        }
        ctx.work.tasks.spawn(self.clone().watch(ctx.clone(), key, admitted.clone()));
        Ok(admitted)
    }

    /// A seat for one request or stream.
    ///
    /// # Errors
    /// [`Shut::Busy`] when too many are open.
    pub fn sit(&self, admitted: &Admitted) -> Result<Seat, Shut> {
        let take = |from: &Arc<Semaphore>| from.clone().try_acquire_owned().map_err(|_| Shut::Busy);
        Ok(Seat { _own: take(&admitted.open)?, _all: take(&self.open)? })
    }

    async fn watch(self, ctx: Ctx, key: (Visitor, DoorName), admitted: Arc<Admitted>) {
        let Opening { environment, door } = &admitted.opening;
        let same = |now: Opening| now.environment.id == environment.id && now.door == *door;
        let mut idle = 0;
        while ctx.work.stop.run_until_cancelled(tokio::time::sleep(ASK_AGAIN)).await.is_some() {
            let used = admitted.used.swap(false, Ordering::Relaxed);
            idle = if used || admitted.open.available_permits() < MOST_OPEN_EACH { 0 } else { idle + 1 };
            if idle > IDLE_ROUNDS && self.forget(&key, &admitted) {
                return;
            }
            if !ask(&ctx, &key.0, &key.1, used).await.is_ok_and(same) {
                break;
            }
        }
        admitted.over.cancel();
        let mut inside = self.held();
        if inside.get(&key).is_some_and(|held| Arc::ptr_eq(held, &admitted)) {
            inside.remove(&key);
        }
    }

    /// Forgets who has not come for a while; not when they come just now.
    fn forget(&self, key: &(Visitor, DoorName), admitted: &Arc<Admitted>) -> bool {
        let mut inside = self.held();
        // One is here, the other is in the watcher's hand.
        let nobody_else = Arc::strong_count(admitted) <= 2;
        if nobody_else {
            inside.remove(key);
        }
        nobody_else
    }

    fn held(&self) -> MutexGuard<'_, HashMap<(Visitor, DoorName), Arc<Admitted>>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the database: who is this, may they, and what is there.
async fn ask(ctx: &Ctx, visitor: &Visitor, name: &DoorName, in_use: bool) -> Result<Opening, Shut> {
    match visitor {
        Visitor::Token(secret) => {
            let actor = tokens::actor_of_secret(ctx, secret).await?;
            proxy::enter(ctx, &actor, name).await
        }
        Visitor::Pass(secret) => {
            let pass = ctx.store.proxy_pass(&secret_hash(secret)).await?;
            let pass = pass.filter(|pass| pass.name == name.to_string()).ok_or(Problem::SignedOut)?;
            let actor = session::actor_of_hash(ctx, &pass.session_hash, in_use).await?.ok_or(Problem::SignedOut)?;
            let opening = proxy::enter(ctx, &actor, name).await?;
            if opening.environment.id == pass.environment { Ok(opening) } else { Err(Shut::SignedOut) }
        }
    }
}
