//! `suspense`: money that fits no order's books is held once, leaves once and whole, and is nobody's in between.

use std::collections::HashMap;
use std::fmt::Arguments;

use super::Found;
use super::event::{Case, Event};
use super::journal::Journal;
use super::lives::Point;
use super::people::Word;
use super::refund::{Place, State, Turn, Wanted, What};
use super::refunds::{follows, keeps_its_distance};
use crate::history::Fen;

const CLAIM: &str = "suspense";

/// What a case about a payment holds, in fen: all that came in.
pub(super) fn held_by(case: &Case) -> Fen {
    let holds = matches!(case.kind, "paid_twice" | "amount_differs" | "order_unknown");
    case.booked.filter(|_| holds).unwrap_or(0)
}

/// The payment whose money a refund's event moves, and whether it comes into suspense.
pub(super) fn moved<'a>(journal: &Journal<'a>, turn: &Turn<'a>) -> Option<(&'a str, bool)> {
    turn.moves.filter(|moves| moves.place == Place::Suspense)?;
    let wanted = journal.refund(turn.refund_no)?.wanted?;
    match turn.what {
        What::Requested(_) => Some((wanted.transaction_id, false)),
        What::Failed { .. } => Some((wanted.transaction_id, true)),
        What::Sending
        | What::Postponed
        | What::Unknown
        | What::Succeeded { .. }
        | What::Noticed { .. }
        | What::Found { .. } => None,
    }
}

/// Whether a person's decision about a case asks for it: a refund out of suspense begins.
pub(super) fn is_asked_for(turn: &Turn) -> bool {
    matches!(turn.what, What::Requested(_))
        && turn.moves.is_some_and(|moves| moves.place == Place::Suspense)
}

/// What a payment's money is held for: the case, how much came in, and whether it is there.
type Held<'a> = HashMap<&'a str, (&'a str, Fen, bool)>;

/// A payment is held by one case at the most, and never beside its booking. What leaves is what that case holds, whole: to the
/// merchant or the customer when a person says so right before, or to its order, which is booked right after. A refund that fails
/// brings it back, for a case that says so.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let mut held = Held::new();
    for at in 1..=journal.end() {
        let mut faults: Vec<String> = vec![];
        let mut say = |what: Arguments| faults.push(what.to_string());
        match journal.event(at) {
            Some(Event::Case(case)) if held_by(case) > 0 => {
                let number = case.transaction_id;
                let booked = journal.transaction(number).is_some_and(|(place, _)| place < at);
                let before = held.insert(number, (case.case_id, held_by(case), true));
                if booked || before.is_some() {
                    say(format_args!(
                        "payment {number} is held, which is known: {before:?}, booked: {booked}"
                    ));
                }
            }
            Some(Event::Paid(paid)) => {
                let number = paid.transaction_id;
                if held.contains_key(number) && !released_to_order(journal, at - 1, number) {
                    say(format_args!("payment {number} is booked, which a case holds or held"));
                }
            }
            Some(Event::Word(Word::Released { case_id, transaction_id, amount, to })) => {
                let right = leaves(&mut held, transaction_id, (case_id, *amount));
                let asked = match *to {
                    "order" => matches!(journal.event(at + 1), Some(Event::Paid(paid))
                        if paid.transaction_id == *transaction_id),
                    _ => decided(journal, at - 1, "credit") == Some(case_id),
                };
                if !right || !asked {
                    say(format_args!("it was held: {right}, asked for: {asked}"));
                }
            }
            Some(Event::Word(Word::Resolved { remedy, .. })) => {
                let follows = match (*remedy, journal.event(at + 1)) {
                    (Some("credit"), Some(Event::Word(Word::Released { .. }))) => true,
                    (Some("refund"), Some(Event::Refund(turn))) => is_asked_for(turn),
                    (remedy, _) => !matches!(remedy, Some("credit" | "refund")),
                };
                if !follows {
                    say(format_args!("the remedy moves nothing"));
                }
            }
            Some(Event::Refund(turn)) => {
                refund(journal, turn, at, &mut held, &mut say);
            }
            Some(
                Event::Terms { .. }
                | Event::Opened(_)
                | Event::Step { .. }
                | Event::Settled(_)
                | Event::Requested(_)
                | Event::Moved(_)
                | Event::Case(_)
                | Event::Word(_),
            )
            | None => {}
        }
        for fault in faults {
            let event = journal.event(at);
            found.say(CLAIM, journal.merchant, format_args!("seq {at}: {fault}; {event:?}"));
        }
    }
}

/// Takes a payment's money out. Whether that case held so much, and it was there.
fn leaves<'a>(held: &mut Held<'a>, number: &str, (case_id, amount): (&str, Fen)) -> bool {
    let Some(state) = held.get_mut(number) else { return false };
    let right = *state == (case_id, amount, true);
    state.2 = false;
    right
}

/// The case that was decided about at a place, with this remedy.
fn decided<'a>(journal: &Journal<'a>, at: Point, wanted: &str) -> Option<&'a str> {
    match journal.event(at) {
        Some(Event::Word(Word::Resolved { case_id, remedy: Some(remedy) }))
            if *remedy == wanted =>
        {
            Some(case_id)
        }
        Some(_) | None => None,
    }
}

/// A refund out of suspense gives the customer all of the payment, and takes all that came in; the merchant has no part in it.
fn refund<'a>(
    journal: &Journal<'a>,
    turn: &Turn<'a>,
    at: Point,
    held: &mut Held<'a>,
    say: &mut impl FnMut(Arguments),
) {
    let Some(known) = journal.refund(turn.refund_no).filter(|of| of.place == Place::Suspense)
    else {
        return;
    };
    let Some((order, wanted)) = journal.order(turn.order_no).zip(known.wanted) else {
        return say(format_args!("its order is not there, or nobody asked for it"));
    };
    follows((order, known, known.state(at - 1)), turn, at, say);
    let moves = turn.moves.map(|moves| (moves.booked, moves.fee, moves.place));
    let all = i128::from(wanted.booked);
    match turn.what {
        What::Requested(Wanted { amount, booked, transaction_id, total, .. }) => {
            let case_id = decided(journal, at - 1, "refund").unwrap_or_default();
            let whole = leaves(held, transaction_id, (case_id, booked)) && amount == total;
            if !whole || moves != Some((all, 0, Place::Suspense)) {
                say(format_args!("case {case_id} does not hold it, or not all of it goes back"));
            }
        }
        What::Sending => keeps_its_distance(journal, (order, known), at, say),
        What::Succeeded { .. } => {
            if moves != Some((0, 0, Place::Suspense)) {
                say(format_args!("its success moves money of the merchant's"));
            }
        }
        What::Failed { amount, booked } => {
            let State { amount: asked, booked: took, .. } = known.states[0];
            let again = match journal.event(at + 1) {
                Some(Event::Word(Word::Raised {
                    kind: "refund_failed",
                    refund_no,
                    case_id,
                    ..
                })) if *refund_no == Some(turn.refund_no) => *case_id,
                Some(_) | None => "",
            };
            held.insert(wanted.transaction_id, (again, took, true));
            let back =
                moves == Some((-all, 0, Place::Suspense)) && (amount, booked) == (asked, took);
            if again.is_empty() || !back {
                say(format_args!("it does not come back whole, or no case says so"));
            }
        }
        What::Postponed | What::Unknown | What::Noticed { .. } | What::Found { .. } => {}
    }
}

fn released_to_order(journal: &Journal, at: Point, number: &str) -> bool {
    matches!(journal.event(at), Some(Event::Word(Word::Released { transaction_id, to: "order", .. }))
        if *transaction_id == number)
}

/// What may be done about a case at a point, beside accepting it.
pub(super) fn remedies(journal: &Journal, of: &str, at: Point) -> &'static [&'static str] {
    let held = |number: &str| was_held(journal, number, at) == Some(true);
    for place in 1..=at {
        match journal.event(place) {
            Some(Event::Case(case)) if case.case_id == of => {
                let there = held_by(case) > 0 && held(case.transaction_id);
                return match case.kind {
                    _ if !there => &[],
                    "order_unknown" => &["credit"],
                    _ => &["credit", "refund"],
                };
            }
            Some(Event::Word(Word::Raised {
                case_id, kind: "refund_failed", refund_no, ..
            })) if *case_id == of => {
                let wanted = refund_no.and_then(|number| journal.refund(number)?.wanted);
                let there = wanted.is_some_and(|wanted| held(wanted.transaction_id));
                return if there { &["credit", "refund"] } else { &[] };
            }
            Some(_) | None => {}
        }
    }
    &[]
}

/// Whether a case held the payment's money by a point, and whether it is there still.
pub(super) fn was_held(journal: &Journal, number: &str, at: Point) -> Option<bool> {
    let changes = journal.suspended.get(number)?;
    let by_then = changes.iter().rev().find(|(place, _)| *place <= at)?;
    Some(by_then.1)
}
