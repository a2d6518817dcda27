//! Books as they are moved, in any database: which merchants there are, and what stands beside the journal.

use tally_actors::ports::{Answering, ReadError, Store, Trouble};

use super::db::Pool;
use super::lists;
use super::rows::Fields;
use super::value::Value;
use super::value::Value::{Integer, Text};
use crate::books::{Books, Profile};
use crate::keys::{self, NewKey, nobody};
use crate::profiles;

const HEADS: &str =
    "select merchant_id from heads where merchant_id > ? order by merchant_id limit ?";

/// The merchant that follows one in the journal, if any.
const NEXT: &str = "select (select min(merchant_id) from journal where merchant_id > ?) as next_id";

const KEYS: &str =
    "select key_hash, key_id, merchant_id, name, created_ms from keys order by key_id";

const PROFILES: &str =
    "select openid, profile, stored_ms from profiles where openid > ? order by openid limit ?";

/// What a store must have so that its tables can be moved: all that differs is how it reads and writes.
pub(crate) trait Tables: Store {
    /// Connections that read.
    fn pool(&self) -> &Pool;

    /// Reads, and takes note of what the answer says of the store.
    fn reading<'a, T: Send + 'a>(
        &'a self,
        read: Answering<'a, Result<T, ReadError>>,
    ) -> Answering<'a, Result<T, ReadError>>;

    /// Executes a statement that is a transaction of its own. Says how many rows it touched.
    fn execute<'a>(
        &'a self,
        text: &'a str,
        values: &'a [Value<'a>],
    ) -> Answering<'a, Result<u64, Trouble>>;

    /// Ends the store.
    fn end(&self) -> Answering<'_, ()>;
}

impl<S: Tables> Books for S {
    fn merchants_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<String>, ReadError>> {
        self.reading(Box::pin(merchants_after(self.pool(), after, limit)))
    }

    fn keys(&self) -> Answering<'_, Result<Vec<NewKey>, ReadError>> {
        self.reading(Box::pin(all_keys(self.pool())))
    }

    fn keep_key(&self, key: NewKey) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move { self.execute(keys::CREATE, &keys::values(&key)).await.map(drop) })
    }

    fn remove_key(&self, key: NewKey) -> Answering<'_, Result<(), Trouble>> {
        let delete = "delete from keys where key_id = ?";
        Box::pin(async move { self.execute(delete, &[Text(key.key_id.as_str())]).await.map(drop) })
    }

    fn profiles_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Profile>, ReadError>> {
        self.reading(Box::pin(profiles_after(self.pool(), after, limit)))
    }

    fn keep_profiles(&self, profiles: Vec<Profile>) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let text = profiles::keep(self.pool().dialect(), profiles.len());
            let values: Vec<Value<'_>> = profiles.iter().flat_map(Profile::values).collect();
            self.execute(&text, &values).await.map(drop)
        })
    }

    fn close(&self) -> Answering<'_, ()> {
        self.end()
    }
}

/// The merchants of a page of heads, and between them those that only the journal names.
async fn merchants_after(db: &Pool, after: String, limit: u32) -> Result<Vec<String>, ReadError> {
    let values = [Text(&after), Integer(i64::from(limit))];
    let heads = texts(db, HEADS, &values).await?;
    // What follows each in the journal: a merchant without a head is the first of its gap, at the latest.
    let text = vec![NEXT; heads.len() + 1].join(" union all ");
    let values: Vec<Value<'_>> = [&after].into_iter().chain(&heads).map(|id| Text(id)).collect();
    let mut all = texts(db, &text, &values).await?;
    if heads.len() >= limit as usize {
        all.retain(|id| heads.last().is_none_or(|last| id <= last)); // the next page has the others
    }
    all.extend(heads);
    all.sort();
    all.dedup();
    Ok(all)
}

/// The first column of each row, but for nulls.
async fn texts(db: &Pool, text: &str, values: &[Value<'_>]) -> Result<Vec<String>, ReadError> {
    let rows = lists::fetch(db, text, values).await?;
    let texts = rows.iter().map(|row| Fields::new(row, nobody()).take::<Option<String>>());
    texts.filter_map(Result::transpose).collect()
}

async fn all_keys(db: &Pool) -> Result<Vec<NewKey>, ReadError> {
    let rows = lists::fetch(db, KEYS, &[]).await?;
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
    rows.iter().map(key).collect()
}

async fn profiles_after(db: &Pool, after: String, limit: u32) -> Result<Vec<Profile>, ReadError> {
    let rows = lists::fetch(db, PROFILES, &[Text(&after), Integer(i64::from(limit))]).await?;
    let profile = |row| {
        let mut fields = Fields::new(row, nobody());
        Ok(Profile { openid: fields.take()?, json: fields.take()?, stored_at: fields.at()? })
    };
    rows.iter().map(profile).collect()
}

impl Profile {
    fn values(&self) -> [Value<'_>; 3] {
        [Text(&self.openid), Text(&self.json), Integer(self.stored_at.ms())]
    }
}
