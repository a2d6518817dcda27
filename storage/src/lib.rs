//! Tally's store: the only crate that speaks SQL.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | the store in a database on a server, for any number of processes |
//! | `sql` | what is common to all databases |
//! | [`sqlite`] | the store in one SQLite file, for one process |
//! | `postgres`, `mysql` | what differs on servers |
//! | [`audit`] | every row of the tables, worked out anew from the journal |
//! | [`books`] | all that a service keeps, wherever that is |
//! | [`place`] | where that is: a file, or a database on a server |
//! | [`copy`], [`backup`] | books moved from one database to another, and into a file that is kept |
//! | [`restore`], [`restores`] | books put back from a backup, and what is known of that |
//! | [`keys`] | who may call |
//! | [`account`] | the WeChat account that books are kept with |
//! | [`bank_runs`] | withdrawals handed to the bank together |
//! | [`webhooks`] | whom Tally tells of what happened, and how far it did |
//! | [`reconciliations`] | what days came to when they were compared with WeChat's bills |
//! | [`folder`] | folders that last |
//! | [`naive`] | settling in three statements, which loses money |
//! | [`one_each`] | payments in a transaction each, which is slow |

pub mod account;
pub mod audit;
pub mod backup;
pub mod bank_runs;
pub mod books;
pub mod copy;
#[cfg(test)]
mod fixture;
pub mod folder;
pub mod keys;
mod mysql;
pub mod naive;
pub mod one_each;
pub mod place;
mod postgres;
pub mod reconciliations;
pub mod restore;
pub mod restores;
pub mod server;
mod sql;
pub mod sqlite;
pub mod webhooks;

pub use books::Books;
pub use place::Place;
pub use reconciliations::Reconciliations;
pub use server::ServerStore;
pub use sqlite::{Migrated, OpenError, SqliteStore};
pub use webhooks::Outbox;
