//! Orders: opened, paid as a notice or a question tells, closed.

use serde_json::{Value, json};

use super::{Flow, PLAIN};
use crate::steps::stage::Stage;

/// Questions come soon; else what no notice told is not found within the flow.
const SOON: &[(&str, &str)] = &[("TALLY_QUERY_SECONDS", "1,2,3")];

/// Orders expire as soon as they may.
const SHORT: &[(&str, &str)] = &[("TALLY_ORDER_MINUTES", "5")];

/// Seconds after which WeChat lets an order be closed, and a short one has expired.
const CLOSABLE_S: u32 = 301;

pub(super) const FLOWS: &[Flow] = &[
    Flow { name: "order, paid by notice", play: |stage| Box::pin(by_notice(stage)), ..PLAIN },
    Flow {
        name: "order, paid by query",
        settings: SOON,
        play: |stage| Box::pin(by_query(stage)),
        ..PLAIN
    },
    Flow { name: "order, from the page", play: |stage| Box::pin(from_the_page(stage)), ..PLAIN },
    Flow { name: "order, under a key", play: |stage| Box::pin(under_a_key(stage)), ..PLAIN },
    Flow { name: "order, external", play: |stage| Box::pin(external(stage)), ..PLAIN },
    Flow {
        name: "order, expired",
        settings: SHORT,
        play: |stage| Box::pin(expired(stage)),
        ..PLAIN
    },
    Flow { name: "order, closed", play: |stage| Box::pin(closed(stage)), ..PLAIN },
    Flow { name: "order, closed early", play: |stage| Box::pin(closed_early(stage)), ..PLAIN },
    Flow { name: "order, paid late", play: |stage| Box::pin(paid_late(stage)), ..PLAIN },
];

/// Opens an order of 10,000 fen at WeChat.
pub(super) async fn opened(stage: &Stage) -> Result<(), String> {
    let order = json!({
        "order_no": "A0001", "amount_fen": 10_000, "description": "tea", "openid": "alice",
    });
    stage.shop("orders", order).await?;
    Ok(())
}

/// The customer pays it, and Tally comes to know.
async fn pays(stage: &Stage, how: Value) -> Result<(), String> {
    stage.play("orders/shop-A0001/pay", how).await;
    stage.comes("orders/A0001", "status", "paid").await?;
    let sums = [("paid_fen", json!(10_000)), ("paid_orders", json!(1))];
    stage.is("balance", &sums).await?;
    stage.is("balance", &[("pending_fen", json!(9_940)), ("fee_fen", json!(60))]).await
}

/// An order, paid by the customer and known.
pub(super) async fn paid(stage: &Stage) -> Result<(), String> {
    opened(stage).await?;
    pays(stage, json!({})).await?;
    stage.rest().await
}

/// Money that comes another way: 10,000 fen.
pub(super) async fn external_paid(stage: &Stage) -> Result<(), String> {
    let order = json!({
        "order_no": "B0001", "amount_fen": 10_000, "description": "tea", "channel": "external",
    });
    stage.shop("orders", order).await?;
    let slip = json!({"transaction_id": "T0001", "amount_fen": 10_000});
    stage.shop("orders/B0001/paid", slip).await?;
    Ok(())
}

async fn by_notice(stage: &Stage) -> Result<(), String> {
    stage.begin();
    opened(stage).await?;
    pays(stage, json!({})).await
}

async fn by_query(stage: &Stage) -> Result<(), String> {
    stage.faults(&[("notice", "lost")]).await;
    stage.begin();
    opened(stage).await?;
    pays(stage, json!({})).await
}

/// Logs in, and again where the log-in is lost with the process that had it; then orders.
async fn from_the_page(stage: &Stage) -> Result<(), String> {
    stage.begin();
    let mut token = Value::Null;
    let mut told = None;
    stage
        .until("the page orders", async || {
            if token.is_null() {
                let code = stage.play("login", json!({"openid": "alice"})).await;
                let page = stage.page("/login/", &json!({"code": code["code"]})).await;
                token = page.map(|mut page| page.data["token"].take()).unwrap_or_default();
                return false;
            }
            let order = json!({
                "money": 10_000, "token": token, "merchant_id": "shop", "order_no": "A0001",
            });
            let Some(page) = stage.page("/pay/", &order).await else { return false };
            if page.code == Some(2) {
                token = Value::Null;
                return false;
            }
            told = Some(page);
            true
        })
        .await?;
    let told = told.filter(|page| page.code == Some(0)).ok_or("/pay/ was refused")?;
    stage.play("pay", told.data).await;
    pays(stage, json!({})).await
}

async fn under_a_key(stage: &Stage) -> Result<(), String> {
    stage.begin();
    let order = json!({"amount_fen": 10_000, "description": "tea", "openid": "alice"});
    let path = "merchants/shop/orders";
    let once = stage.ask_as(stage.admin(), path, &order, Some("a key")).await?;
    let again = stage.ask_as(stage.admin(), path, &order, Some("a key")).await?;
    let number = &once["order_no"];
    if again["order_no"] != *number {
        return Err(format!("one key, two orders: {number} and {}", again["order_no"]));
    }
    let number = number.as_str().ok_or("no number")?;
    stage.play(&format!("orders/shop-{number}/pay"), json!({})).await;
    stage.comes("balance", "paid_fen", 10_000).await?;
    let orders = stage.read("merchants/shop/orders").await?;
    match orders["items"].as_array().map(Vec::len) {
        Some(1) => Ok(()),
        count => Err(format!("{count:?} orders")),
    }
}

async fn external(stage: &Stage) -> Result<(), String> {
    stage.begin();
    external_paid(stage).await?;
    stage.is("balance", &[("pending_fen", json!(9_940)), ("paid_orders", json!(1))]).await
}

async fn expired(stage: &Stage) -> Result<(), String> {
    stage.begin();
    opened(stage).await?;
    stage.jump(CLOSABLE_S).await?;
    stage.comes("orders/A0001", "status", "closed").await?;
    is_closed_there(stage).await
}

async fn closed(stage: &Stage) -> Result<(), String> {
    stage.begin();
    opened(stage).await?;
    stage.jump(CLOSABLE_S).await?;
    stage.shop("orders/A0001/close", json!({})).await?;
    stage.comes("orders/A0001", "status", "closed").await?;
    is_closed_there(stage).await
}

/// WeChat closes nothing in the first five minutes: it is promised, and kept.
async fn closed_early(stage: &Stage) -> Result<(), String> {
    stage.begin();
    opened(stage).await?;
    stage.shop("orders/A0001/close", json!({})).await?;
    stage.jump(CLOSABLE_S).await?;
    stage.comes("orders/A0001", "status", "closed").await?;
    is_closed_there(stage).await
}

/// A customer who was in the cashier when it was closed.
async fn paid_late(stage: &Stage) -> Result<(), String> {
    stage.begin();
    opened(stage).await?;
    stage.jump(CLOSABLE_S).await?;
    stage.shop("orders/A0001/close", json!({})).await?;
    stage.comes("orders/A0001", "status", "closed").await?;
    pays(stage, json!({"late": true})).await?;
    super::one_case(stage, "paid_after_close").await
}

async fn is_closed_there(stage: &Stage) -> Result<(), String> {
    let theirs = stage.world.orders("shop").await;
    match theirs.get("A0001") {
        Some(order) if order["status"] == "closed" => Ok(()),
        other => Err(format!("at WeChat it is {other:?}")),
    }
}
