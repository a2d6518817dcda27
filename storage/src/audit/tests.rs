//! A clean store passes; whatever is altered, removed or added behind its back is found and named.

mod forged;
mod hundred;
mod indexes;
mod kept;
mod random;
mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::{AssertSqlSafe, ConnectOptions};
use tally_actors::domain::command::Command;
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{Batch, Commit, Run, Store};

use super::columns::Table;
use super::heads::HEAD;
use super::report::Report;
use super::{audit, merchant};
use crate::fixture::{self, Shops, full_life, id};
use crate::sql::rows::integer;
use crate::sqlite::SqliteStore;

struct Books {
    folder: tempfile::TempDir,
    store: SqliteStore,
    shops: Shops,
}

impl Books {
    /// Two merchants with a full life, and one that was only registered.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        let mut books = Self { folder, store, shops: Shops::new() };
        books.commit("shop1", full_life()).await;
        books.commit("shop2", full_life()).await;
        books.commit("shop3", vec![fixture::register()]).await;
        books
    }

    async fn commit(&mut self, of: &str, commands: Vec<Command>) {
        let batch = self.shops.batch(of, commands);
        assert_eq!(self.store.commit(batch).await, Commit::Committed);
    }

    /// A connection behind the store's back, that does not check what is written.
    async fn file(&self) -> sqlx::SqliteConnection {
        let path = self.folder.path().join("tally.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let options = options.pragma("ignore_check_constraints", "on");
        options.connect().await.unwrap()
    }

    async fn tamper(&self, sql: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = query.execute(&mut self.file().await).await.unwrap();
        assert!(done.rows_affected() > 0, "nothing was changed by: {sql}");
    }

    /// Writes a run into the journal alone.
    async fn forge(&self, run: &Run) {
        for row in &run.rows {
            sqlx::query("insert into journal values (?, ?, ?, ?)")
                .bind(run.merchant.as_str())
                .bind(integer(row.link.seq.0))
                .bind(row.link.hash.0.as_slice())
                .bind(&row.bytes[..])
                .execute(&mut self.file().await)
                .await
                .unwrap();
        }
    }

    async fn report(&self) -> Report {
        audit(&self.store.read, None).await.unwrap()
    }
}

/// Given clean books, when the file is changed so, then one merchant has one fault that begins so.
#[track_caller]
fn check(report: &Report, expected: &str) {
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    assert!(
        faults.len() == 1 && faults[0].starts_with(expected),
        "wanted:\n{expected}\nfound:\n{faults:#?}"
    );
    assert!(report.to_string().contains(expected) && !report.is_clean());
}

#[tokio::test]
async fn clean_books_pass_and_are_counted() {
    let books = Books::new().await;
    let report = books.report().await;
    assert_eq!(report.faults, []);
    let counts = (report.merchants, report.orders, report.settlements, report.withdrawals);
    assert_eq!(counts, (3, 12, 4, 8));
    assert_eq!((report.idempotency, report.cases, report.refunds), (18, 8, 6));
    assert_eq!(report.in_runs, 2);
    assert!(report.to_string().ends_with("every row is what it says"), "{report}");
}

#[tokio::test]
async fn an_empty_store_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
    assert_eq!(audit(&store.read, None).await.unwrap(), Report::default());
}

/// What is changed in the tables, and what the audit says of it.
const CHANGES: &[(&str, &str)] = &[
        (
            "update heads set available_fen = available_fen + 1, pending_fen = pending_fen - 1 where merchant_id = 'shop1'",
            "merchant shop1, heads shop1: pending_fen is 49, should be 50",
        ),
        (
            "update heads set kept = x'00' where merchant_id = 'shop2'",
            "merchant shop2, heads shop2: kept is another (personal, not shown)",
        ),
        ("delete from heads where merchant_id = 'shop1'", "merchant shop1, heads shop1: the row is missing"),
        (
            "update orders set status = 'open' where merchant_id = 'shop1' and order_no = '1001'",
            "merchant shop1, orders 1001: status is \"open\", should be \"paid\"",
        ),
        (
            "update orders set status = cast(x'ff' as text) where merchant_id = 'shop1' and order_no = '1001'",
            "merchant shop1, orders 1001: status is damaged, should be \"paid\"",
        ),
        (
            "update orders set booked_fen = 99999 where merchant_id = 'shop2' and order_no = '1001'",
            "merchant shop2, orders 1001: booked_fen is 99999, should be 100000",
        ),
        (
            "update orders set description = 'x' where merchant_id = 'shop2' and order_no = '1004'",
            "merchant shop2, orders 1004: description is another (personal, not shown)",
        ),
        (
            "delete from orders where merchant_id = 'shop1' and order_no = '1002'",
            "merchant shop1, orders 1002: the row is missing",
        ),
        (
            "delete from orders where merchant_id = 'shop1' and order_no = '1006'",
            "merchant shop1, orders 1006: the row is missing",
        ),
        (
            "insert into orders select merchant_id, '0000', amount_fen, description, channel, 'open', opened_ms, 999,
                expires_ms, null, null, null, null, null, null, null, null, null, 0, null, null, 0, null, 0
             from orders where merchant_id = 'shop1' and order_no = '1001'",
            "merchant shop1, orders 0000: the row is there, but the journal does not know it",
        ),
        (
            "update orders set order_no = 'a b c' where merchant_id = 'shop1' and order_no = '1005'",
            "merchant shop1, orders 1005: the row is missing",
        ),
        (
            "update orders set order_no = '' where merchant_id = 'shop1' and order_no = '1005'",
            "merchant shop1, orders \"\": the row is there, but the journal does not know it",
        ),
        (
            "update orders set order_no = 'swap' where merchant_id = 'shop1' and order_no = '1004';
             update orders set order_no = '1004' where merchant_id = 'shop1' and order_no = '1005';
             update orders set order_no = '1005' where merchant_id = 'shop1' and order_no = 'swap'",
            "merchant shop1, orders 1004: amount_fen is 700, should be 5000",
        ),
        (
            "update settlements set gross_fen = gross_fen + 1 where merchant_id = 'shop1' and settlement_no = 'S002'",
            "merchant shop1, settlements S002: gross_fen is 70001, should be 70000",
        ),
        (
            "delete from settlements where merchant_id = 'shop2'",
            "merchant shop2, settlements S001: the row is missing",
        ),
        (
            "update settlements set settlement_no = 'S003' where merchant_id = 'shop2' and settlement_no = 'S002'",
            "merchant shop2, settlements S002: the row is missing",
        ),
        (
            "update withdrawals set status = 'requested' where merchant_id = 'shop1' and withdrawal_no = 'wx01'",
            "merchant shop1, withdrawals wx01: status is \"requested\", should be \"succeeded\"",
        ),
        (
            "delete from withdrawals where merchant_id = 'shop1' and withdrawal_no = 'wx02'",
            "merchant shop1, withdrawals wx02: the row is missing",
        ),
        (
            "insert into withdrawals select merchant_id, 'wx03', amount_fen, asked_fen, settle_first, method, payout_openid,
                payout_name, status, reason, reference, requested_ms, 999, day, asked_by, approved_by, settlement_no, null
             from withdrawals where merchant_id = 'shop1' and withdrawal_no = 'wx02'",
            "merchant shop1, withdrawals wx03: the row is there, but the journal does not know it",
        ),
        (
            "update idempotency set number = '1002' where merchant_id = 'shop1' and route = 'orders'",
            "merchant shop1, idempotency orders/first key: number is \"1002\", should be \"1001\"",
        ),
        (
            "delete from idempotency where merchant_id = 'shop1' and route = 'settlements'",
            "merchant shop1, idempotency settlements/settle key: the row is missing",
        ),
        (
            "insert into idempotency values ('shop1', 'orders', 'other key', '1001')",
            "merchant shop1, idempotency orders/other key: the row is there, but the journal does not know it",
        ),
        (
            "update refunds set status = 'sending' where merchant_id = 'shop1' and refund_no = 'R001'",
            "merchant shop1, refunds R001: status is \"sending\", should be \"succeeded\"",
        ),
        (
            "update orders set refunded_fen = 0 where merchant_id = 'shop1' and order_no = '1001'",
            "merchant shop1, orders 1001: refunded_fen is 0, should be 1000",
        ),
        (
            "update cases set amount_fen = 2 where merchant_id = 'shop1' and kind = 'order_unknown'",
            "merchant shop1, cases shop1-",
        ),
        (
            "delete from cases where merchant_id = 'shop1' and kind = 'paid_after_close'",
            "merchant shop1, cases shop1-",
        ),
        (
            "update cases set case_id = 'shop1-0' where merchant_id = 'shop1' and kind = 'amount_differs'",
            "merchant shop1, cases shop1-0: the row is there, but the journal does not know it",
        ),
];

#[tokio::test]
async fn each_changed_row_is_found_and_named() {
    for (sql, expected) in CHANGES {
        let books = Books::new().await;
        books.tamper(sql).await;
        check(&books.report().await, expected);
    }
}

#[tokio::test]
async fn each_change_of_the_journal_is_found_and_named() {
    let of_shop1 = |sql: &str| format!("{sql} where merchant_id = 'shop1'");
    for (sql, expected) in [
        (
            of_shop1("update journal set event = cast(event || x'00' as blob)") + " and seq = 7",
            "merchant shop1, journal 7: hash is ",
        ),
        (
            of_shop1("update journal set hash = zeroblob(32)") + " and seq = 7",
            "merchant shop1, journal 7: hash is 0000",
        ),
        (of_shop1("delete from journal") + " and seq = 7", "merchant shop1, journal 7: the row is missing"),
        (of_shop1("delete from journal") + " and seq = 1", "merchant shop1, journal 1: the row is missing"),
        (of_shop1("delete from journal"), "merchant shop1, heads shop1: the row is there, but"),
        (
            "update journal set seq = 1000 where merchant_id = 'shop1' and seq = 7;
             update journal set seq = 7 where merchant_id = 'shop1' and seq = 8;
             update journal set seq = 8 where merchant_id = 'shop1' and seq = 1000"
                .into(),
            "merchant shop1, journal 7: hash is ",
        ),
        (
            "delete from journal where merchant_id = 'shop1'
                 and seq = (select seq from heads where merchant_id = 'shop1')"
                .into(),
            "merchant shop1, heads shop1: seq is ",
        ),
        (
            "insert into journal select 'shop1', 1 + (select seq from heads where merchant_id = 'shop1'), hash, event
             from journal where merchant_id = 'shop1' and seq = 7"
                .into(),
            "merchant shop1, journal ",
        ),
        (
            "insert into journal select 'shop4', seq, hash, event from journal where merchant_id = 'shop1'".into(),
            "merchant shop4, journal 1: hash is ",
        ),
        (
            "insert into cases (merchant_id, case_id, kind, opened_ms, opened_seq, order_no,
             transaction_id, amount_fen, expected_fen, paid_ms) select 'sh-4', case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen,
             expected_fen, paid_ms from cases where merchant_id = 'shop1' and kind = 'order_unknown'".into(),
            "merchant sh-4, cases merchant_id: a merchant's id must be",
        ),
        (
            "insert into cases (merchant_id, case_id, kind, opened_ms, opened_seq, order_no,
             transaction_id, amount_fen, expected_fen, paid_ms) select cast(x'61ff' as text), case_id, kind, opened_ms, opened_seq, order_no, transaction_id,
             amount_fen, expected_fen, paid_ms from cases where merchant_id = 'shop1' and kind = 'order_unknown'".into(),
            "merchant a\u{fffd}, cases merchant_id: a merchant's id must be",
        ),
    ] {
        let books = Books::new().await;
        books.tamper(&sql).await;
        check(&books.report().await, expected);
    }
}

#[tokio::test]
async fn faults_of_several_merchants_are_all_reported() {
    let books = Books::new().await;
    books.tamper("update orders set amount_fen = amount_fen + 1 where order_no = '1004'").await;
    let report = books.report().await;
    let merchants: Vec<&str> = report.faults.iter().map(|fault| fault.merchant.as_str()).collect();
    assert_eq!(merchants, ["shop1", "shop2"]);
    assert!(report.to_string().contains("NOT CLEAN: 2 merchants"), "{report}");
}

#[tokio::test]
async fn every_column_of_every_table_is_compared() {
    let books = Books::new().await;
    let tables = Table::ALL.map(|table| (table.name(), table.columns()));
    for (table, compared) in tables.into_iter().chain([("heads", HEAD), ("checkpoints", HEAD)]) {
        let sql = "select name from pragma_table_info(?) where name <> 'merchant_id' order by cid";
        let names: Vec<String> =
            sqlx::query_scalar(sql).bind(table).fetch_all(books.store.read.file()).await.unwrap();
        assert_eq!(names, compared, "{table}");
    }
}

#[tokio::test]
async fn several_passes_see_what_one_pass_sees() {
    let books = Books::new().await;
    let of: MerchantId = id("shop1");
    let whole = books.report().await;
    let mut shared = Report::default();
    merchant::audit_in(&books.store.read, of, 5, &mut shared).await.map_err(drop).unwrap();
    assert_eq!(shared.orders * 2, whole.orders);
    assert_eq!(shared.idempotency * 2, whole.idempotency);
    for sql in [
        "delete from orders where merchant_id = 'shop1' and order_no = '1004'",
        "insert into idempotency values ('shop1', 'orders', 'other key', '1001')",
        "update cases set amount_fen = 2 where merchant_id = 'shop1' and kind = 'order_unknown'",
    ] {
        let books = Books::new().await;
        books.tamper(sql).await;
        let audited = merchant::audit_in(&books.store.read, of, 5, &mut Report::default()).await;
        assert!(matches!(audited, Err(super::Stop::Fault(_))), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_that_are_being_written_are_clean_at_every_moment() {
    const COMMITS: usize = 400;
    let Books { folder, store, mut shops } = Books::new().await;
    let auditor = SqliteStore::open_read_only(&folder.path().join("tally.db")).await.unwrap();
    let (store, done) = (Arc::new(store), Arc::new(AtomicBool::new(false)));
    let batches: Vec<Arc<Batch>> = (0..COMMITS).map(|n| shops.batch("shop3", busy(n))).collect();
    let writer = tokio::spawn({
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        async move {
            for batch in batches {
                assert_eq!(store.commit(batch).await, Commit::Committed);
            }
            done.store(true, Ordering::SeqCst);
        }
    });
    let mut audits = 0;
    while !done.load(Ordering::SeqCst) {
        assert_eq!(audit(&auditor.read, None).await.unwrap().faults, []);
        audits += 1;
    }
    writer.await.unwrap();
    let report = audit(&auditor.read, None).await.unwrap();
    assert!(audits > 0 && report.faults.is_empty(), "{report}");
    assert_eq!(report.orders, 12 + u64::try_from(COMMITS).unwrap());
}

/// An order, its payment, its settlement and a withdrawal. Numbers jump about, as they do in life.
fn busy(n: usize) -> Vec<Command> {
    let number = format!("{:04}N{n}", n * 7919 % 10_007);
    vec![
        fixture::open(&number, 500, Some(&number)),
        fixture::pay(&number, 500),
        fixture::settle(&format!("{number}S"), true, None),
        fixture::withdraw(&format!("{number}W"), None),
    ]
}
