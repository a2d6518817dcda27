//! The store in one SQLite file, for one process: one writer, some readers, and a lock beside the file.
//!
//! | module | what |
//! |---|---|
//! | `lock`, `connect` | opening: one process a file, the schema, the settings of connections |
//! | `commit` | one transaction a batch on the writer's connection |
//! | `identity` | whether the file is still the one that was opened |
//! | `wal` | bringing the WAL back |
//! | `write` | what is written beside the journal |
//! | `books`, `migrate` | copying, backing up, bringing the schema up |
//! | `room` | whether the disk has room |
//! | `errors` | what SQLite's errors mean |

mod books;
#[cfg(test)]
mod checkpoints_tests;
mod commit;
mod connect;
pub(crate) mod errors;
mod identity;
#[cfg(test)]
mod lists_tests;
mod lock;
mod migrate;
mod room;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust_tests;
mod wal;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{self, Arc, PoisonError};

use sqlx::sqlite::SqliteConnection;
use tally_actors::ports::{Batch, Commit, HeadRead, Store, Trouble};
use tokio::sync::{Mutex, SetOnce, oneshot};

use self::connect::Readers;
pub use self::errors::OpenError;
use self::identity::Identity;
use self::lock::Lock;
pub use self::migrate::Migrated;
use crate::sql::db::Pool;
use crate::sql::heads;
use crate::sql::store::port::*;
use crate::sql::store::reads;

/// Why the file, or the disk under it, can't be trusted any more, once that is so.
type Broken = Arc<SetOnce<String>>;

/// Why the newest batch was not written, if it was not.
type Troubled = Arc<sync::Mutex<Option<Trouble>>>;

/// The store in one SQLite file. It belongs to this process alone, by a lock that the system frees when the process ends.
#[derive(Debug)]
pub struct SqliteStore {
    /// The writer's connection; none after one was thrown away and none could be opened.
    pub(crate) write: Arc<Mutex<Option<SqliteConnection>>>,
    /// Connections that read lists, and all else that may take its time.
    pub(crate) read: Pool,
    /// Connections that read for the engine: no list keeps its rounds waiting.
    rounds: Pool,
    file: PathBuf,
    identity: Identity,
    broken: Broken,
    troubled: Troubled,
    /// Held while somebody finds out whether the disk has room.
    probing: Arc<Mutex<()>>,
    /// None for a store that was opened for reading only, or is closed. It is given back by whoever holds `write`, and looked
    /// at by whoever holds that, so that nothing is written without it.
    lock: Arc<sync::Mutex<Option<Lock>>>,
}

impl SqliteStore {
    /// Opens the file, or makes it and its folder, and brings its schema up to date.
    pub async fn open(file: &Path) -> Result<Self, OpenError> {
        let file = lock::one_name(file).map_err(|error| connect::no_file(file, &error))?;
        let lock = Lock::take(&file)?;
        let mut writer = connect::first_writer(&file).await?;
        let identity = Identity::of(&file).map_err(|error| connect::no_file(&file, &error))?;
        connect::migrate(&file, &mut writer).await?;
        let read = connect::readers(&file, false).await;
        let read = read.map_err(|error| connect::refused(&file, &error))?;
        Ok(Self::new((file, identity), Some(writer), read, Some(lock)))
    }

    /// Opens a file that another process may be serving: takes no lock, changes nothing, refuses to commit.
    pub async fn open_read_only(file: &Path) -> Result<Self, OpenError> {
        if !file.is_file() {
            return Err(OpenError::Missing(file.to_path_buf()));
        }
        let read = connect::readers(file, true).await;
        let read = read.map_err(|error| connect::refused(file, &error))?;
        connect::check_schema(file, &read.lists).await?;
        let identity = Identity::of(file).map_err(|error| connect::no_file(file, &error))?;
        Ok(Self::new((file.to_path_buf(), identity), None, read, None))
    }

    fn new(
        (file, identity): (PathBuf, Identity),
        writer: Option<SqliteConnection>,
        readers: Readers,
        lock: Option<Lock>,
    ) -> Self {
        let write = Arc::new(Mutex::new(writer));
        let lock = Arc::new(sync::Mutex::new(lock));
        let Readers { rounds, lists: read } = readers;
        let (broken, troubled, probing) = (Broken::default(), Troubled::default(), Arc::default());
        Self { write, read, rounds, file, identity, broken, troubled, probing, lock }
    }

    /// Ends the store after the batch in flight, whoever else still holds it: it writes no more, and another process may
    /// have the file. What is committed is on disk in any case; this brings it all into one file.
    pub async fn close(&self) {
        drop(self.end().await);
    }

    /// The same, with the lock still held: whoever drops it lets others have the file.
    pub(crate) async fn end(&self) -> Option<Lock> {
        self.read.close().await;
        self.rounds.close().await;
        let mut slot = self.write.lock().await;
        if let Some(writer) = slot.take() {
            connect::discard(writer).await;
        }
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads, unless the store is known to be broken, and remembers it when the answer says so.
    pub(crate) fn reads<'a, T>(
        &'a self,
        read: impl Future<Output = Result<T, ReadError>> + Send + 'a,
    ) -> Answering<'a, Result<T, ReadError>> {
        Box::pin(async move {
            self.must_be_whole()?;
            read.await.inspect_err(|error| match error {
                ReadError::Trouble(trouble) => self.heard(trouble),
                ReadError::Cursor | ReadError::Unreadable { .. } => {}
            })
        })
    }

    fn must_be_whole(&self) -> Result<(), Trouble> {
        self.broken.get().map_or(Ok(()), |what| Err(Trouble::Broken(what.clone())))
    }

    fn heard(&self, trouble: &Trouble) {
        match trouble {
            Trouble::Broken(what) => broke(&self.broken, what),
            Trouble::DiskFull | Trouble::Unavailable(_) => {}
        }
    }
}

/// Remembers that the store can't be trusted any more. The first reason stays.
fn broke(broken: &Broken, what: &str) {
    if broken.set(what.to_owned()).is_ok() {
        tracing::error!(what, "the store can't be trusted any more");
    }
}

/// Whether this process may write to the file. Asked with the writer's connection in hand, as that is when it is given up.
fn may_write(lock: &sync::Mutex<Option<Lock>>) -> Result<(), Trouble> {
    match *lock.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(_) => Ok(()),
        None => {
            Err(Trouble::Unavailable("it was opened for reading only, or is closed".to_owned()))
        }
    }
}

impl Store for SqliteStore {
    fn shared(&self) -> bool {
        false
    }

    fn broken(&self) -> Answering<'_, String> {
        Box::pin(async { self.broken.wait().await.clone() })
    }

    /// Runs in a task of its own, so that a transaction is carried to its end whoever stops waiting for it. The WAL is brought
    /// back, when that is due, after the answer.
    fn commit(&self, batch: Arc<Batch>) -> Answering<'_, Commit> {
        let lock = Arc::clone(&self.lock);
        let (write, broken) = (Arc::clone(&self.write), Arc::clone(&self.broken));
        let (file, identity) = (self.file.clone(), self.identity);
        let troubled = Arc::clone(&self.troubled);
        let (done, answer) = oneshot::channel();
        Box::pin(async move {
            tokio::spawn(async move {
                let mut slot = write.lock_owned().await;
                if let Err(trouble) = may_write(&lock) {
                    drop(done.send(Commit::NotDone(trouble)));
                    return;
                }
                if let Some(what) = broken.get() {
                    drop(done.send(Commit::Fatal(what.clone())));
                    return;
                }
                if let Err(what) = identity.check(&file) {
                    broke(&broken, &what);
                    drop(done.send(Commit::Fatal(what)));
                    return;
                }
                let commit = commit::commit(&file, &mut slot, &batch).await;
                room::note(&troubled, &commit);
                if let Commit::Fatal(what) = &commit {
                    broke(&broken, what);
                }
                drop(done.send(commit)); // whoever asked may be gone
                if let Some(db) = slot.as_mut() {
                    wal::bring_back(db, &broken).await;
                }
            });
            let ended =
                || Commit::Doubt("the task that wrote it ended without an answer".to_owned());
            answer.await.unwrap_or_else(|_| ended())
        })
    }

    fn heads(&self, merchants: Vec<MerchantId>) -> Answering<'_, Result<Vec<HeadRead>, Trouble>> {
        Box::pin(async move {
            self.must_be_whole()?;
            let read = heads::heads(&self.rounds, merchants).await;
            read.inspect_err(|trouble| self.heard(trouble))
        })
    }

    reads!();
}
