//! An order (订单): one purchase, `open`, then `paid` or `closed`.

use serde::{Deserialize, Serialize};

use super::chain::Seq;
use super::ids::{OrderNo, TransactionId};
use super::money::{Balance, FeeRate, Money};
use super::time::{At, Day};

/// The largest amount of one order: 10 million yuan (`api.md` 1).
pub const ORDER_MAX: Money = Money::from_fen(1_000_000_000).expect("a small amount");

/// Where the money of an order comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Money that comes another way and is told to Tally by the admin.
    External,
    /// WeChat Pay. The request is kept field by field: WeChat takes a repeat only when nothing in it changed.
    Wechat {
        /// The customer, in the mini-program's appid.
        openid: Box<str>,
        /// The fields of the unified order as they were sent, without the signature.
        request: Vec<(Box<str>, Box<str>)>,
    },
}

impl Channel {
    /// The algorithm by which everything about the order is signed, as its request names it.
    pub fn sign_type(&self) -> Option<&str> {
        match self {
            Self::External => None,
            Self::Wechat { request, .. } => {
                let (_, value) = request.iter().find(|(name, _)| &**name == "sign_type")?;
                Some(value)
            }
        }
    }

    /// Whether a repeated request means the same: the channel and the customer count, not how WeChat was asked.
    pub fn same_content(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::External, Self::External) => true,
            (Self::Wechat { openid, .. }, Self::Wechat { openid: theirs, .. }) => openid == theirs,
            (Self::External, Self::Wechat { .. }) | (Self::Wechat { .. }, Self::External) => false,
        }
    }
}

/// Whether an order waits for money, has it, or no longer expects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Waits for its payment.
    Open,
    /// Paid, for ever.
    Paid,
    /// Closed unpaid. Money that arrives all the same makes it paid.
    Closed,
}

impl OrderStatus {
    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Closed => "closed",
        }
    }
}

/// What WeChat gave for an order, good for two hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepay {
    /// WeChat's `prepay_id`.
    pub prepay_id: Box<str>,
    /// When it was recorded.
    pub at: At,
}

/// The fact that an order was paid, with what it fixed on the order. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The merchant's how-manieth payment this is, from 1.
    pub paid_seq: u64,
    /// The payment's number where it was made.
    pub transaction_id: TransactionId,
    /// When the customer paid (WeChat's `time_end`).
    pub paid_at: At,
    /// What the merchant is credited with before the fee: less than the order's amount by coupons nobody funded.
    pub booked: Money,
    /// The platform's fee on it.
    pub fee: Money,
    /// The first day it may be settled; `None`: at once.
    pub settle_on: Option<Day>,
    /// The rate of the fee. `None` for what was paid before rates were recorded: its fee goes down in proportion.
    pub fee_bp: Option<FeeRate>,
}

impl Payment {
    /// The fee when so much of what was booked went back: the formula on what is left (`api.md` 3).
    pub fn fee_after(&self, refunded_booked: Money) -> Money {
        let left = self.booked.minus(refunded_booked).unwrap_or(Money::ZERO);
        match self.fee_bp {
            Some(rate) => left.fee(rate),
            None => self.fee.share(left, self.booked),
        }
    }
}

/// One order as it now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub order_no: OrderNo,
    /// What the customer pays, in fen.
    pub amount: Money,
    /// What is sold.
    pub description: Box<str>,
    /// Where the money comes from.
    pub channel: Channel,
    /// Where it stands.
    pub status: OrderStatus,
    /// When it was opened, and by which event.
    pub opened_at: At,
    /// The event that opened it.
    pub opened_seq: Seq,
    /// When it is given up if nobody pays.
    pub expires_at: At,
    /// What WeChat gave for it.
    pub prepay: Option<Prepay>,
    /// Since when it is to be closed as soon as the channel allows it: it gets no payment parameters any more.
    pub closing_at: Option<At>,
    /// When it was closed, also when it was paid afterwards.
    pub closed_at: Option<At>,
    /// Its payment, once it is paid.
    pub payment: Option<Payment>,
    /// Paid back to the customer or about to be, in fen.
    pub refunded: Money,
    /// What was taken from the merchant for that, before the fee that came back, in fen.
    pub refunded_booked: Money,
    /// How refunds changed its pending money, in fen: what they took there, less the fee that came back. Nothing changes it once
    /// the order is settled.
    pub pending_change: Balance,
    /// When the newest try to refund any of it began: WeChat wants a minute between two refunds of one order.
    pub refund_sent_at: Option<At>,
}

impl Order {
    /// What its settlement pays for it, or would pay as it now is, in fen: what was booked, less the fee and the refunds before it.
    /// `None` for an order that is not paid. Below zero where WeChat took more for a refund than was paid.
    pub fn settled(&self) -> Option<Balance> {
        let payment = self.payment.as_ref()?;
        self.pending_change.plus(payment.booked)?.minus(payment.fee)
    }

    /// The fee as it now is, after refunds. Nothing for an order that is not paid.
    pub fn fee(&self) -> Money {
        self.payment.as_ref().map_or(Money::ZERO, |payment| payment.fee_after(self.refunded_booked))
    }
}
