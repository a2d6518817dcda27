//! A disk without room: nothing is written, the store says why, and goes on by itself once there is room.

use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Commit, Store, Trouble};
use tally_proof::servers::disk::SmallDisk;
use tally_storage::SqliteStore;

use crate::support::*;

#[tokio::test]
async fn a_full_disk_is_told_and_the_store_goes_on_by_itself_once_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path(), 3) else { return };
    let store = SqliteStore::open(&disk.path().join("tally.db")).await.expect("it opens");
    let mut shop = Shop::new("shop");
    committed(&store, vec![shop.run(&[register(PayoutMethod::Manual)])]).await;
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1 << 20]).expect("there is room for it");

    let mut numbers = 1_000..;
    let mut next = |shop: &mut Shop| {
        let some = numbers.by_ref().take(50).map(|n| open(&format!("{n}"), 5, None));
        shop.run(&some.collect::<Vec<_>>())
    };
    let (refused, before) = loop {
        let before = shop.clone();
        let run = next(&mut shop);
        let answer = store.commit(batch(vec![run.clone()])).await;
        if answer != Commit::Committed {
            assert_eq!(answer, Commit::NotDone(Trouble::DiskFull));
            break (run, before);
        }
    };
    for _ in 0..3 {
        let again = store.commit(batch(vec![refused.clone()])).await;
        assert_eq!(again, Commit::NotDone(Trouble::DiskFull));
        assert_same(&store, &[&before]).await;
        assert_eq!(store.check().await, Err(Trouble::DiskFull));
    }

    std::fs::remove_file(ballast).expect("it is removed");
    let four = async || {
        let (a, b, c, d) = tokio::join!(store.check(), store.check(), store.check(), store.check());
        [a, b, c, d]
    };
    let (some, others) = tokio::join!(four(), four());
    assert_eq!(some[0], Ok(()), "a node that is sent nothing must find out by itself");
    for same in some.iter().chain(&others) {
        assert_eq!(*same, Ok(()), "whoever asks at the same time hears the same");
    }
    committed(&store, vec![refused]).await;
    committed(&store, vec![next(&mut shop)]).await;
    assert_same(&store, &[&shop]).await;
    store.close().await;
    let store = SqliteStore::open(&disk.path().join("tally.db")).await.expect("it opens");
    assert_same(&store, &[&shop]).await;
    store.close().await;
}
