//! REST: hooks.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::hooks;
use app::view::{HookView, NewSecret};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::id::HookId;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::ManageHooks), routes!(list_hooks, add_hook))
        .api(Access::Needs(Action::ManageHooks), routes!(revoke_hook))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHook {
    name: String,
    /// `distribution`.
    source: String,
}

/// At most 500 hooks, without their keys.
#[utoipa::path(get, path = "/api/v1/hooks", responses((status = 200, body = [HookView]), (status = "default", body = ProblemDocument)))]
async fn list_hooks(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<HookView>>, ApiProblem> {
    Ok(Json(hooks::list_hooks(&ctx, &actor).await?))
}

/// Makes a hook. Its address is `/hooks/{source}/{secret}`; the secret is in this answer only.
#[utoipa::path(post, path = "/api/v1/hooks", request_body = NewHook,
    responses((status = 201, body = NewSecret), (status = "default", body = ProblemDocument)))]
async fn add_hook(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(new): Body<NewHook>,
) -> Result<(StatusCode, Json<NewSecret>), ApiProblem> {
    Ok((StatusCode::CREATED, Json(hooks::add_hook(&ctx, &actor, new.name, new.source).await?)))
}

/// Puts a hook out of use. What it delivered before is still processed.
#[utoipa::path(post, path = "/api/v1/hooks/{id}/revoke", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn revoke_hook(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<HookId>) -> Result<StatusCode, ApiProblem> {
    hooks::revoke_hook(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
