//! The service from outside: real HTTP, a real store, a folder of its own for each test.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod books;
mod cases;
mod errors;
mod fields;
mod full_disk;
mod helpers;
mod idempotency;
mod keys;
mod lists;
mod miniprogram;
mod misfits;
mod notices;
mod receiver;
mod refunds;
mod replay;
mod restores;
mod roles;
mod stage;
mod walk;
mod webhooks;
mod wechat_orders;
mod withdrawals;
