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
    /// Tags on one page of a list.
    page: usize,
    /// So many next questions are answered 429.
    busy: u32,
    /// The account that is wanted: of a token service, or with every question.
    account: Option<(String, bool)>,
    /// Lists of tags end in the middle.
    cut: bool,
    /// Manifests are answered so.
    mood: Option<Mood>,
    /// Pages of tags that were asked for.
    lists: usize,
    /// Manifests that were asked for.
    asked: Vec<String>,
}

/// What a registry does instead of giving a manifest out.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
    Says(u16),
    /// Half a body under the name of the whole.
    Half,
}

impl FakeRegistry {
    /// Listens on loopback until the test process ends.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let registry = Self { address: Some(listener.local_addr().expect("an address")), ..Self::default() };
        let router = Router::new()
            .route("/v2/", get(|| async { "{}" }))
            .route("/token", get(token))
            .route("/v2/{*path}", get(answer))
            .with_state(registry.clone());
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

    /// From now on lists of tags come in pages of so many.
    pub fn pages_of(&self, page: usize) {
        self.inside().page = page;
    }

    /// The next questions are answered 429, with a second to wait.
    pub fn busy_for(&self, questions: u32) {
        self.inside().busy = questions;
    }

    /// From now on it wants `user:password`, at its token service or with every question.
    pub fn wants(&self, account: &str, token_service: bool) {
        self.inside().account = Some((account.to_owned(), token_service));
    }

    /// From now on lists of tags end in the middle.
    pub fn cuts_lists(&self, cut: bool) {
        self.inside().cut = cut;
    }

    /// From now on manifests are answered so, or as they should.
    pub fn in_mood(&self, mood: Option<Mood>) {
        self.inside().mood = mood;
    }

    /// Pages of tags that were asked for.
    pub fn lists(&self) -> usize {
        self.inside().lists
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

const TOKEN: &str = "a-token-for-pulling";

fn basic(account: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(account))
}

/// Hands a token to whoever has the account.
async fn token(State(registry): State<FakeRegistry>, headers: HeaderMap) -> Response {
    let account = registry.inside().account.clone();
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    match account {
        Some((account, true)) if given == Some(&basic(&account)) => axum::Json(json!({ "token": TOKEN })).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn refused(inside: &Inside, host: &str, headers: &HeaderMap) -> Option<Response> {
    let (account, token_service) = inside.account.as_ref()?;
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    let wanted = if *token_service { format!("Bearer {TOKEN}") } else { basic(account) };
    if given == Some(wanted.as_str()) {
        return None;
    }
    let challenge = match token_service {
        true => format!("Bearer realm=\"http://{host}/token\",service=\"fake\",scope=\"repository:x:pull\""),
        false => "Basic realm=\"fake\"".to_owned(),
    };
    Some((StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response())
}

/// Tags in the order of the alphabet, page by page.
fn list(inside: &mut Inside, repository: &str, query: &str) -> Response {
    inside.lists += 1;
    let mut tags: Vec<String> = inside
        .manifests
        .keys()
        .filter(|(name, tag)| name == repository && !tag.contains(':'))
        .map(|(_, tag)| tag.clone())
        .collect();
    tags.sort();
    let last = query.split('&').find_map(|pair| pair.strip_prefix("last=")).unwrap_or_default().to_owned();
    let mut left: Vec<String> = tags.into_iter().filter(|tag| *tag > last).collect();
    let size = if inside.page == 0 { usize::MAX } else { inside.page };
    let more = left.len() > size;
    left.truncate(size);
    let body = json!({ "name": repository, "tags": left }).to_string();
    if inside.cut {
        return body[..body.len() / 2].to_owned().into_response();
    }
    match left.last().filter(|_| more) {
        Some(last) => {
            ([("link", format!("</v2/{repository}/tags/list?n={size}&last={last}>; rel=\"next\""))], body).into_response()
        }
        None => body.into_response(),
    }
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
    if inside.busy > 0 {
        inside.busy -= 1;
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response();
    }
    if let Some(refused) = refused(&inside, &registry.host(), &headers) {
        return refused;
    }
    if let Some(repository) = path.strip_suffix("/tags/list") {
        return list(&mut inside, repository, uri.query().unwrap_or_default());
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
    let mood = inside.mood;
    if let Some(Mood::Says(status)) = mood {
        return (StatusCode::from_u16(status).expect("a status"), "<html>not now</html>").into_response();
    }
    // Without the type among those accepted, the real one does not find an OCI manifest either.
    let accepts = headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(MANIFEST)));
    match inside.manifests.get(&key).filter(|_| accepts) {
        Some(manifest) => {
            let found = digest(manifest).to_string();
            let told = if mood.is_some() { &manifest[..manifest.len() / 2] } else { manifest.as_slice() };
            ([(CONTENT_TYPE.as_str(), MANIFEST.to_owned()), ("docker-content-digest", found)], told.to_vec()).into_response()
        }
        None => {
            let unknown = json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] });
            (StatusCode::NOT_FOUND, axum::Json(unknown)).into_response()
        }
    }
}
