//! A customer of the demo: logs in, hands over the profile, then buys and pays, over and over, as the mini-program's page does.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tally_actors::domain::money::Money;
use tokio::time::sleep;

use super::Town;
use super::limits::{AMOUNT_FEN, ASK_AGAIN_MS, ASK_MAX, LOOK_AROUND_MS};
use super::random::Random;
use super::score::count;
use super::shadow::Shadow;
use super::wire::Reply;
use crate::cli::Failure;

/// How often a customer's page asks whether the order is paid, at the most.
const LOOKS: u32 = 5;

/// One customer.
pub(super) struct Customer {
    /// What all share.
    pub(super) town: Arc<Town>,
    /// The customer's choices.
    pub(super) random: Random,
    /// The customer's openid.
    pub(super) openid: String,
}

impl Customer {
    /// Buys until the demo is over.
    pub(super) async fn run(mut self) {
        if let Err(failure) = self.live().await {
            self.town.score.fault(format!("{}: {failure}", self.openid));
        }
    }

    async fn live(&mut self) -> Result<(), Failure> {
        let token = self.log_in().await?;
        while !self.town.score.is_over() {
            self.buy(&token).await?;
            self.pause(LOOK_AROUND_MS).await;
        }
        Ok(())
    }

    async fn log_in(&mut self) -> Result<String, Failure> {
        let who = json!({"openid": self.openid});
        let code = self.town.wire.sandbox(Method::POST, "login", &who).await?;
        let session = self.ask("/login/", json!({"code": code["code"]})).await?;
        let token = session["token"].as_str().ok_or("/login/ gave no token")?.to_owned();
        let sealed =
            json!({"iv": code["iv"], "encryptedData": code["encryptedData"], "token": token});
        let profile = self.ask("/getinfo/", sealed).await?;
        if profile["openId"] != json!(self.openid) {
            return Err(format!("/getinfo/ gave the profile of {}", profile["openId"]).into());
        }
        Ok(token)
    }

    /// One order: some are never paid, some are looked at until they are.
    async fn buy(&mut self, token: &str) -> Result<(), Failure> {
        let shop = self.town.shop(&mut self.random);
        let amount =
            Money::from_fen(self.random.within(AMOUNT_FEN)).ok_or("an amount too large")?;
        let order = json!({"money": amount.fen(), "token": token, "merchant_id": shop.as_str()});
        let params = self.ask("/pay/", order).await?;
        let order_no = params["order_no"].as_str().ok_or("/pay/ gave no order_no")?.to_owned();
        let parsed = order_no.parse().map_err(|_| format!("/pay/ gave the order_no {order_no}"))?;
        let mut shadow = Shadow::of(&self.town, shop, parsed);
        shadow.open(amount).await;
        if self.random.percent(3) {
            return Ok(()); // changed their mind
        }
        self.town.wire.sandbox(Method::POST, "pay", &params).await?;
        count(&self.town.score.payments);
        shadow.pay().await;
        let asked = json!({"token": token, "order_no": order_no, "merchant_id": shop.as_str()});
        if self.random.percent(25) { self.look(asked).await } else { Ok(()) }
    }

    /// Asks as the page does after `wx.requestPayment`. That the answer is soon `paid` is not asked for: the notice may be lost.
    async fn look(&mut self, asked: Value) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            let order = self.ask("/order/", asked.clone()).await?;
            match order["status"].as_str() {
                Some("paid") => return Ok(()),
                Some("open") => self.pause(ASK_AGAIN_MS).await,
                _ => return Err(format!("a paid order is {order}").into()),
            }
        }
        Ok(())
    }

    /// A call of the mini-program, made again while it has no final answer, under the number that it got.
    async fn ask(&mut self, path: &str, mut body: Value) -> Result<Value, Failure> {
        for _ in 0..ASK_MAX {
            let mut reply = self.town.wire.page(path, &body).await?;
            match reply.body["code"].as_u64() {
                Some(0) => return Ok(reply.body["data"].take()),
                Some(8) => {
                    if let Value::String(order_no) = reply.body["data"]["order_no"].take() {
                        body["order_no"] = json!(order_no);
                    }
                }
                _ if reply.is_open() => {}
                _ => {
                    let Reply { status, body } = reply;
                    return Err(format!("{path} was answered {status} {body}").into());
                }
            }
            count(&self.town.score.repeats);
            self.pause(ASK_AGAIN_MS).await;
        }
        Err(format!("{path} had no final answer after {ASK_MAX} tries").into())
    }

    async fn pause(&mut self, ms: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.random.within(ms))).await;
    }
}
