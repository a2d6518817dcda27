//! Commits whose answer was lost: our own row in the journal is no conflict.

use std::sync::Arc;
use std::task::{Context, Waker};

use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Commit, Store};
use tally_storage::SqliteStore;

use crate::support::*;

async fn prepared() -> (tempfile::TempDir, Arc<SqliteStore>, Shop) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("tally.db")).await.expect("it opens");
    let mut shop = Shop::new("shop");
    committed(&store, vec![shop.run(&[register(PayoutMethod::Manual)])]).await;
    (folder, Arc::new(store), shop)
}

#[tokio::test]
async fn a_batch_sent_again_is_committed_once() {
    let (_folder, store, mut shop) = prepared().await;
    let sent = batch(vec![shop.run(&[open("1000", 5, Some("key")), pay("1000", 5)])]);
    for _ in 0..3 {
        assert_eq!(store.commit(Arc::clone(&sent)).await, Commit::Committed);
    }
    assert_same(&*store, &[&shop]).await;
    committed(&*store, vec![shop.run(&[open("1001", 5, None)])]).await;
    assert_eq!(store.commit(sent).await, Commit::Committed, "also when others stand behind it");
    assert_same(&*store, &[&shop]).await;
}

#[tokio::test]
async fn a_run_that_is_written_already_does_not_hold_up_the_others_of_its_batch() {
    let (_folder, store, mut shop) = prepared().await;
    let mut other = Shop::new("other");
    let run = shop.run(&[open("1000", 5, None)]);
    committed(&*store, vec![run.clone()]).await;
    committed(&*store, vec![run.clone(), other.run(&[register(PayoutMethod::Manual)])]).await;
    assert_same(&*store, &[&shop, &other]).await;
    let mut late = other.clone();
    committed(&*store, vec![other.run(&[open("1000", 5, None)])]).await;
    let answer = store.commit(batch(vec![run, late.run(&[open("1001", 5, None)])])).await;
    assert_eq!(answer, Commit::Conflict(vec![other.id()]), "only who is behind is named");
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_carried_to_its_end() {
    let (_folder, store, mut shop) = prepared().await;
    for n in 0..50 {
        let sent = batch(vec![shop.run(&[open(&format!("{}", 1_000 + n), 5, None)])]);
        let mut commit = store.commit(sent);
        let _pending = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(commit);
    }
    committed(&*store, vec![shop.run(&[open("2000", 5, None)])]).await; // in turn, behind the others
    assert_same(&*store, &[&shop]).await;
}
