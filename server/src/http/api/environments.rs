//! REST: environments.

use crate::ctx::Ctx;
use crate::http::api::people::Made;
use crate::http::auth::Caller;
use crate::http::logs::{Asked, file};
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::environments;
use app::view::{
    CapacityView, EnvironmentRow, EnvironmentView, HappeningView, InspectView, LaunchAsk, LaunchForm, LaunchInput, LogPage,
    LogQuery, Page, Paging, ReplaceInput, ServiceProcesses, UsageView,
};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::Action;
use domain::id::{BuildId, EnvironmentId};
use domain::log::LogSince;
use http::StatusCode;
use serde::Deserialize;
use tower_sessions::Session;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::SignedIn, routes!(list_environments))
        .api(Access::Needs(Action::LaunchEnvironment), routes!(launch_environment))
        .api(Access::SignedIn, routes!(get_environment))
        .api(Access::Needs(Action::StopEnvironment), routes!(stop_environment))
        .api(Access::Needs(Action::LaunchEnvironment), routes!(relaunch_environment))
        .api(Access::Needs(Action::LaunchEnvironment), routes!(replace_build))
        .api(Access::SignedIn, routes!(get_launch_form))
        .api(Access::SignedIn, routes!(environment_logs))
        .api(Access::Needs(Action::KeepEnvironment), routes!(extend_environment))
        .api(Access::Needs(Action::KeepEnvironment), routes!(hand_over_environment))
        .api(Access::Needs(Action::KeepEnvironment), routes!(freeze_environment))
        .api(Access::Needs(Action::KeepEnvironment), routes!(thaw_environment))
        .api(Access::Needs(Action::KeepEnvironment), routes!(restart_service))
        .api(Access::SignedIn, routes!(get_capacity))
        .api(Access::SignedIn, routes!(environment_log))
        .api(Access::SignedIn, routes!(environment_log_file))
        .api(Access::SignedIn, routes!(environment_usage))
        .api(Access::SignedIn, routes!(environment_processes))
        .api(Access::SignedIn, routes!(environment_happenings))
        .api(Access::SignedIn, routes!(environment_inspect))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// With those that have ended.
    all: bool,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Rows on a page: 1 to 200, else 50.
    limit: Option<u32>,
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Ask {
    /// The app's default stack when absent.
    stack: Option<String>,
    /// A region whose variables are looked at with it.
    preset: Option<String>,
    /// An environment whose choices are taken over.
    from: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Tail {
    /// 1 to 1000; 200 when absent.
    lines: Option<u32>,
}

/// Test environments, newest first; those that are alive, or all.
#[utoipa::path(get, path = "/api/v1/environments", params(Which),
    responses((status = 200, body = Page<EnvironmentRow>), (status = "default", body = ProblemDocument)))]
async fn list_environments(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<EnvironmentRow>>, ApiProblem> {
    let paging = Paging { cursor: which.cursor, limit: which.limit };
    Ok(Json(environments::environments(&ctx, &actor, which.all, paging).await?))
}

/// Launches a stack for a build. The answer comes at once; the steps stand in the environment.
#[utoipa::path(post, path = "/api/v1/environments", request_body = LaunchInput,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn launch_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<LaunchInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = environments::launch_environment(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// One environment with its steps, and its services as the engine sees them now.
#[utoipa::path(get, path = "/api/v1/environments/{id}", params(("id" = String, Path)),
    responses((status = 200, body = EnvironmentView), (status = "default", body = ProblemDocument)))]
async fn get_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<Json<EnvironmentView>, ApiProblem> {
    Ok(Json(environments::environment(&ctx, &actor, &id).await?))
}

/// Stops an environment: its containers go, its record stays.
#[utoipa::path(post, path = "/api/v1/environments/{id}/stop", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn stop_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<StatusCode, ApiProblem> {
    environments::stop_environment(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Launches a new environment with the same builds, variables and services as this one.
#[utoipa::path(post, path = "/api/v1/environments/{id}/relaunch", params(("id" = String, Path)),
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn relaunch_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = environments::relaunch_environment(&ctx, &actor, &id).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Puts another build in the place of one that runs: number, address and lease stay, and services of
/// other builds are not touched. The answer comes at once; the steps stand in the environment.
#[utoipa::path(post, path = "/api/v1/environments/{id}/replace", params(("id" = String, Path)), request_body = ReplaceInput,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn replace_build(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Body(input): Body<ReplaceInput>,
) -> Result<StatusCode, ApiProblem> {
    environments::replace_build(&ctx, &actor, &id, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What can be chosen when a build is launched, and the variables that its services would have.
#[utoipa::path(get, path = "/api/v1/builds/{id}/launch", params(("id" = String, Path), Ask),
    responses((status = 200, body = LaunchForm), (status = "default", body = ProblemDocument)))]
async fn get_launch_form(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<BuildId>,
    Query(ask): Query<Ask>,
) -> Result<Json<LaunchForm>, ApiProblem> {
    let ask = LaunchAsk { stack: ask.stack, preset: ask.preset, from: ask.from.map(EnvironmentId) };
    Ok(Json(environments::launch_form(&ctx, &actor, &id, ask).await?))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Sought {
    /// One service; all of them, in the order of time, when absent.
    service: Option<String>,
    #[param(inline)]
    since: LogSince,
    /// A word that lines must hold, without regard to case.
    q: Option<String>,
    /// 1 to 1000; 500 when absent.
    lines: Option<u32>,
}

/// The last lines of one log or of all, or of those lines that hold a word.
#[utoipa::path(get, path = "/api/v1/environments/{id}/logs", params(("id" = String, Path), Sought),
    responses((status = 200, body = LogPage), (status = "default", body = ProblemDocument)))]
async fn environment_logs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Query(sought): Query<Sought>,
) -> Result<Json<LogPage>, ApiProblem> {
    let Sought { service, since, q, lines } = sought;
    Ok(Json(environments::log_page(&ctx, &actor, &id, &LogQuery { service, since, q, lines }).await?))
}

/// Everything that was written, as a file.
#[utoipa::path(get, path = "/api/v1/environments/{id}/log.txt", params(("id" = String, Path), Asked),
    responses((status = 200, content_type = "text/plain", body = String), (status = "default", body = ProblemDocument)))]
async fn environment_log_file(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiProblem> {
    Ok(file(ctx, session, actor, &id, &asked).await?)
}

/// What the engines hold and the most that they take, and the launches that wait for room.
#[utoipa::path(get, path = "/api/v1/capacity",
    responses((status = 200, body = CapacityView), (status = "default", body = ProblemDocument)))]
async fn get_capacity(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<CapacityView>, ApiProblem> {
    Ok(Json(environments::capacity(&ctx, &actor).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Extension {
    /// 1 to 24, and within the longest that a lease may last.
    hours: u32,
}

/// Makes the lease longer; for its holder and for leads.
#[utoipa::path(post, path = "/api/v1/environments/{id}/extend", params(("id" = String, Path)), request_body = Extension,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn extend_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Body(extension): Body<Extension>,
) -> Result<StatusCode, ApiProblem> {
    environments::extend_environment(&ctx, &actor, &id, extension.hours).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHolder {
    /// The name of somebody who may launch environments.
    to: String,
}

/// Hands an environment over to somebody else, who is told; for its holder and for leads.
#[utoipa::path(post, path = "/api/v1/environments/{id}/hand-over", params(("id" = String, Path)), request_body = NewHolder,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn hand_over_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
    Body(holder): Body<NewHolder>,
) -> Result<StatusCode, ApiProblem> {
    environments::hand_over_environment(&ctx, &actor, &id, &holder.to).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops an environment's services and keeps them for a look later; its lease goes on.
#[utoipa::path(post, path = "/api/v1/environments/{id}/freeze", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn freeze_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<StatusCode, ApiProblem> {
    environments::freeze_environment(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a frozen environment's services again, in the order of their dependencies.
#[utoipa::path(post, path = "/api/v1/environments/{id}/thaw", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn thaw_environment(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<StatusCode, ApiProblem> {
    environments::thaw_environment(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Restarts one service: the same container with the same volumes.
#[utoipa::path(post, path = "/api/v1/environments/{id}/services/{service}/restart",
    params(("id" = String, Path), ("service" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn restart_service(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((id, service)): Path<(EnvironmentId, String)>,
) -> Result<StatusCode, ApiProblem> {
    environments::restart_service(&ctx, &actor, &id, &service).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The last lines of a service's log, both streams, made safe to show.
#[utoipa::path(get, path = "/api/v1/environments/{id}/logs/{service}",
    params(("id" = String, Path), ("service" = String, Path), Tail),
    responses((status = 200, body = [String]), (status = "default", body = ProblemDocument)))]
async fn environment_log(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((id, service)): Path<(EnvironmentId, String)>,
    Query(tail): Query<Tail>,
) -> Result<Json<Vec<String>>, ApiProblem> {
    Ok(Json(environments::log_tail(&ctx, &actor, &id, &service, tail.lines.unwrap_or(200)).await?))
}

/// What the containers use now, and what they used while somebody looked.
#[utoipa::path(get, path = "/api/v1/environments/{id}/usage", params(("id" = String, Path)),
    responses((status = 200, body = UsageView), (status = "default", body = ProblemDocument)))]
async fn environment_usage(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<Json<UsageView>, ApiProblem> {
    Ok(Json(environments::usage(&ctx, &actor, &id).await?))
}

/// What runs in each container.
#[utoipa::path(get, path = "/api/v1/environments/{id}/processes", params(("id" = String, Path)),
    responses((status = 200, body = [ServiceProcesses]), (status = "default", body = ProblemDocument)))]
async fn environment_processes(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<Json<Vec<ServiceProcesses>>, ApiProblem> {
    Ok(Json(environments::processes(&ctx, &actor, &id).await?))
}

/// What happened to the containers, the newest first: at most 200.
#[utoipa::path(get, path = "/api/v1/environments/{id}/events", params(("id" = String, Path)),
    responses((status = 200, body = [HappeningView]), (status = "default", body = ProblemDocument)))]
async fn environment_happenings(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<EnvironmentId>,
) -> Result<Json<Vec<HappeningView>>, ApiProblem> {
    Ok(Json(environments::happenings(&ctx, &actor, &id).await?))
}

/// What the engine says about a service's container, as far as it may be shown.
#[utoipa::path(get, path = "/api/v1/environments/{id}/services/{service}/inspect",
    params(("id" = String, Path), ("service" = String, Path)),
    responses((status = 200, body = InspectView), (status = "default", body = ProblemDocument)))]
async fn environment_inspect(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((id, service)): Path<(EnvironmentId, String)>,
) -> Result<Json<InspectView>, ApiProblem> {
    Ok(Json(environments::inspect(&ctx, &actor, &id, &service).await?))
}
