//! API keys: who may call `/v1`. They are no facts about money, so they stand outside of the journal.

use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::time::At;
use tally_actors::ports::{Page, Part, ReadError, Trouble};

use crate::sql::row::Row;
use crate::sql::rows::Fields;
use crate::sql::value::Value;
use crate::sql::value::Value::{Bytes, Integer, Text};
use crate::sql::{cursor, lists};
use crate::sqlite::SqliteStore;

/// A key to keep. The key itself never comes here, only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// BLAKE3 of the key.
    pub key_hash: [u8; 32],
    /// Its public name.
    pub key_id: KeyId,
    /// Whose; `None`: an admin's.
    pub merchant: Option<MerchantId>,
    /// What it is called, for people.
    pub name: String,
    /// When it was made.
    pub created_at: At,
}

/// A key as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Its public name.
    pub key_id: KeyId,
    /// What it is called, for people.
    pub name: String,
    /// When it was made.
    pub created_at: At,
}

/// What recognizes a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey {
    /// BLAKE3 of the key.
    pub key_hash: [u8; 32],
    /// Its public name.
    pub key_id: KeyId,
    /// Whose; `None`: an admin's.
    pub merchant: Option<MerchantId>,
}

impl SqliteStore {
    /// Keeps a key. It waits its turn behind the batches that are being written.
    pub async fn create_key(&self, new: &NewKey) -> Result<(), Trouble> {
        let values = [
            Text(new.key_id.as_str()),
            Bytes(&new.key_hash),
            merchant(&new.merchant),
            Text(&new.name),
            Integer(new.created_at.ms()),
        ];
        self.write(CREATE, &values).await.map(drop)
    }

    /// The keys of a merchant, or with `None` the admins', newest first.
    pub async fn list_keys(
        &self,
        of: Option<MerchantId>,
        page: Page,
    ) -> Result<Part<ListedKey>, ReadError> {
        let (ms, key_id) = cursor::key(page.cursor.as_deref())?;
        let dialect = self.read.dialect();
        let sql = format!(
            "select key_id, name, created_ms from keys where {} and {} \
                order by created_ms desc, key_id desc limit ?",
            dialect.same("merchant_id"),
            dialect.before(&["created_ms", "key_id"]),
        );
        let mut values = vec![merchant(&of)];
        values.extend(dialect.place(vec![Integer(ms), Text(&key_id)]));
        values.push(Integer(lists::probe(&page)));
        let rows = self.reads(lists::fetch(&self.read, &sql, &values)).await?;
        let listed = |row| {
            let mut fields = Fields::new(row, of.unwrap_or_else(nobody));
            Ok(ListedKey { key_id: fields.text()?, name: fields.take()?, created_at: fields.at()? })
        };
        let keys = rows.iter().map(listed).collect::<Result<_, ReadError>>()?;
        lists::part(keys, &page, |key| cursor::of_key(key.created_at, &key.key_id))
    }

    /// Removes a key of a merchant, or with `None` an admin's. `false`: there is no such key.
    pub async fn delete_key(&self, of: Option<MerchantId>, key_id: KeyId) -> Result<bool, Trouble> {
        let same = self.read.dialect().same("merchant_id");
        let delete = format!("delete from keys where key_id = ? and {same}");
        let removed = self.write(&delete, &[Text(key_id.as_str()), merchant(&of)]).await;
        removed.map(|removed| removed > 0)
    }

    /// All keys, by which callers are recognized from the start on.
    pub async fn all_keys(&self) -> Result<Vec<KnownKey>, ReadError> {
        let sql = "select key_hash, key_id, merchant_id from keys";
        self.reads(lists::fetch(&self.read, sql, &[])).await?.iter().map(known).collect()
    }

    /// The key of that hash, as it is now; `None`: there is none, or it was removed.
    pub async fn key(&self, key_hash: [u8; 32]) -> Result<Option<KnownKey>, ReadError> {
        let sql = "select key_hash, key_id, merchant_id from keys where key_hash = ?";
        let values = [Bytes(&key_hash)];
        let rows = self.reads(lists::fetch(&self.read, sql, &values)).await?;
        rows.first().map(known).transpose()
    }
}

fn known(row: &Row) -> Result<KnownKey, ReadError> {
    let mut fields = Fields::new(row, nobody());
    Ok(KnownKey {
        key_hash: fields.made(|raw: &[u8]| raw.try_into().ok())?,
        key_id: fields.text()?,
        merchant: fields.made_if_any(|raw: &str| raw.parse().ok())?,
    })
}

const CREATE: &str =
    "insert into keys (key_id, key_hash, merchant_id, name, created_ms) values (?, ?, ?, ?, ?)";

fn merchant(of: &Option<MerchantId>) -> Value<'_> {
    Value::if_any(of.as_ref(), |of| Text(of.as_str()))
}

/// Stands for the merchant in an error about a key of no merchant.
fn nobody() -> MerchantId {
    "0".parse().expect("a digit is a merchant id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::id;

    fn key(n: u8, of: Option<&str>) -> NewKey {
        NewKey {
            key_hash: [n; 32],
            key_id: id(&format!("k_{n}")),
            merchant: of.map(id),
            name: format!("key {n}"),
            created_at: At::from_ms(i64::from(n)),
        }
    }

    /// All keys of a merchant, or the admins'.
    async fn listed(store: &SqliteStore, of: Option<MerchantId>) -> Vec<String> {
        let part = store.list_keys(of, Page { limit: 200, cursor: None }).await.unwrap();
        assert_eq!(part.next, None);
        part.items.iter().map(|key| format!("{} {}", key.key_id, key.name)).collect()
    }

    #[tokio::test]
    async fn keys_in_parts_are_the_same_keys_also_those_made_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        for n in 1..=5 {
            let same_time = NewKey { created_at: At::from_ms(i64::from(n / 3)), ..key(n, None) };
            store.create_key(&same_time).await.unwrap();
        }
        let whole = listed(&store, None).await;
        assert_eq!(whole, ["k_5 key 5", "k_4 key 4", "k_3 key 3", "k_2 key 2", "k_1 key 1"]);
        for limit in [1, 2, 4, 5] {
            let (mut found, mut cursor) = (vec![], None);
            loop {
                let part = store.list_keys(None, Page { limit, cursor }).await.unwrap();
                assert!(part.items.len() <= usize::try_from(limit).unwrap());
                found.extend(part.items.iter().map(|key| format!("{} {}", key.key_id, key.name)));
                cursor = part.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, whole, "{limit} a part");
        }
    }

    #[tokio::test]
    async fn keys_are_kept_listed_and_removed_within_their_merchant() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        let (admin, shop1, shop2) = (None, Some(id("shop1")), Some(id("shop2")));
        for new in
            [key(1, None), key(2, Some("shop1")), key(3, Some("shop1")), key(4, Some("shop2"))]
        {
            store.create_key(&new).await.unwrap();
        }
        assert_eq!(listed(&store, shop1).await, ["k_3 key 3", "k_2 key 2"]);
        assert_eq!(listed(&store, admin).await, ["k_1 key 1"]);
        let mut all = store.all_keys().await.unwrap();
        all.sort_by_key(|key| key.key_id);
        let known = |n: u8, merchant| KnownKey {
            key_hash: [n; 32],
            key_id: id(&format!("k_{n}")),
            merchant,
        };
        assert_eq!(all, [known(1, admin), known(2, shop1), known(3, shop1), known(4, shop2)]);
        assert_eq!(store.key([2; 32]).await.unwrap(), Some(known(2, shop1)));
        assert!(!store.delete_key(shop2, id("k_2")).await.unwrap());
        assert!(!store.delete_key(admin, id("k_2")).await.unwrap());
        assert!(store.delete_key(shop1, id("k_2")).await.unwrap());
        assert!(!store.delete_key(shop1, id("k_2")).await.unwrap());
        assert!(store.delete_key(admin, id("k_1")).await.unwrap());
        assert_eq!(store.all_keys().await.unwrap().len(), 2);
        assert_eq!(store.key([2; 32]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_key_that_is_there_already_is_not_kept_twice() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        store.create_key(&key(1, None)).await.unwrap();
        assert!(store.create_key(&key(1, Some("shop1"))).await.is_err());
        assert!(listed(&store, Some(id("shop1"))).await.is_empty());
    }

    #[tokio::test]
    async fn a_store_opened_for_reading_reads_keys_and_keeps_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let store = SqliteStore::open(&path).await.unwrap();
        store.create_key(&key(1, None)).await.unwrap();
        let reader = SqliteStore::open_read_only(&path).await.unwrap();
        assert!(reader.create_key(&key(2, None)).await.is_err());
        assert!(reader.delete_key(None, id("k_1")).await.is_err());
        assert_eq!(reader.all_keys().await.unwrap(), store.all_keys().await.unwrap());
    }
}
