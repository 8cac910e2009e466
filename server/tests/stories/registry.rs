//! A small registry: it speaks as much of the Distribution API as Slipway reads, and checks
//! what the real one checks (the accepted types, the digest), so that a careless client fails.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Digest;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[derive(Clone, Default)]
pub struct FakeRegistry {
    inside: Arc<Mutex<Inside>>,
    address: Option<SocketAddr>,
}

#[derive(Default)]
struct Inside {
    /// By repository and tag or digest.
    manifests: HashMap<(String, String), Vec<u8>>,
    blobs: HashMap<(String, String), Vec<u8>>,
    away: bool,
    /// Manifests that were asked for.
    asked: Vec<String>,
}

impl FakeRegistry {
    /// Listens on loopback until the test process ends.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let registry = Self { address: Some(listener.local_addr().expect("an address")), ..Self::default() };
        let router =
            Router::new().route("/v2/", get(|| async { "{}" })).route("/v2/{*path}", get(answer)).with_state(registry.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        registry
    }

    pub fn host(&self) -> String {
        self.address.expect("started").to_string()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("whole")
    }

    /// Puts an image there as a push would; what is in `labels` is in its configuration.
    pub fn push(&self, repository: &str, tag: &str, labels: Value) -> Digest {
        let config = json!({ "architecture": "amd64", "os": "linux", "config": { "Labels": labels }, "tag": tag });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config).as_str(), "size": config.len() },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(b"layer").as_str(), "size": 1_000_000 }],
        });
        let manifest = manifest.to_string().into_bytes();
        let found = digest(&manifest);
        let mut inside = self.inside();
        inside.blobs.insert((repository.to_owned(), digest(&config).to_string()), config);
        inside.manifests.insert((repository.to_owned(), found.to_string()), manifest.clone());
        inside.manifests.insert((repository.to_owned(), tag.to_owned()), manifest);
        found
    }

    /// The image is gone, as after a clean-up.
    pub fn lose(&self, repository: &str, digest: &Digest) {
        self.inside().manifests.remove(&(repository.to_owned(), digest.to_string()));
    }

    /// From now on it answers nothing but 503, or is back.
    pub fn away(&self, away: bool) {
        self.inside().away = away;
    }

    /// How many manifests were asked for.
    pub fn asked(&self) -> usize {
        self.inside().asked.len()
    }

    /// What the registry tells its hooks of a push.
    pub fn event(&self, id: &str, at: &str, repository: &str, tag: &str, digest: &Digest) -> Value {
        event(&self.host(), id, at, repository, tag, digest.as_str())
    }
}

/// One notification of a push, in the form of the registry's own.
pub fn event(host: &str, id: &str, at: &str, repository: &str, tag: &str, digest: &str) -> Value {
    json!({
        "id": id,
        "timestamp": at,
        "action": "push",
        "target": {
            "mediaType": MANIFEST,
            "digest": digest,
            "size": 523,
            "length": 523,
            "repository": repository,
            "url": format!("http://{host}/v2/{repository}/manifests/{digest}"),
            "tag": tag,
        },
        "request": { "id": "r", "addr": "10.0.0.1:4000", "host": host, "method": "PUT", "useragent": "docker/20.10" },
        "actor": {},
        "source": { "addr": "registry:5000", "instanceID": "i" },
    })
}

pub fn digest(bytes: &[u8]) -> Digest {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes))).parse().expect("a digest")
}

async fn answer(
    State(registry): State<FakeRegistry>,
    method: Method,
    uri: Uri,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mut inside = registry.inside();
    if inside.away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let parts = path.rsplit_once("/manifests/").map(|parts| (true, parts));
    let parts = parts.or_else(|| path.rsplit_once("/blobs/").map(|parts| (false, parts)));
    let Some((is_manifest, (repository, reference))) = parts else { return StatusCode::NOT_FOUND.into_response() };
    assert!(method == Method::GET || method == Method::HEAD, "{method} {uri}: Slipway only reads");
    let key = (repository.to_owned(), reference.to_owned());
    if !is_manifest {
        let blob = inside.blobs.get(&key).cloned();
        return blob.map_or(StatusCode::NOT_FOUND.into_response(), |blob| blob.into_response());
    }
    inside.asked.push(path.clone());
    // Without the type among those accepted, the real one does not find an OCI manifest either.
    let accepts = headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(MANIFEST)));
    match inside.manifests.get(&key).filter(|_| accepts) {
        Some(manifest) => {
            let found = digest(manifest).to_string();
            ([(CONTENT_TYPE.as_str(), MANIFEST.to_owned()), ("docker-content-digest", found)], manifest.clone()).into_response()
        }
        None => {
            let unknown = json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] });
            (StatusCode::NOT_FOUND, axum::Json(unknown)).into_response()
        }
    }
}
