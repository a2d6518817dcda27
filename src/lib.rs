//! Tally's service: HTTP in, configuration, command line.
//!
//! | module | what |
//! |---|---|
//! | [`cli`], `demo` | `tally serve`, `tally audit`; `tally demo` |
//! | [`settings`], [`telemetry`] | what can be set; the log |
//! | [`app`] | the service as a whole: store, engine, server, and the order in which they stop |
//! | `service` | what every handler is given |
//! | `web` | every route, each error's status, and the handlers |
//! | `keyring`, `admin_key` | who may call |
//! | `history` | a merchant's head at an earlier point |
//! | `clock`, `limits` | the only reader of clocks; every bound |

pub mod admin_key;
pub mod app;
pub mod cli;
mod clock;
mod demo;
mod history;
mod keyring;
mod limits;
mod service;
pub mod settings;
pub mod telemetry;
mod web;
