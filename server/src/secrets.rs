//! Secrets at rest: sealed with XChaCha20-Poly1305 under a key that is not in the database.
//!
//! The key is a file of 32 random bytes, written as 64 hexadecimal digits. `SLIPWAY_SECRET_KEY_FILE`
//! names it; without that it is `slipway.key` beside the SQLite file, or in `data/`, made at the
//! first start and readable by its owner only. The name of a secret is sealed with it, so that
//! one cannot be put in another's place.

use crate::clock::Entropy;
use crate::ctx::Settings;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use domain::Problem;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NONCE: usize = 24;
const KEY: usize = 32;

/// Why the key cannot be used; for the command line to print.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {file} cannot be read or made: {source}")]
    File { file: PathBuf, source: std::io::Error },
    #[error("the key file {file} must hold 64 hexadecimal digits")]
    Form { file: PathBuf },
}

/// Seals and opens secrets. Cloning is cheap.
#[derive(Clone)]
pub struct Keeper {
    cipher: Arc<XChaCha20Poly1305>,
}

impl Keeper {
    /// Reads the key, or makes it where none is named and none is there.
    ///
    /// # Errors
    /// [`KeyError`]; a named file that is not there is not made.
    pub fn open(settings: &Settings, entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let (file, named) = match &settings.secret_key_file {
            Some(file) => (file.clone(), true),
            None => (beside(&settings.database_url), false),
        };
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(cause) if !named && cause.kind() == std::io::ErrorKind::NotFound => make(&file, entropy)?,
            Err(source) => return Err(KeyError::File { file, source }),
        };
        let mut key = [0; KEY];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| KeyError::Form { file })?;
        Ok(Self { cipher: Arc::new(XChaCha20Poly1305::new(Key::from_slice(&key))) })
    }

    /// Seals a secret under its name.
    ///
    /// # Errors
    /// [`Problem::Internal`] for a secret of many gigabytes.
    pub fn seal(&self, entropy: &dyn Entropy, name: &str, secret: &str) -> Result<Vec<u8>, Problem> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: secret.as_bytes(), aad: name.as_bytes() };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(crate::store::internal)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed under this name.
    ///
    /// # Errors
    /// [`Problem::SecretUnreadable`] when the key is another or the bytes were changed.
    pub fn unseal(&self, name: &str, sealed: &[u8]) -> Result<SecretString, Problem> {
        let unreadable = || Problem::SecretUnreadable { name: name.to_owned() };
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or_else(unreadable)?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        let opened = self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| unreadable())?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| unreadable())
    }
}

/// The folder in which this installation keeps what is not in its database.
pub fn data_folder(database_url: &str) -> PathBuf {
    let path =
        database_url.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//").split('?').next().unwrap_or_default());
    path.and_then(|path| Path::new(path).parent()).map_or_else(|| PathBuf::from("data"), Path::to_path_buf)
}

fn beside(database_url: &str) -> PathBuf {
    data_folder(database_url).join("slipway.key")
}

fn make(file: &Path, entropy: &dyn Entropy) -> Result<String, KeyError> {
    use std::io::Write as _;
    let failed = |source| KeyError::File { file: file.to_owned(), source };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut key = [0; KEY];
    entropy.fill(&mut key);
    let text = hex::encode(key);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(mut made) => made.write_all(text.as_bytes()).and_then(|()| made.sync_all()).map_err(failed)?,
        // Another process was faster: its key is the key.
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            return std::fs::read_to_string(file).map_err(failed);
        }
        Err(source) => return Err(failed(source)),
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use secrecy::ExposeSecret as _;

    fn settings(folder: &Path, named: Option<PathBuf>) -> Settings {
        Settings {
            database_url: format!("sqlite://{}/slipway.db", folder.display()),
            listen: String::new(),
            public_url: String::new(),
            secret_key_file: named,
        }
    }

    #[test]
    fn a_secret_comes_back_under_its_own_name_and_key_only() {
        let folder = std::env::temp_dir().join(format!("slipway-keeper-{}", std::process::id()));
        let keeper = Keeper::open(&settings(&folder, None), &SystemEntropy).expect("a key is made");
        let sealed = keeper.seal(&SystemEntropy, "chat", "s3cret").expect("sealed");
        assert!(!sealed.windows(6).any(|bytes| bytes == b"s3cret"));
        let again = Keeper::open(&settings(&folder, None), &SystemEntropy).expect("the same key");
        assert_eq!(again.unseal("chat", &sealed).expect("opened").expose_secret(), "s3cret");
        assert!(again.unseal("git", &sealed).is_err(), "not under another name");
        let mut changed = sealed.clone();
        changed[NONCE] ^= 1;
        assert!(again.unseal("chat", &changed).is_err());
        assert!(again.unseal("chat", &sealed[..10]).is_err());
        let other = folder.join("other.key");
        std::fs::write(&other, "00".repeat(KEY)).expect("written");
        let other = Keeper::open(&settings(&folder, Some(other)), &SystemEntropy).expect("a key");
        assert!(matches!(other.unseal("chat", &sealed), Err(Problem::SecretUnreadable { name }) if name == "chat"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.join("slipway.key")).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_dir_all(folder).ok();
    }

    #[test]
    fn a_key_file_that_is_named_is_never_made_and_must_have_the_form() {
        let folder = std::env::temp_dir().join(format!("slipway-key-form-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let named = folder.join("named.key");
        assert!(matches!(Keeper::open(&settings(&folder, Some(named.clone())), &SystemEntropy), Err(KeyError::File { .. })));
        std::fs::write(&named, "too short").expect("written");
        assert!(matches!(Keeper::open(&settings(&folder, Some(named)), &SystemEntropy), Err(KeyError::Form { .. })));
        std::fs::remove_dir_all(folder).ok();
    }

    #[test]
    fn the_data_folder_is_where_the_database_is() {
        assert_eq!(data_folder("sqlite://data/demo/slipway.db"), Path::new("data/demo"));
        assert_eq!(data_folder("sqlite:///var/lib/slipway/slipway.db?mode=rwc"), Path::new("/var/lib/slipway"));
        assert_eq!(data_folder("postgres://db/slipway"), Path::new("data"));
    }
}
