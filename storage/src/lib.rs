//! Tally's store: the only crate that speaks SQL.
//!
//! | module | what |
//! |---|---|
//! | [`sqlite`] | the store in one SQLite file, for one process |
//! | `mysql` | what differs on MariaDB and MySQL |
//! | `postgres` | what differs on PostgreSQL |
//! | [`audit`] | every row of the tables, worked out anew from the journal |
//! | [`keys`] | who may call |
//! | [`profiles`] | what customers handed over about themselves |
//! | [`folder`] | folders that last |
//! | [`naive`] | settling in three statements, which loses money |

pub mod audit;
#[cfg(test)]
mod fixture;
pub mod folder;
pub mod keys;
#[cfg_attr(not(test), expect(dead_code, reason = "its store comes next"))]
mod mysql;
pub mod naive;
#[cfg_attr(not(test), expect(dead_code, reason = "its store comes next"))]
mod postgres;
pub mod profiles;
pub mod sqlite;

pub use sqlite::{OpenError, SqliteStore};
