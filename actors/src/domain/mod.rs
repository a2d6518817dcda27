//! The rules of money: pure, without a clock, a random, I/O, async or actix.
//!
//! Read in this order: [`event`] (what can happen), [`head`] (the fold of it), [`command`] and
//! [`account`] (who may make it happen), [`entry`] (what it means in double entry), [`replay`] (a journal read again).

pub mod account;
pub mod adjustment;
pub mod bank_run;
pub mod books;
pub mod case;
pub mod chain;
pub mod channel_no;
pub mod command;
pub mod entry;
pub mod event;
pub mod head;
pub mod ids;
pub mod money;
pub mod number;
pub mod order;
pub mod refund;
pub mod refusal;
pub mod replay;
pub mod reserved;
pub mod restored;
pub mod rules;
pub mod settlement;
pub mod standing;
pub mod time;
pub mod withdrawal;
