//! Batches on their way to the server: a few connections, and what becomes of a COMMIT that was not answered.
//!
//! | what happens | what is done | the answer |
//! |---|---|---|
//! | no connection | | not done |
//! | the server refuses by its own word (`errors.rs` of each) | the transaction is undone | not done, conflict or refused |
//! | COMMIT is not answered, or anything takes too long | the session is ended by its id, a COMMIT that is under way awaited; then its last rows are looked for | committed, or not done |
//! | the session is not over in time | it must be over before more of its merchants is written | doubt |

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{Batch, Commit, Run, Trouble};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::host::{Host, Session, Writer};
use crate::sql::commit::{self, Tried};
use crate::sql::connect::Renewal;
use crate::sql::heads;
use crate::sql::meaning::Meaning;

/// Batches written at once.
pub(super) const LANES: usize = 4;

/// How long a transaction may take, connecting included.
const COMMIT_MAX: Duration = Duration::from_secs(4);

/// How long it may take to end a session and to look for what it wrote.
const DOUBT_MAX: Duration = Duration::from_secs(3);

/// How long a goodbye may take.
const GOODBYE_MAX: Duration = Duration::from_millis(200);

/// The connections that write.
#[derive(Debug)]
pub(super) struct Writers {
    host: Host,
    free: Mutex<Vec<Writer>>,
    /// Of the connections that read.
    renewal: Renewal,
    turns: Semaphore,
    doubts: Mutex<Vec<Doubt>>,
}

/// A session that may still commit something, and is not known to be over.
#[derive(Debug, Clone)]
struct Doubt {
    session: Session,
    /// Whose rows it may commit.
    of: Vec<MerchantId>,
}

impl Writers {
    /// None of them is let write where `writes` says so.
    pub(super) fn new(host: Host, renewal: Renewal, writes: bool) -> Self {
        let (free, doubts) = (Mutex::default(), Mutex::default());
        let turns = Semaphore::new(LANES);
        if !writes {
            turns.close();
        }
        Self { host, free, renewal, turns, doubts }
    }

    /// Writes a batch, and says what became of it, within seconds.
    pub(super) async fn commit(&self, batch: &Batch) -> Commit {
        let _turn = match self.turn().await {
            Ok(turn) => turn,
            Err(trouble) => return Commit::NotDone(trouble),
        };
        if let Err(trouble) = self.end_doubts(batch).await {
            return Commit::NotDone(trouble);
        }
        let mut writer = match self.take().await {
            Ok(writer) => writer,
            Err(trouble) => return Commit::NotDone(trouble),
        };
        let words = self.host.words();
        let tried = timeout(COMMIT_MAX, commit::attempt(&mut writer.db.db(), words, batch)).await;
        match tried {
            Ok(Tried::Answered(answer)) => {
                self.free().push(writer);
                answer
            }
            Ok(Tried::Lost(answer)) => {
                self.renew();
                goodbye(writer).await;
                answer
            }
            Ok(Tried::Unsure(runs, meaning)) => {
                let why = meaning.trouble().to_string();
                self.find_out(writer, &runs, why).await
            }
            Err(_) => {
                let runs: Vec<&Run> = batch.runs.iter().collect();
                self.find_out(writer, &runs, "the database takes too long".to_owned()).await
            }
        }
    }

    /// Executes something else that is a transaction of its own on one of the connections.
    pub(super) async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut Writer) -> Result<T, sqlx::Error>,
    ) -> Result<T, Trouble> {
        let _turn = self.turn().await?;
        let mut writer = self.take().await?;
        match timeout(COMMIT_MAX, work(&mut writer)).await {
            Ok(Ok(done)) => {
                self.free().push(writer);
                Ok(done)
            }
            Ok(Err(error)) => {
                let meaning = self.host.dialect().meaning(&error);
                if matches!(meaning, Meaning::Gone(_)) {
                    self.renew();
                }
                goodbye(writer).await;
                Err(meaning.trouble())
            }
            Err(_) => Err(Trouble::Unavailable("the database takes too long".to_owned())),
        }
    }

    /// Writes no more after what is under way.
    pub(super) async fn close(&self) {
        let all = u32::try_from(LANES).expect("a few");
        let turns = self.turns.acquire_many(all).await;
        self.turns.close();
        drop(turns);
        let free = std::mem::take(&mut *self.free());
        for writer in free {
            goodbye(writer).await;
        }
    }

    /// Where one connection is of no more use, those made before it may be so too: after a failover they may lead to what was the
    /// primary, and read what is old.
    fn renew(&self) {
        self.free().clear();
        self.renewal.now();
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        let closed = "it was opened for reading only, or is closed";
        self.turns.acquire().await.map_err(|_| Trouble::Unavailable(closed.to_owned()))
    }

    async fn take(&self) -> Result<Writer, Trouble> {
        let free = self.free().pop();
        match free {
            Some(writer) => Ok(writer),
            None => self.begin().await,
        }
    }

    async fn begin(&self) -> Result<Writer, Trouble> {
        let meaning = |error| self.host.dialect().meaning(&error).trouble();
        match timeout(COMMIT_MAX, self.host.writer()).await {
            Ok(begun) => begun.map_err(meaning),
            Err(_) => Err(Trouble::Unavailable("the database takes too long".to_owned())),
        }
    }

    /// Ends the session whose COMMIT was not answered, then looks for the last row of each run.
    async fn find_out(&self, writer: Writer, runs: &[&Run], why: String) -> Commit {
        self.renew();
        let Writer { db, session } = writer;
        drop(db); // without a goodbye: it may not be heard
        let looking = async {
            let mut other = self.host.writer().await?;
            session.end(&mut other.db).await?;
            let written = heads::written(&mut other.db.db(), runs).await?;
            self.free().push(other);
            Ok::<_, sqlx::Error>(written.len() == runs.len())
        };
        match timeout(DOUBT_MAX, looking).await {
            Ok(Ok(true)) => Commit::Committed,
            Ok(Ok(false)) => Commit::NotDone(Trouble::Unavailable(why)),
            Ok(Err(_)) | Err(_) => {
                let of = runs.iter().map(|run| run.merchant).collect();
                self.doubts().push(Doubt { session, of });
                Commit::Doubt(why)
            }
        }
    }

    /// Nothing of a merchant is written while a session lives that may still commit what nobody knows of. Other merchants don't
    /// wait for it: it holds nothing of theirs.
    async fn end_doubts(&self, batch: &Batch) -> Result<(), Trouble> {
        let doubts = self.doubts_about(batch);
        if doubts.is_empty() {
            return Ok(());
        }
        let mut writer = self.begin().await?;
        for Doubt { session, .. } in &doubts {
            let why = match timeout(DOUBT_MAX, session.end(&mut writer.db)).await {
                // By its own id: another lane may have left one more meanwhile.
                Ok(Ok(())) => {
                    self.doubts().retain(|doubt| doubt.session != *session);
                    continue;
                }
                Ok(Err(error)) => self.host.dialect().meaning(&error).trouble(),
                Err(_) => Trouble::Unavailable("an earlier COMMIT is not over yet".to_owned()),
            };
            goodbye(writer).await;
            return Err(why);
        }
        self.free().push(writer);
        Ok(())
    }

    fn doubts_about(&self, batch: &Batch) -> Vec<Doubt> {
        let doubts = self.doubts();
        if doubts.is_empty() {
            return vec![];
        }
        let of: HashSet<MerchantId> = batch.runs.iter().map(|run| run.merchant).collect();
        let about = |doubt: &&Doubt| doubt.of.iter().any(|merchant| of.contains(merchant));
        doubts.iter().filter(about).cloned().collect()
    }

    fn free(&self) -> MutexGuard<'_, Vec<Writer>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doubts(&self) -> MutexGuard<'_, Vec<Doubt>> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a connection that is of no more use.
async fn goodbye(writer: Writer) {
    drop(timeout(GOODBYE_MAX, writer.db.close()).await); // the server finds out by itself
}
