//! The events that a call which was told "recorded by you" may mean.

use super::asked::step_of;
use super::event::{Event, Move};
use super::journal::{Journal, Route};
use super::lives::Point;
use super::people;
use super::refunding;
use crate::history::{Call, Request, Rules, Thing, TransferOutcome};

/// The number that a call is about, at a point: the one made for its key by then, else its own, else (only the server knows)
/// the one that its answer shows.
pub(super) fn number<'a>(
    journal: &Journal<'a>,
    (route, key): (Route, &Option<String>),
    (own, shown): (&'a str, Option<&'a str>),
    at: Point,
) -> &'a str {
    let made = key.as_deref().and_then(|key| journal.keyed(route, key)).filter(|made| *made <= at);
    let recorded = made.and_then(|made| match journal.event(made)? {
        Event::Opened(opened) => Some(opened.order_no),
        Event::Settled(settled) => Some(settled.settlement_no),
        Event::Requested(requested) => Some(requested.withdrawal_no),
        Event::Refund(turn) => Some(turn.refund_no),
        Event::Terms { .. }
        | Event::Step { .. }
        | Event::Paid(_)
        | Event::Moved(_)
        | Event::Case(_)
        | Event::Word(_) => None,
    });
    match (recorded, shown) {
        (Some(recorded), _) => recorded,
        (None, Some(shown)) if own.is_empty() && key.is_none() => shown,
        (None, _) => own,
    }
}

/// The number that an answer shows.
pub(super) fn shown_number(thing: &Thing) -> Option<&str> {
    match thing {
        Thing::Order(order) => Some(&order.order_no),
        Thing::Settlement(settlement) => settlement.as_ref().map(|made| &*made.settlement_no),
        Thing::Withdrawal(withdrawal) => Some(&withdrawal.withdrawal_no),
        Thing::Refund(refund) => Some(&refund.refund_no),
        Thing::Merchant(_) | Thing::Payment(..) | Thing::Case(..) | Thing::Unseen => None,
    }
}

/// The events that a call may have recorded, as its answer shows it, in their order; in nearly all cases it is one or none.
/// Of what one message recorded together it is one: nobody sees the others without it.
pub(super) fn own(journal: &Journal, call: &Call, thing: &Thing) -> Vec<Point> {
    let shown = shown_number(thing);
    let end = journal.end();
    match &call.request {
        Request::Read => vec![],
        Request::Register(_) => {
            let registers = matches!(journal.event(1), Some(Event::Terms { registers: true, .. }));
            registers.then_some(1).into_iter().collect()
        }
        Request::ChangeRules(rules) => rules_changed(journal, rules, thing),
        Request::Open { order_no, key, .. } => {
            let number = number(journal, (Route::Orders, key), (order_no, shown), end);
            journal.order(number).map(|order| order.opened_at).into_iter().collect()
        }
        Request::Pay { order_no, transaction_id, .. } => {
            payment(journal, order_no, transaction_id, thing)
        }
        Request::Close { order_no } => steps(journal, order_no, "order_closed"),
        Request::Note { order_no, kind } => steps(journal, order_no, kind),
        Request::Settle { settlement_no, key, .. } => {
            let number = number(journal, (Route::Settlements, key), (settlement_no, shown), end);
            journal.settlement(number).map(|made| made.at).into_iter().collect()
        }
        Request::Withdraw { withdrawal_no, key, .. } => {
            let number = number(journal, (Route::Withdrawals, key), (withdrawal_no, shown), end);
            journal.withdrawal(number).map(|made| made.requested_at).into_iter().collect()
        }
        Request::Review { withdrawal_no, approve, .. } => {
            moves(journal, withdrawal_no, if *approve { Move::Approved } else { Move::Rejected })
        }
        Request::Confirm { withdrawal_no, succeeded } => {
            moves(journal, withdrawal_no, if *succeeded { Move::Succeeded } else { Move::Failed })
        }
        Request::StartSending { withdrawal_no } => moves(journal, withdrawal_no, Move::Sending),
        Request::RecordTransfer { withdrawal_no, outcome } => {
            moves(journal, withdrawal_no, move_of(*outcome))
        }
        Request::Desk(desk) => people::own(journal, desk, thing),
        Request::Refunding(asked) => refunding::own(journal, asked, shown),
    }
}

/// The event that records what is told of a transfer.
pub(super) fn move_of(outcome: TransferOutcome) -> Move {
    match outcome {
        TransferOutcome::Succeeded => Move::Succeeded,
        TransferOutcome::Failed | TransferOutcome::NotFound => Move::Failed,
        TransferOutcome::Unknown => Move::Unknown,
    }
}

/// An answer to a change of rules shows the place of its event.
fn rules_changed(journal: &Journal, rules: &Rules, thing: &Thing) -> Vec<Point> {
    let changes = |at: &Point| matches!(journal.event(*at), Some(Event::Terms { registers: false, terms }) if terms.rules == *rules);
    match thing {
        Thing::Merchant(balance) => {
            let at = usize::try_from(balance.seq).ok().filter(changes);
            at.into_iter().collect()
        }
        Thing::Order(_)
        | Thing::Payment(..)
        | Thing::Settlement(_)
        | Thing::Withdrawal(_)
        | Thing::Case(..)
        | Thing::Refund(_)
        | Thing::Unseen => (1..=journal.end()).filter(changes).collect(),
    }
}

/// A payment is credited, or its case is opened. The case of a closed order stands beside its payment.
fn payment(journal: &Journal, order_no: &str, transaction_id: &str, thing: &Thing) -> Vec<Point> {
    let told = match thing {
        Thing::Payment(case, _) => Some(*case),
        Thing::Merchant(_)
        | Thing::Order(_)
        | Thing::Settlement(_)
        | Thing::Withdrawal(_)
        | Thing::Case(..)
        | Thing::Refund(_)
        | Thing::Unseen => None,
    };
    let mut places = vec![];
    if told.is_none_or(|case| case.is_none())
        && let Some((at, paid)) = journal.transaction(transaction_id)
        && paid.order_no == order_no
    {
        places.push(at);
    }
    if told != Some(None) {
        let wanted = |kind: &str| told.is_none_or(|case| case == Some(kind));
        let cases = journal.cases(order_no, transaction_id);
        let fit = cases.filter(|(_, case)| {
            !matches!(case.kind, "paid_after_close" | "paid_to_closed") && wanted(case.kind)
        });
        places.extend(fit.map(|(at, _)| at));
    }
    places.sort_unstable();
    places
}

fn steps(journal: &Journal, order_no: &str, kind: &str) -> Vec<Point> {
    let step = step_of(kind);
    let places =
        journal.order(order_no).zip(step).map_or(&[][..], |(order, step)| order.steps(step));
    places.to_vec()
}

fn moves(journal: &Journal, withdrawal_no: &str, how: Move) -> Vec<Point> {
    let withdrawal = journal.withdrawal(withdrawal_no);
    withdrawal.into_iter().flat_map(|withdrawal| withdrawal.moved(how)).collect()
}
