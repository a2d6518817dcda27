//! Search: every kind of number leads to its thing, and a merchant's key to its own.

use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{TestApp, open, spawn_app};

/// What a search finds, as kind, merchant, number and the number that was matched.
async fn found(app: &TestApp, key: &str, q: &str) -> Vec<String> {
    let path = format!("/v1/search?q={q}");
    let answer = app.call(Method::GET, &path, key, None).await.expect(200);
    assert_eq!(answer["next_cursor"], Value::Null);
    let items = answer["items"].as_array().unwrap();
    let mut told = vec![];
    for item in items {
        let url = item["url"].as_str().unwrap();
        app.call(Method::GET, url, key, None).await.expect(200);
        let of = |name: &str| item[name].as_str().unwrap().to_owned();
        told.push(["kind", "merchant_id", "number", "matched"].map(of).join(" "));
    }
    told
}

#[actix_web::test]
async fn every_number_leads_to_its_thing_and_a_merchants_key_to_its_own() {
    let app = spawn_app().await;
    for merchant in ["m1", "m2"] {
        app.merchant(merchant, json!({})).await;
        let of = |rest: &str| format!("/v1/merchants/{merchant}{rest}");
        app.post(&of("/orders"), open("A001", 500)).await.expect(201);
        let payment = json!({"transaction_id": format!("T{merchant}"), "amount_fen": 500});
        app.post(&of("/orders/A001/paid"), payment).await.expect(200);
        app.post(&of("/settlements"), json!({"settlement_no": "S001"})).await.expect(201);
        let asked = json!({"withdrawal_no": "W001", "amount_fen": 100});
        app.post(&of("/withdrawals"), asked).await.expect(201);
    }
    app.post("/v1/merchants/m1/orders", open("W001", 500)).await.expect(201);
    app.post("/v1/merchants/m1/orders", open("A002", 100)).await.expect(201);
    app.post("/v1/merchants/m1/orders/A002/close", json!({})).await.expect(200);
    let payment = json!({"transaction_id": "T3", "amount_fen": 100});
    app.post("/v1/merchants/m1/orders/A002/paid", payment).await.expect(200);
    let case = app.get("/v1/cases").await.expect(200)["items"][0]["case_id"].clone();
    let case = case.as_str().unwrap();
    let own = app.key_of("m1").await;
    let about_case = format!("case m1 {case} case_id");
    for (q, to_admin, to_merchant) in [
        ("A001", &["order m1 A001 order_no", "order m2 A001 order_no"][..], 1),
        ("m1-A001", &["order m1 A001 out_trade_no"], 1),
        ("m2-A001", &["order m2 A001 out_trade_no"], 0),
        ("Tm1", &["order m1 A001 transaction_id"], 1),
        ("Tm2", &["order m2 A001 transaction_id"], 0),
        ("S001", &["settlement m1 S001 settlement_no", "settlement m2 S001 settlement_no"], 1),
        (
            "W001",
            &[
                "order m1 W001 order_no",
                "withdrawal m1 W001 withdrawal_no",
                "withdrawal m2 W001 withdrawal_no",
            ],
            2,
        ),
        ("2m1W001", &["withdrawal m1 W001 partner_trade_no"], 1),
        ("2m2W001", &["withdrawal m2 W001 partner_trade_no"], 0),
        (case, &[&*about_case], 1),
        ("nothing", &[], 0),
        ("%E5%95%86", &[], 0),
    ] {
        assert_eq!(found(&app, &app.admin, q).await, to_admin, "{q}");
        assert_eq!(found(&app, &own, q).await, to_admin[..to_merchant], "{q}");
    }
    assert_eq!(app.get("/v1/search").await.refusal(), (400, "invalid_request"));
    assert_eq!(app.get("/v1/search?q=A001&cursor=a-b").await.refusal(), (400, "invalid_request"));
    let rest = app.get("/v1/search?q=A001&cursor=m1").await.expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1, "what is after m1");
    app.finish().await;
}

#[actix_web::test]
async fn an_order_is_found_by_wechats_number_and_by_ours_at_wechat() {
    let app = spawn_app().await;
    for merchant in ["m1", "m2"] {
        app.merchant(merchant, json!({})).await;
        app.post(&format!("/v1/merchants/{merchant}/orders"), open("A001", 500)).await.expect(201);
    }
    let payment = json!({"transaction_id": "T2", "amount_fen": 500});
    app.post("/v1/merchants/m2/orders/A001/paid", payment).await.expect(200);
    let whole = app.get("/v1/merchants/m2/orders/A001").await.expect(200);
    for query in ["transaction_id=T2", "out_trade_no=m2-A001"] {
        let mut found = app.get(&format!("/v1/orders?{query}")).await.expect(200);
        assert_eq!(found["merchant_id"], "m2");
        found.as_object_mut().unwrap().remove("merchant_id");
        assert_eq!(found, whole, "{query}");
    }
    let own = app.key_of("m1").await;
    for query in ["transaction_id=T2", "out_trade_no=m2-A001", "out_trade_no=x"] {
        let path = format!("/v1/orders?{query}");
        let hidden = app.call(Method::GET, &path, &own, None).await;
        assert_eq!(hidden.refusal(), (404, "order_unknown"), "{query}");
    }
    for (query, status) in [
        ("transaction_id=T9", 404),
        ("out_trade_no=m3-A001", 404),
        ("", 400),
        ("transaction_id=T2&out_trade_no=m2-A001", 400),
        ("transaction_id=a-b", 400),
        ("order_no=A001", 400),
    ] {
        assert_eq!(app.get(&format!("/v1/orders?{query}")).await.status, status, "{query}");
    }
    app.finish().await;
}
