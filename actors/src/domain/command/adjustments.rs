//! What may be asked about adjustments.

use super::super::ids::{AdjustmentNo, IdempotencyKey, KeyId};
use super::super::money::Balance;

/// An adjustment to ask for.
#[derive(Debug, Clone)]
pub struct RequestAdjustment {
    /// Its number, the caller's or made by the front door.
    pub adjustment_no: AdjustmentNo,
    /// The caller's key, when the caller chose no number.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the merchant gets, in fen; below zero: what is taken.
    pub amount: Balance,
    /// Why, for people.
    pub reason: Box<str>,
    /// The admin's key that asks.
    pub asked_by: KeyId,
}

/// Another admin's word on an adjustment.
#[derive(Debug, Clone)]
pub struct DecideAdjustment {
    /// The adjustment.
    pub adjustment_no: AdjustmentNo,
    /// Whether the balance is to be adjusted.
    pub approve: bool,
    /// The admin's key that decides.
    pub by: KeyId,
    /// Why, for people.
    pub reason: Box<str>,
}
