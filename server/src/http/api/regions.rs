//! REST: regions.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, ProblemDocument};
use crate::http::routes::{Access, Routes};
use crate::usecases::regions;
use app::view::RegionBoard;
use axum::Json;
use axum::extract::State;
use domain::Action;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes.api(Access::Needs(Action::Read), routes!(board))
}

/// Which build each region runs of each app, as last seen there, and what is newer.
#[utoipa::path(get, path = "/api/v1/regions", responses((status = 200, body = RegionBoard), (status = "default", body = ProblemDocument)))]
async fn board(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<RegionBoard>, ApiProblem> {
    Ok(Json(regions::regions(&ctx, &actor).await?))
}
