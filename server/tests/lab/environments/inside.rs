//! Real containers from inside: a shell that works and is taken away, plots, processes, what happened.

use super::bench::Bench;
use crate::common::eventually;
use domain::happening::Happening;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::{Actor, Role};
use futures::{SinkExt as _, StreamExt as _};
use server::http::session::{self, DatabaseSessions};
use server::usecases::environments::{happenings, inspect, processes, usage, watch_usage};
use server::usecases::people::change_role;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tower_sessions::Session;

const ALONE: &str = r#"
[[stacks]]
name = "idle"
compose = "services: { web: { image: '${BUILD_WEB}', environment: { MODE: fast, API_TOKEN: hunter2 }, command: [sh, -c, 'while true; do sleep 1; done'] } }"

[[stacks]]
name = "falls"
compose = "services: { web: { image: '${BUILD_WEB}', mem_limit: 8m, command: [sh, -c, 'sleep 1; x=y; while true; do x=$$x$$x; done'] } }"
"#;

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Somebody at a terminal.
struct Terminal {
    socket: Socket,
    screen: String,
}

impl Terminal {
    async fn open(bench: &Bench, at: SocketAddr, cookie: &str, id: &EnvironmentId) -> Result<Self, String> {
        let address = format!("ws://{at}/environments/{id}/services/web/shell/socket");
        let mut request = address.into_client_request().expect("a request");
        request.headers_mut().insert("cookie", format!("slipway={cookie}").parse().expect("a header"));
        request.headers_mut().insert("origin", bench.app.ctx.settings.public_url.parse().expect("a header"));
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.map_err(|cause| cause.to_string())?;
        socket.send(Message::text(r#"{"columns":90,"rows":30}"#)).await.map_err(|cause| cause.to_string())?;
        Ok(Self { socket, screen: String::new() })
    }

    async fn types(&mut self, keys: &str) {
        self.socket.send(Message::binary(keys.as_bytes().to_vec())).await.expect("sent");
    }

    /// Reads until these words are on the screen, or the server said why it is over.
    async fn until(&mut self, words: &str) -> String {
        let read = tokio::time::timeout(Duration::from_secs(20), async {
            while !self.screen.contains(words) {
                match self.socket.next().await {
                    Some(Ok(Message::Binary(bytes))) => self.screen.push_str(&String::from_utf8_lossy(&bytes)),
                    Some(Ok(Message::Text(text))) => self.screen.push_str(&text),
                    Some(Ok(_)) => {}
                    other => panic!("over before {words:?} came: {other:?}, {}", self.screen),
                }
            }
        });
        read.await.unwrap_or_else(|_| panic!("{words:?} did not come: {}", self.screen));
        std::mem::take(&mut self.screen)
    }
}

async fn cookie(bench: &Bench, actor: &Actor) -> String {
    let session = Session::new(None, Arc::new(DatabaseSessions::new(bench.app.ctx.clone())), None);
    session::begin(&bench.app.ctx, &session, actor.person().expect("a person")).await.expect("a session");
    session.save().await.expect("kept");
    session.id().expect("an id").to_string()
}

/// What the record says of shells; the clock of a story stands, so that it has no order.
async fn record(bench: &Bench) -> Vec<String> {
    let rows =
        bench.app.ctx.store.audit_rows(None, &server::store::Cursor::parse(None).expect("a place"), 50).await.expect("rows");
    let mut told: Vec<String> = rows
        .into_iter()
        .filter(|row| row.action.starts_with("shell."))
        .map(|row| format!("{} {} {}", row.actor, row.action, row.detail))
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn a_shell_works_and_ends_with_the_role_of_whoever_opened_it() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "idle").await;
    bench.until(&id, EnvironmentState::Running).await;
    let at = bench.app.listen("127.0.0.1").await;
    let theo = bench.app.person("theo", Role::Tester).await;
    let cookie_of_theo = cookie(&bench, &theo).await;
    let mut terminal = Terminal::open(&bench, at, &cookie_of_theo, &id).await.expect("opened");
    terminal.types("echo $((40+2)) at; stty size\r").await;
    let told = terminal.until("30 90").await;
    assert!(told.contains("42 at"), "what was typed, and then the size that the browser said: {told}");
    terminal.types("sleep 4711 & sleep 4712 &\r").await;
    let lists = async |word: &str| {
        let all = processes(&bench.app.ctx, &bench.tess, &id).await.expect("processes");
        all[0].rows.iter().filter(|row| row.last().is_some_and(|command| command.contains(word))).count()
    };
    eventually("they run", || async { (lists("sleep 47").await == 2).then_some(()) }).await;
    change_role(&bench.app.ctx, &Actor::Slipway, &theo.person().expect("a person").id, Role::Viewer).await.expect("changed");
    let told = terminal.until(r#""closed""#).await;
    assert!(told.contains(r#""closed":"revoked""#), "{told}");
    eventually("nothing of it runs", || async { (lists("sleep 47").await == 0).then_some(()) }).await;
    let told = record(&bench).await;
    assert_eq!((told.len(), told[1].as_str()), (2, "theo shell.opened E-1 web"), "{told:?}");
    assert!(told[0].starts_with("theo shell.closed E-1 web: revoked, open for "), "{told:?}");
    assert!(Terminal::open(&bench, at, &cookie_of_theo, &id).await.is_err(), "a viewer opens none");
    bench.stop(&id).await;
}

#[tokio::test]
async fn a_shell_ends_with_its_session_with_its_environment_and_when_it_is_left() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "idle").await;
    bench.until(&id, EnvironmentState::Running).await;
    let at = bench.app.listen("127.0.0.1").await;
    let theo = bench.app.person("theo", Role::Tester).await;
    let mut left = Terminal::open(&bench, at, &cookie(&bench, &theo).await, &id).await.expect("opened");
    left.types("exit 3\r").await;
    assert!(left.until("}").await.contains(r#"{"closed":"ended","code":3}"#));
    let going = cookie(&bench, &theo).await;
    let mut terminal = Terminal::open(&bench, at, &going, &id).await.expect("opened");
    terminal.types("echo here\r").await;
    terminal.until("here").await;
    let browser = reqwest::Client::new();
    let out = browser
        .post(format!("http://{at}/logout"))
        .header("cookie", format!("slipway={going}"))
        .header("origin", format!("http://{at}"));
    out.send().await.expect("signed out");
    assert!(terminal.until(r#""closed""#).await.contains("revoked"));
    let leaving = Terminal::open(&bench, at, &cookie(&bench, &theo).await, &id).await.expect("opened");
    eventually("open", || async { (bench.app.ctx.shells.open() == 1).then_some(()) }).await;
    drop(leaving);
    eventually("closed", || async { (bench.app.ctx.shells.open() == 0).then_some(()) }).await;
    let mut last = Terminal::open(&bench, at, &cookie(&bench, &theo).await, &id).await.expect("opened");
    last.types("echo here\r").await;
    last.until("here").await;
    bench.stop(&id).await;
    last.until(r#""closed""#).await;
    assert!(
        Terminal::open(&bench, at, &cookie(&bench, &theo).await, &id).await.is_ok_and(|_| true),
        "the stream opens, and says why not"
    );
}

#[tokio::test]
async fn plots_processes_and_the_engine_s_words_are_of_the_real_container() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "idle").await;
    bench.until(&id, EnvironmentState::Running).await;
    let (ctx, tess) = (&bench.app.ctx, &bench.tess);
    let mut watched = watch_usage(ctx, tess, &id).await.expect("watched");
    let samples = tokio::time::timeout(Duration::from_secs(20), async {
        while watched.now()[0].samples.len() < 2 {
            watched.grown().await;
        }
        watched.now()
    });
    let used = samples.await.expect("samples").remove(0);
    assert!(used.memory > 0 && used.memory_limit == 512 << 20, "{used:?}");
    assert_eq!(usage(ctx, tess, &id).await.expect("usage").services[0].service, "web");
    let listed = processes(ctx, tess, &id).await.expect("processes");
    assert!(listed[0].rows.iter().any(|row| row.last().is_some_and(|command| command.contains("while true"))), "{listed:?}");
    let told = inspect(ctx, tess, &id, "web").await.expect("told").json;
    assert!(told.contains("MODE=fast") && told.contains("API_TOKEN=••••••") && !told.contains("hunter2"), "{told}");
    bench.stop(&id).await;
}

#[tokio::test]
async fn a_fall_for_memory_stands_in_the_timeline_with_its_code_and_once() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "falls").await;
    bench.until(&id, EnvironmentState::Failed).await;
    let told = eventually("its end", || async {
        let told = happenings(&bench.app.ctx, &bench.tess, &id).await.expect("a timeline");
        told.iter().any(|one| one.what == Happening::Ended).then_some(told)
    })
    .await;
    let count = |what: Happening| told.iter().filter(|one| one.what == what).count();
    assert_eq!((count(Happening::Started), count(Happening::Ended)), (1, 1), "{told:?}");
    assert!(count(Happening::OutOfMemory) >= 1, "{told:?}");
    assert!(
        told.iter().all(|one| one.service == "web" && (one.what != Happening::Ended || one.exit_code == Some(137))),
        "{told:?}"
    );
    bench.stop(&id).await;
}
