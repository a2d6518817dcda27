//! Tally's service: HTTP in, configuration, command line.
//!
//! | module | what |
//! |---|---|
//! | [`cli`], `demo`, `replay` | `tally serve`, `tally audit`, `tally sandbox`; `tally demo`; `tally replay` |
//! | `moves` | `tally copy`, `tally backup`, `tally migrate` |
//! | `doctor` | `tally doctor`: whether a start has all that it needs |
//! | [`settings`], [`telemetry`] | what can be set; the log |
//! | [`app`] | the service as a whole: store, engine, server, and the order in which they stop |
//! | `service` | what every handler is given |
//! | `web` | every route, each error's status, and the handlers |
//! | `account` | the WeChat account that the books are kept with |
//! | `bank_runs`, `csv` | withdrawals by hand, gathered for the bank |
//! | `keyring`, `admin_key` | who may call `/v1` |
//! | `sessions`, `logins`, `look_ups` | customers of the mini-program; sessions in memory or in Redis |
//! | `reconcile` | days compared with WeChat's bills |
//! | `webhooks` | the platform's own server is told of what happened |
//! | `wechat_gateway` | the engine's port to WeChat |
//! | `practice` | the sandbox that plays WeChat, and the command line that plays the customer |
//! | `clock`, `limits` | the only reader of the wall clock; every bound |

mod account;
pub mod admin_key;
pub mod app;
mod bank_runs;
pub mod cli;
mod clock;
mod csv;
mod demo;
mod doctor;
mod keyring;
mod limits;
mod logins;
mod look_ups;
mod moves;
mod practice;
mod reconcile;
mod replay;
mod restores;
mod service;
mod sessions;
pub mod settings;
pub mod telemetry;
mod turn;
mod web;
mod webhooks;
mod wechat_gateway;
mod workers;
