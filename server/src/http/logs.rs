//! Logs as they are written, as server-sent events, and whole, as a file.
//!
//! `line` holds a JSON array of `{"s":"out"|"err","t":"…","c":[[3,"ink-1"]],"at":1764900252000}`; where
//! several logs come together, `"i"` says which, by its place in the stack. `gap` says how many lines
//! this reader lost by being slow as `{"n":12}`, `end` says that all of them have ended. A stream that
//! ends without `end` is to be opened again.

mod download;
mod feeds;
mod regions;

pub use download::{Asked, file};

use crate::ctx::Ctx;
use crate::engine::logs::MOST_TAIL;
use crate::http::auth::Caller;
use crate::http::events::{Seat, answer, still_allowed};
use crate::http::problem::{ApiProblem, Path, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::environments::{LogSource, log_source, logs_of};
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::id::EnvironmentId;
use domain::log::LogSince;
use domain::problem::Noun;
use domain::{Actor, Problem};
use feeds::{Feeds, News};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;
use tower_sessions::Session;

/// Lines that a reader gets who does not say how many.
const TAIL: u32 = 200;
/// So often a reader is asked again whether it may still read.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// So often it is looked whether a container was started.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// After a batch that was not full, the next lines are waited for together.
const GATHER: Duration = Duration::from_millis(25);

#[derive(Deserialize)]
pub struct Wanted {
    tail: Option<u32>,
    #[serde(default)]
    since: LogSince,
}

pub fn routes(routes: Routes) -> Routes {
    routes
        .get("/environments/{id}/logs", Access::SignedIn, merged)
        .get("/environments/{id}/logs/{service}", Access::SignedIn, stream)
        .get("/environments/{id}/log.txt", Access::SignedIn, download::page)
        .get("/regions/{region}/{app}/logs", Access::SignedIn, regions::stream)
}

/// `GET /environments/{id}/logs/{service}?tail=200`
pub async fn stream(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path((id, service)): Path<(EnvironmentId, String)>,
    Query(wanted): Query<Wanted>,
) -> Response {
    sent(Reading::begin(Reader { ctx, session, actor }, id, Some(service), &wanted).await)
}

/// `GET /environments/{id}/logs?tail=200`: all services in the order of time.
pub async fn merged(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Query(wanted): Query<Wanted>,
) -> Response {
    sent(Reading::begin(Reader { ctx, session, actor }, id, None, &wanted).await)
}

/// Whoever reads.
struct Reader {
    ctx: Ctx,
    session: Session,
    actor: Actor,
}

fn sent(reading: Result<Reading, Problem>) -> Response {
    match reading {
        Ok(reading) => {
            let events = futures::stream::unfold(reading, |mut reading| async move {
                let event = reading.next().await?;
                Some((Ok::<_, Infallible>(event), reading))
            });
            answer(events)
        }
        Err(problem) => ApiProblem(problem).into_response(),
    }
}

/// One open stream.
struct Reading {
    reader: Reader,
    feeds: Feeds,
    /// Whose services are followed; none for a service in a region.
    environment: Option<EnvironmentId>,
    /// Services whose containers were not started yet, by their places.
    waiting: Vec<(usize, String)>,
    tail: u32,
    since: Option<i64>,
    said: VecDeque<Event>,
    asked_at: Instant,
    looked_at: Instant,
    last_was_small: bool,
    over: bool,
    _seat: Seat,
}

impl Reading {
    /// A stream that follows nothing yet.
    fn new(reader: Reader, merged: bool, tail: u32) -> Result<Self, Problem> {
        let person = reader.actor.person().map(|person| person.id.0.clone()).unwrap_or_default();
        let seat = reader.ctx.streams.sit(&person)?;
        let now = Instant::now();
        Ok(Self {
            reader,
            feeds: Feeds::new(merged),
            environment: None,
            waiting: Vec::new(),
            tail,
            since: None,
            said: VecDeque::new(),
            asked_at: now,
            looked_at: now,
            last_was_small: false,
            over: false,
            _seat: seat,
        })
    }

    async fn begin(reader: Reader, id: EnvironmentId, service: Option<String>, wanted: &Wanted) -> Result<Self, Problem> {
        let Reader { ctx, actor, .. } = &reader;
        let tail = wanted.tail.unwrap_or(TAIL).min(MOST_TAIL);
        let (services, launched, merged) = match service {
            // What is not there is said at once.
            Some(service) => {
                log_source(ctx, actor, &id, &service).await?;
                (vec![service], ctx.now(), false)
            }
            None => {
                let (services, launched) = logs_of(ctx, actor, &id).await?;
                (services, launched, true)
            }
        };
        // The life of a container begins after its launch, so all of its log is since then.
        let since = match wanted.since {
            LogSince::Launch if !merged => None,
            since => since.cutoff(ctx.now(), launched).map(|at| at.timestamp_micros()),
        };
        let mut reading = Self::new(reader, merged, tail)?;
        reading.environment = Some(id);
        reading.waiting = services.into_iter().enumerate().collect();
        reading.since = since;
        reading.look().await?;
        Ok(reading)
    }

    /// Takes in the logs of those that were started by now.
    async fn look(&mut self) -> Result<(), Problem> {
        self.looked_at = Instant::now();
        let Some(id) = &self.environment else { return Ok(()) };
        let Reader { ctx, actor, .. } = &self.reader;
        let mut waiting = Vec::new();
        for (place, service) in std::mem::take(&mut self.waiting) {
            match log_source(ctx, actor, id, &service).await {
                Ok(LogSource::NotYet) => waiting.push((place, service)),
                Ok(LogSource::Ready { host, container }) => {
                    self.feeds.add(place, ctx.logs.follow(&host, &container, self.tail, self.since)?);
                }
                // One of several that is gone does not keep the others from being read.
                Err(Problem::NotFound { what: Noun::Service, .. }) if self.feeds.merged() => {}
                Err(problem) => return Err(problem),
            }
        }
        self.waiting = waiting;
        Ok(())
    }

    /// The next event; none when the stream is to be closed.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.said.pop_front() {
                return Some(event);
            }
            if self.over || !self.may_still_read().await {
                return None;
            }
            if self.feeds.is_empty() && self.waiting.is_empty() {
                self.over = true;
                return Some(Event::default().event("end").data("{}"));
            }
            if self.last_was_small {
                self.last_was_small = false;
                tokio::time::sleep(GATHER).await;
            }
            let ask_again = self.asked_at + ASK_AGAIN;
            let look_again = self.looked_at + LOOK_AGAIN;
            let stop = self.reader.ctx.work.stop.clone();
            let news = tokio::select! {
                () = stop.cancelled() => return None,
                news = self.feeds.next(self.tail), if !self.feeds.is_empty() => news,
                () = tokio::time::sleep_until(ask_again) => continue,
                () = tokio::time::sleep_until(look_again), if !self.waiting.is_empty() => {
                    self.look().await.ok()?;
                    continue;
                }
            };
            self.say(news);
        }
    }

    fn say(&mut self, news: News) {
        if news.lost > 0 {
            self.said.push_back(Event::default().event("gap").data(format!(r#"{{"n":{}}}"#, news.lost)));
        }
        if let Some(json) = news.json {
            self.last_was_small = !news.is_full;
            self.said.push_back(Event::default().event("line").data(json));
        }
        // A broken upstream closes the stream without an end: it is to be opened again.
        self.over |= news.broken;
    }

    /// A role that was taken away, or a session that ended, closes the stream within two seconds.
    async fn may_still_read(&mut self) -> bool {
        if self.asked_at.elapsed() < ASK_AGAIN {
            return true;
        }
        self.asked_at = Instant::now();
        still_allowed(&self.reader.ctx, &self.reader.session, &self.reader.actor).await
    }
}
