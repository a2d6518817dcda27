//! Refunds: by WeChat, by hand, when WeChat has no money, and those that fail.

use serde_json::{Value, json};

use super::{Flow, PLAIN, one_case, orders};
use crate::steps::stage::Stage;

/// WeChat wants so many seconds between two refunds of one order.
const APART_S: u32 = 61;

pub(super) const FLOWS: &[Flow] = &[
    Flow { name: "refund", play: |stage| Box::pin(refunded(stage, &[])), ..PLAIN },
    Flow {
        name: "refund, notice lost",
        play: |stage| Box::pin(refunded(stage, &[("refund_notice", "lost")])),
        ..PLAIN
    },
    Flow {
        name: "refund, answer lost",
        play: |stage| Box::pin(refunded(stage, &[("refund", "answer_lost")])),
        ..PLAIN
    },
    Flow { name: "refund, under a key", play: |stage| Box::pin(under_a_key(stage)), ..PLAIN },
    Flow { name: "refund, in two parts", play: |stage| Box::pin(in_two_parts(stage)), ..PLAIN },
    Flow { name: "refund, settled", play: |stage| Box::pin(of_settled(stage)), ..PLAIN },
    Flow { name: "refund, not enough", play: |stage| Box::pin(not_enough(stage)), ..PLAIN },
    Flow { name: "refund, closed", play: |stage| Box::pin(closed(stage)), ..PLAIN },
    Flow { name: "refund, by hand", play: |stage| Box::pin(by_hand(stage)), ..PLAIN },
    Flow { name: "refund, external", play: |stage| Box::pin(external(stage)), ..PLAIN },
    Flow { name: "case, resolved", play: |stage| Box::pin(resolved(stage)), ..PLAIN },
];

fn ask(number: &str, fen: u64) -> Value {
    json!({"refund_no": number, "amount_fen": fen, "reason": "broken"})
}

async fn asked(stage: &Stage, number: &str, fen: u64) -> Result<Value, String> {
    stage.shop("orders/A0001/refunds", ask(number, fen)).await
}

/// Where all the money of an order of 10,000 fen at 0.6 % is.
async fn sums(stage: &Stage, refunded: i64, fee: i64, pending: i64) -> Result<(), String> {
    stage.is("balance", &[("refunded_fen", json!(refunded)), ("fee_fen", json!(fee))]).await?;
    stage.is("balance", &[("pending_fen", json!(pending))]).await?;
    stage.is("orders/A0001", &[("refunded_fen", json!(refunded))]).await
}

async fn refunded(stage: &Stage, faults: &[(&str, &str)]) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.faults(faults).await;
    stage.begin();
    asked(stage, "R0001", 4_000).await?;
    stage.comes("refunds/R0001", "status", "succeeded").await?;
    sums(stage, 4_000, 36, 5_964).await
}

async fn under_a_key(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.begin();
    let (path, body) = ("merchants/shop/orders/A0001/refunds", json!({"amount_fen": 10_000}));
    let once = stage.ask_as(stage.admin(), path, &body, Some("a key")).await?;
    let number = once["refund_no"].as_str().ok_or("no number")?;
    stage.comes(&format!("refunds/{number}"), "status", "succeeded").await?;
    let again = stage.ask_as(stage.admin(), path, &body, Some("a key")).await?;
    if again["refund_no"] != once["refund_no"] {
        return Err(format!("one key, two refunds: {once} and {again}"));
    }
    sums(stage, 10_000, 0, 0).await
}

async fn in_two_parts(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.begin();
    asked(stage, "R0001", 3_333).await?;
    asked(stage, "R0002", 6_667).await?;
    stage.comes("refunds/R0001", "status", "succeeded").await?;
    stage.jump(APART_S).await?;
    stage.comes("refunds/R0002", "status", "succeeded").await?;
    sums(stage, 10_000, 0, 0).await
}

async fn of_settled(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.shop("settlements", json!({"settlement_no": "S0001"})).await?;
    stage.begin();
    asked(stage, "R0001", 4_000).await?;
    stage.comes("refunds/R0001", "status", "succeeded").await?;
    stage.is("balance", &[("available_fen", json!(5_964))]).await?;
    sums(stage, 4_000, 36, 0).await
}

/// It waits, says why, and goes out when there is money.
async fn not_enough(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.play("balance", json!({"refundable_fen": 0})).await;
    stage.begin();
    asked(stage, "R0001", 4_000).await?;
    let mut told = Value::Null;
    let says_why = stage
        .until("it says why it waits", async || {
            told = stage.read("merchants/shop/refunds/R0001").await.unwrap_or_default();
            told["why"].as_str().is_some_and(|why| why.contains("NOTENOUGH"))
        })
        .await;
    says_why.map_err(|error| format!("{error}: {told}"))?;
    sums(stage, 4_000, 36, 5_964).await?;
    stage.play("balance", json!({"refundable_fen": null})).await;
    stage.comes("refunds/R0001", "status", "succeeded").await?;
    sums(stage, 4_000, 36, 5_964).await
}

async fn closed(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.faults(&[("refund", "closed")]).await;
    stage.begin();
    asked(stage, "R0001", 4_000).await?;
    stage.comes("refunds/R0001", "status", "failed").await?;
    sums(stage, 0, 60, 9_940).await
}

/// A person refunds in WeChat's merchant platform, and Tally hears of it.
async fn made_by_hand(stage: &Stage) -> Result<(), String> {
    let made = json!({"amount_fen": 4_000, "notify_url": stage.notify_url()});
    stage.play("orders/shop-A0001/refund", made).await;
    stage.comes("balance", "refunded_fen", 4_000).await?;
    sums(stage, 4_000, 36, 5_964).await
}

async fn by_hand(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    stage.begin();
    made_by_hand(stage).await?;
    one_case(stage, "refund_by_hand").await
}

async fn external(stage: &Stage) -> Result<(), String> {
    orders::external_paid(stage).await?;
    stage.begin();
    let slip = json!({"refund_no": "R0001", "amount_fen": 4_000, "reason": "slip 7"});
    stage.shop("orders/B0001/refunds", slip).await?;
    stage.comes("refunds/R0001", "status", "succeeded").await?;
    stage.is("balance", &[("refunded_fen", json!(4_000)), ("pending_fen", json!(5_964))]).await
}

async fn resolved(stage: &Stage) -> Result<(), String> {
    orders::paid(stage).await?;
    made_by_hand(stage).await?;
    one_case(stage, "refund_by_hand").await?;
    let cases = stage.read("cases").await?;
    let id = cases["items"][0]["case_id"].as_str().ok_or("a case has an id")?;
    stage.begin();
    stage.ask(&format!("cases/{id}/resolve"), json!({"note": "agreed by phone"})).await?;
    let now = stage.read(&format!("cases/{id}")).await?;
    if now["status"] != "resolved" {
        return Err(format!("it is not resolved: {now}"));
    }
    sums(stage, 4_000, 36, 5_964).await
}
