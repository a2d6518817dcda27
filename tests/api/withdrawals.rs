//! What becomes of a withdrawal, and what stops one.

use serde_json::json;

use crate::helpers::{spawn_app, spawn_with};
use crate::stage::credentials;

const PATH: &str = "/v1/merchants/m1/withdrawals";

#[actix_web::test]
async fn a_withdrawal_is_refused_for_the_reason_that_stops_it() {
    let app = spawn_app().await;
    let limits = json!({
        "withdrawal_min_fen": 10,
        "withdrawal_max_fen": 400,
        "daily_max_fen": 500,
    });
    app.merchant("m1", limits).await;
    let ask = |number: &str, fen: i64| {
        app.post(PATH, json!({"withdrawal_no": number, "amount_fen": fen}))
    };
    let refused = ask("W001", 100).await;
    assert_eq!(refused.refusal(), (422, "balance_insufficient"));
    assert_eq!(refused.body["available_fen"], 0);
    let nothing = app.post(PATH, json!({"withdrawal_no": "W001", "all": true})).await;
    assert_eq!(nothing.refusal(), (422, "balance_insufficient"));

    app.paid("m1", 1_000).await;
    app.post("/v1/merchants/m1/settlements", json!({})).await.expect(201);
    for (fen, code) in [(9, "withdrawal_below_min"), (401, "withdrawal_above_max")] {
        assert_eq!(ask("W001", fen).await.refusal(), (422, code), "{fen}");
    }
    ask("W001", 400).await.expect(201);
    assert_eq!(ask("W002", 101).await.refusal(), (422, "daily_limit_reached"));
    assert_eq!(ask("W001", 399).await.refusal(), (409, "number_reused"));
    ask("W002", 100).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn without_a_way_out_there_is_no_withdrawal() {
    let app = spawn_with(|settings| {
        settings.wechat = credentials();
        settings.wechat.pay_url = "https://pay.invalid".into();
    })
    .await;
    let withdraw = json!({"withdrawal_no": "W001", "all": true});
    let refused = app.post("/v1/merchants/default/withdrawals", withdraw.clone()).await;
    assert_eq!(refused.refusal(), (422, "payout_target_missing"));
    let wechat = json!({"merchant_id": "m1", "name": "A shop", "payout_openid": "o1"});
    let merchant = app.post("/v1/merchants", wechat).await.expect(201);
    assert_eq!(merchant["payout_method"], "wechat");
    assert_eq!(app.post(PATH, withdraw).await.refusal(), (422, "certificate_missing"));
    app.finish().await;
}

#[actix_web::test]
async fn a_bank_run_that_failed_gives_the_money_back() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.paid("m1", 1_000).await;
    let withdraw = json!({"withdrawal_no": "W001", "all": true, "settle_first": true});
    let asked = app.post(PATH, withdraw).await.expect(201);
    assert!(asked["settlement_no"].is_string());
    let failed = json!({"succeeded": false, "reason": "account closed"});
    let ended = app.post(&format!("{PATH}/W001/confirm"), failed).await.expect(200);
    assert_eq!((&ended["status"], &ended["reason"]), (&json!("failed"), &json!("account closed")));
    assert_eq!(app.balance("m1").await["available_fen"], 1_000);
    let succeeded = json!({"succeeded": true, "reference": "1"});
    let late = app.post(&format!("{PATH}/W001/confirm"), succeeded).await;
    assert_eq!(late.refusal(), (409, "withdrawal_decided"));
    app.finish().await;
}

#[actix_web::test]
async fn a_rejected_withdrawal_gives_the_money_back() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"approval_over_fen": 0})).await;
    app.paid("m1", 1_000).await;
    let withdraw = json!({"withdrawal_no": "W001", "all": true, "settle_first": true});
    app.post(PATH, withdraw).await.expect(201);
    let confirm = json!({"succeeded": true, "reference": "1"});
    let early = app.post(&format!("{PATH}/W001/confirm"), confirm).await;
    assert_eq!(early.refusal(), (409, "withdrawal_decided"));
    let reason = json!({"reason": "not today"});
    let rejected = app.post(&format!("{PATH}/W001/reject"), reason).await.expect(200);
    assert_eq!(
        (&rejected["status"], &rejected["reason"]),
        (&json!("rejected"), &json!("not today"))
    );
    assert_eq!(app.balance("m1").await["available_fen"], 1_000);
    let approve = app.post(&format!("{PATH}/W001/approve"), json!({})).await;
    assert_eq!(approve.refusal(), (409, "withdrawal_decided"));
    let seen = app.get(&format!("{PATH}/W001")).await.expect(200);
    assert_eq!(seen, rejected);
    app.finish().await;
}
