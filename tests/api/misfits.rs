//! Notices that are WeChat's and do not fit: each becomes a case, once, and only one for an unknown order is asked for again.

use serde_json::json;

use crate::stage::Stage;

/// A stage with two open orders of 100 fen, A0001 and A0002.
async fn open_orders() -> Stage {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 100).await;
    stage.order(&alice, "A0002", 100).await;
    stage
}

#[actix_web::test]
async fn a_second_payment_of_a_paid_order_is_a_case_and_credited_to_nobody() {
    let stage = open_orders().await;
    let notice = stage.notice("A0001", 100);
    assert!(stage.notify(&notice).await);
    for _ in 0..2 {
        assert!(stage.notify(&notice.clone().with("transaction_id", "4299")).await);
    }
    assert_eq!(stage.cases().await, ["paid_twice"]);
    assert_eq!(stage.app.balance("default").await["paid_fen"], 100);
    stage.finish().await;
}

#[actix_web::test]
async fn another_amount_or_currency_is_a_case_and_the_order_stays_open() {
    let stage = open_orders().await;
    for notice in [
        stage.notice("A0001", 99),
        stage.notice("A0002", 100).with("fee_type", "USD"),
        stage
            .notice("A0002", 100)
            .with("transaction_id", "421")
            .with("settlement_total_fee", "101"),
    ] {
        for _ in 0..2 {
            assert!(stage.notify(&notice).await);
        }
    }
    assert_eq!(stage.cases().await, ["amount_differs"; 3]);
    for order_no in ["A0001", "A0002"] {
        assert_eq!(stage.status(order_no).await, "open");
    }
    assert_eq!(stage.app.balance("default").await["paid_fen"], 0);
    stage.finish().await;
}

#[actix_web::test]
async fn a_transaction_booked_for_another_order_is_a_case() {
    let stage = open_orders().await;
    assert!(stage.notify(&stage.notice("A0001", 100)).await);
    let reused = stage.notice("A0002", 100).with("transaction_id", "42A0001");
    assert!(stage.notify(&reused).await);
    assert_eq!(stage.cases().await, ["transaction_reused"]);
    assert_eq!(stage.status("A0002").await, "open");
    stage.finish().await;
}

#[actix_web::test]
async fn an_unknown_order_is_a_case_once_and_asked_for_again() {
    let stage = open_orders().await;
    for _ in 0..2 {
        assert!(!stage.notify(&stage.notice("B0001", 100)).await);
    }
    assert_eq!(stage.cases().await, ["order_unknown"]);
    // A merchant that nobody knows has no journal to open a case in.
    let nobodys = stage.notice("B0001", 100).with("out_trade_no", "ghost-B0001");
    let document = crate::stage::signed(&nobodys, tally_wechat::SignType::Md5);
    assert!(!stage.send("ghost", document).await);
    assert_eq!(stage.cases().await, ["order_unknown"]);
    stage.finish().await;
}

#[actix_web::test]
async fn a_closed_order_that_is_paid_is_booked_and_makes_a_case() {
    let stage = open_orders().await;
    stage.app.post("/v1/merchants/default/orders/A0001/close", json!({})).await.expect(202);
    assert!(stage.notify(&stage.notice("A0001", 100)).await);
    assert_eq!(stage.status("A0001").await, "paid");
    assert_eq!(stage.cases().await, [""; 0], "it was about to be closed, not closed");
    let external = crate::helpers::open("E0001", 100);
    stage.app.post("/v1/merchants/default/orders", external).await.expect(201);
    stage.app.post("/v1/merchants/default/orders/E0001/close", json!({})).await.expect(200);
    assert!(stage.notify(&stage.notice("E0001", 100)).await);
    assert_eq!(stage.status("E0001").await, "paid");
    assert_eq!(stage.cases().await, ["paid_after_close"]);
    stage.finish().await;
}
