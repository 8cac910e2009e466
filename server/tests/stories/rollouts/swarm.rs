//! A Swarm in memory that can be told to fail at any call, as a bad network does: before it
//! has done what was asked, or after.

mod secrets;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{Notify, RwLock};

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Well,
    /// The connection breaks before anything was done.
    Lost,
    /// It is done, but the answer never arrives.
    Unanswered,
    /// Refused with this status.
    Status(u16),
    /// Somebody else changes the service just before.
    Raced,
}

/// How tasks of a new specification fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasks {
    Run,
    /// They end with an error, one for each look.
    Fail,
    /// The update is said to be completed, and nothing runs.
    Nothing,
}

#[derive(Clone)]
pub struct Swarm {
    /// `host:port`.
    pub host: String,
    inner: Arc<Mutex<Inner>>,
    /// Told when the call at which everything stops has come.
    pub stopped: Arc<Notify>,
    /// Whoever writes here keeps it from telling whether it has an image.
    pub images: Arc<RwLock<()>>,
}

struct Inner {
    api: &'static str,
    /// Each with a name and an id of its own; the first is the app's.
    services: Vec<Value>,
    secrets: Vec<Value>,
    made: u32,
    /// Nodes beside the two that are always there.
    more_nodes: u32,
    version: u64,
    tasks: Vec<Value>,
    behave: Tasks,
    /// Images whose tasks fail.
    spoiled: Vec<String>,
    paused: bool,
    images: bool,
    /// The fates of the calls to come that change something.
    changes_fare: VecDeque<Fate>,
    looks_fare: VecDeque<Fate>,
    /// What it forgets of every specification.
    drops: Option<&'static str>,
    calls: usize,
    stop_at: Option<(usize, bool)>,
    changed: u32,
    clock: u64,
}

impl Swarm {
    pub async fn open() -> Self {
        let inner = Inner {
            api: "1.41",
            services: Vec::new(),
            secrets: Vec::new(),
            made: 0,
            more_nodes: 0,
            version: 10,
            tasks: Vec::new(),
            behave: Tasks::Run,
            spoiled: Vec::new(),
            paused: false,
            images: true,
            changes_fare: VecDeque::new(),
            looks_fare: VecDeque::new(),
            drops: None,
            calls: 0,
            stop_at: None,
            changed: 0,
            clock: 0,
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let swarm = Self { host, inner: Arc::new(Mutex::new(inner)), stopped: Arc::default(), images: Arc::default() };
        let router = Router::new()
            .route("/version", get(version))
            .route("/services", get(list))
            .route("/services/create", post(create))
            .route("/services/{name}", get(inspect))
            .route("/services/{name}", delete(remove))
            .route("/services/{name}/update", post(update))
            .route("/services/{name}/logs", get(logs))
            .route("/nodes", get(nodes))
            .route("/info", get(info))
            .route("/tasks", get(tasks))
            .route("/images/create", post(pull))
            .route("/images/{*name}", get(image))
            .merge(secrets::routes())
            .with_state(swarm.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        swarm
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("a lock")
    }

    pub fn speak(&self, api: &'static str) {
        self.inner().api = api;
    }

    pub fn behave(&self, tasks: Tasks) {
        self.inner().behave = tasks;
    }

    /// From now on tasks of this image fail, whatever others do.
    pub fn spoil(&self, image: &str) {
        self.inner().spoiled.push(image.to_owned());
    }

    pub fn pause(&self) {
        self.inner().paused = true;
    }

    pub fn lose_images(&self, lost: bool) {
        self.inner().images = !lost;
    }

    pub fn drop_of_specs(&self, key: &'static str) {
        self.inner().drops = Some(key);
    }

    /// So many nodes more, ready and with room.
    pub fn grow(&self, nodes: u32) {
        self.inner().more_nodes = nodes;
    }

    /// How the next calls fare that make or change the service.
    pub fn changes_fare(&self, fates: &[Fate]) {
        self.inner().changes_fare = fates.iter().copied().collect();
    }

    /// How the next calls fare that look at the service.
    pub fn looks_fare(&self, fates: &[Fate]) {
        self.inner().looks_fare = fates.iter().copied().collect();
    }

    /// Tells [`Swarm::stopped`] at the n-th call from now, and never answers it; what it asks
    /// for is done before that, or not.
    pub fn stop_at(&self, call: usize, done: bool) {
        let mut inner = self.inner();
        inner.calls = 0;
        inner.stop_at = Some((call, done));
    }

    /// Whether the call at which to stop has come.
    pub fn has_stopped(&self) -> bool {
        self.inner().stop_at.is_none()
    }

    /// How often a service was made, changed or removed.
    pub fn changed(&self) -> u32 {
        self.inner().changed
    }

    /// The images of the tasks that run.
    pub fn running(&self) -> Vec<String> {
        let inner = self.inner();
        let runs = inner.tasks.iter().filter(|task| task["Status"]["State"] == "running");
        runs.map(|task| task["Spec"]["ContainerSpec"]["Image"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Puts a service there that somebody else made.
    pub fn found(&self, spec: Value) {
        self.inner().put(spec);
        self.inner().changed = 0;
    }

    /// Somebody changes the service by hand.
    pub fn change_by_hand(&self, change: impl FnOnce(&mut Value)) {
        let mut inner = self.inner();
        let mut spec = inner.services.first().expect("a service")["Spec"].clone();
        change(&mut spec);
        inner.put(spec);
    }

    /// Somebody removes the service by hand.
    pub fn remove_by_hand(&self) {
        let mut inner = self.inner();
        inner.services.clear();
        inner.tasks.clear();
    }

    pub fn service(&self) -> Option<Value> {
        self.inner().services.first().cloned()
    }

    /// The replicas of the service of this name, and the images of its tasks that run; none when it
    /// is not there.
    pub fn runs(&self, name: &str) -> Option<(u64, Vec<String>)> {
        let inner = self.inner();
        let service = inner.services.iter().find(|service| service["Spec"]["Name"] == name)?;
        let runs = inner.tasks.iter().filter(|task| task["ServiceID"] == service["ID"] && task["Status"]["State"] == "running");
        let images = runs.map(|task| task["Spec"]["ContainerSpec"]["Image"].as_str().unwrap_or_default().to_owned()).collect();
        Some((service["Spec"]["Mode"]["Replicated"]["Replicas"].as_u64().unwrap_or(0), images))
    }

    /// Counts a call; the fate that the stop brings, if this is the one.
    fn count(&self) -> Option<Fate> {
        let mut inner = self.inner();
        inner.calls += 1;
        let (at, done) = inner.stop_at?;
        if inner.calls != at {
            return None;
        }
        inner.stop_at = None;
        drop(inner);
        self.stopped.notify_one();
        Some(if done { Fate::Unanswered } else { Fate::Lost })
    }
}

impl Inner {
    /// Takes a specification in: a new version, and new tasks where the template changed.
    fn put(&mut self, mut spec: Value) {
        self.version += 7;
        self.changed += 1;
        self.paused = false;
        if let Some(key) = self.drops
            && let Some(container) = spec["TaskTemplate"]["ContainerSpec"].as_object_mut()
        {
            container.remove(key);
        }
        let replicas = spec["Mode"]["Replicated"]["Replicas"].as_u64().unwrap_or(1);
        let place = self.services.iter().position(|service| service["Spec"]["Name"] == spec["Name"]);
        let before = place.map(|place| &self.services[place]["Spec"]);
        let same = before.is_some_and(|before| before["TaskTemplate"] == spec["TaskTemplate"] && before["Mode"] == spec["Mode"]);
        let id = match place {
            Some(place) => self.services[place]["ID"].clone(),
            None => {
                self.made += 1;
                json!(format!("s{}", self.made))
            }
        };
        if !same {
            self.end_tasks(&id);
            for _ in 0..replicas {
                match self.fate_of(&spec) {
                    Tasks::Run => self.task(&id, &spec, "running", None),
                    Tasks::Fail => self.task(&id, &spec, "failed", Some("task: non-zero exit (3)")),
                    Tasks::Nothing => {}
                }
            }
        }
        let service = json!({
            "ID": id, "Version": { "Index": self.version }, "UpdatedAt": "2026-11-24T01:59:00Z", "Spec": spec, "UpdateStatus": { "State": "completed" },
        });
        match place {
            Some(place) => self.services[place] = service,
            None => self.services.push(service),
        }
    }

    fn end_tasks(&mut self, service: &Value) {
        for task in self.tasks.iter_mut().filter(|task| task["ServiceID"] == *service) {
            task["Status"]["State"] = json!("shutdown");
            task["DesiredState"] = json!("shutdown");
        }
    }

    /// The place of the service with this name or id.
    fn find(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|service| service["Spec"]["Name"] == name || service["ID"] == name)
    }

    /// How tasks of this specification fare.
    fn fate_of(&self, spec: &Value) -> Tasks {
        let image = spec["TaskTemplate"]["ContainerSpec"]["Image"].as_str().unwrap_or_default();
        if self.spoiled.iter().any(|spoiled| spoiled == image) { Tasks::Fail } else { self.behave }
    }

    fn task(&mut self, service: &Value, spec: &Value, state: &str, error: Option<&str>) {
        self.clock += 1;
        let desired = if state == "running" { "running" } else { "shutdown" };
        self.tasks.push(json!({
            "ID": format!("t{}", self.clock), "ServiceID": service, "CreatedAt": format!("2026-11-24T00:{:02}:{:02}Z", self.clock / 60 % 60, self.clock % 60),
            "Slot": 1, "NodeID": "n1", "Spec": spec["TaskTemplate"], "DesiredState": desired,
            "Status": { "State": state, "Err": error, "Timestamp": "2026-11-24T00:00:00Z" },
        }));
    }
}

fn answer(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn refused(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(CONTENT_TYPE, "application/json")], json!({ "message": message }).to_string()).into_response()
}

/// An answer that breaks off.
fn broken() -> Response {
    let cut = futures::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("cut"))]);
    Body::from_stream(cut).into_response()
}

async fn version(State(swarm): State<Swarm>) -> Response {
    answer(&json!({ "ApiVersion": swarm.inner().api, "Version": "20.10.24" }))
}

/// The fate of a look, and whether it ends here.
fn look(swarm: &Swarm) -> Option<Response> {
    let fate = swarm.count().or_else(|| swarm.inner().looks_fare.pop_front())?;
    match fate {
        Fate::Well | Fate::Raced => None,
        Fate::Lost | Fate::Unanswered => Some(broken()),
        Fate::Status(status) => Some(refused(status, "not now")),
    }
}

async fn inspect(State(swarm): State<Swarm>, Path(name): Path<String>) -> Response {
    if let Some(ended) = look(&swarm) {
        return ended;
    }
    let mut inner = swarm.inner();
    let Some(place) = inner.find(&name) else { return refused(404, "service not found") };
    let service = inner.services[place].clone();
    if inner.fate_of(&service["Spec"]) == Tasks::Fail {
        inner.task(&service["ID"], &service["Spec"], "failed", Some("task: non-zero exit (3)"));
    }
    if inner.paused {
        inner.services[place]["UpdateStatus"] = json!({ "State": "paused" });
    }
    answer(&inner.services[place])
}

async fn list(State(swarm): State<Swarm>) -> Response {
    answer(&Value::Array(swarm.inner().services.clone()))
}

async fn info() -> Response {
    answer(&json!({ "ID": "x", "Swarm": { "LocalNodeState": "active", "ControlAvailable": true } }))
}

async fn nodes(State(swarm): State<Swarm>) -> Response {
    let node = |id: &str, host: &str, role: &str, state: &str| {
        json!({
            "ID": id, "Spec": { "Role": role, "Availability": "active" },
            "Description": { "Hostname": host, "Engine": { "EngineVersion": "20.10.24" } },
            "Status": { "State": state, "Addr": "10.0.0.11" }, "ManagerStatus": { "Leader": role == "manager" },
        })
    };
    let both = [node("n2", "second", "worker", "down"), node("n1", "first", "manager", "ready")];
    let more = (0..swarm.inner().more_nodes).map(|at| {
        let mut more = node(&format!("m{at}"), &format!("more-{at}"), "worker", "ready");
        more["Description"]["Resources"] = json!({ "MemoryBytes": 8_u64 << 30 });
        more
    });
    let all: Vec<Value> = both.into_iter().chain(more).collect();
    look(&swarm).unwrap_or_else(|| answer(&json!(all)))
}

/// Frames as engines send them: from which stream, how long, and the text after its moment.
async fn logs(State(swarm): State<Swarm>) -> Response {
    if let Some(ended) = look(&swarm) {
        return ended;
    }
    let mut body = Vec::new();
    for (stream, line) in [(1, "2026-11-24T00:00:02Z second\n"), (2, "2026-11-24T00:00:01Z first\n")] {
        body.extend_from_slice(&[stream, 0, 0, 0]);
        body.extend_from_slice(&u32::try_from(line.len()).expect("short").to_be_bytes());
        body.extend_from_slice(line.as_bytes());
    }
    ([(CONTENT_TYPE, "application/vnd.docker.raw-stream")], body).into_response()
}

async fn tasks(State(swarm): State<Swarm>) -> Response {
    look(&swarm).unwrap_or_else(|| answer(&Value::Array(swarm.inner().tasks.clone())))
}

async fn image(State(swarm): State<Swarm>) -> Response {
    let _told = swarm.images.read().await;
    if let Some(ended) = look(&swarm) {
        return ended;
    }
    if swarm.inner().images { answer(&json!({ "Id": "sha256:x" })) } else { refused(404, "no such image") }
}

async fn pull(State(swarm): State<Swarm>) -> Response {
    if let Some(ended) = look(&swarm) {
        return ended;
    }
    let line = json!({ "errorDetail": { "message": "manifest unknown" }, "error": "manifest unknown" });
    if swarm.inner().images { answer(&json!({ "status": "Downloaded" })) } else { answer(&line) }
}

/// Does a change as its fate wants it.
fn change(swarm: &Swarm, act: impl FnOnce(&mut Inner) -> Response) -> Response {
    let fate = swarm.count().or_else(|| swarm.inner().changes_fare.pop_front()).unwrap_or(Fate::Well);
    let mut inner = swarm.inner();
    match fate {
        Fate::Lost => broken(),
        Fate::Status(status) => refused(status, "rpc error: code = Unknown desc = not now"),
        Fate::Well => act(&mut inner),
        Fate::Unanswered => {
            act(&mut inner);
            broken()
        }
        Fate::Raced => {
            inner.version += 1;
            let version = inner.version;
            if let Some(service) = inner.services.first_mut() {
                service["Version"]["Index"] = json!(version);
            }
            act(&mut inner)
        }
    }
}

async fn create(State(swarm): State<Swarm>, body: Bytes) -> Response {
    let spec: Value = serde_json::from_slice(&body).expect("a specification");
    change(&swarm, |inner| {
        if spec["Name"].as_str().is_some_and(|name| inner.find(name).is_some()) {
            return refused(409, "rpc error: code = AlreadyExists desc = name conflicts with an existing object");
        }
        if let Some(lacking) = inner.lacks_secret(&spec) {
            return lacking;
        }
        inner.put(spec);
        let made = inner.services.last().map(|service| service["ID"].clone());
        answer(&json!({ "ID": made }))
    })
}

async fn remove(State(swarm): State<Swarm>, Path(name): Path<String>) -> Response {
    change(&swarm, |inner| {
        let Some(place) = inner.find(&name) else { return refused(404, "service not found") };
        let service = inner.services.remove(place);
        inner.end_tasks(&service["ID"]);
        inner.changed += 1;
        answer(&json!({}))
    })
}

async fn update(
    State(swarm): State<Swarm>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let spec: Value = serde_json::from_slice(&body).expect("a specification");
    change(&swarm, |inner| {
        let Some(place) = inner.find(&name) else { return refused(404, "service not found") };
        if query.get("version") != Some(&inner.services[place]["Version"]["Index"].to_string()) {
            return refused(500, "rpc error: code = Unknown desc = update out of sequence");
        }
        if let Some(lacking) = inner.lacks_secret(&spec) {
            return lacking;
        }
        inner.put(spec);
        answer(&json!({ "Warnings": null }))
    })
}
