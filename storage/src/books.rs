//! The books of a service, wherever they are: the engine's store, and what stands beside its journal.

use tally_actors::domain::ids::{KeyId, MerchantId, RunNo};
use tally_actors::domain::time::At;
use tally_actors::ports::{Answering, Page, Part, ReadError, Store, Trouble};

use crate::account::{self, Kept};
use crate::audit::{self, AuditError, Report, StoredHead};
use crate::bank_runs::{self, BankRun, RunItem, Waiting};
use crate::keys::{self, Key, ListedKey};
use crate::reconciliations::Reconciliations;
use crate::restores::{self, Release, Restore};
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::moving;
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::Values;
use crate::webhooks::Outbox;

/// A customer's profile, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Whose.
    pub openid: String,
    /// JSON, every field that WeChat gave.
    pub json: String,
    /// When it was handed over.
    pub stored_at: At,
}

/// A database with all that a service keeps.
pub trait Books: Store + Outbox + Reconciliations {
    /// Where it is, without a password.
    fn place(&self) -> String;

    /// Why batches are not being written, or would be lost. After some were not, this finds out whether they can be again.
    fn check(&self) -> Answering<'_, Result<(), Trouble>>;

    /// Ends it: it writes no more, and what it wrote is on disk.
    fn close(&self) -> Answering<'_, ()>;

    /// Works out every row anew from the journal and compares, of one merchant or of all; a report without events about one
    /// merchant says that it was never registered.
    fn audit(&self, of: Option<MerchantId>) -> Answering<'_, Result<Report, AuditError>>;

    /// The row of a merchant's head as it is stored, whatever is in it; `None`: there is none.
    fn stored_head(&self, of: MerchantId) -> Answering<'_, Result<Option<StoredHead>, AuditError>>;

    /// Ids of merchants after this text, in the order of their bytes, at most so many; none at the end. Every merchant whom a
    /// head or an event names is among them, whether or not the rest of it can be read.
    fn merchants_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<String>, ReadError>>;

    /// All API keys, by their ids.
    fn keys(&self) -> Answering<'_, Result<Vec<Key>, ReadError>>;

    /// The key of that hash, as it is now; `None`: there is none, or it was removed.
    fn key(&self, key_hash: [u8; 32]) -> Answering<'_, Result<Option<Key>, ReadError>>;

    /// The keys of a merchant, or with `None` the admins', newest first.
    fn list_keys(
        &self,
        of: Option<MerchantId>,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedKey>, ReadError>>;

    /// Keeps a key that is not there. It waits its turn behind the batches that are being written.
    fn create_key(&self, key: Key) -> Answering<'_, Result<(), Trouble>>;

    /// Removes a key of a merchant, or with `None` an admin's. `false`: there is no such key.
    fn delete_key(
        &self,
        of: Option<MerchantId>,
        key_id: KeyId,
    ) -> Answering<'_, Result<bool, Trouble>>;

    /// A customer's profile; `None`: none was handed over.
    fn profile(&self, openid: String) -> Answering<'_, Result<Option<Profile>, ReadError>>;

    /// Customers' profiles after this openid, in the order of their openids' bytes, at most so many; none at the end.
    fn profiles_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Profile>, ReadError>>;

    /// Keeps profiles in place of earlier ones of the same customers, in one transaction. No openid is there twice.
    fn keep_profiles(&self, profiles: Vec<Profile>) -> Answering<'_, Result<(), Trouble>>;

    /// The times that the books were put back from an earlier state, the newest first.
    fn restores(&self) -> Answering<'_, Result<Vec<Restore>, ReadError>>;

    /// Keeps such a time, in place of what was kept of it.
    fn keep_restore(&self, restore: Restore) -> Answering<'_, Result<(), Trouble>>;

    /// Remembers of a restore when all that the books have open had been looked up.
    fn looked_up(&self, restored_at: At, at: At) -> Answering<'_, Result<(), Trouble>>;

    /// Ends the freeze of a restore. `false`: there is none, it was ended before, or what is open was not looked up yet.
    fn release(&self, restored_at: At, release: Release) -> Answering<'_, Result<bool, Trouble>>;

    /// When the backup was begun whose file these books are; `None`: they are no backup.
    fn backup_begun(&self) -> Answering<'_, Result<Option<At>, ReadError>>;

    /// Forgets that these books are a backup's file: they are marked as restored, and go on from here.
    fn backup_no_more(&self) -> Answering<'_, Result<(), Trouble>>;

    /// The account at the payment channel that the books are kept with; `None`: no start has kept one yet.
    fn account(&self) -> Answering<'_, Result<Option<Kept>, ReadError>>;

    /// Keeps the first account. Fails where there is one: who asks again reads whose it is.
    fn begin_account(&self, kept: Kept) -> Answering<'_, Result<(), Trouble>>;

    /// Keeps an account in place of the one before.
    fn keep_account(&self, kept: Kept) -> Answering<'_, Result<(), Trouble>>;

    /// Bank runs, the newest first.
    fn bank_runs(&self, page: Page) -> Answering<'_, Result<Part<BankRun>, ReadError>>;

    /// The bank run of a number; `None`: there is none.
    fn bank_run(&self, run_no: RunNo) -> Answering<'_, Result<Option<BankRun>, ReadError>>;

    /// The withdrawals of a bank run as they now are, by merchant and number.
    fn bank_run_items(&self, run_no: RunNo) -> Answering<'_, Result<Vec<RunItem>, ReadError>>;

    /// Withdrawals by hand that wait for a bank run, of one merchant or of all, after one of them, oldest first, at most so many.
    fn waiting_for_run(
        &self,
        of: Option<MerchantId>,
        after: Option<Waiting>,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Waiting>, ReadError>>;

    /// Keeps a bank run that is not there. Fails where there is one: who asks again reads what it is.
    fn begin_bank_run(&self, run: BankRun) -> Answering<'_, Result<(), Trouble>>;

    /// Keeps a bank run in place of what was kept of it.
    fn keep_bank_run(&self, run: BankRun) -> Answering<'_, Result<(), Trouble>>;

    /// Says of a bank run that it is finished.
    fn finish_bank_run(&self, run_no: RunNo) -> Answering<'_, Result<(), Trouble>>;
}

/// A store that speaks SQL.
pub(crate) trait Tables: Store {
    /// Connections that read what may take its time.
    fn reading(&self) -> &Pool;

    /// Reads, as the store lets others read.
    fn reads<'a, T: Send + 'a>(
        &'a self,
        read: impl Future<Output = Result<T, ReadError>> + Send + 'a,
    ) -> Answering<'a, Result<T, ReadError>>;

    /// Executes a statement that is a transaction of its own, in whose text `?` stands for each value. Says how many rows it
    /// touched. The statement must bear to be asked again: after an error nobody knows whether it was committed.
    fn writes(
        &self,
        text: &str,
        values: &Values<'_>,
    ) -> impl Future<Output = Result<u64, Trouble>> + Send;

    /// [`Books::place`].
    fn named(&self) -> String;

    /// [`Books::check`].
    fn checked(&self) -> Answering<'_, Result<(), Trouble>>;

    /// [`Books::close`].
    fn closed(&self) -> Answering<'_, ()>;
}

impl<S: Tables> Books for S {
    fn place(&self) -> String {
        self.named()
    }

    fn check(&self) -> Answering<'_, Result<(), Trouble>> {
        self.checked()
    }

    fn close(&self) -> Answering<'_, ()> {
        self.closed()
    }

    fn audit(&self, of: Option<MerchantId>) -> Answering<'_, Result<Report, AuditError>> {
        Box::pin(audit::audit(self.reading(), of))
    }

    fn stored_head(&self, of: MerchantId) -> Answering<'_, Result<Option<StoredHead>, AuditError>> {
        Box::pin(audit::stored_head(self.reading(), of))
    }

    fn merchants_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<String>, ReadError>> {
        self.reads(moving::merchants_after(self.reading(), after, limit))
    }

    fn keys(&self) -> Answering<'_, Result<Vec<Key>, ReadError>> {
        self.reads(keys::all(self.reading()))
    }

    fn key(&self, key_hash: [u8; 32]) -> Answering<'_, Result<Option<Key>, ReadError>> {
        self.reads(keys::of_hash(self.reading(), key_hash))
    }

    fn list_keys(
        &self,
        of: Option<MerchantId>,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedKey>, ReadError>> {
        self.reads(keys::list(self.reading(), of, page))
    }

    fn create_key(&self, key: Key) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let create = keys::create_sql(self.reading().dialect());
            self.writes(&create, &keys::created(&key)).await.map(drop)
        })
    }

    fn delete_key(
        &self,
        of: Option<MerchantId>,
        key_id: KeyId,
    ) -> Answering<'_, Result<bool, Trouble>> {
        Box::pin(async move {
            let delete = keys::delete_sql(self.reading().dialect());
            let removed = self.writes(&delete, &keys::deleted(&of, &key_id)).await;
            removed.map(|removed| removed > 0)
        })
    }

    fn profile(&self, openid: String) -> Answering<'_, Result<Option<Profile>, ReadError>> {
        self.reads(moving::profile(self.reading(), openid))
    }

    fn profiles_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Profile>, ReadError>> {
        self.reads(moving::profiles_after(self.reading(), after, limit))
    }

    fn keep_profiles(&self, profiles: Vec<Profile>) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = moving::keep_profiles(self.reading().dialect(), &profiles);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn restores(&self) -> Answering<'_, Result<Vec<Restore>, ReadError>> {
        self.reads(restores::all(self.reading()))
    }

    fn keep_restore(&self, restore: Restore) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = restores::keep(self.reading().dialect(), &restore);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn looked_up(&self, restored_at: At, at: At) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let values = [Integer(at.ms()), Integer(restored_at.ms())].to_vec();
            self.writes(restores::LOOKED_UP, &values).await.map(drop)
        })
    }

    fn release(&self, restored_at: At, release: Release) -> Answering<'_, Result<bool, Trouble>> {
        Box::pin(async move {
            let Release { at, by, note } = &release;
            let values =
                [Integer(at.ms()), Text(by.as_str()), Text(note), Integer(restored_at.ms())];
            let released = self.writes(restores::RELEASE, &values.to_vec()).await?;
            Ok(released > 0)
        })
    }

    fn backup_begun(&self) -> Answering<'_, Result<Option<At>, ReadError>> {
        self.reads(restores::backup_begun(self.reading()))
    }

    fn backup_no_more(&self) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            match self.reading().dialect() {
                Dialect::Sqlite => {
                    self.writes("delete from backups", &Values::new()).await.map(drop)
                }
                Dialect::Mysql | Dialect::Postgres => Ok(()), // a backup is a file
            }
        })
    }

    fn account(&self) -> Answering<'_, Result<Option<Kept>, ReadError>> {
        self.reads(account::read(self.reading()))
    }

    fn begin_account(&self, kept: Kept) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = account::begin(&kept);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn keep_account(&self, kept: Kept) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = account::keep(self.reading().dialect(), &kept);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn bank_runs(&self, page: Page) -> Answering<'_, Result<Part<BankRun>, ReadError>> {
        self.reads(bank_runs::list(self.reading(), page))
    }

    fn bank_run(&self, run_no: RunNo) -> Answering<'_, Result<Option<BankRun>, ReadError>> {
        self.reads(bank_runs::one(self.reading(), run_no))
    }

    fn bank_run_items(&self, run_no: RunNo) -> Answering<'_, Result<Vec<RunItem>, ReadError>> {
        self.reads(bank_runs::items(self.reading(), run_no))
    }

    fn waiting_for_run(
        &self,
        of: Option<MerchantId>,
        after: Option<Waiting>,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Waiting>, ReadError>> {
        self.reads(bank_runs::waiting(self.reading(), of, after, limit))
    }

    fn begin_bank_run(&self, run: BankRun) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = bank_runs::begin(&run);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn keep_bank_run(&self, run: BankRun) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = bank_runs::keep(self.reading().dialect(), &run);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn finish_bank_run(&self, run_no: RunNo) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            self.writes(bank_runs::FINISH, &vec![Text(run_no.as_str())]).await.map(drop)
        })
    }
}
