//! What lists are asked for, and what they hold.

use crate::domain::case::{Case, CaseKind};
use crate::domain::ids::{MerchantId, OrderNo, SettlementNo};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::refund::{Refund, RefundStatus};
use crate::domain::time::At;
use crate::domain::withdrawal::Withdrawal;

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
}

/// A case, with whose it is and when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCase {
    /// Whose.
    pub merchant: MerchantId,
    /// When it was opened.
    pub opened_at: At,
    /// The case.
    pub case: Case,
}
