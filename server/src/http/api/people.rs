//! Users and tokens.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::{people, tokens};
use app::view::{NewSecret, TokenView, UserView};
use axum::Json;
use axum::extract::State;
use domain::id::{TokenId, UserId};
use domain::{Action, Role};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
    role: Role,
    password: String,
}

/// What to change about a user; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    role: Option<Role>,
    disabled: Option<bool>,
    password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    /// The name of the user it acts for.
    owner: String,
    role: Role,
}

/// The id of what was made.
#[derive(Serialize, ToSchema)]
pub struct Made {
    pub id: String,
}

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::ManagePeople), routes!(list_users, add_user))
        .api(Access::Needs(Action::ManagePeople), routes!(change_user))
        .api(Access::Needs(Action::ManageTokens), routes!(list_tokens, add_token))
        .api(Access::Needs(Action::ManageTokens), routes!(revoke_token))
}

/// All users.
#[utoipa::path(get, path = "/api/v1/users", responses((status = 200, body = [UserView]), (status = "default", body = ProblemDocument)))]
async fn list_users(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<UserView>>, ApiProblem> {
    Ok(Json(people::list_users(&ctx, &actor).await?))
}

/// Adds a user.
#[utoipa::path(post, path = "/api/v1/users", request_body = NewUser,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn add_user(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = people::add_user(&ctx, &actor, new.name, new.role, new.password).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Changes a user's role, state and password, all of it or nothing. Their sessions end.
#[utoipa::path(post, path = "/api/v1/users/{id}", params(("id" = String, Path)), request_body = UserChange,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn change_user(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
    Body(change): Body<UserChange>,
) -> Result<StatusCode, ApiProblem> {
    let change = people::UserChange { role: change.role, disabled: change.disabled, password: change.password };
    people::change_user(&ctx, &actor, &id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest 500 tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", responses((status = 200, body = [TokenView]), (status = "default", body = ProblemDocument)))]
async fn list_tokens(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<TokenView>>, ApiProblem> {
    Ok(Json(tokens::list_tokens(&ctx, &actor).await?))
}

/// Makes a token. Its secret is in this answer only.
#[utoipa::path(post, path = "/api/v1/tokens", request_body = NewToken,
    responses((status = 201, body = NewSecret), (status = "default", body = ProblemDocument)))]
async fn add_token(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<NewSecret>), ApiProblem> {
    Ok((StatusCode::CREATED, Json(tokens::add_token(&ctx, &actor, new.name, new.owner, new.role).await?)))
}

/// Puts a token out of use.
#[utoipa::path(post, path = "/api/v1/tokens/{id}/revoke", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn revoke_token(State(ctx): State<Ctx>, Caller(actor): Caller, Path(id): Path<TokenId>) -> Result<StatusCode, ApiProblem> {
    tokens::revoke_token(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
