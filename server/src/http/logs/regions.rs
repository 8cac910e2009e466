//! What a service writes in a region, as server-sent events: `line`, `gap` and `end` as for environments.

use super::{Reader, Reading, sent};
use crate::ctx::Ctx;
use crate::engine::logs::MOST_TAIL;
use crate::engine::swarm::Which;
use crate::http::auth::Caller;
use crate::http::problem::{Path, Query};
use crate::usecases::regions::follow_service;
use axum::extract::State;
use axum::response::Response;
use domain::Problem;
use serde::Deserialize;
use tower_sessions::Session;

/// Which of the app's services: `canary`, or its own.
#[derive(Deserialize)]
pub struct Of {
    of: Option<String>,
}

/// `GET /regions/{region}/{app}/logs?of=canary`
pub async fn stream(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path((region, app)): Path<(String, String)>,
    Query(of): Query<Of>,
) -> Response {
    let which = Which::canary_if(of.of.as_deref() == Some("canary"));
    sent(follow(Reader { ctx, session, actor }, (&region, &app, which)).await)
}

async fn follow(reader: Reader, of: (&str, &str, Which)) -> Result<Reading, Problem> {
    let viewer = follow_service(&reader.ctx, &reader.actor, of).await?;
    let mut reading = Reading::new(reader, false, MOST_TAIL)?;
    reading.feeds.add(0, viewer);
    Ok(reading)
}
