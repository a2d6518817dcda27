//! Bringing the schema of a file up to date, and nothing else.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;

use super::errors::OpenError;
use super::lock::{self, Lock};
use super::{SqliteStore, connect, must_be_restored};

/// From where to where a schema was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// Its newest migration before; `None`: there were no books.
    pub from: Option<i64>,
    /// Its newest migration now.
    pub to: i64,
}

impl SqliteStore {
    /// The newest migration that this binary knows.
    pub(crate) fn newest_migration() -> i64 {
        connect::MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
    }

    /// Brings the schema of a file up to date, as [`SqliteStore::open`] does; refused while another process has the file.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteStore::open`].
    pub async fn migrate(file: &Path) -> Result<Migrated, OpenError> {
        let file = lock::one_name(file).map_err(|error| connect::no_file(file, &error))?;
        let _held = Lock::take(&file)?;
        must_be_restored(&file)?;
        let mut db = connect::first_writer(&file).await?;
        let from = newest(&mut db).await.unwrap_or(None); // a new file has no table of migrations
        connect::migrate(&file, &mut db).await?;
        let to = newest(&mut db).await.map_err(|error| connect::refused(&file, &error))?;
        connect::discard(db).await;
        Ok(Migrated { from, to: to.unwrap_or_default() })
    }
}

async fn newest(db: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(db).await
}
