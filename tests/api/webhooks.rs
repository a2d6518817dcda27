//! Webhooks over real HTTP: what a receiver is told, in which order, how it is signed, and what becomes of what it refuses.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tally::settings::{OnOff, Settings};
use tally_wechat::SignType;

use crate::helpers::{TestApp, open, spawn_app, spawn_with, until};
use crate::receiver::{Hit, Receiver};
use crate::stage::{Stage, signed};

fn private(settings: &mut Settings) {
    settings.webhook_private = Some(OnOff::On);
}

/// A webhook of a receiver; its id and its secret.
async fn webhook(app: &TestApp, mut wanted: Value, receiver: &Receiver) -> (String, String) {
    wanted["url"] = receiver.url().into();
    let made = app.post("/v1/webhooks", wanted).await.expect(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("webhook_id"), text("secret"))
}

/// What was told: kind, and the number of what it is about.
fn told(hits: &[Hit]) -> Vec<String> {
    let about = |data: &Value| {
        let numbers = ["withdrawal_no", "order_no", "settlement_no", "case_id"];
        let found = numbers.iter().find_map(|name| data[name].as_str());
        found.unwrap().to_owned()
    };
    hits.iter()
        .map(|hit| format!("{} {}", hit.body["kind"].as_str().unwrap(), about(&hit.body["data"])))
        .collect()
}

async fn until_told(receiver: &Receiver, count: usize) -> Vec<Hit> {
    until("it is told", || async { receiver.hits().len() >= count }).await;
    receiver.hits()
}

async fn deliveries(app: &TestApp, webhook_id: &str, query: &str) -> Vec<Value> {
    let path = format!("/v1/webhooks/{webhook_id}/deliveries{query}");
    app.get(&path).await.expect(200)["items"].as_array().unwrap().clone()
}

/// HMAC-SHA256 by its definition (RFC 2104), in hexadecimal digits.
fn hmac(key: &str, text: &str) -> String {
    let mut block = [0; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key.as_bytes());
    }
    let padded = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = Sha256::digest([padded(0x36), text.as_bytes().to_vec()].concat());
    let outer = Sha256::digest([padded(0x5c), inner.to_vec()].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[actix_web::test]
async fn each_kind_is_told_in_order_signed_and_with_what_the_api_shows() {
    let stage = Stage::with(private).await;
    let (app, receiver) = (&stage.app, Receiver::start().await);
    app.merchant("m1", json!({"approval_over_fen": 0})).await;
    let (webhook_id, secret) = webhook(app, json!({}), &receiver).await;
    assert!(secret.len() > 64, "32 random bytes");
    let second = app.key("second").await;
    let shop = "/v1/merchants/m1";
    for no in ["A0001", "A0002"] {
        app.post(&format!("{shop}/orders"), open(no, 50_000)).await.expect(201);
    }
    app.post(&format!("{shop}/orders/A0002/close"), json!({})).await.expect(200);
    let paid = json!({"transaction_id": "T1", "amount_fen": 50_000});
    app.post(&format!("{shop}/orders/A0001/paid"), paid).await.expect(200);
    until_told(&receiver, 2).await; // as unsettled
    app.post(&format!("{shop}/settlements"), json!({"settlement_no": "S001"})).await.expect(201);
    for no in ["W001", "W002", "W003"] {
        let wanted = json!({"withdrawal_no": no, "amount_fen": 1_000});
        app.post(&format!("{shop}/withdrawals"), wanted).await.expect(201);
        let word = if no == "W003" { "reject" } else { "approve" };
        let path = format!("{shop}/withdrawals/{no}/{word}");
        app.call(Method::POST, &path, &second, Some(json!({"reason": "so"}))).await.expect(200);
    }
    for (no, succeeded) in [("W001", true), ("W002", false)] {
        let word = json!({"succeeded": succeeded, "reference": "bank-1", "reason": "so"});
        app.post(&format!("{shop}/withdrawals/{no}/confirm"), word).await.expect(200);
    }
    let unknown = signed(&stage.notice_of("m1", "A0009", 7), SignType::Md5);
    assert!(!stage.send("m1", unknown).await, "nobody knows its order");
    let hits = until_told(&receiver, 7).await;
    let mut all = told(&hits);
    let case = app.get("/v1/cases?merchant_id=m1").await.expect(200)["items"][0].take();
    all.sort();
    let case_told = format!("case.opened {}", case["case_id"].as_str().unwrap());
    assert_eq!(
        all,
        [
            case_told.as_str(),
            "order.closed A0002",
            "order.paid A0001",
            "settlement.made S001",
            "withdrawal.failed W002",
            "withdrawal.rejected W003",
            "withdrawal.succeeded W001",
        ]
    );
    for hit in &hits {
        let (body, kind) = (&hit.body, hit.body["kind"].as_str().unwrap());
        let line = told(std::slice::from_ref(hit)).remove(0);
        let (thing, number) = line.split_once(' ').unwrap();
        let thing = format!("{}s", thing.split('.').next().unwrap());
        let mut shown = if thing == "cases" {
            app.get(&format!("/v1/cases/{number}")).await.expect(200)
        } else {
            app.get(&format!("{shop}/{thing}/{number}")).await.expect(200)
        };
        if thing == "orders" {
            // It is settled since.
            shown["settlement_no"] = Value::Null;
            shown["settled_fen"] = Value::Null;
        }
        assert_eq!(body["data"], shown, "{kind}");
        assert_eq!(body["merchant_id"], "m1");
        let id = format!("m1-{}-", body["seq"]);
        assert!(body["id"].as_str().unwrap().starts_with(&id), "{body}");
        assert_eq!(hit.header("tally-event-id"), body["id"].as_str().unwrap());
        let signature = hit.header("tally-signature");
        let (t, v1) = signature.split_once(",v1=").unwrap();
        let t = t.strip_prefix("t=").unwrap();
        assert_eq!(v1, hmac(&secret, &format!("{t}.{}", hit.raw)), "{kind}");
        assert_ne!(v1, hmac(&secret, &format!("{t}.{}x", hit.raw)), "{kind}");
    }
    assert_eq!(deliveries(app, &webhook_id, "").await, Vec::<Value>::new(), "none failed");
    let events = app.get(&format!("{shop}/events")).await.expect(200);
    let paid = events["items"].as_array().unwrap().iter().find(|one| one["kind"] == "order_paid");
    let hit = hits.iter().find(|hit| hit.body["kind"] == "order.paid").unwrap();
    assert_eq!((&hit.body["seq"], &hit.body["at"]), (&paid.unwrap()["seq"], &paid.unwrap()["at"]));
    receiver.stop().await;
    stage.finish().await;
}

#[actix_web::test]
async fn a_webhook_is_told_of_its_merchant_and_kinds_alone_and_of_nothing_before_it() {
    let (app, receiver) = (spawn_with(private).await, Receiver::start().await);
    app.merchant("m1", json!({})).await;
    app.merchant("m2", json!({})).await;
    let early = app.paid("m1", 500).await;
    let own = json!({"merchant_id": "m1", "kinds": ["order.paid", "order.paid"]});
    let (webhook_id, secret) = webhook(&app, own, &receiver).await;
    app.paid("m2", 500).await;
    app.post("/v1/merchants/m1/settlements", json!({"settlement_no": "S001"})).await.expect(201);
    let late = app.paid("m1", 700).await;
    let hits = until_told(&receiver, 1).await;
    assert_eq!(told(&hits), [format!("order.paid {late}")]);
    assert_ne!(early, late);
    let mut listed = app.get("/v1/webhooks").await.expect(200)["items"][0].take();
    assert_eq!(listed["webhook_id"], webhook_id.as_str());
    assert_eq!(listed["kinds"].take(), json!(["order.paid"]));
    assert!(!listed.to_string().contains(&secret), "it is shown once");
    app.delete(&format!("/v1/webhooks/{webhook_id}")).await;
    let gone = app.delete(&format!("/v1/webhooks/{webhook_id}")).await;
    assert_eq!(gone.refusal(), (404, "webhook_unknown"));
    let path = format!("/v1/webhooks/{webhook_id}/deliveries");
    assert_eq!(app.get(&path).await.refusal(), (404, "webhook_unknown"));
    receiver.stop().await;
    app.finish().await;
}

#[actix_web::test]
async fn what_a_receiver_refuses_waits_is_shown_and_told_later_and_again_when_asked_for() {
    let (app, receiver) = (spawn_with(private).await, Receiver::start().await);
    app.merchant("m1", json!({})).await;
    let (webhook_id, _) = webhook(&app, json!({}), &receiver).await;
    receiver.answer(302);
    let first = app.paid("m1", 500).await;
    until("it waits", || async {
        !deliveries(&app, &webhook_id, "?status=waiting").await.is_empty()
    })
    .await;
    let waits = deliveries(&app, &webhook_id, "").await[0].clone();
    assert_eq!((&waits["kind"], &waits["tries"]), (&json!("order.paid"), &json!(1)));
    assert_eq!(waits["error"], "answered 302; redirects are not followed");
    assert!(waits["next_try_at"].is_string(), "{waits}");
    assert_eq!(receiver.strayed(), 0, "it was not followed");
    // Another thing is told meanwhile; the first comes by itself, and its row says so.
    receiver.answer(200);
    let second = app.paid("m1", 600).await;
    let made = "?status=delivered";
    until("it is told", || async { deliveries(&app, &webhook_id, made).await.len() == 1 }).await;
    assert_eq!(deliveries(&app, &webhook_id, "?status=waiting").await, Vec::<Value>::new());
    let hits = receiver.hits();
    let mut all = told(&hits);
    all.sort();
    let (paid1, paid2) = (format!("order.paid {first}"), format!("order.paid {second}"));
    let mut expected = [paid1.clone(), paid1, paid2.clone()];
    expected.sort();
    assert_eq!(all, expected);
    // What was told at once can be told again as well, under the same name.
    let id = hits.iter().find(|hit| told(std::slice::from_ref(hit))[0] == paid2).unwrap();
    let id = id.body["id"].as_str().unwrap();
    let replay = format!("/v1/webhooks/{webhook_id}/deliveries/{id}/replay");
    let again = app.post(&replay, json!({})).await.expect(200);
    assert_eq!((&again["status"], &again["tries"]), (&json!("waiting"), &json!(0)));
    let hits = until_told(&receiver, 4).await;
    assert_eq!(hits[3].body["id"], id);
    for (other, refusal) in [
        ("m1-1-000000000000", (404, "delivery_unknown")),
        ("m9-1-000000000000", (404, "delivery_unknown")),
        ("m1-1", (400, "invalid_request")),
    ] {
        let path = format!("/v1/webhooks/{webhook_id}/deliveries/{other}/replay");
        assert_eq!(app.post(&path, json!({})).await.refusal(), refusal, "{other}");
    }
    receiver.stop().await;
    app.finish().await;
}

#[actix_web::test]
async fn a_receiver_that_went_away_and_a_restart_in_between_lose_nothing() {
    let (app, receiver) = (spawn_with(private).await, Receiver::start().await);
    app.merchant("m1", json!({})).await;
    let (webhook_id, _) = webhook(&app, json!({}), &receiver).await;
    // It takes the first and never answers: the stop comes between success and cursor.
    receiver.answer(0);
    let first = app.paid("m1", 500).await;
    assert_eq!(told(&until_told(&receiver, 1).await), [format!("order.paid {first}")]);
    let app = app.restart().await;
    receiver.answer(200);
    let hits = until_told(&receiver, 2).await;
    assert_eq!(hits[0].body["id"], hits[1].body["id"], "twice, under the same name");
    let port = receiver.stop().await;
    let second = "A0002";
    app.post("/v1/merchants/m1/orders", open(second, 600)).await.expect(201);
    let paid = json!({"transaction_id": "T2", "amount_fen": 600});
    app.post(&format!("/v1/merchants/m1/orders/{second}/paid"), paid).await.expect(200);
    let waiting = "?status=waiting";
    until("it waits", || async { deliveries(&app, &webhook_id, waiting).await.len() == 1 }).await;
    let waits = deliveries(&app, &webhook_id, waiting).await[0].clone();
    assert!(waits["error"].as_str().unwrap().starts_with("not reached: "), "{waits}");
    let app = app.restart().await;
    let back = Receiver::start_on(port).await;
    let hits = until_told(&back, 1).await;
    assert_eq!(told(&hits), [format!("order.paid {second}")]);
    back.stop().await;
    app.finish().await;
}

#[actix_web::test]
async fn a_webhook_that_can_not_be_is_refused_with_the_field_and_none_is_a_merchants() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    let url = "https://example.com/hook";
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": "http://example.com/"}), "url"),
        (json!({"url": "https://127.0.0.1/"}), "url"),
        (json!({"url": "https://[::ffff:10.0.0.1]/"}), "url"),
        (json!({"url": format!("{url}?{}", "a".repeat(600))}), "url"),
        (json!({"url": url, "kinds": []}), "kinds"),
        (json!({"url": url, "kinds": ["order.lost"]}), "kinds"),
        (json!({"url": url, "merchant_id": "m-1"}), "merchant_id"),
        (json!({"url": url, "secret": "mine"}), "secret"),
    ] {
        let answer = app.post("/v1/webhooks", body).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{field}");
        assert_eq!(answer.body["errors"][0]["field"], field);
    }
    let unknown = json!({"url": url, "merchant_id": "m9"});
    assert_eq!(app.post("/v1/webhooks", unknown).await.refusal(), (404, "merchant_unknown"));
    let key = app.key_of("m1").await;
    for (method, path) in [
        (Method::POST, "/v1/webhooks"),
        (Method::GET, "/v1/webhooks"),
        (Method::DELETE, "/v1/webhooks/w1"),
        (Method::GET, "/v1/webhooks/w1/deliveries"),
        (Method::POST, "/v1/webhooks/w1/deliveries/m1-1-000000000000/replay"),
    ] {
        let answer = app.call(method, path, &key, Some(json!({}))).await;
        assert_eq!(answer.refusal(), (403, "forbidden"), "{path}");
    }
    for n in 0..32 {
        let merchant = json!({"url": format!("{url}/{n}"), "merchant_id": "m1"});
        app.post("/v1/webhooks", merchant).await.expect(201);
    }
    let more = app.post("/v1/webhooks", json!({"url": url})).await;
    assert_eq!(more.refusal(), (409, "webhooks_max"));
    app.finish().await;
}
