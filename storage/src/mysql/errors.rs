//! What MySQL's and MariaDB's errors mean.

use crate::sql::meaning::Meaning;

/// The table.
pub(crate) fn meaning(error: &sqlx::Error) -> Meaning {
    Meaning::Passing(error.to_string())
}
