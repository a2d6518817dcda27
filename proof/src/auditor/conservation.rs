//! `conservation`: no fen is made or lost, at any event.

use std::fmt::Arguments;

use super::Found;
use super::event::{Event, Move, Moved, Paid};
use super::journal::Journal;
use super::lives::{Point, Standing};
use super::people::Word;

pub(super) const CLAIM: &str = "conservation";

/// After each event: gross paid less refunds and fees is pending, available, in transit and withdrawn, and none is below
/// zero. The fee of a payment is the one of the rules then in force. What moves on or back is what was requested. In the end
/// what is in transit is the withdrawals that have no outcome, and what is pending the orders in no settlement.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let merchant = journal.merchant;
    let mut say = |what: Arguments| found.say(CLAIM, merchant, what);
    for at in 1..=journal.end() {
        balanced(journal, at, &mut say);
        match journal.event(at) {
            Some(Event::Paid(paid)) => fee(journal, paid, at, &mut say),
            Some(Event::Moved(moved)) => amount(journal, moved, at, &mut say),
            Some(
                Event::Terms { .. }
                | Event::Opened(_)
                | Event::Step { .. }
                | Event::Settled(_)
                | Event::Requested(_)
                | Event::Case(_)
                | Event::Word(_)
                | Event::Refund(_),
            )
            | None => {}
        }
    }
    one_by_one(journal, &mut say);
}

fn balanced(journal: &Journal, at: Point, say: &mut impl FnMut(Arguments)) {
    let sums = &journal.sums[at];
    let brought = sums.paid - sums.refunded - sums.fee + sums.adjusted;
    let held = sums.pending + sums.available + sums.in_transit + sums.withdrawn;
    if brought != held {
        say(format_args!("at seq {at} payments brought {brought} fen, and {held} fen are held"));
    }
    let amounts = [
        ("pending", sums.pending),
        ("refunded", sums.refunded),
        ("in transit", sums.in_transit),
        ("withdrawn", sums.withdrawn),
        ("suspense", sums.suspense),
    ];
    // Below zero it is a debt, which refunds and adjustments alone may make or deepen.
    let before = journal.sums[at - 1].available;
    let may = matches!(
        journal.event(at),
        Some(Event::Refund(_) | Event::Word(Word::Adjustment { approved: Some(true), .. }))
    );
    if sums.available < before.min(0) && !may {
        say(format_args!("at seq {at} available is {} fen", sums.available));
    }
    for (name, amount) in amounts {
        if amount < 0 {
            say(format_args!("at seq {at} {name} is {amount} fen"));
        }
    }
}

/// `booked × fee_bp / 10000`, half up to a whole fen, at the rate when it was paid (`api.md` 3).
fn fee(journal: &Journal, paid: &Paid, at: Point, say: &mut impl FnMut(Arguments)) {
    let Some(terms) = journal.terms(at) else { return };
    let rate = terms.rules.fee_bp;
    let right = (i128::from(paid.booked) * i128::from(rate) + 5_000) / 10_000;
    if i128::from(paid.fee) != right {
        let (order, booked, fee) = (paid.order_no, paid.booked, paid.fee);
        say(format_args!(
            "seq {at} takes a fee of {fee} fen for order {order}; {rate} bp of {booked} fen are {right}"
        ));
    }
    if paid.booked < 0 || paid.fee > paid.booked {
        say(format_args!("seq {at} books {} fen with a fee of {} fen", paid.booked, paid.fee));
    }
}

/// An outcome moves what was requested, and gives its day back.
fn amount(journal: &Journal, moved: &Moved, at: Point, say: &mut impl FnMut(Arguments)) {
    let Some(withdrawal) = journal.withdrawal(moved.withdrawal_no) else { return };
    let (requested, number) = (&withdrawal.requested, moved.withdrawal_no);
    let (amount, day) = match moved.how {
        Move::Succeeded => (true, false),
        Move::Failed | Move::Rejected => (true, true),
        Move::Approved | Move::Sending | Move::Unknown | Move::InRun => (false, false),
    };
    if amount && moved.amount != Some(requested.amount) {
        let told = moved.amount.unwrap_or_default();
        let asked = requested.amount;
        say(format_args!(
            "seq {at} moves {told} fen of withdrawal {number}, which is of {asked} fen"
        ));
    }
    if day && moved.day != Some(requested.day) {
        let days = (moved.day, requested.day);
        say(format_args!("seq {at} gives day {days:?} of withdrawal {number}; told, recorded"));
    }
}

/// The balances once more, summed over the things themselves.
fn one_by_one(journal: &Journal, say: &mut impl FnMut(Arguments)) {
    let (end, mut out, mut gone) = (journal.end(), 0, 0);
    for withdrawal in &journal.withdrawals {
        let amount = i128::from(withdrawal.requested.amount);
        match withdrawal.standing(end) {
            Some(Standing::Succeeded) => gone += amount,
            Some(
                Standing::AwaitingApproval
                | Standing::Requested
                | Standing::Sending
                | Standing::Unknown,
            ) => out += amount,
            Some(Standing::Failed | Standing::Rejected) | None => {}
        }
    }
    let unsettled = journal.orders.iter().filter(|order| order.settled_by.is_none());
    let waiting: i128 = unsettled.map(|order| order.pending(end)).sum();
    let sums = &journal.sums[end];
    for (name, sum, things) in [
        ("in transit", sums.in_transit, out),
        ("withdrawn", sums.withdrawn, gone),
        ("pending", sums.pending, waiting),
    ] {
        if sum != things {
            say(format_args!("the events leave {sum} fen {name}, one by one it is {things} fen"));
        }
    }
}
