//! One merchant's life, from the first order to the last fen.

use serde_json::json;

use crate::helpers::{open, spawn_app, spawn_with, until};

#[actix_web::test]
async fn money_goes_from_the_customer_to_the_merchant_and_every_fen_is_accounted_for() {
    let app = spawn_app().await;
    let rules =
        json!({"merchant_id": "m1", "name": "Tea", "fee_bp": 60, "payout_method": "manual"});
    let merchant = app.post("/v1/merchants", rules).await.expect(201);
    assert_eq!((&merchant["merchant_id"], &merchant["fee_bp"]), (&json!("m1"), &json!(60)));

    let order = app.post("/v1/merchants/m1/orders", open("A001", 10_000)).await.expect(201);
    assert_eq!((&order["status"], &order["out_trade_no"]), (&json!("open"), &json!("m1-A001")));
    let payment = json!({"transaction_id": "T1", "amount_fen": 10_000});
    let order = app.post("/v1/merchants/m1/orders/A001/paid", payment).await.expect(200);
    assert_eq!((&order["status"], &order["fee_fen"]), (&json!("paid"), &json!(60)));
    assert_eq!((&order["paid_seq"], &order["settlement_no"]), (&json!(1), &json!(null)));
    let balance = app.balance("m1").await;
    assert_eq!((&balance["pending_fen"], &balance["available_fen"]), (&json!(9_940), &json!(0)));

    let settled = app.post("/v1/merchants/m1/settlements", json!({})).await.expect(201);
    assert_eq!((&settled["orders"], &settled["net_fen"]), (&json!(1), &json!(9_940)));
    let settlement_no = settled["settlement_no"].as_str().unwrap();
    let order = app.get("/v1/merchants/m1/orders/A001").await.expect(200);
    assert_eq!(order["settlement_no"], settlement_no);
    let of = app.get(&format!("/v1/merchants/m1/settlements/{settlement_no}/orders")).await;
    assert_eq!(of.expect(200)["items"][0]["order_no"], "A001");

    let withdraw = json!({"withdrawal_no": "W001", "all": true});
    let withdrawal = app.post("/v1/merchants/m1/withdrawals", withdraw).await.expect(201);
    assert_eq!(withdrawal["amount_fen"], 9_940);
    assert_eq!((&withdrawal["status"], &withdrawal["reason"]), (&json!("requested"), &json!(null)));
    let outcome = json!({"succeeded": true, "reference": "bank 17"});
    let path = "/v1/merchants/m1/withdrawals/W001/confirm";
    assert_eq!(app.post(path, outcome.clone()).await.expect(200)["status"], "succeeded");
    assert_eq!(app.post(path, outcome).await.expect(200)["status"], "succeeded");

    let balance = app.balance("m1").await;
    let fen = |name: &str| balance[name].as_i64().unwrap();
    assert_eq!((fen("withdrawn_fen"), fen("available_fen"), fen("in_transit_fen")), (9_940, 0, 0));
    assert_eq!((fen("paid_fen"), fen("fee_fen"), fen("paid_orders")), (10_000, 60, 1));
    let events = app.get("/v1/merchants/m1/events").await.expect(200);
    let by: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["by"].as_str().expect("a key asked for each"))
        .collect();
    assert_eq!(by, ["admin"; 6]);
    app.finish().await;
}

#[actix_web::test]
async fn a_new_service_knows_its_default_merchant_and_is_ready() {
    let app = spawn_app().await;
    let merchant = app.get("/v1/merchants/default").await.expect(200);
    assert_eq!((&merchant["fee_bp"], &merchant["settle_after_days"]), (&json!(0), &json!(null)));
    let ready = app.call(reqwest::Method::GET, "/readyz", "", None).await.expect(200);
    let all_well = json!({"status": "ready", "reasons": [], "warnings": [], "sandbox": true});
    assert_eq!(ready, all_well);
    let alive = app.call(reqwest::Method::GET, "/healthz", "", None).await.expect(200);
    assert_eq!(alive["status"], "alive");
    app.finish().await;
}

#[actix_web::test]
async fn after_a_restart_everything_is_as_it_was() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.patch("/v1/merchants/default", json!({"name": "Renamed"})).await.expect(200);
    let order_no = app.paid("m1", 500).await;
    let key = app.key_of("m1").await;
    let (admin, before) = (app.admin.clone(), app.balance("m1").await);

    let app = app.restart().await;
    assert_eq!(app.admin, admin);
    let after = app.balance("m1").await;
    assert_eq!((&after["seq"], &after["pending_fen"]), (&before["seq"], &json!(500)));
    assert_eq!(app.get("/v1/merchants/default").await.expect(200)["name"], "Renamed");
    let path = format!("/v1/merchants/m1/orders/{order_no}");
    let seen = app.call(reqwest::Method::GET, &path, &key, None).await.expect(200);
    assert_eq!(seen["status"], "paid");
    app.finish().await;
}

#[actix_web::test]
async fn nothing_to_settle_makes_nothing() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let answer = app.post("/v1/merchants/m1/settlements", json!({"settlement_no": "S001"})).await;
    let nothing = answer.expect(200);
    assert_eq!((&nothing["orders"], &nothing["settlement_no"]), (&json!(0), &json!(null)));
    assert_eq!(app.get("/v1/merchants/m1/settlements/S001").await.status, 404);
    app.finish().await;
}

#[actix_web::test]
async fn a_rule_holds_back_what_is_not_due_until_the_admin_says_otherwise() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"settle_after_days": 7})).await;
    app.paid("m1", 500).await;
    let due = app.post("/v1/merchants/m1/settlements", json!({})).await.expect(200);
    assert_eq!(due["orders"], 0);
    let all = json!({"include_not_due": true});
    let settled = app.post("/v1/merchants/m1/settlements", all).await.expect(201);
    assert_eq!((&settled["orders"], &settled["net_fen"]), (&json!(1), &json!(500)));
    app.finish().await;
}

#[actix_web::test]
async fn rules_change_one_by_one_and_null_unsets() {
    let app = spawn_app().await;
    let limits = json!({"daily_max_fen": 900, "payout_name": "Li"});
    app.merchant("m1", limits).await;
    let changed = app.patch("/v1/merchants/m1", json!({"daily_max_fen": null})).await.expect(200);
    assert_eq!(changed["daily_max_fen"], json!(null));
    assert_eq!((&changed["payout_name"], &changed["name"]), (&json!("Li"), &json!("A shop")));
    let days = app.patch("/v1/merchants/m1", json!({"settle_after_days": 3})).await.expect(200);
    assert_eq!(days["settle_after_days"], 3);
    let none = json!({"settle_after_days": null});
    let days = app.patch("/v1/merchants/m1", none).await.expect(200);
    assert_eq!(days["settle_after_days"], json!(null));
    app.finish().await;
}

/// The settler runs beside the service; its days are tested by hand (`actors/src/tests/settler.rs`).
#[actix_web::test]
async fn what_is_due_is_settled_by_itself_of_merchants_with_a_rule() {
    let app = spawn_with(|settings| settings.settle_at = "00:00".parse().unwrap()).await;
    app.merchant("t0", json!({"settle_after_days": 0})).await;
    app.merchant("none", json!({})).await;
    for of in ["t0", "none"] {
        app.paid(of, 700).await;
    }
    let app = app.restart().await;
    until("it is settled", || async { app.balance("t0").await["available_fen"] == 700 }).await;
    let settlements = app.get("/v1/merchants/t0/settlements").await.expect(200);
    assert_eq!(settlements["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.balance("none").await["pending_fen"], 700);
    app.finish().await;
}
