//! Hooks and their secrets.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, is_taken};
use app::view::HookView;
use domain::id::HookId;
use domain::problem::Noun;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A hook in use, as found by its key.
#[derive(Clone, Debug)]
pub struct HookRow {
    pub id: HookId,
    pub name: String,
    pub source: String,
    /// The registry that its sender means, where the sender does not say it.
    pub registry: Option<String>,
}

/// A secret's id and what is sealed of it.
pub type SealedSecret = (String, Vec<u8>);

/// One, or two while it is rotated.
const MOST_SECRETS: i64 = 2;

/// A hook in use reads these columns.
pub const HOOK: &str = "h.id AS hook_id, h.name AS hook_name, h.source, h.registry";

const VIEW: &str = "SELECT h.id, h.name, h.source, h.registry, h.created_at, h.revoked_at,
           (SELECT MAX(d.received_at) FROM deliveries d WHERE d.hook_id = h.id) AS last_at,
           (SELECT MAX(d.received_at) FROM deliveries d WHERE d.hook_id = h.id AND d.state IN ('stored', 'done', 'ignored')) AS good_at,
           (SELECT COUNT(*) FROM hook_secrets s WHERE s.hook_id = h.id AND (s.expires_at IS NULL OR s.expires_at > $1)) AS secrets,
           (SELECT MAX(s.expires_at) FROM hook_secrets s WHERE s.hook_id = h.id AND s.expires_at > $1) AS old_until
    FROM hooks h";

impl Store {
    /// At most 500 hooks, the revoked ones last.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hooks(&self, now: Time) -> Result<Vec<HookView>, Problem> {
        let sql = format!("{VIEW} ORDER BY CASE WHEN h.revoked_at IS NULL THEN 0 ELSE 1 END, h.name LIMIT 500");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(now)).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(hook_view).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// A hook, revoked or not, with its sealed key.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hook(&self, id: &HookId, now: Time) -> Result<Option<(HookView, Option<Vec<u8>>)>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} WHERE h.id = $2"));
        let row = sqlx::query(sql).bind(micros(now)).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        let Some(row) = row else { return Ok(None) };
        let key = sqlx::query_scalar("SELECT sealed_key FROM hooks WHERE id = $1").bind(id.as_str());
        let key: Option<Vec<u8>> = key.fetch_one(self.read()).await.map_err(internal)?;
        Ok(Some((hook_view(&row).map_err(internal)?, key)))
    }

    /// The hook whose key has this hash, if it was not put out of use.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hook_by_key(&self, hash: &str) -> Result<Option<HookRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {HOOK} FROM hooks h WHERE h.key_hash = $1 AND h.revoked_at IS NULL"));
        let row = sqlx::query(sql).bind(hash).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(hook).transpose().map_err(internal)
    }

    /// The sealed secrets of a hook that are in force, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hook_secrets(&self, hook: &HookId, now: Time) -> Result<Vec<SealedSecret>, Problem> {
        let query = sqlx::query(
            "SELECT id, sealed FROM hook_secrets WHERE (expires_at IS NULL OR expires_at > $1) AND hook_id = $2
             ORDER BY created_at DESC, id DESC LIMIT $3",
        );
        let query = query.bind(micros(now)).bind(hook.as_str()).bind(MOST_SECRETS);
        let rows = query.fetch_all(self.read()).await.map_err(internal)?;
        let one = |row: &AnyRow| Ok((row.try_get("id")?, row.try_get("sealed")?));
        rows.iter().map(one).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }
}

fn hook_view(row: &AnyRow) -> Result<HookView, sqlx::Error> {
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros));
    let source: String = row.try_get("source")?;
    Ok(HookView {
        id: row.try_get::<String, _>("id")?.into(),
        name: row.try_get("name")?,
        source_title: crate::intake::source(&source).map_or_else(|_| source.clone(), |known| known.title().to_owned()),
        source,
        registry: row.try_get("registry")?,
        created_at: from_micros(row.try_get("created_at")?),
        last_delivery_at: time("last_at")?,
        last_success_at: time("good_at")?,
        revoked_at: time("revoked_at")?,
        secrets: row.try_get("secrets")?,
        old_secret_until: time("old_until")?,
    })
}

/// Reads [`HOOK`].
///
/// # Errors
/// When a column is missing.
pub fn hook(row: &AnyRow) -> Result<HookRow, sqlx::Error> {
    Ok(HookRow {
        id: row.try_get::<String, _>("hook_id")?.into(),
        name: row.try_get("hook_name")?,
        source: row.try_get("source")?,
        registry: row.try_get("registry")?,
    })
}

/// Adds a hook.
///
/// # Errors
/// [`Problem::Exists`] when the name is taken.
pub async fn insert_hook(tx: &mut Tx, hook: &HookRow, key_hash: &str, sealed_key: &[u8], now: Time) -> Result<(), Problem> {
    let added = sqlx::query(
        "INSERT INTO hooks (id, name, source, key_hash, created_at, registry, sealed_key) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(hook.id.as_str())
    .bind(hook.name.as_str())
    .bind(hook.source.as_str())
    .bind(key_hash)
    .bind(micros(now))
    .bind(hook.registry.as_deref())
    .bind(sealed_key)
    .execute(&mut **tx)
    .await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(Problem::Exists { what: Noun::Hook, name: hook.name.clone() }),
        Err(error) => Err(internal(error)),
    }
}

/// Gives a hook a new secret. The one before is taken until `old_until`, any older one no longer.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn add_secret(tx: &mut Tx, hook: &HookId, id: &str, sealed: &[u8], now: Time, old_until: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE hook_secrets SET expires_at = $1 WHERE hook_id = $2 AND expires_at IS NOT NULL AND expires_at > $1")
        .bind(micros(now))
        .bind(hook.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    sqlx::query("UPDATE hook_secrets SET expires_at = $1 WHERE hook_id = $2 AND expires_at IS NULL")
        .bind(micros(old_until))
        .bind(hook.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    sqlx::query("INSERT INTO hook_secrets (id, hook_id, sealed, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(hook.as_str())
        .bind(sealed)
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Puts a hook out of use and gives back its name; none when there is none in use.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn revoke_hook(tx: &mut Tx, id: &HookId, now: Time) -> Result<Option<String>, Problem> {
    sqlx::query_scalar("UPDATE hooks SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL RETURNING name")
        .bind(micros(now))
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(internal)
}
