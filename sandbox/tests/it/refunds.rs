//! Refunds: taken once, done after a while, told by notices and queries, refused as WeChat refuses them.

use serde_json::json;
use tally_wechat::order_query::OrderState;
use tally_wechat::refund::{Refund, RefundRefusal};
use tally_wechat::refund_notice::RefundEnd;
use tally_wechat::refund_query::{RefundQueryRefusal, RefundState};
use tally_wechat::{Doubt, Outcome, SignType};

use crate::support::{Stage, Taker, until};
use crate::walk::done;

async fn walk(sign_type: SignType) {
    let stage = Stage::with(sign_type, |_| {}).await;
    let mut taker = Taker::failing(1).await;
    let order = stage.order("m1-A0001", &taker.url).await;
    done(stage.client.unified_order(&order).await);
    let transaction_id = stage.pay("m1-A0001").await;
    for _ in 0..2 {
        taker.paid(&stage).await;
    }
    let unknown = stage.client.refund_query("m1-R0001").await;
    assert!(matches!(unknown, Outcome::Refused(RefundQueryRefusal::NotFound(_))), "{unknown:?}");

    let request = stage.refund(&transaction_id, "m1-R0001", 640, &taker.url);
    let taken = done(stage.client.refund(&request).await);
    assert_eq!((taken.out_trade_no.as_str(), taken.cash_refund_fee), ("m1-A0001", Some(640)));
    assert_eq!(done(stage.client.refund(&request).await), taken);
    let found = done(stage.client.refund_query("m1-R0001").await);
    assert_eq!((found.state, found.refund_fee), (RefundState::Processing, 640));
    assert_eq!((found.refund_id, found.success_at_ms), (taken.refund_id.clone(), None));
    let state = done(stage.client.order_query("m1-A0001").await);
    assert!(matches!(state, OrderState::PaidAndRefunded(_)), "{state:?}");
    assert!(taker.is_quiet());
    let books = stage.get("books").await;
    assert_eq!((&books["refunds_processing"], &books["refunded_fen"]), (&json!(1), &json!(0)));

    stage.advance(60).await;
    let told = taker.refunded(&stage).await;
    assert_eq!((told.end, told.refund_fee, told.total_fee), (RefundEnd::Success, 640, 1280));
    assert_eq!(told.out_refund_no, "m1-R0001");
    assert_eq!(told.received_by.as_deref(), Some("支付用户零钱"));
    let found = done(stage.client.refund_query("m1-R0001").await);
    assert_eq!((found.state, found.success_at_ms), (RefundState::Success, told.success_at_ms));
    assert!(found.success_at_ms.is_some() && !told.by_hand);
    let books = until(&stage, "books", |books| books["refund_notices_owed"] == 0).await;
    assert_eq!((&books["refunds"], &books["refunded_fen"]), (&json!(1), &json!(640)));
    // 0.6 % of 1280 fen is 8 fen, half of which comes back.
    assert_eq!(books["refunded_charge_fen"], json!(4));
    let list = stage.get("refunds?prefix=m1-R").await;
    assert_eq!(list["items"][0]["status"], "succeeded", "{list}");
    assert!(taker.is_quiet());
}

#[tokio::test]
async fn a_refund_is_taken_once_and_done_after_a_while_with_md5() {
    walk(SignType::Md5).await;
}

#[tokio::test]
async fn a_refund_is_taken_once_and_done_after_a_while_with_hmac() {
    walk(SignType::HmacSha256).await;
}

/// The code of a refusal, which must be one of these classes.
#[track_caller]
fn refused(
    outcome: Outcome<tally_wechat::refund::RefundTaken, RefundRefusal>,
) -> (String, &'static str) {
    match outcome {
        Outcome::Refused(RefundRefusal::NoMoney(code)) => (code.code.to_string(), "no money"),
        Outcome::Refused(RefundRefusal::Later(code)) => (code.code.to_string(), "later"),
        Outcome::Refused(RefundRefusal::Final(code)) => (code.code.to_string(), "final"),
        Outcome::Refused(RefundRefusal::Person(code)) => (code.code.to_string(), "person"),
        Outcome::Unknown(Doubt::Code(code)) => (code.code.to_string(), "ask"),
        Outcome::Done(_) | Outcome::Unknown(_) | Outcome::Refused(_) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn what_wechat_refuses_is_refused_with_its_code() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    let other = stage.paid("m1-A0002", &mut taker).await;
    let url = taker.url.clone();
    let refund = |payment: &str, number: &str, fen| stage.refund(payment, number, fen, &url);
    let ask = async |request: &Refund| refused(stage.client.refund(request).await);
    done(stage.client.refund(&refund(&paid, "m1-R0001", 640)).await);

    let (mismatch, text) = ("REFUND_FEE_MISMATCH".to_owned(), |code: &str| code.to_owned());
    assert_eq!(ask(&refund(&paid, "m1-R0001", 641)).await, (mismatch.clone(), "ask"));
    assert_eq!(ask(&refund(&other, "m1-R0001", 640)).await, (text("ERROR"), "person"));
    assert_eq!(ask(&refund("42", "m1-R0002", 1)).await, (text("ORDERNOTEXIST"), "person"));
    assert_eq!(ask(&refund(&paid, "m1-R0002", 640)).await, (text("FREQUENCY_LIMITED"), "later"));
    stage.advance(60).await;
    assert_eq!(ask(&refund(&paid, "m1-R0002", 641)).await, (text("ERROR"), "person"));
    done(stage.client.refund(&refund(&paid, "m1-R0002", 640)).await);
    stage.advance(60).await;
    assert_eq!(ask(&refund(&paid, "m1-R0003", 1)).await, (text("ERROR"), "person"));
    for _ in 0..12 {
        stage.advance(31 * 24 * 3_600).await;
    }
    assert_eq!(ask(&refund(&other, "m1-R0004", 1)).await, (text("TRADE_OVERDUE"), "final"));
    // Repeats get their answers for ever.
    done(stage.client.refund(&refund(&paid, "m1-R0002", 640)).await);
    let books = stage.get("books").await;
    // Both halves bring back all of the charge of 8 fen.
    assert_eq!((&books["refunded_fen"], &books["refunded_charge_fen"]), (&json!(1280), &json!(8)));
}

#[tokio::test]
async fn a_refund_waits_for_money_and_payments_bring_it() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    assert_eq!(stage.post("balance", json!({"refundable_fen": 600})).await.0, 200);
    let request = stage.refund(&paid, "m1-R0001", 640, &taker.url);
    let said = refused(stage.client.refund(&request).await);
    assert_eq!(said, ("NOTENOUGH".to_owned(), "no money"));
    let unknown = stage.client.refund_query("m1-R0001").await;
    assert!(matches!(unknown, Outcome::Refused(RefundQueryRefusal::NotFound(_))), "{unknown:?}");
    stage.paid("m1-A0002", &mut taker).await;
    done(stage.client.refund(&request).await);
    assert_eq!(stage.get("books").await["refundable_fen"], 600 + 1280 - 640);
    assert_eq!(stage.post("balance", json!({"refundable_fen": null})).await.0, 200);
    assert_eq!(stage.get("books").await["refundable_fen"], json!(null));
    assert_eq!(stage.post("balance", json!({"refundable_fen": -1})).await.0, 400);
}

#[tokio::test]
async fn all_refunds_of_a_payment_are_told_ten_at_a_time_with_their_coupons() {
    let stage =
        Stage::with(SignType::Md5, |settings| settings.refund_apart = std::time::Duration::ZERO)
            .await;
    let mut taker = Taker::failing(0).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    let (_, paid) = stage.post("orders/m1-A0001/pay", json!({"coupon_fen": 128})).await;
    taker.paid(&stage).await;
    let transaction_id = paid["transaction_id"].as_str().unwrap();
    for n in 0..13 {
        let fen = if n < 12 { 100 } else { 80 };
        let request = stage.refund(transaction_id, &format!("m1-R{n:04}"), fen, &taker.url);
        done(stage.client.refund(&request).await);
    }
    let first = done(stage.client.order_refunds(transaction_id, 0).await);
    assert_eq!((first.refunds.len(), first.next_offset), (10, Some(10)));
    let second = done(stage.client.order_refunds(transaction_id, 10).await);
    assert_eq!((second.refunds.len(), second.next_offset), (3, None));
    let all = || first.refunds.iter().chain(&second.refunds);
    assert_eq!(all().map(|refund| refund.refund_fee).sum::<u64>(), 1280);
    assert_eq!(all().filter_map(|refund| refund.settlement_refund_fee).sum::<u64>(), 1280 - 128);
    let coupons = all().flat_map(|refund| &refund.coupons).map(|coupon| coupon.fee);
    assert_eq!(coupons.sum::<u64>(), 128);
    let none = stage.client.order_refunds("42", 0).await;
    assert!(matches!(none, Outcome::Refused(RefundQueryRefusal::NotFound(_))), "{none:?}");
}

#[tokio::test]
async fn a_closed_refund_frees_its_amount_and_a_changed_one_does_not() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    for (number, fault, end, state) in [
        ("m1-R0001", "closed", RefundEnd::Closed, RefundState::Closed),
        ("m1-R0002", "changed", RefundEnd::Change, RefundState::Change),
    ] {
        stage.set_faults("refund", fault).await;
        let request = stage.refund(&paid, number, 1280, &taker.url);
        done(stage.client.refund(&request).await);
        stage.no_faults().await;
        stage.advance(60).await;
        let told = taker.refunded(&stage).await;
        assert_eq!((told.end, told.success_at_ms), (end, None));
        assert_eq!(done(stage.client.refund_query(number).await).state, state);
    }
    let request = stage.refund(&paid, "m1-R0003", 1, &taker.url);
    assert_eq!(refused(stage.client.refund(&request).await).0, "ERROR");
    let books = stage.get("books").await;
    assert_eq!((&books["refunds_failed"], &books["refunded_fen"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_found_and_repeated_under_its_number() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    let request = stage.refund(&paid, "m1-R0001", 640, &taker.url);
    for (fault, doubt) in [("time_out", "broke"), ("system_error", "SYSTEMERROR")] {
        stage.set_faults("refund", fault).await;
        let Outcome::Unknown(said) = stage.client.refund(&request).await else { panic!("{fault}") };
        assert!(said.to_string().contains(doubt), "{said}");
        let none = stage.client.refund_query("m1-R0001").await;
        assert!(matches!(none, Outcome::Refused(RefundQueryRefusal::NotFound(_))), "{none:?}");
    }
    stage.set_faults("refund", "answer_lost").await;
    assert_eq!(stage.client.refund(&request).await, Outcome::Unknown(Doubt::Broken));
    stage.set_faults("refund", "not_enough").await;
    assert_eq!(refused(stage.client.refund(&request).await).0, "NOTENOUGH");
    stage.no_faults().await;
    let found = done(stage.client.refund_query("m1-R0001").await);
    assert_eq!(done(stage.client.refund(&request).await).refund_id, found.refund_id);
    assert_eq!(stage.get("books").await["refunds_processing"], 1);
}

#[tokio::test]
async fn refund_notices_get_lost_doubled_and_come_in_another_order() {
    let stage =
        Stage::with(SignType::Md5, |settings| settings.refund_apart = std::time::Duration::ZERO)
            .await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    let url = taker.url.clone();
    let refund = async |number: &str| {
        done(stage.client.refund(&stage.refund(&paid, number, 100, &url)).await);
    };
    refund("m1-R0001").await;
    stage.set_faults("refund_notice", "lost").await;
    stage.advance(60).await;
    let tried = |list: &serde_json::Value| list["items"][0]["notice_tries"].as_u64() > Some(0);
    until(&stage, "refunds", tried).await;
    refund("m1-R0002").await;
    stage.set_faults("refund_notice", "doubled").await;
    stage.advance(60).await;
    let mut told = vec![];
    while told.iter().filter(|number| *number == "m1-R0002").count() < 2 {
        told.push(taker.refunded(&stage).await.out_refund_no);
    }
    while !told.contains(&"m1-R0001".to_owned()) {
        told.push(taker.refunded(&stage).await.out_refund_no);
    }
    until(&stage, "books", |books| books["refund_notices_owed"] == 0).await;
    while !taker.is_quiet() {}

    // The first is held back until another one went out; how long it waits for that is far beyond this test.
    let plan = json!({"late_ms": 3_600_000, "faults": [{"on": "refund_notice", "fault": "out_of_order", "per_mille": 1000}]});
    let faults = format!("{}/sandbox/faults", stage.sandbox.url());
    assert_eq!(stage.http.put(faults).json(&plan).send().await.unwrap().status().as_u16(), 200);
    refund("m1-R0003").await;
    stage.advance(60).await;
    for n in 0.. {
        let (status, sent) = stage.post("refunds/m1-R0002/notice", json!({"copies": 1})).await;
        assert_eq!((status, &sent["taken"]), (200, &json!(1)));
        let told = taker.refunded(&stage).await.out_refund_no;
        if told == "m1-R0003" {
            assert!(n > 0, "it came first");
            break;
        }
    }
}

#[tokio::test]
async fn refunds_and_owed_notices_survive() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    let request = stage.refund(&paid, "m1-R0001", 640, &taker.url);
    let taken = done(stage.client.refund(&request).await);
    stage.post("balance", json!({"refundable_fen": 5})).await;
    let stage = stage.restarted().await;
    assert_eq!(done(stage.client.refund(&request).await), taken);
    assert_eq!(stage.get("books").await["refundable_fen"], 5);
    stage.advance(60).await;
    assert_eq!(taker.refunded(&stage).await.refund_id, taken.refund_id);
    let list = until(&stage, "refunds", |list| list["items"][0]["notice_taken"] == true).await;
    let stage = stage.restarted().await;
    assert_eq!(stage.get("refunds").await, list);
    assert!(taker.is_quiet());
}

#[tokio::test]
async fn a_refund_made_by_hand_is_told_as_one_that_nobody_here_asked_for() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    stage.paid("m1-A0001", &mut taker).await;
    let body = json!({"amount_fen": 300, "notify_url": taker.url});
    let (status, made) = stage.post("orders/m1-A0001/refund", body).await;
    assert_eq!(status, 200, "{made}");
    stage.advance(60).await;
    let told = taker.refunded(&stage).await;
    assert_eq!((told.by_hand, told.refund_fee), (true, 300));
    assert_eq!(made["out_refund_no"], told.out_refund_no);
    for (path, body, status) in [
        ("orders/m1-A0001/refund", json!({"amount_fen": 981}), 409),
        ("orders/m1-A0001/refund", json!({"amount_fen": 0}), 400),
        ("orders/m1-A0009/refund", json!({"amount_fen": 1}), 409),
        ("refunds/m1-R0009/notice", json!({"copies": 1}), 409),
    ] {
        assert_eq!(stage.post(path, body.clone()).await.0, status, "{path} {body}");
    }
}

/// A file as sandboxes wrote it that did not know refunds.
const OLD: &str = r#"{"event":"order_opened","out_trade_no":"m1-A0001","request":{"notify_url":"http://127.0.0.1:1/n","openid":"o1","total_fee":"1280"},"amount_fen":1280,"prepay_id":"wx1","expires_at_ms":4000000000000,"at_ms":1}
{"event":"order_paid","out_trade_no":"m1-A0001","transaction_id":"42","coupon_fen":0,"at_ms":4000000000000}
{"event":"notice_tried","out_trade_no":"m1-A0001","taken":true}
{"event":"transferred","partner_trade_no":"W1","request":{"openid":"o1"},"amount_fen":500,"payment_no":"1","failed":false,"at_ms":1}
{"event":"clock_moved","by_ms":1000}
"#;

#[tokio::test]
async fn an_old_file_is_read_and_its_orders_are_refunded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old");
    std::fs::write(&path, OLD).unwrap();
    let stage = Stage::with(SignType::Md5, |settings| settings.data_file = path).await;
    done(stage.client.refund(&stage.refund("42", "m1-R0001", 1280, "http://127.0.0.1:1/n")).await);
    let books = stage.get("books").await;
    assert_eq!((&books["paid_fen"], &books["transferred_fen"]), (&json!(1280), &json!(500)));
    assert_eq!(books["refunds_processing"], 1);
}
