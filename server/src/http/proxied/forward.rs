//! One request to the app and its answer back, as streams: nothing is gathered on the way, and who reads
//! slowly is sent slowly.
//!
//! Each request has a connection of its own, so that nobody gets a connection on which another's request
//! was half sent, and none outlives the container that it led to.

use super::gate::{Admitted, Seat};
use super::headers::{Front, to_app, to_browser, wants_websocket};
use crate::ctx::Ctx;
use crate::usecases::proxy::{Opening, Target};
use app::proxied::Shut;
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode, Version};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// An app must take a connection within this.
const CONNECT: Duration = Duration::from_secs(5);
/// And begin its answer within this, counted from the last byte of the request.
const ANSWER: Duration = Duration::from_secs(120);
/// Both sides must have switched to the WebSocket within this.
const SWITCH: Duration = Duration::from_secs(10);

/// Sends a request to the app behind `admitted`.
///
/// # Errors
/// [`Shut`] says why there is no answer.
pub async fn forward(
    ctx: &Ctx,
    front: &Front,
    admitted: Arc<Admitted>,
    seat: Seat,
    request: Request<Body>,
) -> Result<Response, Shut> {
    let opening = &admitted.opening;
    let (stream, target) = connect(ctx, opening).await?;
    let silent = || Shut::Silent { id: opening.environment.id.clone(), service: opening.door.service.clone() };
    let (mut sender, connection) = http1::handshake::<_, Sent>(TokioIo::new(stream)).await.map_err(|_| silent())?;
    let driver = Driver(tokio::spawn(connection.with_upgrades()).abort_handle());
    let began = Instant::now();
    let last = Arc::new(AtomicU64::new(0));
    let (request, switching) = outgoing(front, request, began, last.clone());
    let mut answering = pin!(sender.send_request(request));
    let answer = loop {
        let deadline = began + Duration::from_millis(last.load(Ordering::Relaxed)) + ANSWER;
        tokio::select! {
            answer = &mut answering => break answer.map_err(|cause| {
                tracing::debug!(%target, %cause, "an app gave no answer");
                silent()
            })?,
            () = admitted.over.cancelled() => return Err(Shut::SignedOut),
            () = tokio::time::sleep_until(deadline) => {
                // The request may have gone on meanwhile.
                if began.elapsed() >= Duration::from_millis(last.load(Ordering::Relaxed)) + ANSWER {
                    return Err(Shut::Slow { id: opening.environment.id.clone(), service: opening.door.service.clone() });
                }
            }
        }
    };
    let own = own_addresses(opening, &target);
    let (mut parts, body) = answer.into_parts();
    let switched = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    to_browser(&mut parts.headers, front, &own, switched);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    if !switched {
        let over = Box::pin(admitted.over.clone().cancelled_owned());
        *response.body_mut() = Body::new(Watched { body, over, _seat: seat, _driver: driver });
        return Ok(response);
    }
    let Some(browser) = switching else { return Err(silent()) };
    let app = parts.extensions.remove::<OnUpgrade>().ok_or_else(silent)?;
    ctx.work.tasks.spawn(async move {
        let _kept = (seat, driver);
        admitted.over.run_until_cancelled(tunnel(browser, app)).await;
    });
    Ok(response)
}

/// Connects to where the app is. If nobody is there any more, it may have been started anew under
/// another number: it is looked for once more.
async fn connect(ctx: &Ctx, opening: &Opening) -> Result<(TcpStream, Target), Shut> {
    let mut last: Option<Target> = None;
    loop {
        let target = ctx.targets.find(ctx, opening).await?;
        if last.as_ref() != Some(&target) {
            let connecting = TcpStream::connect((target.host.as_str(), target.port));
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, connecting).await {
                // Small messages are sent when they are written.
                stream.set_nodelay(true).ok();
                return Ok((stream, target));
            }
        }
        if last.is_some() {
            return Err(Shut::Silent { id: opening.environment.id.clone(), service: opening.door.service.clone() });
        }
        ctx.targets.forget(opening);
        last = Some(target);
    }
}

/// The request as the app gets it, and the browser's half of a WebSocket if it asks for one.
fn outgoing(
    front: &Front,
    mut request: Request<Body>,
    began: Instant,
    last: Arc<AtomicU64>,
) -> (Request<Sent>, Option<OnUpgrade>) {
    let websocket =
        request.method() == Method::GET && request.version() == Version::HTTP_11 && wants_websocket(request.headers());
    let switching = websocket.then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    to_app(&mut parts.headers, front, websocket);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut sent = Request::new(Sent { body, began, last });
    *sent.method_mut() = parts.method;
    *sent.uri_mut() = path.parse().unwrap_or_default();
    *sent.headers_mut() = parts.headers;
    (sent, switching)
}

/// How an app may call itself when it does not go by `Host`.
fn own_addresses(opening: &Opening, target: &Target) -> Vec<String> {
    let (service, port) = (opening.door.service.to_ascii_lowercase(), opening.door.port);
    vec![target.to_string(), format!("{service}:{port}"), format!("localhost:{port}"), format!("127.0.0.1:{port}"), service]
}

/// Bytes both ways until one side is done. What is read is sent before more is read.
async fn tunnel(browser: OnUpgrade, app: OnUpgrade) {
    let both = tokio::time::timeout(SWITCH, async { tokio::try_join!(browser, app) });
    if let Ok(Ok((browser, app))) = both.await {
        let (mut browser, mut app) = (TokioIo::new(browser), TokioIo::new(app));
        if let Err(cause) = tokio::io::copy_bidirectional(&mut browser, &mut app).await {
            tracing::debug!(%cause, "a WebSocket ended");
        }
    }
}

/// What moves a connection's bytes; it stops when nobody waits for them any more.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request's body, which notes when it last went on.
struct Sent {
    body: Body,
    began: Instant,
    last: Arc<AtomicU64>,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.last.store(millis, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, which breaks off when its reader may no longer look.
struct Watched {
    body: Incoming,
    over: Pin<Box<WaitForCancellationFutureOwned>>,
    _seat: Seat,
    _driver: Driver,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other("the reader may no longer look")))));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(axum::Error::new)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
