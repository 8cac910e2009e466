//! What a service writes in a region, as server-sent events: `line`, `gap` and `end` as for environments.

use super::{Reader, Reading, sent};
use crate::ctx::Ctx;
use crate::engine::logs::MOST_TAIL;
use crate::http::auth::Caller;
use crate::http::problem::Path;
use crate::usecases::regions::follow_service;
use axum::extract::State;
use axum::response::Response;
use domain::Problem;
use tower_sessions::Session;

/// `GET /regions/{region}/{app}/logs`
pub async fn stream(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path((region, app)): Path<(String, String)>,
) -> Response {
    sent(follow(Reader { ctx, session, actor }, &region, &app).await)
}

async fn follow(reader: Reader, region: &str, app: &str) -> Result<Reading, Problem> {
    let viewer = follow_service(&reader.ctx, &reader.actor, region, app).await?;
    let mut reading = Reading::new(reader, false, MOST_TAIL)?;
    reading.feeds.add(0, viewer);
    Ok(reading)
}
