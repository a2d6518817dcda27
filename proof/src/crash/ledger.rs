//! What the callers know: every answer that was acknowledged, kept outside of the server, to be held against its books.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::api::{Api, Reply};
use super::history;
use super::traffic::{Call, Name, What};
use super::transcript::Transcript;
use crate::random::Random;

/// Merchant and number.
pub(super) type Key = (&'static str, String);

/// How often an answer that is not final is asked for again before that is a fault.
const ASK_MAX: usize = 50;

/// How many acknowledged calls are asked again at a time.
const TWICE: usize = 20;

/// What became of a call.
#[derive(Debug)]
pub enum Heard {
    /// A success, with the thing it was about.
    Done(Value),
    /// A refusal.
    Refused,
    /// To be asked again: busy, unavailable, or nobody knows.
    NotFinal,
    /// No answer.
    Nothing,
}

/// All acknowledged answers, and the calls of which nobody knows what became.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// How many loads wrote to it.
    loads: u64,
    pub(super) opened: HashMap<Key, u64>,
    pub(super) paid: HashMap<Key, u64>,
    pub(super) closed: HashMap<Key, ()>,
    pub(super) settled: HashMap<Key, Value>,
    pub(super) withdrawn: HashMap<Key, u64>,
    pub(super) confirmed: HashMap<Key, bool>,
    /// The order and the amount of each.
    pub(super) refunded: HashMap<Key, (String, u64)>,
    /// The number that was made for a caller's key, by route.
    numbers: HashMap<(&'static str, &'static str, String), String>,
    pub(super) settled_first: usize,
    /// Calls that recorded something and were told so.
    acknowledged: Vec<Call>,
    /// Calls without a final answer, to be asked again.
    pub unknown: Vec<Call>,
    /// How many answers were not final: busy, unavailable, or that nobody knows.
    pub not_final: usize,
    /// How many calls got no answer.
    pub unanswered: usize,
    /// The longest that a call of a load took to be answered.
    pub slowest: Duration,
    /// All that was asked and heard.
    pub transcript: Transcript,
    /// What must not be: an answer that does not fit an earlier one, or that nobody should get.
    pub faults: Vec<String>,
}

impl Ledger {
    /// Names for the clients of another load, which no client had before.
    pub fn names(&mut self, clients: u64) -> Vec<String> {
        self.loads += 1;
        (0..clients).map(|client| format!("k{:03}x{client:03}", self.loads)).collect()
    }

    /// How many things it knows of.
    #[allow(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        let orders = self.opened.len() + self.paid.len() + self.closed.len();
        orders + self.settled.len() + self.withdrawn.len() + self.refunded.len()
    }

    /// Notes that a call is about to be sent; its place in the transcript.
    pub fn asked(&mut self, call: &Call) -> usize {
        self.transcript.asked(call.merchant, history::request(&call.what))
    }

    /// Takes the answer to the call at `place`, or that there was none.
    pub fn heard(
        &mut self,
        place: usize,
        call: &Call,
        answer: Result<Reply, reqwest::Error>,
    ) -> Heard {
        self.note(place, call, &answer);
        let Ok(reply) = answer else {
            self.unanswered += 1;
            return Heard::Nothing;
        };
        if reply.is_not_final() {
            self.not_final += 1;
            return Heard::NotFinal;
        }
        if !call.expects(&reply) {
            self.faults.push(format!("{call:?} was answered {reply:?}"));
        }
        if !reply.is_success() {
            return Heard::Refused;
        }
        if let Some(fault) = self.record(call, &reply.body) {
            self.faults.push(format!("{call:?} was answered {reply:?}: {fault}"));
        }
        if !nothing_made(call, &reply.body) && !matches!(call.what, What::Stand { .. } | What::Read)
        {
            self.acknowledged.push(call.clone());
        }
        Heard::Done(reply.body)
    }

    fn note(&mut self, place: usize, call: &Call, answer: &Result<Reply, reqwest::Error>) {
        if let Ok(reply) = answer {
            self.transcript.heard(place, history::answer(&call.what, reply));
        }
    }

    fn record(&mut self, call: &Call, thing: &Value) -> Option<String> {
        let merchant = call.merchant;
        let number = |field: &str| (merchant, thing[field].as_str().unwrap_or_default().to_owned());
        match &call.what {
            What::Open { name, amount } => {
                let key = number("order_no");
                let fault = self.check_name("orders", merchant, name, &key.1);
                fault.or(self.opened.insert(key, *amount).and_then(differs(*amount)))
            }
            What::Pay { order_no, amount, .. } => {
                self.paid.insert((merchant, order_no.clone()), *amount);
                (thing["status"] != "paid").then(|| "it is not paid".to_owned())
            }
            What::Close { order_no } => {
                self.closed.insert((merchant, order_no.clone()), ());
                (thing["status"] != "closed").then(|| "it is not closed".to_owned())
            }
            What::Settle { .. } if nothing_made(call, thing) => None,
            What::Settle { name, .. } => {
                let key = number("settlement_no");
                let fault = self.check_name("settlements", merchant, name, &key.1);
                fault.or(self.settled.insert(key, thing.clone()).and_then(differs(thing.clone())))
            }
            What::Withdraw { name, settle_first, .. } => {
                let key = number("withdrawal_no");
                let amount = thing["amount_fen"].as_u64()?;
                let fault = self.check_name("withdrawals", merchant, name, &key.1);
                let before = self.withdrawn.insert(key, amount);
                self.settled_first += usize::from(*settle_first && before.is_none());
                fault.or(before.and_then(differs(amount)))
            }
            What::Refund { name, order_no, amount } => {
                let key = number("refund_no");
                let fault = self.check_name("refunds", merchant, name, &key.1);
                let made = (order_no.clone(), *amount);
                let fault =
                    fault.or(self.refunded.insert(key, made.clone()).and_then(differs(made)));
                let done = thing["status"] == "succeeded";
                fault.or((!done).then(|| "external money is refunded at once".to_owned()))
            }
            What::Stand { .. } | What::Read => None,
            What::Confirm { withdrawal_no, succeeded } => {
                self.confirmed.insert((merchant, withdrawal_no.clone()), *succeeded);
                let status = if *succeeded { "succeeded" } else { "failed" };
                (thing["status"] != status).then(|| format!("it is not {status}"))
            }
        }
    }

    /// A chosen number is the answer's; a key always means the same number.
    fn check_name(
        &mut self,
        route: &'static str,
        merchant: &'static str,
        name: &Name,
        number: &str,
    ) -> Option<String> {
        match name {
            Name::Number(chosen) => {
                (chosen != number).then(|| format!("it was asked for as {chosen}"))
            }
            Name::Key(key) => {
                let before = self.numbers.insert((merchant, route, key.clone()), number.into());
                before.and_then(differs(number.to_owned()))
            }
        }
    }

    /// Asks again for all that is unknown, with the same numbers and keys, until each has a final answer.
    pub async fn ask_again(&mut self, api: &Api) {
        for _ in 0..ASK_MAX {
            for call in std::mem::take(&mut self.unknown) {
                self.ask(call, api).await;
            }
            if self.unknown.is_empty() {
                return;
            }
        }
        let still = std::mem::take(&mut self.unknown);
        self.faults.push(format!("{} calls got no final answer: {:?}", still.len(), still[0]));
    }

    /// Asks some acknowledged calls again: as they were, which must give the recorded answer, and under the same number or
    /// key with other content, which must be refused.
    pub async fn ask_twice(&mut self, api: &Api, random: &mut Random) {
        for _ in 0..TWICE.min(self.acknowledged.len()) {
            let call = random.of(&self.acknowledged).clone();
            self.ask(call.clone(), api).await;
            let Some(other) = call.with_other_content() else { continue };
            let place = self.asked(&other);
            let answer = other.send(api).await;
            self.note(place, &other, &answer);
            match answer {
                Ok(reply) if reply.status == 409 => {}
                answer => self.faults.push(format!("{other:?} after {call:?}: {answer:?}")),
            }
        }
    }

    /// Asks once. What gets no final answer is unknown.
    async fn ask(&mut self, call: Call, api: &Api) {
        let place = self.asked(&call);
        let answer = call.send(api).await;
        match self.heard(place, &call, answer) {
            Heard::Done(_) | Heard::Refused => {}
            Heard::NotFinal | Heard::Nothing => self.unknown.push(call),
        }
    }
}

/// Whether a settlement found nothing to settle: nothing is recorded, and its number stays free.
fn nothing_made(call: &Call, thing: &Value) -> bool {
    matches!(call.what, What::Settle { .. }) && thing["settlement_no"].is_null()
}

/// A fault when what was acknowledged before is not what is acknowledged now.
fn differs<T: PartialEq + std::fmt::Debug>(now: T) -> impl FnOnce(T) -> Option<String> {
    move |before| (before != now).then(|| format!("the answer before was {before:?}"))
}
