//! The schema, brought up to date by one at a time, and what of it somebody may have changed.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::MySqlConnection;

/// The lock is taken here: sqlx asks for one without an end, which MariaDB refuses, and does not look at the answer.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("./migrations/mysql");
    migrations.set_locking(false);
    migrations
});

/// How long another process may take to bring the same schema up, in seconds.
const LOCK_WAIT_MAX: i64 = 600;

/// Locks are of the whole server, databases are not.
const LOCK: &str = "select get_lock(concat('tally migrate ', database()), ?)";
const UNLOCK: &str = "select release_lock(concat('tally migrate ', database()))";

/// A migration that was killed in between. Each of its statements may be repeated, so it is begun anew.
const BEGIN_ANEW: &str = "delete from _sqlx_migrations where success = 0";

/// Columns and tables of Tally's that are not what its migrations made of them. A column that compares in another way would
/// make two merchants one.
const CHANGED: &str = "select concat(table_name, '.', column_name, ' has the collation ', collation_name)
    from information_schema.columns
    where table_schema = database() and collation_name <> 'utf8mb4_bin' and table_name in (
        'journal', 'heads', 'orders', 'settlements', 'withdrawals', 'idempotency', 'cases', 'checkpoints', 'claims', 'keys',
        'profiles')
    union all
    select concat(table_name, ' has the engine ', engine) from information_schema.tables
    where table_schema = database() and table_type = 'BASE TABLE' and engine <> 'InnoDB' and table_name in (
        'journal', 'heads', 'orders', 'settlements', 'withdrawals', 'idempotency', 'cases', 'checkpoints', 'claims', 'keys',
        'profiles')
    limit 1";

/// Brings the schema up to what this binary knows. Whoever comes second waits, and finds it done.
pub(crate) async fn migrate(db: &mut MySqlConnection) -> Result<(), MigrateError> {
    let lock = sqlx::query_scalar(LOCK).bind(LOCK_WAIT_MAX);
    let locked: Option<i64> = lock.fetch_one(&mut *db).await?;
    if locked != Some(1) {
        let busy = "another process has been changing the schema for ten minutes; stop it first";
        return Err(sqlx::Error::Configuration(busy.into()).into());
    }
    let mut done = MIGRATIONS.run_direct(None, db, false).await;
    if let Err(MigrateError::Dirty(_)) = done {
        sqlx::query(BEGIN_ANEW).execute(&mut *db).await?;
        done = MIGRATIONS.run_direct(None, db, false).await;
    }
    sqlx::query(UNLOCK).execute(db).await?; // without it, the session's end does it
    done
}

/// What somebody made of a table or a column that Tally must not work with, in one line.
pub(crate) async fn changed(db: &mut MySqlConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(CHANGED).fetch_optional(db).await
}
