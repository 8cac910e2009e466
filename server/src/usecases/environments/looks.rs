//! The last look at each environment's containers. It lives in memory only: the engine is the
//! truth. It is what is shown while the engine does not answer, and it keeps a hundred open pages
//! from asking the engine a hundred times: they share one look until something happens.

use app::view::ServiceStatus;
use domain::Problem;
use domain::id::EnvironmentId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More than can be alive; when it is full, all is forgotten and looked at again.
const MOST: usize = 1000;
/// So long a look serves others when nothing happens.
const FRESH: Duration = Duration::from_millis(500);

/// What was last seen of each environment. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Looks(Arc<Mutex<HashMap<EnvironmentId, Arc<Slot>>>>);

#[derive(Default)]
struct Slot {
    /// Counts what happened.
    changes: AtomicU64,
    last: Mutex<Option<Seen>>,
    /// Who looks; the others wait for what is found.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Seen {
    at: Instant,
    changes: u64,
    services: Vec<ServiceStatus>,
}

impl Looks {
    /// What somebody saw a moment ago, else what `look` finds now.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn share(
        &self,
        id: &EnvironmentId,
        look: impl Future<Output = Result<Vec<ServiceStatus>, Problem>>,
    ) -> Result<Vec<ServiceStatus>, Problem> {
        let slot = self.slot(id);
        let _turn = slot.turn.lock().await;
        let changes = slot.changes.load(Ordering::SeqCst);
        let fresh = |seen: &Seen| seen.changes == changes && seen.at.elapsed() < FRESH;
        if let Some(seen) = slot.last().clone().filter(fresh) {
            return Ok(seen.services);
        }
        let at = Instant::now();
        let services = look.await?;
        *slot.last() = Some(Seen { at, changes, services: services.clone() });
        Ok(services)
    }

    /// What was last seen, however long ago.
    pub fn last(&self, id: &EnvironmentId) -> Option<Vec<ServiceStatus>> {
        let slot = self.held().get(id).cloned()?;
        let seen = slot.last().clone();
        seen.map(|seen| seen.services)
    }

    /// Something happened: the next reader looks anew.
    pub fn changed(&self, id: &EnvironmentId) {
        if let Some(slot) = self.held().get(id) {
            slot.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Forgets an environment that has ended.
    pub fn forget(&self, id: &EnvironmentId) {
        self.held().remove(id);
    }

    fn slot(&self, id: &EnvironmentId) -> Arc<Slot> {
        let mut slots = self.held();
        if slots.len() >= MOST && !slots.contains_key(id) {
            slots.clear();
        }
        slots.entry(id.clone()).or_default().clone()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<EnvironmentId, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn last(&self) -> MutexGuard<'_, Option<Seen>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[tokio::test]
    async fn many_readers_share_one_look_until_something_happens() {
        let (looks, id, asked) = (Looks::default(), EnvironmentId("e".to_owned()), AtomicU32::new(0));
        let read = || {
            looks.share(&id, async {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(Vec::new())
            })
        };
        futures::future::join_all((0..100).map(|_| read())).await;
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        looks.changed(&id);
        futures::future::join_all((0..100).map(|_| read())).await;
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_happens_during_a_look_makes_the_next_reader_look_again() {
        let (looks, id, asked) = (Looks::default(), EnvironmentId("e".to_owned()), AtomicU32::new(0));
        for _ in 0..2 {
            let look = async {
                asked.fetch_add(1, Ordering::SeqCst);
                looks.changed(&id);
                Ok(Vec::new())
            };
            looks.share(&id, look).await.expect("seen");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let failing = async { Err(Problem::Busy) };
        looks.changed(&id);
        assert!(looks.share(&id, failing).await.is_err());
        assert!(looks.last(&id).is_some(), "what was seen before is kept");
    }
}
