//! What PostgreSQL's errors mean: one table, from which commits and reads take their answers.
//!
//! An error that the server tells of by its own word has undone the transaction, also where the word answers COMMIT. FATAL and
//! PANIC end the session, and say nothing of a COMMIT that was under way.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::sql::meaning::Meaning;

/// SQLSTATEs (`postgresql.org/docs/current/errcodes-appendix.html`), by what is done about them.
mod code {
    /// A row that a column or an index does not take, such as a text with a zero byte (22021) or a key of over 2 KB (54000).
    pub(super) const BAD_VALUE: &[&str] = &["22", "54000"];

    /// A constraint: unique (23505), check (23514), not null (23502).
    pub(super) const CONSTRAINT: &str = "23";

    pub(super) const DISK_FULL: &str = "53100";

    /// The session ends: connection trouble, shutdown, crash, start (57P01 to 57P05), idle in transaction for too long (25P03),
    /// transaction too long (25P04); or its prepared statements don't fit the schema any more (0A000, 26000).
    pub(super) const GONE: &[&str] = &["08", "57P", "25P03", "25P04", "0A000", "26000"];

    /// A server that follows another, or was told to write nothing. It may have been the primary when the session began, and a
    /// proxy or a name may lead to the new one by now: so the session is left, and the next is to find it.
    pub(super) const READ_ONLY: &str = "25006";

    // All else may pass: serialization failure (40001), deadlock (40P01), lock not available in time (55P03), cancelled or
    // too slow (57014), too many connections (53300), out of memory (53200), and what the server's disk or rights refuse
    // (58030, 42501): those don't end this process, as it has no part in them; `/readyz` tells of them.
}

/// The table.
pub(crate) fn meaning(error: &sqlx::Error) -> Meaning {
    let Some(database) = error.as_database_error() else { return of_connection(error) };
    let database: &PgDatabaseError = database.downcast_ref();
    let (code, said) = (database.code(), database.message().to_owned());
    let among = |codes: &[&str]| codes.iter().any(|prefix| code.starts_with(prefix));
    let over = matches!(database.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    match code {
        _ if over || among(code::GONE) => Meaning::Gone(said),
        code::DISK_FULL => Meaning::DiskFull,
        code::READ_ONLY => Meaning::Gone(format!(
            "the server takes no writes ({said}): name the primary with TALLY_DATABASE_URL"
        )),
        _ if code.starts_with(code::CONSTRAINT) => Meaning::Constraint(constraint(database)),
        _ if among(code::BAD_VALUE) => Meaning::Constraint(said),
        _ => Meaning::Passing(format!("{said} ({code})")),
    }
}

/// An error that PostgreSQL did not tell of.
fn of_connection(error: &sqlx::Error) -> Meaning {
    let said = error.to_string();
    if matches!(error, sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_)) {
        return Meaning::Constraint(said);
    }
    // Lost, or out of step with what the server says.
    let gone = matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_));
    if gone { Meaning::Gone(said) } else { Meaning::Passing(said) }
}

/// By its name; a column that must not be null has none.
fn constraint(database: &PgDatabaseError) -> String {
    let unnamed = || database.column().map_or_else(|| database.message().to_owned(), not_null);
    DatabaseError::constraint(database).map_or_else(unnamed, str::to_owned)
}

fn not_null(column: &str) -> String {
    format!("{column} is not null")
}
