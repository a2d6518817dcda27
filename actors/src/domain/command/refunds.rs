//! What may be asked about refunds.

use super::super::ids::{IdempotencyKey, KeyId, OrderNo, RefundNo, TransactionId};
use super::super::money::Money;
use super::super::time::At;
use super::Question;

/// A refund to make.
#[derive(Debug, Clone)]
pub struct RequestRefund {
    /// Its number, the caller's or made by the front door.
    pub refund_no: RefundNo,
    /// The caller's key, when the caller chose no number.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The order.
    pub order_no: OrderNo,
    /// What the customer is to get.
    pub amount: Money,
    /// Why, for the customer. For an external order, the number or words under which the money went back.
    pub reason: Box<str>,
    /// The key that asks.
    pub asked_by: KeyId,
    /// Whether WeChat refunds can be made at all: a certificate is configured.
    pub refunds_open: bool,
    /// Whether it is an admin who asks, whose word on external money counts.
    pub by_admin: bool,
}

/// A try to refund.
#[derive(Debug, Clone)]
pub struct StartRefund {
    /// The refund.
    pub refund_no: RefundNo,
    /// Its order.
    pub order_no: OrderNo,
    /// The try before it, as the caller knows it. Another one has begun since: refused, so no two go out at once.
    pub last_try: Option<At>,
}

/// What is certain of a refund. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The customer has the money.
    Succeeded {
        /// WeChat's number of it.
        refund_id: Box<str>,
        /// What the customer got.
        amount: Money,
        /// What WeChat took for it (`settlement_refund_fee`), where it says so.
        booked: Option<Money>,
    },
    /// Closed for good at the channel: nothing was paid back.
    Closed(Box<str>),
    /// This try was refused in a way that may pass, and what was said.
    Postponed {
        /// The try.
        tried_at: At,
        /// What the channel said.
        reason: Box<str>,
    },
    /// The channel has no such refund. Where that is not certain it changes nothing, as for a transfer.
    NotFound(Question),
    /// Nobody knows yet, and what is known.
    Unknown(Box<str>),
    /// The channel can't finish it: a person must. What is known.
    Stuck(Box<str>),
}

/// How a refund stands at the channel.
#[derive(Debug, Clone)]
pub struct RecordRefund {
    /// The refund.
    pub refund_no: RefundNo,
    /// Its order.
    pub order_no: OrderNo,
    /// What is certain.
    pub outcome: RefundOutcome,
}

/// A refund that somebody told of and Tally did not ask for. A hint: nothing of it is believed.
#[derive(Debug, Clone)]
pub struct NoticeRefund {
    /// The number that it has here, made of `refund_id`.
    pub refund_no: RefundNo,
    /// The order.
    pub order_no: OrderNo,
    /// The number under which WeChat tells of it.
    pub out_refund_no: Box<str>,
    /// WeChat's own number of it.
    pub refund_id: Box<str>,
    /// What the customer is said to get, in fen.
    pub amount: Money,
    /// The payment's number as it was told, where it was: a refund of another payment of the order takes nothing from the
    /// merchant, who was not credited with that.
    pub transaction_id: Option<TransactionId>,
}
