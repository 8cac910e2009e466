//! What a service writes in a region, as server-sent events: `line`, `gap` and `end` as for environments.

use super::feeds::{Feeds, News};
use super::{ASK_AGAIN, GATHER};
use crate::ctx::Ctx;
use crate::engine::logs::MOST_TAIL;
use crate::http::auth::Caller;
use crate::http::events::{Seat, answer, still_allowed};
use crate::http::problem::{ApiProblem, Path};
use crate::usecases::regions::follow_service;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::{Actor, Problem};
use std::collections::VecDeque;
use std::convert::Infallible;
use tokio::time::Instant;
use tower_sessions::Session;

/// `GET /regions/{region}/{app}/logs`
pub async fn stream(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path((region, app)): Path<(String, String)>,
) -> Response {
    match Reading::begin(ctx, session, actor, &region, &app).await {
        Ok(reading) => answer(futures::stream::unfold(reading, |mut reading| async move {
            let event = reading.next().await?;
            Some((Ok::<_, Infallible>(event), reading))
        })),
        Err(problem) => ApiProblem(problem).into_response(),
    }
}

/// One open stream.
struct Reading {
    ctx: Ctx,
    session: Session,
    actor: Actor,
    feeds: Feeds,
    said: VecDeque<Event>,
    asked_at: Instant,
    last_was_small: bool,
    over: bool,
    _seat: Seat,
}

impl Reading {
    async fn begin(ctx: Ctx, session: Session, actor: Actor, region: &str, app: &str) -> Result<Self, Problem> {
        let viewer = follow_service(&ctx, &actor, region, app).await?;
        let person = actor.person().map(|person| person.id.0.clone()).unwrap_or_default();
        let seat = ctx.streams.sit(&person)?;
        let mut feeds = Feeds::new(false);
        feeds.add(0, viewer);
        let (said, asked_at) = (VecDeque::new(), Instant::now());
        Ok(Self { ctx, session, actor, feeds, said, asked_at, last_was_small: false, over: false, _seat: seat })
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
            if self.feeds.is_empty() {
                self.over = true;
                return Some(Event::default().event("end").data("{}"));
            }
            if std::mem::take(&mut self.last_was_small) {
                tokio::time::sleep(GATHER).await;
            }
            let stop = self.ctx.work.stop.clone();
            let news = tokio::select! {
                () = stop.cancelled() => return None,
                news = self.feeds.next(MOST_TAIL) => news,
                () = tokio::time::sleep_until(self.asked_at + ASK_AGAIN) => continue,
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
        still_allowed(&self.ctx, &self.session, &self.actor).await
    }
}
