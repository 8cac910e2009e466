//! REST: the logs that are kept with a build.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::environments;
use app::view::BuildLogs;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::id::BuildId;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes.api(Access::SignedIn, routes!(list_build_logs)).api(Access::SignedIn, routes!(get_build_log)).get(
        "/builds/{id}/logs/{log}",
        Access::SignedIn,
        read_build_log,
    )
}

/// The logs that were kept when verdicts on a build fell, the newest first.
#[utoipa::path(get, path = "/api/v1/builds/{id}/logs", params(("id" = String, Path)),
    responses((status = 200, body = BuildLogs), (status = "default", body = ProblemDocument)))]
async fn list_build_logs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<BuildId>,
) -> Result<Json<BuildLogs>, ApiProblem> {
    Ok(Json(environments::logs_of_build(&ctx, &actor, &id).await?))
}

/// The text of one log that is kept with a build.
#[utoipa::path(get, path = "/api/v1/builds/{id}/logs/{log}", params(("id" = String, Path), ("log" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = ProblemDocument)))]
async fn get_build_log(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((id, log)): Path<(BuildId, String)>,
) -> Result<Response, ApiProblem> {
    let (_, text) = environments::log_of_build(&ctx, &actor, &id, &log).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// `GET /builds/{id}/logs/{log}`: the same for people, shown by the browser as plain text.
async fn read_build_log(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((id, log)): Path<(BuildId, String)>,
) -> Result<Response, ApiProblem> {
    let (kept, text) = environments::log_of_build(&ctx, &actor, &id, &log).await?;
    let name = format!("inline; filename=\"E-{}-{}.log\"", kept.environment_number, safe(&kept.service));
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)], text).into_response())
}

/// A service's name as it can stand in a file's.
fn safe(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(60).collect()
}
