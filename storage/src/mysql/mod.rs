//! MariaDB, 10.6 or newer, and MySQL, 8.0.16 or newer: what differs from other servers.
//!
//! | module | what |
//! |---|---|
//! | `connect` | from a URL to a session with Tally's settings |
//! | `setup` | what the server is asked once, at the start: whether it fits, and whether it keeps what it says it keeps |
//! | `migrate` | the schema, brought up to date by one at a time, and what of it somebody may have changed |
//! | `errors` | what their errors mean |
//! | `session` | ending a session whose COMMIT was not answered |

pub(crate) mod connect;
pub(crate) mod errors;
pub(crate) mod migrate;
pub(crate) mod session;
mod setup;
#[cfg(test)]
mod tests;
