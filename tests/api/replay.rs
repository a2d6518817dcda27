//! `tally replay` beside a running server: where a merchant stood, why, and whether that can be believed.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::helpers::{TestApp, spawn_app, tally};

/// How the command ended, and what it printed: the answer, and the reason why there is none.
struct Replayed {
    code: Option<i32>,
    out: String,
    err: String,
}

async fn replay(app: &TestApp, arguments: &[&str]) -> Replayed {
    replayed(app.tally(&[&["replay", "--merchant"], arguments].concat()).await)
}

fn replayed(output: Output) -> Replayed {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Replayed { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The objects that were printed, one a line.
fn objects(replayed: &Replayed) -> Vec<Value> {
    replayed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A merchant who earned 994 fen, of which 400 are on their way out and 100 came back.
async fn a_merchant_with_a_past() -> TestApp {
    let app = spawn_app().await;
    app.merchant("m1", json!({"fee_bp": 60})).await;
    app.paid("m1", 1_000).await;
    app.post("/v1/merchants/m1/settlements", json!({"settlement_no": "S001"})).await.expect(201);
    for (no, fen) in [("W001", 100), ("W002", 400)] {
        let body = json!({"withdrawal_no": no, "amount_fen": fen});
        app.post("/v1/merchants/m1/withdrawals", body).await.expect(201);
    }
    let failed = json!({"succeeded": false, "reason": "no such account"});
    app.post("/v1/merchants/m1/withdrawals/W001/confirm", failed).await.expect(200);
    app
}

#[actix_web::test]
async fn the_state_is_told_as_the_api_tells_it_and_equals_the_stored_head() {
    let app = a_merchant_with_a_past().await;
    let whole = replay(&app, &["m1"]).await;
    assert_eq!(whole.code, Some(0), "{}{}", whole.out, whole.err);
    for said in [
        "merchant m1 after event 7, of 20",
        "7 events folded from the first, and every hash is right\nit equals the stored head bit for bit\n",
        "  available_fen                594\n",
        "  in_transit_fen               400\n",
        "withdrawal_requested           2               500           5           6\n",
        "withdrawal_failed, by admin, withdrawal W001, 100 fen",
        "  fee_bp              60\n",
    ] {
        assert!(whole.out.contains(said), "{said} is not in:\n{}", whole.out);
    }
    for seq in ["2", "5", "7"] {
        let mut told = app.get(&format!("/v1/merchants/m1/balance?seq={seq}")).await.expect(200);
        let state = objects(&replay(&app, &["m1", "--to-seq", seq, "--json"]).await).remove(0);
        let mut balance = state["balance"].clone();
        balance["as_of"].take();
        told["as_of"].take();
        assert_eq!(
            (balance, &state["stored_head"]),
            (told, &json!(if seq == "7" { "same" } else { "later" }))
        );
    }
    let at = app.get("/v1/merchants/m1/events").await.expect(200)["items"][3]["at"].clone();
    let told = app.get(&format!("/v1/merchants/m1/balance?at={}", at.as_str().unwrap())).await;
    let then = replay(&app, &["m1", "--at", at.as_str().unwrap(), "--json"]).await;
    assert_eq!(objects(&then)[0]["balance"]["seq"], told.expect(200)["seq"]);
    app.finish().await;
}

#[actix_web::test]
async fn every_event_behind_a_number_is_listed_and_the_changes_add_up() {
    let app = a_merchant_with_a_past().await;
    for (number, changes) in [
        ("paid", json!([[3, 1_000, 1_000]])),
        ("fee", json!([[3, 6, 6]])),
        ("pending", json!([[3, 994, 994], [4, -994, 0]])),
        ("available", json!([[4, 994, 994], [5, -100, 894], [6, -400, 494], [7, 100, 594]])),
        ("in_transit", json!([[5, 100, 100], [6, 400, 500], [7, -100, 400]])),
        ("withdrawn", json!([])),
        ("refunded", json!([])),
    ] {
        let why = replay(&app, &["m1", "--why", number, "--json"]).await;
        assert_eq!(why.code, Some(0), "{}{}", why.out, why.err);
        let mut listed = objects(&why);
        let state = listed.pop().unwrap();
        let of = |event: &Value| json!([event["seq"], event["change_fen"], event["value_fen"]]);
        assert_eq!(listed.iter().map(of).collect::<Value>(), changes, "{number}");
        let balance = app.balance("m1").await[format!("{number}_fen")].clone();
        assert_eq!((&state["why"]["changes_fen"], &state["why"]["head_fen"]), (&balance, &balance));
    }
    let why = replay(&app, &["m1", "--why", "available", "--to-seq", "6"]).await;
    let lines: Vec<&str> = why.out.lines().collect();
    assert!(
        lines[2].contains("+994  ")
            && lines[2].ends_with("settled, by admin, settlement S001 of 1 orders")
    );
    assert!(lines[4].contains("-400  ") && lines[4].contains(" 494  "), "{}", why.out);
    assert_eq!(lines[5], "the changes come to 494, and so does the fold: available_fen 494");
    app.finish().await;
}

#[actix_web::test]
async fn a_question_without_an_answer_gets_one_clear_line() {
    let app = a_merchant_with_a_past().await;
    for (arguments, expected) in [
        (&["nobody"][..], "tally: merchant nobody is not known in "),
        (&["m1", "--to-seq", "8"], "tally: merchant m1 has no event 8: its newest is 7\n"),
        (
            &["m1", "--at", "2020-01-01T00:00:00Z"],
            "tally: merchant m1 did not exist at 2020-01-01T00:00:00.000Z: its first event is of 2",
        ),
        (&["m1", "--to-seq", "0"], "error: invalid value '0' for '--to-seq <N>'"),
        (&["m1", "--why", "money"], "error: invalid value 'money' for '--why <NUMBER>'"),
        (
            &["m1", "--to-seq", "1", "--at", "2020-01-01T00:00:00Z"],
            "error: the argument '--to-seq <N>' cannot be used with '--at <TIME>'",
        ),
    ] {
        let said = replay(&app, arguments).await;
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
        assert!(said.err.starts_with(expected), "{}", said.err);
    }
    app.finish().await;
}

/// Every copy of a hash in the file, changed one at a time, and what a replay then says. The books must be closed.
async fn each_copy_of_a_hash_changed(folder: &Path, hash: &[u8]) -> Vec<Replayed> {
    let file = folder.join("tally.db");
    let whole = fs::read(&file).unwrap();
    let copies = whole.windows(hash.len()).enumerate().filter(|(_, bytes)| *bytes == hash);
    let places: Vec<usize> = copies.map(|(place, _)| place).collect();
    let mut said = vec![];
    for place in places {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&file, changed).unwrap();
        said.push(replayed(tally(folder, &["replay", "--merchant", "m1"]).await));
    }
    fs::write(&file, whole).unwrap();
    said
}

#[actix_web::test]
async fn a_hash_that_is_not_right_is_named_wherever_it_stands() {
    let app = a_merchant_with_a_past().await;
    let events = app.get("/v1/merchants/m1/events").await.expect(200);
    let hash_of = |seq: usize| {
        let hash = events["items"][seq - 1]["hash"].as_str().unwrap();
        let byte = |place| u8::from_str_radix(&hash[place..place + 2], 16).unwrap();
        (0..hash.len()).step_by(2).map(byte).collect::<Vec<u8>>()
    };
    let folder = app.stop().await;
    let broken = each_copy_of_a_hash_changed(folder.path(), &hash_of(5)).await;
    assert!(!broken.is_empty());
    for said in broken {
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
        assert!(said.out.contains("merchant m1 after event 4, of 2"), "{}", said.out);
        assert!(
            said.out.contains("THE JOURNAL IS BROKEN at event 5: its hash is "),
            "{}",
            said.out
        );
        assert!(said.out.ends_with("the stored head was not compared\n"), "{}", said.out);
    }
    let newest = each_copy_of_a_hash_changed(folder.path(), &hash_of(7)).await;
    let said_once =
        |what: &str| newest.iter().any(|said| said.code == Some(1) && said.out.contains(what));
    assert!(said_once("THE JOURNAL IS BROKEN at event 7: its hash is "));
    assert!(said_once("THE STORED HEAD IS ANOTHER: merchant m1, heads m1: hash is "));
    let before = tally(folder.path(), &["replay", "--merchant", "m1"]).await;
    assert_eq!(replayed(before).code, Some(0), "it is as it was");
}
