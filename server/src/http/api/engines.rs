//! REST: engines for test environments.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::engines;
use app::view::EngineView;
use axum::Json;
use axum::extract::State;
use domain::Action;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes.api(Access::Needs(Action::Read), routes!(list_engines))
}

/// Every engine that environments are launched on: whether it is there, since when, and what is on it.
#[utoipa::path(get, path = "/api/v1/engines", responses((status = 200, body = [EngineView]), (status = "default", body = ProblemDocument)))]
async fn list_engines(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<Vec<EngineView>>, ApiProblem> {
    Ok(Json(engines::engines(&ctx, &actor).await?))
}
