//! WeChat's notices: each row of the table in `api.md` 2.

use serde_json::json;
use tally_wechat::{Fields, SignType};

use crate::stage::{Stage, signed};

/// A stage with the open order A0001 of 100 fen.
async fn open_order() -> Stage {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 100).await;
    stage
}

#[actix_web::test]
async fn a_notice_that_fits_pays_the_order_and_its_repeat_changes_nothing() {
    let stage = open_order().await;
    let notice = stage.notice("A0001", 100).with("coupon_fee_0", "1").with("field_of_2031", "x");
    assert!(stage.notify(&notice).await);
    assert_eq!(stage.status("A0001").await, "paid");
    let seq = stage.seq().await;
    assert!(stage.notify(&notice.with("nonce_str", "another")).await);
    assert_eq!(stage.seq().await, seq);
    assert_eq!(stage.cases().await, [""; 0]);
    let order = stage.app.get("/v1/merchants/default/orders/A0001").await.expect(200);
    assert_eq!(order["paid_at"], "2026-01-31T10:01:35.000Z");
    assert_eq!(order["transaction_id"], "42A0001");
    stage.finish().await;
}

#[actix_web::test]
async fn fifty_copies_at_once_credit_once_and_are_all_answered_success() {
    let stage = open_order().await;
    stage.faults(&[("notice", "lost")]).await;
    stage.play("orders/default-A0001/pay", json!({})).await;
    let sent = stage.play("orders/default-A0001/notice", json!({"copies": 50})).await;
    assert_eq!((&sent["sent"], &sent["taken"]), (&json!(50), &json!(50)));
    let balance = stage.app.balance("default").await;
    assert_eq!((&balance["paid_fen"], &balance["paid_orders"]), (&json!(100), &json!(1)));
    assert_eq!(stage.cases().await, [""; 0]);
    stage.finish().await;
}

#[actix_web::test]
async fn a_coupon_that_nobody_funded_is_credited_for_what_it_brings() {
    let stage = open_order().await;
    assert!(stage.notify(&stage.notice("A0001", 100).with("settlement_total_fee", "90")).await);
    let order = stage.app.get("/v1/merchants/default/orders/A0001").await.expect(200);
    assert_eq!((&order["amount_fen"], &order["booked_fen"]), (&json!(100), &json!(90)));
    assert_eq!(stage.app.balance("default").await["pending_fen"], 90);
    stage.finish().await;
}

#[actix_web::test]
async fn a_signed_failure_pays_nothing_and_has_the_order_looked_up() {
    let stage = open_order().await;
    let failed = stage.notice("A0001", 100).with("result_code", "FAIL").with("err_code", "X");
    let seq = stage.seq().await;
    assert!(stage.notify(&failed).await);
    assert_eq!(stage.seq().await, seq);
    // Paid all the same, and its notice lost: the look-up finds it.
    stage.faults(&[("notice", "lost")]).await;
    stage.play("orders/default-A0001/pay", json!({})).await;
    assert!(stage.notify(&failed).await);
    for _ in 0..2_000 {
        if stage.status("A0001").await == "paid" {
            stage.finish().await;
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the order was not looked up");
}

#[actix_web::test]
async fn what_is_forged_foreign_or_no_document_changes_nothing_and_is_answered_fail() {
    let stage = open_order().await;
    let seq = stage.seq().await;
    let good = stage.notice("A0001", 100);
    let document = signed(&good, SignType::Md5);
    let unsigned = tally_wechat::xml::write(&good);
    let entity = "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>";
    for (what, body) in [
        ("no signature", unsigned.clone()),
        ("an empty signature", tally_wechat::xml::write(&good.clone().with("sign", ""))),
        ("an altered amount", document.replace("total_fee><![CDATA[100", "total_fee><![CDATA[1")),
        ("an altered field", document.replace("OTHERS", "OTHERT")),
        ("another key", tally_wechat::xml::write(&good.clone().with("sign", "0".repeat(32)))),
        ("another algorithm", signed(&good, SignType::HmacSha256)),
        (
            "another algorithm, said so",
            signed(&good.clone().with("sign_type", "HMAC-SHA256"), SignType::HmacSha256),
        ),
        ("another appid", signed(&good.clone().with("appid", "wx1"), SignType::Md5)),
        ("another mch_id", signed(&good.clone().with("mch_id", "1"), SignType::Md5)),
        ("another merchant's order", signed(&other(&good, "m1-A0001"), SignType::Md5)),
        ("no number of ours", signed(&other(&good, "A0001"), SignType::Md5)),
        ("a refused return_code", signed(&good.clone().with("return_code", "FAIL"), SignType::Md5)),
        ("no transaction_id", signed(&good.clone().with("transaction_id", ""), SignType::Md5)),
        (
            "a bad transaction_id",
            signed(&good.clone().with("transaction_id", "4-2"), SignType::Md5),
        ),
        ("a bad time", signed(&good.clone().with("time_end", "yesterday"), SignType::Md5)),
        ("a bad amount", signed(&good.clone().with("total_fee", "1.00"), SignType::Md5)),
        ("entities", format!("{entity}{document}")),
        ("an entity in a field", document.replace("OTHERS", "]]>&x;<![CDATA[")),
        ("JSON", r#"{"return_code": "SUCCESS"}"#.into()),
        ("a page", "<html><body>SUCCESS</body></html>".into()),
        ("half a document", document[..document.len() / 2].into()),
        ("nothing", String::new()),
    ] {
        assert_ne!(body, document, "{what}");
        assert!(!stage.send("default", body).await, "{what}");
        assert_eq!(stage.seq().await, seq, "{what}");
    }
    assert!(!stage.send("default", vec![0xff; 100]).await);
    assert!(!stage.send("m1", document.clone()).await, "another merchant's path");
    assert!(!stage.send("a-b", document.clone()).await, "a path of nobody");
    assert_eq!(stage.cases().await, [""; 0]);
    assert!(stage.send("default", document).await, "the good one is taken all the same");
    stage.finish().await;
}

fn other(notice: &Fields, out_trade_no: &str) -> Fields {
    notice.clone().with("out_trade_no", out_trade_no)
}

#[actix_web::test]
async fn an_oversized_notice_is_refused_before_it_is_read() {
    let stage = open_order().await;
    let seq = stage.seq().await;
    let notice = stage.notice("A0001", 100).with("attach", "x".repeat(70 * 1024));
    let url = format!("{}/notify/default/payment", stage.app.base);
    let body = signed(&notice, SignType::Md5);
    let answer = stage.app.http.post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    assert_eq!(stage.seq().await, seq);
    stage.finish().await;
}

#[actix_web::test]
async fn an_order_keeps_its_algorithm_when_the_setting_changes() {
    let stage = Stage::with(|settings| settings.wechat.sign_type = SignType::HmacSha256).await;
    let alice = stage.page("alice").await;
    let params = stage.order(&alice, "A0001", 100).await;
    assert_eq!(params["signType"], "HMAC-SHA256");
    let notice = stage.notice("A0001", 100);
    assert!(!stage.send("default", signed(&notice, SignType::Md5)).await);
    assert!(stage.send("default", signed(&notice, SignType::HmacSha256)).await);
    assert_eq!(stage.status("A0001").await, "paid");
    stage.finish().await;
}
