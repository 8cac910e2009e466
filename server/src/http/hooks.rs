//! `POST /hooks/{source}/{key}`: 202 stored, 200 known already, 400 unreadable, 401 not proven,
//! 404 unknown key, 413 over 1 MiB.

use crate::ctx::Ctx;
use crate::http::MOST_BODY;
use crate::http::problem::{ApiProblem, Path, document, too_big};
use crate::http::routes::{Access, Routes};
use crate::intake::Headers;
use crate::usecases::hooks::actor_of_key;
use crate::usecases::intake::{Accepted, accept};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::Problem;
use domain::problem::{Fault, Kind};
use futures::StreamExt as _;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use serde_json::json;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// KiB of bodies held in memory at once. A sender takes the room that its body needs; when there is none,
/// it waits a little and is then asked to come again.
static ROOM: Semaphore = Semaphore::const_new(64 << 10);
/// What a request costs at least, so that there are never more than some thousands of them.
const LEAST_ROOM: usize = 16 << 10;
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long a body may take to arrive.
const LONGEST_BODY: Duration = Duration::from_secs(10);
/// A body that is too big is read on for a while, so that its sender hears why it is refused.
const MOST_DRAINED: usize = 8 * MOST_BODY;

pub fn routes(routes: Routes) -> Routes {
    routes.post("/hooks/{source}/{key}", Access::Public, deliver)
}

/// Stores the raw request before it is answered; the work comes later.
async fn deliver(State(ctx): State<Ctx>, Path((source, key)): Path<(String, String)>, request: Request) -> Response {
    let (outcome, response) = match delivered(&ctx, &source, &key, request).await {
        Ok(Accepted::Stored(id)) => ("stored", (StatusCode::ACCEPTED, Json(json!({ "delivery": id }))).into_response()),
        Ok(Accepted::Duplicate) => ("duplicate", Json(json!({ "duplicate": true })).into_response()),
        Err(problem) => refused(&problem),
    };
    metrics::counter!("slipway_deliveries_total", "outcome" => outcome).increment(1);
    response
}

async fn delivered(ctx: &Ctx, source: &str, key: &str, request: Request) -> Result<Accepted, Problem> {
    let (actor, hook) = actor_of_key(ctx, source, key).await?;
    let length = said_length(&request);
    if length.is_some_and(|length| length > MOST_DRAINED) {
        return Err(too_big());
    }
    let room = room(length).await?;
    let headers = Headers::of(request.headers());
    let body = body(request).await?;
    // Once it is here it is stored, whether its sender stays or not; its room is taken until then.
    let ctx = ctx.clone();
    let taken = tokio::spawn(async move {
        let _room = room;
        accept(&ctx, &actor, &hook, &headers, &body).await
    });
    taken.await.map_err(crate::store::internal)?
}

fn said_length(request: &Request) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Room for a body of this length; where it is not said, for the longest there may be.
async fn room(length: Option<usize>) -> Result<SemaphorePermit<'static>, Problem> {
    let bytes = length.unwrap_or(MOST_BODY).clamp(LEAST_ROOM, MOST_BODY);
    let wanted = u32::try_from(bytes.div_ceil(1 << 10)).map_err(crate::store::internal)?;
    let permit = tokio::time::timeout(LONGEST_WAIT, ROOM.acquire_many(wanted)).await;
    permit.map_err(|_| Problem::Busy)?.map_err(crate::store::internal)
}

fn refused(problem: &Problem) -> (&'static str, Response) {
    match problem {
        Problem::Invalid { why: Fault::TooBig { .. }, .. } => ("too_big", ApiProblem(problem.clone()).into_response()),
        Problem::Unproven { .. } => ("unproven", document(problem, StatusCode::UNAUTHORIZED)),
        Problem::NotFound { .. } => ("unknown_key", ApiProblem(problem.clone()).into_response()),
        _ if problem.kind() == Kind::Invalid => ("unreadable", document(problem, StatusCode::BAD_REQUEST)),
        _ => ("failed", ApiProblem(problem.clone()).into_response()),
    }
}

/// The raw body, bounded in bytes and in time.
async fn body(request: Request) -> Result<Vec<u8>, Problem> {
    let late = || Problem::invalid("body", Fault::Unreadable { detail: "it did not arrive within 10 seconds".to_owned() });
    tokio::time::timeout(LONGEST_BODY, read(request.into_body())).await.map_err(|_| late())?
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let cut = |_| Problem::invalid("body", Fault::Unreadable { detail: "it ended in the middle".to_owned() });
        let chunk = chunk.map_err(cut)?;
        length += chunk.len();
        if length <= MOST_BODY {
            kept.extend_from_slice(&chunk);
        } else if length <= MOST_DRAINED {
            kept = Vec::new();
        } else {
            return Err(too_big());
        }
    }
    if length > MOST_BODY { Err(too_big()) } else { Ok(kept) }
}
