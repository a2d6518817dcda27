//! Books on servers: the same audit, over each database's own types and in its own order of texts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tally_actors::ports::{Batch, Commit, Store};
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;

use super::super::audit;
use super::busy;
use crate::fixture::{self, Shops, full_life, id};
use crate::server::ServerStore;
use crate::sql::db::Snapshot;

/// A server that the tests of this binary share.
#[derive(Clone, Copy)]
enum Server {
    Postgres,
    Mariadb,
}

/// Books in a database that nobody else uses.
struct Books {
    server: Server,
    database: String,
    store: Arc<ServerStore>,
    shops: Shops,
}

impl Books {
    /// Empty ones. `None`: no such server is installed, and the test is left out.
    async fn new(server: Server) -> Option<Self> {
        let url = match server {
            Server::Postgres => Postgres::shared()?.fresh_database(),
            Server::Mariadb => Mariadb::shared()?.fresh_database(),
        };
        let store = Arc::new(ServerStore::open(&id(&url)).await.unwrap());
        let database = url.rsplit('/').next().unwrap().to_owned();
        Some(Self { server, database, store, shops: Shops::new() })
    }

    async fn with_a_full_life(server: Server, merchants: &[&str]) -> Option<Self> {
        let mut books = Self::new(server).await?;
        for of in merchants {
            let batch = books.shops.batch(of, full_life());
            assert_eq!(books.store.commit(batch).await, Commit::Committed);
        }
        Some(books)
    }

    /// Executes a statement behind the store's back.
    fn tamper(&self, sql: &str) {
        match self.server {
            Server::Postgres => Postgres::shared().unwrap().ask(&self.database, sql),
            Server::Mariadb => Mariadb::shared().unwrap().ask(&self.database, sql),
        };
    }

    async fn faults(&self) -> Vec<String> {
        let report = audit(&self.store.read, None).await.unwrap();
        report.faults.iter().map(ToString::to_string).collect()
    }
}

/// What is changed in the rows of a merchant of its own, and what the audit says of it after the merchant's name.
const CHANGES: &[(&str, &str)] = &[
    (
        "update heads set available_fen = available_fen + 1, pending_fen = pending_fen - 1 where",
        "heads MERCHANT: pending_fen is 49, should be 50",
    ),
    ("delete from heads where", "heads MERCHANT: the row is missing"),
    ("delete from journal where seq = 7 and", "journal 7: the row is missing"),
    (
        "update journal set hash = (select hash from heads where merchant_id = 'Clean') where seq = 7 and",
        "journal 7: hash is ",
    ),
    (
        "update orders set amount_fen = amount_fen + 1 where order_no = '1004' and",
        "orders 1004: amount_fen is 5001, should be 5000",
    ),
    ("delete from orders where order_no = '1006' and", "orders 1006: the row is missing"),
    (
        "update orders set order_no = 'a b c' where order_no = '1005' and",
        "orders 1005: the row is missing",
    ),
    (
        "update settlements set settlement_no = 'S003' where settlement_no = 'S002' and",
        "settlements S002: the row is missing",
    ),
    (
        "update withdrawals set asked_by = 'key-1 ' where withdrawal_no = 'hand1' and",
        "withdrawals hand1: asked_by is \"key-1 \", should be \"key-1\"",
    ),
    (
        "update withdrawals set approved_by = null where withdrawal_no = 'hand1' and",
        "withdrawals hand1: approved_by is null, should be \"key-2\"",
    ),
    (
        "update idempotency set number = '1002' where route = 'orders' and",
        "idempotency orders/first key: number is \"1002\", should be \"1001\"",
    ),
    (
        "update idempotency set idempotency_key = 'First key' where route = 'orders' and",
        "idempotency orders/First key: the row is there, but the journal does not know it",
    ),
    (
        "update refunds set booked_fen = booked_fen + 1 where refund_no = 'R001' and",
        "refunds R001: booked_fen is 991, should be 990",
    ),
    ("delete from refunds where refund_no = 'R003' and", "refunds R003: the row is missing"),
    ("delete from cases where kind = 'paid_after_close' and", "cases MERCHANT-"),
    (
        "insert into checkpoints select * from heads where",
        "", // as it should be
    ),
];

async fn each_row_is_compared(server: Server) {
    let names: Vec<String> = (1..=CHANGES.len()).map(|n| format!("shop{n:02}")).collect();
    // Two that only differ by case, and stand on either side of the others in the order of bytes.
    let merchants: Vec<&str> =
        ["Clean", "clean"].into_iter().chain(names.iter().map(|of| &**of)).collect();
    let Some(books) = Books::with_a_full_life(server, &merchants).await else { return };
    let report = audit(&books.store.read, None).await.unwrap();
    assert_eq!(report.faults, []);
    let each = u64::try_from(merchants.len()).unwrap();
    let counts = [report.merchants, report.orders, report.settlements, report.withdrawals];
    assert_eq!(counts, [1, 6, 2, 4].map(|of_one| of_one * each));
    let counts = [report.idempotency, report.cases, report.refunds];
    assert_eq!(counts, [9, 4, 3].map(|of_one| of_one * each));

    let mut expected = vec![];
    for ((change, fault), of) in CHANGES.iter().zip(&names) {
        books.tamper(&format!("{change} merchant_id = '{of}'"));
        if !fault.is_empty() {
            expected.push(format!("merchant {of}, {}", fault.replace("MERCHANT", of)));
        }
    }
    books.tamper("update cases set merchant_id = 'sh-9' where merchant_id = 'Clean' and kind = 'order_unknown'");
    expected.insert(0, "merchant Clean, cases Clean-".to_owned());
    expected.insert(1, "merchant sh-9, cases merchant_id: a merchant's id must be".to_owned());
    let faults = books.faults().await;
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(&expected), "wanted:\n{expected}\nfound:\n{fault}");
    }
    let of_one = audit(&books.store.read, Some(id("clean"))).await.unwrap();
    assert_eq!((of_one.faults.len(), of_one.orders), (0, 6));
}

/// A snapshot of one moment, whatever the session's own isolation is.
async fn books_that_are_being_written_are_clean(server: Server) {
    const COMMITS: usize = 100;
    let Some(mut books) = Books::with_a_full_life(server, &["shop1"]).await else { return };
    let done = Arc::new(AtomicBool::new(false));
    let batches: Vec<Arc<Batch>> =
        (0..COMMITS).map(|n| books.shops.batch("shop1", busy(n))).collect();
    let writer = tokio::spawn({
        let (store, done) = (Arc::clone(&books.store), Arc::clone(&done));
        async move {
            for batch in batches {
                assert_eq!(store.commit(batch).await, Commit::Committed);
            }
            done.store(true, Ordering::SeqCst);
        }
    });
    let mut audits = 0;
    while !done.load(Ordering::SeqCst) && !writer.is_finished() {
        assert_eq!(books.faults().await, [""; 0]);
        audits += 1;
    }
    writer.await.unwrap();
    let report = audit(&books.store.read, None).await.unwrap();
    assert!(audits > 0 && report.faults.is_empty(), "{report}");
    assert_eq!(report.orders, 6 + u64::try_from(COMMITS).unwrap());
}

/// Else whoever is lent its connection next reads the past.
async fn a_snapshot_that_is_dropped_does_not_go_back_open(server: Server) {
    let Some(mut books) = Books::with_a_full_life(server, &["shop1"]).await else { return };
    let newest = "select max(seq) from journal";
    let before = books.store.read.fetch(newest, &[]).await.unwrap()[0].get::<i64>(0).unwrap();
    let mut snapshots = vec![];
    for _ in 0..2 {
        let mut snapshot = Snapshot::begin(&books.store.read).await.unwrap();
        snapshot.db().fetch(newest, &[]).await.unwrap();
        snapshots.push(snapshot);
    }
    let batch = books.shops.batch("shop1", vec![fixture::open("2001", 100, None)]);
    assert_eq!(books.store.commit(batch).await, Commit::Committed);
    let mut kept = snapshots.pop().unwrap();
    let seen = kept.db().fetch(newest, &[]).await.unwrap()[0].get::<i64>(0);
    assert_eq!(seen, Some(before), "it reads at one moment");
    drop((kept, snapshots));
    // More than the pool has at once, so that each that it may still have is asked.
    let mut lent = vec![];
    for _ in 0..4 {
        let mut db = books.store.read.acquire().await.unwrap();
        let seen = db.db().fetch(newest, &[]).await.unwrap()[0].get::<i64>(0);
        assert_eq!(seen, Some(before + 1));
        lent.push(db);
    }
}

/// Runs each test on each server. Where one is not installed, that is said.
macro_rules! on_servers {
    ($($name:ident)*) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Server::Postgres).await;
            })*
        }

        mod mariadb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Server::Mariadb).await;
            })*
        }
    };
}

on_servers! {
    each_row_is_compared
    books_that_are_being_written_are_clean
    a_snapshot_that_is_dropped_does_not_go_back_open
}
