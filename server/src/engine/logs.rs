//! What containers write: the end of it, and live.
//!
//! However many look at one container, the engine is asked once. What it sends goes through a
//! ring of bounded size that all viewers read at their own pace: who falls behind by more than
//! the ring holds is told how many lines are missing, and costs no memory.

mod lines;
mod past;
mod ring;

pub use lines::{Assembler, Raw, Stream, safe};
pub use past::{Past, PastLine, Source};
pub use ring::{Batch, Line};

use crate::engine::containers::Host;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptions;
use domain::Problem;
use futures::StreamExt as _;
use lines::encoded;
use ring::{Ring, Seat};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lines of the past that a viewer can ask for.
pub const MOST_TAIL: u32 = 1000;
/// Bytes that a tail gives back.
const MOST_BYTES: usize = 1 << 20;
/// Containers that are followed at once.
const MOST_FOLLOWED: usize = 200;
/// Pasts that are read whole at once: each costs the engine a core.
const MOST_READ: usize = 4;
/// The past has been sent when nothing came for so long.
const QUIET: Duration = Duration::from_millis(40);
/// Or when it has taken so long.
const PAST_TAKES: Duration = Duration::from_millis(500);

/// What an engine sends of a log: it owns what it was made from.
pub type Frames = futures::stream::BoxStream<'static, Result<LogOutput, Error>>;

/// The containers that are followed now, and turns at reading a whole past. Cloning is cheap.
#[derive(Clone)]
pub struct Logs {
    followed: Arc<Mutex<HashMap<String, Arc<Ring>>>>,
    turns: Arc<Semaphore>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { followed: Arc::default(), turns: Arc::new(Semaphore::new(MOST_READ)) }
    }
}

/// Somebody who reads along.
pub struct Viewer {
    seat: Seat,
    tail: u32,
    since: Option<i64>,
    placed: bool,
}

impl Logs {
    /// Follows a container, beginning with the last `tail` lines, of those since a moment
    /// in microseconds.
    ///
    /// # Errors
    /// [`Problem::Busy`] when too many containers are followed.
    pub fn follow(&self, host: &Host, container: &str, tail: u32, since: Option<i64>) -> Result<Viewer, Problem> {
        let key = format!("{}/{container}", host.name());
        let lines = MOST_TAIL.to_string();
        let options =
            LogsOptions { follow: true, stdout: true, stderr: true, timestamps: true, tail: lines, ..Default::default() };
        self.follow_frames(key, tail, since, || host.docker().logs(container, Some(options)).boxed())
    }

    /// Follows what is known by `key`, where the first who does so asks for its frames.
    ///
    /// # Errors
    /// [`Problem::Busy`] when too much is followed.
    pub fn follow_frames(
        &self,
        key: String,
        tail: u32,
        since: Option<i64>,
        frames: impl FnOnce() -> Frames,
    ) -> Result<Viewer, Problem> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let sits = followed.get(&key).and_then(Ring::sit);
        let seat = match sits {
            Some(seat) => seat,
            None if followed.len() >= MOST_FOLLOWED => return Err(Problem::Busy),
            None => {
                let (ring, seat) = Ring::begin();
                followed.insert(key.clone(), ring.clone());
                tokio::spawn(follow(self.clone(), frames(), key, ring));
                seat
            }
        };
        Ok(Viewer { seat, tail: tail.min(MOST_TAIL), since, placed: false })
    }

    /// A turn at reading a whole past, given back on drop.
    ///
    /// # Errors
    /// [`Problem::Busy`] when too many do.
    pub fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.turns.clone().try_acquire_owned().map_err(|_| Problem::Busy)
    }

    /// How many containers are followed now.
    pub fn followed(&self) -> usize {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn forget(&self, key: &str, ring: &Arc<Ring>) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.get(key).is_some_and(|kept| Arc::ptr_eq(kept, ring)) {
            followed.remove(key);
        }
    }
}

impl Viewer {
    /// Waits until the past is here.
    pub async fn past_is_here(&mut self) {
        if !self.placed {
            self.seat.past_is_here().await;
            self.seat.place(self.tail, self.since);
            self.placed = true;
        }
    }

    /// What comes next. After [`Batch::End`] or [`Batch::Broken`] nothing comes. May be dropped
    /// while it waits and asked again.
    pub async fn next(&mut self) -> Batch {
        self.past_is_here().await;
        self.seat.next().await
    }
}

/// Reads from the engine into the ring until the container ends or nobody looks any more.
async fn follow(logs: Logs, frames: Frames, key: String, ring: Arc<Ring>) {
    let mut chunks = std::pin::pin!(frames.ready_chunks(256));
    let mut assembler = Assembler::timed();
    let past_ends = tokio::time::Instant::now() + PAST_TAKES;
    let whole = loop {
        let chunk = tokio::select! {
            () = ring.deserted() => break true,
            chunk = chunks.next() => chunk,
            () = tokio::time::sleep(QUIET), if !ring.settled() => {
                ring.settle();
                continue;
            }
        };
        let Some(chunk) = chunk else { break true };
        let mut lines = Vec::new();
        let mut broken = false;
        for output in chunk {
            match output {
                Ok(output) => assembler.take(output, |raw| lines.push(line(raw))),
                Err(cause) => {
                    tracing::warn!(%key, %cause, "log cannot be followed");
                    broken = true;
                }
            }
        }
        ring.push(lines).await;
        if tokio::time::Instant::now() > past_ends {
            ring.settle();
        }
        if broken {
            break false;
        }
    };
    let mut rest = Vec::new();
    assembler.finish(|raw| rest.push(line(raw)));
    ring.push(rest).await;
    logs.forget(&key, &ring);
    ring.end(whole);
}

fn line(raw: Raw<'_>) -> Line {
    Line { at: raw.at, json: encoded(raw) }
}

/// The last `lines` lines, both streams in their order, made safe, at most [`MOST_BYTES`].
pub(super) async fn tail(docker: &Docker, container: &str, lines: u32) -> Result<Vec<String>, Error> {
    let lines = lines.clamp(1, MOST_TAIL);
    let options = LogsOptions { stdout: true, stderr: true, tail: lines.to_string(), ..Default::default() };
    let mut outputs = std::pin::pin!(docker.logs(container, Some(options)));
    let mut assembler = Assembler::default();
    let mut kept = Kept { lines: VecDeque::new(), bytes: 0, most: lines as usize };
    while let Some(output) = outputs.next().await {
        assembler.take(output?, |raw| kept.push(raw.bytes));
    }
    assembler.finish(|raw| kept.push(raw.bytes));
    Ok(kept.lines.into())
}

/// The newest lines within both bounds.
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    most: usize,
}

impl Kept {
    fn push(&mut self, line: &[u8]) {
        let line = safe(line).into_owned();
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > self.most || self.bytes > MOST_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }
}
