//! A file as books that are moved, and what is written into one that is a backup.

use tally_actors::domain::time::At;
use tally_actors::ports::{Answering, ReadError, Trouble};

use super::SqliteStore;
use crate::books::Tables;
use crate::sql::db::Pool;
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::Values;

impl Tables for SqliteStore {
    fn reading(&self) -> &Pool {
        &self.read
    }

    fn reads<'a, T: Send + 'a>(
        &'a self,
        read: impl Future<Output = Result<T, ReadError>> + Send + 'a,
    ) -> Answering<'a, Result<T, ReadError>> {
        Self::reads(self, read)
    }

    fn writes(
        &self,
        text: &str,
        values: &Values<'_>,
    ) -> impl Future<Output = Result<u64, Trouble>> + Send {
        self.write(text, values)
    }

    fn named(&self) -> String {
        self.file.display().to_string()
    }

    fn checked(&self) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(Self::check(self))
    }

    fn closed(&self) -> Answering<'_, ()> {
        Box::pin(Self::close(self))
    }
}

impl SqliteStore {
    /// Writes into the file that it is a backup, of which books, and when it was begun and ended: in place of what an earlier
    /// try may have written.
    pub(crate) async fn is_backup(
        &self,
        source: &str,
        begun: At,
        ended: At,
    ) -> Result<(), Trouble> {
        self.write("delete from backups", &[]).await?;
        let row = "insert into backups (begun_ms, ended_ms, source) values (?, ?, ?)";
        let ended = ended.ms().max(begun.ms());
        self.write(row, &[Integer(begun.ms()), Integer(ended), Text(source)]).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tally_actors::ports::{Batch, Commit, Store};

    use super::*;
    use crate::books::Books;
    use crate::fixture::{Shops, register};

    async fn all(store: &SqliteStore, limit: u32) -> Vec<String> {
        let (mut found, mut after) = (vec![], String::new());
        loop {
            let part = store.merchants_after(after, limit).await.unwrap();
            let Some(last) = part.last() else { return found };
            after = last.clone();
            found.extend(part);
        }
    }

    #[tokio::test]
    async fn merchants_without_a_head_or_without_events_are_named_too() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        assert!(all(&store, 2).await.is_empty());
        let mut shops = Shops::new();
        let ids = ["b", "d", "e", "f", "z"];
        let runs = ids.map(|id| shops.run(id, vec![register()])).to_vec();
        assert_eq!(store.commit(Arc::new(Batch { runs })).await, Commit::Committed);
        for limit in [1, 2, 3, 5, 200] {
            assert_eq!(all(&store, limit).await, ids, "{limit} a part");
        }
        for id in ["a", "c", "c d", "zz"] {
            let stray = "insert into journal values (?, 1, zeroblob(32), x'00')";
            store.write(stray, &[Text(id)]).await.unwrap();
        }
        store.write("delete from journal where merchant_id = 'e'", &[]).await.unwrap();
        for limit in [1, 2, 3, 5, 200] {
            let found = all(&store, limit).await;
            let named = |id: &&str| found.iter().any(|found| found == id);
            assert!(["a", "b", "c", "d", "e", "f", "z", "zz"].iter().all(named), "{found:?}");
            assert!(found.is_sorted());
        }
    }
}
