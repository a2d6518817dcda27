//! Backups: a file that holds all that was acknowledged before it was begun, or no file.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tally_actors::domain::time::At;
use tally_actors::ports::Store;
use tally_storage::backup::backup;
use tally_storage::books::Books as _;
use tally_storage::{OpenError, SqliteStore};

use crate::copying::{Database, Load, assert_same_books, fill, mariadb, postgres};
use crate::support::*;

const BEGUN: i64 = 1_700_000_000_000;

/// The names in a folder that begin with the backup's.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name.starts_with("backup")).collect();
    names.sort();
    names
}

async fn marks(file: &Path) -> Vec<(i64, i64, String)> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut db: SqliteConnection = options.connect().await.expect("it opens");
    let marks = sqlx::query_as("select begun_ms, ended_ms, source from backups");
    marks.fetch_all(&mut db).await.expect("it is read")
}

/// A backup of a place's books, as if it had taken five milliseconds.
async fn backed_up(from: &Database, file: &Path) -> Result<u64, String> {
    let begun = At::from_ms(BEGUN);
    let source = from.beside().await;
    let made = backup(source, "sqlite:books", file, begun, || At::from_ms(BEGUN + 5)).await;
    made.map(|copied| copied.events).map_err(|fault| fault.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_holds_all_that_was_acknowledged_before_and_is_clean() {
    let from = Database::file();
    let source = from.opened().await;
    let shops = fill(&*source).await;
    let load = Load::on(Arc::clone(&source), shops);
    for n in 0..3 {
        load.went_on(2).await;
        let page = tally_actors::ports::Page { limit: 1_000, cursor: None };
        let before = source.merchants(page).await.expect("they are read").items;
        let file = from.folder().join(format!("backup-{n}.db"));
        let events = backed_up(&from, &file).await.expect("it is made");
        assert!(!names(from.folder()).iter().any(|name| name.contains("part")), "it is finished");
        let store = SqliteStore::open_read_only(&file).await.expect("it opens");
        let report = store.audit(None).await.expect("it ends");
        assert!(report.is_clean() && report.events == events, "{report}");
        let heads = store.heads(before.iter().map(|head| head.merchant).collect()).await;
        for (acknowledged, kept) in before.iter().zip(heads.expect("they are read")) {
            let kept = kept.expect("it can be read").expect("it is there");
            assert!(kept.link.seq >= acknowledged.link.seq, "{acknowledged:?} {kept:?}");
        }
        assert_eq!(marks(&file).await, [(BEGUN, BEGUN + 5, "sqlite:books".to_owned())]);
        store.close().await;
    }
    load.end().await;
    assert!(marks(from.path()).await.is_empty(), "the source is no backup");
}

#[tokio::test]
async fn a_backup_can_be_served_and_backed_up_in_turn() {
    let from = Database::file();
    let source = from.opened().await;
    let mut shops = fill(&*source).await;
    let (file, second) = (from.folder().join("backup.db"), from.folder().join("backup2.db"));
    backed_up(&from, &file).await.expect("it is made");
    assert_eq!(names(from.folder()), ["backup.db"]);
    let served = SqliteStore::open(&file).await.expect("it opens");
    assert_same_books(&*source, &served).await;
    committed(&served, vec![shops[0].run(&[open("7000", 5, None)])]).await;
    let begun = At::from_ms(BEGUN + 100);
    let again = SqliteStore::open_read_only(&file).await.expect("it opens");
    let made = backup(Arc::new(again), "sqlite:backup", &second, begun, || begun).await;
    made.expect("it is made");
    assert_eq!(marks(&second).await, [(begun.ms(), begun.ms(), "sqlite:backup".to_owned())]);
}

#[tokio::test]
async fn books_on_a_server_are_backed_up_into_a_file() {
    for from in [postgres(), mariadb()].into_iter().flatten() {
        let source = from.opened().await;
        fill(&*source).await;
        let file = from.folder().join("backup.db");
        backed_up(&from, &file).await.expect("it is made");
        assert_eq!(names(from.folder()), ["backup.db"]);
        let kept = SqliteStore::open(&file).await.expect("it opens");
        assert_same_books(&*source, &kept).await;
        let report = kept.audit(None).await.expect("it ends");
        assert!(report.is_clean(), "{report}");
    }
}

#[tokio::test]
async fn a_file_that_is_there_is_not_touched() {
    let from = Database::file();
    fill(&*from.opened().await).await;
    let file = from.folder().join("backup.db");
    std::fs::write(&file, "dear").expect("a file");
    let fault = backed_up(&from, &file).await.expect_err("it is there");
    assert!(fault.contains("backup.db is there already: name another file"), "{fault}");
    assert_eq!(std::fs::read(&file).expect("a file"), b"dear");
    assert_eq!(names(from.folder()), ["backup.db"]);
}

#[tokio::test]
async fn a_backup_that_broke_off_is_no_file_and_the_next_goes_on_with_it() {
    let from = Database::file();
    let source = from.opened().await;
    let mut shops = fill(&*source).await;
    let file = from.folder().join("backup.db");
    let mut db: SqliteConnection =
        SqliteConnectOptions::new().filename(from.path()).connect().await.expect("it opens");
    let damage = "update heads set format = format + 98 where merchant_id = 'zeta'";
    sqlx::query(damage).execute(&mut db).await.expect("it is executed");
    let fault = backed_up(&from, &file).await.expect_err("it is damaged");
    assert!(fault.contains("merchant zeta") && fault.contains("backup.db.part"), "{fault}");
    assert!(!file.exists());
    let mend = "update heads set format = format - 98 where merchant_id = 'zeta'";
    sqlx::query(mend).execute(&mut db).await.expect("it is executed");
    committed(&*source, vec![shops[3].run(&[open("7000", 5, None)])]).await;
    backed_up(&from, &file).await.expect("it is made");
    assert_eq!(names(from.folder()), ["backup.db"]);
    let kept = SqliteStore::open(&file).await.expect("it opens");
    assert_same_books(&*source, &kept).await;
}

#[tokio::test]
async fn what_another_backup_left_or_is_making_is_refused_by_name() {
    let from = Database::file();
    fill(&*from.opened().await).await;
    let file = from.folder().join("backup.db");
    let part = from.folder().join("backup.db.part");
    let theirs = SqliteStore::open(&part).await.expect("it opens");
    let fault = backed_up(&from, &file).await.expect_err("somebody has it");
    assert_eq!(fault, OpenError::InUse(part.canonicalize().expect("a path")).to_string());
    let mut stranger = Shop::new("zz");
    let registered = register(tally_actors::domain::rules::PayoutMethod::Manual);
    committed(&theirs, vec![stranger.run(&[registered])]).await;
    theirs.close().await;
    let fault = backed_up(&from, &file).await.expect_err("these are other books");
    assert!(fault.contains("merchant zz, event 1") && fault.contains("backup.db.part"), "{fault}");
}
