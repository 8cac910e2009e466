//! REST: apps and builds.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::{builds, commits, runs};
use app::view::{AppView, BuildCommits, BuildFilter, BuildRow, BuildView, Page, Paging, RunRow};
use axum::Json;
use axum::extract::State;
use domain::id::{BuildId, RunId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::SignedIn, routes!(list_apps))
        .api(Access::SignedIn, routes!(list_builds))
        .api(Access::SignedIn, routes!(get_build))
        .api(Access::SignedIn, routes!(get_build_commits))
        .api(Access::SignedIn, routes!(list_runs))
        .api(Access::SignedIn, routes!(get_run))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// An app's name.
    app: Option<String>,
    /// A channel's name: builds that were in it, the newest move first.
    channel: Option<String>,
    /// An exact tag: builds that it was on, the newest move first.
    tag: Option<String>,
    /// The beginning of an app, tag, commit or digest.
    q: Option<String>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Rows on a page: 1 to 200, else 50.
    limit: Option<u32>,
}

/// Every app of the configuration, with its channels.
#[utoipa::path(get, path = "/api/v1/apps", responses((status = 200, body = [AppView]), (status = "default", body = ProblemDocument)))]
async fn list_apps(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<AppView>>, ApiProblem> {
    Ok(Json(builds::apps(&ctx, &actor).await?))
}

/// Builds, those seen last first.
#[utoipa::path(get, path = "/api/v1/builds", params(Which),
    responses((status = 200, body = Page<BuildRow>), (status = "default", body = ProblemDocument)))]
async fn list_builds(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<BuildRow>>, ApiProblem> {
    let filter = BuildFilter { app: which.app, channel: which.channel, tag: which.tag, q: which.q };
    let paging = Paging { cursor: which.cursor, limit: which.limit };
    Ok(Json(builds::builds(&ctx, &actor, filter, paging).await?))
}

/// Everything about one build.
#[utoipa::path(get, path = "/api/v1/builds/{id}", params(("id" = String, Path)),
    responses((status = 200, body = BuildView), (status = "default", body = ProblemDocument)))]
async fn get_build(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<BuildId>,
) -> Result<Json<BuildView>, ApiProblem> {
    Ok(Json(builds::build(&ctx, &actor, &id).await?))
}

/// The commits that a build brings: since the build before it in its channel, and since what each
/// region runs. What is not known yet is being read: ask again.
#[utoipa::path(get, path = "/api/v1/builds/{id}/commits", params(("id" = String, Path)),
    responses((status = 200, body = BuildCommits), (status = "default", body = ProblemDocument)))]
async fn get_build_commits(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<BuildId>,
) -> Result<Json<BuildCommits>, ApiProblem> {
    Ok(Json(commits::ranges_of_build(&ctx, &actor, &id).await?))
}

/// CI runs, those seen last first, with the image that each made.
#[utoipa::path(get, path = "/api/v1/runs", params(Which),
    responses((status = 200, body = Page<RunRow>), (status = "default", body = ProblemDocument)))]
async fn list_runs(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<RunRow>>, ApiProblem> {
    let filter = BuildFilter { app: which.app, channel: which.channel, tag: which.tag, q: which.q };
    let paging = Paging { cursor: which.cursor, limit: which.limit };
    Ok(Json(runs::runs(&ctx, &actor, &filter, paging).await?))
}

/// One CI run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", params(("id" = String, Path)),
    responses((status = 200, body = RunRow), (status = "default", body = ProblemDocument)))]
async fn get_run(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<RunId>) -> Result<Json<RunRow>, ApiProblem> {
    Ok(Json(runs::run(&ctx, &actor, &id).await?))
}
