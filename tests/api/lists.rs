//! Lists: newest first, in pages, with filters.

use serde_json::{Value, json};

use crate::helpers::{TestApp, open, spawn_app};

/// All of a list, `limit` a page.
async fn all(app: &TestApp, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (vec![], String::new());
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let page = app.get(&format!("{path}{sign}limit={limit}{cursor}")).await.expect(200);
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

fn field(items: &[Value], name: &str) -> Vec<String> {
    items.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_list_in_pages_of_any_size_is_the_same_list_newest_first() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    for number in 1..=5 {
        let order = open(&format!("A00{number}"), 100);
        app.post("/v1/merchants/m1/orders", order).await.expect(201);
        app.merchant(&format!("x{number}"), json!({})).await;
        app.paid("m1", 100).await;
        let settle = json!({"settlement_no": format!("S00{number}")});
        app.post("/v1/merchants/m1/settlements", settle).await.expect(201);
        let withdraw = json!({"withdrawal_no": format!("W00{number}"), "amount_fen": 1});
        app.post("/v1/merchants/m1/withdrawals", withdraw).await.expect(201);
        for keys in ["/v1/keys", "/v1/merchants/m1/keys"] {
            app.post(keys, json!({"name": format!("key {number}")})).await.expect(201);
        }
    }
    for (path, name, first) in [
        ("/v1/merchants/m1/orders?status=open", "order_no", "A005"),
        ("/v1/merchants/m1/settlements", "settlement_no", "S005"),
        ("/v1/merchants/m1/withdrawals", "withdrawal_no", "W005"),
        ("/v1/merchants", "merchant_id", "x5"),
        ("/v1/merchants/m1/keys", "name", "key 5"),
        ("/v1/keys", "name", "key 5"),
    ] {
        let whole = field(&all(&app, path, 200).await, name);
        assert_eq!(whole[0], first, "{path}");
        for limit in [1, 2, 3] {
            assert_eq!(field(&all(&app, path, limit).await, name), whole, "{path}, {limit} a page");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_list_shows_what_its_filters_ask_for() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    app.post("/v1/merchants/m1/orders", open("OPEN", 100)).await.expect(201);
    app.post("/v1/merchants/m1/orders", open("CLOSED", 100)).await.expect(201);
    app.post("/v1/merchants/m1/orders/CLOSED/close", json!({})).await.expect(200);
    let paid = app.paid("m1", 100).await;
    for (query, found) in [
        ("status=open", vec!["OPEN"]),
        ("status=closed", vec!["CLOSED"]),
        ("status=paid", vec![&*paid]),
        ("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", vec![]),
        ("from=2020-01-01T00:00:00Z", vec![&*paid, "CLOSED", "OPEN"]),
    ] {
        let items = all(&app, &format!("/v1/merchants/m1/orders?{query}"), 50).await;
        assert_eq!(field(&items, "order_no"), found, "{query}");
    }
    let withdraw = json!({"withdrawal_no": "W001", "amount_fen": 1, "settle_first": true});
    app.post("/v1/merchants/m1/withdrawals", withdraw).await.expect(201);
    for (status, found) in [("requested", 1), ("succeeded", 0)] {
        let path = format!("/v1/merchants/m1/withdrawals?status={status}");
        assert_eq!(all(&app, &path, 50).await.len(), found, "{status}");
    }
    app.finish().await;
}

#[actix_web::test]
async fn a_parameter_or_a_cursor_that_is_not_of_this_list_is_named() {
    let app = spawn_app().await;
    app.merchant("m1", json!({})).await;
    for (path, field) in [
        ("orders?limit=0", "limit"),
        ("orders?limit=201", "limit"),
        ("orders?cursor=nonsense!", "cursor"),
        ("orders?cursor=", "cursor"),
        ("orders?status=lost", "status"),
        ("orders?from=yesterday", "from"),
        ("orders?to=2026-13-01T00:00:00Z", "to"),
        ("orders?colour=red", "colour"),
        ("settlements?cursor=nonsense!", "cursor"),
        ("withdrawals?cursor=nonsense!", "cursor"),
        ("withdrawals?status=paid", "status"),
        ("events?from_seq=0", "from_seq"),
        ("events?cursor=x", "cursor"),
        ("entries?cursor=1.x", "cursor"),
        ("entries?from_seq=1&cursor=1", "from_seq"),
        ("keys?limit=201", "limit"),
        ("keys?cursor=o1", "cursor"),
        ("balance?at=now", "at"),
        ("balance?seq=x", "seq"),
        ("balance?seq=1&at=2020-01-01T00:00:00Z", "seq"),
    ] {
        let answer = app.get(&format!("/v1/merchants/m1/{path}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{path}");
        assert_eq!(answer.body["errors"][0]["field"], field, "{path}");
    }
    for (path, field) in [
        ("/v1/merchants?cursor=!", "cursor"),
        ("/v1/cases?cursor=!", "cursor"),
        ("/v1/cases?kind=x", "kind"),
    ] {
        assert_eq!(app.get(path).await.body["errors"][0]["field"], field, "{path}");
    }
    app.finish().await;
}
