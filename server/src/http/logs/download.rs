//! A whole log as a file, sent as it is read: nothing of it is kept.

use crate::ctx::Ctx;
use crate::engine::logs::PastLine;
use crate::http::auth::Caller;
use crate::http::events::still_allowed;
use crate::http::problem::{PageProblem, Path, Query};
use crate::usecases::environments::{Download, log_download};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use domain::id::EnvironmentId;
use domain::log::LogSince;
use domain::{Actor, Problem};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;
use tower_sessions::Session;

/// Bytes that are sent at once.
const CHUNK: usize = 64 << 10;
/// So often a reader is asked again whether it may still read.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// A file that takes longer is broken off.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// One service; all of them, in the order of time, when absent.
    service: Option<String>,
    #[param(inline)]
    since: LogSince,
    /// Whether each line begins with the moment at which it was written.
    times: bool,
}

/// `GET /environments/{id}/log.txt?service=web&since=hour&times=true`
pub async fn page(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Query(asked): Query<Asked>,
) -> Response {
    file(ctx, session, actor, &id, &asked).await.unwrap_or_else(|problem| PageProblem(problem).into_response())
}

/// The answer: `text/plain`, to be kept and not to be shown.
///
/// # Errors
/// As [`log_download`].
pub async fn file(ctx: Ctx, session: Session, actor: Actor, id: &EnvironmentId, asked: &Asked) -> Result<Response, Problem> {
    let download = log_download(&ctx, &actor, id, asked.service.as_deref(), asked.since).await?;
    let name = format!("attachment; filename=\"{}\"", download.name);
    let now = Instant::now();
    let sending = Sending { ctx, session, actor, download, times: asked.times, began_at: now, asked_at: now, over: false };
    let body = futures::stream::unfold(sending, |mut sending| async move {
        let chunk = sending.next().await?;
        Some((chunk, sending))
    });
    let kind = "text/plain; charset=utf-8".to_owned();
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], Body::from_stream(body)).into_response())
}

struct Sending {
    ctx: Ctx,
    session: Session,
    actor: Actor,
    download: Download,
    times: bool,
    began_at: Instant,
    asked_at: Instant,
    over: bool,
}

impl Sending {
    /// The next piece; a problem breaks the file off, so that nobody takes it for whole.
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let mut chunk = Vec::with_capacity(CHUNK + 1024);
        while !self.over && chunk.len() < CHUNK {
            if self.asked_at.elapsed() > ASK_AGAIN {
                self.asked_at = Instant::now();
                if self.began_at.elapsed() > LONGEST || !still_allowed(&self.ctx, &self.session, &self.actor).await {
                    return self.break_off("no longer allowed, or too slow");
                }
            }
            match self.download.past.next().await {
                Ok(Some(line)) => self.write(&line, &mut chunk),
                Ok(None) => self.over = true,
                Err(_) => return self.break_off("the engine stopped answering"),
            }
        }
        (!chunk.is_empty()).then(|| Ok(chunk.into()))
    }

    fn break_off(&mut self, why: &str) -> Option<Result<Bytes, std::io::Error>> {
        let told = !std::mem::replace(&mut self.over, true);
        told.then(|| Err(std::io::Error::other(why.to_owned())))
    }

    fn write(&self, line: &PastLine, chunk: &mut Vec<u8>) {
        if self.download.since.is_some_and(|since| line.at.is_some_and(|at| at < since)) {
            return;
        }
        if self.times {
            let at = line.at.and_then(DateTime::from_timestamp_micros);
            let at = at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
            chunk.extend_from_slice(at.as_bytes());
            chunk.push(b' ');
        }
        if self.download.merged {
            chunk.extend_from_slice(self.download.past.service(line).as_bytes());
            chunk.extend_from_slice(b" | ");
        }
        chunk.extend_from_slice(&line.bytes);
        chunk.push(b'\n');
    }
}
