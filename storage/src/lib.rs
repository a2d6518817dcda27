//! Tally's store: the only crate that speaks SQL.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | the store in a database on a server, for any number of processes |
//! | `sql` | what is common to all databases |
//! | [`sqlite`] | the store in one SQLite file, for one process |
//! | `postgres`, `mysql` | what differs on servers |
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
mod mysql;
pub mod naive;
mod postgres;
pub mod profiles;
pub mod server;
mod sql;
pub mod sqlite;

pub use server::ServerStore;
pub use sqlite::{OpenError, SqliteStore};
