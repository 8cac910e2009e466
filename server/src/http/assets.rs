//! Static files, embedded in the binary; a debug build reads them from the folder.

use crate::http::problem::PageProblem;
use app::Assets;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use domain::problem::Noun;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use rust_embed::RustEmbed;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../dist"]
#[allow_missing = true]
struct Dist;

#[derive(Deserialize)]
struct Manifest {
    js: String,
    wasm: String,
    css: String,
    #[serde(default)]
    shell_js: String,
    #[serde(default)]
    shell_css: String,
}

/// The names of the built assets; empty ones when they were not built, then pages are plain.
pub fn manifest() -> Assets {
    let manifest = embedded("manifest.json").and_then(|content| serde_json::from_slice::<Manifest>(&content).ok());
    manifest.map_or_else(without_manifest, |m| Assets {
        js: m.js,
        wasm: m.wasm,
        css: m.css,
        shell_js: m.shell_js,
        shell_css: m.shell_css,
    })
}

/// What `cargo leptos` builds has fixed names.
fn without_manifest() -> Assets {
    let named = |ending| embedded(&format!("pkg/slipway.{ending}")).map(|_| format!("/pkg/slipway.{ending}")).unwrap_or_default();
    Assets { js: named("js"), wasm: named("wasm"), css: named("css"), ..Assets::default() }
}

/// `GET /pkg/{file}`: a name that holds the content's hash may be kept for ever; the names of
/// development stay while the content changes.
pub async fn hashed(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let cache = if file.starts_with("slipway-") { "public, max-age=31536000, immutable" } else { "no-cache" };
    send(embedded, "pkg", &file, &headers, cache)
}

/// `GET /static/{file}`
pub async fn plain(Path(file): Path<String>, headers: HeaderMap) -> Response {
    send(embedded, "static", &file, &headers, "public, max-age=3600")
}

/// `GET /favicon.svg`
pub async fn favicon(headers: HeaderMap) -> Response {
    send(embedded, "static", "favicon.svg", &headers, "public, max-age=86400")
}

type Content = Cow<'static, [u8]>;

fn embedded(path: &str) -> Option<Content> {
    Dist::get(path).map(|file| file.data)
}

/// The file from the folder, compressed in the best way that the browser takes and we built.
fn send(find: fn(&str) -> Option<Content>, folder: &str, file: &str, headers: &HeaderMap, cache: &'static str) -> Response {
    let missing = || PageProblem(Problem::not_found(Noun::Page, file.chars().take(100).collect::<String>())).into_response();
    let safe = file.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) && !file.starts_with('.');
    let Some(kind) = content_type(file).filter(|_| safe) else { return missing() };
    for (encoding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        let found = accepts(headers, encoding).then(|| find(&format!("{folder}/{file}{ending}"))).flatten();
        if let Some(found) = found {
            let mut response = answer(found, kind, cache);
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            return response;
        }
    }
    find(&format!("{folder}/{file}")).map_or_else(missing, |found| answer(found, kind, cache))
}

/// Whether `Accept-Encoding` names the encoding and does not weigh it with nothing.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse().is_ok_and(|q: f32| q <= 0.0));
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

fn answer(content: Content, kind: &'static str, cache: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static(cache)),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let body = match content {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn built(path: &str) -> Option<Content> {
        let content: &[u8] = match path {
            "pkg/a.js" => b"plain",
            "pkg/a.js.br" => b"brotli",
            "pkg/a.js.gz" => b"gzip",
            "static/b.png" => b"png",
            "manifest.json" | "pkg/../manifest.json" => b"{}",
            _ => return None,
        };
        Some(Cow::Borrowed(content))
    }

    fn ask(folder: &str, file: &str, accepts: &str) -> (StatusCode, String, String) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, accepts.parse().expect("a header"));
        let response = send(built, folder, file, &headers, "public");
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().expect("text")).to_owned();
        (response.status(), header(CONTENT_ENCODING), header(CONTENT_TYPE))
    }

    #[test]
    fn a_browser_gets_the_smallest_that_it_takes() {
        for (accepts, encoding) in [
            ("gzip, deflate, br, zstd", "br"),
            ("gzip", "gzip"),
            ("GZIP;q=0.5", "gzip"),
            ("br;q=0, gzip", "gzip"),
            ("br; q=0.0", ""),
            ("identity", ""),
            ("", ""),
            ("brotli", ""),
        ] {
            assert_eq!(ask("pkg", "a.js", accepts).1, encoding, "{accepts}");
        }
        assert_eq!(ask("pkg", "a.js", "br").2, "text/javascript; charset=utf-8");
        assert_eq!(ask("static", "b.png", "br"), (StatusCode::OK, String::new(), "image/png".to_owned()));
    }

    #[test]
    fn nothing_beside_the_folder_is_served() {
        for file in
            ["../manifest.json", "a.js.br", "a.js/", "..", ".a.js", "a%2ejs", "c.js", "a.exe", "manifest.json", "", "a\0.js"]
        {
            assert_eq!(ask("pkg", file, "br").0, StatusCode::NOT_FOUND, "{file}");
        }
    }
}
