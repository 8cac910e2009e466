//! Questions that many ask at the same moment. Whoever waits shares one look into the database, which began
//! after each of them had asked: nobody is answered with what was true before.

use domain::Problem;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Askers that wait; beyond that they wait for a place.
const MOST_WAITING: usize = 256;

type Answer<A> = Result<Option<A>, Problem>;
type Asker<A> = (String, oneshot::Sender<Answer<A>>);

/// One kind of question, asked by name. Cloning is cheap.
pub struct Shared<A>(Arc<Mutex<Option<mpsc::Sender<Asker<A>>>>>);

impl<A> Clone for Shared<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Default for Shared<A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<A: Clone + Send + Sync + 'static> Shared<A> {
    /// Asks for one name; none when there is nothing of it. `look` looks up several at once.
    ///
    /// # Errors
    /// Those of `look`; [`Problem::Busy`] when the instance has ended.
    pub async fn ask<L, F>(&self, name: String, look: L) -> Answer<A>
    where
        L: Fn(Vec<String>) -> F + Send + 'static,
        F: Future<Output = Result<HashMap<String, A>, Problem>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.looker(look).send((name, answer)).await.map_err(|_| Problem::Busy)?;
        answered.await.map_err(|_| Problem::Busy)?
    }

    fn looker<L, F>(&self, look: L) -> mpsc::Sender<Asker<A>>
    where
        L: Fn(Vec<String>) -> F + Send + 'static,
        F: Future<Output = Result<HashMap<String, A>, Problem>> + Send + 'static,
    {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_ref().filter(|looker| !looker.is_closed()) {
            Some(looker) => looker.clone(),
            None => {
                let (looker, askers) = mpsc::channel(MOST_WAITING);
                tokio::spawn(answer_all(askers, look));
                held.insert(looker).clone()
            }
        }
    }
}

async fn answer_all<A: Clone, L, F>(mut askers: mpsc::Receiver<Asker<A>>, look: L)
where
    L: Fn(Vec<String>) -> F,
    F: Future<Output = Result<HashMap<String, A>, Problem>>,
{
    let mut waiting = Vec::new();
    while askers.recv_many(&mut waiting, MOST_WAITING).await > 0 {
        let names: BTreeSet<String> = waiting.iter().map(|(name, _)| name.clone()).collect();
        let found = look(names.into_iter().collect()).await;
        for (name, answer) in waiting.drain(..) {
            // Who is gone needs no answer.
            let _ = answer.send(found.as_ref().map(|found| found.get(&name).cloned()).map_err(Clone::clone));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn who_asks_while_one_looks_shares_the_next_look() {
        let (shared, looks, gate) = (Shared::<usize>::default(), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |name: &str| {
            let (looks, gate) = (Arc::clone(&looks), Arc::clone(&gate));
            shared.ask(name.to_owned(), move |names| {
                let (looks, gate) = (Arc::clone(&looks), Arc::clone(&gate));
                async move {
                    let look = looks.fetch_add(1, Ordering::SeqCst) + 1;
                    gate.acquire().await.map_err(|_| Problem::Busy)?.forget();
                    Ok(names.into_iter().filter(|name| name != "nobody").map(|name| (name, look)).collect())
                }
            })
        };
        let first = async { ask("a").await };
        let later = async {
            while looks.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            // The first look is under way: what is asked from now on is not answered by it.
            let asked = futures::future::join_all(["a", "b", "a", "nobody"].map(ask));
            let (asked, ()) = tokio::join!(asked, async { gate.add_permits(2) });
            asked
        };
        let (first, later) = tokio::join!(first, later);
        assert_eq!(first, Ok(Some(1)));
        assert_eq!(later, [Ok(Some(2)), Ok(Some(2)), Ok(Some(2)), Ok(None)]);
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }
}
