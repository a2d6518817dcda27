//! Clerks: they give customers their money back, here and by hand at WeChat, freeze and unfreeze, and close cases.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::api::{Api, Reply};
use super::history;
use super::people::{Notes, PAUSE, Sold};
use super::traffic::{Call, Name, What};
use super::world::World;
use crate::history::{Answer, Desk, Request, Thing};
use crate::random::Random;

/// Answers that a clerk must live with: an order may not be known as paid yet, a merchant may have no money left, another clerk
/// may have closed the case.
const REFUSALS: [&str; 5] =
    ["order_not_paid", "balance_insufficient", "case_resolved", "unavailable", "outcome_unknown"];

/// The clerk of one merchant.
pub(super) struct Clerk<'a> {
    pub(super) world: &'a World,
    pub(super) api: Api,
    pub(super) shop: &'static str,
    /// What the refunds' numbers begin with.
    pub(super) name: String,
    pub(super) notes: Notes,
    pub(super) random: Random,
}

impl Clerk<'_> {
    /// Works until the server is gone. An error: an answer that must not be.
    pub(super) async fn work(mut self) -> Result<(), String> {
        for number in 0_u64.. {
            let there = match self.random.below(100) {
                0..60 => self.refund(number).await?,
                60..70 => self.refund_by_hand().await,
                70..78 => self.freeze_a_while().await?,
                _ => self.close_a_case().await?,
            };
            if !there {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Gives all or a part of an order's money back; some ask twice. `false`: there is no answer.
    async fn refund(&mut self, number: u64) -> Result<bool, String> {
        let Some(sold) = self.notes.take_sold(self.shop, &mut self.random) else {
            return Ok(true);
        };
        let all = self.random.percent(50);
        let amount = if all { sold.fen } else { 1 + self.random.below(sold.fen) };
        let name = Name::Number(format!("{}{number:06}", self.name));
        let what = What::Refund { name, order_no: sold.order_no.clone(), amount };
        for _ in 0..=u64::from(self.random.percent(25)) {
            let Some(reply) = self.ask(&what).await? else { return Ok(false) };
            if reply.code() == "order_not_paid" {
                self.notes.sold(sold);
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// A person refunds in WeChat's merchant platform, and WeChat tells of it.
    async fn refund_by_hand(&mut self) -> bool {
        let Some(Sold { shop, order_no, fen }) = self.notes.take_sold(self.shop, &mut self.random)
        else {
            return true;
        };
        let path = format!("orders/{}{order_no}/refund", World::order_prefix(shop));
        let notify_url = format!("{}/notify/{shop}/refund", self.world.public_url());
        let made = json!({"amount_fen": 1 + self.random.below(fen), "notify_url": notify_url});
        self.world.sandbox(Method::POST, &path, &made).await;
        true
    }

    async fn freeze_a_while(&self) -> Result<bool, String> {
        for frozen in [true, false] {
            if self.ask(&What::Stand { frozen }).await?.is_none() {
                return Ok(false);
            }
            sleep(PAUSE).await;
        }
        Ok(true)
    }

    /// Looks for an open case, and resolves it.
    async fn close_a_case(&self) -> Result<bool, String> {
        let path = format!("cases?merchant_id={}&status=open&limit=1", self.shop);
        let Ok(open) = self.api.read(&path).await else { return Ok(false) };
        let Some(case_id) = open.body["items"][0]["case_id"].as_str() else { return Ok(true) };
        let request = Request::Desk(Desk::Resolve { case_id: case_id.to_owned(), remedy: None });
        let place = self.notes.read().asked(self.shop, request);
        let note = json!({"note": "looked at"});
        let asked = self.api.post(&format!("cases/{case_id}/resolve"), &note, None).await;
        let Ok(reply) = asked else { return Ok(false) };
        let done = Answer::Done { fresh: false, thing: Thing::Unseen };
        let told = if reply.is_success() { done } else { history::refusal(&reply) };
        self.notes.read().heard(place, told);
        must_live_with(&reply, &Value::from(case_id))?;
        Ok(true)
    }

    async fn ask(&self, what: &What) -> Result<Option<Reply>, String> {
        ask(&self.api, self.shop, what, &self.notes).await
    }
}

/// Asks, and notes it. `None`: there is no answer. An error: an answer that must not be.
pub(super) async fn ask(
    api: &Api,
    merchant: &'static str,
    what: &What,
    notes: &Notes,
) -> Result<Option<Reply>, String> {
    let place = notes.read().asked(merchant, history::request(what));
    let call = Call { merchant, what: what.clone() };
    let Ok(reply) = call.send(api).await else { return Ok(None) };
    notes.read().heard(place, history::answer(what, &reply));
    must_live_with(&reply, &format!("{call:?}"))?;
    Ok(Some(reply))
}

fn must_live_with(reply: &Reply, asked: &dyn std::fmt::Debug) -> Result<(), String> {
    if reply.is_success() || REFUSALS.contains(&reply.code()) {
        return Ok(());
    }
    Err(format!("{asked:?} was answered {reply:?}"))
}
