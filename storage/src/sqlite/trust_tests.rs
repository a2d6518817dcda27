//! What makes the store trustworthy, and what it does once it is not: synchronous writes, thrown-away connections, damage
//! that ends the process, and nothing written without the lock.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sqlx::sqlite::SqliteConnection;
use tally_actors::domain::chain::Seq;
use tally_actors::ports::{Batch, Commit, OrderFilter, Page, ReadError, Run, Store, Trouble};

use super::{SqliteStore, connect, wal};
use crate::books::Books as _;
use crate::fixture::{Shops, id, open, register};

struct Books {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    shops: Shops,
}

impl Books {
    /// A merchant with one order.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        let mut books = Self { _folder: folder, store, shops: Shops::new() };
        let run = books.shops.run("m", vec![register(), open("1000", 5, None)]);
        assert_eq!(commit(&books.store, run).await, Commit::Committed);
        books
    }

    fn order(&mut self, order_no: &str) -> Run {
        self.shops.run("m", vec![open(order_no, 5, None)])
    }
}

async fn commit(store: &SqliteStore, run: Run) -> Commit {
    store.commit(Arc::new(Batch { runs: vec![run] })).await
}

async fn on_writer(store: &SqliteStore, statement: &'static str) {
    let mut slot = store.write.lock().await;
    sqlx::query(statement).execute(slot.as_mut().unwrap()).await.unwrap();
}

/// What the store says without being asked again.
#[track_caller]
fn broken(store: &SqliteStore) -> String {
    match store.broken().as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(what) => what,
        Poll::Pending => panic!("the store counts as whole"),
    }
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_on_the_first_connection_and_on_each_later_one() {
    const FULL: i64 = 2;
    async fn synchronous(db: &mut SqliteConnection) -> i64 {
        sqlx::query_scalar("pragma synchronous").fetch_one(db).await.unwrap()
    }
    let mut books = Books::new().await;
    let mut slot = books.store.write.lock().await;
    assert_eq!(synchronous(slot.as_mut().unwrap()).await, FULL);
    connect::discard(slot.take().unwrap()).await;
    drop(slot);
    let run = books.order("1001");
    assert_eq!(commit(&books.store, run).await, Commit::Committed);
    let mut slot = books.store.write.lock().await;
    assert_eq!(synchronous(slot.as_mut().unwrap()).await, FULL);
}

// A temporary trigger belongs to one connection, so a batch that passes after it was refused has another connection.
#[tokio::test]
async fn a_connection_whose_rollback_failed_is_thrown_away() {
    let mut books = Books::new().await;
    on_writer(
        &books.store,
        "create temp trigger refuses before insert on main.orders
         begin select raise(rollback, 'the test says no'); end",
    )
    .await;
    let run = books.order("1001");
    let answer = commit(&books.store, run.clone()).await;
    assert!(matches!(answer, Commit::NotDone(Trouble::Unavailable(_))), "{answer:?}");
    assert_eq!(commit(&books.store, run).await, Commit::Committed);
}

#[tokio::test]
async fn a_connection_whose_rollback_failed_in_the_search_for_a_bad_row_is_thrown_away() {
    let mut books = Books::new().await;
    // With both events in the journal, the batch is refused and rolled back; with one, in the search, the rollback is taken away.
    on_writer(
        &books.store,
        "create temp trigger refuses before insert on main.orders begin
            select case (select max(seq) from main.journal)
                when 4 then raise(abort, 'the test says no') else raise(rollback, 'the test says no') end;
         end",
    )
    .await;
    let run = books.shops.run("m", vec![open("1001", 5, None), open("1002", 5, None)]);
    let answer = commit(&books.store, run.clone()).await;
    let Commit::Refused(bad) = answer else { panic!("{answer:?}") };
    assert_eq!((bad.merchant, bad.seq), (id("m"), Seq(3)));
    assert_eq!(commit(&books.store, run).await, Commit::Committed);
}

/// Brings everything into the database file, so that damage to it is seen.
async fn into_one_file(store: &SqliteStore) {
    on_writer(store, "pragma wal_checkpoint(truncate)").await;
}

#[tokio::test]
async fn a_store_that_could_not_be_trusted_once_takes_no_more_batches() {
    let mut books = Books::new().await;
    into_one_file(&books.store).await;
    connect::discard(books.store.write.lock().await.take().unwrap()).await;
    let whole = fs::read(&books.store.file).unwrap();
    fs::write(&books.store.file, vec![7; whole.len()]).unwrap();
    let run = books.order("1001");
    let answer = commit(&books.store, run.clone()).await;
    assert!(matches!(answer, Commit::Fatal(_)), "{answer:?}");
    fs::write(&books.store.file, whole).unwrap();
    assert_eq!(commit(&books.store, run).await, answer, "whatever the disk says now");
    let Commit::Fatal(what) = answer else { panic!("{answer:?}") };
    assert_eq!(broken(&books.store), what);
    assert_eq!(books.store.check().await, Err(Trouble::Broken(what)));
}

/// Overwrites the first page of a table or index. Nothing of it may be in the WAL, and the store must not have read it.
async fn damage(file: &Path, name: &str) {
    let store = SqliteStore::open(file).await.unwrap();
    let root = sqlx::query_scalar("select rootpage from sqlite_schema where name = ?").bind(name);
    let root: u32 = root.fetch_one(store.read.file()).await.unwrap();
    let size: u32 =
        sqlx::query_scalar("pragma page_size").fetch_one(store.read.file()).await.unwrap();
    store.close().await;
    let mut raw = OpenOptions::new().write(true).open(file).unwrap();
    raw.seek(SeekFrom::Start(u64::from(size) * u64::from(root - 1))).unwrap();
    raw.write_all(&vec![255; usize::try_from(size).unwrap()]).unwrap();
}

#[tokio::test]
async fn a_damaged_page_is_told_as_what_ends_the_process_whoever_reads_it() {
    for (name, what) in [("orders", "a list"), ("orders", "a lookup"), ("heads", "a head")] {
        let books = Books::new().await;
        books.store.close().await;
        let file = books.store.file.clone();
        damage(&file, name).await;
        let store = SqliteStore::open(&file).await.unwrap();
        let of = id("m");
        let trouble = match what {
            "a list" => read(store.orders(of, OrderFilter::default(), Page::default()).await),
            "a lookup" => read(store.lookup(vec![(of, super::Key::Order(id("1000")))]).await),
            _ => store.heads(vec![of]).await.unwrap_err(),
        };
        let Trouble::Broken(why) = trouble else { panic!("{what}: {trouble:?}") };
        assert_eq!(broken(&store), why, "{what}");
        let later = store.heads(vec![id("other")]).await;
        assert_eq!(later, Err(Trouble::Broken(why)), "{what}: nothing is believed any more");
    }
}

fn read<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> Trouble {
    match answer.unwrap_err() {
        ReadError::Trouble(trouble) => trouble,
        other @ (ReadError::Cursor | ReadError::Unreadable { .. }) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_key_table_is_told_as_what_ends_the_process() {
    let books = Books::new().await;
    books.store.close().await;
    damage(&books.store.file, "keys").await;
    let store = SqliteStore::open(&books.store.file).await.unwrap();
    let Trouble::Broken(why) = read(store.keys().await) else { panic!("it is readable") };
    assert_eq!(broken(&store), why);
}

#[tokio::test]
async fn a_file_that_is_gone_breaks_the_store_whoever_finds_it_first() {
    for finder in ["check", "commit", "write"] {
        let mut books = Books::new().await;
        assert_eq!(books.store.check().await, Ok(()));
        fs::remove_file(&books.store.file).unwrap();
        let found = match finder {
            "check" => books.store.check().await.unwrap_err(),
            "write" => books.store.write("delete from keys", &[]).await.unwrap_err(),
            _ => {
                let run = books.order("1001");
                let answer = commit(&books.store, run).await;
                let Commit::Fatal(what) = answer else { panic!("{answer:?}") };
                Trouble::Broken(what)
            }
        };
        let Trouble::Broken(what) = found else { panic!("{finder}: {found:?}") };
        assert!(what.contains("tally.db was deleted or moved"), "{finder}: {what}");
        assert_eq!(broken(&books.store), what, "{finder}");
        assert!(!books.store.file.exists(), "{finder}: a new file was made");
    }
}

#[tokio::test]
async fn a_file_that_took_the_place_of_the_opened_one_is_not_written_to() {
    let mut books = Books::new().await;
    let aside = books.store.file.with_extension("aside");
    fs::rename(&books.store.file, &aside).unwrap();
    fs::copy(&aside, &books.store.file).unwrap();
    let run = books.order("1001");
    let answer = commit(&books.store, run).await;
    assert!(matches!(&answer, Commit::Fatal(what) if what.contains("another file")), "{answer:?}");
    assert!(broken(&books.store).contains("another file"));
}

#[tokio::test]
async fn a_wal_that_can_not_be_brought_back_is_told_without_another_batch() {
    let books = Books::new().await;
    on_writer(&books.store, "create table ballast (bytes blob)").await;
    on_writer(&books.store, "insert into ballast values (zeroblob(80000000))").await;
    // The pages that must be brought back are gone.
    let wal = books.store.file.with_extension("db-wal");
    OpenOptions::new().write(true).open(wal).unwrap().set_len(100_000).unwrap();
    let mut slot = books.store.write.lock().await;
    wal::bring_back(slot.as_mut().unwrap(), &books.store.broken).await;
    assert!(broken(&books.store).contains("I/O error"));
}

#[tokio::test]
async fn a_batch_that_was_handed_over_before_the_end_is_not_written_after_it() {
    let mut books = Books::new().await;
    let batch = Arc::new(Batch { runs: vec![books.order("1001")] });
    let late = books.store.commit(batch); // the store has it, and nobody asks yet
    books.store.close().await;
    let answer = late.await;
    assert!(matches!(answer, Commit::NotDone(Trouble::Unavailable(_))), "{answer:?}");
    let again = SqliteStore::open(&books.store.file).await.unwrap();
    assert_eq!(again.events(id("m"), Seq(1), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_statement_that_waits_for_its_turn_while_the_store_is_closed_is_not_written() {
    let books = Books::new().await;
    let mut slot = books.store.write.lock().await;
    let mut late = Box::pin(books.store.write("delete from heads", &[]));
    assert!(late.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    // As `close` does, in its turn.
    connect::discard(slot.take().unwrap()).await;
    drop(books.store.lock.lock().unwrap().take());
    drop(slot);
    assert!(matches!(late.await, Err(Trouble::Unavailable(_))));
    let again = SqliteStore::open(&books.store.file).await.unwrap();
    let head = again.heads(vec![id("m")]).await.unwrap().remove(0).unwrap();
    assert!(head.is_some(), "nothing was deleted");
}
