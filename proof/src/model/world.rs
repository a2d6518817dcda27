//! What is assumed: the worlds that a withdrawal lives in, and how long things take there.

use tally_actors::domain::rules::PayoutMethod;

/// What WeChat keeps of its word. Sources: WeChat Pay V2, payment to balance (page of 2025-11), `gettransferinfo`.
///
/// In all worlds but [`Word::None`]: a query says paid or failed only when it is so; what failed is never paid; and from
/// `CERTAIN_AFTER_MS` after a call was handed over, it has arrived or never will, and a query that finds nothing is right.
/// Before that a query may deny or not know anything, and contradict what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A call that was refused moves nothing ("original number … if the payment is to go on"; no money moves, a WeChat Pay
    /// engineer in the forum, 2019-12). But a number that is sent twice may be paid twice.
    RefusalsAreTrue,
    /// A number is paid once, however often it is sent ("the number stays idempotent 365 days"). But a call that was refused
    /// may pay all the same ("FAIL can still be an unclear outcome").
    NumbersPayOnce,
    /// It keeps nothing: every call and every question may be answered by anything. Our own books must be right all the same.
    None,
}

/// A world to explore.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// What it is called in a report.
    pub name: &'static str,
    /// How many processes pay out on the one account.
    pub payers: usize,
    /// How the withdrawal is paid out.
    pub method: PayoutMethod,
    /// What WeChat keeps of its word.
    pub word: Word,
    /// How many choices in a row are explored where nobody asks for more or less. With one payer that is more than there are.
    pub depth: u32,
}

/// All of them. Each has a second key that must approve the withdrawal.
pub const WORLDS: &[World] = &[
    world("by hand", PayoutMethod::Manual, Word::None),
    world("one payer, refusals are true", PayoutMethod::Wechat, Word::RefusalsAreTrue),
    world("one payer, numbers pay once", PayoutMethod::Wechat, Word::NumbersPayOnce),
    world("one payer, WeChat without a word", PayoutMethod::Wechat, Word::None),
    with_two("two payers, refusals are true", Word::RefusalsAreTrue),
    with_two("two payers, numbers pay once", Word::NumbersPayOnce),
    with_two("two payers, WeChat without a word", Word::None),
];

const fn world(name: &'static str, method: PayoutMethod, word: Word) -> World {
    World { name, payers: 1, method, word, depth: 100 }
}

const fn with_two(name: &'static str, word: Word) -> World {
    World { payers: 2, depth: 14, ..world(name, PayoutMethod::Wechat, word) }
}

/// A short step of the clock, in milliseconds: one is within the 10 s that a send may take, two are not.
pub(super) const SHORT_MS: i64 = 6_000;

/// A long step, in milliseconds: a little over ten minutes, after which what is missing is certain.
pub(super) const LONG_MS: i64 = 601_000;

/// Short steps between two long ones.
pub(super) const SHORTS_MAX: u8 = 2;

/// How long after it was handed over a call to WeChat has arrived or never will, and is known to queries, in milliseconds:
/// the ten minutes of `design.md` 3.5, less 10 s until it is handed over and 50 s by which clocks may differ.
pub(super) const CERTAIN_AFTER_MS: i64 = 540_000;

/// How far the second payer's clock is ahead of everybody else's, in milliseconds.
pub(super) const AHEAD_MS: i64 = 5_000;

/// What the merchant earned and settled before it asks for a withdrawal, in fen.
pub(super) const EARNED_FEN: u64 = 1_000;

/// What it asks for, in fen.
pub(super) const ASKED_FEN: u64 = 600;
