//! Whether the disk has room again: tried by writing to it, as a node that is sent no requests commits nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use tally_actors::ports::{Commit, Trouble};

use super::{SqliteStore, Troubled};

/// What must fit on the disk before the store counts as well again, in bytes: several of the largest batches.
const ROOM_MIN_BYTES: usize = 1 << 20;

impl SqliteStore {
    /// Why batches are not being written, or would be lost: a file that is not the one that was opened breaks the store. After a disk was full, this finds out whether it still is. Whoever asks meanwhile
    /// waits for what is found.
    pub async fn check(&self) -> Result<(), Trouble> {
        self.must_be_in_place()?;
        let Some(trouble) = known(&self.troubled) else { return Ok(()) };
        let Ok(turn) = Arc::clone(&self.probing).try_lock_owned() else {
            drop(self.probing.lock().await);
            return known(&self.troubled).map_or(Ok(()), Err);
        };
        let troubled = Arc::clone(&self.troubled);
        let mut beside = self.file.as_os_str().to_owned();
        beside.push(".room");
        let probed = tokio::task::spawn_blocking(move || {
            let room = has_room(Path::new(&beside));
            if room.is_ok() {
                remember(&troubled, None);
            }
            drop(turn); // here, as whoever asked may be gone
            room
        });
        match probed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(trouble),
        }
    }
}

/// Notes what a batch's end says of the store.
pub(super) fn note(troubled: &Troubled, commit: &Commit) {
    match commit {
        Commit::NotDone(trouble) => remember(troubled, Some(trouble.clone())),
        Commit::Committed => remember(troubled, None),
        Commit::Conflict(_) | Commit::Refused(_) | Commit::Doubt(_) | Commit::Fatal(_) => {}
    }
}

fn known(troubled: &Troubled) -> Option<Trouble> {
    troubled.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn remember(troubled: &Troubled, trouble: Option<Trouble>) {
    *troubled.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}

fn has_room(file: &Path) -> io::Result<()> {
    let written = File::create(file).and_then(|mut file| {
        file.write_all(&vec![1; ROOM_MIN_BYTES])?;
        file.sync_all()
    });
    fs::remove_file(file).and(written)
}
