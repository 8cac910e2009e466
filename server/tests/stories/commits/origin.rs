//! A repository that git itself makes for one story, and the clones of it.
#![expect(clippy::disallowed_methods, reason = "the stories make their repositories with git itself")]

use server::git::{Access, Git, GitError, Remote, Tools};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A bare repository in a folder that goes away with it.
pub struct Origin {
    folder: PathBuf,
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Origin {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("slipway-origin-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let origin = Self { folder: std::env::temp_dir().join(name) };
        std::fs::create_dir_all(&origin.folder).expect("a folder");
        origin.git(&["init", "--quiet", "--bare", "--initial-branch=main", "--template=", "."], b"");
        origin.git(&["config", "uploadpack.allowFilter", "true"], b"");
        origin
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    pub fn remote(&self) -> Remote {
        Remote::parse(&self.url()).expect("an address")
    }

    /// A folder of this story, beside the repository's own.
    pub fn beside(&self, name: &str) -> PathBuf {
        let folder = self.folder.join("beside").join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Where the clones of this story are kept.
    pub fn clones(&self) -> PathBuf {
        self.beside("clones")
    }

    pub fn clone_of(&self) -> Git {
        Git::new(&self.clones(), Tools::here())
    }

    /// Runs git in the repository and gives back what it prints.
    pub fn git(&self, args: &[&str], input: &[u8]) -> String {
        let mut git = Command::new("git");
        git.args(args).current_dir(&self.folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        // The stories put hooks here to see that nobody runs them: neither do they.
        git.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "core.hooksPath").env("GIT_CONFIG_VALUE_0", "/dev/null");
        let mut child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git is installed");
        child.stdin.take().expect("an input").write_all(input).expect("written");
        let ended = child.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "git {args:?}");
        String::from_utf8_lossy(&ended.stdout).trim().to_owned()
    }

    /// Adds commits to a branch, one a subject; their hashes, the oldest first.
    pub fn commit(&self, branch: &str, from: Option<&str>, subjects: &[&str]) -> Vec<String> {
        let authored: Vec<(&str, &str)> = subjects.iter().map(|subject| ("Wu Mei", *subject)).collect();
        self.commit_by(branch, from, &authored)
    }

    pub fn commit_by(&self, branch: &str, from: Option<&str>, commits: &[(&str, &str)]) -> Vec<String> {
        let start = from.map_or_else(|| self.tip(branch), |from| Some(from.to_owned()));
        let mut stream = format!("reset refs/heads/{branch}\n");
        if let Some(start) = &start {
            writeln!(stream, "from {start}\n").expect("written");
        }
        for (n, (author, subject)) in commits.iter().enumerate() {
            let at = 1_790_000_000 + n * 60;
            write!(stream, "commit refs/heads/{branch}\ncommitter {author} <someone@example.com> {at} +0800\n").expect("written");
            write!(stream, "data {}\n{subject}\n", subject.len()).expect("written");
            write!(stream, "M 100644 inline file\ndata 4\n{n:04}\n").expect("written");
        }
        self.git(&["fast-import", "--quiet", "--force"], stream.as_bytes());
        let most = format!("--max-count={}", commits.len());
        let list = self.git(&["rev-list", "--reverse", "--first-parent", &most, &format!("refs/heads/{branch}")], b"");
        list.lines().map(str::to_owned).collect()
    }

    /// Adds a commit to the branch main with these files: mode, path and content.
    pub fn commit_files(&self, files: &[(&str, &str, &str)]) -> String {
        let mut stream = "commit refs/heads/main\ncommitter Wu Mei <w@example.com> 1790000000 +0000\ndata 1\nx\n".to_owned();
        if let Some(tip) = self.tip("main") {
            writeln!(stream, "from {tip}").expect("written");
        }
        for (mode, path, content) in files {
            write!(stream, "M {mode} inline {path}\ndata {}\n{content}\n", content.len()).expect("written");
        }
        self.git(&["fast-import", "--quiet", "--force"], stream.as_bytes());
        self.tip("main").expect("a commit")
    }

    /// A merge of `other` into a branch.
    pub fn merge(&self, branch: &str, other: &str, subject: &str) -> String {
        let tip = self.tip(branch).expect("a branch");
        let mut stream = format!("commit refs/heads/{branch}\ncommitter Alice <a@example.com> 1795000000 +0000\n");
        write!(stream, "data {}\n{subject}\nfrom {tip}\nmerge {other}\n", subject.len()).expect("written");
        self.git(&["fast-import", "--quiet", "--force"], stream.as_bytes());
        self.tip(branch).expect("a merge")
    }

    /// A commit without a past.
    pub fn root(&self, branch: &str, subject: &str) -> String {
        let mut stream = format!("commit refs/heads/{branch}\ncommitter Bob <b@example.com> 1780000000 +0000\n");
        write!(stream, "data {}\n{subject}\nM 100644 inline file\ndata 3\nnew\n", subject.len()).expect("written");
        self.git(&["fast-import", "--quiet", "--force"], stream.as_bytes());
        self.tip(branch).expect("a root")
    }

    pub fn point(&self, reference: &str, at: &str) {
        self.git(&["update-ref", reference, at], b"");
    }

    pub fn tip(&self, branch: &str) -> Option<String> {
        let list = self.git(&["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")], b"");
        (!list.is_empty()).then_some(list)
    }
}

/// What stands between two commits, by a clone of this story.
pub async fn range(git: &Git, origin: &Origin, base: &str, head: &str) -> Result<domain::commits::Range, GitError> {
    git.range(&origin.remote(), &Access::Anyone.into(), base, head).await
}

/// A program of the story's own under a name that git or Slipway looks for; it takes the place of
/// the real one for whoever is given the path that comes back.
pub fn in_place_of(folder: &Path, name: &str, script: &str) -> std::ffi::OsString {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(folder).expect("a folder");
    let file = folder.join(name);
    std::fs::write(&file, script).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("allowed");
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
