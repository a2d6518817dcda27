//! The control API: bad input is named, and the customer pays only what WeChat's client would.

use serde_json::{Value, json};
use tally_wechat::unified_order::OrderRefusal;
use tally_wechat::{Outcome, SignType};

use crate::support::{Stage, Taker};
use crate::walk::done;

#[tokio::test]
async fn bad_input_gets_a_status_and_words() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    for (path, body, status, word) in [
        ("login", json!({"openid": "a b"}), 400, "openid"),
        ("login", json!({"opnid": "a"}), 400, "opnid"),
        ("orders/m1-A0002/pay", json!({}), 404, "order"),
        ("orders/m1-A0001/pay", json!({"coupon_fen": 1280}), 400, "coupon_fen"),
        ("orders/m1-A0001/pay", json!({"coupon": 1}), 400, "coupon"),
        ("orders/m1-A0001/notice", json!({"copies": 0}), 400, "copies"),
        ("clock", json!({"seconds": -1}), 400, "seconds"),
    ] {
        let (found, answer) = stage.post(path, body).await;
        assert_eq!(found, status, "{path}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{path}: {answer}");
    }
    let url = format!("{}/sandbox/faults", stage.sandbox.url());
    let plan = json!({"faults": [{"on": "notice", "fault": "failed", "per_mille": 1}]});
    let answer = stage.http.put(url).json(&plan).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
}

#[tokio::test]
async fn wrong_pay_params_are_refused_as_by_the_client() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    let request = stage.order("m1-A0001", &taker.url).await;
    let prepaid = done(stage.client.unified_order(&request).await);
    let now_ms = stage.now_ms().await;
    let good = stage.client.pay_params(&prepaid.prepay_id, SignType::Md5, now_ms);
    let good = serde_json::to_value(&good).unwrap();
    for (field, value, word) in [
        ("timeStamp", json!("1709136000999"), "timeStamp"),
        ("timeStamp", json!("1709136000"), "paySign"),
        ("nonceStr", json!("x"), "paySign"),
        ("package", json!("wx"), "package"),
        ("package", json!("prepay_id=wx"), "prepay_id"),
        ("signType", json!("HMAC-SHA256"), "signType"),
        ("paySign", json!(""), "paySign"),
    ] {
        let mut bad: Value = good.clone();
        bad[field] = value;
        let (status, answer) = stage.post("pay", bad).await;
        assert_eq!(status, 409, "{field}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{field}: {answer}");
    }
    assert_eq!(stage.post("pay", good).await.0, 200);
}

#[tokio::test]
async fn a_prepay_id_expires_after_two_hours_and_a_repeat_gives_a_new_one() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    let now_ms = stage.now_ms().await;
    let request = stage.order_until("m1-A0001", &taker.url, now_ms + 5 * 3_600_000).await;
    let old = done(stage.client.unified_order(&request).await);
    stage.advance(2 * 3_600).await;
    let params = stage.client.pay_params(&old.prepay_id, SignType::Md5, now_ms);
    let params = serde_json::to_value(&params).unwrap();
    assert_eq!(stage.post("pay", params.clone()).await.0, 409);
    let new = done(stage.client.unified_order(&request).await);
    assert_ne!(new, old);
    assert_eq!(stage.post("pay", params).await.0, 409);
    let params = stage.client.pay_params(&new.prepay_id, SignType::Md5, now_ms);
    assert_eq!(stage.post("pay", serde_json::to_value(&params).unwrap()).await.0, 200);
}

#[tokio::test]
async fn an_order_closes_by_itself_and_a_customer_in_the_cashier_still_pays() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let request = stage.order("m1-A0001", &taker.url).await;
    done(stage.client.unified_order(&request).await);
    stage.advance(2 * 3_600).await;
    let closed = stage.client.unified_order(&request).await;
    assert!(matches!(closed, Outcome::Refused(OrderRefusal::Closed(_))), "{closed:?}");
    assert_eq!(stage.post("orders/m1-A0001/pay", json!({})).await.0, 409);
    assert_eq!(stage.post("orders/m1-A0001/pay", json!({"late": true})).await.0, 200);
    assert_eq!(taker.paid(&stage).await.out_trade_no, "m1-A0001");
}

#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    for number in ["m1-A0001", "m1-A0002", "m2-A0001"] {
        done(stage.client.unified_order(&stage.order(number, &taker.url).await).await);
    }
    let numbers = |list: Value| {
        let items = list["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["out_trade_no"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = numbers(stage.get("orders?limit=2").await);
    assert_eq!(first, ["m1-A0001", "m1-A0002"]);
    assert_eq!(numbers(stage.get("orders?after=m1-A0002").await), ["m2-A0001"]);
    assert_eq!(numbers(stage.get("orders?prefix=m2-").await), ["m2-A0001"]);
    assert_eq!(stage.get("books?prefix=m1-").await["orders_open"], 2);
}
