//! The stack editor's check: a text comes in, a part of its page goes out.

use crate::ctx::Ctx;
use crate::http::auth::MaybeCaller;
use crate::http::pages::ui_context;
use crate::http::problem::{PageProblem, too_big};
use crate::http::routes::{Access, Routes};
use crate::usecases::stacks::check_stack;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::problem::Fault;
use domain::stack::MOST_BYTES;
use domain::{Action, Problem};
use http::header::CONTENT_TYPE;

pub fn routes(routes: Routes) -> Routes {
    routes.post("/settings/stacks/check", Access::Needs(Action::EditStacks), check)
}

/// `POST /settings/stacks/check`: the text is the body.
async fn check(State(ctx): State<Ctx>, MaybeCaller(actor): MaybeCaller, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let checked = async {
        let actor = actor.ok_or(Problem::SignedOut)?;
        actor.require(Action::EditStacks)?;
        // One byte more, so that what is too long is refused in words.
        let body = to_bytes(body, MOST_BYTES + 1).await.map_err(|_| too_big())?;
        let not_text = |_| Problem::invalid("body", Fault::Unreadable { detail: "send UTF-8 text".to_owned() });
        let check = check_stack(&ctx, &actor, std::str::from_utf8(&body).map_err(not_text)?).await?;
        let ui = ui_context(&ctx, Some(actor), &parts.headers, &parts.uri);
        Ok(app::stack_fragment(&ui, &check))
    };
    match checked.await {
        Ok(html) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(problem) => PageProblem(problem).into_response(),
    }
}
