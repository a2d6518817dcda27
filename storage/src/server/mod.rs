//! The store in a database on a server: a few writers, and any number of processes.
//!
//! | module | what |
//! |---|---|
//! | `host` | the server, whichever it is: sessions begun and ended |
//! | `writers` | batches, and what becomes of a COMMIT that was not answered |
//! | `books` | keys, profiles and all else beside the journal |
//! | `claims` | which process does whose background work |

mod books;
mod claims;
mod host;
mod writers;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tally_actors::ports::{Batch, Commit, HeadRead, Store, Trouble, Work};
use tokio::sync::oneshot;

use self::host::Host;
use self::writers::{LANES, Writers};
use crate::account;
use crate::place::{Looked, ServerUrl};
use crate::sql::connect::{Purpose, Renewal};
use crate::sql::db::Pool;
use crate::sql::heads;
use crate::sql::store::port::*;
use crate::sql::store::reads;
use crate::sql::value::Value;
use crate::sqlite::{Migrated, OpenError};

/// Connections for the engine's rounds: lookups and heads, two of each at once.
const ROUNDS_MAX: u32 = 4;

/// Connections for lists, and whatever else may take its time.
const LISTS_MAX: u32 = 4;

/// Shows that writes are taken: of nobody there is a row.
const PROBE: &str = "delete from claims where merchant_id = ?";

/// The remedy where they are not.
const GRANT: &str = "grant the user select, insert, update, delete, create, alter, drop and index on it, or name the primary";

/// The store in a database on a server. Other processes may use the same database.
#[derive(Debug)]
pub struct ServerStore {
    host: Host,
    writers: Arc<Writers>,
    /// Connections that read lists, and all else that may take its time.
    pub(crate) read: Pool,
    /// Connections that read for the engine: no list keeps its rounds waiting.
    rounds: Pool,
    /// Why the newest batch was not written, if it was not.
    troubled: Arc<Mutex<Option<Trouble>>>,
}

impl ServerStore {
    /// Opens the database that a URL names, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// In one line, without the URL's password: what is wrong and the remedy.
    pub async fn open(url: &ServerUrl) -> Result<Self, OpenError> {
        let host = Host::look(url.expose()).await?;
        host.migrate().await?;
        Ok(Self::new(host, true))
    }

    /// Opens a database for reading only: changes nothing, refuses to commit.
    ///
    /// # Errors
    ///
    /// As [`ServerStore::open`]; also a schema that this binary does not know.
    pub async fn open_read_only(url: &ServerUrl) -> Result<Self, OpenError> {
        let host = Host::look(url.expose()).await?;
        let store = Self::new(host, false);
        let newest = newest(&store.read).await.map_err(|error| store.host.refused(&error))?;
        store.host.must_know(newest)?;
        Ok(store)
    }

    /// Brings the schema of a database up to date, and does nothing else.
    ///
    /// # Errors
    ///
    /// As [`ServerStore::open`].
    pub async fn migrate(url: &ServerUrl) -> Result<Migrated, OpenError> {
        let host = Host::look(url.expose()).await?;
        let store = Self::new(host, false);
        let from = newest(&store.read).await.unwrap_or(None); // a new database has no table of migrations
        store.host.migrate().await?;
        store.close().await;
        Ok(Migrated { from, to: store.host.newest_migration() })
    }

    /// Looks at a database as a start would find it, and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`ServerStore::open_read_only`]; also a database that takes no writes of ours.
    pub(crate) async fn look(url: &ServerUrl) -> Result<Looked, OpenError> {
        let store = Self::new(Host::look(url.expose()).await?, true);
        let looked = store.looked().await;
        store.close().await;
        looked
    }

    async fn looked(&self) -> Result<Looked, OpenError> {
        let newest = newest(&self.read).await.map_err(|error| self.host.refused(&error))?;
        self.host.must_know(newest)?;
        let place = self.host.place();
        let account = account::read(&self.read).await;
        let account = account.map_err(|error| OpenError::Server(error.to_string()))?;
        self.write(PROBE, &[Value::Text("")]).await.map_err(|trouble| {
            OpenError::Server(format!(
                "the database at {place} takes no writes: {trouble}; {GRANT}"
            ))
        })?;
        let (migration, dangers) = (newest.unwrap_or_default(), self.host.dangers().to_vec());
        Ok(Looked { migration, dangers, account })
    }

    fn new(host: Host, writes: bool) -> Self {
        let renewal = Renewal::default();
        let [read, rounds] =
            [LISTS_MAX, ROUNDS_MAX].map(|max| host.pool(max, Purpose::Read, &renewal));
        let writers = Arc::new(Writers::new(host.clone(), renewal, writes));
        Self { host, writers, read, rounds, troubled: Arc::default() }
    }

    /// Ends the store after what is under way.
    pub async fn close(&self) {
        self.writers.close().await;
        self.read.close().await;
        self.rounds.close().await;
    }

    /// Why batches are not being written. After some were not, this finds out whether the database takes writes again.
    pub async fn check(&self) -> Result<(), Trouble> {
        let known = self.troubled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_none() {
            return Ok(());
        }
        self.write(PROBE, &[Value::Text("")]).await?;
        if known != Some(Trouble::DiskFull) {
            *self.troubled.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Ok(())
    }

    /// Executes a statement that is a transaction of its own. Says how many rows it touched. The statement must bear to be asked
    /// again: after an error nobody knows whether it was committed.
    pub(crate) async fn write(&self, text: &str, values: &[Value<'_>]) -> Result<u64, Trouble> {
        self.writers.with(async |writer| writer.db.db().execute(text, values).await).await
    }

    fn reads<'a, T: Send + 'a>(
        &'a self,
        read: impl Future<Output = Result<T, ReadError>> + Send + 'a,
    ) -> Answering<'a, Result<T, ReadError>> {
        Box::pin(read)
    }

    fn note(troubled: &Mutex<Option<Trouble>>, commit: &Commit) {
        let trouble = match commit {
            Commit::NotDone(trouble) => Some(trouble.clone()),
            Commit::Doubt(what) => Some(Trouble::Unavailable(what.clone())),
            Commit::Committed => None,
            Commit::Conflict(_) | Commit::Refused(_) | Commit::Fatal(_) => return,
        };
        *troubled.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Connections to a database that a URL names, for whoever writes there in a way of his own.
pub(crate) async fn connections(url: &ServerUrl, max: u32) -> Result<Pool, OpenError> {
    Ok(Host::look(url.expose()).await?.pool(max, Purpose::Write, &Renewal::default()))
}

/// The newest migration that a database had applied; `None`: no books were made there.
async fn newest(db: &Pool) -> Result<Option<i64>, sqlx::Error> {
    let rows = db.fetch("select max(version) from _sqlx_migrations", &[]).await?;
    Ok(rows.first().and_then(|row| row.get(0)))
}

impl Store for ServerStore {
    fn shared(&self) -> bool {
        true
    }

    fn lanes(&self) -> usize {
        LANES
    }

    /// A server's disk is no affair of this process: another server, or the same one mended, may go on.
    fn broken(&self) -> Answering<'_, String> {
        Box::pin(std::future::pending())
    }

    /// Runs in a task of its own, so that a transaction is carried to its end whoever stops waiting for it.
    fn commit(&self, batch: Arc<Batch>) -> Answering<'_, Commit> {
        let (writers, troubled) = (Arc::clone(&self.writers), Arc::clone(&self.troubled));
        let (done, answer) = oneshot::channel();
        Box::pin(async move {
            tokio::spawn(async move {
                let commit = writers.commit(&batch).await;
                Self::note(&troubled, &commit);
                drop(done.send(commit)); // whoever asked may be gone
            });
            let ended =
                || Commit::Doubt("the task that wrote it ended without an answer".to_owned());
            answer.await.unwrap_or_else(|_| ended())
        })
    }

    fn claim(
        &self,
        work: Work,
        of: Vec<MerchantId>,
        holder: Arc<str>,
        term: Duration,
    ) -> Answering<'_, Result<Vec<MerchantId>, Trouble>> {
        Box::pin(async move {
            let claim = async |writer: &mut host::Writer| {
                claims::claim(&mut writer.db.db(), work, &of, &holder, term).await
            };
            self.writers.with(claim).await
        })
    }

    fn heads(&self, merchants: Vec<MerchantId>) -> Answering<'_, Result<Vec<HeadRead>, Trouble>> {
        Box::pin(heads::heads(&self.rounds, merchants))
    }

    reads!();
}
