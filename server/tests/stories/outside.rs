//! A registry and regions that are not real, for stories that only need an answer. They
//! listen on loopback and go with the story.

mod writing;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Digest;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use sha2::Digest as _;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How something outside behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mood {
    Well,
    /// Answers that it cannot.
    Broken,
    /// Takes the question and does not answer before it is in another mood.
    Silent,
    /// For a region: an engine, but no manager of a Swarm.
    Single,
}

/// Listens on a free port of loopback until the runtime ends.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

#[derive(Default)]
struct Behaviour {
    mood: AtomicU8,
    asked: AtomicU32,
    /// Nodes of a region that are down.
    down: AtomicU32,
}

impl Behaviour {
    /// The answer that the mood forces, if it does.
    async fn forced(&self) -> Option<Response> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        while self.is(Mood::Silent) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.is(Mood::Broken).then(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    fn is(&self, mood: Mood) -> bool {
        self.mood.load(Ordering::SeqCst) == mood as u8
    }
}

type Manifests = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A registry that knows manifests by digest and by tag.
#[derive(Clone)]
pub struct Registry {
    /// `host:port`.
    pub host: String,
    behaviour: Arc<Behaviour>,
    manifests: Manifests,
    files: writing::Shelf,
}

impl Registry {
    pub async fn open() -> Self {
        let (behaviour, manifests) = (Arc::new(Behaviour::default()), Manifests::default());
        let files = writing::Shelf::default();
        let router = Router::new()
            .route("/v2/team/{app}/manifests/{reference}", get(manifest))
            .with_state((behaviour.clone(), manifests.clone()))
            .merge(writing::routes(manifests.clone(), files.clone()));
        Self { host: serve(router).await, behaviour, manifests, files }
    }

    /// Puts an image there that differs with `n`, and says its digest.
    pub fn push(&self, n: u64) -> Digest {
        let config = format!("sha256:{:064x}", n);
        let body = serde_json::json!({ "schemaVersion": 2, "config": { "digest": config, "size": 2 }, "layers": [] });
        let body = body.to_string().into_bytes();
        let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(&body)));
        self.manifests.lock().expect("a lock").insert(digest.clone(), body);
        digest.parse().expect("a digest")
    }

    /// Forgets an image.
    pub fn lose(&self, digest: &Digest) {
        self.manifests.lock().expect("a lock").remove(digest.as_str());
    }

    /// Answers with other bytes than those of the digest.
    pub fn forge(&self, digest: &Digest) {
        self.manifests.lock().expect("a lock").insert(digest.to_string(), b"{\"config\":{}}".to_vec());
    }

    pub fn be(&self, mood: Mood) {
        self.behaviour.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.behaviour.asked.load(Ordering::SeqCst)
    }
}

async fn manifest(
    State((behaviour, manifests)): State<(Arc<Behaviour>, Manifests)>,
    Path((_, reference)): Path<(String, String)>,
) -> Response {
    if let Some(forced) = behaviour.forced().await {
        return forced;
    }
    let found = manifests.lock().expect("a lock").get(&reference).cloned();
    found.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |body| ([(CONTENT_TYPE, "application/vnd.oci.image.manifest.v1+json")], body).into_response(),
    )
}

/// A manager of a Swarm, as far as being asked whether it is one.
#[derive(Clone)]
pub struct Region {
    /// `host:port`.
    pub host: String,
    behaviour: Arc<Behaviour>,
}

impl Region {
    pub async fn open() -> Self {
        let behaviour = Arc::new(Behaviour::default());
        let router = Router::new()
            .route("/version", get(version))
            .route("/{version}/info", get(info))
            .route("/info", get(info))
            .route("/{version}/nodes", get(nodes))
            .route("/nodes", get(nodes))
            .with_state(behaviour.clone());
        Self { host: serve(router).await, behaviour }
    }

    pub fn be(&self, mood: Mood) {
        self.behaviour.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// So many of its three nodes are down.
    pub fn lose_nodes(&self, down: u32) {
        self.behaviour.down.store(down, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.behaviour.asked.load(Ordering::SeqCst)
    }
}

fn json(value: &serde_json::Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

async fn version() -> Response {
    json(&serde_json::json!({ "ApiVersion": "1.41", "Version": "20.10.24" }))
}

async fn info(State(behaviour): State<Arc<Behaviour>>) -> Response {
    if let Some(forced) = behaviour.forced().await {
        return forced;
    }
    let manager = !behaviour.is(Mood::Single);
    json(&serde_json::json!({ "ID": "x", "Swarm": { "LocalNodeState": "active", "ControlAvailable": manager } }))
}

/// Three nodes of four gibibytes.
async fn nodes(State(behaviour): State<Arc<Behaviour>>) -> Response {
    let down = behaviour.down.load(Ordering::SeqCst);
    let node = |at: u32| {
        serde_json::json!({
            "ID": format!("n{at}"), "Spec": { "Role": "manager", "Availability": "active" },
            "Description": { "Resources": { "NanoCPUs": 2_000_000_000_i64, "MemoryBytes": 4_i64 << 30 } },
            "Status": { "State": if at < down { "down" } else { "ready" } },
        })
    };
    json(&(0..3).map(node).collect())
}
