//! One process a file: an operating system's lock beside the database, freed by the system when the process ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::errors::OpenError;
use crate::folder;

/// Held as long as the store is open.
#[derive(Debug)]
pub(crate) struct Lock {
    held: File,
}

impl Lock {
    /// Takes the lock of a database file, or says who should.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let refused = |error: std::io::Error| OpenError::Refused {
            file: database.to_path_buf(),
            reason: format!("its lock can't be taken: {error}"),
        };
        let beside = lock_file(database);
        let file = File::options().create(true).truncate(false).write(true).open(beside);
        let file = file.map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { held: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_path_buf())),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}

impl Drop for Lock {
    /// By its own word, as closing the file would not do: a process that is being started at this moment holds it too, until it
    /// runs its own program.
    fn drop(&mut self) {
        if let Err(error) = self.held.unlock() {
            tracing::warn!(%error, "a lock was not given back");
        }
    }
}

/// The lock's file stays when the lock is freed: removing it would let two processes hold locks on two files of one name.
fn lock_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The one name of a database file, so that two ways to it meet at one lock. Makes its folder, to last, before there is a file
/// in it.
pub(crate) fn one_name(database: &Path) -> std::io::Result<PathBuf> {
    if let Ok(known) = database.canonicalize() {
        return Ok(known);
    }
    let folder = folder::of(database);
    folder::make(folder)?;
    let name = database.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    Ok(folder.canonicalize()?.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_free_when_given_back_also_while_another_process_is_being_started() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("tally.db");
        let lock = Lock::take(&database).unwrap();
        let _as_a_fork_has_it = lock.held.try_clone().unwrap();
        assert!(matches!(Lock::take(&database), Err(OpenError::InUse(_))));
        drop(lock);
        Lock::take(&database).unwrap();
    }
}
