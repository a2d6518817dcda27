//! Merchants frozen, suspended and closed by an admin.

use reqwest::Method;
use serde_json::json;

use crate::helpers::{open, spawn_app, until};
use crate::stage::Stage;

#[actix_web::test]
async fn a_frozen_merchant_withdraws_nothing_and_shows_why() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"payout_method": "manual"})).await;
    app.paid("m1", 500).await;
    let own = app.key_of("m1").await;
    let reason = json!({"reason": "a look at the books"});
    let path = "/v1/merchants/m1/freeze";
    let foreign = app.call(Method::POST, path, &own, Some(reason.clone())).await;
    assert_eq!(foreign.refusal(), (403, "forbidden"));
    assert_eq!(app.post(path, json!({})).await.refusal(), (400, "invalid_request"));
    let frozen = app.post(path, reason.clone()).await.expect(200);
    assert_eq!(frozen["frozen"]["reason"], "a look at the books");
    assert_eq!(app.get("/v1/merchants/m1").await.expect(200)["frozen"], frozen["frozen"]);
    let withdraw = json!({"withdrawal_no": "W100", "all": true, "settle_first": true});
    let refused = app.post("/v1/merchants/m1/withdrawals", withdraw.clone()).await;
    assert_eq!(refused.refusal(), (422, "withdrawals_frozen"));
    app.post("/v1/merchants/m1/settlements", json!({"settlement_no": "S100"})).await.expect(201);
    app.post("/v1/merchants/m1/unfreeze", reason.clone()).await.expect(200);
    app.post("/v1/merchants/m1/withdrawals", withdraw).await.expect(201);
    let unknown = app.post("/v1/merchants/m9/freeze", reason).await;
    assert_eq!(unknown.refusal(), (404, "merchant_unknown"));
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_is_closed_when_it_is_empty_and_then_for_good() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.post("/v1/merchants/m1/orders", open("A001", 100)).await.expect(201);
    let reason = json!({"reason": "it moved away"});
    let stand = |what: &str| {
        let (app, path, reason) = (&app, format!("/v1/merchants/m1/{what}"), reason.clone());
        async move { app.post(&path, reason).await }
    };
    assert_eq!(stand("suspend").await.expect(200)["standing"], "suspended");
    let refused = app.post("/v1/merchants/m1/orders", open("A002", 100)).await;
    assert_eq!(refused.refusal(), (422, "merchant_suspended"));
    let refused = stand("close").await;
    assert_eq!(refused.refusal(), (422, "merchant_not_empty"));
    assert!(refused.body["detail"].as_str().unwrap().contains("open orders"), "{:?}", refused.body);
    app.post("/v1/merchants/m1/orders/A001/close", json!({})).await.expect(200);
    assert_eq!(stand("close").await.expect(200)["standing"], "closed");
    assert_eq!(stand("resume").await.refusal(), (422, "merchant_closed"));
    let late = json!({"transaction_id": "T1", "amount_fen": 100});
    app.post("/v1/merchants/m1/orders/A001/paid", late).await.expect(200);
    assert_eq!(app.balance("m1").await["pending_fen"], 100);
    assert_eq!(app.get("/v1/cases").await.expect(200)["items"][0]["kind"], "paid_after_close");
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_is_not_closed_while_a_refund_is_under_way() {
    let stage = Stage::with(|settings| {
        settings.transfer_query_seconds = "1".parse().unwrap();
    })
    .await;
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 500).await;
    stage.play("orders/default-A0001/pay", json!({})).await;
    until("it is paid", || async { stage.status("A0001").await == "paid" }).await;
    let refund = json!({"refund_no": "R0001", "amount_fen": 500});
    let path = "/v1/merchants/default/orders/A0001/refunds";
    stage.faults(&[("refund", "time_out"), ("refund_query", "time_out")]).await;
    stage.app.post(path, refund).await.expect(201);
    let status = || async {
        stage.app.get("/v1/merchants/default/refunds/R0001").await.expect(200)["status"].take()
    };
    until("nobody knows", || async { status().await == "unknown" }).await;
    let balance = stage.app.balance("default").await;
    assert_eq!((&balance["pending_fen"], &balance["available_fen"]), (&json!(0), &json!(0)));
    let close = || async {
        stage.app.post("/v1/merchants/default/close", json!({"reason": "it moved away"})).await
    };
    let refused = close().await;
    assert_eq!(refused.refusal(), (422, "merchant_not_empty"));
    let why = refused.body["detail"].as_str().unwrap();
    assert!(why.contains("a refund under way"), "{why}");
    stage.faults(&[]).await;
    until("it is paid back", || async { status().await == "succeeded" }).await;
    assert_eq!(close().await.expect(200)["standing"], "closed");
    stage.finish().await;
}

#[actix_web::test]
async fn the_platforms_own_id_is_no_merchants() {
    let app = spawn_app().await;
    let refused = app.post("/v1/merchants", json!({"merchant_id": "platform", "name": "x"})).await;
    assert_eq!(refused.refusal(), (400, "invalid_request"));
    let refused = app.post("/v1/merchants/platform/orders", open("A001", 100)).await;
    assert_eq!(refused.refusal(), (404, "merchant_unknown"));
    app.finish().await;
}
