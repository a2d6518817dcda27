//! Tally's store: the only crate that speaks SQL.
//!
//! | module | what |
//! |---|---|
//! | [`sqlite`] | the store in one SQLite file, for one process |

pub mod sqlite;
