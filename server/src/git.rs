//! Histories of the apps' repositories, read by `git` itself: the one program that Slipway starts.
//!
//! Each repository is kept as a bare clone of its commits alone (no files) beside the database.
//! A clone is made under another name and renamed when it is whole, so what stands there is whole.
//! The program gets an argument vector, an environment of its own and nothing of the machine's or
//! a user's configuration; it runs no hook, no helper, no filter and no transport but the one of
//! the address that the configuration names. Every call has a bound in time, output and disk.
//! Where a host speaks an API and there is a token for it, [`provider`] asks that first.

mod file;
mod log;
pub mod provider;
mod remote;
mod repo;
mod run;
pub mod ssh;
mod trusted;

pub use file::Found;
pub use remote::{Remote, Scheme};

use crate::trust::Trust;
use domain::commits::{Range, Trouble};
use secrecy::SecretString;
use sha2::Digest as _;
use std::collections::HashMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bounds of one kind of call.
const CLONE: Duration = Duration::from_secs(600);
const FETCH: Duration = Duration::from_secs(120);
const LOCAL: Duration = Duration::from_secs(10);
/// A repository's clone may take so much room.
const MOST_BYTES: u64 = 2 << 30;

/// Why a history could not be read. `said` is for the log: git's own words, on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{trouble:?}: {said}")]
pub struct GitError {
    pub trouble: Trouble,
    pub said: String,
}

impl GitError {
    pub fn new(trouble: Trouble, said: impl Into<String>) -> Self {
        Self { trouble, said: said.into() }
    }
}

/// What a host wants before it gives a repository out.
#[derive(Clone, Debug, Default)]
pub enum Access {
    #[default]
    Anyone,
    Password {
        user: String,
        password: SecretString,
    },
    Key {
        key: SecretString,
        known_hosts: String,
    },
}

/// How a host is spoken to: what it wants, where it was found, and whom it is believed by.
#[derive(Clone, Debug, Default)]
pub struct Way {
    pub access: Access,
    /// Its addresses, judged; git is told to use no others. None for what needs no look-up.
    pub addresses: Vec<IpAddr>,
    pub trust: Trust,
}

impl From<Access> for Way {
    fn from(access: Access) -> Self {
        Self { access, ..Self::default() }
    }
}

/// What is started, and within which bounds.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Where programs are looked for.
    pub path: OsString,
    /// This program: it stands in for ssh, see [`ssh`].
    pub own: PathBuf,
    /// A clone that grows beyond so many bytes is given up.
    pub most_bytes: u64,
}

impl Tools {
    /// Those of this machine.
    pub fn here() -> Self {
        Self {
            path: std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
            own: std::env::current_exe().unwrap_or_default(),
            most_bytes: MOST_BYTES,
        }
    }
}

type Turns = Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>;

/// All clones of this installation. Cloning the handle is cheap.
#[derive(Clone)]
pub struct Git {
    folder: Arc<Path>,
    tools: Arc<Tools>,
    turns: Turns,
}

impl Git {
    /// Clones are kept in `folder`, which is made when the first one is.
    pub fn new(folder: &Path, tools: Tools) -> Self {
        let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { folder: whole.into(), tools: Arc::new(tools), turns: Turns::default() }
    }

    /// What stands between two commits of a repository. What is not there yet is fetched; one
    /// call at a time works on a repository.
    ///
    /// # Errors
    /// [`GitError`]; a commit that the repository does not have is none.
    pub async fn range(&self, remote: &Remote, way: &Way, base: &str, head: &str) -> Result<Range, GitError> {
        let name = name_of(remote);
        let turn = self.turn(&name);
        let _turn = turn.lock().await;
        repo::Repo { git: self, name: &name, remote, way }.range(base, head).await
    }

    /// One file as it was at a commit, if it has no more than `most` bytes.
    ///
    /// # Errors
    /// [`GitError`]; what is not there, or is no plain file, is none.
    pub async fn file(&self, remote: &Remote, way: &Way, commit: &str, path: &str, most: usize) -> Result<Found, GitError> {
        let name = name_of(remote);
        let turn = self.turn(&name);
        let _turn = turn.lock().await;
        repo::Repo { git: self, name: &name, remote, way }.file(commit, path, most).await
    }

    /// Removes clones of addresses that are no longer among these.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn keep_only(&self, remotes: &[Remote]) -> std::io::Result<()> {
        let kept: Vec<String> = remotes.iter().map(name_of).collect();
        let mut entries = match tokio::fs::read_dir(&self.folder).await {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(cause),
        };
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = name.split('.').next().unwrap_or_default().to_owned();
            // Only what this module made: nothing else is ours to remove.
            let ours = of.len() == 64 && of.bytes().all(|b| b.is_ascii_hexdigit());
            if ours && !kept.contains(&of) {
                let turn = self.turn(&of);
                let _turn = turn.lock().await;
                tokio::fs::remove_dir_all(entry.path()).await?;
                self.turns.lock().unwrap_or_else(PoisonError::into_inner).remove(&of);
            }
        }
        Ok(())
    }

    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }
}

/// The folder of a repository: nothing of an address can be a path.
fn name_of(remote: &Remote) -> String {
    hex::encode(sha2::Sha256::digest(remote.address().as_bytes()))
}
