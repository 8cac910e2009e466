//! Users, sessions, tokens and failed logins.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, is_taken, places};
use domain::id::{TokenId, UserId};
use domain::problem::Noun;
use domain::{Actor, Person, Problem, Role, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// A user with what signing in needs.
#[derive(Clone, Debug)]
pub struct UserRow {
    pub person: Person,
    pub password_hash: String,
    pub disabled: bool,
    pub created_at: Time,
}

/// A token with its owner, as found by its secret.
#[derive(Clone, Debug)]
pub struct TokenRow {
    pub id: TokenId,
    pub name: String,
    pub role: Role,
    pub owner: Person,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

const USER: &str = "SELECT id, name, role, password_hash, disabled, created_at FROM users";

/// The same beside what was asked.
const USER_ASKED: &str = "SELECT u.id, u.name, u.role, u.password_hash, u.disabled, u.created_at,";

fn asked(rows: Result<Vec<AnyRow>, sqlx::Error>) -> Result<HashMap<String, UserRow>, Problem> {
    let one = |row: &AnyRow| Ok((row.try_get("asked").map_err(internal)?, user(row)?));
    rows.map_err(internal)?.iter().map(one).collect()
}

fn user(row: &AnyRow) -> Result<UserRow, Problem> {
    let role: String = row.try_get("role").map_err(internal)?;
    Ok(UserRow {
        person: Person {
            id: UserId(row.try_get("id").map_err(internal)?),
            name: row.try_get("name").map_err(internal)?,
            role: role.parse()?,
        },
        password_hash: row.try_get("password_hash").map_err(internal)?,
        disabled: row.try_get::<i64, _>("disabled").map_err(internal)? != 0,
        created_at: from_micros(row.try_get("created_at").map_err(internal)?),
    })
}

impl Store {
    pub async fn user_by_name(&self, name: &str) -> Result<Option<UserRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{USER} WHERE name = $1"));
        let row = sqlx::query(sql).bind(name).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(user).transpose()
    }

    pub async fn user_by_id(&self, id: &UserId) -> Result<Option<UserRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{USER} WHERE id = $1"));
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(user).transpose()
    }

    /// Whose sessions these are, by the hashes of their ids; what has ended is left out.
    pub async fn users_of_sessions(&self, hashes: &[String], now: Time) -> Result<HashMap<String, UserRow>, Problem> {
        let sql = format!(
            "{USER_ASKED} s.id_hash AS asked FROM users u JOIN sessions s ON s.user_id = u.id
             WHERE s.expires_at > $1 AND s.id_hash IN ({})",
            places(2, hashes.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(now));
        let query = hashes.iter().fold(query, |query, hash| query.bind(hash));
        asked(query.fetch_all(self.read()).await)
    }

    /// The owners of these tokens, by the tokens' ids; what was put out of use is left out.
    pub async fn users_of_tokens(&self, ids: &[String]) -> Result<HashMap<String, UserRow>, Problem> {
        let sql = format!(
            "{USER_ASKED} t.id AS asked FROM users u JOIN tokens t ON t.user_id = u.id
             WHERE t.revoked_at IS NULL AND t.id IN ({})",
            places(1, ids.len())
        );
        let query = ids.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, id| query.bind(id));
        asked(query.fetch_all(self.read()).await)
    }

    /// Every user by name; at most 1000 are listed.
    pub async fn users(&self) -> Result<Vec<UserRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{USER} ORDER BY name LIMIT 1000"));
        sqlx::query(sql).fetch_all(self.read()).await.map_err(internal)?.iter().map(user).collect()
    }

    pub async fn has_users(&self) -> Result<bool, Problem> {
        let one = sqlx::query("SELECT 1 AS one FROM users LIMIT 1").fetch_optional(self.read()).await;
        one.map(|row| row.is_some()).map_err(internal)
    }

    /// The failures counted under a key, and when the last was.
    pub async fn failures(&self, key: &str) -> Result<Option<(i64, Time)>, Problem> {
        failures(sqlx::query(FAILURES).bind(key).fetch_optional(self.read()).await.map_err(internal)?)
    }

    /// Live sessions by user.
    pub async fn session_counts(&self, now: Time) -> Result<Vec<(UserId, u32)>, Problem> {
        let rows = sqlx::query(
            "SELECT user_id, COUNT(*) AS sessions FROM sessions
             WHERE user_id IS NOT NULL AND expires_at > $1 GROUP BY user_id",
        )
        .bind(micros(now))
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter()
            .map(|row| {
                let count: i64 = row.try_get("sessions").map_err(internal)?;
                let id = UserId(row.try_get("user_id").map_err(internal)?);
                Ok((id, u32::try_from(count).unwrap_or(u32::MAX)))
            })
            .collect()
    }

    /// The token with this hash, if neither it nor its owner was put out of use.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, Problem> {
        let row = sqlx::query(
            "SELECT t.id, t.name, t.role, t.created_at, t.last_used_at, t.revoked_at,
                    u.id AS user_id, u.name AS user_name, u.role AS user_role
             FROM tokens t JOIN users u ON u.id = t.user_id
             WHERE t.secret_hash = $1 AND t.revoked_at IS NULL AND u.disabled = 0",
        )
        .bind(hash)
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        row.as_ref().map(token).transpose()
    }

    /// The newest 500 tokens, those put out of use too.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, Problem> {
        let rows = sqlx::query(
            "SELECT t.id, t.name, t.role, t.created_at, t.last_used_at, t.revoked_at,
                    u.id AS user_id, u.name AS user_name, u.role AS user_role
             FROM tokens t JOIN users u ON u.id = t.user_id ORDER BY t.created_at DESC, t.id LIMIT 500",
        )
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(token).collect()
    }
}

fn token(row: &AnyRow) -> Result<TokenRow, Problem> {
    let role: String = row.try_get("role").map_err(internal)?;
    let user_role: String = row.try_get("user_role").map_err(internal)?;
    Ok(TokenRow {
        id: TokenId(row.try_get("id").map_err(internal)?),
        name: row.try_get("name").map_err(internal)?,
        role: role.parse()?,
        owner: Person {
            id: UserId(row.try_get("user_id").map_err(internal)?),
            name: row.try_get("user_name").map_err(internal)?,
            role: user_role.parse()?,
        },
        created_at: from_micros(row.try_get("created_at").map_err(internal)?),
        last_used_at: row.try_get::<Option<i64>, _>("last_used_at").map_err(internal)?.map(from_micros),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at").map_err(internal)?.map(from_micros),
    })
}

/// Adds a user.
///
/// # Errors
/// [`Problem::Exists`] when the name is taken.
pub async fn insert_user(tx: &mut Tx, person: &Person, password_hash: &str, now: Time) -> Result<(), Problem> {
    let added = sqlx::query(
        "INSERT INTO users (id, name, role, password_hash, disabled, created_at, changed_at) VALUES ($1, $2, $3, $4, 0, $5, $5)",
    )
    .bind(person.id.as_str())
    .bind(person.name.as_str())
    .bind(person.role.as_str())
    .bind(password_hash)
    .bind(micros(now))
    .execute(&mut **tx)
    .await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(Problem::Exists { what: Noun::User, name: person.name.clone() }),
        Err(error) => Err(internal(error)),
    }
}

/// A user by name, as this transaction sees it.
pub async fn user_by_name_in(tx: &mut Tx, name: &str) -> Result<Option<UserRow>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{USER} WHERE name = $1"));
    let row = sqlx::query(sql).bind(name).fetch_optional(&mut **tx).await.map_err(internal)?;
    row.as_ref().map(user).transpose()
}

/// Reads a user inside the transaction, so that what was checked is what is changed.
pub async fn user_in(tx: &mut Tx, id: &UserId) -> Result<UserRow, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{USER} WHERE id = $1"));
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut **tx).await.map_err(internal)?;
    row.as_ref().map(user).transpose()?.ok_or_else(|| Problem::not_found(Noun::User, id.as_str()))
}

/// What can change about a user; everything here ends their sessions.
pub enum Change<'a> {
    Role(Role),
    Disabled(bool),
    Password(&'a str),
}

/// Changes a user and ends all their sessions.
pub async fn change_user(tx: &mut Tx, id: &UserId, change: Change<'_>, now: Time) -> Result<(), Problem> {
    let query = match change {
        Change::Role(role) => sqlx::query("UPDATE users SET role = $1, changed_at = $2 WHERE id = $3").bind(role.as_str()),
        Change::Disabled(off) => {
            sqlx::query("UPDATE users SET disabled = $1, changed_at = $2 WHERE id = $3").bind(i64::from(off))
        }
        Change::Password(hash) => {
            sqlx::query("UPDATE users SET password_hash = $1, changed_at = $2 WHERE id = $3").bind(hash.to_owned())
        }
    };
    query.bind(micros(now)).bind(id.as_str()).execute(&mut **tx).await.map_err(internal)?;
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(id.as_str()).execute(&mut **tx).await.map_err(internal)?;
    Ok(())
}

/// Whether there is a user.
pub async fn any_user(tx: &mut Tx) -> Result<bool, Problem> {
    let one = sqlx::query("SELECT 1 AS one FROM users LIMIT 1").fetch_optional(&mut **tx).await;
    one.map(|row| row.is_some()).map_err(internal)
}

/// How many admins can still sign in.
pub async fn enabled_admins(tx: &mut Tx) -> Result<i64, Problem> {
    sqlx::query_scalar("SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled = 0")
        .fetch_one(&mut **tx)
        .await
        .map_err(internal)
}

/// Adds a token.
///
/// # Errors
/// [`Problem::Exists`] when the name is taken.
pub async fn insert_token(
    tx: &mut Tx,
    id: &TokenId,
    name: &str,
    hash: &str,
    owner: &UserId,
    role: Role,
    now: Time,
) -> Result<(), Problem> {
    let added =
        sqlx::query("INSERT INTO tokens (id, name, secret_hash, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(id.as_str())
            .bind(name)
            .bind(hash)
            .bind(owner.as_str())
            .bind(role.as_str())
            .bind(micros(now))
            .execute(&mut **tx)
            .await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(Problem::Exists { what: Noun::Token, name: name.to_owned() }),
        Err(error) => Err(internal(error)),
    }
}

/// Puts a token out of use; false when there is none in use.
pub async fn revoke_token(tx: &mut Tx, id: &TokenId, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
        .bind(micros(now))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// Whether a token can still be used, read inside the transaction.
pub async fn token_in_use(tx: &mut Tx, id: &TokenId) -> Result<bool, Problem> {
    let found = sqlx::query("SELECT 1 AS one FROM tokens WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(found.is_some())
}

/// Notes that a token was used; at most once a minute.
pub async fn touch_token(tx: &mut Tx, id: &TokenId, now: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE tokens SET last_used_at = $1 WHERE id = $2")
        .bind(micros(now))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

const FAILURES: &str = "SELECT failures, last_at FROM login_failures WHERE key = $1";

fn failures(row: Option<AnyRow>) -> Result<Option<(i64, Time)>, Problem> {
    row.map(|row| Ok((row.try_get("failures").map_err(internal)?, from_micros(row.try_get("last_at").map_err(internal)?))))
        .transpose()
}

/// The failures counted under a key, and when the last was.
pub async fn failures_in(tx: &mut Tx, key: &str) -> Result<Option<(i64, Time)>, Problem> {
    failures(sqlx::query(FAILURES).bind(key).fetch_optional(&mut **tx).await.map_err(internal)?)
}

/// Writes the failures counted under a key.
pub async fn set_failures(tx: &mut Tx, key: &str, failures: i64, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO login_failures (key, failures, first_at, last_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (key) DO UPDATE SET failures = $2, last_at = $3",
    )
    .bind(key)
    .bind(failures)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Forgets the failures under a key.
pub async fn forget_failures(tx: &mut Tx, key: &str) -> Result<(), Problem> {
    sqlx::query("DELETE FROM login_failures WHERE key = $1").bind(key).execute(&mut **tx).await.map_err(internal)?;
    Ok(())
}

/// The actor of a session's user as the user is now; none when disabled or gone.
pub fn actor_of(row: UserRow, signed_in_at: Time) -> Option<Actor> {
    (!row.disabled).then_some(Actor::User { person: row.person, signed_in_at })
}

/// Forgets sessions and failures that no longer matter, in bounded bites.
pub async fn prune(tx: &mut Tx, now: Time) -> Result<(), Problem> {
    sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(micros(now)).execute(&mut **tx).await.map_err(internal)?;
    let day = 24 * 3600 * 1_000_000;
    let day_ago = micros(now) - day;
    // A place where somebody signed in is remembered for a quarter, over holidays too.
    for (rows, before) in [("NOT LIKE", day_ago), ("LIKE", micros(now) - 92 * day)] {
        let sql = format!("DELETE FROM login_failures WHERE last_at < $1 AND key {rows} 'known:%'");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).execute(&mut **tx).await.map_err(internal)?;
    }
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1").bind(day_ago).execute(&mut **tx).await.map_err(internal)?;
    Ok(())
}
