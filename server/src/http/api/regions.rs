//! REST: regions, what drifted there, and contingency plans.

use super::people::Made;
use crate::ctx::Ctx;
use crate::engine::swarm::Which;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::regions;
use app::view::{
    AdoptInput, CorrectInput, Page, Paging, PlanInput, PlanView, RegionBoard, RegionPast, RegionRules, RegionVariables,
    RegionView, ServiceLog,
};
use axum::Json;
use axum::extract::State;
use domain::Action;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Where {
    /// Where to go on, from `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200 rows, 50 when absent.
    limit: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Tail {
    /// 1 to 1000 lines, 200 when absent.
    lines: Option<u32>,
    /// Of its canary instead of its own service.
    #[serde(default)]
    canary: bool,
}

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::Read), routes!(board))
        .api(Access::Needs(Action::Read), routes!(region))
        .api(Access::Needs(Action::Read), routes!(history))
        .api(Access::Needs(Action::Read), routes!(rules))
        .api(Access::Needs(Action::Read), routes!(variables))
        .api(Access::Needs(Action::Read), routes!(log))
        .api(Access::Needs(Action::CorrectRegion), routes!(correct))
        .api(Access::Needs(Action::CorrectRegion), routes!(adopt))
        .api(Access::Needs(Action::Read), routes!(plans))
        .api(Access::Needs(Action::ReviewPlan), routes!(review_plan))
        .api(Access::Needs(Action::RunPlan), routes!(run_plan))
        .api(Access::Needs(Action::RunPlan), routes!(return_from_plan))
}

/// Which build each region runs of each app, as last seen there, and what is newer.
#[utoipa::path(get, path = "/api/v1/regions", responses((status = 200, body = RegionBoard), (status = "default", body = ProblemDocument)))]
async fn board(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<RegionBoard>, ApiProblem> {
    Ok(Json(regions::regions(&ctx, &actor).await?))
}

/// One region: its nodes and the tasks of its services as its Swarm says them now, what drifted, and its plans.
#[utoipa::path(get, path = "/api/v1/regions/{region}", params(("region" = String, Path)),
    responses((status = 200, body = RegionView), (status = "default", body = ProblemDocument)))]
async fn region(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(region): Path<String>,
) -> Result<Json<RegionView>, ApiProblem> {
    Ok(Json(regions::region(&ctx, &actor, &region).await?))
}

/// The rollouts that began in a region, newest first.
#[utoipa::path(get, path = "/api/v1/regions/{region}/history", params(("region" = String, Path), Where),
    responses((status = 200, body = Page<RegionPast>), (status = "default", body = ProblemDocument)))]
async fn history(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(region): Path<String>,
    Query(at): Query<Where>,
) -> Result<Json<Page<RegionPast>>, ApiProblem> {
    Ok(Json(regions::history(&ctx, &actor, &region, Paging { cursor: at.cursor, limit: at.limit }).await?))
}

/// The freeze windows of a region as they stand now, and what people decide about each app.
#[utoipa::path(get, path = "/api/v1/regions/{region}/rules", params(("region" = String, Path)),
    responses((status = 200, body = RegionRules), (status = "default", body = ProblemDocument)))]
async fn rules(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(region): Path<String>,
) -> Result<Json<RegionRules>, ApiProblem> {
    Ok(Json(regions::rules(&ctx, &actor, &region).await?))
}

/// The variables of a region's apps by name: where they come from and how other regions differ, never what they hold.
#[utoipa::path(get, path = "/api/v1/regions/{region}/variables", params(("region" = String, Path)),
    responses((status = 200, body = RegionVariables), (status = "default", body = ProblemDocument)))]
async fn variables(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(region): Path<String>,
) -> Result<Json<RegionVariables>, ApiProblem> {
    Ok(Json(regions::variables(&ctx, &actor, &region).await?))
}

/// The last lines of an app's service in a region, of all its tasks in the order of time.
#[utoipa::path(get, path = "/api/v1/regions/{region}/apps/{app}/log", params(("region" = String, Path), ("app" = String, Path), Tail),
    responses((status = 200, body = ServiceLog), (status = "default", body = ProblemDocument)))]
async fn log(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((region, app)): Path<(String, String)>,
    Query(tail): Query<Tail>,
) -> Result<Json<ServiceLog>, ApiProblem> {
    Ok(Json(regions::service_log(&ctx, &actor, (&region, &app, Which::canary_if(tail.canary)), tail.lines).await?))
}

/// Puts back what was last verified in a region, over what somebody changed there by hand.
#[utoipa::path(post, path = "/api/v1/regions/{region}/apps/{app}/correct", params(("region" = String, Path), ("app" = String, Path)),
    request_body = CorrectInput, responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn correct(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((region, app)): Path<(String, String)>,
    Body(input): Body<CorrectInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = regions::correct_drift(&ctx, &actor, &region, &app, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Takes the replicas that somebody set by hand into the configuration. Nothing else can be adopted.
#[utoipa::path(post, path = "/api/v1/regions/{region}/apps/{app}/adopt", params(("region" = String, Path), ("app" = String, Path)),
    request_body = AdoptInput, responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn adopt(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((region, app)): Path<(String, String)>,
    Body(input): Body<AdoptInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = regions::adopt_drift(&ctx, &actor, &region, &app, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// The contingency plans, who has read them, and where they run.
#[utoipa::path(get, path = "/api/v1/plans",
    responses((status = 200, body = Vec<PlanView>), (status = "default", body = ProblemDocument)))]
async fn plans(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<PlanView>>, ApiProblem> {
    Ok(Json(regions::plans(&ctx, &actor).await?))
}

/// Says that one has read a plan as it is now; another lead may use it then.
#[utoipa::path(post, path = "/api/v1/plans/{plan}/review", params(("plan" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn review_plan(State(ctx): State<Ctx>, Caller(actor): Caller, Path(plan): Path<String>) -> Result<StatusCode, ApiProblem> {
    regions::review_plan(&ctx, &actor, &plan).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Uses a plan in one of its regions.
#[utoipa::path(post, path = "/api/v1/plans/{plan}/run", params(("plan" = String, Path)), request_body = PlanInput,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn run_plan(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(plan): Path<String>,
    Body(input): Body<PlanInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = regions::run_plan(&ctx, &actor, &plan, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Puts back what was to run in the region before the plan was used there.
#[utoipa::path(post, path = "/api/v1/plans/{plan}/return", params(("plan" = String, Path)), request_body = PlanInput,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn return_from_plan(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(plan): Path<String>,
    Body(input): Body<PlanInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = regions::return_from_plan(&ctx, &actor, &plan, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}
