//! What lists are asked for, and what they hold.

use crate::domain::case::{Case, CaseKind};
use crate::domain::ids::{MerchantId, OrderNo, SettlementNo};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::refund::{Refund, RefundStatus};
use crate::domain::time::At;
use crate::domain::withdrawal::Withdrawal;
use crate::ports::ReadError;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// How many items at the most.
    pub limit: u32,
    /// Where the part before ended, in the words of the store.
    pub cursor: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next part begins; `None`: this is the last.
    pub next: Option<String>,
}

/// Which orders are wanted.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only those that stand so.
    pub status: Option<OrderStatus>,
    /// Only those opened then or later.
    pub from: Option<At>,
    /// Only those opened before.
    pub to: Option<At>,
}

/// An order, with the settlement it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrder {
    /// The order.
    pub order: Order,
    /// The settlement; `None`: it is not settled.
    pub settlement_no: Option<SettlementNo>,
}

/// An order that waits for money from WeChat, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    /// Whose.
    pub merchant: MerchantId,
    /// The order.
    pub order: Order,
}

/// A withdrawal that is to be paid out by WeChat and is not yet certain, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawalUnderWay {
    /// Whose.
    pub merchant: MerchantId,
    /// The withdrawal.
    pub withdrawal: Withdrawal,
}

/// A row of what waits for the channel that can't be read. Whoever does the background work passes it over, says so, and goes on
/// with the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{number}: {why}")]
pub struct Damaged {
    /// Whose.
    pub merchant: MerchantId,
    /// The order's, the withdrawal's or the refund's number, as it is stored.
    pub number: Box<str>,
    /// When it was opened or requested.
    pub at: At,
    /// What is wrong, and the remedy.
    pub why: ReadError,
}

/// A refund by WeChat that is not yet certain, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundUnderWay {
    /// Whose.
    pub merchant: MerchantId,
    /// The refund.
    pub refund: Refund,
}

/// Which refunds are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefundFilter {
    /// Only this order's.
    pub order_no: Option<OrderNo>,
    /// Only those that stand so.
    pub status: Option<RefundStatus>,
}

/// Which cases are wanted.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    /// Only this merchant's.
    pub merchant: Option<MerchantId>,
    /// Only this kind.
    pub kind: Option<CaseKind>,
    /// Only those that are open, or only those that are resolved.
    pub open: Option<bool>,
}

/// A case, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCase {
    /// Whose.
    pub merchant: MerchantId,
    /// The case.
    pub case: Case,
}
