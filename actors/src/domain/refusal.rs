//! Why the rules say no. Final: nothing was recorded.

use super::ids::{Malformed, RunNo};
use super::money::{Balance, Money};
use super::order::OrderStatus;
use super::time::At;

/// A reason to refuse, with what the caller needs to react. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such merchant.
    #[error("the merchant is not known")]
    MerchantUnknown,
    /// The merchant exists with other content.
    #[error("the merchant exists with other rules")]
    MerchantExists,
    /// No such order.
    #[error("the order is not known")]
    OrderUnknown,
    /// The order exists with other content, or its payment is another.
    #[error("the order exists, but {0}")]
    OrderConflict(&'static str),
    /// It can't be done to a paid order.
    #[error("the order is paid")]
    OrderPaid,
    /// It can't be done to a closed order.
    #[error("the order is closed")]
    OrderClosed,
    /// The number or Idempotency-Key was used with other content.
    #[error("the number or Idempotency-Key was used before with other content")]
    NumberReused,
    /// No such withdrawal.
    #[error("the withdrawal is not known")]
    WithdrawalUnknown,
    /// The withdrawal is past the point where that can be decided.
    #[error("the withdrawal is {0}, where that can't be decided")]
    WithdrawalDecided(&'static str),
    /// An amount out of range.
    #[error("the amount must be {min} to {max}")]
    AmountInvalid {
        /// The smallest.
        min: Money,
        /// The largest.
        max: Money,
    },
    /// More than may be withdrawn.
    #[error("not enough is available: {} fen", available.fen())]
    BalanceInsufficient {
        /// What is.
        available: Balance,
    },
    /// Below the smallest withdrawal.
    #[error("a withdrawal must be at least {min}")]
    WithdrawalBelowMin {
        /// The smallest.
        min: Money,
    },
    /// Above the largest withdrawal.
    #[error("a withdrawal must be at most {max}")]
    WithdrawalAboveMax {
        /// The largest.
        max: Money,
    },
    /// The day's limit would be passed.
    #[error("the day's limit is reached: {left} may still be withdrawn today")]
    DailyLimitReached {
        /// What is left of it.
        left: Money,
    },
    /// Nobody said where the money should go.
    #[error("the merchant has no payout method and target; set them with PATCH /v1/merchants")]
    PayoutTargetMissing,
    /// WeChat transfers and refunds need a client certificate.
    #[error("transfers and refunds by WeChat need a client certificate, which is not configured")]
    CertificateMissing,
    /// Books were restored, and what happened at WeChat since the backup is not all known yet.
    #[error(
        "withdrawals are frozen: the books were put back from an earlier state, and POST /v1/restores/release has not said \
         yet that all transfers since are known"
    )]
    WithdrawalsFrozen,
    /// No such case.
    #[error("the case is not known")]
    CaseUnknown,
    /// A case is resolved once.
    #[error("the case is resolved, with another note or remedy: GET it to see which")]
    CaseResolved,
    /// The case does not allow that remedy now.
    #[error("{0} can't be done about this case as it is: GET it for its remedies")]
    RemedyImpossible(&'static str),
    /// An admin, or a case, froze the merchant's withdrawals.
    #[error(
        "this merchant's withdrawals are frozen: GET /v1/merchants says why; POST …/unfreeze lets them go on"
    )]
    MerchantFrozen,
    /// The merchant is suspended.
    #[error("the merchant is suspended and takes no new orders: POST …/resume lets it")]
    MerchantSuspended,
    /// The merchant is closed.
    #[error("the merchant is closed for good")]
    MerchantClosed,
    /// Who has money to come or to give is not closed.
    #[error("the merchant can't be closed: it has {0}")]
    MerchantNotEmpty(&'static str),
    /// No such adjustment.
    #[error("the adjustment is not known")]
    AdjustmentUnknown,
    /// An adjustment is decided once.
    #[error("the adjustment is {0}, and decided once")]
    AdjustmentDecided(&'static str),
    /// Only restored books lack what the channel did.
    #[error("the books were not put back from an earlier state: there is nothing to make up for")]
    NotRestored,
    /// Approval is for a second key.
    #[error("what one key asked for is decided by another one")]
    SameKey,
    /// Only a withdrawal paid by hand is confirmed by hand.
    #[error("only withdrawals with method manual are confirmed by hand")]
    NotManual,
    /// A withdrawal is in one bank run for ever.
    #[error("the withdrawal is in the bank run {0} already, and is in no other ever")]
    InAnotherRun(RunNo),
    /// The channel still tells of a transfer: nobody need say what became of it.
    #[error("WeChat tells of this transfer until {until}, and is asked")]
    StillTold {
        /// Until when.
        until: At,
    },
    /// Nothing to give back.
    #[error("the order is not paid")]
    OrderNotPaid,
    /// No such refund.
    #[error("the refund is not known")]
    RefundUnknown,
    /// The refund is past the point where that can be decided.
    #[error("the refund is {0}, where that can't be decided")]
    RefundDecided(&'static str),
    /// More than is left of what the customer paid.
    #[error("more than is left of the payment: {left} may still be refunded")]
    RefundExceedsPayment {
        /// What is left of it.
        left: Money,
    },
    /// Another refund of the same order was sent a moment ago.
    #[error("WeChat wants a minute between two refunds of one order: this one waits until {0}")]
    RefundTooSoon(At),
    /// Tally can't see that external money went back, so a merchant's word is not enough.
    #[error(
        "a refund of an external order is recorded with an admin key, once the money went back"
    )]
    RefundByAdminOnly,
    /// A field that can't be as it is.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Refusal {
    /// Its code in the API (`api.md` 3).
    pub fn code(&self) -> &'static str {
        match self {
            Self::MerchantUnknown => "merchant_unknown",
            Self::OrderUnknown => "order_unknown",
            Self::WithdrawalUnknown => "withdrawal_unknown",
            Self::MerchantExists => "merchant_exists",
            Self::OrderConflict(_) => "order_conflict",
            Self::OrderPaid => "order_paid",
            Self::OrderClosed => "order_closed",
            Self::NumberReused => "number_reused",
            Self::WithdrawalDecided(_) => "withdrawal_decided",
            Self::AmountInvalid { .. } => "amount_invalid",
            Self::BalanceInsufficient { .. } => "balance_insufficient",
            Self::WithdrawalBelowMin { .. } => "withdrawal_below_min",
            Self::WithdrawalAboveMax { .. } => "withdrawal_above_max",
            Self::DailyLimitReached { .. } => "daily_limit_reached",
            Self::PayoutTargetMissing => "payout_target_missing",
            Self::CertificateMissing => "certificate_missing",
            Self::WithdrawalsFrozen => "withdrawals_frozen",
            Self::CaseUnknown => "case_unknown",
            Self::CaseResolved => "case_resolved",
            Self::RemedyImpossible(_) => "remedy_impossible",
            Self::MerchantFrozen => "withdrawals_frozen",
            Self::MerchantSuspended => "merchant_suspended",
            Self::MerchantClosed => "merchant_closed",
            Self::MerchantNotEmpty(_) => "merchant_not_empty",
            Self::AdjustmentUnknown => "adjustment_unknown",
            Self::AdjustmentDecided(_) => "adjustment_decided",
            Self::NotRestored => "not_restored",
            Self::NotManual => "withdrawal_not_manual",
            Self::InAnotherRun(_) => "withdrawal_in_run",
            Self::SameKey => "forbidden",
            Self::StillTold { .. } => "transfer_still_told",
            Self::OrderNotPaid => "order_not_paid",
            Self::RefundUnknown => "refund_unknown",
            Self::RefundDecided(_) => "refund_decided",
            Self::RefundExceedsPayment { .. } => "refund_exceeds_payment",
            Self::RefundTooSoon(_) => "refund_too_soon",
            Self::RefundByAdminOnly => "forbidden",
            Self::Invalid { .. } => "invalid_request",
        }
    }

    /// The refusal for doing to an order what its status does not allow.
    pub(crate) fn of_status(status: OrderStatus) -> Option<Self> {
        match status {
            OrderStatus::Open => None,
            OrderStatus::Paid => Some(Self::OrderPaid),
            OrderStatus::Closed => Some(Self::OrderClosed),
        }
    }

    /// A field that is not of the wanted shape.
    pub fn malformed(field: &'static str, Malformed(reason): Malformed) -> Self {
        Self::Invalid { field, reason }
    }
}
