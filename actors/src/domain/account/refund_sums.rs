//! What refunds take from a merchant and give back, and where.

use super::super::head::Head;
use super::super::money::{Balance, Money};
use super::super::order::{Order, Payment};
use super::super::refund::{Refund, RefundSource, RefundSums};
use super::super::refusal::Refusal;
use crate::mutant::{self, Mutant};

/// The source of what is settled.
pub(super) const AVAILABLE: RefundSource = RefundSource::Available;

/// What a refund of so much more takes from the merchant: all refunds of the order together take as large a part of what was
/// booked as the customer gets of what was paid, so that any split of them ends the same.
pub(super) fn to_take(order: &Order, payment: &Payment, amount: Money) -> Money {
    let refunded = order.refunded.plus(amount).unwrap_or(Money::MAX);
    let in_all = payment.booked.share(refunded, order.amount);
    in_all.minus(order.refunded_booked).unwrap_or(Money::ZERO)
}

/// The sums of a refund that takes so much, and from where: from the order's pending money while that is not settled, and holds it.
pub(super) fn taking(
    head: &Head,
    order: &Order,
    payment: &Payment,
    booked: Money,
) -> (RefundSums, RefundSource) {
    let in_all = order.refunded_booked.plus(booked).unwrap_or(Money::MAX);
    let fee = order.fee().minus(payment.fee_after(in_all)).unwrap_or(Money::ZERO);
    let fee = if mutant::on(Mutant::RefundKeepsFee) { Money::ZERO } else { fee };
    let own = in_all <= payment.booked && !mutant::on(Mutant::RefundFromAvailable);
    let taken = RefundSums { booked, fee };
    let holds = own && holds(head, payment, taken, RefundSums::default());
    (taken, if holds { RefundSource::Pending(payment.settle_on) } else { AVAILABLE })
}

/// Whether the order is not settled, and the pending money of its day can take these sums. A bucket is made anew after a
/// settlement: then the payments in it are later ones.
fn holds(head: &Head, payment: &Payment, taken: RefundSums, back: RefundSums) -> bool {
    head.buckets.get(&payment.settle_on).is_some_and(|bucket| {
        bucket.first_paid_seq <= payment.paid_seq && bucket.refunded_by(taken, back).is_some()
    })
}

/// Where a difference of a refund goes: to where it was taken from, while that is there.
pub(super) fn back_to(
    head: &Head,
    refund: &Refund,
    payment: &Payment,
    taken: RefundSums,
    back: RefundSums,
) -> RefundSource {
    match refund.source {
        source @ RefundSource::Pending(_)
            if holds(head, payment, taken, back) || mutant::on(Mutant::RefundToClosedBucket) =>
        {
            source
        }
        RefundSource::Pending(_) | RefundSource::Available => AVAILABLE,
    }
}

/// A debt must stay within what the merchant's rules allow.
pub(super) fn check_debt(head: &Head, taken: RefundSums) -> Result<(), Refusal> {
    let available = head.available;
    let net = taken.booked.minus(taken.fee).unwrap_or(Money::ZERO);
    let deepest = Balance::ZERO.minus(head.rules.debt_max_fen);
    let after = available.minus(net);
    if net == Money::ZERO || after.is_some_and(|after| Some(after) >= deepest) {
        Ok(())
    } else {
        Err(Refusal::BalanceInsufficient { available })
    }
}
