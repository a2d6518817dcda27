//! Opening, prepaying and closing an order.

use super::super::books::{Numbered, Route};
use super::super::command::{Answer, OpenOrder, RecordPrepay};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::OrderNo;
use super::super::money::Money;
use super::super::order::{ORDER_MAX, Order, OrderStatus};
use super::super::refusal::Refusal;
use super::Account;

/// The smallest amount of an order, in fen.
const ORDER_MIN: Money = Money::from_fen(1).expect("a small amount");

/// What WeChat takes as an order's `body`, in bytes.
const DESCRIPTION_MAX_BYTES: usize = 127;

impl Account {
    /// The number the call is about: the one recorded for the caller's key, else its own.
    pub(super) fn order_number(&self, open: &OpenOrder) -> OrderNo {
        let recorded = open.idempotency_key.and_then(|key| self.books.number(Route::Orders, &key));
        if let Some(Numbered::Order(order_no)) = recorded { order_no } else { open.order_no }
    }

    pub(super) fn open_order(&self, head: &Head, open: &OpenOrder) -> Result<Vec<Event>, Refusal> {
        if !(ORDER_MIN..=ORDER_MAX).contains(&open.amount) {
            return Err(Refusal::AmountInvalid { min: ORDER_MIN, max: ORDER_MAX });
        }
        if !(1..=DESCRIPTION_MAX_BYTES).contains(&open.description.len()) {
            return Err(Refusal::Invalid {
                field: "description",
                reason: "must be 1 to 127 bytes of UTF-8",
            });
        }
        if let Some(order) = self.books.order(&self.order_number(open)) {
            return same_order(order, open);
        }
        if head.standing.closed {
            return Err(Refusal::MerchantClosed);
        }
        if head.standing.stopped.is_some() {
            return Err(Refusal::MerchantSuspended);
        }
        Ok(vec![Event::OrderOpened {
            order_no: open.order_no,
            idempotency_key: open.idempotency_key,
            amount: open.amount,
            description: open.description.clone(),
            channel: open.channel.clone(),
            expires_at: open.expires_at,
        }])
    }

    pub(super) fn record_prepay(&self, prepay: &RecordPrepay) -> Result<Vec<Event>, Refusal> {
        let order = self.books.order(&prepay.order_no).ok_or(Refusal::OrderUnknown)?;
        let known = order.prepay.as_ref().is_some_and(|known| known.prepay_id == prepay.prepay_id);
        let closing = order.closing_at.map(|_| Refusal::OrderClosed);
        match (known, Refusal::of_status(order.status).or(closing)) {
            (true, _) => Ok(vec![]),
            (false, Some(refusal)) => Err(refusal),
            (false, None) => Ok(vec![Event::OrderPrepaid {
                order_no: prepay.order_no,
                prepay_id: prepay.prepay_id.clone(),
            }]),
        }
    }

    pub(super) fn start_closing(&self, order_no: &OrderNo) -> Result<Vec<Event>, Refusal> {
        let order = self.books.order(order_no).ok_or(Refusal::OrderUnknown)?;
        match (order.status, order.closing_at) {
            (OrderStatus::Open, None) => Ok(vec![Event::OrderClosing { order_no: *order_no }]),
            (OrderStatus::Open, Some(_)) | (OrderStatus::Closed, _) => Ok(vec![]),
            (OrderStatus::Paid, _) => Err(Refusal::OrderPaid),
        }
    }

    pub(super) fn close_order(&self, order_no: &OrderNo) -> Result<Vec<Event>, Refusal> {
        let order = self.books.order(order_no).ok_or(Refusal::OrderUnknown)?;
        match order.status {
            OrderStatus::Open => Ok(vec![Event::OrderClosed { order_no: *order_no }]),
            OrderStatus::Closed => Ok(vec![]),
            OrderStatus::Paid => Err(Refusal::OrderPaid),
        }
    }

    pub(super) fn order_answer(&self, order_no: &OrderNo) -> Answer {
        Answer::Order(Box::new(
            self.books.order(order_no).expect("decide refuses what is not known").clone(),
        ))
    }
}

/// A repeat of an opening: the same content is a success, whatever became of the order.
fn same_order(order: &Order, open: &OpenOrder) -> Result<Vec<Event>, Refusal> {
    let refusal = match open.idempotency_key {
        Some(_) => Refusal::NumberReused,
        None => Refusal::OrderConflict("its content is another"),
    };
    let same = order.amount == open.amount
        && order.description == open.description
        && order.channel.same_content(&open.channel);
    if same { Ok(vec![]) } else { Err(refusal) }
}
