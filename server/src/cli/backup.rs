//! `slipway backup` and `slipway restore`: one consistent SQLite file, out and in, and beside it a
//! folder with the files of verdicts, where there are any.

use crate::evidence::{EvidenceFiles, copy_all};
use crate::store::sqlite_path;
use sqlx::any::AnyPoolOptions;
use std::path::{Path, PathBuf};

/// Why a copy was not made or not taken back. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "this database is PostgreSQL: use pg_dump and pg_restore, which make consistent copies of it, and copy the folder {0} too"
    )]
    Postgres(PathBuf),
    #[error("there is no database at {0}")]
    NoDatabase(PathBuf),
    #[error("{0} exists already; choose another name")]
    Exists(PathBuf),
    #[error("{0} is not a whole copy of a Slipway database")]
    NotACopy(PathBuf),
    #[error("{0} holds a database; stop the server and use --force to replace it")]
    NotEmpty(PathBuf),
    #[error("a server is using {0}; stop it first")]
    InUse(PathBuf),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the copy could not be made: {0}")]
    Database(#[from] sqlx::Error),
}

/// Writes a consistent copy to `file`, also while a server writes.
pub async fn backup(database_url: &str, file: &Path) -> Result<String, BackupError> {
    let database = database(database_url)?;
    if !database.exists() {
        return Err(BackupError::NoDatabase(database));
    }
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    sqlx::any::install_default_drivers();
    let pool = AnyPoolOptions::new().max_connections(1).connect(&format!("sqlite://{}?mode=ro", database.display())).await?;
    sqlx::query("VACUUM INTO $1").bind(file.to_string_lossy().into_owned()).execute(&pool).await?;
    pool.close().await;
    let size = std::fs::metadata(file).map_err(|source| failed(file, source))?.len();
    // After the database: each file was on the disk before its row was written.
    let beside = evidence_beside(file);
    let count = copy_all(&EvidenceFiles::folder_of(database_url), &beside).map_err(|source| failed(&beside, source))?;
    let evidence = if count == 0 { String::new() } else { format!("; {count} evidence files in {}", beside.display()) };
    Ok(format!("{} written, {size} bytes{evidence}", file.display()))
}

/// Puts the copy in the database's place. A database with users is replaced only with `force`,
/// and is kept beside the new one.
pub async fn restore(database_url: &str, file: &Path, force: bool) -> Result<String, BackupError> {
    let database = database(database_url)?;
    verify(file).await?;
    let lock_path = database.with_extension("lock");
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    }
    let lock = std::fs::File::options().create(true).write(true).truncate(false).open(&lock_path);
    let lock = lock.map_err(|source| failed(&lock_path, source))?;
    lock.try_lock().map_err(|_| BackupError::InUse(database.clone()))?;
    let mut kept = String::new();
    if database.exists() {
        if !force && holds_something(&database).await {
            return Err(BackupError::NotEmpty(database));
        }
        let old = database.with_extension("db.replaced");
        settle(&database).await?;
        std::fs::rename(&database, &old).map_err(|source| failed(&old, source))?;
        kept = format!("; the old one is {}", old.display());
    }
    for ending in ["db-wal", "db-shm"] {
        let _ = std::fs::remove_file(database.with_extension(ending));
    }
    // Copied beside and renamed, so that there is never half a database in the place.
    let beside = database.with_extension("db.restoring");
    std::fs::copy(file, &beside).map_err(|source| failed(&beside, source))?;
    // Files that the old database knew stay; one that is there already is the same.
    let evidence = evidence_beside(file);
    copy_all(&evidence, &EvidenceFiles::folder_of(database_url)).map_err(|source| failed(&evidence, source))?;
    std::fs::rename(&beside, &database).map_err(|source| failed(&database, source))?;
    Ok(format!("{} is in place{kept}", database.display()))
}

/// The folder beside a copy: `slipway.backup` has `slipway.backup.evidence`.
fn evidence_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".evidence");
    PathBuf::from(name)
}

fn database(url: &str) -> Result<PathBuf, BackupError> {
    sqlite_path(url).map(PathBuf::from).ok_or_else(|| BackupError::Postgres(EvidenceFiles::folder_of(url)))
}

fn failed(path: &Path, source: std::io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), source }
}

/// Whether `file` is a sound SQLite database with our tables.
async fn verify(file: &Path) -> Result<(), BackupError> {
    let bad = || BackupError::NotACopy(file.to_owned());
    if !file.is_file() {
        return Err(bad());
    }
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=ro", file.display());
    let pool = AnyPoolOptions::new().max_connections(1).connect(&url).await.map_err(|_| bad())?;
    let sound: Result<String, _> = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&pool).await;
    let ours: Result<i64, _> = sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&pool).await;
    pool.close().await;
    if sound.is_ok_and(|word| word == "ok") && ours.is_ok() { Ok(()) } else { Err(bad()) }
}

/// A database that cannot be read counts as something.
async fn holds_something(database: &Path) -> bool {
    let url = format!("sqlite://{}?mode=ro", database.display());
    let Ok(pool) = AnyPoolOptions::new().max_connections(1).connect(&url).await else { return true };
    let mut empty = true;
    for table in ["users", "configurations", "builds", "hooks"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let rows: Result<i64, _> = sqlx::query_scalar(sql).fetch_one(&pool).await;
        empty &= rows.is_ok_and(|rows| rows == 0);
    }
    pool.close().await;
    !empty
}

/// Folds the write-ahead log into the file, so that what is set aside is whole.
async fn settle(database: &Path) -> Result<(), BackupError> {
    let url = format!("sqlite://{}?mode=rw", database.display());
    if let Ok(pool) = AnyPoolOptions::new().max_connections(1).connect(&url).await {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&pool).await?;
        pool.close().await;
    }
    Ok(())
}
