//! Books put back from a backup of the day before, and every way to pay somebody twice after that.

use serde_json::{Value, json};

use crate::helpers::{spawn_app, until};
use crate::stage::Stage;

const SHOP: &str = "/v1/merchants/m1";

/// An order by WeChat that its customer pays.
async fn paid(stage: &Stage, order_no: &str, amount_fen: u64) {
    opened(stage, order_no, amount_fen).await;
    pay(stage, order_no).await;
    until("the order is paid", || async { status(stage, "orders", order_no).await == "paid" })
        .await;
}

async fn opened(stage: &Stage, order_no: &str, amount_fen: u64) {
    let order = json!({"order_no": order_no, "amount_fen": amount_fen, "description": "tea", "openid": "alice",
        "client_ip": "203.0.113.7"});
    stage.app.post(&format!("{SHOP}/orders"), order).await.expect(201);
}

async fn pay(stage: &Stage, order_no: &str) {
    stage.play(&format!("orders/m1-{order_no}/pay"), json!({})).await;
}

async fn status(stage: &Stage, things: &str, no: &str) -> Value {
    stage.app.get(&format!("{SHOP}/{things}/{no}")).await.expect(200)["status"].take()
}

fn withdrawal(no: &str, amount_fen: u64) -> Value {
    json!({"withdrawal_no": no, "amount_fen": amount_fen, "settle_first": true})
}

/// A withdrawal that WeChat pays out.
async fn paid_out(stage: &Stage, no: &str, amount_fen: u64) {
    stage.app.post(&format!("{SHOP}/withdrawals"), withdrawal(no, amount_fen)).await.expect(201);
    until("it is paid out", || async { status(stage, "withdrawals", no).await == "succeeded" })
        .await;
}

/// What is refused of a new withdrawal.
async fn refused(stage: &Stage, wanted: Value) -> (u16, String) {
    let answer = stage.app.post(&format!("{SHOP}/withdrawals"), wanted).await;
    let (status, code) = answer.refusal();
    (status, code.to_owned())
}

/// How often and how much WeChat paid out.
async fn transferred(stage: &Stage) -> (Value, Value) {
    let mut books = stage.asked("books").await;
    (books["transfers"].take(), books["transferred_fen"].take())
}

async fn take(stage: &Stage, numbers: Value) -> Vec<(String, String)> {
    let found = stage.app.post("/v1/restores/numbers", numbers).await.expect(200);
    let each =
        [("orders", "out_trade_no"), ("transfers", "partner_trade_no")].map(|(all, number)| {
            let items = found[all].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            items.map(|item| (text(&item[number]), text(&item["result"]))).collect::<Vec<_>>()
        });
    each.concat()
}

fn told(each: &[(&str, &str)]) -> Vec<(String, String)> {
    each.iter().map(|(number, result)| ((*number).to_owned(), (*result).to_owned())).collect()
}

async fn restore(stage: &Stage) -> Value {
    stage.app.get("/v1/restores").await.expect(200)["items"][0].take()
}

#[actix_web::test]
async fn nobody_is_paid_twice_after_a_backup_of_the_day_before_was_put_back() {
    let stage =
        Stage::with(|settings| settings.transfer_query_seconds = "1".parse().unwrap()).await;
    let rules =
        json!({"payout_method": "wechat", "payout_openid": "oShop", "approval_over_fen": 50_000});
    stage.app.merchant("m1", rules).await;
    paid(&stage, "A0001", 100_000).await;
    paid_out(&stage, "W001", 1_000).await;
    opened(&stage, "A0002", 20_000).await;
    // WeChat pays W002, and Tally does not come to know of it before the backup. W003 waits for a second key.
    stage.faults(&[("transfer", "answer_lost"), ("transfer_query", "system_error")]).await;
    stage.app.post(&format!("{SHOP}/withdrawals"), withdrawal("W002", 2_000)).await.expect(201);
    until("its answer is lost", || async { transferred(&stage).await.0 == 2 }).await;
    stage.app.post(&format!("{SHOP}/withdrawals"), withdrawal("W003", 60_000)).await.expect(201);

    let backup = stage.app.file("day.db");
    let backed_up = stage.app.tally(&["backup", "--to", &backup]).await;
    assert!(backed_up.status.success(), "{backed_up:?}");

    // The day after it, which is lost.
    stage.faults(&[]).await;
    until("W002 is known", || async { status(&stage, "withdrawals", "W002").await == "succeeded" })
        .await;
    let second = stage.app.key("another admin").await;
    let approve = format!("{SHOP}/withdrawals/W003/approve");
    let approved = stage.app.call(reqwest::Method::POST, &approve, &second, Some(json!({}))).await;
    approved.expect(200);
    until("W003 is paid out", || async {
        status(&stage, "withdrawals", "W003").await == "succeeded"
    })
    .await;
    pay(&stage, "A0002").await;
    until("A0002 is paid", || async { status(&stage, "orders", "A0002").await == "paid" }).await;
    paid(&stage, "A0003", 5_000).await;
    paid_out(&stage, "W004", 30_000).await;
    paid_out(&stage, "W005", 32_000).await;
    assert_eq!(stage.app.balance("m1").await["available_fen"], 0);
    let paid_by_wechat = transferred(&stage).await;
    assert_eq!(paid_by_wechat, (json!(5), json!(125_000)));

    let stage = stage.restart_after(&[&["restore", "--from", &backup]]).await;
    let ready = stage.app.get("/readyz").await.expect(200);
    assert!(ready["warnings"][0].as_str().unwrap().starts_with("no money goes out"), "{ready}");

    // Whoever asks for money is refused, whatever the number: W004 and W005 are lost, and 37,000 fen seem to be there.
    let frozen = (422, "withdrawals_frozen".to_owned());
    assert_eq!(refused(&stage, withdrawal("W004", 30_000)).await, frozen);
    assert_eq!(refused(&stage, withdrawal("W009", 100)).await, frozen);
    assert_eq!(
        refused(&stage, json!({"withdrawal_no": "W010", "all": true, "settle_first": true})).await,
        frozen
    );
    let repeat =
        stage.app.post(&format!("{SHOP}/withdrawals"), withdrawal("W001", 1_000)).await.expect(200);
    assert_eq!(repeat["status"], "succeeded");
    assert!(!stage.notify(&stage.notice_of("m1", "A0003", 5_000)).await, "its order is lost");

    // What the books have open is looked up of itself.
    until("all is looked up", || async { restore(&stage).await["status"] == "looked_up" }).await;
    assert_eq!(status(&stage, "orders", "A0002").await, "paid");
    assert_eq!(status(&stage, "withdrawals", "W002").await, "succeeded");
    assert_eq!(status(&stage, "withdrawals", "W003").await, "succeeded", "it had its second key");
    assert_eq!(transferred(&stage).await, paid_by_wechat);

    // The rest by its numbers: in whatever order, and again.
    let too_early = json!({"partner_trade_nos": ["2m1W004", "2m1W005"]});
    let first = take(&stage, too_early).await;
    assert_eq!(
        first[0].1 == "booked",
        first[1].1 != "booked",
        "{first:?}: there is enough for one"
    );
    assert!(first.iter().all(|(_, result)| result == "booked" || result == "refused"), "{first:?}");
    let all = json!({
        "out_trade_nos": ["m1-A0001", "m1-A0002", "m1-A0003", "m1-A0009", "nobodys", "m9-A0003"],
        "partner_trade_nos": ["2m1W001", "2m1W002", "2m1W003", "2m1W004", "2m1W005", "2m1W009", "?"],
    });
    take(&stage, all.clone()).await;
    let again = [
        ("m1-A0001", "known"),
        ("m1-A0002", "known"),
        ("m1-A0003", "known"),
        ("m1-A0009", "not_found"),
        ("nobodys", "refused"),
        ("m9-A0003", "refused"),
        ("2m1W001", "known"),
        ("2m1W002", "known"),
        ("2m1W003", "known"),
        ("2m1W004", "known"),
        ("2m1W005", "known"),
        ("2m1W009", "not_found"),
        ("?", "refused"),
    ];
    assert_eq!(take(&stage, all).await, told(&again));
    assert_eq!(refused(&stage, withdrawal("W009", 100)).await, frozen);

    let word = json!({"note": "WeChat's list of the day is booked"});
    stage.app.post("/v1/restores/release", json!({})).await.expect(400);
    let released = stage.app.post("/v1/restores/release", word.clone()).await.expect(200);
    assert_eq!(
        (&released["items"][0]["status"], &released["items"][0]["released_by"]),
        (&json!("released"), &json!("admin"))
    );
    let repeat =
        stage.app.post("/v1/restores/release", json!({"note": "once more"})).await.expect(200);
    assert_eq!(repeat["items"][0]["note"], word["note"], "the first word stays");
    assert_eq!(stage.app.get("/readyz").await.expect(200)["warnings"], json!([]));

    // Money goes out again, and what went out while the books were lost does not. How it was asked for then is lost: a repeat
    // with another word than what it is taken for is told that its number is used.
    for (number, amount) in [("W004", 30_000), ("W005", 32_000)] {
        for settle_first in [false, true] {
            let repeat = json!({"withdrawal_no": number, "amount_fen": amount, "settle_first": settle_first});
            let answer = stage.app.post(&format!("{SHOP}/withdrawals"), repeat).await;
            let known = answer.status == 200 && answer.body["status"] == "succeeded";
            assert!(known || answer.refusal() == (409, "number_reused"), "{answer:?}");
        }
    }
    assert_eq!(
        refused(&stage, withdrawal("W009", 100)).await,
        (422, "balance_insufficient".to_owned())
    );
    assert_eq!(transferred(&stage).await, paid_by_wechat);
    let balance = stage.app.balance("m1").await;
    let expected = json!({"available_fen": 0, "pending_fen": 0, "in_transit_fen": 0, "withdrawn_fen": 125_000, "paid_fen": 125_000});
    for (field, fen) in expected.as_object().unwrap() {
        assert_eq!(&balance[field], fen, "{field}: {balance}");
    }
    paid(&stage, "A0010", 700).await;
    // It goes out once WeChat would know of a lost one of that number, ten minutes after the restore (actors/src/tests/restores.rs).
    let new = stage.app.post(&format!("{SHOP}/withdrawals"), withdrawal("W010", 700)).await;
    assert_eq!(new.expect(201)["status"], "requested");
    stage.finish().await;
}

#[actix_web::test]
async fn books_that_were_never_put_back_have_nothing_to_make_up_for() {
    let app = spawn_app().await;
    assert_eq!(
        app.get("/v1/restores").await.expect(200),
        json!({"items": [], "next_cursor": null})
    );
    let numbers = app.post("/v1/restores/numbers", json!({"out_trade_nos": ["m1-A0001"]})).await;
    assert_eq!(numbers.refusal(), (409, "not_restored"));
    let release = app.post("/v1/restores/release", json!({"note": "x"})).await;
    assert_eq!(release.refusal(), (409, "not_restored"));
    app.merchant("m1", json!({})).await;
    let key = app.key_of("m1").await;
    for path in ["/v1/restores/numbers", "/v1/restores/release"] {
        let body = Some(json!({"note": "x"}));
        assert_eq!(app.call(reqwest::Method::POST, path, &key, body).await.status, 403, "{path}");
    }
    app.finish().await;
}

/// WeChat does not answer: what it paid is not known, so nobody may say that all is.
#[actix_web::test]
async fn a_freeze_does_not_end_before_wechat_has_said_how_everything_stands() {
    let stage = Stage::new().await;
    stage.app.merchant("m1", json!({"payout_method": "wechat", "payout_openid": "oShop"})).await;
    opened(&stage, "A0001", 900).await;
    stage.faults(&[("order_query", "system_error")]).await;
    let stage = stage.restart_after(&[&["restored", "--since", "2026-01-01T00:00:00Z"]]).await;
    until("the look-up has begun", || async { restore(&stage).await["left"]["orders"] == 1 }).await;
    let early = stage.app.post("/v1/restores/release", json!({"note": "all is well"})).await;
    assert_eq!(early.refusal(), (409, "restore_not_looked_up"));
    assert!(
        early.body["detail"].as_str().unwrap().contains("orders 1, withdrawals 0"),
        "{}",
        early.body
    );
    stage.faults(&[]).await;
    until("all is looked up", || async { restore(&stage).await["status"] == "looked_up" }).await;
    stage.app.post("/v1/restores/release", json!({"note": "all is well"})).await.expect(200);
    stage.finish().await;
}

/// The customer has the money, and the books that were put back know nothing of it.
#[actix_web::test]
async fn a_refund_that_was_lost_is_found_by_its_order_and_not_made_again() {
    let stage = Stage::new().await;
    stage.app.merchant("m1", json!({"fee_bp": 100})).await;
    paid(&stage, "A0001", 1_000).await;
    let backup = stage.app.file("day.db");
    let backed_up = stage.app.tally(&["backup", "--to", &backup]).await;
    assert!(backed_up.status.success(), "{backed_up:?}");
    let refund = json!({"refund_no": "R0001", "amount_fen": 300, "reason": "broken"});
    let refunds = format!("{SHOP}/orders/A0001/refunds");
    stage.app.post(&refunds, refund.clone()).await.expect(201);
    until("it is paid back", || async { status(&stage, "refunds", "R0001").await == "succeeded" })
        .await;

    let stage = stage.restart_after(&[&["restore", "--from", &backup]]).await;
    assert_eq!(stage.app.balance("m1").await["refunded_fen"], 0);
    let number = json!({"out_trade_nos": ["m1-A0001"]});
    let noted = take(&stage, number.clone()).await;
    assert_eq!(noted, told(&[("m1-A0001", "refunds_noted")]));
    until("it is confirmed", || async { status(&stage, "refunds", "R0001").await == "succeeded" })
        .await;
    assert_eq!(take(&stage, number).await, told(&[("m1-A0001", "known")]));

    let repeat = stage.app.post(&refunds, refund).await.expect(200);
    assert_eq!((&repeat["status"], &repeat["amount_fen"]), (&json!("succeeded"), &json!(300)));
    let other = json!({"refund_no": "R0001", "amount_fen": 301, "reason": "broken"});
    assert_eq!(stage.app.post(&refunds, other).await.refusal(), (409, "number_reused"));
    let balance = stage.app.balance("m1").await;
    assert_eq!((&balance["refunded_fen"], &balance["fee_fen"]), (&json!(300), &json!(7)));
    assert_eq!(stage.asked("books").await["refunded_fen"], 300);
    stage.finish().await;
}
