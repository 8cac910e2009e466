//! What the tasks of a service write, through the manager: the Swarm gathers it from its nodes.

use super::{Look, Swarm, Trouble, Which, away, failure};
use crate::engine::logs::{Assembler, Frames, Raw, Stream};
use app::view::{LogLine, LogPiece};
use bollard::errors::Error;
use bollard::query_parameters::LogsOptions;
use chrono::DateTime;
use domain::log;
use futures::StreamExt as _;
use std::time::Duration;

/// Reading the end of a log takes no longer.
const READ: Duration = Duration::from_secs(5);
/// Bytes that are read for the end of a log: each task gives as many lines as are asked for.
const MOST_READ: usize = 8 << 20;

impl Swarm {
    /// The last lines of one of an app's services, of all its tasks in the order of time; none when it has
    /// no service of ours. Only what the bound on bytes lets through.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm gave no answer in five seconds.
    pub async fn log_tail(&self, app: &str, which: Which, lines: u32) -> Result<Option<Vec<LogLine>>, Trouble> {
        let Look::Ours(seen) = self.look(app, which).await? else { return Ok(None) };
        let frames = self.log_frames(&seen.id, lines, false);
        let read = tokio::time::timeout(READ, gather(app, frames)).await.map_err(|_| away())?;
        let mut read = read.map_err(|error| failure(error).trouble())?;
        // What has no moment stays behind the line before it.
        read.sort_by_key(|line| line.at);
        let most = usize::try_from(lines).unwrap_or(usize::MAX);
        Ok(Some(read.split_off(read.len().saturating_sub(most))))
    }

    /// What a service of ours writes, by its id, beginning with the last `tail` lines of each task.
    pub fn log_frames(&self, id: &str, tail: u32, follow: bool) -> Frames {
        let tail = tail.to_string();
        let options = LogsOptions { follow, stdout: true, stderr: true, timestamps: true, tail, ..Default::default() };
        self.docker.service_logs(id, Some(options)).boxed()
    }
}

async fn gather(app: &str, mut frames: Frames) -> Result<Vec<LogLine>, Error> {
    let (mut assembler, mut lines, mut bytes) = (Assembler::timed(), Vec::<LogLine>::new(), 0);
    while let Some(frame) = frames.next().await {
        let frame = frame?;
        bytes += frame.as_ref().len();
        assembler.take(frame, |raw| lines.push(line(app, raw)));
        if bytes > MOST_READ {
            break;
        }
    }
    assembler.finish(|raw| lines.push(line(app, raw)));
    let mut last = None;
    for line in &mut lines {
        line.at = line.at.or(last);
        last = line.at;
    }
    Ok(lines)
}

fn line(app: &str, raw: Raw<'_>) -> LogLine {
    let read = log::read(raw.bytes);
    LogLine {
        service: app.to_owned(),
        at: raw.at.and_then(DateTime::from_timestamp_micros),
        err: raw.stream == Stream::Err,
        text: read.text,
        pieces: read.pieces.into_iter().map(|(chars, look)| LogPiece { chars, look: look.words() }).collect(),
    }
}
