//! Tickets and passes of the proxy in front of environments. Of each only a hash is kept.

use crate::clock::micros;
use crate::store::{Store, Tx, internal};
use domain::id::EnvironmentId;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Passes of one session; the oldest go first.
const MOST_PASSES: i64 = 200;

/// A way from the main site to a proxied host.
pub struct Ticket {
    pub session_hash: String,
    pub environment: EnvironmentId,
    pub name: String,
    pub knock_hash: String,
    pub back: String,
    pub expires_at: i64,
}

/// What a cookie of a proxied host stands for.
pub struct Pass {
    pub session_hash: String,
    pub environment: EnvironmentId,
    pub name: String,
}

fn text(row: &AnyRow, column: &str) -> Result<String, Problem> {
    row.try_get(column).map_err(internal)
}

/// Keeps a ticket, and forgets those that nobody took in time.
pub async fn add_ticket(tx: &mut Tx, secret_hash: &str, ticket: &Ticket, now: Time) -> Result<(), Problem> {
    sqlx::query("DELETE FROM proxy_tickets WHERE expires_at < $1")
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    sqlx::query(
        "INSERT INTO proxy_tickets (secret_hash, session_hash, environment_id, name, knock_hash, back, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(secret_hash)
    .bind(ticket.session_hash.as_str())
    .bind(ticket.environment.as_str())
    .bind(ticket.name.as_str())
    .bind(ticket.knock_hash.as_str())
    .bind(ticket.back.as_str())
    .bind(ticket.expires_at)
    .execute(&mut **tx)
    .await
    .map(drop)
    .map_err(internal)
}

/// How many tickets of a session are under way.
pub async fn tickets_of(tx: &mut Tx, session_hash: &str) -> Result<i64, Problem> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM proxy_tickets WHERE session_hash = $1").bind(session_hash);
    count.fetch_one(&mut **tx).await.map_err(internal)
}

/// Takes a ticket out: whoever comes second finds nothing.
pub async fn take_ticket(tx: &mut Tx, secret_hash: &str) -> Result<Option<Ticket>, Problem> {
    let row = sqlx::query(
        "DELETE FROM proxy_tickets WHERE secret_hash = $1
         RETURNING session_hash, environment_id, name, knock_hash, back, expires_at",
    )
    .bind(secret_hash)
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Ticket {
        session_hash: text(&row, "session_hash")?,
        environment: EnvironmentId(text(&row, "environment_id")?),
        name: text(&row, "name")?,
        knock_hash: text(&row, "knock_hash")?,
        back: text(&row, "back")?,
        expires_at: row.try_get("expires_at").map_err(internal)?,
    }))
}

/// Keeps a pass, and only so many of its session.
pub async fn add_pass(tx: &mut Tx, secret_hash: &str, pass: &Pass, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO proxy_passes (secret_hash, session_hash, environment_id, name, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(secret_hash)
    .bind(pass.session_hash.as_str())
    .bind(pass.environment.as_str())
    .bind(pass.name.as_str())
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    sqlx::query(
        "DELETE FROM proxy_passes WHERE session_hash = $1 AND secret_hash NOT IN
         (SELECT secret_hash FROM proxy_passes WHERE session_hash = $1 ORDER BY created_at DESC, secret_hash LIMIT $2)",
    )
    .bind(pass.session_hash.as_str())
    .bind(MOST_PASSES)
    .execute(&mut **tx)
    .await
    .map(drop)
    .map_err(internal)
}

impl Store {
    pub async fn proxy_pass(&self, secret_hash: &str) -> Result<Option<Pass>, Problem> {
        let row = sqlx::query("SELECT session_hash, environment_id, name FROM proxy_passes WHERE secret_hash = $1")
            .bind(secret_hash)
            .fetch_optional(self.read())
            .await
            .map_err(internal)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Pass {
            session_hash: text(&row, "session_hash")?,
            environment: EnvironmentId(text(&row, "environment_id")?),
            name: text(&row, "name")?,
        }))
    }

    pub async fn environment_by_number(&self, number: i64) -> Result<Option<EnvironmentId>, Problem> {
        let id: Option<String> = sqlx::query_scalar("SELECT id FROM environments WHERE number = $1")
            .bind(number)
            .fetch_optional(self.read())
            .await
            .map_err(internal)?;
        Ok(id.map(EnvironmentId))
    }
}
