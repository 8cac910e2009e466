//! One file of a repository as it was at a commit. The clone has no files: what is asked for is
//! fetched by name, the folders on the way to it and the file itself, and nothing else.

use super::repo::Repo;
use super::run::{Call, Ran};
use super::{FETCH, GitError};
use domain::commits::Trouble;
use domain::config::valid_file;

/// Bytes of the answer that names one file.
const MOST_ENTRY: usize = 4 << 10;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    File(Vec<u8>),
    /// The commit is not there, or has nothing of this name.
    Nothing,
    /// A folder, a link, another repository: what a link leads to is never read.
    NoFile,
    TooBig,
}

impl Repo<'_> {
    /// The file at `path`, if it has no more than `most` bytes.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn file(&self, commit: &str, path: &str, most: usize) -> Result<Found, GitError> {
        if !valid_file(path) {
            return Ok(Found::Nothing);
        }
        let Some(commit) = self.found(commit).await? else { return Ok(Found::Nothing) };
        let listed = self.lazily(&["ls-tree", "-z", &commit, "--", path], MOST_ENTRY).await?;
        if listed.code != 0 {
            return Err(listed.away());
        }
        let text = listed.text();
        let Some((about, _)) = text.split_once('\t') else { return Ok(Found::Nothing) };
        let mut words = about.split(' ');
        let (mode, kind, hash) = (words.next(), words.next(), words.next().unwrap_or_default());
        if !matches!(mode, Some("100644" | "100755")) || kind != Some("blob") || !domain::commits::is_whole(hash) {
            return Ok(Found::NoFile);
        }
        let read = self.lazily(&["cat-file", "blob", hash], most + 1).await?;
        match read.out.len() > most {
            true => Ok(Found::TooBig),
            false if read.code != 0 => Err(read.away()),
            false => Ok(Found::File(read.out)),
        }
    }

    /// A call that may fetch the objects that it names.
    async fn lazily(&self, args: &[&str], most_output: usize) -> Result<Ran, GitError> {
        let folder = self.folder();
        let place = format!("--git-dir={}", folder.display());
        let args: Vec<&str> = std::iter::once(place.as_str()).chain(args.iter().copied()).collect();
        let outside = Some((self.remote, self.way));
        let ran = self.git.run(&Call { args: &args, limit: FETCH, most_output, watched: Some(&folder), outside }).await;
        if matches!(&ran, Err(problem) if problem.trouble == Trouble::TooBig) {
            // Over its bound it would stay there for ever.
            let _ = tokio::fs::remove_dir_all(&folder).await;
        }
        ran
    }
}
