//! The past of a merchant: its balance as it was, its events, its entries.

use serde_json::{Value, json};

use crate::helpers::spawn_app;

#[actix_web::test]
async fn the_balance_is_told_as_it_was_after_any_event() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    for amount in [100, 200, 300] {
        app.paid("m1", amount).await;
    }
    let newest = app.balance("m1").await["seq"].as_u64().unwrap();
    let mut pending = vec![];
    for seq in 1..=newest {
        let path = format!("/v1/merchants/m1/balance?seq={seq}");
        let then = app.get(&path).await.expect(200);
        assert_eq!(then["seq"], seq);
        pending.push(then["pending_fen"].as_i64().unwrap());
    }
    assert_eq!(pending, [0, 0, 100, 100, 300, 300, 600]);
    let beyond = app.get(&format!("/v1/merchants/m1/balance?seq={}", newest + 1)).await;
    assert_eq!(beyond.body["errors"][0]["field"], "seq");
    app.finish().await;
}

#[actix_web::test]
async fn the_balance_is_told_as_it_was_at_any_time() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.paid("m1", 100).await;
    let events = app.get("/v1/merchants/m1/events").await.expect(200);
    let paid_at = events["items"][2]["at"].as_str().unwrap();
    let then = app.get(&format!("/v1/merchants/m1/balance?at={paid_at}")).await.expect(200);
    assert_eq!(then["pending_fen"], 100);
    let before = "/v1/merchants/m1/balance?at=2020-01-01T00:00:00Z";
    let before = app.get(before).await.expect(200);
    assert_eq!((&before["seq"], &before["pending_fen"]), (&json!(0), &json!(0)));
    assert_eq!(before["as_of"], "2020-01-01T00:00:00.000Z");
    let later = app.get("/v1/merchants/m1/balance?at=9000-01-01T00:00:00Z").await.expect(200);
    assert_eq!(later["pending_fen"], 100);
    assert!(later["as_of"].as_str().unwrap() < "9000");
    app.finish().await;
}

#[actix_web::test]
async fn events_come_oldest_first_with_their_amounts_in_fen() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"fee_bp": 100})).await;
    app.paid("m1", 1_000).await;
    let events = app.get("/v1/merchants/m1/events").await.expect(200);
    let items = events["items"].as_array().unwrap();
    let kinds: Vec<&str> = items.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["merchant_registered", "order_opened", "order_paid"]);
    assert_eq!(items[2]["body"]["booked_fen"], 1_000);
    assert_eq!(items[2]["body"]["fee_fen"], 10);
    assert!(items.iter().all(|event| event["hash"].as_str().unwrap().len() == 64));
    assert_eq!(events["next_cursor"], json!(null));
    let last = app.get("/v1/merchants/m1/events?from_seq=3").await.expect(200);
    assert_eq!(last["items"], json!([items[2]]));
    app.finish().await;
}

#[actix_web::test]
async fn entries_balance_and_no_page_parts_with_one() {
    let app = spawn_app().await;
    app.merchant("m1", json!({"fee_bp": 100})).await;
    for _ in 0..3 {
        app.paid("m1", 1_000).await;
    }
    app.post("/v1/merchants/m1/settlements", json!({})).await.expect(201);
    let all = app.get("/v1/merchants/m1/entries").await.expect(200);
    let all = all["items"].as_array().unwrap();
    assert_eq!(all.len(), 3 * 3 + 2);
    let sum = |side: &str| all.iter().map(|entry| entry[side].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("debit_fen"), sum("credit_fen")), (3_000 + 2_970, 3_000 + 2_970));

    for limit in [1, 2, 4] {
        let (mut paged, mut cursor) = (Vec::<Value>::new(), String::new());
        loop {
            let path = format!("/v1/merchants/m1/entries?limit={limit}{cursor}");
            let page = app.get(&path).await.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!((1..=limit).contains(&items.len()), "{limit} a page: {}", items.len());
            paged.extend(items.iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(&paged, all, "{limit} a page");
    }
    app.finish().await;
}
