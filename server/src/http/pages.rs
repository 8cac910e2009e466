//! Pages: rendered by `app` on the server, whole, for one reader.

use crate::ctx::Ctx;
use crate::http::auth::{Identity, MaybeCaller};
use crate::http::flash::Message;
use crate::http::forms::{self, without_flash};
use crate::http::problem::PageProblem;
use crate::http::routes::{Access, Routes};
use crate::usecases::proxy;
use app::{After, Lang, Theme, UiContext, Uploads};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Actor;
use http::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HeaderMap};
use http::{HeaderValue, Uri};
use leptos::nonce::Nonce;
use leptos::prelude::provide_context;
use std::sync::Arc;

/// Pages that can be seen without signing in.
const OPEN_PAGES: [&str; 2] = ["/login", "/setup"];

/// Every page and every server function.
pub fn routes(mut routes: Routes) -> Routes {
    for page in leptos_axum::generate_route_list(app::App) {
        // Leptos writes `/builds/{id}` as axum does.
        let access = if OPEN_PAGES.contains(&page.path()) { Access::Public } else { Access::SignedIn };
        routes = routes.get(page.path(), access, render);
    }
    let mut functions: Vec<&str> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    functions.sort_unstable();
    for path in functions {
        routes = routes.post(path, Access::SignedIn, forms::act);
    }
    routes
}

async fn render(State(ctx): State<Ctx>, MaybeCaller(actor): MaybeCaller, request: Request) -> Response {
    let ui = ui_context(&ctx, actor, request.headers(), request.uri());
    let nonce = new_nonce(&ctx);
    // The terminal brings its own styles, under the page's nonce; no other page needs that.
    let styles = if request.uri().path().ends_with("/shell") { format!(" 'nonce-{nonce}'") } else { String::new() };
    let header = policy(&nonce, &styles, &form_targets(&ctx, request.uri()));
    let provide = move || {
        provide_context(ui.clone());
        provide_context(Nonce::from_value(nonce.clone()));
    };
    let mut response = leptos_axum::render_app_async_with_context(provide, app::shell)(request).await.into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, header);
    response
}

/// Draws the page of a problem that came from outside the pages' routes, in the reader's
/// language; REST has its own form of problems.
pub async fn dress(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let response = next.run(request).await;
    let Some(PageProblem(problem)) = response.extensions().get::<PageProblem>().cloned() else { return response };
    if uri.path().starts_with("/api/") || uri.path().starts_with("/hooks/") {
        return super::problem::ApiProblem(problem).into_response();
    }
    let actor = response.extensions().get::<Identity>().and_then(|identity| identity.actor.clone());
    let nonce = new_nonce(&ctx);
    let (status, html) = app::problem_document(ui_context(&ctx, actor, &headers, &uri), &problem, Some(&nonce));
    let mut page = (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy(&nonce, "", ""));
    for cookie in response.headers().get_all(http::header::SET_COOKIE) {
        page.headers_mut().append(http::header::SET_COOKIE, cookie.clone());
    }
    page
}

/// What the pages are given for one request.
pub fn ui_context(ctx: &Ctx, actor: Option<Actor>, headers: &HeaderMap, uri: &Uri) -> UiContext {
    let asked = uri.path_and_query().map_or("/", |path| path.as_str());
    let id = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("flash=")));
    let message = id.and_then(|id| ctx.flashes.take(ctx, actor.as_ref(), id));
    let (flash, notice) = match message {
        Some(Message::Refused(flash)) => (Some(flash), None),
        Some(Message::Notice(notice)) => (None, Some(notice)),
        None => (None, None),
    };
    UiContext {
        port: Arc::new(ctx.clone()),
        actor,
        lang: lang(headers),
        theme: cookie(headers, "theme").and_then(Theme::from_word).unwrap_or_default(),
        now: ctx.now(),
        here: without_flash(asked),
        flash,
        notice,
        after: After::default(),
        uploads: Uploads::default(),
        assets: ctx.assets.clone(),
        public_url: Arc::from(ctx.settings.public_url.as_str()),
    }
}

/// The reader's choice, else the first of the browser's languages that we speak, else English.
pub fn lang(headers: &HeaderMap) -> Lang {
    if let Some(chosen) = cookie(headers, "lang").and_then(Lang::from_word) {
        return chosen;
    }
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').find_map(|entry| Lang::from_word(entry.trim().get(..2)?)).unwrap_or_default()
}

pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn new_nonce(ctx: &Ctx) -> String {
    let mut bytes = [0; 16];
    ctx.entropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// Where the form of a page may lead beside the main site: from the login back to a proxied host.
fn form_targets(ctx: &Ctx, uri: &Uri) -> String {
    if uri.path() != "/login" {
        return String::new();
    }
    proxy::any_address(ctx).map_or_else(String::new, |address| format!(" {address}"))
}

/// Scripts only under this page's nonce, and nothing from elsewhere.
fn policy(nonce: &str, styles: &str, form_targets: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'{styles}; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; manifest-src 'self'; form-action 'self'{form_targets}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}
