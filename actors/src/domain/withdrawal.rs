//! A withdrawal (提现): a merchant takes available money out (`design.md` 3.5).

use serde::{Deserialize, Serialize};

use super::chain::Seq;
use super::ids::{KeyId, SettlementNo, WithdrawalNo};
use super::money::Money;
use super::rules::PayoutMethod;
use super::time::{At, Day};

/// What was asked for: the content that a repeat under the same number must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalRequest {
    /// An amount in fen; `None`: everything that is available.
    pub amount: Option<Money>,
    /// Settle what is due first, in the same message.
    pub settle_first: bool,
}

/// Where a withdrawal stands. The money is in transit from the request to `Succeeded`, `Failed` or `Rejected`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalStatus {
    /// Waits for a second key.
    AwaitingApproval,
    /// May be paid out.
    Requested,
    /// The transfer is about to go out, or is out.
    Sending,
    /// Whether the transfer happened is not known; it is asked about by number.
    Unknown,
    /// Paid out.
    Succeeded,
    /// Certainly not paid out; the money is back in available.
    Failed,
    /// Not approved; the money is back in available.
    Rejected,
}

impl WithdrawalStatus {
    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Requested => "requested",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }

    /// Whether nothing can happen to it any more.
    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Rejected => true,
            Self::AwaitingApproval | Self::Requested | Self::Sending | Self::Unknown => false,
        }
    }
}

/// One withdrawal as it now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Its number, at WeChat too.
    pub withdrawal_no: WithdrawalNo,
    /// What is taken out, in fen.
    pub amount: Money,
    /// What was asked for.
    pub request: WithdrawalRequest,
    /// How it is paid out, fixed when it was requested.
    pub method: PayoutMethod,
    /// Who receives a WeChat transfer, fixed when it was requested.
    pub payout_openid: Option<Box<str>>,
    /// The receiver's real name, fixed when it was requested.
    pub payout_name: Option<Box<str>>,
    /// Where it stands.
    pub status: WithdrawalStatus,
    /// Why it failed, was rejected, or is unknown.
    pub reason: Option<Box<str>>,
    /// The transfer's or the bank run's own number.
    pub reference: Option<Box<str>>,
    /// When it was requested.
    pub requested_at: At,
    /// The event that requested it.
    pub requested_seq: Seq,
    /// When the last try to pay it out began: the time of its newest `sending`.
    pub tried_at: Option<At>,
    /// The Beijing day whose limit it counts against.
    pub day: Day,
    /// The key that asked.
    pub asked_by: KeyId,
    /// The settlement made in the same message, if any.
    pub settlement_no: Option<SettlementNo>,
}
