//! What kinds of event are called.

use super::Event;

impl Event {
    /// Its kind, as the API and SQL name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MerchantRegistered { .. } => "merchant_registered",
            Self::RulesChanged { .. } => "rules_changed",
            Self::OrderOpened { .. } => "order_opened",
            Self::OrderPrepaid { .. } => "order_prepaid",
            Self::OrderPaid { .. } => "order_paid",
            Self::OrderClosed { .. } => "order_closed",
            Self::Settled { .. } => "settled",
            Self::WithdrawalRequested { .. } => "withdrawal_requested",
            Self::WithdrawalApproved { .. } => "withdrawal_approved",
            Self::WithdrawalRejected { .. } => "withdrawal_rejected",
            Self::WithdrawalSending { .. } => "withdrawal_sending",
            Self::WithdrawalUnknown { .. } => "withdrawal_unknown",
            Self::WithdrawalSucceeded { .. } => "withdrawal_succeeded",
            Self::WithdrawalFailed { .. } => "withdrawal_failed",
            Self::CaseOpened { .. } => "case_opened",
            Self::OrderClosing { .. } => "order_closing",
            Self::WithdrawalAttested { .. } => "withdrawal_attested",
            Self::CaseRaised { .. } => "case_raised",
            Self::StandingChanged { .. } => "standing_changed",
            Self::CaseResolved { .. } => "case_resolved",
            Self::RefundRequested { .. } => "refund_requested",
            Self::RefundSending { .. } => "refund_sending",
            Self::RefundPostponed { .. } => "refund_postponed",
            Self::RefundUnknown { .. } => "refund_unknown",
            Self::RefundSucceeded { .. } => "refund_succeeded",
            Self::RefundFailed { .. } => "refund_failed",
            Self::RefundNoticed { .. } => "refund_noticed",
            Self::RefundFound { .. } => "refund_found",
            Self::WithdrawalInRun { .. } => "withdrawal_in_run",
            Self::SuspenseReleased { .. } => "suspense_released",
            Self::AdjustmentRequested { .. } => "adjustment_requested",
            Self::AdjustmentApproved { .. } => "adjustment_approved",
            Self::AdjustmentRejected { .. } => "adjustment_rejected",
        }
    }
}
