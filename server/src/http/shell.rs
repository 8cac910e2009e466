//! A shell in the browser, over a WebSocket.
//!
//! The browser first says how big its terminal is, as text: `{"columns":80,"rows":24}`, and again when
//! that changes. After that bytes go both ways: keys in, what the shell writes out. At the end the
//! server says why, as text: `{"closed":"ended","code":0}`, or `{"problem":{…}}` when it did not open.

use crate::ctx::Ctx;
use crate::http::auth::Caller;
use crate::http::events::still_allowed;
use crate::http::problem::{ApiProblem, Path};
use crate::http::routes::{Access, Routes};
use crate::usecases::environments::{Closed, OpenShell, close_shell, may_stay, open_shell};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use domain::id::EnvironmentId;
use domain::problem::Fault;
use domain::{Action, Actor, Problem};
use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;
use tower_sessions::Session;

/// One message from a browser.
const MOST_MESSAGE: usize = 64 << 10;
/// The first message says how big the terminal is.
const GREETING: Duration = Duration::from_secs(10);
/// So often it is asked again whether the shell may stay open.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// A shell into which nobody types is closed.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// And one that was open for so long, whatever is typed.
const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);
/// A browser that does not take what it is sent is gone.
const SEND: Duration = Duration::from_secs(15);

pub fn routes(routes: Routes) -> Routes {
    routes.get("/environments/{id}/services/{service}/shell/socket", Access::Needs(Action::OpenShell), socket)
}

/// How big a terminal is.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Size {
    columns: u16,
    rows: u16,
}

/// `GET /environments/{id}/services/{service}/shell/socket`
pub async fn socket(
    State(ctx): State<Ctx>,
    session: Session,
    Caller(actor): Caller,
    Path((id, service)): Path<(EnvironmentId, String)>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    // Before anything else, so that nobody learns what is there.
    if let Err(problem) = actor.require(Action::OpenShell).and_then(|()| from_here(&ctx, &actor, &headers)) {
        return ApiProblem(problem).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) => {
            return ApiProblem(Problem::invalid("upgrade", Fault::Refused { reason: "open it as a WebSocket".to_owned() }))
                .into_response();
        }
    };
    let sitting = Sitting { ctx, session, actor, id, service };
    upgrade
        .max_message_size(MOST_MESSAGE)
        .max_frame_size(MOST_MESSAGE)
        .on_upgrade(move |socket| async move { sitting.serve(socket).await })
}

/// A browser says which page opens the stream; cookies alone would let any page. Programs with a token
/// carry no cookie.
fn from_here(ctx: &Ctx, actor: &Actor, headers: &HeaderMap) -> Result<(), Problem> {
    if !matches!(actor, Actor::User { .. }) {
        return Ok(());
    }
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let origin = text(ORIGIN).ok_or(Problem::CrossSite)?;
    let ours = origin == ctx.settings.public_url;
    let same = origin.split_once("://").is_some_and(|(scheme, host)| {
        // Behind a proxy that ends TLS only the public address says https.
        scheme == "http" && text(HOST) == Some(host) && !ctx.settings.public_url.starts_with("https://")
    });
    if ours || same { Ok(()) } else { Err(Problem::CrossSite) }
}

/// Somebody at a shell.
struct Sitting {
    ctx: Ctx,
    session: Session,
    actor: Actor,
    id: EnvironmentId,
    service: String,
}

impl Sitting {
    async fn serve(self, mut socket: WebSocket) {
        let Some(size) = greeting(&mut socket).await else { return };
        let opened = open_shell(&self.ctx, &self.actor, &self.id, &self.service, (size.columns, size.rows)).await;
        let mut open = match opened {
            Ok(open) => open,
            Err(problem) => {
                let told = serde_json::json!({ "problem": problem, "detail": problem.to_string() });
                say(&mut socket, told.to_string()).await;
                return;
            }
        };
        let why = self.run(&mut socket, &mut open).await;
        let code = match close_shell(&self.ctx, &self.actor, open, why).await {
            Ok(code) => code,
            Err(problem) => {
                tracing::error!(%problem, "the end of a shell is not in the record");
                None
            }
        };
        say(&mut socket, serde_json::json!({ "closed": why.as_str(), "code": code }).to_string()).await;
        let _ = tokio::time::timeout(SEND, socket.send(Message::Close(None))).await;
    }

    /// Carries bytes both ways until something ends it.
    async fn run(&self, socket: &mut WebSocket, open: &mut OpenShell) -> Closed {
        let ends_at = Instant::now() + LONGEST;
        let mut idle_at = Instant::now() + IDLE;
        let mut ask_at = Instant::now() + ASK_AGAIN;
        loop {
            tokio::select! {
                () = self.ctx.work.stop.cancelled() => return Closed::Stopping,
                () = tokio::time::sleep_until(ends_at) => return Closed::TooLong,
                () = tokio::time::sleep_until(idle_at) => return Closed::Idle,
                () = tokio::time::sleep_until(ask_at) => {
                    if !self.may_stay().await {
                        return Closed::Revoked;
                    }
                    ask_at = Instant::now() + ASK_AGAIN;
                }
                written = open.shell.read() => {
                    let Some(bytes) = written else { return Closed::Ended };
                    let sent = tokio::time::timeout(SEND, socket.send(Message::Binary(bytes)));
                    if !matches!(sent.await, Ok(Ok(()))) {
                        return Closed::Left;
                    }
                }
                message = socket.recv() => match message {
                    Some(Ok(Message::Binary(keys))) => {
                        idle_at = Instant::now() + IDLE;
                        // Whoever types is asked first whether it still may.
                        if Instant::now() > ask_at && !self.may_stay().await {
                            return Closed::Revoked;
                        }
                        if !open.shell.write(&keys).await {
                            return Closed::Ended;
                        }
                    }
                    Some(Ok(Message::Text(text))) => {
                        if let Ok(size) = serde_json::from_str::<Size>(&text) {
                            open.shell.resize(size.columns, size.rows).await;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Closed::Left,
                },
            }
        }
    }

    async fn may_stay(&self) -> bool {
        still_allowed(&self.ctx, &self.session, &self.actor).await && may_stay(&self.ctx, &self.actor, &self.id).await
    }
}

async fn greeting(socket: &mut WebSocket) -> Option<Size> {
    match tokio::time::timeout(GREETING, socket.recv()).await.ok()?? {
        Ok(Message::Text(text)) => serde_json::from_str(&text).ok(),
        _ => None,
    }
}

async fn say(socket: &mut WebSocket, text: String) {
    let _ = tokio::time::timeout(SEND, socket.send(Message::Text(text.into()))).await;
}
