//! Tally's engine: one actor owns each merchant, and every fact is durable before anyone hears of it.
//!
//! | module | what |
//! |---|---|
//! | [`domain`] | the rules of money, pure |
//! | [`ports`] | what the engine needs of the outside |
//! | [`pipeline`], [`batcher`], [`asking`] | the machines between a message and its durable answer, pure |
//! | [`told`], [`doubts`] | what the shells around them decide, without their I/O |
//! | [`payer::plan`], [`refunder::plan`] | the machines between a withdrawal or a refund and its certain end, pure |
//! | `merchant`, `writer`, `reader` | the shells around them: an actor, two tasks |
//! | `registry` | finds or starts an actor; the only recovery |
//! | [`engine`] | the front door |
//! | [`news`] | whose events were just committed |
//! | [`history`] | a merchant's head at an earlier point |
//! | [`freeze`] | whether money may go out, after a restore |
//! | [`gateway`] | what the engine asks of a payment channel |
//! | [`claims`] | which process does whose background work |
//! | [`cashier`] | flows between a merchant and the channel |
//! | [`sweeper`], [`payer`], [`refunder`], [`settler`] | what happens without anyone asking: orders looked up and closed, withdrawals paid out, customers paid back, days settled |
//! | `memos`, `walk` | what the payer and the refunder have in common |
//! | [`damage`] | what they can't read and pass over |
//! | [`recovery`] | what restored books may lack, looked up at the channel |
//! | [`memory`] | the store in memory |
//! | [`mutant`] | known defects, to be built in on purpose and caught |
//! | [`error`], [`limits`] | what a caller hears; every bound |

pub mod asking;
pub mod batcher;
pub mod cashier;
pub mod claims;
pub mod damage;
pub mod domain;
pub mod doubts;
pub mod engine;
pub mod error;
pub mod freeze;
pub mod gateway;
pub mod history;
mod inbox;
pub mod limits;
pub mod memory;
mod memos;
mod merchant;
pub mod mutant;
pub mod news;
mod options;
pub mod payer;
pub mod pipeline;
pub mod ports;
mod reader;
pub mod recovery;
pub mod refunder;
mod registry;
pub mod settler;
pub mod sweeper;
pub mod told;
mod traffic;
mod walk;
pub mod writer;

#[cfg(test)]
mod tests;
