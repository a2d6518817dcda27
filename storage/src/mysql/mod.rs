//! What differs on MySQL and MariaDB.

pub(crate) mod errors;
