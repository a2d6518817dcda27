//! Bad input: each is named by its field.

use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{TestApp, open, read, spawn_app};

/// The body with one field set to something else, or taken away by null.
fn with(mut body: Value, field: &str, value: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    match value {
        Value::Null => drop(fields.remove(field)),
        value => drop(fields.insert(field.into(), value)),
    }
    body
}

async fn check(app: &TestApp, path: &str, body: Value, expected: (u16, &str, &str)) {
    let answer = app.post(path, body.clone()).await;
    let field = answer.body["errors"][0]["field"].as_str().unwrap_or_default();
    assert_eq!((answer.status, answer.refusal().1, field), expected, "{path} {body}");
}

#[actix_web::test]
async fn a_bad_field_of_an_order_or_payment_is_named() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    const INVALID: (u16, &str) = (400, "invalid_request");
    const AMOUNT: (u16, &str) = (422, "amount_invalid");
    for (field, value, (status, code)) in [
        ("amount_fen", json!(null), INVALID),
        ("amount_fen", json!("100"), INVALID),
        ("amount_fen", json!(1.5), INVALID),
        ("amount_fen", json!(0), AMOUNT),
        ("amount_fen", json!(-1), AMOUNT),
        ("amount_fen", json!(1_000_000_001), AMOUNT),
        ("amount_fen", json!(u64::MAX), AMOUNT),
        ("order_no", json!("x"), INVALID),
        ("order_no", json!("with-dash"), INVALID),
        ("order_no", json!(1234), INVALID),
        ("description", json!(null), INVALID),
        ("description", json!(""), INVALID),
        ("description", json!("商".repeat(43)), INVALID),
        ("description", json!("tea\0"), INVALID),
        ("description", json!("tea\nmilk"), INVALID),
        ("channel", json!("cash"), INVALID),
        ("channel", json!(1), INVALID),
        ("channel", json!({"external": null}), INVALID),
        ("openid", json!("o1"), INVALID),
        ("amount", json!(100), INVALID),
    ] {
        let body = with(open("A001", 100), field, value);
        check(&app, "/v1/merchants/m1/orders", body, (status, code, field)).await;
    }
    let wechat =
        json!({"order_no": "A001", "amount_fen": 100, "description": "tea", "openid": "o1"});
    for (field, value, (status, code)) in [
        ("openid", json!(null), INVALID),
        ("openid", json!(""), INVALID),
        ("openid", json!("a b"), INVALID),
        ("openid", json!("o".repeat(129)), INVALID),
        ("client_ip", json!("1.2.3"), INVALID),
        ("client_ip", json!("1.2.3.4, 5.6.7.8"), INVALID),
        ("description", json!("\r\n"), INVALID),
        ("description", json!("商".repeat(43)), INVALID),
        ("amount_fen", json!(0), AMOUNT),
        ("amount_fen", json!(1_000_000_001), AMOUNT),
    ] {
        let body = with(wechat.clone(), field, value);
        check(&app, "/v1/merchants/m1/orders", body, (status, code, field)).await;
    }
    let mut no_channel = open("A001", 100);
    no_channel["channel"] = Value::Null;
    check(&app, "/v1/merchants/m1/orders", no_channel, (400, "invalid_request", "channel")).await;
    app.post("/v1/merchants/m1/orders", open("A001", 100)).await.expect(201);
    let payment = json!({"transaction_id": "T1", "amount_fen": 100});
    for (field, value, (status, code)) in [
        ("transaction_id", json!(null), INVALID),
        ("transaction_id", json!(""), INVALID),
        ("amount_fen", json!("1"), INVALID),
        ("amount_fen", json!(-1), AMOUNT),
        ("paid_at", json!("yesterday"), INVALID),
        ("paid_at", json!("9000-01-01T00:00:00Z"), INVALID),
    ] {
        let body = with(payment.clone(), field, value);
        check(&app, "/v1/merchants/m1/orders/A001/paid", body, (status, code, field)).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_bad_field_of_a_merchant_is_named() {
    let app = spawn_app().await;
    let rules = json!({"merchant_id": "m1", "name": "A shop"});
    for (field, value) in [
        ("merchant_id", json!("a-b")),
        ("merchant_id", json!("1234567890123")),
        ("name", json!(null)),
        ("name", json!("")),
        ("name", json!("x".repeat(65))),
        ("name", json!("A\0shop")),
        ("name", json!("A shop\u{85}")),
        ("fee_bp", json!(10_001)),
        ("fee_bp", json!(-1)),
        ("settle_after_days", json!(31)),
        ("settle_after_days", json!(300)),
        ("payout_method", json!("cash")),
        ("payout_method", json!(1)),
        ("payout_method", json!({"manual": null})),
        ("payout_openid", json!("")),
        ("payout_openid", json!("o\u{1b}")),
        ("payout_name", json!("Li\r\n")),
        ("daily_max_fen", json!("1")),
        ("daily_max_fen", json!(1.5)),
    ] {
        let body = with(rules.clone(), field, value);
        check(&app, "/v1/merchants", body, (400, "invalid_request", field)).await;
    }
    for field in ["withdrawal_min_fen", "withdrawal_max_fen", "daily_max_fen", "debt_max_fen"] {
        let body = with(rules.clone(), field, json!(-1));
        check(&app, "/v1/merchants", body, (422, "amount_invalid", field)).await;
    }
    app.merchant("m2", json!({})).await;
    for (field, value) in [
        ("name", json!(null)),
        ("name", json!("\t")),
        ("payout_name", json!("\0")),
        ("fee_bp", json!(null)),
        ("payout_method", json!(1)),
        ("payout_method", json!({"wechat": null})),
    ] {
        let answer = app.patch("/v1/merchants/m2", json!({field: value})).await;
        assert_eq!(answer.body["errors"][0]["field"], field, "{}", answer.body);
    }
    let answer = app.patch("/v1/merchants/m2", json!({"payout_method": "wechat"})).await;
    assert_eq!(answer.body["errors"][0]["field"], "payout_openid", "{}", answer.body);
    app.finish().await;
}

#[actix_web::test]
async fn a_bad_field_of_a_withdrawal_is_named() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let path = "/v1/merchants/m1/withdrawals";
    for (body, expected) in [
        (json!({"withdrawal_no": "W001"}), (400, "invalid_request", "amount_fen")),
        (json!({"withdrawal_no": "W001", "all": false}), (400, "invalid_request", "amount_fen")),
        (
            json!({"withdrawal_no": "W001", "all": true, "amount_fen": 1}),
            (400, "invalid_request", "all"),
        ),
        (
            json!({"withdrawal_no": "1234567890123456", "all": true}),
            (400, "invalid_request", "withdrawal_no"),
        ),
        (json!({"withdrawal_no": "W001", "amount_fen": -1}), (422, "amount_invalid", "amount_fen")),
        (json!({"withdrawal_no": "W001", "amount_fen": 0}), (422, "amount_invalid", "amount_fen")),
        (json!({"all": true}), (400, "idempotency_missing", "withdrawal_no")),
        (json!({"all": "yes"}), (400, "invalid_request", "all")),
    ] {
        check(&app, path, body, expected).await;
    }
    for once in ["", "é", &"x".repeat(65)] {
        let answer = app.post_once(path, once, json!({"all": true})).await;
        assert_eq!(answer.body["errors"][0]["field"], "Idempotency-Key", "{once:?}");
    }
    let confirm = "/v1/merchants/m1/withdrawals/W001/confirm";
    let invalid = (400, "invalid_request");
    for (body, field) in [
        (json!({}), "succeeded"),
        (json!({"succeeded": true}), "reference"),
        (json!({"succeeded": true, "reference": ""}), "reference"),
        (json!({"succeeded": false, "reason": "x".repeat(257)}), "reason"),
    ] {
        check(&app, confirm, body, (invalid.0, invalid.1, field)).await;
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_bad_part_of_a_path_is_named() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    for (path, field) in [
        ("/v1/merchants/a-b", "merchant_id"),
        ("/v1/merchants/1234567890123/balance", "merchant_id"),
        ("/v1/merchants/m1/orders/x", "order_no"),
        ("/v1/merchants/m1/settlements/x", "settlement_no"),
        ("/v1/merchants/m1/withdrawals/x", "withdrawal_no"),
        ("/v1/cases/x", "case_id"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{path}");
        assert_eq!(answer.body["errors"][0]["field"], field, "{path}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_body_that_is_not_what_it_should_be_is_refused_before_anything_else_happens() {
    let app = spawn_app().await;
    let url = format!("{}/v1/merchants", app.base);
    let send = |kind: &str, body: Vec<u8>| {
        let request = app.http.post(&url).bearer_auth(&app.admin).header("Content-Type", kind);
        read(request.body(body))
    };
    for (kind, body, field) in [
        ("application/json", b"{".to_vec(), "body"),
        ("application/json", b"[]".to_vec(), "body"),
        ("application/json", b"\xff\xfe".to_vec(), "body"),
        ("application/json", vec![], "name"),
        ("application/json", br#"{"name":"x","debt_max_fen":1e400}"#.to_vec(), "debt_max_fen"),
        ("text/plain", b"{}".to_vec(), "Content-Type"),
        ("application/x-www-form-urlencoded", b"name=x".to_vec(), "Content-Type"),
    ] {
        let answer = send(kind, body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{kind} {}", answer.body);
        assert_eq!(answer.body["errors"][0]["field"], field, "{kind} {}", answer.body);
    }
    send("application/json; charset=utf-8", br#"{"name":"x"}"#.to_vec()).await.expect(201);
    let answer = send("application/json", vec![b' '; 65 * 1024]).await;
    assert_eq!(answer.refusal(), (413, "body_too_large"));
    app.finish().await;
}

#[actix_web::test]
async fn a_call_with_nothing_to_say_needs_no_body() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let path = "/v1/merchants/m1/settlements";
    app.call(Method::POST, path, &app.admin, None).await.expect(200);
    app.finish().await;
}
