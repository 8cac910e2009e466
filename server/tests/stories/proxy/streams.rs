//! What stays open: WebSockets, events, and bodies that are bigger than memory should be.

use super::scene::Scene;
use crate::common::{TestApp, eventually};
use domain::{Actor, Role};
use futures::StreamExt as _;
use server::usecases::people::change_role;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A client that finds `e1-web.env.test` at the server of the story, and the cookie of a pass.
async fn client(scene: &Scene) -> (reqwest::Client, String, String) {
    let at = scene.stage.app.listen("127.0.0.1").await;
    let main = scene.signed_in(&scene.people().tess).await;
    let pass = scene.entered(&main, "e1-web").await.cookie("slipway-pass").expect("a pass");
    let client = reqwest::Client::builder().no_proxy().resolve("e1-web.env.test", at).build().expect("a client");
    (client, format!("http://e1-web.env.test:{}", at.port()), format!("slipway-pass={pass}"))
}

async fn demote_tess(scene: &Scene) {
    let id = &scene.people().tess.person().expect("a person").id;
    change_role(&scene.stage.app.ctx, &Actor::Slipway, id, Role::Viewer).await.expect("changed");
}

#[tokio::test]
async fn a_websocket_goes_both_ways_and_ends_with_the_role() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let (_, base, cookie) = client(&scene).await;
    let port = base.rsplit(':').next().expect("a port");
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.expect("connected");
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: e1-web.env.test\r\nOrigin: http://e1-web.env.test:3000\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\nCookie: {cookie}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("a byte"));
    }
    let answer = String::from_utf8(answer).expect("text").to_lowercase();
    assert!(answer.starts_with("http/1.1 101") && answer.contains("sec-websocket-accept: yes"), "{answer}");
    for word in ["ping", "a longer word"] {
        stream.write_all(word.as_bytes()).await.expect("sent");
        let mut echo = vec![0; word.len()];
        stream.read_exact(&mut echo).await.expect("an echo");
        assert_eq!(echo, word.as_bytes());
    }
    demote_tess(&scene).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0; 16])).await.expect("within seconds");
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn events_arrive_as_they_are_sent_and_end_with_the_role() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let (client, base, cookie) = client(&scene).await;
    let (say, events) = mpsc::channel(1);
    *scene.shared.events.lock().await = Some(events);
    let answer = client.get(format!("{base}/events")).header("cookie", &cookie).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.bytes_stream();
    // Each is said only after the one before has arrived: whatever gathers would wait for ever.
    for word in ["data: one\n\n", "data: two\n\n"] {
        say.send(word).await.expect("somebody listens");
        let chunk = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time");
        assert_eq!(chunk.expect("more").expect("a chunk"), word);
    }
    demote_tess(&scene).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("within seconds");
    assert!(matches!(ended, Some(Err(_))), "it breaks off: {ended:?}");
}

#[tokio::test]
async fn a_big_upload_waits_for_an_app_that_does_not_read() {
    const ALL: usize = 192 << 20;
    const PIECE: usize = 64 << 10;
    let scene = Scene::set(TestApp::sqlite().await).await;
    let (client, base, cookie) = client(&scene).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let piece = axum::body::Bytes::from(vec![7; PIECE]);
    let pieces = futures::stream::iter(0..ALL / PIECE).map(move |_| {
        counted.fetch_add(PIECE, Ordering::SeqCst);
        Ok::<_, std::io::Error>(piece.clone())
    });
    let upload = client.post(format!("{base}/upload")).header("cookie", &cookie).body(reqwest::Body::wrap_stream(pieces)).send();
    let upload = tokio::spawn(upload);
    let mut before = usize::MAX;
    let waiting = eventually("the upload waits", || {
        let now = sent.load(Ordering::SeqCst);
        let still = now > 0 && now == before;
        before = now;
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            still.then_some(now)
        }
    });
    let waiting = waiting.await;
    // What the sockets on the way hold, and no more.
    assert!(waiting < 64 << 20, "{} MiB were taken in", waiting >> 20);
    scene.shared.go_on.notify_one();
    let answer = upload.await.expect("no panic").expect("an answer");
    assert_eq!(answer.text().await.expect("a body"), ALL.to_string());
}
