//! What is assumed: the worlds that a withdrawal lives in, and how long things take there.

use tally_actors::domain::rules::PayoutMethod;

use super::action::{Action, Answer, Arrival, Does, Person};

/// What WeChat keeps of its word. Sources: WeChat Pay V2, payment to balance (page of 2025-11), `gettransferinfo`.
///
/// In all worlds but [`Word::None`]: a query says paid or failed only when it is so; what failed is never paid; and from
/// `CERTAIN_AFTER_MS` after a call was handed over, it has arrived or never will, and a query that finds nothing is right.
/// Before that a query may deny or not know anything, and contradict what it said. And after a month it tells of nothing that
/// arrived before ("only the last 30 days").
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
    /// How many choices in a row are explored where nobody asks for more or less.
    pub depth: u32,
    /// How far the clock of the last payer's node is ahead of the right time, in milliseconds. The merchant's calls come there.
    pub(super) ahead_ms: i64,
    /// Whether months may pass. What is older than WeChat tells of, it then does not know.
    pub(super) months: bool,
    /// Whether processes and tasks die, and calls are lost.
    pub(super) faults: bool,
    /// What happened before the exploring begins.
    pub(super) before: &'static [Action],
}

/// All of them. Each has a second key that must approve the withdrawal.
pub const WORLDS: &[World] = &[
    world("by hand", PayoutMethod::Manual, Word::None),
    world("one payer, refusals are true", PayoutMethod::Wechat, Word::RefusalsAreTrue),
    world("one payer, numbers pay once", PayoutMethod::Wechat, Word::NumbersPayOnce),
    world("one payer, WeChat without a word", PayoutMethod::Wechat, Word::None),
    World {
        months: true,
        ..world("one payer, months pass", PayoutMethod::Wechat, Word::NumbersPayOnce)
    },
    World {
        ahead_ms: FAR_AHEAD_MS,
        faults: false,
        before: REFUSED_ONCE,
        depth: 24,
        ..with_two("two payers, a clock far ahead, refused once", Word::RefusalsAreTrue)
    },
    World {
        ahead_ms: FAR_AHEAD_MS,
        ..with_two("two payers, a clock far ahead", Word::RefusalsAreTrue)
    },
    with_two("two payers, refusals are true", Word::RefusalsAreTrue),
    with_two("two payers, numbers pay once", Word::NumbersPayOnce),
    with_two("two payers, WeChat without a word", Word::None),
];

const fn world(name: &'static str, method: PayoutMethod, word: Word) -> World {
    let (ahead_ms, months, faults, before) = (0, false, true, &[]);
    World { name, payers: 1, method, word, depth: 100, ahead_ms, months, faults, before }
}

const fn with_two(name: &'static str, word: Word) -> World {
    let alone = world(name, PayoutMethod::Wechat, word);
    World { payers: 2, depth: 14, ahead_ms: 5_000, ..alone }
}

/// The first payer's transfer was refused, and the second payer knows of that try.
const REFUSED_ONCE: &[Action] = &[
    Action::Person(Person::Requests),
    Action::Person(Person::Approves),
    Action::Payer(0, Does::TakesInHand),
    Action::Payer(0, Does::Durable),
    Action::Payer(0, Does::Hears),
    Action::Arrives(0, Arrival::IsRefused),
    Action::Payer(0, Does::Hears),
    Action::Payer(0, Does::Durable),
    Action::Payer(0, Does::Hears),
    Action::Payer(1, Does::TakesInHand),
    Action::Payer(1, Does::IsAnswered(Answer::Unknown)),
    Action::Payer(1, Does::Hears),
];

/// A short step of the clock, in milliseconds: one is within the 10 s that a send may take, two are not.
pub(super) const SHORT_MS: i64 = 6_000;

/// A long step, in milliseconds: a little less than the ten minutes after which what is missing is certain. With a short one
/// it is more.
pub(super) const LONG_MS: i64 = 596_000;

/// Times are compared with each other by no more than ten minutes, but for those of a month.
pub(super) const COMPARED_MS: i64 = 601_000;

/// Short steps between two long ones.
pub(super) const SHORTS_MAX: u8 = 2;

/// How long after it was handed over a call to WeChat has arrived or never will, and is known to queries, in milliseconds:
/// the ten minutes of `design.md` 3.5, less 10 s until it is handed over and 50 s by which clocks may differ.
pub(super) const CERTAIN_AFTER_MS: i64 = 540_000;

/// Clocks that are far ahead are so by an hour, in milliseconds.
const FAR_AHEAD_MS: i64 = 3_600_000;

/// A step of a month, in milliseconds: longer than WeChat tells of a transfer.
pub(super) const MONTH_MS: i64 = 31 * 86_400_000;

/// What the merchant earned and settled before it asks for a withdrawal, in fen.
pub(super) const EARNED_FEN: u64 = 1_000;

/// What it asks for, in fen.
pub(super) const ASKED_FEN: u64 = 600;
