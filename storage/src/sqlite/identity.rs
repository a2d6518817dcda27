//! Whether the file that was opened is still the one of its name: SQLite goes on with a deleted file, and nobody finds what it writes.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tally_actors::ports::Trouble;

use super::{SqliteStore, broke};

/// What tells a file from all others while it is open: its device and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The identity of the file of this name.
    pub(crate) fn of(file: &Path) -> io::Result<Self> {
        file.metadata().map(|found| Self { device: found.dev(), inode: found.ino() })
    }

    /// Why what is written would be lost, if the file of this name is not this one any more. A folder that can't be looked at
    /// says nothing.
    pub(crate) fn check(self, file: &Path) -> Result<(), String> {
        match Self::of(file) {
            Ok(found) if found == self => Ok(()),
            Ok(_) => Err(format!(
                "another file took the place of {} while it was in use: put the right one there and start again",
                file.display()
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
                "{} was deleted or moved while it was in use: put it back and start again",
                file.display()
            )),
            Err(_) => Ok(()),
        }
    }
}

impl SqliteStore {
    /// Whether the store can be trusted, and its file is where it was; remembered when it is not.
    pub(super) fn must_be_in_place(&self) -> Result<(), Trouble> {
        self.must_be_whole()?;
        self.identity.check(&self.file).map_err(|what| {
            broke(&self.broken, &what);
            Trouble::Broken(what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_one_of_the_same_name_and_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tally.db");
        std::fs::write(&file, "books").unwrap();
        let identity = Identity::of(&file).unwrap();
        std::fs::write(&file, "more books").unwrap();
        assert_eq!(identity.check(&file), Ok(()));
        let aside = folder.path().join("aside.db");
        std::fs::rename(&file, &aside).unwrap();
        assert!(identity.check(&file).unwrap_err().contains("tally.db was deleted or moved"));
        std::fs::copy(&aside, &file).unwrap();
        assert!(identity.check(&file).unwrap_err().contains("another file took the place"));
        std::fs::rename(&aside, &file).unwrap();
        assert_eq!(identity.check(&file), Ok(()));
    }
}
