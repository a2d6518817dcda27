//! The store in one SQLite file.

mod cursor;
pub(crate) mod lists;
pub(crate) mod rows;
