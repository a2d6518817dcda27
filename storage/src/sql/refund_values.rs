//! The rows that events about refunds make or change, value by value, in the order of the statements in `steps.rs`.

use tally_actors::domain::event::Event;
use tally_actors::domain::money::Money;
use tally_actors::domain::refund::{HEARSAY, RefundSource, RefundStatus};
use tally_actors::domain::time::Day;

use super::refund_rows::source_name;
use super::rows::fen;
use super::value::Value::{Integer, Null, Text};
use super::value::{Value, Values};
use super::values::{Fact, day, money};

/// The refund that a request or a notice makes.
pub(crate) fn begun(fact: Fact<'_>) -> Option<Values<'_>> {
    requested(fact).or_else(|| noticed(fact))
}

fn requested(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::RefundRequested {
        refund_no,
        order_no,
        amount,
        booked,
        fee,
        source,
        transaction_id,
        total,
        reason,
        asked_by,
        ..
    } = fact.event
    else {
        return None;
    };
    let [source, source_day] = place(*source);
    Some(vec![
        Text(fact.of),
        Text(refund_no.as_str()),
        Text(order_no.as_str()),
        money(*amount),
        money(*booked),
        money(*fee),
        source,
        source_day,
        Text(transaction_id.as_str()),
        money(*total),
        Text(reason),
        Text(asked_by.as_str()),
        Text(RefundStatus::Requested.as_str()),
        Null,
        Null,
        Null,
        Integer(fact.at),
        Integer(fact.seq),
    ])
}

fn noticed(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::RefundNoticed {
        refund_no,
        order_no,
        out_refund_no,
        refund_id,
        amount,
        transaction_id,
        total,
    } = fact.event
    else {
        return None;
    };
    let [source, source_day] = place(RefundSource::Available);
    Some(vec![
        Text(fact.of),
        Text(refund_no.as_str()),
        Text(order_no.as_str()),
        money(*amount),
        money(Money::ZERO),
        money(Money::ZERO),
        source,
        source_day,
        Text(transaction_id.as_str()),
        money(*total),
        Text(""),
        Null,
        Text(RefundStatus::Unknown.as_str()),
        Text(HEARSAY),
        Text(refund_id),
        Text(out_refund_no),
        Integer(fact.at),
        Integer(fact.seq),
    ])
}

/// What an event changes of a refund; `None`: as before.
#[derive(Default)]
struct Change<'b> {
    why: Option<Value<'b>>,
    refund_id: Option<&'b str>,
    amount: Option<Money>,
    booked: Option<Money>,
    fee: Option<Money>,
    source: Option<RefundSource>,
    tried: Option<i64>,
}

/// How a refund goes on: number, status, whether the words change, and to what, and what else is another from here on.
pub(crate) fn moved(fact: Fact<'_>) -> Option<Values<'_>> {
    let (refund_no, status, change) = change(fact)?;
    let [source, source_day] = change.source.map_or([Null, Null], place);
    Some(vec![
        Text(fact.of),
        Text(refund_no),
        Text(status.as_str()),
        Integer(change.why.is_some().into()),
        change.why.unwrap_or(Null),
        Value::if_any(change.refund_id, Text),
        Value::if_any(change.amount, money),
        Value::if_any(change.booked, money),
        Value::if_any(change.fee, money),
        source,
        source_day,
        Value::if_any(change.tried, Integer),
    ])
}

fn change(fact: Fact<'_>) -> Option<(&str, RefundStatus, Change<'_>)> {
    use RefundStatus::{Failed, Requested, Sending, Succeeded, Unknown};
    let none = Change::default();
    Some(match fact.event {
        Event::RefundSending { refund_no, .. } => {
            (refund_no.as_str(), Sending, Change { tried: Some(fact.at), ..none })
        }
        Event::RefundPostponed { refund_no, reason, .. } => {
            (refund_no.as_str(), Requested, Change { why: Some(Text(reason)), ..none })
        }
        Event::RefundUnknown { refund_no, reason, .. } => {
            (refund_no.as_str(), Unknown, Change { why: Some(Text(reason)), ..none })
        }
        Event::RefundFailed { refund_no, reason, .. } => {
            (refund_no.as_str(), Failed, Change { why: Some(Text(reason)), ..none })
        }
        Event::RefundSucceeded { refund_no, booked_now, refund_id, .. } => {
            let booked = Some(*booked_now);
            let refund_id = Some(&**refund_id);
            (refund_no.as_str(), Succeeded, Change { why: Some(Null), refund_id, booked, ..none })
        }
        Event::RefundFound { refund_no, amount, booked, fee, source, refund_id, .. } => {
            let change = Change {
                why: Some(Null),
                refund_id: Some(refund_id),
                amount: Some(*amount),
                booked: Some(*booked),
                fee: Some(*fee),
                source: Some(*source),
                tried: None,
            };
            (refund_no.as_str(), Succeeded, change)
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
        | Event::WithdrawalApproved { .. }
        | Event::WithdrawalRejected { .. }
        | Event::WithdrawalSending { .. }
        | Event::WithdrawalUnknown { .. }
        | Event::WithdrawalSucceeded { .. }
        | Event::WithdrawalFailed { .. }
        | Event::WithdrawalAttested { .. }
        | Event::CaseRaised { .. }
        | Event::StandingChanged { .. }
        | Event::CaseResolved { .. }
        | Event::WithdrawalInRun { .. }
        | Event::CaseOpened { .. }
        | Event::RefundRequested { .. }
        | Event::SuspenseReleased { .. }
        | Event::AdjustmentRequested { .. }
        | Event::AdjustmentApproved { .. }
        | Event::AdjustmentRejected { .. }
        | Event::RefundNoticed { .. } => return None,
    })
}

/// Whether a row of [`moved`] leaves the refund under way.
pub(crate) fn goes_on(moved: &Values<'_>) -> bool {
    const STATUS: usize = 2;
    let ends = [RefundStatus::Succeeded, RefundStatus::Failed];
    !ends.iter().any(|status| moved[STATUS] == Text(status.as_str()))
}

/// Makes of an earlier and a later row of [`moved`] the row of both.
pub(crate) fn moved_on<'b>(earlier: &mut Values<'b>, mut later: Values<'b>) {
    const WHY_CHANGES: usize = 3;
    const WHY: usize = WHY_CHANGES + 1;
    const TRIED: usize = 11;
    if later[WHY_CHANGES] == Integer(0) {
        later[WHY_CHANGES..=WHY].clone_from_slice(&earlier[WHY_CHANGES..=WHY]);
    }
    // The rest is only said by what ends a refund, which is the later one.
    if later[TRIED] == Null {
        later[TRIED] = earlier[TRIED].clone();
    }
    *earlier = later;
}

/// What an event adds to the sums of its order, when a try began, and what it adds to its pending money: customer's money, and the
/// merchant's.
pub(crate) fn of_order(fact: Fact<'_>) -> Option<Values<'_>> {
    use RefundSource::Suspense;
    let (order_no, amount, booked, sent, pending) = match fact.event {
        // The order has no part in what went back out of suspense.
        Event::RefundRequested { source: Suspense, .. }
        | Event::RefundFailed { to: Suspense, .. }
        | Event::RefundSucceeded { source: Suspense, .. } => return None,
        Event::RefundRequested { order_no, amount, booked, fee, source, .. }
        | Event::RefundFound { order_no, amount, booked, fee, source, .. } => {
            let pending = if_pending(*source, fen(*fee) - fen(*booked));
            (order_no, fen(*amount), fen(*booked), None, pending)
        }
        Event::RefundFailed { order_no, amount, booked, fee, to, .. } => {
            let pending = if_pending(*to, fen(*booked) - fen(*fee));
            (order_no, -fen(*amount), -fen(*booked), None, pending)
        }
        Event::RefundSucceeded {
            order_no,
            booked,
            booked_now,
            order_fee,
            order_fee_now,
            source,
            ..
        } => {
            let more = fen(*booked_now) - fen(*booked);
            let pending = if_pending(*source, fen(*order_fee) - fen(*order_fee_now) - more);
            (order_no, 0, more, None, pending)
        }
        Event::RefundSending { order_no, .. } => (order_no, 0, 0, Some(fact.at), 0),
        Event::MerchantRegistered { .. }
        | Event::RulesChanged { .. }
        | Event::OrderOpened { .. }
        | Event::OrderPrepaid { .. }
        | Event::OrderPaid { .. }
        | Event::OrderClosed { .. }
        | Event::OrderClosing { .. }
        | Event::Settled { .. }
        | Event::WithdrawalRequested { .. }
        | Event::WithdrawalApproved { .. }
        | Event::WithdrawalRejected { .. }
        | Event::WithdrawalSending { .. }
        | Event::WithdrawalUnknown { .. }
        | Event::WithdrawalSucceeded { .. }
        | Event::WithdrawalFailed { .. }
        | Event::WithdrawalAttested { .. }
        | Event::CaseRaised { .. }
        | Event::StandingChanged { .. }
        | Event::CaseResolved { .. }
        | Event::WithdrawalInRun { .. }
        | Event::CaseOpened { .. }
        | Event::RefundPostponed { .. }
        | Event::RefundUnknown { .. }
        | Event::SuspenseReleased { .. }
        | Event::AdjustmentRequested { .. }
        | Event::AdjustmentApproved { .. }
        | Event::AdjustmentRejected { .. }
        | Event::RefundNoticed { .. } => return None,
    };
    let sent = Value::if_any(sent, Integer);
    let order_no = Text(order_no.as_str());
    Some(vec![Text(fact.of), order_no, Integer(amount), Integer(booked), sent, Integer(pending)])
}

fn if_pending(source: RefundSource, change: i64) -> i64 {
    match source {
        RefundSource::Pending(_) => change,
        RefundSource::Available | RefundSource::Suspense => 0,
    }
}

/// Makes of two rows of [`of_order`] the row of both.
pub(crate) fn added<'b>(earlier: &mut Values<'b>, mut later: Values<'b>) {
    const SUMS: [usize; 3] = [2, 3, 5];
    const SENT: usize = 4;
    for sum in SUMS {
        if let (Integer(one), Integer(other)) = (&earlier[sum], &later[sum]) {
            later[sum] = Integer(one + other);
        }
    }
    if later[SENT] == Null {
        later[SENT] = earlier[SENT].clone();
    }
    *earlier = later;
}

/// The columns of a source.
fn place<'b>(source: RefundSource) -> [Value<'b>; 2] {
    let on: Option<Day> = match source {
        RefundSource::Pending(day) => day,
        RefundSource::Available | RefundSource::Suspense => None,
    };
    [Text(source_name(source)), Value::if_any(on, day)]
}
