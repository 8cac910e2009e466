//! `GET /events`: hints to an open page, as server-sent events.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::Query;
use crate::http::session;
use crate::shared::Shared;
use crate::store::people::UserRow;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::{Action, Actor, Problem};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tower_sessions::Session;

/// Open streams, of everyone and of one person.
const MOST: usize = 2000;
const MOST_EACH: usize = 30;

#[derive(Deserialize)]
pub struct Topics {
    /// Words of [`crate::hub::Topic`], joined by commas; none means all.
    #[serde(default)]
    topics: String,
}

/// Counts open streams by person, and asks for all of them together who they are now.
#[derive(Clone, Default)]
pub struct Streams {
    open: Arc<Mutex<HashMap<String, usize>>>,
    sessions: Shared<UserRow>,
    tokens: Shared<UserRow>,
}

/// A place among the open streams, given back on drop.
pub struct Seat {
    streams: Streams,
    person: String,
}

impl Streams {
    /// # Errors
    /// [`Problem::Busy`] when too many are open.
    pub fn sit(&self, person: &str) -> Result<Seat, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let mine = open.entry(person.to_owned()).or_default();
        if all >= MOST || *mine >= MOST_EACH {
            return Err(Problem::Busy);
        }
        *mine += 1;
        metrics::gauge!("slipway_streams").increment(1.0);
        Ok(Seat { streams: self.clone(), person: person.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = open.get_mut(&self.person) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                open.remove(&self.person);
            }
        }
        metrics::gauge!("slipway_streams").decrement(1.0);
    }
}

/// `GET /events?topics=builds,regions`. Who listens is asked again before every hint: a role
/// that was taken away or a session that ended closes the stream.
pub async fn stream(State(ctx): State<Ctx>, session: Session, Caller(actor): Caller, Query(wanted): Query<Topics>) -> Response {
    let person = actor.person().map(|person| person.id.0.clone()).unwrap_or_default();
    let seat = match actor.require(Action::Read).and_then(|()| ctx.streams.sit(&person)) {
        Ok(seat) => seat,
        Err(problem) => return crate::http::problem::ApiProblem(problem).into_response(),
    };
    let hints = ctx.hub.listen();
    let wanted: Vec<String> = wanted.topics.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let state = (ctx.clone(), session, hints, wanted, seat, actor);
    let events = futures::stream::unfold(state, |(ctx, session, mut hints, wanted, seat, actor)| async move {
        loop {
            let event = tokio::select! {
                () = ctx.work.stop.cancelled() => return None,
                hint = hints.recv() => match hint {
                    Ok(hint) => {
                        let topic = serde_json::to_value(hint.topic).ok()?;
                        if !wanted.is_empty() && !wanted.iter().any(|word| topic == word.as_str()) {
                            continue;
                        }
                        Event::default().json_data(&hint).ok()?
                    }
                    Err(RecvError::Lagged(_)) => Event::default().event("resync").data("{}"),
                    Err(RecvError::Closed) => return None,
                },
            };
            if !still_allowed(&ctx, &session, &actor).await {
                return None;
            }
            return Some((Ok::<_, Infallible>(event), (ctx, session, hints, wanted, seat, actor)));
        }
    });
    let hello = futures::stream::once(async { Ok(Event::default().event("hello").data("{}")) });
    answer(hello.chain(events))
}

/// Server-sent events as an answer that stays open and that no proxy gathers.
pub fn answer(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    response.headers_mut().insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    response
}

/// Asks the database again, not the request's copy. Many streams ask at once: those that wait share a look.
pub async fn still_allowed(ctx: &Ctx, session: &Session, actor: &Actor) -> bool {
    let (store, clock) = (ctx.store.clone(), Arc::clone(&ctx.clock));
    let user = match (actor, session.id()) {
        (Actor::User { .. }, Some(id)) => {
            let look = move |hashes: Vec<String>| {
                let (store, now) = (store.clone(), clock.now());
                async move { store.users_of_sessions(&hashes, now).await }
            };
            ctx.streams.sessions.ask(session::hash(&id), look).await
        }
        (Actor::Token { id, .. }, _) => {
            let look = move |ids: Vec<String>| {
                let store = store.clone();
                async move { store.users_of_tokens(&ids).await }
            };
            ctx.streams.tokens.ask(id.0.clone(), look).await
        }
        _ => return false,
    };
    user.is_ok_and(|user| user.is_some_and(|user| !user.disabled && actor.person() == Some(&user.person)))
}
