//! What containers use, as server-sent events: `usage` holds a JSON array with one entry a service and
//! plot, `{"p":"web/cpu","t":"12 %","d":"M0 …"}`: the number in words and the path of the plot. `end`
//! says that nothing runs any more.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::events::{Seat, answer, still_allowed};
use crate::http::problem::{ApiProblem, Path};
use crate::http::routes::{Access, Routes};
use crate::usecases::environments::{Watched, watch_usage};
use app::plots::{Plot, plot};
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use domain::Actor;
use domain::id::EnvironmentId;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;
use tower_sessions::Session;

/// So often at most a reader is told.
const PACE: Duration = Duration::from_secs(2);

pub fn routes(routes: Routes) -> Routes {
    routes.get("/environments/{id}/usage", Access::SignedIn, stream)
}

/// `GET /environments/{id}/usage`
pub async fn stream(State(ctx): State<Ctx>, session: Session, Caller(actor): Caller, Path(id): Path<EnvironmentId>) -> Response {
    let person = actor.person().map(|person| person.id.0.clone()).unwrap_or_default();
    let begun = match watch_usage(&ctx, &actor, &id).await {
        Ok(watched) => ctx.streams.sit(&person).map(|seat| (watched, seat)),
        Err(problem) => Err(problem),
    };
    match begun {
        Ok((watched, seat)) => {
            let reading = Reading { ctx, session, actor, watched, told_at: None, over: false, _seat: seat };
            answer(futures::stream::unfold(reading, |mut reading| async move {
                let event = reading.next().await?;
                Some((Ok::<_, Infallible>(event), reading))
            }))
        }
        Err(problem) => ApiProblem(problem).into_response(),
    }
}

struct Reading {
    ctx: Ctx,
    session: Session,
    actor: Actor,
    watched: Watched,
    told_at: Option<Instant>,
    over: bool,
    _seat: Seat,
}

impl Reading {
    async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        let stop = self.ctx.work.stop.clone();
        if let Some(told_at) = self.told_at {
            stop.run_until_cancelled(tokio::time::sleep_until(told_at + PACE)).await?;
            // Whatever comes, it is asked again whether this reader may still read.
            let grown = tokio::time::timeout(PACE * 2, self.watched.grown());
            let _ = stop.run_until_cancelled(grown).await?;
            if !still_allowed(&self.ctx, &self.session, &self.actor).await {
                return None;
            }
        }
        self.told_at = Some(Instant::now());
        if self.watched.ended() {
            self.over = true;
            return Some(Event::default().event("end").data("{}"));
        }
        let told: Vec<serde_json::Value> = self
            .watched
            .now()
            .iter()
            .flat_map(|usage| {
                Plot::ALL.map(|kind| {
                    let drawn = plot(kind, usage);
                    serde_json::json!({ "p": format!("{}/{}", usage.service, kind.as_str()), "t": drawn.words, "d": drawn.path, "e": drawn.second })
                })
            })
            .collect();
        Event::default().event("usage").json_data(told).ok()
    }
}
