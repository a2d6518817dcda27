//! Customers' profiles, which stand outside of the journal as they are no facts about money, and who is in a database: what is
//! read and written beside the journal, also when books are moved from one database to another.

use tally_actors::ports::ReadError;

use super::db::Pool;
use super::dialect::Dialect;
use super::lists::fetch;
use super::row::Row;
use super::rows::Fields;
use super::value::Value::{Integer, Text};
use super::value::Values;
use crate::books::Profile;
use crate::keys::nobody;

/// Ids of merchants after a text, as [`crate::books::Books::merchants_after`] says.
pub(crate) async fn merchants_after(
    db: &Pool,
    after: String,
    limit: u32,
) -> Result<Vec<String>, ReadError> {
    let heads = "select merchant_id from heads where merchant_id > ? order by merchant_id limit ?";
    let heads = texts(db, heads, &[Text(&after), Integer(limit.into())]).await?;
    // The merchant that follows in the journal after each: one without a head is the first of its gap, at the latest.
    let next = "select (select min(merchant_id) from journal where merchant_id > ?)";
    let sql = vec![next; heads.len() + 1].join(" union all ");
    let asked: Values<'_> = [&after].into_iter().chain(&heads).map(|id| Text(id)).collect();
    let next = texts(db, &sql, &asked).await?;
    let full = heads.len() >= limit as usize;
    let last = heads.last().filter(|_| full).cloned();
    let within = |id: &String| last.as_ref().is_none_or(|last| id <= last);
    let mut all: Vec<String> = next.into_iter().filter(within).collect();
    all.extend(heads);
    all.sort();
    all.dedup();
    Ok(all)
}

/// The first column of each row, but for nulls.
async fn texts(
    db: &Pool,
    sql: &str,
    values: &[super::value::Value<'_>],
) -> Result<Vec<String>, ReadError> {
    let rows = fetch(db, sql, values).await?;
    Ok(rows.iter().filter_map(|row| row.get(0)).collect())
}

/// A customer's profile.
pub(crate) async fn profile(db: &Pool, openid: String) -> Result<Option<Profile>, ReadError> {
    let sql = "select openid, profile, stored_ms from profiles where openid = ?";
    let rows = fetch(db, sql, &[Text(&openid)]).await?;
    rows.first().map(kept_profile).transpose()
}

/// Customers' profiles after this openid.
pub(crate) async fn profiles_after(
    db: &Pool,
    after: String,
    limit: u32,
) -> Result<Vec<Profile>, ReadError> {
    let sql =
        "select openid, profile, stored_ms from profiles where openid > ? order by openid limit ?";
    let rows = fetch(db, sql, &[Text(&after), Integer(limit.into())]).await?;
    rows.iter().map(kept_profile).collect()
}

fn kept_profile(row: &Row) -> Result<Profile, ReadError> {
    let mut fields = Fields::new(row, nobody());
    let (openid, json) = (fields.take()?, fields.take()?);
    Ok(Profile { openid, json, stored_at: fields.at()? })
}

/// The statement that keeps profiles in place of earlier ones, and its values.
pub(crate) fn keep_profiles<'p>(dialect: Dialect, profiles: &'p [Profile]) -> (String, Values<'p>) {
    let rows = vec!["(?, ?, ?)"; profiles.len()].join(", ");
    let columns = "openid, profile, stored_ms";
    let over = dialect.over("openid", columns);
    let text = format!("insert into profiles ({columns}) values {rows} {over}");
    let value = |profile: &'p Profile| {
        let Profile { openid, json, stored_at } = profile;
        [Text(openid), Text(json), Integer(stored_at.ms())]
    };
    (text, profiles.iter().flat_map(value).collect())
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::time::At;

    use super::*;
    use crate::books::Books;
    use crate::sqlite::SqliteStore;

    fn profile_of(openid: &str, json: &str, ms: i64) -> Vec<Profile> {
        vec![Profile { openid: openid.into(), json: json.into(), stored_at: At::from_ms(ms) }]
    }

    #[tokio::test]
    async fn the_newest_profile_is_kept_with_its_emoji() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tally.db");
        let store = SqliteStore::open(&path).await.unwrap();
        assert_eq!(store.profile("o1".into()).await.unwrap(), None);
        for (nickname, ms) in [("小满", 1), ("小满🌾👨‍👩‍👧", 2)] {
            let json = format!(r#"{{"nickName":"{nickname}"}}"#);
            store.keep_profiles(profile_of("o1", &json, ms)).await.unwrap();
        }
        store.close().await;
        let store = SqliteStore::open(&path).await.unwrap();
        let kept = store.profile("o1".into()).await.unwrap().unwrap();
        assert_eq!(kept.json, r#"{"nickName":"小满🌾👨‍👩‍👧"}"#);
        assert_eq!(kept.stored_at, At::from_ms(2));
        assert_eq!(store.profile("O1".into()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_json_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        assert!(store.keep_profiles(profile_of("o1", "{", 1)).await.is_err());
    }
}
