//! A refund (退款): a customer gets back what an order brought, or a part of it (`api.md` 3, "Rules behind the numbers").

use serde::{Deserialize, Serialize};

use super::chain::Seq;
use super::ids::{KeyId, OrderNo, RefundNo, TransactionId};
use super::money::{Balance, Money};
use super::time::{At, Day};

/// WeChat wants so long between two refunds of one order, in milliseconds.
pub const REFUNDS_APART_MS: i64 = 60_000;

/// What is said of a refund that was only heard of.
pub const HEARSAY: &str = "told by a notice, and not yet confirmed by WeChat";

/// Where the merchant's part of a refund is taken from, or goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundSource {
    /// The pending money of this day, of which the order is.
    Pending(Option<Day>),
    /// Available money, which may become a debt.
    Available,
    /// Money that fits no order's books. The refund is of a payment that its order was not credited with.
    Suspense,
}

/// What a refund takes from a merchant, or gives back: what was booked, and the fee that goes the other way. In fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefundSums {
    /// Of what was booked for the order.
    pub booked: Money,
    /// Of the fee on it.
    pub fee: Money,
}

impl RefundSums {
    /// A balance of which one sum was taken, and to which another was given back. `None` where a column could not hold it.
    pub(super) fn moved(balance: Balance, taken: Self, back: Self) -> Option<Balance> {
        let in_all = balance.plus(back.booked)?.plus(taken.fee)?;
        in_all.minus(taken.booked)?.minus(back.fee)
    }
}

/// Where a refund stands. The merchant's money is taken from the request on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// May go out: it never did, or a try certainly moved nothing and another may.
    Requested,
    /// The call to WeChat is about to go out, or is out.
    Sending,
    /// Whether it happened, or will, is not known; it is asked about by number.
    Unknown,
    /// The customer has the money.
    Succeeded,
    /// Certainly not paid back; the merchant's money is back.
    Failed,
}

impl RefundStatus {
    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing can happen to it any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed => true,
            Self::Requested | Self::Sending | Self::Unknown => false,
        }
    }
}

/// One refund as it now is. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its number; at WeChat the merchant stands before it.
    pub refund_no: RefundNo,
    /// The order.
    pub order_no: OrderNo,
    /// What the customer gets.
    pub amount: Money,
    /// What is taken from the merchant for it, before the fee that comes back. Nothing as long as it is only heard of.
    pub booked: Money,
    /// The fee that came back to the merchant when it was booked.
    pub fee: Money,
    /// Where it was taken from.
    pub source: RefundSource,
    /// The number of the payment.
    pub transaction_id: TransactionId,
    /// What the customer paid.
    pub total: Money,
    /// Why, for the customer.
    pub reason: Box<str>,
    /// The key that asked; `None`: made by hand at WeChat.
    pub asked_by: Option<KeyId>,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why it waits, is unknown, or failed, for people.
    pub why: Option<Box<str>>,
    /// WeChat's number of it, or what the admin named.
    pub refund_id: Option<Box<str>>,
    /// The number under which WeChat has a refund that a person made there; `None`: one of our own.
    pub by_hand: Option<Box<str>>,
    /// When it was requested, or heard of.
    pub requested_at: At,
    /// The event that requested it.
    pub requested_seq: Seq,
    /// When the last try began: the time of its newest `sending`.
    pub tried_at: Option<At>,
}

impl Refund {
    /// The try that questions to WeChat are about: the newest, or for a refund made there by hand, when it was heard of.
    pub fn asked_since(&self) -> Option<At> {
        let heard_of = self.by_hand.as_ref().map(|_| self.requested_at);
        self.tried_at.or(heard_of)
    }

    /// Whether it was only heard of, so that nothing is booked for it yet.
    pub fn is_hearsay(&self) -> bool {
        self.by_hand.is_some() && self.status == RefundStatus::Unknown
    }
}
