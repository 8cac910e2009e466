//! Many senders share one durable commit.
//!
//! What was read and proven is put in a bounded queue. One writer takes what waits, stores it in one
//! transaction, and answers each sender after the commit. It waits for a first one and never for
//! a second: whoever comes alone is stored at once, and while one commit is under way the next gathers.

use super::Accepted;
use crate::ctx::{Ctx, Work};
use crate::hub::{Hub, Topic};
use crate::store::intake::{self as rows, Incoming, Outcome};
use crate::store::{Store, Tx, internal};
use domain::Problem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that wait to be stored; senders beyond that wait for a place.
const MOST_WAITING: usize = 256;
/// One commit holds at most so many of them …
const MOST_TOGETHER: usize = 256;
/// … and, but for the last of them, so many bytes.
const MOST_BYTES: usize = 8 << 20;
/// How long a sender is left without an answer. It is asked to come again then, and if it was stored after
/// all it is known.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// What can wait waits so long, at most, for those who do not …
const WAY: Duration = Duration::from_millis(20);
/// … and goes on when nobody has come for so long: a builder that tells one thing after the other is not met in
/// the middle of each.
const QUIET: Duration = Duration::from_millis(1);

/// Where requests wait to be stored. Cloning is cheap.
#[derive(Clone)]
pub struct Queue {
    writer: Arc<Mutex<Option<mpsc::Sender<Waiting>>>>,
    /// Senders that wait for their answer.
    unanswered: watch::Sender<usize>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { writer: Arc::default(), unanswered: watch::Sender::new(0) }
    }
}

/// One sender that waits, until it is dropped.
struct Unanswered<'a>(&'a watch::Sender<usize>);

impl<'a> Unanswered<'a> {
    fn one(senders: &'a watch::Sender<usize>) -> Self {
        senders.send_modify(|count| *count += 1);
        Self(senders)
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

struct Waiting {
    incoming: Incoming,
    answer: oneshot::Sender<Result<Accepted, Problem>>,
}

impl Queue {
    /// Senders that wait for their answer now.
    pub fn waiting(&self) -> usize {
        *self.unanswered.borrow()
    }

    /// Stores a request with those that come at the same time. When this returns well, it is on disk.
    ///
    /// # Errors
    /// [`Problem::Busy`] when it takes too long or the instance has ended; [`Problem::Internal`].
    pub async fn store(&self, ctx: &Ctx, incoming: Incoming) -> Result<Accepted, Problem> {
        let _waits = Unanswered::one(&self.unanswered);
        let stored = async {
            let (answer, answered) = oneshot::channel();
            self.writer(ctx).send(Waiting { incoming, answer }).await.map_err(|_| Problem::Busy)?;
            answered.await.map_err(|_| Problem::Busy)?
        };
        tokio::time::timeout(LONGEST_WAIT, stored).await.map_err(|_| Problem::Busy)?
    }

    /// Lets those go first who wait for an answer, but not for ever: builders wait for theirs, while what
    /// they told is seen to a moment later.
    pub async fn give_way(&self) {
        let mut unanswered = self.unanswered.subscribe();
        let quiet = async {
            while unanswered.wait_for(|count| *count == 0).await.is_ok() {
                if tokio::time::timeout(QUIET, unanswered.changed()).await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(WAY, quiet).await;
    }

    /// The writer begins with the first who needs it, and ends with the last who could. So a server that stops
    /// answers everyone whose request it still takes.
    fn writer(&self, ctx: &Ctx) -> mpsc::Sender<Waiting> {
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_ref().filter(|writer| !writer.is_closed()) {
            Some(writer) => writer.clone(),
            None => {
                let (writer, queue) = mpsc::channel(MOST_WAITING);
                tokio::spawn(write(ctx.store.clone(), ctx.hub.clone(), ctx.work.clone(), queue));
                held.insert(writer).clone()
            }
        }
    }
}

async fn write(store: Store, hub: Hub, work: Work, mut queue: mpsc::Receiver<Waiting>) {
    while let Some((batch, answers)) = next(&mut queue).await {
        let results = store_all(&store, &batch).await;
        let is_new = |(incoming, result): (&Incoming, &Result<Accepted, Problem>)| {
            incoming.outcome == Outcome::Stored && matches!(result, Ok(Accepted::Stored(_)))
        };
        if batch.iter().zip(&results).any(is_new) {
            work.deliveries.notify_one();
        }
        if results.iter().any(Result::is_ok) {
            hub.tell(Topic::Deliveries, None);
        }
        for (answer, result) in answers.into_iter().zip(results) {
            // Who is gone comes again, and is known then.
            let _ = answer.send(result);
        }
    }
}

type Answers = Vec<oneshot::Sender<Result<Accepted, Problem>>>;

/// What waits now, the first of it at least; none when nobody is left who could ask.
async fn next(queue: &mut mpsc::Receiver<Waiting>) -> Option<(Vec<Incoming>, Answers)> {
    let first = queue.recv().await?;
    let mut bytes = first.incoming.body.len();
    let (mut batch, mut answers) = (vec![first.incoming], vec![first.answer]);
    while batch.len() < MOST_TOGETHER && bytes < MOST_BYTES {
        let Ok(one) = queue.try_recv() else { break };
        bytes += one.incoming.body.len();
        batch.push(one.incoming);
        answers.push(one.answer);
    }
    Some((batch, answers))
}

/// All in one transaction. Where one of them breaks it, each in one of its own: it spoils nothing for the others.
async fn store_all(store: &Store, batch: &[Incoming]) -> Vec<Result<Accepted, Problem>> {
    let tx = match store.begin().await {
        Ok(tx) => tx,
        Err(problem) => return batch.iter().map(|_| Err(problem.clone())).collect(),
    };
    match together(tx, batch).await {
        Ok(accepted) => accepted.into_iter().map(Ok).collect(),
        Err(problem) if batch.len() == 1 => vec![Err(problem)],
        Err(_) => {
            let mut results = Vec::new();
            for one in batch {
                results.push(alone(store, one).await);
            }
            results
        }
    }
}

async fn alone(store: &Store, one: &Incoming) -> Result<Accepted, Problem> {
    let accepted = together(store.begin().await?, std::slice::from_ref(one)).await?;
    accepted.into_iter().next().ok_or(Problem::Busy)
}

async fn together(mut tx: Tx, batch: &[Incoming]) -> Result<Vec<Accepted>, Problem> {
    rows::insert_deliveries(&mut tx, batch).await?;
    let new = rows::claim_events(&mut tx, batch).await?;
    let mut accepted = Vec::new();
    for one in batch {
        if one.keys.is_empty() || new.contains(one.id.as_str()) {
            accepted.push(Accepted::Stored(one.id.clone()));
        } else {
            rows::note_repetition(&mut tx, one).await?;
            accepted.push(Accepted::Duplicate);
        }
    }
    tx.commit().await.map_err(internal)?;
    metrics::counter!("slipway_intake_commits_total").increment(1);
    Ok(accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_an_answer_goes_first_but_not_for_ever() {
        let queue = Queue::default();
        let way = async |queue: &Queue| {
            let began = std::time::Instant::now();
            queue.give_way().await;
            began.elapsed()
        };
        assert!(way(&queue).await >= QUIET, "nobody waits");
        let _sender = Unanswered::one(&queue.unanswered);
        assert!(way(&queue).await >= WAY, "somebody waits");
    }
}
