//! What can't be provoked from outside, or seen there: error codes, a lost COMMIT, and the plans of statements.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::error::{DatabaseError, ErrorKind};
use tally_actors::domain::books::Key;
use tally_actors::domain::chain::Link;
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::head::Head;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::time::At;
use tally_actors::ports::{Batch, Commit, Row, Run, Store, Trouble};

use super::errors::meaning;
use super::{SqliteStore, commit, connect, wal};
use crate::sql::dialect::Dialect;
use crate::sql::meaning::Meaning;
use crate::sql::steps::Step;
use crate::sql::{heads, lookup};

async fn store() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
    (folder, store)
}

/// An error of SQLite's with a code of the test's.
#[derive(Debug)]
struct Coded(i32);

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Coded {}

impl DatabaseError for Coded {
    fn message(&self) -> &str {
        "CHECK constraint failed: conserved"
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.0.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[test]
fn each_code_of_sqlite_has_its_meaning() {
    let said = || Coded(0).to_string();
    for (codes, expected) in [
        (&[13, 4874][..], Meaning::DiskFull),
        (&[5, 261, 517, 6, 262, 7, 9, 14, 3082, 1, 0], Meaning::Passing(said())),
        (&[10, 266, 522, 778, 1034, 1290, 11, 267, 26], Meaning::Broken(said())),
        (&[19, 275, 1299, 1555, 2067, 2579, 3091], Meaning::Constraint("conserved".to_owned())),
    ] {
        for code in codes {
            let error = sqlx::Error::Database(Box::new(Coded(*code)));
            assert_eq!(meaning(&error), expected, "{code}");
        }
    }
    assert!(matches!(meaning(&sqlx::Error::WorkerCrashed), Meaning::Passing(_)));
}

#[test]
fn what_certainly_was_not_written_is_told_as_such_and_a_broken_disk_is_fatal() {
    let answers = [
        (Meaning::DiskFull, Commit::NotDone(Trouble::DiskFull)),
        (Meaning::Passing("busy".into()), Commit::NotDone(Trouble::Unavailable("busy".into()))),
        (Meaning::Broken("fsync".into()), Commit::Fatal("fsync".into())),
    ];
    for (meaning, answer) in answers {
        assert_eq!(meaning.nothing_written(), answer);
    }
}

#[tokio::test]
async fn lists_that_take_every_connection_leave_the_engine_its_own() {
    let (_folder, store) = store().await;
    let mut taken = vec![];
    for _ in 0..store.read.file().options().get_max_connections() {
        taken.push(store.read.acquire().await.unwrap());
    }
    let nobody = "nobody".parse().unwrap();
    assert_eq!(store.heads(vec![nobody]).await, Ok(vec![Ok(None)]));
    let key = Key::Order("0001".parse().unwrap());
    assert_eq!(store.lookup(vec![(nobody, key)]).await, Ok(vec![Ok(None)]));
}

/// Each table is found by a key, never walked through; and no index is made for one execution.
#[tokio::test]
async fn no_statement_of_the_hot_path_walks_a_table() {
    let (_folder, store) = store().await;
    let mut db = store.read.file().acquire().await.unwrap();
    let statements = Step::ALL.map(Step::statement).into_iter();
    for statement in statements.chain(lookup::statements()).chain(heads::statements()) {
        for rows in [1, 256] {
            let text = statement.text(Dialect::Sqlite, rows);
            let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {text}")));
            for step in plan.fetch_all(&mut *db).await.unwrap() {
                let step: String = sqlx::Row::get(&step, "detail");
                let found = step.starts_with("SEARCH") && step.contains("merchant_id=?");
                let given = ["SCAN v", "SCAN (subquery-1)"].contains(&step.as_str())
                    || step.ends_with("-ROW VALUES CLAUSE")
                    || step == "SCAN CONSTANT ROW"
                    || step.starts_with("CORRELATED SCALAR SUBQUERY")
                    || step.starts_with("MATERIALIZE")
                    || step.starts_with("CO-ROUTINE");
                assert!((found || given) && !step.contains("AUTOMATIC"), "{step}: {text}");
            }
        }
    }
}

/// A run that registers a merchant.
fn registration(merchant: &str) -> Run {
    let (merchant, rules) = (merchant.parse().unwrap(), Rules::new("a shop"));
    let event = Event::MerchantRegistered { rules: rules.clone() };
    let row = Row::new(&merchant, Link::default(), Stamped::new(At::from_ms(1), event));
    let mut head = Head::registered(merchant, rules, At::from_ms(1));
    head.link = row.link;
    Run { merchant, expects: Link::default(), rows: vec![row], head }
}

#[tokio::test]
async fn after_a_failed_commit_the_journal_tells_what_became_of_it() {
    let (_folder, store) = store().await;
    let (there, not_there) = (registration("there"), registration("other"));
    let batch = Batch { runs: vec![there.clone()] };
    assert_eq!(store.commit(Arc::new(batch)).await, Commit::Committed);
    let lost = || Meaning::Passing("lost".to_owned());
    let file = &store.file;
    assert_eq!(commit::look(file, &[&there], lost()).await, Commit::Committed);
    let nothing = Commit::NotDone(Trouble::Unavailable("lost".to_owned()));
    assert_eq!(commit::look(file, &[&not_there], lost()).await, nothing);
}

#[tokio::test]
async fn a_commit_that_can_not_be_looked_for_is_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("gone").join("tally.db");
    let run = registration("m");
    let answer = commit::look(&nowhere, &[&run], Meaning::DiskFull).await;
    assert!(matches!(answer, Commit::Doubt(_)), "{answer:?}");
}

#[tokio::test]
async fn a_broken_store_takes_no_more_batches() {
    let (_folder, store) = store().await;
    store.broken.set("fsync failed".to_owned()).unwrap();
    let answer = store.commit(Arc::new(Batch { runs: vec![registration("m")] })).await;
    assert_eq!(answer, Commit::Fatal("fsync failed".to_owned()));
}

#[tokio::test]
async fn a_lost_connection_is_replaced_by_the_next_batch() {
    let (_folder, store) = store().await;
    drop(store.write.lock().await.take());
    let answer = store.commit(Arc::new(Batch { runs: vec![registration("m")] })).await;
    assert_eq!(answer, Commit::Committed);
    assert!(store.write.lock().await.is_some());
}

#[tokio::test]
async fn a_batch_that_meets_a_lock_is_not_done_and_may_be_tried_again() {
    let (_folder, store) = store().await;
    let mut other = connect::writer(&store.file).await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    sqlx::query("pragma busy_timeout = 0")
        .execute(store.write.lock().await.as_mut().unwrap())
        .await
        .unwrap();
    let batch = Arc::new(Batch { runs: vec![registration("m")] });
    let answer = store.commit(Arc::clone(&batch)).await;
    assert!(matches!(answer, Commit::NotDone(Trouble::Unavailable(_))), "{answer:?}");
    assert!(store.write.lock().await.is_some(), "the connection is replaced at once");
    connect::discard(other).await;
    assert_eq!(store.commit(batch).await, Commit::Committed);
}

/// More than a WAL's worth of pages is brought back into the file, and the WAL begins anew.
#[tokio::test]
async fn the_wal_is_brought_back_and_does_not_grow_without_end() {
    let (_folder, store) = store().await;
    let mut slot = store.write.lock().await;
    let db = slot.as_mut().unwrap();
    sqlx::query("create table ballast (bytes blob)").execute(&mut *db).await.unwrap();
    for _ in 0..5 {
        let fill = sqlx::query("insert into ballast values (zeroblob(20000000))");
        fill.execute(&mut *db).await.unwrap();
        wal::bring_back(db, &store.broken).await;
    }
    assert_eq!(store.broken.get(), None);
    let wal = store.file.with_extension("db-wal").metadata().unwrap().len();
    assert!((60_000_000..90_000_000).contains(&wal), "{wal} bytes of 100,000,000");
}
