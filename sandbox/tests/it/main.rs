//! The sandbox over real HTTP, by the client that speaks to WeChat.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bills;
mod control;
mod faults;
mod notices;
mod refunds;
mod restart;
mod strictness;
mod support;
mod walk;
