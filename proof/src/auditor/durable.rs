//! `durable`: what an answer acknowledged is in the journal.

use std::collections::HashMap;

use super::asked::Asked;
use super::event::Move;
use super::journal::Journal;
use super::own::own;
use super::right::acknowledged;
use super::{Found, Named};
use crate::history::{Answer, Refunding, Request, Thing};

const CLAIM: &str = "durable";

/// Each answer "done" has its fact in the journal: under its number or the one that its key stands for, the payment by order
/// and transaction, a step or an outcome by its kind. Several tries to send are several facts: there are as many of them as
/// calls were told that they began one.
pub(super) fn judge(journal: &Journal, asked: &Asked, found: &mut Found) {
    let mut tries: HashMap<&str, usize> = HashMap::new();
    for &(index, call) in &asked.calls {
        let Some((_, Answer::Done { fresh, thing })) = &call.answer else { continue };
        let own = own(journal, call, thing);
        let vain = matches!(thing, Thing::Settlement(None)) || call.request == Request::Read;
        let missing = if *fresh && !vain {
            own.is_empty()
        } else {
            !acknowledged(journal, call, thing, &own, journal.end())
        };
        if missing || journal.end() == 0 {
            let end = journal.end();
            let what = format_args!(
                "{} is acknowledged, and none of the {end} events records it",
                Named(index, call)
            );
            found.say(CLAIM, journal.merchant, what);
        }
        if let Request::StartSending { withdrawal_no: begun }
        | Request::Refunding(Refunding::Start { refund_no: begun }) = &call.request
        {
            *tries.entry(begun).or_default() += usize::from(*fresh);
        }
    }
    for (number, told) in tries {
        let withdrawal = journal.withdrawal(number);
        let transfers = withdrawal.map_or(0, |known| known.moved(Move::Sending).count());
        let there = transfers + journal.refund(number).map_or(0, |known| known.sent.len());
        if told > there {
            let what = format_args!(
                "{told} calls were told that they began to send {number}, {there} tries are recorded"
            );
            found.say(CLAIM, journal.merchant, what);
        }
    }
}
