//! Each error keeps its status and its code.

use actix_web::body::to_bytes;
use tally_actors::domain::money::{Balance, Money};
use tally_actors::domain::time::At;
use tally_actors::ports::Trouble;
use tally_actors::recovery::Left;

use super::*;

fn all() -> Vec<(ApiError, u16, &'static str)> {
    let trouble = |what: &str| Trouble::Unavailable(what.into());
    let unreadable = ReadError::Unreadable { merchant: "m".parse().unwrap(), what: "x".into() };
    let mut all = vec![
        (EngineError::Busy.into(), 429, "busy"),
        (EngineError::Unavailable("secret".into()).into(), 503, "unavailable"),
        (EngineError::OutcomeUnknown.into(), 503, "outcome_unknown"),
        (ReadError::Trouble(trouble("secret")).into(), 503, "unavailable"),
        (ReadError::Trouble(Trouble::DiskFull).into(), 503, "unavailable"),
        (ReadError::Trouble(Trouble::Broken("secret".into())).into(), 503, "unavailable"),
        (ReadError::Cursor.into(), 400, "invalid_request"),
        (unreadable.into(), 503, "unavailable"),
        (ApiError::Busy, 429, "busy"),
        (ApiError::invalid("name", "is too long"), 400, "invalid_request"),
        (ApiError::Amount("amount_fen"), 422, "amount_invalid"),
        (ApiError::IdempotencyMissing("withdrawal_no"), 400, "idempotency_missing"),
        (ApiError::NotAuthorized, 401, "not_authorized"),
        (ApiError::Forbidden("no"), 403, "forbidden"),
        (ApiError::SettlementUnknown, 404, "settlement_unknown"),
        (ApiError::CaseUnknown, 404, "case_unknown"),
        (ApiError::BankRunUnknown, 404, "bank_run_unknown"),
        (ApiError::BankRunOpen, 409, "bank_run_open"),
        (ApiError::BankRunElsewhere, 429, "busy"),
        (ApiError::KeyUnknown, 404, "not_found"),
        (ApiError::NotFound, 404, "not_found"),
        (ApiError::MethodNotAllowed("GET".into()), 405, "method_not_allowed"),
        (ApiError::WechatRefused("x".into()), 422, "wechat_refused"),
        (CashierError::Refused("x".into()).into(), 422, "wechat_refused"),
        (CashierError::Unknown("x".into()).into(), 503, "outcome_unknown"),
        (CashierError::Engine(EngineError::Busy).into(), 429, "busy"),
        (ApiError::BodyTooLarge, 413, "body_too_large"),
        (ApiError::BodyTooSlow, 408, "body_too_slow"),
    ];
    let left = Some(Left { orders: 1, withdrawals: 0 });
    let not_yet = |left| (ApiError::NotLookedUp(left), 409, "restore_not_looked_up");
    all.extend([None, left].map(not_yet));
    all.extend(
        refusals()
            .into_iter()
            .map(|(refusal, status, code)| (ApiError::refused(refusal), status, code)),
    );
    all
}

fn refusals() -> Vec<(Refusal, u16, &'static str)> {
    let one = Money::from_fen(1).unwrap();
    vec![
        (Refusal::MerchantUnknown, 404, "merchant_unknown"),
        (Refusal::OrderUnknown, 404, "order_unknown"),
        (Refusal::WithdrawalUnknown, 404, "withdrawal_unknown"),
        (Refusal::MerchantExists, 409, "merchant_exists"),
        (Refusal::OrderConflict("x"), 409, "order_conflict"),
        (Refusal::OrderPaid, 409, "order_paid"),
        (Refusal::OrderClosed, 409, "order_closed"),
        (Refusal::NumberReused, 409, "number_reused"),
        (Refusal::WithdrawalDecided("x"), 409, "withdrawal_decided"),
        (Refusal::AmountInvalid { min: one, max: one }, 422, "amount_invalid"),
        (Refusal::BalanceInsufficient { available: Balance::ZERO }, 422, "balance_insufficient"),
        (Refusal::WithdrawalBelowMin { min: one }, 422, "withdrawal_below_min"),
        (Refusal::WithdrawalAboveMax { max: one }, 422, "withdrawal_above_max"),
        (Refusal::DailyLimitReached { left: one }, 422, "daily_limit_reached"),
        (Refusal::PayoutTargetMissing, 422, "payout_target_missing"),
        (Refusal::CertificateMissing, 422, "certificate_missing"),
        (Refusal::WithdrawalsFrozen, 422, "withdrawals_frozen"),
        (Refusal::MerchantFrozen, 422, "withdrawals_frozen"),
        (Refusal::MerchantSuspended, 422, "merchant_suspended"),
        (Refusal::MerchantClosed, 422, "merchant_closed"),
        (Refusal::MerchantNotEmpty("a debt"), 422, "merchant_not_empty"),
        (Refusal::CaseUnknown, 404, "case_unknown"),
        (Refusal::CaseResolved, 409, "case_resolved"),
        (Refusal::RemedyImpossible("refund"), 409, "remedy_impossible"),
        (Refusal::AdjustmentUnknown, 404, "adjustment_unknown"),
        (Refusal::AdjustmentDecided("approved"), 409, "adjustment_decided"),
        (Refusal::NotRestored, 409, "not_restored"),
        (Refusal::NotManual, 422, "withdrawal_not_manual"),
        (Refusal::InAnotherRun("R100".parse().unwrap()), 409, "withdrawal_in_run"),
        (Refusal::StillTold { until: At::default() }, 422, "transfer_still_told"),
        (Refusal::SameKey, 403, "forbidden"),
        (Refusal::Invalid { field: "name", reason: "x" }, 400, "invalid_request"),
    ]
}

async fn body(error: &ApiError) -> serde_json::Value {
    let body = to_bytes(error.error_response().into_body()).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[actix_web::test]
async fn each_error_has_one_status_and_one_code() {
    for (error, status, code) in all() {
        let found = error.status_and_code();
        assert_eq!((found.0.as_u16(), found.1), (status, code), "{error:?}");
        let problem = body(&error).await;
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()));
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{error:?}");
        let retry = error.error_response().headers().contains_key(header::RETRY_AFTER);
        assert_eq!(retry, status == 429 || status == 503, "{error:?}");
    }
}

#[actix_web::test]
async fn a_field_at_fault_is_named_beside_what_is_wrong_with_it() {
    let problem = body(&ApiError::invalid("name", "is too long")).await;
    assert_eq!(problem["errors"], serde_json::json!([{"field": "name", "reason": "is too long"}]));
    for error in [ApiError::Amount("amount_fen"), ReadError::Cursor.into()] {
        assert!(body(&error).await["errors"][0]["field"].is_string(), "{error:?}");
    }
    assert!(body(&ApiError::NotFound).await.get("errors").is_none());
}

#[actix_web::test]
async fn a_refused_withdrawal_says_what_is_available() {
    let available = Balance::from_fen(-5);
    let problem = body(&ApiError::refused(Refusal::BalanceInsufficient { available })).await;
    assert_eq!(problem["available_fen"], -5);
}

#[actix_web::test]
async fn what_went_wrong_inside_stays_inside() {
    for error in [
        ApiError::from(EngineError::Unavailable("secret".into())),
        ReadError::Trouble(Trouble::Unavailable("secret".into())).into(),
        ReadError::Trouble(Trouble::Broken("secret".into())).into(),
    ] {
        assert!(!body(&error).await.to_string().contains("secret"));
    }
}

#[actix_web::test]
async fn a_full_disk_is_told_to_those_who_write_and_those_who_read() {
    for error in [
        ApiError::from(EngineError::Unavailable(Trouble::DiskFull.to_string())),
        ReadError::Trouble(Trouble::DiskFull).into(),
    ] {
        let problem = body(&error).await;
        assert!(problem["detail"].as_str().unwrap().starts_with("the disk is full"), "{problem}");
    }
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let error = ApiError::invalid("name", "商".repeat(1_000)).to_string();
    assert!(error.chars().count() < 250 && error.ends_with('…'));
}

#[actix_web::test]
async fn a_long_name_of_a_field_is_cut_between_characters() {
    let problem = body(&ApiError::invalid("商".repeat(1_000), "is not a field of this call")).await;
    let field = problem["errors"][0]["field"].as_str().unwrap();
    assert_eq!(field, format!("{}…", "商".repeat(64)));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.chars().count() < 100, "{detail}");
}
