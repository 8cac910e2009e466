//! The texts that stacks had.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::config::Config;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// One text of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackVersionRow {
    pub stack: String,
    pub version: i64,
    /// None when the stack was removed.
    pub compose: Option<String>,
    pub made_at: Time,
    pub made_by: String,
}

fn version(row: &AnyRow) -> Result<StackVersionRow, Problem> {
    Ok(StackVersionRow {
        stack: row.try_get("stack").map_err(internal)?,
        version: row.try_get("version").map_err(internal)?,
        compose: row.try_get("compose").map_err(internal)?,
        made_at: from_micros(row.try_get("made_at").map_err(internal)?),
        made_by: row.try_get("made_by").map_err(internal)?,
    })
}

/// The number of the newest text of a stack; 0 for one that has none yet.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn newest_version(tx: &mut Tx, stack: &str) -> Result<i64, Problem> {
    let row = sqlx::query("SELECT COALESCE(MAX(version), 0) AS version FROM stack_versions WHERE stack = $1")
        .bind(stack)
        .fetch_one(&mut **tx)
        .await
        .map_err(internal)?;
    row.try_get("version").map_err(internal)
}

async fn add(tx: &mut Tx, row: &StackVersionRow) -> Result<(), Problem> {
    sqlx::query("INSERT INTO stack_versions (stack, version, compose, made_at, made_by) VALUES ($1, $2, $3, $4, $5)")
        .bind(&row.stack)
        .bind(row.version)
        .bind(&row.compose)
        .bind(micros(row.made_at))
        .bind(&row.made_by)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Keeps what is different between two configurations. A text that was there before texts were
/// kept is kept now, as of the configuration that it was last seen in.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn keep_changes(tx: &mut Tx, old: (i64, &Config), new: &Config, at: Time, by: &str) -> Result<(), Problem> {
    let (old_version, old) = old;
    let names = old.stacks.iter().chain(new.stacks.iter().filter(|stack| old.stack(&stack.name).is_none()));
    for name in names.map(|stack| stack.name.as_str()) {
        let text = |config: &Config| config.stack(name).map(|stack| stack.compose.clone());
        let (before, after) = (text(old), text(new));
        if before == after {
            continue;
        }
        let mut version = newest_version(tx, name).await?;
        if let (0, Some(compose)) = (version, before) {
            let (made_at, made_by) = applied(tx, old_version).await?;
            version = 1;
            add(tx, &StackVersionRow { stack: name.to_owned(), version, compose: Some(compose), made_at, made_by }).await?;
        }
        let made_by = by.to_owned();
        add(tx, &StackVersionRow { stack: name.to_owned(), version: version + 1, compose: after, made_at: at, made_by }).await?;
    }
    Ok(())
}

/// When a configuration was applied, and by whom.
async fn applied(tx: &mut Tx, version: i64) -> Result<(Time, String), Problem> {
    let row = sqlx::query("SELECT applied_at, applied_by FROM configurations WHERE version = $1")
        .bind(version)
        .fetch_one(&mut **tx)
        .await
        .map_err(internal)?;
    Ok((from_micros(row.try_get("applied_at").map_err(internal)?), row.try_get("applied_by").map_err(internal)?))
}

impl Store {
    /// The newest text of every stack; at most 1000.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn newest_stack_versions(&self) -> Result<Vec<StackVersionRow>, Problem> {
        let rows = sqlx::query(
            "SELECT v.stack, v.version, v.compose, v.made_at, v.made_by FROM stack_versions v
             JOIN (SELECT stack, MAX(version) AS version FROM stack_versions GROUP BY stack) n
               ON n.stack = v.stack AND n.version = v.version
             ORDER BY v.stack LIMIT 1000",
        );
        rows.fetch_all(self.read()).await.map_err(internal)?.iter().map(version).collect()
    }

    /// The texts of one stack, newest first, from before `below` on.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn stack_versions(&self, stack: &str, below: Option<i64>, most: i64) -> Result<Vec<StackVersionRow>, Problem> {
        let rows = sqlx::query(
            "SELECT stack, version, compose, made_at, made_by FROM stack_versions
             WHERE stack = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
        );
        let rows = rows.bind(stack).bind(below.unwrap_or(i64::MAX)).bind(most).fetch_all(self.read()).await;
        rows.map_err(internal)?.iter().map(version).collect()
    }

    /// One text of a stack.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn stack_version(&self, stack: &str, number: i64) -> Result<Option<StackVersionRow>, Problem> {
        let row =
            sqlx::query("SELECT stack, version, compose, made_at, made_by FROM stack_versions WHERE stack = $1 AND version = $2");
        let row = row.bind(stack).bind(number).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(version).transpose()
    }
}
