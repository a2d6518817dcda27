//! Adjustments by two admins, and the platform's totals.

use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{Answer, TestApp, spawn_app};

const PATH: &str = "/v1/merchants/m1/adjustments";

async fn decide(app: &TestApp, key: &str, no: &str, word: &str) -> Answer {
    let path = format!("{PATH}/{no}/{word}");
    app.call(Method::POST, &path, key, Some(json!({"reason": "as agreed"}))).await
}

#[actix_web::test]
async fn an_adjustment_moves_the_balance_once_another_admin_says_so() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let (second, own) = (app.key("second").await, app.key_of("m1").await);
    let ask = json!({"adjustment_no": "J001", "amount_fen": 500, "reason": "a fee too much"});
    let asked = app.post(PATH, ask.clone()).await.expect(201);
    assert_eq!((&asked["status"], &asked["decision"]), (&json!("requested"), &Value::Null));
    assert_eq!(app.post(PATH, ask.clone()).await.expect(200), asked);
    let other = json!({"adjustment_no": "J001", "amount_fen": 501, "reason": "a fee too much"});
    assert_eq!(app.post(PATH, other).await.refusal(), (409, "number_reused"));
    let foreign = app.call(Method::POST, PATH, &own, Some(ask)).await;
    assert_eq!(foreign.refusal(), (403, "forbidden"));
    for bad in [json!(0), json!(1.5), json!("5"), json!(100_000_000_001_i64)] {
        let bad = json!({"adjustment_no": "J009", "amount_fen": bad, "reason": "x"});
        assert_eq!(app.post(PATH, bad).await.refusal(), (400, "invalid_request"));
    }
    let same = app.post(&format!("{PATH}/J001/approve"), json!({})).await;
    assert_eq!(same.refusal(), (403, "forbidden"));
    assert_eq!(app.balance("m1").await["available_fen"], 0);
    let approved = decide(&app, &second, "J001", "approve").await.expect(200);
    assert_eq!(
        (&approved["status"], &approved["decision"]["reason"]),
        (&json!("approved"), &json!("as agreed"))
    );
    assert_eq!(decide(&app, &second, "J001", "approve").await.expect(200), approved);
    assert_eq!(
        decide(&app, &second, "J001", "reject").await.refusal(),
        (409, "adjustment_decided")
    );
    let balance = app.balance("m1").await;
    assert_eq!((&balance["available_fen"], &balance["adjusted_fen"]), (&json!(500), &json!(500)));

    let less = json!({"adjustment_no": "J002", "amount_fen": -501, "reason": "too much"});
    app.post(PATH, less).await.expect(201);
    assert_eq!(
        decide(&app, &second, "J002", "approve").await.refusal(),
        (422, "balance_insufficient")
    );
    assert_eq!(decide(&app, &second, "J002", "reject").await.expect(200)["status"], "rejected");
    let listed = app.get(&format!("{PATH}?status=rejected")).await.expect(200);
    assert_eq!(listed["items"][0]["adjustment_no"], "J002");
    assert_eq!(app.get(PATH).await.expect(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(app.get(&format!("{PATH}/J001")).await.expect(200), approved);
    assert_eq!(app.get(&format!("{PATH}/J404")).await.refusal(), (404, "adjustment_unknown"));
    let found = app.get("/v1/search?q=J001").await.expect(200);
    assert_eq!(found["items"][0]["url"], format!("{PATH}/J001"));

    let totals = app.get("/v1/platform/totals").await.expect(200);
    assert_eq!((&totals["adjusted_fen"], &totals["available_fen"]), (&json!(500), &json!(500)));
    assert_eq!((&totals["channel_fen"], &totals["debt_fen"]), (&json!(0), &json!(0)));
    assert_eq!(totals["wechat_balance_fen"], Value::Null);
    assert_eq!(totals["wechat_balance_unknown"], "no day was compared with WeChat's bill yet");
    let foreign = app.call(Method::GET, "/v1/platform/totals", &own, None).await;
    assert_eq!(foreign.refusal(), (403, "forbidden"));
    app.finish().await;
}
