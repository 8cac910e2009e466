//! One repository's clone: made, kept up to date, and asked.

use super::remote::Remote;
use super::run::{Call, Ran, size_of};
use super::{CLONE, FETCH, Git, GitError, LOCAL, Way, log};
use domain::commits::{Commit, End, Range, Relation, Trouble, is_whole};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of one answer.
const MOST_ANSWER: usize = 64 << 10;
/// Bytes of a log of 100 commits; subjects beyond it are not read.
const MOST_LOG: usize = 4 << 20;
/// Objects that an abbreviated name may mean; more is no name.
const MOST_MEANT: usize = 20;
/// Each fetch adds a pack; a clone of many is slow and is made anew.
const MOST_PACKS: usize = 300;

/// A repository in its turn.
pub struct Repo<'a> {
    pub git: &'a Git,
    pub name: &'a str,
    pub remote: &'a Remote,
    pub way: &'a Way,
}

/// Whether the clone is usable.
enum Asked<T> {
    Answer(T),
    /// Git finds the clone itself broken.
    Broken(String),
}

impl Repo<'_> {
    /// What stands between two commits.
    pub async fn range(&self, base: &str, head: &str) -> Result<Range, GitError> {
        let mut fresh = self.ready().await?;
        loop {
            match self.try_range(base, head, fresh).await? {
                Asked::Answer(range) => return Ok(range),
                Asked::Broken(said) if fresh => return Err(GitError::new(Trouble::Unreadable, said)),
                Asked::Broken(said) => {
                    tracing::warn!(repository = %self.remote.path(), %said, "a clone is broken and is made again");
                    self.clone_anew().await?;
                    fresh = true;
                }
            }
        }
    }

    async fn try_range(&self, base: &str, head: &str, fresh: bool) -> Result<Asked<Range>, GitError> {
        let (mut from, mut to) = (self.find(base).await?, self.find(head).await?);
        if (from.is_none() || to.is_none()) && !fresh {
            if let Asked::Broken(said) = self.fetch().await? {
                return Ok(Asked::Broken(said));
            }
            (from, to) = (self.find(base).await?, self.find(head).await?);
        }
        // What no branch has any more may still be given out by name.
        for (found, wanted) in [(&mut from, base), (&mut to, head)] {
            if found.is_none() && is_whole(wanted) {
                self.fetch_commit(wanted).await?;
                *found = self.find(wanted).await?;
            }
        }
        match (from, to) {
            (Some(from), Some(to)) => self.between(&from, &to).await,
            (from, to) => {
                let which = match (from, to) {
                    (None, None) => End::Both,
                    (None, _) => End::Base,
                    _ => End::Head,
                };
                Ok(Asked::Answer(Range::bare(Relation::Missing { which })))
            }
        }
    }

    /// Two commits that are there.
    async fn between(&self, from: &str, to: &str) -> Result<Asked<Range>, GitError> {
        if from == to {
            return Ok(Asked::Answer(Range::bare(Relation::Same)));
        }
        let common = self.local(&["merge-base", "--end-of-options", from, to], MOST_ANSWER).await?;
        match common.code {
            0 => {}
            1 => return Ok(Asked::Answer(Range::bare(Relation::Unrelated))),
            _ => return Ok(Asked::Broken(common.said)),
        }
        let both = format!("{from}...{to}");
        let counted = self.local(&["rev-list", "--count", "--left-right", "--end-of-options", &both], MOST_ANSWER).await?;
        let text = counted.text();
        let counts = text.split_once('\t').and_then(|(behind, ahead)| Some((behind.parse().ok()?, ahead.parse().ok()?)));
        let Some((behind, ahead)) = counts.filter(|_| counted.code == 0) else { return Ok(Asked::Broken(counted.said)) };
        let (news, olds) = (self.log(from, to, ahead).await?, self.log(to, from, behind).await?);
        match (news, olds) {
            (Asked::Answer(news), Asked::Answer(olds)) => Ok(Asked::Answer(Range::between(news, ahead, olds, behind))),
            (Asked::Broken(said), _) | (_, Asked::Broken(said)) => Ok(Asked::Broken(said)),
        }
    }

    /// The newest commits of `to` that `from` does not have.
    async fn log(&self, from: &str, to: &str, total: u32) -> Result<Asked<Vec<Commit>>, GitError> {
        if total == 0 {
            return Ok(Asked::Answer(Vec::new()));
        }
        let span = format!("{from}..{to}");
        let args = ["log", "-z", "--max-count=100", "--no-mailmap", "--no-color", log::FORMAT, "--end-of-options", &span, "--"];
        let ran = self.local(&args, MOST_LOG).await?;
        let commits = log::read(&ran.out);
        // A subject without an end closes the pipe on git; what was read of it counts.
        let cut = ran.out.len() >= MOST_LOG;
        Ok(if ran.code == 0 || cut { Asked::Answer(commits) } else { Asked::Broken(ran.said) })
    }

    /// The whole name of a commit, if the clone has it. Names are looked for among objects only:
    /// a branch whose name looks like a commit's is none.
    async fn find(&self, revision: &str) -> Result<Option<String>, GitError> {
        let meant = format!("--disambiguate={}", revision.to_ascii_lowercase());
        let ran = self.local(&["rev-parse", &meant], MOST_ANSWER).await?;
        let text = ran.text();
        let names: Vec<&str> = text.lines().filter(|name| is_whole(name)).take(MOST_MEANT + 1).collect();
        if names.len() > MOST_MEANT {
            return Ok(None);
        }
        let mut found = None;
        for name in names {
            let kind = self.local(&["cat-file", "-t", name], MOST_ANSWER).await?;
            if kind.code == 0 && kind.text() == "commit" && found.replace(name.to_owned()).is_some() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    /// The whole name of a commit, looked for at home when the clone does not have it.
    pub(super) async fn found(&self, commit: &str) -> Result<Option<String>, GitError> {
        let fresh = self.ready().await?;
        let mut found = self.find(commit).await?;
        if found.is_none() && !fresh {
            if let Asked::Broken(said) = self.fetch().await? {
                tracing::warn!(repository = %self.remote.path(), %said, "a clone is broken and is made again");
                self.clone_anew().await?;
            }
            found = self.find(commit).await?;
        }
        // What no branch has any more may still be given out by name.
        if found.is_none() && is_whole(commit) {
            self.fetch_commit(commit).await?;
            found = self.find(commit).await?;
        }
        Ok(found)
    }

    // ---- Keeping ---------------------------------------------------------------------------

    pub(super) fn folder(&self) -> PathBuf {
        self.git.folder.join(self.name)
    }

    /// Makes the clone when there is none, or none that is worth keeping; true when it was made
    /// just now.
    async fn ready(&self) -> Result<bool, GitError> {
        let folder = self.folder();
        let packs = std::fs::read_dir(folder.join("objects/pack")).map_or(0, |entries| entries.take(3 * MOST_PACKS).count());
        if folder.join("HEAD").is_file() && packs < 3 * MOST_PACKS {
            return Ok(false);
        }
        self.clone_anew().await?;
        Ok(true)
    }

    /// Clones under another name, and puts the clone in its place once it is whole.
    async fn clone_anew(&self) -> Result<(), GitError> {
        let (folder, part) = (self.folder(), self.git.folder.join(format!("{}.part", self.name)));
        let failed = |cause: std::io::Error| GitError::new(Trouble::Unreadable, format!("the clone's folder: {}", cause.kind()));
        tokio::fs::create_dir_all(&*self.git.folder).await.map_err(failed)?;
        remove(&part).await.map_err(failed)?;
        let into = part.to_string_lossy().into_owned();
        let args = [
            "clone",
            "--bare",
            "--quiet",
            "--no-hardlinks",
            "--template=",
            "--filter=tree:0",
            "--origin=origin",
            "--",
            self.remote.address(),
            &into,
        ];
        let cloned = self.outside(&args, CLONE, &part).await;
        let cloned = cloned.and_then(|ran| if ran.code == 0 { Ok(()) } else { Err(ran.away()) });
        if let Err(problem) = cloned.and_then(|()| self.within_bound(&part)) {
            let _ = remove(&part).await;
            return Err(problem);
        }
        remove(&folder).await.map_err(failed)?;
        tokio::fs::rename(&part, &folder).await.map_err(failed)
    }

    /// Takes in every branch and tag as they are there now; commits that no branch has any more
    /// are kept.
    async fn fetch(&self) -> Result<Asked<()>, GitError> {
        let ran = self.fetch_with(&["--prune", "origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]).await?;
        let broken = ["not a git repository", "corrupt", "bad object", "unable to read", "did not receive expected object"];
        match ran.code {
            0 => Ok(Asked::Answer(())),
            _ if broken.iter().any(|word| ran.said.contains(word)) => Ok(Asked::Broken(ran.said)),
            _ => Err(ran.away()),
        }
    }

    /// Asks for one commit by its whole name; that a host does not give it out is no failure.
    async fn fetch_commit(&self, hash: &str) -> Result<(), GitError> {
        self.fetch_with(&["--no-tags", "origin", hash]).await.map(|_| ())
    }

    async fn fetch_with(&self, what: &[&str]) -> Result<Ran, GitError> {
        let folder = self.folder();
        self.clear_locks().await;
        let place = format!("--git-dir={}", folder.display());
        let mut args = vec![place.as_str(), "fetch", "--quiet", "--force", "--filter=tree:0", "--no-recurse-submodules"];
        args.extend(["--no-auto-maintenance", "--no-write-fetch-head", "--end-of-options"]);
        // Options stand before the mark; what comes after it is a name.
        let options = what.iter().filter(|word| word.starts_with("--")).copied();
        args.splice(args.len() - 1..args.len() - 1, options);
        args.extend(what.iter().filter(|word| !word.starts_with("--")));
        let ran = self.outside(&args, FETCH, &folder).await;
        if matches!(&ran, Err(problem) if problem.trouble == Trouble::TooBig) {
            // Half a pack would keep the folder over its bound for ever.
            remove(&folder).await.ok();
        }
        ran
    }

    /// Locks that a killed git left: this call is the only one on the repository.
    async fn clear_locks(&self) {
        for name in ["packed-refs.lock", "config.lock", "HEAD.lock", "shallow.lock", "FETCH_HEAD.lock"] {
            let _ = tokio::fs::remove_file(self.folder().join(name)).await;
        }
        let packs = self.folder().join("objects/pack");
        for entry in std::fs::read_dir(packs).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("tmp_") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn within_bound(&self, folder: &Path) -> Result<(), GitError> {
        let most = self.git.tools.most_bytes;
        if size_of(folder) <= most { Ok(()) } else { Err(GitError::new(Trouble::TooBig, format!("more than {most} bytes"))) }
    }

    async fn local(&self, args: &[&str], most_output: usize) -> Result<Ran, GitError> {
        let place = format!("--git-dir={}", self.folder().display());
        let args: Vec<&str> = std::iter::once(place.as_str()).chain(args.iter().copied()).collect();
        self.git.run(&Call { args: &args, limit: LOCAL, most_output, watched: None, outside: None }).await
    }

    async fn outside(&self, args: &[&str], limit: Duration, watched: &Path) -> Result<Ran, GitError> {
        let outside = Some((self.remote, self.way));
        self.git.run(&Call { args, limit, most_output: MOST_ANSWER, watched: Some(watched), outside }).await
    }
}

async fn remove(folder: &Path) -> std::io::Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}
