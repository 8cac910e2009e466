//! Verdicts and sign-offs.

use super::people::Made;
use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Body, Path, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::{verdicts, waiting};
use app::view::{Findings, VerdictInput, WaitingView};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::checklist::ItemResult;
use domain::id::{BuildId, EnvironmentId, SignOffId, VerdictId};
use domain::verdict::VerdictKind;
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
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
    /// The version of the app's checklist that was gone through, to be refused when it is another by now.
    plan: Option<String>,
    /// What was found at the items of the checklist, by their ids; the others were not done.
    #[serde(default)]
    items: BTreeMap<String, ItemResult>,
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
        .api(Access::Needs(Action::SignOff), routes!(send_back))
        .api(Access::SignedIn, routes!(get_waiting))
}

/// Records a verdict on a build. It holds for the build's digest, and takes the place of what the
/// same tester said of it before.
#[utoipa::path(post, path = "/api/v1/builds/{id}/verdicts", params(("id" = String, Path)), request_body = NewVerdict,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn record_verdict(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(build): Path<BuildId>,
    Body(new): Body<NewVerdict>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let input = VerdictInput { build, kind: new.kind, note: new.note, environment: new.environment };
    let findings = Findings { plan: new.plan, items: new.items, files: Vec::new() };
    let id = verdicts::record_verdict_with(&ctx, &actor, input, findings).await?;
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

/// Sends a build back, with a reason. The sign-offs that stand on it are withdrawn.
#[utoipa::path(post, path = "/api/v1/builds/{id}/send-backs", params(("id" = String, Path)), request_body = Reason,
    responses((status = 201, body = Made), (status = "default", body = ProblemDocument)))]
async fn send_back(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(build): Path<BuildId>,
    Body(why): Body<Reason>,
) -> Result<(StatusCode, Json<Made>), ApiProblem> {
    let id = verdicts::send_back(&ctx, &actor, &build, why.reason).await?;
    Ok((StatusCode::CREATED, Json(Made { id: id.0 })))
}

/// What waits for the owner of the token: builds to sign off, builds to test, promotions to approve.
#[utoipa::path(get, path = "/api/v1/waiting",
    responses((status = 200, body = WaitingView), (status = "default", body = ProblemDocument)))]
async fn get_waiting(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<WaitingView>, ApiProblem> {
    Ok(Json(waiting::waiting(&ctx, &actor).await?))
}
