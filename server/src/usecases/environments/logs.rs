//! Reading logs: the end of them, what is sought in them, all of them, and where they are followed.

use super::read::{container, find, plan, planned};
use crate::ctx::Ctx;
use crate::engine::containers::Host;
use crate::engine::logs::{MOST_TAIL, Past, PastLine, Source, Stream};
use crate::store::environments::EnvironmentRecord;
use app::view::{LogLine, LogPage, LogPiece, LogQuery};
use chrono::DateTime;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::log::{self, LogSince};
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// A page does not wait longer for a log.
const TAIL: Duration = Duration::from_secs(5);
/// Lines on a page when nobody says how many.
const LINES: u32 = 500;
/// Text that a page holds.
const MOST_TEXT: usize = 2 << 20;
/// A search ends after so long, and after so many bytes.
const SEARCH: Duration = Duration::from_secs(8);
const MOST_SOUGHT: usize = 128 << 20;
/// Characters of what is sought.
const MOST_WORD: usize = 200;

/// The last `lines` lines of a service's log, both streams, made safe to show.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the environment, or for the service when
/// it has no container (any more); [`Problem::Invalid`] for more than 1000 lines or none;
/// [`Problem::Unreachable`] when the engine does not answer.
pub async fn log_tail(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, service: &str, lines: u32) -> Result<Vec<String>, Problem> {
    actor.require(Action::Read)?;
    if !(1..=MOST_TAIL).contains(&lines) {
        return Err(Problem::invalid("lines", Fault::OutOfRange { least: 1, most: i64::from(MOST_TAIL) }));
    }
    let record = find(ctx, id).await?;
    let read = tokio::time::timeout(TAIL, async {
        let (host, container) = container(ctx, &record, service).await?;
        host.tail(&container.id, lines).await
    });
    read.await.unwrap_or(Err(Problem::Unreachable { what: Noun::Engine, name: record.engine }))
}

/// The end of the logs of one service or of all, merged in the order of time; or, when something is
/// sought, the newest lines that hold it, and how many do.
///
/// # Errors
/// As [`log_tail`]; [`Problem::Busy`] when too many are searched.
pub async fn log_page(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, query: &LogQuery) -> Result<LogPage, Problem> {
    actor.require(Action::Read)?;
    let lines = query.lines.unwrap_or(LINES);
    if !(1..=MOST_TAIL).contains(&lines) {
        return Err(Problem::invalid("lines", Fault::OutOfRange { least: 1, most: i64::from(MOST_TAIL) }));
    }
    let q = query.q.as_deref().map(str::trim).filter(|q| !q.is_empty());
    if q.is_some_and(|q| q.chars().count() > MOST_WORD) {
        return Err(Problem::invalid("q", Fault::TooLong { most: MOST_WORD as u64 }));
    }
    let record = find(ctx, id).await?;
    let since = query.since.cutoff(ctx.now(), record.created_at).map(|at| at.timestamp_micros());
    let away = || Problem::Unreachable { what: Noun::Engine, name: record.engine.clone() };
    let found = tokio::time::timeout(TAIL, sources(ctx, &record, query.service.as_deref())).await;
    let sources = found.unwrap_or_else(|_| Err(away()))?;
    let Some(q) = q else {
        let mut kept = Kept::new(Past::of(sources, since, Some(lines)), since, lines);
        let end = tokio::time::timeout(TAIL, kept.read_all()).await;
        end.unwrap_or_else(|_| Err(away()))?;
        return Ok(LogPage { found: None, read: kept.read, whole: true, lines: kept.lines.into() });
    };
    let _turn = ctx.logs.turn()?;
    let mut kept = Kept::new(Past::of(sources, since, None), since, lines);
    kept.sought = Some(q.to_owned());
    let ended = tokio::time::timeout(SEARCH, kept.read_all()).await;
    let whole = ended.unwrap_or(Ok(false))?;
    Ok(LogPage { found: Some(kept.found), read: kept.read, whole, lines: kept.lines.into() })
}

/// The newest lines that are wanted, within their bounds.
struct Kept {
    past: Past,
    since: Option<i64>,
    most: usize,
    sought: Option<String>,
    lines: VecDeque<LogLine>,
    text: usize,
    bytes: usize,
    read: u64,
    found: u64,
}

impl Kept {
    fn new(past: Past, since: Option<i64>, most: u32) -> Self {
        Self { past, since, most: most as usize, sought: None, lines: VecDeque::new(), text: 0, bytes: 0, read: 0, found: 0 }
    }

    /// Reads to the end; false when the bound came first.
    async fn read_all(&mut self) -> Result<bool, Problem> {
        while let Some(line) = self.past.next().await? {
            if self.since.is_some_and(|since| line.at.is_some_and(|at| at < since)) {
                continue;
            }
            self.read += 1;
            self.bytes += line.bytes.len();
            self.keep(&line);
            if self.sought.is_some() && self.bytes > MOST_SOUGHT {
                return Ok(false);
            }
            // A log that is there at once must not keep the others waiting.
            tokio::task::consume_budget().await;
        }
        Ok(true)
    }

    fn keep(&mut self, line: &PastLine) {
        let read = log::read(&line.bytes);
        if self.sought.as_deref().is_some_and(|sought| !log::holds(&read.text, sought)) {
            return;
        }
        self.found += 1;
        self.text += read.text.len();
        self.lines.push_back(LogLine {
            service: self.past.service(line).to_owned(),
            at: line.at.and_then(DateTime::from_timestamp_micros),
            err: line.stream == Stream::Err,
            text: read.text,
            pieces: read.pieces.into_iter().map(|(chars, look)| LogPiece { chars, look: look.words() }).collect(),
        });
        while self.lines.len() > self.most || self.text > MOST_TEXT {
            self.text -= self.lines.pop_front().map_or(0, |line| line.text.len());
        }
    }
}

/// The whole past of one log or of all, to be sent as it is read.
pub struct Download {
    pub past: Past,
    pub since: Option<i64>,
    /// Whether lines say which service they are from.
    pub merged: bool,
    /// For a file: `E-42-web.log`.
    pub name: String,
    _turn: OwnedSemaphorePermit,
}

/// Everything that was written, from the beginning or since a moment.
///
/// # Errors
/// As [`log_page`].
pub async fn log_download(
    ctx: &Ctx,
    actor: &Actor,
    id: &EnvironmentId,
    service: Option<&str>,
    since: LogSince,
) -> Result<Download, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let since = since.cutoff(ctx.now(), record.created_at).map(|at| at.timestamp_micros());
    let found = tokio::time::timeout(TAIL, sources(ctx, &record, service)).await;
    let away = || Problem::Unreachable { what: Noun::Engine, name: record.engine.clone() };
    let sources = found.unwrap_or_else(|_| Err(away()))?;
    let turn = ctx.logs.turn()?;
    let word: String = service.unwrap_or("all").chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let name = format!("E-{}-{word}.log", record.number);
    Ok(Download { past: Past::of(sources, since, None), since, merged: service.is_none(), name, _turn: turn })
}

/// The containers whose logs are meant: one, or all that are there, in the order of the stack.
async fn sources(ctx: &Ctx, record: &EnvironmentRecord, service: Option<&str>) -> Result<Vec<Source>, Problem> {
    if let Some(service) = service {
        let (host, found) = container(ctx, record, service).await?;
        return Ok(vec![Source { host, container: found.id, service: found.service }]);
    }
    if record.ended_at.is_some() {
        return Err(Problem::not_found(Noun::Service, "all"));
    }
    let plan = plan(ctx, record).await?;
    let host = ctx.host(&record.engine).await?;
    let found = host.containers(Some(record.id.as_str())).await?;
    let of = |name: &str| found.iter().find(|container| container.service == name);
    let present = plan.services.iter().filter_map(|planned| of(&planned.service.name));
    let source = |found: &crate::engine::containers::Found| Source {
        host: host.clone(),
        container: found.id.clone(),
        service: found.service.clone(),
    };
    Ok(present.map(source).collect())
}

/// Where a service's log is followed.
pub enum LogSource {
    /// It has no container yet, or one that was not started: ask again in a moment.
    NotYet,
    Ready {
        host: Host,
        container: String,
    },
}

/// Where the log of a service can be followed now.
///
/// # Errors
/// As [`log_tail`].
pub async fn log_source(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<LogSource, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let asked = tokio::time::timeout(TAIL, source(ctx, &record, service)).await;
    asked.unwrap_or(Err(Problem::Unreachable { what: Noun::Engine, name: record.engine }))
}

/// The services of an environment, in the order of its stack, whose logs can be followed together;
/// and since when it is there.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] also when it has ended.
pub async fn logs_of(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<(Vec<String>, domain::Time), Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    if record.ended_at.is_some() {
        return Err(Problem::not_found(Noun::Service, "all"));
    }
    let plan = plan(ctx, &record).await?;
    Ok((plan.services.into_iter().map(|planned| planned.service.name).collect(), record.created_at))
}

async fn source(ctx: &Ctx, record: &EnvironmentRecord, service: &str) -> Result<LogSource, Problem> {
    let launching = record.state == EnvironmentState::Launching;
    let (host, found) = match container(ctx, record, service).await {
        Err(Problem::NotFound { what: Noun::Service, id }) if launching && planned(ctx, record, &id).await? => {
            return Ok(LogSource::NotYet);
        }
        other => other?,
    };
    let not_started = host.look(&found.id).await?.is_some_and(|look| look.state == "created");
    if not_started && launching {
        return Ok(LogSource::NotYet);
    }
    Ok(LogSource::Ready { host, container: found.id })
}
