//! What containers use, measured only while somebody looks.
//!
//! However many look at one container, the engine is asked once; the last minutes are kept as long as
//! somebody looks, and a moment longer, so that a page that is read again finds them.

use crate::engine::containers::Host;
use crate::store::internal;
use bollard::Docker;
use bollard::models::ContainerStatsResponse;
use bollard::query_parameters::StatsOptions;
use chrono::{DateTime, Utc};
use domain::Problem;
use domain::usage::{Counters, Usage};
use futures::StreamExt as _;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Samples that are kept of each container: five minutes.
pub const MOST_SAMPLES: usize = 300;
/// Containers that are measured at once.
const MOST_WATCHED: usize = 200;
/// So long after the last reader left, the engine is still asked.
const LINGER: Duration = Duration::from_secs(8);

/// The containers that are measured now. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Stats(Arc<Mutex<HashMap<String, Arc<Measured>>>>);

/// What is known of one container.
#[derive(Default)]
struct Kept {
    samples: VecDeque<Usage>,
    last: Option<Counters>,
    ended: bool,
}

struct Measured {
    kept: Mutex<Kept>,
    /// How many look, and when one more sample is there.
    readers: watch::Sender<usize>,
    grown: watch::Sender<u64>,
}

/// Somebody who looks at one container.
pub struct Reader {
    measured: Arc<Measured>,
    grown: watch::Receiver<u64>,
}

/// What one container used lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    pub samples: Vec<Usage>,
    /// Bytes of memory now, known before anything can be compared; and the bound.
    pub memory: Option<(u64, u64)>,
    /// The container ended, or the engine does not answer: nothing more comes.
    pub ended: bool,
}

impl Stats {
    /// Begins to look at a container.
    ///
    /// # Errors
    /// [`Problem::Busy`] when too many are measured.
    pub fn watch(&self, host: &Host, container: &str) -> Result<Reader, Problem> {
        let key = format!("{}/{container}", host.name());
        let mut watched = self.held();
        if let Some(measured) = watched.get(&key).filter(|measured| !measured.kept().ended) {
            return Ok(Reader::of(measured.clone()));
        }
        if watched.len() >= MOST_WATCHED {
            return Err(Problem::Busy);
        }
        let measured = Arc::new(Measured { kept: Mutex::default(), readers: watch::channel(0).0, grown: watch::channel(0).0 });
        let reader = Reader::of(measured.clone());
        watched.insert(key.clone(), measured.clone());
        tokio::spawn(measure(self.clone(), host.docker().clone(), container.to_owned(), key, measured));
        Ok(reader)
    }

    /// How many containers are measured now.
    pub fn watched(&self) -> usize {
        self.held().len()
    }

    fn forget(&self, key: &str, measured: &Arc<Measured>) {
        let mut watched = self.held();
        if watched.get(key).is_some_and(|kept| Arc::ptr_eq(kept, measured)) {
            watched.remove(key);
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Arc<Measured>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn of(measured: Arc<Measured>) -> Self {
        measured.readers.send_modify(|count| *count += 1);
        let grown = measured.grown.subscribe();
        Self { measured, grown }
    }

    /// What is known now.
    pub fn now(&self) -> Measures {
        let kept = self.measured.kept();
        Measures {
            samples: kept.samples.iter().copied().collect(),
            memory: kept.last.map(|last| (last.memory, last.memory_limit)),
            ended: kept.ended,
        }
    }

    /// Waits for one more sample, or for the end.
    pub async fn grown(&mut self) {
        // The sender lives as long as this reader.
        let _ = self.grown.changed().await;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.measured.readers.send_modify(|count| *count -= 1);
    }
}

impl Measured {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, counters: Counters) {
        let mut kept = self.kept();
        if let Some(usage) = kept.last.and_then(|last| Usage::between(&last, &counters)) {
            if kept.samples.len() == MOST_SAMPLES {
                kept.samples.pop_front();
            }
            kept.samples.push_back(usage);
        }
        kept.last = Some(counters);
        drop(kept);
        self.grown.send_modify(|count| *count += 1);
    }

    /// Waits until nobody has looked for a while.
    async fn deserted(&self) {
        let mut readers = self.readers.subscribe();
        loop {
            if readers.wait_for(|count| *count == 0).await.is_err() {
                return;
            }
            let back = tokio::time::timeout(LINGER, readers.wait_for(|count| *count > 0)).await;
            if back.is_err() {
                return;
            }
        }
    }
}

/// Reads from the engine until the container ends or nobody looks any more.
async fn measure(stats: Stats, docker: Docker, container: String, key: String, measured: Arc<Measured>) {
    let options = StatsOptions { stream: true, one_shot: false };
    let mut answers = std::pin::pin!(docker.stats(&container, Some(options)));
    // One wait for all samples: it counts the time since the last reader left.
    let mut deserted = std::pin::pin!(measured.deserted());
    loop {
        let answer = tokio::select! {
            () = &mut deserted => break,
            answer = answers.next() => answer,
        };
        match answer {
            Some(Ok(answer)) => match counters(&answer) {
                Some(counters) => measured.take(counters),
                // A container that has ended is measured as nothing.
                None => break,
            },
            Some(Err(cause)) => {
                // Logged, and no more: the next reader asks again.
                tracing::warn!(%key, problem = %internal(cause), "a container cannot be measured");
                break;
            }
            None => break,
        }
    }
    stats.forget(&key, &measured);
    measured.kept().ended = true;
    measured.grown.send_modify(|count| *count += 1);
}

fn counters(answer: &ContainerStatsResponse) -> Option<Counters> {
    let at: DateTime<Utc> = answer.read.as_ref().and_then(|read| DateTime::parse_from_rfc3339(read).ok())?.to_utc();
    let cpu = answer.cpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage.filter(|used| *used > 0)?;
    let memory = answer.memory_stats.as_ref();
    let inside = |name: &str| memory.and_then(|memory| memory.stats.as_ref()?.get(name).copied());
    // What was read from files and can be given up at once; the two kinds of cgroups name it differently.
    let spare = inside("total_inactive_file").or_else(|| inside("inactive_file")).unwrap_or_default();
    let networks = answer.networks.iter().flatten().map(|(_, network)| network);
    let (received, sent) = networks.fold((0_u64, 0_u64), |(received, sent), network| {
        (received.saturating_add(network.rx_bytes.unwrap_or_default()), sent.saturating_add(network.tx_bytes.unwrap_or_default()))
    });
    let disk = |wanted: &str| {
        let entries = answer.blkio_stats.as_ref().and_then(|disk| disk.io_service_bytes_recursive.as_ref());
        let fitting =
            entries.into_iter().flatten().filter(|entry| entry.op.as_deref().is_some_and(|op| op.eq_ignore_ascii_case(wanted)));
        fitting.fold(0_u64, |sum, entry| sum.saturating_add(entry.value.unwrap_or_default()))
    };
    Some(Counters {
        at,
        cpu,
        memory: memory.and_then(|memory| memory.usage).unwrap_or_default().saturating_sub(spare),
        memory_limit: memory.and_then(|memory| memory.limit).unwrap_or_default(),
        received,
        sent,
        read: disk("read"),
        written: disk("write"),
    })
}
