//! `suspense`: money that fits no order's books is held once, leaves once, and is nobody's in between.

use std::collections::HashMap;
use std::fmt::Arguments;

use super::Found;
use super::event::Event;
use super::journal::Journal;
use super::lives::Point;
use super::people::Word;
use crate::history::Fen;

const CLAIM: &str = "suspense";

/// Kinds of case whose payment's money is held.
pub(super) fn holds(kind: &str) -> bool {
    matches!(kind, "paid_twice" | "amount_differs" | "order_unknown")
}

/// A payment is held by one case at the most, and never beside its booking. What leaves is what that case holds, whole: to the
/// merchant when a person says so right before, or to its order, which is booked right after.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let mut say = |what: Arguments| found.say(CLAIM, journal.merchant, what);
    let mut held: HashMap<&str, (&str, Fen, bool)> = HashMap::new();
    for at in 1..=journal.end() {
        match journal.event(at) {
            Some(Event::Case(case)) if holds(case.kind) && case.amount > 0 => {
                let (id, number) = (case.case_id, case.transaction_id);
                let booked = journal.transaction(number).is_some_and(|(place, _)| place < at);
                let before = held.insert(number, (id, case.amount, true));
                if booked || before.is_some() {
                    say(format_args!(
                        "seq {at}: case {id} holds payment {number}, which is known: {before:?}, booked: {booked}"
                    ));
                }
            }
            Some(Event::Paid(paid)) => {
                let number = paid.transaction_id;
                let from = released_to_order(journal, at - 1, number);
                if held.contains_key(number) && !from {
                    say(format_args!(
                        "seq {at} books payment {number}, which a case holds or held"
                    ));
                }
            }
            Some(Event::Word(Word::Released { case_id, transaction_id, amount, to })) => {
                let state = held.get_mut(transaction_id);
                let right =
                    state.as_ref().is_some_and(|state| **state == (*case_id, *amount, true));
                if let Some(state) = state {
                    state.2 = false;
                }
                let asked = match *to {
                    "order" => matches!(journal.event(at + 1), Some(Event::Paid(paid))
                        if paid.transaction_id == *transaction_id),
                    _ => {
                        matches!(journal.event(at - 1), Some(Event::Word(Word::Resolved { case_id: of, remedy }))
                        if of == case_id && *remedy == Some("credit"))
                    }
                };
                if !right || !asked {
                    say(format_args!(
                        "seq {at} takes {amount} fen of payment {transaction_id} out of case {case_id} to {to}; held: {right}, asked for: {asked}"
                    ));
                }
            }
            Some(
                Event::Terms { .. }
                | Event::Opened(_)
                | Event::Step { .. }
                | Event::Settled(_)
                | Event::Requested(_)
                | Event::Moved(_)
                | Event::Case(_)
                | Event::Word(_)
                | Event::Refund(_),
            )
            | None => {}
        }
    }
}

fn released_to_order(journal: &Journal, at: Point, number: &str) -> bool {
    matches!(journal.event(at), Some(Event::Word(Word::Released { transaction_id, to: "order", .. }))
        if *transaction_id == number)
}

/// Whether a case held the payment's money by a point, and whether it is there still.
pub(super) fn was_held(journal: &Journal, number: &str, at: Point) -> Option<bool> {
    let changes = journal.suspended.get(number)?;
    let by_then = changes.iter().rev().find(|(place, _)| *place <= at)?;
    Some(by_then.1)
}
