//! Events that people make, drawn.

use super::*;

pub(super) fn case_resolved() -> impl Strategy<Value = Event> {
    (by(), text(), any::<bool>()).prop_map(|(by, note, accept)| {
        let case_id = Case::id_of(&"m1".parse().unwrap(), CaseKind::BillOnly, "subject");
        Event::CaseResolved { case_id, by, note, remedy: accept.then_some(Remedy::Accept) }
    })
}

pub(super) fn standing_changed() -> impl Strategy<Value = Event> {
    use Change::{Close, Freeze, Resume, Suspend, Unfreeze};
    let change = prop::sample::select(vec![Freeze, Unfreeze, Suspend, Resume, Close]);
    (change, text(), prop::option::of(by()), any::<bool>()).prop_map(
        |(change, reason, by, case)| {
            let id = || Case::id_of(&"m1".parse().unwrap(), CaseKind::BillOnly, "subject");
            Event::StandingChanged { change, reason, by, case_id: case.then(id) }
        },
    )
}

pub(super) fn case_raised() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(CaseKind::ALL.to_vec());
    let money = || prop::option::of(money());
    let facts = vec((text(), text()), 0..4);
    (
        kind,
        prop::option::of(order_no()),
        prop::option::of(transaction_id()),
        money(),
        money(),
        facts,
    )
        .prop_map(|(kind, order_no, transaction_id, amount, expected, facts)| {
            let case_id = Case::id_of(&"m1".parse().unwrap(), kind, "subject");
            let case =
                RaisedCase { case_id, kind, order_no, transaction_id, amount, expected, facts };
            Event::CaseRaised { case }
        })
}

pub(super) fn suspense_released() -> impl Strategy<Value = Event> {
    (transaction_id(), money(), any::<bool>()).prop_map(|(transaction_id, amount, to_order)| {
        let case_id = Case::id_of(&"m1".parse().unwrap(), CaseKind::PaidTwice, "subject");
        let to = if to_order { ReleasedTo::Order } else { ReleasedTo::Available };
        Event::SuspenseReleased { case_id, transaction_id, amount, to }
    })
}

pub(super) fn adjusted() -> impl Strategy<Value = Event> {
    (order_no(), any::<i64>(), by(), text(), 0..3_u8).prop_map(|(no, fen, by, reason, which)| {
        let (adjustment_no, amount) = (no.as_str().parse().unwrap(), Balance::from_fen(fen));
        match which {
            0 => Event::AdjustmentRequested {
                adjustment_no,
                idempotency_key: None,
                amount,
                reason,
                asked_by: by,
            },
            1 => Event::AdjustmentApproved { adjustment_no, amount, by, reason },
            _ => Event::AdjustmentRejected { adjustment_no, by, reason },
        }
    })
}
