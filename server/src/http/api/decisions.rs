//! Verdicts and sign-offs.

use super::people::Made;
use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::verdicts;
use app::view::VerdictInput;
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::id::{BuildId, EnvironmentId, SignOffId, VerdictId};
use domain::verdict::VerdictKind;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// A judgement of a build. A fail or a blocked needs a note.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewVerdict {
    kind: VerdictKind,
    #[serde(default)]
    note: String,
    /// The environment in which it was seen; it must have run this build.
    environment: Option<EnvironmentId>,
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSignOff {
    #[serde(default)]
    note: String,
}

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::Needs(Action::RecordVerdict), routes!(record_verdict))
        .api(Access::Needs(Action::WithdrawVerdict), routes!(withdraw_verdict))
        .api(Access::Needs(Action::OverruleVerdict), routes!(overrule_verdict))
        .api(Access::Needs(Action::SignOff), routes!(sign_off))
        .api(Access::Needs(Action::SignOff), routes!(withdraw_sign_off))
}

/// Records a verdict on a build. It holds for the build's digest.
#[utoipa::path(post, path = "/api/v1/builds/{id}/verdicts", params(("id" = String, Path)), request_body = NewVerdict,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn record_verdict(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(build): Path<BuildId>,
    Body(new): Body<NewVerdict>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let input = VerdictInput { build, kind: new.kind, note: new.note, environment: new.environment };
    let id = verdicts::record_verdict(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Takes one's own verdict back.
#[utoipa::path(post, path = "/api/v1/verdicts/{id}/withdraw", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn withdraw_verdict(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<VerdictId>,
) -> Result<StatusCode, ApiProblem> {
    verdicts::withdraw_verdict(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a standing fail aside, with a reason.
#[utoipa::path(post, path = "/api/v1/verdicts/{id}/overrule", params(("id" = String, Path)), request_body = Reason,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn overrule_verdict(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<VerdictId>,
    Body(why): Body<Reason>,
) -> Result<StatusCode, ApiProblem> {
    verdicts::overrule_verdict(&ctx, &actor, &id, why.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts a build for production.
#[utoipa::path(post, path = "/api/v1/builds/{id}/sign-offs", params(("id" = String, Path)), request_body = NewSignOff,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn sign_off(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(build): Path<BuildId>,
    Body(new): Body<NewSignOff>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = verdicts::sign_off(&ctx, &actor, &build, new.note).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// Takes one's own sign-off back.
#[utoipa::path(post, path = "/api/v1/sign-offs/{id}/withdraw", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn withdraw_sign_off(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<SignOffId>,
) -> Result<StatusCode, ApiProblem> {
    verdicts::withdraw_sign_off(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
