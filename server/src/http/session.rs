//! Browser sessions on our own tables: only a hash of the id is kept.

use crate::clock::{from_micros, micros};
use crate::ctx::{Ctx, secret_hash};
use crate::store::internal;
use async_trait::async_trait;
use domain::id::UserId;
use domain::{Actor, Person, Problem, Time};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::collections::HashMap;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as StoreResult};
use tower_sessions::{Session, SessionStore};

/// Hours without a request after which a session ends.
pub const IDLE_HOURS: i64 = 12;
/// Days after which every session ends.
pub const ABSOLUTE_DAYS: i64 = 7;
const KEY: &str = "who";

/// What a session holds: no name, no role; those are read afresh for every request.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Who {
    user: UserId,
    /// Microseconds: when the password was given.
    signed_in_at: i64,
    /// Microseconds: when the session was last known to be used, a minute exact.
    seen_at: i64,
}

impl Who {
    fn is_over(&self, now: Time) -> bool {
        now - from_micros(self.signed_in_at) > chrono::Duration::days(ABSOLUTE_DAYS)
            || now - from_micros(self.seen_at) > chrono::Duration::hours(IDLE_HOURS)
    }

    fn is_to_be_noted(&self, now: Time) -> bool {
        now - from_micros(self.seen_at) > chrono::Duration::minutes(1)
    }
}

/// Begins a session for a person who just gave the password. The id is a new one.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn begin(ctx: &Ctx, session: &Session, person: &Person) -> Result<(), Problem> {
    let now = micros(ctx.now());
    // `flush` would keep the id for what comes next in this request.
    session.clear().await;
    session.cycle_id().await.map_err(internal)?;
    let who = Who { user: person.id.clone(), signed_in_at: now, seen_at: now };
    session.insert(KEY, who).await.map_err(internal)
}

/// Ends the session.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn end(session: &Session) -> Result<(), Problem> {
    session.flush().await.map_err(internal)
}

/// Who the session belongs to, as they are now; none when it ended or they were disabled.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn actor(ctx: &Ctx, session: &Session) -> Result<Option<Actor>, Problem> {
    let Some(mut who) = session.get::<Who>(KEY).await.map_err(internal)? else { return Ok(None) };
    let now = ctx.now();
    if who.is_over(now) {
        end(session).await?;
        return Ok(None);
    }
    let signed_in_at = from_micros(who.signed_in_at);
    let user = ctx.store.user_by_id(&who.user).await?;
    // One write a minute keeps the session alive; more would make reading pages write.
    if who.is_to_be_noted(now) {
        who.seen_at = micros(now);
        session.insert(KEY, who).await.map_err(internal)?;
    }
    Ok(user.and_then(|row| crate::store::people::actor_of(row, signed_in_at)))
}

/// Who a session belongs to that is known by its hash only, as cookies of proxied hosts know it. `in_use`
/// keeps it alive as its own use would.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn actor_of_hash(ctx: &Ctx, id_hash: &str, in_use: bool) -> Result<Option<Actor>, Problem> {
    let now = ctx.now();
    let data: Option<Vec<u8>> = sqlx::query_scalar("SELECT data FROM sessions WHERE id_hash = $1 AND expires_at > $2")
        .bind(id_hash)
        .bind(micros(now))
        .fetch_optional(ctx.store.read())
        .await
        .map_err(internal)?;
    let Some(data) = data else { return Ok(None) };
    let mut data: HashMap<String, serde_json::Value> = serde_json::from_slice(&data).map_err(internal)?;
    let Some(mut who) = data.get(KEY).and_then(|who| serde_json::from_value::<Who>(who.clone()).ok()) else { return Ok(None) };
    if who.is_over(now) {
        return Ok(None);
    }
    let user = ctx.store.user_by_id(&who.user).await?;
    let signed_in_at = from_micros(who.signed_in_at);
    if in_use && who.is_to_be_noted(now) {
        who.seen_at = micros(now);
        let ends_at = ends_at(now, Some(who.signed_in_at));
        data.insert(KEY.to_owned(), serde_json::to_value(who).map_err(internal)?);
        let mut tx = ctx.store.begin().await?;
        sqlx::query("UPDATE sessions SET data = $2, expires_at = $3 WHERE id_hash = $1")
            .bind(id_hash)
            .bind(serde_json::to_vec(&data).map_err(internal)?)
            .bind(ends_at)
            .execute(&mut *tx)
            .await
            .map_err(internal)?;
        tx.commit().await.map_err(internal)?;
    }
    Ok(user.and_then(|row| crate::store::people::actor_of(row, signed_in_at)))
}

/// The four methods that tower-sessions asks for.
#[derive(Clone)]
pub struct DatabaseSessions {
    ctx: Ctx,
}

impl DatabaseSessions {
    pub fn new(ctx: Ctx) -> Self {
        Self { ctx }
    }
}

impl std::fmt::Debug for DatabaseSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseSessions")
    }
}

/// What is kept of a session's id.
pub fn hash(id: &Id) -> String {
    secret_hash(&id.to_string())
}

fn backend(problem: impl std::fmt::Display) -> Error {
    Error::Backend(problem.to_string())
}

/// When a session ends that is used now, by our own clock.
fn ends_at(now: Time, signed_in_at: Option<i64>) -> i64 {
    let idle = now + chrono::Duration::hours(IDLE_HOURS);
    let absolute = from_micros(signed_in_at.unwrap_or_else(|| micros(now))) + chrono::Duration::days(ABSOLUTE_DAYS);
    micros(idle.min(absolute))
}

fn signed_in_at(record: &Record) -> Option<i64> {
    record.data.get(KEY)?.get("signed_in_at")?.as_i64()
}

fn user(record: &Record) -> Option<&str> {
    record.data.get(KEY).and_then(|who| who.get("user")).and_then(|user| user.as_str())
}

fn data(record: &Record) -> StoreResult<Vec<u8>> {
    serde_json::to_vec(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

#[async_trait]
impl SessionStore for DatabaseSessions {
    /// Changes a session that is there. One that was ended in the meantime stays ended: a
    /// request that was under way must not bring it back.
    async fn save(&self, record: &Record) -> StoreResult<()> {
        let mut tx = self.ctx.store.begin().await.map_err(backend)?;
        sqlx::query("UPDATE sessions SET user_id = $2, data = $3, expires_at = $4 WHERE id_hash = $1")
            .bind(hash(&record.id))
            .bind(user(record))
            .bind(data(record)?)
            .bind(ends_at(self.ctx.now(), signed_in_at(record)))
            .execute(&mut *tx)
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    /// Ids have 128 random bits: meeting one that is there means that something is broken, and
    /// failing is better than taking it over.
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let now = self.ctx.now();
        let mut tx = self.ctx.store.begin().await.map_err(backend)?;
        sqlx::query("INSERT INTO sessions (id_hash, user_id, data, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(hash(&record.id))
            .bind(user(record))
            .bind(data(record)?)
            .bind(micros(now))
            .bind(ends_at(now, signed_in_at(record)))
            .execute(&mut *tx)
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let now: Time = self.ctx.now();
        let row = sqlx::query("SELECT data, expires_at FROM sessions WHERE id_hash = $1 AND expires_at > $2")
            .bind(hash(id))
            .bind(micros(now))
            .fetch_optional(self.ctx.store.read())
            .await
            .map_err(backend)?;
        let Some(row) = row else { return Ok(None) };
        let data: Vec<u8> = row.try_get("data").map_err(backend)?;
        let expires_at: i64 = row.try_get("expires_at").map_err(backend)?;
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_slice(&data).map_err(|error| Error::Decode(error.to_string()))?,
            expiry_date: OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at) * 1000).map_err(backend)?,
        }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        let mut tx = self.ctx.store.begin().await.map_err(backend)?;
        sqlx::query("DELETE FROM sessions WHERE id_hash = $1").bind(hash(id)).execute(&mut *tx).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }
}
