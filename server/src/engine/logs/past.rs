//! The past of several containers, merged in the order of time. It is read once from its beginning
//! to its end; what waits in memory is one line of each container.

use super::lines::{Assembler, Raw, Stream};
use crate::engine::containers::Host;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptions;
use domain::Problem;
use futures::StreamExt as _;
use std::collections::VecDeque;
use std::pin::Pin;

/// One container, and what its lines are called.
#[derive(Clone)]
pub struct Source {
    pub host: Host,
    pub container: String,
    pub service: String,
}

/// One line of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastLine {
    /// Which of the sources wrote it.
    pub source: usize,
    pub stream: Stream,
    /// Microseconds since 1970, where the engine said.
    pub at: Option<i64>,
    /// As it was written, without its end.
    pub bytes: Vec<u8>,
}

/// The lines of some containers, oldest first.
pub struct Past(Vec<Reading>);

type Frames = Pin<Box<dyn futures::Stream<Item = Result<LogOutput, Error>> + Send>>;

struct Reading {
    source: Source,
    frames: Option<Frames>,
    assembler: Assembler,
    lines: VecDeque<PastLine>,
    /// When its newest line was written: one without a moment belongs there.
    last: i64,
}

impl Past {
    /// Begins to read: everything, or what was written since a moment in microseconds, or the last
    /// `tail` lines of each.
    pub fn of(sources: Vec<Source>, since: Option<i64>, tail: Option<u32>) -> Self {
        let reading = |source: Source| {
            let since = since.and_then(|at| i32::try_from(at.div_euclid(1_000_000)).ok()).unwrap_or_default();
            let tail = tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
            let options = LogsOptions { stdout: true, stderr: true, timestamps: true, since, tail, ..Default::default() };
            // The stream owns what it was made from.
            let frames = source.host.docker().logs(&source.container, Some(options)).boxed();
            Reading { source, frames: Some(frames), assembler: Assembler::timed(), lines: VecDeque::new(), last: i64::MIN }
        };
        Self(sources.into_iter().map(reading).collect())
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// [`Problem::Unreachable`] or [`Problem::EngineRefused`] when an engine breaks off.
    pub async fn next(&mut self) -> Result<Option<PastLine>, Problem> {
        let mut oldest: Option<(i64, usize)> = None;
        for number in 0..self.0.len() {
            let Some(reading) = self.0.get_mut(number) else { continue };
            reading.fill(number).await?;
            let Some(line) = reading.lines.front() else { continue };
            let at = line.at.unwrap_or(reading.last);
            if oldest.is_none_or(|(before, _)| at < before) {
                oldest = Some((at, number));
            }
        }
        let Some((at, number)) = oldest else { return Ok(None) };
        Ok(self.0.get_mut(number).and_then(|reading| {
            reading.last = at;
            reading.lines.pop_front()
        }))
    }

    /// The service that a line is from.
    pub fn service(&self, line: &PastLine) -> &str {
        self.0.get(line.source).map_or("", |reading| &reading.source.service)
    }
}

impl Reading {
    /// Reads until a line is there, or nothing comes any more.
    async fn fill(&mut self, number: usize) -> Result<(), Problem> {
        while self.lines.is_empty() {
            let Some(frames) = &mut self.frames else { return Ok(()) };
            let lines = &mut self.lines;
            let keep = |raw: Raw<'_>| {
                lines.push_back(PastLine { source: number, stream: raw.stream, at: raw.at, bytes: raw.bytes.to_vec() });
            };
            match frames.next().await {
                Some(Ok(output)) => self.assembler.take(output, keep),
                Some(Err(cause)) => return Err(self.source.host.problem(&cause)),
                None => {
                    self.assembler.finish(keep);
                    self.frames = None;
                }
            }
        }
        Ok(())
    }
}
