//! REST: the record.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::activity;
use app::view::{AuditRow, Page, Paging};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    routes.api(Access::SignedIn, routes!(list_activity))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// An app's name.
    app: Option<String>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Rows on a page: 1 to 200, else 50.
    limit: Option<u32>,
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/api/v1/activity", params(Which),
    responses((status = 200, body = Page<AuditRow>), (status = "default", body = ProblemDocument)))]
async fn list_activity(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<AuditRow>>, ApiProblem> {
    let paging = Paging { cursor: which.cursor, limit: which.limit };
    Ok(Json(activity::activity(&ctx, &actor, which.app, paging).await?))
}
