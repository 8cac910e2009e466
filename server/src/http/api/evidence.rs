//! Files beside verdicts: bringing one by REST, and reading one by REST or in a browser.

use super::people::Made;
use crate::ctx::Ctx;
use crate::http::auth::{Caller, encode};
use crate::http::problem::{ApiProblem, PageProblem, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::verdicts;
use app::view::{EvidenceView, Upload};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::evidence::{EvidenceKind, MOST_FILE};
use domain::id::{EvidenceId, VerdictId};
use domain::problem::Fault;
use domain::{Action, Problem};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

/// Nothing in a file runs, and nothing that it names is loaded.
const POLICY: &str = "default-src 'none'; sandbox; base-uri 'none'; frame-ancestors 'none'";

pub fn routes(routes: Routes) -> Routes {
    routes.api(Access::Needs(Action::RecordVerdict), routes!(add_evidence)).api(Access::SignedIn, routes!(get_evidence)).get(
        "/evidence/{id}",
        Access::SignedIn,
        read_evidence,
    )
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Named {
    /// What the file is called.
    name: String,
}

/// Puts a file beside one's own verdict, while it stands. The body is the file: png, jpeg, webp, gif,
/// pdf or plain text, told by its bytes, at most 10 MiB; at most 10 files a verdict.
#[utoipa::path(post, path = "/api/v1/verdicts/{id}/evidence", params(("id" = String, Path), Named),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn add_evidence(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<VerdictId>,
    Query(named): Query<Named>,
    request: Request,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    // Nothing is read of whoever may not.
    actor.require(Action::RecordVerdict)?;
    let _turn = ctx.evidence.turn().await?;
    let too_big = |_| Problem::invalid("files", Fault::TooBig { most: MOST_FILE as u64 });
    let bytes = axum::body::to_bytes(request.into_body(), MOST_FILE).await.map_err(too_big)?.into();
    let added = verdicts::attach_evidence(&ctx, &actor, &id, vec![Upload { name: named.name, bytes }]).await?;
    let id = added.into_iter().next().ok_or(Problem::Busy)?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// A file that stands beside a verdict.
#[utoipa::path(get, path = "/api/v1/evidence/{id}", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/octet-stream"), (status = "default", body = ProblemDocument)))]
async fn get_evidence(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<EvidenceId>) -> Result<Response, ApiProblem> {
    let (file, bytes) = verdicts::evidence(&ctx, &actor, &id).await?;
    Ok(given_out(&file, bytes))
}

/// `GET /evidence/{id}`: the same for people.
async fn read_evidence(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<EvidenceId>) -> Response {
    match verdicts::evidence(&ctx, &actor, &id).await {
        Ok((file, bytes)) => given_out(&file, bytes),
        Err(problem) => PageProblem(problem).into_response(),
    }
}

/// A file under the type that its bytes were found to be, with no word of its own about that.
fn given_out(file: &EvidenceView, bytes: Vec<u8>) -> Response {
    let shown = file.kind.is_picture() || file.kind == EvidenceKind::Text;
    let how = if shown { "inline" } else { "attachment" };
    let plain = format!("evidence.{}", file.kind.as_str());
    let name = encode(&file.name).replace('/', "%2F");
    let headers = [
        (CONTENT_TYPE, file.kind.media_type().to_owned()),
        (CONTENT_DISPOSITION, format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{name}")),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        // For this reader only, and not for long: the next look asks for the permission again.
        (CACHE_CONTROL, "private, max-age=600".to_owned()),
    ];
    (headers, bytes).into_response()
}
