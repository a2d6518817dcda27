//! Whether an answer that something is recorded is right at a point: the state is as told, and the thing as shown.

use super::asked::step_of;
use super::day;
use super::event::{Move, Paid, Step};
use super::journal::{Journal, Route};
use super::lives::{OrderStatus, Point, Settlement, Standing, Withdrawal};
use super::own::{number, shown_number};
use super::refunding;
use super::{people, suspense};
use crate::history::{self, Balance, Call, Desk, Request, Thing, TransferOutcome};

/// Whether an answer without an own event is right at a point.
pub(super) fn done(
    journal: &Journal,
    call: &Call,
    thing: &Thing,
    own: &[Point],
    at: Point,
) -> bool {
    journal.terms(at).is_some()
        && acknowledged(journal, call, thing, own, at)
        && holds(journal, call, thing, at)
        && shows(journal, call, thing, at)
}

/// Whether what the answer acknowledges is in the journal by then, and so ever after.
pub(super) fn acknowledged(
    journal: &Journal,
    call: &Call,
    thing: &Thing,
    own: &[Point],
    at: Point,
) -> bool {
    let recorded = || own.iter().any(|place| *place <= at);
    let closed = |order_no: &str| journal.order(order_no)?.closed_at.filter(|place| *place <= at);
    match &call.request {
        // What a repeated change of rules wanted may hold since the registration.
        Request::Read | Request::ChangeRules(_) | Request::Desk(Desk::Stand { .. }) => true,
        Request::Settle { .. } => *thing == Thing::Settlement(None) || recorded(),
        Request::Note { order_no, kind } => {
            // An order that is closed has no closing to begin.
            let in_vain = || step_of(kind) == Some(Step::Closing) && closed(order_no).is_some();
            recorded() || in_vain()
        }
        // Too early to be certain: nothing changes.
        Request::RecordTransfer { outcome: TransferOutcome::NotFound, withdrawal_no } => {
            let sent = |known: &Withdrawal| known.moved(Move::Sending).any(|place| place <= at);
            recorded() || journal.withdrawal(withdrawal_no).is_some_and(sent)
        }
        // What the channel told meanwhile is what the admin says.
        Request::Desk(desk @ Desk::Attest { withdrawal_no, .. }) => {
            let known = journal.withdrawal(withdrawal_no).and_then(|known| known.standing(at));
            let ended = matches!(known, Some(Standing::Succeeded | Standing::Failed));
            recorded() || (ended && people::holds(journal, desk, at))
        }
        Request::Refunding(asked) => refunding::acknowledged(journal, asked, own, at),
        Request::Register(_)
        | Request::Open { .. }
        | Request::Pay { .. }
        | Request::Close { .. }
        | Request::Withdraw { .. }
        | Request::Review { .. }
        | Request::Confirm { .. }
        | Request::StartSending { .. }
        | Request::RecordTransfer { .. }
        | Request::Desk(
            Desk::Raise { .. }
            | Desk::Resolve { .. }
            | Desk::Run { .. }
            | Desk::Adjust { .. }
            | Desk::DecideAdjustment { .. },
        ) => recorded(),
    }
}

/// Whether the recorded thing has the content that was asked for. A call whose fact is not there has none.
pub(super) fn same_content(journal: &Journal, call: &Call, thing: &Thing) -> bool {
    let (shown, end) = (shown_number(thing), journal.end());
    match &call.request {
        Request::Open { order_no, key, amount, by_wechat } => {
            let number = number(journal, (Route::Orders, key), (order_no, shown), end);
            journal.order(number).is_none_or(|order| {
                (order.opened.amount, order.opened.by_wechat) == (*amount, *by_wechat)
            })
        }
        Request::Settle { settlement_no, key, include_not_due } => {
            let number = number(journal, (Route::Settlements, key), (settlement_no, shown), end);
            let made = journal.settlement(number);
            // Where there was nothing to settle, the number stayed free.
            let free = *thing == Thing::Settlement(None);
            free || made.is_none_or(|made| made.settled.include_not_due == *include_not_due)
        }
        Request::Withdraw { withdrawal_no, key, amount, settle_first, .. } => {
            let number = number(journal, (Route::Withdrawals, key), (withdrawal_no, shown), end);
            journal
                .withdrawal(number)
                .is_none_or(|known| known.requested.is_of(*amount, *settle_first))
        }
        Request::Refunding(asked) => refunding::same_content(journal, asked, shown),
        Request::Register(_)
        | Request::ChangeRules(_)
        | Request::Read
        | Request::Pay { .. }
        | Request::Close { .. }
        | Request::Review { .. }
        | Request::Confirm { .. }
        | Request::StartSending { .. }
        | Request::RecordTransfer { .. }
        | Request::Note { .. }
        | Request::Desk(_) => true,
    }
}

/// Whether the state at a point is the one that the answer tells of.
fn holds(journal: &Journal, call: &Call, thing: &Thing, at: Point) -> bool {
    let stands = |number: &str| journal.withdrawal(number)?.standing(at);
    match &call.request {
        Request::Read => true,
        Request::Desk(desk) => people::holds(journal, desk, at),
        Request::Refunding(asked) => refunding::holds(journal, asked, shown_number(thing), at),
        Request::Register(rules) | Request::ChangeRules(rules) => {
            journal.terms(at).is_some_and(|terms| terms.rules == *rules)
        }
        Request::Open { .. } | Request::Withdraw { .. } => same_content(journal, call, thing),
        Request::Settle { settlement_no, key, include_not_due } => match thing {
            Thing::Settlement(None) => {
                let number = number(journal, (Route::Settlements, key), (settlement_no, None), at);
                let made = journal.settlement(number).is_some_and(|made| made.at <= at);
                !made && nothing_due(journal, *include_not_due, at)
            }
            Thing::Settlement(Some(_))
            | Thing::Merchant(_)
            | Thing::Order(_)
            | Thing::Payment(..)
            | Thing::Withdrawal(_)
            | Thing::Case(..)
            | Thing::Refund(_)
            | Thing::Unseen => same_content(journal, call, thing),
        },
        Request::Pay { .. } => match (verdict(journal, &call.request, at), thing) {
            (Some(Verdict::Repeat), Thing::Payment(case, _)) => case.is_none(),
            (Some(Verdict::Misfit(kind)), Thing::Payment(case, _)) => *case == Some(kind),
            (Some(Verdict::Repeat | Verdict::Misfit(_)), shown) => *shown == Thing::Unseen,
            (Some(Verdict::Pays) | None, _) => false,
        },
        Request::Close { order_no } => {
            let status = journal.order(order_no).and_then(|order| order.status(at));
            status == Some(OrderStatus::Closed)
        }
        Request::Note { order_no, kind } => {
            let order = journal.order(order_no);
            let paid = order.is_some_and(|order| order.payment(at).is_some());
            step_of(kind) != Some(Step::Closing) || !paid
        }
        Request::Review { withdrawal_no, approve: true, by } => {
            let approved = journal.withdrawal(withdrawal_no).and_then(|known| known.approved_by);
            approved.is_some_and(|(place, key)| place <= at && (by.is_empty() || by == key))
        }
        Request::Review { withdrawal_no, .. } => stands(withdrawal_no) == Some(Standing::Rejected),
        Request::Confirm { withdrawal_no, succeeded } => {
            let ended = if *succeeded { Standing::Succeeded } else { Standing::Failed };
            stands(withdrawal_no) == Some(ended)
        }
        Request::StartSending { withdrawal_no } => stands(withdrawal_no) == Some(Standing::Sending),
        Request::RecordTransfer { withdrawal_no, outcome } => {
            stands(withdrawal_no).is_some_and(|standing| match outcome {
                TransferOutcome::Succeeded => standing == Standing::Succeeded,
                TransferOutcome::Failed => standing == Standing::Failed,
                TransferOutcome::NotFound => standing == Standing::Failed || standing.is_out(),
                TransferOutcome::Unknown => standing == Standing::Unknown,
            })
        }
    }
}

/// Whether nothing was due on some day: the clock by which a call took its day is not known, and may have been at any. What
/// has no date is due on every day.
pub(super) fn nothing_due(journal: &Journal, include_not_due: bool, at: Point) -> bool {
    let sums = &journal.sums[at];
    if include_not_due || settles_all(journal, at) {
        sums.unsettled == 0
    } else {
        sums.undated == 0
    }
}

/// Whether by the rules in force everything paid is due.
pub(super) fn settles_all(journal: &Journal, at: Point) -> bool {
    let days = journal.terms(at).and_then(|terms| terms.rules.settle_after_days);
    days.is_none_or(|days| days == 0)
}

/// What a payment is at a point (`api.md` 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Booked already.
    Repeat,
    /// It would pay its order.
    Pays,
    /// It does not fit: the kind of its case.
    Misfit(&'static str),
}

/// `None` for a request that is no payment.
pub(super) fn verdict(journal: &Journal, request: &Request, at: Point) -> Option<Verdict> {
    let Request::Pay { order_no, transaction_id, .. } = request else {
        return None;
    };
    let verdict = as_booked(journal, request, at)?;
    let Some(held) = suspense::was_held(journal, transaction_id, at) else { return Some(verdict) };
    let opened = |kind: &str| {
        let mut own = journal.cases(order_no, transaction_id);
        own.any(|(place, case)| place <= at && case.kind == kind)
    };
    Some(match verdict {
        Verdict::Pays if !held => Verdict::Misfit("transaction_reused"),
        Verdict::Misfit(kind) if !opened(kind) => Verdict::Misfit("transaction_reused"),
        Verdict::Repeat | Verdict::Pays | Verdict::Misfit(_) => verdict,
    })
}

/// The same by what is booked alone.
fn as_booked(journal: &Journal, request: &Request, at: Point) -> Option<Verdict> {
    let Request::Pay { order_no, transaction_id, amount, booked, .. } = request else {
        return None;
    };
    let booking = journal.transaction(transaction_id).filter(|(place, _)| *place <= at);
    let order = journal.order(order_no).filter(|order| order.opened_at <= at);
    let elsewhere = booking.is_some_and(|(_, paid)| paid.order_no != order_no);
    let Some(order) = order else {
        let kind = if booking.is_some() { "transaction_reused" } else { "order_unknown" };
        return Some(Verdict::Misfit(kind));
    };
    Some(if elsewhere {
        Verdict::Misfit("transaction_reused")
    } else if *amount != order.opened.amount || booked > amount {
        let known = booking.is_some();
        Verdict::Misfit(if known { "transaction_reused" } else { "amount_differs" })
    } else if booking.is_some() {
        Verdict::Repeat
    } else if order.payment(at).is_some() {
        Verdict::Misfit("paid_twice")
    } else {
        Verdict::Pays
    })
}

/// Whether the thing in the answer is as it was at a point, and the one that was asked about.
pub(super) fn shows(journal: &Journal, call: &Call, thing: &Thing, at: Point) -> bool {
    match thing {
        Thing::Unseen | Thing::Settlement(None) => true,
        Thing::Merchant(balance) => shows_balance(journal, balance, at),
        Thing::Order(order) => {
            is_about(journal, call, thing, at) && shows_order(journal, order, at)
        }
        Thing::Payment(_, Some(order)) => {
            matches!(&call.request, Request::Pay { order_no, .. } if *order_no == order.order_no)
                && shows_order(journal, order, at)
        }
        Thing::Payment(_, None) => {
            let Request::Pay { order_no, .. } = &call.request else { return false };
            journal.order(order_no).is_none_or(|order| order.opened_at > at)
        }
        Thing::Settlement(Some(shown)) => {
            let made = journal.settlement(&shown.settlement_no).filter(|made| made.at <= at);
            is_about(journal, call, thing, at)
                && made.is_some_and(|made| same_settlement(made, shown))
        }
        Thing::Case(id, kind) => people::shows_case(journal, (id, kind), at),
        Thing::Refund(shown) => refunding::shows(journal, &call.request, shown, at),
        Thing::Withdrawal(shown) => {
            let Some(withdrawal) = journal.withdrawal(&shown.withdrawal_no) else { return false };
            is_about(journal, call, thing, at)
                && withdrawal.standing(at).is_some_and(|standing| standing.name() == shown.status)
                && withdrawal.requested.amount == shown.amount
                && withdrawal.requested.settlement_no == shown.settlement_no.as_deref()
        }
    }
}

/// Whether the number shown is the one that the call is about.
fn is_about(journal: &Journal, call: &Call, thing: &Thing, at: Point) -> bool {
    let shown = shown_number(thing);
    let about = match &call.request {
        Request::Open { order_no, key, .. } => {
            number(journal, (Route::Orders, key), (order_no, shown), at)
        }
        Request::Settle { settlement_no, key, .. } => {
            number(journal, (Route::Settlements, key), (settlement_no, shown), at)
        }
        Request::Withdraw { withdrawal_no, key, .. } => {
            number(journal, (Route::Withdrawals, key), (withdrawal_no, shown), at)
        }
        Request::Close { order_no } | Request::Note { order_no, .. } => order_no,
        Request::Review { withdrawal_no, .. }
        | Request::Confirm { withdrawal_no, .. }
        | Request::StartSending { withdrawal_no }
        | Request::RecordTransfer { withdrawal_no, .. }
        | Request::Desk(Desk::Attest { withdrawal_no, .. } | Desk::Run { withdrawal_no, .. }) => {
            withdrawal_no
        }
        Request::Register(_)
        | Request::ChangeRules(_)
        | Request::Read
        | Request::Pay { .. }
        | Request::Desk(_)
        | Request::Refunding(_) => return false,
    };
    shown == Some(about)
}

fn shows_balance(journal: &Journal, shown: &Balance, at: Point) -> bool {
    usize::try_from(shown.seq) == Ok(at) && journal.sums[at].equal(shown)
}

/// Whether an order was as shown at a point.
pub(super) fn shows_order(journal: &Journal, shown: &history::Order, at: Point) -> bool {
    let Some(order) = journal.order(&shown.order_no) else { return false };
    let payment = match (order.payment(at), &shown.payment) {
        (None, None) => true,
        (Some(paid), Some(shown)) => same_payment(paid, shown),
        (Some(_), None) | (None, Some(_)) => false,
    };
    payment
        && order.opened.amount == shown.amount
        && order.status(at).is_some_and(|status| status.name() == shown.status)
}

pub(super) fn same_payment(paid: &Paid, shown: &history::Payment) -> bool {
    paid.transaction_id == shown.transaction_id
        && (paid.booked, paid.fee, paid.paid_seq) == (shown.booked, shown.fee, shown.paid_seq)
}

/// Whether a settlement's figures are the journal's.
pub(super) fn same_settlement(made: &Settlement, shown: &history::Settlement) -> bool {
    let (settled, moved) = (&made.settled, &made.settled.moved);
    settled.settlement_no == shown.settlement_no
        && (moved.orders, moved.first_paid_seq, moved.last_paid_seq)
            == (shown.orders, shown.first_paid_seq, shown.last_paid_seq)
        && (moved.gross, moved.refunded, moved.fee)
            == (shown.gross.into(), shown.refunded.into(), shown.fee.into())
        && (shown.through.is_empty() || day::parse(&shown.through) == Some(settled.through))
}
