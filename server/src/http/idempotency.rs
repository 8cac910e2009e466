//! `Idempotency-Key` on REST posts: the same request with the same key is carried out once,
//! and its answer is given again for a day.

use crate::clock::micros;
use crate::ctx::Ctx;
use crate::http::MOST_BODY;
use crate::http::auth::Identity;
use crate::http::problem::{ApiProblem, too_big};
use crate::store::internal;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::Problem;
use domain::problem::Fault;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use sha2::Digest as _;
use sqlx::Row;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

/// Requests with one key wait for each other, so that two at once are one.
#[derive(Clone, Default)]
pub struct Turns(Arc<std::sync::Mutex<HashMap<String, Weak<Mutex<()>>>>>);

impl Turns {
    fn of(&self, key: &str) -> Arc<Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Mutex::new(()));
        turns.insert(key.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

/// The layer around every REST route.
pub async fn once(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let key = request.headers().get("idempotency-key").cloned();
    let person = request
        .extensions()
        .get::<Identity>()
        .and_then(|identity| identity.actor.as_ref())
        .and_then(|actor| actor.person().map(|person| person.id.0.clone()));
    match (key, person) {
        (Some(key), Some(person)) if request.method() == Method::POST => {
            keyed(&ctx, &person, &key, request, next).await.unwrap_or_else(|problem| ApiProblem(problem).into_response())
        }
        _ => next.run(request).await,
    }
}

async fn keyed(ctx: &Ctx, person: &str, key: &HeaderValue, request: Request, next: Next) -> Result<Response, Problem> {
    let key = key.to_str().ok().filter(|key| (1..=200).contains(&key.len()));
    let key = key.ok_or_else(|| Problem::invalid("Idempotency-Key", Fault::TooLong { most: 200 }))?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_BODY).await.map_err(|_| too_big())?;
    let asked = hex::encode(
        sha2::Sha256::new()
            .chain_update(parts.method.as_str())
            .chain_update(parts.uri.path())
            .chain_update([0])
            .chain_update(&body)
            .finalize(),
    );
    let turn = ctx.turns.of(&format!("{person}:{key}"));
    let _turn = turn.lock().await;
    if let Some(answer) = given(ctx, person, key, &asked).await? {
        return Ok(answer);
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MOST_BODY).await.map_err(internal)?;
    // A refusal may be over when it is tried again, so only what was done is kept.
    if parts.status.is_success() {
        keep(ctx, person, key, &asked, parts.status, &body).await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn given(ctx: &Ctx, person: &str, key: &str, asked: &str) -> Result<Option<Response>, Problem> {
    let row = sqlx::query("SELECT request_hash, status, body FROM idempotency_keys WHERE actor = $1 AND key = $2")
        .bind(person)
        .bind(key)
        .fetch_optional(ctx.store.read())
        .await
        .map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<String, _>("request_hash").map_err(internal)? != asked {
        return Err(Problem::IdempotencyMismatch);
    }
    let status: i64 = row.try_get("status").map_err(internal)?;
    let body: String = row.try_get("body").map_err(internal)?;
    let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    Ok(Some((status, [(CONTENT_TYPE, "application/json")], body).into_response()))
}

async fn keep(ctx: &Ctx, person: &str, key: &str, asked: &str, status: StatusCode, body: &Bytes) -> Result<(), Problem> {
    // A new secret is in this answer: giving it again would mean keeping it.
    let text = String::from_utf8_lossy(body);
    let text = if text.contains("\"secret\"") { "{}".into() } else { text };
    let mut tx = ctx.store.begin().await?;
    sqlx::query(
        "INSERT INTO idempotency_keys (actor, key, request_hash, status, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (actor, key) DO NOTHING",
    )
    .bind(person)
    .bind(key)
    .bind(asked)
    .bind(i64::from(status.as_u16()))
    .bind(text.into_owned())
    .bind(micros(ctx.now()))
    .execute(&mut *tx)
    .await
    .map_err(internal)?;
    tx.commit().await.map_err(internal)
}
