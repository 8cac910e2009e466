//! The half of the registry that takes images in, as strict as the real one: parts come in their order, a
//! file has its digest, and a manifest names nothing that is not there.

use super::{Manifests, Registry};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use domain::Digest;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<Files>>);

#[derive(Default)]
struct Files {
    files: HashMap<String, Vec<u8>>,
    uploads: HashMap<String, Vec<u8>>,
    /// It takes nothing from anybody.
    closed: bool,
    /// So many parts are taken by half before the line breaks.
    breaks: u32,
    /// Bytes that came in parts.
    received: usize,
}

impl Shelf {
    fn held(&self) -> MutexGuard<'_, Files> {
        self.0.lock().expect("whole")
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

impl Registry {
    /// Puts an image with this layer there, its files too, and says its digest.
    pub fn push_whole(&self, layer: &[u8]) -> Digest {
        let config = json!({ "architecture": "amd64", "os": "linux", "of": layer.len() }).to_string().into_bytes();
        let file =
            |bytes: &[u8]| json!({ "mediaType": "application/octet-stream", "digest": digest(bytes), "size": bytes.len() });
        let body = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": file(&config),
            "layers": [file(layer)],
        });
        let body = body.to_string().into_bytes();
        let found = digest(&body);
        let mut held = self.files.held();
        held.files.insert(digest(layer), layer.to_vec());
        held.files.insert(digest(&config), config);
        self.manifests.lock().expect("whole").insert(found.clone(), body);
        found.parse().expect("a digest")
    }

    /// An index of these images.
    pub fn push_index(&self, images: &[&Digest]) -> Digest {
        let images: Vec<Value> = images.iter().map(|image| json!({ "digest": image.as_str(), "size": 1 })).collect();
        let body = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": images });
        let body = body.to_string().into_bytes();
        let found = digest(&body);
        self.manifests.lock().expect("whole").insert(found.clone(), body);
        found.parse().expect("a digest")
    }

    /// The digest that a tag, or a digest, leads to.
    pub fn points_at(&self, reference: &str) -> Option<String> {
        self.manifests.lock().expect("whole").get(reference).map(|body| digest(body))
    }

    /// Whether it has this very file.
    pub fn has(&self, file: &[u8]) -> bool {
        self.files.held().files.get(&digest(file)).is_some_and(|found| found == file)
    }

    /// From now on nobody may write, or everybody.
    pub fn close(&self, closed: bool) {
        self.files.held().closed = closed;
    }

    /// The next parts break off in the middle.
    pub fn break_off(&self, parts: u32) {
        self.files.held().breaks = parts;
    }

    /// Bytes that came in parts, those of broken ones too.
    pub fn received(&self) -> usize {
        self.files.held().received
    }
}

type Inside = (Manifests, Shelf);

pub fn routes(manifests: Manifests, files: Shelf) -> Router {
    Router::new()
        .route("/v2/team/{app}/manifests/{reference}", put(take_manifest))
        .route("/v2/team/{app}/blobs/uploads/", post(begin))
        .route("/v2/team/{app}/blobs/uploads/{id}", get(arrived).patch(take_part).put(end))
        .route("/v2/team/{app}/blobs/{digest}", get(file))
        .layer(DefaultBodyLimit::max(16 << 20))
        .with_state((manifests, files))
}

async fn file(State((_, shelf)): State<Inside>, Path((_, digest)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let held = shelf.held();
    let Some(file) = held.files.get(&digest) else { return StatusCode::NOT_FOUND.into_response() };
    let range = headers.get("range").and_then(|value| value.to_str().ok()).and_then(|text| text.strip_prefix("bytes="));
    match range.and_then(|range| range.split_once('-')) {
        Some((from, to)) => {
            let (from, to): (usize, usize) = (from.parse().expect("a number"), to.parse().expect("a number"));
            (StatusCode::PARTIAL_CONTENT, file[from..=to].to_vec()).into_response()
        }
        None => file.clone().into_response(),
    }
}

async fn begin(State((_, shelf)): State<Inside>, Path(app): Path<String>) -> Response {
    let mut held = shelf.held();
    if held.closed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let id = format!("u{}", held.uploads.len());
    held.uploads.insert(id.clone(), Vec::new());
    (StatusCode::ACCEPTED, [("location", format!("/v2/team/{app}/blobs/uploads/{id}?state=0"))]).into_response()
}

fn standing(app: &str, id: &str, size: usize) -> [(&'static str, String); 2] {
    let location = format!("/v2/team/{app}/blobs/uploads/{id}?state={size}");
    [("location", location), ("range", format!("0-{}", size.saturating_sub(1)))]
}

async fn take_part(
    State((_, shelf)): State<Inside>,
    Path((app, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut held = shelf.held();
    let breaks = held.breaks > 0;
    held.breaks = held.breaks.saturating_sub(1);
    let range = headers.get("content-range").and_then(|value| value.to_str().ok()).expect("a part says where it belongs");
    let taken = if breaks { &body[..body.len() / 2] } else { &body[..] };
    held.received += taken.len();
    let upload = held.uploads.get_mut(&id).expect("an upload");
    let (from, to) = range.split_once('-').expect("from and to");
    let expected = (upload.len().to_string(), (upload.len() + body.len() - 1).to_string());
    if (from, to) != (expected.0.as_str(), expected.1.as_str()) {
        return (StatusCode::RANGE_NOT_SATISFIABLE, standing(&app, &id, upload.len())).into_response();
    }
    upload.extend_from_slice(taken);
    let size = upload.len();
    if breaks {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    (StatusCode::ACCEPTED, standing(&app, &id, size)).into_response()
}

async fn arrived(State((_, shelf)): State<Inside>, Path((app, id)): Path<(String, String)>) -> Response {
    match shelf.held().uploads.get(&id) {
        Some(upload) => (StatusCode::NO_CONTENT, standing(&app, &id, upload.len())).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn end(
    State((_, shelf)): State<Inside>,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let mut held = shelf.held();
    let Some(upload) = held.uploads.remove(&id) else { return StatusCode::NOT_FOUND.into_response() };
    if asked.get("digest") != Some(&digest(&upload)) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    held.files.insert(digest(&upload), upload);
    StatusCode::CREATED.into_response()
}

async fn take_manifest(
    State((manifests, shelf)): State<Inside>,
    Path((_, reference)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let said: Value = serde_json::from_slice(&body).expect("a manifest");
    let (mut manifests, held) = (manifests.lock().expect("whole"), shelf.held());
    if held.closed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let found = digest(&body);
    let named = |part: &Value| part["digest"].as_str().map(str::to_owned);
    let files = said["layers"].as_array().into_iter().flatten().chain(said.get("config")).filter_map(named);
    let images = said["manifests"].as_array().into_iter().flatten().filter_map(named);
    // What is there already may be named by a tag; an image of the other stories has no files.
    let whole = manifests.contains_key(&found)
        || (files.into_iter().all(|file| held.files.contains_key(&file))
            && images.into_iter().all(|image| manifests.contains_key(&image)));
    if !whole || (reference.starts_with("sha256:") && reference != found) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    manifests.insert(reference, body.to_vec());
    StatusCode::CREATED.into_response()
}
