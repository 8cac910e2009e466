//! Who a token stands for.

use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, ProblemDocument};
use crate::http::routes::{Access, Routes};
use axum::Json;
use domain::id::UserId;
use domain::{Action, Role};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Who acts, and what they may do.
#[derive(Serialize, ToSchema)]
pub struct Me {
    id: UserId,
    name: String,
    /// The owner's role; a token may be narrower, see `may`.
    role: Role,
    may: Vec<Action>,
}

pub fn routes(routes: Routes) -> Routes {
    routes.api(Access::SignedIn, routes!(me))
}

/// Who the token stands for and what it may do.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me), (status = "default", body = ProblemDocument)))]
async fn me(Caller(actor): Caller) -> Result<Json<Me>, ApiProblem> {
    actor.require(Action::Read)?;
    let person = actor.person().ok_or(domain::Problem::SignedOut)?;
    let may = Action::ALL.into_iter().filter(|action| actor.may(*action)).collect();
    Ok(Json(Me { id: person.id.clone(), name: person.name.clone(), role: person.role, may }))
}
