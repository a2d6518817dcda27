//! What the front door is asked with.

use crate::domain::ids::{
    AdjustmentNo, IdempotencyKey, KeyId, OrderNo, RefundNo, SettlementNo, WithdrawalNo,
};
use crate::domain::money::{Balance, Money};
use crate::domain::order::Channel;
use crate::domain::time::At;
use crate::domain::withdrawal::WithdrawalRequest;

/// A thing, and whether this call made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<T> {
    /// The thing as it now is.
    pub thing: T,
    /// `false`: an earlier call with the same number did.
    pub fresh: bool,
}

/// The number of a call, as the caller left it: chosen, or to be made once for the caller's key.
#[derive(Debug, Clone, Copy)]
pub enum Number<N> {
    /// The caller's number, which makes the call idempotent.
    Chosen(N),
    /// The server makes one; the key, where there is one, makes the call idempotent.
    Make(Option<IdempotencyKey>),
}

/// An order to open.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its number.
    pub number: Number<OrderNo>,
    /// What the customer is to pay, in fen.
    pub amount: Money,
    /// What is sold.
    pub description: Box<str>,
    /// Where the money is to come from.
    pub channel: Channel,
    /// When it is given up.
    pub expires_at: At,
}

/// A settlement to make.
#[derive(Debug, Clone)]
pub struct NewSettlement {
    /// Its number.
    pub number: Number<SettlementNo>,
    /// Take what is not yet due, too.
    pub include_not_due: bool,
}

/// A withdrawal to request.
#[derive(Debug, Clone)]
pub struct NewWithdrawal {
    /// Its number.
    pub number: Number<WithdrawalNo>,
    /// How much, and whether to settle first.
    pub request: WithdrawalRequest,
    /// The key that asks.
    pub asked_by: KeyId,
}

/// A transfer that the channel paid and restored books know nothing of.
#[derive(Debug, Clone)]
pub struct PaidTransfer {
    /// Its withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// What was paid out, in fen.
    pub amount: Money,
    /// The transfer's own number.
    pub reference: Box<str>,
    /// The admin's key that handed its number in.
    pub asked_by: KeyId,
}

/// A refund to make.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// Its number.
    pub number: Number<RefundNo>,
    /// The order.
    pub order_no: OrderNo,
    /// What the customer is to get, in fen.
    pub amount: Money,
    /// Why, for the customer; for an external order, under which number or words the money went back.
    pub reason: Box<str>,
    /// The key that asks.
    pub asked_by: KeyId,
    /// Whether that is an admin's.
    pub by_admin: bool,
}

/// An adjustment to ask for.
#[derive(Debug, Clone)]
pub struct NewAdjustment {
    /// Its number.
    pub number: Number<AdjustmentNo>,
    /// What the merchant gets, in fen; below zero: what is taken.
    pub amount: Balance,
    /// Why, for people.
    pub reason: Box<str>,
    /// The admin's key that asks.
    pub asked_by: KeyId,
}
