//! REST: secrets, and reading registries.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::{intake, secrets};
use app::view::SecretView;
use axum::Json;
use axum::extract::State;
use domain::Action;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    let manage = Access::Needs(Action::ManageSecrets);
    routes
        .api(manage, routes!(list_secrets, set_secret))
        .api(manage, routes!(remove_secret))
        .api(Access::Needs(Action::Configure), routes!(sweep_app))
}

/// The names of all secrets, and what uses each. What they hold is shown to nobody.
#[utoipa::path(get, path = "/api/v1/secrets", responses((status = 200, body = [SecretView]), (status = "default", body = ProblemDocument)))]
async fn list_secrets(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<SecretView>>, ApiProblem> {
    Ok(Json(secrets::list(&ctx, &actor).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSecretValue {
    name: String,
    value: String,
}

/// Sets a secret, or puts another in its place.
#[utoipa::path(post, path = "/api/v1/secrets", request_body = NewSecretValue,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn set_secret(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(new): Body<NewSecretValue>,
) -> Result<StatusCode, ApiProblem> {
    secrets::set(&ctx, &actor, &new.name, &new.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a secret.
#[utoipa::path(post, path = "/api/v1/secrets/{name}/remove", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn remove_secret(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    secrets::remove(&ctx, &actor, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has all tags of an app read from its registry, as for a new app.
#[utoipa::path(post, path = "/api/v1/apps/{name}/sweep", params(("name" = String, Path)),
    responses((status = 202), (status = "default", body = ProblemDocument)))]
async fn sweep_app(State(ctx): State<Ctx>, Caller(actor): Caller, Path(name): Path<String>) -> Result<StatusCode, ApiProblem> {
    intake::ask_sweep(&ctx, &actor, &name).await?;
    Ok(StatusCode::ACCEPTED)
}
