//! Who makes a request: a session cookie for pages, a bearer token for REST.

use crate::ctx::Ctx;
use crate::http::problem::{ApiProblem, PageProblem};
use crate::http::session;
use crate::usecases::tokens;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use domain::{Actor, Problem};
use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tower_sessions::Session;

/// The actor of a request, if there is one. Set once, in front of every route.
#[derive(Clone, Debug)]
pub struct Identity {
    pub actor: Option<Actor>,
    /// Whether a bearer token was shown, good or not.
    pub bearer: bool,
}

/// Finds out who asks. A bearer token wins over a cookie; a bad one is nobody, never the cookie's user.
pub async fn identify(State(ctx): State<Ctx>, session: Session, mut request: Request, next: Next) -> Response {
    let identity = match bearer(request.headers()) {
        Some(secret) => tokens::actor_of_secret(&ctx, secret).await.map(Some).or_else(|problem| match problem {
            Problem::SignedOut => Ok(None),
            other => Err(other),
        }),
        None => session::actor(&ctx, &session).await,
    };
    let bearer = bearer(request.headers()).is_some();
    match identity {
        Ok(actor) => {
            request.extensions_mut().insert(Identity { actor, bearer });
            next.run(request).await
        }
        Err(problem) => PageProblem(problem).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn identity(parts: &http::Extensions) -> Option<Actor> {
    parts.get::<Identity>().and_then(|identity| identity.actor.clone())
}

/// Pages and forms: leads to the login and back.
pub async fn signed_in(request: Request, next: Next) -> Response {
    if identity(request.extensions()).is_some() {
        return next.run(request).await;
    }
    let wants_page = request.method() == http::Method::GET
        && request.headers().get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).is_none_or(|v| v.contains("text/html"));
    if !wants_page {
        return PageProblem(Problem::SignedOut).into_response();
    }
    let next_path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let encoded: String = encode(next_path);
    Redirect::to(&format!("/login?next={encoded}")).into_response()
}

/// REST: a bearer token and nothing else, so that no other site can make a browser ask.
pub async fn bearer_only(request: Request, next: Next) -> Response {
    match request.extensions().get::<Identity>() {
        Some(Identity { actor: Some(_), bearer: true }) => next.run(request).await,
        _ => ApiProblem(Problem::SignedOut).into_response(),
    }
}

/// Percent-encodes all but unreserved characters and `/`.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// The signed-in actor, as an extractor.
pub struct Caller(pub Actor);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        identity(&parts.extensions).map(Caller).ok_or(ApiProblem(Problem::SignedOut))
    }
}

/// The actor, if anyone is signed in.
pub struct MaybeCaller(pub Option<Actor>);

impl<S: Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(identity(&parts.extensions)))
    }
}

/// The address a request came from, for throttling. Behind a reverse proxy on the same machine
/// it is the last entry of `X-Forwarded-For`, which is the one that the proxy wrote; nobody
/// else's word is taken.
pub struct ClientAddress(pub String);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer =
            parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        // Some proxies add a line instead of an entry: theirs is the last.
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        let last = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|entry| entry.trim().parse::<IpAddr>().ok());
        Ok(Self(last.filter(|_| peer.is_loopback()).unwrap_or(peer).to_string()))
    }
}
