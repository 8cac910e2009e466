//! The store: SQLite or PostgreSQL through one text a statement.
//!
//! The vocabulary that both understand: TEXT, BIGINT (times as microseconds, truth as 0/1),
//! bytes; `$1` placeholders; `ON CONFLICT … DO UPDATE … RETURNING`; row values for paging.
//! SQLite has one writer connection and `BEGIN IMMEDIATE`; PostgreSQL orders decisions by
//! the row in `decision_locks`. Queries live beside the use case that asks them, in
//! `store/`, as methods of [`Store`] (reads) and functions over [`Tx`] (writes).

pub mod approvals;
pub mod audit;
pub mod bookings;
pub mod builds;
pub mod canaries;
pub mod commits;
pub mod config;
pub mod decisions;
pub mod drafts;
pub mod environments;
pub mod exceptions;
pub mod follows;
pub mod happenings;
pub mod holds;
pub mod hooks;
pub mod images;
pub mod inbox;
pub mod intake;
pub mod leases;
pub mod notifications;
pub mod people;
pub mod plans;
pub mod ports;
pub mod preflight;
pub mod promotions;
pub mod proxy;
pub mod queue;
pub mod region_secrets;
pub mod regions;
pub mod rollouts;
pub mod runs;
pub mod secrets;
pub mod set_bookings;
pub mod sets;
pub mod snapshots;
pub mod stacks;
pub mod sweeps;

use crate::clock::{from_micros, micros};
use crate::ctx::Applied;
use app::view::Page;
use domain::problem::Noun;
use domain::{Problem, Time};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, Row, Transaction};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One unit of work. Dropping it undoes it.
pub type Tx = Transaction<'static, Any>;

/// Which database stands behind a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Handles to the database. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    read: AnyPool,
    write: AnyPool,
    backend: Backend,
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("SLIPWAY_DATABASE_URL must begin with sqlite: or postgres:")]
    Scheme,
    #[error("SQLite {found} is older than 3.51.3, which is the first without the WAL-reset bug")]
    OldSqlite { found: String },
    #[error("cannot make the folder {folder}: {source}")]
    Folder { folder: String, source: std::io::Error },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Store {
    /// Opens the database, makes it when it is a SQLite file that is not there, and brings
    /// its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], for the command line to print.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let backend = match url.split(':').next() {
            Some("sqlite") => Backend::Sqlite,
            Some("postgres" | "postgresql") => Backend::Postgres,
            _ => return Err(OpenError::Scheme),
        };
        let url = if backend == Backend::Sqlite { sqlite_url(url)? } else { url.to_owned() };
        let options = AnyConnectOptions::from_str(&url)?;
        let writers = if backend == Backend::Sqlite { 1 } else { 8 };
        let write = pool(backend, writers).connect_with(options.clone()).await?;
        if backend == Backend::Sqlite {
            require_safe_sqlite(&write).await?;
        }
        let migrator = match backend {
            Backend::Sqlite => sqlx::migrate!("../migrations/sqlite"),
            Backend::Postgres => sqlx::migrate!("../migrations/postgres"),
        };
        migrator.run(&write).await?;
        let read = pool(backend, 8).connect_with(options).await?;
        Ok(Self { read, write, backend })
    }

    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// For statements that only read.
    pub fn read(&self) -> &AnyPool {
        &self.read
    }

    /// Begins a unit of work that may read and then write. Once it is committed it is on disk. On SQLite it
    /// takes the write lock at once: a later upgrade would fail under load.
    ///
    /// # Errors
    /// [`Problem::Internal`] or [`Problem::Busy`] when no connection can be had.
    pub async fn begin(&self) -> Result<Tx, Problem> {
        let begun = match self.backend {
            Backend::Sqlite => self.write.begin_with("PRAGMA synchronous = FULL; BEGIN IMMEDIATE").await,
            Backend::Postgres => self.write.begin().await,
        };
        begun.map_err(internal)
    }

    /// Begins a unit of work that is done again, from what is on disk already, should the machine lose it: its
    /// commit waits for no flush. Whatever is committed after it is never on disk without it.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn begin_repeatable(&self) -> Result<Tx, Problem> {
        match self.backend {
            Backend::Sqlite => self.write.begin_with("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE").await.map_err(internal),
            Backend::Postgres => {
                let mut tx = self.begin().await?;
                sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await.map_err(internal)?;
                Ok(tx)
            }
        }
    }

    /// The name of this installation: `fresh`, when none was kept before.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn instance(&self, fresh: &str) -> Result<String, Problem> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO instance (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING")
            .bind(fresh)
            .execute(&mut *tx)
            .await
            .map_err(internal)?;
        let id = sqlx::query_scalar("SELECT id FROM instance").fetch_one(&mut *tx).await.map_err(internal)?;
        tx.commit().await.map_err(internal)?;
        Ok(id)
    }

    /// The version of the newest applied configuration; 0 when there is none.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn config_version(&self) -> Result<i64, Problem> {
        let version = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM configurations");
        version.fetch_one(&self.read).await.map_err(internal)
    }

    /// The newest applied configuration, or the empty one.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn newest_config(&self) -> Result<Applied, Problem> {
        let row = sqlx::query("SELECT version, body FROM configurations ORDER BY version DESC LIMIT 1")
            .fetch_optional(&self.read)
            .await
            .map_err(internal)?;
        let Some(row) = row else { return Ok(Applied::default()) };
        let body: String = row.try_get("body").map_err(internal)?;
        Ok(Applied { version: row.try_get("version").map_err(internal)?, config: serde_json::from_str(&body).map_err(internal)? })
    }

    /// Carries what stands in SQLite's log over into the file, so that no commit has to wait for that.
    /// Who writes meanwhile is not held up. Nothing on PostgreSQL, which does so by itself.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn carry_log_over(&self) -> Result<(), Problem> {
        if self.backend == Backend::Sqlite {
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&self.read).await.map_err(internal)?;
        }
        Ok(())
    }

    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

fn pool(backend: Backend, most: u32) -> AnyPoolOptions {
    let options = AnyPoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(10));
    if backend == Backend::Postgres {
        return options;
    }
    // A connection to a file does not break while it waits to be used.
    options.test_before_acquire(false).after_connect(|connection, _| {
        Box::pin(async move {
            for pragma in [
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                "PRAGMA busy_timeout = 5000",
                // The log is carried over by `carry_log_over`; a commit does it only when that is late.
                "PRAGMA wal_autocheckpoint = 8192",
            ] {
                sqlx::query(pragma).execute(&mut *connection).await?;
            }
            Ok(())
        })
    })
}

/// The file of a SQLite address; none for another database.
pub fn sqlite_path(url: &str) -> Option<String> {
    let path = url.strip_prefix("sqlite:")?.trim_start_matches("//");
    Some(path.split('?').next().unwrap_or(path).to_owned())
}

/// Adds `mode=rwc`, so that the file is made, and makes its folder.
fn sqlite_url(url: &str) -> Result<String, OpenError> {
    let file = sqlite_path(url).unwrap_or_default();
    if let Some(folder) = std::path::Path::new(&file).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder { folder: folder.display().to_string(), source })?;
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    Ok(if url.contains("mode=") { url.to_owned() } else { format!("{url}{joint}mode=rwc") })
}

async fn require_safe_sqlite(pool: &AnyPool) -> Result<(), OpenError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(pool).await?;
    if is_safe_sqlite(&found) { Ok(()) } else { Err(OpenError::OldSqlite { found }) }
}

/// 3.51.3 or newer. What is no version at all is not.
fn is_safe_sqlite(version: &str) -> bool {
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    parts.as_slice() >= [3, 51, 3].as_slice()
}

/// Makes decisions about one app wait for each other. Call it first in the transaction.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn lock_app(tx: &mut Tx, app: &str) -> Result<(), Problem> {
    lock(tx, app).await
}

/// Makes units of work that name the same thing wait for each other. What is no app begins
/// with a colon.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn lock(tx: &mut Tx, what: &str) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO decision_locks (app, turns) VALUES ($1, 1)
         ON CONFLICT (app) DO UPDATE SET turns = decision_locks.turns + 1",
    )
    .bind(what)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// The next small number of a series (`promotion`, `environment`).
///
/// # Errors
/// [`Problem::Internal`].
pub async fn next_number(tx: &mut Tx, series: &str) -> Result<i64, Problem> {
    sqlx::query_scalar(
        "INSERT INTO numbers (name, last) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET last = numbers.last + 1 RETURNING last",
    )
    .bind(series)
    .fetch_one(&mut **tx)
    .await
    .map_err(internal)
}

/// Logs the cause once, under a reference, and gives the reader only the reference.
pub fn internal(cause: impl std::fmt::Display) -> Problem {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let reference = format!("{:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    tracing::error!(reference, cause = %cause, "internal error");
    Problem::Internal { reference }
}

/// Whether a statement failed because a row with the same key is there already.
pub fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether a text can be an id at all. Anything else is not worth a question, and PostgreSQL
/// would refuse some of it (a zero byte) in its own words.
pub fn plausible(id: &str) -> bool {
    id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A thing that is not there; an id that somebody made up is cut to a readable length.
pub fn missing(what: Noun, id: &str) -> Problem {
    Problem::not_found(what, id.chars().take(64).collect::<String>())
}

/// A place in a list that is ordered by time and id, newest first; written `time-id` in URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub at: Time,
    pub id: String,
}

impl Cursor {
    /// Before everything: where the first page begins.
    pub fn start() -> Self {
        Self { at: from_micros(i64::MAX / 4), id: "~".to_owned() }
    }

    /// Reads what [`Cursor::text`] wrote.
    ///
    /// # Errors
    /// [`Problem::Invalid`] for anything else.
    pub fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Self::start()) };
        text.split_once('-')
            .and_then(|(at, id)| Some(Self { at: from_micros(at.parse().ok()?), id: id.to_owned() }))
            .filter(|cursor| plausible(&cursor.id))
            .ok_or_else(|| {
                let why = domain::problem::Fault::Unreadable { detail: "not a cursor that was given out".to_owned() };
                Problem::invalid("cursor", why)
            })
    }

    pub fn text(at: Time, id: &str) -> String {
        format!("{}-{id}", micros(at))
    }
}

/// One page of at most `size` rows, out of a list that was asked for one more.
pub fn page_of<T>(mut rows: Vec<T>, size: i64, cursor: impl Fn(&T) -> String) -> Page<T> {
    let size = usize::try_from(size).unwrap_or_default();
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(cursor);
    Page { items: rows, next }
}

/// `$first, $first+1, …`: the places of `count` values in a list.
pub fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// The number of rows a page asks for: 1 to 200, else 50.
pub fn page_size(limit: Option<u32>) -> i64 {
    i64::from(limit.unwrap_or(50).clamp(1, 200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_with_the_wal_reset_bug_is_refused() {
        for old in ["3.51.2", "3.51", "3.46.0", "3.7.0", "2.99.99", "", "new"] {
            assert!(!is_safe_sqlite(old), "{old}");
        }
        for good in ["3.51.3", "3.51.10", "3.52.0", "3.100.0", "4.0.0"] {
            assert!(is_safe_sqlite(good), "{good}");
        }
    }

    #[test]
    fn a_page_says_where_to_go_on_only_when_there_is_more() {
        let page = |rows: &[u8]| page_of(rows.to_vec(), 2, ToString::to_string);
        assert_eq!(page(&[1, 2, 3]), Page { items: vec![1, 2], next: Some("2".to_owned()) });
        assert_eq!(page(&[1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(page(&[]), Page { items: vec![], next: None });
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_written() {
        let at = from_micros(1_790_000_000_123_456);
        let text = Cursor::text(at, "0199aa");
        assert_eq!(Cursor::parse(Some(&text)), Ok(Cursor { at, id: "0199aa".to_owned() }));
        assert_eq!(Cursor::parse(Some("")), Ok(Cursor::start()));
    }
}
