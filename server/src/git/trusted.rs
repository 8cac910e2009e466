//! Whom git believes over https: the machine's authorities and the configured ones, in one file,
//! for git takes one file in the place of what it has.

use super::GitError;
use crate::trust::Trust;
use domain::commits::Trouble;
use std::path::{Path, PathBuf};

/// Where the machine says that its authorities are, and where machines usually have them.
const SAID: [&str; 2] = ["GIT_SSL_CAINFO", "SSL_CERT_FILE"];
const USUAL: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];
/// A machine's list is a few hundred kilobytes.
const MOST: u64 = 8 << 20;

/// The file, written when it is not there as it should be; none when nobody is named.
pub fn file(folder: &Path, trust: &Trust) -> Result<Option<PathBuf>, GitError> {
    let Some(named) = trust.pem() else { return Ok(None) };
    let whole = format!("{}\n{named}\n", machine());
    let file = folder.join("authorities.pem");
    let failed = |cause: std::io::Error| GitError::new(Trouble::Unreadable, format!("the authorities' file: {}", cause.kind()));
    if std::fs::read(&file).ok().as_deref() != Some(whole.as_bytes()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
        let part = folder.join(format!("authorities.{}.part", std::process::id()));
        std::fs::write(&part, whole).and_then(|()| std::fs::rename(&part, &file)).map_err(failed)?;
    }
    Ok(Some(file))
}

fn machine() -> String {
    let said = SAID.iter().filter_map(std::env::var_os).map(PathBuf::from);
    let all = said.chain(USUAL.iter().map(PathBuf::from));
    let small = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= MOST);
    all.filter(small).find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}
