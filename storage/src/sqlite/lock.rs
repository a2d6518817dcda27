//! One process a file: an operating system's lock beside the database, freed by the system when the process ends.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::errors::OpenError;
use crate::folder;

/// Held as long as the store is open.
#[derive(Debug)]
pub(crate) struct Lock {
    held: File,
    beside: PathBuf,
}

impl Lock {
    /// Takes the lock of a database file, or says who should.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let refused = |error: io::Error| OpenError::Refused {
            file: database.to_path_buf(),
            reason: format!("its lock can't be taken: {error}"),
        };
        let beside = lock_file(database);
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(&beside);
            let held = file.map_err(refused)?;
            match held.try_lock() {
                // One that was removed meanwhile locks nothing: its name may lead to another.
                Ok(()) if is_named(&held, &beside) => return Ok(Self { held, beside }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::InUse(database.to_path_buf()));
                }
                Err(TryLockError::Error(error)) => return Err(refused(error)),
            }
        }
    }

    /// Frees it and removes its file, where there will be no database of that name any more.
    pub(crate) fn remove(self) -> io::Result<()> {
        let removed = fs::remove_file(&self.beside);
        drop(self);
        removed
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

/// Whether an open file is the one of this name.
fn is_named(file: &File, name: &Path) -> bool {
    let same = |(a, b): (Metadata, Metadata)| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().ok().zip(name.metadata().ok()).is_some_and(same)
}

/// The lock's file stays when the lock is freed by the end of a process.
pub(crate) fn lock_file(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The one name of a database file, so that two ways to it meet at one lock. Makes its folder, to last, before there is a file
/// in it.
pub(crate) fn one_name(database: &Path) -> io::Result<PathBuf> {
    if let Ok(known) = database.canonicalize() {
        return Ok(known);
    }
    let folder = folder::of(database);
    folder::make(folder)?;
    let name = database.file_name().ok_or(io::ErrorKind::InvalidInput)?;
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
