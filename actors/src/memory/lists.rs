//! Lists of the store in memory: sort, skip to the cursor, take.

use std::collections::BTreeMap;

use super::Ledger;
use crate::domain::adjustment::{Adjustment, AdjustmentStatus};
use crate::domain::books::{Key, Record};
use crate::domain::head::Head;
use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::order::Order;
use crate::domain::refund::Refund;
use crate::domain::settlement::Settlement;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::ports::{
    CaseFilter, ListedCase, ListedOrder, OrderFilter, Page, Part, ReadError, RefundFilter,
};

pub(super) type Ledgers = BTreeMap<MerchantId, Ledger>;

/// Newest first by `place`, which is unique and is the cursor.
pub(super) fn part<T>(
    items: Vec<T>,
    page: &Page,
    place: impl Fn(&T) -> String,
) -> Result<Part<T>, ReadError> {
    let mut items = items;
    items.sort_by_cached_key(|item| std::cmp::Reverse(place(item)));
    if let Some(cursor) = &page.cursor {
        let after =
            items.iter().position(|item| place(item) == *cursor).ok_or(ReadError::Cursor)?;
        items.drain(..=after);
    }
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(place) } else { None };
    Ok(Part { items, next })
}

/// A place that sorts as the number does.
pub(super) fn number(value: u64) -> String {
    format!("{value:020}")
}

pub(super) fn records(ledger: &Ledger) -> impl Iterator<Item = &Record> {
    ledger.account.books().records().map(|(_, record)| record)
}

fn all_settlements(ledger: &Ledger) -> Vec<Settlement> {
    let mut settlements: Vec<Settlement> = records(ledger)
        .filter_map(|record| {
            if let Record::Settlement(made) = record { Some((**made).clone()) } else { None }
        })
        .collect();
    settlements.sort_by_key(|settlement: &Settlement| settlement.seq);
    settlements
}

/// An order with the first settlement that took it (`design.md` 3.4).
fn listed(order: &Order, settlements: &[Settlement]) -> ListedOrder {
    let took = |settlement: &&Settlement| {
        order.payment.as_ref().is_some_and(|payment| {
            payment.settle_on <= Some(settlement.through)
                && payment.paid_seq <= settlement.moved.last_paid_seq
        })
    };
    let settlement_no = settlements.iter().find(took).map(|settlement| settlement.settlement_no);
    ListedOrder { order: order.clone(), settlement_no }
}

fn all_orders(ledger: &Ledger) -> Vec<ListedOrder> {
    let settlements = all_settlements(ledger);
    records(ledger)
        .filter_map(|record| if let Record::Order(order) = record { Some(order) } else { None })
        .map(|order| listed(order, &settlements))
        .collect()
}

pub(super) fn merchants(ledgers: &Ledgers, page: &Page) -> Result<Part<Head>, ReadError> {
    let heads = ledgers.values().filter_map(|ledger| ledger.account.head().cloned()).collect();
    let registered = |head: &Head| head.registered_at.ms().unsigned_abs();
    part(heads, page, |head| format!("{}-{}", number(registered(head)), head.merchant))
}

pub(super) fn order(ledger: &Ledger, order_no: &OrderNo) -> Option<ListedOrder> {
    match ledger.account.books().get(&Key::Order(*order_no)) {
        Some(Record::Order(order)) => Some(listed(order, &all_settlements(ledger))),
        _ => None,
    }
}

pub(super) fn orders(
    ledger: &Ledger,
    filter: &OrderFilter,
    page: &Page,
) -> Result<Part<ListedOrder>, ReadError> {
    let mut orders = all_orders(ledger);
    orders.retain(|ListedOrder { order, .. }| {
        filter.status.is_none_or(|status| order.status == status)
            && filter.from.is_none_or(|from| order.opened_at >= from)
            && filter.to.is_none_or(|to| order.opened_at < to)
    });
    part(orders, page, |listed| number(listed.order.opened_seq.0))
}

pub(super) fn settlements(ledger: &Ledger, page: &Page) -> Result<Part<Settlement>, ReadError> {
    part(all_settlements(ledger), page, |settlement| number(settlement.seq.0))
}

pub(super) fn settlement_orders(
    ledger: &Ledger,
    settlement: &Settlement,
    page: &Page,
) -> Result<Part<ListedOrder>, ReadError> {
    let mut orders = all_orders(ledger);
    orders.retain(|listed| listed.settlement_no == Some(settlement.settlement_no));
    let paid_seq =
        |listed: &ListedOrder| listed.order.payment.as_ref().map_or(0, |payment| payment.paid_seq);
    part(orders, page, |listed| number(paid_seq(listed)))
}

pub(super) fn refunds(
    ledger: &Ledger,
    filter: RefundFilter,
    page: &Page,
) -> Result<Part<Refund>, ReadError> {
    let refunds =
        records(ledger)
            .filter_map(|record| {
                if let Record::Refund(made) = record { Some((**made).clone()) } else { None }
            })
            .filter(|refund| {
                filter.order_no.is_none_or(|order_no| refund.order_no == order_no)
                    && filter.status.is_none_or(|status| refund.status == status)
            })
            .collect();
    part(refunds, page, |refund| number(refund.requested_seq.0))
}

pub(super) fn adjustments(
    ledger: &Ledger,
    status: Option<AdjustmentStatus>,
    page: &Page,
) -> Result<Part<Adjustment>, ReadError> {
    let adjustments = records(ledger)
        .filter_map(|record| {
            if let Record::Adjustment(made) = record { Some((**made).clone()) } else { None }
        })
        .filter(|adjustment| status.is_none_or(|status| adjustment.status() == status))
        .collect();
    part(adjustments, page, |adjustment| number(adjustment.requested_seq.0))
}

pub(super) fn withdrawals(
    ledger: &Ledger,
    status: Option<WithdrawalStatus>,
    page: &Page,
) -> Result<Part<Withdrawal>, ReadError> {
    let withdrawals = records(ledger)
        .filter_map(|record| {
            if let Record::Withdrawal(made) = record { Some((**made).clone()) } else { None }
        })
        .filter(|withdrawal| status.is_none_or(|status| withdrawal.status == status))
        .collect();
    part(withdrawals, page, |withdrawal| number(withdrawal.requested_seq.0))
}

pub(super) fn cases(
    ledgers: &Ledgers,
    filter: &CaseFilter,
    page: &Page,
) -> Result<Part<ListedCase>, ReadError> {
    let mut cases: Vec<ListedCase> = vec![];
    for (merchant, ledger) in ledgers {
        let of_record = |record: &Record| match record {
            Record::Case(case) => Some(ListedCase { merchant: *merchant, case: (**case).clone() }),
            Record::Number(_)
            | Record::Order(_)
            | Record::Transaction(_)
            | Record::Settlement(_)
            | Record::Withdrawal(_)
            | Record::Refund(_)
            | Record::InRun(_)
            | Record::Held(_)
            | Record::Adjustment(_) => None,
        };
        cases.extend(records(ledger).filter_map(of_record));
    }
    cases.retain(|listed| {
        filter.merchant.is_none_or(|merchant| listed.merchant == merchant)
            && filter.kind.is_none_or(|kind| listed.case.kind == kind)
            && filter.open.is_none_or(|open| listed.case.resolution.is_none() == open)
    });
    part(cases, page, |ListedCase { merchant, case }| {
        let opened = number(case.opened_at.ms().unsigned_abs());
        format!("{opened}-{merchant}-{}", number(case.opened_seq.0))
    })
}
