//! Bringing the WAL back into the database file, after the answer and before the next batch. SQLite calls that a checkpoint;
//! here that word means a head of the past (`checkpoints.rs`).
//!
//! The writer does it itself, between batches, so that the WAL can begin anew and does not grow without end; SQLite would do
//! the same by itself, and hide an I/O error.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::{Broken, broke, errors};
use crate::sql::meaning::Meaning;

/// Pages of 4 KiB in the WAL from which on it is brought back: 64 MiB, read again in a fraction of a second after a crash.
const WAL_PAGES_MAX: i64 = 16_384;

/// Brings it back when it is time to. Where that fails for the disk's sake, the store is left broken.
pub(crate) async fn bring_back(db: &mut SqliteConnection, broken: &Broken) {
    let pages = match run(db, "pragma wal_checkpoint(noop)").await {
        Ok(pages) if pages >= WAL_PAGES_MAX => run(db, "pragma wal_checkpoint(passive)").await,
        other => other,
    };
    match pages.map_err(|error| errors::meaning(&error)) {
        Ok(_) => {}
        Err(Meaning::Broken(what)) => broke(broken, &what),
        Err(other) => {
            tracing::warn!(?other, "the WAL was not brought back; the next batch tries again")
        }
    }
}

/// Gives how many pages the WAL has.
async fn run(db: &mut SqliteConnection, pragma: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(pragma).fetch_one(db).await?.try_get(1)
}
