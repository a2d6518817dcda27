//! Tally's store: the only crate that speaks SQL.
//!
//! | module | what |
//! |---|---|
//! | [`sqlite`] | the store in one SQLite file, for one process |
//! | [`naive`] | settling in three statements, which loses money |

pub mod naive;
pub mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
