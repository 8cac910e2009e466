//! One call of `git`, within its bounds.

use super::remote::{Remote, Scheme};
use super::{Access, Git, GitError, Way, ssh, trusted};
use base64::Engine as _;
use domain::commits::{Trouble, clean};
use secrecy::ExposeSecret as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// Kept of what git complains about.
const MOST_SAID: usize = 16 << 10;
const MOST_SHOWN: usize = 300;
/// How often a growing clone is measured.
const LOOK: Duration = Duration::from_millis(250);
/// Entries looked at in one measurement; commits come in packs, so there are few.
const MOST_ENTRIES: usize = 200_000;

/// What the machine says about its network; everything else of its environment is left behind.
const KEPT: [&str; 11] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// A call, and how far it may go.
pub struct Call<'a> {
    pub args: &'a [&'a str],
    pub limit: Duration,
    pub most_output: usize,
    /// A folder that must not grow beyond the bound meanwhile.
    pub watched: Option<&'a Path>,
    /// Where it goes, and with which credentials; without, it cannot leave this machine.
    pub outside: Option<(&'a Remote, &'a Way)>,
}

/// What came of it.
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub said: String,
}

impl Ran {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).trim().to_owned()
    }

    /// What a call over the network met with.
    pub fn away(&self) -> GitError {
        GitError::new(why(&self.said), self.said.clone())
    }
}

/// Ends what git started too: its transports would go on downloading without it.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw))
    }

    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // When nothing is left of it, there is nothing to end.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Git {
    /// Runs git to its end or to a bound, whichever comes first.
    ///
    /// # Errors
    /// [`GitError`] when it cannot be started or passes a bound. Its own failures are in [`Ran`].
    pub(super) async fn run(&self, call: &Call<'_>) -> Result<Ran, GitError> {
        let keys = match call.outside {
            Some((remote, Way { access: Access::Key { key, known_hosts }, addresses, .. })) if remote.scheme() == Scheme::Ssh => {
                let keys = ssh::Keys::write(&self.folder.join(format!("{}.ssh", super::name_of(remote))), key, known_hosts)?;
                keys.pin(remote, addresses)?;
                Some(keys)
            }
            _ => None,
        };
        let authorities = match call.outside {
            Some((remote, way)) if remote.scheme() == Scheme::Https => trusted::file(&self.folder, &way.trust)?,
            _ => None,
        };
        let mut child = self.command(call, keys.as_ref().map(ssh::Keys::folder), authorities.as_deref()).spawn().map_err(
            |cause| match cause.kind() {
                std::io::ErrorKind::NotFound => GitError::new(Trouble::NoGit, "git is not installed"),
                kind => GitError::new(Trouble::NoGit, format!("git cannot be started: {kind}")),
            },
        )?;
        let group = Group::of(&child);
        let (out, said) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let ended = tokio::join!(head_of(out, call.most_output), tail_of(said), child.wait());
            (ended.0, ended.1, ended.2)
        };
        let (out, said, status) = tokio::select! {
            ended = work => ended,
            () = tokio::time::sleep(call.limit) => {
                return Err(GitError::new(Trouble::Away, format!("not within {} s", call.limit.as_secs())));
            }
            () = outgrown(call.watched, self.tools.most_bytes) => {
                return Err(GitError::new(Trouble::TooBig, format!("more than {} bytes", self.tools.most_bytes)));
            }
        };
        group.ended();
        let code = status.ok().and_then(|status| status.code()).unwrap_or(-1);
        let said = clean(&String::from_utf8_lossy(&said), MOST_SHOWN);
        Ok(Ran { code, out, said: call.outside.map_or_else(|| said.clone(), |(_, way)| without_secret(&said, &way.access)) })
    }

    #[expect(clippy::disallowed_methods, reason = "git is the one program that is started, by argument vector, here")]
    fn command(&self, call: &Call<'_>, keys: Option<&Path>, authorities: Option<&Path>) -> Command {
        let mut command = Command::new("git");
        command.args(call.args).env_clear().current_dir(&*self.folder).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
        command.env("PATH", &self.tools.path).env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent");
        for (name, value) in [
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
        ] {
            command.env(name, value);
        }
        let mut config = settings();
        match call.outside {
            Some((remote, way)) => {
                let word = remote.scheme().word();
                command.env("GIT_ALLOW_PROTOCOL", word);
                config.push((format!("protocol.{word}.allow"), "always".to_owned()));
                config.extend(header(remote, &way.access));
                config.extend(pin(remote, &way.addresses));
                for (name, value) in KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))) {
                    command.env(name, value);
                }
                if let Some(file) = authorities {
                    command.env("GIT_SSL_CAINFO", file);
                }
                // Without a key there is no ssh: it would look for the keys of whoever runs Slipway.
                command.env("GIT_SSH", keys.map_or_else(|| PathBuf::from("/nonexistent"), |_| self.tools.own.clone()));
                command.env("GIT_SSH_VARIANT", "ssh").env(ssh::AS_SSH, keys.unwrap_or(Path::new("")));
            }
            None => {
                command.env("GIT_ALLOW_PROTOCOL", "none").env("GIT_NO_LAZY_FETCH", "1");
            }
        }
        command.env("GIT_CONFIG_COUNT", config.len().to_string());
        for (n, (key, value)) in config.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{n}"), key).env(format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        command
    }
}

/// Settings of every call, over whatever stands in a repository's own file.
fn settings() -> Vec<(String, String)> {
    let all = [
        ("protocol.allow", "never"),
        ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"),
        ("core.askPass", ""),
        ("credential.helper", ""),
        ("http.followRedirects", "false"),
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "30"),
        ("transfer.bundleURI", "false"),
        ("fetch.recurseSubmodules", "false"),
        ("submodule.recurse", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("log.showSignature", "false"),
        ("log.mailmap", "false"),
        ("i18n.logOutputEncoding", "UTF-8"),
    ];
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The password as a header for this host alone. It stands in the environment of one process:
/// arguments are everyone's to read.
fn header(remote: &Remote, access: &Access) -> Option<(String, String)> {
    let Access::Password { user, password } = access else { return None };
    let web = matches!(remote.scheme(), Scheme::Https | Scheme::Http);
    if !web || !remote.keeps_secrets() {
        return None;
    }
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    let key = format!("http.{}://{}/.extraHeader", remote.scheme().word(), remote.host());
    Some((key, format!("Authorization: Basic {basic}")))
}

/// The judged addresses of the host, so that git looks nothing up. Where a proxy of the machine is
/// used, that looks the name up.
fn pin(remote: &Remote, addresses: &[IpAddr]) -> Option<(String, String)> {
    let web = matches!(remote.scheme(), Scheme::Https | Scheme::Http);
    let (host, port) = remote.place().filter(|_| web && !addresses.is_empty())?;
    let list: Vec<String> =
        addresses.iter().map(|address| if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }).collect();
    // An address stands for itself.
    host.parse::<IpAddr>().is_err().then(|| ("http.curloptResolve".to_owned(), format!("{host}:{port}:{}", list.join(","))))
}

/// git prints no header, but a proxy or a host may repeat one.
fn without_secret(said: &str, access: &Access) -> String {
    match access {
        Access::Password { user, password } => {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            said.replace(&basic, "***").replace(password.expose_secret(), "***")
        }
        Access::Anyone | Access::Key { .. } => said.to_owned(),
    }
}

/// The beginning of a stream. What is beyond is not read: git meets a closed pipe and ends.
async fn head_of(stream: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(stream) = stream {
        // What was read before a stream broke is what there is.
        let _ = stream.take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut out).await;
    }
    out
}

/// Reads a stream to its end and keeps the last of it, where git says what went wrong.
async fn tail_of(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return kept };
    let mut buffer = vec![0; 4096];
    while let Ok(read) = stream.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let over = kept.len().saturating_sub(MOST_SAID);
        kept.drain(..over);
    }
    kept
}

/// Ends when a folder has grown beyond the bound.
async fn outgrown(folder: Option<&Path>, most: u64) {
    let Some(folder) = folder else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LOOK).await;
        let folder = folder.to_owned();
        let size = tokio::task::spawn_blocking(move || size_of(&folder)).await.unwrap_or_default();
        if size > most {
            return;
        }
    }
}

/// Bytes of the files under a folder; links are not followed.
pub(super) fn size_of(folder: &Path) -> u64 {
    let mut waiting = vec![folder.to_owned()];
    let (mut size, mut seen) = (0_u64, 0);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MOST_ENTRIES {
                return u64::MAX;
            }
            match entry.metadata() {
                Ok(about) if about.is_dir() => waiting.push(entry.path()),
                Ok(about) => size = size.saturating_add(about.len()),
                Err(_) => {}
            }
        }
    }
    size
}

/// What git's English words mean for whoever set the repository up.
fn why(said: &str) -> Trouble {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["Host key verification failed", "host key", "HostKey"]) {
        Trouble::HostKey
    } else if has(&[
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "Permission denied",
        "returned error: 401",
        "returned error: 403",
        "returned error: 404",
        "not found",
        "does not appear to be a git repository",
        "does not exist",
        "dubious ownership",
    ]) {
        Trouble::Refused
    } else {
        Trouble::Away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_is_understood() {
        for (said, wanted) in [
            ("fatal: Authentication failed for 'https://x/'", Trouble::Refused),
            ("fatal: could not read Username for 'https://x': terminal prompts disabled", Trouble::Refused),
            ("fatal: repository 'https://x/y/' not found", Trouble::Refused),
            ("git@x: Permission denied (publickey).", Trouble::Refused),
            ("Host key verification failed. fatal: Could not read from remote repository.", Trouble::HostKey),
            ("fatal: unable to access 'https://x/': Could not resolve host: x", Trouble::Away),
            ("", Trouble::Away),
        ] {
            assert_eq!(why(said), wanted, "{said}");
        }
    }

    #[test]
    fn a_password_is_a_header_for_its_host_and_no_word_of_it_is_said() {
        let access = Access::Password { user: "git".to_owned(), password: "t0ken".to_owned().into() };
        let remote = |text: &str| Remote::parse(text).expect("an address");
        let (key, value) = header(&remote("https://git.example.com:8443/a/b"), &access).expect("a header");
        assert_eq!(key, "http.https://git.example.com:8443/.extraHeader");
        assert_eq!(value, "Authorization: Basic Z2l0OnQwa2Vu");
        assert!(header(&remote("http://git.lan/a/b"), &access).is_none(), "never in the clear");
        assert!(header(&remote("ssh://git@git.lan/a/b"), &access).is_none());
        let addresses = ["10.0.0.7".parse().expect("an address"), "fd00::7".parse().expect("an address")];
        let pinned = pin(&remote("https://git.example.com:8443/a/b"), &addresses).expect("pinned");
        assert_eq!(pinned.1, "git.example.com:8443:10.0.0.7,[fd00::7]");
        assert!(pin(&remote("https://10.0.0.7/a/b"), &addresses).is_none() && pin(&remote("https://git.lan/a/b"), &[]).is_none());
        assert_eq!(without_secret("bad t0ken (Z2l0OnQwa2Vu)", &access), "bad *** (***)");
    }
}
