//! What the records of a history come to.

use std::collections::HashMap;

use super::driven::Driven;
use crate::domain::books::{Key, Record};
use crate::domain::money::Money;
use crate::domain::withdrawal::WithdrawalStatus;

/// The head's sums, from the records alone.
pub(super) fn records_add_up(m: &Driven, records: &HashMap<Key, Record>) {
    let (mut paid, mut in_transit, mut withdrawn) = (Money::ZERO, Money::ZERO, Money::ZERO);
    let mut suspense = Money::ZERO;
    for record in records.values() {
        match record {
            Record::Order(order) => {
                let booked = order.payment.as_ref().map_or(Money::ZERO, |payment| payment.booked);
                paid = paid.plus(booked).unwrap();
            }
            Record::Withdrawal(withdrawal) => {
                let of = match withdrawal.status {
                    WithdrawalStatus::Succeeded => &mut withdrawn,
                    WithdrawalStatus::Failed | WithdrawalStatus::Rejected => continue,
                    WithdrawalStatus::AwaitingApproval
                    | WithdrawalStatus::Requested
                    | WithdrawalStatus::Sending
                    | WithdrawalStatus::AwaitingPayee
                    | WithdrawalStatus::Unknown => &mut in_transit,
                };
                *of = of.plus(withdrawal.amount).unwrap();
            }
            Record::Number(_)
            | Record::Transaction(_)
            | Record::Settlement(_)
            | Record::Refund(_)
            | Record::InRun(_)
            | Record::Held(_)
            | Record::Adjustment(_) => {}
            Record::Case(case) => {
                suspense = suspense.plus(case.held().unwrap_or(Money::ZERO)).unwrap();
            }
        }
    }
    let head = m.account.head().unwrap();
    assert_eq!((paid, in_transit, withdrawn), (head.paid, head.in_transit, head.withdrawn));
    assert_eq!(suspense, head.suspense);
}
