//! A transfer of months ago, of which WeChat tells nothing any more: two admins end it.

use reqwest::Method;
use serde_json::json;
use tally_actors::domain::command::{Pay, TransferOutcome};
use tally_actors::domain::event::PaymentSource;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Money;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_actors::engine::{Engine, NewOrder, NewWithdrawal, Number, Options};
use tally_storage::SqliteStore;
use tempfile::TempDir;

use crate::helpers::spawn_app_in;

/// Books of long ago, with a transfer of 1,000 fen whose outcome nobody knew.
async fn books() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
    let store = std::sync::Arc::new(store);
    let runtime = tokio::runtime::Handle::current();
    let options = Options { transfers_open: true, ..Options::new(runtime) };
    let engine = Engine::start(store.clone(), options);
    let (of, then): (MerchantId, At) =
        ("m1".parse().unwrap(), "2026-01-05T02:00:00Z".parse().unwrap());
    let rules = Rules {
        payout_method: Some(PayoutMethod::Wechat),
        payout_openid: Some("o1".into()),
        ..Rules::new("A shop")
    };
    engine.register(of, rules, then).await.unwrap();
    let amount = Money::from_fen(1_000).unwrap();
    let order = NewOrder {
        number: Number::Chosen("O001".parse().unwrap()),
        amount,
        description: "tea".into(),
        channel: Channel::External,
        expires_at: then.plus_ms(1_000),
    };
    engine.open_order(of, order, then).await.unwrap();
    let pay = Pay {
        order_no: "O001".parse().unwrap(),
        transaction_id: "T001".parse().unwrap(),
        amount,
        booked: amount,
        paid_at: then,
        source: PaymentSource::Hand,
        signed: None,
    };
    engine.pay(of, pay, then).await.unwrap();
    let all = NewWithdrawal {
        number: Number::Chosen("W001".parse().unwrap()),
        request: WithdrawalRequest { amount: None, settle_first: true },
        asked_by: "k1".parse().unwrap(),
    };
    let asked = engine.withdraw(of, all, then).await.unwrap().thing;
    let sending = engine.start_sending(of, &asked, then).await.unwrap();
    let outcome = TransferOutcome::Unknown("time-out".into());
    engine.record_transfer(of, &sending, outcome, then).await.unwrap();
    engine.stop().await;
    store.close().await;
    folder
}

#[actix_web::test]
async fn two_admins_say_what_became_of_a_transfer_that_wechat_tells_of_no_more() {
    let app = spawn_app_in(books().await).await;
    let path = "/v1/merchants/m1/withdrawals/W001/confirm";
    let word = json!({"succeeded": false, "reason": "not on the bank's list"});
    let silent = app.post(path, json!({"succeeded": false})).await;
    assert_eq!(
        (silent.refusal(), &silent.body["errors"][0]["field"]),
        ((400, "invalid_request"), &json!("reason"))
    );
    let first = app.post(path, word.clone()).await.expect(202);
    assert_eq!(first["status"], "unknown");
    assert_eq!(app.balance("m1").await["in_transit_fen"], 1_000);
    let seq = &first["attested_seq"];
    let events =
        app.get(&format!("/v1/merchants/m1/events?from_seq={seq}&limit=1")).await.expect(200);
    let event = &events["items"][0];
    assert_eq!(
        (&event["kind"], &event["body"]["reason"]),
        (&json!("withdrawal_attested"), &word["reason"])
    );
    let with = |seq: serde_json::Value| {
        let mut word = word.clone();
        word["attested_seq"] = seq;
        word
    };
    let other = app.key("another admin").await;
    let merchants = app.key_of("m1").await;
    let say = async |key: &str, body| app.call(Method::POST, path, key, Some(body)).await;
    assert_eq!(say(&app.admin, with(seq.clone())).await.refusal(), (403, "forbidden"), "one admin");
    assert_eq!(say(&merchants, with(seq.clone())).await.refusal(), (403, "forbidden"), "no admin");
    let paid = json!({"succeeded": true, "reference": "B1", "reason": "paid", "attested_seq": seq});
    for bad in [with(json!(1)), with(json!(9_999)), with(json!(0)), paid] {
        assert_eq!(say(&other, bad).await.refusal(), (400, "invalid_request"));
    }
    assert_eq!(app.balance("m1").await["in_transit_fen"], 1_000);
    for _ in 0..2 {
        let ended = say(&other, with(seq.clone())).await.expect(200);
        assert_eq!(ended["status"], "failed");
        assert!(
            ended["reason"].as_str().unwrap().starts_with("not on the bank's list (first said by")
        );
    }
    let balance = app.balance("m1").await;
    assert_eq!((&balance["available_fen"], &balance["in_transit_fen"]), (&json!(1_000), &json!(0)));
    let late = json!({"succeeded": true, "reference": "B1", "reason": "paid"});
    assert_eq!(say(&other, late).await.refusal(), (422, "withdrawal_not_manual"));
    app.finish().await;
}
