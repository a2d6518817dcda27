//! What goes on beside orders: adjustments, webhooks, and days compared with WeChat's bills.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tally_wechat::time::to_dashed;

use super::{Flow, PLAIN, one_case, orders};
use crate::steps::stage::Stage;

/// The bill of a day is there from this second of the next on, in Beijing.
const BILL_AT_S: i64 = 11 * 3_600;

const DAY_S: i64 = 86_400;

/// What Beijing is ahead of UTC.
const BEIJING_S: i64 = 8 * 3_600;

pub(super) const FLOWS: &[Flow] = &[
    Flow { name: "adjustment, approved", play: |stage| Box::pin(adjusted(stage, true)), ..PLAIN },
    Flow { name: "adjustment, rejected", play: |stage| Box::pin(adjusted(stage, false)), ..PLAIN },
    Flow { name: "webhook", play: |stage| Box::pin(told(stage)), ..PLAIN },
    Flow { name: "reconciliation", play: |stage| Box::pin(compared(stage)), ..PLAIN },
    Flow {
        name: "reconciliation, by the clock",
        settings: &[("TALLY_RECONCILE_AT", "10:30")],
        play: |stage| Box::pin(compared_by_itself(stage)),
        ..PLAIN
    },
];

/// One admin asks for an adjustment, another decides.
async fn adjusted(stage: &Stage, approve: bool) -> Result<(), String> {
    orders::external_paid(stage).await?;
    let second = stage.second_admin().await?;
    stage.begin();
    let ask = json!({"adjustment_no": "J0001", "amount_fen": 500, "reason": "a fee too much"});
    stage.shop("adjustments", ask).await?;
    let (word, status) = if approve { ("approve", "approved") } else { ("reject", "rejected") };
    let path = format!("merchants/shop/adjustments/J0001/{word}");
    stage.ask_as(&second, &path, &json!({"reason": "seen"}), None).await?;
    stage.is("adjustments/J0001", &[("status", json!(status))]).await?;
    let fen = if approve { 500 } else { 0 };
    stage.is("balance", &[("available_fen", json!(fen)), ("adjusted_fen", json!(fen))]).await
}

/// An order is paid, refunded and settled, and the platform's server is told of each.
async fn told(stage: &Stage) -> Result<(), String> {
    stage.ask("webhooks", json!({"url": stage.hook_url(), "merchant_id": "shop"})).await?;
    stage.begin();
    orders::paid(stage).await?;
    stage.shop("orders/A0001/refunds", json!({"refund_no": "R0001", "amount_fen": 4_000})).await?;
    stage.comes("refunds/R0001", "status", "succeeded").await?;
    stage.shop("settlements", json!({"settlement_no": "S0001"})).await?;
    let kinds = ["order.paid", "order.refunded", "settlement.made"];
    let all_told = stage.until("all is told", async || {
        let told = stage.hook.told();
        kinds.iter().all(|kind| told.iter().any(|one| one["kind"] == *kind))
    });
    all_told.await.map_err(|error| format!("{error}: {:?}", stage.hook.told()))?;
    let mut by_id: BTreeMap<String, Value> = BTreeMap::new();
    let mut first_seen = vec![];
    for one in stage.hook.told() {
        let id = one["id"].as_str().ok_or("a delivery has an id")?.to_owned();
        match by_id.insert(id, one.clone()) {
            None => first_seen.push(one["kind"].as_str().unwrap_or_default().to_owned()),
            Some(before) if (&before["seq"], &before["kind"]) == (&one["seq"], &one["kind"]) => {}
            Some(before) => return Err(format!("{before} was told, and then {one}")),
        }
    }
    let of_order: Vec<_> = first_seen.iter().filter(|kind| kind.starts_with("order.")).collect();
    if of_order != ["order.paid", "order.refunded"] || first_seen.len() != kinds.len() {
        return Err(format!("told in this order: {first_seen:?}"));
    }
    Ok(())
}

/// A day with one payment, of which the bill names another sum; until the next day when there is a bill. The day's name.
async fn traded(stage: &Stage) -> Result<String, String> {
    orders::paid(stage).await?;
    stage.faults(&[("trade_bill", "line_altered")]).await;
    let now_ms = stage.play("clock", json!({"seconds": 0})).await["now_ms"].as_i64();
    let now_ms = now_ms.ok_or("the sandbox has a clock")?;
    let second = (now_ms / 1_000 + BEIJING_S) % DAY_S;
    let until = u32::try_from(DAY_S - second + BILL_AT_S).map_err(|error| error.to_string())?;
    stage.begin();
    stage.jump_while_down(until).await?;
    Ok(to_dashed(now_ms)[..10].to_owned())
}

async fn compared(stage: &Stage) -> Result<(), String> {
    let day = traded(stage).await?;
    stage.ask("reconciliations", json!({"date": day})).await?;
    is_compared(stage, &day).await
}

async fn compared_by_itself(stage: &Stage) -> Result<(), String> {
    let day = traded(stage).await?;
    is_compared(stage, &day).await
}

/// One case of the one difference, however often the day was begun.
async fn is_compared(stage: &Stage, day: &str) -> Result<(), String> {
    let mut told = Value::Null;
    let done = stage
        .until("the day is compared", async || {
            let path = format!("reconciliations/{day}");
            told = stage.read(&path).await.unwrap_or_default();
            told["status"] == "done"
        })
        .await;
    done.map_err(|error| format!("{error}: {told}"))?;
    one_case(stage, "bill_amount").await
}
