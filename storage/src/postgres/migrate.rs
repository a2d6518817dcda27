//! The schema, brought up to date by one at a time.

use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};

use super::connect::Database;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/postgres");

impl Database {
    /// Brings the schema up to what this binary knows. Whoever comes second waits for the lock, however long that is, and finds
    /// it done.
    pub(crate) async fn migrate(&self) -> Result<(), MigrateError> {
        let mut db = self.plain().await?;
        let done = MIGRATIONS.run_direct(None, &mut db, false).await;
        drop(db.close().await); // it was only for this
        done
    }

    /// The newest migration that this binary knows.
    pub(crate) fn newest_migration() -> i64 {
        MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
    }
}
