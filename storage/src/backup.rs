//! A backup: books copied into a new SQLite file, which has its name once it is whole and on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tally_actors::domain::time::At;
use tally_actors::ports::Trouble;

use crate::books::Books;
use crate::copy::{Copied, CopyFault, copy};
use crate::folder;
use crate::sqlite::{OpenError, SqliteStore};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// There is a file of that name.
    #[error("{} is there already: name another file", .0.display())]
    Exists(PathBuf),
    /// The file can't be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The books can't be copied. What there is of the file stays, and the next backup goes on with it.
    #[error("{fault} (what is copied so far is in {})", part.display())]
    Copy {
        /// What there is of it.
        part: PathBuf,
        /// Why.
        fault: CopyFault,
    },
    /// The file can't be finished.
    #[error("{} can't be finished: {reason}", part.display())]
    Unfinished {
        /// What there is of it.
        part: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Copies books into a new SQLite file. It is written under the name with `.part` behind it, closed, synced, and then has its
/// own. In it stands when it was `begun`, before the source was opened: the file holds all that was acknowledged until
/// then, and of what came later some. Of a backup that broke off, what is there is gone on with.
///
/// # Errors
///
/// [`BackupFault`]; then there is no file of that name.
pub async fn backup(
    from: Arc<dyn Books>,
    source: &str,
    file: &Path,
    begun: At,
    now: impl Fn() -> At,
) -> Result<Copied, BackupFault> {
    must_be_new(file)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let unfinished = |reason: String| BackupFault::Unfinished { part: part.clone(), reason };
    let to = Arc::new(SqliteStore::open(&part).await?);
    let copied = match copy(from, Arc::clone(&to) as Arc<dyn Books>, begun).await {
        Ok(copied) => copied,
        Err(fault) => {
            to.close().await;
            return Err(BackupFault::Copy { part, fault });
        }
    };
    let marked = to.is_backup(source, begun, now()).await;
    marked.map_err(|trouble: Trouble| unfinished(trouble.to_string()))?;
    // Held until the file has its name: nobody else goes on with it.
    let lock = to.end().await;
    finish(&part, file).map_err(|error| unfinished(error.to_string()))?;
    if let Some(Err(error)) = lock.map(|lock| lock.remove()) {
        tracing::warn!(part = %part.display(), %error, "the lock's file stays");
    }
    Ok(copied)
}

fn must_be_new(file: &Path) -> Result<(), BackupFault> {
    match file.symlink_metadata() {
        Ok(_) => Err(BackupFault::Exists(file.to_path_buf())),
        Err(_) => Ok(()),
    }
}

/// Gives a closed file its name, for good.
fn finish(part: &Path, file: &Path) -> io::Result<()> {
    let mut wal = part.as_os_str().to_owned();
    wal.push("-wal");
    if Path::new(&wal).exists() {
        return Err(io::Error::other("its WAL was not brought back; run the same again"));
    }
    File::open(part)?.sync_all()?;
    if file.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(part, file)?;
    folder::sync(folder::of(file))
}
