//! Days compared with WeChat's bills: what was planted is found, each once, and nothing else.

use serde_json::{Value, json};

use crate::helpers::{spawn_app, until};
use crate::made_bills::{self, Line};
use crate::shop::{DAY, RUNS, Shop, back, line};

#[actix_web::test]
async fn of_each_class_of_fault_all_are_found_and_none_else() {
    planted(2).await;
}

#[actix_web::test]
#[ignore = "a thousand orders take a minute: cargo test --test api -- --ignored hundred"]
async fn of_a_hundred_of_each_class_of_fault_all_are_found_and_none_else() {
    planted(100).await;
}

/// What the platform's totals say of WeChat's balance.
async fn wechat_balance(shop: &Shop) -> [Value; 3] {
    let totals = shop.stage.app.get("/v1/platform/totals").await.expect(200);
    ["wechat_balance_fen", "wechat_balance_on", "wechat_balance_unknown"]
        .map(|name| totals[name].clone())
}

/// Plants so many of each class that a bill can show, and compares.
async fn planted(each: i64) {
    let shop = Shop::new().await;
    let noon = format!("{DAY} 12:00:00");
    let mut lines = vec![];
    for n in 0..10 {
        lines.push(shop.paid(&format!("G{n:03}"), 1_000 + n, &noon).await);
    }
    let mut expected = vec![];
    for n in 0..each {
        let no = |class: &str| format!("{class}{n:02}");
        // Missed: paid at WeChat, open here.
        shop.opened(&no("MI"), 500).await;
        lines.push(line(&no("MI"), 500, &noon));
        // Doubled.
        let doubled = shop.paid(&no("DO"), 500, &noon).await;
        lines.extend([doubled.clone(), doubled]);
        // A fen more or less; yuan for fen.
        let one = shop.paid(&no("FE"), 500, &noon).await;
        lines.push(Line { fen: 500 + 1 - 2 * (n % 2), ..one });
        let one = shop.paid(&no("YU"), 500, &noon).await;
        lines.push(Line { fen: 50_000, charge: 300, ..one });
        // A wrong fee.
        let one = shop.paid(&no("CH"), 500, &noon).await;
        lines.push(Line { charge: 4, ..one });
        // Only there, only here.
        lines.push(line(&no("TH"), 500, &noon));
        shop.paid(&no("HE"), 500, &noon).await;
        // Taken back; a refund that nobody here knows.
        let one = shop.paid(&no("ST"), 500, &noon).await;
        lines.push(Line { state: "REVOKED", ..one });
        let one = shop.paid(&no("RE"), 500, &noon).await;
        let refund = back(&one, 200, &no("50"), &no("R"));
        lines.extend([one, refund]);
        expected.extend([
            "bill_status",
            "bill_only",
            "bill_amount",
            "bill_amount",
            "bill_fee",
            "bill_only",
            "journal_only",
            "bill_status",
            "bill_refund",
            "bill_only",
            "bill_only",
        ]);
    }
    made_bills::put(&shop.bills, DAY, &lines);
    // Transfers: once, as it should be; twice; and those that nobody here asked for.
    let mut transfers = vec![shop.withdrawn("W000", 700).await];
    for n in 0..each {
        let doubled = shop.withdrawn(&format!("WD{n:02}"), 700).await;
        transfers.extend([doubled.clone(), doubled, (format!("2m1WU{n:02}"), 300)]);
    }
    made_bills::put_transfers(&shop.bills, DAY, &transfers);
    expected.sort_unstable();

    let report = shop.run(DAY).await;
    assert_eq!(shop.kinds(DAY).await, expected, "{report}");
    let balance = 10_000_000 - 700 - each * 1_700;
    assert_eq!(report["flow"]["balance_fen"], balance);
    assert_eq!(wechat_balance(&shop).await, [json!(balance), json!(DAY), Value::Null]);
    let cases = || async { shop.all("/v1/cases").await.len() };
    assert_eq!(cases().await, expected.len());

    // A second run opens no second case; what is no longer there is said.
    made_bills::put_transfers(&shop.bills, DAY, &transfers[..1]);
    let report = shop.run(DAY).await;
    assert_eq!(report["no_longer_seen"], 2 * each, "{report}");
    assert_eq!(cases().await, expected.len());
    let csv = shop
        .stage
        .app
        .http
        .get(format!("{}{RUNS}/{DAY}/differences?format=csv", shop.stage.app.base));
    let csv = csv.bearer_auth(&shop.stage.app.admin).send().await.unwrap().text().await.unwrap();
    assert_eq!(csv.lines().count(), expected.len() + 1, "{csv}");
    shop.stage.finish().await;
}

#[actix_web::test]
async fn seven_clean_days_with_payments_around_midnight_raise_nothing() {
    let shop = Shop::new().await;
    let mut bills: Vec<Vec<Line>> = vec![vec![]; 8];
    for day in 1..=7_usize {
        for n in 0..3 {
            let at = format!("2026-02-0{day} 1{n}:30:00");
            bills[day - 1].push(shop.paid(&format!("D{day}N{n}"), 999, &at).await);
        }
        // Before midnight here, in the next day's bill; and the other way round.
        let late = shop.paid(&format!("L{day}00"), 100, &format!("2026-02-0{day} 23:59:58")).await;
        let next = format!("2026-02-0{} 00:00:01", day + 1);
        bills[day].push(Line { at: next.clone(), ..late });
        if day < 7 {
            let early = shop.paid(&format!("E{day}00"), 100, &next).await;
            bills[day - 1].push(Line { at: format!("2026-02-0{day} 23:59:59"), ..early });
        }
    }
    for (day, lines) in (1..).zip(&bills) {
        made_bills::put(&shop.bills, &format!("2026-02-0{day}"), lines);
    }
    for day in (1..=7).chain([3]) {
        let date = format!("2026-02-0{day}");
        let report = shop.run(&date).await;
        assert_eq!(report["differences"], json!({}), "{date}: {report}");
        assert_eq!(report["sums"]["agreed_charge_fen"], report["sums"]["bill_charge_fen"]);
    }
    let cases = shop.stage.app.get("/v1/cases").await.expect(200);
    assert_eq!(cases["items"], json!([]));
    let days = shop.stage.app.get(RUNS).await.expect(200);
    assert_eq!(days["items"].as_array().unwrap().len(), 7);
    shop.stage.finish().await;
}

#[actix_web::test]
async fn what_was_carried_over_and_never_came_is_a_difference_of_the_next_day() {
    let shop = Shop::new().await;
    shop.paid("L100", 100, "2026-02-01 23:59:58").await;
    let report = shop.run("2026-02-01").await;
    assert_eq!((&report["carried"], &report["differences"]), (&json!(1), &json!({})));
    let report = shop.run("2026-02-02").await;
    assert_eq!(report["differences"], json!({"journal_only": 1}));
    let base = shop.stage.app.base.clone();
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("differences.csv");
    let command = ["reconcile", "--date", "2026-02-02", "--url", &base, "--csv"];
    let told = shop.stage.app.tally(&[&command[..], &[csv.to_str().unwrap()]].concat()).await;
    let said = String::from_utf8_lossy(&told.stdout);
    assert_eq!((told.status.code(), said.contains("journal_only 1")), (Some(1), true), "{told:?}");
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 2);
    shop.stage.finish().await;
}

#[actix_web::test]
async fn refunds_that_the_journal_has_raise_nothing_and_others_and_other_amounts_do() {
    let shop = Shop::with(|settings| settings.transfer_query_seconds = "1".parse().unwrap()).await;
    let (stage, orders) = (&shop.stage, "/v1/merchants/default/orders");
    let alice = stage.page("alice").await;
    // A part, all, and a part by hand in WeChat's merchant platform; each of an order that was paid on another day.
    let mut lines = vec![];
    for (n, fen) in [("1", 333), ("2", 1_000), ("3", 250)] {
        let no = format!("A000{n}");
        stage.order(&alice, &no, 1_000).await;
        stage.play(&format!("orders/default-{no}/pay"), json!({})).await;
        until("it is paid", || async { stage.status(&no).await == "paid" }).await;
        if n == "3" {
            let notify_url = format!("{}/notify/default/refund", stage.app.base);
            let by_hand = json!({"amount_fen": fen, "notify_url": notify_url});
            stage.play(&format!("orders/default-{no}/refund"), by_hand).await;
        } else {
            let ask = json!({"refund_no": format!("R000{n}"), "amount_fen": fen});
            stage.app.post(&format!("{orders}/{no}/refunds"), ask).await.expect(201);
        }
        let done = "/v1/merchants/default/refunds?status=succeeded";
        let newest = || async { stage.app.get(done).await.expect(200)["items"][0].clone() };
        until("it is refunded", || async { newest().await["order_no"] == no.as_str() }).await;
        let refund = newest().await;
        let order = stage.app.get(&format!("{orders}/{no}")).await.expect(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let paid = Line {
            order: format!("default-{no}"),
            transaction: text(&order["transaction_id"]),
            ..line(&no, 1_000, &format!("{DAY} 12:00:00"))
        };
        let number = if n == "3" { "byhand".to_owned() } else { format!("default-R000{n}") };
        lines.push(back(&paid, fen, &text(&refund["refund_id"]), &number));
    }
    made_bills::put(&shop.bills, DAY, &lines);
    let report = shop.run(DAY).await;
    assert_eq!(report["differences"], json!({}), "{report}");
    assert_eq!((&report["sums"]["refunds_matched"], &report["carried"]), (&json!(3), &json!(0)));

    let stranger = back(&lines[0], 100, "50999", "default-R0999");
    let doubled = lines[1].clone();
    lines[0].fen += 1;
    lines.extend([stranger, doubled]);
    made_bills::put(&shop.bills, DAY, &lines);
    let report = shop.run(DAY).await;
    assert_eq!(report["differences"], json!({"bill_refund": 3}), "{report}");
    let mut kinds = shop.kinds(DAY).await;
    kinds.dedup();
    assert_eq!(kinds, ["bill_refund"]);
    shop.stage.finish().await;
}

#[actix_web::test]
async fn a_refund_made_by_hand_whose_notice_is_lost_is_booked_once_the_bill_tells_of_it() {
    let shop = Shop::with(|settings| settings.transfer_query_seconds = "1".parse().unwrap()).await;
    let stage = &shop.stage;
    let alice = stage.page("alice").await;
    stage.order(&alice, "A0001", 1_000).await;
    stage.play("orders/default-A0001/pay", json!({})).await;
    until("it is paid", || async { stage.status("A0001").await == "paid" }).await;
    stage.play("orders/default-A0001/refund", json!({"amount_fen": 250})).await;
    let made = stage.asked("refunds").await["items"][0].clone();
    let order = stage.app.get("/v1/merchants/default/orders/A0001").await.expect(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let paid = Line {
        order: "default-A0001".to_owned(),
        transaction: text(&order["transaction_id"]),
        ..line("A0001", 1_000, &format!("{DAY} 12:00:00"))
    };
    made_bills::put(
        &shop.bills,
        DAY,
        &[back(&paid, 250, &text(&made["refund_id"]), &text(&made["out_refund_no"]))],
    );
    let report = shop.run(DAY).await;
    assert_eq!(report["differences"], json!({"bill_refund": 1}), "{report}");
    let refunded = || async { stage.app.balance("default").await["refunded_fen"] == 250 };
    until("it is booked", refunded).await;
    let report = shop.run(DAY).await;
    assert_eq!((&report["differences"], &report["no_longer_seen"]), (&json!({}), &json!(1)));
    shop.stage.finish().await;
}

#[actix_web::test]
async fn a_bill_that_can_not_be_read_changes_nothing_and_says_which_line() {
    let shop = Shop::new().await;
    let known = shop.paid("A001", 500, &format!("{DAY} 12:00:00")).await;
    let stranger = line("B001", 500, &format!("{DAY} 12:00:00"));
    let whole = made_bills::trade(&[known, stranger]);
    let cut = whole.split_inclusive('\n').take(3).collect();
    made_bills::put_text(&shop.bills, DAY, cut);
    let seq = shop.stage.app.balance("m1").await["seq"].take();
    let answer = shop.stage.app.post(RUNS, json!({"date": DAY})).await;
    assert_eq!(answer.refusal(), (422, "bill_unreadable"), "{}", answer.body);
    assert!(answer.body["detail"].as_str().unwrap().contains("line 3"), "{}", answer.body);
    assert_eq!(shop.stage.app.balance("m1").await["seq"], seq);
    let standing = shop.stage.app.get(&format!("{RUNS}/{DAY}")).await.expect(200);
    assert_eq!((&standing["status"], &standing["ran_at"]), (&json!("failed"), &Value::Null));
    let none = shop.stage.app.get(&format!("{RUNS}/{DAY}/differences")).await;
    assert_eq!(none.refusal(), (404, "reconciliation_unknown"));
    shop.stage.finish().await;
}

#[actix_web::test]
async fn a_day_whose_bill_is_not_made_yet_and_a_key_that_may_not_are_refused() {
    let app = spawn_app().await;
    let early = app.post(RUNS, json!({"date": "9999-12-01"})).await;
    assert_eq!(early.refusal(), (422, "bill_not_ready"), "{}", early.body);
    let bad = app.post(RUNS, json!({"date": "2026-02-30"})).await;
    assert_eq!(bad.refusal(), (400, "invalid_request"));
    let unknown = app.get(&format!("{RUNS}/{DAY}")).await;
    assert_eq!(unknown.refusal(), (404, "reconciliation_unknown"));
    app.merchant("m1", json!({})).await;
    let key = app.key_of("m1").await;
    let others = app.call(reqwest::Method::GET, RUNS, &key, None).await;
    assert_eq!(others.status, 403);
    app.finish().await;
}
