//! The port to a payment channel: what the engine asks of WeChat, and what it may hear. Knows no protocol.
//!
//! Every answer is one of three: certain, certainly not, or not known. Amounts are whole fen.

use crate::domain::ids::{MerchantId, OrderNo, TransactionId, WithdrawalNo};
use crate::domain::money::Money;
use crate::domain::order::Order;
use crate::domain::refund::Refund;
use crate::domain::time::At;
use crate::domain::withdrawal::Withdrawal;
use crate::ports::Answering;

/// A payment as the channel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPayment {
    /// The payment's number at the channel.
    pub transaction_id: TransactionId,
    /// What the customer paid (WeChat's `total_fee`).
    pub amount: Money,
    /// What the platform gets before charges (WeChat's `settlement_total_fee`, else `total_fee`).
    pub booked: Money,
    /// When (WeChat's `time_end`).
    pub paid_at: At,
    /// Who paid, where the channel says it.
    pub openid: Option<Box<str>>,
}

/// What came of announcing an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// The channel took it, and gave this prepay id.
    Prepaid(Box<str>),
    /// It is paid already.
    Paid,
    /// It is closed there.
    Closed,
    /// The channel will not take it as it is: a code and words for people.
    Refused(Box<str>),
    /// Nobody knows; announce it again, field by field the same.
    Unknown(Box<str>),
}

/// How an order stands at the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Paid.
    Paid(ChannelPayment),
    /// Known and not paid.
    NotPaid,
    /// Closed there, and not paid.
    Closed,
    /// The channel never heard of it.
    Missing,
    /// Nobody knows; ask again.
    Unknown(Box<str>),
}

/// What came of closing an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// It can't be paid any more.
    Closed,
    /// It is paid: too late to close.
    Paid,
    /// Not yet allowed: WeChat closes nothing in an order's first five minutes.
    TooEarly,
    /// Nobody knows; close it again.
    Unknown(Box<str>),
}

/// What came of a transfer that was sent. Only a query makes a failure certain (`design.md` 3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Paid out, with the transfer's own number.
    Paid(Box<str>),
    /// This call moved nothing; an earlier one may have. A code and words for people.
    Refused(Box<str>),
    /// Nobody knows.
    Unknown(Box<str>),
}

/// How a transfer stands at the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferStanding {
    /// Paid out so much, with the transfer's own number.
    Paid {
        /// The transfer's own number.
        reference: Box<str>,
        /// What was paid out.
        amount: Money,
    },
    /// Certainly not paid out, and why.
    Failed(Box<str>),
    /// Under way.
    Processing,
    /// The channel never heard of it.
    Missing,
    /// Nobody knows; ask again.
    Unknown(Box<str>),
}

/// What came of a refund that was sent. Taken is not done: only a query tells how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundSent {
    /// The channel took it.
    Taken,
    /// This call moved nothing, and the same may succeed later. A code and words for people.
    Later(Box<str>),
    /// This call moved nothing, and the same never will; an earlier one may have. A code and words for people.
    Refused(Box<str>),
    /// Nobody knows.
    Unknown(Box<str>),
}

/// How a refund stands at the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundStanding {
    /// The customer has the money.
    Succeeded {
        /// The channel's own number of it.
        refund_id: Box<str>,
        /// What the customer got.
        amount: Money,
        /// What the channel took for it (WeChat's `settlement_refund_fee`), where it says so.
        booked: Option<Money>,
    },
    /// Closed for good: nothing was paid back. Why.
    Closed(Box<str>),
    /// Under way.
    Processing,
    /// It can't be finished by itself, and why.
    Stuck(Box<str>),
    /// The channel never heard of it.
    Missing,
    /// Nobody knows; ask again.
    Unknown(Box<str>),
}

/// A refund of a payment as the channel tells of it. It is a hint: how it stands is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRefund {
    /// Its number there; not ours when a person made it at the channel.
    pub out_refund_no: Box<str>,
    /// The channel's own number of it.
    pub refund_id: Box<str>,
    /// What the customer gets.
    pub amount: Money,
}

/// A payment channel.
pub trait Gateway: Send + Sync + 'static {
    /// Announces an order with the request that is kept in its channel, field by field.
    fn announce<'a>(&'a self, of: MerchantId, order: &'a Order) -> Answering<'a, Announced>;

    /// Asks how an order stands.
    fn order(&self, of: MerchantId, order_no: OrderNo) -> Answering<'_, ChannelOrder>;

    /// Closes an order.
    fn close(&self, of: MerchantId, order_no: OrderNo) -> Answering<'_, Closing>;

    /// Whether transfers and refunds can be made at all: a client certificate is configured, or none is needed.
    fn can_transfer(&self) -> bool;

    /// Sends a withdrawal's transfer, under its own number.
    fn transfer<'a>(&'a self, of: MerchantId, withdrawal: &'a Withdrawal) -> Answering<'a, Sent>;

    /// Asks how a withdrawal's transfer stands.
    fn transfer_standing(
        &self,
        of: MerchantId,
        withdrawal_no: WithdrawalNo,
    ) -> Answering<'_, TransferStanding>;

    /// Asks for a refund, under its own number, each time with the same content.
    fn refund<'a>(&'a self, of: MerchantId, refund: &'a Refund) -> Answering<'a, RefundSent>;

    /// Asks how a refund stands.
    fn refund_standing<'a>(
        &'a self,
        of: MerchantId,
        refund: &'a Refund,
    ) -> Answering<'a, RefundStanding>;

    /// Asks for all refunds of a payment that were not closed. Else why nobody knows.
    fn refunds_of(
        &self,
        payment: TransactionId,
    ) -> Answering<'_, Result<Vec<ChannelRefund>, Box<str>>>;
}
