//! Money that fits no order's books: it stands in suspense, and a case's remedy moves it, once.

use serde_json::{Value, json};

use crate::stage::Stage;

/// The stage of a paid order that was paid a second time, and the path of its case.
async fn paid_twice() -> (Stage, String) {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 100).await;
    assert!(stage.notify(&stage.notice("A0001", 100)).await);
    assert!(stage.notify(&stage.notice("A0001", 100).with("transaction_id", "4299")).await);
    let case = stage.app.get("/v1/cases").await.expect(200)["items"][0].clone();
    assert_eq!(case["suspense_fen"], 100);
    let id = case["case_id"].as_str().unwrap();
    (stage, format!("/v1/cases/{id}"))
}

/// What is in suspense, adjusted and available.
async fn stands(stage: &Stage) -> [Value; 3] {
    let balance = stage.app.balance("default").await;
    ["suspense_fen", "adjusted_fen", "available_fen"].map(|name| balance[name].clone())
}

#[actix_web::test]
async fn a_second_payment_is_credited_to_the_merchant_by_a_remedy_once() {
    let (stage, case) = paid_twice().await;
    assert_eq!(stands(&stage).await, [json!(100), json!(0), json!(0)]);
    let shown = stage.app.get(&case).await.expect(200);
    let remedies = shown["remedies"].as_array().unwrap();
    assert!(remedies.contains(&json!("credit")) && remedies.contains(&json!("accept")), "{shown}");
    let credit = json!({"note": "it was for the order of yesterday", "remedy": "credit"});
    for _ in 0..2 {
        let resolved = stage.app.post(&format!("{case}/resolve"), credit.clone()).await.expect(200);
        assert_eq!((&resolved["suspense_fen"], &resolved["remedies"]), (&json!(0), &json!([])));
    }
    let other = json!({"note": "pay it back", "remedy": "refund"});
    let refused = stage.app.post(&format!("{case}/resolve"), other).await;
    assert_eq!(refused.refusal(), (409, "case_resolved"));
    assert_eq!(stands(&stage).await, [json!(0), json!(100), json!(100)]);
    let found = stage.app.get("/v1/search?q=4299").await.expect(200);
    assert_eq!(found["items"][0]["url"], case);
    stage.finish().await;
}

#[actix_web::test]
async fn a_second_payment_goes_back_to_its_customer_as_a_refund_of_the_case() {
    let (stage, case) = paid_twice().await;
    let shown = stage.app.get(&case).await.expect(200);
    assert_eq!(shown["remedies"], json!(["refund", "credit", "accept"]));
    let back = json!({"note": "paid twice", "remedy": "refund"});
    for _ in 0..2 {
        stage.app.post(&format!("{case}/resolve"), back.clone()).await.expect(200);
    }
    let refunds = stage.app.get("/v1/merchants/default/refunds").await.expect(200);
    let [refund] = &refunds["items"].as_array().unwrap()[..] else { panic!("{refunds}") };
    assert_eq!((&refund["amount_fen"], &refund["fee_fen"]), (&json!(100), &json!(0)));
    assert_eq!(refund["order_no"], "A0001");
    let order = stage.app.get("/v1/merchants/default/orders/A0001").await.expect(200);
    assert_eq!(order["refunded_fen"], 0);
    stage.finish().await;
}

#[actix_web::test]
async fn what_a_case_can_not_do_is_refused() {
    let stage = Stage::new().await;
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 100).await;
    stage.order(&alice, "A0002", 100).await;
    assert!(stage.notify(&stage.notice("A0001", 100)).await);
    let reused = stage.notice("A0002", 100).with("transaction_id", "42A0001");
    assert!(stage.notify(&reused).await);
    let case = stage.app.get("/v1/cases").await.expect(200)["items"][0].clone();
    assert_eq!((&case["suspense_fen"], &case["remedies"]), (&json!(0), &json!(["accept"])));
    let path = format!("/v1/cases/{}/resolve", case["case_id"].as_str().unwrap());
    for remedy in ["credit", "refund"] {
        let refused = stage.app.post(&path, json!({"note": "x", "remedy": remedy})).await;
        assert_eq!(refused.refusal(), (409, "remedy_impossible"));
    }
    stage.finish().await;
}
