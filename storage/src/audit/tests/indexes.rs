//! Indexes that are not what their tables say. No statement makes one: SQLite is made to forget an index for a moment, so
//! that a change of the table passes it by.

use sqlx::AssertSqlSafe;

use super::super::indexes::{ALL, Index, Walk};
use super::{Books, check};
use crate::audit::audit;
use crate::fixture::{self, id};

/// Indexes whose conditions are about columns that their entries do not have, and no plain equality.
const BY_WAY_OF_THE_TABLE: [&str; 4] =
    ["cases_in_suspense", "orders_waiting", "refunds_under_way", "withdrawals_under_way"];

/// Clean books in which every index holds a row of shop2.
async fn books() -> Books {
    let mut books = Books::new().await;
    books.commit("shop2", vec![fixture::withdraw("wx03", Some(200))]).await;
    books
}

/// Changes the table while the index looks away.
async fn behind(books: &Books, index: &Index, before: &str, change: &str) {
    let name = index.name;
    let sql = format!(
        "{before};
         create temp table forgotten as select * from sqlite_schema where name = '{name}';
         pragma writable_schema = on;
         delete from sqlite_schema where name = '{name}';
         pragma writable_schema = reset;
         {change};
         pragma writable_schema = on;
         insert into sqlite_schema select * from forgotten;
         pragma writable_schema = reset"
    );
    books.tamper(&sql).await;
}

/// One row of shop2 that the index holds, by the rest of its primary key.
async fn row_of(books: &Books, index: &Index) -> String {
    let Index { table, key, only, .. } = index;
    let only = if only.is_empty() { "1" } else { only };
    let rest = key[key.len() - 1];
    let sql = format!("select {rest} from {table} where merchant_id = 'shop2' and {only} limit 1");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(books.store.read.file()).await.unwrap()
}

/// The condition that leads to that row and no other.
fn at(index: &Index, row: &str) -> String {
    format!("merchant_id = 'shop2' and {} = '{row}'", index.key[index.key.len() - 1])
}

#[tokio::test]
async fn a_row_that_an_index_does_not_lead_to_is_found() {
    for index in ALL {
        let books = books().await;
        let row = row_of(&books, index).await;
        let (table, at) = (index.table, at(index, &row));
        let take_out = format!(
            "create temp table saved as select * from {table} where {at}; delete from {table} where {at}"
        );
        behind(&books, index, &take_out, &format!("insert into {table} select * from saved")).await;
        let name = index.name;
        let expected =
            format!("merchant shop2, {table} {row}: the index {name} does not lead to it");
        check(&books.report().await, &expected);
        check(&audit(&books.store.read, Some(id("shop2"))).await.unwrap(), &expected);
        assert_eq!(audit(&books.store.read, Some(id("shop1"))).await.unwrap().faults, []);
    }
}

#[tokio::test]
async fn an_entry_that_leads_to_no_row_is_found() {
    let seen = ALL.iter().filter(|index| !BY_WAY_OF_THE_TABLE.contains(&index.name));
    for index in seen.filter(|index| index.table != "heads") {
        let books = books().await;
        let row = row_of(&books, index).await;
        let (table, rest) = (index.table, index.key[1]);
        let move_away = format!("update {table} set {rest} = 'zzzz' where {}", at(index, &row));
        let move_back = format!("update {table} set {rest} = '{row}' where {}", at(index, "zzzz"));
        behind(&books, index, &move_away, &move_back).await;
        let name = index.name;
        check(
            &books.report().await,
            &format!("merchant shop2, {table} zzzz: the index {name} leads to it, where no row is"),
        );
    }
}

/// The row is there, but it is not, or no longer, what the index takes it for.
#[tokio::test]
async fn an_entry_that_leads_to_another_row_than_it_says_is_found() {
    for (name, row, set, back) in [
        ("one_order_per_transaction", "1001", "transaction_id = 'T0'", "transaction_id = 'T1001'"),
        ("one_order_per_transaction", "1005", "transaction_id = 'T0'", "transaction_id = null"),
        ("one_order_per_paid_seq", "1001", "paid_seq = 999", "paid_seq = 1"),
        ("orders_open", "1004", "status = 'open'", "status = 'closed'"),
        ("orders_closed", "1001", "status = 'closed'", "status = 'paid'"),
        ("orders_waiting", "1001", "status = 'open'", "status = 'paid'"),
        ("settlements_in_order", "S001", "last_paid_seq = 999", "last_paid_seq = 2"),
        ("withdrawals_by_status", "wx01", "status = 'failed'", "status = 'succeeded'"),
        ("withdrawals_under_way", "wx01", "status = 'sending'", "status = 'succeeded'"),
        ("heads_by_registration", "shop2", "registered_ms = 1", "registered_ms = registered"),
    ] {
        let books = books().await;
        let index = ALL.iter().find(|index| index.name == name).unwrap();
        let (table, at) = (index.table, at(index, row));
        let sql = "select registered_ms from heads where merchant_id = 'shop2'";
        let registered: i64 =
            sqlx::query_scalar(sql).fetch_one(books.store.read.file()).await.unwrap();
        let back = back.replace("= registered", &format!("= {registered}"));
        let there = format!("update {table} set {set} where {at}");
        behind(&books, index, &there, &format!("update {table} set {back} where {at}")).await;
        check(
            &books.report().await,
            &format!(
                "merchant shop2, {table} {row}: the index {name} leads to it, where no row is"
            ),
        );
    }
}

#[tokio::test]
async fn every_index_over_the_facts_of_money_is_listed_as_it_is() {
    let books = Books::new().await;
    let db = books.store.read.file();
    let sql = "select name from sqlite_schema where type = 'index' and sql is not null
        and tbl_name in ('heads', 'orders', 'settlements', 'withdrawals', 'idempotency', 'cases', 'refunds', 'bank_run_items', 'adjustments') order by name";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(db).await.unwrap();
    let mut listed: Vec<&str> = ALL.iter().map(|index| index.name).collect();
    listed.sort_unstable();
    assert_eq!(names, listed);
    for Index { name, table, key, columns, only } in ALL {
        let sql = "select sql from sqlite_schema where name = ?";
        let sql: String = sqlx::query_scalar(sql).bind(name).fetch_one(db).await.unwrap();
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let mut expected = format!("create index {name} on {table} ({})", columns.join(", "));
        if !only.is_empty() {
            expected.push_str(&format!(" where {only}"));
        }
        assert_eq!(sql.replace("create unique", "create"), expected);
        let sql = "select name from pragma_table_info(?) where pk > 0 order by pk";
        let names: Vec<String> = sqlx::query_scalar(sql).bind(table).fetch_all(db).await.unwrap();
        assert_eq!(names, *key, "{table}");
        for column in *columns {
            let sql = "select \"notnull\" from pragma_table_info(?) where name = ?";
            let query = sqlx::query_scalar(sql).bind(table).bind(column);
            let never: bool = query.fetch_one(db).await.unwrap();
            assert!(
                never || only.split(" and ").any(|one| one == format!("{column} is not null")),
                "{name}: {column} may be null"
            );
        }
    }
}

/// An index that is walked by way of its table would hide what the table does not have.
#[tokio::test]
async fn entries_are_read_from_the_index_and_rows_from_the_table() {
    let books = Books::new().await;
    for index in ALL {
        for walk in [Walk::Entries, Walk::Rows] {
            let width = if walk == Walk::Entries { index.entry().len() } else { index.key.len() };
            let name = index.name;
            let sql = format!("explain query plan {}", index.compare(walk, width, width));
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
                .fetch_all(books.store.read.file())
                .await
                .unwrap();
            let [walked, sought] = &plan[..] else { panic!("{plan:?}") };
            let (walked, sought) = (&walked.3, &sought.3);
            match walk {
                Walk::Entries => {
                    let covering =
                        if BY_WAY_OF_THE_TABLE.contains(&name) { "" } else { "COVERING " };
                    assert!(
                        walked.contains(&format!("USING {covering}INDEX {name} (")),
                        "{walked}"
                    );
                    assert!(sought.contains("there USING PRIMARY KEY ("), "{name}: {sought}");
                }
                Walk::Rows => {
                    assert!(walked.contains("USING PRIMARY KEY ("), "{name}: {walked}");
                    assert!(sought.contains(&format!("INDEX {name} (")), "{name}: {sought}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_fault_of_an_index_does_not_come_on_top_of_one_of_its_merchant() {
    let books = books().await;
    let there =
        "update orders set transaction_id = 'T0' where merchant_id = 'shop2' and order_no = '1001'";
    behind(&books, &ALL[0], "select 1", there).await;
    let report = audit(&books.store.read, None).await.unwrap();
    check(&report, "merchant shop2, orders 1001: transaction_id is \"T0\"");
}
