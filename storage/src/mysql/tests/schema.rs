//! The schema: SQLite's in other words, made by one at a time, and as it was made.

use std::collections::BTreeSet;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::*;

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");

const COLUMNS: &str = "select concat(table_name, '.', column_name, ' ',
        case when data_type in ('varchar', 'text', 'longtext', 'varbinary') then 'text'
             when data_type in ('binary', 'longblob') then 'bytes' else data_type end,
        if(is_nullable = 'YES', '', ' not null'))
    from information_schema.columns
    where table_schema = database() and table_name not in ('_sqlx_migrations', 'claims') and extra not like '%GENERATED%'";

const SQLITE_COLUMNS: &str = "select t.name || '.' || c.name || ' '
        || case c.type when 'INTEGER' then 'bigint' when 'BLOB' then 'bytes' else 'text' end
        || case c.\"notnull\" when 0 then '' else ' not null' end
    from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table' and t.name not in ('_sqlx_migrations', 'backups')";

/// The first column of each key. What all merchants' lists walk along, and what is nobody's, leads with something else.
const LEADING: &str = "select concat(table_name, ' ', index_name) from information_schema.statistics
    where table_schema = database() and seq_in_index = 1 and column_name <> 'merchant_id' and table_name <> '_sqlx_migrations'";

async fn empty() -> Option<(&'static MariadbServer, Database, MySqlConnection)> {
    let server = Mariadb::shared()?;
    let database = Database::look(&server.fresh_database()).await.expect("it fits");
    let db = writer(&database).await;
    Some((server, database, db))
}

async fn texts(db: &mut MySqlConnection, query: &'static str) -> BTreeSet<String> {
    let texts: Vec<String> = sqlx::query_scalar(query).fetch_all(db).await.unwrap();
    texts.into_iter().collect()
}

#[tokio::test]
async fn the_schema_is_sqlites_and_every_key_leads_with_the_merchant() {
    let Some((_, database, mut db)) = empty().await else { return };
    database.migrate().await.unwrap();
    database.migrate().await.expect("it is done");
    let mut sqlite = SqliteConnection::connect(":memory:").await.unwrap();
    SQLITE.run_direct(None, &mut sqlite, false).await.unwrap();
    let theirs: Vec<String> =
        sqlx::query_scalar(SQLITE_COLUMNS).fetch_all(&mut sqlite).await.unwrap();
    let (ours, theirs) = (texts(&mut db, COLUMNS).await, theirs.into_iter().collect());
    assert!(ours.len() > 90, "{ours:?}");
    assert_eq!(ours.symmetric_difference(&theirs).collect::<Vec<_>>(), Vec::<&String>::new());
    let leading: Vec<String> = texts(&mut db, LEADING).await.into_iter().collect();
    assert_eq!(
        leading,
        [
            "bank_run_items items_by_run",
            "bank_runs PRIMARY",
            "cases cases_by_kind",
            "cases cases_by_opening",
            "channel_account PRIMARY",
            "deliveries deliveries_by_webhook",
            "deliveries deliveries_waiting",
            "heads heads_by_registration",
            "keys PRIMARY",
            "keys keys_key_hash_key",
            "orders orders_waiting",
            "profiles PRIMARY",
            "reconciliation_carried PRIMARY",
            "reconciliation_differences PRIMARY",
            "reconciliations PRIMARY",
            "refunds refunds_under_way",
            "restored PRIMARY",
            "webhooks PRIMARY",
            "withdrawals withdrawals_under_way",
        ]
    );
    assert_eq!(database.changed().await.unwrap(), None);
}

#[tokio::test]
async fn of_many_who_start_at_once_one_makes_the_schema_and_the_others_find_it() {
    let Some((_, database, _)) = empty().await else { return };
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { database.migrate().await })
        })
        .collect();
    for start in starts {
        start.await.unwrap().expect("it is done, by whomever");
    }
}

#[tokio::test]
async fn a_schema_that_was_begun_by_a_start_that_was_killed_is_finished_by_the_next() {
    let Some((server, database, mut db)) = empty().await else { return };
    database.migrate().await.unwrap();
    server.ask(
        name(&database),
        "update _sqlx_migrations set success = 0; drop table cases, claims, `keys`",
    );
    database.migrate().await.expect("it goes on");
    let tables = "select table_name from information_schema.tables where table_schema = database()";
    assert_eq!(texts(&mut db, tables).await.len(), 24);
    server.ask(name(&database), "update _sqlx_migrations set checksum = 'x'");
    assert!(matches!(database.migrate().await, Err(MigrateError::VersionMismatch(1))));
    server.ask(name(&database), "insert into _sqlx_migrations select 99, 'new', now(), 1, 'x', 0");
    assert!(matches!(database.migrate().await, Err(MigrateError::VersionMissing(99))));
}

#[tokio::test]
async fn a_table_that_somebody_made_compare_in_another_way_is_named() {
    for (change, words) in [
        (
            "alter table orders convert to character set utf8mb4 collate utf8mb4_general_ci",
            "orders.",
        ),
        (
            "alter table heads modify merchant_id varchar(12) character set ascii not null",
            "heads.merchant_id",
        ),
        ("alter table cases engine = Aria", "cases has the engine Aria"),
    ] {
        let Some((server, database, _)) = empty().await else { return };
        database.migrate().await.unwrap();
        server.ask(name(&database), change);
        let line = database.changed().await.unwrap().expect("it is seen");
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn ids_and_keys_are_told_apart_by_every_byte() {
    let Some((_, database, mut db)) = empty().await else { return };
    database.migrate().await.unwrap();
    let key = "insert into idempotency values ('m1', 'orders', ?, '1000')";
    for different in ["key", "Key", "key ", " key", "key  "] {
        sqlx::query(key).bind(different).execute(&mut db).await.expect(different);
    }
    let again = sqlx::query(key).bind("key ").execute(&mut db).await.expect_err("it is there");
    assert_eq!(meaning(&again), Meaning::Constraint("PRIMARY".to_owned()));
    let claim = "insert into claims values (?, 'payer', 'h', 0)";
    for different in ["shop1", "Shop1", "SHOP1"] {
        sqlx::query(claim).bind(different).execute(&mut db).await.expect(different);
    }
}

#[tokio::test]
async fn each_check_of_the_schema_has_a_name_that_says_where_it_is() {
    let Some((_, database, mut db)) = empty().await else { return };
    database.migrate().await.unwrap();
    let checks = "select constraint_name from information_schema.check_constraints
        where constraint_schema = database()";
    let checks = texts(&mut db, checks).await;
    assert!(checks.len() > 40, "{checks:?}");
    let own = [
        "conserved",
        "paid_is_whole",
        "closed_is_dated",
        "net_is_not_negative",
        "succeeded_has_a_reference",
        "released_is_whole",
        "day_is_of_pending",
        "asked_for_or_by_hand",
        "refunded_has_an_id",
        "resolved_is_whole",
        "no_more_than_came",
        "suspense_has_no_fee",
        "decided_by_another",
        "decided_is_whole",
    ];
    for check in &checks {
        assert!(check.ends_with("_check") || own.contains(&check.as_str()), "{check}");
    }
    let break_one = "insert into heads values ('m1', 1, 1, repeat('x', 32), 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, '', 0, 0, 0, 0)";
    let broken =
        sqlx::query(AssertSqlSafe(break_one)).execute(&mut db).await.expect_err("4 is not 5");
    assert_eq!(meaning(&broken), Meaning::Constraint("conserved".to_owned()));
}
