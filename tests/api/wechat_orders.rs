//! Orders by WeChat through `/v1`, and money out by WeChat.

use serde_json::{Value, json};

use crate::helpers::spawn_app;
use crate::stage::Stage;

const ORDERS: &str = "/v1/merchants/m1/orders";

fn order(order_no: &str) -> Value {
    json!({
        "order_no": order_no,
        "amount_fen": 10_000,
        "description": "tea",
        "openid": "alice",
        "client_ip": "203.0.113.7",
    })
}

#[actix_web::test]
async fn an_order_by_wechat_has_what_the_page_pays_with_until_it_is_paid() {
    let stage = Stage::new().await;
    stage.app.merchant("m1", json!({"fee_bp": 60})).await;
    let opened = stage.app.post(ORDERS, order("A0001")).await.expect(201);
    assert_eq!((&opened["channel"], &opened["status"]), (&json!("wechat"), &json!("open")));
    assert_eq!(opened["pay_params"].as_object().unwrap().len(), 5);
    let again = stage.app.post(ORDERS, order("A0001")).await.expect(200);
    assert_eq!(opened["pay_params"]["package"], again["pay_params"]["package"]);
    let other =
        json!({"order_no": "A0001", "amount_fen": 10_000, "description": "tea", "openid": "bob"});
    assert_eq!(stage.app.post(ORDERS, other).await.refusal(), (409, "order_conflict"));
    let paid = json!({"transaction_id": "T1", "amount_fen": 10_000});
    let by_hand = stage.app.post(&format!("{ORDERS}/A0001/paid"), paid).await;
    assert_eq!(by_hand.refusal(), (409, "order_conflict"));
    stage.play("pay", opened["pay_params"].clone()).await;
    stage.play("orders/m1-A0001/notice", json!({"copies": 1})).await;
    let repeat = stage.app.post(ORDERS, order("A0001")).await.expect(200);
    assert_eq!((&repeat["status"], repeat.get("pay_params")), (&json!("paid"), None));
    assert_eq!(repeat["fee_fen"], 60);
    let close = stage.app.post(&format!("{ORDERS}/A0001/close"), json!({})).await;
    assert_eq!(close.refusal(), (409, "order_paid"));
    stage.finish().await;
}

#[actix_web::test]
async fn a_key_makes_one_order_whose_number_wechat_knows() {
    let stage = Stage::new().await;
    stage.app.merchant("m1", json!({})).await;
    let body = json!({"amount_fen": 100, "description": "tea", "openid": "alice"});
    let first = stage.app.post_once(ORDERS, "once", body.clone()).await.expect(201);
    let again = stage.app.post_once(ORDERS, "once", body).await.expect(200);
    assert_eq!(first["order_no"], again["order_no"]);
    let number = first["out_trade_no"].as_str().unwrap();
    stage.play(&format!("orders/{number}/pay"), json!({})).await;
    stage.finish().await;
}

#[actix_web::test]
async fn an_order_that_wechat_leaves_open_is_asked_for_again_with_its_number() {
    let stage = Stage::new().await;
    stage.app.merchant("m1", json!({})).await;
    stage.faults(&[("unified_order", "answer_lost")]).await;
    assert_eq!(stage.app.post(ORDERS, order("A0001")).await.refusal(), (503, "outcome_unknown"));
    stage.faults(&[]).await;
    let again = stage.app.post(ORDERS, order("A0001")).await.expect(200);
    assert!(again["pay_params"]["paySign"].is_string());
    stage.finish().await;
}

#[actix_web::test]
async fn an_order_that_wechat_refuses_stays_open_and_says_why() {
    let stage = Stage::new().await;
    stage.app.merchant("m1", json!({})).await;
    let mut bad = order("A0001");
    bad["openid"] = "not/an+openid".into();
    let refused = stage.app.post(ORDERS, bad).await;
    assert_eq!(refused.refusal(), (422, "wechat_refused"), "{}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("openid"), "{}", refused.body);
    let kept = stage.app.get(&format!("{ORDERS}/A0001")).await.expect(200);
    assert_eq!(kept["status"], "open");
    stage.finish().await;
}

#[actix_web::test]
async fn a_withdrawal_by_wechat_is_paid_out_once() {
    let stage = Stage::new().await;
    let rules = json!({"merchant_id": "m1", "name": "Tea", "payout_openid": "owner"});
    stage.app.post("/v1/merchants", rules).await.expect(201);
    stage.app.paid("m1", 10_000).await;
    let withdraw = json!({"withdrawal_no": "W001", "all": true, "settle_first": true});
    let path = "/v1/merchants/m1/withdrawals";
    stage.app.post(path, withdraw.clone()).await.expect(201);
    for _ in 0..2_000 {
        let stands = stage.app.get(&format!("{path}/W001")).await.expect(200);
        if stands["status"] == "succeeded" {
            assert_eq!(stage.app.post(path, withdraw).await.expect(200)["status"], "succeeded");
            let balance = stage.app.balance("m1").await;
            assert_eq!(
                (&balance["withdrawn_fen"], &balance["in_transit_fen"]),
                (&json!(10_000), &json!(0))
            );
            stage.finish().await;
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the withdrawal was not paid out");
}

#[actix_web::test]
async fn without_credentials_a_sandbox_plays_wechat_and_survives_a_restart() {
    let app = spawn_app().await;
    let login = |app: &crate::helpers::TestApp| {
        let url = format!("http://{}/sandbox/login", app.sandbox.expect("it has a sandbox"));
        crate::helpers::read(app.http.post(url).json(&json!({"openid": "alice"})))
    };
    let code = login(&app).await.expect(200)["code"].take();
    let logged_in = app.post("/login/", json!({"code": code})).await.expect(200);
    let body = json!({"money": 100, "token": logged_in["data"]["token"], "order_no": "A0001"});
    assert_eq!(app.post("/pay/", body).await.expect(200)["code"], 0);
    let app = app.restart().await;
    let url = format!("http://{}/sandbox/orders/default-A0001/pay", app.sandbox.unwrap());
    crate::helpers::read(app.http.post(url).json(&json!({}))).await.expect(200);
    for _ in 0..2_000 {
        let order = app.get("/v1/merchants/default/orders/A0001").await.expect(200);
        if order["status"] == "paid" {
            app.finish().await;
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the notice did not come");
}
