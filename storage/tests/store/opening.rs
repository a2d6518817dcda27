//! Opening a file: the lock, the schema, reading beside a server.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tally_actors::domain::books::Key;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Commit, ReadError, RecordRead, Store, Trouble};
use tally_storage::{OpenError, SqliteStore};

use crate::support::*;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("data").join("tally.db");
    (folder, file)
}

async fn raw(file: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut db: SqliteConnection = options.connect().await.expect("it opens");
    sqlx::query(statement).execute(&mut db).await.expect("it is executed");
}

#[tokio::test]
async fn a_second_open_is_refused_by_a_message_that_names_the_file_and_the_remedy() {
    let (folder, file) = place();
    let store = SqliteStore::open(&file).await.expect("it opens");
    let error = SqliteStore::open(&file).await.expect_err("it is in use");
    let message = error.to_string();
    assert!(matches!(error, OpenError::InUse(_)), "{message}");
    assert!(
        message.contains("tally.db is in use") && message.contains("TALLY_DATA_DIR"),
        "{message}"
    );
    let other_way = folder.path().join("link.db");
    std::os::unix::fs::symlink(&file, &other_way).expect("a link");
    let error = SqliteStore::open(&other_way).await.expect_err("it is the same file");
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    store.close().await;
    SqliteStore::open(&file).await.expect("it is free again");
}

#[tokio::test]
async fn what_is_written_is_there_after_opening_again() {
    let (_folder, file) = place();
    let mut shop = Shop::new("shop");
    for n in 1..4 {
        let store = SqliteStore::open(&file).await.expect("it opens");
        let number = format!("100{n}");
        let commands = [register(PayoutMethod::Manual), open(&number, 5, None), pay(&number, 5)];
        committed(&store, vec![shop.run(&commands)]).await;
        assert_same(&store, &[&shop]).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_reader_beside_a_writer_sees_what_is_committed_and_writes_nothing() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).await.expect("it opens");
    let mut shop = Shop::new("shop");
    committed(&store, vec![shop.run(&[register(PayoutMethod::Manual)])]).await;
    let reader = SqliteStore::open_read_only(&file).await.expect("it takes no lock");
    committed(&store, vec![shop.run(&[open("1000", 5, None)])]).await;
    assert_same(&reader, &[&shop]).await;
    let answer = reader.commit(batch(vec![shop.clone().run(&[open("1001", 5, None)])])).await;
    assert!(matches!(answer, Commit::NotDone(Trouble::Unavailable(_))), "{answer:?}");
    store.close().await;
    drop(reader);
    let reader = SqliteStore::open_read_only(&file).await.expect("no server is needed");
    assert_same(&reader, &[&shop]).await;
}

#[tokio::test]
async fn what_can_not_be_read_is_said_clearly() {
    let (folder, file) = place();
    let error = SqliteStore::open_read_only(&file).await.expect_err("there is none");
    assert!(error.to_string().contains("does not exist"), "{error}");
    assert!(!file.exists(), "and none is made");
    let foreign = folder.path().join("other.db");
    std::fs::write(&foreign, "").expect("an empty file");
    let error = SqliteStore::open_read_only(&foreign).await.expect_err("it is empty");
    assert!(error.to_string().contains("not a database of tally"), "{error}");
    std::fs::write(&foreign, [7; 4096]).expect("another file");
    let error = SqliteStore::open(&foreign).await.expect_err("it is no database");
    assert!(error.to_string().contains("other.db can't be opened"), "{error}");
}

#[tokio::test]
async fn a_strangers_database_is_refused_and_left_as_it_was() {
    let (folder, _) = place();
    let strangers = folder.path().join("photos.db");
    std::fs::write(&strangers, "").expect("an empty file");
    raw(&strangers, "create table photos (name text)").await;
    let before = std::fs::read(&strangers).expect("a file");
    let error = SqliteStore::open(&strangers).await.expect_err("it is a stranger's");
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    let message = error.to_string();
    assert!(message.contains("photos.db is not a database of tally"), "{message}");
    assert!(message.contains("TALLY_DATABASE_URL"), "{message}");
    assert!(std::fs::read(&strangers).expect("a file") == before, "it was changed");
}

#[tokio::test]
async fn what_the_store_keeps_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).await.expect("it opens");
    committed(&store, vec![Shop::new("shop").run(&[register(PayoutMethod::Manual)])]).await;
    for extension in ["db", "db-wal", "db-shm"] {
        let kept = file.with_extension(extension).metadata().expect("it is there");
        assert_eq!(kept.permissions().mode() & 0o777, 0o600, "{extension}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_an_older_one_is_brought_up() {
    let (_folder, file) = place();
    SqliteStore::open(&file).await.expect("it opens").close().await;
    raw(&file, "delete from _sqlx_migrations where version = 2").await;
    raw(&file, "drop table keys").await;
    let error = SqliteStore::open_read_only(&file).await.expect_err("it is older");
    assert!(error.to_string().contains("lacks migration 2: run tally migrate"), "{error}");
    SqliteStore::open(&file).await.expect("it is brought up").close().await;
    SqliteStore::open_read_only(&file).await.expect("it is").close().await;
    raw(&file, "insert into _sqlx_migrations values (9000, 'later', 0, true, x'00', 0)").await;
    for error in [
        SqliteStore::open(&file).await.expect_err("it is newer"),
        SqliteStore::open_read_only(&file).await.expect_err("it is newer"),
    ] {
        assert!(matches!(error, OpenError::Newer { version: 9000, .. }), "{error}");
        assert!(error.to_string().contains("run the newer tally"), "{error}");
    }
}

#[tokio::test]
async fn a_schema_is_brought_up_without_opening_the_books_and_not_while_they_are_open() {
    let (_folder, file) = place();
    let made = SqliteStore::migrate(&file).await.expect("it makes the file");
    assert_eq!(made.from, None);
    raw(&file, "delete from _sqlx_migrations where version >= 11").await;
    raw(&file, "drop table checkpoints").await;
    raw(&file, "drop table backups").await;
    raw(&file, "drop table restored").await;
    raw(&file, "drop table webhooks").await;
    raw(&file, "drop table webhook_cursors").await;
    raw(&file, "drop table deliveries").await;
    raw(&file, "drop table channel_account").await;
    raw(&file, "drop table reconciliations").await;
    raw(&file, "drop table reconciliation_differences").await;
    raw(&file, "drop table reconciliation_carried").await;
    raw(&file, "drop table refunds").await;
    raw(&file, "drop table adjustments").await;
    raw(&file, "alter table orders drop column fee_bp").await;
    raw(&file, "alter table orders drop column refunded_booked_fen").await;
    raw(&file, "alter table orders drop column refund_sent_ms").await;
    raw(&file, "alter table orders drop column pending_change_fen").await;
    raw(&file, "drop table bank_runs").await;
    raw(&file, "drop table bank_run_items").await;
    let migrated = SqliteStore::migrate(&file).await.expect("it is older");
    assert_eq!((migrated.from, migrated.to), (Some(10), made.to));
    let store = SqliteStore::open(&file).await.expect("it opens");
    let error = SqliteStore::migrate(&file).await.expect_err("it is in use");
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    store.close().await;
    let again = SqliteStore::migrate(&file).await.expect("nothing is to be done");
    assert_eq!((again.from, again.to), (Some(made.to), made.to));
}

#[tokio::test]
async fn a_head_of_an_unknown_format_refuses_its_merchant_alone() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).await.expect("it opens");
    let (mut old, mut new) = (Shop::new("old"), Shop::new("new"));
    let register = [register(PayoutMethod::Manual)];
    committed(&store, vec![old.run(&register), new.run(&register)]).await;
    raw(&file, "update heads set format = 99 where merchant_id = 'new'").await;
    let heads = store.heads(vec![id("old"), id("new")]).await.expect("heads");
    assert_eq!(heads[0].as_ref().expect("readable").as_ref(), old.account.head());
    let Err(ReadError::Unreadable { merchant, what }) = &heads[1] else { panic!("{heads:?}") };
    assert_eq!(*merchant, new.id());
    assert!(what.contains("format 99") && what.contains("run the newer tally"), "{what}");
    let answer = store.commit(batch(vec![new.run(&[open("1000", 1, None)])])).await;
    assert_eq!(answer, Commit::Conflict(vec![new.id()]));
    committed(&store, vec![old.run(&[open("1000", 1, None)])]).await;
}

#[tokio::test]
async fn a_damaged_row_is_unreadable_and_is_no_trouble_of_the_others_in_its_round() {
    let (_folder, file) = place();
    let store = SqliteStore::open(&file).await.expect("it opens");
    let (mut bad, mut good) = (Shop::new("bad"), Shop::new("good"));
    let commands = [register(PayoutMethod::Manual), open("1000", 5, None), open("1001", 5, None)];
    committed(&store, vec![bad.run(&commands), good.run(&commands)]).await;
    raw(&file, "update orders set channel = x'ff' where merchant_id = 'bad' and order_no = '1000'")
        .await;
    let no_text = "update orders set description = cast(x'ff' as text) where merchant_id = 'bad' and order_no = '1001'";
    raw(&file, no_text).await;
    raw(&file, "update heads set kept = x'ff' where merchant_id = 'bad'").await;
    let asked = |no: &str| [&bad, &good].map(|shop| (shop.id(), Key::Order(id(no))));
    let keys = [asked("1000"), asked("1001")].concat();
    let reads = store.lookup(keys).await.expect("the round is answered");
    let error = reads[0].as_ref().expect_err("damaged").to_string();
    assert!(error.starts_with("merchant bad: what is stored in channel can't be read"), "{error}");
    let error = reads[2].as_ref().expect_err("damaged").to_string();
    assert!(error.contains("what is stored in description can't be read"), "{error}");
    let whole = |read: &RecordRead| matches!(read, Ok(Some(_)));
    assert!(whole(&reads[1]) && whole(&reads[3]), "{reads:?}");
    let heads = store.heads(vec![bad.id(), good.id()]).await.expect("heads");
    assert!(matches!(heads[0], Err(ReadError::Unreadable { .. })), "{heads:?}");
    assert_eq!(heads[1].as_ref().expect("readable").as_ref(), good.account.head());
}
