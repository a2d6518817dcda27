//! Withdrawals paid out by hand, from the run to what the bank says of each.

use reqwest::Method;
use serde_json::{Value, json};
use tally::settings::Settings;

use crate::helpers::{Answer, TestApp, read, spawn_app, spawn_app_in};

const RUNS: &str = "/v1/bank-runs";

/// A merchant with a withdrawal of that many fen under each number.
async fn shop(app: &TestApp, of: &str, rules: Value, withdrawals: &[(&str, i64)]) {
    app.merchant(of, rules).await;
    app.paid(of, 100_000).await;
    app.post(&format!("/v1/merchants/{of}/settlements"), json!({})).await.expect(201);
    for (no, fen) in withdrawals {
        request(app, of, no, *fen).await;
    }
}

async fn request(app: &TestApp, of: &str, no: &str, fen: i64) {
    let wanted = json!({"withdrawal_no": no, "amount_fen": fen});
    app.post(&format!("/v1/merchants/{of}/withdrawals"), wanted).await.expect(201);
}

async fn run(app: &TestApp, no: &str) -> Answer {
    app.post(RUNS, json!({"run_no": no})).await
}

async fn upload(app: &TestApp, run: &str, lines: &str) -> Answer {
    send(app, run, format!("withdrawal_no,merchant_id,result,reference,reason\r\n{lines}")).await
}

async fn send(app: &TestApp, run: &str, body: String) -> Answer {
    let url = format!("{}{RUNS}/{run}/results", app.base);
    let request = app.http.post(url).bearer_auth(&app.admin).header("Content-Type", "text/csv");
    read(request.body(body)).await
}

/// What a run holds, and how each stands.
fn held(run: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = run["items"].as_array().unwrap().iter();
    items
        .map(|item| format!("{} {}", text(&item["withdrawal_no"]), text(&item["status"])))
        .collect()
}

#[actix_web::test]
async fn a_run_takes_each_withdrawal_once_and_books_what_the_bank_says() {
    let app = spawn_app().await;
    shop(&app, "m1", json!({"payout_name": "=SUM(A1)"}), &[("W001", 1_234), ("W002", 500)]).await;
    shop(&app, "m2", json!({"payout_name": "王小明"}), &[("W001", 7)]).await;
    let made = run(&app, "R001").await.expect(201);
    assert_eq!(
        (&made["state"], &made["count"], &made["sum_fen"]),
        (&json!("made"), &json!(3), &json!(1_741))
    );
    let url = format!("{}{RUNS}/R001/csv", app.base);
    let csv = app.http.get(url).bearer_auth(&app.admin).send().await.unwrap();
    let csv = String::from_utf8(csv.bytes().await.unwrap().to_vec()).unwrap();
    assert_eq!(
        csv,
        "\u{feff}withdrawal_no,merchant_id,payout_name,amount_yuan,amount_fen\r\n\
         W001,m1,'=SUM(A1),12.34,1234\r\nW002,m1,'=SUM(A1),5.00,500\r\nW001,m2,王小明,0.07,7\r\n"
    );
    // What is asked for later is in the next run, and what is in the first in no other.
    request(&app, "m1", "W003", 100).await;
    assert_eq!(run(&app, "R001").await.expect(200)["count"], 3);
    assert_eq!(held(&run(&app, "R002").await.expect(201)), ["W003 sending"]);
    // One by one, and by a file; a repeat is harmless.
    let slip = json!({"succeeded": true, "reference": "B1"});
    app.post("/v1/merchants/m1/withdrawals/W001/confirm", slip).await.expect(200);
    let lines = "W001,m1,ok,B1,\r\nW002,m1,failed,,account closed\r\nW001,m2,ok,B2,\r\n";
    let answer = upload(&app, "R001", lines).await.expect(200);
    assert_eq!(answer, json!({"recorded": 2, "known": 1, "not_reached": []}));
    let again = upload(&app, "R001", lines).await.expect(200);
    assert_eq!(again, json!({"recorded": 0, "known": 3, "not_reached": []}));
    let ended = app.get(&format!("{RUNS}/R001")).await.expect(200);
    assert_eq!(held(&ended), ["W001 succeeded", "W002 failed", "W001 succeeded"]);
    assert_eq!(ended["outcomes"]["succeeded"], json!({"count": 2, "sum_fen": 1_241}));
    let balance = app.balance("m1").await;
    assert_eq!(
        (&balance["withdrawn_fen"], &balance["in_transit_fen"]),
        (&json!(1_234), &json!(100))
    );
    assert_eq!(app.get(RUNS).await.expect(200)["items"].as_array().unwrap().len(), 2);
    app.finish().await;
}

#[actix_web::test]
async fn a_file_with_one_bad_line_changes_nothing_and_names_the_line() {
    let app = spawn_app().await;
    shop(&app, "m1", json!({}), &[("W001", 100), ("W002", 100)]).await;
    run(&app, "R001").await.expect(201);
    request(&app, "m1", "W003", 100).await;
    let failed = json!({"succeeded": false, "reason": "no"});
    app.post("/v1/merchants/m1/withdrawals/W002/confirm", failed).await.expect(200);
    let before = app.balance("m1").await["seq"].take();
    for (line, why) in [
        ("W009,m1,ok,B1,", "is not known"),
        ("W003,m1,ok,B1,", "is not in this run"),
        ("W001,m1,ok,B1,", "is there twice"),
        ("W002,m1,ok,B1,", "is recorded otherwise"),
        ("W001,m1,paid,B1,", "neither ok nor failed"),
        ("W001,m1,ok,,", "lacks the reference"),
        ("W 1,m1,ok,B1,", "no withdrawal's number"),
        ("W001,m-1,ok,B1,", "no merchant's id"),
    ] {
        let answer = upload(&app, "R001", &format!("W001,m1,ok,B1,\r\n{line}\r\n")).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{line}");
        assert_eq!(answer.body["errors"][0]["field"], "line 3", "{line}");
        let reason = answer.body["errors"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{line}: {reason}");
        assert_eq!(app.balance("m1").await["seq"], before, "{line}");
    }
    for (amounts, why) in [
        (",99", "is of 100 fen, not of 99"),
        ("1.01,", "is of 100 fen, not of 101"),
        ("1.0,99", "are not the same"),
        ("1.005,", "amounts that are none"),
    ] {
        let file = format!(
            "withdrawal_no,merchant_id,result,reference,amount_yuan,amount_fen\nW001,m1,ok,B1,{amounts}\n"
        );
        let answer = send(&app, "R001", file).await;
        assert_eq!(answer.refusal(), (400, "invalid_request"), "{amounts}");
        let reason = answer.body["errors"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{amounts}: {reason}");
    }
    let file = "withdrawal_no,merchant_id,result,reference,amount_yuan,amount_fen\nW001,m1,ok,B1,1.0,100\n";
    assert_eq!(send(&app, "R001", file.to_owned()).await.expect(200)["recorded"], 1);
    app.finish().await;
}

#[actix_web::test]
async fn a_run_that_broke_off_goes_on_and_then_takes_nothing_new() {
    let app = spawn_app().await;
    shop(&app, "m1", json!({}), &[("W001", 100)]).await;
    run(&app, "R001").await.expect(201);
    request(&app, "m1", "W002", 100).await;
    let folder = app.stop().await;
    // As a stop between two withdrawals leaves it.
    let books = Settings::in_folder(folder.path()).data.place().open().await.unwrap();
    let no = "R001".parse().unwrap();
    let made = books.bank_run(no).await.unwrap().unwrap();
    books.keep_bank_run(tally_storage::bank_runs::BankRun { made: false, ..made }).await.unwrap();
    books.close().await;
    drop(books);
    let app = spawn_app_in(folder).await;
    assert_eq!(app.get(&format!("{RUNS}/R001/csv")).await.refusal(), (409, "bank_run_open"));
    assert_eq!(upload(&app, "R001", "W001,m1,ok,B1,\r\n").await.refusal(), (409, "bank_run_open"));
    assert_eq!(held(&run(&app, "R001").await.expect(200)), ["W001 sending", "W002 sending"]);
    request(&app, "m1", "W003", 100).await;
    assert_eq!(run(&app, "R001").await.expect(200)["count"], 2);
    app.finish().await;
}

#[actix_web::test]
async fn who_may_not_have_a_run_is_told_why() {
    let app = spawn_app().await;
    shop(&app, "m1", json!({"approval_over_fen": 100}), &[("W001", 100), ("W002", 101)]).await;
    shop(&app, "m2", json!({}), &[("W001", 100)]).await;
    assert_eq!(app.post(RUNS, json!({})).await.refusal(), (400, "idempotency_missing"));
    assert_eq!(app.get(&format!("{RUNS}/R009")).await.refusal(), (404, "bank_run_unknown"));
    let of = |no: &str, of: &str| app.post(RUNS, json!({"run_no": no, "merchant_id": of}));
    assert_eq!(of("R001", "nobody").await.refusal(), (404, "merchant_unknown"));
    app.post("/v1/merchants/m2/freeze", json!({"reason": "a look"})).await.expect(200);
    assert_eq!(of("R001", "m2").await.refusal(), (422, "withdrawals_frozen"));
    let key = app.key_of("m1").await;
    let theirs = app.call(Method::POST, RUNS, &key, Some(json!({"run_no": "R001"}))).await;
    assert_eq!(theirs.refusal(), (403, "forbidden"));
    // Neither what waits for a second key nor what is frozen.
    let made = app.post_once(RUNS, "monday", json!({})).await.expect(201);
    assert_eq!(held(&made), ["W001 sending"]);
    assert_eq!(app.post_once(RUNS, "monday", json!({})).await.expect(200), made);
    let no = made["run_no"].as_str().unwrap();
    assert_eq!(of(no, "m1").await.refusal(), (409, "number_reused"));
    app.finish().await;
}
