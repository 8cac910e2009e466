//! A browser, as far as the server can tell: it keeps cookies and comes from an address.

use crate::common::TestApp;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use domain::{Actor, Person, Role};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use server::http::session::{self, DatabaseSessions};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;
use tower_sessions::Session;

/// A password that is long and uncommon enough.
pub const PASSWORD: &str = "seven grey herons";

/// Where forms stand.
const OWN_ORIGIN: &str = "http://127.0.0.1:3000";
const OWN_PAGE: &str = "http://127.0.0.1:3000/builds?app=web";

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a plain header"))
    }

    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The word of a problem document.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no problem: {}", self.body)).to_owned()
    }
}

#[derive(Clone)]
pub struct Browser {
    router: Router,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    pub address: SocketAddr,
    pub headers: Vec<(String, String)>,
}

impl Browser {
    /// A browser without cookies, on this machine.
    pub fn new(app: &TestApp) -> Self {
        Self::over(server::http::outside(&app.ctx).router)
    }

    pub fn over(router: Router) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 40_000));
        Self { router, cookies: Arc::default(), address, headers: vec![] }
    }

    /// The same server, without cookies.
    pub fn another(&self) -> Self {
        Self { cookies: Arc::default(), ..self.clone() }
    }

    /// The same server from the same place, with no cookie but those of this one's host that say who knocked.
    pub fn another_window(&self) -> Self {
        let other = self.another();
        if let Some(knock) = self.cookie("slipway-knock") {
            other.set_cookie("slipway-knock", &knock);
        }
        other
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, secret: &str) -> Self {
        self.with(AUTHORIZATION.as_str(), &format!("Bearer {secret}"))
    }

    pub fn from(mut self, address: [u8; 4]) -> Self {
        self.address = SocketAddr::from((address, 40_000));
        self
    }

    /// Signed in as `actor`, without the way through the login.
    pub async fn signed_in(self, app: &TestApp, actor: &Actor) -> Self {
        let session = Session::new(None, Arc::new(DatabaseSessions::new(app.ctx.clone())), None);
        session::begin(&app.ctx, &session, actor.person().expect("a person")).await.expect("a session");
        session.save().await.expect("it is kept");
        self.set_cookie("slipway", &session.id().expect("an id").to_string());
        self
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("cookies").get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().expect("cookies").insert(name.to_owned(), value.to_owned());
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// Sends JSON, as a client of REST does.
    pub async fn json(&self, method: &str, path: &str, body: impl Into<String>) -> Reply {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.into())).expect("a request")).await
    }

    pub async fn log_in(&self, name: &str, password: &str) -> Reply {
        self.post("/login", &[("name", name), ("password", password)]).await
    }

    /// The whole answer; of a stream only its head.
    pub async fn send(&self, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(ConnectInfo(self.address));
        let write = request.method() != http::Method::GET && !request.uri().path().starts_with("/api/");
        let headers = request.headers_mut();
        if write {
            // What a browser says when one of our own pages posts a form.
            for (name, value) in [("referer", OWN_PAGE), ("origin", OWN_ORIGIN), ("sec-fetch-site", "same-origin")] {
                headers.insert(name, http::HeaderValue::from_static(value));
            }
        }
        for (name, value) in &self.headers {
            let name: http::HeaderName = name.parse().expect("a name");
            headers.insert(name, value.parse().expect("a value"));
        }
        headers.entry(ACCEPT).or_insert(http::HeaderValue::from_static("text/html"));
        let cookies: Vec<String> = self.cookies.lock().expect("cookies").iter().map(|(k, v)| format!("{k}={v}")).collect();
        if !cookies.is_empty() {
            headers.insert(COOKIE, cookies.join("; ").parse().expect("a value"));
        }
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            let pair = cookie.to_str().expect("a plain cookie").split(';').next().expect("a pair").to_owned();
            let (name, value) = pair.split_once('=').expect("a name and a value");
            self.set_cookie(name, value);
        }
        let stream = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let body = if stream { axum::body::Bytes::new() } else { to_bytes(body, 8 << 20).await.expect("a body") };
        Reply { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// A user who can sign in with [`PASSWORD`].
pub async fn user(app: &TestApp, name: &str, role: Role) -> Actor {
    let id = server::usecases::people::add_user(&app.ctx, &Actor::Slipway, name.to_owned(), role, PASSWORD.to_owned());
    let person = Person { id: id.await.expect("a user"), name: name.to_owned(), role };
    Actor::User { person, signed_in_at: app.ctx.now() }
}
