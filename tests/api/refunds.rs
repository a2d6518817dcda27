//! Refunds from the call to the customer's money and back, with a sandbox that plays WeChat.

use reqwest::Method;
use serde_json::{Value, json};

use crate::helpers::{spawn_app, until};
use crate::stage::Stage;

const ORDER: &str = "/v1/merchants/default/orders/A0001";
const REFUNDS: &str = "/v1/merchants/default/orders/A0001/refunds";

/// A stage on which alice paid 10,000 fen for order A0001, at a fee of 0.6 %.
async fn paid() -> Stage {
    let stage = Stage::with(|settings| {
        settings.transfer_query_seconds = "1".parse().unwrap();
    })
    .await;
    stage.app.patch("/v1/merchants/default", json!({"fee_bp": 60})).await.expect(200);
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 10_000).await;
    stage.play("orders/default-A0001/pay", json!({})).await;
    until("it is paid", || async { stage.status("A0001").await == "paid" }).await;
    stage
}

async fn refund(stage: &Stage, no: &str) -> Value {
    stage.app.get(&format!("/v1/merchants/default/refunds/{no}")).await.expect(200)
}

/// Waits until the refund stands so.
async fn comes_to(stage: &Stage, no: &str, status: &str) -> Value {
    until(status, || async { refund(stage, no).await["status"] == status }).await;
    refund(stage, no).await
}

#[actix_web::test]
async fn a_refund_reaches_the_customer_and_gives_the_fee_back() {
    let stage = paid().await;
    let body = json!({"refund_no": "R0001", "amount_fen": 5_000, "reason": "坏了"});
    let made = stage.app.post(REFUNDS, body.clone()).await.expect(201);
    assert_eq!((&made["amount_fen"], &made["booked_fen"]), (&json!(5_000), &json!(5_000)));
    let done = comes_to(&stage, "R0001", "succeeded").await;
    assert!(done["refund_id"].is_string() && done["why"].is_null(), "{done}");
    let again = stage.app.post(REFUNDS, body).await.expect(200);
    assert_eq!(again["status"], "succeeded");
    let other = json!({"refund_no": "R0001", "amount_fen": 5_001});
    assert_eq!(stage.app.post(REFUNDS, other).await.refusal(), (409, "number_reused"));

    let order = stage.app.get(ORDER).await.expect(200);
    assert_eq!((&order["refunded_fen"], &order["fee_fen"]), (&json!(5_000), &json!(30)));
    let balance = stage.app.balance("default").await;
    assert_eq!((&balance["refunded_fen"], &balance["pending_fen"]), (&json!(5_000), &json!(4_970)));
    let more = json!({"refund_no": "R0002", "amount_fen": 5_001});
    assert_eq!(stage.app.post(REFUNDS, more).await.refusal(), (422, "refund_exceeds_payment"));
    let theirs = stage.asked("books").await;
    assert_eq!((&theirs["refunds"], &theirs["refunded_fen"]), (&json!(1), &json!(5_000)));
    let list = stage.app.get("/v1/merchants/default/refunds?status=succeeded").await.expect(200);
    assert_eq!(list["items"][0]["refund_no"], "R0001");
    stage.finish().await;
}

#[actix_web::test]
async fn a_refund_after_settlement_comes_out_of_available_or_is_refused() {
    let stage = paid().await;
    stage.app.post("/v1/merchants/default/settlements", json!({})).await.expect(201);
    let ask = |no: &str, fen: u64| json!({"refund_no": no, "amount_fen": fen});
    stage.app.post(REFUNDS, ask("R0001", 4_000)).await.expect(201);
    assert_eq!(stage.app.balance("default").await["available_fen"], 5_964);
    stage.app.patch("/v1/merchants/default", json!({"payout_method": "manual"})).await.expect(200);
    let out = json!({"withdrawal_no": "W0001", "all": true});
    stage.app.post("/v1/merchants/default/withdrawals", out).await.expect(201);
    let refused = stage.app.post(REFUNDS, ask("R0002", 1_000)).await;
    assert_eq!(refused.refusal(), (422, "balance_insufficient"));
    assert_eq!(refused.body["available_fen"], 0);
    stage.app.patch("/v1/merchants/default", json!({"debt_max_fen": 994})).await.expect(200);
    stage.app.post(REFUNDS, ask("R0002", 1_000)).await.expect(201);
    assert_eq!(stage.app.balance("default").await["available_fen"], -994);
    comes_to(&stage, "R0001", "succeeded").await;
    // WeChat wants a minute between two refunds of one order.
    assert_eq!(refund(&stage, "R0002").await["status"], "requested");
    stage.finish().await;
}

#[actix_web::test]
async fn a_refund_for_which_wechat_has_no_money_says_so_and_goes_out_when_there_is_some() {
    let stage = paid().await;
    stage.play("balance", json!({"refundable_fen": 100})).await;
    let ask = json!({"refund_no": "R0001", "amount_fen": 5_000});
    stage.app.post(REFUNDS, ask).await.expect(201);
    let told = || async {
        let why = refund(&stage, "R0001").await["why"].take();
        why.as_str().is_some_and(|why| why.contains("NOTENOUGH"))
    };
    until("it says why", told).await;
    assert_eq!(refund(&stage, "R0001").await["status"], "requested");
    stage.play("balance", json!({"refundable_fen": null})).await;
    comes_to(&stage, "R0001", "succeeded").await;
    stage.finish().await;
}

#[actix_web::test]
async fn a_lost_answer_and_a_lost_notice_are_asked_after() {
    let stage = paid().await;
    stage.faults(&[("refund", "answer_lost"), ("refund_notice", "lost")]).await;
    let ask = json!({"refund_no": "R0001", "amount_fen": 10_000});
    stage.app.post(REFUNDS, ask).await.expect(201);
    comes_to(&stage, "R0001", "succeeded").await;
    let order = stage.app.get(ORDER).await.expect(200);
    assert_eq!((&order["refunded_fen"], &order["fee_fen"]), (&json!(10_000), &json!(0)));
    stage.finish().await;
}

#[actix_web::test]
async fn a_refund_made_by_hand_is_booked_with_a_case() {
    let stage = paid().await;
    let notify_url = format!("{}/notify/default/refund", stage.app.base);
    let made = json!({"amount_fen": 3_000, "notify_url": notify_url});
    stage.play("orders/default-A0001/refund", made).await;
    until("it is booked", || async { stage.app.balance("default").await["refunded_fen"] == 3_000 })
        .await;
    let list = stage.app.get("/v1/merchants/default/refunds").await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list}");
    assert_eq!((&items[0]["by_hand"], &items[0]["status"]), (&json!(true), &json!("succeeded")));
    assert_eq!(stage.cases().await, ["refund_by_hand"]);
    stage.finish().await;
}

#[actix_web::test]
async fn a_notice_that_is_none_of_wechats_changes_nothing() {
    let stage = paid().await;
    let seq = stage.seq().await;
    let url = format!("{}/notify/default/refund", stage.app.base);
    for body in ["", "<xml/>", "<xml><req_info>AAAA</req_info></xml>"] {
        let answer = stage.app.http.post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(answer.text().await.unwrap().contains("FAIL"), "{body}");
    }
    assert_eq!(stage.seq().await, seq);
    stage.finish().await;
}

#[actix_web::test]
async fn a_merchants_key_asks_for_refunds_but_not_of_money_that_tally_can_not_see() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let key = app.key_of("m1").await;
    let order = app.paid("m1", 500).await;
    let path = format!("/v1/merchants/m1/orders/{order}/refunds");
    let missing = app.post(&path, json!({"amount_fen": 100})).await;
    assert_eq!(missing.refusal(), (400, "idempotency_missing"));
    let ask = json!({"refund_no": "R0001", "amount_fen": 100, "reason": "slip 7"});
    let refused = app.call(Method::POST, &path, &key, Some(ask.clone())).await;
    assert_eq!(refused.refusal(), (403, "forbidden"));
    let made = app.post(&path, ask).await.expect(201);
    assert_eq!((&made["status"], &made["refund_id"]), (&json!("succeeded"), &json!("slip 7")));
    let once = app.post_once(&path, "a key", json!({"amount_fen": 50})).await.expect(201);
    let again = app.post_once(&path, "a key", json!({"amount_fen": 50})).await.expect(200);
    assert_eq!(once["refund_no"], again["refund_no"]);
    let unknown = app.get("/v1/merchants/m1/refunds/R9999").await;
    assert_eq!(unknown.refusal(), (404, "refund_unknown"));
    let list = app.call(Method::GET, "/v1/merchants/m1/refunds", &key, None).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(app.balance("m1").await["pending_fen"], 350);
    app.finish().await;
}

/// The list of a settlement's orders adds up to it, whatever is refunded afterwards.
#[actix_web::test]
async fn what_a_settlement_paid_for_an_order_says_what_was_refunded_before_it_and_not_after() {
    let stage = paid().await;
    let ask = |no: &str, fen: u64| json!({"refund_no": no, "amount_fen": fen});
    stage.app.post(REFUNDS, ask("R0001", 5_000)).await.expect(201);
    let body = json!({"settlement_no": "S0001"});
    let settled = stage.app.post("/v1/merchants/default/settlements", body).await.expect(201);
    assert_eq!(settled["net_fen"], 4_970);
    stage.app.post(REFUNDS, ask("R0002", 4_000)).await.expect(201);
    let list = "/v1/merchants/default/settlements/S0001/orders";
    let list = stage.app.get(list).await.expect(200);
    let order = &list["items"][0];
    assert_eq!((&order["settled_fen"], &order["refunded_fen"]), (&json!(4_970), &json!(9_000)));
    stage.finish().await;
}
