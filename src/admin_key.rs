//! The admin's key: given by a setting, else made at the first start and kept in a file that only its owner reads.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tally_storage::folder;

use crate::settings::Secret;

/// Where the admin's key comes from.
#[derive(Debug, Clone)]
pub(crate) enum AdminKey {
    /// From `TALLY_ADMIN_KEY`.
    Set(Secret),
    /// From the file.
    Kept(Secret, PathBuf),
}

/// Why there is no admin key.
#[derive(Debug, thiserror::Error)]
pub enum AdminKeyError {
    /// The file can't be read or written.
    #[error(
        "the admin key file {path}: {error}; make the directory writable, or set TALLY_ADMIN_KEY"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// The file holds no key.
    #[error(
        "the admin key file {0} holds no usable key; delete it to have a new one made, or set TALLY_ADMIN_KEY"
    )]
    Unusable(PathBuf),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for an admin key; set TALLY_ADMIN_KEY")]
    Random,
}

impl AdminKey {
    /// The key that was set, else the one in the file, else a new one that is then in the file.
    pub(crate) fn find_or_make(set: Option<&Secret>, path: &Path) -> Result<Self, AdminKeyError> {
        if let Some(secret) = set {
            return Ok(Self::Set(secret.clone()));
        }
        let failed = |error| AdminKeyError::File { path: path.to_path_buf(), error };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = random_key().ok_or(AdminKeyError::Random)?;
                write(path, &made).map_err(failed)?;
                made
            }
            Err(error) => return Err(failed(error)),
        };
        Self::kept(&text, path)
    }

    /// The key that was set, else the one in the file, for whoever calls a service that made it.
    pub(crate) fn find(set: Option<&Secret>, path: &Path) -> Result<Self, AdminKeyError> {
        if let Some(secret) = set {
            return Ok(Self::Set(secret.clone()));
        }
        let failed = |error| AdminKeyError::File { path: path.to_path_buf(), error };
        Self::kept(&fs::read_to_string(path).map_err(failed)?, path)
    }

    fn kept(text: &str, path: &Path) -> Result<Self, AdminKeyError> {
        let secret =
            text.trim().parse().map_err(|_| AdminKeyError::Unusable(path.to_path_buf()))?;
        Ok(Self::Kept(secret, path.to_path_buf()))
    }

    /// The key itself.
    pub(crate) fn secret(&self) -> &Secret {
        match self {
            Self::Set(secret) | Self::Kept(secret, _) => secret,
        }
    }
}

/// A key that nobody guesses: 256 random bits. `None` when the system gives none.
pub(crate) fn random_key() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("tally_{}", blake3::Hash::from_bytes(bytes).to_hex()))
}

/// Written beside and renamed, so that the file is there in whole or not at all, also after a power cut.
fn write(path: &Path, key: &str) -> io::Result<()> {
    let beside = path.with_extension("key.new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    folder::sync(folder::of(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        let made = AdminKey::find_or_make(None, &path).unwrap();
        let found = AdminKey::find_or_make(None, &path).unwrap();
        assert_eq!(made.secret(), found.secret());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &fs::metadata(&path).unwrap().permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_is_set_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        let set: Secret = "0123456789abcdef".parse().unwrap();
        assert_eq!(AdminKey::find_or_make(Some(&set), &path).unwrap().secret(), &set);
        assert!(!path.exists());
    }

    #[test]
    fn an_empty_file_is_not_taken_for_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        fs::write(&path, "\n").unwrap();
        let error = AdminKey::find_or_make(None, &path).unwrap_err().to_string();
        assert!(error.contains("admin.key") && error.contains("delete it"), "{error}");
    }
}
