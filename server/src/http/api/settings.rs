//! REST: the configuration, what is set up, and whether all of it answers.

use crate::ctx::Ctx;
use crate::http::MOST_BODY;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, ProblemDocument, Query, too_big};
use crate::http::routes::{Access, Routes};
use crate::usecases::settings::{self, AppliedChanges, CheckLine};
use app::view::SettingsView;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::problem::Fault;
use domain::{Action, Problem};
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes
        .api(Access::SignedIn, routes!(get_settings))
        .api(Access::Needs(Action::Configure), routes!(export_configuration, apply_configuration))
        .api(Access::Needs(Action::Configure), routes!(check))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// Drop what the text does not name.
    prune: bool,
}

/// One thing that was looked at: what was found, or what is wrong.
#[derive(Serialize, ToSchema)]
struct Look {
    /// `database`, `configuration`, `engine test`, `region hangzhou`, `registry host`.
    subject: String,
    ok: bool,
    found: Option<String>,
    #[schema(value_type = Option<Object>)]
    problem: Option<Problem>,
}

impl From<CheckLine> for Look {
    fn from(line: CheckLine) -> Self {
        let (found, problem) = line.found.map_or_else(|problem| (None, Some(problem)), |found| (Some(found), None));
        Self { subject: line.subject, ok: problem.is_none(), found, problem }
    }
}

/// What is set up. Addresses, environment variables, people, tokens and hooks are there for
/// those who manage them.
#[utoipa::path(get, path = "/api/v1/settings", responses((status = 200, body = SettingsView), (status = "default", body = ProblemDocument)))]
async fn get_settings(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<SettingsView>, ApiProblem> {
    Ok(Json(settings::settings(&ctx, &actor).await?))
}

/// The configuration as TOML, without secrets: what a PUT takes.
#[utoipa::path(get, path = "/api/v1/configuration",
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = ProblemDocument)))]
async fn export_configuration(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Response, ApiProblem> {
    let text = settings::export(&ctx, &actor).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Takes in a configuration written as TOML. What it does not name stays, unless pruned.
#[utoipa::path(put, path = "/api/v1/configuration", params(How), request_body(content = String, content_type = "application/toml"),
    responses((status = 200, body = AppliedChanges), (status = "default", body = ProblemDocument)))]
async fn apply_configuration(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(how): Query<How>,
    request: Request,
) -> Result<Json<AppliedChanges>, ApiProblem> {
    actor.require(Action::Configure)?;
    let body = to_bytes(request.into_body(), MOST_BODY).await.map_err(|_| too_big())?;
    let not_text = |_| Problem::invalid("body", Fault::Unreadable { detail: "send TOML as UTF-8 text".to_owned() });
    let text = std::str::from_utf8(&body).map_err(not_text)?;
    Ok(Json(settings::apply(&ctx, &actor, text, how.prune).await?))
}

/// Looks at the database, the configuration, every engine, region and registry.
#[utoipa::path(get, path = "/api/v1/check", responses((status = 200, body = [Look]), (status = "default", body = ProblemDocument)))]
async fn check(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<Look>>, ApiProblem> {
    Ok(Json(settings::check(&ctx, &actor).await?.into_iter().map(Look::from).collect()))
}
