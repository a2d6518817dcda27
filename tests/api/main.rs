//! The service from outside: real HTTP, a real store, a folder of its own for each test.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod adjustments;
mod attest;
mod bank_runs;
mod books;
mod cases;
mod doctor;
mod errors;
mod fields;
mod full_disk;
mod helpers;
mod idempotency;
mod keys;
mod lists;
mod made_bills;
mod miniprogram;
mod misfits;
mod notices;
mod receiver;
mod reconcile_alone;
mod reconcile_week;
mod reconciliations;
mod refunds;
mod replay;
mod restores;
mod roles;
mod search;
mod shop;
mod stage;
mod standing;
mod suspense;
mod walk;
mod webhooks;
mod wechat_orders;
mod withdrawals;
