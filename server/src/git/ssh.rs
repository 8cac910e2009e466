//! Slipway in the place of ssh.
//!
//! Git starts ssh through a shell, or starts one program by its path with its own arguments.
//! That one program is Slipway itself: called with [`AS_SSH`] in the environment it becomes
//! ssh, with the one key and the host's own keys that lie in the folder named there, and with
//! nothing of the configuration of whoever runs it.

use super::{GitError, Remote};
use domain::commits::Trouble;
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsString;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

/// The file with the address that is connected to.
const PIN: &str = "pin";
/// Names the folder with the keys.
pub const AS_SSH: &str = "SLIPWAY_AS_SSH";

/// A folder that only this user reads, with a private key and the host's own keys, while one
/// call of git goes on.
pub struct Keys {
    folder: PathBuf,
}

impl Keys {
    /// Writes them, in the place of what a killed call left.
    ///
    /// # Errors
    /// [`GitError`] when the folder cannot be made, or no host key is given.
    pub fn write(folder: &Path, key: &SecretString, known_hosts: &str) -> Result<Self, GitError> {
        if known_hosts.trim().is_empty() {
            return Err(GitError::new(Trouble::HostKey, "no ssh_known_hosts for this host"));
        }
        let failed = |cause: std::io::Error| GitError::new(Trouble::Secret, format!("the key's folder: {}", cause.kind()));
        let _ = std::fs::remove_dir_all(folder);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let keys = Self { folder: folder.to_owned() };
        // OpenSSH reads no key whose last line does not end.
        for (name, text) in [("key", key.expose_secret()), ("known_hosts", known_hosts)] {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(folder.join(name)).map_err(failed)?;
            file.write_all(format!("{}\n", text.trim_end()).as_bytes()).map_err(failed)?;
        }
        Ok(keys)
    }

    /// Has ssh connect to the first of the judged addresses, and know the host by its name all the same.
    ///
    /// # Errors
    /// [`GitError`] when it cannot be written.
    pub fn pin(&self, remote: &Remote, addresses: &[IpAddr]) -> Result<(), GitError> {
        let Some(((host, port), address)) = remote.place().zip(addresses.first()) else { return Ok(()) };
        let known_as = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
        let failed = |cause: std::io::Error| GitError::new(Trouble::Secret, format!("the key's folder: {}", cause.kind()));
        std::fs::write(self.folder.join(PIN), format!("Hostname={address}\nHostKeyAlias={known_as}\n")).map_err(failed)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Becomes ssh when this process was started in its place; otherwise nothing happens. Gives
/// back why it could not.
pub fn instead() -> Option<std::io::Error> {
    let folder = PathBuf::from(std::env::var_os(AS_SSH).filter(|folder| !folder.is_empty())?);
    Some(become_ssh(&folder))
}

#[expect(clippy::disallowed_methods, reason = "git asks for ssh: this is where it gets it, by argument vector")]
fn become_ssh(folder: &Path) -> std::io::Error {
    let option = |name: &str, file: &str| {
        let mut option = OsString::from(format!("{name}=\""));
        option.push(folder.join(file));
        option.push("\"");
        option
    };
    let mut ssh = std::process::Command::new("ssh");
    ssh.arg("-F").arg("/dev/null").arg("-i").arg(folder.join("key"));
    ssh.arg("-o").arg(option("UserKnownHostsFile", "known_hosts"));
    // Written by this program: one option a line.
    let pinned = std::fs::read_to_string(folder.join(PIN)).unwrap_or_default();
    for option in pinned.lines() {
        ssh.arg("-o").arg(option);
    }
    for fixed in [
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ConnectTimeout=15",
        "ServerAliveInterval=15",
    ] {
        ssh.arg("-o").arg(fixed);
    }
    ssh.args(std::env::args_os().skip(1)).env_remove(AS_SSH).exec()
}
