//! What the callers know: every answer that was acknowledged, kept outside of the server, to be held against its books.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::api::{Api, Reply};
use super::books::Books;
use super::history;
use super::traffic::{Call, MERCHANTS, Name, RULES, What, transaction_of};
use super::transcript::Transcript;
use crate::random::Random;

/// Merchant and number.
type Key = (&'static str, String);

/// How often an answer that is not final is asked for again before that is a fault.
const ASK_MAX: usize = 50;

/// How many acknowledged calls are asked again at a time.
const TWICE: usize = 20;

/// Settlements of one merchant that the settler may have made: one a day where the rules name a number of days, and a run may see
/// two days. The auditor judges each by its key.
const SETTLED_BY_ITSELF_MAX: usize = 2;

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
    opened: HashMap<Key, u64>,
    paid: HashMap<Key, u64>,
    closed: HashMap<Key, ()>,
    settled: HashMap<Key, Value>,
    withdrawn: HashMap<Key, u64>,
    confirmed: HashMap<Key, bool>,
    /// The number that was made for a caller's key, by route.
    numbers: HashMap<(&'static str, &'static str, String), String>,
    settled_first: usize,
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
        orders + self.settled.len() + self.withdrawn.len()
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
        if !nothing_made(call, &reply.body) && !matches!(call.what, What::Read) {
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
            What::Read => None,
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

    /// Holds the ledger against a merchant's books: nothing acknowledged is missing, and nothing is there that was not
    /// acknowledged, so call it when no call that may have been taken is unknown.
    pub fn faults_of(&self, books: &Books) -> Vec<String> {
        let mut faults = self.missing(books);
        faults.extend(self.unasked(books));
        faults
    }

    /// What was acknowledged and is not in the books. Calls may be unknown.
    pub fn missing(&self, books: &Books) -> Vec<String> {
        let of = |key: &Key| key.0 == books.merchant;
        let mut faults = vec![];
        let mut missing = |what: &str, key: &Key| faults.push(format!("{what} {key:?} is lost"));
        let orders: HashMap<_, _> = books.orders.iter().map(|o| (o.order_no.as_str(), o)).collect();
        for (key, amount) in self.opened.iter().filter(|(key, _)| of(key)) {
            match orders.get(key.1.as_str()) {
                Some(order) if order.amount_fen == *amount => {}
                _ => missing("order", key),
            }
        }
        for (key, _) in self.paid.iter().filter(|(key, _)| of(key)) {
            let transaction = Some(transaction_of(&key.1));
            match orders.get(key.1.as_str()) {
                Some(order) if order.status == "paid" && order.transaction_id == transaction => {}
                _ => missing("payment of", key),
            }
        }
        for (key, ()) in self.closed.iter().filter(|(key, ())| of(key)) {
            match orders.get(key.1.as_str()) {
                Some(order) if order.status == "closed" => {}
                _ => missing("closing of", key),
            }
        }
        let settlements: HashMap<_, _> = books
            .settlements
            .iter()
            .map(|(s, listed, _)| (s.settlement_no.as_str(), listed))
            .collect();
        for (key, answer) in self.settled.iter().filter(|(key, _)| of(key)) {
            if settlements.get(key.1.as_str()) != Some(&answer) {
                missing("settlement", key);
            }
        }
        let withdrawals: HashMap<_, _> =
            books.withdrawals.iter().map(|w| (w.withdrawal_no.as_str(), w)).collect();
        for (key, amount) in self.withdrawn.iter().filter(|(key, _)| of(key)) {
            let expected = match self.confirmed.get(key) {
                None if self.may_be_confirmed(key) => None,
                None => Some("requested"),
                Some(true) => Some("succeeded"),
                Some(false) => Some("failed"),
            };
            match withdrawals.get(key.1.as_str()) {
                Some(found)
                    if found.amount_fen == *amount
                        && expected.is_none_or(|expected| found.status == expected) => {}
                _ => missing("withdrawal", key),
            }
        }
        faults
    }

    /// Whether somebody asked to confirm a withdrawal and got no answer.
    fn may_be_confirmed(&self, (merchant, number): &Key) -> bool {
        self.unknown.iter().any(|call| {
            let confirms = |no: &String| call.merchant == *merchant && no == number;
            matches!(&call.what, What::Confirm { withdrawal_no, .. } if confirms(withdrawal_no))
        })
    }

    /// What is in the books although nobody got an answer about it, and nothing is unknown any more.
    fn unasked(&self, books: &Books) -> Vec<String> {
        let mut faults = vec![];
        let key = |number: &str| (books.merchant, number.to_owned());
        for order in &books.orders {
            let no = key(&order.order_no);
            if !self.opened.contains_key(&no) {
                faults.push(format!("nobody asked for order {no:?}"));
            }
            if order.status == "paid" && !self.paid.contains_key(&no) {
                faults.push(format!("nobody paid order {no:?}"));
            }
        }
        for withdrawal in &books.withdrawals {
            let no = key(&withdrawal.withdrawal_no);
            if !self.withdrawn.contains_key(&no) {
                faults.push(format!("nobody asked for withdrawal {no:?}"));
            }
        }
        let unnamed = books.settlements.iter();
        let unnamed =
            unnamed.filter(|(s, _, _)| !self.settled.contains_key(&key(&s.settlement_no))).count();
        let has_days = MERCHANTS
            .iter()
            .zip(RULES)
            .any(|(of, (_, days))| *of == books.merchant && days.is_some());
        let by_itself = if has_days { SETTLED_BY_ITSELF_MAX } else { 0 };
        if unnamed > self.settled_first + by_itself {
            faults.push(format!(
                "{unnamed} settlements of {} were not asked for; {} withdrawals settled first",
                books.merchant, self.settled_first
            ));
        }
        faults
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
