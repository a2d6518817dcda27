//! The rows that single events make or change, value by value, in the order of the statements in `steps.rs`.

use tally_actors::domain::books::Route;
use tally_actors::domain::case::{Remedy, Suspense};
use tally_actors::domain::event::Event;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::IdempotencyKey;
use tally_actors::domain::money::Money;
use tally_actors::domain::order::OrderStatus;
use tally_actors::domain::time::Day;
use tally_actors::domain::withdrawal::WithdrawalStatus;
use tally_actors::ports::{Row, Run};

use super::rows::{encode_channel, encode_facts, fen, integer, method_name};
use super::value::Value::{Blob, Bytes, Integer, Null, Text, Words};
use super::value::{Value, Values};

/// An event with whose it is, its place and its time, as columns hold them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact<'b> {
    pub(crate) of: &'b str,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) event: &'b Event,
}

impl<'b> Fact<'b> {
    pub(crate) fn new(run: &'b Run, row: &'b Row) -> Self {
        Self {
            of: run.merchant.as_str(),
            seq: integer(row.link.seq.0),
            at: row.stamped.at.ms(),
            event: &row.stamped.event,
        }
    }
}

pub(crate) fn journal<'b>(run: &'b Run, row: &'b Row) -> Values<'b> {
    let seq = Integer(integer(row.link.seq.0));
    vec![Text(run.merchant.as_str()), seq, Bytes(&row.link.hash.0), Bytes(&row.bytes)]
}

pub(crate) fn opened(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::OrderOpened { order_no, amount, description, channel, expires_at, .. } = fact.event
    else {
        return None;
    };
    Some(vec![
        Text(fact.of),
        Text(order_no.as_str()),
        money(*amount),
        Text(description),
        Blob(encode_channel(channel)),
        Text(OrderStatus::Open.as_str()),
        Integer(fact.at),
        Integer(fact.seq),
        Integer(expires_at.ms()),
    ])
}

pub(crate) fn prepaid(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::OrderPrepaid { order_no, prepay_id } = fact.event else { return None };
    Some(vec![Text(fact.of), Text(order_no.as_str()), Text(prepay_id), Integer(fact.at)])
}

pub(crate) fn closing(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::OrderClosing { order_no } = fact.event else { return None };
    Some(vec![Text(fact.of), Text(order_no.as_str()), Integer(fact.at)])
}

pub(crate) fn closed(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::OrderClosed { order_no } = fact.event else { return None };
    Some(vec![Text(fact.of), Text(order_no.as_str()), Integer(fact.at)])
}

pub(crate) fn paid(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::OrderPaid {
        order_no,
        transaction_id,
        paid_at,
        booked,
        fee,
        paid_seq,
        settle_on,
        fee_bp,
        ..
    } = fact.event
    else {
        return None;
    };
    Some(vec![
        Text(fact.of),
        Text(order_no.as_str()),
        Integer(integer(*paid_seq)),
        Text(transaction_id.as_str()),
        Integer(paid_at.ms()),
        money(*booked),
        money(*fee),
        Value::if_any(*settle_on, day),
        Value::if_any(*fee_bp, |rate| Integer(u16::from(rate).into())),
    ])
}

pub(crate) fn settled(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::Settled { settlement_no, through, include_not_due, moved, .. } = fact.event else {
        return None;
    };
    Some(vec![
        Text(fact.of),
        Text(settlement_no.as_str()),
        Integer(fact.seq),
        Integer(fact.at),
        day(*through),
        Integer((*include_not_due).into()),
        Integer(integer(moved.orders)),
        money(moved.gross),
        money(moved.refunded),
        money(moved.fee),
        Integer(integer(moved.first_paid_seq)),
        Integer(integer(moved.last_paid_seq)),
    ])
}

pub(crate) fn requested(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::WithdrawalRequested {
        withdrawal_no,
        amount,
        request,
        method,
        payout_openid,
        payout_name,
        needs_approval,
        day: on,
        asked_by,
        settlement_no,
        ..
    } = fact.event
    else {
        return None;
    };
    let status = match needs_approval {
        true => WithdrawalStatus::AwaitingApproval,
        false => WithdrawalStatus::Requested,
    };
    Some(vec![
        Text(fact.of),
        Text(withdrawal_no.as_str()),
        money(*amount),
        Value::if_any(request.amount, money),
        Integer(request.settle_first.into()),
        Text(method_name(*method)),
        Value::if_any(payout_openid.as_deref(), Text),
        Value::if_any(payout_name.as_deref(), Text),
        Text(status.as_str()),
        Integer(fact.at),
        Integer(fact.seq),
        day(*on),
        Text(asked_by.as_str()),
        Value::if_any(settlement_no.as_ref().map(|number| number.as_str()), Text),
    ])
}

/// How a withdrawal goes on: number, status, the amount that it must have, whether the reason changes, and to what, the
/// reference, who approved, and when a try began.
pub(crate) fn moved(fact: Fact<'_>) -> Option<Values<'_>> {
    use WithdrawalStatus::{Failed, Rejected, Requested, Sending, Succeeded, Unknown};
    let (withdrawal_no, status, amount, reason, reference, by) = match fact.event {
        Event::WithdrawalApproved { withdrawal_no, by, .. } => {
            (withdrawal_no, Requested, None, None, None, Some(by.as_str()))
        }
        Event::WithdrawalSending { withdrawal_no }
        | Event::WithdrawalInRun { withdrawal_no, .. } => {
            (withdrawal_no, Sending, None, None, None, None)
        }
        Event::WithdrawalUnknown { withdrawal_no, reason } => {
            (withdrawal_no, Unknown, None, Some(Text(reason)), None, None)
        }
        Event::WithdrawalSucceeded { withdrawal_no, amount, reference, .. } => {
            (withdrawal_no, Succeeded, Some(*amount), Some(Null), Some(&**reference), None)
        }
        Event::WithdrawalFailed { withdrawal_no, amount, reason, .. } => {
            (withdrawal_no, Failed, Some(*amount), Some(Text(reason)), None, None)
        }
        Event::WithdrawalRejected { withdrawal_no, amount, reason, .. } => {
            (withdrawal_no, Rejected, Some(*amount), Some(Text(reason)), None, None)
        }
        Event::MerchantRegistered { .. }
        | Event::RulesChanged { .. }
        | Event::OrderOpened { .. }
        | Event::OrderPrepaid { .. }
        | Event::OrderPaid { .. }
        | Event::OrderClosed { .. }
        | Event::OrderClosing { .. }
        | Event::Settled { .. }
        | Event::WithdrawalRequested { .. }
        | Event::CaseOpened { .. }
        | Event::WithdrawalAttested { .. }
        | Event::CaseRaised { .. }
        | Event::StandingChanged { .. }
        | Event::CaseResolved { .. }
        | Event::RefundRequested { .. }
        | Event::RefundSending { .. }
        | Event::RefundPostponed { .. }
        | Event::RefundUnknown { .. }
        | Event::RefundSucceeded { .. }
        | Event::RefundFailed { .. }
        | Event::RefundNoticed { .. }
        | Event::SuspenseReleased { .. }
        | Event::AdjustmentRequested { .. }
        | Event::AdjustmentApproved { .. }
        | Event::AdjustmentRejected { .. }
        | Event::RefundFound { .. } => return None,
    };
    Some(vec![
        Text(fact.of),
        Text(withdrawal_no.as_str()),
        Text(status.as_str()),
        Value::if_any(amount, money),
        Integer(reason.is_some().into()),
        reason.unwrap_or(Null),
        Value::if_any(reference, Text),
        Value::if_any(by, Text),
        Value::if_any((status == Sending).then_some(fact.at), Integer),
    ])
}

/// Whether a row of [`moved`] leaves the withdrawal under way: only what ends it names the amount.
pub(crate) fn goes_on(moved: &Values<'_>) -> bool {
    const AMOUNT: usize = 3;
    moved[AMOUNT] == Null
}

/// Makes of an earlier and a later row of [`moved`] the row of both.
pub(crate) fn moved_on<'b>(earlier: &mut Values<'b>, mut later: Values<'b>) {
    const REASON_CHANGES: usize = 4;
    const REASON: usize = REASON_CHANGES + 1;
    const APPROVED_BY: usize = 7;
    const TRIED: usize = 8;
    if later[REASON_CHANGES] == Integer(0) {
        later[REASON_CHANGES..=REASON].clone_from_slice(&earlier[REASON_CHANGES..=REASON]);
    }
    for kept in [APPROVED_BY, TRIED] {
        if later[kept] == Null {
            later[kept] = earlier[kept].clone();
        }
    }
    *earlier = later;
}

pub(crate) fn numbered<'b>(
    of: &'b str,
    route: Route,
    key: &'b IdempotencyKey,
    number: &'b str,
) -> Values<'b> {
    vec![Text(of), Text(route.as_str()), Text(key.as_str()), Text(number)]
}

/// A withdrawal and its bank run.
pub(crate) fn in_run(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::WithdrawalInRun { withdrawal_no, run_no, .. } = fact.event else { return None };
    Some(vec![Text(fact.of), Text(withdrawal_no.as_str()), Text(run_no.as_str())])
}

/// A case about a payment.
pub(crate) fn payment_case(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::CaseOpened { case } = fact.event else { return None };
    Some(vec![
        Text(fact.of),
        Text(case.case_id.as_str()),
        Text(case.kind.as_str()),
        Integer(fact.at),
        Integer(fact.seq),
        Text(case.order_no.as_str()),
        Text(case.transaction_id.as_str()),
        money(case.amount),
        Value::if_any(case.expected, money),
        Integer(case.paid_at.ms()),
        Words(encode_facts(&[])),
        held(case.suspended()),
        Value::if_any(case.booked, money),
    ])
}

/// A case about anything.
pub(crate) fn raised_case(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::CaseRaised { case } = fact.event else { return None };
    Some(vec![
        Text(fact.of),
        Text(case.case_id.as_str()),
        Text(case.kind.as_str()),
        Integer(fact.at),
        Integer(fact.seq),
        Value::if_any(case.order_no.as_ref().map(|number| number.as_str()), Text),
        Value::if_any(case.transaction_id.as_ref().map(|number| number.as_str()), Text),
        Value::if_any(case.amount, money),
        Value::if_any(case.expected, money),
        Null,
        Words(encode_facts(&case.facts)),
        held(case.suspended()),
        Value::if_any(case.booked(), money),
    ])
}

pub(crate) fn resolved(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::CaseResolved { case_id, by, note, remedy } = fact.event else { return None };
    Some(vec![
        Text(fact.of),
        Text(case_id.as_str()),
        Integer(fact.at),
        Text(by.as_str()),
        Text(note),
        Value::if_any(remedy.map(Remedy::as_str), Text),
    ])
}

/// A case whose money left suspense.
pub(crate) fn released(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::SuspenseReleased { case_id, .. } = fact.event else { return None };
    Some(vec![Text(fact.of), Text(case_id.as_str())])
}

/// What a case that was just opened says of its money.
fn held<'b>(suspended: Option<Money>) -> Value<'b> {
    Value::if_any(suspended.map(|_| Suspense::Held.as_str()), Text)
}

pub(crate) fn head(head: &Head) -> Values<'_> {
    vec![
        Text(head.merchant.as_str()),
        Integer(head.format().into()),
        Integer(integer(head.link.seq.0)),
        Bytes(&head.link.hash.0),
        Integer(head.at.ms()),
        Integer(head.registered_at.ms()),
        Integer(integer(head.paid_orders)),
        money(head.paid),
        money(head.refunded),
        money(head.fee),
        money(head.pending()),
        Integer(head.available.fen()),
        money(head.in_transit),
        money(head.withdrawn),
        money(head.suspense),
        money(head.suspended),
        money(head.credited),
        Integer(head.adjusted.fen()),
        Blob(head.encode_kept()),
    ]
}

pub(crate) fn money<'b>(amount: Money) -> Value<'b> {
    Integer(fen(amount))
}

pub(crate) fn day<'b>(day: Day) -> Value<'b> {
    Integer(day.days().into())
}
