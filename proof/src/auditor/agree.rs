//! `answers_agree`: the same number gives the same thing, and other content is no success.

use std::collections::HashMap;

use super::asked::Asked;
use super::journal::Journal;
use super::own::own;
use super::right::{same_content, same_payment, same_settlement};
use super::{Found, Named};
use crate::history::{self, Answer, Call, Request, Thing};

const CLAIM: &str = "answers_agree";

/// What never changes of a thing is the same in every answer: the one of the journal. An answer "done" is about a thing of the
/// content that was asked for. What is recorded once is told as new once.
pub(super) fn judge(journal: &Journal, asked: &Asked, found: &mut Found) {
    let mut new: HashMap<usize, usize> = HashMap::new();
    for &(index, call) in &asked.calls {
        let Some((_, Answer::Done { fresh, thing })) = &call.answer else { continue };
        let mut say = |what: &str| {
            found.say(CLAIM, journal.merchant, format_args!("{}: {what}", Named(index, call)));
        };
        if !same_content(journal, call, thing) {
            say("the journal has other content under that number");
        }
        if let Some(differs) = differs(journal, call, thing) {
            say(&format!("it shows {differs}"));
        }
        if *fresh && matches!(call.request, Request::Read) {
            say("a reading records nothing");
        }
        if *fresh
            && let [last] = own(journal, call, thing)[..]
            && let Some(before) = new.insert(last, index)
        {
            say(&format!("call {before} was told, too, that it recorded event {last}"));
        }
    }
}

/// What of the thing shown is not as the journal has it for ever; also a status that the journal never reaches.
fn differs(journal: &Journal, call: &Call, thing: &Thing) -> Option<String> {
    match thing {
        Thing::Merchant(_)
        | Thing::Case(..)
        | Thing::Refund(_)
        | Thing::Unseen
        | Thing::Settlement(None) => None,
        Thing::Order(order) => order_differs(journal, order),
        Thing::Payment(kind, order) => order
            .as_ref()
            .and_then(|order| order_differs(journal, order))
            .or_else(|| case_differs(journal, call, (*kind)?)),
        Thing::Settlement(Some(shown)) => {
            let made = journal.settlement(&shown.settlement_no)?;
            let moved = &made.settled.moved;
            (!same_settlement(made, shown))
                .then(|| format!("{shown:?}, the journal (seq {}) has {moved:?}", made.at))
        }
        Thing::Withdrawal(shown) => {
            let known = journal.withdrawal(&shown.withdrawal_no)?;
            let requested = &known.requested;
            let same = requested.amount == shown.amount
                && requested.settlement_no == shown.settlement_no.as_deref();
            (!same).then(|| format!("{shown:?}, the journal has {requested:?}"))
        }
    }
}

fn order_differs(journal: &Journal, shown: &history::Order) -> Option<String> {
    let order = journal.order(&shown.order_no)?;
    let (amount, ever) = (order.opened.amount, order.paid.as_ref());
    if amount != shown.amount {
        return Some(format!("an amount of {} fen, the journal has {amount} fen", shown.amount));
    }
    let paid = shown.status == "paid";
    match (&shown.payment, ever) {
        (None, _) if paid => Some("a paid order without a payment".into()),
        (Some(payment), _) if !paid => Some(format!("a payment {payment:?}, and it is not paid")),
        (None, _) => None,
        (Some(payment), None) => Some(format!("{payment:?}, the journal has no payment")),
        (Some(payment), Some((at, recorded))) => (!same_payment(recorded, payment))
            .then(|| format!("{payment:?}, the journal (seq {at}) has {recorded:?}")),
    }
}

fn case_differs(journal: &Journal, call: &Call, kind: &str) -> Option<String> {
    let Request::Pay { order_no, transaction_id, .. } = &call.request else { return None };
    let mut cases = journal.cases(order_no, transaction_id).peekable();
    let recorded = cases.peek().map(|(_, case)| case.kind)?;
    let same = cases.any(|(_, case)| case.kind == kind);
    (!same).then(|| format!("a case {kind}, the journal has {recorded}"))
}
