//! The columns of each thing, and what they hold.

use tally_actors::domain::adjustment::Adjustment;
use tally_actors::domain::case::Case;
use tally_actors::domain::order::Order;
use tally_actors::domain::refund::{Refund, RefundSource};
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::withdrawal::Withdrawal;

use super::columns::{Value, amount, at, count, date, or_null, place, text};
use crate::sql::refund_rows::source_name;
use crate::sql::rows::{encode_channel, encode_facts, method_name};

pub(super) const ORDER: &[&str] = &[
    "order_no",
    "amount_fen",
    "description",
    "channel",
    "status",
    "opened_ms",
    "opened_seq",
    "expires_ms",
    "prepay_id",
    "prepaid_ms",
    "closed_ms",
    "paid_seq",
    "transaction_id",
    "paid_ms",
    "booked_fen",
    "fee_fen",
    "settle_on",
    "refunded_fen",
    "closing_ms",
    "fee_bp",
    "refunded_booked_fen",
    "refund_sent_ms",
    "pending_change_fen",
];

pub(super) fn order(order: &Order) -> Vec<Value> {
    let (prepay, payment) = (order.prepay.as_ref(), order.payment.as_ref());
    vec![
        text(order.order_no),
        amount(order.amount),
        text(&order.description),
        Value::Blob(encode_channel(&order.channel)),
        text(order.status.as_str()),
        at(order.opened_at),
        place(order.opened_seq),
        at(order.expires_at),
        or_null(prepay, |prepay| text(&prepay.prepay_id)),
        or_null(prepay, |prepay| at(prepay.at)),
        or_null(order.closed_at, at),
        or_null(payment, |payment| count(payment.paid_seq)),
        or_null(payment, |payment| text(payment.transaction_id)),
        or_null(payment, |payment| at(payment.paid_at)),
        or_null(payment, |payment| amount(payment.booked)),
        or_null(payment, |payment| amount(payment.fee)),
        or_null(payment.and_then(|payment| payment.settle_on), date),
        amount(order.refunded),
        or_null(order.closing_at, at),
        or_null(payment.and_then(|payment| payment.fee_bp), |rate| count(u16::from(rate).into())),
        amount(order.refunded_booked),
        or_null(order.refund_sent_at, at),
        Value::Integer(order.pending_change.fen()),
    ]
}

pub(super) const SETTLEMENT: &[&str] = &[
    "settlement_no",
    "seq",
    "at_ms",
    "through",
    "include_not_due",
    "orders",
    "gross_fen",
    "refunded_fen",
    "fee_fen",
    "first_paid_seq",
    "last_paid_seq",
];

pub(super) fn settlement(settlement: &Settlement) -> Vec<Value> {
    let moved = &settlement.moved;
    vec![
        text(settlement.settlement_no),
        place(settlement.seq),
        at(settlement.at),
        date(settlement.through),
        Value::Integer(i64::from(settlement.include_not_due)),
        count(moved.orders),
        amount(moved.gross),
        amount(moved.refunded),
        amount(moved.fee),
        count(moved.first_paid_seq),
        count(moved.last_paid_seq),
    ]
}

pub(super) const WITHDRAWAL: &[&str] = &[
    "withdrawal_no",
    "amount_fen",
    "asked_fen",
    "settle_first",
    "method",
    "payout_openid",
    "payout_name",
    "status",
    "reason",
    "reference",
    "requested_ms",
    "requested_seq",
    "day",
    "asked_by",
    "approved_by",
    "settlement_no",
    "tried_ms",
];

pub(super) fn withdrawal(withdrawal: &Withdrawal) -> Vec<Value> {
    vec![
        text(withdrawal.withdrawal_no),
        amount(withdrawal.amount),
        or_null(withdrawal.request.amount, amount),
        Value::Integer(i64::from(withdrawal.request.settle_first)),
        text(method_name(withdrawal.method)),
        or_null(withdrawal.payout_openid.as_ref(), text),
        or_null(withdrawal.payout_name.as_ref(), text),
        text(withdrawal.status.as_str()),
        or_null(withdrawal.reason.as_ref(), text),
        or_null(withdrawal.reference.as_ref(), text),
        at(withdrawal.requested_at),
        place(withdrawal.requested_seq),
        date(withdrawal.day),
        text(withdrawal.asked_by),
        or_null(withdrawal.approved_by, text),
        or_null(withdrawal.settlement_no, text),
        or_null(withdrawal.tried_at, at),
    ]
}

pub(super) const CASE: &[&str] = &[
    "case_id",
    "kind",
    "opened_ms",
    "opened_seq",
    "order_no",
    "transaction_id",
    "amount_fen",
    "expected_fen",
    "paid_ms",
    "facts",
    "status",
    "resolved_ms",
    "resolved_by",
    "note",
    "remedy",
    "booked_fen",
    "suspense",
];

pub(super) fn case(case: &Case) -> Vec<Value> {
    let resolution = case.resolution.as_ref();
    vec![
        text(case.case_id),
        text(case.kind.as_str()),
        at(case.opened_at),
        place(case.opened_seq),
        or_null(case.order_no, text),
        or_null(case.transaction_id, text),
        or_null(case.amount, amount),
        or_null(case.expected, amount),
        or_null(case.paid_at, at),
        text(encode_facts(&case.facts)),
        text(if resolution.is_some() { "resolved" } else { "open" }),
        or_null(resolution, |made| at(made.at)),
        or_null(resolution, |made| text(made.by)),
        or_null(resolution, |made| text(&made.note)),
        or_null(resolution.and_then(|made| made.remedy), |remedy| text(remedy.as_str())),
        or_null(case.booked, amount),
        or_null(case.suspense, |state| text(state.as_str())),
    ]
}

pub(super) const REFUND: &[&str] = &[
    "refund_no",
    "order_no",
    "amount_fen",
    "booked_fen",
    "fee_fen",
    "source",
    "source_day",
    "transaction_id",
    "total_fen",
    "reason",
    "asked_by",
    "status",
    "why",
    "refund_id",
    "by_hand",
    "requested_ms",
    "requested_seq",
    "tried_ms",
];

pub(super) fn refund(refund: &Refund) -> Vec<Value> {
    let day = match refund.source {
        RefundSource::Pending(day) => day,
        RefundSource::Available | RefundSource::Suspense => None,
    };
    vec![
        text(refund.refund_no),
        text(refund.order_no),
        amount(refund.amount),
        amount(refund.booked),
        amount(refund.fee),
        text(source_name(refund.source)),
        or_null(day, date),
        text(refund.transaction_id),
        amount(refund.total),
        text(&refund.reason),
        or_null(refund.asked_by, text),
        text(refund.status.as_str()),
        or_null(refund.why.as_ref(), text),
        or_null(refund.refund_id.as_ref(), text),
        or_null(refund.by_hand.as_ref(), text),
        at(refund.requested_at),
        place(refund.requested_seq),
        or_null(refund.tried_at, at),
    ]
}

pub(super) const ADJUSTMENT: &[&str] = &[
    "adjustment_no",
    "amount_fen",
    "reason",
    "asked_by",
    "status",
    "requested_ms",
    "requested_seq",
    "decided_ms",
    "decided_by",
    "decision",
];

pub(super) fn adjustment(adjustment: &Adjustment) -> Vec<Value> {
    let decision = adjustment.decision.as_ref();
    vec![
        text(adjustment.adjustment_no),
        Value::Integer(adjustment.amount.fen()),
        text(&adjustment.reason),
        text(adjustment.asked_by),
        text(adjustment.status().as_str()),
        at(adjustment.requested_at),
        place(adjustment.requested_seq),
        or_null(decision, |made| at(made.at)),
        or_null(decision, |made| text(made.by)),
        or_null(decision, |made| text(&made.reason)),
    ]
}
