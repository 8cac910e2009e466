//! Live logs as server-sent events.
//!
//! `line` holds a JSON array of `{"s":"out"|"err","t":"…"}`, `gap` how many lines this reader
//! lost by being slow as `{"n":12}`, `end` says that the container has ended. A stream that ends
//! without `end` is to be opened again.

use crate::ctx::Ctx;
use crate::engine::logs::{Batch, MOST_TAIL, Viewer};
use crate::http::auth::Caller;
use crate::http::events::{Seat, answer, still_allowed};
use crate::http::problem::{ApiProblem, Path, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::environments::{LogSource, log_source};
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::id::EnvironmentId;
use domain::{Actor, Problem};
use serde::Deserialize;
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
}

pub fn routes(routes: Routes) -> Routes {
    routes.get("/environments/{id}/logs/{service}", Access::SignedIn, stream)
}

/// `GET /environments/{id}/logs/{service}?tail=200`
pub async fn stream(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path((id, service)): Path<(EnvironmentId, String)>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let tail = wanted.tail.unwrap_or(TAIL).min(MOST_TAIL);
    match Reading::begin(ctx, session, actor, id, service, tail).await {
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
    ctx: Ctx,
    session: Session,
    actor: Actor,
    id: EnvironmentId,
    service: String,
    tail: u32,
    /// None until the container has been started.
    viewer: Option<Viewer>,
    asked_at: Instant,
    last_was_small: bool,
    over: bool,
    _seat: Seat,
}

impl Reading {
    async fn begin(
        ctx: Ctx,
        session: Session,
        actor: Actor,
        id: EnvironmentId,
        service: String,
        tail: u32,
    ) -> Result<Self, Problem> {
        let source = log_source(&ctx, &actor, &id, &service).await?;
        let person = actor.person().map(|person| person.id.0.clone()).unwrap_or_default();
        let seat = ctx.streams.sit(&person)?;
        let mut reading = Self {
            ctx,
            session,
            actor,
            id,
            service,
            tail,
            viewer: None,
            asked_at: Instant::now(),
            last_was_small: false,
            over: false,
            _seat: seat,
        };
        reading.take(source)?;
        Ok(reading)
    }

    fn take(&mut self, source: LogSource) -> Result<(), Problem> {
        if let LogSource::Ready { host, container } = source {
            self.viewer = Some(self.ctx.logs.follow(&host, &container, self.tail)?);
        }
        Ok(())
    }

    /// The next event; none when the stream is to be closed.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.over || !self.may_still_read().await {
                return None;
            }
            let ask_again = self.asked_at + ASK_AGAIN;
            if self.last_was_small {
                self.last_was_small = false;
                tokio::time::sleep(GATHER).await;
            }
            let Some(viewer) = &mut self.viewer else {
                self.wait_for_start().await?;
                continue;
            };
            let batch = tokio::select! {
                () = self.ctx.work.stop.cancelled() => return None,
                batch = viewer.next() => batch,
                () = tokio::time::sleep_until(ask_again) => continue,
            };
            return match batch {
                Batch::Lines { json, is_full } => {
                    self.last_was_small = !is_full;
                    Some(Event::default().event("line").data(json))
                }
                Batch::Gap(lines) => Some(Event::default().event("gap").data(format!(r#"{{"n":{lines}}}"#))),
                Batch::End => {
                    self.over = true;
                    Some(Event::default().event("end").data("{}"))
                }
                Batch::Broken => None,
            };
        }
    }

    /// A role that was taken away, or a session that ended, closes the stream within two seconds.
    async fn may_still_read(&mut self) -> bool {
        if self.asked_at.elapsed() < ASK_AGAIN {
            return true;
        }
        self.asked_at = Instant::now();
        still_allowed(&self.ctx, &self.session, &self.actor).await
    }

    async fn wait_for_start(&mut self) -> Option<()> {
        self.ctx.work.stop.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await?;
        let source = log_source(&self.ctx, &self.actor, &self.id, &self.service).await.ok()?;
        self.take(source).ok()
    }
}
