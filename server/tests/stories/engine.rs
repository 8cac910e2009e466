//! An engine that is only pretended: it answers as one does, keeps what it is asked to make in
//! memory, and can be told to misbehave. What really happens is for the lab.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::StreamExt as _;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// What the engine holds and how it behaves. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Engine(Arc<Mutex<Held>>);

#[derive(Default)]
pub struct Held {
    pub containers: BTreeMap<String, Container>,
    pub networks: BTreeMap<String, Value>,
    pub volumes: BTreeMap<String, Value>,
    /// Every call that changes something: `POST containers/create`.
    pub changes: Vec<String>,
    /// Images that no registry has.
    pub gone: Vec<String>,
    /// Done to every answer about one container, as by an engine that does not do as it is told.
    pub twist: Option<fn(&mut Value)>,
    /// How a container that is started ends at once, by service.
    pub ends: HashMap<String, i64>,
    /// Ports of the machine that somebody else has.
    pub taken: Vec<u16>,
    /// What a container wrote.
    pub log: String,
    /// How often somebody began to measure a container.
    pub measured: u32,
    /// Whether a call is answered at all.
    pub silent: bool,
    /// The number that port 80 of every container is published under, when not the usual one.
    pub published: Option<u16>,
    made: u32,
}

#[derive(Clone)]
pub struct Container {
    pub name: String,
    pub body: Value,
    pub state: &'static str,
    pub exit_code: i64,
    /// How often it was started.
    pub starts: u32,
}

impl Container {
    fn labels(&self) -> &Value {
        &self.body["Labels"]
    }

    /// The machine's port that port 80 was asked for on, where one was.
    fn host_port(&self) -> Option<&str> {
        self.body["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"].as_str().filter(|port| !port.is_empty())
    }

    fn began(&self) -> String {
        format!("2026-11-24T00:00:{:02}.5Z", self.starts)
    }
}

impl Engine {
    /// Answers at a free port; gives back its address for the configuration.
    pub async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        format!("tcp://{address}")
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("nobody broke off")
    }

    /// Puts a container there that somebody else made.
    pub fn put(&self, id: &str, name: &str, labels: Value) {
        let body = json!({ "Labels": labels, "HostConfig": { "Privileged": true } });
        self.held()
            .containers
            .insert(id.to_owned(), Container { name: name.to_owned(), body, state: "running", exit_code: 0, starts: 1 });
    }
}

async fn answer(State(engine): State<Engine>, request: Request) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().trim_matches('/').to_owned();
    let path = match path.split_once('/') {
        Some((version, rest)) if version.starts_with("v1.") => rest.to_owned(),
        _ => path,
    };
    let query: HashMap<String, String> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let body = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    if engine.held().silent {
        std::future::pending::<()>().await;
    }
    let mut held = engine.held();
    if method != "GET" {
        held.changes.push(format!("{method} {path}"));
    }
    let parts: Vec<&str> = path.split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["_ping"]) => "OK".into_response(),
        ("GET", ["version"]) => Json(json!({ "ApiVersion": "1.41", "MinAPIVersion": "1.12" })).into_response(),
        ("GET", ["events"]) => Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()).into_response(),
        ("GET", ["images", .., "json"]) => held.image(&path),
        ("POST", ["images", "create"]) => gone_or(None),
        ("GET", ["networks"]) => held.list_networks(&query),
        ("POST", ["networks", "create"]) => held.make_network(&body),
        ("POST", ["networks", name, "connect"]) => gone_or(held.connect(name, &body)),
        ("GET", ["volumes"]) => held.list_volumes(&query),
        ("POST", ["volumes", "create"]) => held.make_volume(&body),
        ("DELETE", ["volumes", name]) => gone_or(held.volumes.remove(*name).map(|_| StatusCode::NO_CONTENT.into_response())),
        ("DELETE", ["networks", id]) => gone_or(held.networks.remove(*id).map(|_| StatusCode::NO_CONTENT.into_response())),
        ("GET", ["containers", "json"]) => held.list_containers(&query),
        ("POST", ["containers", "create"]) => held.create(&query, &body),
        ("GET", ["containers", id, "json"]) => gone_or(held.inspect(id)),
        ("POST", ["containers", id, "start"]) => held.start_unless_taken(id),
        ("POST", ["containers", id, "stop"]) => gone_or(held.stop(id)),
        ("GET", ["containers", id, "stats"]) => held.stats(id),
        ("POST", ["containers", id, "restart"]) => gone_or(held.stop(id).and_then(|_| held.start(id))),
        ("GET", ["containers", id, "logs"]) => held.log(id, &query),
        ("DELETE", ["containers", id]) => gone_or(held.containers.remove(*id).map(|_| StatusCode::NO_CONTENT.into_response())),
        _ => (StatusCode::NOT_IMPLEMENTED, Json(json!({ "message": format!("{method} {path}") }))).into_response(),
    }
}

fn gone_or(answer: Option<Response>) -> Response {
    answer.unwrap_or_else(|| (StatusCode::NOT_FOUND, Json(json!({ "message": "no such thing" }))).into_response())
}

/// One frame a line, one second after the other when they are to say so.
fn frames(log: &[&str], timed: bool) -> Bytes {
    let frame = |(second, line): (usize, &&str)| {
        let moment = if timed { format!("2026-12-05T02:00:{:02}.000000000Z ", second % 60) } else { String::new() };
        let line = format!("{moment}{line}");
        [&[1, 0, 0, 0][..], &(line.len() as u32).to_be_bytes(), line.as_bytes()].concat()
    };
    log.iter().enumerate().flat_map(frame).collect::<Vec<u8>>().into()
}

/// Whether `labels` hold all that a listing asks for.
fn fits(query: &HashMap<String, String>, labels: &Value) -> bool {
    let filters: Value = query.get("filters").map_or(Value::Null, |text| serde_json::from_str(text).expect("json"));
    let wanted = filters["label"].as_array().cloned().unwrap_or_default();
    wanted.iter().filter_map(Value::as_str).all(|wanted| match wanted.split_once('=') {
        Some((name, value)) => labels[name] == value,
        None => labels.get(wanted).is_some(),
    })
}

impl Held {
    fn image(&self, path: &str) -> Response {
        let gone = self.gone.iter().any(|gone| path.contains(gone.as_str()));
        gone_or((!gone).then(|| {
            Json(json!({ "Id": "sha256:content", "Config": { "Env": ["PATH=/bin", "REGION=nowhere"] } })).into_response()
        }))
    }

    fn new_id(&mut self) -> String {
        self.made += 1;
        format!("id{:03}", self.made)
    }

    fn list_networks(&self, query: &HashMap<String, String>) -> Response {
        let fitting = self.networks.iter().filter(|(_, network)| fits(query, &network["Labels"]));
        let listed = fitting.map(|(id, network)| {
            let mut listed = network.clone();
            listed["Id"] = json!(id);
            listed
        });
        Json(Value::from(listed.collect::<Vec<_>>())).into_response()
    }

    fn make_network(&mut self, body: &[u8]) -> Response {
        let id = self.new_id();
        self.networks.insert(id.clone(), serde_json::from_slice(body).expect("json"));
        (StatusCode::CREATED, Json(json!({ "Id": id, "Warning": "" }))).into_response()
    }

    fn connect(&mut self, network: &str, body: &[u8]) -> Option<Response> {
        let asked: Value = serde_json::from_slice(body).expect("json");
        let (_, container) = self.find(asked["Container"].as_str()?)?;
        container.body["NetworkingConfig"]["EndpointsConfig"][network] = asked["EndpointConfig"].clone();
        Some(StatusCode::OK.into_response())
    }

    fn list_volumes(&self, query: &HashMap<String, String>) -> Response {
        let fitting = self.volumes.values().filter(|volume| fits(query, &volume["Labels"]));
        Json(json!({ "Volumes": fitting.collect::<Vec<_>>(), "Warnings": [] })).into_response()
    }

    /// Engines answer with what has the name already.
    fn make_volume(&mut self, body: &[u8]) -> Response {
        let mut asked: Value = serde_json::from_slice(body).expect("json");
        let name = asked["Name"].as_str().expect("a name").to_owned();
        asked["Mountpoint"] = json!("/there");
        asked["Scope"] = json!("local");
        asked["Options"] = asked["DriverOpts"].clone();
        let made = self.volumes.entry(name).or_insert(asked);
        (StatusCode::CREATED, Json(made.clone())).into_response()
    }

    fn list_containers(&self, query: &HashMap<String, String>) -> Response {
        let fitting = self.containers.iter().filter(|(_, container)| fits(query, container.labels()));
        let listed = fitting.map(|(id, container)| json!({ "Id": id, "Labels": container.labels(), "State": container.state }));
        Json(Value::from(listed.collect::<Vec<_>>())).into_response()
    }

    fn create(&mut self, query: &HashMap<String, String>, body: &[u8]) -> Response {
        let name = query["name"].clone();
        if self.containers.values().any(|container| container.name == name) {
            return (StatusCode::CONFLICT, Json(json!({ "message": "the name is in use" }))).into_response();
        }
        let id = self.new_id();
        let body = serde_json::from_slice(body).expect("json");
        self.containers.insert(id.clone(), Container { name, body, state: "created", exit_code: 0, starts: 0 });
        (StatusCode::CREATED, Json(json!({ "Id": id, "Warnings": [] }))).into_response()
    }

    fn find(&mut self, key: &str) -> Option<(String, &mut Container)> {
        let found = self.containers.iter_mut().find(|(id, container)| *id == key || container.name == key);
        found.map(|(id, container)| (id.clone(), container))
    }

    fn inspect(&mut self, key: &str) -> Option<Response> {
        let published = self.published;
        let (id, container) = self.find(key)?;
        let mut host = container.body["HostConfig"].clone();
        host["MaskedPaths"] = json!(["/proc/kcore"]);
        host["ReadonlyPaths"] = json!(["/proc/sys"]);
        let published = published.unwrap_or(32768).to_string();
        let published = container.host_port().map_or(published, ToOwned::to_owned);
        let mut answer = json!({
            "Id": id,
            "Image": "sha256:content",
            "Config": container.body,
            "HostConfig": host,
            "Mounts": [],
            "State": { "Status": container.state, "Running": container.state == "running", "ExitCode": container.exit_code, "StartedAt": container.began() },
            "NetworkSettings": {
                "Networks": container.body["NetworkingConfig"]["EndpointsConfig"],
                "Ports": { "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": published }] },
            },
        });
        if let Some(twist) = self.twist {
            twist(&mut answer);
        }
        Some(Json(answer).into_response())
    }

    /// The log, and who follows a running container waits for more.
    fn log(&mut self, key: &str, query: &HashMap<String, String>) -> Response {
        let asked = |name: &str| query.get(name).is_some_and(|value| value == "true" || value == "1");
        let tail = query.get("tail").and_then(|tail| tail.parse::<usize>().ok()).unwrap_or(usize::MAX);
        let mut kept: Vec<&str> = self.log.split_inclusive('\n').collect();
        kept.drain(..kept.len().saturating_sub(tail));
        let written = frames(&kept, asked("timestamps"));
        let follows = asked("follow");
        let Some((_, container)) = self.find(key) else { return gone_or(None) };
        let waits = follows && container.state == "running";
        let written = futures::stream::once(async move { Ok::<_, std::io::Error>(written) });
        if waits {
            Body::from_stream(written.chain(futures::stream::pending())).into_response()
        } else {
            Body::from_stream(written).into_response()
        }
    }

    fn start_unless_taken(&mut self, key: &str) -> Response {
        let taken = self.taken.clone();
        let wanted = self.find(key).map(|(_, container)| container.body["HostConfig"]["PortBindings"].to_string());
        let asks = |port: &u16| wanted.as_ref().is_some_and(|wanted| wanted.contains(&format!("\"HostPort\":\"{port}\"")));
        if let Some(port) = taken.iter().find(|port| asks(port)) {
            let message = format!("driver failed: Bind for 0.0.0.0:{port} failed: port is already allocated");
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": message }))).into_response();
        }
        gone_or(self.start(key))
    }

    fn stop(&mut self, key: &str) -> Option<Response> {
        let (_, container) = self.find(key)?;
        if container.state == "running" {
            container.state = "exited";
            container.exit_code = 143;
        }
        Some(StatusCode::NO_CONTENT.into_response())
    }

    /// A quarter of a core and a thousand bytes a second, told a hundred times as fast.
    fn stats(&mut self, key: &str) -> Response {
        if self.find(key).is_none() {
            return gone_or(None);
        }
        self.measured += 1;
        let told = futures::stream::unfold(1_u64, |second| async move {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            let answer = json!({
                "read": format!("2026-12-05T02:{:02}:{:02}.000000000Z", second / 60 % 60, second % 60),
                "cpu_stats": { "cpu_usage": { "total_usage": second * 250_000_000 } },
                "memory_stats": { "usage": 4 << 20, "limit": 512 << 20, "stats": { "inactive_file": 1 << 20 } },
                "networks": { "eth0": { "rx_bytes": second * 1000, "tx_bytes": second * 10 } },
            });
            Some((Ok::<_, std::io::Error>(Bytes::from(format!("{answer}\n"))), second + 1))
        });
        Body::from_stream(told).into_response()
    }

    fn start(&mut self, key: &str) -> Option<Response> {
        let ends = self.ends.clone();
        let (_, container) = self.find(key)?;
        let code = container.labels()["slipway.service"].as_str().and_then(|service| ends.get(service));
        container.state = if code.is_some() { "exited" } else { "running" };
        container.exit_code = code.copied().unwrap_or_default();
        container.starts += 1;
        Some(StatusCode::NO_CONTENT.into_response())
    }
}
