//! Cases: an external order that was closed and paid all the same.

use reqwest::Method;
use serde_json::json;

use crate::helpers::{open, spawn_app};

#[actix_web::test]
async fn money_for_a_closed_order_is_booked_and_makes_a_case() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.merchant("m2", json!({})).await;
    app.post("/v1/merchants/m1/orders", open("A001", 100)).await.expect(201);
    let closed = app.post("/v1/merchants/m1/orders/A001/close", json!({})).await.expect(200);
    assert_eq!(closed["status"], "closed");
    let payment = json!({"transaction_id": "T1", "amount_fen": 100});
    let paid = app.post("/v1/merchants/m1/orders/A001/paid", payment).await.expect(200);
    assert_eq!(paid["status"], "paid");
    assert_eq!(app.balance("m1").await["pending_fen"], 100);

    let cases = app.get("/v1/cases").await.expect(200);
    let case = &cases["items"][0];
    assert_eq!((&case["kind"], &case["status"]), (&json!("paid_after_close"), &json!("open")));
    assert_eq!((&case["merchant_id"], &case["facts"]["amount_fen"]), (&json!("m1"), &json!(100)));
    let path = format!("/v1/cases/{}", case["case_id"].as_str().unwrap());
    assert_eq!(&app.get(&path).await.expect(200), case);

    for (query, found) in [
        ("status=open", 1),
        ("status=resolved", 0),
        ("kind=paid_after_close&merchant_id=m1", 1),
        ("kind=paid_twice", 0),
        ("merchant_id=m2", 0),
    ] {
        let cases = app.get(&format!("/v1/cases?{query}")).await.expect(200);
        assert_eq!(cases["items"].as_array().unwrap().len(), found, "{query}");
    }

    let (own, other) = (app.key_of("m1").await, app.key_of("m2").await);
    let get = |path: String, key: String| {
        let app = &app;
        async move { app.call(Method::GET, &path, &key, None).await }
    };
    assert_eq!(get(path.clone(), own.clone()).await.status, 200);
    assert_eq!(get(path, other.clone()).await.refusal(), (403, "forbidden"));
    let all = get("/v1/cases".into(), other.clone()).await.expect(200);
    assert_eq!(all["items"], json!([]));
    let foreign = get("/v1/cases?merchant_id=m1".into(), other).await;
    assert_eq!(foreign.refusal(), (403, "forbidden"));
    assert_eq!(get("/v1/cases?merchant_id=m1".into(), own).await.status, 200);
    app.finish().await;
}

#[actix_web::test]
async fn a_case_is_resolved_once_by_an_admin() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.post("/v1/merchants/m1/orders", open("A001", 100)).await.expect(201);
    app.post("/v1/merchants/m1/orders/A001/close", json!({})).await.expect(200);
    let payment = json!({"transaction_id": "T1", "amount_fen": 100});
    app.post("/v1/merchants/m1/orders/A001/paid", payment).await.expect(200);
    let case = app.get("/v1/cases").await.expect(200)["items"][0].clone();
    assert_eq!((&case["remedies"], &case["resolution"]), (&json!(["accept"]), &json!(null)));
    let path = format!("/v1/cases/{}", case["case_id"].as_str().unwrap());
    let resolve = format!("{path}/resolve");
    let body = json!({"note": "the customer wanted it after all", "remedy": "accept"});
    let own = app.key_of("m1").await;
    let foreign = app.call(Method::POST, &resolve, &own, Some(body.clone())).await;
    assert_eq!(foreign.refusal(), (403, "forbidden"));
    for bad in [json!({}), json!({"note": ""}), json!({"note": "x", "remedy": "magic"})] {
        assert_eq!(app.post(&resolve, bad).await.refusal(), (400, "invalid_request"));
    }
    let resolved = app.post(&resolve, body.clone()).await.expect(200);
    assert_eq!((&resolved["status"], &resolved["remedies"]), (&json!("resolved"), &json!([])));
    assert_eq!(resolved["resolution"]["note"], body["note"]);
    assert_eq!(app.post(&resolve, body).await.expect(200), resolved);
    assert_eq!(app.get(&path).await.expect(200), resolved);
    let other = app.post(&resolve, json!({"note": "another"})).await;
    assert_eq!(other.refusal(), (409, "case_resolved"));
    let unknown = app.post("/v1/cases/m1-0000000000000000/resolve", json!({"note": "x"})).await;
    assert_eq!(unknown.refusal(), (404, "case_unknown"));
    for (status, found) in [("open", 0), ("resolved", 1)] {
        let cases = app.get(&format!("/v1/cases?status={status}")).await.expect(200);
        assert_eq!(cases["items"].as_array().unwrap().len(), found, "{status}");
    }
    app.finish().await;
}
