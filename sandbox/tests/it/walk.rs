//! The whole walk: log in, order, pay, be told, ask, close, transfer, ask.

use serde_json::json;
use tally_wechat::login::LoginRefusal;
use tally_wechat::order_query::{OrderState, QueryRefusal};
use tally_wechat::profile::Sealed;
use tally_wechat::transfer::TransferState;
use tally_wechat::unified_order::OrderRefusal;
use tally_wechat::{Outcome, SignType};

use crate::support::{Stage, Taker, transfer, until};

/// The data of an outcome that must be certain.
#[track_caller]
pub(crate) fn done<T: std::fmt::Debug, R: std::fmt::Debug>(outcome: Outcome<T, R>) -> T {
    match outcome {
        Outcome::Done(data) => data,
        Outcome::Refused(_) | Outcome::Unknown(_) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_customer_logs_in_with_a_code_that_works_once() {
    let stage = Stage::new().await;
    let (_, made) = stage.post("login", json!({"nickname": "小满🌾👨‍👩‍👧"})).await;
    let code = made["code"].as_str().unwrap();
    let session = done(stage.client.code_to_session(code).await);
    assert_eq!(made["openid"], session.openid);

    let iv = made["iv"].as_str().unwrap();
    let sealed = Sealed { iv, encrypted_data: made["encryptedData"].as_str().unwrap() };
    let profile = stage.client.profile(&session.session_key, sealed, &session.openid).unwrap();
    assert_eq!(profile.json()["nickName"], "小满🌾👨‍👩‍👧");
    assert!(stage.client.profile(&session.session_key, sealed, "oAnother").is_err());

    let again = stage.client.code_to_session(code).await;
    assert!(matches!(again, Outcome::Refused(LoginRefusal::CodeUsed(_))), "{again:?}");
    let unknown = stage.client.code_to_session("unknown").await;
    assert!(matches!(unknown, Outcome::Refused(LoginRefusal::CodeInvalid(_))), "{unknown:?}");
    let (_, late) = stage.post("login", json!({})).await;
    stage.advance(300).await;
    let late = stage.client.code_to_session(late["code"].as_str().unwrap()).await;
    assert!(matches!(late, Outcome::Refused(LoginRefusal::CodeInvalid(_))), "{late:?}");
}

async fn walk(sign_type: SignType) {
    let stage = Stage::with(sign_type, |_| {}).await;
    let mut taker = Taker::failing(0).await;
    let request = stage.order("m1-A0001", &taker.url).await;
    let unknown = stage.client.order_query("m1-A0001").await;
    assert!(matches!(unknown, Outcome::Refused(QueryRefusal::NotFound(_))), "{unknown:?}");

    let prepaid = done(stage.client.unified_order(&request).await);
    assert_eq!(done(stage.client.unified_order(&request).await), prepaid);
    assert_eq!(done(stage.client.order_query("m1-A0001").await), OrderState::NotPaid);

    let now_ms = stage.now_ms().await;
    let params = stage.client.pay_params(&prepaid.prepay_id, sign_type, now_ms);
    let params = serde_json::to_value(&params).unwrap();
    let (status, paid) = stage.post("pay", params).await;
    assert_eq!((status, &paid["amount_fen"]), (200, &json!(1280)));
    let told = taker.paid(&stage).await;
    assert_eq!(paid["transaction_id"], told.transaction_id);
    assert_eq!((told.out_trade_no.as_str(), told.total_fee), ("m1-A0001", 1280));
    assert_eq!(done(stage.client.order_query("m1-A0001").await), OrderState::Paid(told));
    assert_eq!(paid["transaction_id"], stage.pay("m1-A0001").await);

    let again = stage.client.unified_order(&request).await;
    assert!(matches!(again, Outcome::Refused(OrderRefusal::Paid(_))), "{again:?}");
    until(&stage, "books", |books| books["notices_owed"] == 0).await;
    assert!(taker.is_quiet());

    let made = done(stage.client.transfer(&transfer("W1", 1000)).await);
    assert_eq!(done(stage.client.transfer(&transfer("W1", 1000)).await), made);
    let state = done(stage.client.transfer_query("W1").await);
    let TransferState::Succeeded { amount, payment_no, paid_at_ms } = state else { panic!() };
    assert_eq!((amount, payment_no, paid_at_ms), (1000, made.payment_no, made.paid_at_ms));
    let nothing = done(stage.client.transfer_query("W2").await);
    assert_eq!(nothing, TransferState::NotFound);

    let books = stage.get("books").await;
    assert_eq!((&books["paid_fen"], &books["transferred_fen"]), (&json!(1280), &json!(1000)));
    assert_eq!((&books["orders_paid"], &books["transfers"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn the_whole_walk_with_md5() {
    walk(SignType::Md5).await;
}

#[tokio::test]
async fn the_whole_walk_with_hmac() {
    walk(SignType::HmacSha256).await;
}

#[tokio::test]
async fn a_coupon_brings_the_merchant_less_and_its_fields_are_signed() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    let (status, _) = stage.post("orders/m1-A0001/pay", json!({"coupon_fen": 100})).await;
    assert_eq!(status, 200);
    let told = taker.paid(&stage).await;
    assert_eq!((told.total_fee, told.booked_fee()), (1280, 1180));
}
