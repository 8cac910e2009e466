//! The ring between one engine and many viewers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Bytes that the ring holds.
const MOST_BYTES: usize = 1 << 20;
/// What one line costs beside its text.
const LINE_COSTS: usize = 24;
/// Bytes that go to a viewer at once.
const MOST_BATCH: usize = 64 << 10;
/// Lines that the ring holds before the past counts as sent.
const PAST: usize = super::MOST_TAIL as usize;
/// So long the engine is held back for the fastest viewer; then lines are dropped.
const PATIENCE: Duration = Duration::from_secs(1);

/// One line, as pages read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written, in microseconds since 1970, where the engine said.
    pub at: Option<i64>,
    /// A JSON object.
    pub json: Arc<str>,
}

/// What a viewer is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// `is_full` when more wait behind them.
    Lines { lines: Vec<Line>, is_full: bool },
    /// So many lines were lost, because this viewer was too slow.
    Gap(u64),
    /// The container has ended.
    End,
    /// The engine stopped answering; ask again later.
    Broken,
}

/// Lines by their running number, and who has read how far.
pub struct Ring {
    state: Mutex<State>,
    grown: Notify,
    read: Notify,
    deserted: CancellationToken,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    /// The number of the first line in `lines`.
    first: u64,
    bytes: usize,
    /// The past is here: viewers can take their places.
    settled: bool,
    ended: Option<Batch>,
    /// The next line of each viewer who has a place; none before that.
    viewers: HashMap<u64, Option<u64>>,
    last_viewer: u64,
    /// Nobody keeps up: the engine is not held back until somebody reads again.
    runs_free: bool,
}

/// One viewer's place at a ring. The ring is deserted when the last one is dropped.
pub struct Seat {
    ring: Arc<Ring>,
    viewer: u64,
}

impl Ring {
    /// A new ring and its first viewer.
    pub fn begin() -> (Arc<Self>, Seat) {
        let mut state = State::default();
        state.viewers.insert(0, None);
        let ring = Arc::new(Self {
            state: Mutex::new(state),
            grown: Notify::new(),
            read: Notify::new(),
            deserted: CancellationToken::new(),
        });
        (ring.clone(), Seat { ring, viewer: 0 })
    }

    /// One more viewer; none when the ring has ended or is deserted.
    pub fn sit(self: &Arc<Self>) -> Option<Seat> {
        let mut state = self.state();
        if state.ended.is_some() || state.viewers.is_empty() {
            return None;
        }
        state.last_viewer += 1;
        let viewer = state.last_viewer;
        state.viewers.insert(viewer, None);
        Some(Seat { ring: self.clone(), viewer })
    }

    /// Waits until nobody looks any more.
    pub async fn deserted(&self) {
        self.deserted.cancelled().await;
    }

    pub fn settled(&self) -> bool {
        self.state().settled
    }

    /// From now on viewers take their places.
    pub fn settle(&self) {
        self.state().settled = true;
        self.grown.notify_waiters();
    }

    /// Ends it: with the container, or because the engine does not answer.
    pub fn end(&self, whole: bool) {
        let mut state = self.state();
        state.settled = true;
        state.ended = Some(if whole { Batch::End } else { Batch::Broken });
        drop(state);
        self.grown.notify_waiters();
    }

    /// Adds lines. Holds the engine back while the fastest viewer has not read what would fall
    /// out, for [`PATIENCE`] at most.
    pub async fn push(&self, lines: Vec<Line>) {
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            let full = {
                let mut state = self.state();
                while let Some(line) = lines.next_if(|line| state.makes_room(line.json.len())) {
                    state.bytes += line.json.len() + LINE_COSTS;
                    state.lines.push_back(line);
                }
                state.settled |= state.lines.len() >= PAST;
                lines.peek().is_some()
            };
            self.grown.notify_waiters();
            if full {
                let read = tokio::time::timeout(PATIENCE, self.read.notified());
                tokio::select! {
                    () = self.deserted.cancelled() => return,
                    read = read => if read.is_err() { self.state().runs_free = true; },
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops old lines until one of `len` bytes fits; false when the fastest viewer needs them.
    fn makes_room(&mut self, len: usize) -> bool {
        let fastest = self.viewers.values().flatten().max().copied();
        let needed_from = if self.runs_free { None } else { fastest };
        while self.bytes + len + LINE_COSTS > MOST_BYTES && !self.lines.is_empty() {
            if needed_from.is_some_and(|next| self.first >= next) {
                return false;
            }
            let dropped = self.lines.pop_front().map_or(0, |line| line.json.len() + LINE_COSTS);
            self.bytes -= dropped;
            self.first += 1;
        }
        true
    }

    fn end_number(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// What the viewer who wants line `next` gets, and which line it wants then.
    fn batch(&self, next: u64) -> Option<(Batch, u64)> {
        if next < self.first {
            return Some((Batch::Gap(self.first - next), self.first));
        }
        let skip = usize::try_from(next - self.first).unwrap_or(usize::MAX);
        let (mut lines, mut bytes, mut is_full) = (Vec::new(), 0, false);
        for line in self.lines.iter().skip(skip) {
            is_full = !lines.is_empty() && bytes + line.json.len() > MOST_BATCH;
            if is_full {
                break;
            }
            bytes += line.json.len();
            lines.push(line.clone());
        }
        if !lines.is_empty() {
            let next = next + lines.len() as u64;
            return Some((Batch::Lines { lines, is_full }, next));
        }
        self.ended.clone().map(|end| (end, next))
    }
}

impl Seat {
    /// Waits until the past has been sent.
    pub async fn past_is_here(&self) {
        loop {
            let mut grown = std::pin::pin!(self.ring.grown.notified());
            grown.as_mut().enable();
            if self.ring.settled() {
                return;
            }
            grown.await;
        }
    }

    /// Takes the place at the last `tail` lines, of those that were written since a moment.
    pub fn place(&self, tail: u32, since: Option<i64>) {
        let mut state = self.ring.state();
        let mut next = state.end_number().saturating_sub(u64::from(tail)).max(state.first);
        if let Some(since) = since {
            let skip = usize::try_from(next - state.first).unwrap_or(usize::MAX);
            let older = state.lines.iter().skip(skip).take_while(|line| line.at.is_some_and(|at| at < since)).count();
            next += older as u64;
        }
        state.viewers.insert(self.viewer, Some(next));
    }

    /// What comes next.
    pub async fn next(&self) -> Batch {
        loop {
            let mut grown = std::pin::pin!(self.ring.grown.notified());
            grown.as_mut().enable();
            if let Some(batch) = self.take() {
                self.ring.read.notify_one();
                return batch;
            }
            grown.await;
        }
    }

    fn take(&self) -> Option<Batch> {
        let mut state = self.ring.state();
        let next = state.viewers.get(&self.viewer).copied().flatten().unwrap_or(state.first);
        let (batch, next) = state.batch(next)?;
        state.viewers.insert(self.viewer, Some(next));
        state.runs_free = false;
        Some(batch)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.ring.state();
        state.viewers.remove(&self.viewer);
        if state.viewers.is_empty() {
            self.ring.deserted.cancel();
        }
        drop(state);
        // The engine may have been held back for this viewer.
        self.ring.read.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize, width: usize) -> Line {
        Line { at: i64::try_from(n).ok(), json: format!("{n:>width$}").into() }
    }

    async fn numbers(seat: &Seat) -> (Vec<String>, u64, Batch) {
        let (mut lines, mut lost) = (Vec::new(), 0);
        loop {
            match seat.next().await {
                Batch::Lines { lines: more, .. } => lines.extend(more.iter().map(|line| line.json.trim().to_owned())),
                Batch::Gap(count) => lost += count,
                end => return (lines, lost, end),
            }
        }
    }

    #[tokio::test]
    async fn a_viewer_begins_with_the_last_lines_and_hears_the_end() {
        let (ring, seat) = Ring::begin();
        ring.push((0..10).map(|n| line(n, 1)).collect()).await;
        ring.settle();
        seat.past_is_here().await;
        seat.place(3, None);
        ring.end(true);
        assert_eq!(numbers(&seat).await, (vec!["7".into(), "8".into(), "9".into()], 0, Batch::End));
        assert!(ring.sit().is_none(), "an ended ring takes no viewers");
    }

    #[tokio::test]
    async fn a_viewer_begins_no_earlier_than_it_wants() {
        let (ring, seat) = Ring::begin();
        ring.push((0..10).map(|n| line(n, 1)).collect()).await;
        ring.settle();
        seat.place(5, Some(8));
        let other = ring.sit().expect("a seat");
        other.place(2, Some(3));
        ring.end(true);
        assert_eq!(numbers(&seat).await.0, ["8", "9"]);
        assert_eq!(numbers(&other).await.0, ["8", "9"]);
    }

    #[tokio::test]
    async fn a_viewer_who_reads_gets_every_line_though_more_come_than_the_ring_holds() {
        let (ring, seat) = Ring::begin();
        ring.settle();
        seat.place(0, None);
        let writer = tokio::spawn(async move {
            for n in 0..3000 {
                ring.push(vec![line(n, 1000)]).await;
            }
            ring.end(true);
        });
        let (lines, lost, end) = numbers(&seat).await;
        writer.await.expect("written");
        assert_eq!((lines.len(), lost, end), (3000, 0, Batch::End));
    }

    #[tokio::test]
    async fn a_stalled_viewer_costs_no_memory_and_learns_how_much_it_missed() {
        let (ring, stalled) = Ring::begin();
        ring.settle();
        stalled.place(0, None);
        ring.push((0..5000).map(|n| line(n, 1000)).collect()).await;
        assert!(ring.state().bytes <= MOST_BYTES);
        ring.end(true);
        let (lines, lost, _) = numbers(&stalled).await;
        assert!(lost > 3000, "{lost}");
        assert_eq!(lines.len() as u64 + lost, 5000);
        assert_eq!(lines.last().map(String::as_str), Some("4999"));
    }

    #[tokio::test]
    async fn a_stalled_viewer_does_not_hold_back_one_who_reads() {
        let (ring, stalled) = Ring::begin();
        ring.settle();
        stalled.place(0, None);
        let reading = ring.sit().expect("a seat");
        reading.place(0, None);
        let writer = tokio::spawn(async move {
            for n in 0..3000 {
                ring.push(vec![line(n, 1000)]).await;
            }
            ring.end(true);
        });
        assert_eq!(numbers(&reading).await.0.len(), 3000);
        writer.await.expect("written");
        assert!(numbers(&stalled).await.1 > 1000);
    }

    #[tokio::test]
    async fn a_ring_without_viewers_is_deserted() {
        let (ring, first) = Ring::begin();
        let second = ring.sit().expect("a seat");
        drop(first);
        assert!(ring.sit().is_some());
        drop(second);
        ring.deserted().await;
        assert!(ring.sit().is_none());
    }
}
