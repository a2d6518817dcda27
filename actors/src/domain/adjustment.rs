//! An adjustment (调账): money that a merchant gets or gives beside payments, asked for by one admin and decided by another.

use serde::{Deserialize, Serialize};

use super::chain::Seq;
use super::ids::{AdjustmentNo, KeyId};
use super::money::Balance;
use super::time::At;

/// The largest adjustment either way, in fen.
pub const ADJUSTMENT_MAX_FEN: u64 = 100_000_000_000;

/// Where an adjustment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentStatus {
    /// It waits for a second admin. Nothing moved.
    Requested,
    /// It is in the balance.
    Approved,
    /// It never will be.
    Rejected,
}

impl AdjustmentStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Approved, Self::Rejected];

    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// The status of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// One adjustment as it now is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// Its number.
    pub adjustment_no: AdjustmentNo,
    /// What the merchant gets, in fen; below zero: what is taken. Never zero.
    pub amount: Balance,
    /// Why, for people.
    pub reason: Box<str>,
    /// The admin's key that asked.
    pub asked_by: KeyId,
    /// When it was asked for.
    pub requested_at: At,
    /// The event that asked for it.
    pub requested_seq: Seq,
    /// What another admin said; `None`: it waits.
    pub decision: Option<Decision>,
}

/// A second admin's word on an adjustment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether the balance was adjusted.
    pub approved: bool,
    /// When.
    pub at: At,
    /// The admin's key: never the one that asked.
    pub by: KeyId,
    /// Why, for people.
    pub reason: Box<str>,
}

impl Adjustment {
    /// Where it stands.
    pub fn status(&self) -> AdjustmentStatus {
        match &self.decision {
            None => AdjustmentStatus::Requested,
            Some(made) if made.approved => AdjustmentStatus::Approved,
            Some(_) => AdjustmentStatus::Rejected,
        }
    }
}
