//! Promotions and rollbacks.

use super::decisions::Reason;
use super::people::Made;
use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::{promotions, rollouts};
use app::view::{
    BookingInput, Confirmation, GlassInput, Page, Paging, PromotionInput, PromotionRow, PromotionView, RollbackInput,
};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `open`, `running`, `verified`, `failed`, `cancelled`, `rejected`, `expired` or `aborted`; all when absent.
    state: Option<PromotionState>,
    /// Where to go on, from `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200 rows, 50 when absent.
    limit: Option<u32>,
}

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::Read), routes!(list_promotions))
        .api(Access::Needs(Action::RequestPromotion), routes!(request_promotion))
        .api(Access::Needs(Action::Read), routes!(show_promotion))
        .api(Access::Needs(Action::ApprovePromotion), routes!(approve_promotion))
        .api(Access::Needs(Action::StartPromotion), routes!(start_promotion))
        .api(Access::Needs(Action::CancelPromotion), routes!(cancel_promotion))
        .api(Access::Needs(Action::PausePromotion), routes!(pause_promotion))
        .api(Access::Needs(Action::PausePromotion), routes!(resume_promotion))
        .api(Access::Needs(Action::AbortPromotion), routes!(abort_promotion))
        .api(Access::Needs(Action::ApprovePromotion), routes!(reject_promotion))
        .api(Access::Needs(Action::StartPromotion), routes!(book_promotion))
        .api(Access::Needs(Action::StartPromotion), routes!(unbook_promotion))
        .api(Access::Needs(Action::LiftFreeze), routes!(exempt_from_freeze))
        .api(Access::Needs(Action::BreakGlass), routes!(break_glass))
        .api(Access::Needs(Action::BreakGlass), routes!(review_glass))
        .api(Access::Needs(Action::RollBack), routes!(roll_back))
}

/// Promotions, newest first.
#[utoipa::path(get, path = "/api/v1/promotions", params(Filter),
    responses((status = 200, body = Page<PromotionRow>), (status = "default", body = ProblemDocument)))]
async fn list_promotions(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<PromotionRow>>, ApiProblem> {
    let paging = Paging { cursor: filter.cursor, limit: filter.limit };
    Ok(Json(promotions::promotions(&ctx, &actor, filter.state, paging).await?))
}

/// Requests that a build runs in these regions, one after another.
#[utoipa::path(post, path = "/api/v1/promotions", request_body = PromotionInput,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn request_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<PromotionInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = promotions::request_promotion(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// One promotion with its gates, approvals and rollouts.
#[utoipa::path(get, path = "/api/v1/promotions/{id}", params(("id" = String, Path)),
    responses((status = 200, body = PromotionView), (status = "default", body = ProblemDocument)))]
async fn show_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
) -> Result<Json<PromotionView>, ApiProblem> {
    Ok(Json(promotions::promotion(&ctx, &actor, &id).await?))
}

/// Approves an open promotion for its digest and its regions. One's own request is refused.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/approve", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn approve_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
) -> Result<StatusCode, ApiProblem> {
    promotions::approve_promotion(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a promotion when every gate is green. `app` is the app's name, to confirm; a token
/// has no password to give again.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/start", params(("id" = String, Path)), request_body = Confirmation,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn start_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(confirmation): Body<Confirmation>,
) -> Result<StatusCode, ApiProblem> {
    promotions::start_promotion(&ctx, &actor, &id, confirmation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancels an open promotion, with a reason.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/cancel", params(("id" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn cancel_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    promotions::cancel_promotion(&ctx, &actor, &id, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses a promotion that runs: no other region starts, and one that runs is not changed unless
/// it was already.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/pause", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn pause_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
) -> Result<StatusCode, ApiProblem> {
    rollouts::pause_promotion(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a paused promotion go on; when it is not paused, the wave begins that waits for a look.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/resume", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn resume_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
) -> Result<StatusCode, ApiProblem> {
    rollouts::resume_promotion(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a promotion that runs, with a reason. Its regions stay as they are at this moment.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/abort", params(("id" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn abort_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    rollouts::abort_promotion(&ctx, &actor, &id, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends an open promotion back, with a reason. Whoever could approve it may.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/reject", params(("id" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn reject_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    promotions::reject_promotion(&ctx, &actor, &id, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Books an open promotion: it starts by itself when every gate is green.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/book", params(("id" = String, Path)), request_body = BookingInput,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn book_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(input): Body<BookingInput>,
) -> Result<StatusCode, ApiProblem> {
    promotions::book_promotion(&ctx, &actor, &id, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the booking away: it starts by hand again.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/unbook", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn unbook_promotion(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
) -> Result<StatusCode, ApiProblem> {
    promotions::unbook_promotion(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a promotion of somebody else pass freeze windows, with a reason.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/exempt", params(("id" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn exempt_from_freeze(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    promotions::exempt_from_freeze(&ctx, &actor, &id, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a promotion without people's decisions, where every policy allows it. The password is that of
/// the person behind the token.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/break-glass", params(("id" = String, Path)), request_body = GlassInput,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn break_glass(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(input): Body<GlassInput>,
) -> Result<StatusCode, ApiProblem> {
    promotions::break_glass(&ctx, &actor, &id, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes the review of broken glass, with a note as `reason`; never one's own.
#[utoipa::path(post, path = "/api/v1/promotions/{id}/review", params(("id" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn review_glass(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<PromotionId>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    promotions::review_glass(&ctx, &actor, &id, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Requests and starts a rollback of an app in one region to a digest that was verified there
/// before: `to` when given, else the one that the Regions page offers. With `withdraw_canary` a canary
/// of the app that is there is withdrawn, and the rollback starts by itself as soon as it is gone.
#[utoipa::path(post, path = "/api/v1/rollbacks", request_body = RollbackInput,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn roll_back(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Body(input): Body<RollbackInput>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = promotions::roll_back(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}
