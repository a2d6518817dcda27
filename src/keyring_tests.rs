//! A key and its hash go the same way, whoever stops waiting and whatever the store says.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

use tally_storage::SqliteStore;

const ADMIN: &str = "the-admins-own-key";

async fn keyring(store: SqliteStore) -> Keyring {
    let admin: Secret = ADMIN.parse().unwrap();
    Keyring::load(Arc::new(store), Handle::current(), &admin).await.unwrap()
}

async fn store(folder: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(&folder.path().join("tally.db")).await.unwrap()
}

/// Who shows a key.
async fn shown(keyring: &Keyring, key: &str) -> Option<Caller> {
    keyring.recognize(key).await.unwrap()
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(raw: &str) -> T {
    raw.parse().unwrap()
}

/// Begins something, and goes away before it answers: a test's runtime has one thread, which is this one.
fn begun_and_left<T>(asked: impl Future<Output = T>) {
    let begun = pin!(asked).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(begun, Poll::Pending), "it answered before it was left");
}

/// Waits for the change under way.
async fn changed(keyring: &Keyring) {
    drop(keyring.changing.lock().await);
}

#[tokio::test]
async fn a_key_whose_deletion_nobody_waits_for_opens_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(store(&folder).await).await;
    let (merchant, now) = (Some(id("m1")), At::from_ms(1));
    let made = keyring.make(merchant, "a till".into(), now).await.unwrap();
    let key_id = made.listed.key_id;
    assert_eq!(shown(&keyring, &made.key).await, Some(Caller { key_id, merchant }));

    begun_and_left(keyring.delete(merchant, key_id));
    changed(&keyring).await;
    assert_eq!(shown(&keyring, &made.key).await, None);
    assert_eq!(keyring.delete(merchant, key_id).await, Ok(false));
    assert_eq!(shown(&keyring, &made.key).await, None);
}

#[tokio::test]
async fn a_key_that_is_made_while_nobody_waits_is_in_memory_as_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(store(&folder).await).await;
    begun_and_left(keyring.make(None, "night shift".into(), At::from_ms(1)));
    changed(&keyring).await;
    let stored = keyring.store.keys().await.unwrap();
    let known = keyring.known.read();
    assert_eq!((stored.len(), known.by_hash.len()), (1, 1));
    assert!(known.by_hash.contains_key(&stored[0].key_hash));
}

#[tokio::test]
async fn a_key_that_may_be_gone_opens_nothing_although_the_store_can_not_say() {
    let folder = tempfile::tempdir().unwrap();
    let writing = keyring(store(&folder).await).await;
    let merchant = Some(id("m1"));
    let made = writing.make(merchant, "a till".into(), At::from_ms(1)).await.unwrap();
    let path = folder.path().join("tally.db");
    let keyring = keyring(SqliteStore::open_read_only(&path).await.unwrap()).await;
    assert!(shown(&keyring, &made.key).await.is_some());
    let answer = keyring.delete(merchant, made.listed.key_id).await;
    assert_eq!(answer, Err(EngineError::OutcomeUnknown));
    assert_eq!(shown(&keyring, &made.key).await, None);
}

#[tokio::test]
async fn a_key_stays_known_where_another_or_nobodys_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = keyring(store(&folder).await).await;
    let made = keyring.make(Some(id("m1")), "a till".into(), At::from_ms(1)).await.unwrap();
    for merchant in [None, Some(id("m2"))] {
        assert_eq!(keyring.delete(merchant, made.listed.key_id).await, Ok(false));
    }
    assert_eq!(keyring.delete(None, id("admin")).await, Ok(false));
    assert!(shown(&keyring, &made.key).await.is_some());
    assert!(shown(&keyring, ADMIN).await.is_some());
}
