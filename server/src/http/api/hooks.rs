//! REST: hooks, and the inbox of what they received.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::{hooks, intake};
use app::view::{DeliveryFilter, DeliveryRow, DeliveryView, HookMade, HookPage, HookView, NewHook, Page, Paging, SourceView};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::id::{DeliveryId, HookId};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    let manage = Access::Needs(Action::ManageHooks);
    let see = Access::Needs(Action::SeeDeliveries);
    routes
        .api(manage, routes!(list_hooks, add_hook))
        .api(manage, routes!(list_sources))
        .api(manage, routes!(get_hook))
        .api(manage, routes!(rotate_hook_secret))
        .api(manage, routes!(reveal_hook))
        .api(manage, routes!(revoke_hook))
        .api(see, routes!(list_deliveries))
        .api(see, routes!(get_delivery))
        .api(manage, routes!(replay_delivery))
}

/// At most 500 hooks, without their keys.
#[utoipa::path(get, path = "/api/v1/hooks", responses((status = 200, body = [HookView]), (status = "default", body = ProblemDocument)))]
async fn list_hooks(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<HookView>>, ApiProblem> {
    Ok(Json(hooks::list_hooks(&ctx, &actor).await?))
}

/// Every kind of sender.
#[utoipa::path(get, path = "/api/v1/sources", responses((status = 200, body = [SourceView]), (status = "default", body = ProblemDocument)))]
async fn list_sources(Caller(actor): Caller) -> Result<Json<Vec<SourceView>>, ApiProblem> {
    Ok(Json(hooks::list_sources(&actor)?))
}

/// Makes a hook. Its key, its address and its secret are in this answer.
#[utoipa::path(post, path = "/api/v1/hooks", request_body = NewHook,
    responses((status = 201, body = HookMade), (status = "default", body = ProblemDocument)))]
async fn add_hook(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(new): Body<NewHook>,
) -> Result<(StatusCode, Json<HookMade>), ApiProblem> {
    Ok((StatusCode::CREATED, Json(hooks::add_hook(&ctx, &actor, new).await?)))
}

/// A hook with what is pasted into its sender's settings, key and secret masked.
#[utoipa::path(get, path = "/api/v1/hooks/{id}", params(("id" = String, Path)),
    responses((status = 200, body = HookPage), (status = "default", body = ProblemDocument)))]
async fn get_hook(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<HookId>) -> Result<Json<HookPage>, ApiProblem> {
    Ok(Json(hooks::hook(&ctx, &actor, &id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSecretOf {
    /// The sender's own; one is drawn when it is left out.
    #[serde(default)]
    secret: Option<String>,
}

/// Gives a hook another secret. The one before is taken for seven days more.
#[utoipa::path(post, path = "/api/v1/hooks/{id}/rotate", params(("id" = String, Path)), request_body = NewSecretOf,
    responses((status = 200, body = HookMade), (status = "default", body = ProblemDocument)))]
async fn rotate_hook_secret(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<HookId>,
    Body(new): Body<NewSecretOf>,
) -> Result<Json<HookMade>, ApiProblem> {
    Ok(Json(hooks::rotate_secret(&ctx, &actor, &id, new.secret).await?))
}

/// Shows a hook's address once more; who asked is written down.
#[utoipa::path(post, path = "/api/v1/hooks/{id}/reveal", params(("id" = String, Path)),
    responses((status = 200, body = HookMade), (status = "default", body = ProblemDocument)))]
async fn reveal_hook(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<HookId>,
) -> Result<Json<HookMade>, ApiProblem> {
    Ok(Json(hooks::reveal_address(&ctx, &actor, &id).await?))
}

/// Puts a hook out of use. What it delivered before is still processed.
#[utoipa::path(post, path = "/api/v1/hooks/{id}/revoke", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn revoke_hook(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<HookId>) -> Result<StatusCode, ApiProblem> {
    hooks::revoke_hook(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// A hook's id.
    hook: Option<String>,
    /// `stored`, `done`, `ignored`, `failed`, `duplicate` or `refused`.
    state: Option<String>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Rows on a page: 1 to 200, else 50.
    limit: Option<u32>,
}

/// What hooks delivered and what became of it, the newest first.
#[utoipa::path(get, path = "/api/v1/deliveries", params(Which),
    responses((status = 200, body = Page<DeliveryRow>), (status = "default", body = ProblemDocument)))]
async fn list_deliveries(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<DeliveryRow>>, ApiProblem> {
    let paging = Paging { cursor: which.cursor, limit: which.limit };
    let filter = DeliveryFilter { hook: which.hook, state: which.state };
    Ok(Json(intake::deliveries(&ctx, &actor, filter, paging).await?))
}

/// One delivery with its body, in which secrets are masked.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryView), (status = "default", body = ProblemDocument)))]
async fn get_delivery(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<DeliveryId>,
) -> Result<Json<DeliveryView>, ApiProblem> {
    Ok(Json(intake::delivery(&ctx, &actor, &id).await?))
}

/// Has a delivery processed once more. What it changed before is not changed twice.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn replay_delivery(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<DeliveryId>,
) -> Result<StatusCode, ApiProblem> {
    intake::replay(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
