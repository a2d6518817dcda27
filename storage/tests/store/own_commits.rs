//! Commits whose answer was lost: our own row in the journal is no conflict.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tally_actors::domain::head::Head;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Commit, Store};
use tokio::time::timeout;

use crate::databases::{Fresh, for_every_database};
use crate::support::*;

for_every_database! {
    a_batch_sent_again_is_committed_once
    a_run_that_is_written_already_does_not_hold_up_the_others_of_its_batch
    a_commit_that_nobody_waits_for_is_carried_to_its_end
}

/// How long a commit that nobody waits for is waited for.
const WRITTEN_MAX: Duration = Duration::from_secs(30);

async fn prepared(store: &dyn Store) -> Shop {
    let mut shop = Shop::new("shop");
    committed(store, vec![shop.run(&[register(PayoutMethod::Manual)])]).await;
    shop
}

async fn a_batch_sent_again_is_committed_once(fresh: Fresh) {
    let store = &*fresh.store;
    let mut shop = prepared(store).await;
    let sent = batch(vec![shop.run(&[open("1000", 5, Some("key")), pay("1000", 5)])]);
    for _ in 0..3 {
        assert_eq!(store.commit(Arc::clone(&sent)).await, Commit::Committed);
    }
    assert_same(store, &[&shop]).await;
    committed(store, vec![shop.run(&[open("1001", 5, None)])]).await;
    assert_eq!(store.commit(sent).await, Commit::Committed, "also when others stand behind it");
    assert_same(store, &[&shop]).await;
}

async fn a_run_that_is_written_already_does_not_hold_up_the_others_of_its_batch(fresh: Fresh) {
    let store = &*fresh.store;
    let mut shop = prepared(store).await;
    let mut other = Shop::new("other");
    let run = shop.run(&[open("1000", 5, None)]);
    committed(store, vec![run.clone()]).await;
    committed(store, vec![run.clone(), other.run(&[register(PayoutMethod::Manual)])]).await;
    assert_same(store, &[&shop, &other]).await;
    let mut late = other.clone();
    committed(store, vec![other.run(&[open("1000", 5, None)])]).await;
    let answer = store.commit(batch(vec![run, late.run(&[open("1001", 5, None)])])).await;
    assert_eq!(answer, Commit::Conflict(vec![other.id()]), "only who is behind is named");
}

async fn a_commit_that_nobody_waits_for_is_carried_to_its_end(fresh: Fresh) {
    let store = &*fresh.store;
    let mut shop = prepared(store).await;
    for n in 0..20 {
        let sent = batch(vec![shop.run(&[open(&format!("{}", 1_000 + n), 5, None)])]);
        let mut commit = store.commit(sent);
        let _pending = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(commit);
        let written = async {
            while head(store, &shop).await.as_ref() != shop.account.head() {
                tokio::task::yield_now().await;
            }
        };
        timeout(WRITTEN_MAX, written).await.expect("it is written");
    }
    assert_same(store, &[&shop]).await;
}

async fn head(store: &dyn Store, shop: &Shop) -> Option<Head> {
    let mut heads = store.heads(vec![shop.id()]).await.expect("heads are read");
    heads.remove(0).expect("it can be read")
}
