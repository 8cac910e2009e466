//! The outside: pages, forms, REST, hooks, server-sent events, health.

pub mod api;
pub mod assets;
pub mod auth;
pub mod events;
pub mod flash;
pub mod forms;
pub mod health;
pub mod hooks;
pub mod idempotency;
pub mod logs;
pub mod pages;
pub mod problem;
pub mod proxied;
pub mod routes;
pub mod session;
pub mod shell;
pub mod stacks;
pub mod uploads;
pub mod usage;

use crate::ctx::Ctx;
use crate::http::problem::PageProblem;
use crate::http::routes::{Access, Listed, Routes};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use domain::Problem;
use domain::problem::Noun;
use futures::FutureExt as _;
use http::HeaderValue;
use http::header::{self, HeaderName};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

/// No body is longer than this, hooks included: 1 MiB.
pub const MOST_BODY: usize = 1024 * 1024;

/// The server's router, and what is in it for the tests that compare.
pub struct Outside {
    pub router: Router,
    pub listed: Vec<Listed>,
    pub openapi: utoipa::openapi::OpenApi,
}

/// Puts all routes together and the layers around them.
pub fn outside(ctx: &Ctx) -> Outside {
    let routes = Routes::new(ctx)
        .get("/healthz", Access::Public, health::alive)
        .get("/readyz", Access::Public, health::ready)
        .get("/metrics", Access::Public, health::metrics)
        .get("/events", Access::SignedIn, events::stream)
        .get("/pkg/{file}", Access::Public, assets::hashed)
        .get("/static/{file}", Access::Public, assets::plain)
        .get("/favicon.svg", Access::Public, assets::favicon)
        .post("/login", Access::Public, forms::log_in)
        .post("/logout", Access::Public, forms::log_out)
        .post("/setup", Access::Public, forms::set_up)
        .post("/preferences", Access::Public, forms::preferences)
        .with(hooks::routes)
        .with(logs::routes)
        .with(shell::routes)
        .with(usage::routes)
        .with(proxied::routes)
        .with(pages::routes)
        .with(stacks::routes)
        .with(api::routes);
    let (router, mut listed, openapi) = routes.finish();
    // Written once: as a tree it would take megabytes for as long as the server runs.
    let document = bytes::Bytes::from(serde_json::to_vec(&openapi).unwrap_or_default());
    listed.push(Listed { method: http::Method::GET, path: "/api/v1/openapi.json".to_owned(), access: Access::Public });
    let router = router
        .route(
            "/api/v1/openapi.json",
            axum::routing::get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here);
    Outside { router: proxied::in_front_of(ctx, layered(ctx, router)), listed, openapi }
}

/// From the inside out: who asks, sessions, cross-site guard, pages for problems, headers, log.
fn layered(ctx: &Ctx, router: Router<Ctx>) -> Router {
    let https = ctx.settings.public_url.starts_with("https://");
    let sessions = SessionManagerLayer::new(session::DatabaseSessions::new(ctx.clone()))
        .with_name(if https { "__Host-slipway" } else { "slipway" })
        .with_secure(https)
        .with_same_site(SameSite::Lax)
        .with_http_only(true)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(time::Duration::hours(session::IDLE_HOURS)));
    router
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(middleware::from_fn_with_state(ctx.clone(), auth::identify))
        .layer(sessions)
        .layer(cross_site_guard(ctx))
        .layer(middleware::from_fn(no_zero_byte))
        .layer(middleware::from_fn(keep_going))
        .layer(middleware::from_fn_with_state(ctx.clone(), pages::dress))
        .layer(middleware::from_fn_with_state(ctx.clone(), headers))
        .layer(middleware::from_fn(observe))
        .with_state(ctx.clone())
}

/// Refuses writes that another site makes a browser send. Hooks and REST carry no cookie and pass.
fn cross_site_guard(ctx: &Ctx) -> CsrfLayer<impl FnMut(ProtectionError) -> Response + Clone + use<>> {
    let layer = CsrfLayer::new();
    let layer = match layer.clone().add_trusted_origin(&ctx.settings.public_url) {
        Ok(trusting) => trusting,
        Err(cause) => {
            tracing::warn!(%cause, "SLIPWAY_PUBLIC_URL is not an origin; only same-origin forms are taken");
            layer
        }
    };
    layer
        .with_insecure_bypass(|_, uri| uri.path().starts_with("/hooks/") || uri.path().starts_with("/api/"))
        .with_rejection_response(|_| PageProblem(Problem::CrossSite).into_response())
}

/// Nothing of ours has a zero byte in its address, and PostgreSQL would refuse one in its own words.
async fn no_zero_byte(request: Request, next: Next) -> Response {
    // A hook's key is only ever compared by its hash, and is not repeated in an answer.
    let is_hook = request.uri().path().starts_with("/hooks/");
    if !is_hook && request.uri().path_and_query().is_some_and(|address| address.as_str().contains("%00")) {
        return nothing_here(request).await;
    }
    next.run(request).await
}

/// A panic ends the request that it happened in, with an answer, and nothing else.
async fn keep_going(request: Request, next: Next) -> Response {
    let cause = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => return response,
        Err(cause) => cause,
    };
    let text = cause.downcast_ref::<String>().cloned().or_else(|| cause.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    PageProblem(crate::store::internal(text.unwrap_or_else(|| "panic".to_owned()))).into_response()
}

async fn nothing_here(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let problem = Problem::not_found(Noun::Page, path.chars().take(100).collect::<String>());
    if path.starts_with("/api/") || path.starts_with("/hooks/") {
        return problem::ApiProblem(problem).into_response();
    }
    PageProblem(problem).into_response()
}

/// The headers that every answer carries.
async fn headers(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // `same-origin`, not `no-referrer`: forms lead back by it.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    set(header::CACHE_CONTROL, "no-store");
    if ctx.settings.public_url.starts_with("https://") {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Logs and counts each request by its route, never by its path: a hook's path is its secret.
async fn observe(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed();
    let status = response.status().as_u16();
    metrics::counter!("slipway_http_requests_total", "method" => method.to_string(), "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("slipway_http_request_seconds", "route" => route.clone()).record(took.as_secs_f64());
    tracing::debug!(%method, route, status, millis = millis(took), "request");
    response
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
