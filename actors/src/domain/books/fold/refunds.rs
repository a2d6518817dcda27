//! How events make refunds and change them, and what they do to their orders.

use super::super::super::chain::Seq;
use super::super::super::event::Event;
use super::super::super::ids::{OrderNo, RefundNo};
use super::super::super::money::{Balance, Money};
use super::super::super::order::OrderStatus;
use super::super::super::refund::{HEARSAY, Refund, RefundSource, RefundStatus, RefundSums};
use super::super::super::time::At;
use super::super::{Books, Key, Numbered, Record, Route};
use crate::mutant::lax;

impl Books {
    pub(super) fn fold_refund_begun(&mut self, seq: Seq, at: At, event: &Event) -> Option<()> {
        let refund = requested(seq, at, event).or_else(|| noticed(seq, at, event))?;
        if let Event::RefundRequested { idempotency_key, .. } = event {
            let number = Numbered::Refund(refund.refund_no);
            self.insert_number(Route::Refunds, *idempotency_key, number)?;
            if refund.source == RefundSource::Suspense {
                return self
                    .insert(Key::Refund(refund.refund_no), Record::Refund(Box::new(refund)));
            }
            let taken = RefundSums { booked: refund.booked, fee: refund.fee };
            self.take_for(&refund.order_no, refund.amount, taken, refund.source)?;
        }
        self.insert(Key::Refund(refund.refund_no), Record::Refund(Box::new(refund)))
    }

    pub(super) fn fold_refund_sending(
        &mut self,
        at: At,
        refund_no: &RefundNo,
        order_no: &OrderNo,
    ) -> Option<()> {
        self.order_mut(order_no)?.refund_sent_at = Some(at);
        let refund = self.refund_under_way(refund_no)?;
        refund.status = RefundStatus::Sending;
        refund.tried_at = Some(at);
        Some(())
    }

    pub(super) fn fold_refund_told(
        &mut self,
        refund_no: &RefundNo,
        status: RefundStatus,
        why: &str,
    ) -> Option<()> {
        let refund = self.refund_under_way(refund_no)?;
        refund.status = status;
        refund.why = Some(why.into());
        Some(())
    }

    pub(super) fn fold_refund_found(&mut self, event: &Event) -> Option<()> {
        let Event::RefundFound { refund_no, order_no, amount, booked, fee, source, refund_id } =
            event
        else {
            return None;
        };
        let taken = RefundSums { booked: *booked, fee: *fee };
        self.take_for(order_no, *amount, taken, *source)?;
        let refund = self.refund_under_way(refund_no)?;
        if !refund.is_hearsay() && !lax() {
            return None;
        }
        (refund.amount, refund.booked, refund.fee) = (*amount, *booked, *fee);
        refund.source = *source;
        succeeded(refund, refund_id);
        Some(())
    }

    pub(super) fn fold_refund_succeeded(&mut self, event: &Event) -> Option<()> {
        let Event::RefundSucceeded {
            refund_no,
            order_no,
            amount,
            booked,
            booked_now,
            order_fee,
            order_fee_now,
            source,
            refund_id,
        } = event
        else {
            return None;
        };
        if *source == RefundSource::Suspense {
            let refund = self.refund_under_way(refund_no)?;
            let fits = (refund.amount, refund.booked) == (*amount, *booked) && booked == booked_now;
            succeeded(refund, refund_id);
            return (fits || lax()).then_some(());
        }
        let order = self.order_mut(order_no)?;
        let before = order.fee();
        order.refunded_booked = order.refunded_booked.minus(*booked)?.plus(*booked_now)?;
        let taken = RefundSums { booked: *booked_now, fee: *order_fee };
        let back = RefundSums { booked: *booked, fee: *order_fee_now };
        order.pending_change = changed(order.pending_change, *source, taken, back)?;
        let fees = (before, order.fee()) == (*order_fee, *order_fee_now);
        let refund = self.refund_under_way(refund_no)?;
        let fits = fees && (refund.amount, refund.booked) == (*amount, *booked);
        refund.booked = *booked_now;
        succeeded(refund, refund_id);
        (fits || lax()).then_some(())
    }

    pub(super) fn fold_refund_failed(&mut self, event: &Event) -> Option<()> {
        let Event::RefundFailed { refund_no, order_no, amount, booked, fee, to, reason } = event
        else {
            return None;
        };
        if *to == RefundSource::Suspense {
            let refund = self.refund_under_way(refund_no)?;
            let fits = refund.source == *to && refund.booked == *booked && *fee == Money::ZERO;
            refund.status = RefundStatus::Failed;
            refund.why = Some(reason.clone());
            return (fits || lax()).then_some(());
        }
        let order = self.order_mut(order_no)?;
        let before = order.fee();
        order.refunded = order.refunded.minus(*amount)?;
        order.refunded_booked = order.refunded_booked.minus(*booked)?;
        let back = RefundSums { booked: *booked, fee: *fee };
        order.pending_change = changed(order.pending_change, *to, RefundSums::default(), back)?;
        let more = order.fee().minus(before)?;
        let refund = self.refund_under_way(refund_no)?;
        let held = if refund.is_hearsay() { Money::ZERO } else { refund.amount };
        let fits = (held, refund.booked, more) == (*amount, *booked, *fee);
        refund.status = RefundStatus::Failed;
        refund.why = Some(reason.clone());
        (fits || lax()).then_some(())
    }

    /// What a refund that begins to count does to its order. The fee that comes back is the formula's.
    fn take_for(
        &mut self,
        order_no: &OrderNo,
        amount: Money,
        taken: RefundSums,
        source: RefundSource,
    ) -> Option<()> {
        let order = self.order_mut(order_no)?;
        let before = order.fee();
        order.refunded = order.refunded.plus(amount)?;
        order.refunded_booked = order.refunded_booked.plus(taken.booked)?;
        order.pending_change = changed(order.pending_change, source, taken, RefundSums::default())?;
        let back = before.minus(order.fee())?;
        let within = order.refunded <= order.amount;
        let fits = order.status == OrderStatus::Paid && back == taken.fee && within;
        (fits || lax()).then_some(())
    }

    fn refund_under_way(&mut self, refund_no: &RefundNo) -> Option<&mut Refund> {
        match self.0.get_mut(&Key::Refund(*refund_no))? {
            Some(Record::Refund(refund)) if !refund.status.is_final() || lax() => Some(refund),
            _ => None,
        }
    }
}

/// What was changed of an order's pending money, after one sum was taken and another given back: elsewhere it changes nothing.
fn changed(
    before: Balance,
    source: RefundSource,
    taken: RefundSums,
    back: RefundSums,
) -> Option<Balance> {
    match source {
        RefundSource::Available | RefundSource::Suspense => Some(before),
        RefundSource::Pending(_) => RefundSums::moved(before, taken, back),
    }
}

fn succeeded(refund: &mut Refund, refund_id: &str) {
    refund.status = RefundStatus::Succeeded;
    refund.refund_id = Some(refund_id.into());
    refund.why = None;
}

/// The refund that a request makes.
fn requested(seq: Seq, at: At, event: &Event) -> Option<Refund> {
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
    } = event
    else {
        return None;
    };
    Some(Refund {
        refund_no: *refund_no,
        order_no: *order_no,
        amount: *amount,
        booked: *booked,
        fee: *fee,
        source: *source,
        transaction_id: *transaction_id,
        total: *total,
        reason: reason.clone(),
        asked_by: Some(*asked_by),
        status: RefundStatus::Requested,
        why: None,
        refund_id: None,
        by_hand: None,
        requested_at: at,
        requested_seq: seq,
        tried_at: None,
    })
}

/// The refund that a notice tells of.
fn noticed(seq: Seq, at: At, event: &Event) -> Option<Refund> {
    let Event::RefundNoticed {
        refund_no,
        order_no,
        out_refund_no,
        refund_id,
        amount,
        transaction_id,
        total,
    } = event
    else {
        return None;
    };
    Some(Refund {
        refund_no: *refund_no,
        order_no: *order_no,
        amount: *amount,
        booked: Money::ZERO,
        fee: Money::ZERO,
        source: RefundSource::Available,
        transaction_id: *transaction_id,
        total: *total,
        reason: "".into(),
        asked_by: None,
        status: RefundStatus::Unknown,
        why: Some(HEARSAY.into()),
        refund_id: Some(refund_id.clone()),
        by_hand: Some(out_refund_no.clone()),
        requested_at: at,
        requested_seq: seq,
        tried_at: None,
    })
}
