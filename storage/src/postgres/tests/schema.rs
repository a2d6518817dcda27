//! The schema is SQLite's: the same tables, columns, types and indexes, and byte by byte comparison of what names things.

use std::collections::BTreeSet;

use sqlx::migrate::Migrator;
use sqlx::{Connection, SqliteConnection};

use super::*;

static HERE: Migrator = sqlx::migrate!("./migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");

const COLUMNS: &str = "select table_name || '.' || column_name || ' ' || data_type || \
        case is_nullable when 'YES' then '' else ' not null' end \
    from information_schema.columns where table_schema = 'public' and table_name not in ('_sqlx_migrations', 'claims')";

const SQLITE_COLUMNS: &str = "select t.name || '.' || c.name || ' ' \
        || case c.type when 'INTEGER' then 'bigint' when 'BLOB' then 'bytea' else 'text' end \
        || case c.\"notnull\" when 0 then '' else ' not null' end \
    from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table' and t.name not in ('_sqlx_migrations', 'backups')";

const INDEXES: &str = "select tablename || ' ' || indexname from pg_indexes \
    where schemaname = 'public' and indexname !~ '_(pkey|key)$'";

const SQLITE_INDEXES: &str =
    "select tbl_name || ' ' || name from sqlite_schema where type = 'index' and sql is not null";

/// Texts that are part of a key and compared by the database's own collation.
const COLLATED: &str = "select attrelid::regclass || '.' || attname from pg_index \
    join pg_attribute on attrelid = indrelid and attnum = any (indkey) \
    where indrelid::regclass::text !~ '^(pg_|_sqlx)' and attcollation <> 0 and attcollation <> '\"C\"'::regcollation";

#[tokio::test]
async fn the_schema_is_sqlites_and_compares_byte_by_byte() {
    let Some((_, database)) = prepared().await else { return };
    let mut here = writer(&database).await;
    run(&mut here, "drop table t").await.unwrap();
    HERE.run_direct(None, &mut here, false).await.unwrap();
    let mut sqlite = SqliteConnection::connect(":memory:").await.unwrap();
    SQLITE.run_direct(None, &mut sqlite, false).await.unwrap();
    for (ours, theirs) in [(COLUMNS, SQLITE_COLUMNS), (INDEXES, SQLITE_INDEXES)] {
        let ours: Vec<String> = sqlx::query_scalar(ours).fetch_all(&mut here).await.unwrap();
        let theirs: Vec<String> = sqlx::query_scalar(theirs).fetch_all(&mut sqlite).await.unwrap();
        assert!(theirs.len() > 10, "{theirs:?}");
        let (ours, theirs) = (ours.into_iter().collect(), theirs.into_iter().collect());
        assert_eq!(BTreeSet::difference(&ours, &theirs).collect::<Vec<_>>(), Vec::<&String>::new());
        assert_eq!(BTreeSet::difference(&theirs, &ours).collect::<Vec<_>>(), Vec::<&String>::new());
    }
    let collated: Vec<String> = sqlx::query_scalar(COLLATED).fetch_all(&mut here).await.unwrap();
    assert_eq!(collated, Vec::<String>::new());
}
