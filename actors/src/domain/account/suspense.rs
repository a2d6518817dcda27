//! Money that fits no order's books (挂账) leaves suspense: to the merchant, or to the customer by a refund.

use super::super::case::{Case, RaisedCase, Remedy};
use super::super::event::{Event, ReleasedTo};
use super::super::head::Head;
use super::super::ids::KeyId;
use super::super::money::Money;
use super::super::order::Order;
use super::super::refund::{Refund, RefundSource};
use super::super::refusal::Refusal;
use super::Account;

/// What the customer reads about money that comes back because it fitted no order.
const REFUND_REASON: &str = "多付款项退回";

impl Account {
    /// The refund of all that a case holds. It takes nothing from the merchant, and has no fee.
    pub(super) fn refunded(&self, case: &Case, asked_by: KeyId) -> Result<Event, Refusal> {
        let impossible = Refusal::RemedyImpossible(Remedy::Refund.as_str());
        let subject = case.order_no.zip(case.transaction_id).zip(case.amount.zip(case.held()));
        let refund_no = Case::refund_no(&case.case_id);
        let Some((((order_no, transaction_id), (amount, booked)), refund_no)) =
            subject.zip(refund_no)
        else {
            return Err(impossible);
        };
        if self.books.refund(&refund_no).is_some() {
            return Err(Refusal::NumberReused);
        }
        Ok(Event::RefundRequested {
            refund_no,
            order_no,
            idempotency_key: None,
            amount,
            booked,
            fee: Money::ZERO,
            source: RefundSource::Suspense,
            transaction_id,
            total: amount,
            reason: REFUND_REASON.into(),
            asked_by,
        })
    }
}

/// All that a case holds becomes the merchant's.
pub(super) fn credited(head: &Head, case: &Case) -> Result<Event, Refusal> {
    let impossible = || Refusal::RemedyImpossible(Remedy::Credit.as_str());
    let (transaction_id, amount) = case.transaction_id.zip(case.held()).ok_or_else(impossible)?;
    let fits = head.available.plus(head.pending()).and_then(|all| all.plus(amount));
    if head.suspense < amount || fits.is_none() || head.adjusted.plus(amount).is_none() {
        return Err(impossible());
    }
    let (case_id, to) = (case.case_id, ReleasedTo::Available);
    Ok(Event::SuspenseReleased { case_id, transaction_id, amount, to })
}

/// The success of a refund of what stood in suspense: the merchant and the order have no part in it. What a coupon made WeChat
/// take less for it, it had paid in less.
pub(super) fn out_of_suspense(refund: &Refund, order: &Order, refund_id: &str) -> Event {
    Event::RefundSucceeded {
        refund_no: refund.refund_no,
        order_no: refund.order_no,
        amount: refund.amount,
        booked: refund.booked,
        booked_now: refund.booked,
        order_fee: order.fee(),
        order_fee_now: order.fee(),
        source: RefundSource::Suspense,
        refund_id: refund_id.into(),
    }
}

/// The failure of such a refund. The money is in suspense again, and needs a person again, whom a case tells.
pub(super) fn back_in_suspense(refund: &Refund, case: RaisedCase, why: &str) -> Vec<Event> {
    let failed = Event::RefundFailed {
        refund_no: refund.refund_no,
        order_no: refund.order_no,
        amount: refund.amount,
        booked: refund.booked,
        fee: Money::ZERO,
        to: RefundSource::Suspense,
        reason: why.into(),
    };
    let case = RaisedCase { expected: Some(refund.booked), ..case };
    vec![failed, Event::CaseRaised { case }]
}
