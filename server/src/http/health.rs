//! For monitoring: alive, ready, and figures in Prometheus' text format.

use crate::ctx::Ctx;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting. Calling it again changes nothing.
pub fn count() {
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // A second recorder in one process (tests) is refused; the first goes on counting.
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
}

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and the workers run.
pub async fn ready(State(ctx): State<Ctx>) -> Response {
    let answer = sqlx::query("SELECT 1 AS one").fetch_one(ctx.store.read()).await;
    if answer.is_ok() && !ctx.work.stop.is_cancelled() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// `GET /metrics`: counts and durations by route pattern; no names of people, apps or hooks.
pub async fn metrics() -> Response {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    let text = HANDLE.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kib * 1024) as f64)
}
