//! A checkpoint that is damaged, of an unknown format or of another history is passed over for the one before it.

use sqlx::AssertSqlSafe;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::Command;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::replay::Point;
use tally_actors::history::head_at;
use tally_actors::ports::{Commit, ReadError, Store};

use super::{SqliteStore, connect};
use crate::fixture::{Shops, id, open, pay, register, settle};

struct Books {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    shops: Shops,
    /// The heads that are kept, oldest first.
    kept: Vec<Head>,
}

impl Books {
    /// A merchant with three checkpoints and some events after the last.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        let mut books = Self { _folder: folder, store, shops: Shops::new(), kept: vec![] };
        books.commit(vec![register()]).await;
        for n in 1..=3 {
            let (one, other) = (format!("{n}001"), format!("{n}002"));
            let paid = vec![open(&one, 500, None), pay(&one, 500), open(&other, 70, None)];
            books.commit(paid.into_iter().chain([pay(&other, 70)]).collect()).await;
            books.change("insert into checkpoints select * from heads").await;
            books.kept.push(books.newest());
        }
        books.commit(vec![settle("S001", true, None), open("4001", 3, None)]).await;
        books
    }

    async fn commit(&mut self, commands: Vec<Command>) {
        let batch = self.shops.batch("m", commands);
        assert_eq!(self.store.commit(batch).await, Commit::Committed);
    }

    fn newest(&self) -> Head {
        self.shops.account("m").head().unwrap().clone()
    }

    /// Changes the file behind the store's back.
    async fn change(&self, sql: &str) {
        let mut db = connect::writer(&self.store.file).await.unwrap();
        sqlx::query("pragma ignore_check_constraints = on").execute(&mut db).await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut db).await.unwrap();
        assert!(done.rows_affected() > 0, "nothing was changed by: {sql}");
        connect::discard(db).await;
    }

    async fn checkpoint(&self, upto: Point) -> Option<Head> {
        self.store.checkpoint(of(), upto).await.unwrap()
    }
}

fn of() -> MerchantId {
    id("m")
}

#[tokio::test]
async fn a_checkpoint_is_found_by_place_and_by_time() {
    let books = Books::new().await;
    let [first, second, third] = &books.kept[..] else { panic!("three are kept") };
    for (head, expected) in [(first, None), (second, Some(first)), (third, Some(second))] {
        let (seq, at) = (head.link.seq, head.at);
        assert_eq!(books.checkpoint(Point::Seq(seq)).await.as_ref(), Some(head));
        assert_eq!(books.checkpoint(Point::Seq(seq.next())).await.as_ref(), Some(head));
        assert_eq!(books.checkpoint(Point::Seq(Seq(seq.0 - 1))).await.as_ref(), expected);
        assert_eq!(books.checkpoint(Point::At(at)).await.as_ref(), Some(head));
        assert_eq!(books.checkpoint(Point::At(at.plus_ms(-1))).await.as_ref(), expected);
    }
    assert_eq!(books.checkpoint(Point::Seq(Seq(u64::MAX))).await.as_ref(), Some(third));
    assert_eq!(books.store.checkpoint(id("other"), Point::Seq(Seq(9))).await, Ok(None));
}

#[tokio::test]
async fn a_checkpoint_that_does_not_fit_is_passed_over_and_the_past_is_told_all_the_same() {
    for change in [
        "format = 2",
        "hash = zeroblob(32)",
        "hash = zeroblob(31)",
        "at_ms = at_ms - 1",
        "at_ms = at_ms + 1",
        "available_fen = available_fen + 1",
        "paid_fen = -1",
        "kept = x'00'",
        "kept = substr(kept, 2)",
        "seq = seq + 1",
        "seq = seq - 1",
    ] {
        let books = Books::new().await;
        let (second, third) = (&books.kept[1], &books.kept[2]);
        let last = "seq = (select max(seq) from checkpoints)";
        books.change(&format!("update checkpoints set {change} where {last}")).await;
        let newest = books.newest();
        for upto in [Point::Seq(newest.link.seq), Point::At(newest.at)] {
            assert_eq!(books.checkpoint(upto).await.as_ref(), Some(second), "{change}");
            assert_eq!(
                head_at(&books.store, of(), upto, Seq(0)).await.as_ref(),
                Ok(&Some(newest.clone()))
            );
        }
        for upto in [Point::Seq(third.link.seq), Point::At(third.at)] {
            assert_eq!(
                head_at(&books.store, of(), upto, Seq(0)).await.as_ref(),
                Ok(&Some(third.clone()))
            );
        }
    }
}

#[tokio::test]
async fn where_no_checkpoint_fits_or_none_is_left_the_fold_begins_with_the_first_event() {
    let books = Books::new().await;
    let newest = books.newest();
    books.change("update checkpoints set format = 2").await;
    assert_eq!(books.checkpoint(Point::At(newest.at)).await, None);
    let newest_point = Point::Seq(newest.link.seq);
    assert_eq!(head_at(&books.store, of(), newest_point, Seq(0)).await, Ok(Some(newest.clone())));
    books.change("delete from checkpoints").await;
    assert_eq!(head_at(&books.store, of(), newest_point, Seq(0)).await, Ok(Some(newest)));
}

// What adds up, and fits the journal in every way that is looked at, is still no reason to answer wrongly later.
#[tokio::test]
async fn a_fold_that_breaks_after_its_checkpoint_begins_anew() {
    let books = Books::new().await;
    let newest = books.newest();
    let lie =
        "update checkpoints set paid_fen = paid_fen + 5, fee_fen = fee_fen + 5, paid_orders = 0";
    books.change(lie).await;
    let trusted = books.checkpoint(Point::At(newest.at)).await.unwrap();
    assert_eq!(trusted.paid_orders, 0, "it is given out");
    let mut books = books;
    books.commit(vec![pay("4001", 3)]).await;
    let newest = books.newest();
    let told = head_at(&books.store, of(), Point::Seq(newest.link.seq), Seq(0)).await;
    assert_eq!(told, Ok(Some(newest)));
}

#[tokio::test]
async fn a_journal_that_was_changed_is_not_told_of() {
    let books = Books::new().await;
    let seq = books.kept[1].link.seq.next();
    books.change(&format!("update journal set hash = zeroblob(32) where seq = {seq}")).await;
    let ask = async |seq| head_at(&books.store, of(), Point::Seq(seq), Seq(0)).await;
    let before = ask(books.kept[1].link.seq).await;
    assert_eq!(before.as_ref(), Ok(&Some(books.kept[1].clone())));
    let Err(ReadError::Unreadable { what, .. }) = ask(seq).await else { panic!("it is told") };
    assert!(what.starts_with(&format!("event {seq}: its hash is 0000")), "{what}");
    assert!(what.ends_with("run tally audit"), "{what}");
}

/// Else whoever asks for what was would be told an earlier state, and no error.
#[tokio::test]
async fn a_journal_that_lost_its_end_is_not_told_as_though_it_were_whole() {
    let books = Books::new().await;
    let newest = books.newest();
    books.change("delete from journal where seq > 5").await;
    books.change("delete from checkpoints").await;
    for upto in [Point::Seq(newest.link.seq), Point::At(newest.at)] {
        let told = head_at(&books.store, of(), upto, newest.link.seq).await;
        let broken = matches!(&told, Err(ReadError::Unreadable { what, .. }) if what.contains("ends at event 5"));
        assert!(broken, "{told:?}");
    }
    let whole = head_at(&books.store, of(), Point::Seq(Seq(3)), newest.link.seq).await;
    assert_eq!(whole.unwrap().unwrap().link.seq, Seq(3));
}
