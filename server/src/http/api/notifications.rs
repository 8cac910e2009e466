//! REST: notifications.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::problem::{ApiProblem, Path, ProblemDocument, Query};
use crate::http::routes::{Access, Routes};
use crate::usecases::notifications;
use app::view::{MessageFilter, MessageRow, NotificationsView, Page, Paging};
use axum::Json;
use axum::extract::State;
use domain::Action;
use domain::id::MessageId;
use domain::notify::MessageState;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

pub fn routes(routes: Routes) -> Routes {
    let access = Access::Needs(Action::ManageNotifications);
    routes
        .api(access, routes!(list_messages))
        .api(access, routes!(list_targets))
        .api(access, routes!(send_test_message))
        .api(access, routes!(replay_message))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// A target's name.
    target: Option<String>,
    /// `waiting`, `delivered` or `dead`.
    state: Option<MessageState>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Rows on a page: 1 to 200, else 50.
    limit: Option<u32>,
}

/// Messages, the newest first: what waits, was delivered, or was given up and why.
#[utoipa::path(get, path = "/api/v1/notifications", params(Which),
    responses((status = 200, body = Page<MessageRow>), (status = "default", body = ProblemDocument)))]
async fn list_messages(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Query(which): Query<Which>,
) -> Result<Json<Page<MessageRow>>, ApiProblem> {
    let filter = MessageFilter { target: which.target, state: which.state };
    let paging = Paging { cursor: which.cursor, limit: which.limit };
    Ok(Json(notifications::messages(&ctx, &actor, filter, paging).await?))
}

/// Targets, without their addresses, and routes.
#[utoipa::path(get, path = "/api/v1/notifications/targets",
    responses((status = 200, body = NotificationsView), (status = "default", body = ProblemDocument)))]
async fn list_targets(State(ctx): State<Ctx>, Caller(actor): Caller) -> Result<Json<NotificationsView>, ApiProblem> {
    Ok(Json(notifications::targets(&ctx, &actor).await?))
}

/// Sends a test message to one target, whatever the routes say. How it went stands in the list.
#[utoipa::path(post, path = "/api/v1/notifications/targets/{name}/test", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn send_test_message(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    notifications::send_test_message(&ctx, &actor, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a message again that was given up, under the same id.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/replay", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
async fn replay_message(
    State(ctx): State<Ctx>,
    Caller(actor): Caller,
    Path(id): Path<MessageId>,
) -> Result<StatusCode, ApiProblem> {
    notifications::replay_message(&ctx, &actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
