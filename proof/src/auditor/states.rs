//! `states`: orders and withdrawals go only where the design lets them, and cases tell the truth.

use std::fmt::Arguments;

use super::Found;
use super::event::{Case, Event, Move, Moved, Paid, Step};
use super::journal::Journal;
use super::lives::{OrderStatus, Point, Standing};
use super::{people, suspense};

const CLAIM: &str = "states";

/// An event is looked at from the point before it.
pub(super) fn judge(journal: &Journal, freeze_on: Option<&[&str]>, found: &mut Found) {
    let merchant = journal.merchant;
    let mut say = |what: Arguments| found.say(CLAIM, merchant, what);
    for at in 1..=journal.end() {
        match journal.event(at) {
            Some(Event::Terms { registers, .. }) => {
                if *registers != (at == 1) {
                    say(format_args!("seq {at}: a merchant is registered once, and first"));
                }
            }
            Some(Event::Step { order_no, step }) => order(journal, order_no, *step, at, &mut say),
            Some(Event::Paid(paid)) => payment(journal, paid, at, &mut say),
            Some(Event::Moved(moved)) => withdrawal(journal, moved, at, &mut say),
            Some(Event::Case(opened)) => case(journal, opened, at, &mut say),
            Some(
                Event::Opened(_)
                | Event::Settled(_)
                | Event::Requested(_)
                | Event::Word(_)
                | Event::Refund(_),
            )
            | None => {}
        }
        people::allowed(journal, at, &mut say);
        people::freezes(journal, freeze_on, at, &mut say);
        if journal.terms(at).is_none() {
            say(format_args!("seq {at}: an event of a merchant that is not registered"));
        }
    }
}

fn order(
    journal: &Journal,
    order_no: &str,
    step: Step,
    at: Point,
    say: &mut impl FnMut(Arguments),
) {
    let order = journal.order(order_no);
    let status = order.and_then(|order| order.status(at - 1));
    let closing = order.and_then(|order| order.closing_at).is_some_and(|place| place < at);
    let right = match step {
        Step::Prepaid | Step::Closing => status == Some(OrderStatus::Open) && !closing,
        Step::Closed => status == Some(OrderStatus::Open),
    };
    if !right {
        let status = status.map(OrderStatus::name);
        say(format_args!(
            "seq {at} records {step:?} for order {order_no}, which is {status:?}, closing: {closing}"
        ));
    }
}

/// An open order is paid; a closed one too, but with a case right beside it, in the same message.
fn payment(journal: &Journal, paid: &Paid, at: Point, say: &mut impl FnMut(Arguments)) {
    let number = paid.order_no;
    let order = journal.order(number);
    let beside = matches!(journal.event(at + 1), Some(Event::Case(case))
        if case.kind == "paid_after_close" && is_about(case, paid));
    match order.and_then(|order| order.status(at - 1)) {
        Some(OrderStatus::Open) => {}
        Some(OrderStatus::Closed) if beside => {}
        Some(OrderStatus::Closed) => {
            say(format_args!("seq {at} pays the closed order {number}, and no case says so"));
        }
        Some(OrderStatus::Paid) => {
            say(format_args!("seq {at} pays order {number}, which is paid"));
        }
        None => say(format_args!("seq {at} pays order {number}, which is not there")),
    }
    if let Some(amount) = order.map(|order| order.opened.amount)
        && paid.booked > amount
    {
        let booked = paid.booked;
        say(format_args!("seq {at} books {booked} fen for order {number} of {amount} fen"));
    }
}

fn is_about(case: &Case, paid: &Paid) -> bool {
    (case.order_no, case.transaction_id) == (paid.order_no, paid.transaction_id)
}

/// `design.md` 3.5. Nothing follows on what is final.
fn withdrawal(journal: &Journal, moved: &Moved, at: Point, say: &mut impl FnMut(Arguments)) {
    use Standing::{AwaitingApproval, Requested, Sending, Unknown};
    let number = moved.withdrawal_no;
    let known = journal.withdrawal(number);
    let standing = known.and_then(|known| known.standing(at - 1));
    let by_wechat = known.is_some_and(|known| known.requested.by_wechat);
    let from: &[Standing] = match (moved.how, by_wechat) {
        (Move::Approved | Move::Rejected, _) => &[AwaitingApproval],
        (Move::Sending, true) => &[Requested, Sending, Unknown],
        (Move::Unknown | Move::Succeeded | Move::Failed, true) => &[Sending, Unknown],
        // A bank run sends it: once, so no other may after that.
        (Move::InRun, false) => &[Requested],
        (Move::Succeeded | Move::Failed, false) => &[Requested, Sending],
        (Move::Sending | Move::Unknown, false) | (Move::InRun, true) => &[],
    };
    if !standing.is_some_and(|standing| from.contains(&standing)) {
        let (how, standing) = (moved.how, standing.map(Standing::name));
        say(format_args!("seq {at} lets withdrawal {number} be {how:?}, which is {standing:?}"));
    }
}

/// What a case says of a payment is so. An amount may differ in what is booked, which no case tells.
fn case(journal: &Journal, case: &Case, at: Point, say: &mut impl FnMut(Arguments)) {
    let order = journal.order(case.order_no).filter(|order| order.opened_at < at);
    let payment = order.and_then(|order| order.payment(at - 1));
    let booking = journal.transaction(case.transaction_id).filter(|(place, _)| *place < at);
    let right = match case.kind {
        "order_unknown" => order.is_none() && booking.is_none(),
        "transaction_reused" => {
            booking.is_some() || suspense::was_held(journal, case.transaction_id, at - 1).is_some()
        }
        "amount_differs" => order.is_some() && booking.is_none(),
        "paid_twice" => payment.is_some_and(|paid| paid.transaction_id != case.transaction_id),
        "paid_to_closed" => match journal.event(at - 1) {
            Some(Event::Paid(paid)) => {
                is_about(case, paid) && people::stood(journal, at - 2).1 == "closed"
            }
            Some(_) | None => false,
        },
        "paid_after_close" => match journal.event(at - 1) {
            Some(Event::Paid(paid)) => is_about(case, paid) && closed(journal, case, at),
            Some(_) | None => false,
        },
        _ => false,
    };
    if !right {
        let Case { case_id, kind, order_no, transaction_id, amount, .. } = case;
        say(format_args!(
            "seq {at}: case {case_id} says {kind} of {amount} fen, payment {transaction_id} of order {order_no}, and it is not so"
        ));
    }
}

/// Whether the order was closed before the payment that stands right before this place.
fn closed(journal: &Journal, case: &Case, at: Point) -> bool {
    let status = |at| journal.order(case.order_no)?.status(at);
    at.checked_sub(2).and_then(status) == Some(OrderStatus::Closed)
}
