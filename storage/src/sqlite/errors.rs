//! What SQLite's errors mean: one table, from which commits and reads take their answers.

use std::path::PathBuf;

use sqlx::error::DatabaseError;
use tally_actors::ports::Trouble;

use crate::sql::meaning::Meaning;

/// Why a store could not be opened. Each message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{} is in use by another process: stop that one, or choose another place with TALLY_DATA_DIR or TALLY_DATABASE_URL",
        .0.display()
    )]
    InUse(PathBuf),
    /// There is none to read.
    #[error("{} does not exist: name the database of a server that ran before", .0.display())]
    Missing(PathBuf),
    /// It is a database, but not one of Tally's.
    #[error("{} is not a database of tally: name another file with TALLY_DATABASE_URL", .0.display())]
    Foreign(PathBuf),
    /// A newer Tally wrote it.
    #[error("{} has migration {version}, which this binary does not know: run the newer tally", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
        /// The migration.
        version: i64,
    },
    /// An older Tally wrote it, and it was opened for reading only.
    #[error("{} lacks migration {version}: run tally migrate on it, or start the server with it", file.display())]
    Older {
        /// The file.
        file: PathBuf,
        /// The migration.
        version: i64,
    },
    /// A migration is not what it was when it was applied.
    #[error("{} had another migration {version} applied: run the tally that wrote it", file.display())]
    Altered {
        /// The file.
        file: PathBuf,
        /// The migration.
        version: i64,
    },
    /// A database on a server can't be used.
    #[error("{0}")]
    Server(String),
    /// The file system or SQLite said no.
    #[error("{} can't be opened: {reason}", file.display())]
    Refused {
        /// The file.
        file: PathBuf,
        /// What it said.
        reason: String,
    },
}

/// SQLite's result codes (`sqlite.org/rescode.html`): the primary ones, and the one extended one that counts.
mod code {
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOTADB: i32 = 26;
    pub(super) const IOERR_NOMEM: i32 = 10 | (12 << 8);
    pub(super) const IOERR_SHMSIZE: i32 = 10 | (19 << 8);
}

/// The table.
pub(crate) fn meaning(error: &sqlx::Error) -> Meaning {
    let Some(database) = error.as_database_error() else {
        return Meaning::Passing(error.to_string());
    };
    let code = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    match (code, code & 0xff) {
        (code::IOERR_SHMSIZE, _) | (_, code::FULL) => Meaning::DiskFull,
        (code::IOERR_NOMEM, _) => Meaning::Passing(database.to_string()),
        (_, code::CONSTRAINT) => Meaning::Constraint(constraint(database)),
        (_, code::IOERR | code::CORRUPT | code::NOTADB) => Meaning::Broken(database.to_string()),
        _ => Meaning::Passing(database.to_string()), // BUSY, LOCKED, CANTOPEN, NOMEM, …
    }
}

/// The answer to a read.
pub(crate) fn trouble(error: &sqlx::Error) -> Trouble {
    meaning(error).trouble()
}

/// `UNIQUE constraint failed: orders.merchant_id, orders.order_no` names it after the colon; a wrong type has no colon.
fn constraint(database: &dyn DatabaseError) -> String {
    let message = database.message();
    message.split_once("constraint failed: ").map_or(message, |(_, name)| name).to_owned()
}
