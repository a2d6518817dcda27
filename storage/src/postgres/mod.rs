//! PostgreSQL, 13 or newer: what differs from other servers.
//!
//! | module | what |
//! |---|---|
//! | `connect` | from a URL to a session with Tally's settings |
//! | `durable` | what the server is asked once, at the start: whether it fits, and whether it keeps what it says it keeps |
//! | `errors` | what PostgreSQL's errors mean |
//! | `migrate` | the schema, brought up to date |
//! | `session` | ending a session whose COMMIT was not answered |

pub(crate) mod connect;
mod durable;
pub(crate) mod errors;
mod migrate;
pub(crate) mod session;
#[cfg(test)]
mod tests;
