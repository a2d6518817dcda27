//! What is not there, what can't be done, and how that is said.

use reqwest::Method;
use serde_json::json;

use crate::helpers::{open, read, spawn_app};

#[actix_web::test]
async fn what_is_not_known_is_said_by_its_own_name() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    for (path, code) in [
        ("/v1/merchants/nobody", "merchant_unknown"),
        ("/v1/merchants/nobody/balance", "merchant_unknown"),
        ("/v1/merchants/nobody/orders", "merchant_unknown"),
        ("/v1/merchants/nobody/orders/A001", "merchant_unknown"),
        ("/v1/merchants/nobody/settlements", "merchant_unknown"),
        ("/v1/merchants/nobody/settlements/S001", "merchant_unknown"),
        ("/v1/merchants/nobody/withdrawals", "merchant_unknown"),
        ("/v1/merchants/nobody/withdrawals/W001", "merchant_unknown"),
        ("/v1/merchants/nobody/events", "merchant_unknown"),
        ("/v1/merchants/nobody/entries", "merchant_unknown"),
        ("/v1/merchants/nobody/keys", "merchant_unknown"),
        ("/v1/merchants/m1/orders/A001", "order_unknown"),
        ("/v1/merchants/m1/settlements/S001", "settlement_unknown"),
        ("/v1/merchants/m1/settlements/S001/orders", "settlement_unknown"),
        ("/v1/merchants/m1/withdrawals/W001", "withdrawal_unknown"),
        ("/v1/cases/m1-0123456789abcdef", "case_unknown"),
        ("/v1/nothing", "not_found"),
        ("/", "not_found"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.refusal(), (404, code), "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
    let approve = "/v1/merchants/m1/withdrawals/W001/approve";
    let paid = json!({"transaction_id": "T1", "amount_fen": 1});
    let withdraw = json!({"withdrawal_no": "W001", "all": true});
    for (path, body, code) in [
        ("/v1/merchants/nobody/orders", open("A001", 1), "merchant_unknown"),
        ("/v1/merchants/nobody/settlements", json!({}), "merchant_unknown"),
        ("/v1/merchants/nobody/withdrawals", withdraw, "merchant_unknown"),
        ("/v1/merchants/nobody/keys", json!({"name": "x"}), "merchant_unknown"),
        ("/v1/merchants/m1/orders/A001/paid", paid, "order_unknown"),
        ("/v1/merchants/m1/orders/A001/close", json!({}), "order_unknown"),
        (approve, json!({}), "withdrawal_unknown"),
    ] {
        assert_eq!(app.post(path, body).await.refusal(), (404, code), "{path}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn what_an_order_does_not_allow_is_refused() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let orders = "/v1/merchants/m1/orders";
    let pay = |order: &str, transaction: &str, fen: i64| {
        let body = json!({"transaction_id": transaction, "amount_fen": fen});
        let path = format!("{orders}/{order}/paid");
        let app = &app;
        async move { app.post(&path, body).await }
    };
    app.post(orders, open("A001", 100)).await.expect(201);
    app.post(orders, open("A002", 100)).await.expect(201);
    assert_eq!(app.post(orders, open("A001", 101)).await.refusal(), (409, "order_conflict"));
    assert_eq!(pay("A001", "T1", 99).await.refusal(), (409, "order_conflict"));
    pay("A001", "T1", 100).await.expect(200);
    assert_eq!(pay("A001", "T2", 100).await.refusal(), (409, "order_conflict"));
    assert_eq!(pay("A002", "T1", 100).await.refusal(), (409, "order_conflict"));
    let close = app.post(&format!("{orders}/A001/close"), json!({})).await;
    assert_eq!(close.refusal(), (409, "order_paid"));
    assert_eq!(app.balance("m1").await["paid_fen"], 100);
    app.finish().await;
}

#[actix_web::test]
async fn another_method_is_told_which_there_are() {
    let app = spawn_app().await;
    let answer = app.call(Method::PUT, "/v1/merchants", &app.admin, Some(json!({}))).await;
    assert_eq!(answer.refusal(), (405, "method_not_allowed"));
    assert_eq!(answer.headers["allow"], "POST, GET");
    app.finish().await;
}

#[actix_web::test]
async fn every_answer_carries_the_id_of_its_request() {
    let app = spawn_app().await;
    let url = format!("{}/healthz", app.base);
    let given = read(app.http.get(&url).header("X-Request-Id", "call-1")).await;
    assert_eq!(given.headers["x-request-id"], "call-1");
    let forged = read(app.http.get(&url).header("X-Request-Id", "a b")).await;
    assert_eq!(forged.headers["x-request-id"].len(), 15);
    let missing = app.get("/v1/nothing").await;
    assert_eq!(missing.headers["x-request-id"].len(), 15);
    app.finish().await;
}
