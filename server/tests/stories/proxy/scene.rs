//! An environment whose app is real, behind a server with a proxy.

use crate::browser::{Browser, Reply};
use crate::common::TestApp;
use crate::decided::People;
use crate::environments::stage::Stage;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use domain::Actor;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Mutex, Notify, mpsc};

/// What the app and the test share.
#[derive(Default)]
pub struct Shared {
    /// Requests that reached the app.
    pub reached: AtomicUsize,
    /// Bytes of uploads that the app took.
    pub taken: AtomicUsize,
    /// Lets the upload go on.
    pub go_on: Notify,
    /// What the app sends to who listens.
    pub events: Mutex<Option<mpsc::Receiver<&'static str>>>,
}

pub struct Scene {
    pub stage: Stage,
    pub upstream: SocketAddr,
    pub shared: Arc<Shared>,
    pub id: EnvironmentId,
}

impl Scene {
    /// A running environment E-1, its `web` at `e1-web.env.test`.
    pub async fn set(app: TestApp) -> Self {
        let scene = Self::launching(app).await;
        scene.stage.begin_work();
        scene.stage.until(&scene.id, EnvironmentState::Running).await;
        scene
    }

    /// The same, while nobody has begun to work on it.
    pub async fn launching(app: TestApp) -> Self {
        let shared = Arc::new(Shared::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = listener.local_addr().expect("an address");
        let router = Router::new().fallback(under_test).with_state((shared.clone(), upstream));
        tokio::spawn(axum::serve(listener, router).into_future());
        let stage = Stage::set(app).await;
        let url = stage.app.ctx.config().config.engine("test").expect("an engine").url.clone();
        let toml =
            format!("[[engines]]\nname = \"test\"\nurl = \"{url}\"\naddress = \"127.0.0.1\"\n[proxy]\ndomain = \"env.test\"\n");
        stage.app.apply(&toml).await;
        stage.engine.held().published = Some(upstream.port());
        let build = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&build, Some("alone")).await.expect("launched");
        Self { stage, upstream, shared, id }
    }

    /// E-2, of the same build.
    pub async fn another_environment(&self) {
        let build = self.stage.look(&self.id).await.row.builds[0].build.clone();
        let id = self.stage.launch(&build, Some("alone")).await.expect("launched");
        self.stage.until(&id, EnvironmentState::Running).await;
    }

    pub fn people(&self) -> &People {
        &self.stage.people
    }

    /// How many requests reached the app.
    pub fn reached(&self) -> usize {
        self.shared.reached.load(Ordering::SeqCst)
    }

    /// A browser at the main site.
    pub async fn signed_in(&self, actor: &Actor) -> Browser {
        Browser::new(&self.stage.app).signed_in(&self.stage.app, actor).await
    }

    /// A browser at a proxied host, which knows nothing of the main site's cookies.
    pub fn at(&self, name: &str) -> Browser {
        Browser::new(&self.stage.app).with("host", &format!("{name}.env.test"))
    }

    /// Knocks at a proxied host and gets a ticket for it: the path that takes it.
    pub async fn entry(&self, main: &Browser, host: &Browser) -> String {
        let knock: Reply = host.another_window().get("/").await;
        if let Some(kept) = knock.headers.get("set-cookie") {
            let pair = kept.to_str().expect("plain").split(';').next().expect("a pair").to_owned();
            let (name, value) = pair.split_once('=').expect("a name and a value");
            host.set_cookie(name, value);
        }
        let to = knock.location().replace("http://127.0.0.1:3000", "");
        let handed = main.get(&to).await;
        let at =
            handed.location().find("/.slipway/").unwrap_or_else(|| panic!("no ticket: {} {}", handed.status, handed.location()));
        handed.location()[at..].to_owned()
    }

    /// A browser at a proxied host that has a pass.
    pub async fn entered(&self, main: &Browser, name: &str) -> Browser {
        let host = self.at(name);
        let entry = self.entry(main, &host).await;
        let entered = host.get(&entry).await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        host
    }
}

/// The app under test: says what it sees, and does what the path says.
async fn under_test(State((shared, here)): State<(Arc<Shared>, SocketAddr)>, mut request: Request) -> Response {
    shared.reached.fetch_add(1, Ordering::SeqCst);
    match request.uri().path() {
        "/answers" => answers(here),
        "/events" => {
            let events = shared.events.lock().await.take().expect("the test sends");
            let stream = futures::stream::unfold(events, |mut events| async move {
                let word = events.recv().await?;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(word.as_bytes())), events))
            });
            ([("content-type", "text/event-stream")], Body::from_stream(stream)).into_response()
        }
        "/upload" => {
            let mut body = request.into_body().into_data_stream();
            while let Some(chunk) = body.next().await {
                let before = shared.taken.fetch_add(chunk.expect("a chunk").len(), Ordering::SeqCst);
                if before == 0 {
                    shared.go_on.notified().await;
                }
            }
            Json(json!(shared.taken.load(Ordering::SeqCst))).into_response()
        }
        "/ws" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.expect("switched")));
                tokio::io::copy(&mut read, &mut write).await.ok();
            });
            let switch = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "yes")];
            (http::StatusCode::SWITCHING_PROTOCOLS, switch).into_response()
        }
        _ => {
            let path = request.uri().path_and_query().map(|path| path.to_string());
            let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                (name.to_string(), Value::from(value.to_str().expect("plain")))
            };
            let headers: Map<String, Value> = request.headers().iter().map(pair).collect();
            Json(json!({ "path": path, "headers": headers })).into_response()
        }
    }
}

fn answers(here: SocketAddr) -> Response {
    let mut response = http::StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    headers.insert("location", format!("http://{here}/next?x=1#y").parse().expect("a value"));
    for cookie in ["sid=1; Path=/; Domain=env.test", "slipway-pass=forged; Path=/", "slipway=forged; Domain=127.0.0.1"] {
        headers.append("set-cookie", cookie.parse().expect("a value"));
    }
    headers.insert("alt-svc", "h3=\":443\"".parse().expect("a value"));
    response
}
