//! Files beside verdicts, on the disk: a folder of this installation's, outside of all that is
//! served by name. Each file is named by the hash of its content, so no name that somebody gave
//! ever becomes a path, and the same screenshot twice is one file.

use crate::store::internal;
use domain::Problem;
use sha2::Digest as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that bring files are held in memory while they are read: so many at once.
const AT_ONCE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder, and the turns of those who bring files. Cloning is cheap.
#[derive(Clone)]
pub struct EvidenceFiles {
    folder: Arc<Path>,
    turns: Arc<Semaphore>,
}

impl EvidenceFiles {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: folder.into(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The folder of an installation with this database.
    pub fn folder_of(database_url: &str) -> PathBuf {
        crate::secrets::data_folder(database_url).join("evidence")
    }

    /// A turn to bring files.
    ///
    /// # Errors
    /// [`Problem::Busy`] when others take too long.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(Problem::Busy)
    }

    /// Keeps a file: when this returns, it is on the disk, whole. Gives its hash.
    ///
    /// # Errors
    /// [`Problem::Internal`] when the disk refuses.
    pub async fn put(&self, bytes: Vec<u8>) -> Result<String, Problem> {
        let folder = self.folder.clone();
        let kept = tokio::task::spawn_blocking(move || keep(&folder, &bytes)).await;
        kept.map_err(internal)?.map_err(internal)
    }

    /// The bytes of a file; none when somebody removed it from the folder.
    ///
    /// # Errors
    /// [`Problem::Internal`] when it cannot be read, or is not what it was.
    pub async fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, Problem> {
        let Some(path) = path(&self.folder, hash) else { return Ok(None) };
        let bytes = match tokio::fs::read(path).await {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(internal(cause)),
        };
        if hash_of(&bytes) != hash {
            return Err(internal("an evidence file is not what it was"));
        }
        Ok(Some(bytes))
    }
}

/// Copies every file of one folder into another, and says how many there are. What is there already
/// under the same hash is left as it is.
///
/// # Errors
/// What the disk refuses; a folder that is not there has no files.
pub fn copy_all(from: &Path, to: &Path) -> std::io::Result<u64> {
    let mut count = 0;
    if !from.is_dir() {
        return Ok(count);
    }
    for shelf in std::fs::read_dir(from)? {
        let shelf = shelf?.path();
        if !shelf.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shelf)? {
            let file = file?;
            // What was being written is no file yet.
            if file.file_name().to_str().is_some_and(|name| path(to, name).is_some()) {
                keep(to, &std::fs::read(file.path())?)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

fn hash_of(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// Where a file is; none for what is no hash.
fn path(folder: &Path, hash: &str) -> Option<PathBuf> {
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let shelf = hash.get(..2).filter(|_| is_hash)?;
    Some(folder.join(shelf).join(hash))
}

/// Written beside, flushed and renamed, so that under a hash there is the whole file or none.
fn keep(folder: &Path, bytes: &[u8]) -> std::io::Result<String> {
    let hash = hash_of(bytes);
    let path = path(folder, &hash).ok_or(std::io::ErrorKind::InvalidInput)?;
    let shelf = path.parent().unwrap_or(folder);
    if std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
        return Ok(hash);
    }
    std::fs::create_dir_all(shelf)?;
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let beside = shelf.join(format!("{hash}.{}-{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let written = write_whole(&beside, bytes).and_then(|()| std::fs::rename(&beside, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    for folder in [shelf, folder] {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(hash)
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    // What a killed process left under this name is overwritten.
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_folder_has_every_whole_file_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("slipway-evidence-copied-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        assert_eq!(copy_all(&from, &to).expect("nothing to copy"), 0);
        let hash = keep(&from, b"a log").expect("kept");
        std::fs::write(from.join(&hash[..2]).join(format!("{hash}.1-1.new")), "half").expect("left by a crash");
        std::fs::write(from.join("note.txt"), "not ours").expect("left by somebody");
        assert_eq!(copy_all(&from, &to).expect("copied"), 1);
        assert_eq!(copy_all(&from, &to).expect("copied again"), 1);
        let shelf = to.join(&hash[..2]);
        assert_eq!(std::fs::read(shelf.join(&hash)).expect("it is there"), b"a log");
        assert_eq!(std::fs::read_dir(shelf).expect("a shelf").count(), 1);
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[tokio::test]
    async fn a_file_is_kept_once_under_its_hash_and_read_back_as_it_was() {
        let folder = std::env::temp_dir().join(format!("slipway-evidence-{}", std::process::id()));
        let files = EvidenceFiles::new(folder.clone());
        let hash = files.put(b"a log".to_vec()).await.expect("kept");
        assert_eq!(files.put(b"a log".to_vec()).await.expect("kept"), hash);
        assert_eq!(files.get(&hash).await.expect("read"), Some(b"a log".to_vec()));
        let shelf = folder.join(&hash[..2]);
        assert_eq!(std::fs::read_dir(&shelf).expect("a shelf").count(), 1, "nothing is left beside it");
        std::fs::write(shelf.join(&hash), "other").expect("tampered with");
        assert!(files.get(&hash).await.is_err(), "what is not what it was is not given out");
        for name in ["../../etc/passwd", "", "AA", &hash.to_uppercase(), &"é".repeat(32)] {
            assert_eq!(files.get(name).await.expect("looked"), None, "{name}");
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
