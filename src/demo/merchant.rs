//! A merchant of the demo: settles and withdraws while customers pay.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tally_actors::domain::ids::MerchantId;
use tokio::time::sleep;

use super::Town;
use super::limits::{ASK_AGAIN_MS, ASK_MAX, WORK_MS};
use super::random::Random;
use super::score::count;
use super::wire::Reply;
use crate::cli::Failure;

/// Settlement rules of the merchants, in turn: two on demand, one with T+0, one with T+1.
const RULES: [(u32, Option<u8>); 4] = [(60, None), (0, None), (33, Some(0)), (125, Some(1))];

/// One merchant.
pub(super) struct Merchant {
    /// What all share.
    pub(super) town: Arc<Town>,
    /// The merchant's choices.
    pub(super) random: Random,
    /// The merchant's id.
    pub(super) id: MerchantId,
    made: u32,
}

impl Merchant {
    /// A merchant who has not yet done anything.
    pub(super) fn new(town: Arc<Town>, random: Random, id: MerchantId) -> Self {
        Self { town, random, id, made: 0 }
    }

    /// Registers the merchant, the `number`th of the town.
    pub(super) async fn register(&mut self, number: usize) -> Result<(), Failure> {
        let (fee_bp, days) = RULES[number % RULES.len()];
        let body = json!({
            "merchant_id": self.id.as_str(), "name": format!("Shop {}", number + 1), "fee_bp": fee_bp,
            "settle_after_days": days, "payout_method": "wechat",
            "payout_openid": format!("owner-of-{}", self.id),
        });
        let reply = self.ask("merchants".into(), &body).await?;
        if reply.is_success() { Ok(()) } else { Err(refused("a registration", &reply)) }
    }

    /// Settles and withdraws until the demo is over.
    pub(super) async fn run(mut self) {
        while !self.town.score.is_over() {
            self.pause(WORK_MS).await;
            let done =
                if self.random.percent(65) { self.settle().await } else { self.withdraw().await };
            if let Err(failure) = done {
                self.town.score.fault(format!("{}: {failure}", self.id));
            }
        }
    }

    async fn settle(&mut self) -> Result<(), Failure> {
        let body = json!({"settlement_no": self.number('s')});
        let reply = self.ask(format!("merchants/{}/settlements", self.id), &body).await?;
        if !reply.is_success() {
            return Err(refused("a settlement", &reply));
        }
        if reply.body["settlement_no"].is_string() {
            count(&self.town.score.settlements);
        }
        if let Some(naive) = &self.town.naive {
            self.town.went_well(naive.settle(&self.id).await);
        }
        Ok(())
    }

    /// Takes out all there is. That there is nothing, or too little for WeChat, is no fault.
    async fn withdraw(&mut self) -> Result<(), Failure> {
        let first = self.random.percent(50);
        let body = json!({"withdrawal_no": self.number('w'), "all": true, "settle_first": first});
        let reply = self.ask(format!("merchants/{}/withdrawals", self.id), &body).await?;
        match reply.code() {
            _ if reply.is_success() => count(&self.town.score.withdrawals),
            "balance_insufficient" | "withdrawal_below_min" => {}
            _ => return Err(refused("a withdrawal", &reply)),
        }
        if let Some(naive) = &self.town.naive {
            if first {
                self.town.went_well(naive.settle(&self.id).await);
            }
            self.town.went_well(naive.withdraw(&self.id).await);
        }
        Ok(())
    }

    /// A number that this merchant has not used.
    fn number(&mut self, kind: char) -> String {
        self.made += 1;
        format!("{kind}{:07}", self.made)
    }

    /// A call, made again under the same number while it has no final answer.
    async fn ask(&mut self, path: String, body: &Value) -> Result<Reply, Failure> {
        for _ in 0..ASK_MAX {
            let reply = self.town.wire.post(&path, body).await?;
            if !reply.is_open() {
                return Ok(reply);
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

fn refused(what: &str, reply: &Reply) -> Failure {
    format!("{what} was answered {} {}", reply.status, reply.body).into()
}
