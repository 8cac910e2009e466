//! REST: stacks, and the texts that they had.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::stacks;
use app::view::{StackChange, StackCheck, StackInput, StackRow, StackView};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::id::EnvironmentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    let edit = Access::Needs(Action::EditStacks);
    routes
        .api(Access::SignedIn, routes!(list_stacks))
        .api(edit, routes!(check_stack))
        .api(Access::SignedIn, routes!(get_stack))
        .api(edit, routes!(save_stack))
        .api(Access::SignedIn, routes!(get_stack_version))
        .api(edit, routes!(restore_stack))
        .api(Access::Needs(Action::LaunchEnvironment), routes!(try_stack))
}

/// Every stack with what it runs.
#[utoipa::path(get, path = "/api/v1/stacks", responses((status = 200, body = [StackRow]), (status = "default", body = ProblemDocument)))]
async fn list_stacks(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<StackRow>>, ApiProblem> {
    Ok(Json(stacks::stacks(&ctx, &actor).await?))
}

/// One stack with its newest text and who changed it when.
#[utoipa::path(get, path = "/api/v1/stacks/{name}", params(("name" = String, Path)),
    responses((status = 200, body = StackView), (status = "default", body = ProblemDocument)))]
async fn get_stack(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(name): Path<String>,
) -> Result<Json<StackView>, ApiProblem> {
    Ok(Json(stacks::stack(&ctx, &actor, &name).await?))
}

/// One version of a stack beside the one before it.
#[utoipa::path(get, path = "/api/v1/stacks/{name}/versions/{version}", params(("name" = String, Path), ("version" = i64, Path)),
    responses((status = 200, body = StackChange), (status = "default", body = ProblemDocument)))]
async fn get_stack_version(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((name, version)): Path<(String, i64)>,
) -> Result<Json<StackChange>, ApiProblem> {
    Ok(Json(stacks::stack_change(&ctx, &actor, &name, version).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StackText {
    compose: String,
}

/// Reads a text as a save would. What is wrong with it stands in the answer; nothing is saved.
#[utoipa::path(post, path = "/api/v1/stack-checks", request_body = StackText,
    responses((status = 200, body = StackCheck), (status = "default", body = ProblemDocument)))]
async fn check_stack(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(text): Body<StackText>,
) -> Result<Json<StackCheck>, ApiProblem> {
    Ok(Json(stacks::check_stack(&ctx, &actor, &text.compose).await?))
}

/// The number of a stack's newest text.
#[derive(Serialize, ToSchema)]
struct Saved {
    version: i64,
}

/// Saves a stack. It names the version that was read before, or 0 for a new one.
#[utoipa::path(post, path = "/api/v1/stacks", request_body = StackInput,
    responses((status = 200, body = Saved), (status = "default", body = ProblemDocument)))]
async fn save_stack(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<StackInput>,
) -> Result<Json<Saved>, ApiProblem> {
    Ok(Json(Saved { version: stacks::save_stack(&ctx, &actor, input).await? }))
}

/// The environment that was launched.
#[derive(Serialize, ToSchema)]
struct Tried {
    id: EnvironmentId,
}

/// Launches a text that is not saved, with the newest build of its first app that has one.
#[utoipa::path(post, path = "/api/v1/stacks/{name}/try", params(("name" = String, Path)), request_body = StackText,
    responses((status = 200, body = Tried), (status = "default", body = ProblemDocument)))]
async fn try_stack(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(name): Path<String>,
    Body(text): Body<StackText>,
) -> Result<Json<Tried>, ApiProblem> {
    Ok(Json(Tried { id: stacks::try_stack(&ctx, &actor, &name, &text.compose).await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Restore {
    /// The version that was read before.
    version: i64,
    /// The version whose text is wanted.
    from: i64,
}

/// Saves a text that the stack had before.
#[utoipa::path(post, path = "/api/v1/stacks/{name}/restore", params(("name" = String, Path)), request_body = Restore,
    responses((status = 200, body = Saved), (status = "default", body = ProblemDocument)))]
async fn restore_stack(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(name): Path<String>,
    Body(wanted): Body<Restore>,
) -> Result<Json<Saved>, ApiProblem> {
    Ok(Json(Saved { version: stacks::restore_stack(&ctx, &actor, &name, wanted.version, wanted.from).await? }))
}
