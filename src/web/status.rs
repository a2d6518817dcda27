//! What a refusal or a fault is in HTTP (`api.md` 3).

use actix_web::http::StatusCode;
use tally_actors::domain::refusal::Refusal;

use crate::reconcile;

/// The status and code of a day that was not compared.
pub(super) fn of_fault(fault: &reconcile::Fault) -> (StatusCode, &'static str) {
    match fault {
        reconcile::Fault::Elsewhere => (StatusCode::TOO_MANY_REQUESTS, "busy"),
        reconcile::Fault::NotReady(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bill_not_ready"),
        reconcile::Fault::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wechat_refused"),
        reconcile::Fault::Unreadable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bill_unreadable"),
        reconcile::Fault::Unavailable(_)
        | reconcile::Fault::Read(_)
        | reconcile::Fault::Keep(_)
        | reconcile::Fault::Case(_)
        | reconcile::Fault::Disk(_)
        | reconcile::Fault::Ended => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    }
}

/// The status of a rule's no.
pub(super) fn of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::MerchantUnknown
        | Refusal::OrderUnknown
        | Refusal::RefundUnknown
        | Refusal::WithdrawalUnknown
        | Refusal::AdjustmentUnknown
        | Refusal::CaseUnknown => StatusCode::NOT_FOUND,
        Refusal::MerchantExists
        | Refusal::OrderConflict(_)
        | Refusal::OrderPaid
        | Refusal::OrderClosed
        | Refusal::NumberReused
        | Refusal::WithdrawalDecided(_)
        | Refusal::CaseResolved
        | Refusal::RemedyImpossible(_)
        | Refusal::AdjustmentDecided(_)
        | Refusal::RefundDecided(_)
        | Refusal::RefundTooSoon(_)
        | Refusal::InAnotherRun(_)
        | Refusal::NotRestored => StatusCode::CONFLICT,
        Refusal::AmountInvalid { .. }
        | Refusal::BalanceInsufficient { .. }
        | Refusal::WithdrawalBelowMin { .. }
        | Refusal::WithdrawalAboveMax { .. }
        | Refusal::DailyLimitReached { .. }
        | Refusal::PayoutTargetMissing
        | Refusal::CertificateMissing
        | Refusal::WithdrawalsFrozen
        | Refusal::StillTold { .. }
        | Refusal::MerchantFrozen
        | Refusal::MerchantSuspended
        | Refusal::MerchantClosed
        | Refusal::MerchantNotEmpty(_)
        | Refusal::OrderNotPaid
        | Refusal::RefundExceedsPayment { .. }
        | Refusal::NotManual => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::SameKey | Refusal::RefundByAdminOnly => StatusCode::FORBIDDEN,
        Refusal::Invalid { .. } => StatusCode::BAD_REQUEST,
    }
}
