//! A file as books that are moved, and what is written into one that is a backup.

use sqlx::AssertSqlSafe;
use tally_actors::domain::time::At;
use tally_actors::ports::{Answering, ReadError, Trouble};

use super::SqliteStore;
use super::errors::read_error;
use super::rows::Fields;
use crate::books::{Books, Profile};
use crate::keys::{NewKey, nobody};

const HEADS: &str =
    "select merchant_id from heads where merchant_id > ? order by merchant_id limit ?";

const KEYS: &str =
    "select key_hash, key_id, merchant_id, name, created_ms from keys order by key_id";

const PROFILES: &str =
    "select openid, profile, stored_ms from profiles where openid > ? order by openid limit ?";

impl Books for SqliteStore {
    fn merchants_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<String>, ReadError>> {
        self.reads(async move {
            let heads: Vec<String> = sqlx::query_scalar(HEADS)
                .bind(&after)
                .bind(i64::from(limit))
                .fetch_all(&self.read)
                .await
                .map_err(|error| read_error(&error))?;
            // The merchant that follows in the journal after each: one without a head is the first of its gap, at the latest.
            let sql = vec![NEXT; heads.len() + 1].join(" union all ");
            let mut next = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&after);
            for head in &heads {
                next = next.bind(head);
            }
            let next: Vec<Option<String>> =
                next.fetch_all(&self.read).await.map_err(|error| read_error(&error))?;
            let full = heads.len() >= limit as usize;
            let last = heads.last().filter(|_| full).cloned();
            let within = |id: &String| last.as_ref().is_none_or(|last| id <= last);
            let mut all: Vec<String> = next.into_iter().flatten().filter(within).collect();
            all.extend(heads);
            all.sort();
            all.dedup();
            Ok(all)
        })
    }

    fn keys(&self) -> Answering<'_, Result<Vec<NewKey>, ReadError>> {
        self.reads(async {
            let rows = sqlx::query(KEYS).fetch_all(&self.read).await;
            let key = |row| {
                let mut fields = Fields::new(row, nobody());
                Ok(NewKey {
                    key_hash: fields.made(|raw: &[u8]| raw.try_into().ok())?,
                    key_id: fields.text()?,
                    merchant: fields.made_if_any(|raw: &str| raw.parse().ok())?,
                    name: fields.take()?,
                    created_at: fields.at()?,
                })
            };
            rows.map_err(|error| read_error(&error))?.iter().map(key).collect()
        })
    }

    fn keep_key(&self, key: NewKey) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move { self.create_key(&key).await })
    }

    fn remove_key(&self, key: NewKey) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move { self.delete_key(key.merchant, key.key_id).await.map(drop) })
    }

    fn profiles_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Profile>, ReadError>> {
        self.reads(async move {
            let query = sqlx::query(PROFILES).bind(after).bind(i64::from(limit));
            let rows = query.fetch_all(&self.read).await.map_err(|error| read_error(&error))?;
            let profile = |row| {
                let mut fields = Fields::new(row, nobody());
                let (openid, json) = (fields.take()?, fields.take()?);
                Ok(Profile { openid, json, stored_at: fields.at()? })
            };
            rows.iter().map(profile).collect()
        })
    }

    fn keep_profiles(&self, profiles: Vec<Profile>) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let rows = vec!["(?, ?, ?)"; profiles.len()].join(", ");
            let sql = format!(
                "insert into profiles (openid, profile, stored_ms) values {rows} \
                 on conflict (openid) do update set profile = excluded.profile, stored_ms = excluded.stored_ms"
            );
            let mut keep = sqlx::query(AssertSqlSafe(sql));
            for profile in profiles {
                keep = keep.bind(profile.openid).bind(profile.json).bind(profile.stored_at.ms());
            }
            self.write(keep).await.map(drop)
        })
    }

    fn close(&self) -> Answering<'_, ()> {
        Box::pin(Self::close(self))
    }
}

/// The merchant that follows one in the journal, if any.
const NEXT: &str = "select (select min(merchant_id) from journal where merchant_id > ?)";

impl SqliteStore {
    /// Writes into the file that it is a backup, of which books, and when it was begun and ended: in place of what an earlier
    /// try may have written.
    pub(crate) async fn is_backup(
        &self,
        source: &str,
        begun: At,
        ended: At,
    ) -> Result<(), Trouble> {
        self.write(sqlx::query("delete from backups")).await?;
        let row = "insert into backups (begun_ms, ended_ms, source) values (?, ?, ?)";
        let row = sqlx::query(row).bind(begun.ms()).bind(ended.ms().max(begun.ms())).bind(source);
        self.write(row).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tally_actors::ports::{Batch, Commit, Store};

    use super::*;
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
            let stray = sqlx::query("insert into journal values (?, 1, zeroblob(32), x'00')");
            store.write(stray.bind(id)).await.unwrap();
        }
        store.write(sqlx::query("delete from journal where merchant_id = 'e'")).await.unwrap();
        for limit in [1, 2, 3, 5, 200] {
            let found = all(&store, limit).await;
            let named = |id: &&str| found.iter().any(|found| found == id);
            assert!(["a", "b", "c", "d", "e", "f", "z", "zz"].iter().all(named), "{found:?}");
            assert!(found.is_sorted());
        }
    }
}
