//! What of all merchants waits for the payment channel, in the store in memory.

use super::lists::{Ledgers, number, part, records};
use crate::domain::books::Record;
use crate::domain::chain::Seq;
use crate::domain::ids::MerchantId;
use crate::domain::order::{Channel, OrderStatus};
use crate::domain::rules::PayoutMethod;
use crate::domain::time::At;
use crate::domain::withdrawal::WithdrawalStatus;
use crate::ports::{Damaged, OpenOrder, Page, Part, ReadError, RefundUnderWay, WithdrawalUnderWay};

pub(super) fn open_orders(
    ledgers: &Ledgers,
    from: At,
    to: At,
    page: &Page,
) -> Result<Part<Result<OpenOrder, Damaged>>, ReadError> {
    let mut waiting = vec![];
    for (merchant, record) in all(ledgers) {
        let Record::Order(order) = record else { continue };
        let by_wechat = matches!(order.channel, Channel::Wechat { .. });
        let within = (from..to).contains(&order.opened_at);
        if order.status == OrderStatus::Open && by_wechat && within {
            waiting.push(OpenOrder { merchant, order: (**order).clone() });
        }
    }
    whole(part(waiting, page, |OpenOrder { merchant, order }| {
        place(order.opened_at, merchant, order.opened_seq)
    })?)
}

pub(super) fn withdrawals_under_way(
    ledgers: &Ledgers,
    page: &Page,
) -> Result<Part<Result<WithdrawalUnderWay, Damaged>>, ReadError> {
    use WithdrawalStatus::{Requested, Sending, Unknown};
    let mut waiting = vec![];
    for (merchant, record) in all(ledgers) {
        let Record::Withdrawal(made) = record else { continue };
        let under_way = matches!(made.status, Requested | Sending | Unknown);
        if made.method == PayoutMethod::Wechat && under_way {
            waiting.push(WithdrawalUnderWay { merchant, withdrawal: (**made).clone() });
        }
    }
    whole(part(waiting, page, |WithdrawalUnderWay { merchant, withdrawal }| {
        place(withdrawal.requested_at, merchant, withdrawal.requested_seq)
    })?)
}

/// In memory nothing is damaged.
fn whole<T>(Part { items, next }: Part<T>) -> Result<Part<Result<T, Damaged>>, ReadError> {
    Ok(Part { items: items.into_iter().map(Ok).collect(), next })
}

pub(super) fn refunds_under_way(
    ledgers: &Ledgers,
    page: &Page,
) -> Result<Part<Result<RefundUnderWay, Damaged>>, ReadError> {
    let mut waiting = vec![];
    for (merchant, record) in all(ledgers) {
        let Record::Refund(made) = record else { continue };
        if !made.status.is_final() {
            waiting.push(RefundUnderWay { merchant, refund: (**made).clone() });
        }
    }
    whole(part(waiting, page, |RefundUnderWay { merchant, refund }| {
        place(refund.requested_at, merchant, refund.requested_seq)
    })?)
}

fn all(ledgers: &Ledgers) -> impl Iterator<Item = (MerchantId, &Record)> {
    ledgers.iter().flat_map(|(merchant, ledger)| records(ledger).map(|record| (*merchant, record)))
}

fn place(at: At, of: &MerchantId, seq: Seq) -> String {
    format!("{}-{of}-{}", number(at.ms().unsigned_abs()), number(seq.0))
}
