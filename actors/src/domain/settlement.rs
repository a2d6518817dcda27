//! A settlement (结算): moves whole buckets from pending to available, and marks no order.

use serde::{Deserialize, Serialize};

use super::chain::Seq;
use super::ids::SettlementNo;
use super::money::Money;
use super::refund::RefundSums;
use super::time::{At, Day};

/// What is pending for one day: the orders that may be settled from it on. Amounts in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// How many orders.
    pub orders: u64,
    /// What they brought.
    pub gross: Money,
    /// What of it went back to customers.
    pub refunded: Money,
    /// What of it the platform keeps.
    pub fee: Money,
    /// The lowest `paid_seq` in it.
    pub first_paid_seq: u64,
    /// The highest `paid_seq` in it.
    pub last_paid_seq: u64,
}

impl Bucket {
    /// What the merchant gets: gross less refunds and fee.
    pub fn net(&self) -> Option<Money> {
        self.gross.minus(self.refunded)?.minus(self.fee)
    }

    /// This bucket when of one of its orders so much more, and so much less, was refunded; `None` where that is more than it holds.
    pub fn refunded_by(&self, taken: RefundSums, back: RefundSums) -> Option<Self> {
        let refunded = self.refunded.plus(taken.booked)?.minus(back.booked)?;
        let fee = self.fee.plus(back.fee)?.minus(taken.fee)?;
        let bucket = Self { refunded, fee, ..*self };
        bucket.net().is_some().then_some(bucket)
    }

    /// This bucket and another in one; `None` where the sum is too large.
    pub fn with(&self, other: &Self) -> Option<Self> {
        if self.orders == 0 {
            return Some(*other);
        }
        Some(Self {
            orders: self.orders.checked_add(other.orders)?,
            gross: self.gross.plus(other.gross)?,
            refunded: self.refunded.plus(other.refunded)?,
            fee: self.fee.plus(other.fee)?,
            first_paid_seq: self.first_paid_seq.min(other.first_paid_seq),
            last_paid_seq: self.last_paid_seq.max(other.last_paid_seq),
        })
    }
}

/// A settlement as recorded. An order belongs to the first settlement of its merchant whose `through` is not before its
/// `settle_on` and whose `last_paid_seq` is not before its own (`design.md` 3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Its number.
    pub settlement_no: SettlementNo,
    /// The event that made it.
    pub seq: Seq,
    /// When it was made.
    pub at: At,
    /// Up to which `settle_on` it took what was pending.
    pub through: Day,
    /// Asked for with what was not yet due.
    pub include_not_due: bool,
    /// The sums over what it moved.
    pub moved: Bucket,
}
