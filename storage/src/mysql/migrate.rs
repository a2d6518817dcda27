//! The schema, brought up to date by one at a time, and what of it somebody may have changed.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection as _, Executor as _};

use super::connect::Database;
use crate::sql::connect::Purpose;

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

/// A table that others use at the moment is waited for longer than a batch would.
const PATIENCE: &str = "set session lock_wait_timeout = 60, innodb_lock_wait_timeout = 60";

/// A migration that was killed in between. Each of its statements may be repeated, so it is begun anew.
const BEGIN_ANEW: &str = "delete from _sqlx_migrations where success = 0";

/// Columns and tables of Tally's that are not what its migrations made of them. A column that compares in another way would
/// make two merchants one.
const CHANGED: &str = "select concat(table_name, '.', column_name, ' has the collation ', collation_name)
    from information_schema.columns
    where table_schema = database() and collation_name <> 'utf8mb4_bin' and table_name in (
        'journal', 'heads', 'orders', 'settlements', 'withdrawals', 'idempotency', 'cases', 'checkpoints', 'claims', 'keys',
        'profiles', 'restored', 'webhooks', 'webhook_cursors', 'deliveries', 'channel_account', 'refunds', 'adjustments',
        'reconciliations', 'reconciliation_differences', 'reconciliation_carried', 'bank_runs', 'bank_run_items')
    union all
    select concat(table_name, ' has the engine ', engine) from information_schema.tables
    where table_schema = database() and table_type = 'BASE TABLE' and engine <> 'InnoDB' and table_name in (
        'journal', 'heads', 'orders', 'settlements', 'withdrawals', 'idempotency', 'cases', 'checkpoints', 'claims', 'keys',
        'profiles', 'restored', 'webhooks', 'webhook_cursors', 'deliveries', 'channel_account', 'refunds', 'adjustments',
        'reconciliations', 'reconciliation_differences', 'reconciliation_carried', 'bank_runs', 'bank_run_items')
    limit 1";

impl Database {
    /// Brings the schema up to what this binary knows. Whoever comes second waits, and finds it done.
    pub(crate) async fn migrate(&self) -> Result<(), MigrateError> {
        let mut db = self.connect(Purpose::Write).await?;
        let done = migrate(&mut db).await;
        drop(db.close().await); // it was only for this, and its end gives the lock back
        done
    }

    /// The newest migration that this binary knows.
    pub(crate) fn newest_migration() -> i64 {
        MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
    }

    /// What somebody made of a table or a column that Tally must not work with, and the remedy, in one line.
    pub(crate) async fn changed(&self) -> Result<Option<String>, sqlx::Error> {
        let mut db = self.connect(Purpose::Read).await?;
        let changed: Option<String> = sqlx::query_scalar(CHANGED).fetch_optional(&mut db).await?;
        drop(db.close().await);
        Ok(changed.map(|what| format!("{what}; change it back to utf8mb4_bin and InnoDB")))
    }
}

async fn migrate(db: &mut MySqlConnection) -> Result<(), MigrateError> {
    db.execute(PATIENCE).await?;
    let lock = sqlx::query_scalar(LOCK).bind(LOCK_WAIT_MAX);
    let locked: Option<i64> = lock.fetch_one(&mut *db).await?;
    if locked != Some(1) {
        let busy = "another process has been changing the schema for ten minutes; stop it first";
        return Err(sqlx::Error::Configuration(busy.into()).into());
    }
    let done = MIGRATIONS.run_direct(None, db, false).await;
    if let Err(MigrateError::Dirty(_)) = done {
        sqlx::query(BEGIN_ANEW).execute(&mut *db).await?;
        return MIGRATIONS.run_direct(None, db, false).await;
    }
    done
}
