//! Promotion sets: promotions of several apps that run one after another. The promotions themselves
//! are read and decided about as all others are.

use super::decisions::Reason;
use super::people::Made;
use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::store::missing;
use crate::usecases::promotions;
use app::view::{BookingInput, Confirmation, SetApproval, SetInput, SetView};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::problem::Noun;
use domain::promotion::set::SetNumber;
use http::StatusCode;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::RequestPromotion), routes!(request_set))
        .api(Access::Needs(Action::Read), routes!(show_set))
        .api(Access::Needs(Action::ApprovePromotion), routes!(approve_set))
        .api(Access::Needs(Action::StartPromotion), routes!(start_set))
        .api(Access::Needs(Action::StartPromotion), routes!(book_set))
        .api(Access::Needs(Action::StartPromotion), routes!(unbook_set))
        .api(Access::Needs(Action::CancelPromotion), routes!(cancel_set))
        .api(Access::Needs(Action::ApprovePromotion), routes!(reject_set))
}

/// What is no number of a set is one that is not there.
fn number(set: &str) -> Result<SetNumber, ApiProblem> {
    set.parse().map_err(|_| ApiProblem(missing(Noun::PromotionSet, set)))
}

/// Requests promotions of several builds, one for each app, to the same regions: all of them or none.
#[utoipa::path(post, path = "/api/v1/promotion-sets", request_body = SetInput,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn request_set(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<SetInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let number = promotions::request_set(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: number.to_string() })))
}

/// One set with its promotions in their order; `set` is its number, such as `S-7`.
#[utoipa::path(get, path = "/api/v1/promotion-sets/{set}", params(("set" = String, Path)),
    responses((status = 200, body = SetView), (status = "default", body = ProblemDocument)))]
async fn show_set(State(ctx): State<Ctx>, Caller(actor): Caller, Path(set): Path<String>) -> Result<Json<SetView>, ApiProblem> {
    Ok(Json(promotions::promotion_set(&ctx, &actor, number(&set)?).await?))
}

/// Approves each open promotion of a set that can be approved; the others are named with their reasons.
#[utoipa::path(post, path = "/api/v1/promotion-sets/{set}/approve", params(("set" = String, Path)),
    responses((status = 200, body = SetApproval), (status = "default", body = ProblemDocument)))]
async fn approve_set(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(set): Path<String>,
) -> Result<Json<SetApproval>, ApiProblem> {
    Ok(Json(promotions::approve_set(&ctx, &actor, number(&set)?).await?))
}

/// Starts a set when every gate of every promotion is green; they run in their order. `app` is the
/// set's number, to confirm.
#[utoipa::path(post, path = "/api/v1/promotion-sets/{set}/start", params(("set" = String, Path)), request_body = Confirmation,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn start_set(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(set): Path<String>,
    Body(confirmation): Body<Confirmation>,
) -> Result<StatusCode, ApiProblem> {
    promotions::start_set(&ctx, &actor, number(&set)?, confirmation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Books a set: it starts by itself when every gate of every promotion is green. `app` is the set's
/// number, to confirm.
#[utoipa::path(post, path = "/api/v1/promotion-sets/{set}/book", params(("set" = String, Path)), request_body = BookingInput,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn book_set(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(set): Path<String>,
    Body(input): Body<BookingInput>,
) -> Result<StatusCode, ApiProblem> {
    promotions::book_set(&ctx, &actor, number(&set)?, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the booking of a set away: it starts by hand again.
#[utoipa::path(post, path = "/api/v1/promotion-sets/{set}/unbook", params(("set" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn unbook_set(State(ctx): State<Ctx>, Caller(actor): Caller, Path(set): Path<String>) -> Result<StatusCode, ApiProblem> {
    promotions::unbook_set(&ctx, &actor, number(&set)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws the open promotions of a set, with a reason. What runs goes on.
#[utoipa::path(post, path = "/api/v1/promotion-sets/{set}/cancel", params(("set" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn cancel_set(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(set): Path<String>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    promotions::cancel_set(&ctx, &actor, number(&set)?, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends the open promotions of a set back, with a reason. Whoever could approve each of them may.
#[utoipa::path(post, path = "/api/v1/promotion-sets/{set}/reject", params(("set" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn reject_set(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(set): Path<String>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    promotions::reject_set(&ctx, &actor, number(&set)?, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
