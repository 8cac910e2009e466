//! Static files, embedded in the binary; a debug build reads them from the folder.

use crate::http::problem::PageProblem;
use app::Assets;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use domain::problem::Noun;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use rust_embed::RustEmbed;
use serde::Deserialize;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../dist"]
#[allow_missing = true]
struct Dist;

#[derive(Deserialize)]
struct Manifest {
    js: String,
    wasm: String,
    css: String,
}

/// The names of the built assets; empty ones when they were not built, then pages are plain.
pub fn manifest() -> Assets {
    let manifest = Dist::get("manifest.json").and_then(|file| serde_json::from_slice::<Manifest>(&file.data).ok());
    manifest.map_or_else(Assets::default, |m| Assets { js: m.js, wasm: m.wasm, css: m.css })
}

/// `GET /pkg/{file}`: the name holds the content's hash, so it may be kept for ever.
pub async fn hashed(Path(file): Path<String>, headers: HeaderMap) -> Response {
    send("pkg", &file, &headers, "public, max-age=31536000, immutable")
}

/// `GET /static/{file}`
pub async fn plain(Path(file): Path<String>, headers: HeaderMap) -> Response {
    send("static", &file, &headers, "public, max-age=3600")
}

/// `GET /favicon.svg`
pub async fn favicon(headers: HeaderMap) -> Response {
    send("static", "favicon.svg", &headers, "public, max-age=86400")
}

fn send(folder: &str, file: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    let missing = || PageProblem(Problem::not_found(Noun::Page, file.chars().take(100).collect::<String>())).into_response();
    let safe = file.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) && !file.starts_with('.');
    let Some(kind) = content_type(file).filter(|_| safe) else { return missing() };
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encodings = [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(name, _)| accepted.contains(name));
    for (encoding, ending) in encodings {
        if let Some(found) = Dist::get(&format!("{folder}/{file}{ending}")) {
            let mut response = answer(found.data, kind, cache);
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            return response;
        }
    }
    Dist::get(&format!("{folder}/{file}")).map_or_else(missing, |found| answer(found.data, kind, cache))
}

fn answer(data: std::borrow::Cow<'static, [u8]>, kind: &'static str, cache: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static(cache)),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let body = match data {
        std::borrow::Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    (headers, body).into_response()
}

fn content_type(file: &str) -> Option<&'static str> {
    Some(match file.rsplit('.').next()? {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}
