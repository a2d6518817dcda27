//! API keys: who may call `/v1`. They are no facts about money, so they stand outside of the journal.

use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::time::At;
use tally_actors::ports::{Page, Part, ReadError};

use crate::sql::cursor;
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::lists::{self, fetch};
use crate::sql::row::Row;
use crate::sql::rows::Fields;
use crate::sql::value::Value::{Bytes, Integer, Text};
use crate::sql::value::{Value, Values};

/// A key as it is kept. The key itself never comes here, only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
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

/// The columns of a key, for [`key`].
const KEY: &str = "key_hash, key_id, merchant_id, name, created_ms";

/// The statement that keeps a key.
pub(crate) fn create_sql(dialect: Dialect) -> String {
    format!("insert into {} ({KEY}) values (?, ?, ?, ?, ?)", dialect.keys())
}

/// Its values.
pub(crate) fn created(key: &Key) -> Values<'_> {
    vec![
        Bytes(&key.key_hash),
        Text(key.key_id.as_str()),
        merchant(&key.merchant),
        Text(&key.name),
        Integer(key.created_at.ms()),
    ]
}

/// The statement that removes a key.
pub(crate) fn delete_sql(dialect: Dialect) -> String {
    format!("delete from {} where key_id = ? and {}", dialect.keys(), dialect.same("merchant_id"))
}

/// Its values.
pub(crate) fn deleted<'k>(of: &'k Option<MerchantId>, key_id: &'k KeyId) -> Values<'k> {
    vec![Text(key_id.as_str()), merchant(of)]
}

/// All keys, by their ids.
pub(crate) async fn all(db: &Pool) -> Result<Vec<Key>, ReadError> {
    let sql = format!("select {KEY} from {} order by key_id", db.dialect().keys());
    let rows = fetch(db, &sql, &[]).await?;
    rows.iter().map(key).collect()
}

/// The key of a hash.
pub(crate) async fn of_hash(db: &Pool, key_hash: [u8; 32]) -> Result<Option<Key>, ReadError> {
    let sql = format!("select {KEY} from {} where key_hash = ?", db.dialect().keys());
    let rows = fetch(db, &sql, &[Bytes(&key_hash)]).await?;
    rows.first().map(key).transpose()
}

/// The keys of a merchant, or with `None` the admins', newest first.
pub(crate) async fn list(
    db: &Pool,
    of: Option<MerchantId>,
    page: Page,
) -> Result<Part<ListedKey>, ReadError> {
    let (ms, key_id) = cursor::key(page.cursor.as_deref())?;
    let dialect = db.dialect();
    let sql = format!(
        "select key_id, name, created_ms from {} where {} and {} order by created_ms desc, key_id desc limit ?",
        dialect.keys(),
        dialect.same("merchant_id"),
        dialect.before(&["created_ms", "key_id"]),
    );
    let mut values = vec![merchant(&of)];
    values.extend(dialect.place(vec![Integer(ms), Text(&key_id)]));
    values.push(Integer(lists::probe(&page)));
    let rows = fetch(db, &sql, &values).await?;
    let listed = |row| {
        let mut fields = Fields::new(row, of.unwrap_or_else(nobody));
        Ok(ListedKey { key_id: fields.text()?, name: fields.take()?, created_at: fields.at()? })
    };
    let keys = rows.iter().map(listed).collect::<Result<_, ReadError>>()?;
    lists::part(keys, &page, |key| cursor::of_key(key.created_at, &key.key_id))
}

fn key(row: &Row) -> Result<Key, ReadError> {
    let mut fields = Fields::new(row, nobody());
    Ok(Key {
        key_hash: fields.made(|raw: &[u8]| raw.try_into().ok())?,
        key_id: fields.text()?,
        merchant: fields.made_if_any(|raw: &str| raw.parse().ok())?,
        name: fields.take()?,
        created_at: fields.at()?,
    })
}

fn merchant(of: &Option<MerchantId>) -> Value<'_> {
    Value::if_any(of.as_ref(), |of| Text(of.as_str()))
}

/// Stands for the merchant in an error about a key of no merchant.
pub(crate) fn nobody() -> MerchantId {
    "0".parse().expect("a digit is a merchant id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::Books;
    use crate::fixture::id;
    use crate::sqlite::SqliteStore;

    fn key(n: u8, of: Option<&str>) -> Key {
        Key {
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
            let same_time = Key { created_at: At::from_ms(i64::from(n / 3)), ..key(n, None) };
            store.create_key(same_time).await.unwrap();
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
            store.create_key(new).await.unwrap();
        }
        assert_eq!(listed(&store, shop1).await, ["k_3 key 3", "k_2 key 2"]);
        assert_eq!(listed(&store, admin).await, ["k_1 key 1"]);
        let all = store.keys().await.unwrap();
        let kept =
            [key(1, None), key(2, Some("shop1")), key(3, Some("shop1")), key(4, Some("shop2"))];
        assert_eq!(all, kept);
        assert_eq!(store.key([2; 32]).await.unwrap(), Some(key(2, Some("shop1"))));
        assert!(!store.delete_key(shop2, id("k_2")).await.unwrap());
        assert!(!store.delete_key(admin, id("k_2")).await.unwrap());
        assert!(store.delete_key(shop1, id("k_2")).await.unwrap());
        assert!(!store.delete_key(shop1, id("k_2")).await.unwrap());
        assert!(store.delete_key(admin, id("k_1")).await.unwrap());
        assert_eq!(store.keys().await.unwrap().len(), 2);
        assert_eq!(store.key([2; 32]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_key_that_is_there_already_is_not_kept_twice() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        store.create_key(key(1, None)).await.unwrap();
        assert!(store.create_key(key(1, Some("shop1"))).await.is_err());
        assert!(listed(&store, Some(id("shop1"))).await.is_empty());
    }

    #[tokio::test]
    async fn a_store_opened_for_reading_reads_keys_and_keeps_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let store = SqliteStore::open(&path).await.unwrap();
        store.create_key(key(1, None)).await.unwrap();
        let reader = SqliteStore::open_read_only(&path).await.unwrap();
        assert!(reader.create_key(key(2, None)).await.is_err());
        assert!(reader.delete_key(None, id("k_1")).await.is_err());
        assert_eq!(reader.keys().await.unwrap(), store.keys().await.unwrap());
    }
}
