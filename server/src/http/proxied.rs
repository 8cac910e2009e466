//! Slipway's own proxy in front of environments: `e12-web.env.example.com` shows the service `web` of E-12
//! to whoever may look.
//!
//! Which site a request is for is decided by its host, before anything else is looked at. Nothing of the
//! main site is served on a proxied host, and none of its guards and headers stand there: the app under
//! test has its own.

mod forward;
mod gate;
mod headers;

pub use gate::Gate;

use crate::ctx::{Ctx, secret_hash};
use crate::http::auth::{Caller, ClientAddress, encode};
use crate::http::forms::safe_path;
use crate::http::problem::{PageProblem, Query, document};
use crate::http::routes::{Access, Routes};
use crate::http::{pages, session};
use crate::usecases::proxy::{self, OWN_PATH, Wanted, Way};
use app::proxied::Shut;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::proxied::{DoorName, Place, place};
use domain::{Action, Problem};
use gate::Visitor;
use headers::{Front, TOKEN};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, ORIGIN, REFERRER_POLICY, RETRY_AFTER};
use http::header::{CONTENT_TYPE, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use tower::ServiceExt as _;
use tower_sessions::Session;

/// Seconds between a knock and the ticket that answers it.
const KNOCK_SECONDS: u32 = 600;
/// A longer path is not gone back to.
const MOST_BACK: usize = 1500;

/// The main site and what its hosts are told from.
#[derive(Clone)]
struct Sites {
    ctx: Ctx,
    main: Router,
}

/// Puts the choice by host around the main site.
pub fn in_front_of(ctx: &Ctx, main: Router) -> Router {
    Router::new().fallback(by_host).with_state(Sites { ctx: ctx.clone(), main })
}

/// The way in, on the main site.
pub fn routes(routes: Routes) -> Routes {
    routes.get("/environments/open", Access::Needs(Action::OpenEnvironment), open)
}

async fn by_host(State(Sites { ctx, main }): State<Sites>, request: Request) -> Response {
    let applied = ctx.config();
    let Some(domain) = applied.config.proxy.domain.as_deref() else { return to_main(main, request).await };
    let Some(host) = host(&request) else { return StatusCode::BAD_REQUEST.into_response() };
    if host.eq_ignore_ascii_case(main_host(&ctx)) {
        return to_main(main, request).await;
    }
    let began = std::time::Instant::now();
    let response = match place(&host, domain) {
        Place::Elsewhere => return to_main(main, request).await,
        Place::Nowhere => shut(&ctx, request.headers(), &Shut::Misdirected),
        Place::Environment(name) => answer(&ctx, name, request).await,
    };
    let status = response.status().as_u16().to_string();
    metrics::counter!("slipway_proxied_requests_total", "status" => status).increment(1);
    metrics::histogram!("slipway_proxied_request_seconds").record(began.elapsed().as_secs_f64());
    response
}

async fn to_main(main: Router, request: Request) -> Response {
    main.oneshot(request).await.into_response()
}

/// The host that a request is for, and port; nothing when it says two different ones.
fn host(request: &Request) -> Option<String> {
    let mut said = request.headers().get_all(HOST).iter();
    let header = said.next().map(|host| host.to_str().map(str::to_owned));
    if said.next().is_some() {
        return None;
    }
    match (request.uri().authority().map(http::uri::Authority::as_str), header) {
        (Some(authority), Some(Ok(header))) => authority.eq_ignore_ascii_case(&header).then_some(header),
        (Some(authority), None) => Some(authority.to_owned()),
        (None, Some(header)) => header.ok(),
        (None, None) => Some(String::new()),
        (_, Some(Err(_))) => None,
    }
}

fn main_host(ctx: &Ctx) -> &str {
    ctx.settings.public_url.split_once("://").map_or("", |(_, rest)| rest)
}

/// A request to a proxied host.
async fn answer(ctx: &Ctx, name: DoorName, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let Ok(ClientAddress(client)) = ClientAddress::from_request_parts(&mut parts, &()).await;
    let reply = match front(ctx, name, client) {
        Some(front) => serve(ctx, &front, Request::from_parts(parts, body)).await,
        None => Err(Shut::Misdirected),
    };
    reply.unwrap_or_else(|why| shut(ctx, &headers, &why))
}

fn front(ctx: &Ctx, name: DoorName, client: String) -> Option<Front> {
    let address = proxy::address(ctx, &name)?;
    let (scheme, authority) = address.split_once("://")?;
    Some(Front { name, scheme: scheme.to_owned(), authority: authority.to_owned(), client })
}

async fn serve(ctx: &Ctx, front: &Front, request: Request) -> Result<Response, Shut> {
    if request.method() == Method::CONNECT {
        return Err(Shut::Nothing);
    }
    if let Some(own) = request.uri().path().strip_prefix(OWN_PATH) {
        let is_entry = own == "enter" && request.method() == Method::GET;
        let query = request.uri().query().unwrap_or_default().to_owned();
        return if is_entry { enter(ctx, front, &query, request.headers()).await } else { Err(Shut::Nothing) };
    }
    let visitor =
        visitor(front, &request).filter(|visitor| matches!(visitor, Visitor::Token(_)) || is_its_own(ctx, front, &request));
    let admitted = match visitor {
        Some(visitor) => ctx.gate.admit(ctx, &visitor, &front.name).await,
        None => Err(Shut::SignedOut),
    };
    match admitted {
        Ok(admitted) => {
            let seat = ctx.gate.sit(&admitted)?;
            forward::forward(ctx, front, admitted, seat, request).await
        }
        Err(Shut::SignedOut) if wants_page(&request) => Ok(knock(ctx, front, &request)),
        Err(why) => Err(why),
    }
}

/// What the request shows: a token before a cookie, and a bad one is nobody's.
fn visitor(front: &Front, request: &Request) -> Option<Visitor> {
    if let Some(token) = request.headers().get(TOKEN) {
        return Some(Visitor::Token(token.to_str().unwrap_or_default().trim().to_owned()));
    }
    pages::cookie(request.headers(), pass_cookie(front)).map(|pass| Visitor::Pass(pass.to_owned()))
}

/// Whether a cookie came with a request of the environment's own pages. All proxied hosts are one site to
/// a browser, so one app's page could make it send another's cookie.
fn is_its_own(ctx: &Ctx, front: &Front, request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let site = header("sec-fetch-site");
    if matches!(site, Some("same-origin" | "none")) {
        return true;
    }
    let applied = ctx.config();
    let domain = applied.config.proxy.domain.as_deref().unwrap_or_default();
    match header(ORIGIN.as_str()) {
        Some(origin) => {
            let host = origin.split_once("://").map_or("", |(_, host)| host);
            matches!(place(host, domain), Place::Environment(other) if other.number == front.name.number)
        }
        None => site.is_none() || matches!(*request.method(), Method::GET | Method::HEAD),
    }
}

/// Whether somebody looks at a browser's window, and is to be led to the login.
fn wants_page(request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    request.method() == Method::GET
        && header(ACCEPT.as_str()).is_some_and(|kinds| kinds.contains("text/html"))
        && header("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}

fn pass_cookie(front: &Front) -> &'static str {
    if front.scheme == "https" { "__Host-slipway-pass" } else { "slipway-pass" }
}

fn knock_cookie(front: &Front) -> &'static str {
    if front.scheme == "https" { "__Host-slipway-knock" } else { "slipway-knock" }
}

/// A cookie of this host alone.
fn cookie(front: &Front, name: &str, value: &str, seconds: Option<u32>) -> HeaderValue {
    let secure = if front.scheme == "https" { "; Secure" } else { "" };
    let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""))
}

/// Leads to the main site for a ticket. The browser keeps what it knocked with, so that a ticket is
/// good in this browser only.
fn knock(ctx: &Ctx, front: &Front, request: &Request) -> Response {
    let kept = pages::cookie(request.headers(), knock_cookie(front)).filter(|kept| (20..=64).contains(&kept.len()));
    let secret = kept.map_or_else(|| ctx.new_secret(), str::to_owned);
    let back = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let to = format!(
        "{}/environments/open?at={}&knock={}&back={}",
        ctx.settings.public_url,
        front.name,
        secret_hash(&secret),
        encode(&short(back))
    );
    let mut response = Redirect::to(&to).into_response();
    response.headers_mut().append(SET_COOKIE, cookie(front, knock_cookie(front), &secret, Some(KNOCK_SECONDS)));
    private(response)
}

/// `GET /.slipway/enter?ticket=…` on a proxied host.
async fn enter(ctx: &Ctx, front: &Front, query: &str, headers: &HeaderMap) -> Result<Response, Shut> {
    let ticket = query.split('&').find_map(|pair| pair.strip_prefix("ticket=")).ok_or(Shut::Ticket)?;
    let knock = pages::cookie(headers, knock_cookie(front)).ok_or(Shut::Ticket)?;
    let entered = proxy::take_ticket(ctx, &front.name, ticket, knock).await.map_err(|problem| match problem {
        Problem::SignedOut => Shut::Ticket,
        other => other.into(),
    })?;
    let mut response = Redirect::to(&short(&entered.back)).into_response();
    response.headers_mut().append(SET_COOKIE, cookie(front, pass_cookie(front), &entered.pass, None));
    Ok(private(response))
}

/// Neither kept by a cache nor told to the next page: it holds a ticket, or leads to one.
fn private(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A path of a proxied host to go back to, that still fits through a login.
fn short(path: &str) -> String {
    let path = safe_path(path);
    if encode(&path).len() > MOST_BACK || path.starts_with(OWN_PATH) { "/".to_owned() } else { path }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    at: String,
    #[serde(default)]
    knock: String,
    #[serde(default)]
    back: String,
}

/// `GET /environments/open?at=e12-web&knock=…&back=/path`: from a proxied host through the main site's
/// login back to it.
async fn open(State(ctx): State<Ctx>, session: Session, Caller(actor): Caller, Query(asked): Query<Asked>) -> Response {
    if let Err(problem) = actor.require(Action::OpenEnvironment) {
        return PageProblem(problem).into_response();
    }
    let back = short(&asked.back);
    let Some(name) = DoorName::parse(&asked.at) else {
        let at = asked.at.chars().take(64).collect::<String>();
        return PageProblem(Problem::not_found(domain::problem::Noun::Environment, at)).into_response();
    };
    let knocked = asked.knock.len() == 64 && asked.knock.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(address) = proxy::address(&ctx, &name).filter(|_| !knocked) {
        return Redirect::to(&format!("{address}{back}")).into_response();
    }
    let Some(id) = session.id() else { return PageProblem(Problem::SignedOut).into_response() };
    let wanted = Wanted { name, knock_hash: asked.knock, back };
    match proxy::hand_over(&ctx, &actor, &session::hash(&id), wanted).await {
        Ok(Way::Enter { address }) => private(Redirect::to(&address).into_response()),
        Ok(Way::Ended(id)) => Redirect::to(&format!("/environments/{id}")).into_response(),
        Err(problem) => PageProblem(problem).into_response(),
    }
}

/// Why the app is not shown: a page for people, a problem document for programs.
fn shut(ctx: &Ctx, asked: &HeaderMap, why: &Shut) -> Response {
    let person = asked.get(ACCEPT).and_then(|kinds| kinds.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"));
    let mut response = if person {
        let page = app::proxied::document(pages::lang(asked), why, &ctx.settings.public_url);
        (why.status(), [(CONTENT_TYPE, "text/html; charset=utf-8")], Body::from(page)).into_response()
    } else {
        document(&why.problem(), why.status())
    };
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if why.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("X-Slipway-Token"));
    }
    if why.status() == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    private(response)
}
