//! Asking twice is asking once.

use serde_json::json;

use crate::helpers::{open, spawn_app};

#[actix_web::test]
async fn a_repeat_with_the_same_number_gives_the_thing_as_it_now_is() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.post("/v1/merchants/m1/orders", open("A001", 100)).await.expect(201);
    let again = app.post("/v1/merchants/m1/orders", open("A001", 100)).await.expect(200);
    assert_eq!(again["status"], "open");

    let payment = json!({"transaction_id": "T1", "amount_fen": 100});
    for _ in 0..3 {
        app.post("/v1/merchants/m1/orders/A001/paid", payment.clone()).await.expect(200);
    }
    assert_eq!(app.balance("m1").await["paid_fen"], 100);

    let settle = json!({"settlement_no": "S001"});
    app.post("/v1/merchants/m1/settlements", settle.clone()).await.expect(201);
    let again = app.post("/v1/merchants/m1/settlements", settle).await.expect(200);
    assert_eq!((&again["settlement_no"], &again["orders"]), (&json!("S001"), &json!(1)));

    for call in ["/v1/merchants/m1/orders/A001/paid", "/v1/merchants/m1/orders"] {
        let body = if call.ends_with("paid") { payment.clone() } else { open("A001", 100) };
        let order = app.post(call, body).await.expect(200);
        assert_eq!((&order["status"], &order["settlement_no"]), (&json!("paid"), &json!("S001")));
    }

    let withdraw = json!({"withdrawal_no": "W001", "amount_fen": 60});
    app.post("/v1/merchants/m1/withdrawals", withdraw.clone()).await.expect(201);
    app.post("/v1/merchants/m1/withdrawals", withdraw).await.expect(200);
    assert_eq!(app.balance("m1").await["in_transit_fen"], 60);
    app.finish().await;
}

#[actix_web::test]
async fn a_key_stands_for_the_number_that_was_made_for_it() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.merchant("m2", json!({})).await;
    app.paid("m1", 500).await;
    let order = json!({"amount_fen": 500, "description": "tea", "channel": "external"});
    let withdraw = json!({"amount_fen": 100, "settle_first": true});
    for (path, number, body) in [
        ("/v1/merchants/m1/withdrawals", "withdrawal_no", withdraw),
        ("/v1/merchants/m1/orders", "order_no", order.clone()),
    ] {
        let first = app.post_once(path, "a key", body.clone()).await.expect(201);
        let again = app.post_once(path, "a key", body.clone()).await.expect(200);
        assert_eq!(first[number], again[number]);
        let other = app.post_once(path, "another key", body.clone()).await.expect(201);
        assert_ne!(first[number], other[number]);
        let mut changed = body;
        changed["amount_fen"] = 101.into();
        let refused = app.post_once(path, "a key", changed).await;
        assert_eq!(refused.refusal(), (409, "number_reused"));
    }
    app.post_once("/v1/merchants/m2/orders", "a key", order).await.expect(201);
    app.finish().await;
}

#[actix_web::test]
async fn two_withdrawals_with_one_key_at_once_are_one_withdrawal() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.paid("m1", 1_000).await;
    let withdraw = || {
        let body = json!({"amount_fen": 300, "settle_first": true});
        app.post_once("/v1/merchants/m1/withdrawals", "once", body)
    };
    let (a, b, c) = tokio::join!(withdraw(), withdraw(), withdraw());
    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 201]);
    assert_eq!(a.body["withdrawal_no"], b.body["withdrawal_no"]);
    assert_eq!(app.balance("m1").await["in_transit_fen"], 300);
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_is_registered_once_and_a_made_id_is_its_own() {
    let app = spawn_app().await;
    let rules = json!({"merchant_id": "m1", "name": "A shop"});
    app.post("/v1/merchants", rules.clone()).await.expect(201);
    app.post("/v1/merchants", rules).await.expect(200);
    let other = json!({"merchant_id": "m1", "name": "Another"});
    assert_eq!(app.post("/v1/merchants", other).await.refusal(), (409, "merchant_exists"));
    let made = || app.post("/v1/merchants", json!({"name": "A shop"}));
    let (one, two) = (made().await.expect(201), made().await.expect(201));
    assert_ne!(one["merchant_id"], two["merchant_id"]);
    assert_eq!(one["merchant_id"].as_str().unwrap().len(), 12);
    app.finish().await;
}

#[actix_web::test]
async fn a_refused_withdrawal_frees_its_number_and_settles_nothing() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.paid("m1", 100).await;
    let withdraw =
        |fen: i64| json!({"withdrawal_no": "W001", "amount_fen": fen, "settle_first": true});
    let refused = app.post("/v1/merchants/m1/withdrawals", withdraw(101)).await;
    assert_eq!(refused.refusal(), (422, "balance_insufficient"));
    assert_eq!(app.balance("m1").await["pending_fen"], 100);
    app.post("/v1/merchants/m1/withdrawals", withdraw(100)).await.expect(201);
    app.finish().await;
}
