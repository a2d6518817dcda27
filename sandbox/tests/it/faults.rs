//! Faults on demand, as the client sees them.

use tally_wechat::login::LoginRefusal;
use tally_wechat::order_query::OrderState;
use tally_wechat::transfer::TransferState;
use tally_wechat::{Doubt, Outcome};

use crate::support::{Stage, Taker, transfer};
use crate::walk::done;

/// Why an outcome is unknown, which it must be.
#[track_caller]
fn doubt<T: std::fmt::Debug, R: std::fmt::Debug>(outcome: Outcome<T, R>) -> Doubt {
    match outcome {
        Outcome::Unknown(doubt) => doubt,
        Outcome::Done(_) | Outcome::Refused(_) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_repeat_is_the_same_order() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    let request = stage.order("m1-A0001", &taker.url).await;
    stage.set_faults("unified_order", "answer_lost").await;
    assert_eq!(doubt(stage.client.unified_order(&request).await), Doubt::Broken);
    stage.no_faults().await;
    assert_eq!(done(stage.client.order_query("m1-A0001").await), OrderState::NotPaid);
    done(stage.client.unified_order(&request).await);
    assert_eq!(stage.get("books").await["orders_open"], 1);
}

#[tokio::test]
async fn a_time_out_and_a_system_error_do_nothing() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    let request = stage.order("m1-A0001", &taker.url).await;
    stage.set_faults("unified_order", "time_out").await;
    assert_eq!(doubt(stage.client.unified_order(&request).await), Doubt::Broken);
    stage.set_faults("unified_order", "system_error").await;
    let busy = doubt(stage.client.unified_order(&request).await);
    assert!(matches!(&busy, Doubt::Code(code) if code.code.as_str() == "SYSTEMERROR"), "{busy}");
    assert_eq!(stage.get("books").await["orders_open"], 0);
}

#[tokio::test]
async fn a_transfer_whose_answer_is_lost_is_found_by_its_query() {
    let stage = Stage::new().await;
    stage.set_faults("transfer", "answer_lost").await;
    assert_eq!(doubt(stage.client.transfer(&transfer("W1", 100)).await), Doubt::Broken);
    stage.no_faults().await;
    let state = done(stage.client.transfer_query("W1").await);
    assert!(matches!(state, TransferState::Succeeded { amount: 100, .. }), "{state:?}");
    assert_eq!(stage.get("books").await["transferred_fen"], 100);
}

#[tokio::test]
async fn a_failed_transfer_is_certain_only_by_its_query() {
    let stage = Stage::new().await;
    stage.set_faults("transfer", "failed").await;
    let said = doubt(stage.client.transfer(&transfer("W1", 100)).await);
    assert!(matches!(&said, Doubt::Code(code) if code.code.as_str() == "SEND_FAILED"), "{said}");
    stage.no_faults().await;
    doubt(stage.client.transfer(&transfer("W1", 100)).await);
    let state = done(stage.client.transfer_query("W1").await);
    assert!(matches!(state, TransferState::Failed { .. }), "{state:?}");
    assert_eq!(stage.get("books").await["transferred_fen"], 0);
}

#[tokio::test]
async fn a_login_whose_answer_is_lost_has_used_up_its_code() {
    let stage = Stage::new().await;
    let (_, made) = stage.post("login", serde_json::json!({})).await;
    let code = made["code"].as_str().unwrap();
    stage.set_faults("login", "system_error").await;
    assert!(matches!(doubt(stage.client.code_to_session(code).await), Doubt::Code(_)));
    stage.set_faults("login", "answer_lost").await;
    assert_eq!(doubt(stage.client.code_to_session(code).await), Doubt::Broken);
    stage.no_faults().await;
    let again = stage.client.code_to_session(code).await;
    assert!(matches!(again, Outcome::Refused(LoginRefusal::CodeUsed(_))), "{again:?}");
}
