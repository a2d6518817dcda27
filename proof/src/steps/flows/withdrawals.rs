//! Settlements and withdrawals: by hand and by the clock, by WeChat and by the bank.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Flow, PLAIN, orders};
use crate::steps::stage::Stage;

/// After so many seconds a transfer that WeChat does not know has certainly failed.
const MISSING_S: u32 = 601;

/// Twice so many seconds are more than the days for which WeChat tells of a transfer.
const HALF_OF_SILENCE_S: u32 = 16 * 86_400;

const DAY_S: u32 = 86_400;

/// How long a transfer takes that no kill took along, and how often ten minutes are waited for else.
const SOON_MAX: Duration = Duration::from_secs(3);
const JUMPS_MAX: u32 = 4;

/// A month of questions would take a while.
const SELDOM: &[(&str, &str)] = &[("TALLY_TRANSFER_QUERY_SECONDS", "1,86400")];

/// Within so long of its hour the settler acts.
const HOUR_COMES_WITHIN: Duration = Duration::from_millis(150);

pub(super) const FLOWS: &[Flow] = &[
    Flow { name: "settlement", play: |stage| Box::pin(settled(stage)), ..PLAIN },
    Flow {
        name: "settlement, by the clock",
        rules: r#"{"settle_after_days": 1}"#,
        play: |stage| Box::pin(settled_by_itself(stage)),
        ..PLAIN
    },
    Flow { name: "withdrawal", play: |stage| Box::pin(withdrawn(stage)), ..PLAIN },
    Flow {
        name: "withdrawal, settled first",
        play: |stage| Box::pin(settle_first(stage)),
        ..PLAIN
    },
    Flow { name: "withdrawal, answer lost", play: |stage| Box::pin(answer_lost(stage)), ..PLAIN },
    Flow { name: "withdrawal, lost", play: |stage| Box::pin(lost(stage)), ..PLAIN },
    Flow { name: "withdrawal, refused", play: |stage| Box::pin(refused(stage)), ..PLAIN },
    Flow {
        name: "withdrawal, approved",
        rules: r#"{"approval_over_fen": 0}"#,
        play: |stage| Box::pin(approved(stage)),
        ..PLAIN
    },
    Flow {
        name: "withdrawal, rejected",
        rules: r#"{"approval_over_fen": 0}"#,
        play: |stage| Box::pin(rejected(stage)),
        ..PLAIN
    },
    Flow {
        name: "withdrawal, by the bank",
        rules: r#"{"payout_method": "manual"}"#,
        play: |stage| Box::pin(by_the_bank(stage, true)),
        ..PLAIN
    },
    Flow {
        name: "withdrawal, failed at the bank",
        rules: r#"{"payout_method": "manual"}"#,
        play: |stage| Box::pin(by_the_bank(stage, false)),
        ..PLAIN
    },
    Flow {
        name: "withdrawal, in a bank run",
        rules: r#"{"payout_method": "manual"}"#,
        play: |stage| Box::pin(in_a_run(stage)),
        ..PLAIN
    },
    Flow { name: "withdrawal, frozen", play: |stage| Box::pin(frozen(stage)), ..PLAIN },
    Flow {
        name: "withdrawal, attested as paid",
        settings: SELDOM,
        play: |stage| Box::pin(attested(stage, true)),
        ..PLAIN
    },
    Flow {
        name: "withdrawal, attested as not paid",
        settings: SELDOM,
        play: |stage| Box::pin(attested(stage, false)),
        ..PLAIN
    },
];

/// 9,940 fen that are available.
async fn funded(stage: &Stage) -> Result<(), String> {
    orders::external_paid(stage).await?;
    stage.shop("settlements", json!({"settlement_no": "S0001"})).await?;
    Ok(())
}

fn all(first: bool) -> Value {
    json!({"withdrawal_no": "W0001", "all": true, "settle_first": first})
}

async fn asked(stage: &Stage) -> Result<Value, String> {
    stage.shop("withdrawals", all(false)).await
}

/// Where all the money is.
async fn sums(
    stage: &Stage,
    available: i64,
    in_transit: i64,
    withdrawn: i64,
) -> Result<(), String> {
    let sums = [("available_fen", json!(available)), ("in_transit_fen", json!(in_transit))];
    stage.is("balance", &sums).await?;
    stage.is("balance", &[("withdrawn_fen", json!(withdrawn)), ("pending_fen", json!(0))]).await
}

/// Waits until it is final. WeChat is believed not to know a transfer ten minutes after its try, which each start counts anew.
async fn final_status(stage: &Stage) -> Result<String, String> {
    let mut last = Value::Null;
    for _ in 0..JUMPS_MAX {
        let decided = stage.within(SOON_MAX, async || {
            last = stage.read("merchants/shop/withdrawals/W0001").await.unwrap_or_default();
            last["status"] == "succeeded" || last["status"] == "failed"
        });
        if decided.await {
            return Ok(last["status"].as_str().unwrap_or_default().to_owned());
        }
        stage.jump(MISSING_S).await?;
    }
    Err(format!("it is not decided: {last}"))
}

/// It succeeds. A kill may have taken the transfer along before WeChat had it: then, and only then, the money is back.
async fn succeeds(stage: &Stage) -> Result<(), String> {
    match final_status(stage).await?.as_str() {
        "failed" if stage.was_killed() => sums(stage, 9_940, 0, 0).await,
        "succeeded" => sums(stage, 0, 0, 9_940).await,
        other => Err(format!("it {other}")),
    }
}

async fn comes_back(stage: &Stage) -> Result<(), String> {
    match final_status(stage).await?.as_str() {
        "failed" => sums(stage, 9_940, 0, 0).await,
        other => Err(format!("it {other}")),
    }
}

async fn settled(stage: &Stage) -> Result<(), String> {
    orders::external_paid(stage).await?;
    stage.begin();
    let made = stage.shop("settlements", json!({"settlement_no": "S0001"})).await?;
    let again = stage.shop("settlements", json!({"settlement_no": "S0001"})).await?;
    if made != again {
        return Err(format!("{made} is now {again}"));
    }
    sums(stage, 9_940, 0, 0).await
}

async fn settled_by_itself(stage: &Stage) -> Result<(), String> {
    orders::external_paid(stage).await?;
    stage.begin();
    stage.jump(DAY_S).await?;
    for _ in 0..6 {
        stage.instant("the hour of the settler", HOUR_COMES_WITHIN).await;
    }
    stage.comes("balance", "available_fen", 9_940).await?;
    let made = stage.read("merchants/shop/settlements").await?;
    match made["items"].as_array().map(Vec::len) {
        Some(1) => sums(stage, 9_940, 0, 0).await,
        count => Err(format!("{count:?} settlements: {made}")),
    }
}

async fn withdrawn(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    stage.begin();
    asked(stage).await?;
    succeeds(stage).await
}

async fn settle_first(stage: &Stage) -> Result<(), String> {
    orders::external_paid(stage).await?;
    stage.begin();
    stage.shop("withdrawals", all(true)).await?;
    succeeds(stage).await
}

async fn answer_lost(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    stage.faults(&[("transfer", "answer_lost")]).await;
    stage.begin();
    asked(stage).await?;
    succeeds(stage).await
}

/// The transfer never reaches WeChat.
async fn lost(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    stage.faults(&[("transfer", "time_out")]).await;
    stage.begin();
    asked(stage).await?;
    comes_back(stage).await
}

async fn refused(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    stage.faults(&[("transfer", "failed")]).await;
    stage.begin();
    asked(stage).await?;
    comes_back(stage).await
}

async fn approved(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    let second = stage.second_admin().await?;
    stage.begin();
    asked(stage).await?;
    let path = "merchants/shop/withdrawals/W0001/approve";
    stage.ask_as(&second, path, &json!({}), None).await?;
    succeeds(stage).await
}

async fn rejected(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    let second = stage.second_admin().await?;
    stage.begin();
    asked(stage).await?;
    let path = "merchants/shop/withdrawals/W0001/reject";
    stage.ask_as(&second, path, &json!({"reason": "not today"}), None).await?;
    stage.comes("withdrawals/W0001", "status", "rejected").await?;
    sums(stage, 9_940, 0, 0).await
}

async fn by_the_bank(stage: &Stage, succeeded: bool) -> Result<(), String> {
    funded(stage).await?;
    stage.begin();
    asked(stage).await?;
    let word = if succeeded {
        json!({"succeeded": true, "reference": "slip 7"})
    } else {
        json!({"succeeded": false, "reason": "account closed"})
    };
    stage.shop("withdrawals/W0001/confirm", word).await?;
    if succeeded { succeeds(stage).await } else { comes_back(stage).await }
}

/// Of two withdrawals in a run the bank pays one.
async fn in_a_run(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    stage.begin();
    for (number, fen) in [("W0001", 9_000), ("W0002", 940)] {
        stage.shop("withdrawals", json!({"withdrawal_no": number, "amount_fen": fen})).await?;
    }
    let run = stage.ask("bank-runs", json!({"run_no": "R0001"})).await?;
    let again = stage.ask("bank-runs", json!({"run_no": "R0001"})).await?;
    if run["items"] != again["items"] || run["items"].as_array().map(Vec::len) != Some(2) {
        return Err(format!("{run} is now {again}"));
    }
    let other = stage.heard(stage.admin(), "bank-runs", &json!({"run_no": "R0002"}), None).await?;
    if other.body["items"] != json!([]) {
        return Err(format!("a second run was answered {other:?}"));
    }
    let results = "withdrawal_no,merchant_id,result,reference,reason\n\
                   W0001,shop,ok,slip 7,\nW0002,shop,failed,,account closed\n";
    stage.ask("bank-runs/R0001/results", json!(results)).await?;
    stage.comes("withdrawals/W0002", "status", "failed").await?;
    sums(stage, 940, 0, 9_000).await
}

async fn frozen(stage: &Stage) -> Result<(), String> {
    funded(stage).await?;
    stage.begin();
    stage.shop("freeze", json!({"reason": "who is this"})).await?;
    let path = "merchants/shop/withdrawals";
    let refused = stage.heard(stage.admin(), path, &all(false), None).await?;
    if refused.code() != "withdrawals_frozen" {
        return Err(format!("a frozen merchant's withdrawal was answered {refused:?}"));
    }
    sums(stage, 9_940, 0, 0).await?;
    stage.shop("unfreeze", json!({"reason": "a friend"})).await?;
    asked(stage).await?;
    succeeds(stage).await
}

/// A transfer of which WeChat does not tell until it tells of it no more; two admins end it.
async fn attested(stage: &Stage, arrives: bool) -> Result<(), String> {
    funded(stage).await?;
    let second = stage.second_admin().await?;
    let transfer = if arrives { "answer_lost" } else { "time_out" };
    stage.faults(&[("transfer", transfer), ("transfer_query", "system_error")]).await;
    stage.begin();
    asked(stage).await?;
    stage.comes("withdrawals/W0001", "status", "unknown").await?;
    stage.jump_while_down(HALF_OF_SILENCE_S).await?;
    stage.jump_while_down(HALF_OF_SILENCE_S).await?;
    let made = stage.world.transfers("shop").await;
    let succeeded = made.contains_key("W0001");
    let mut word = json!({"succeeded": succeeded, "reason": "the bank's list"});
    if succeeded {
        word["reference"] = json!("line 7");
    }
    let first = stage.shop("withdrawals/W0001/confirm", word.clone()).await?;
    word["attested_seq"] = first["attested_seq"].clone();
    let path = "merchants/shop/withdrawals/W0001/confirm";
    stage.ask_as(&second, path, &word, None).await?;
    if succeeded { succeeds(stage).await } else { comes_back(stage).await }
}
