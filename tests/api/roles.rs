//! Who may do what.

use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{open, read, spawn_app};

#[actix_web::test]
async fn without_a_known_key_nothing_is_answered() {
    let app = spawn_app().await;
    let url = format!("{}/v1/merchants", app.base);
    for given in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic YTpi"), Some("x")] {
        let request = app.http.get(&url);
        let request = match given {
            Some(given) => request.header("Authorization", given),
            None => request,
        };
        let answer = read(request).await;
        assert_eq!(answer.refusal(), (401, "not_authorized"), "{given:?}");
        assert!(answer.headers.contains_key("www-authenticate"), "{given:?}");
    }
    let other_scheme = app.http.get(&url).header("Authorization", format!("Basic {}", app.admin));
    assert_eq!(read(other_scheme).await.status, 401);
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_sees_itself_alone_whether_or_not_there_are_others() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.merchant("m2", json!({})).await;
    let key = app.key_of("m1").await;
    assert_eq!(app.call(Method::GET, "/v1/merchants/m1/balance", &key, None).await.status, 200);
    let mut said = vec![];
    for other in ["m2", "m3", "not-an-id"] {
        for rest in ["", "/balance", "/orders", "/orders/A001", "/events", "/withdrawals"] {
            let path = format!("/v1/merchants/{other}{rest}");
            let answer = app.call(Method::GET, &path, &key, None).await;
            assert_eq!(answer.refusal(), (403, "forbidden"), "{path}");
            said.push(answer.body["detail"].clone());
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    app.finish().await;
}

#[actix_web::test]
async fn a_merchant_may_trade_but_not_decide() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"approval_over_fen": 0})).await;
    app.paid("m1", 500).await;
    let key = app.key_of("m1").await;
    let call = |method: Method, rest: &str, body: Value| {
        let path =
            if rest.starts_with("/v1") { rest.into() } else { format!("/v1/merchants/m1{rest}") };
        let (app, key) = (&app, key.clone());
        async move { app.call(method, &path, &key, Some(body)).await }
    };
    call(Method::POST, "/orders", open("A001", 100)).await.expect(201);
    call(Method::POST, "/settlements", json!({})).await.expect(201);
    let withdraw = json!({"withdrawal_no": "W001", "amount_fen": 100});
    let asked = call(Method::POST, "/withdrawals", withdraw).await.expect(201);
    assert_eq!(asked["status"], "awaiting_approval");

    let payment = json!({"transaction_id": "T9", "amount_fen": 100});
    let confirm = json!({"succeeded": true, "reference": "1"});
    for (method, rest, body) in [
        (Method::POST, "/orders/A001/paid", payment),
        (Method::POST, "/settlements", json!({"include_not_due": true})),
        (Method::POST, "/withdrawals/W001/approve", json!({})),
        (Method::POST, "/withdrawals/W001/reject", json!({})),
        (Method::POST, "/withdrawals/W001/confirm", confirm),
        (Method::PATCH, "", json!({"fee_bp": 0})),
        (Method::POST, "/keys", json!({"name": "x"})),
        (Method::DELETE, "/keys/x", json!({})),
        (Method::POST, "/v1/merchants", json!({"name": "x"})),
        (Method::GET, "/v1/merchants", json!({})),
        (Method::POST, "/v1/keys", json!({"name": "x"})),
        (Method::GET, "/v1/keys", json!({})),
        (Method::DELETE, "/v1/keys/x", json!({})),
    ] {
        let answer = call(method.clone(), rest, body).await;
        assert_eq!(answer.refusal(), (403, "forbidden"), "{method} {rest}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_withdrawal_is_approved_by_another_key_than_the_one_that_asked() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"approval_over_fen": 50})).await;
    app.paid("m1", 500).await;
    let withdraw = json!({"withdrawal_no": "W001", "amount_fen": 100, "settle_first": true});
    app.post("/v1/merchants/m1/withdrawals", withdraw).await.expect(201);
    let path = "/v1/merchants/m1/withdrawals/W001/approve";
    assert_eq!(app.post(path, json!({})).await.refusal(), (403, "forbidden"));
    let second = app.post("/v1/keys", json!({"name": "second"})).await.expect(201);
    let second = second["key"].as_str().unwrap();
    let approved = app.call(Method::POST, path, second, None).await.expect(200);
    assert_eq!(approved["status"], "requested");
    app.finish().await;
}
