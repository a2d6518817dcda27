//! `nothing_unasked`: what is in the journal was asked for, and is there once.

use super::asked::{Asked, by_itself, by_the_settler};
use super::journal::Journal;
use super::{Found, Named};
use crate::history::{Call, Step};

const CLAIM: &str = "nothing_unasked";

/// Each event has the content of a call that may have recorded it: one that was not told that nothing happened. Nothing is
/// recorded twice. Gives, for each event, the step before which it can't have been recorded: when the first call that may
/// have recorded it was asked.
pub(super) fn judge(
    journal: &Journal,
    asked: &Asked,
    acts_alone: bool,
    found: &mut Found,
) -> Vec<Step> {
    for (at, what) in &journal.twice {
        found.say(CLAIM, journal.merchant, format_args!("seq {at}: {what}"));
    }
    let mut began = Vec::with_capacity(journal.end());
    for (at, event) in (1..).zip(&journal.events) {
        let first = asked.origins(journal, at).map(|call| call.asked).min();
        let alone = event.as_ref().is_some_and(|event| {
            by_the_settler(event, at, journal) || (acts_alone && by_itself(event))
        });
        if first.is_none() && !alone && event.is_some() {
            let fact = &journal.stored.journal[at - 1];
            let (kind, fields) = (fact.kind, &fact.fields);
            let of = asked.calls.iter().filter(|(_, call)| names(call, fields));
            let calls: Vec<String> =
                of.take(3).map(|(index, call)| Named(*index, call).to_string()).collect();
            found.say(
                CLAIM,
                journal.merchant,
                format_args!("seq {at}: no call may have recorded {kind} {fields}; see {calls:?}"),
            );
        }
        began.push(if alone { 0 } else { first.unwrap_or(0) });
    }
    began
}

/// Whether a call names a number of an event: of use to who reads the message, and for nothing else.
fn names(call: &Call, fields: &serde_json::Value) -> bool {
    let request = format!("{:?}", call.request);
    let numbers = ["order_no", "withdrawal_no", "settlement_no", "refund_no"];
    numbers.iter().filter_map(|name| fields.get(name)?.as_str()).any(|no| request.contains(no))
}
