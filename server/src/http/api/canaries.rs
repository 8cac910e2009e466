//! REST: canaries that run. They are requested as promotions.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::canaries;
use app::view::{ExtendInput, WithdrawInput};
use axum::extract::State;
use domain::Action;
use domain::id::PromotionId;
use http::StatusCode;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::TendCanary), routes!(withdraw_canary))
        .api(Access::Needs(Action::TendCanary), routes!(extend_canary))
}

/// Sends a canary back before its end: its service is removed, and the main service gets its replicas back.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/withdraw", params(("id" = String, Path)),
    request_body = WithdrawInput, responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn withdraw_canary(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(input): Body<WithdrawInput>,
) -> Result<StatusCode, ApiProblem> {
    canaries::withdraw_canary(&ctx, &actor, &id, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Moves the end of a canary that runs.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/extend", params(("id" = String, Path)),
    request_body = ExtendInput, responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn extend_canary(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(input): Body<ExtendInput>,
) -> Result<StatusCode, ApiProblem> {
    canaries::extend_canary(&ctx, &actor, &id, input).await?;
    Ok(StatusCode::NO_CONTENT)
}
