//! Whether both sides have the same money in the end: WeChat's books, and Tally's as it tells them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stage::{SHOP, Stage, of_shop};
use crate::crash::books::Books;

/// By number: fen.
type Sums = BTreeMap<String, i64>;

/// What must not be, while nothing is under way.
pub async fn faults(stage: &Stage) -> Vec<String> {
    let api = stage.admin();
    let list = async |what: &str| api.list::<Value>(&of_shop(what)).await;
    let world = &stage.world;
    let mut faults = Books::read(api, SHOP).await.faults();
    let mut same = |what: &str, ours: Sums, theirs: Sums| {
        if ours != theirs {
            faults.push(format!("{what}: here {ours:?}, at WeChat {theirs:?}"));
        }
    };
    let orders: Vec<Value> =
        list("orders").await.into_iter().filter(|one| one["channel"] == "wechat").collect();
    let theirs = world.orders(SHOP).await;
    same(
        "payments",
        sums(&orders, ("status", "paid"), "transaction_id"),
        sums(theirs.values(), ("status", "paid"), "transaction_id"),
    );
    let withdrawals: Vec<Value> =
        list("withdrawals").await.into_iter().filter(|one| one["method"] == "wechat").collect();
    let transfers: Vec<(String, Value)> = world.transfers(SHOP).await.into_iter().collect();
    let made = transfers.iter().filter(|(_, one)| one["status"] == "succeeded");
    same(
        "transfers",
        sums(&withdrawals, ("status", "succeeded"), "withdrawal_no"),
        made.map(|(number, one)| (number.clone(), fen(one))).collect(),
    );
    let external =
        |refund: &Value| orders.iter().all(|order| order["order_no"] != refund["order_no"]);
    let refunds: Vec<Value> =
        list("refunds").await.into_iter().filter(|one| !external(one)).collect();
    same(
        "refunds",
        sums(&refunds, ("status", "succeeded"), "refund_id"),
        sums(&world.refunds().await, ("status", "succeeded"), "refund_id"),
    );
    faults
}

fn fen(of: &Value) -> i64 {
    of["amount_fen"].as_i64().unwrap_or(i64::MIN)
}

/// The amounts of those that are so, by a number; two under one number are added up, and so differ.
fn sums<'a>(
    all: impl IntoIterator<Item = &'a Value>,
    (field, value): (&str, &str),
    number: &str,
) -> Sums {
    let mut sums = Sums::new();
    for one in all.into_iter().filter(|one| one[field] == value) {
        *sums.entry(one[number].as_str().unwrap_or_default().to_owned()).or_default() += fen(one);
    }
    sums
}
