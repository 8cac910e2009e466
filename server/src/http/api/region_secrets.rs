//! REST: the secrets that a region's services are given.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::store::region_secrets::Key;
use crate::usecases::regions;
use app::view::RegionSecrets;
use axum::Json;
use axum::extract::State;
use domain::Action;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    let set = Access::Needs(Action::SetRegionSecrets);
    routes
        .api(Access::Needs(Action::Read), routes!(list_region_secrets))
        .api(set, routes!(set_region_secret))
        .api(set, routes!(remove_region_secret))
}

/// The secrets of a region's apps by name: which are set, and which version runs. What they hold is shown to nobody.
#[utoipa::path(get, path = "/api/v1/regions/{region}/secrets", params(("region" = String, Path)),
    responses((status = 200, body = RegionSecrets), (status = "default", body = ProblemDocument)))]
async fn list_region_secrets(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(region): Path<String>,
) -> Result<Json<RegionSecrets>, ApiProblem> {
    Ok(Json(regions::secrets(&ctx, &actor, &region).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRegionSecret {
    app: String,
    /// One of those that the app's configuration names.
    name: String,
    /// At most 64 KiB.
    value: String,
}

/// Sets a secret of an app in a region, or puts another value in its place; the next promotion gives it to the service.
#[utoipa::path(post, path = "/api/v1/regions/{region}/secrets", params(("region" = String, Path)), request_body = NewRegionSecret,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn set_region_secret(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(region): Path<String>,
    Body(new): Body<NewRegionSecret>,
) -> Result<StatusCode, ApiProblem> {
    let key = Key { region: &region, app: &new.app, name: &new.name };
    regions::set_secret(&ctx, &actor, key, &new.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a secret of an app in a region; what runs keeps what it was given.
#[utoipa::path(post, path = "/api/v1/regions/{region}/secrets/{app}/{name}/remove",
    params(("region" = String, Path), ("app" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn remove_region_secret(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path((region, app, name)): Path<(String, String, String)>,
) -> Result<StatusCode, ApiProblem> {
    regions::remove_secret(&ctx, &actor, Key { region: &region, app: &app, name: &name }).await?;
    Ok(StatusCode::NO_CONTENT)
}
