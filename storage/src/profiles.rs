//! Customers' profiles, as WeChat named them. They are no facts about money, so they stand outside of the journal.

use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_actors::ports::{ReadError, Trouble};

use crate::sql::dialect::Dialect;
use crate::sql::lists;
use crate::sql::rows::Fields;
use crate::sql::value::Value::{Integer, Text};
use crate::sqlite::SqliteStore;

/// A profile as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptProfile {
    /// JSON, every field that WeChat gave.
    pub json: String,
    /// When it was handed over.
    pub stored_at: At,
}

fn keep(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite | Dialect::Postgres => {
            "insert into profiles (openid, profile, stored_ms) values (?, ?, ?) \
                on conflict (openid) do update set profile = excluded.profile, stored_ms = excluded.stored_ms"
        }
        Dialect::Mysql => {
            "insert into profiles (openid, profile, stored_ms) values (?, ?, ?) \
                on duplicate key update profile = values(profile), stored_ms = values(stored_ms)"
        }
    }
}

impl SqliteStore {
    /// Keeps a customer's profile in place of an earlier one. Durable when it answers.
    pub async fn keep_profile(&self, openid: &str, json: &str, now: At) -> Result<(), Trouble> {
        let values = [Text(openid), Text(json), Integer(now.ms())];
        self.write(keep(self.read.dialect()), &values).await.map(drop)
    }

    /// A customer's profile; `None`: none was handed over.
    pub async fn profile(&self, openid: &str) -> Result<Option<KeptProfile>, ReadError> {
        let sql = "select profile, stored_ms from profiles where openid = ?";
        let rows = self.reads(lists::fetch(&self.read, sql, &[Text(openid)])).await?;
        let nobody: MerchantId = "0".parse().expect("a digit is a merchant id");
        let kept = |row| {
            let mut fields = Fields::new(row, nobody);
            Ok(KeptProfile { json: fields.take()?, stored_at: fields.at()? })
        };
        rows.first().map(kept).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_profile_is_kept_with_its_emoji() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(store.profile("o1").await.unwrap(), None);
        for (nickname, ms) in [("小满", 1), ("小满🌾👨‍👩‍👧", 2)] {
            let json = format!(r#"{{"nickName":"{nickname}"}}"#);
            store.keep_profile("o1", &json, At::from_ms(ms)).await.unwrap();
        }
        store.close().await;
        let store = SqliteStore::open(&path).await.unwrap();
        let kept = store.profile("o1").await.unwrap().unwrap();
        assert_eq!(kept.json, r#"{"nickName":"小满🌾👨‍👩‍👧"}"#);
        assert_eq!(kept.stored_at, At::from_ms(2));
        assert_eq!(store.profile("O1").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_json_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        assert!(store.keep_profile("o1", "{", At::from_ms(1)).await.is_err());
    }
}
